//! Which certificate a port presents.
//!
//! Nothing is trusted and nothing sent behind the handshake, so that even the oldest TLS may answer: the certificate is compared with the
//! one on record, and what comes over such a connection counts for nothing.

use std::pin::Pin;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode, SslVersion};
use ringfence_core::truth::Unseen;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// How long a port may take, connection and handshake together.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// SHA-256 of the certificate that a `host:port` presents; or why it presents none.
///
/// # Errors
/// [`Unseen`]: nobody listens, no TLS, no certificate.
pub async fn presented(place: &str) -> Result<[u8; 32], Unseen> {
    match tokio::time::timeout(PATIENCE, connect(place)).await {
        Ok(seen) => seen,
        Err(_) => Err(Unseen::NotPresented(format!("no TLS handshake within {} seconds", PATIENCE.as_secs()))),
    }
}

async fn connect(place: &str) -> Result<[u8; 32], Unseen> {
    let tcp = TcpStream::connect(place).await;
    let tcp = tcp.map_err(|error| Unseen::NobodyThere(format!("nobody answers: {error}")))?;
    let own_fault = |error: ErrorStack| Unseen::NotPresented(error.to_string());
    let context = context().map_err(own_fault)?;
    let ssl = Ssl::new(&context).map_err(own_fault)?;
    let mut stream = SslStream::new(ssl, tcp).map_err(own_fault)?;
    let shaken = Pin::new(&mut stream).connect().await;
    // A server that wants a certificate of its client has presented its own before it hangs up.
    if let Some(certificate) = stream.ssl().peer_certificate() {
        return certificate.to_der().map(|der| pki::hash::sha256(&der)).map_err(own_fault);
    }
    Err(Unseen::NotPresented(match shaken {
        Ok(()) => "it speaks TLS and presents no certificate".to_owned(),
        Err(error) => format!("it does not speak TLS with us: {error}"),
    }))
}

fn context() -> Result<SslContext, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    context.set_verify(SslVerifyMode::NONE);
    context.set_security_level(0);
    context.set_min_proto_version(Some(SslVersion::TLS1))?;
    context.set_cipher_list("ALL:@SECLEVEL=0")?;
    Ok(context.build())
}
