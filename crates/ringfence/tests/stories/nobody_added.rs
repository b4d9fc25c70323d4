//! A phone that nobody added, through the program: it lives by XMLDefault.cnf.xml, a renewal waits for it, and TVS vouches.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::support::node::{Served, run};

fn ringfence(arguments: &[&str]) -> Output {
    run(env!("CARGO_BIN_EXE_ringfence"), "ringfence", arguments)
}

fn admin(data: &Path, command: &str) -> Output {
    ringfence(&["admin", "--data", data.to_str().unwrap(), "-c", command, "--yes"])
}

fn both(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

/// Asks until the answer fits; the node writes down what it saw four times a second.
fn until(what: &str, mut fits: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !fits() {
        assert!(Instant::now() < patience, "{what}: not within 20 s");
    }
}

#[test]
fn a_renewal_waits_for_a_phone_that_nobody_added() {
    let folder = tempfile::tempdir().unwrap();
    let (data, state) = (folder.path().join("data"), folder.path().join("phone"));
    let node = Served::start(&data, &["--release", "10.5"]);
    let phone = |more: &[&str]| {
        let (http, tftp) = (node.http.to_string(), node.tftp.to_string());
        let mut arguments = vec!["phone", "--server", "127.0.0.1", "--http-port", &http, "--tftp-port", &tftp];
        arguments.extend(["--model", "8861", "--mac", "001122334455", "--state", state.to_str().unwrap()]);
        ringfence(&[&arguments, more].concat())
    };
    let booted = phone(&[]);
    assert!(booted.status.success(), "{booted:?}");
    assert!(both(&booted).contains("XMLDefault.cnf.xml.sgn"), "{}", both(&booted));
    until("it is listed", || both(&admin(&data, "show itl status")).contains("SEP001122334455"));
    let listed = both(&admin(&data, "show itl status"));
    for said in [
        "0 of 0 phones have the current ITL file\n\nPhones that nobody added\n",
        "1 of 1 phones have the current ITL file",
    ] {
        assert!(listed.contains(said), "{said}\n{listed}");
    }
    assert!(
        listed.lines().any(|line| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            cells.starts_with(&["SEP001122334455", "Match", "node1", "127.0.0.1"])
                && cells.ends_with(&["XMLDefault", "yes"])
        }),
        "{listed}"
    );
    let alarms = both(&admin(&data, "show alarms"));
    assert!(alarms.contains("UC_TFTP-5-PhonesNotAdded: 1 phone holds trust lists: SEP001122334455."), "{alarms}");

    let refused = admin(&data, "set cert regen CallManager");
    assert!(both(&refused).contains("live by XMLDefault.cnf.xml: SEP001122334455."), "{refused:?}");
    let forget = |name: &str| ringfence(&["device", "forget", name, "--data", data.to_str().unwrap()]);
    let stranger = forget("SEP0000000000FF");
    assert_eq!((stranger.status.code(), both(&stranger).contains("show itl status")), (Some(1), true), "{stranger:?}");
    assert_eq!(both(&forget("sep001122334455")), "SEP001122334455 forgotten\n");
    assert_eq!(both(&forget("all")), "nothing to forget: no phone that nobody added is remembered\n");
    let itl = || run("curl", "curl", &["-sf", &format!("http://127.0.0.1:{}/ITLFile.tlv", node.http)]).stdout;
    let before = itl();
    let renewed = admin(&data, "set cert regen CallManager");
    assert!(renewed.status.success() && both(&renewed).contains("Successfully Regenerated"), "{renewed:?}");
    until("the new list is served", || itl() != before);

    // The virtual phone takes TVS from XMLDefault.cnf.xml, and its console says so as [sources/phones#console] does.
    let booted = phone(&["-v"]);
    assert!(booted.status.success(), "{booted:?}");
    let said = both(&booted);
    let mut rest = said.as_str();
    for line in [
        "SECD: setupSocketToTvsProxy: Connected to TVS proxy server\n",
        "SECD: tvsReqFlushTvsCertCache: Sent Request to TVS proxy, len: 3708\n",
        "SECD: tvsSendRequest: QUERY_CERT_REQ sent to TVS 127.0.0.1:",
        "SECD: clpTvsInit: Client message received on TVS proxy socket\n",
        "SECD: processTvsClntReq: Success reading the client TVS request, len : 3708\n",
        "SECD: processTvsClntReq: TVS Certificate cache flush request received\n",
        "SECD: tvsFlushCertCache: Completed TVS Certificate cache flush request\n",
        "is in no list; TVS 127.0.0.1:",
    ] {
        let place = rest.find(line).unwrap_or_else(|| panic!("{line}\n{said}"));
        rest = &rest[place + line.len()..];
    }
    assert_eq!(node.stop().code(), Some(0));
}

/// What `phone --check` advises for a server, and what a phone that speaks TLS 1.0 only is told.
#[test]
fn what_check_advises() {
    let folder = tempfile::tempdir().unwrap();
    let (data, state) = (folder.path().join("data"), folder.path().join("phone"));
    let node = Served::start(&data, &["--release", "10.5"]);
    let (http, tftp) = (node.http.to_string(), node.tftp.to_string());
    let common =
        ["phone", "--server", "127.0.0.1", "--http-port", &http, "--tftp-port", &tftp, "--mac", "001122334455"];
    let phone = |more: &[&str]| ringfence(&[&common, more].concat());

    // a web server that no store knows
    let certificate = folder.path().join("web.pem");
    let key = folder.path().join("web.key");
    let made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=intranet", "-days", "30"];
    let out = ["-out", certificate.to_str().unwrap(), "-keyout", key.to_str().unwrap()];
    assert!(run("openssl", "openssl", &[&made[..], &out].concat()).status.success());
    let port = crate::support::node::free_port();
    let mut server = Command::new("openssl")
        .args(["s_server", "-quiet", "-accept", &port.to_string(), "-cert", certificate.to_str().unwrap()])
        .args(["-key", key.to_str().unwrap()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("the server listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let web = format!("127.0.0.1:{port}");
    let checked = phone(&["--model", "8861", "--check", &web]);
    let said = both(&checked);
    assert!(said.contains("; put the certificate into tomcat-trust of that node"), "{said}");
    assert!(!said.contains("SAST"), "{said}");

    // A server that cannot be reached takes nothing away from the boot and from the others.
    let nobody = format!("127.0.0.1:{}", crate::support::node::free_port());
    let both_ways = phone(&["--model", "8861", "--check", &nobody, "--check", &web]);
    assert_eq!(both_ways.status.code(), Some(2), "{both_ways:?}");
    let said = both(&both_ways);
    for part in [format!("{nobody}: not checked: "), format!("{web}: refused: "), "1 of 2 servers".to_owned()] {
        assert!(said.contains(&part), "{part}: {said}");
    }
    assert!(said.contains("ITLSEP001122334455.tlv"), "the boot is told: {said}");
    let json = phone(&["--json", "--check", &nobody, "--check", &web]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["checks"][0]["server"], nobody.as_str(), "{json}");
    assert!(json["checks"][0]["error"].is_string() && json["checks"][1]["accepted"] == false, "{json}");

    // Done as it says, it helps, and the server signs no lists.
    let imported = ringfence(&[
        "admin",
        "--data",
        data.to_str().unwrap(),
        "--yes",
        "-c",
        &format!("set cert import trust tomcat-trust {}", certificate.to_str().unwrap()),
    ]);
    assert!(imported.status.success(), "{imported:?}");
    until("TVS knows it", || phone(&["--model", "8861", "--check", &web]).status.success());
    let known = both(&phone(&["--model", "8861", "--check", &web]));
    assert!(known.contains("knows it as APP-SERVER"), "{known}");
    server.kill().unwrap();
    server.wait().unwrap();

    // A 7965 and a node without legacy_tls: said there, and in the log of the node.
    let tvs = format!("127.0.0.1:{}", node.tvs);
    let capf = node.said.lines().find_map(|line| line.trim().strip_prefix("CAPF  tcp ")).unwrap();
    for service in [tvs.as_str(), capf] {
        let old = phone(&["--model", "7965", "--legacy-tls", "--state", state.to_str().unwrap(), "--check", service]);
        let said = both(&old);
        assert!(said.contains("speaks no TLS 1.0, as this model needs: [phones] legacy_tls = true"), "{said}");
        assert!(!said.contains("check address and port"), "{said}");
    }
    until("tvs.log says it too", || {
        let log = std::fs::read_to_string(data.join("log/tvs.log")).unwrap_or_default();
        log.contains("unsupported protocol") && log.contains("needs [phones] legacy_tls = true")
    });
    assert_eq!(node.stop().code(), Some(0));
}
