//! People bring their own files: served as they are and signed, configs merged, never rewritten.

use std::process::Command;

use crate::support::node::{Served, run};
use pki::Certificate;
use pki::verify::{Verdict, check};
use wire::signed_file::SignedFile;
use wire::trust_list::TrustList;

const CONFIG: &str = "<?xml version=\"1.0\"?>\n<device>\n  <deviceProtocol>SIP</deviceProtocol>\n  <!-- mine -->\n  \
                      <TVS><members/></TVS>\n  <sshPassword>a&amp;b</sshPassword>\n</device>\n";

fn get(port: u16, name: &str) -> (String, Vec<u8>) {
    let url = format!("http://127.0.0.1:{port}/{name}");
    let output = run("curl", "curl", &["-s", "-w", "%{stderr}%{http_code}", &url]);
    (String::from_utf8(output.stderr).unwrap(), output.stdout)
}

fn signer(port: u16) -> Certificate {
    let itl = TrustList::decode(get(port, "ITLFile.tlv").1).unwrap();
    let record = itl.records().find(|record| record.role().unwrap().signs_configs()).expect("the ITL has a TFTP role");
    Certificate::from_der(record.certificate().unwrap()).unwrap()
}

#[test]
fn own_files_as_before_and_signed() {
    let folder = tempfile::tempdir().unwrap();
    let boot = folder.path().join("tftpboot");
    std::fs::create_dir_all(boot.join("New_Zealand")).unwrap();
    std::fs::write(boot.join("SEP001122334455.cnf.xml"), CONFIG).unwrap();
    std::fs::write(boot.join("dialplan.xml"), "<DIALTEMPLATE/>").unwrap();
    std::fs::write(boot.join("New_Zealand/g3-tones.xml"), "<tones/>").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", boot.join("passwd.xml")).unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &["--tftpboot", boot.to_str().unwrap()]);
    let signer = signer(node.http);

    assert_eq!(get(node.http, "dialplan.xml").1, b"<DIALTEMPLATE/>");
    for (name, plain) in [("dialplan.xml", "<DIALTEMPLATE/>"), ("New_Zealand/g3-tones.xml", "<tones/>")] {
        let (code, bytes) = get(node.http, &format!("{name}.sgn"));
        assert_eq!(code, "200", "{name}");
        let file = SignedFile::decode(bytes).unwrap();
        assert_eq!(check(file.header(), &signer), Verdict::Valid);
        assert_eq!(file.payload(), plain.as_bytes());
        let said = String::from_utf8(file.header().file_name().unwrap().to_vec()).unwrap();
        assert_eq!(said, format!("{name}.sgn"), "FILENAME has the folder the phone asked with");
    }

    let (_, merged) = get(node.http, "sep001122334455.CNF.XML");
    let merged = String::from_utf8(merged).unwrap();
    assert!(
        merged.starts_with(
            "<?xml version=\"1.0\"?>\n<device>\n  <deviceProtocol>SIP</deviceProtocol>\n  <!-- mine -->\n"
        )
    );
    assert!(merged.contains("<sshPassword>a&amp;b</sshPassword>"));
    assert_eq!(merged.matches("<TVS>").count(), 1, "ours in place of the other: {merged}");
    assert!(merged.contains(&format!("<port>{}</port><address>127.0.0.1</address>", node.tvs)), "{merged}");
    assert!(merged.contains("<processNodeName>127.0.0.1</processNodeName></capf></capfList>"), "{merged}");
    let signed = SignedFile::decode(get(node.http, "SEP001122334455.cnf.xml.sgn").1).unwrap();
    assert_eq!(signed.payload(), merged.as_bytes());
    assert_eq!(check(signed.header(), &signer), Verdict::Valid);
    assert_eq!(std::fs::read_to_string(boot.join("SEP001122334455.cnf.xml")).unwrap(), CONFIG, "never rewritten");

    // A changed file is signed again, without a restart.
    std::fs::write(boot.join("dialplan.xml"), "<DIALTEMPLATE><!-- two --></DIALTEMPLATE>").unwrap();
    let again = SignedFile::decode(get(node.http, "dialplan.xml.sgn").1).unwrap();
    assert_eq!(again.payload(), b"<DIALTEMPLATE><!-- two --></DIALTEMPLATE>");

    // X from X.sgn, by stripping.
    std::fs::write(boot.join("ready.xml.sgn"), again.bytes()).unwrap();
    assert_eq!(get(node.http, "ready.xml").1, again.payload());
    assert_eq!(get(node.http, "ready.xml.sgn").1, again.bytes());

    for name in ["passwd.xml", "passwd.xml.sgn", "%2e%2e/data/ringfence.db", "New_Zealand"] {
        assert_ne!(get(node.http, name).0, "200", "{name} leads out of the folder or is no file");
    }

    // A phone that is known by its file is no stranger, whatever else it asks for.
    assert_eq!(get(node.http, "SEP001122334455.cnf.xml.enc.sgn").0, "404");
    // A phone that nobody knows is listed.
    assert_eq!(get(node.http, "SEPAABBCCDDEEFF.cnf.xml.sgn").0, "404");
    assert_eq!(node.stop().code(), Some(0));
    let database = data.join("ringfence.db");
    let sql = "select name, lastfile, requests from unknowndevice";
    let listed = run("sqlite3", "sqlite3", &[database.to_str().unwrap(), sql]);
    assert_eq!(listed.stdout, b"SEPAABBCCDDEEFF|SEPAABBCCDDEEFF.cnf.xml.sgn|1\n", "{listed:?}");
}

#[test]
fn untouched_on_request_and_when_broken() {
    let folder = tempfile::tempdir().unwrap();
    let boot = folder.path().join("tftpboot");
    std::fs::create_dir(&boot).unwrap();
    std::fs::write(boot.join("SEP001122334455.cnf.xml"), CONFIG).unwrap();
    std::fs::write(boot.join("SEP001122334466.cnf.xml"), "<device><unclosed></device>").unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &["--tftpboot", boot.to_str().unwrap()]);
    assert_eq!(
        get(node.http, "SEP001122334466.cnf.xml").1,
        b"<device><unclosed></device>",
        "served as its author wrote it"
    );
    assert_eq!(node.stop().code(), Some(0));
    let node = Served::start(&data, &["--tftpboot", boot.to_str().unwrap(), "--no-merge"]);
    assert_eq!(get(node.http, "SEP001122334455.cnf.xml").1, CONFIG.as_bytes());
    // Who schedules is told that such a config says nothing of it.
    let ringfence = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_ringfence")).env("RINGFENCE_DATA", &data).args(arguments).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    ringfence(&["device", "add", "SEP001122334455", "--model", "8861"]);
    // What its start was told counts, and not what stands in ringfence.toml.
    let shown = ringfence(&["device", "show", "SEP001122334455"]);
    let size = format!("  SEP001122334455.cnf.xml          {} bytes\n", CONFIG.len());
    assert!(shown.contains(&size) && shown.contains("<!-- mine -->"), "{shown}");
    let schedule = ["admin", "-c", "utils capf device schedule SEP001122334455 install null"];
    let said = ringfence(&schedule);
    assert!(said.contains("Its config does not say so: SEP001122334455.cnf.xml in "), "{said}");
    assert!(said.contains(" is given out as it is (`--no-merge`)"), "{said}");
    assert_eq!(node.stop().code(), Some(0));

    // Merged it says so, with its byte order mark.
    std::fs::write(boot.join("SEP001122334455.cnf.xml"), format!("\u{feff}{CONFIG}")).unwrap();
    let node = Served::start(&data, &["--tftpboot", boot.to_str().unwrap()]);
    let said = ringfence(&schedule);
    assert!(said.contains("Scheduled Install/Upgrade") && !said.contains("does not say so"), "{said}");
    let signed = SignedFile::decode(get(node.http, "SEP001122334455.cnf.xml.sgn").1).unwrap();
    let merged = std::str::from_utf8(signed.payload()).unwrap();
    assert!(merged.starts_with("\u{feff}<?xml version=\"1.0\"?>\n<device>\n"), "{merged}");
    assert!(
        merged.ends_with(
            "<capfAuthMode>2</capfAuthMode>\n<certHash></certHash>\n<encrConfig>false</encrConfig>\n</device>\n"
        ),
        "{merged}"
    );
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn signatures_hold_for_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &[]);
    let certificate = signer(node.http);
    let pem = folder.path().join("signer.pem");
    std::fs::write(&pem, certificate.to_pem()).unwrap();
    let key = run("openssl", "openssl", &["x509", "-in", pem.to_str().unwrap(), "-noout", "-pubkey"]);
    let public = folder.path().join("public.pem");
    std::fs::write(&public, key.stdout).unwrap();
    let config = SignedFile::decode(get(node.http, "XMLDefault.cnf.xml.sgn").1).unwrap();
    let covered = folder.path().join("covered");
    std::fs::write(&covered, config.header().covered().unwrap().concat()).unwrap();
    let signature = folder.path().join("signature");
    std::fs::write(&signature, config.header().signature().unwrap()).unwrap();
    let verified = Command::new("openssl")
        .args(["dgst", "-sha1", "-verify"])
        .arg(&public)
        .arg("-signature")
        .arg(&signature)
        .arg(&covered)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&verified.stdout), "Verified OK\n", "{verified:?}");
    assert_eq!(node.stop().code(), Some(0));
}
