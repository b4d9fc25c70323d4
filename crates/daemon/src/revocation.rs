//! Asks CAs whether they have revoked a certificate: HTTP/1.1 under the trait of `core`.
//!
//! The addresses come from certificates, so from strangers: nothing is followed elsewhere, no more is read than an answer of its kind has, and
//! each address has [`PATIENCE`].

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use ringfence_core::revocation::{Ask, Asked, Question};
use tokio::net::TcpStream;

/// How long an address may take, connection and answer together.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of the head of an answer at most.
const LARGEST_HEAD: usize = 64 << 10;

/// Port of HTTP (RFC 9110 4.2.1).
const HTTP_PORT: u16 = 80;

/// Asks over HTTP.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpAsk;

impl Ask for HttpAsk {
    fn ask<'a>(&'a self, address: &'a str, question: Question<'a>) -> Asked<'a> {
        Box::pin(async move {
            match tokio::time::timeout(PATIENCE, exchange(address, question)).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("no answer within {} seconds", PATIENCE.as_secs())),
            }
        })
    }
}

async fn exchange(address: &str, question: Question<'_>) -> Result<Vec<u8>, String> {
    let uri: Uri = address.parse().map_err(|error| format!("not an address ({error})"))?;
    let host = uri.host().ok_or("not an address: it names no host")?;
    let port = uri.port_u16().unwrap_or(HTTP_PORT);
    // An IPv6 address has brackets here, and none for the system.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, port)).await.map_err(|error| error.to_string())?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or(host, |authority| authority.as_str());
    let request = match question {
        Question::Status(request) => Request::post(path)
            .header(CONTENT_TYPE, "application/ocsp-request")
            .header(ACCEPT, "application/ocsp-response")
            .body(Full::new(Bytes::copy_from_slice(request))),
        Question::List => Request::get(path).body(Full::default()),
    };
    let mut request = request.map_err(|error| error.to_string())?;
    let host = host.parse().map_err(|_| "not an address: its host does not fit into a header")?;
    request.headers_mut().insert(HOST, host);
    let connected =
        hyper::client::conn::http1::Builder::new().max_buf_size(LARGEST_HEAD).handshake(TokioIo::new(stream));
    let (mut sender, connection) = connected.await.map_err(|error| error.to_string())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        body(response, question.limit()).await
    };
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        got = &mut answer => got,
        // What came before the server closed still counts.
        ended = connection => {
            ended.map_err(|error| error.to_string())?;
            answer.await
        }
    }
}

async fn body(response: Response<hyper::body::Incoming>, limit: usize) -> Result<Vec<u8>, String> {
    if response.status() != StatusCode::OK {
        return Err(format!("answers {}", response.status()));
    }
    match Limited::new(response.into_body(), limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(format!("the answer has more than {limit} bytes")),
        Err(error) => Err(error.to_string()),
    }
}
