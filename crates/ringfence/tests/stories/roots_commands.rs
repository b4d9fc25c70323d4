//! Commands that root gives in the data directory of another user, who may have put anything there: nothing that they do leads out of it
//! with root's rights, and nothing holds them up.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::support::node::Served;
use crate::support::root::{NOBODY, below, needs_root, place};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ringfence"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// A cluster of nobody's that was served once, and a folder of root's that nobody else can enter.
struct Scene {
    folder: tempfile::TempDir,
    data: PathBuf,
    safe: PathBuf,
}

impl Scene {
    fn new() -> Self {
        needs_root("it makes a data directory of another user");
        let (folder, data) = place(NOBODY, 0o700);
        let mut command = program();
        command.stderr(Stdio::null());
        let more = ["--subscriber", "node2=127.0.0.2"];
        assert_eq!(Served::start_command_with(command, &data, &more).stop().code(), Some(0));
        let safe = folder.path().join("safe");
        std::fs::create_dir(&safe).unwrap();
        std::fs::set_permissions(&safe, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(safe.join("pw"), "correct horse\n").unwrap();
        let scene = Self { folder, data, safe };
        scene.done(&["admin", "--yes", "-c", "set cert regen tomcat"]);
        scene
    }

    /// Runs a command of root's there; one that is held up for a minute is killed.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("timeout");
        command
            .args(["-s", "KILL", "60", env!("CARGO_BIN_EXE_ringfence")])
            .args(arguments)
            .arg("--data")
            .arg(&self.data);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code != 137), "it hangs: {arguments:?}: {output:?}");
        output
    }

    fn done(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        output
    }

    /// Commands that write all kinds of files: rows, keys, lists, logs. How they ended does not matter.
    fn work(&self, number: usize) {
        let parameter = format!("set parameter TVSCacheTimeToLive {}", 4000 + number);
        self.run(&["admin", "--yes", "-c", &parameter]);
        self.run(&["admin", "--yes", "-c", "set cert regen TVS"]);
        self.run(&["device", "add", &format!("SEP{number:012}"), "--model", "8861"]);
    }

    fn backup(&self) -> Output {
        let (file, password) = (self.safe.join("backup"), self.safe.join("pw"));
        self.run(&["backup", "--force", "-o", text(&file), "--password-file", text(&password)])
    }
}

/// What a folder of root's holds: bytes, rights and owner of each file.
fn seen(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32, u32)> {
    let about = |path: PathBuf| {
        let about = path.symlink_metadata().unwrap();
        let bytes = if about.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        (path, (bytes, about.mode(), about.uid()))
    };
    below(folder).into_iter().map(about).collect()
}

/// A copy of a file or a folder of the node that belongs to root.
fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::copy(from, to).unwrap();
        return std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy(&from.join(&name), &to.join(&name));
    }
}

/// Names in the data directory that its user puts something else under.
const FOLDERS: [&str; 3] = ["log", "keys", "published"];
const FILES: [&str; 9] = [
    "ringfence.db",
    "ringfence.toml",
    "write.lock",
    "open.lock",
    "publish.lock",
    "serve.ask",
    "log/audit.log",
    "log/CertMgmt.log",
    "published/ITLFile.tlv",
];

/// The lock of a log that a command writes.
const LOG_LOCK: &str = "log.CertMgmt.log.lock";

/// The user of the node lays links, and second names, from his directory to files of root's that look like his own.
#[test]
fn what_lies_in_the_directory_leads_root_nowhere() {
    let scene = Scene::new();
    let treasure = scene.folder.path().join("treasure");
    std::fs::create_dir(&treasure).unwrap();
    std::fs::set_permissions(&treasure, std::fs::Permissions::from_mode(0o755)).unwrap();
    let links = FOLDERS.into_iter().chain(FILES).map(|name| (name, true));
    for (number, (name, link)) in links.chain(FILES.map(|name| (name, false))).enumerate() {
        let (place, away, victim) = (scene.data.join(name), scene.data.join("away"), treasure.join(number.to_string()));
        std::fs::rename(&place, &away).unwrap();
        copy(&away, &victim);
        if link {
            symlink(&victim, &place).unwrap();
        } else {
            std::fs::hard_link(&victim, &place).unwrap();
        }
        let before = seen(&treasure);
        scene.work(number);
        if link {
            scene.backup();
        }
        assert!(before == seen(&treasure), "{name} (link: {link}): root wrote in the place of the user of the node");
        drop(std::fs::remove_file(&place));
        std::fs::rename(&away, &place).unwrap();
    }
    scene.work(99);
    let verified = scene.done(&["audit", "verify"]);
    assert!(said(&verified).starts_with("whole"), "{verified:?}");
}

/// All threads of a command of root's work as the user whom the directory belongs to, and nobody looks into its memory.
#[test]
fn a_command_of_root_works_as_the_user_of_the_node() {
    let scene = Scene::new();
    let mut child = program()
        .arg("admin")
        .arg("--data")
        .arg(&scene.data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"set parameter TVSCacheTimeToLive 4711\nshow itl\n").unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("ITL")), "it has answered");
    let about = PathBuf::from(format!("/proc/{}", child.id()));
    let mut threads = 0;
    for task in std::fs::read_dir(about.join("task")).unwrap() {
        let Ok(status) = std::fs::read_to_string(task.unwrap().path().join("status")) else { continue };
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!([value("Uid:"), value("Gid:")], ["0 65534 0 65534"; 2], "{status}");
        assert_eq!([value("Groups:"), value("CapEff:")], ["65534", "0000000000000000"], "{status}");
        threads += 1;
    }
    assert!(threads > 2, "it has threads");
    assert_eq!(std::fs::metadata(about.join("environ")).unwrap().uid(), 0, "nobody may dump or trace it");
    drop(input);
    assert!(child.wait().unwrap().success());
    let audited = said(&scene.done(&["audit", "export"]));
    let entry = audited.lines().find(|line| line.contains("TVSCacheTimeToLive")).unwrap();
    assert!(entry.contains(r#""actor":"root""#), "who typed it stands in the audit log: {entry}");
}

/// What an administrator names is his: read and written with the rights of who gives the command.
#[test]
fn files_that_root_names_are_roots() {
    let scene = Scene::new();
    let file = |name: &str| scene.safe.join(name);
    std::fs::write(file("phones.csv"), "name,model\nSEP001122334455,8861\n").unwrap();
    scene.done(&["device", "import", text(&file("phones.csv"))]);
    scene.done(&["cert", "tomcat", "-o", text(&file("tomcat.pem"))]);
    assert_eq!(scene.backup().status.code(), Some(0));
    scene.done(&["admin", "--yes", "-c", &format!("utils capf csr dump {}", text(&file("requests")))]);
    for name in ["tomcat.pem", "backup", "requests"] {
        assert_eq!(std::fs::metadata(file(name)).unwrap().uid(), 0, "{name}");
    }
    // A restore for the user of the node: what comes back is his.
    let lists = ["published/ITLFile.tlv", "nodes/node2/published/ITLFile.tlv"];
    let lists = || lists.map(|list| std::fs::read(scene.data.join(list)).unwrap());
    let before = lists();
    scene.done(&["restore", "--yes", text(&file("backup")), "--password-file", text(&file("pw"))]);
    let strange: Vec<_> =
        below(&scene.data).into_iter().filter(|path| path.symlink_metadata().unwrap().uid() != NOBODY).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(lists() == before, "lists are those of the backup");
    let mut command = program();
    command.stderr(Stdio::null());
    assert_eq!(Served::start_command(command, &scene.data).stop().code(), Some(0));
}

/// A pipe that nobody writes into holds nobody up, whatever name it has; what stands there instead is named.
#[test]
fn a_pipe_holds_no_command_up() {
    let scene = Scene::new();
    let key = std::fs::read_dir(scene.data.join("keys")).unwrap().next().unwrap().unwrap().file_name();
    let key = format!("keys/{}", key.to_str().unwrap());
    let more =
        [key.as_str(), "serve.lock", "create.lock", "ringfence.db-wal", "log/audit.log.1", "serve.settings", LOG_LOCK];
    for (number, name) in FILES.into_iter().chain(more).enumerate() {
        let (place, away) = (scene.data.join(name), scene.data.join("away"));
        let was = std::fs::rename(&place, &away).is_ok();
        nix::unistd::mkfifo(&place, nix::sys::stat::Mode::S_IRWXU).unwrap();
        chown(&place, Some(NOBODY), Some(NOBODY)).unwrap();
        scene.work(number);
        if ["keys", "publ", "log/", "serve.settings"].iter().any(|lasts| name.starts_with(lasts)) {
            scene.backup();
        }
        // A node: it ends at once, or comes as far as serving, which the time ends.
        let mut serve = Command::new("timeout");
        serve.args(["-k", "20", "15", env!("CARGO_BIN_EXE_ringfence"), "serve", "--listen", "127.0.0.1"]);
        serve.args(["--tftp-port", "0", "--http-port", "0", "--data"]).arg(&scene.data);
        let mut node = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let serves = BufReader::new(node.stdout.take().unwrap()).lines().any(|line| line.unwrap().contains("Next:"));
        if serves {
            let id = nix::unistd::Pid::from_raw(node.id().try_into().unwrap());
            nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
        }
        let ended = node.wait().unwrap();
        assert!(!matches!(ended.code(), None | Some(137)) && (serves || ended.code() != Some(124)), "{name}: {ended}");
        drop(std::fs::remove_file(&place));
        if was {
            std::fs::rename(&away, &place).unwrap();
        }
    }
    let verified = scene.done(&["audit", "verify"]);
    assert!(said(&verified).starts_with("whole"), "{verified:?}");
}

/// A log with a second name, or that is no file, is not written, and the command says which.
#[test]
fn a_log_that_is_none_is_named() {
    let scene = Scene::new();
    let log = scene.data.join("log/audit.log");
    std::fs::hard_link(&log, scene.data.join("second")).unwrap();
    let before = std::fs::read(&log).unwrap();
    let refused = scene.run(&["admin", "--yes", "-c", "set parameter TVSCacheTimeToLive 4711"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(said(&refused).contains("audit.log: cannot be written: it has 2 names"), "{refused:?}");
    assert_eq!(std::fs::read(&log).unwrap(), before, "what the audit log cannot take is not done");
    std::fs::remove_file(scene.data.join("second")).unwrap();
    scene.done(&["admin", "--yes", "-c", "set parameter TVSCacheTimeToLive 4711"]);
}

/// A path that stands in the database is the word of whoever owns that, not of root.
#[test]
fn a_place_of_exchange_in_the_database_leads_root_nowhere() {
    let scene = Scene::new();
    let export = |path: &Path| {
        sets_place_of_exchange(&scene.data.join("ringfence.db"), path);
        scene.run(&["admin", "--yes", "-c", "set cert bulk export tomcat"])
    };
    let before = seen(&scene.safe);
    symlink(&scene.safe, scene.data.join("exchange")).unwrap();
    for place in [scene.safe.clone(), scene.data.join("exchange")] {
        let refused = export(&place);
        assert!(before == seen(&scene.safe), "{}: root wrote there", place.display());
        assert!(said(&refused).contains("has to be allowed to read and write there"), "{refused:?}");
    }
    // Nor does root read what is there.
    std::fs::write(scene.safe.join("tomcat-consolidated.bulk"), "a secret of root's").unwrap();
    let refused = scene.run(&["admin", "--yes", "-c", "set cert bulk consolidate tomcat"]);
    assert!(said(&refused).contains("has to be allowed to read and write there"), "{refused:?}");
    // Root is told when he names a place that the node cannot use.
    let mut admin = program();
    admin.arg("admin").arg("--data").arg(&scene.data).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut admin = admin.stderr(Stdio::piped()).spawn().unwrap();
    let typed = format!("set cert bulk sftp\nlocal\n{}\n", text(&scene.safe));
    admin.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let refused = admin.wait_with_output().unwrap();
    assert!(said(&refused).contains("has to be allowed to read and write there"), "{refused:?}");
    // A place of the node's own works, and what is written there is its.
    let own = scene.data.join("own");
    std::fs::create_dir(&own).unwrap();
    chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
    let done = export(&own);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let written = below(&own);
    assert!(written.len() == 2 && std::fs::metadata(&written[1]).unwrap().uid() == NOBODY, "{written:?}");
}

fn sets_place_of_exchange(database: &Path, path: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(database);
        let mut connection = options.connect().await.unwrap();
        let row = "INSERT OR REPLACE INTO bulkserver (id, server, port, username, password, path, hostkey) \
                   VALUES (1, '', 0, '', '', ?, '')";
        sqlx::query(row).bind(text(path)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    for name in ["ringfence.db", "ringfence.db-wal", "ringfence.db-shm"] {
        drop(chown(database.with_file_name(name), Some(NOBODY), Some(NOBODY)));
    }
}

/// Root names a file that lies in the data directory: in its place the user of the node has laid a link. Whatever name root gives the
/// directory, what he reads and writes there is what that user may.
#[test]
fn what_root_names_in_the_directory_is_the_business_of_its_user() {
    let scene = Scene::new();
    let safe = |name: &str| scene.safe.join(name);
    std::fs::write(safe("phones.csv"), "name,model\nSEP001122334455,8861\n").unwrap();
    std::fs::copy(scene.data.join("ringfence.db"), safe("tvs.sqlite3")).unwrap();
    std::fs::write(safe("tomcat.pem"), "of root").unwrap();
    assert_eq!(scene.backup().status.code(), Some(0));
    for name in ["phones.csv", "tvs.sqlite3", "backup", "pw", "tomcat.pem"] {
        symlink(safe(name), scene.data.join(name)).unwrap();
    }
    symlink(&scene.safe, scene.data.join("out")).unwrap();
    for name in ["phones.csv", "tvs.sqlite3", "backup", "pw", "tomcat.pem", "out"] {
        std::os::unix::fs::lchown(scene.data.join(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let alias = scene.folder.path().join("alias");
    symlink("data", &alias).unwrap();
    let roundabout = scene.safe.join("../data");
    let before = seen(&scene.safe);
    for data in [&scene.data, &alias, &roundabout] {
        let at = |name: &str| data.join(name).to_str().unwrap().to_owned();
        let password = text(&scene.safe).to_owned() + "/pw";
        let new = at("new");
        let commands: [&[&str]; 8] = [
            &["device", "import", &at("phones.csv")],
            &["device", "import", &at("out/phones.csv")],
            &["import", "peer", "--tvs", &at("tvs.sqlite3")],
            &["import", "peer", "--tvs", &at("out/tvs.sqlite3")],
            &["restore", "--yes", &at("backup"), "--password-file", &password],
            &["backup", "-o", &new, "--password-file", &at("pw")],
            &["backup", "-o", &at("out/new"), "--password-file", &password],
            &["cert", "tomcat", "-o", &at("out/new")],
        ];
        for command in commands {
            let refused = scene.run(command);
            assert!(before == seen(&scene.safe), "{command:?}: root wrote there: {refused:?}");
            assert_ne!(refused.status.code(), Some(0), "{command:?}: {refused:?}");
            assert!(said(&refused).contains("ermission denied"), "{command:?}: {refused:?}");
        }
    }
    // A link that he cannot follow is replaced, not followed.
    scene.done(&["cert", "tomcat", "--force", "-o", text(&scene.data.join("tomcat.pem"))]);
    assert!(before == seen(&scene.safe), "root wrote there");
    // What the user of the node may read and write there works, and belongs to him.
    std::fs::write(scene.data.join("list.csv"), "name,model\nSEP001122334455,8861\n").unwrap();
    chown(scene.data.join("list.csv"), Some(NOBODY), Some(NOBODY)).unwrap();
    scene.done(&["device", "import", text(&alias.join("list.csv"))]);
    scene.done(&["cert", "tomcat", "-o", text(&alias.join("own.pem"))]);
    assert_eq!(std::fs::metadata(scene.data.join("own.pem")).unwrap().uid(), NOBODY);
}

/// The same for commands that know of no data directory, and for links that lie beside it.
#[test]
fn a_link_that_another_user_has_laid_gives_root_nothing_of_roots() {
    let scene = Scene::new();
    scene.done(&["cert", "tomcat", "-o", text(&scene.safe.join("secret.pem"))]);
    let theirs = scene.folder.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    chown(&theirs, Some(NOBODY), Some(NOBODY)).unwrap();
    let secret = scene.safe.join("secret.pem");
    for (target, link) in [
        (&secret, scene.data.join("published/link.pem")),
        (&scene.safe, scene.data.join("published/out")),
        (&secret, theirs.join("link.pem")),
        (&scene.safe, theirs.join("out")),
    ] {
        symlink(target, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let before = seen(&scene.safe);
    for folder in [scene.data.join("published"), theirs.clone()] {
        for name in ["link.pem", "out/secret.pem"] {
            let named = folder.join(name);
            let list = scene.data.join("published/ITLFile.tlv");
            let refused = program().args(["verify", text(&list), "--cert", text(&named)]).output().unwrap();
            assert!(said(&refused).contains("ermission denied"), "{}: {refused:?}", named.display());
        }
        let to = folder.join("out/copy");
        let refused = scene.run(&["cert", "tomcat", "-o", text(&to)]);
        assert!(said(&refused).contains("ermission denied"), "{}: {refused:?}", to.display());
    }
    // The last part of what is named, and what stands behind it is a directory, a database, a device.
    symlink("/dev/null", theirs.join("device")).unwrap();
    std::os::unix::fs::lchown(theirs.join("device"), Some(NOBODY), Some(NOBODY)).unwrap();
    let (out, device, peer) = (theirs.join("out"), theirs.join("device"), theirs.join("link.pem"));
    let commands: [(&[&str], &str); 4] = [
        (&["admin", "--yes", "-c", &format!("utils capf csr dump {}", text(&out))], "ermission denied"),
        (&["admin", "--yes", "-c", &format!("utils capf cert import {}", text(&out))], "ermission denied"),
        (&["import", "peer", "--tvs", text(&peer)], "ermission denied"),
        (&["cert", "tomcat", "-o", text(&device)], "is a link of another user"),
    ];
    for (command, why) in commands {
        let refused = scene.run(command);
        assert!(said(&refused).contains(why), "{command:?}: {refused:?}");
        assert_ne!(refused.status.code(), Some(0), "{command:?}: {refused:?}");
    }
    assert!(before == seen(&scene.safe), "root wrote there");
    // A link of a third user to a place of his: what is written there is his, and comes from the node.
    let third = scene.folder.path().join("third");
    std::fs::create_dir(&third).unwrap();
    chown(&third, Some(4711), Some(4711)).unwrap();
    symlink(&third, theirs.join("to-third")).unwrap();
    std::os::unix::fs::lchown(theirs.join("to-third"), Some(4711), Some(4711)).unwrap();
    let (to, password) = (theirs.join("to-third/backup"), scene.safe.join("pw"));
    scene.done(&["backup", "-o", text(&to), "--password-file", text(&password)]);
    assert_eq!(std::fs::metadata(third.join("backup")).unwrap().uid(), 4711);
    // What root has laid himself leads root on.
    let own = scene.folder.path().join("own.pem");
    symlink(&secret, &own).unwrap();
    let list = scene.data.join("published/ITLFile.tlv");
    let read = program().args(["verify", text(&list), "--cert", text(&own)]).output().unwrap();
    assert_eq!(read.status.code(), Some(1), "another certificate: {read:?}");
}

/// A pipe in the place of a file that a command names, to read or to write, is named at once.
#[test]
fn a_pipe_that_is_named_holds_no_command_up() {
    let scene = Scene::new();
    let pipe = scene.data.join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    chown(&pipe, Some(NOBODY), Some(NOBODY)).unwrap();
    let (pipe, list, new) = (text(&pipe), scene.data.join("published/ITLFile.tlv"), scene.safe.join("new"));
    assert_eq!(scene.backup().status.code(), Some(0));
    let (backup, password) = (scene.safe.join("backup"), scene.safe.join("pw"));
    let with_data: [&[&str]; 6] = [
        &["device", "import", pipe],
        &["restore", "--yes", pipe, "--password-file", text(&password)],
        &["restore", "--yes", text(&backup), "--password-file", pipe],
        &["backup", "-o", text(&new), "--password-file", pipe],
        &["admin", "--yes", "-c", "set cert import trust tomcat-trust pipe"],
        &["cert", "tomcat", "--force", "-o", pipe],
    ];
    for arguments in with_data {
        let refused = scene.run(arguments);
        assert!(said(&refused).contains("is a pipe"), "{arguments:?}: {refused:?}");
        assert_ne!(refused.status.code(), Some(0), "{arguments:?}: {refused:?}");
    }
    let without: [&[&str]; 3] = [&["show", pipe], &["verify", pipe], &["verify", text(&list), "--cert", pipe]];
    for arguments in without {
        let mut command = Command::new("timeout");
        command.args(["-s", "KILL", "60", env!("CARGO_BIN_EXE_ringfence")]).args(arguments);
        let refused = command.stdin(Stdio::null()).output().unwrap();
        assert!(said(&refused).contains("is a pipe"), "{arguments:?}: {refused:?}");
    }
    // One of a shell has no name that others could take, and is read.
    let mut shell = Command::new("bash");
    shell.args(["-c", r#""$0" show <(cat "$1")"#, env!("CARGO_BIN_EXE_ringfence"), text(&list)]);
    let read = shell.output().unwrap();
    assert!(read.status.success(), "{read:?}");
}
