//! Nobody who does not read, and nothing that hangs, holds up a node or its end.
#![allow(clippy::disallowed_methods)] // the end is measured with the clock

use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::node::{Served, free_port, run};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// What `serve` promises behind SIGTERM, and what the machine may take on top.
const END: Duration = Duration::from_millis(5500);

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ringfence"))
}

/// One file by HTTP.
fn fetch(port: u16) -> bool {
    let url = format!("http://127.0.0.1:{port}/ITLFile.tlv");
    run("curl", "curl", &["-sf", "-m", "20", "-o", "/dev/null", &url]).status.success()
}

/// The first datagram of an answer by TFTP, whatever it is.
fn ask(port: u16, name: &str) -> usize {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = [b"\0\x01".as_slice(), name.as_bytes(), b"\0octet\0"].concat();
    socket.send_to(&request, ("127.0.0.1", port)).unwrap();
    socket.recv(&mut [0; 1024]).expect("TFTP answers")
}

#[test]
fn a_stopped_reader_of_standard_error_stops_no_server_and_not_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    command.env("RINGFENCE_LOG", "info").stderr(Stdio::piped());
    let mut node = Served::start_command(command, &folder.path().join("data"));
    let mut errors = node.errors();
    // A page, so that a few lines fill it.
    fcntl(&errors, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    for _ in 0..60 {
        assert!(ask(node.tftp, "nothing-of-this-name") > 0);
    }
    for _ in 0..30 {
        assert!(fetch(node.http), "HTTP goes on");
    }
    let asked = Instant::now();
    node.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(node.wait().code(), Some(0));
    assert!(asked.elapsed() < END, "{:?}", asked.elapsed());
    let mut said = String::new();
    errors.read_to_string(&mut said).unwrap();
    assert!(said.contains("First start") && !said.contains("stopping"), "it was full long before: {said}");
}

#[test]
fn a_full_standard_output_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_reader, writer) = nix::unistd::pipe().unwrap();
    let room = fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    nix::unistd::write(&writer, &vec![b'x'; usize::try_from(room).unwrap()]).unwrap();
    let http = free_port().to_string();
    let mut command = program();
    command.args(["serve", "--listen", "127.0.0.1", "--name", "node1", "--address", "127.0.0.1", "--tvs-port", "0"]);
    command.args(["--tftp-port", "0", "--http-port", &http, "--data"]).arg(folder.path().join("data"));
    let mut child = command.stdout(writer).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !fetch(http.parse().unwrap()) {
        assert!(started.elapsed() < Duration::from_secs(60), "it serves");
        assert!(child.try_wait().unwrap().is_none(), "it runs");
    }
    let asked = Instant::now();
    nix::sys::signal::kill(Pid::from_raw(child.id().try_into().unwrap()), nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < END, "{:?}", asked.elapsed());
}

/// A first start that is told to stop while it makes keys: it says what it left, and the next one goes on.
#[test]
fn a_first_start_that_is_stopped_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    // Another first start holds it up for good; or nobody does, and the keys take as long as they take.
    for (name, held) in [("held", true), ("keys", false)] {
        let data = folder.path().join(name);
        std::fs::create_dir(&data).unwrap();
        let lock = std::fs::File::create(data.join("create.lock")).unwrap();
        if held {
            lock.lock().unwrap();
        }
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1", "--name", "node1", "--tvs-port", "0", "--tftp-port", "0"]);
        command.args(["--http-port", "0", "--data"]).arg(&data).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("First start: certificates say") {
            assert!(errors.read_line(&mut said).unwrap() > 0, "{said}");
        }
        let process = Pid::from_raw(child.id().try_into().unwrap());
        let asked = Instant::now();
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).unwrap();
        errors.read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
        assert!(asked.elapsed() < END, "{:?}", asked.elapsed());
        let last = said.lines().last().unwrap();
        assert!(!said.contains("hangs") && !said.contains("ERROR"), "{said}");
        assert!(
            !held || (last.starts_with("stopped: no cluster was made in ") && last.contains("the next start")),
            "{said}"
        );
        lock.unlock().unwrap();
        assert!(Served::start(&data, &[]).stop().success());
    }
}

/// The threads of a process whose name begins so.
fn threads(process: Pid, name: &str) -> Vec<Pid> {
    let tasks = Path::new("/proc").join(process.to_string()).join("task");
    let all = std::fs::read_dir(tasks).unwrap().map(|entry| entry.unwrap().path());
    let named = all.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.starts_with(name)));
    named.map(|task| Pid::from_raw(task.file_name().unwrap().to_str().unwrap().parse().unwrap())).collect()
}

#[test]
fn threads_that_hang_do_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(&folder.path().join("data"), &[]);
    assert!(fetch(node.http) && ask(node.tftp, "ITLFile.tlv") > 0);
    // As if each waited for a disk that never answers: TFTP, and all that the runtime has.
    let mut stuck = threads(node.id(), "tftp");
    assert_eq!(stuck.len(), 1);
    stuck.extend(threads(node.id(), "tokio-"));
    assert!(stuck.len() > 2);
    stuck.retain(|thread| ptrace::seize(*thread, ptrace::Options::empty()).is_ok());
    for thread in &stuck {
        ptrace::interrupt(*thread).unwrap();
        let stopped = waitpid(*thread, Some(WaitPidFlag::__WALL)).unwrap();
        assert!(matches!(stopped, WaitStatus::PtraceEvent(..) | WaitStatus::Stopped(..)), "{stopped:?}");
    }
    let asked = Instant::now();
    node.signal(nix::sys::signal::Signal::SIGTERM);
    // Who holds up a thread has to see it end.
    for thread in &stuck {
        let ended = waitpid(*thread, Some(WaitPidFlag::__WALL));
        assert!(!matches!(ended, Ok(WaitStatus::StillAlive)), "{ended:?}");
    }
    assert_eq!(node.wait().code(), Some(2), "whoever started it sees that the end was forced");
    assert!(asked.elapsed() < END, "{:?}", asked.elapsed());
}
