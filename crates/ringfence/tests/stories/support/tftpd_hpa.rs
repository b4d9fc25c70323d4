//! tftpd-hpa of Debian on a folder: the server that people replace. It excludes atftpd as a package, so where it is not installed it is
//! unpacked from its package.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The running server.
pub struct TftpdHpa {
    child: Child,
    /// Its UDP port on 127.0.0.1.
    pub port: u16,
    _unpacked: Option<tempfile::TempDir>,
}

impl TftpdHpa {
    /// Serves a folder below its own root, as Debian starts it.
    pub fn start(folder: &Path) -> Self {
        let (program, unpacked) = program();
        // another process may take the port before it listens; then it ends at once, and the next one is tried
        for _ in 0..20 {
            let free = std::net::UdpSocket::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
            let mut child = Command::new(&program)
                .args(["--foreground", "--address", &free.to_string(), "--secure"])
                .arg(folder)
                .stderr(Stdio::inherit())
                .spawn()
                .expect("in.tftpd starts");
            if listens(&mut child, free) {
                return Self { child, port: free.port(), _unpacked: unpacked };
            }
        }
        panic!("in.tftpd of tftpd-hpa does not listen; it wants to be root for --secure");
    }
}

impl Drop for TftpdHpa {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks until it answers; `false` when it ended.
fn listens(child: &mut Child, address: std::net::SocketAddr) -> bool {
    let socket = std::net::UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
    while child.try_wait().unwrap().is_none() {
        socket.send_to(b"\0\x01no-such-file\0octet\0", address).unwrap();
        if socket.recv(&mut [0; 100]).is_ok() {
            return true;
        }
    }
    false
}

/// The installed one, else the one of Debian's package.
fn program() -> (PathBuf, Option<tempfile::TempDir>) {
    let installed = PathBuf::from("/usr/sbin/in.tftpd");
    let version = Command::new(&installed).arg("-V").output();
    if version.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains("tftp-hpa")) {
        return (installed, None);
    }
    let folder = tempfile::tempdir().unwrap();
    done(
        Command::new("apt-get").args(["download", "tftpd-hpa"]).current_dir(folder.path()),
        "apt-get download tftpd-hpa",
    );
    let package = std::fs::read_dir(folder.path()).unwrap().next().expect("a package").unwrap().path();
    done(Command::new("dpkg").arg("-x").arg(package).arg(folder.path()), "dpkg -x");
    (folder.path().join("usr/sbin/in.tftpd"), Some(folder))
}

fn done(command: &mut Command, what: &str) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{what}: {error}; this test wants a Debian with its package lists"));
    assert!(output.status.success(), "{what} (after apt-get update): {}", String::from_utf8_lossy(&output.stderr));
}
