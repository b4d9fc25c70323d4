//! What everyday work takes: merging configs, adding a device, importing a hundred thousand. Several builds of the program run in turns,
//! so that what else the machine does falls on all of them: `cargo bench -p ringfence --bench everyday -- OLD NEW`. Without names it
//! measures the program of this build alone. `--devices N` imports other than 100 000, `--rounds N` runs other than 5 rounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a measurement may stop
#![allow(clippy::disallowed_methods)] // it measures with the clock

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Configs that are merged in a round, each once: nothing answers from a cache.
const CONFIGS: usize = 400;
/// Devices that are added one by one in a round.
const ADDED: usize = 10;

/// Any free ports of loopback.
const SETTINGS: &str = "[listen]\naddress = \"127.0.0.1\"\ntftp = 0\nhttp = 0\ntvs = 0\ncapf = 0\n";

/// One build, with a folder of its own.
struct Contender {
    program: PathBuf,
    folder: tempfile::TempDir,
    /// Seconds of each round, by what was measured.
    seconds: [Vec<f64>; JOBS.len()],
}

/// What is measured, and what a figure counts.
const JOBS: [(&str, &str); 4] = [
    ("configs merged and served, each", "us"),
    ("device add until it returns, no node runs", "ms"),
    ("device add until it returns, a node runs", "ms"),
    ("device import", "s"),
];

impl Contender {
    fn new(program: PathBuf) -> Self {
        let mut made = Self { program, folder: tempfile::tempdir().unwrap(), seconds: Default::default() };
        std::fs::create_dir(made.boot()).unwrap();
        std::fs::create_dir(made.data()).unwrap();
        std::fs::write(made.data().join("ringfence.toml"), SETTINGS).unwrap();
        let mut node = made.serve();
        made.stop(&mut node.0);
        made
    }

    fn boot(&self) -> PathBuf {
        self.folder.path().join("boot")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A running node and its port of HTTP.
    fn serve(&self) -> (Child, u16) {
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--data").arg(self.data()).arg("--tftpboot").arg(self.boot());
        let mut node = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(node.stdout.as_mut().unwrap()).lines();
        let mut port = 0;
        for line in &mut lines {
            let line = line.unwrap();
            if let Some(place) = line.trim().strip_prefix("HTTP  tcp ") {
                port = place.rsplit(':').next().unwrap().parse().unwrap();
            }
            if line.starts_with("Next:") {
                break;
            }
        }
        assert_ne!(port, 0, "{} does not serve", self.program.display());
        (node, port)
    }

    fn stop(&mut self, node: &mut Child) {
        kill(Pid::from_raw(i32::try_from(node.id()).unwrap()), Signal::SIGTERM).unwrap();
        assert!(node.wait().unwrap().success());
    }

    fn run(&self, data: &Path, arguments: &[&str]) -> Duration {
        let started = Instant::now();
        let done = Command::new(&self.program).args(arguments).arg("--data").arg(data).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        started.elapsed()
    }

    /// Adds one device; seconds until the command returns.
    fn add(&self, round: usize, kind: usize, number: usize) -> f64 {
        let name = format!("SEP{round:04X}{kind:02X}{number:06X}");
        self.run(&self.data(), &["device", "add", &name, "--model", "8861"]).as_secs_f64()
    }

    /// Imports the list into a copy of the data directory; seconds.
    fn import(&self, round: usize, list: &Path) -> f64 {
        let copy = self.folder.path().join(format!("copy{round}"));
        let copied = Command::new("cp").arg("-r").arg(self.data()).arg(&copy).status().unwrap();
        assert!(copied.success());
        let import = self.run(&copy, &["device", "import", list.to_str().unwrap()]).as_secs_f64();
        std::fs::remove_dir_all(copy).unwrap();
        import
    }

    /// Puts the configs of a round into the folder.
    fn put_configs(&self, round: usize) {
        let line =
            "    <line button=\"1\"><featureID>9</featureID><name>1001</name><displayName>1001</displayName></line>\n";
        let body =
            format!("<device>\n  <sipProfile><sipLines>\n{}  </sipLines></sipProfile>\n</device>\n", line.repeat(60));
        for number in 0..CONFIGS {
            std::fs::write(self.boot().join(config(round, number)), &body).unwrap();
        }
    }
}

fn config(round: usize, number: usize) -> String {
    format!("SEP{round:04X}CC{number:06X}.cnf.xml")
}

/// One of each after the other, so that what else the machine does falls on all of them.
fn round(all: &mut [Contender], round: usize, list: &Path) {
    let in_turns = |all: &[Contender], count: usize, job: &mut dyn FnMut(&Contender, usize, usize) -> f64| {
        let mut seconds = vec![Vec::new(); all.len()];
        for number in 0..count {
            for (index, contender) in all.iter().enumerate() {
                seconds[index].push(job(contender, index, number));
            }
        }
        seconds.into_iter().map(median).collect::<Vec<f64>>()
    };
    let alone = in_turns(all, ADDED, &mut |contender, _, number| contender.add(round, 0xA, number));
    let mut nodes: Vec<(Child, u16)> = all.iter().map(Contender::serve).collect();
    let beside = in_turns(all, ADDED, &mut |contender, _, number| contender.add(round, 0xB, number));
    all.iter().for_each(|contender| contender.put_configs(round));
    let mut streams: Vec<TcpStream> =
        nodes.iter().map(|(_, port)| TcpStream::connect(("127.0.0.1", *port)).unwrap()).collect();
    streams.iter().for_each(|stream| stream.set_nodelay(true).unwrap());
    let merged = in_turns(all, CONFIGS, &mut |_, index, number| {
        let request = format!("GET /{} HTTP/1.1\r\nHost: node\r\n\r\n", config(round, number));
        let started = Instant::now();
        streams[index].write_all(request.as_bytes()).unwrap();
        assert!(answer(&mut streams[index]).ends_with(b"</capfList>\n</device>\n"));
        started.elapsed().as_secs_f64()
    });
    for (contender, (node, _)) in all.iter_mut().zip(&mut nodes) {
        contender.stop(node);
    }
    let imported = in_turns(all, 1, &mut |contender, _, _| contender.import(round, list));
    for (index, contender) in all.iter_mut().enumerate() {
        let jobs = [&merged, &alone, &beside, &imported];
        for (seconds, job) in contender.seconds.iter_mut().zip(jobs) {
            seconds.push(job[index]);
        }
    }
}

/// The body of an answer.
fn answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut part = [0; 1 << 16];
    loop {
        let more = stream.read(&mut part).unwrap();
        assert_ne!(more, 0, "the node has closed the connection");
        all.extend_from_slice(&part[..more]);
        let Some(end) = all.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if all.len() - end - 4 == length.trim().parse::<usize>().unwrap() {
            return all.split_off(end + 4);
        }
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() {
    let (mut devices, mut rounds, mut programs) = (100_000_usize, 5, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // what `cargo bench` adds
            "--bench" => {}
            "--devices" => devices = arguments.next().unwrap().parse().unwrap(),
            "--rounds" => rounds = arguments.next().unwrap().parse().unwrap(),
            _ => programs.push(PathBuf::from(argument)),
        }
    }
    if programs.is_empty() {
        programs.push(PathBuf::from(env!("CARGO_BIN_EXE_ringfence")));
    }
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("devices.csv");
    let mut rows = String::new();
    (0..devices).for_each(|number| writeln!(rows, "SEP02{number:010X},8861,SIP,non-secure,,Desk {number}").unwrap());
    std::fs::write(&list, rows).unwrap();
    let mut all: Vec<Contender> = programs.into_iter().map(Contender::new).collect();
    for number in 0..rounds {
        round(&mut all, number, &list);
    }
    for (job, (name, unit)) in JOBS.iter().enumerate() {
        let many = if *unit == "s" { format!("{name} of {devices}") } else { (*name).to_owned() };
        println!("{many}");
        let first = median(all[0].seconds[job].clone());
        for contender in &all {
            let seconds = median(contender.seconds[job].clone());
            let shown = match *unit {
                "us" => format!("{:.0} us ({:.0}/s)", seconds * 1e6, 1.0 / seconds),
                "ms" => format!("{:.1} ms", seconds * 1e3),
                _ => format!("{seconds:.2} s"),
            };
            println!("  {:<24} {:.2} x the first  {}", shown, seconds / first, contender.program.display());
        }
    }
}
