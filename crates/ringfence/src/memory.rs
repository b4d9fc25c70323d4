//! The memory of the program and of the C libraries in it: glibc keeps what a crowd took of OpenSSL for good, in pieces between others;
//! jemalloc gives it back. On other systems it is that of the system.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// From now on what nobody uses goes back to the system within some seconds, also when nothing happens: a thread sees to it. Whoever
/// gives up rights does it before, because each thread has its own.
///
/// # Errors
/// Why not; memory goes back when something happens then.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() -> Result<(), String> {
    tikv_jemalloc_ctl::background_thread::write(true).map_err(|error| error.to_string())
}

/// Nothing to do.
///
/// # Errors
/// None.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() -> Result<(), String> {
    Ok(())
}
