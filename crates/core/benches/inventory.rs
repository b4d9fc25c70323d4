//! The inventory of a cluster with many LSCs: rows a second, and the most memory that it took.
//!
//! `cargo bench -p ringfence-core --bench inventory [-- ROWS...]`, 100 000 and 1 000 000 without ROWS. The least comes first: what the
//! system says of memory is the most since the process began. `sqlite3` fills the table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a measurement may stop at the first surprise
#![allow(clippy::disallowed_methods)] // it measures with the clock

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use cluster::Surroundings;
use cluster::{Actor, Level};
use jiff::tz::TimeZone;
use ringfence_core::Cluster;
use ringfence_core::inventory::{Query, Status};
use testbed::{Machine, make_in, new_cluster};

/// Letters of an LSC of 2048 bits in PEM.
const PEM: usize = 1300;

fn main() {
    let mut counts: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    if counts.is_empty() {
        counts = vec![100_000, 1_000_000];
    }
    counts.sort_unstable();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("{:>9}  {:>9}  {:>7}  {:>9}  {:>12}", "rows", "query", "seconds", "rows/s", "VmHWM");
    for count in counts {
        let folder = tempfile::tempdir().unwrap();
        runtime.block_on(measure(folder.path(), count));
    }
}

async fn measure(folder: &Path, count: usize) {
    let new = new_cluster("15", &[("pub", "127.0.0.1")]);
    let mut machine = Machine::default();
    make_in(folder, &new, &mut machine).await.store().close().await;
    fill(folder, count);
    let cluster = Cluster::open(folder, TimeZone::UTC).await.unwrap().expect("it was made");
    let actor = Actor::new("bench", Level::Read);
    let device = format!("SEP{:012X}", count / 2);
    let ask = |query: Query| cluster.inventory(&actor, query, machine.now());
    for (name, query) in [
        ("all", Query::default()),
        ("valid", Query { status: Some(Status::Valid), ..Query::default() }),
        ("device", Query { device, ..Query::default() }),
    ] {
        let begun = Instant::now();
        let mut inventory = ask(query).await.unwrap();
        let mut rows = 0_usize;
        while let Some(page) = inventory.next().await.unwrap() {
            rows += page.len();
        }
        let seconds = begun.elapsed().as_secs_f64();
        assert!(rows > 0, "{name}");
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let speed = rows as f64 / seconds;
        println!("{rows:>9}  {name:>9}  {seconds:>7.3}  {speed:>9.0}  {:>12}", memory());
    }
    cluster.store().close().await;
}

/// Rows of LSCs: one in ten superseded, one in a hundred expired.
fn fill(folder: &Path, count: usize) {
    let statement = format!(
        "PRAGMA synchronous = OFF; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         INSERT INTO lsc SELECT 'key' || i, printf('SEP%012X', i), printf('%032x', i), 'CN=' || printf('SEP%012X', i), \
         'CN=CAPF', (SELECT fingerprint FROM certificate JOIN certificateservicecertificatemap ON \
         fkcertificate = certificate.pkid WHERE tkcertificateservice = 9), 0, \
         CASE WHEN i % 100 = 0 THEN 1000000000 ELSE 9000000000 END, '', printf('%{PEM}s', i), NULL, \
         CASE WHEN i % 10 = 0 THEN 4 ELSE 3 END, 0, 0 FROM n"
    );
    let done = Command::new("sqlite3").arg(folder.join("ringfence.db")).arg(statement).output();
    let done = done.expect("sqlite3: install the Debian package sqlite3 (cargo xtask test does)");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// The most memory that this process had, as the system says it.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    line.trim().to_owned()
}
