//! `cargo xtask bench-peers`: TFTP beside the servers that Debian ships.
//!
//! The benchmark fetches the packages and unpacks them without installing: two of them exclude each other, and none
//! shall be started by the system. What they need, the libraries and fresh package lists, is made ready here.

use crate::machine::Here;
use crate::packages::Need;
use crate::process::{cargo, run};
use crate::setup::{OpenSsl, installer, prepare, update_lists};
use crate::stop::Stop;

/// Runs the benchmark with these arguments.
pub fn bench(arguments: &[String]) -> Result<(), Stop> {
    let openssl = prepare(&Here, &[Need::Build, Need::Peers])?;
    if let Some(installer) = installer(&Here) {
        update_lists(installer)?;
    }
    let mut command = cargo();
    command.args(["bench", "--locked", "--package", "daemon", "--bench", "tftp"]);
    if openssl == OpenSsl::Vendored {
        // ringfence is not built here, so the feature is named by the crate that has it
        command.args(["--features", "pki/vendored"]);
    }
    if !arguments.is_empty() {
        command.arg("--").args(arguments);
    }
    run(&mut command, "what it printed up to there stands; the last line names what failed")
}
