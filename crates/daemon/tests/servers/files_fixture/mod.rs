//! Both file servers on loopback with files in memory, and the clients of Debian.
#![allow(dead_code)] // each test file takes what it needs

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use daemon::files::{Answer, Content, FetchError, Fetcher, FileRequest, FileSource};
use daemon::{http, tftp};
use tokio::sync::watch;
use wire::file_name::FileName;

/// Around every border of the block sizes used, the sizes of real trust lists, and one of many blocks.
pub const SIZES: [usize; 14] = [0, 1, 511, 512, 513, 1427, 1428, 1429, 4947, 8191, 8192, 8193, 10_240, 300_000];

/// More than 65535 blocks of 512 bytes.
pub const ROLL_OVER: usize = 40_000_000;

/// Bytes that show when a block is missing, twice there or at the wrong place; all line ends occur.
pub fn content(size: usize) -> Bytes {
    let mut state = size as u32 | 1;
    (0..size)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match state >> 28 {
                0 => b'\r',
                1 => b'\n',
                2 => 0,
                _ => (state >> 16) as u8 ^ (i >> 9) as u8,
            }
        })
        .collect()
}

/// Made once, and only when asked for.
pub fn roll_over() -> Bytes {
    static CONTENT: OnceLock<Bytes> = OnceLock::new();
    CONTENT.get_or_init(|| content(ROLL_OVER)).clone()
}

/// Files by name. `made-*` are made on request, `slow-*` only after [`Memory::release`]; `denied`, `failed` and
/// `panics` do what they say.
#[derive(Default)]
pub struct Memory {
    files: HashMap<FileName, Bytes>,
    gate: Mutex<Gate>,
    turned: Condvar,
}

/// Where the `slow-*` files wait.
#[derive(Default)]
struct Gate {
    open: bool,
    waiting: usize,
}

impl Memory {
    pub fn with_sizes() -> Self {
        let mut memory = Self::default();
        for size in SIZES {
            memory.put(&format!("size-{size}"), content(size));
            memory.put(&format!("made-{size}"), content(size));
            memory.put(&format!("slow-{size}"), content(size));
        }
        memory.put("New_Zealand/g3-tones.xml.sgn", content(700));
        memory
    }

    pub fn put(&mut self, name: &str, bytes: Bytes) {
        self.files.insert(FileName::parse(name).unwrap(), bytes);
    }

    /// Lets the `slow-*` files be made.
    pub fn release(&self) {
        self.gate.lock().unwrap().open = true;
        self.turned.notify_all();
    }

    /// Waits until so many requests for `slow-*` files have arrived.
    pub fn wait_for_requests(&self, count: usize) {
        let gate = self.gate.lock().unwrap();
        drop(self.turned.wait_while(gate, |gate| gate.waiting < count).unwrap());
    }
}

impl FileSource for Memory {
    fn ready(&self, request: &FileRequest<'_>) -> Option<Content> {
        let name = request.name.as_str();
        if name.starts_with("made-") || name.starts_with("slow-") {
            return None;
        }
        self.files.get(request.name).cloned().map(Content::from)
    }

    fn look_up(&self, request: &FileRequest<'_>) -> Result<Answer, FetchError> {
        match request.name.as_str() {
            "denied" => return Err(FetchError::Denied("only for tests".into())),
            "failed" => return Err(FetchError::Failed("secret of the house".into())),
            "roll-over" => return Ok(Answer::Content(Content::from(roll_over()))),
            "panics" => panic!("the source of files died, as the test wants"),
            name if name.starts_with("slow-") => {
                let mut gate = self.gate.lock().unwrap();
                gate.waiting += 1;
                self.turned.notify_all();
                drop(self.turned.wait_while(gate, |gate| !gate.open).unwrap());
            }
            _ => {}
        }
        let found = self.files.get(request.name).cloned().map(|bytes| Answer::Content(Content::from(bytes)));
        found.ok_or(FetchError::NotFound)
    }
}

/// The running servers.
pub struct Servers {
    pub tftp: SocketAddr,
    pub http: SocketAddr,
    pub memory: Arc<Memory>,
    shutdown: watch::Sender<bool>,
    ended: std::sync::mpsc::Receiver<std::io::Result<()>>,
    runtime: Option<tokio::runtime::Runtime>,
}

pub fn loopback() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
}

impl Servers {
    pub fn start() -> Self {
        Self::with(tftp::Config::default(), http::Config::default())
    }

    /// Starts both; without addresses they listen on 127.0.0.1.
    pub fn with(mut tftp: tftp::Config, mut http: http::Config) -> Self {
        if tftp.listen.is_empty() {
            tftp.listen.push(loopback());
        }
        if http.listen.is_empty() {
            http.listen.push(loopback());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let memory = Arc::new(Memory::with_sizes());
        let (shutdown, stop) = watch::channel(false);
        let fetcher = Fetcher::new(Arc::clone(&memory) as Arc<dyn FileSource>);
        let files = tftp::Server::bind(tftp, Arc::clone(&fetcher)).unwrap();
        let web = runtime.block_on(http::Server::bind(http, fetcher)).unwrap();
        let (tftp, http) = (files.local_addrs()[0], web.local_addrs()[0]);
        let (end, ended) = std::sync::mpsc::channel();
        for server in [
            Box::pin(files.run(stop.clone())) as std::pin::Pin<Box<dyn Future<Output = _> + Send>>,
            Box::pin(web.run(stop)),
        ] {
            let end = end.clone();
            runtime.spawn(async move { end.send(server.await).unwrap() });
        }
        Self { tftp, http, memory, shutdown, ended, runtime: Some(runtime) }
    }

    /// Gives the signal; [`Self::wait`] waits for both ends.
    pub fn stop(&self) {
        self.shutdown.send(true).unwrap();
    }

    /// Both servers have ended without an error within `limit`.
    pub fn wait(&self, limit: Duration) {
        for _ in 0..2 {
            self.ended.recv_timeout(limit).expect("a server did not end in time").unwrap();
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.memory.release();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs a client; a missing one fails the test with the name of its package.
pub fn run(package: &str, program: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program} ({error}): install the Debian package {package}"))
}

/// Compares without printing megabytes.
#[track_caller]
pub fn same(got: &[u8], wanted: &[u8], what: &str) {
    let at = got.iter().zip(wanted).position(|(a, b)| a != b);
    assert!(got == wanted, "{what}: {} bytes instead of {}, first difference at {at:?}", got.len(), wanted.len());
}
