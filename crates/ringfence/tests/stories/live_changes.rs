//! The shell changes a cluster while a node serves it from another process: when the command returns, the node follows.

use std::path::Path;
use std::process::Command;

use crate::support::node::{Served, run};
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use pki::Certificate;
use wire::trust_list::TrustList;

fn admin(data: &Path, command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["admin", "--data", data.to_str().unwrap(), "-c", command, "--yes"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// HTTP status, or 000 when nothing listens.
fn status(port: u16, name: &str) -> String {
    let url = format!("http://127.0.0.1:{port}/{name}");
    let output = run("curl", "curl", &["-s", "-o", "/dev/null", "-w", "%{http_code}", &url]);
    String::from_utf8(output.stdout).unwrap()
}

/// The certificate that TVS shows; `None` when nothing listens.
fn shown_by_tvs(port: u16) -> Option<Certificate> {
    let tcp = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let tls = connector.build().connect("node1", tcp).ok()?;
    Some(Certificate::from_der(&tls.ssl().peer_certificate()?.to_der().unwrap()).unwrap())
}

#[test]
fn services_stop_start_and_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &[]);
    assert_eq!(status(node.http, "ITLFile.tlv"), "200");
    assert!(shown_by_tvs(node.tvs).is_some());

    assert!(admin(&data, "utils service stop Cisco Tftp").contains("Cisco Tftp[STOPPED]"));
    assert!(status(node.http, "ITLFile.tlv") == "000", "file servers give up their ports");
    assert!(shown_by_tvs(node.tvs).is_some(), "TVS goes on");
    assert!(admin(&data, "utils service start Cisco Tftp").contains("Cisco Tftp[STARTED]"));
    assert!(status(node.http, "ITLFile.tlv") == "200", "file servers are back on their ports");

    admin(&data, "utils service stop Cisco Trust Verification Service");
    assert!(shown_by_tvs(node.tvs).is_none(), "TVS gives up its port");
    admin(&data, "utils service start Cisco Trust Verification Service");
    assert!(shown_by_tvs(node.tvs).is_some(), "TVS is back");
    admin(&data, "utils service restart Cisco Trust Verification Service");
    assert!(shown_by_tvs(node.tvs).is_some(), "TVS is back");
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn a_renewal_reaches_every_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &[]);
    let before = shown_by_tvs(node.tvs).unwrap();
    let itl = || run("curl", "curl", &["-sf", &format!("http://127.0.0.1:{}/ITLFile.tlv", node.http)]).stdout;
    let old_itl = itl();
    admin(&data, "set cert regen TVS");
    assert!(itl() != old_itl, "the ITL is new");
    assert!(shown_by_tvs(node.tvs).is_some_and(|shown| shown != before), "TVS shows its new certificate");
    // A phone compares what TVS shows with the hash in its ITL.
    let shown = shown_by_tvs(node.tvs).unwrap();
    let list = TrustList::decode(itl()).unwrap();
    let hashes: Vec<&[u8]> = list.records().filter_map(|record| Some(record.certificate_hash()?.1)).collect();
    assert_eq!(hashes, [shown.sha1()]);

    let said = admin(&data, "set parameter TFTPFileSignatureAlgorithm SHA-512");
    assert!(!said.contains("unsuccessful"), "{said}");
    let digest = |bytes: Vec<u8>| {
        let list = TrustList::decode(bytes).unwrap();
        list.header().digest().unwrap().name()
    };
    assert!(digest(itl()) == Some("sha512"), "the ITL is signed with SHA-512");
    assert_eq!(node.stop().code(), Some(0));
}

/// A port that the system chose for the CTL provider is named where the other ports are, and stays.
#[test]
fn the_port_of_the_ctl_provider_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let named = |arguments: &[&str]| {
        let all = [arguments, &["--data", data.to_str().unwrap()]].concat();
        let said = run(env!("CARGO_BIN_EXE_ringfence"), "", &all);
        String::from_utf8(said.stdout).unwrap()
    };
    let of_config = || {
        let text = named(&["config", "show"]);
        let line = text.lines().find(|line| line.starts_with("CTL provider port")).map(str::to_owned);
        line.and_then(|line| line.split_whitespace().nth(3).map(str::to_owned))
    };
    let node = Served::start(&data, &["--release", "12.5"]);
    assert_eq!(of_config(), None, "it never listened");
    admin(&data, "utils service activate Cisco CTL Provider");
    let port = of_config().expect("named as soon as it listens");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).is_ok());
    let truth = named(&["truth"]);
    let same = truth.lines().find(|line| line.starts_with(&format!("127.0.0.1:{port} ")));
    assert!(same.is_some_and(|line| line.contains("same")), "{truth}");
    assert_eq!(node.stop().code(), Some(0));
    let node = Served::start(&data, &[]);
    assert!(node.said.contains(&format!("CTL   tcp 127.0.0.1:{port}\n")), "{}", node.said);
    assert_eq!(of_config(), Some(port));
    assert_eq!(node.stop().code(), Some(0));
}

/// Release 15 has no CTL provider: its port is given up at once.
#[test]
fn a_service_that_a_release_has_no_more_stops() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Served::start(&data, &["--release", "12.5"]).stop().code(), Some(0));
    admin(&data, "utils service activate Cisco CTL Provider");
    let node = Served::start(&data, &[]);
    let line = node.said.lines().find(|line| line.trim_start().starts_with("CTL ")).expect("it listens");
    let port: u16 = line.rsplit_once(':').unwrap().1.trim().parse().unwrap();
    let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    assert!(listens());
    admin(&data, "utils system switch-version 15");
    assert!(!listens(), "the CTL provider gives up its port");
    assert_eq!(status(node.http, "ITLFile.tlv"), "200");
    assert_eq!(node.stop().code(), Some(0));
}

/// A reset ITL stays until Cisco Tftp starts again, and that it does with the program.
#[test]
fn a_start_of_the_program_returns_the_normal_signer() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &["--release", "10.5"]);
    let signer = |node: &Served| {
        let url = format!("http://127.0.0.1:{}/ITLFile.tlv", node.http);
        let list = TrustList::decode(run("curl", "curl", &["-sf", &url]).stdout).ok()?;
        Some(String::from_utf8(list.header().signer_name()?.to_vec()).unwrap())
    };
    assert!(signer(&node).unwrap().starts_with("CN=node1;"));
    admin(&data, "utils itl reset localkey");
    assert!(signer(&node).is_some_and(|name| name.starts_with("CN=ITLRECOVERY_node1;")), "the reset ITL");
    assert_eq!(node.stop().code(), Some(0));
    let node = Served::start(&data, &[]);
    assert!(signer(&node).unwrap().starts_with("CN=node1;"), "{:?}", signer(&node));
    assert_eq!(node.stop().code(), Some(0));
}
