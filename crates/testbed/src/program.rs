//! Programs that nobody here wrote.

use std::process::Command;

/// Runs the command line of OpenSSL, which has to end well; what it printed.
pub fn openssl(arguments: &[&str]) -> Vec<u8> {
    let run = Command::new("openssl").args(arguments).output();
    let run = run.unwrap_or_else(|error| panic!("openssl: {error}; install the Debian package openssl"));
    assert!(run.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}
