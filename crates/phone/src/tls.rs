//! The TLS side of a phone, and why it comes to nothing.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode, SslVersion};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;

use crate::waits::Waits;

/// The TLS side of a phone; cheap to clone, to be shared by a fleet.
#[derive(Clone)]
pub struct PhoneTls {
    context: SslContext,
    legacy: bool,
}

impl std::fmt::Debug for PhoneTls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("PhoneTls")
    }
}

impl PhoneTls {
    /// `legacy` speaks TLS 1.0 with AES and RSA key exchange only, as the 7900 series does; else TLS 1.2 and up. The
    /// certificate of the server is not checked by the library: a phone compares it with its lists.
    ///
    /// # Errors
    /// The library has no TLS 1.0, or no such ciphers.
    pub fn new(legacy: bool) -> Result<Self, openssl::error::ErrorStack> {
        let mut context = SslContext::builder(SslMethod::tls_client())?;
        context.set_verify(SslVerifyMode::NONE);
        if legacy {
            context.set_security_level(0);
            context.set_min_proto_version(Some(SslVersion::TLS1))?;
            context.set_max_proto_version(Some(SslVersion::TLS1))?;
            context.set_cipher_list("AES256-SHA:AES128-SHA:@SECLEVEL=0")?;
        } else {
            // level 1 and not the 2 of Debian: release 10.5 has server keys of 1024 bits
            context.set_security_level(1);
            context.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        }
        Ok(Self { context: context.build(), legacy })
    }

    /// Opens a TLS connection; gives the stream and the certificate that the server showed.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        waits: &Waits,
    ) -> Result<(SslStream<TcpStream>, Vec<u8>), NoTls> {
        let failed = |why: &dyn std::fmt::Display| NoTls::Failed(why.to_string());
        let tcp = timeout(waits.connect, TcpStream::connect(address))
            .await
            .map_err(|_| failed(&format!("no connection within {:?}", waits.connect)))?
            .map_err(|error| failed(&error))?;
        self.over(tcp, waits.tvs).await
    }

    /// The same over a connection that is there, within `wait`.
    pub(crate) async fn over(&self, tcp: TcpStream, wait: Duration) -> Result<(SslStream<TcpStream>, Vec<u8>), NoTls> {
        let failed = |why: &dyn std::fmt::Display| NoTls::Failed(why.to_string());
        // without it a record waits for the acknowledgement of the one before
        tcp.set_nodelay(true).map_err(|error| failed(&error))?;
        let ssl = Ssl::new(&self.context).map_err(|error| failed(&error))?;
        let mut stream = SslStream::new(ssl, tcp).map_err(|error| failed(&error))?;
        timeout(wait, Pin::new(&mut stream).connect())
            .await
            .map_err(|_| failed(&format!("no TLS within {wait:?}")))?
            .map_err(|error| NoTls::of(&error, self.legacy))?;
        let certificate = stream
            .ssl()
            .peer_certificate()
            .ok_or_else(|| failed(&"the server showed no certificate"))?
            .to_der()
            .map_err(|error| failed(&error))?;
        Ok((stream, certificate))
    }
}

/// Why there is no TLS with a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTls {
    /// The two have no version in common.
    #[error("speaks no {}: {}", .0.lacks, .0.of_a_node)]
    Version(Missing),
    /// They have no cipher in common, as far as the alert tells.
    #[error(
        "breaks the handshake off, as a server does that takes none of the ciphers of this phone, {}: {}",
        .0.lacks,
        .0.of_a_node
    )]
    Ciphers(Missing),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// What a server lacks, and what is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    lacks: &'static str,
    /// When it is a node of a cluster.
    of_a_node: &'static str,
    /// When it is a server of somebody else, whose settings are not ours.
    of_another: &'static str,
}

/// The setting of a node that lets old phones in.
const LEGACY_TLS: &str = "[phones] legacy_tls = true";

impl NoTls {
    /// The same about a server that need not be a node.
    pub(crate) fn of_another_server(&self) -> Self {
        let other = |missing: &Missing| Missing { of_a_node: missing.of_another, ..*missing };
        match self {
            Self::Version(missing) => Self::Version(other(missing)),
            Self::Ciphers(missing) => Self::Ciphers(other(missing)),
            Self::Failed(why) => Self::Failed(why.clone()),
        }
    }

    /// From the words of OpenSSL, its own and those of the alert that came.
    fn of(error: &openssl::ssl::Error, legacy: bool) -> Self {
        let stack = error.ssl_error().map(|stack| stack.errors()).unwrap_or_default();
        let says = |texts: &[&str]| {
            stack
                .iter()
                .filter_map(|error| error.reason())
                .any(|reason| texts.iter().any(|text| reason.ends_with(text)))
        };
        // OpenSSL 3 above security level 0 answers TLS 1.0 with an internal error: it cannot sign its MD5+SHA-1
        if says(&["alert protocol version", "unsupported protocol"]) || (legacy && says(&["alert internal error"])) {
            return Self::Version(match legacy {
                true => Missing {
                    lacks: "TLS 1.0, as this model needs",
                    of_a_node: LEGACY_TLS,
                    of_another: "that server must be set to take TLS 1.0 too, or this model cannot use it",
                },
                false => {
                    let try_it = "try --legacy-tls for a phone that speaks TLS 1.0";
                    Missing { lacks: "TLS 1.2 or later, as this model needs", of_a_node: try_it, of_another: try_it }
                }
            });
        }
        if says(&["alert handshake failure"]) {
            return Self::Ciphers(match legacy {
                true => Missing {
                    lacks: "AES256-SHA and AES128-SHA with RSA key exchange",
                    of_a_node: LEGACY_TLS,
                    of_another: "that server must be set to take one of them over TLS 1.0, or this model cannot use it",
                },
                false => {
                    Missing { lacks: "those with ECDHE", of_a_node: "try --legacy-tls", of_another: "try --legacy-tls" }
                }
            });
        }
        Self::Failed(format!("no TLS: {error}"))
    }
}
