//! rsyslog as a receiver of alarms, and waiting for what it wrote.
#![allow(dead_code)] // each test file uses its part of it

use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use daemon::monitor::syslog::Transport;

/// No step of a test takes that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something is there, looking at it again and again.
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}");
        tokio::task::yield_now().await;
    }
}

/// The lines of a file; none when it is not there yet.
pub fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// A program that ends with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// rsyslog on a port of its own; each message becomes a line of its fields.
pub async fn rsyslog(folder: &Path, transport: Transport) -> (Running, u16, PathBuf) {
    let out = folder.join("received");
    for _ in 0..20 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = tcp.local_addr().unwrap().port();
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port));
        if udp.is_err() {
            continue;
        }
        drop((tcp, udp));
        let module = match transport {
            Transport::Udp => "imudp",
            Transport::Tcp => "imtcp",
        };
        let config = format!(
            "global(workDirectory=\"{folder}\")\nmodule(load=\"{module}\")\n\
             input(type=\"{module}\" address=\"127.0.0.1\" port=\"{port}\")\n\
             template(name=\"fields\" type=\"string\" string=\"%pri%|%protocol-version%|%timereported:::date-rfc3339%|%hostname%|%app-name%|%msgid%|%msg%\\n\")\n\
             *.* action(type=\"omfile\" file=\"{out}\" template=\"fields\")\n",
            folder = folder.display(),
            out = out.display()
        );
        std::fs::write(folder.join("rsyslog.conf"), config).unwrap();
        let mut command = Command::new("/usr/sbin/rsyslogd");
        command.args(["-n", "-i", "NONE", "-f"]).arg(folder.join("rsyslog.conf")).stderr(Stdio::null());
        let mut child = Running(command.spawn().unwrap());
        let listens = || match transport {
            // To bind the port here would take it from rsyslog, which then runs without it.
            Transport::Udp => {
                std::fs::read_to_string("/proc/net/udp").unwrap().contains(&format!(" 0100007F:{port:04X} "))
            }
            Transport::Tcp => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok(),
        };
        let there = until("rsyslog neither listens nor ends", || {
            if child.0.try_wait().unwrap().is_some() { Some(false) } else { listens().then_some(true) }
        });
        if there.await {
            return (child, port, out);
        }
    }
    panic!("rsyslog does not start");
}
