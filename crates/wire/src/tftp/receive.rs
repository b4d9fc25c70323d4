//! The client's side of a read: asks for a file, puts the blocks together, acknowledges each window.
//!
//! The server answers from a port of its own, which the first good answer fixes; datagrams from elsewhere get error 5
//! and change nothing (RFC 1350 section 4). A server that ignores the options, or refuses them with error 8, is read
//! with blocks of 512 bytes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::DEFAULT_BLOCK_SIZE;
use super::netascii;
use super::options::Options;
use super::packet::{ErrorCode, Mode, Packet, Request};

/// What to ask for and how patiently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Name of the file, at most 255 bytes are sensible.
    pub file: String,
    /// How it travels; netascii is converted back.
    pub mode: Mode,
    /// Options of the request; `transfer_size: Some(0)` asks for the size.
    pub options: Options,
    /// Largest file that is taken, bytes on the wire.
    pub max_size: u64,
    /// Wait before a datagram is sent again.
    pub wait: Duration,
    /// Repetitions in a row before it fails.
    pub retries: u8,
}

/// How a download stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// Send what is to be sent, wait until [`Download::deadline`].
    More,
    /// Complete; send the last acknowledgement, then take [`Download::into_bytes`].
    Done,
}

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DownloadError {
    /// The server said no.
    #[error("server answered error {}: {text}", code.code())]
    Refused {
        /// Its code; 1 is "not found".
        code: ErrorCode,
        /// Its words.
        text: String,
    },
    /// Nothing came.
    #[error("no answer after {tries} repetitions")]
    NoAnswer {
        /// How often it was sent again.
        tries: u8,
    },
    /// The file is larger than the limit of the caller.
    #[error("file has more than {max} bytes")]
    TooLarge {
        /// The limit.
        max: u64,
    },
    /// The server broke the protocol.
    #[error("server broke the protocol: {0}")]
    Broken(String),
}

/// One file on its way here.
#[derive(Debug)]
pub struct Download {
    wish: Wish,
    /// Where requests go.
    server: SocketAddr,
    /// Where the answers come from, once known.
    peer: Option<SocketAddr>,
    /// What is asked for now: empty after a refusal of the options.
    options: Options,
    block_size: u16,
    window: u16,
    announced: Option<u64>,
    bytes: Vec<u8>,
    /// Last block in order.
    received: u64,
    /// Last block acknowledged.
    acked: u64,
    /// A gap was already reported for this place.
    gap_told: bool,
    started: bool,
    done: bool,
    last_sent: Vec<u8>,
    tries: u8,
    deadline: Instant,
}

/// Where a datagram goes and what is in it.
pub type Outgoing = (SocketAddr, Vec<u8>);

impl Download {
    /// Prepares the read of a file of `server` and gives the request to send.
    #[must_use]
    pub fn new(wish: Wish, server: SocketAddr, now: Instant) -> (Self, Outgoing) {
        let mut download = Self {
            options: wish.options,
            server,
            peer: None,
            block_size: DEFAULT_BLOCK_SIZE,
            window: 1,
            announced: None,
            bytes: Vec::new(),
            received: 0,
            acked: 0,
            gap_told: false,
            started: false,
            done: false,
            last_sent: Vec::new(),
            tries: 0,
            deadline: now + wish.wait,
            wish,
        };
        let request = download.request();
        (download, request)
    }

    /// A datagram came. `out` gets what is to be sent, also when the result is an error.
    ///
    /// # Errors
    /// [`DownloadError`]: the read is over.
    pub fn datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut Vec<Outgoing>,
    ) -> Result<Progress, DownloadError> {
        if self.peer.is_some_and(|peer| peer != from) || (self.peer.is_none() && from.ip() != self.server.ip()) {
            let error = Packet::Error { code: ErrorCode::UnknownTransferId, text: "unknown transfer".into() };
            out.push((from, error.to_bytes()));
            return Ok(self.progress());
        }
        let packet = match Packet::decode(datagram) {
            Ok(packet) => packet,
            Err(bad) => {
                return Err(self.broken(from, ErrorCode::IllegalOperation, bad.to_string(), out));
            }
        };
        match packet {
            Packet::Data { block, data } => self.data(now, from, block, data, out),
            Packet::OptionAck(granted) => self.granted(now, from, &granted, out),
            Packet::Error { code: ErrorCode::OptionNegotiation, .. } if !self.started && !self.options.is_empty() => {
                self.options = Options::default();
                self.tries = 0;
                self.deadline = now + self.wish.wait;
                out.push(self.request());
                Ok(Progress::More)
            }
            Packet::Error { .. } if self.done => Ok(Progress::Done),
            Packet::Error { code, text } => Err(DownloadError::Refused { code, text }),
            Packet::Ack { .. } | Packet::Read(_) | Packet::Write(_) => {
                Err(self.broken(from, ErrorCode::IllegalOperation, "neither data nor an answer".into(), out))
            }
        }
    }

    /// The clock may have reached [`Self::deadline`]: the last datagram is sent again.
    ///
    /// # Errors
    /// [`DownloadError::NoAnswer`] when it was repeated often enough.
    pub fn timeout(&mut self, now: Instant, out: &mut Vec<Outgoing>) -> Result<Progress, DownloadError> {
        if self.done || now < self.deadline {
            return Ok(self.progress());
        }
        if self.tries >= self.wish.retries {
            return Err(DownloadError::NoAnswer { tries: self.tries });
        }
        self.tries += 1;
        self.deadline = now + self.wish.wait;
        // what has come of an open window counts
        if self.started && self.received > self.acked {
            self.acknowledge(out);
        } else {
            out.push((self.peer.unwrap_or(self.server), self.last_sent.clone()));
        }
        Ok(Progress::More)
    }

    /// When [`Self::timeout`] is due.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Size announced by the server (option tsize).
    #[must_use]
    pub const fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// Block size and window in use.
    #[must_use]
    pub const fn agreed(&self) -> (u16, u16) {
        (self.block_size, self.window)
    }

    /// The file, complete after [`Progress::Done`]. Netascii is converted back.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self.wish.mode {
            Mode::Octet => self.bytes,
            Mode::Netascii => netascii::decode(&self.bytes),
        }
    }

    fn progress(&self) -> Progress {
        if self.done { Progress::Done } else { Progress::More }
    }

    fn request(&mut self) -> Outgoing {
        let request = Request { file: self.wish.file.as_bytes(), mode: self.wish.mode, options: self.options };
        self.last_sent = Packet::Read(request).to_bytes();
        self.peer = None;
        (self.server, self.last_sent.clone())
    }

    fn granted(
        &mut self,
        now: Instant,
        from: SocketAddr,
        granted: &Options,
        out: &mut Vec<Outgoing>,
    ) -> Result<Progress, DownloadError> {
        if self.started {
            // our acknowledgement of it was lost
            if self.received == 0 {
                out.push((from, self.last_sent.clone()));
            }
            return Ok(self.progress());
        }
        if let Err(why) = check_grant(&self.options, granted) {
            return Err(self.broken(from, ErrorCode::OptionNegotiation, why.into(), out));
        }
        self.announced = granted.transfer_size;
        if let Some(size) = granted.transfer_size
            && size > self.wish.max_size
        {
            return Err(self.too_large(from, out));
        }
        self.block_size = granted.block_size.unwrap_or(DEFAULT_BLOCK_SIZE);
        self.window = granted.window.unwrap_or(1);
        self.peer = Some(from);
        self.started = true;
        self.heard(now);
        self.acknowledge(out);
        Ok(Progress::More)
    }

    fn data(
        &mut self,
        now: Instant,
        from: SocketAddr,
        block: u16,
        data: &[u8],
        out: &mut Vec<Outgoing>,
    ) -> Result<Progress, DownloadError> {
        if !self.started {
            // the options were ignored: plain RFC 1350
            self.peer = Some(from);
            self.started = true;
        }
        let next = (self.received + 1) as u16; // numbers on the wire are modulo 65536
        if self.done || block != next {
            let behind = next.wrapping_sub(block);
            if behind != 0 && behind < 0x8000 {
                // The last block we acknowledged again: the acknowledgement was lost. Other old blocks are the tail
                // of a window that is sent again.
                if behind == 1 && (self.received == self.acked) {
                    self.acknowledge(out);
                }
            } else if !self.gap_told {
                // a block is missing before this one: say once where to go on (RFC 7440 section 4)
                self.gap_told = true;
                self.acknowledge(out);
            }
            return Ok(self.progress());
        }
        if data.len() > usize::from(self.block_size) {
            let why = format!("block {block} has {} bytes, {} were agreed on", data.len(), self.block_size);
            return Err(self.broken(from, ErrorCode::IllegalOperation, why, out));
        }
        if self.bytes.len() as u64 + data.len() as u64 > self.wish.max_size {
            return Err(self.too_large(from, out));
        }
        self.bytes.extend_from_slice(data);
        self.received += 1;
        self.gap_told = false;
        self.heard(now);
        self.done = data.len() < usize::from(self.block_size);
        if self.done || self.received - self.acked >= u64::from(self.window) {
            self.acknowledge(out);
        }
        Ok(self.progress())
    }

    fn heard(&mut self, now: Instant) {
        self.tries = 0;
        self.deadline = now + self.wish.wait;
    }

    fn acknowledge(&mut self, out: &mut Vec<Outgoing>) {
        self.acked = self.received;
        self.last_sent.clear();
        Packet::Ack { block: (self.received & 0xffff) as u16 }.encode(&mut self.last_sent);
        out.push((self.peer.unwrap_or(self.server), self.last_sent.clone()));
    }

    fn too_large(&self, to: SocketAddr, out: &mut Vec<Outgoing>) -> DownloadError {
        out.push((to, Packet::Error { code: ErrorCode::DiskFull, text: "file is too large".into() }.to_bytes()));
        DownloadError::TooLarge { max: self.wish.max_size }
    }

    fn broken(&self, to: SocketAddr, code: ErrorCode, why: String, out: &mut Vec<Outgoing>) -> DownloadError {
        out.push((to, Packet::Error { code, text: why.clone() }.to_bytes()));
        DownloadError::Broken(why)
    }
}

/// A server may lower what was asked for, not raise it, and not add anything (RFC 2347 section 3).
fn check_grant(asked: &Options, granted: &Options) -> Result<(), &'static str> {
    let lower = |asked: Option<u16>, granted: Option<u16>| granted.is_none() || asked >= granted;
    if !lower(asked.block_size, granted.block_size) {
        return Err("blksize was not asked for so large");
    }
    if !lower(asked.window, granted.window) {
        return Err("windowsize was not asked for so large");
    }
    if granted.timeout.is_some() && granted.timeout != asked.timeout {
        return Err("timeout was not asked for so");
    }
    if granted.transfer_size.is_some() && asked.transfer_size.is_none() {
        return Err("tsize was not asked for");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::super::options::Caps;
    use super::super::send::{Burst, Pace, Step, Transfer};
    use super::*;

    const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 69);
    const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40000);

    fn wish(options: Options) -> Wish {
        Wish {
            file: "ITLFile.tlv".into(),
            mode: Mode::Octet,
            options,
            max_size: 1 << 20,
            wait: Duration::from_secs(1),
            retries: 5,
        }
    }

    #[allow(clippy::disallowed_methods)] // any origin of time will do
    fn start(options: Options) -> (Download, Instant) {
        let now = Instant::now();
        let (download, (to, _)) = Download::new(wish(options), SERVER, now);
        assert_eq!(to, SERVER);
        (download, now)
    }

    fn data(block: u16, data: &[u8]) -> Vec<u8> {
        Packet::Data { block, data }.to_bytes()
    }

    fn ack(block: u16) -> Vec<u8> {
        Packet::Ack { block }.to_bytes()
    }

    #[test]
    fn a_server_without_options() {
        let (mut d, now) = start(Options { block_size: Some(1428), window: Some(8), ..Options::default() });
        let mut out = Vec::new();
        assert_eq!(d.datagram(now, PEER, &data(1, &[5; 512]), &mut out), Ok(Progress::More));
        assert_eq!(d.datagram(now, PEER, &data(2, b"end"), &mut out), Ok(Progress::Done));
        assert_eq!(out, [(PEER, ack(1)), (PEER, ack(2))]);
        // the last acknowledgement was lost
        out.clear();
        assert_eq!(d.datagram(now, PEER, &data(2, b"end"), &mut out), Ok(Progress::Done));
        assert_eq!(out, [(PEER, ack(2))]);
        assert_eq!(d.into_bytes().len(), 515);
    }

    #[test]
    fn a_server_that_refuses_options() {
        let (mut d, now) = start(Options { block_size: Some(1428), ..Options::default() });
        let mut out = Vec::new();
        let refusal = Packet::Error { code: ErrorCode::OptionNegotiation, text: "no".into() }.to_bytes();
        assert_eq!(d.datagram(now, PEER, &refusal, &mut out), Ok(Progress::More));
        let (to, again) = out.pop().unwrap();
        assert_eq!(to, SERVER);
        assert!(matches!(Packet::decode(&again), Ok(Packet::Read(r)) if r.options.is_empty()));
        // the new transfer has another port
        let other = SocketAddr::new(PEER.ip(), 40001);
        assert_eq!(d.datagram(now, other, &data(1, b"x"), &mut out), Ok(Progress::Done));
        assert_eq!(d.into_bytes(), b"x");
    }

    #[test]
    fn strangers_get_error_5() {
        let (mut d, now) = start(Options::default());
        let mut out = Vec::new();
        assert_eq!(d.datagram(now, PEER, &data(1, &[1; 512]), &mut out), Ok(Progress::More));
        out.clear();
        let stranger = SocketAddr::new(PEER.ip(), 6);
        assert_eq!(d.datagram(now, stranger, &data(2, b"evil"), &mut out), Ok(Progress::More));
        let (to, bytes) = out.pop().unwrap();
        assert_eq!(to, stranger);
        assert!(matches!(Packet::decode(&bytes), Ok(Packet::Error { code: ErrorCode::UnknownTransferId, .. })));
        assert_eq!(d.datagram(now, PEER, &data(2, b""), &mut out), Ok(Progress::Done));
    }

    #[test]
    fn grants_that_were_not_asked_for() {
        for granted in [
            Options { block_size: Some(1429), ..Options::default() },
            Options { window: Some(2), ..Options::default() },
            Options { transfer_size: Some(2), ..Options::default() },
            Options { timeout: Some(2), ..Options::default() },
        ] {
            let (mut d, now) = start(Options { block_size: Some(1428), ..Options::default() });
            let mut out = Vec::new();
            let result = d.datagram(now, PEER, &Packet::OptionAck(granted).to_bytes(), &mut out);
            assert!(matches!(result, Err(DownloadError::Broken(_))), "{granted:?}");
            let (_, bytes) = out.pop().unwrap();
            assert!(matches!(Packet::decode(&bytes), Ok(Packet::Error { code: ErrorCode::OptionNegotiation, .. })));
        }
    }

    #[test]
    fn the_limit_of_the_caller() {
        let (mut d, now) = start(Options { transfer_size: Some(0), ..Options::default() });
        let granted = Options { transfer_size: Some((1 << 20) + 1), ..Options::default() };
        let result = d.datagram(now, PEER, &Packet::OptionAck(granted).to_bytes(), &mut Vec::new());
        assert_eq!(result, Err(DownloadError::TooLarge { max: 1 << 20 }));

        let (mut d, now) = start(Options::default());
        let mut block = 0;
        let error = loop {
            block += 1;
            match d.datagram(now, PEER, &data(block, &[0; 512]), &mut Vec::new()) {
                Ok(progress) => assert_eq!(progress, Progress::More),
                Err(error) => break error,
            }
        };
        assert_eq!((block, error), (2049, DownloadError::TooLarge { max: 1 << 20 }));
    }

    #[test]
    fn silence_ends_it() {
        let (mut d, mut now) = start(Options::default());
        let mut out = Vec::new();
        for _ in 0..5 {
            now += Duration::from_secs(1);
            assert_eq!(d.timeout(now, &mut out), Ok(Progress::More));
        }
        assert_eq!(out.len(), 5);
        now += Duration::from_secs(1);
        assert_eq!(d.timeout(now, &mut out), Err(DownloadError::NoAnswer { tries: 5 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        /// Both ends over a line that loses, repeats and swaps for a while: the file arrives whole.
        #[test]
        #[allow(clippy::disallowed_methods)] // any origin of time will do
        fn both_ends_over_a_bad_line(
            size in 0usize..3000,
            block_size in 8u16..600,
            window in 1u16..20,
            netascii in any::<bool>(),
            faults in prop::collection::vec(0u8..12, 0..400),
        ) {
            let file: Vec<u8> = (0..size).map(|i| (i * 7 + i / 256) as u8).collect();
            let mode = if netascii { Mode::Netascii } else { Mode::Octet };
            let options = Options {
                block_size: Some(block_size), window: Some(window), transfer_size: Some(0), timeout: None,
            };
            let mut now = Instant::now();
            let wish = Wish { mode, retries: 200, ..wish(options) };
            let (mut download, request) = Download::new(wish, SERVER, now);
            let mut transfer: Option<Transfer<&[u8]>> = None;
            let mut burst = Burst::new();
            let mut to_server = vec![request.1];
            let mut to_client: Vec<Vec<u8>> = Vec::new();
            let mut faults = faults.into_iter(); // after these the line is good
            let mut line = |datagrams: Vec<Vec<u8>>| {
                let mut through = Vec::new();
                for datagram in datagrams {
                    match faults.next() {
                        Some(0) => {}
                        Some(1) => through.extend([datagram.clone(), datagram]),
                        Some(2) => through.insert(0, datagram),
                        _ => through.push(datagram),
                    }
                }
                through
            };
            let pace = Pace { retries: 200, unheard: Duration::from_secs(100_000), unheard_sends: 200, ..Pace::default() };
            let mut rounds = 0;
            'all: loop {
                rounds += 1;
                prop_assert!(rounds < 20_000, "no end");
                let mut quiet = true;
                for datagram in line(std::mem::take(&mut to_server)) {
                    quiet = false;
                    if let Ok(Packet::Read(r)) = Packet::decode(&datagram) {
                        if transfer.is_none() {
                            let mut t = Transfer::new(&file[..], r.mode, &r.options, &Caps::default(), pace, now);
                            t.start(&mut burst);
                            transfer = Some(t);
                            to_client.extend(burst.datagrams().map(<[u8]>::to_vec));
                        }
                    } else if let Some(t) = &mut transfer {
                        let step = t.datagram(now, &datagram, &mut burst);
                        prop_assert!(!matches!(step, Step::Failed(_)));
                        to_client.extend(burst.datagrams().map(<[u8]>::to_vec));
                    }
                }
                for datagram in line(std::mem::take(&mut to_client)) {
                    quiet = false;
                    let mut out = Vec::new();
                    let progress = download.datagram(now, PEER, &datagram, &mut out);
                    to_server.extend(out.into_iter().map(|(_, bytes)| bytes));
                    if progress.unwrap() == Progress::Done {
                        break 'all;
                    }
                }
                if quiet {
                    now += Duration::from_secs(1);
                    let mut out = Vec::new();
                    prop_assert!(download.timeout(now, &mut out).is_ok());
                    to_server.extend(out.into_iter().map(|(_, bytes)| bytes));
                    if let Some(t) = &mut transfer {
                        prop_assert_eq!(t.timeout(now, &mut burst), Step::Wait);
                        to_client.extend(burst.datagrams().map(<[u8]>::to_vec));
                    }
                }
            }
            prop_assert_eq!(download.into_bytes(), file);
        }
    }
}
