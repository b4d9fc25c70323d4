//! TLS to a CAPF server. Without a certificate of the phone: what it has to show stands in AUTH_RESPONSE.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;

use crate::tls::PhoneTls;
use crate::waits::Waits;

/// A TLS connection to a CAPF server. Nothing has judged the certificate of the server yet.
#[derive(Debug)]
pub struct CapfConnection {
    pub(super) stream: SslStream<TcpStream>,
    certificate: Vec<u8>,
}

impl CapfConnection {
    /// Connects, within `waits.connect` for TCP and `waits.capf` for TLS.
    ///
    /// # Errors
    /// One sentence: which of the two failed, and why.
    pub async fn open(tls: &PhoneTls, address: SocketAddr, waits: &Waits) -> Result<Self, String> {
        let waits = Waits { tvs: waits.capf, ..*waits };
        let (stream, certificate) = tls.connect(address, &waits).await.map_err(|error| error.to_string())?;
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

    /// Says goodbye, which is a courtesy: the server has closed, or does so now.
    pub(super) async fn close(mut self, wait: Duration) {
        // an error or a time-out says the same as success: nobody is there any more
        drop(timeout(wait, self.stream.shutdown()).await);
    }
}
