//! A real `ringfence serve` for tests: started on free ports, stopped by SIGTERM.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running node.
pub struct Served {
    child: Child,
    /// UDP port of TFTP.
    pub tftp: u16,
    /// TCP port of HTTP.
    pub http: u16,
    /// TCP port of TVS.
    pub tvs: u16,
    /// What it printed until it was ready.
    pub said: String,
}

impl Served {
    /// Starts a node on free loopback ports and waits until it says where it listens.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        // Port 0: the system chooses one that is free, at each start another.
        Self::start_at("127.0.0.1", data, &[&["--name", "node1", "--address", "127.0.0.1"], more].concat(), "0")
    }

    /// The same on another address, with the port of TVS.
    pub fn start_at(listen: &str, data: &Path, more: &[&str], tvs_port: &str) -> Self {
        Self::start_as(Command::new(env!("CARGO_BIN_EXE_ringfence")), listen, data, more, tvs_port)
    }

    /// The same, as a process that is killed at the points which `file` arms ([`store::fault`]).
    pub fn start_armed(data: &Path, file: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.env("RINGFENCE_FAULT", file);
        Self::start_as(command, "127.0.0.1", data, &["--name", "node1", "--address", "127.0.0.1"], "0")
    }

    /// The same, with its log in a pipe that [`Self::errors`] gives.
    pub fn start_heard(data: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command.stderr(Stdio::piped());
        let more = [&["--name", "node1", "--address", "127.0.0.1"], more].concat();
        Self::start_as(command, "127.0.0.1", data, &more, "0")
    }

    /// The same, as the process that `command` makes.
    pub fn start_command(command: Command, data: &Path) -> Self {
        Self::start_command_with(command, data, &[])
    }

    /// The same with more arguments.
    pub fn start_command_with(command: Command, data: &Path, more: &[&str]) -> Self {
        let more = [&["--name", "node1", "--address", "127.0.0.1"], more].concat();
        Self::start_as(command, "127.0.0.1", data, &more, "0")
    }

    /// The same, listening on `listen`; a TFTP port in `more` counts.
    pub fn start_with(command: Command, listen: &str, data: &Path, more: &[&str], tvs_port: &str) -> Self {
        Self::start_as(command, listen, data, more, tvs_port)
    }

    /// Its process.
    pub fn id(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).expect("a process number"))
    }

    /// What it says in its log, when that is piped.
    pub fn errors(&mut self) -> std::process::ChildStderr {
        self.child.stderr.take().expect("its log is piped")
    }

    fn start_as(mut command: Command, listen: &str, data: &Path, more: &[&str], tvs_port: &str) -> Self {
        let mut child = command
            .args(["serve", "--listen", listen, "--http-port", "0", "--tvs-port", tvs_port])
            .args(if more.contains(&"--tftp-port") { &[][..] } else { &["--tftp-port", "0"] })
            .args(more)
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .expect("ringfence starts");
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("its output is piped"));
        while !said.contains("Next:") {
            let before = said.len();
            out.read_line(&mut said).expect("its output can be read");
            assert!(said.len() > before, "ringfence serve ended early: {said}");
        }
        // The rest is read so that the node never waits for a full pipe.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let port = |name: &str| {
            let line = said.lines().find(|line| line.trim_start().starts_with(name)).expect("it names its ports");
            let digits = line.rsplit_once(':').expect("an address has a port").1;
            digits.split_whitespace().next().unwrap().parse().expect("a port is a number")
        };
        let (tftp, http, tvs) = (port("TFTP"), port("HTTP"), port("TVS"));
        Self { child, tftp, http, tvs, said }
    }

    /// Waits until it ends by itself, such as at a point that kills it.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    /// Sends SIGTERM and waits for the end.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        self.child.wait().expect("it ends")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(self.id(), signal).expect("it runs");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A test that failed before `stop` leaves no node behind; one that was stopped has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A TCP port that is free now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port").local_addr().expect("its address").port()
}

/// Runs a program of Debian and gives what it printed; a missing one fails with the name of its package.
pub fn run(program: &str, package: &str, arguments: &[&str]) -> std::process::Output {
    match Command::new(program).args(arguments).output() {
        Ok(output) => output,
        Err(error) => panic!("{program}: {error}; install the Debian package {package} (cargo xtask test does)"),
    }
}
