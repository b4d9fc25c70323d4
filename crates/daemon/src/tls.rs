//! TLS as phones need it.
//!
//! Two settings, nothing in between:
//!
//! | | usual | `legacy` (`[phones] legacy_tls = true`) |
//! |---|---|---|
//! | versions | 1.2, 1.3 | 1.0 to 1.3 |
//! | key exchange | ECDHE | ECDHE, RSA |
//! | ciphers | AES-GCM, ChaCha20, AES-CBC with SHA-2 or SHA-1 for ECDHE | the same, then AES128-SHA and AES256-SHA with RSA key exchange |
//! | OpenSSL security level | 1 | 0 |
//!
//! Level 1 and not the 2 of Debian: release 10.5 has server keys of 1024 bits (80 bits of security, the floor of level
//! 1). A self-signed certificate may carry a SHA-1 signature there, because OpenSSL does not look at the signature of a
//! self-signed certificate; one issued by a CA with SHA-1 is refused. Level 0 is what TLS 1.0 takes: OpenSSL 3 counts
//! its MD5+SHA-1 signatures as no security at all.
//!
//! RSA key exchange invites padding oracles, so a key that serves it should serve nothing else; the TVS key does not.
//!
//! Sessions can be resumed, by ticket or, for phones without tickets, from a bounded cache: a resumed handshake costs
//! no private-key operation. A new context (renewed certificate) has new ticket keys, so old tickets end with it.

mod turns;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use arc_swap::ArcSwap;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, PKeyRef, Private};
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslSessionCacheMode, SslVersion,
};
use openssl::x509::X509;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_openssl::SslStream;

/// Smallest server key in bits: that of release 10.5. Below it no phone of interest is helped.
pub const MIN_KEY_BITS: u32 = 1024;

/// Sessions kept for phones that resume without tickets; about 1 kB each. A cluster has some thousand phones at most
/// that are so old.
const SESSION_CACHE_SIZE: i32 = 4096;

/// Binds sessions to this program; OpenSSL wants it for resumption when client certificates are used.
const SESSION_ID_CONTEXT: &[u8] = b"ringfence";

const TLS13: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

const GROUPS: &str = "X25519:P-256:P-384";

const USUAL: &str = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:\
    ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:@SECLEVEL=1";

const LEGACY: &str = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:\
    ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:\
    AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:AES256-SHA:AES128-SHA:@SECLEVEL=0";

/// A context that can be replaced while the server runs: new connections take the new one, open ones keep theirs.
pub type SwappableTls = Arc<ArcSwap<SslContext>>;

/// Why there is no context.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Phones compare an RSA certificate; their old ciphers are RSA only.
    #[error("the server key is {found}, phones take RSA only: give the service an RSA certificate")]
    NotRsa {
        /// What the key is.
        found: &'static str,
    },
    /// Below [`MIN_KEY_BITS`].
    #[error("the server key has {bits} bits, the least is 1024: regenerate the certificate")]
    KeyTooSmall {
        /// Size of the key.
        bits: u32,
    },
    /// Certificate and key are not a pair.
    #[error("certificate and key do not belong together: take both from the same generation")]
    NotAPair,
    /// The key in the certificate cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Unreadable(ErrorStack),
    /// OpenSSL refuses a setting; it was built or configured without it.
    #[error("this OpenSSL does not take the phone settings: {0}; the release build with its own OpenSSL does")]
    Refused(#[from] ErrorStack),
}

/// A server context for phones: RSA certificate, the CAs above it that are sent with it, its key, `legacy` as the table above
/// says. A CA that the security level refuses is left out, with those above it: sent, it would end every handshake.
///
/// # Errors
/// [`TlsError`].
pub fn phone_context(
    certificate: &X509,
    chain: &[X509],
    key: &PKeyRef<Private>,
    legacy: bool,
) -> Result<SslContext, TlsError> {
    check_key(key)?;
    let certified = certificate.public_key().map_err(TlsError::Unreadable)?;
    if !certified.public_eq(key) {
        return Err(TlsError::NotAPair);
    }
    let mut context = SslContextBuilder::new(SslMethod::tls_server())?;
    // the level first: it decides which certificates the calls below take
    context.set_security_level(if legacy { 0 } else { 1 });
    context.set_min_proto_version(Some(if legacy { SslVersion::TLS1 } else { SslVersion::TLS1_2 }))?;
    context.set_max_proto_version(Some(SslVersion::TLS1_3))?;
    context.set_cipher_list(if legacy { LEGACY } else { USUAL })?;
    context.set_ciphersuites(TLS13)?;
    context.set_groups_list(GROUPS)?;
    // renegotiation lets one client ask for private-key operations without end
    context
        .set_options(SslOptions::CIPHER_SERVER_PREFERENCE | SslOptions::NO_RENEGOTIATION | SslOptions::NO_COMPRESSION);
    // one system call for a flight of records instead of two for each record
    context.set_read_ahead(true);
    // 16 kB for each connection that is silent
    context.set_mode(SslMode::RELEASE_BUFFERS);
    context.set_session_id_context(SESSION_ID_CONTEXT)?;
    context.set_session_cache_mode(SslSessionCacheMode::SERVER);
    context.set_session_cache_size(SESSION_CACHE_SIZE);
    // a phone opens one connection at a time; the second ticket of the default would be thrown away
    context.set_num_tickets(1)?;
    context.set_certificate(certificate)?;
    for above in chain.iter().take_while(|above| legacy || is_sent(above)) {
        context.add_extra_chain_cert(above.clone())?;
    }
    context.set_private_key(key)?;
    Ok(context.build())
}

/// A context of a service that has no certificate to present: every handshake ends with an alert.
///
/// # Errors
/// [`TlsError`].
pub fn closed_context() -> Result<SslContext, TlsError> {
    Ok(SslContextBuilder::new(SslMethod::tls_server())?.build())
}

/// The handshake of a client. The reason of a failure ends with the setting that helps, where there is one. Nothing is made for a
/// connection before its first byte has come, and no key is used but in turn ([`turns`]).
pub(crate) async fn accept<S>(tcp: S, from: IpAddr, context: &SslContext) -> Result<SslStream<S>, String>
where
    S: AsyncRead + AsyncWrite + Borrow<TcpStream> + Unpin + Send + 'static,
{
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    // TLS 1.0 answers leave OpenSSL in two records: with Nagle the second waits 40 ms for an acknowledgement
    tcp.borrow().set_nodelay(true).map_err(|error| failed(&error))?;
    if tcp.borrow().peek(&mut [0]).await.map_err(|error| failed(&error))? == 0 {
        return Err("closed before the first byte".to_owned());
    }
    let ssl = Ssl::new(context).map_err(|error| failed(&error))?;
    let mut stream = SslStream::new(ssl, tcp).map_err(|error| failed(&error))?;
    let bell = Arc::new(Bell(Notify::new()));
    loop {
        let turn = turns::turn(from).await;
        let waker = Waker::from(Arc::clone(&bell));
        let computed = turn.compute(move || {
            let step = Pin::new(&mut stream).poll_accept(&mut Context::from_waker(&waker));
            (stream, step)
        });
        let step;
        (stream, step) = computed.await.ok_or("the handshake came to no end here")?;
        match step {
            // For bytes of the client, or for room for ours: a connection is not always known to have room when its first bytes have come.
            Poll::Pending => bell.0.notified().await,
            Poll::Ready(Ok(())) => return Ok(stream),
            Poll::Ready(Err(error)) => {
                let reason = error.to_string();
                return Err(format!("{reason}{}", next_step(&reason)));
            }
        }
    }
}

/// What a handshake waits for rings it. It may ring before anybody listens.
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// What lets such a phone in, by the words of OpenSSL; nothing when no setting does.
fn next_step(reason: &str) -> &'static str {
    if reason.contains("unsupported protocol") {
        "; a phone that speaks TLS 1.0 or 1.1 only (7900 series) needs [phones] legacy_tls = true"
    } else if reason.contains("no shared cipher") {
        // seen of a CP-8861 with 10.3.1 [sources/tvs#transport]
        "; a phone that offers RSA key exchange only (7900 series, 8800 series on loads such as 10.3.1: AES256-SHA) needs \
         [phones] legacy_tls = true"
    } else {
        ""
    }
}

/// Makes a context replaceable.
#[must_use]
pub fn swappable(context: SslContext) -> SwappableTls {
    Arc::new(ArcSwap::from_pointee(context))
}

/// Whether level 1 lets a CA stand in a chain: SHA-1 only in the signature of a root.
fn is_sent(ca: &X509) -> bool {
    let digest = ca.signature_algorithm().object().nid().signature_algorithms().map(|algorithms| algorithms.digest);
    let is_root = ca.issuer_name().try_cmp(ca.subject_name()).is_ok_and(Ordering::is_eq);
    is_root || digest.is_some_and(|digest| !matches!(digest, Nid::SHA1 | Nid::MD5 | Nid::UNDEF))
}

fn check_key<T: HasPublic>(key: &PKeyRef<T>) -> Result<(), TlsError> {
    let found = match key.id() {
        Id::RSA => {
            let bits = key.bits();
            return if bits < MIN_KEY_BITS { Err(TlsError::KeyTooSmall { bits }) } else { Ok(()) };
        }
        Id::EC => "EC",
        Id::ED25519 | Id::ED448 => "EdDSA",
        Id::RSA_PSS => "RSA-PSS",
        _ => "of an unknown kind",
    };
    Err(TlsError::NotRsa { found })
}

#[cfg(test)]
mod tests;
