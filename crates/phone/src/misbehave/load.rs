//! Crowds that misbehave together: what a node has to hold while good clients ([`super::visit`]) go on. Every load stays on the machine:
//! it comes from addresses of 127.0.0.0/8 and goes where it is told.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use openssl::ssl::{HandshakeError, Ssl, SslContext, SslMethod};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::visit::{Server, connect};

/// The file of the folder that large loads ask for; whoever starts them puts it there.
pub const LARGE: &str = "firmware.bin";

/// Addresses that a crowd comes from: as many as a botnet in one branch has.
const ADDRESSES: usize = 6;

/// Who was turned away comes again after so long; who was not answered asks again.
const AGAIN: Duration = Duration::from_secs(1);

/// Names that do not exist are asked for by so many at a time.
const ASKING: usize = 8;

/// Where the servers of a node are.
#[derive(Debug, Clone, Default)]
pub struct Target {
    servers: Vec<(Server, SocketAddr)>,
}

impl Target {
    /// Of these servers.
    #[must_use]
    pub fn new(servers: impl Into<Vec<(Server, SocketAddr)>>) -> Self {
        Self { servers: servers.into() }
    }

    /// All of them.
    #[must_use]
    pub fn servers(&self) -> &[(Server, SocketAddr)] {
        &self.servers
    }

    /// Where one is, if it runs.
    #[must_use]
    pub fn address(&self, server: Server) -> Option<SocketAddr> {
        self.servers.iter().find(|(other, _)| *other == server).map(|(_, address)| *address)
    }
}

/// What a crowd does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// Asks for the signed form of a large file by TFTP, again and again, and acknowledges nothing.
    SignedFiles,
    /// Asks for a list with `timeout=255` from ever new addresses and ports, and acknowledges nothing.
    ForgedTftp,
    /// Connects to HTTP and says nothing.
    IdleHttp,
    /// Connects to TVS and says nothing.
    IdleTvs,
    /// Connects to CAPF and says nothing.
    IdleCapf,
    /// Asks HTTP for a large file and reads nothing of it.
    UnreadHttp,
    /// Asks TFTP and HTTP for names that do not exist.
    UnknownNames,
    /// Begins TLS with TVS and CAPF and says nothing more, ever anew.
    HalfOpenTls,
}

impl Load {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SignedFiles,
        Self::ForgedTftp,
        Self::IdleHttp,
        Self::IdleTvs,
        Self::IdleCapf,
        Self::UnreadHttp,
        Self::UnknownNames,
        Self::HalfOpenTls,
    ];

    /// Its name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::SignedFiles => "sgn-flood",
            Self::ForgedTftp => "forged-tftp",
            Self::IdleHttp => "idle-http",
            Self::IdleTvs => "idle-tvs",
            Self::IdleCapf => "idle-capf",
            Self::UnreadHttp => "unread-http",
            Self::UnknownNames => "unknown-names",
            Self::HalfOpenTls => "half-open-tls",
        }
    }

    /// How many clients it takes to do what was done to the servers when they did not hold.
    #[must_use]
    pub const fn crowd(self) -> usize {
        match self {
            Self::SignedFiles => 60,
            Self::ForgedTftp | Self::UnreadHttp | Self::IdleHttp => 512,
            Self::IdleTvs => 1500,
            Self::IdleCapf => 3000,
            Self::UnknownNames => ASKING,
            Self::HalfOpenTls => 3600,
        }
    }

    /// Lets a crowd of `size` loose on a node; it goes on until it is dropped.
    #[must_use]
    pub fn begin(self, target: &Target, size: usize) -> Crowd {
        let mut crowd = Crowd { tasks: JoinSet::new() };
        let hello: Arc<[u8]> = client_hello().into();
        for number in 0..size {
            let from = address(number);
            let to = |server| target.address(server);
            match self {
                Self::SignedFiles => crowd.join(to(Server::Tftp), move |to| datagrams(from, to, signed_request())),
                Self::ForgedTftp => crowd.join(to(Server::Tftp), move |to| datagrams(of_many(number), to, forged())),
                Self::IdleHttp => crowd.join(to(Server::Http), move |to| silent(from, to, Arc::from([]))),
                Self::IdleTvs => crowd.join(to(Server::Tvs), move |to| silent(from, to, Arc::from([]))),
                Self::IdleCapf => crowd.join(to(Server::Capf), move |to| silent(from, to, Arc::from([]))),
                Self::UnreadHttp => crowd.join(to(Server::Http), move |to| unread(from, to)),
                Self::UnknownNames if number.is_multiple_of(2) => {
                    crowd.join(to(Server::Tftp), move |to| unknown_by_tftp(from, to, number));
                }
                Self::UnknownNames => crowd.join(to(Server::Http), move |to| unknown_by_http(from, to, number)),
                Self::HalfOpenTls => {
                    let server = if number.is_multiple_of(2) { Server::Tvs } else { Server::Capf };
                    let hello = Arc::clone(&hello);
                    crowd.join(to(server), move |to| silent(from, to, hello));
                }
            }
        }
        crowd
    }
}

impl FromStr for Load {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::label).join(" ");
        Self::ALL
            .into_iter()
            .find(|load| load.label() == text)
            .ok_or_else(|| format!("`{text}` is not a load; known are {}", known()))
    }
}

/// Clients that misbehave together. Dropping it ends them all.
#[derive(Debug)]
pub struct Crowd {
    tasks: JoinSet<()>,
}

impl Crowd {
    fn join<F, Done>(&mut self, to: Option<SocketAddr>, client: F)
    where
        F: FnOnce(SocketAddr) -> Done,
        Done: Future<Output = io::Result<()>> + Send + 'static,
    {
        let Some(to) = to else { return };
        let doing = client(to);
        // What a server refuses a crowd is its right.
        self.tasks.spawn(async move { drop(doing.await) });
    }

    /// How many there are, those who gave up among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}

fn address(number: usize) -> Ipv4Addr {
    let last = u8::try_from(number % ADDRESSES + 1).unwrap_or(1);
    Ipv4Addr::new(127, 0, 66, last)
}

/// One of 65 536 addresses.
fn of_many(number: usize) -> Ipv4Addr {
    let [.., third, last] = number.to_be_bytes();
    Ipv4Addr::new(127, 66, third, last)
}

/// Connects, says this, and waits for what will not come.
async fn silent(from: Ipv4Addr, to: SocketAddr, says: Arc<[u8]>) -> io::Result<()> {
    loop {
        if let Ok(mut stream) = connect(from, to).await
            && stream.write_all(&says).await.is_ok()
        {
            // Until the server closes: its answer is not looked at, and no byte follows.
            let mut room = [0; 4096];
            while matches!(stream.read(&mut room).await, Ok(1..)) {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn unread(from: Ipv4Addr, to: SocketAddr) -> io::Result<()> {
    let request = format!("GET /{LARGE} HTTP/1.1\r\nHost: {to}\r\n\r\n");
    loop {
        if let Ok(mut stream) = connect(from, to).await
            && stream.write_all(request.as_bytes()).await.is_ok()
        {
            // An error is told without reading.
            while stream.take_error().is_ok_and(|error| error.is_none()) {
                tokio::time::sleep(AGAIN).await;
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// A read request of TFTP, without its end.
fn read_request(name: &str) -> Vec<u8> {
    [b"\0\x01", name.as_bytes(), b"\0octet\0"].concat()
}

fn signed_request() -> Vec<u8> {
    read_request(&format!("{LARGE}.sgn"))
}

fn forged() -> Vec<u8> {
    [read_request("ITLFile.tlv").as_slice(), b"timeout\x00255\0"].concat()
}

/// Asks from a new port each time and acknowledges nothing.
async fn datagrams(from: Ipv4Addr, to: SocketAddr, request: Vec<u8>) -> io::Result<()> {
    loop {
        let socket = UdpSocket::bind((from, 0)).await?;
        socket.connect(to).await?;
        socket.send(&request).await?;
        // A closed port would tell the server that nobody is there.
        tokio::time::sleep(AGAIN * 5).await;
    }
}

async fn unknown_by_tftp(from: Ipv4Addr, to: SocketAddr, number: usize) -> io::Result<()> {
    let socket = UdpSocket::bind((from, 0)).await?;
    let mut room = [0; 600];
    for count in 0_u64.. {
        socket.send_to(&read_request(&format!("nothing-{number}-{count}.xml")), to).await?;
        // What was dropped is not waited for.
        drop(tokio::time::timeout(AGAIN, socket.recv_from(&mut room)).await);
    }
    Ok(())
}

async fn unknown_by_http(from: Ipv4Addr, to: SocketAddr, number: usize) -> io::Result<()> {
    let mut room = [0; 4096];
    for count in 0_u64.. {
        let request = format!("GET /nothing-{number}-{count}.xml HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n");
        let Ok(mut stream) = connect(from, to).await else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        stream.write_all(request.as_bytes()).await?;
        while matches!(stream.read(&mut room).await, Ok(1..)) {}
    }
    Ok(())
}

/// The first bytes that a client of TLS says; empty when the library says none.
fn client_hello() -> Vec<u8> {
    let said = || -> Result<Vec<u8>, openssl::error::ErrorStack> {
        let context = SslContext::builder(SslMethod::tls_client())?.build();
        match Ssl::new(&context)?.connect(Deaf::default()) {
            Err(HandshakeError::WouldBlock(begun)) => Ok(begun.get_ref().said.clone()),
            _ => Ok(Vec::new()),
        }
    };
    said().unwrap_or_default()
}

/// Keeps what it is told and hears nothing.
#[derive(Debug, Default)]
struct Deaf {
    said: Vec<u8>,
}

impl Read for Deaf {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Deaf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.said.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crowd_says() {
        let hello = client_hello();
        assert_eq!(hello.first(), Some(&22), "a handshake record");
        assert_eq!(forged(), b"\0\x01ITLFile.tlv\0octet\0timeout\x00255\0");
        for load in Load::ALL {
            assert_eq!(load.label().parse(), Ok(load));
        }
        assert!("rude".parse::<Load>().unwrap_err().contains("half-open-tls"));
        assert_ne!(of_many(1), of_many(257));
    }
}
