//! The project's own commands. `cargo xtask` alone lists them.
//!
//! Needs nothing but Rust: what a command needs beyond that it installs itself, and says so.
//!
//! * [`setup`], [`packages`], [`machine`]: what this machine lacks, and what we do about it
//! * [`lab`], [`mod@test`], [`fuzz`], [`attack`], [`peers`]: the commands that run things
//! * [`deps`] with [`graph`], [`directions`], [`licences`], [`advisories`], [`manifests`], [`habits`], [`circles`], [`sources`], [`wayfinder`]: the checks of the architecture

mod advisories;
mod attack;
mod circles;
mod deps;
mod directions;
mod fuzz;
mod graph;
mod habits;
mod lab;
mod licences;
mod machine;
mod manifests;
mod packages;
mod peers;
mod process;
mod setup;
mod sources;
mod stop;
mod test;
mod wayfinder;

use std::process::ExitCode;

use stop::Stop;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  lab [ARGUMENTS]    install what the build needs, then run `ringfence lab` with these arguments
  test               install what the tests need, then run every check; --list names them, --only STEP picks
  deps               directions between crates, licences, advisories, dependencies, habits, citations
  habits             what the habits count: public methods of the cluster, circles of files with what ties them
  fuzz [TARGET [S]]  fuzz every target for six seconds, or one for S seconds; --list names them
  attack [ARGUMENTS] attack a node with every load, beside good clients, and print a table (20 minutes);
                     --quick takes seconds for each, --loads NAME,... picks
  bench-peers [ARGUMENTS]
                     measure TFTP beside tftpd-hpa, atftpd and dnsmasq, unpacked from Debian's packages

Exit codes: 0 yes, 1 no, 2 could not tell, 64 wrong usage; `lab` ends with the exit code of the lab.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            eprintln!("xtask: {stop}");
            ExitCode::from(stop.code())
        }
    }
}

fn command(arguments: &[String]) -> Result<(), Stop> {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(Stop::usage(format!("a command is missing\n\n{USAGE}")));
    };
    match (name.as_str(), rest) {
        ("lab", _) => lab::lab(rest),
        ("test", _) => test::test(rest),
        ("deps", []) => deps::deps(),
        ("habits", []) => habits::print(),
        ("fuzz", _) => fuzz::fuzz(rest),
        ("attack", _) => attack::attack(rest),
        ("bench-peers", _) => peers::bench(rest),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(())
        }
        ("deps" | "habits", _) => Err(Stop::usage(format!("`cargo xtask {name}` takes no arguments"))),
        _ => Err(Stop::usage(format!("there is no command `{name}`\n\n{USAGE}"))),
    }
}
