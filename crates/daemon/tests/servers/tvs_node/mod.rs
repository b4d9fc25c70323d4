//! A TVS server on a port of its own, and a phone's TLS made with the openssl crate.
#![allow(dead_code)] // each test file uses its part

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use cluster::tvs::{TvsCache, TvsEntry};
use daemon::tls::{self, SwappableTls};
use daemon::tvs::{TvsCounters, TvsLimits, TvsLog, TvsServer};
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslStream, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use pki::Certificate;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// No step of a test takes that long; a server that does not answer fails the test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file of the vectors.
pub fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors").join(name)
}

pub fn read(name: &str) -> Vec<u8> {
    let path = vector(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&read(name)).unwrap()
}

pub fn unhex(value: &serde_json::Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

pub fn certificate(name: &str) -> Certificate {
    Certificate::from_der(&read(&format!("certs/{name}.crt.der"))).unwrap()
}

/// A server's context with certificate and key of the vectors.
pub fn context(name: &str, legacy: bool) -> SslContext {
    tls::phone_context(&x509(name), &[], &private_key(name), legacy).unwrap()
}

/// A certificate of the vectors as OpenSSL has it, and its key.
pub fn x509(name: &str) -> X509 {
    X509::from_der(certificate(name).der()).unwrap()
}

pub fn private_key(name: &str) -> PKey<Private> {
    PKey::private_key_from_pem(&read(&format!("certs/{name}.key.pem"))).unwrap()
}

/// A running server.
pub struct Node {
    pub address: SocketAddr,
    pub cache: Arc<ArcSwap<TvsCache>>,
    pub tls: SwappableTls,
    pub counters: Arc<TvsCounters>,
    pub log: TvsLog,
    stop: watch::Sender<bool>,
    served: Option<JoinHandle<io::Result<()>>>,
    runtime: Runtime,
    folder: tempfile::TempDir,
}

impl Node {
    /// With the certificate `tvs-2048`.
    pub fn start(legacy: bool, limits: TvsLimits, entries: impl IntoIterator<Item = TvsEntry>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let cache = Arc::new(ArcSwap::from_pointee(TvsCache::new().with_database(entries)));
        let tls = tls::swappable(context("tvs-2048", legacy));
        let counters = Arc::new(TvsCounters::default());
        let log = TvsLog::to_file(folder.path().join("tvs.log"), 1 << 20).unwrap();
        let server = TvsServer {
            tls: Arc::clone(&tls),
            source: cache.clone(),
            log: log.clone(),
            limits,
            counters: Arc::clone(&counters),
        };
        let (stop, stopped) = watch::channel(false);
        let served = Some(runtime.spawn(server.serve(listener, stopped)));
        Self { address, cache, tls, counters, log, stop, served, runtime, folder }
    }

    /// Everything in `tvs.log` so far.
    pub fn log_text(&self) -> String {
        assert!(self.log.flush(PATIENCE));
        std::fs::read_to_string(self.folder.path().join("tvs.log")).unwrap()
    }

    /// Asks the server to end, without waiting.
    pub fn ask_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until `serve` has returned.
    pub fn wait_until_stopped(&mut self) {
        let served = self.served.take().expect("once");
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, served).await.unwrap().unwrap().unwrap() });
    }
}

/// What a phone offers in its handshake.
#[derive(Default)]
pub struct Offer {
    pub version: Option<SslVersion>,
    pub ciphers: Option<&'static str>,
    /// Address to come from.
    pub from: Option<Ipv4Addr>,
}

impl Offer {
    pub fn version(version: SslVersion) -> Self {
        Self { version: Some(version), ..Self::default() }
    }
}

/// A phone's end of a connection.
pub struct Phone {
    pub tls: SslStream<TcpStream>,
}

impl Phone {
    pub fn connect(address: SocketAddr) -> Self {
        Self::offer(address, Offer::default()).unwrap()
    }

    pub fn offer(address: SocketAddr, offer: Offer) -> Result<Self, String> {
        let tcp = tcp(address, offer.from);
        let mut context = SslContextBuilder::new(SslMethod::tls_client()).unwrap();
        context.set_security_level(0);
        context.set_verify(SslVerifyMode::NONE);
        context.set_min_proto_version(offer.version.or(Some(SslVersion::TLS1))).unwrap();
        context.set_max_proto_version(offer.version).unwrap();
        context.set_cipher_list(offer.ciphers.unwrap_or("ALL:@SECLEVEL=0")).unwrap();
        let ssl = Ssl::new(&context.build()).unwrap();
        let tls = ssl.connect(tcp).map_err(|error| error.to_string())?;
        Ok(Self { tls })
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.tls.write_all(bytes).unwrap();
    }

    /// One whole message.
    pub fn receive(&mut self) -> Vec<u8> {
        let mut message = vec![0; 10];
        self.tls.read_exact(&mut message).unwrap();
        let length = usize::from(u16::from_be_bytes([message[8], message[9]]));
        message.resize(10 + length, 0);
        self.tls.read_exact(&mut message[10..]).unwrap();
        message
    }

    pub fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        self.send(request);
        self.receive()
    }

    /// Waits until the server has closed; what comes before is an error of the test.
    pub fn expect_close(&mut self) {
        let mut byte = [0];
        match self.tls.read(&mut byte) {
            Ok(0) => {}
            Ok(_) => panic!("an answer where the end was due: {byte:?}"),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("not closed")
            }
            Err(_) => {}
        }
    }

    pub fn server_certificate(&self) -> Vec<u8> {
        self.tls.ssl().peer_certificate().unwrap().to_der().unwrap()
    }
}

/// A TCP connection that gives up after [`PATIENCE`].
pub fn tcp(address: SocketAddr, from: Option<Ipv4Addr>) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    if let Some(from) = from {
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    }
    socket.connect(&address.into()).unwrap();
    let tcp = TcpStream::from(socket);
    tcp.set_nodelay(true).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.set_write_timeout(Some(PATIENCE)).unwrap();
    tcp
}
