//! A new ITLRecovery certificate: a phone that cannot ask TVS believes every list on the way when the administrator does what
//! `show restarts` says, in that order.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::node::{Served, run};
use phone::{Outcome, Phone, PhoneName, PhoneSettings};
use trust::Model;

fn admin(data: &Path, command: &str) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    let output = program.args(["admin", "--data", data.to_str().unwrap(), "-c", command, "--yes"]).output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The first step that is pending on the node; `None` when nothing of these is.
fn next_step(data: &Path) -> Option<String> {
    let said = admin(data, "show restarts");
    let ours = |line: &&str| line.contains("utils ") || line.contains("reset the phones");
    let line = said.lines().filter(|line| !line.contains("on the call server")).find(ours)?;
    let step = line.split_once(": ").unwrap().1.split(';').next().unwrap();
    Some(step.replace(" (then `utils service mark-done reset-phones`)", ""))
}

async fn follow(mode: Option<&str>, list: &str, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &["--release", "15"]);
    if let Some(command) = mode {
        admin(&data, command);
    }
    let served = || run("curl", "curl", &["-sf", &format!("http://127.0.0.1:{}/{list}", node.http)]).stdout;
    let published = || std::fs::read(data.join("published").join(list)).unwrap();
    // The node looks for changes of the shell four times a second.
    let caught_up = || {
        let patience = Instant::now() + Duration::from_secs(20);
        while served() != published() {
            assert!(Instant::now() < patience, "{list}: not served within 20 s");
        }
    };
    caught_up();
    let model = Model::find("8861").unwrap();
    let name = PhoneName::parse("SEPB000B4BA0AEE").unwrap();
    let mut settings = PhoneSettings::new(model, name, IpAddr::V4(Ipv4Addr::LOCALHOST));
    (settings.http_port, settings.tftp_port) = (node.http, node.tftp);
    let mut phone = Phone::new(settings).unwrap();
    let report = phone.boot().await;
    assert_eq!(report.outcome, Outcome::Trusted, "{}", report.reason());
    admin(&data, "utils service stop Cisco Trust Verification Service");

    let said = admin(&data, "set cert regen ITLRecovery");
    assert!(said.contains(&format!(": {};", expected[0])), "{said}");
    let mut steps = Vec::new();
    while let Some(step) = next_step(&data) {
        if step == "reset the phones" {
            caught_up();
            let report = phone.reset().await;
            assert_eq!(report.outcome, Outcome::Trusted, "after {steps:?}: {}", report.reason());
            admin(&data, "utils service mark-done reset-phones");
        } else {
            admin(&data, &step);
        }
        steps.push(step);
        assert!(steps.len() <= expected.len(), "{steps:?}");
    }
    assert_eq!(steps, expected);
    caught_up();
    let report = phone.reset().await;
    assert_eq!(report.outcome, Outcome::Trusted, "{}", report.reason());
    let held = wire::trust_list::TrustList::decode(published()).unwrap();
    let signer = held.header().signer_name().unwrap().escape_ascii().to_string();
    assert!(signer.starts_with("CN=ITLRECOVERY_"), "{signer}");
    assert_eq!(node.stop().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_mixed_mode() {
    let steps = ["utils ctl reset localkey", "reset the phones", "utils ctl update CTLFile"];
    follow(Some("utils ctl set-cluster mixed-mode"), "CTLFile.tlv", &steps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_non_secure_mode() {
    let steps = ["utils itl reset localkey", "reset the phones", "utils service restart Cisco Tftp"];
    follow(None, "ITLFile.tlv", &steps).await;
}
