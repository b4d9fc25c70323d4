//! SFTP against OpenSSH's server: host key first, then the password; files that appear whole; and a cluster that exports to it.
//!
//! The server runs as the current user on a free port with a configuration of its own. `libnss_wrapper` shows it a user with a password,
//! so that nothing of the machine's accounts is needed or touched.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::bulk::bundle::BUNDLE_BYTES;
use cluster::{Actor, Level};
use daemon::surroundings::System;
use ringfence_core::Cluster;
use ringfence_core::bulk::{Exchange, ExchangeError, SftpServer};
use sftp::SftpExchange;
use shell::{Outcome, Session, State};
use testbed::{Machine, make_in, new_cluster};

const PASSWORD: &str = "s3cret pass";

/// `sshd` in a folder of its own.
struct Sshd {
    folder: tempfile::TempDir,
    sftp: &'static str,
    port: u16,
    process: Child,
}

impl Sshd {
    fn start() -> Self {
        Self::with("internal-sftp")
    }

    /// With other options of its SFTP part.
    fn with(sftp: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::make_key(&folder, "host_key");
        let hash = run(Command::new("openssl").args(["passwd", "-6", PASSWORD]));
        let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
        let home = folder.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "passwd",
            format!(
                "backup:x:{user}:{group}::{}:/bin/sh\nsshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n",
                home.display()
            ),
        );
        write("group", format!("backup:x:{group}:\n"));
        write("shadow", format!("backup:{}:19000:0:99999:7:::\n", hash.trim()));
        // Where a server that root starts locks its unprivileged half in; the package leaves it to its service.
        if user.is_root() {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let (process, port) = Self::spawn(&folder, sftp);
        Self { folder, sftp, port, process }
    }

    fn make_key(folder: &tempfile::TempDir, name: &str) {
        let path = folder.path().join(name);
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path));
    }

    /// A free port, and once more when somebody else was faster.
    fn spawn(folder: &tempfile::TempDir, sftp: &str) -> (Child, u16) {
        for _ in 0..20 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let at = |name: &str| folder.path().join(name);
            let config = format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\nStrictModes no\n\
                 PasswordAuthentication yes\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
                 Subsystem sftp {sftp}\n",
                at("host_key").display()
            );
            std::fs::write(at("sshd_config"), config).unwrap();
            let mut child = Command::new("/usr/sbin/sshd")
                .args(["-D", "-e", "-f"])
                .arg(at("sshd_config"))
                .env("LD_PRELOAD", "libnss_wrapper.so")
                .env("NSS_WRAPPER_PASSWD", at("passwd"))
                .env("NSS_WRAPPER_GROUP", at("group"))
                .env("NSS_WRAPPER_SHADOW", at("shadow"))
                .stderr(std::fs::File::create(at("log")).unwrap())
                .spawn()
                .unwrap();
            let end = Instant::now() + Duration::from_secs(20);
            loop {
                if std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                    return (child, port);
                }
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                assert!(Instant::now() < end, "sshd does not listen");
                std::thread::yield_now();
            }
        }
        panic!("sshd does not start: {}", std::fs::read_to_string(folder.path().join("log")).unwrap());
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn server(&self) -> SftpServer {
        SftpServer {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: "backup".to_owned(),
            password: PASSWORD.to_owned().into(),
            path: self.home().display().to_string(),
            host_key: None,
        }
    }

    /// What `ssh-keygen` says of the host key.
    fn fingerprint(&self) -> String {
        let said = run(Command::new("ssh-keygen").arg("-lf").arg(self.folder.path().join("host_key.pub")));
        said.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// The same server comes back with another host key.
    fn restart_with_another_key(&mut self) {
        self.stop();
        for name in ["host_key", "host_key.pub"] {
            std::fs::remove_file(self.folder.path().join(name)).unwrap();
        }
        Self::make_key(&self.folder, "host_key");
        (self.process, self.port) = Self::spawn(&self.folder, self.sftp);
    }

    fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn refusal(server: &SftpServer) -> ExchangeError {
    SftpExchange.open(server).await.err().expect("it opened")
}

#[tokio::test]
async fn files_of_openssh() {
    let sshd = Sshd::start();
    let server = sshd.server();
    let mut opened = SftpExchange.open(&server).await.unwrap();
    assert_eq!(opened.host_key, sshd.fingerprint());
    let folder = &mut opened.folder;
    assert_eq!(folder.names().await.unwrap(), Vec::<String>::new());
    assert_eq!(folder.read("a.pem").await.unwrap(), None);
    let large: Vec<u8> = (0..2_000_000_u32).map(|number| number as u8).collect();
    for bytes in [b"first".as_slice(), &large, b"third"] {
        folder.write("a.pem", bytes).await.unwrap();
        assert_eq!(std::fs::read(sshd.home().join("a.pem")).unwrap(), bytes);
        assert_eq!(folder.read("a.pem").await.unwrap().unwrap(), bytes);
    }
    std::fs::create_dir(sshd.home().join("folder")).unwrap();
    assert_eq!(folder.names().await.unwrap(), ["a.pem"], "no part of a file is left, and a folder is no file");

    let too_large = std::fs::File::create(sshd.home().join("b.pem")).unwrap();
    too_large.set_len(BUNDLE_BYTES + 1).unwrap();
    let error = folder.read("b.pem").await.unwrap_err();
    assert!(error.to_string().ends_with("it is above the limit of 4194304 bytes"), "{error}");
    let error = folder.write("folder", b"x").await.unwrap_err();
    assert!(matches!(error, ExchangeError::File { .. }), "{error}");
}

/// What is there is replaced under the eyes of a reader, who never finds nothing.
#[tokio::test]
async fn a_reader_sees_one_file_or_the_other() {
    let sshd = Sshd::start();
    let mut opened = SftpExchange.open(&sshd.server()).await.unwrap();
    opened.folder.write("a.pem", b"0").await.unwrap();
    let path = sshd.home().join("a.pem");
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reader = std::thread::spawn({
        let done = Arc::clone(&done);
        move || {
            let mut looks = 0_u64;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(path.exists(), "gone after {looks} looks");
                looks += 1;
            }
        }
    });
    for number in 1..=200 {
        opened.folder.write("a.pem", number.to_string().as_bytes()).await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    reader.join().unwrap();
    assert_eq!(std::fs::read(sshd.home().join("a.pem")).unwrap(), b"200");
}

/// Who may write in the directory of the exchange lays links under the names that come next.
#[tokio::test]
async fn nothing_is_written_through_links_of_others() {
    let sshd = Sshd::start();
    let secret = sshd.folder.path().join("secret");
    std::fs::write(&secret, "of somebody else").unwrap();
    let link = |name: String| std::os::unix::fs::symlink(&secret, sshd.home().join(name)).unwrap();
    let process = std::process::id();
    link(format!("a.pem.{process}.new"));
    link(format!("a.pem.{process}-2.new"));
    let mut opened = SftpExchange.open(&sshd.server()).await.unwrap();
    std::fs::write(sshd.home().join("a.pem.1.new"), "half").unwrap();
    opened.folder.write("a.pem", b"new").await.unwrap();
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "of somebody else");
    assert_eq!(std::fs::read(sshd.home().join("a.pem")).unwrap(), b"new");
    let left = opened.folder.leftovers("a.pem").await.unwrap();
    assert_eq!(left.len(), 1, "the file that was left, not the links: {left:?}");
    assert!(left[0].contains("/a.pem.1.new was left half written"), "{left:?}");
    for number in 3..=16 {
        link(format!("a.pem.{process}-{number}.new"));
    }
    let error = opened.folder.write("a.pem", b"newer").await.unwrap_err().to_string();
    assert!(error.contains("names like it are taken"), "{error}");
    assert_eq!(std::fs::read(sshd.home().join("a.pem")).unwrap(), b"new");
}

/// A server that renames onto nothing: the old file stands aside, and comes back when the new one cannot have its name.
#[tokio::test]
async fn a_server_without_the_extension_of_openssh() {
    let sshd = Sshd::with("internal-sftp -P posix-rename");
    let mut opened = SftpExchange.open(&sshd.server()).await.unwrap();
    for bytes in [b"first", b"other"] {
        opened.folder.write("a.pem", bytes).await.unwrap();
        assert_eq!(std::fs::read(sshd.home().join("a.pem")).unwrap(), bytes);
    }
    assert_eq!(opened.folder.names().await.unwrap(), ["a.pem"]);
    std::fs::create_dir(sshd.home().join("folder")).unwrap();
    let error = opened.folder.write("folder", b"x").await.unwrap_err();
    assert!(error.to_string().contains("it is there and no file"), "{error}");
    assert!(sshd.home().join("folder").is_dir());
    // One that is not told of renaming at all can place a new file nowhere, and leaves the old one alone.
    let sshd = Sshd::with("internal-sftp -P posix-rename,rename");
    std::fs::write(sshd.home().join("a.pem"), "old").unwrap();
    let mut opened = SftpExchange.open(&sshd.server()).await.unwrap();
    assert!(opened.folder.write("a.pem", b"new").await.is_err());
    assert_eq!(std::fs::read(sshd.home().join("a.pem")).unwrap(), b"old");
}

#[tokio::test]
async fn refusals_name_their_reason() {
    let mut sshd = Sshd::start();
    let server = sshd.server();
    let wrong = SftpServer { password: "wrong".to_owned().into(), ..server.clone() };
    assert!(matches!(refusal(&wrong).await, ExchangeError::Login { .. }));
    let stranger = SftpServer { user: "stranger".to_owned(), ..server.clone() };
    assert!(matches!(refusal(&stranger).await, ExchangeError::Login { .. }));
    let missing = SftpServer { path: "/not/there".to_owned(), ..server.clone() };
    let error = SftpExchange.open(&missing).await.unwrap().folder.names().await.unwrap_err();
    assert_eq!(error.to_string(), "/not/there: is not there");

    let expected = sshd.fingerprint();
    sshd.restart_with_another_key();
    let pinned = SftpServer { host_key: Some(expected.clone()), ..sshd.server() };
    let error = refusal(&pinned).await;
    assert_eq!(
        error,
        ExchangeError::HostKey { server: format!("127.0.0.1:{}", sshd.port), shown: sshd.fingerprint(), expected }
    );
    let log = std::fs::read_to_string(sshd.folder.path().join("log")).unwrap();
    assert!(!log.contains("assword for backup"), "no password was sent to the stranger: {log}");

    let gone = sshd.server();
    sshd.stop();
    assert!(matches!(refusal(&gone).await, ExchangeError::Unreachable { .. }));
    sshd.process = Command::new("true").spawn().unwrap();
    // Somebody who speaks no SSH, and hangs up.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let stranger = std::thread::spawn(move || drop(listener.accept().unwrap()));
    assert!(matches!(refusal(&SftpServer { port, ..gone }).await, ExchangeError::Unreachable { .. }));
    stranger.join().unwrap();
}

async fn cluster(folder: &tempfile::TempDir, name: &str, last: u8) -> Cluster {
    cluster_of("15", folder, name, last).await
}

async fn cluster_of(release_name: &str, folder: &tempfile::TempDir, name: &str, last: u8) -> Cluster {
    let new = new_cluster(release_name, &[(name, &format!("10.1.1.{last}"))]);
    make_in(folder.path(), &new, &mut Machine::default()).await
}

/// Types lines; the last one's words, all of them done.
async fn types(cluster: &Cluster, lines: &[&str]) -> String {
    let node = cluster.node(None).await.unwrap();
    let actor = Actor::new("admin", Level::ReadWrite);
    let mut session = Session::new(cluster.clone(), node, actor).with_exchange(Arc::new(SftpExchange));
    let mut said = String::new();
    for line in lines {
        let reply = session.line(line, &mut System::default()).await;
        assert_eq!(reply.outcome, Outcome::Done, "{line}: {}", reply.text);
        if *line == PASSWORD {
            assert!(matches!(reply.state, State::Ask(_)));
        }
        said = reply.text;
    }
    said
}

#[tokio::test]
async fn two_clusters_meet_at_a_server() {
    let mut sshd = Sshd::start();
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, new) = (cluster(&here, "old-pub", 1).await, cluster(&there, "new-pub", 2).await);
    let address = format!("127.0.0.1:{}", sshd.port);
    let home = sshd.home().display().to_string();
    for cluster in [&old, &new] {
        let said = types(cluster, &["set cert bulk sftp", &address, "backup", PASSWORD, &home]).await;
        assert_eq!(
            said,
            format!("The server shows the host key {}; it is expected from now on.\n", sshd.fingerprint())
        );
        types(cluster, &["set cert bulk export all"]).await;
    }
    types(&new, &["set cert bulk consolidate all"]).await;
    let said = types(&old, &["set cert bulk import ITLRecovery"]).await;
    assert_eq!(said, "Successfully imported ITLRecovery certificates.\n");
    let trust = types(&old, &["show cert list trust"]).await;
    assert!(trust.contains("Phone-SAST-trust/ITLRECOVERY_new-pub.pem"), "{trust}");

    // Nobody who gets hold of the database, a log or the audit has the password.
    for entry in walk(here.path()) {
        let bytes = std::fs::read(&entry).unwrap();
        assert!(!bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()), "{}", entry.display());
    }
    // The host key of the first time counts, whoever asks now.
    sshd.restart_with_another_key();
    let mut moved = old.store().bulk_server().await.unwrap().unwrap();
    moved.port = i64::from(sshd.port);
    let mut transaction = old.store().begin().await.unwrap();
    transaction.set_bulk_server(&moved).await.unwrap();
    transaction.commit().await.unwrap();
    let node = old.node(None).await.unwrap();
    let mut session =
        Session::new(old.clone(), node, Actor::new("admin", Level::ReadWrite)).with_exchange(Arc::new(SftpExchange));
    let reply = session.line("set cert bulk export all", &mut System::default()).await;
    assert_eq!(reply.outcome, Outcome::Refused);
    assert!(reply.text.contains("somebody may stand in between"), "{}", reply.text);
}

/// `utils itl reset remotekey` takes the ITLRecovery key of another cluster from a server.
#[tokio::test]
async fn the_key_of_another_cluster_lies_on_a_server() {
    let sshd = Sshd::start();
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, new) = (cluster_of("11.5", &here, "old-pub", 1).await, cluster_of("11.5", &there, "new-pub", 2).await);
    let (admin, node) = (Actor::new("admin", Level::Install), old.node(None).await.unwrap());
    let place = sshd.home().display().to_string();
    let password = "correct horse".to_owned().into();
    old.back_up_recovery(&admin, &node, &place, &password, &mut System::default()).await.unwrap();
    let node = new.node(None).await.unwrap();
    let mut session = Session::new(new.clone(), node.clone(), admin).with_exchange(Arc::new(SftpExchange));
    let mut types = async |lines: &[&str]| {
        let mut reply = None;
        for line in lines {
            reply = Some(session.line(line, &mut System::default()).await);
        }
        let reply = reply.unwrap();
        (reply.text, reply.outcome)
    };
    let command = |file: &str| format!("utils itl reset remotekey sftp://backup@127.0.0.1:{}{place}/{file}", sshd.port);
    let known = command("ITLRecovery.p12");
    for (lines, wrong) in [
        ([known.as_str(), "wrong", "correct horse"], "does not let backup in"),
        ([known.as_str(), PASSWORD, "wrong horse"], "the password is another one"),
        ([command("other.p12").as_str(), PASSWORD, "correct horse"], "there is no such file"),
    ] {
        let (said, outcome) = types(&lines).await;
        assert!(said.contains(wrong) && outcome == Outcome::Refused, "{said}");
    }
    let (said, outcome) = types(&[&known, PASSWORD, "correct horse"]).await;
    let shown = format!("The server shows the host key {}.\n", sshd.fingerprint());
    assert!(said.starts_with(&shown) && outcome == Outcome::Done, "{said}");
    let itl = new.published_list(&node, ringfence_core::ListKind::Itl).unwrap().unwrap().list;
    let signer = String::from_utf8_lossy(itl.header().signer_name().unwrap()).into_owned();
    assert!(signer.starts_with("CN=ITLRECOVERY_old-pub;"), "{signer}");
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
