//! Our TFTP server beside tftpd-hpa, atftpd and dnsmasq of Debian: same files, same client, same machine, one run.
//!
//! `cargo bench -p daemon --bench tftp [-- --seconds N --rounds N --only TEXT]`, as root: dnsmasq knows no port
//! but 69, here on 127.0.0.69. The client is one thread over `wire::tftp::Download` that compares every byte; rounds
//! alternate between the servers and the median round of each counts: whether client and server share a processor
//! changes the best ones threefold.
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
    let seconds = value("--seconds").map_or(1.0, |v| v.parse().expect("--seconds wants a number"));
    let rounds = value("--rounds").map_or(7, |v| v.parse().expect("--rounds wants a number"));
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
        let mut outcomes: Vec<Vec<Outcome>> = peers.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (peer, outcomes) in peers.iter().zip(&mut outcomes) {
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
                outcomes.push(outcome);
            }
        }
        for outcomes in &mut outcomes {
            outcomes.sort_by(|a, b| a.per_second().total_cmp(&b.per_second()));
        }
        print_table(title, size, options, &peers, &outcomes);
    }
}

fn print_table(title: &str, size: usize, options: Options, peers: &[Peer], outcomes: &[Vec<Outcome>]) {
    println!("\n{title}");
    println!(
        "{:<12}{:>14}{:>18}{:>10}{:>10}{:>14}{:>10}{:>10}",
        "server", "transfers/s", "(least..most)", "MB/s", "ratio", "us CPU each", "worst ms", "repeated"
    );
    let median = |outcomes: &[Outcome]| outcomes[outcomes.len() / 2].per_second();
    let ours = median(&outcomes[0]);
    for (peer, outcomes) in peers.iter().zip(outcomes) {
        if options.window.is_some() && outcomes[0].window == 1 {
            println!("{:<12}{:>14}", peer.name, "no windowsize");
            continue;
        }
        let rate = median(outcomes);
        let (least, most) = (outcomes[0].per_second(), outcomes[outcomes.len() - 1].per_second());
        let cpu: Duration = outcomes.iter().map(|outcome| outcome.server_cpu).sum();
        let transfers: usize = outcomes.iter().map(|outcome| outcome.transfers).sum();
        let worst = outcomes.iter().map(|outcome| outcome.worst).max().unwrap_or_default();
        println!(
            "{:<12}{:>14.1}{:>18}{:>10.1}{:>10.2}{:>14.1}{:>10.1}{:>10}",
            peer.name,
            rate,
            format!("{least:.1}..{most:.1}"),
            rate * size as f64 / 1e6,
            ours / rate,
            cpu.as_secs_f64() * 1e6 / transfers as f64,
            worst.as_secs_f64() * 1e3,
            outcomes.iter().map(|outcome| outcome.repeated).sum::<usize>()
        );
    }
    println!("(medians; ratio: transfers/s of ringfence divided by those of the line)");
}
