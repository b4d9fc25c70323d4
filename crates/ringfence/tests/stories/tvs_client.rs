//! `ringfence tvs` against a real `ringfence serve`, and against servers that do not keep to the protocol.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::node::{Served, free_port};
use openssl::ssl::{SslAcceptor, SslConnector, SslFiletype, SslMethod, SslVerifyMode};
use pki::{Certificate, NameForm};
use serde_json::{Value, json};
use wire::trust_list::TrustList;
use wire::tvs::{Answer, Ask, FIRST_SESSION_ID, Found, ServerSession, Trust};

fn vector(name: &str) -> String {
    format!("{}/../../testdata/vectors/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A node with its files, and the signer of its ITL.
struct Place {
    folder: tempfile::TempDir,
    node: Served,
    itl: PathBuf,
    signer: Certificate,
}

impl Place {
    fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("ringfence.toml"), settings).unwrap();
        let node = Served::start(&data, &[]);
        let itl = data.join("published/ITLFile.tlv");
        let list = TrustList::decode(std::fs::read(&itl).unwrap()).unwrap();
        let (_, record) = list.signer_record().expect("an ITL names its signer");
        let signer = Certificate::from_der(record.certificate().unwrap()).unwrap();
        Self { folder, node, itl, signer }
    }

    fn server(&self) -> String {
        format!("127.0.0.1:{}", self.node.tvs)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file next to the data of the node.
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Asks the node; its certificate has to stand in its ITL.
    fn ask(&self, arguments: &[&str]) -> Output {
        let (server, itl) = (self.server(), self.itl.to_str().unwrap());
        tvs(&[arguments, &["--server", &server, "--trust", itl]].concat())
    }
}

fn tvs(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringfence")).arg("tvs").args(arguments).output().unwrap()
}

/// What it said on stdout, ended with this exit code.
fn said(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line of an error, ended with exit code 2 and nothing on stdout.
fn failed(output: &Output) -> String {
    assert_eq!(said(output, 2), "");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// The certificate that a TLS server shows.
fn shown_by(server: &str) -> Certificate {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let stream = connector.build().connect("node1", TcpStream::connect(server).unwrap()).unwrap();
    Certificate::from_der(&stream.ssl().peer_certificate().unwrap().to_der().unwrap()).unwrap()
}

#[test]
fn verify_tells_whether_a_certificate_is_known() {
    let place = Place::new("");
    let signer = place.file("signer.der", place.signer.der());
    let text = said(&place.ask(&["verify", &signer]), 0);
    let subject = place.signer.subject(NameForm::Cucm);
    assert!(text.starts_with(&format!("Server       {}, TLSv1.3 TLS_", place.server())), "{text}");
    assert!(text.contains("checked by --trust") && !text.contains("not checked"), "{text}");
    assert!(text.contains(&format!("Question     VERIFY {subject}, serial ")), "{text}");
    assert!(text.contains("Status       valid\n") && text.contains("TTL          86400 s\n"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("Roles        SAST")), "{text}");
    assert!(text.contains(&pki::hash::spell(&place.signer.sha256(), ":", true)), "{text}");

    // the same for machines; the certificate of the server is named exactly
    let server = shown_by(&place.server());
    let expected = place.file("server.pem", server.to_pem());
    let output = tvs(&["verify", &signer, "--server", &place.server(), "--expect", &expected, "--json"]);
    let value: Value = serde_json::from_str(&said(&output, 0)).unwrap();
    assert_eq!(value["server"]["certificate"]["sha256"], json!(pki::hash::hex(&server.sha256())));
    assert_eq!(value["server"]["checked"], json!({ "option": "expect", "file": expected }));
    assert_eq!((&value["question"], &value["status"]), (&json!("verify"), &json!("valid")));
    assert_eq!((&value["roles"][0], &value["ttl_seconds"]), (&json!("SAST"), &json!(86_400)));
    assert_eq!(value["certificate"]["serial"], json!(pki::hash::hex(place.signer.serial())));
    assert_eq!(value["wrong"], Value::Null);

    // nobody vouches for the server: that is said
    let unknown = vector("certs/app-2048.crt.pem");
    let text = said(&tvs(&["verify", &unknown, "--server", &place.server(), "--device", ""]), 1);
    assert!(text.contains("Status       not valid\n") && text.contains("not checked: anybody"), "{text}");
    assert!(!text.contains("Roles") && !text.contains("TTL"), "{text}");
    let value: Value = serde_json::from_str(&said(&place.ask(&["verify", &unknown, "--json"]), 1)).unwrap();
    assert_eq!((&value["status"], &value["roles"]), (&json!("not-valid"), &Value::Null));
    assert_eq!(value["certificate"], Value::Null);
    assert_eq!(place.node.stop().code(), Some(0));
}

#[test]
fn query_gives_the_signer_of_a_file() {
    let place = Place::new("");
    let (itl, pem) = (place.itl.to_str().unwrap(), place.signer.to_pem());
    let out = place.path("signer.pem");
    let text = said(&place.ask(&["query", "--file", itl, "--output", &out]), 0);
    assert!(text.contains("Question     QUERY ") && text.contains("Roles        SAST"), "{text}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), pem);

    // nothing is replaced unasked, and nothing is asked for nothing
    std::fs::write(&out, "mine").unwrap();
    assert!(failed(&place.ask(&["query", "--file", itl, "--output", &out])).contains("--force"));
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "mine");
    said(&place.ask(&["query", "--file", itl, "--output", &out, "--force"]), 0);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), pem);

    // standard output is the certificate alone
    let output = place.ask(&["query", "--file", itl, "--output", "-"]);
    assert_eq!(said(&output, 0), pem);
    assert!(String::from_utf8_lossy(&output.stderr).contains("Status       valid"), "{output:?}");

    // a file that was changed on its way: the certificate did not sign this
    let mut bytes = std::fs::read(itl).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let (changed, other) = (place.file("ITLFile.tlv", &bytes), place.path("other.pem"));
    let text = said(&place.ask(&["query", "--file", &changed, "--output", &other]), 1);
    assert!(text.contains("Refused") && text.contains("does not hold"), "{text}");
    assert!(!Path::new(&other).exists());

    // signed by somebody whom this cluster does not know
    let stranger = vector("trustlist/cucm-itl-tvs-hash-739.tlv");
    let strangers = std::fs::read_dir(vector("signed")).unwrap().map(|entry| entry.unwrap().path());
    let signed = strangers.filter(|path| path.extension().is_some_and(|end| end == "sgn")).min().unwrap();
    for file in [stranger.as_str(), signed.to_str().unwrap()] {
        let text = said(&place.ask(&["query", "--file", file, "--output", &other]), 1);
        assert!(text.contains("Status       not valid"), "{text}");
    }
    assert!(!Path::new(&other).exists());
    assert_eq!(place.node.stop().code(), Some(0));
}

#[test]
fn query_by_certificate_and_by_names() {
    let place = Place::new("");
    let signer = place.file("signer.pem", place.signer.to_pem());
    for form in ["cucm", "peer"] {
        let output = place.ask(&["query", "--cert", &signer, "--form", form, "--json"]);
        let value: Value = serde_json::from_str(&said(&output, 0)).unwrap();
        assert_eq!(value["certificate"]["sha256"], json!(pki::hash::hex(&place.signer.sha256())), "{form}");
        let subject = value["about"]["subject"].as_str().unwrap();
        assert_eq!(subject.contains(';'), form == "cucm", "{subject}");
    }
    let (subject, issuer) = (place.signer.subject(NameForm::Cucm), place.signer.issuer(NameForm::Cucm));
    let serial = pki::hash::spell(place.signer.serial(), ":", true);
    let names = ["query", "--subject", &subject, "--issuer", &issuer, "--serial"];
    said(&place.ask(&[&names[..], &[&serial]].concat()), 0);
    said(&place.ask(&[&names[..], &["0102"]].concat()), 1);
    assert_eq!(place.node.stop().code(), Some(0));
}

#[test]
fn a_server_that_is_not_the_expected_one_is_not_asked() {
    let place = Place::new("");
    let signer = place.file("signer.pem", place.signer.to_pem());
    let other = vector("certs/capf-2048.crt.pem");
    let line = failed(&tvs(&["verify", &signer, "--server", &place.server(), "--expect", &other]));
    assert!(line.starts_with(&place.server()) && line.contains("which is not the certificate in"), "{line}");
    let list = vector("trustlist/cucm-itl-tvs-hash-739.tlv");
    let line = failed(&tvs(&["verify", &signer, "--server", &place.server(), "--trust", &list]));
    assert!(line.contains("cucm-itl-tvs-hash-739.tlv") && line.contains("nothing was said to it"), "{line}");
    // a list that nobody would hold vouches for nobody
    let mut bytes = std::fs::read(&place.itl).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let damaged = place.file("damaged.tlv", &bytes);
    let line = failed(&tvs(&["verify", &signer, "--server", &place.server(), "--trust", &damaged]));
    assert!(line.contains("no phone would hold this list"), "{line}");
    assert_eq!(place.node.stop().code(), Some(0));

    // seen from the server: not a byte came
    let (server, heard) = impostor(|_| panic!("a question came"));
    let line = failed(&tvs(&["verify", &signer, "--server", &server, "--expect", &signer]));
    assert!(line.contains("nothing was said to it"), "{line}");
    heard.join().unwrap();
}

#[test]
fn old_phones_speak_tls_1_0() {
    let place = Place::new("");
    let signer = place.file("signer.pem", place.signer.to_pem());
    assert!(
        failed(&place.ask(&["verify", &signer, "--legacy-tls"]))
            .contains("speaks no TLS 1.0, as this model needs: [phones] legacy_tls = true")
    );
    assert_eq!(place.node.stop().code(), Some(0));

    let place = Place::new("[phones]\nlegacy_tls = true\n");
    let signer = place.file("signer.pem", place.signer.to_pem());
    let text = said(&place.ask(&["verify", &signer, "--legacy-tls"]), 0);
    assert!(text.contains(", TLSv1 AES"), "{text}");
    assert!(said(&place.ask(&["verify", &signer]), 0).contains(", TLSv1.3 "));
    assert_eq!(place.node.stop().code(), Some(0));
}

#[test]
fn servers_that_give_no_answer() {
    let certificate = vector("certs/app-2048.crt.pem");
    let verify = |server: &str, timeout| tvs(&["verify", &certificate, "--server", server, "--timeout", timeout]);
    let line = failed(&verify(&format!("127.0.0.1:{}", free_port()), "20"));
    assert!(line.contains("refused"), "{line}");

    // takes the connection and says nothing
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let line = failed(&verify(&silent.local_addr().unwrap().to_string(), "0.3"));
    assert!(line.contains("no TLS within 300ms"), "{line}");

    // speaks TLS, then waits for the client to go
    let (server, heard) = impostor(|_| None);
    assert!(failed(&verify(&server, "1.5")).contains("no answer within 1.5s"));
    heard.join().unwrap();

    // hangs up, as servers do that do not know QUERY
    let (server, heard) = impostor(|_| Some(Vec::new()));
    assert!(failed(&verify(&server, "20")).contains("closed without an answer"));
    heard.join().unwrap();

    // is something else
    let (server, heard) = impostor(|_| Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()));
    assert!(failed(&verify(&server, "20")).contains("protocol id 72 instead of 87"));
    heard.join().unwrap();
}

#[test]
fn an_answer_about_another_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.pem");
    let asked = vector("certs/app-2048.crt.pem");
    let der = std::fs::read(vector("certs/capf-2048.crt.der")).unwrap();
    let liar = |certificate: Vec<u8>| {
        impostor(move |ask| {
            let trust = Trust::new([0, 3], 60).unwrap();
            let found = Found { certificate: certificate.into(), trust };
            Some(Answer::Found(found).encode(&ask, FIRST_SESSION_ID).unwrap())
        })
    };
    let (server, heard) = liar(der.clone());
    let text = said(&tvs(&["query", "--cert", &asked, "--server", &server, "-o", out.to_str().unwrap()]), 1);
    assert!(text.contains("Status       valid") && text.contains("another certificate under these names"), "{text}");
    assert!(text.contains("Roles        SAST, TFTP\nTTL          60 s\n"), "{text}");
    heard.join().unwrap();

    let (server, heard) = liar(der);
    let names = ["query", "--subject", "CN=a", "--issuer", "CN=b", "--serial", "0102", "--json"];
    let value: Value = serde_json::from_str(&said(&tvs(&[&names[..], &["--server", &server]].concat()), 1)).unwrap();
    assert_eq!(value["wrong"], json!("the certificate of the answer has another serial number"));
    heard.join().unwrap();

    let (server, heard) = liar(b"no certificate".to_vec());
    let line = failed(&tvs(&["query", "--cert", &asked, "--server", &server, "-o", out.to_str().unwrap()]));
    assert!(line.contains("does not parse"), "{line}");
    heard.join().unwrap();
    assert!(!out.exists(), "nothing of it is written");
}

#[test]
fn wrong_usage() {
    let certificate = vector("certs/app-2048.crt.pem");
    let cert = ["query", "--cert", &certificate, "--server", "127.0.0.1"];
    let cases: [&[&str]; 9] = [
        &["verify", &certificate],
        &["verify", &certificate, "--server", "127.0.0.1:tvs"],
        &["verify", &certificate, "--server", "127.0.0.1", "--timeout", "0"],
        &["verify", &certificate, "--server", "127.0.0.1", "--expect", "a", "--trust", "b"],
        &["query", "--server", "127.0.0.1"],
        &["query", "--server", "127.0.0.1", "--subject", "CN=a", "--issuer", "CN=a"],
        &["query", "--server", "127.0.0.1", "--file", "a", "--form", "peer"],
        &[&cert[..], &["--serial", "01"]].concat(),
        &[&cert[..], &["--json", "--output", "-"]].concat(),
    ];
    for case in cases {
        let output = tvs(case);
        assert_eq!(said(&output, 64), "", "{case:?}");
    }
    assert!(failed(&tvs(&["verify", "/nonexistent.pem", "--server", "127.0.0.1"])).contains("/nonexistent.pem"));
    for help in [&["--help"][..], &["verify", "--help"], &["query", "--help"]] {
        assert_eq!(said(&tvs(help), 0).matches("Example: ").count(), 1, "{help:?}");
    }
}

/// A TLS server for one connection. It takes a question, if one comes, and sends what `answer` makes of it: nothing at
/// all for `None`, the end of the connection for no bytes.
fn impostor(answer: impl FnOnce(Ask) -> Option<Vec<u8>> + Send + 'static) -> (String, JoinHandle<()>) {
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate_file(vector("certs/app-2048.crt.pem"), SslFiletype::PEM).unwrap();
    acceptor.set_private_key_file(vector("certs/app-2048.key.pem"), SslFiletype::PEM).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let (tcp, _) = listener.accept().unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut stream = acceptor.accept(tcp).unwrap();
        let mut question = vec![0; 64 << 10];
        // an error is a client that went without a word
        let count = stream.read(&mut question).unwrap_or(0);
        if count == 0 {
            return;
        }
        question.truncate(count);
        let mut session = ServerSession::new();
        session.receive(&question).unwrap();
        match answer(session.next_request().unwrap().expect("a request is one TLS record").request.ask) {
            Some(bytes) if bytes.is_empty() => {
                stream.shutdown().unwrap();
            }
            Some(bytes) => stream.write_all(&bytes).unwrap(),
            None => assert_eq!(stream.read(&mut question).unwrap_or(0), 0, "nothing more may come"),
        }
    });
    (server, thread)
}
