//! Names that would steer a terminal or turn its letters round: in a certificate, a description, a file of tftpboot, a request of a phone. No
//! screen, no JSON and no log holds them as they are.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use wire::printable::is_printable;

use crate::admin_cluster::Place;
use crate::receiver::until;
use crate::support::node::Served;

/// Right-to-left override, a control sequence introducer of one character, a line separator, a zero-width joiner; and letters that must stay.
const NAME: &str = "東京\u{202e}moc\u{9b}2J\u{2028}a\u{200d}Київ";

/// The same on screens and in logs.
const SHOWN: &str = r"東京\u{202e}moc\u{9b}2J\u{2028}a\u{200d}Київ";

/// A self-signed certificate of that name, good for five days.
fn certificate(folder: &Path) -> String {
    let (subject, pem) = (format!("/CN={NAME}"), folder.join("named.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-utf8", "-newkey", "rsa:2048", "-nodes", "-days", "5", "-subj", &subject, "-keyout"])
        .arg(folder.join("named.key"))
        .arg("-out")
        .arg(&pem)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    pem.to_str().unwrap().to_owned()
}

fn is_clean(what: &str, text: &str) {
    let bad: Vec<char> = text.chars().filter(|letter| !is_printable(*letter) && !"\n\t".contains(*letter)).collect();
    assert!(bad.is_empty(), "{what}: {bad:?} in {text:?}");
}

/// What a command prints, which holds the name as it is shown.
fn screen(place: &Place, arguments: &[&str]) -> String {
    let ended = place.run(arguments, "");
    is_clean(&format!("{arguments:?}"), ended.out());
    is_clean(&format!("{arguments:?}"), ended.error());
    ended.out().to_owned() + ended.error()
}

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().flat_map(strings).collect(),
        Value::Object(all) => all.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn no_screen_shows_a_name_that_steers_the_terminal() {
    let place = Place::new(|_| async {});
    let pem = certificate(place.path());
    place.run(&["admin", "--yes", "-c", &format!("set cert import trust tomcat {pem}")], "").success();
    place.run(&["device", "add", "SEP001122334455", "--description", NAME], "").success();
    let listed = screen(&place, &["admin", "-c", "show cert list trust"]);
    assert!(listed.contains("tomcat-trust/___moc_2J_a_____.pem"), "{listed}");
    for arguments in [
        &["inventory"][..],
        &["inventory", "--long"],
        &["device", "list"],
        &["device", "show", "SEP001122334455"],
        &["admin", "-c", "run sql select description from device"],
        &["admin", "-c", "show cert trust tomcat-trust/___moc_2J_a_____.pem"],
        &["admin", "-c", &format!("show cert trust {NAME}")],
        &["device", "show", NAME],
        &["show", NAME],
        &["verify", NAME, "--json"],
        &["show", "--", NAME, NAME],
    ] {
        let text = screen(&place, arguments);
        assert!(text.contains(r"\u"), "{arguments:?}: {text}");
    }
    let shown = screen(&place, &["device", "show", "SEP001122334455"]);
    assert!(shown.contains(SHOWN), "{shown}");
    for arguments in [
        &["inventory", "--json"][..],
        &["device", "list", "--json"],
        &["device", "show", "SEP001122334455", "--json"],
        &["audit", "export"],
    ] {
        let text = screen(&place, arguments);
        assert!(text.contains("東京\\u202emoc\\u009b2J\\u2028a\\u200dКиїв"), "{arguments:?}: {text}");
        let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>().map(Result::unwrap);
        let values: Vec<Value> = values.collect();
        assert!(
            values.iter().flat_map(strings).any(|string| string.contains(NAME)),
            "{arguments:?}: read, it is the name"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_and_no_alarm_holds_one() {
    let folder = tempfile::tempdir().unwrap();
    let (data, boot) = (folder.path().join("data"), folder.path().join("boot"));
    std::fs::create_dir(&boot).unwrap();
    std::fs::write(boot.join(format!("{NAME}.cnf.xml")), "<device").unwrap();
    std::fs::write(boot.join("SEP001122334455.cnf.xml"), "<device").unwrap();
    let pem = certificate(folder.path());
    assert_eq!(Served::start(&data, &["--release", "15"]).stop().code(), Some(0));
    let admin = |arguments: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_ringfence"))
            .env("RINGFENCE_DATA", &data)
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    admin(&["admin", "--yes", "-c", &format!("set cert import trust tomcat {pem}")]);

    let mut node = Served::start_heard(&data, &["--tftpboot", boot.to_str().unwrap()]);
    let (heard, errors) = (mpsc::channel(), BufReader::new(node.errors()));
    let heard_by = std::thread::spawn(move || {
        for line in errors.lines().map_while(Result::ok) {
            drop(heard.0.send(line));
        }
    });
    let tftp = node.tftp;
    for name in [
        format!("{NAME}.cnf.xml"),
        format!("CTL{NAME}.tlv"),
        format!("SEP001122334455{NAME}.cnf.xml.sgn"),
        "x\n\u{202e}".to_owned(),
    ] {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.send_to(&[b"\0\x01", name.as_bytes(), b"\0octet\0"].concat(), ("127.0.0.1", tftp)).unwrap();
        assert!(socket.recv_from(&mut [0; 600]).is_ok(), "{name:?}");
    }
    let server = format!("127.0.0.1:{}", node.tvs);
    let list = data.join("published/ITLFile.tlv");
    let list = list.to_str().unwrap();
    let asked = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args([
            "tvs",
            "query",
            "--subject",
            NAME,
            "--issuer",
            NAME,
            "--serial",
            "01",
            "--server",
            &server,
            "--trust",
            list,
        ])
        .output()
        .unwrap();
    is_clean("tvs query", &String::from_utf8(asked.stdout).unwrap());
    is_clean("tvs query", &String::from_utf8(asked.stderr).unwrap());
    let log = |name: &'static str| {
        let path = data.join("log").join(name);
        move || std::fs::read_to_string(&path).ok().filter(|text| text.contains("東京\\u{202e}moc"))
    };
    let tvs = until("the name in tvs.log", log("tvs.log")).await;
    is_clean("tvs.log", &tvs);
    assert_eq!(node.stop().code(), Some(0));
    heard_by.join().unwrap();
    for line in heard.1.iter() {
        is_clean("standard error", &line);
    }
    for entry in std::fs::read_dir(data.join("log")).unwrap() {
        let path = entry.unwrap().path();
        is_clean(path.to_str().unwrap(), &std::fs::read_to_string(&path).unwrap());
    }
}
