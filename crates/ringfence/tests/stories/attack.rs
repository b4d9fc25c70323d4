//! The campaign of `cargo xtask attack` in short: small crowds, some seconds, good clients of every server all the while.

use std::time::Duration;

use phone::misbehave::campaign::{HEAD, STAYS, Taken, Times, measure, visits};
use phone::misbehave::load::{LARGE, Load};

use crate::open_files::{node_with_all, program};

/// Clients of a crowd at most.
const CROWD: usize = 300;

const TIMES: Times = Times {
    before: Duration::from_millis(300),
    coming: Duration::from_millis(300),
    during: Duration::from_millis(900),
    rest: Duration::ZERO,
    after: Duration::from_millis(200),
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_clients_of_every_server_are_served_beside_every_load() {
    let folder = tempfile::tempdir().unwrap();
    let boot = folder.path().join("boot");
    std::fs::create_dir(&boot).unwrap();
    std::fs::write(boot.join(LARGE), vec![7; 8 << 20]).unwrap();
    let (node, target) = node_with_all(folder.path(), program(), &["--tftpboot", boot.to_str().unwrap()]);
    println!("{HEAD}");
    for load in Load::ALL {
        let process = u32::try_from(node.id().as_raw()).unwrap();
        let row = measure(load, load.crowd().min(CROWD), &target, process, TIMES).await;
        println!("{}", row.line());
        assert_eq!(row.served.len(), 6);
        for served in &row.served {
            let name = served.server.name();
            assert!(served.failed.is_empty(), "{}, {name}: {:?}", load.label(), served.failed);
            assert!(served.waits.iter().all(|waits| waits.count() > 0), "{}, {name}", load.label());
        }
        // How long they waited is a figure of the machine; what was taken is not.
        let [before, most, _] = row.taken;
        assert!(most.memory < before.memory + (256 << 20), "{}: {:?}", load.label(), row.taken);
    }
    assert_eq!(node.stop().code(), Some(0));
}

/// A minute is what the campaign gives it; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_a_crowd_took_goes_back_to_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let (node, target) = node_with_all(folder.path(), program(), &[]);
    let process = u32::try_from(node.id().as_raw()).unwrap();
    visits(&target, TIMES.during).await;
    let quiet = Taken::by(process).memory;
    let crowd = Load::HalfOpenTls.begin(&target, 1500);
    let grows = async {
        loop {
            visits(&target, TIMES.before).await;
            let taken = Taken::by(process).memory;
            if taken >= quiet + (8 << 20) {
                return taken;
            }
        }
    };
    let most = tokio::time::timeout(PATIENCE, grows).await.expect("a crowd that takes memory");
    drop(crowd);
    let goes_back = async {
        while Taken::by(process).memory * 100 > quiet * STAYS {
            visits(&target, TIMES.before).await;
        }
    };
    let gone = tokio::time::timeout(PATIENCE, goes_back).await;
    assert!(gone.is_ok(), "quiet {quiet}, at most {most}, now {:?}", Taken::by(process));
    assert_eq!(node.stop().code(), Some(0));
}
