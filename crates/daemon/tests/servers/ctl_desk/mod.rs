//! A CTL provider on a port of its own, before a cluster of two nodes in a folder; clients, and tokens with soft keys.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use cluster::config::Protocol;
use cluster::devices::Device;
use cluster::parameters::SecurityMode;
use cluster::{Actor, Level};
use daemon::ctl_provider::{ClientError, CtlProviderClient, CtlProviderLimits, CtlProviderServer};
use daemon::tls;
use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::X509;
use pki::ctl_client::CtlDraft;
use pki::listing::ListKind;
use pki::name::Subject;
use pki::profile::{CertificateProfile, SelfSigned, self_signed};
use pki::sign::SigningIdentity;
use pki::{Certificate, SoftKey};
use ringfence_core::Cluster;
use ringfence_core::administrators::Password;
use testbed::{Clock, PUBLISHER, SUBSCRIBER, make, new_cluster, phone};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wire::ctl_provider::{Choice, ClientStream, ClusterState, Login, Reply, Request, Upload};
use wire::digest::DigestId;

/// No step of a test takes that long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the administrator of the tests types.
pub const PASSWORD: &str = "Cisco123";

/// One test at a time makes its cluster: all at once are more than a busy machine does before a database gives up waiting.
static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const NOW: i64 = 1_425_675_879_000;

/// A provider that runs, and its cluster.
pub struct Desk {
    pub cluster: Cluster,
    pub address: SocketAddr,
    pub limits: CtlProviderLimits,
    stop: watch::Sender<bool>,
    served: Option<JoinHandle<std::io::Result<()>>>,
    folder: tempfile::TempDir,
}

impl Desk {
    /// With phones of these models, `SEP000000000001` the first; accounts `ccmadmin` and, with level 0, `reader`.
    pub async fn new(models: &[&str]) -> Self {
        let new = new_cluster("10.5", &[(PUBLISHER, "127.0.47.155"), (SUBSCRIBER, "127.0.47.156")]);
        let mut lab = Clock::at(NOW);
        let _turn = MAKING.lock().await;
        let (folder, cluster) = make(&new, &mut lab).await;
        let admin = Actor::new("admin", Level::Install);
        let device = |(number, model): (i32, &&str)| Device {
            model: (*model).to_owned(),
            protocol: Protocol::Sccp,
            ..phone(&format!("SEP{number:012X}"))
        };
        let devices: Vec<Device> = (1..).zip(models).map(device).collect();
        cluster.put_devices(&admin, &devices, &mut lab).await.unwrap();
        for (name, level) in [("ccmadmin", Level::ReadWrite), ("reader", Level::Read)] {
            cluster.add_administrator(&admin, name, level, Password::new(PASSWORD), &mut lab).await.unwrap();
        }
        let (stop, _) = watch::channel(false);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let limits = CtlProviderLimits { per_address: 16, ..CtlProviderLimits::default() };
        let mut desk = Self { cluster, address, limits, stop, served: None, folder };
        desk.start().await;
        desk
    }

    /// Starts the provider; after [`Self::stop`] on the port of before.
    pub async fn start(&mut self) {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors/certs");
        let read = |end: &str| std::fs::read(vectors.join(format!("tvs-2048.{end}.pem"))).unwrap();
        let key = SoftKey::from_pem(&read("key")).unwrap();
        let context = tls::phone_context(&X509::from_pem(&read("crt")).unwrap(), &[], key.openssl(), false).unwrap();
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        self.stop = stop;
        let server = CtlProviderServer::new(self.cluster.clone(), tls::swappable(context), self.limits.clone());
        self.served = Some(tokio::spawn(server.serve(listener, stopped)));
    }

    /// Stops it and waits for its end.
    pub async fn stop(&mut self) {
        self.stop.send_replace(true);
        let served = self.served.take().unwrap();
        tokio::time::timeout(PATIENCE, served).await.unwrap().unwrap().unwrap();
    }

    /// Where the data directory is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A connection on which nobody has logged in.
    pub async fn connect(&self) -> CtlProviderClient {
        CtlProviderClient::connect("127.0.0.1", self.address.port()).await.unwrap()
    }

    /// A connection and what became of the log-in.
    pub async fn log_in(&self, user: &str, password: &str) -> Result<CtlProviderClient, ClientError> {
        let mut client = self.connect().await;
        let password = wire::ctl_provider::Password::new(password.as_bytes().to_vec());
        client.log_in(Login { user: user.to_owned(), password }).await.map(|_| client)
    }

    /// `ccmadmin` at the desk; he waits until whoever was there before is missed.
    pub async fn sit_down(&self) -> CtlProviderClient {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.log_in("ccmadmin", PASSWORD).await {
                Ok(client) => return client,
                Err(error) if refusal(&error).0 == "busy" => {
                    assert!(Instant::now() < until, "the desk stays taken: {error}");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// A TLS connection on which a test writes bytes by hand.
    pub fn raw(&self) -> Raw {
        self.raw_from(1)
    }

    /// The same from 127.0.0.`last`.
    pub fn raw_from(&self, last: u8) -> Raw {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)).into()).unwrap();
        socket.connect(&self.address.into()).unwrap();
        let tcp = TcpStream::from(socket);
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.set_verify(SslVerifyMode::NONE);
        let mut configured = connector.build().configure().unwrap();
        configured.set_verify_hostname(false);
        Raw(configured.connect("127.0.0.1", tcp).unwrap())
    }

    /// The same, logged in as `ccmadmin`.
    pub fn raw_at_the_desk(&self) -> Raw {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut raw = self.raw();
            if raw.log_in() {
                return raw;
            }
            assert!(Instant::now() < until, "the desk stays taken");
        }
    }

    /// The CTL that each node gives out.
    pub async fn published(&self) -> Vec<Option<Vec<u8>>> {
        let nodes = self.cluster.store().nodes().await.unwrap();
        let read = |node| self.cluster.published_list(node, ListKind::Ctl).unwrap();
        nodes.iter().map(|node| read(node).map(|list| list.list.bytes().to_vec())).collect()
    }

    /// Waits until the nodes give out this file.
    pub async fn wait_until_published(&self, file: &[u8]) {
        let until = Instant::now() + PATIENCE;
        while self.published().await.iter().any(|found| found.as_deref() != Some(file)) {
            assert!(Instant::now() < until, "the file is not on every node");
            tokio::task::yield_now().await;
        }
    }

    pub async fn mode(&self) -> SecurityMode {
        self.cluster.parameters().await.unwrap().security_mode()
    }

    /// Nothing was changed: no file, no row, the mode of before.
    pub async fn assert_untouched(&self) {
        assert_eq!(self.published().await, [None, None]);
        assert_eq!(self.cluster.store().ctl_file().await.unwrap(), None);
        assert_eq!(self.mode().await, SecurityMode::NonSecure);
    }
}

/// Bytes in TLS.
pub struct Raw(SslStream<TcpStream>);

impl Raw {
    pub fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
        self.0.flush().unwrap();
    }

    /// Logs in and reads the answer: whether it was a welcome.
    pub fn log_in(&mut self) -> bool {
        let password = wire::ctl_provider::Password::new(PASSWORD.as_bytes().to_vec());
        self.write(&Request::Login(Login { user: "ccmadmin".to_owned(), password }).encode().unwrap());
        let mut stream = ClientStream::default();
        let mut chunk = [0; 1024];
        loop {
            let count = self.0.read(&mut chunk).unwrap();
            assert_ne!(count, 0, "it was closed");
            if let Some(reply) = stream.receive(&chunk[..count]).unwrap() {
                return matches!(reply, Reply::Welcome { .. });
            }
        }
    }

    /// Reads to the end of the connection, however it ends.
    pub fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        drop(self.0.read_to_end(&mut rest)); // cut off without a good-bye is an end too
        rest
    }
}

/// Label and text of a refusal.
pub fn refusal(error: &ClientError) -> (&str, &str) {
    match error {
        ClientError::Refused { label, text } => (label, text),
        other => panic!("no refusal: {other}"),
    }
}

/// A token whose key is in memory.
pub struct Token {
    pub certificate: Certificate,
    key: SoftKey,
}

pub fn token(name: &str) -> Token {
    let key = testbed::rsa_key(1024).unwrap();
    let profile = CertificateProfile {
        digest: DigestId::SHA1,
        days: 36_500, // the provider lives by the clock of the machine
        usage: &[],
        purposes: &[],
        ca_path_length: None,
        alt_names: false,
    };
    let subject = Subject {
        country: String::new(),
        organization: "Cisco Systems, Inc.".to_owned(),
        unit: "IPCBU".to_owned(),
        common_name: format!("SAST-{name}        "),
        state: String::new(),
        locality: String::new(),
    };
    // May 17 2012, as the token of [sources/ctl-client#tokens]
    let request =
        SelfSigned { subject, serial: name.as_bytes().to_vec(), not_before: 1_337_212_800, dns_names: Vec::new() };
    Token { certificate: self_signed(&profile, &request, &key).unwrap(), key }
}

/// A CTL for what a provider has shown, with these tokens; the first signs.
pub fn sign(state: ClusterState, tokens: &[Token]) -> Upload {
    let base = state.ctl.as_deref().map(pki::hash::sha256);
    sign_draft(CtlDraft::new(state).unwrap(), base, tokens)
}

/// The same for a draft that a test has changed.
pub fn sign_draft(mut draft: CtlDraft, base: Option<[u8; 32]>, tokens: &[Token]) -> Upload {
    for token in tokens {
        draft.add_token(token.certificate.clone());
    }
    let identity = SigningIdentity::new(&tokens[0].certificate, &tokens[0].key).unwrap();
    let file = draft.sign(Choice::Mixed, &identity, u32::try_from(NOW / 1000).unwrap()).unwrap();
    Upload { choice: Choice::Mixed, forced: false, file, base }
}
