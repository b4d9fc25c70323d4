//! One file by HTTP/1.1, on a connection of its own as phones do.

use std::fmt::Write;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::file_name::FileName;

use super::got::Got;
use crate::waits::Waits;

/// Most bytes of the answer's head: no file server needs more.
const LARGEST_HEAD: usize = 64 << 10;

/// `GET /<name>` from `server`.
pub(super) async fn get(server: SocketAddr, name: &FileName, limit: usize, waits: &Waits) -> Got {
    let stream = match timeout(waits.connect, TcpStream::connect(server)).await {
        Err(_) => return Got::Silent(format!("no connection within {:?}", waits.connect)),
        Ok(Err(error)) => return Got::Silent(error.to_string()),
        Ok(Ok(stream)) => stream,
    };
    match timeout(waits.http, exchange(stream, server, name, limit)).await {
        Ok(Ok(got)) => got,
        Ok(Err(error)) => Got::Failed(error.to_string()),
        Err(_) => Got::Failed(format!("no whole file within {:?}", waits.http)),
    }
}

async fn exchange(
    stream: TcpStream,
    server: SocketAddr,
    name: &FileName,
    limit: usize,
) -> Result<Got, Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::Builder::new().max_buf_size(LARGEST_HEAD).handshake(TokioIo::new(stream)).await?;
    let request = Request::get(format!("/{}", path(name)))
        .header(hyper::header::HOST, server.to_string())
        .body(Empty::<Bytes>::new())?;
    // the connection is driven beside the exchange and ends with it
    let answer = async {
        let response = sender.send_request(request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Got::NotFound),
            other => return Ok(Got::Failed(format!("answers {other}"))),
        }
        let mut body = response.into_body();
        let mut file = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            if file.len() + data.len() > limit {
                return Ok(Got::Failed(format!("the file has more than {limit} bytes")));
            }
            file.extend_from_slice(&data);
        }
        Ok::<Got, hyper::Error>(Got::File(file))
    };
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        got = &mut answer => Ok(got?),
        // what came before the server closed still counts
        ended = connection => { ended?; Ok(answer.await?) }
    }
}

/// The name as a path: everything but letters, digits and `-._~/` escaped (RFC 3986 section 2.3).
fn path(name: &FileName) -> String {
    let mut out = String::with_capacity(name.as_str().len());
    for byte in name.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let written = write!(out, "%{byte:02X}");
            debug_assert!(written.is_ok(), "a String takes everything");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let name = FileName::parse("New Zealand/Zürich#1.xml").unwrap();
        assert_eq!(path(&name), "New%20Zealand/Z%C3%BCrich%231.xml");
    }
}
