//! A node of the built program, with all its servers.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use phone::misbehave::load::Target;
use phone::misbehave::visit::Server;

/// The release that has a CTL provider too.
const RELEASE: &str = "12.5";

pub struct Node {
    program: PathBuf,
    folder: tempfile::TempDir,
    data: PathBuf,
    metrics: u16,
    running: Option<(Child, Target)>,
}

impl Node {
    /// A cluster of one node that is not running.
    pub fn new(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self::within(program, folder, data)
    }

    /// The same with its data elsewhere.
    pub fn within(program: &Path, folder: tempfile::TempDir, data: PathBuf) -> Self {
        let metrics = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut node = Self { program: program.to_owned(), folder, data, metrics, running: None };
        std::fs::create_dir_all(node.boot()).unwrap();
        node.start();
        assert!(node.stop());
        node.admin("utils service activate Cisco CTL Provider");
        let settings = node.data.join("ringfence.toml");
        let text = std::fs::read_to_string(&settings).unwrap();
        let text = text.replace("[monitor]\n", &format!("[monitor]\nmetrics = \"127.0.0.1:{metrics}\"\n"));
        std::fs::write(&settings, text).unwrap();
        node
    }

    /// The folder of files for phones.
    pub fn boot(&self) -> PathBuf {
        self.folder.path().join("boot")
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn target(&self) -> &Target {
        &self.running.as_ref().expect("it runs").1
    }

    pub fn process(&self) -> u32 {
        self.running.as_ref().expect("it runs").0.id()
    }

    /// Starts it and waits until it says where it listens.
    pub fn start(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("stderr")).unwrap();
        let mut child = Command::new(&self.program)
            .args(["serve", "--listen", "127.0.0.1", "--name", "node1", "--address", "127.0.0.1"])
            .args(["--release", RELEASE, "--tftp-port", "0", "--http-port", "0", "--tvs-port", "0", "--tftpboot"])
            .arg(self.boot())
            .arg("--data")
            .arg(&self.data)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        while !said.contains("Next:") {
            let read = out.read_line(&mut said).unwrap();
            assert!(read > 0, "ringfence serve ended early: {said}{}", self.errors());
        }
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let servers = Server::ALL.into_iter().filter_map(|server| {
            let port = match server {
                Server::Metrics => Some(self.metrics),
                other => said.lines().find(|line| line.trim_start().starts_with(other.name())).map(|line| {
                    let digits = line.rsplit_once(':').unwrap().1;
                    digits.split_whitespace().next().unwrap().parse().unwrap()
                }),
            };
            port.map(|port| (server, SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
        });
        self.running = Some((child, Target::new(servers.collect::<Vec<_>>())));
    }

    /// What it said in its log.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    /// Ends it by SIGTERM. Whether it ended well.
    pub fn stop(&mut self) -> bool {
        self.end(Signal::SIGTERM)
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    fn end(&mut self, signal: Signal) -> bool {
        let Some((mut child, _)) = self.running.take() else { return true };
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        child.wait().unwrap().success()
    }

    pub fn ringfence(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.env("RINGFENCE_DATA", &self.data).args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    pub fn admin(&self, command: &str) -> String {
        let output = self.ringfence(&["admin", "--yes", "-c", command]);
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
