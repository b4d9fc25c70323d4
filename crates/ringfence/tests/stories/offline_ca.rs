//! *Offline CA*: a phone makes a key, OpenSSL signs it somewhere else, the phone gets its LSC with a later boot.

use crate::support::enrolling::{PHONE, Place};
use crate::support::node::{Served, run};

/// The CA of a company, with OpenSSL.
struct OfflineCa {
    folder: tempfile::TempDir,
}

impl OfflineCa {
    fn new(name: &str) -> Self {
        let ca = Self { folder: tempfile::tempdir().unwrap() };
        let subject = format!("/O=Company/CN={name}");
        let (key, root) = (ca.file("ca.key"), ca.file("ca.pem"));
        let made =
            ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", &subject, "-keyout", &key];
        openssl(&[&made[..], &["-out", &root, "-addext", "keyUsage=critical,keyCertSign,cRLSign"]].concat());
        ca
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Signs a public key for a name and so many days.
    fn sign(&self, public_key: &str, common_name: &str, days: &str, out: &str) {
        let (key, root, extensions) = (self.file("ca.key"), self.file("ca.pem"), self.file("lsc.cnf"));
        std::fs::write(
            &extensions,
            "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=clientAuth\n",
        )
        .unwrap();
        let subject = format!("/O=Company/CN={common_name}");
        let new = ["x509", "-new", "-force_pubkey", public_key, "-subj", &subject, "-CA", &root, "-CAkey", &key];
        openssl(&[&new[..], &["-days", days, "-extfile", &extensions, "-out", out]].concat());
    }
}

fn openssl(arguments: &[&str]) -> String {
    let output = run("openssl", "openssl", arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_phone_gets_the_lsc_that_openssl_signed() {
    let place = Place::new();
    let node = Served::start(&place.data(), &[]);
    let ca = OfflineCa::new("Company Offline CA");
    place.add_phone();
    assert!(place.admin("set parameter CertificateIssuerToEndpoint Offline CA").contains("to Offline CA."));
    assert_eq!(place.admin("utils capf csr list"), "No certificate requests of phones found.\n");
    place.admin(&format!("utils capf device schedule {PHONE} install null"));
    place.wait_for_config(&node);

    // The session ends without a certificate and without a failure; the next boots bring no other key.
    assert!(place.boot(&node) && place.held().is_none());
    let listed = place.admin("utils capf csr list");
    assert!(listed.contains(PHONE) && listed.contains("1 request\n"), "{listed}");
    assert!(place.boot(&node) && place.held().is_none());
    assert_eq!(place.admin("utils capf csr list"), listed);
    assert_eq!(place.rows("SELECT tkcertificateoperation, tkcertificatestatus FROM device"), "2|2\n");

    let requests = place.file("requests");
    let dumped = place.admin(&format!("utils capf csr dump {}", requests.display()));
    assert!(dumped.starts_with("Successfully dumped 1 request to "), "{dumped}");
    let request = |ending: &str| requests.join(format!("{PHONE}.{ending}")).to_str().unwrap().to_owned();
    let text = openssl(&["req", "-in", &request("csr"), "-noout", "-text", "-nameopt", "RFC2253"]);
    for part in [PHONE, "Digital Signature, Key Encipherment", "TLS Web Client Authentication", "sha256WithRSA"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // The .csr and the .pub hold one key.
    let key = openssl(&["req", "-in", &request("csr"), "-noout", "-pubkey"]);
    assert_eq!(key, std::fs::read_to_string(request("pub")).unwrap());

    // What does not fit is named and changes nothing.
    let signed = place.file("signed");
    std::fs::create_dir(&signed).unwrap();
    let lsc = |name: &str| signed.join(name).to_str().unwrap().to_owned();
    let import = format!("utils capf cert import {}", signed.display());
    let (public_key, stranger) = (request("pub"), OfflineCa::new("Stranger"));
    ca.sign(&public_key, PHONE, "365", &lsc("unknown-ca.pem"));
    stranger.sign(&public_key, PHONE, "365", &lsc("stranger.pem"));
    std::fs::write(lsc("note.txt"), "nothing").unwrap();
    let refused = place.refused(&import);
    assert!(refused.contains("unknown-ca.pem: refused:") && refused.contains("is not in CAPF-trust"), "{refused}");
    assert!(refused.contains("note.txt: refused: holds no certificate"), "{refused}");
    assert!(refused.contains("Imported 0 certificates, refused 3."), "{refused}");
    place.admin(&format!("set cert import trust CAPF-trust {}", ca.file("ca.pem")));
    std::fs::remove_file(lsc("unknown-ca.pem")).unwrap();
    std::fs::remove_file(lsc("note.txt")).unwrap();
    std::fs::rename(ca.file("ca.pem"), lsc("ca.pem")).unwrap();
    let other_key = ca.file("other.pub");
    openssl(&["pkey", "-in", &ca.file("ca.key"), "-pubout", "-out", &other_key]);
    std::fs::copy(lsc("ca.pem"), ca.file("ca.pem")).unwrap();
    ca.sign(&other_key, PHONE, "365", &lsc("other-key.pem"));
    ca.sign(&public_key, "SEP000000000009", "365", &lsc("other-name.pem"));
    ca.sign(&public_key, PHONE, "-1", &lsc("over.pem"));
    let refused = place.refused(&import);
    for (file, reason) in [
        ("ca.pem", "is a CA"),
        ("other-key.pem", "no request waits for this key"),
        ("other-name.pem", &format!("is not {PHONE}, whose key it has")),
        ("over.pem", "is not valid now"),
        ("stranger.pem", "is not in CAPF-trust"),
    ] {
        let line = refused.lines().find(|line| line.starts_with(&format!("{file}: refused:")));
        assert!(line.is_some_and(|line| line.contains(reason)), "{file}: {refused}");
    }
    assert_eq!(place.rows("SELECT count(*) FROM lsc"), "0\n");

    // The right one goes out with the next boot, and counts from then on.
    ca.sign(&public_key, &format!("CP-8861-{PHONE}"), "365", &ca.file("right.pem"));
    let imported = place.admin(&format!("utils capf cert import {}", ca.file("right.pem")));
    assert_eq!(
        imported,
        format!("{PHONE}: imported, goes out when the phone boots\nImported 1 certificate, refused 0.\n")
    );
    assert!(place.boot(&node));
    let held = place.held().expect("the phone has its LSC");
    assert_eq!(
        held.to_pem(),
        pki::Certificate::from_pem(&std::fs::read(ca.file("right.pem")).unwrap()).unwrap().to_pem()
    );
    assert_eq!(place.rows("SELECT tkcertificateoperation, tkcertificatestatus FROM device"), "1|3\n");
    assert_eq!(place.current(), [hex::encode(held.sha256())]);
    assert_eq!(place.admin("utils capf stale-lsc list"), "No stale LSCs found.\n");
    assert!(place.refused(&format!("utils capf cert import {}", ca.file("right.pem"))).contains("no request waits"));

    // By the LSC it has: again a key, and the phone loses it before the certificate comes.
    place.admin(&format!("utils capf device schedule {PHONE} install lsc"));
    place.wait_for_config(&node);
    assert!(place.boot(&node));
    place.admin(&format!("utils capf csr dump {}", requests.display()));
    ca.sign(&public_key, PHONE, "365", &ca.file("second.pem"));
    place.admin(&format!("utils capf cert import {}", ca.file("second.pem")));
    std::fs::remove_file(place.found("pending.key").unwrap()).unwrap();
    assert!(!place.boot(&node), "it cannot store a certificate for a key that it has lost");
    assert_eq!(place.current(), [hex::encode(held.sha256())], "the old one counts on");
    // It makes another key, and the story ends well.
    assert!(place.boot(&node));
    place.admin(&format!("utils capf csr dump {}", requests.display()));
    ca.sign(&public_key, PHONE, "365", &ca.file("third.pem"));
    place.admin(&format!("utils capf cert import {}", ca.file("third.pem")));
    // CAPF issues by itself again: what the offline CA has signed is sent all the same.
    place.admin("set parameter CertificateIssuerToEndpoint Cisco Certificate Authority Proxy Function");
    assert!(place.boot(&node));
    let third = pki::Certificate::from_pem(&std::fs::read(ca.file("third.pem")).unwrap()).unwrap();
    assert_eq!(place.held().unwrap().to_pem(), third.to_pem());
    assert_eq!(place.current(), [hex::encode(place.held().unwrap().sha256())]);
    assert!(place.admin("utils capf stale-lsc list").contains(PHONE), "CAPF would issue it another one");
    assert_eq!(node.stop().code(), Some(0));
}
