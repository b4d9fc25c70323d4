//! `cargo xtask deps`: the checks of the architecture. They need no library and build nothing.

use crate::advisories::{check_advisories, known};
use crate::directions::{check_directions, check_purity};
use crate::graph::Graph;
use crate::habits::{check_counts, check_habits};
use crate::licences::check_licences;
use crate::manifests::check_manifests;
use crate::process::{cargo, output_of, root};
use crate::sources::check_sources;
use crate::stop::Stop;
use crate::wayfinder::check_ways;

/// Checks directions, purity, licences, advisories, manifests, habits, citations and ways; prints every complaint and stops when there is one.
pub fn deps() -> Result<(), Stop> {
    let house = graph("Cargo.toml")?;
    let fuzz = graph("fuzz/Cargo.toml")?;
    let habits = check_habits(&root())?;
    let sources = check_sources(&root())?;

    let mut complaints = check_directions(&house);
    complaints.extend(check_purity(&house));
    complaints.extend(check_licences(&house));
    complaints.extend(check_licences(&fuzz));
    complaints.extend(check_advisories(&house));
    complaints.extend(check_manifests(&house, &root())?);
    complaints.extend(habits.complaints);
    complaints.extend(check_counts(&root())?);
    complaints.extend(sources.complaints);
    complaints.extend(check_ways(&root())?);

    for warning in habits.warnings.iter().chain(&sources.warnings) {
        println!("look again: {warning}");
    }
    for advisory in known() {
        println!("{advisory}");
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    if complaints.is_empty() {
        println!(
            "{} crates keep their directions; {} packages have allowed licences.",
            house.own().count(),
            house.packages().filter(|package| !package.own).count()
        );
        return Ok(());
    }
    let count = complaints.len();
    Err(Stop::failed(format!(
        "cargo xtask deps: {count} {} above",
        if count == 1 { "complaint stands" } else { "complaints stand" }
    )))
}

/// The resolved tree of a workspace, with every feature and for every platform.
fn graph(manifest: &str) -> Result<Graph, Stop> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--all-features", "--locked", "--manifest-path", manifest]);
    let next = "when Cargo.lock is older than a Cargo.toml, run `cargo check` once and commit Cargo.lock";
    Graph::read(&output_of(&mut command, next)?)
}
