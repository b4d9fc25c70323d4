//! The servers to compare, each with the same folder.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon::files::{Answer, Content, FetchError, Fetcher, FileRequest, FileSource};
use daemon::tftp;
use tokio::sync::watch;
use wire::file_name::FileName;
use wire::tftp::{Mode, Options, Packet, Request};

/// A server that runs.
pub struct Peer {
    pub name: &'static str,
    pub addr: SocketAddr,
    runs: Runs,
}

enum Runs {
    Here { _shutdown: watch::Sender<bool>, _runtime: tokio::runtime::Runtime },
    Child(Child),
}

impl Peer {
    /// Processor time so far: of the thread `tftp` here; of a process with its threads and the children it waited for.
    pub fn cpu_time(&self) -> Duration {
        let stat = match &self.runs {
            Runs::Here { .. } => thread_stat(),
            Runs::Child(child) => std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap(),
        };
        // after the name in parentheses: utime, stime, cutime, cstime are fields 14 to 17, in hundredths of a second
        let after = stat.rsplit_once(')').expect("stat of a process").1;
        let ticks: u64 = after.split_whitespace().skip(11).take(4).map(|v| v.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Runs::Child(child) = &mut self.runs {
            child.kill().expect("end the server");
            child.wait().expect("end the server");
        }
    }
}

fn thread_stat() -> String {
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        if std::fs::read_to_string(path.join("comm")).unwrap().trim() == "tftp" {
            return thread_only(&std::fs::read_to_string(path.join("stat")).unwrap());
        }
    }
    panic!("the thread of our server is gone");
}

/// A thread has waited for no children of its own; the fields are those of the process.
fn thread_only(stat: &str) -> String {
    let (head, after) = stat.rsplit_once(')').expect("stat of a thread");
    let mut fields: Vec<&str> = after.split_whitespace().collect();
    fields[13] = "0";
    fields[14] = "0";
    format!("{head}) {}", fields.join(" "))
}

pub fn content(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// A folder that every user can read: the servers give up root.
pub fn folder_with(files: &[(String, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    }
    folder
}

struct Memory(HashMap<FileName, Bytes>);

impl FileSource for Memory {
    fn ready(&self, request: &FileRequest<'_>) -> Option<Content> {
        self.0.get(request.name).cloned().map(Content::from)
    }

    fn look_up(&self, request: &FileRequest<'_>) -> Result<Answer, FetchError> {
        self.ready(request).map(Answer::Content).ok_or(FetchError::NotFound)
    }
}

/// Ours first.
pub fn start_all(files: &[(String, Vec<u8>)], folder: &Path) -> Vec<Peer> {
    let folder = folder.to_str().unwrap();
    let (hpa, atftp, masq) = (free_port(), free_port(), SocketAddr::from((Ipv4Addr::new(127, 0, 0, 69), 69)));
    let tools = Tools::unpack();
    let peers = vec![
        ours(files),
        child("tftpd-hpa", hpa, {
            let mut command = tools.command("tftpd-hpa", "usr/sbin/in.tftpd");
            command.args(["--foreground", "--address", &hpa.to_string(), "--secure", folder]);
            command
        }),
        child("atftpd", atftp, {
            let mut command = tools.command("atftpd", "usr/sbin/atftpd");
            command.args(["--daemon", "--no-fork", "--bind-address", "127.0.0.1", "--port", &atftp.port().to_string()]);
            command.args(["--user", "nobody", "--group", "nogroup", "--logfile", "/dev/null", "--verbose=0", folder]);
            command
        }),
        child("dnsmasq", masq, {
            let mut command = tools.command("dnsmasq-base", "usr/sbin/dnsmasq");
            command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--bind-interfaces"]);
            command.args(["--enable-tftp", "--pid-file=", "--user=nobody", "--log-facility=/dev/null"]);
            command.arg("--listen-address=127.0.0.69").arg(format!("--tftp-root={folder}"));
            command
        }),
    ];
    for peer in &peers {
        wait_for(peer, &files[0].0);
    }
    peers
}

fn ours(files: &[(String, Vec<u8>)]) -> Peer {
    let files = files.iter().map(|(name, bytes)| (FileName::parse(name).unwrap(), Bytes::copy_from_slice(bytes)));
    let config = tftp::Config { listen: vec![(Ipv4Addr::LOCALHOST, 0).into()], ..tftp::Config::default() };
    let server = tftp::Server::bind(config, Fetcher::new(Arc::new(Memory(files.collect())))).unwrap();
    let addr = server.local_addrs()[0];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (shutdown, stop) = watch::channel(false);
    runtime.spawn(async move { server.run(stop).await.unwrap() });
    Peer { name: "ringfence", addr, runs: Runs::Here { _shutdown: shutdown, _runtime: runtime } }
}

fn child(name: &'static str, addr: SocketAddr, mut command: Command) -> Peer {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
    Peer { name, addr, runs: Runs::Child(child) }
}

/// These servers cannot be told to choose a port themselves.
fn free_port() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Asks until the first block comes.
fn wait_for(peer: &Peer, file: &str) {
    let request = Request { file: file.as_bytes(), mode: Mode::Octet, options: Options::default() };
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        socket.send_to(&Packet::Read(request.clone()).to_bytes(), peer.addr).unwrap();
        if let Ok((_, from)) = socket.recv_from(&mut [0; 600]) {
            let enough = Packet::Error { code: wire::tftp::ErrorCode::NotDefined, text: "enough".into() };
            socket.send_to(&enough.to_bytes(), from).unwrap();
            return;
        }
    }
    panic!(
        "{} does not answer on {}: run as root; libwrap0, libnftables1 and libnetfilter-conntrack3 must be installed",
        peer.name, peer.addr
    );
}

/// The servers as Debian builds them, unpacked and not installed: two of them conflict as packages, and none shall be
/// started by the system.
struct Tools(tempfile::TempDir);

impl Tools {
    fn unpack() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let packages = ["tftpd-hpa", "atftpd", "dnsmasq-base"];
        let mut download = Command::new("apt-get");
        download.args(["-q", "-o", "APT::Sandbox::User=root", "download"]).args(packages);
        done(download.current_dir(folder.path()), "apt-get download (after apt-get update)");
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if let Some((package, _)) = name.split_once('_') {
                done(Command::new("dpkg").arg("-x").arg(&path).arg(folder.path().join(package)), "dpkg -x");
            }
        }
        Self(folder)
    }

    fn command(&self, package: &str, program: &str) -> Command {
        let path: PathBuf = self.0.path().join(package).join(program);
        assert!(path.exists(), "{package} has no {program}");
        Command::new(path)
    }
}

fn done(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|e| panic!("cannot run {what}: {e}"));
    assert!(output.status.success(), "{what} failed: {}", String::from_utf8_lossy(&output.stderr));
}
