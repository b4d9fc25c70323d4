//! Good clients: one small visit to each server of a node, from an address of their own, with the time that it took. They stand beside
//! those that misbehave, because what these do to others is what counts.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{timeout, timeout_at};
use tokio_openssl::SslStream;
use wire::capf::{AuthResponse, ClientEnded, ClientQuestion, ClientStep, Password};
use wire::file_name::FileName;
use wire::tvs::Ask;

use crate::fetch;
use crate::tls::PhoneTls;
use crate::waits::Waits;

/// What every node gives out.
const LIST: &str = "ITLFile.tlv";

/// A device that nobody has: its answer costs CAPF a whole session but for the certificate.
const DEVICE: &str = "SEPFFFFFFFFFFFF";

/// Bytes read at once: a TLS record.
const RECORD: usize = 16 << 10;

/// A server of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Server {
    /// A list by TFTP.
    Tftp,
    /// The same by HTTP.
    Http,
    /// Whether a certificate is known.
    Tvs,
    /// What there is to do for a device.
    Capf,
    /// A connection with TLS; nobody logs in.
    CtlProvider,
    /// A scrape.
    Metrics,
}

impl Server {
    /// In the order of a node's summary.
    pub const ALL: [Self; 6] = [Self::Tftp, Self::Http, Self::Tvs, Self::Capf, Self::CtlProvider, Self::Metrics];

    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tftp => "TFTP",
            Self::Http => "HTTP",
            Self::Tvs => "TVS",
            Self::Capf => "CAPF",
            Self::CtlProvider => "CTL",
            Self::Metrics => "metrics",
        }
    }
}

/// A client that behaves.
#[derive(Debug, Clone)]
pub struct Visitor {
    tls: PhoneTls,
    from: Ipv4Addr,
    patience: Duration,
}

impl Visitor {
    /// Comes from this address and waits so long.
    ///
    /// # Errors
    /// The library has no TLS.
    pub fn new(from: Ipv4Addr, patience: Duration) -> Result<Self, openssl::error::ErrorStack> {
        Ok(Self { tls: PhoneTls::new(false)?, from, patience })
    }

    /// One visit. How long it took.
    ///
    /// # Errors
    /// Why it was in vain, a sentence.
    pub async fn visit(&self, server: Server, address: SocketAddr) -> Result<Duration, String> {
        let started = Instant::now();
        let visit = async {
            match server {
                Server::Tftp => self.tftp(address).await,
                Server::Http => self.get(address, &format!("/{LIST}")).await,
                Server::Metrics => self.get(address, "/metrics").await,
                Server::Tvs => self.tvs(address).await,
                Server::Capf => self.capf(address).await,
                Server::CtlProvider => self.greet(address).await,
            }
        };
        match timeout(self.patience, visit).await {
            Ok(Ok(())) => Ok(started.elapsed()),
            Ok(Err(why)) => Err(format!("{}: {why}", server.name())),
            Err(_) => Err(format!("{}: not served within {:?}", server.name(), self.patience)),
        }
    }

    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, String> {
        connect(self.from, address).await.map_err(|error| error.to_string())
    }

    async fn tls(&self, address: SocketAddr) -> Result<SslStream<TcpStream>, String> {
        let tcp = self.connect(address).await?;
        let (stream, _) = self.tls.over(tcp, self.patience).await.map_err(|error| error.to_string())?;
        Ok(stream)
    }

    /// TLS, and an end that the server has seen: a client that only goes away would find the places of its address taken by itself, where
    /// an address has few.
    async fn greet(&self, address: SocketAddr) -> Result<(), String> {
        let mut stream = self.tls(address).await?;
        stream.shutdown().await.map_err(|error| error.to_string())?;
        let mut rest = [0; 64];
        while matches!(stream.read(&mut rest).await, Ok(count) if count > 0) {}
        Ok(())
    }

    async fn tftp(&self, address: SocketAddr) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let name: FileName = LIST.parse().map_err(|error| said(&error))?;
        let socket = UdpSocket::bind((self.from, 0)).await.map_err(|error| said(&error))?;
        fetch::tftp_over(&socket, address, &name, &Waits::default()).await.map(drop)
    }

    async fn get(&self, address: SocketAddr, path: &str) -> Result<(), String> {
        let mut stream = self.connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        let exchange = async {
            stream.write_all(request.as_bytes()).await?;
            stream.read_to_end(&mut answer).await
        };
        exchange.await.map_err(|error| error.to_string())?;
        let status = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        if status.starts_with(b"HTTP/1.1 200 ") {
            return Ok(());
        }
        Err(format!("answers `{}`", String::from_utf8_lossy(status)))
    }

    async fn tvs(&self, address: SocketAddr) -> Result<(), String> {
        let mut stream = self.tls(address).await?;
        let mut session = wire::tvs::ClientSession::default();
        let ask = Ask::Verify { certificate: vec![0x30; 700] };
        let request = session.request(None, ask).map_err(|error| error.to_string())?;
        stream.write_all(&request).await.map_err(|error| error.to_string())?;
        let mut buffer = vec![0; RECORD];
        loop {
            let count = stream.read(&mut buffer).await.map_err(|error| error.to_string())?;
            if count == 0 {
                return Err("closed without an answer".to_owned());
            }
            let received = session.receive(buffer.get(..count).unwrap_or_default());
            if received.map_err(|error| error.to_string())?.is_some() {
                return stream.shutdown().await.map_err(|error| error.to_string());
            }
        }
    }

    async fn capf(&self, address: SocketAddr) -> Result<(), String> {
        let mut stream = self.tls(address).await?;
        let mut session = wire::capf::ClientSession::new(self.patience);
        let mut buffer = vec![0; RECORD];
        loop {
            match session.step(Instant::now()) {
                ClientStep::Send(bytes) => stream.write_all(&bytes).await.map_err(|error| error.to_string())?,
                ClientStep::Receive { until } => match timeout_at(until.into(), stream.read(&mut buffer)).await {
                    Ok(Ok(0)) => session.closed(),
                    Ok(Ok(count)) => session.receive(buffer.get(..count).unwrap_or_default(), Instant::now()),
                    Ok(Err(error)) => return Err(error.to_string()),
                    // the session sees itself that the time is over
                    Err(_) => {}
                },
                ClientStep::Ask(ClientQuestion::Authenticate { .. }) => {
                    let name = wire::capf::DeviceName::new(DEVICE).map_err(|error| error.to_string())?;
                    let none = Password::new(b"").map_err(|error| error.to_string())?;
                    session.authenticate(AuthResponse::with_password(name, none));
                }
                ClientStep::Ask(other) => return Err(format!("asks {other:?} of a device that nobody has")),
                ClientStep::End(ClientEnded::Reason(_)) => return Ok(()),
                ClientStep::End(ended) => return Err(ended.to_string()),
            }
        }
    }
}

/// A connection from an address, so that many clients of one machine are many for the server.
pub(super) async fn connect(from: Ipv4Addr, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
