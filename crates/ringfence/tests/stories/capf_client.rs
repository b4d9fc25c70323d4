//! `ringfence capf`, and what `ringfence phone` does with certificates, against servers on TLS of OpenSSL that say what a
//! server of another make was recorded to say, or sign with OpenSSL.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::JoinHandle;
use std::time::Duration;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod, SslStream, SslVersion};
use openssl::x509::{X509, X509NameBuilder};
use pki::sign::{ListSpec, SigningIdentity, sign_list};
use pki::{Certificate, NameForm, SoftKey};
use serde_json::{Value, json};
use wire::digest::DigestId;
use wire::header::{CTL_FILE_NAME, ITL_FILE_NAME, Layout};
use wire::role::Role;
use wire::trust_list::RecordSpec;

const NAME: &str = "SEPB000B4BA0AEE";

fn vector(name: &str) -> String {
    format!("{}/../../testdata/vectors/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn capf(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringfence")).arg("capf").args(arguments).output().unwrap()
}

/// What it said on stdout, ended with this exit code.
fn said(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json_said(output: &Output, code: i32) -> Value {
    serde_json::from_str(&said(output, code)).unwrap()
}

/// The one line of an error, ended with exit code 2.
fn failed(output: &Output) -> String {
    said(output, 2);
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// What a server does next.
enum Step {
    /// Says these bytes.
    Say(Vec<u8>),
    /// Hears one message.
    Hear,
    /// Makes a certificate for the key in the last message, signed by the CAPF of the vectors, and sends it.
    Issue,
}

/// The steps of a recorded server, and what the recorded client said.
fn recorded(name: &str) -> (Vec<Step>, Vec<Vec<u8>>) {
    let value: Value = serde_json::from_slice(&std::fs::read(vector(&format!("capf/{name}.json"))).unwrap()).unwrap();
    let (mut steps, mut client) = (Vec::new(), Vec::new());
    for message in value["messages"].as_array().unwrap() {
        let bytes = hex::decode(message["hex"].as_str().unwrap()).unwrap();
        if message["from"] == "server" {
            steps.push(Step::Say(bytes));
        } else {
            client.push(bytes);
            steps.push(Step::Hear);
        }
    }
    (steps, client)
}

/// The steps of an installation with a key of this kind: KEY_SIZE and KEY_TYPE, or KEY_TYPE and CURVE.
fn installing(elements: &[u8]) -> Vec<Step> {
    let (mut ask, hex) = (vec![0x55, 3, 0, 0, 0, 7, 0, 9], |text| Step::Say(hex::decode(text).unwrap()));
    ask[7] = u8::try_from(elements.len()).unwrap();
    ask.extend_from_slice(elements);
    vec![
        hex("55010000000700080700010308000100"),
        Step::Hear,
        Step::Say(ask),
        Step::Hear,
        Step::Hear,
        Step::Issue,
        Step::Hear,
        hex("550f00000007000401000101"),
    ]
}

const RSA_1024: &[u8] = &[10, 0, 2, 4, 0, 17, 0, 1, 0];
const SECP384R1: &[u8] = &[17, 0, 1, 1, 18, 0, 1, 1];

/// A server for one connection; gives what it heard, message by message.
fn serve(certificate: &str, steps: Vec<Step>, old: bool) -> (String, JoinHandle<Vec<Vec<u8>>>) {
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
    if old {
        acceptor.set_security_level(0);
        acceptor.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
        acceptor.set_max_proto_version(Some(SslVersion::TLS1)).unwrap();
        acceptor.set_cipher_list("AES256-SHA:@SECLEVEL=0").unwrap();
    } else {
        acceptor.set_security_level(1);
    }
    acceptor.set_certificate_file(vector(&format!("certs/{certificate}.crt.pem")), SslFiletype::PEM).unwrap();
    acceptor.set_private_key_file(vector(&format!("certs/{certificate}.key.pem")), SslFiletype::PEM).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let (tcp, _) = listener.accept().unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut stream = acceptor.accept(tcp).unwrap();
        let mut heard = Vec::new();
        for step in steps {
            match step {
                Step::Say(bytes) => stream.write_all(&bytes).unwrap(),
                Step::Hear => match hear(&mut stream) {
                    Some(message) => heard.push(message),
                    // a client that went away
                    None => return heard,
                },
                Step::Issue => {
                    let der = issue(&heard.last().unwrap()[11..]);
                    let length = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
                    let mut message = vec![0x55, 9, 0, 0, 0, 7];
                    message.extend_from_slice(&length(4 + 3 + 5 + der.len()));
                    message.extend_from_slice(&[3, 0, 1, 1, 4]);
                    message.extend_from_slice(&length(5 + der.len()));
                    message.push(1);
                    message.extend_from_slice(&length(2 + der.len()));
                    message.extend_from_slice(&[0, 1]);
                    message.extend_from_slice(&der);
                    stream.write_all(&message).unwrap();
                }
            }
        }
        // nothing may come behind the end
        if let Some(message) = hear(&mut stream) {
            heard.push(message);
        }
        heard
    });
    (server, thread)
}

fn hear(stream: &mut SslStream<std::net::TcpStream>) -> Option<Vec<u8>> {
    let mut message = vec![0; 8];
    // an error is a client that went without a word
    stream.read_exact(&mut message).ok()?;
    message.resize(8 + usize::from(u16::from_be_bytes([message[6], message[7]])), 0);
    stream.read_exact(&mut message[8..]).ok()?;
    Some(message)
}

fn issue(spki: &[u8]) -> Vec<u8> {
    let pem = |name: &str| std::fs::read(vector(name)).unwrap();
    let ca = X509::from_pem(&pem("certs/capf-2048.crt.pem")).unwrap();
    let ca_key = PKey::private_key_from_pem(&pem("certs/capf-2048.key.pem")).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", NAME).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name.build()).unwrap();
    builder.set_issuer_name(ca.subject_name()).unwrap();
    builder.set_pubkey(&PKey::public_key_from_der(spki).unwrap()).unwrap();
    builder.set_not_before(&openssl::asn1::Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&openssl::asn1::Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(&ca_key, MessageDigest::sha256()).unwrap();
    builder.build().to_der().unwrap()
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

#[test]
fn install_writes_what_the_server_signed() {
    let place = Place::new();
    for (kind, elements, name) in [("EC secp384r1", SECP384R1, "ec.pem"), ("RSA 1024", RSA_1024, "rsa.pem")] {
        let (server, heard) = serve("capf-2048", installing(elements), false);
        let out = place.path(name);
        let expect = vector("certs/capf-2048.crt.pem");
        let text = said(&capf(&["install", "--server", &server, "--device", NAME, "--expect", &expect, "-o", &out]), 0);
        assert!(text.starts_with(&format!("Server       {server}, TLSv1.")), "{text}");
        assert!(text.contains("checked by --expect") && text.contains(&format!("Asked for    {kind}\n")), "{text}");
        assert!(text.contains(&format!("Device       {NAME}, by null string\n")), "{text}");
        assert!(text.contains("Result       LSC installed\n") && text.contains(&format!("Written      {out}\n")));
        // certificate and key belong together, and nobody else reads them
        let pem = std::fs::read(&out).unwrap();
        let certificate = Certificate::from_pem(&pem).unwrap();
        assert_eq!(SoftKey::from_pem(&pem).unwrap().key_id(), certificate.key_id());
        assert_eq!(certificate.common_name().unwrap(), NAME);
        assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
        let heard = heard.join().unwrap();
        let commands: Vec<u8> = heard.iter().map(|message| message[1]).collect();
        assert_eq!(commands, [2, 17, 4, 10]);
        assert_eq!(heard[3][8..], [1, 0, 1, 1], "the server hears success");
    }
    // an LSC is not written over by mistake: the server hears nothing of it
    let out = place.path("rsa.pem");
    let refused = capf(&["install", "--server", "127.0.0.1:1", "--device", NAME, "-o", &out]);
    assert!(failed(&refused).contains("exists already; give --force"));
}

#[test]
fn update_proves_the_key_as_recorded() {
    let place = Place::new();
    let (mut steps, client) = recorded("update-with-lsc-and-mic");
    // the recorded certificate is for a key that only the recorded client has
    steps.truncate(5);
    steps.push(Step::Say(hex::decode("550f0000000d000401000107").unwrap()));
    let (server, heard) = serve("capf-2048", steps, false);
    let (certificate, key) = (vector("certs/lsc-2048.crt.pem"), vector("certs/lsc-2048.key.pem"));
    let (mic, out) = (vector("certs/mic-2048.bundle.pem"), place.path("new.pem"));
    let arguments = ["update", "--server", &server, "--device", NAME, "--certificate", &certificate, "--key", &key];
    let text = said(&capf(&[&arguments[..], &["--mic", &mic, "-o", &out]].concat()), 1);
    assert!(
        text.contains("reason 7 (failure): the authentication string or the certificate that was shown is wrong"),
        "{text}"
    );
    assert_eq!(heard.join().unwrap()[0], client[0], "AUTH_RESPONSE to the byte");
    assert!(!Path::new(&out).exists());

    // the whole way, with a certificate for the new key
    let (server, heard) = serve("capf-2048", installing(RSA_1024), false);
    let arguments = ["update", "--server", &server, "--device", NAME, "--certificate", &mic, "-o", &out, "--json"];
    let value = json_said(&capf(&arguments), 0);
    assert_eq!((&value["outcome"], &value["authentication"]), (&json!("installed"), &json!("existing certificate")));
    assert_eq!((&value["key"], &value["ended"], &value["file"]), (&json!("RSA 1024"), &json!(1), &json!(out)));
    assert_eq!((&value["session_id"], &value["server"]["checked"]), (&json!(7), &Value::Null));
    let written = Certificate::from_pem(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(value["certificate"]["sha256"], json!(pki::hash::hex(&written.sha256())));
    assert!(heard.join().unwrap()[0].windows(3).any(|window| window == [4, 3, 162]), "the MIC is shown");

    // a key of another certificate is noticed before anything is sent
    let arguments = ["update", "--server", "127.0.0.1:1", "--device", NAME, "--certificate", &mic, "--key", &key];
    assert!(failed(&capf(&[&arguments[..], &["-o", "x"]].concat())).contains("is not one for this key"));
}

#[test]
fn fetch_and_delete_as_recorded() {
    let place = Place::new();
    let run = |name: &str, arguments: &[&str], code| {
        let (steps, client) = recorded(name);
        let (server, heard) = serve("capf-2048", steps, false);
        let device = ["--server", &server, "--device", NAME, "--json"];
        let value = json_said(&capf(&[arguments, &device].concat()), code);
        assert_eq!(heard.join().unwrap(), client, "{name}");
        value["outcome"].as_str().unwrap().to_owned()
    };
    let lsc = vector("certs/lsc-2048.crt.pem");
    // which certificate the recorded client showed is in the recording
    let (_, client) = recorded("fetch");
    let shown = place.file("shown.der", &client[1][8 + 4 + 3 + 5..]);
    assert_eq!(run("fetch", &["fetch", "--lsc", &shown], 0), "shown");
    assert_eq!(run("fetch-with-password", &["fetch", "--lsc", &shown, "--password", "99999"], 0), "shown");
    let missing = place.path("missing.pem");
    assert_eq!(run("fetch-nothing-there", &["fetch", "--lsc", &missing], 1), "not-done");
    let copy = place.file("lsc.pem", std::fs::read(&lsc).unwrap());
    assert_eq!(run("delete", &["delete", "--lsc", &copy], 0), "deleted");
    assert!(!Path::new(&copy).exists());
    assert_eq!(run("delete-nothing-there", &["delete", "--lsc", &copy], 1), "not-done");
    assert_eq!(run("no-pending-operation", &["fetch", "--lsc", &shown], 1), "nothing-pending");
    assert_eq!(run("install-password-wrong", &["install", "--password", "482914", "-o", &copy], 1), "refused");
    assert!(!Path::new(&copy).exists());
}

#[test]
fn another_operation_than_agreed_is_not_done() {
    let place = Place::new();
    let copy = place.file("lsc.pem", std::fs::read(vector("certs/lsc-2048.crt.pem")).unwrap());
    let (steps, _) = recorded("delete");
    let (server, heard) = serve("capf-2048", steps, false);
    let text = said(&capf(&["fetch", "--lsc", &copy, "--server", &server, "--device", NAME]), 1);
    assert!(text.contains("the server has delete scheduled for this device, not fetch; nothing was done"), "{text}");
    assert!(text.contains("not checked: anybody may have answered"), "{text}");
    assert_eq!(heard.join().unwrap()[1][8..], [1, 0, 1, 7], "the server hears a failure");
    assert!(Path::new(&copy).exists());

    let mut steps = installing(RSA_1024);
    steps.truncate(4);
    steps.push(Step::Say(hex::decode("550f00000007000401000107").unwrap()));
    let (server, heard) = serve("capf-2048", steps, false);
    let text = said(&capf(&["delete", "--lsc", &copy, "--server", &server, "--device", NAME, "-v"]), 1);
    assert!(text.contains("the server has install scheduled for this device, not delete; nothing was done"), "{text}");
    assert!(text.contains("SECD: capfReceive: KEY_GENERATE_REQUEST, RSA 1024"), "{text}");
    assert_eq!(heard.join().unwrap()[1][1], 4, "no key: KEY_GENERATE_RESPONSE with a reason");
    assert!(Path::new(&copy).exists());
}

#[test]
fn unknown_devices_and_old_phones() {
    let place = Place::new();
    let (steps, client) = recorded("unknown-device");
    let (server, heard) = serve("capf-2048", steps, false);
    let out = place.path("lsc.pem");
    let value = json_said(
        &capf(&["install", "--server", &server, "--device", "SEP0000DEADBEEF", "-o", &out, "--json", "-v"]),
        1,
    );
    assert_eq!((&value["outcome"], &value["ended"]), (&json!("unknown-device"), &json!(9)));
    assert!(value["console"].as_array().unwrap().len() >= 3);
    assert_eq!(heard.join().unwrap(), client);

    let (server, heard) = serve("capf-1024", installing(RSA_1024), true);
    let text = said(&capf(&["install", "--server", &server, "--device", NAME, "-o", &out, "--legacy-tls"]), 0);
    assert!(text.contains(", TLSv1 AES256-SHA"), "{text}");
    assert_eq!(heard.join().unwrap().len(), 4);
    let (server, heard) = serve("capf-1024", Vec::new(), false);
    let refused = capf(&["install", "--server", &server, "--device", NAME, "-o", &place.path("x"), "--legacy-tls"]);
    let told = failed(&refused);
    assert!(told.contains("TLS 1.0, as this model needs: [phones] legacy_tls = true"), "{told}");
    assert!(heard.join().is_err(), "no TLS on the other side either");
}

/// A list that names this certificate with a role, signed by the CallManager of the vectors.
fn list(file_name: &str, role: Role, certificate: &str) -> Vec<u8> {
    let read = |name: &str| {
        let pem = std::fs::read(vector(&format!("certs/{name}.bundle.pem"))).unwrap();
        (Certificate::from_pem(&pem).unwrap(), SoftKey::from_pem(&pem).unwrap())
    };
    let record = |role, certificate: &Certificate| {
        certificate.with_fields(NameForm::Cucm, |fields| RecordSpec::cucm(role, fields, "", Ipv4Addr::LOCALHOST))
    };
    let ((signer, key), (named, _)) = (read("ccm-pub-2048"), read(certificate));
    let spec = ListSpec {
        layout: Layout::Cucm,
        signer_form: None,
        signer_version: None,
        digest: DigestId::SHA1,
        file_name,
        timestamp: 1_700_000_000,
    };
    let identity = SigningIdentity::new(&signer, &key).unwrap();
    sign_list(&spec, &[record(Role::SAST, &signer), record(role, &named)], &identity).unwrap()
}

#[test]
fn a_server_that_is_not_the_expected_one_hears_nothing() {
    let place = Place::new();
    let out = place.path("lsc.pem");
    for (file_name, role, option, wanted) in [
        (ITL_FILE_NAME, Role::CAPF, "--trust", None),
        (CTL_FILE_NAME, Role::CAPF, "--trust", None),
        (ITL_FILE_NAME, Role::TFTP, "--trust", Some("is in no stored list as CAPF")),
        ("", Role::CAPF, "--expect", Some("is not the certificate in")),
    ] {
        let file = match option {
            "--trust" => place.file("list.tlv", list(file_name, role, "capf-2048")),
            _ => vector("certs/lsc-2048.crt.pem"),
        };
        let (server, heard) = serve("capf-2048", installing(SECP384R1), false);
        let output = capf(&["install", "--server", &server, "--device", NAME, option, &file, "-o", &out, "--force"]);
        let heard = heard.join().unwrap();
        match wanted {
            None => {
                assert!(said(&output, 0).contains("checked by --trust"));
                assert_eq!(heard.len(), 4);
            }
            Some(reason) => {
                let line = failed(&output);
                assert!(line.contains(reason) && line.contains("nothing was said to it"), "{line}");
                assert!(heard.is_empty());
            }
        }
    }
    let mut bytes = list(ITL_FILE_NAME, Role::CAPF, "capf-2048");
    *bytes.last_mut().unwrap() ^= 1;
    let damaged = place.file("damaged.tlv", bytes);
    let output = capf(&["install", "--server", "127.0.0.1:1", "--device", NAME, "--trust", &damaged, "-o", "x"]);
    assert!(failed(&output).contains("no phone would hold this list"));
}

#[test]
fn servers_that_break_the_session() {
    let place = Place::new();
    let out = place.path("lsc.pem");
    let install = |server: &str, timeout| {
        capf(&["install", "--server", server, "--device", NAME, "-o", &out, "--timeout", timeout])
    };
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    assert!(failed(&install(&silent.local_addr().unwrap().to_string(), "0.3")).contains("no TLS within 300ms"));
    let babble = vec![Step::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())];
    let (server, heard) = serve("capf-2048", babble, false);
    assert!(said_in_error(&install(&server, "20")).contains("protocol id 72 instead of 85"));
    heard.join().unwrap();
    // a certificate that came and an end that did not: the file is there, the server may not know it
    let mut steps = installing(SECP384R1);
    steps.pop();
    let (server, heard) = serve("capf-2048", steps, false);
    let output = install(&server, "1.5");
    assert!(said_in_error(&output).contains("LSC installed, but the server did not answer in time"), "{output:?}");
    assert!(Path::new(&out).exists());
    assert_eq!(heard.join().unwrap().len(), 4);
}

/// The one line on stderr of a session that broke; what came until then is on stdout.
fn said_in_error(output: &Output) -> String {
    assert!(said(output, 2).starts_with("Server       "), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn what_cannot_be_written_is_known_before_the_server_is_asked() {
    let place = Place::new();
    for path in ["/proc/lsc.pem".to_owned(), place.path("none/lsc.pem")] {
        // nobody listens there: it would be the first thing to fail
        let said = failed(&capf(&["install", "--server", "127.0.0.1:1", "--device", NAME, "-o", &path]));
        assert!(said.contains(&format!("{path}: cannot be written: ")), "{said}");
    }
}

#[test]
fn wrong_usage() {
    let device = ["--server", "127.0.0.1", "--device", NAME];
    let cases: [&[&str]; 9] = [
        &["install", "--server", "127.0.0.1", "-o", "x"],
        &["install", "--device", NAME, "-o", "x"],
        &[&["install"][..], &device].concat(),
        &[&["install", "-o", "-", "--json"][..], &device].concat(),
        &[&["install", "-o", "x", "--expect", "a", "--trust", "b"][..], &device].concat(),
        &[&["update", "-o", "x"][..], &device].concat(),
        &[&["fetch"][..], &device].concat(),
        &[&["fetch", "--lsc", "x", "--password", "1", "--certificate", "y"][..], &device].concat(),
        &["delete", "--lsc", "x", "--server", "127.0.0.1:0", "--device", NAME],
    ];
    for case in cases {
        assert_eq!(said(&capf(case), 64), "", "{case:?}");
    }
    for help in [&["--help"][..], &["install", "--help"], &["update", "--help"], &["fetch", "--help"]] {
        assert_eq!(said(&capf(help), 0).matches("Example: ").count(), 1, "{help:?}");
    }
}

#[test]
fn the_phone_has_a_factory_and_a_menu() {
    let place = Place::new();
    let phone = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_ringfence")).arg("phone").args(arguments).output().unwrap()
    };
    let (state, factory) = (place.path("phone1"), place.path("factory.pem"));
    let own = ["--state", &state, "--name", NAME, "--factory", &factory];
    // the factory is made, and gives the phone a MIC
    let text = said(&phone(&[&own[..], &["--press", "**#", "--press", "Update"]].concat()), 0);
    assert_eq!(
        text,
        "LSC\nLSC: Not Installed\nSettings: Unlocked\n[Update] [Exit]\nLSC\nAuthentication String: \n[Submit] [Exit]\n"
    );
    let mic = std::fs::read(place.path("phone1/mic.pem")).unwrap();
    let ca = X509::from_pem(&std::fs::read(&factory).unwrap()).unwrap();
    assert!(X509::from_pem(&mic).unwrap().verify(&ca.public_key().unwrap()).unwrap());
    assert_eq!(std::fs::metadata(&factory).unwrap().permissions().mode() & 0o777, 0o600);
    // it comes back with both
    said(&phone(&[&own[..], &["--screen"]].concat()), 0);
    assert_eq!(std::fs::read(place.path("phone1/mic.pem")).unwrap(), mic);
    // CAPF is not known yet: the visit is in vain
    let submit = ["--press", "**#", "--press", "Update", "--press", "Submit", "--json"];
    let value = json_said(&phone(&[&own[..], &submit].concat()), 1);
    assert_eq!(value["pressed"][2]["enrolment"]["outcome"], "no-server");
    // an LSC is erased for good
    std::fs::copy(vector("certs/lsc-2048.bundle.pem"), place.path("phone1/lsc.pem")).unwrap();
    let text = said(&phone(&[&own[..], &["--press", "**#", "--press", "Erase"]].concat()), 0);
    assert!(text.contains("LSC: Installed\n") && text.contains("LSC erased\n"), "{text}");
    assert!(!Path::new(&place.path("phone1/lsc.pem")).exists());

    for (wrong, reason) in [
        (&["--press", "Update"][..], "is not on the screen"),
        (&["--misbehave", "rude", "--screen"], "close-after-store"),
        (&["--mic", &factory, "--screen"], "cannot be used with"),
    ] {
        let output = phone(&[&own[..], wrong].concat());
        assert_eq!(said(&output, 64), "", "{wrong:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(reason), "{output:?}");
    }
}
