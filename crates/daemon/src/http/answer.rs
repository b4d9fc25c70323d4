//! One request, one response.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use wire::file_name::{BadFileName, FileName};

use super::body::FileBody;
use super::range::Wanted;
use crate::files::{Content, FetchError, Fetcher, FileRequest, Transport};
use crate::once_a_minute::OnceAMinute;

/// Longest path in bytes: a file name of 255 bytes, every one written as `%xx`, and the slash.
const MAX_PATH: usize = 3 * wire::file_name::MAX_BYTES + 1;

/// Lists and configs change, and configs may hold passwords: nothing on the way keeps them.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A refusal: the status, the sentence for the client and the reason for the log.
struct Refusal {
    status: StatusCode,
    text: &'static str,
    why: String,
    /// The path names nothing inside a folder.
    unresolved: bool,
}

impl Refusal {
    fn new(status: StatusCode, text: &'static str, why: impl Into<String>) -> Self {
        Self { status, text, why: why.into(), unresolved: false }
    }
}

/// Answers a request; every outcome has its log line.
pub(super) async fn answer(
    request: &Request<Incoming>,
    peer: SocketAddr,
    fetcher: &Arc<Fetcher>,
    told: &OnceAMinute,
) -> Response<FileBody> {
    match file(request, peer, fetcher).await {
        Ok((name, response)) => {
            tracing::info!(
                target: "http", %peer, method = %request.method(), file = %name, status = response.status().as_u16(),
                bytes = response.body().length(), "sent"
            );
            response
        }
        Err(refusal) => {
            let (status, path) = (refusal.status.as_u16(), request.uri().path());
            let due = |kind| told.count(kind, peer.ip(), Instant::now());
            if refusal.status == StatusCode::INTERNAL_SERVER_ERROR
                && let Some(more) = due("refused by our fault")
            {
                tracing::error!(target: "http", %peer, path, status, why = refusal.why, "refused{more}");
            } else if refusal.unresolved
                && let Some(more) = due("no file has such a name")
            {
                let path: String = path.chars().take(MAX_PATH).collect();
                tracing::warn!(target: "http", %peer, path, status, why = refusal.why, "no file has such a name{more}");
            } else {
                tracing::info!(target: "http", %peer, path, status, why = refusal.why, "refused");
            }
            refused(&refusal, request.body().is_end_stream())
        }
    }
}

async fn file(
    request: &Request<Incoming>,
    peer: SocketAddr,
    fetcher: &Arc<Fetcher>,
) -> Result<(FileName, Response<FileBody>), Refusal> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n", "method"));
    }
    if !request.body().is_end_stream() {
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "no body is taken\n", "request has a body"));
    }
    let name = name_of(request.uri().path())?;
    let content = fetch(&name, peer, fetcher).await?;
    let headers = request.headers();
    // ranges are for GET only; without validators If-Range can never hold (RFC 9110 sections 14.2 and 13.1.5)
    let wanted = match headers.get(header::RANGE).and_then(|value| value.to_str().ok()) {
        Some(range) if request.method() == Method::GET && !headers.contains_key(header::IF_RANGE) => {
            Wanted::parse(range, content.length())
        }
        _ => Wanted::Whole,
    };
    if request.method() == Method::GET && matches!(wanted, Wanted::Whole) {
        fetcher.source().sent(&FileRequest { name: &name, peer, over: Transport::Http }, &content);
    }
    Ok((name, respond(wanted, content, fetcher)))
}

fn respond(wanted: Wanted, content: Content, fetcher: &Arc<Fetcher>) -> Response<FileBody> {
    let length = content.length();
    let (status, range, body) = match wanted {
        Wanted::Whole => (StatusCode::OK, None, FileBody::part(fetcher, content, 0..length)),
        Wanted::Part(part) => {
            let range = format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1));
            (StatusCode::PARTIAL_CONTENT, Some(range), FileBody::part(fetcher, content, part))
        }
        Wanted::Unsatisfiable => {
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(format!("bytes */{length}")), FileBody::of(Bytes::new()))
        }
    };
    let content_length = HeaderValue::from(body.length());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // told here, because an empty file has none else in the answer to HEAD
    headers.insert(header::CONTENT_LENGTH, content_length);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(range) = range.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    response
}

fn refused(refusal: &Refusal, body_read: bool) -> Response<FileBody> {
    let mut response = Response::new(FileBody::of(Bytes::from_static(refusal.text.as_bytes())));
    *response.status_mut() = refusal.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if !body_read {
        // what follows on the connection is a body nobody wants
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn fetch(name: &FileName, peer: SocketAddr, fetcher: &Arc<Fetcher>) -> Result<Content, Refusal> {
    let request = FileRequest { name, peer, over: Transport::Http };
    if let Some(content) = fetcher.source().ready(&request) {
        return Ok(content);
    }
    let fetched = match fetcher.enter(&request) {
        Some(entry) => fetcher.fetch(entry, name.clone(), peer, Transport::Http).await,
        None => Err(FetchError::Busy),
    };
    fetched.map_err(|error| {
        let (status, text) = match &error {
            FetchError::NotFound => (StatusCode::NOT_FOUND, "file not found\n"),
            FetchError::Denied(_) => (StatusCode::FORBIDDEN, "forbidden\n"),
            FetchError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy, ask again\n"),
            FetchError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "server error\n"),
        };
        Refusal::new(status, text, error.to_string())
    })
}

/// The file that a path names: the path without its slash, `%xx` decoded once.
fn name_of(path: &str) -> Result<FileName, Refusal> {
    let refuse = |status, text, why: String| Refusal { unresolved: true, ..Refusal::new(status, text, why) };
    let too_long = |why: String| refuse(StatusCode::URI_TOO_LONG, "name too long\n", why);
    let bad = |why: String| refuse(StatusCode::BAD_REQUEST, "bad file name\n", why);
    if path.len() > MAX_PATH {
        return Err(too_long(format!("path has {} bytes, at most {MAX_PATH} are taken", path.len())));
    }
    let path = path.strip_prefix('/').ok_or_else(|| bad("path does not begin with a slash".to_owned()))?;
    let decoded = percent_decoded(path);
    let bytes = decoded.ok_or_else(|| bad("`%` is not followed by two hexadecimal digits".to_owned()))?;
    FileName::from_bytes(&bytes).map_err(|error| {
        let why = error.to_string();
        match error {
            BadFileName::TooLong { .. } => too_long(why),
            // the root and folders are not listed
            BadFileName::Empty | BadFileName::EmptyComponent => {
                Refusal::new(StatusCode::NOT_FOUND, "file not found\n", why)
            }
            BadFileName::Absolute | BadFileName::DotComponent => refuse(StatusCode::FORBIDDEN, "forbidden\n", why),
            BadFileName::NotUtf8 { .. } | BadFileName::Forbidden { .. } | BadFileName::TooDeep { .. } => bad(why),
        }
    })
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            out.push(hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, wanted) in [
            ("/ITLFile.tlv", "ITLFile.tlv"),
            ("/New%5fZealand/g3-tones.xml.sgn", "New_Zealand/g3-tones.xml.sgn"),
            ("/New_Zealand%2Fa", "New_Zealand/a"),
            ("/a%20b", "a b"),
            ("/a+b", "a+b"),
            ("/%2561", "%61"),
            ("//a", "a"),
            ("/./a//b", "a/b"),
            ("/%2fetc/passwd", "etc/passwd"),
            ("/a%5cb", "a/b"),
        ] {
            assert_eq!(name_of(path).unwrap_or_else(|r| panic!("{path}: {}", r.why)).as_str(), wanted);
        }
        for (path, wanted) in [
            ("/", 404),
            ("/a/", 404),
            ("//", 404),
            ("/%2e%2e/a", 403),
            ("/..%5ca", 403),
            ("/a/../b", 403),
            ("/c%3a/x", 403),
            ("/a%00", 400),
            ("/%zz", 400),
            ("/%4", 400),
            ("/%", 400),
            ("/%ff", 400),
            ("*", 400),
            ("/1/2/3/4/5", 400),
        ] {
            assert_eq!(name_of(path).err().map(|r| r.status.as_u16()), Some(wanted), "{path}");
        }
        assert_eq!(name_of(&format!("/{}", "x".repeat(256))).err().map(|r| r.status.as_u16()), Some(414));
        assert_eq!(name_of(&format!("/{}", "%41".repeat(256))).err().map(|r| r.status.as_u16()), Some(414));
    }
}
