//! One phone boots against one node, told like a story: the way through the whole house.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::node::{Served, run};
use phone::report::{AskKind, FileOutcome, Transport};
use phone::{Outcome, Phone, PhoneName, PhoneSettings};
use trust::{DeviceMessage, Ground, ListKind, Model, Verdict};
use wire::role::Role;

/// The administrator types a command into the shell of the running node.
fn admin(data: &Path, command: &str, answer: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["admin", "--data", data.to_str().unwrap(), "-c", command, "--yes"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?} (would have answered {answer})");
    String::from_utf8(output.stdout).unwrap()
}

fn ground(verdict: Option<&Verdict>) -> &Ground {
    match verdict {
        Some(Verdict::Accepted(accepted)) => &accepted.ground,
        other => panic!("not accepted: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_comes_to_trust_a_node() {
    // A node is started on an empty machine.
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &["--release", "10.5"]);

    // A phone that the node does not know is plugged in. It takes the first trust list it gets on faith, and there is
    // no config for it: the default is all it has.
    let model = Model::find("8861").unwrap();
    let mut settings =
        PhoneSettings::new(model, PhoneName::parse("SEPB000B4BA0AEE").unwrap(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    settings.http_port = node.http;
    settings.tftp_port = node.tftp;
    let mut phone = Phone::new(settings).unwrap();
    let report = phone.boot().await;
    assert_eq!(*ground(report.verdict("ITL")), Ground::LeapOfFaith);
    assert!(report.messages.contains(&DeviceMessage::TrustListUpdated));
    let files: Vec<&str> = report.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        files,
        ["CTLSEPB000B4BA0AEE.tlv", "ITLSEPB000B4BA0AEE.tlv", "SEPB000B4BA0AEE.cnf.xml.sgn", "XMLDefault.cnf.xml.sgn"]
    );
    assert!(matches!(report.files[1].outcome, FileOutcome::Fetched { transport: Transport::Http, .. }));

    // The administrator sees it among the strangers and adds it.
    let ringfence = env!("CARGO_BIN_EXE_ringfence");
    let data_text = data.to_str().unwrap();
    let added =
        run(ringfence, "ringfence", &["device", "add", "SEPB000B4BA0AEE", "--model", "8861", "--data", data_text]);
    assert!(added.status.success(), "{added:?}");

    // The phone is reset and gets a config of its own, signed by a certificate in its ITL.
    until_served(&node, "SEPB000B4BA0AEE.cnf.xml.sgn", |_| true);
    let report = reset(&mut phone).await;
    match ground(report.verdict("signed config")) {
        Ground::Listed { list: ListKind::Itl, role: Role::TFTP, .. } => {}
        other => panic!("{other:?}"),
    }

    // The cluster goes to mixed mode. The CTL is signed by a certificate that stands in the ITL as SAST.
    let said = admin(&data, "utils ctl set-cluster mixed-mode", "y");
    assert!(said.contains("Cluster set to Mixed Mode"), "{said}");
    until_served(&node, "CTLFile.tlv", |_| true);
    let report = reset(&mut phone).await;
    match ground(report.verdict("CTL")) {
        Ground::Listed { list: ListKind::Itl, role: Role::SAST, .. } => {}
        other => panic!("{other:?}"),
    }

    // The CallManager certificate is renewed and the CTL updated: a signer that the phone has never seen. It asks TVS.
    admin(&data, "set cert regen CallManager", "yes");
    admin(&data, "utils ctl update CTLFile", "y");
    let held = phone.belief().ctl().unwrap().bytes().to_vec();
    until_served(&node, "CTLFile.tlv", |ctl| ctl != held);
    let report = reset(&mut phone).await;
    match ground(report.verdict("CTL")) {
        Ground::Tvs { roles, server, .. } => {
            assert_eq!(roles, &[0, 2], "SAST and CCM+TFTP");
            assert_eq!(*server, format!("127.0.0.1:{}", node.tvs));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(report.tvs[0].ask, AskKind::Query);

    // What it shows on its screen is what the node serves.
    let served = run("curl", "curl", &["-sf", &format!("http://127.0.0.1:{}/CTLFile.tlv", node.http)]).stdout;
    assert_eq!(phone.belief().ctl().unwrap().bytes(), served);
    assert_eq!(node.stop().code(), Some(0));
}

/// Waits until the node serves something: it looks for changes of the shell four times a second.
fn until_served(node: &Served, name: &str, new: impl Fn(&[u8]) -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let output = run("curl", "curl", &["-sf", &format!("http://127.0.0.1:{}/{name}", node.http)]);
        if output.status.success() && new(&output.stdout) {
            return;
        }
        assert!(Instant::now() < patience, "{name}: nothing new came within 20 s");
    }
}

/// Resets the phone; it must end with everything believed.
async fn reset(phone: &mut Phone) -> phone::BootReport {
    let report = phone.reset().await;
    assert_eq!(report.outcome, Outcome::Trusted, "{}", report.reason());
    report
}
