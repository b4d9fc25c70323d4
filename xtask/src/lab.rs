//! `cargo xtask lab`: set-up, then `ringfence lab` with the same arguments, from the folder we were called in.
//!
//! It builds without optimisation: the first build takes half the time of an optimised one, and the lab spends its time
//! in OpenSSL and in waiting, not in our code.

use std::os::unix::process::CommandExt;

use crate::machine::Here;
use crate::packages::Need;
use crate::process::{cargo, root, shown};
use crate::setup::{prepare, prepare_if_possible};
use crate::stop::Stop;

/// Replaces this process, so that signals, the terminal and the exit code are those of the lab.
pub fn lab(arguments: &[String]) -> Result<(), Stop> {
    let openssl = prepare(&Here, &[Need::Build])?;
    prepare_if_possible(&Here, &[Need::Tokens]);
    let mut command = cargo();
    if let Ok(folder) = std::env::current_dir() {
        command.current_dir(folder);
    }
    command.args(["run", "--locked", "--package", "ringfence", "--manifest-path"]).arg(root().join("Cargo.toml"));
    command.args(openssl.cargo_arguments()).args(["--", "lab"]).args(arguments);
    println!("Building ringfence, then starting its lab (the first build takes a few minutes, the next one seconds).");
    println!("$ {}", shown(&command));
    let error = command.exec();
    Err(Stop::unable(format!("`{}` cannot be started: {error}; see that cargo is in the search path", shown(&command))))
}
