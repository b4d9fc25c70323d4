//! The campaign: a node that runs, each load of `phone::misbehave::load` against it with good clients of every server before, during and
//! after, then kills, power cuts and a full disk. Prints one table; a goal that was missed is a line below it.
//!
//! `cargo xtask attack` starts it; `--loads NAME,...` picks, `--quick` takes seconds for each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a campaign may stop at the first surprise
#![allow(clippy::disallowed_methods)] // it measures with the clock

mod ends;
mod node;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use phone::misbehave::campaign::{HEAD, Row, Times, measure};
use phone::misbehave::load::{LARGE, Load};

use crate::node::Node;

/// Bytes of the large file: that of a firmware image.
const FIRMWARE: usize = 120 << 20;

/// Loads that are no crowd.
const ENDS: [&str; 3] = ["kills", "power-cuts", "full-disk"];

const USAGE: &str = "usage: attack [--quick] [--loads NAME,...] [--program FILE]";

struct Wish {
    quick: bool,
    loads: Vec<String>,
    program: PathBuf,
}

fn wish() -> Result<Wish, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let built = own.ancestors().nth(2).ok_or("this program stands in no build folder")?.join("ringfence");
    let all = Load::ALL.map(Load::label).into_iter().chain(ENDS).map(str::to_owned);
    let mut wish = Wish { quick: false, loads: all.clone().collect(), program: built };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => wish.quick = true,
            "--loads" => {
                let names = arguments.next().ok_or("--loads wants names")?;
                wish.loads = names.split(',').map(str::to_owned).collect();
            }
            "--program" => wish.program = arguments.next().ok_or("--program wants a file")?.into(),
            other => return Err(format!("`{other}` is no argument\n{USAGE}")),
        }
    }
    let known: Vec<String> = all.collect();
    match wish.loads.iter().find(|load| !known.contains(load)) {
        Some(unknown) => Err(format!("`{unknown}` is not a load; known are {}", known.join(" "))),
        None => Ok(wish),
    }
}

fn main() -> ExitCode {
    let wish = match wish() {
        Ok(wish) => wish,
        Err(why) => {
            eprintln!("attack: {why}");
            return ExitCode::from(64);
        }
    };
    // The crowds of all loads fit into what one process may open.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let missed = runtime.block_on(campaign(&wish));
    runtime.shutdown_timeout(Duration::from_secs(1));
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

async fn campaign(wish: &Wish) -> usize {
    let seconds = Duration::from_secs;
    let times = if wish.quick {
        Times { before: seconds(2), coming: seconds(2), during: seconds(3), rest: seconds(1), after: seconds(1) }
    } else {
        Times { before: seconds(10), coming: seconds(5), during: seconds(20), rest: seconds(60), after: seconds(5) }
    };
    println!("{HEAD}");
    println!("ms: p50/p99 of the server that got slowest. MiB, files: before/most/a minute after, most\n");
    let mut missed = Vec::new();
    let mut told = |row: &Row, more: Vec<String>| {
        println!("{}", row.line());
        missed.extend(row.missed().into_iter().chain(more).map(|goal| format!("{}: {goal}", row.load)));
    };
    for load in Load::ALL.into_iter().filter(|load| wish.loads.iter().any(|name| name == load.label())) {
        // A node of its own, so that what one load leaves behind is not the next one's.
        let mut node = Node::new(&wish.program);
        std::fs::write(node.boot().join(LARGE), vec![7; FIRMWARE]).unwrap();
        node.start();
        let row = measure(load, load.crowd(), node.target(), node.process(), times).await;
        told(&row, Vec::new());
        assert!(node.stop(), "{}: it ends by itself", load.label());
    }
    for name in ENDS.into_iter().filter(|name| wish.loads.iter().any(|load| load == name)) {
        match name {
            "kills" => {
                let (row, lost) = ends::kills(&wish.program, if wish.quick { 3 } else { 40 }).await;
                told(&row, lost);
            }
            "power-cuts" => match ends::power_cuts(&wish.program, if wish.quick { 1 } else { 10 }).await {
                Ok((row, lost)) => told(&row, lost),
                Err(why) => println!("{name:<14} not done: {why}"),
            },
            _ => match ends::full_disk(&wish.program).await {
                Ok((row, lost)) => told(&row, lost),
                Err(why) => println!("{name:<14} not done: {why}"),
            },
        }
    }
    if !missed.is_empty() {
        println!("\nGoals that were missed:");
        missed.iter().for_each(|goal| println!("  {goal}"));
    }
    missed.len()
}
