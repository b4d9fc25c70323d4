//! A CAPF server that says what a recorded one said, on TLS of OpenSSL. It understands nothing but the length in a header.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVersion};
use openssl::x509::X509;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;

use super::{Owner, vectors};

/// A recorded session.
#[derive(Clone)]
pub struct Recorded {
    pub name: String,
    pub value: Value,
    /// Who spoke (true: the server), and the bytes.
    pub messages: Vec<(bool, Vec<u8>)>,
}

pub fn recorded(name: &str) -> Recorded {
    let text = std::fs::read(vectors().join(format!("capf/{name}.json"))).unwrap();
    let value: Value = serde_json::from_slice(&text).unwrap();
    let messages = value["messages"].as_array().unwrap();
    let messages = messages
        .iter()
        .map(|message| (message["from"] == "server", hex::decode(message["hex"].as_str().unwrap()).unwrap()))
        .collect();
    Recorded { name: name.to_owned(), value, messages }
}

impl Recorded {
    /// What the phone of the recording said.
    pub fn phone(&self) -> Vec<Vec<u8>> {
        self.messages.iter().filter(|(server, _)| !server).map(|(_, bytes)| bytes.clone()).collect()
    }
}

/// One connection as the server saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// The pieces that came, one for each TLS record.
    pub records: Vec<Vec<u8>>,
    /// The phone closed with a goodbye of TLS, or in between.
    pub over: bool,
    /// Version of TLS.
    pub version: String,
}

impl Heard {
    pub fn bytes(&self) -> Vec<u8> {
        self.records.concat()
    }

    /// Whole messages by their headers; what is left over comes last.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        let mut rest = self.bytes();
        let mut messages = Vec::new();
        while rest.len() >= 8 {
            let length = 8 + usize::from(u16::from_be_bytes([rest[6], rest[7]]));
            if rest.len() < length {
                break;
            }
            let behind = rest.split_off(length);
            messages.push(rest);
            rest = behind;
        }
        if !rest.is_empty() {
            messages.push(rest);
        }
        messages
    }
}

/// A server with a session for each connection, in order; the last one is played again and again.
pub struct Replay {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    news: Arc<tokio::sync::Notify>,
}

impl Replay {
    pub async fn start(owner: &Owner, sessions: &[Recorded]) -> Self {
        Self::start_with(owner, sessions, false).await
    }

    /// `old` speaks TLS 1.0 only.
    pub async fn start_with(owner: &Owner, sessions: &[Recorded], old: bool) -> Self {
        let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
        context.set_security_level(if old { 0 } else { 1 });
        if old {
            context.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
            context.set_max_proto_version(Some(SslVersion::TLS1)).unwrap();
            context.set_cipher_list("AES256-SHA:AES128-SHA:@SECLEVEL=0").unwrap();
        }
        context.set_certificate(&X509::from_pem(&owner.pem).unwrap()).unwrap();
        context.set_private_key(&PKey::private_key_from_pem(&owner.pem).unwrap()).unwrap();
        let context = context.build();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let news = Arc::new(tokio::sync::Notify::new());
        let (sessions, all, notify) = (sessions.to_vec(), Arc::clone(&heard), Arc::clone(&news));
        tokio::spawn(async move {
            let mut next = 0;
            while let Ok((tcp, _)) = listener.accept().await {
                let session = sessions[next.min(sessions.len() - 1)].clone();
                next += 1;
                let mut stream = SslStream::new(Ssl::new(&context).unwrap(), tcp).unwrap();
                let (all, notify) = (Arc::clone(&all), Arc::clone(&notify));
                tokio::spawn(async move {
                    if Pin::new(&mut stream).accept().await.is_err() {
                        return;
                    }
                    let heard = play(&mut stream, &session).await;
                    all.lock().unwrap().push(heard);
                    notify.notify_one();
                });
            }
        });
        Self { address, heard, news }
    }

    /// The connections that are over, as soon as there are so many.
    pub async fn heard(&self, count: usize) -> Vec<Heard> {
        loop {
            let heard = self.heard.lock().unwrap().clone();
            if heard.len() >= count {
                return heard;
            }
            self.news.notified().await;
        }
    }
}

async fn play(stream: &mut SslStream<TcpStream>, session: &Recorded) -> Heard {
    let mut heard = Heard { version: stream.ssl().version_str().to_owned(), ..Heard::default() };
    let mut wanted = 0;
    for (server, bytes) in &session.messages {
        if *server {
            // a phone that went away does not hear it
            if stream.write_all(bytes).await.is_err() {
                break;
            }
            continue;
        }
        wanted += 1;
        while heard.messages().len() < wanted || !complete(&heard) {
            if !read(stream, &mut heard).await {
                return heard;
            }
        }
    }
    drop(stream.shutdown().await);
    while read(stream, &mut heard).await {}
    heard
}

/// Whether what came ends with a whole message.
fn complete(heard: &Heard) -> bool {
    heard
        .messages()
        .last()
        .is_some_and(|last| last.len() >= 8 && last.len() == 8 + usize::from(u16::from_be_bytes([last[6], last[7]])))
}

async fn read(stream: &mut SslStream<TcpStream>, heard: &mut Heard) -> bool {
    let mut buffer = vec![0; 1 << 17];
    match stream.read(&mut buffer).await {
        Ok(count) if count > 0 => {
            heard.records.push(buffer[..count].to_vec());
            true
        }
        _ => {
            heard.over = true;
            false
        }
    }
}
