//! CAPF under a CA of a company, as clients of TLS see it: the chain is sent.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::enrolling::Place;
use crate::support::node::{Served, run};

/// What the certificate of a CA says in the words of `openssl x509 -extfile`.
const CA: &str = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,digitalSignature\n";

fn openssl(arguments: &[&str]) -> String {
    let output = run("openssl", "openssl", arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What `openssl s_client` sees of CAPF, with a root to check it by.
fn seen(node: &Served, root: &str) -> String {
    let address = node.said.lines().find(|line| line.trim_start().starts_with("CAPF")).unwrap();
    let address = address.split_whitespace().find(|word| word.starts_with("127.0.0.1:")).unwrap();
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", address, "-showcerts", "-CAfile", root]);
    let output = client.stdin(Stdio::null()).output().expect("openssl; install the Debian package openssl");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_chain_above_capf_is_sent() {
    let place = Place::new();
    let node = Served::start(&place.data(), &[]);
    let file = |name: &str| place.file(name).to_str().unwrap().to_owned();
    let (root, root_key) = (file("root.pem"), file("root.key"));
    let made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=Company Root"];
    openssl(&[&made[..], &["-keyout", &root_key, "-out", &root]].concat());
    let (middle, middle_key, request) = (file("middle.pem"), file("middle.key"), file("middle.csr"));
    let made = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Company Phones"];
    openssl(&[&made[..], &["-keyout", &middle_key, "-out", &request]].concat());
    let extensions = file("ca.cnf");
    std::fs::write(&extensions, CA).unwrap();
    let sign = |request: &str, ca: &str, key: &str, out: &str| {
        let new = ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", key, "-CAcreateserial", "-days", "3000"];
        openssl(&[&new[..], &["-extfile", &extensions, "-out", out]].concat());
    };
    sign(&request, &root, &root_key, &middle);
    let before = seen(&node, &root);
    assert_eq!(before.matches("BEGIN CERTIFICATE").count(), 1, "its own certificate is self-signed: {before}");

    place.admin("set csr gen CAPF");
    let (request, own) = (file("capf.csr"), file("capf.pem"));
    std::fs::write(&request, place.admin("show csr own CAPF rfc7468")).unwrap();
    std::fs::write(&extensions, format!("{CA}extendedKeyUsage=serverAuth,clientAuth\n")).unwrap();
    sign(&request, &middle, &middle_key, &own);
    let all = [&own, &middle, &root].map(|path| std::fs::read_to_string(path).unwrap());
    for ca in [&root, &middle] {
        place.admin(&format!("set cert import trust CAPF-trust {ca}"));
    }
    place.admin(&format!("set cert import own CAPF {own}"));
    let patience = Instant::now() + Duration::from_secs(20);
    let after = loop {
        let after = seen(&node, &root);
        if after != before && after.contains("Company Root") {
            break after;
        }
        assert!(Instant::now() < patience, "not within 20 s: {after}");
    };
    assert_eq!(after.matches("BEGIN CERTIFICATE").count(), 3, "CAPF, the CA above it, the root: {after}");
    assert!(after.contains("Verify return code: 0 (ok)"), "{after}");
    let mut rest = after.as_str();
    for part in all {
        let body: String =
            part.lines().skip_while(|line| !line.starts_with("-----BEGIN")).collect::<Vec<_>>().join("\n");
        rest = rest.split_once(&body).unwrap_or_else(|| panic!("in this order: {after}")).1;
    }
    // What a client that knows only the root needs is there also after a start.
    assert!(node.stop().success());
    let node = Served::start(&place.data(), &[]);
    assert!(seen(&node, &root).contains("Verify return code: 0 (ok)"));
}
