//! A node made of software that nobody here wrote: files by `python3 -m http.server` and `atftpd`. Only TVS, which no
//! foreign program speaks, is answered here: with the recorded bytes of the vectors, on TLS of OpenSSL.
#![allow(dead_code)] // each test program uses a part of it

pub mod replay;

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVersion};
use openssl::x509::X509;
use phone::{PhoneName, PhoneSettings};
use pki::sign::{FileSpec, ListSpec, SigningIdentity, sign_file, sign_list};
use pki::{Certificate, NameForm, SoftKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use trust::Model;
use wire::digest::DigestId;
use wire::header::{CTL_FILE_NAME, ITL_FILE_NAME, Layout};
use wire::role::Role;
use wire::tftp::{Mode, Options, Packet, Request};
use wire::trust_list::RecordSpec;

/// The phone of the recorded messages.
pub const NAME: &str = "SEPB000B4BA0AEE";

pub fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors")
}

/// Somebody with a certificate and its key.
pub struct Owner {
    pub certificate: Certificate,
    pub key: SoftKey,
    pem: Vec<u8>,
}

pub fn owner(name: &str) -> Owner {
    let pem = std::fs::read(vectors().join(format!("certs/{name}.bundle.pem"))).unwrap();
    Owner { certificate: Certificate::from_pem(&pem).unwrap(), key: SoftKey::from_pem(&pem).unwrap(), pem }
}

pub fn record(role: Role, owner: &Owner) -> RecordSpec {
    owner
        .certificate
        .with_fields(NameForm::Cucm, |fields| RecordSpec::cucm(role, fields, "cucm-1051-a-pub", Ipv4Addr::LOCALHOST))
}

pub fn hashed(role: Role, owner: &Owner) -> RecordSpec {
    let hash = owner.certificate.sha1();
    owner.certificate.with_fields(NameForm::Cucm, |fields| RecordSpec::hashed(role, fields, "", DigestId::SHA1, &hash))
}

pub fn list(file_name: &str, records: &[RecordSpec], signer: &Owner) -> Vec<u8> {
    let spec = ListSpec {
        layout: Layout::Cucm,
        signer_form: None,
        signer_version: None,
        digest: DigestId::SHA1,
        file_name,
        timestamp: 1_700_000_000,
    };
    let identity = SigningIdentity::new(&signer.certificate, &signer.key).unwrap();
    sign_list(&spec, records, &identity).unwrap()
}

/// The ITL of a node: its CallManager as SAST and TFTP, its TVS as hash.
pub fn itl(callmanager: &Owner, tvs: &Owner) -> Vec<u8> {
    let records = [record(Role::SAST, callmanager), record(Role::TFTP, callmanager), hashed(Role::TVS, tvs)];
    list(ITL_FILE_NAME, &records, callmanager)
}

/// The CTL of a cluster: its CallManager as SAST and CCM+TFTP.
pub fn ctl(callmanager: &Owner) -> Vec<u8> {
    let records = [record(Role::SAST, callmanager), record(Role::CCM_TFTP, callmanager)];
    list(CTL_FILE_NAME, &records, callmanager)
}

/// A config that names these TVS servers.
pub fn config(tvs: &[SocketAddr]) -> String {
    let members: String = tvs
        .iter()
        .enumerate()
        .map(|(priority, server)| {
            format!(
                "<member priority=\"{priority}\"><port>{}</port><address>{}</address></member>",
                server.port(),
                server.ip()
            )
        })
        .collect();
    format!("<?xml version=\"1.0\"?>\n<device><TVS><members>{members}</members></TVS></device>\n")
}

pub fn sgn(file_name: &str, payload: &str, signer: &Owner) -> Vec<u8> {
    let spec = FileSpec { layout: Layout::Cucm, digest: DigestId::SHA1, file_name, timestamp: 1_700_000_000 };
    let identity = SigningIdentity::new(&signer.certificate, &signer.key).unwrap();
    sign_file(&spec, payload.as_bytes().to_vec(), &identity).unwrap()
}

/// A process that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The node: a folder, and two foreign servers that serve it.
pub struct Node {
    folder: tempfile::TempDir,
    http: Option<Server>,
    tftp: Option<Server>,
    pub http_port: u16,
    pub tftp_port: u16,
}

impl Node {
    /// Files by HTTP and TFTP.
    pub fn start() -> Self {
        let mut node = Self::tftp_only();
        let mut child = Command::new("python3")
            .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"])
            .arg(node.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 serves files by HTTP: install it");
        // "Serving HTTP on 127.0.0.1 port 40123 (http://...) ..."
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        node.http_port = words[words.iter().position(|word| *word == "port").unwrap() + 1].parse().unwrap();
        node.http = Some(Server(child));
        node
    }

    /// Files by TFTP; nothing listens for HTTP.
    pub fn tftp_only() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let tftp_port = free_udp_port();
        let child = Command::new("atftpd")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .args(["--daemon", "--no-fork", "--bind-address", "127.0.0.1", "--verbose=0"])
            .args(["--logfile", "/dev/null", "--user", "nobody.nogroup"])
            .args(["--port", &tftp_port.to_string()])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("atftpd serves files by TFTP: install the package atftpd");
        wait_for_tftp(tftp_port);
        Self { folder, http: None, tftp: Some(Server(child)), http_port: closed_tcp_port(), tftp_port }
    }

    /// Puts a file where both servers find it.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    }

    /// Takes a file away.
    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    /// Both servers end.
    pub fn stop(&mut self) {
        self.http = None;
        self.tftp = None;
    }

    /// A phone that knows the ports of this node, with short waits.
    pub fn phone(&self, model: &str, name: &str) -> PhoneSettings {
        let model = Model::find(model).unwrap();
        let name = PhoneName::parse(name).unwrap();
        let mut settings = PhoneSettings::new(model, name, IpAddr::V4(Ipv4Addr::LOCALHOST));
        settings.http_port = self.http_port;
        settings.tftp_port = self.tftp_port;
        settings.zone = jiff::tz::TimeZone::UTC;
        settings
    }
}

fn free_udp_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A port that was free a moment ago: nobody listens.
pub fn closed_tcp_port() -> u16 {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Asks until it answers, with anything.
fn wait_for_tftp(port: u16) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let request = Request { file: b"not-there", mode: Mode::Octet, options: Options::default() };
    let request = Packet::Read(request).to_bytes();
    for _ in 0..200 {
        socket.send_to(&request, (Ipv4Addr::LOCALHOST, port)).unwrap();
        if socket.recv_from(&mut [0; 600]).is_ok() {
            return;
        }
    }
    panic!("atftpd does not answer on port {port}");
}

/// How the TVS of a test behaves.
pub enum Manner {
    /// Answers the recorded questions with the recorded answers; closes on any other.
    Recorded(Vec<(Vec<u8>, Vec<u8>)>),
    /// Answers everything with "not valid".
    KnowsNothing,
    /// Takes the question and says nothing.
    Silent,
    /// Answers with bytes that are no TVS.
    Babbles,
}

/// A TVS of the test.
pub struct Tvs {
    pub address: SocketAddr,
    /// The questions it got, to the byte.
    pub questions: Arc<Mutex<Vec<Vec<u8>>>>,
    /// The TLS version of each connection.
    pub versions: Arc<Mutex<Vec<String>>>,
}

impl Tvs {
    /// Starts one that shows this certificate.
    pub async fn start(owner: &Owner, manner: Manner) -> Self {
        Self::start_with(owner, manner, false).await
    }

    /// `old` speaks TLS 1.0 only.
    pub async fn start_with(owner: &Owner, manner: Manner, old: bool) -> Self {
        let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
        context.set_security_level(if old { 0 } else { 1 });
        if old {
            context.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
            context.set_max_proto_version(Some(SslVersion::TLS1)).unwrap();
            context.set_cipher_list("AES256-SHA:AES128-SHA:@SECLEVEL=0").unwrap();
        }
        let key = PKey::private_key_from_pem(&owner.pem).unwrap();
        context.set_certificate(&X509::from_pem(&owner.pem).unwrap()).unwrap();
        context.set_private_key(&key).unwrap();
        let context = context.build();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let questions = Arc::new(Mutex::new(Vec::new()));
        let versions = Arc::new(Mutex::new(Vec::new()));
        let manner = Arc::new(manner);
        let (asked, spoken) = (Arc::clone(&questions), Arc::clone(&versions));
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let ssl = Ssl::new(&context).unwrap();
                let (manner, asked, spoken) = (Arc::clone(&manner), Arc::clone(&asked), Arc::clone(&spoken));
                tokio::spawn(async move {
                    let mut stream = tokio_openssl::SslStream::new(ssl, tcp).unwrap();
                    if Pin::new(&mut stream).accept().await.is_err() {
                        return;
                    }
                    spoken.lock().unwrap().push(stream.ssl().version_str().to_owned());
                    let mut head = [0; 10];
                    // a phone that does not like the certificate goes away here
                    if stream.read_exact(&mut head).await.is_err() {
                        return;
                    }
                    let mut question = head.to_vec();
                    question.resize(10 + usize::from(u16::from_be_bytes([head[8], head[9]])), 0);
                    stream.read_exact(&mut question[10..]).await.unwrap();
                    asked.lock().unwrap().push(question.clone());
                    if let Some(answer) = manner.answer(&question) {
                        stream.write_all(&answer).await.unwrap();
                        // until the phone closes
                        drop(stream.read(&mut [0]).await);
                    } else if matches!(*manner, Manner::Silent) {
                        drop(stream.read(&mut [0]).await);
                    }
                });
            }
        });
        Self { address, questions, versions }
    }

    pub fn question_count(&self) -> usize {
        self.questions.lock().unwrap().len()
    }
}

impl Manner {
    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Recorded(pairs) => {
                let (_, answer) = pairs.iter().find(|(recorded, _)| same_question(recorded, question))?;
                let mut answer = answer.clone();
                answer[4..8].copy_from_slice(&question[4..8]);
                Some(answer)
            }
            Self::KnowsNothing => {
                let mut answer = vec![0x57, 1, question[2] + 1, 0, 0, 0, 0, 0, 0, 4, 7, 0, 1, 1];
                answer[4..8].copy_from_slice(&question[4..8]);
                Some(answer)
            }
            Self::Silent => None,
            Self::Babbles => Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        }
    }
}

/// Equal to the byte, but for the session id that the phone chooses.
fn same_question(recorded: &[u8], question: &[u8]) -> bool {
    recorded.len() == question.len() && recorded[..4] == question[..4] && recorded[8..] == question[8..]
}

/// All recorded QUERY messages, and VERIFY of the application server and of CAPF.
pub fn recorded() -> Vec<(Vec<u8>, Vec<u8>)> {
    let read = |name: &str| -> serde_json::Value {
        let text = std::fs::read(vectors().join("tvs").join(name)).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let bytes = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
    let queries = read("query-messages.json");
    let mut all: Vec<_> = queries["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (bytes(&pair["request_hex"]), bytes(&pair["response_hex"])))
        .collect();
    for name in ["verify-valid-app-2048.json", "verify-valid-capf-2048.json"] {
        let verify = read(name);
        let messages = verify["messages"].as_array().unwrap();
        all.push((bytes(&messages[0]["hex"]), bytes(&messages[1]["hex"])));
    }
    all
}
