//! The key of one unit is gone: what hangs on it goes on with what it had and says so; everything else follows, and the alarm ends when the
//! key is back.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::node::Served;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use pki::Certificate;

fn admin(data: &Path, command: &str) -> (bool, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    let done = program.args(["admin", "--data", data.to_str().unwrap(), "-c", command, "--yes"]).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap();
    // without the line ends of a terminal
    (done.status.success(), said.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn rows(data: &Path, statement: &str) -> String {
    let done = Command::new("sqlite3").arg(data.join("ringfence.db")).arg(statement).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

fn behind(data: &Path) -> String {
    rows(data, "SELECT text FROM standingalarm WHERE name = 'UC_CERT-3-NodeBehind'")
}

/// The key file of a unit of the publisher.
fn key_file(data: &Path, unit: i64) -> PathBuf {
    let statement = format!(
        "SELECT certificate FROM certificate JOIN owncertificate ON fkcertificate = certificate.pkid \
         WHERE tkcertificateservice = {unit}"
    );
    let certificate = Certificate::from_pem(rows(data, &statement).as_bytes()).unwrap();
    data.join("keys").join(format!("{}.pem", pki::hash::hex(&certificate.key_id())))
}

/// The certificate that TVS shows; `None` when nothing listens or no handshake is made.
fn shown_by_tvs(port: u16) -> Option<Certificate> {
    let tcp = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let tls = connector.build().connect("node1", tcp).ok()?;
    Some(Certificate::from_der(&tls.ssl().peer_certificate()?.to_der().unwrap()).unwrap())
}

#[test]
fn a_missing_key_of_tomcat_stops_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &[]);
    let before = shown_by_tvs(node.tvs).unwrap();
    let tomcat = key_file(&data, 5);
    std::fs::remove_file(&tomcat).unwrap();

    // Whoever changes something first is told that the node does not follow in all, and the alarm says why.
    let (_, said) = admin(&data, "set parameter TVSCacheTimeToLive 600");
    assert!(said.contains("did not take it over"), "{said}");
    let alarm = behind(&data);
    assert!(alarm.starts_with("CTL provider of ") && alarm.contains("is not there"), "{alarm}");
    assert_eq!(alarm.lines().count(), 1, "{alarm}");
    // Everything else follows, and nobody is held up.
    let (done, said) = admin(&data, "set cert regen TVS");
    assert!(done && !said.contains("did not take it over"), "{said}");
    assert!(shown_by_tvs(node.tvs).is_some_and(|shown| shown != before), "TVS shows its new certificate");
    let (done, said) = admin(&data, "utils service stop Cisco Trust Verification Service");
    assert!(done && !said.contains("did not take it over"), "{said}");
    assert!(shown_by_tvs(node.tvs).is_none(), "services follow");
    admin(&data, "utils service start Cisco Trust Verification Service");

    // The way out.
    let (done, said) = admin(&data, "set cert regen tomcat");
    assert!(done, "{said}");
    assert_eq!(behind(&data), "", "the alarm ends by itself");
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn a_node_starts_without_the_keys_of_its_services() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert!(Served::start(&data, &[]).stop().success());
    // tomcat, CAPF, TVS
    for unit in [5, 9, 11] {
        std::fs::remove_file(key_file(&data, unit)).unwrap();
    }
    let node = Served::start(&data, &[]);
    assert_eq!(behind(&data).lines().count(), 3, "{}", behind(&data));
    assert!(shown_by_tvs(node.tvs).is_none());
    for (unit, left) in [("TVS", 2), ("CAPF", 1), ("tomcat", 0)] {
        let (done, said) = admin(&data, &format!("set cert regen {unit}"));
        assert!(done, "{unit}: {said}");
        assert_eq!(behind(&data).lines().count(), left, "{unit}: {}", behind(&data));
    }
    assert!(shown_by_tvs(node.tvs).is_some());
    let log = std::fs::read_to_string(data.join("log/alarms.log")).unwrap();
    assert_eq!(log.matches("UC_CERT-3-NodeBehind").count(), 3, "{log}");
    assert_eq!(node.stop().code(), Some(0));
}
