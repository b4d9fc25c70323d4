//! `cargo xtask attack`: builds the program as it is measured, then starts the campaign against it.

use crate::machine::Here;
use crate::packages::Need;
use crate::process::{cargo, run};
use crate::setup::prepare;
use crate::stop::Stop;

/// Runs the campaign with these arguments.
pub fn attack(arguments: &[String]) -> Result<(), Stop> {
    let openssl = prepare(&Here, &[Need::Build])?;
    let built = ["--locked", "--profile", "bench", "--package", "ringfence"];
    let mut command = cargo();
    command.arg("build").args(built).args(["--bin", "ringfence"]).args(openssl.cargo_arguments());
    run(&mut command, "the campaign needs the program")?;
    let mut command = cargo();
    command.arg("run").args(built).args(["--example", "attack"]).args(openssl.cargo_arguments());
    command.arg("--").args(arguments);
    run(&mut command, "the lines below the table name the goals that were missed")
}
