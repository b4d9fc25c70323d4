//! Questions to TVS: TLS on TCP 2445, the certificate of the server held against the ITL, then one question
//! [sources/tvs#transport].
//!
//! Servers are asked in the order of the last config. The next one is asked when one cannot be reached, is not the one
//! of the ITL or breaks the protocol; "not known" is an answer.

use openssl::ssl::ErrorCode;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;
use trust::{Belief, Decision, Offer, Silence, Tried, TvsReply, TvsServer, judge};
use wire::role::Role;
use wire::tvs::{Answer, Ask, ClientSession, DeviceName};

use crate::console::Console;
use crate::misbehave::{self, Misbehaviour, Service};
use crate::settings::PhoneSettings;
use crate::tls::PhoneTls;
use crate::waits::Waits;

/// Address of a host: known to the phone, written out, or from DNS. TVS is IPv4 only [sources/tvs#transport], so IPv4
/// comes first.
///
/// `hosts` are the names that are known without DNS, in lower case; an address among them leads elsewhere, so that the
/// configs of another network can be tried in a lab. DNS has to answer within `wait`.
///
/// # Errors
/// One sentence: no address, no DNS.
pub async fn resolve(
    host: &str,
    port: u16,
    hosts: &BTreeMap<String, IpAddr>,
    wait: Duration,
) -> Result<SocketAddr, String> {
    if let Some(address) = hosts.get(&host.to_ascii_lowercase()) {
        return Ok(SocketAddr::new(*address, port));
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, port));
    }
    let found = timeout(wait, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| format!("DNS does not answer within {wait:?}"))?
        .map_err(|error| format!("the name cannot be resolved: {error}"))?;
    let mut all: Vec<SocketAddr> = found.collect();
    all.sort_by_key(|address| !address.is_ipv4());
    all.into_iter().next().ok_or_else(|| "the name has no address".to_owned())
}

/// Why a question got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The server closed in place of an answer.
    #[error("the server closed without an answer")]
    Closed,
    /// No answer in time, or no TVS message.
    #[error("{0}")]
    Other(String),
}

/// A TLS connection to a TVS server. Nothing has judged the certificate of the server yet.
#[derive(Debug)]
pub struct TvsConnection {
    stream: SslStream<TcpStream>,
    certificate: Vec<u8>,
}

impl TvsConnection {
    /// Connects, within `waits.connect` for TCP and `waits.tvs` for TLS.
    ///
    /// # Errors
    /// One sentence: which of the two failed, and why.
    pub async fn open(tls: &PhoneTls, address: SocketAddr, waits: &Waits) -> Result<Self, String> {
        let (stream, certificate) = tls.connect(address, waits).await.map_err(|error| error.to_string())?;
        Ok(Self { stream, certificate })
    }

    /// What the server showed, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Version of TLS, such as `TLSv1.3`.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.stream.ssl().version_str()
    }

    /// Name of the cipher in the words of OpenSSL, such as `AES256-SHA`.
    #[must_use]
    pub fn cipher(&self) -> &'static str {
        self.stream.ssl().current_cipher().map_or("", |cipher| cipher.name())
    }

    /// Sends a request of the session and takes its answer, both within `wait`.
    ///
    /// # Errors
    /// [`ExchangeError`]. The connection cannot go on.
    pub async fn exchange(
        &mut self,
        session: &mut ClientSession,
        request: &[u8],
        wait: Duration,
    ) -> Result<Answer, ExchangeError> {
        self.exchange_as(session, request, wait, None).await
    }

    /// The same by a phone that may misbehave.
    pub(crate) async fn exchange_as(
        &mut self,
        session: &mut ClientSession,
        request: &[u8],
        wait: Duration,
        misbehave: Option<Misbehaviour>,
    ) -> Result<Answer, ExchangeError> {
        timeout(wait, exchange(&mut self.stream, session, request, misbehave))
            .await
            .map_err(|_| ExchangeError::Other(format!("no answer within {wait:?}")))?
    }

    /// Says goodbye. That is a courtesy: the answer is there.
    ///
    /// # Errors
    /// The goodbye could not be sent within `wait`.
    pub async fn close(mut self, wait: Duration) -> Result<(), String> {
        match timeout(wait, self.stream.shutdown()).await {
            Err(late) => Err(late.to_string()),
            // the server was faster
            Ok(_) => Ok(()),
        }
    }
}

/// Asks the servers of the belief in their order. The second part lists the servers that gave no answer before.
pub(crate) async fn ask(
    tls: &PhoneTls,
    settings: &PhoneSettings,
    belief: &Belief,
    ask: &Ask,
    session_id: u32,
    console: &mut Console,
) -> (TvsReply, Vec<Tried>) {
    let mut tried = Vec::new();
    for server in belief.tvs_servers() {
        match ask_one(tls, settings, belief, server, ask, session_id, console).await {
            Ok(answer) => {
                let reply = TvsReply::Answered { server: server.to_string(), answer, cached: false };
                return (reply, tried);
            }
            Err(why) => {
                console.error("tvsConnect", &format!("TVS {server}: {why}"));
                tried.push(Tried { server: server.to_string(), why });
            }
        }
    }
    (TvsReply::NoServer(tried.clone()), tried)
}

async fn ask_one(
    tls: &PhoneTls,
    settings: &PhoneSettings,
    belief: &Belief,
    server: &TvsServer,
    ask: &Ask,
    session_id: u32,
    console: &mut Console,
) -> Result<Answer, Silence> {
    let waits = &settings.waits;
    let address =
        resolve(&server.address, server.port, &settings.hosts, waits.connect).await.map_err(Silence::Failed)?;
    let mut connection = TvsConnection::open(tls, address, waits).await.map_err(Silence::Failed)?;
    console
        .notice("tvsConnect", &format!("Connected to TVS {server}, {} {}", connection.version(), connection.cipher()));
    let offer = Offer::TlsServer { role: Role::TVS, certificate: connection.certificate() };
    match judge(belief, &offer) {
        Decision::Final(verdict) if verdict.is_accepted() => {
            console.notice("tvsCheckServerCert", &format!("Role is = {}", Role::TVS.0));
        }
        Decision::Final(verdict) => return Err(Silence::NotBelieved(verdict.reason())),
        Decision::AskTvs(_) => return Err(Silence::NotBelieved("TVS cannot vouch for itself".to_owned())),
    }
    let mut session = ClientSession::new(session_id);
    let name = DeviceName::new(settings.tvs_name().into_bytes());
    let request = session.request(Some(name), ask.clone()).map_err(|error| Silence::Failed(error.to_string()))?;
    let command = match ask {
        Ask::Verify { .. } => "CERT_VERIFICATION_REQ",
        Ask::Query { .. } => "QUERY_CERT_REQ",
    };
    console.notice("tvsSendRequest", &format!("{command} sent to TVS {server}, len: {}", request.len()));
    let exchanged = connection.exchange_as(&mut session, &request, waits.tvs, settings.misbehave).await;
    let answer = exchanged.map_err(|error| match (error, ask) {
        (ExchangeError::Closed, Ask::Query { .. }) if settings.misbehave.is_none() => Silence::VerifyOnly,
        (error, _) => Silence::Failed(error.to_string()),
    })?;
    if let Err(error) = connection.close(waits.connect).await {
        console.warning("tvsConnect", &format!("TVS {server}: close: {error}"));
    }
    Ok(answer)
}

async fn exchange(
    stream: &mut SslStream<TcpStream>,
    session: &mut ClientSession,
    request: &[u8],
    misbehave: Option<Misbehaviour>,
) -> Result<Answer, ExchangeError> {
    let other = |why: String| ExchangeError::Other(why);
    let written = misbehave::write(stream, Service::Tvs, request, misbehave).await;
    if !written.map_err(|error| other(format!("the question was not taken: {error}")))? {
        return Err(other("closed in the middle of the question, on purpose".to_owned()));
    }
    let mut buffer = vec![0; 16 << 10];
    let mut silent = true;
    loop {
        let count = match stream.read(&mut buffer).await {
            Ok(0) => return Err(ExchangeError::Closed),
            Ok(count) => count,
            // a server that throws the question away resets the connection or lets it end without the good-bye of TLS
            Err(error) if silent && is_end(&error) => return Err(ExchangeError::Closed),
            Err(error) => return Err(other(format!("no answer: {error}"))),
        };
        silent = false;
        let bytes = buffer.get(..count).unwrap_or_default();
        match session.receive(bytes) {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            Err(error) => return Err(other(format!("no TVS answer: {error}"))),
        }
    }
}

/// True when the connection simply ended.
fn is_end(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionReset, UnexpectedEof};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<openssl::ssl::Error>());
    // OpenSSL 3 tells the end without a good-bye as an error of its own
    let ended = inner.is_some_and(|error| {
        let said = error.ssl_error().is_some_and(|stack| {
            stack.errors().iter().any(|error| error.reason() == Some("unexpected eof while reading"))
        });
        said || (error.code() == ErrorCode::SYSCALL && error.io_error().is_none())
            || error.io_error().is_some_and(|error| error.kind() == ConnectionReset)
    });
    ended || matches!(error.kind(), ConnectionReset | UnexpectedEof)
}

/// An answer in a few words.
pub(crate) fn describe(answer: &Answer) -> String {
    let roles = |roles: &[u8]| {
        let names: Vec<String> = roles.iter().map(|role| Role(u16::from(*role)).to_string()).collect();
        names.join(", ")
    };
    match answer {
        Answer::Verified(trust) => format!("known as {}, for {} s", roles(trust.roles()), trust.ttl_seconds()),
        Answer::Found(found) => format!(
            "certificate of {} bytes, known as {}, for {} s",
            found.certificate.len(),
            roles(found.trust.roles()),
            found.trust.ttl_seconds()
        ),
        Answer::NotValid => "not known".to_owned(),
    }
}
