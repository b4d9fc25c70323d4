//! The user that a node runs as, and what of it others may read. Most of it needs root, and says so to who is none.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::support::node::Served;
use crate::support::root::{NOBODY, below, needs_root, place};

/// The bit of CAP_NET_BIND_SERVICE (capabilities(7): number 10).
const NET_BIND_SERVICE: &str = "0000000000000400";

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ringfence"))
}

/// What a node says in its log, line by line.
struct Said(Receiver<String>, Vec<String>);

impl Said {
    fn of(node: &mut Served) -> Self {
        let lines = BufReader::new(node.errors()).lines();
        let (sender, said) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self(said, Vec::new())
    }

    /// Waits for a line with this text.
    fn until(&mut self, text: &str) -> String {
        loop {
            let line = self.0.recv_timeout(Duration::from_secs(30));
            let line = line.unwrap_or_else(|error| panic!("{error} while waiting for {text:?}: {:#?}", self.1));
            self.1.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }
}

/// A value of /proc/PID/status, of each thread.
fn status(node: &Served, name: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", node.id())).unwrap();
    let texts = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).ok());
    let value = |text: String| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned));
        line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut all: Vec<String> = texts.map(value).collect();
    assert!(all.len() > 3, "it has threads");
    all.dedup();
    all
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

/// An address of this test alone, and a port there below 1024 that is free.
fn low_port() -> (String, u16) {
    let process = std::process::id();
    let address = format!("127.{}.{}.7", 64 + process % 64, process / 64 % 250);
    let free = (1..1024).rev().find(|port| UdpSocket::bind((address.as_str(), *port)).is_ok());
    (address, free.expect("a free port below 1024"))
}

/// Whether TFTP answers with a list.
fn answers(address: &str, port: u16) -> bool {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.send_to(b"\0\x01ITLFile.tlv\0octet\0", (address, port)).unwrap();
    let mut answer = [0; 600];
    socket.recv(&mut answer).is_ok() && answer[..4] == *b"\0\x03\0\x01"
}

fn refused(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(matches!(output.status.code(), Some(2 | 64)), "{output:?}");
    let lines = String::from_utf8_lossy(&output.stderr).lines().count();
    assert_eq!(lines, 1, "one clear line: {output:?}");
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Who finds a hole in a server that root has started has no more than the user whom the data directory belongs to, and the node works
/// as if nothing was.
#[test]
fn a_node_that_root_starts_runs_as_the_owner_of_its_directory() {
    needs_root("a node is started by root");
    let (folder, data) = place(NOBODY, 0o755);
    let boot = folder.path().join("tftpboot");
    std::fs::create_dir(&boot).unwrap();
    std::fs::set_permissions(&boot, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(boot.join("secret.xml"), "of root").unwrap();
    std::fs::set_permissions(boot.join("secret.xml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let (address, port) = low_port();
    let (tftp, boot_text) = (port.to_string(), boot.to_str().unwrap());
    let more = ["--name", "node1", "--address", &address, "--tftp-port", &tftp, "--tftpboot", boot_text];
    let mut command = program();
    command.stderr(Stdio::piped());
    let mut node = Served::start_with(command, &address, &data, &more, "0");
    let mut log = Said::of(&mut node);
    log.until("was open to other users (mode 0755)");
    // Looked at by the user who serves, for whom root's file is none.
    assert!(log.until("cannot be read by the user that serves it").contains("secret.xml"));

    for name in ["Uid", "Gid"] {
        assert_eq!(status(&node, name), [[NOBODY.to_string().as_str(); 4].join(" ")], "{name}");
    }
    assert_eq!(status(&node, "Groups"), [NOBODY.to_string()]);
    for name in ["CapEff", "CapPrm"] {
        assert_eq!(status(&node, name), [NET_BIND_SERVICE], "{name}");
    }
    assert_eq!(status(&node, "CapInh"), ["0000000000000000"]);
    assert_eq!(status(&node, "NoNewPrivs"), ["1"]);
    // Of a process that nobody may dump or trace the system gives these files to root.
    assert_eq!(std::fs::metadata(format!("/proc/{}/environ", node.id())).unwrap().uid(), 0);

    assert!(answers(&address, port));
    let admin = |command: &str| {
        let output = program().args(["admin", "--yes", "-c", command, "--data"]).arg(&data).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    };
    admin("utils service restart Cisco Tftp");
    assert!(answers(&address, port), "it has port {port} again");
    admin("set cert regen tomcat");
    admin("set parameter TVSCacheTimeToLive 4711");
    let added = program().args(["device", "add", "SEP001122334455", "--model", "8861", "--data"]).arg(&data).output();
    assert!(added.unwrap().status.success());
    let strange = below(&data);
    let strange: Vec<_> = strange.iter().filter(|path| path.symlink_metadata().unwrap().uid() != NOBODY).collect();
    assert!(strange.is_empty(), "what root's commands write is the node's: {strange:?}");
    assert!(data.join("log/audit.log").exists() && data.join("log/CertMgmt.log").exists());
    assert_eq!(node.stop().code(), Some(0));

    // With nothing running SQLite makes its files anew.
    admin("set parameter TVSCacheTimeToLive 4712");
    let mut command = program();
    command.stderr(Stdio::null());
    let node = Served::start_with(command, &address, &data, &["--tftp-port", &tftp], "0");
    assert_eq!(status(&node, "CapEff"), [NET_BIND_SERVICE]);
    assert!(answers(&address, port));
    assert!(below(&data).iter().all(|path| path.symlink_metadata().unwrap().uid() == NOBODY));
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn the_user_that_the_settings_name_counts() {
    needs_root("a node is started by root");
    // A directory of root with nothing in it but settings becomes the user's.
    let (_folder, data) = place(0, 0o700);
    std::fs::write(data.join("ringfence.toml"), "[serve]\nuser = \"nobody\"\n").unwrap();
    let mut command = program();
    command.stderr(Stdio::null());
    let node = Served::start_command(command, &data);
    assert_eq!(status(&node, "Uid"), [[NOBODY.to_string().as_str(); 4].join(" ")]);
    assert!(below(&data).iter().all(|path| path.symlink_metadata().unwrap().uid() == NOBODY));
    assert_eq!(node.stop().code(), Some(0));

    let serve = |data: &Path, more: &[&str]| {
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1", "--tftp-port", "0", "--http-port", "0", "--tvs-port", "0"]);
        command.args(more).arg("--data").arg(data);
        refused(&mut command)
    };
    // The directory of one user is no place for another, and root does not work there for him.
    let text = said(&serve(&data, &["--user", "daemon"]));
    assert!(text.contains("belongs to user nobody, and the node is to run as daemon"), "{text}");
    let text = said(&serve(&data, &["--user", "root"]));
    assert!(text.contains("[serve] user root") && text.contains("belongs to user nobody"), "{text}");
    let text = said(&serve(&data, &["--user", "no-such-user"]));
    assert!(text.contains("`useradd --system no-such-user` makes it"), "{text}");

    // What is root's and full is given away by an administrator, not by a setting.
    let (_folder, data) = place(0, 0o700);
    let mut command = program();
    command.stderr(Stdio::piped());
    let mut node = Served::start_command(command, &data);
    let told = Said::of(&mut node).until("this node runs as root");
    assert!(told.contains(&format!("`chown -R ringfence: {}`", data.display())), "{told}");
    assert_eq!(status(&node, "Uid"), ["0 0 0 0"]);
    assert_eq!(node.stop().code(), Some(0));
    let text = said(&serve(&data, &["--user", "nobody"]));
    assert!(text.contains(&format!("`chown -R nobody: {}`", data.display())), "{text}");
}

/// A link of the user of the node in the place of its settings shows him nothing that root alone may read.
#[test]
fn settings_are_read_with_the_rights_of_the_user() {
    needs_root("a node is started by root");
    let (folder, data) = place(NOBODY, 0o700);
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "root:the-hash:\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&secret, data.join("ringfence.toml")).unwrap();
    let mut command = program();
    command.args(["serve", "--listen", "127.0.0.1", "--tftp-port", "0", "--http-port", "0", "--data"]).arg(&data);
    let text = said(&refused(&mut command));
    assert!(text.contains("cannot be read") && !text.contains("the-hash"), "{text}");
}

/// The program, under an umask.
fn under(umask: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_ringfence")]);
    command.stderr(Stdio::null());
    command
}

/// What other users may do with a data directory does not hang on the umask of who makes it.
#[test]
fn nobody_else_reads_a_data_directory_under_any_umask() {
    for umask in ["000", "077"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let node = Served::start_command(under(umask), &data);
        assert!(answers("127.0.0.1", node.tftp));
        let mut admin = under(umask);
        admin.args(["admin", "--yes", "-c", "set cert regen tomcat", "-c", "show itl", "--data"]).arg(&data);
        assert!(admin.output().unwrap().status.success());
        // While it runs, and the database has its companions.
        let check = || {
            for path in below(&data) {
                let name = path.strip_prefix(&data).unwrap().display().to_string();
                let (top, is_dir) = (name.split('/').next().unwrap(), path.is_dir());
                let wanted = match (top, is_dir) {
                    ("" | "keys", true) => 0o700,
                    ("log", true) => 0o750,
                    ("published", true) => 0o755,
                    ("published", false) => 0o644,
                    ("log", false) => 0o640,
                    _ => 0o600,
                };
                assert_eq!(mode(&path), wanted, "umask {umask}: {name}");
            }
        };
        check();
        for name in
            ["ringfence.db-wal", "ringfence.db-shm", "log/tvs.log", "log/capf.log", "log/audit.log", "write.lock"]
        {
            assert!(data.join(name).exists(), "{name}");
        }
        assert_eq!(node.stop().code(), Some(0));
        check();
    }
}

/// What was made with wider rights (by hand, by a copy) is closed at the next start, which says so once.
#[test]
fn an_open_data_directory_is_closed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Served::start(&data, &[]).stop().code(), Some(0));
    let open = ["ringfence.db", "write.lock", "log/tvs.log", "log/capf.log", "log/audit.log"];
    for name in open {
        std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(0o666)).unwrap();
    }
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut node = Served::start_heard(&data, &[]);
    let mut log = Said::of(&mut node);
    log.until("was open to other users (mode 0755), and keys and passwords are in it: it is 0700 now");
    assert_eq!(mode(&data), 0o700);
    for name in open {
        let wanted = if name.starts_with("log/") { 0o640 } else { 0o600 };
        assert_eq!(mode(&data.join(name)), wanted, "{name}");
    }
    assert_eq!(node.stop().code(), Some(0));
}

/// Whose directory it is decides who works there: a stranger may have put anything into his own.
#[test]
fn the_directory_of_another_user_is_refused() {
    needs_root("it starts programs as another user");
    let (folder, data) = place(1, 0o777);
    // A program that every user may start.
    let copy = folder.path().join("ringfence");
    std::fs::copy(env!("CARGO_BIN_EXE_ringfence"), &copy).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).unwrap();
    for arguments in [&["serve", "--tftp-port", "0", "--http-port", "0"][..], &["audit", "verify"]] {
        let mut command = Command::new(&copy);
        std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
        let text = said(&refused(command.args(arguments).arg("--data").arg(&data)));
        assert!(text.contains("it belongs to user daemon, and this is user nobody"), "{text}");
    }
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0, "nothing is made there");
}
