//! Handshakes over streams that are not always ready.
#![allow(clippy::unwrap_used)] // tests may stop at the first surprise

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use openssl::ssl::SslVerifyMode;
use pki::SoftKey;
use tokio::io::ReadBuf;
use tokio::net::TcpListener;

use super::*;

/// Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that takes the first bytes when it is asked for the second time.
struct Stutters {
    tcp: TcpStream,
    stuttered: bool,
}

impl Borrow<TcpStream> for Stutters {
    fn borrow(&self) -> &TcpStream {
        &self.tcp
    }
}

impl AsyncRead for Stutters {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, into)
    }
}

impl AsyncWrite for Stutters {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !std::mem::replace(&mut self.stuttered, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

#[tokio::test]
async fn a_handshake_waits_for_room_to_write_too() {
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/vectors/certs/tvs-2048.");
    let read = |end: &str| std::fs::read(format!("{vectors}{end}.pem")).unwrap();
    let key = SoftKey::from_pem(&read("key")).unwrap();
    let context = phone_context(&X509::from_pem(&read("crt")).unwrap(), &[], key.openssl(), false).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let phone = async {
        let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
        builder.set_verify(SslVerifyMode::NONE);
        let tcp = TcpStream::connect(address).await.unwrap();
        let mut stream = SslStream::new(Ssl::new(&builder.build()).unwrap(), tcp).unwrap();
        Pin::new(&mut stream).connect().await.map_err(|error| error.to_string())
    };
    let server = async {
        let (tcp, peer) = listener.accept().await.unwrap();
        accept(Stutters { tcp, stuttered: false }, peer.ip(), &context).await.map(drop)
    };
    let both = tokio::time::timeout(PATIENCE, async { tokio::join!(phone, server) }).await;
    assert_eq!(both.unwrap(), (Ok(()), Ok(())));
}
