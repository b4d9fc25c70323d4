//! The client's end of the connection: TLS to a provider whose certificate the caller judges.

use std::pin::Pin;
use std::time::Duration;

use openssl::hash::MessageDigest;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;
use wire::ctl_provider::{ClientStream, ClusterState, Login, NodeStatus, Reply, Request, StreamError, Upload};

/// How long an answer may take: a password is checked in a part of a second, a CTL is on every node in some.
const ANSWER: Duration = Duration::from_secs(60);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// SHA-256 of the certificate that a provider showed.
pub type Fingerprint = [u8; 32];

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection.
    #[error(
        "{server}: {reason}; is the service Cisco CTL Provider activated there (`utils service activate Cisco CTL Provider`)?"
    )]
    Unreachable {
        /// Host and port.
        server: String,
        /// Why.
        reason: String,
    },
    /// The connection broke off.
    #[error("the connection to the CTL provider was lost: {0}")]
    Lost(String),
    /// The provider says no.
    #[error("{text}")]
    Refused {
        /// Stable word for machines.
        label: String,
        /// What it says.
        text: String,
    },
    /// Bytes that are no answer.
    #[error("the CTL provider answered what cannot be read: {0}")]
    Unreadable(#[from] StreamError),
    /// An answer to something else, or a request that cannot be written.
    #[error("{0}")]
    Misused(String),
}

/// A connection to a CTL provider.
pub struct CtlProviderClient {
    stream: SslStream<TcpStream>,
    reader: ClientStream,
    fingerprint: Fingerprint,
}

impl CtlProviderClient {
    /// Connects. Nothing secret was said yet: look at [`Self::fingerprint`] before the log-in.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub async fn connect(host: &str, port: u16) -> Result<Self, ClientError> {
        let server = format!("{host} port {port}");
        let failed = |reason: String| ClientError::Unreachable { server: server.clone(), reason };
        match timeout(CONNECT, handshake(host, port)).await {
            Ok(Ok((stream, fingerprint))) => Ok(Self { stream, reader: ClientStream::default(), fingerprint }),
            Ok(Err(reason)) => Err(failed(reason)),
            Err(_) => Err(failed("no answer".to_owned())),
        }
    }

    /// SHA-256 of the provider's certificate.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Logs in. The release of the cluster.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn log_in(&mut self, login: Login) -> Result<String, ClientError> {
        match self.ask(&Request::Login(login)).await? {
            Reply::Welcome { release } => Ok(release),
            other => Err(unexpected(other)),
        }
    }

    /// What is there.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn look(&mut self) -> Result<ClusterState, ClientError> {
        match self.ask(&Request::Look).await? {
            Reply::Cluster(state) => Ok(state),
            other => Err(unexpected(other)),
        }
    }

    /// Brings a CTL. What became of it on each node, and warnings.
    ///
    /// # Errors
    /// [`ClientError`]; after [`ClientError::Lost`] it may have been taken or not, and can be brought again.
    pub async fn store(&mut self, upload: Upload) -> Result<(Vec<NodeStatus>, Vec<String>), ClientError> {
        match self.ask(&Request::Store(upload)).await? {
            Reply::Stored { nodes, warnings } => Ok((nodes, warnings)),
            other => Err(unexpected(other)),
        }
    }

    async fn ask(&mut self, request: &Request) -> Result<Reply, ClientError> {
        let frame = request.encode().map_err(|error| ClientError::Misused(error.to_string()))?;
        let frame = zeroing(frame);
        let lost = |error: std::io::Error| ClientError::Lost(error.to_string());
        self.stream.write_all(&frame.0).await.map_err(lost)?;
        self.stream.flush().await.map_err(lost)?;
        let answer = async {
            let mut chunk = [0; 16 * 1024];
            loop {
                let count = self.stream.read(&mut chunk).await.map_err(lost)?;
                if count == 0 {
                    return Err(ClientError::Lost("it was closed".to_owned()));
                }
                if let Some(reply) = self.reader.receive(chunk.get(..count).unwrap_or_default())? {
                    return Ok(reply);
                }
            }
        };
        match timeout(ANSWER, answer).await {
            Ok(Ok(Reply::Refused { label, text })) => Err(ClientError::Refused { label, text }),
            Ok(answer) => answer,
            Err(_) => Err(ClientError::Lost("no answer in time".to_owned())),
        }
    }
}

/// A frame that may hold a password: overwritten when dropped.
struct Frame(Vec<u8>);

fn zeroing(frame: Vec<u8>) -> Frame {
    Frame(frame)
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

fn unexpected(reply: Reply) -> ClientError {
    let what = match reply {
        Reply::Welcome { .. } => "a welcome",
        Reply::Cluster(_) => "the state of a cluster",
        Reply::Stored { .. } => "that a CTL was stored",
        Reply::Refused { .. } => "a refusal",
    };
    ClientError::Misused(format!("the CTL provider answered {what} to another question"))
}

async fn handshake(host: &str, port: u16) -> Result<(SslStream<TcpStream>, Fingerprint), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let tcp = TcpStream::connect((host, port)).await.map_err(|error| said(&error))?;
    tcp.set_nodelay(true).map_err(|error| said(&error))?;
    let mut connector = SslConnector::builder(SslMethod::tls_client()).map_err(|error| said(&error))?;
    connector.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(|error| said(&error))?;
    // Certificates of a cluster are self-signed: the caller compares the fingerprint. Those of 10.5 may have 1024 bits.
    connector.set_verify(SslVerifyMode::NONE);
    connector.set_security_level(1);
    let mut configured = connector.build().configure().map_err(|error| said(&error))?;
    configured.set_verify_hostname(false);
    let ssl = configured.into_ssl(host).map_err(|error| said(&error))?;
    let mut stream = SslStream::new(ssl, tcp).map_err(|error| said(&error))?;
    Pin::new(&mut stream).connect().await.map_err(|error| said(&error))?;
    let certificate = stream.ssl().peer_certificate().ok_or_else(|| "it showed no certificate".to_owned())?;
    let digest = certificate.digest(MessageDigest::sha256()).map_err(|error| said(&error))?;
    let fingerprint = digest.as_ref().try_into().map_err(|_| "a digest of another size".to_owned())?;
    Ok((stream, fingerprint))
}
