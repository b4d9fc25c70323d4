//! A node that may open few files: a flood of one server takes nothing of the others.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use phone::misbehave::load::{Load, Target};
use phone::misbehave::visit::{Server, Visitor};

use crate::support::node::{Served, free_port};

/// How long a good client waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// The limit of shells and of systemd.
const FILES: &str = "1024";

/// The program, which may open `soft` files and raise that to `hard`.
fn limited(soft: &str, hard: &str) -> Command {
    let mut command = Command::new("sh");
    let limits = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
    command.args(["-c", &limits, env!("CARGO_BIN_EXE_ringfence")]);
    command
}

fn admin(data: &Path, command: &str, input: &str) {
    let mut program = program();
    program.args(["admin", "--data"]).arg(data).args(["-c", command]).stdin(std::process::Stdio::piped());
    let mut child = program.stdout(std::process::Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{command}");
}

/// The program.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ringfence"))
}

/// A node with all its servers, and where they are.
pub fn node_with_all(folder: &Path, command: Command, more: &[&str]) -> (Served, Target) {
    let data = folder.join("data");
    assert_eq!(Served::start(&data, &["--release", "12.5"]).stop().code(), Some(0));
    admin(&data, "utils service activate Cisco CTL Provider", "");
    let metrics = free_port();
    let settings = data.join("ringfence.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let text = text.replace("[monitor]\n", &format!("[monitor]\nmetrics = \"127.0.0.1:{metrics}\"\n"));
    std::fs::write(&settings, text).unwrap();
    let node = Served::start_command_with(command, &data, more);
    let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let port = |name: &str| {
        let line = node.said.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.rsplit_once(':').unwrap().1.split_whitespace().next().unwrap().parse().unwrap()
    };
    let target = Target::new([
        (Server::Tftp, at(node.tftp)),
        (Server::Http, at(node.http)),
        (Server::Tvs, at(node.tvs)),
        (Server::Capf, at(port("CAPF"))),
        (Server::CtlProvider, at(port("CTL"))),
        (Server::Metrics, at(metrics)),
    ]);
    (node, target)
}

/// Files that the process has open.
fn open_files(node: &Served) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", node.id())).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_to_one_server_stop_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (node, target) = node_with_all(folder.path(), limited(FILES, FILES), &[]);
    let line = node.said.lines().find(|line| line.trim_start().starts_with("open")).expect("it says what it got");
    assert_eq!(line, "  open  1024 files: TFTP 184, HTTP 184, TVS 184, CAPF 184; 288 for the rest");
    let visitor = Visitor::new(Ipv4Addr::new(127, 0, 0, 9), PATIENCE).unwrap();
    for load in [Load::IdleCapf, Load::IdleTvs, Load::IdleHttp] {
        let crowd = load.begin(&target, 1100);
        // A second later than all places are taken somebody has to make room.
        let flooded = async {
            while open_files(&node) < 184 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, flooded).await.expect("the crowd comes in");
        for round in 0..5 {
            for (server, address) in target.servers() {
                let visited = visitor.visit(*server, *address).await;
                visited.unwrap_or_else(|why| panic!("{}, round {round}: {why}", load.label()));
            }
        }
        assert!(open_files(&node) < 1024);
        drop(crowd);
    }
    assert_eq!(node.stop().code(), Some(0));
}

#[tokio::test]
async fn the_soft_limit_is_raised_to_the_hard_one() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start_command(limited("256", "8192"), &folder.path().join("data"));
    assert!(node.said.contains("\n  open  8192 files, enough for all places\n"), "{}", node.said);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", node.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>()[3..5], ["8192", "8192"], "{limits}");
    assert_eq!(node.stop().code(), Some(0));
}
