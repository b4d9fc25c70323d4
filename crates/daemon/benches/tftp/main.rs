//! Our TFTP server beside tftpd-hpa, atftpd and dnsmasq of Debian: same files, same client, same machine, one run.
//!
//! `cargo bench -p daemon --bench tftp [-- --seconds N --rounds N --only TEXT]`, as root: dnsmasq knows no port
//! but 69, here on 127.0.0.69. The client is one thread over `wire::tftp::Download` that compares every byte; rounds
//! alternate between the servers and the best round of each counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a benchmark may stop at the first surprise

mod load;
mod servers;

use std::time::Duration;

use load::{Job, Outcome};
use servers::Peer;
use wire::tftp::Options;

/// The CTL of a small cluster.
const SMALL: usize = 4947;
/// A phone's firmware image.
const LARGE: usize = 8 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let seconds = value("--seconds").map_or(2.0, |v| v.parse().expect("--seconds wants a number"));
    let rounds = value("--rounds").map_or(3, |v| v.parse().expect("--rounds wants a number"));
    let only = value("--only").unwrap_or_default();

    let files: Vec<(String, Vec<u8>)> =
        [SMALL, LARGE].into_iter().map(|size| (format!("size-{size}"), servers::content(size))).collect();
    let folder = servers::folder_with(&files);
    let peers: Vec<Peer> = servers::start_all(&files, folder.path());

    let options = |block_size, window| Options { block_size, window, ..Options::default() };
    let jobs = [
        ("4947 bytes, 32 clients, no options", SMALL, 32, options(None, None)),
        ("4947 bytes, 1 client, no options", SMALL, 1, options(None, None)),
        ("8 MB, 1 client, blksize 1428", LARGE, 1, options(Some(1428), None)),
        ("8 MB, 1 client, blksize 1428, windowsize 8", LARGE, 1, options(Some(1428), Some(8))),
    ];
    for (title, size, clients, options) in jobs {
        if !title.contains(&only) {
            continue;
        }
        let (name, bytes) = files.iter().find(|(_, bytes)| bytes.len() == size).expect("file of the job");
        let mut best: Vec<Option<Outcome>> = vec![None; peers.len()];
        for _ in 0..rounds {
            for (peer, best) in peers.iter().zip(&mut best) {
                let job = Job {
                    server: peer.addr,
                    file: name,
                    wanted: bytes,
                    clients,
                    options,
                    time: Duration::from_secs_f64(seconds),
                };
                let before = peer.cpu_time();
                let mut outcome = load::run(&job);
                outcome.server_cpu = peer.cpu_time().saturating_sub(before);
                if best.as_ref().is_none_or(|old| outcome.per_second() > old.per_second()) {
                    *best = Some(outcome);
                }
            }
        }
        print_table(title, size, options, &peers, &best);
    }
}

fn print_table(title: &str, size: usize, options: Options, peers: &[Peer], best: &[Option<Outcome>]) {
    println!("\n{title}");
    println!(
        "{:<12}{:>14}{:>10}{:>10}{:>12}{:>14}{:>10}",
        "server", "transfers/s", "MB/s", "ratio", "us CPU each", "worst ms", "repeated"
    );
    let ours = best[0].as_ref().expect("measured").per_second();
    for (peer, outcome) in peers.iter().zip(best) {
        let outcome = outcome.as_ref().expect("measured");
        if options.window.is_some() && outcome.window == 1 {
            println!("{:<12}{:>14}", peer.name, "no windowsize");
            continue;
        }
        let rate = outcome.per_second();
        println!(
            "{:<12}{:>14.1}{:>10.1}{:>10.2}{:>12.1}{:>14.1}{:>10}",
            peer.name,
            rate,
            rate * size as f64 / 1e6,
            ours / rate,
            outcome.server_cpu.as_secs_f64() * 1e6 / outcome.transfers as f64,
            outcome.worst.as_secs_f64() * 1e3,
            outcome.repeated
        );
    }
    println!("(ratio: transfers/s of ringfence divided by those of the line)");
}
