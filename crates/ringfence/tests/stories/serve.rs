//! `ringfence serve` as a user meets it: first start, second start, the end, and everything that can stop it from starting.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::node::{Served, run};

fn fetch(port: u16, name: &str) -> Vec<u8> {
    let output = run("curl", "curl", &["-sf", &format!("http://127.0.0.1:{port}/{name}")]);
    assert!(output.status.success(), "{name}: {output:?}");
    output.stdout
}

/// All files below a directory with their bytes, the database and its companions left out: their bytes move. `serve.lock` names the
/// process.
fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !name.starts_with("ringfence.db") && !name.starts_with("log/") && name != "serve.lock" {
                all.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

fn refused(arguments: &[&str]) -> String {
    refused_with(2, arguments)
}

/// The one line of a start that is refused with this exit code.
fn refused_with(code: i32, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence")).arg("serve").args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    // what comes before it: that keys are made, and that the directory is closed to others
    let before = |line: &&str| line.starts_with("First start") || line.contains("was open to other users");
    let lines: Vec<&str> = said.lines().filter(|line| !before(line)).collect();
    assert_eq!(lines.len(), 1, "one clear line: {said}");
    lines[0].to_owned()
}

#[test]
fn lives_through_two_starts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &[]);
    assert!(node.said.lines().count() < 24, "under a screen: {}", node.said);
    let itl = fetch(node.http, "ITLFile.tlv");
    assert_eq!(itl, fetch(node.http, "itlSEP001122334455.TLV"), "under the name of each phone, without case");
    let missing = run(
        "curl",
        "curl",
        &["-s", "-o", "/dev/null", "-w", "%{http_code}", &format!("http://127.0.0.1:{}/CTLFile.tlv", node.http)],
    );
    assert_eq!(missing.stdout, b"404");
    // sqlite3 reads the tables while the node runs.
    let database = data.join("ringfence.db");
    let sql = "select name from typecertificateservice where enum = 14";
    let answer = run("sqlite3", "sqlite3", &[database.to_str().unwrap(), sql]);
    assert_eq!(answer.stdout, b"Phone-SAST-trust\n", "{answer:?}");
    let started = Instant::now();
    assert_eq!(node.stop().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "drained within five seconds");

    let before = files(&data);
    assert!(before.iter().any(|(name, _)| name == "published/ITLFile.tlv"));
    let keys: Vec<&String> = before.iter().map(|(name, _)| name).filter(|name| name.starts_with("keys/")).collect();
    assert_eq!(keys.len(), 8, "a key for each of the six units, EC keys of CallManager and tomcat (release 15)");
    let node = Served::start(&data, &[]);
    assert_eq!(fetch(node.http, "ITLFile.tlv"), itl);
    assert_eq!(node.stop().code(), Some(0));
    assert_eq!(files(&data), before, "a second start finds everything unchanged");
}

#[test]
fn keys_are_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &[]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data.join("keys")), 0o700);
    for entry in std::fs::read_dir(data.join("keys")).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Served::start(&data, &[]);
    assert_eq!(first.stop().code(), Some(0));
    let before = files(&data);
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = data.to_str().unwrap();
    let said = refused(&["--data", data, "--listen", "127.0.0.1", "--tftp-port", "0", "--http-port", &port]);
    assert!(said.contains(&port) && said.contains("in use") && said.contains("configure another port"), "{said}");
    assert_eq!(files(Path::new(data)), before, "nothing altered");
}

#[test]
fn a_damaged_database_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Served::start(&data, &[]).stop().code(), Some(0));
    let database = data.join("ringfence.db");
    let mut bytes = std::fs::read(&database).unwrap();
    for byte in &mut bytes[..100] {
        *byte = 0x5A;
    }
    std::fs::write(&database, &bytes).unwrap();
    let said = refused(&["--data", data.to_str().unwrap()]);
    assert!(said.contains("database"), "{said}");
    assert_eq!(std::fs::read(&database).unwrap(), bytes, "nothing altered");
}

#[test]
fn a_directory_that_cannot_be_written_is_one_clear_line() {
    // no test depends on a well-known port that is free
    let free = ["--listen", "127.0.0.1", "--tftp-port", "0", "--http-port", "0", "--tvs-port", "0", "--data"];
    let said = refused(&[&free[..], &["/proc/ringfence"]].concat());
    assert!(said.contains("/proc/ringfence") && said.contains("cannot be made"), "{said}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("data");
    let said = refused(&[&free[..], &[below.to_str().unwrap()]].concat());
    assert!(said.contains("cannot be"), "{said}");
}

#[test]
fn unknown_settings_refuse_the_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ringfence.toml"), "[phones]\nlegacy_tsl = true\n").unwrap();
    let said = refused(&["--data", folder.path().to_str().unwrap()]);
    assert!(said.contains("legacy_tsl") && said.contains("ringfence.toml"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing made");
}

#[test]
fn an_unknown_release_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = refused_with(64, &["--data", data.to_str().unwrap(), "--release", "3.1"]);
    assert!(said.contains("3.1") && said.contains("9.1, 10.5, 11.5, 12.5, 14, 15"), "{said}");
    assert!(!data.exists());
}

#[test]
fn a_lost_database_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Served::start(&data, &[]).stop().code(), Some(0));
    let list = std::fs::read(data.join("published/ITLFile.tlv")).unwrap();
    let database = data.join("ringfence.db");
    for lost in [true, false] {
        std::fs::remove_file(&database).unwrap();
        if !lost {
            std::fs::write(&database, b"").unwrap();
        }
        let said = refused(&["--data", data.to_str().unwrap()]);
        assert!(said.contains("ringfence.db is missing or empty") && said.contains("restore the database"), "{said}");
        assert_eq!(std::fs::read(data.join("published/ITLFile.tlv")).unwrap(), list, "phones hold this list");
        std::fs::write(&database, b"").unwrap();
    }
}

#[test]
fn a_first_start_that_cannot_serve_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let base = ["--data", data.to_str().unwrap(), "--listen", "127.0.0.1", "--tftp-port", "0", "--http-port"];
    let said = refused(&[&base[..], &[port.as_str(), "--tvs-port", "0"]].concat());
    assert!(said.contains("in use"), "{said}");
    let said = refused(&[&base[..], &["0", "--tvs-port", "0", "--tftpboot", "/nonexistent"]].concat());
    assert!(said.contains("/nonexistent"), "{said}");
    for (option, value) in [("--address", "0.0.0.0"), ("--domain", "x/../y"), ("--subscriber", "node1=127.0.0.1")] {
        let more = ["0", "--tvs-port", "0", "--name", "node1", "--address", "127.0.0.1"];
        let more = if option == "--address" { &more[..5] } else { &more[..] };
        let said = refused_with(64, &[&base[..], more, &[option, value]].concat());
        assert!(!said.is_empty());
    }
    assert!(!data.join("ringfence.db").exists() && !data.join("ringfence.toml").exists(), "nothing made");
}

#[test]
fn a_subscriber_serves_its_own_list() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &["--subscriber", "node2=127.0.0.2"]);
    let port = node.tvs.to_string();
    let itl = fetch(node.http, "ITLFile.tlv");
    assert_eq!(node.stop().code(), Some(0));
    let second = Served::start_at("127.0.0.2", &data, &["--node", "NODE2"], &port);
    let output = run("curl", "curl", &["-sf", &format!("http://127.0.0.2:{}/ITLFile.tlv", second.http)]);
    assert!(output.status.success() && output.stdout != itl, "each TFTP node has an ITL of its own");
    assert_eq!(second.stop().code(), Some(0));
    let other = crate::support::node::free_port().to_string();
    let said = stopped(&data, &["--node", "node2", "--tvs-port", &other]);
    assert!(said.contains(&format!("wants TVS port {other}, and node2 has {port}")), "{said}");
    assert!(said.contains(&format!("-c 'set parameter TVSPort {other}'")), "{said}");
}

/// The ports that configs name: of TVS and of CAPF.
fn ports(data: &Path) -> String {
    let sql =
        "select paramname, paramvalue from processconfig where paramname in ('TVSPort', 'CAPFPhonePort') order by 1";
    let rows = run("sqlite3", "sqlite3", &[data.join("ringfence.db").to_str().unwrap(), sql]);
    assert!(rows.status.success(), "{rows:?}");
    String::from_utf8(rows.stdout).unwrap()
}

/// Where phones were told to ask, they find TVS and CAPF after each start, whatever it was told: a list that is renewed elsewhere is none
/// for them.
#[test]
fn only_the_first_start_chooses_the_ports_of_the_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &["--subscriber", "node2=127.0.0.2"]);
    let capf = |said: &str| said.lines().find(|line| line.contains("CAPF  tcp")).map(str::to_owned).unwrap();
    let (tvs, capf_line, chosen) = (node.tvs, capf(&node.said), ports(&data));
    assert!(chosen.contains(&format!("|{tvs}\n")), "{chosen}");

    // Somebody starts a second one beside it, with ports and settings of his own.
    let before = files(&data);
    let rows = || {
        let dump = run("sqlite3", "sqlite3", &[data.join("ringfence.db").to_str().unwrap(), ".dump"]).stdout;
        // What the node that runs writes by itself: which changes it has taken over, and which alarms wait for a receiver.
        let by_itself = |line: &&str| ["takenchange", "undeliveredalarm"].iter().any(|table| line.contains(table));
        String::from_utf8(dump).unwrap().lines().filter(|line| !by_itself(line)).map(str::to_owned).collect::<Vec<_>>()
    };
    let rows_before = rows();
    for more in [&["--tvs-port", "0", "--legacy-tls"][..], &["--release", "15"]] {
        let base = ["--data", data.to_str().unwrap(), "--listen", "127.0.0.1", "--tftp-port", "0", "--http-port", "0"];
        let said = refused(&[&base[..], more].concat());
        assert!(said.starts_with(&format!("node1 is served by process {} (", node.id())), "{said}");
    }
    assert_eq!(files(&data), before);
    assert_eq!(rows(), rows_before, "no row was written");

    // A subscriber and later starts that take any port take that of the cluster.
    let second = Served::start_at("127.0.0.2", &data, &["--node", "node2"], "0");
    assert_eq!((second.tvs, ports(&data)), (tvs, chosen.clone()));
    assert_eq!((second.stop().code(), node.stop().code()), (Some(0), Some(0)));
    let node = Served::start(&data, &[]);
    assert_eq!((node.tvs, capf(&node.said), ports(&data)), (tvs, capf_line.clone(), chosen.clone()));
    assert_eq!(node.stop().code(), Some(0));

    // A copy that lacks the files which a start leaves is the same cluster.
    let copy = folder.path().join("copy");
    assert!(run("cp", "coreutils", &["-a", data.to_str().unwrap(), copy.to_str().unwrap()]).status.success());
    for name in ["serve.settings", "ringfence.toml"] {
        std::fs::remove_file(copy.join(name)).unwrap();
    }
    let node = Served::start(&copy, &[]);
    assert_eq!((node.tvs, capf(&node.said), ports(&copy)), (tvs, capf_line.clone(), chosen.clone()));
    assert_eq!(node.stop().code(), Some(0));

    std::fs::write(data.join("ringfence.toml"), "[listen]\ncapf = 9\n").unwrap();
    let said = stopped(&data, &["--listen", "127.0.0.1"]);
    assert!(said.contains("wants CAPF port 9") && said.contains("-c 'set parameter CAPFPhonePort 9'"), "{said}");
    assert_eq!(ports(&data), chosen);
}

/// What a start says that is stopped because it names what the cluster is not.
fn stopped(data: &Path, more: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    program.args(["serve", "--tftp-port", "0", "--http-port", "0", "--data"]).arg(data).args(more);
    let output = program.output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Starts a node, lets it say what it has to, and stops it. What it said on both streams.
fn started(data: &Path, more: &[&str]) -> (String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    program.args(["serve", "--tftp-port", "0", "--http-port", "0", "--data"]).arg(data).args(more);
    let mut child = program.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("list --unknown") {
        let before = said.len();
        std::io::BufRead::read_line(&mut out, &mut said).unwrap();
        assert!(said.len() > before, "it ended early: {said}");
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let mut errors = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut errors).unwrap();
    assert!(child.wait().unwrap().success(), "{errors}");
    (said, errors)
}

fn admin(data: &Path, arguments: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    let output = program.args(arguments).arg("--data").arg(data).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_a_later_start_names_is_never_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = ["--listen", "127.0.0.1", "--tvs-port", "0", "--release", "10.5", "--name", "node1", "--country", "DE"];
    let (said, errors) = started(&data, &first);
    assert!(said.contains("node1 (127.0.0.1), release 10.5"), "--listen is the address of configs: {said}");
    assert!(errors.contains("First start: certificates say C=DE, O=Ringfence, OU=Phones for years"), "{errors}");
    let listen = ["--listen", "127.0.0.1"];
    for (option, value, command) in [
        ("--release", "14", "utils system switch-version 14"),
        ("--name", "node9", "set network hostname node9"),
        ("--domain", "example.com", "set network domain example.com"),
        ("--address", "127.0.0.9", "set network ip 127.0.0.9"),
        ("--organization", "Acme", "set web-security \"Phones\" \"Acme\" \"\" \"\" DE"),
        ("--tvs-port", "9", "set parameter TVSPort 9"),
        ("--subscriber", "other=127.0.0.8", "no command adds one"),
        ("--upgraded-from", "9.1", "`set cert regen UNIT key-length BITS hash NAME`"),
    ] {
        let said = stopped(&data, &[&listen[..], &[option, value]].concat());
        assert!(said.contains(command) && said.lines().count() == 1, "{option}: {said}");
    }
    // What no cluster can be is no matter of a command.
    for (option, value, said_) in
        [("--release", "13", "release 13 is not known; there are 9.1,"), ("--country", "de", "DE is meant")]
    {
        let said = stopped(&data, &[&listen[..], &[option, value]].concat());
        assert!(said.contains(said_) && !said.contains("ringfence admin"), "{option}: {said}");
        let said = stopped(&folder.path().join("new"), &[&listen[..], &[option, value]].concat());
        assert!(said.contains(said_) && said.lines().count() == 1, "{option}: {said}");
    }
    assert!(!folder.path().join("new").exists(), "nothing was begun");
    std::fs::write(data.join("ringfence.toml"), "[cluster]\ncountry = \"FR\"\n").unwrap();
    assert!(stopped(&data, &listen).contains("wants country FR, and node1 has DE"));
    std::fs::write(data.join("ringfence.toml"), "# mine\n[listen]\naddress = \"127.0.0.1\"\ntvs = 0\n").unwrap();

    // What a command has changed since is told of, and the node starts.
    admin(&data, &["admin", "--yes", "-c", "utils system switch-version 14", "-c", "set network ip 127.0.0.2"]);
    let (said, errors) = started(&data, &["--release", "10.5", "--address", "127.0.0.1", "--legacy-tls"]);
    assert!(said.contains("node1 (127.0.0.2), release 14"), "{said}");
    assert!(errors.contains("this start still names release 10.5; a command has made it 14 since"), "{errors}");
    assert!(errors.contains("this start still names address 127.0.0.1; a command has made it 127.0.0.2"), "{errors}");
    assert!(
        errors.contains("node1 listens on 127.0.0.1, but configs and lists name 127.0.0.2: --listen 127.0.0.2"),
        "{errors}"
    );
    let lacks = "is not rewritten and lacks what this start was told, which the next one has to be told again:";
    assert!(errors.contains(lacks) && errors.contains("[phones] legacy_tls = true"), "{errors}");
    assert!(std::fs::read_to_string(data.join("ringfence.toml")).unwrap().starts_with("# mine\n"));
    // It came from 10.5 indeed, and from no other release.
    let (said, _) = started(&data, &["--upgraded-from", "10.5"]);
    assert!(said.contains("release 14"), "{said}");
    assert!(stopped(&data, &["--upgraded-from", "9.1"]).contains("were made for a new cluster"));
}

/// What the cluster has cannot be read: whoever names it is not told that it is something else.
#[test]
fn a_setting_that_cannot_be_read_is_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let port = crate::support::node::free_port().to_string();
    let start = ["--listen", "127.0.0.1", "--tvs-port", &port, "--name", "node1"];
    started(&data, &start);
    let database = data.join("ringfence.db");
    let statement = "UPDATE processconfig SET paramvalue = CAST(x'41ff' AS TEXT) WHERE paramname = 'TVSPort'";
    run("sqlite3", "sqlite3", &[database.to_str().unwrap(), statement]);
    let (said, errors) = started(&data, &start);
    assert!(said.contains(&format!("TVS   tcp 127.0.0.1:{port}")), "{said}");
    assert!(errors.contains(&format!("names TVS port {port}; what the cluster has cannot be read")), "{errors}");
    // The start has said it again.
    let statement = "SELECT paramvalue FROM processconfig WHERE paramname = 'TVSPort'";
    let mended = run("sqlite3", "sqlite3", &[database.to_str().unwrap(), statement]);
    assert_eq!(String::from_utf8_lossy(&mended.stdout).trim(), port);
}

/// A unit file that still says the name of before must not keep a node from starting.
#[test]
fn a_node_starts_under_the_name_that_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    started(&data, &["--listen", "127.0.0.1", "--tvs-port", "0", "--name", "node1", "--subscriber", "sub1=127.0.0.8"]);
    admin(&data, &["admin", "--node", "sub1", "--yes", "-c", "set network hostname sub2"]);
    let (said, errors) = started(&data, &["--node", "SUB1"]);
    assert!(said.contains("sub2 (127.0.0.8)"), "{said}");
    assert!(errors.contains("this start still names --node SUB1; a command has made it sub2 since"), "{errors}");
    let (_, errors) = started(&data, &["--node", "sub2"]);
    assert!(!errors.contains("still names"), "{errors}");
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    let nobody = program.args(["serve", "--node", "sub3", "--data"]).arg(&data).output().unwrap();
    assert_ne!(nobody.status.code(), Some(0));
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    let former = program.args(["admin", "--node", "sub1", "-c", "show itl", "--data"]).arg(&data).output().unwrap();
    assert!(String::from_utf8_lossy(&former.stderr).contains("(sub1 is called sub2 now)"), "{former:?}");
}

#[test]
fn where_the_first_certificates_came_from_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = ["--listen", "127.0.0.1", "--tvs-port", "0", "--release", "10.5", "--upgraded-from", "9.1"];
    started(&data, &first);
    started(&data, &first);
    let said = stopped(&data, &["--upgraded-from", "11.5"]);
    assert!(
        said.contains("were made for one that was upgraded from 9.1") && said.contains("leave --upgraded-from"),
        "{said}"
    );
}

#[test]
fn a_subscriber_has_settings_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = stopped(&data, &["--node", "node2"]);
    assert!(said.contains("--subscriber node2=ADDRESS"), "{said}");
    let first = [
        "--listen",
        "127.0.0.1",
        "--name",
        "node1",
        "--subscriber",
        "node2=127.0.0.2",
        "--tvs-port",
        "0",
        "--legacy-tls",
    ];
    started(&data, &first);
    // It listens where lists and configs say that it is, and begins with what the publisher was told.
    let (said, errors) = started(&data, &["--node", "node2"]);
    assert!(said.contains("TVS   tcp 127.0.0.2:") && said.contains("(TLS 1.0 and up)"), "{said}");
    // Root is told that the directory is root's.
    let warned = errors.lines().any(|line| line.starts_with("warning") && !line.contains("runs as root"));
    assert!(said.contains("ringfence admin --node node2 -c \"show itl\"") && !warned, "{said}{errors}");
    let own = data.join("nodes/node2/ringfence.toml");
    std::fs::write(&own, "[phones]\nlegacy_tls = false\n").unwrap();
    let (said, _) = started(&data, &["--node", "node2"]);
    assert!(!said.contains("TLS 1.0"), "{said}");
    let shown = admin(&data, &["config", "show", "--node", "node2"]);
    assert!(shown.contains(&format!("the next start reads {}", own.display())), "{shown}");
    // `Next:` fits what is there.
    admin(&data, &["device", "add", "SEP001122334455"]);
    let (said, _) = started(&data, &["--node", "node2"]);
    assert!(!said.contains("device add") && said.contains(", 1 device\n"), "{said}");
}

#[test]
fn config_show_tells_what_is_in_force_and_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &["--release", "14"]);
    assert_eq!(node.stop().code(), Some(0));
    std::fs::write(data.join("ringfence.toml"), "[phones]\nlegacy_tls = true\n[listen]\ntvs = 0\n").unwrap();
    let line = |shown: &str, name: &str| {
        let line = shown.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {shown}"));
        line[name.len()..].split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    let shown = admin(&data, &["config", "show"]);
    assert_eq!(line(&shown, "release"), "14 utils system switch-version");
    assert_eq!(line(&shown, "address"), "127.0.0.1 set network ip");
    assert_eq!(line(&shown, "[phones] legacy_tls"), "true ringfence.toml");
    assert_eq!(line(&shown, "[listen] http"), "6970 default");
    // What the cluster or the node decides is told as what counts.
    let capf = line(&shown, "[listen] capf");
    assert!(capf.strip_suffix(" default").is_some_and(|port| port.parse::<u16>().is_ok()), "{capf}");
    assert_eq!(line(&shown, "[listen] address"), "0.0.0.0 default");
    let wide: Vec<&str> = shown.lines().filter(|line| line.chars().count() > 80 && !line.contains('/')).collect();
    assert!(wide.is_empty(), "{wide:?}");
    // The options of a process are in force while it runs.
    let node = Served::start(&data, &["--capf-connections", "77"]);
    let shown = admin(&data, &["config", "show"]);
    assert!(shown.contains("Of the process that serves it"), "{shown}");
    assert_eq!(line(&shown, "[capf] connections"), "77 option of the start");
    assert_eq!(line(&shown, "[listen] http"), "0 option of the start");
    assert_eq!(node.stop().code(), Some(0));
    assert_eq!(line(&admin(&data, &["config", "show"]), "[capf] connections"), "2048 default");
}

#[test]
fn the_help_names_every_setting() {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for setting in daemon::settings::table::SETTINGS {
        assert!(help.contains(&format!("    {}", setting.key)), "{}", setting.key);
        assert!(setting.option.is_empty() || help.contains(setting.option), "{}", setting.option);
    }
    for served in ["TFTP", "HTTP", "TVS", "CAPF", "CTL provider", "metrics", "9.1, 10.5, 11.5, 12.5, 14 or 15"] {
        assert!(help.contains(served), "{served}: {help}");
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A machine in a network of its own, without any address that others reach.
#[test]
fn a_machine_without_an_address_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let serve = format!(
        "exec {} serve --tftp-port 0 --http-port 0 --tvs-port 0 --data {}",
        env!("CARGO_BIN_EXE_ringfence"),
        data.display()
    );
    // Root needs no name space of users, and in a chroot there is none to be had.
    let alone: &[&str] = if is_root() { &["--net"] } else { &["--net", "--user", "--map-root-user"] };
    let mut child = Command::new("unshare")
        .args(alone)
        .args(["sh", "-c", &serve])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("unshare; install the Debian package util-linux");
    let mut errors = String::new();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap());
    while !errors.contains("warning:") && std::io::BufRead::read_line(&mut lines, &mut errors).unwrap() > 0 {}
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        errors.contains("so configs and lists name 127.0.0.1") && errors.contains("-c 'set network ip ADDRESS'"),
        "{errors}"
    );
}
