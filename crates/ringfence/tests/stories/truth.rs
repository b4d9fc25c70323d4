//! `ringfence truth`: what the ports of a real node and of `openssl s_server` present, held against what is on record.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::support::node::{Served, free_port, run};
use pki::Certificate;
use serde_json::Value;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// `openssl s_server` with a certificate and its key; its port.
fn s_server(folder: &Path, certificate: &Certificate, key: &Path) -> (Running, u16) {
    let pem = folder.join("shown.pem");
    std::fs::write(&pem, certificate.to_pem()).unwrap();
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "0", "-cert"]).arg(pem).arg("-key").arg(key);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().unwrap().starts_with("ACCEPT ")).expect("it listens").unwrap();
    std::thread::spawn(move || lines.count());
    (Running(child), line.rsplit(':').next().unwrap().split(' ').next().unwrap().parse().unwrap())
}

fn ringfence(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringfence")).args(arguments).arg("--data").arg(data).output().unwrap()
}

/// The exit code, and the findings.
fn truth(data: &Path, arguments: &[&str]) -> (i32, Vec<Value>) {
    let said = ringfence(data, &[&["truth", "--json"], arguments].concat());
    let findings: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    (said.status.code().unwrap(), findings.as_array().unwrap().clone())
}

#[test]
fn what_ports_present() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let served = Served::start(&data, &[]);
    let (code, findings) = truth(&data, &[]);
    let units: Vec<_> = findings.iter().map(|one| (one["unit"].as_str().unwrap(), &one["outcome"])).collect();
    assert_eq!((code, units), (0, vec![("TVS", &"same".into()), ("CAPF", &"same".into())]), "{findings:?}");
    assert_eq!(findings[0]["at"], format!("127.0.0.1:{}", served.tvs));

    // Somebody else has the tomcat certificate of the node, as a call server would.
    let select = "SELECT certificate FROM certificate JOIN certificateservicecertificatemap ON fkcertificate = \
                  certificate.pkid WHERE tkcertificateservice = 5";
    let database = data.join("ringfence.db");
    let pem = run("sqlite3", "sqlite3", &[database.to_str().unwrap(), select]).stdout;
    let tomcat = Certificate::from_pem(&pem).unwrap();
    let name = pki::hash::hex(&tomcat.key_id());
    let keys = std::fs::read_dir(data.join("keys")).unwrap().map(|entry| entry.unwrap().path());
    let key = keys.into_iter().find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&name)).unwrap();
    let copy = folder.path().join("tomcat.key");
    std::fs::copy(key, &copy).unwrap();
    let (_server, port) = s_server(folder.path(), &tomcat, &copy);
    let at = format!("127.0.0.1:{port}=tomcat");
    assert_eq!(truth(&data, &["--at", &at]).0, 0);
    // A renewal that the other server does not know of.
    let renewed = ringfence(&data, &["admin", "--yes", "-c", "set cert regen tomcat"]);
    assert!(renewed.status.success(), "{renewed:?}");
    let (code, findings) = truth(&data, &["--at", &at]);
    assert_eq!((code, &findings[0]["outcome"]), (1, &"different".into()));
    assert_eq!(findings[0]["presented"], pki::hash::hex(&tomcat.sha256()));
    assert!(findings[0]["on_record"].is_string() && findings[0]["on_record"] != findings[0]["presented"]);
    let pending: Vec<&str> = findings[0]["pending"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(pending.contains(&"Cisco Tomcat"), "{pending:?}");
    let text = ringfence(&data, &["truth", "--at", &at]);
    assert!(String::from_utf8(text.stdout).unwrap().contains("different"));

    // Our own services take a renewal over by themselves or after their restart; the rows say which it was.
    let (code, findings) = truth(&data, &["--at", &format!("127.0.0.1:{port}=CAPF")]);
    assert_eq!((code, findings[0]["pending"].as_array().unwrap().len()), (1, 0), "{findings:?}");

    // Another protocol, and nobody.
    for (port, reason) in [(served.http, "does not speak TLS"), (free_port(), "nobody answers")] {
        let (code, findings) = truth(&data, &["--at", &format!("127.0.0.1:{port}=tomcat")]);
        assert_eq!((code, &findings[0]["outcome"]), (2, &"could not tell".into()));
        assert!(findings[0]["reason"].as_str().unwrap().contains(reason), "{findings:?}");
    }
    for wrong in ["8443=tomcat", "a:b=tomcat", "a:1=cat", "a:1"] {
        assert_eq!(ringfence(&data, &["truth", "--at", wrong]).status.code(), Some(64), "{wrong}");
    }
    assert!(served.stop().success());
}

#[test]
fn each_node_is_asked_on_its_own_address() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Served::start(&data, &["--subscriber", "sub1=127.0.0.2"]);
    let port = first.tvs.to_string();
    let second = Served::start_at("127.0.0.2", &data, &["--node", "sub1"], &port);
    for (node, address, count) in [("node1", "127.0.0.1", 2), ("sub1", "127.0.0.2", 1)] {
        let (code, findings) = truth(&data, &["--node", node]);
        assert_eq!((code, findings.len()), (0, count), "{findings:?}");
        assert_eq!(findings[0]["at"], format!("{address}:{port}"));
        assert!(findings.iter().all(|one| one["node"] == node && one["outcome"] == "same"), "{findings:?}");
    }
    // One that is not there could not be asked; one that was stopped is just that.
    assert!(second.stop().success());
    let (code, findings) = truth(&data, &["--node", "sub1"]);
    assert_eq!((code, &findings[0]["outcome"]), (2, &"could not tell".into()), "{findings:?}");
    let stopped = ringfence(&data, &["admin", "-c", "utils service stop CAPF"]);
    assert!(stopped.status.success(), "{stopped:?}");
    let second = Served::start_at("127.0.0.2", &data, &["--node", "sub1"], &port);
    let ended = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let (code, findings) = loop {
        let (code, findings) = truth(&data, &[]);
        if findings[1]["outcome"] != "same" || std::time::Instant::now() > ended {
            break (code, findings);
        }
    };
    let outcomes: Vec<_> = findings.iter().map(|one| (&one["outcome"], &one["service"])).collect();
    let capf = "Cisco Certificate Authority Proxy Function".into();
    let tvs = "Cisco Trust Verification Service".into();
    assert_eq!((code, outcomes), (0, vec![(&"same".into(), &tvs), (&"stopped".into(), &capf)]), "{findings:?}");
    let text = String::from_utf8(ringfence(&data, &["truth"]).stdout).unwrap();
    assert!(text.contains("stopped") && !text.contains("nobody answers"), "{text}");
    assert!(second.stop().success() && first.stop().success());
}
