//! The server's side of a read: a file goes out in windows of blocks, each window is acknowledged.
//!
//! Blocks are counted without limit here and modulo 65536 on the wire, so a file may be longer than 65535 blocks.
//! A window that was acknowledged in part is continued behind the acknowledged block (RFC 7440 section 4). A repeated
//! acknowledgement makes no block go out twice when the window is one block: the fault known as the Sorcerer's
//! Apprentice (RFC 1123 section 4.2.3.1).

use std::time::{Duration, Instant};

use super::netascii::{self, Cursor};
use super::options::{Caps, Options};
use super::packet::{ErrorCode, Mode, Packet, data_header};
use super::{DATA_HEADER, DEFAULT_BLOCK_SIZE};

/// How long to wait for an acknowledgement and how often to send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// First wait. Doubled after every retransmission.
    pub first: Duration,
    /// Longest wait.
    pub longest: Duration,
    /// Retransmissions in a row before the transfer fails.
    pub retries: u8,
    /// How long a transfer lives that has no acknowledgement yet, whatever the client asked for: its request may be forged.
    pub unheard: Duration,
    /// How often such a transfer is sent.
    pub unheard_sends: u8,
}

impl Default for Pace {
    /// 1, 2, 4, then 8 s: six retransmissions last half a minute, longer than a switch port or a Wi-Fi roam takes
    /// to come back, shorter than a phone that was unplugged keeps a place. Without any acknowledgement 0, 1, 3 s and the end
    /// after ten: a phone that asked is there, and asks again.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(8),
            retries: 6,
            unheard: Duration::from_secs(10),
            unheard_sends: 3,
        }
    }
}

impl Pace {
    /// The wait behind a number of retransmissions.
    fn wait(self, tries: u8) -> Duration {
        let wait = self.first.saturating_mul(1u32.checked_shl(u32::from(tries)).unwrap_or(u32::MAX));
        wait.min(self.longest.max(self.first))
    }
}

/// Datagrams to send now, in one buffer that is used again and again.
///
/// All have the same length except the last, which may be shorter: what segmentation offload takes in one call.
#[derive(Debug, Default)]
pub struct Burst {
    bytes: Vec<u8>,
    segment: usize,
}

impl Burst {
    /// An empty burst.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All datagrams one after the other; empty when nothing is to be sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Length of every datagram but the last. At least 1.
    #[must_use]
    pub fn segment(&self) -> usize {
        self.segment.max(1)
    }

    /// The datagrams in order.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(self.segment())
    }

    /// An error in place of what it held.
    pub fn tell(&mut self, code: ErrorCode, text: &str) {
        self.single(&Packet::Error { code, text: text.into() });
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.segment = 0;
    }

    fn single(&mut self, packet: &Packet<'_>) {
        self.clear();
        packet.encode(&mut self.bytes);
        self.segment = self.bytes.len();
    }
}

/// What a transfer wants after an event. The burst is to be sent in every case.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Go on until [`Transfer::deadline`].
    Wait,
    /// The last block was acknowledged.
    Done,
    /// It is over.
    Failed(Failure),
}

/// Why a transfer ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The client said so; code 0 or 8 is the usual way to ask for the size only.
    #[error("client ended it with error {}: {text}", code.code())]
    Refused {
        /// Its code.
        code: ErrorCode,
        /// Its words.
        text: String,
    },
    /// Nothing came for all retransmissions.
    #[error("no acknowledgement of block {block} after {tries} retransmissions")]
    NoAnswer {
        /// First block that is missing.
        block: u64,
        /// How often it was sent again.
        tries: u8,
    },
    /// Something that does not belong into a transfer.
    #[error("client sent what is no acknowledgement: {0}")]
    Confused(String),
}

/// The bytes that a transfer sends: in memory, or brought there piece by piece.
pub trait Data {
    /// How many there are.
    fn length(&self) -> u64;

    /// So many of them from an offset on, fewer at the end; `None` when they have to be brought first.
    fn at_hand(&self, from: u64, count: usize) -> Option<&[u8]>;

    /// All of them, when they are in memory: netascii needs that.
    fn whole(&self) -> Option<&[u8]>;
}

impl<T: AsRef<[u8]>> Data for T {
    fn length(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn at_hand(&self, from: u64, count: usize) -> Option<&[u8]> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = self.as_ref().get(from..).unwrap_or_default();
        Some(rest.get(..count).unwrap_or(rest))
    }

    fn whole(&self) -> Option<&[u8]> {
        Some(self.as_ref())
    }
}

/// One file on its way to one client.
#[derive(Debug)]
pub struct Transfer<B> {
    data: B,
    /// Netascii only: where the block after `acked` begins.
    text: Option<Cursor>,
    /// Bytes on the wire without headers.
    size: u64,
    block_size: u16,
    window: u16,
    /// What the OACK grants; set while it is not acknowledged.
    oack: Option<Options>,
    /// Number of the last block; its data is shorter than a block, maybe empty.
    last: u64,
    /// Last acknowledged block.
    acked: u64,
    /// Last block sent.
    sent: u64,
    /// A repeated acknowledgement already made this window go out again.
    window_repeated: bool,
    pace: Pace,
    tries: u8,
    resent: u64,
    deadline: Instant,
    /// When an acknowledgement last moved it, at first when it began.
    moved: Instant,
    /// Something was acknowledged: the client is where the request said.
    heard: bool,
    /// The window could not be sent, because its bytes have to be brought.
    waits: bool,
}

impl<B: Data> Transfer<B> {
    /// Prepares to send `data` to a client that asked with these `options`. [`Self::start`] gives the first datagrams.
    ///
    /// The option `timeout` replaces the waits of `pace`. Netascii is for data that are whole in memory.
    pub fn new(data: B, mode: Mode, options: &Options, caps: &Caps, pace: Pace, now: Instant) -> Self {
        let (text, size) = match mode {
            Mode::Octet => (None, data.length()),
            Mode::Netascii => (Some(Cursor::default()), netascii::encoded_len(data.whole().unwrap_or_default())),
        };
        let granted = options.grant(caps, size);
        let block_size = granted.block_size.unwrap_or(DEFAULT_BLOCK_SIZE);
        let pace = match granted.timeout {
            Some(seconds) => {
                let wait = Duration::from_secs(u64::from(seconds));
                Pace { first: wait, longest: wait, ..pace }
            }
            None => pace,
        };
        Self {
            text,
            size,
            block_size,
            window: granted.window.unwrap_or(1),
            oack: (!granted.is_empty()).then_some(granted),
            last: size / u64::from(block_size) + 1,
            acked: 0,
            sent: 0,
            window_repeated: false,
            pace,
            tries: 0,
            resent: 0,
            deadline: now + Self::unheard_wait(pace, 0),
            moved: now,
            heard: false,
            waits: false,
            data,
        }
    }

    /// The wait of a transfer that was sent again `tries` times and has no acknowledgement yet.
    fn unheard_wait(pace: Pace, tries: u8) -> Duration {
        // A long time-out that was asked for must not leave the later ones without their turn.
        let turn = pace.unheard / u32::from(pace.unheard_sends.max(1));
        pace.wait(tries).min(turn)
    }

    /// The file.
    pub fn data(&self) -> &B {
        &self.data
    }

    /// The file, to bring what [`Self::needs`] says.
    pub fn data_mut(&mut self) -> &mut B {
        &mut self.data
    }

    /// The bytes that have to be brought before the window can be sent; [`Self::go_on`] sends it then.
    #[must_use]
    pub fn needs(&self) -> Option<std::ops::Range<u64>> {
        let from = self.acked * u64::from(self.block_size);
        let window = u64::from(self.window) * u64::from(self.block_size);
        self.waits.then(|| from..self.size.min(from + window))
    }

    /// Sends the window whose bytes had to be brought.
    pub fn go_on(&mut self, burst: &mut Burst) {
        burst.clear();
        if self.waits {
            self.fill(burst);
        }
    }

    /// The first datagrams: the OACK if options were granted, else the first block.
    pub fn start(&mut self, burst: &mut Burst) {
        match self.oack {
            Some(granted) => burst.single(&Packet::OptionAck(granted)),
            None => self.fill(burst),
        }
    }

    /// A datagram came from the client.
    pub fn datagram(&mut self, now: Instant, datagram: &[u8], burst: &mut Burst) -> Step {
        burst.clear();
        match Packet::decode(datagram) {
            Ok(Packet::Ack { block }) => self.acknowledged(now, block, burst),
            Ok(Packet::Error { code, text }) => Step::Failed(Failure::Refused { code, text }),
            Ok(_) => Self::confused("a request or data".into(), burst),
            Err(bad) => Self::confused(bad.to_string(), burst),
        }
    }

    /// The clock may have reached [`Self::deadline`].
    pub fn timeout(&mut self, now: Instant, burst: &mut Burst) -> Step {
        burst.clear();
        if now < self.deadline {
            return Step::Wait;
        }
        if !self.heard {
            return self.unheard(now, burst);
        }
        if self.tries >= self.pace.retries {
            burst.single(&Packet::Error { code: ErrorCode::NotDefined, text: "no acknowledgement".into() });
            return Step::Failed(Failure::NoAnswer { block: self.acked + 1, tries: self.tries });
        }
        self.tries += 1;
        self.resent += 1;
        self.window_repeated = false;
        self.deadline = now + self.pace.wait(self.tries);
        self.start(burst);
        Step::Wait
    }

    /// The time-out of a transfer that has no acknowledgement yet.
    fn unheard(&mut self, now: Instant, burst: &mut Burst) -> Step {
        let end = self.moved + self.pace.unheard;
        if now >= end {
            return Step::Failed(Failure::NoAnswer { block: self.acked + 1, tries: self.tries });
        }
        if self.tries + 1 >= self.pace.unheard_sends {
            self.deadline = end;
            return Step::Wait;
        }
        self.tries += 1;
        self.resent += 1;
        self.deadline = (now + Self::unheard_wait(self.pace, self.tries)).min(end);
        self.start(burst);
        Step::Wait
    }

    /// When [`Self::timeout`] is due.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the client acknowledged anything.
    #[must_use]
    pub const fn heard(&self) -> bool {
        self.heard
    }

    /// Since when an acknowledgement is awaited.
    #[must_use]
    pub const fn waits_since(&self) -> Instant {
        self.moved
    }

    /// Bytes of the file that were acknowledged.
    #[must_use]
    pub fn acknowledged_bytes(&self) -> u64 {
        self.size.min(self.acked.saturating_mul(u64::from(self.block_size)))
    }

    /// The last block is out: all that is missing is its acknowledgement, which some clients never send.
    #[must_use]
    pub const fn all_sent(&self) -> bool {
        self.oack.is_none() && self.sent == self.last
    }

    /// Bytes of the file as it travels, without headers.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of a block as agreed on.
    #[must_use]
    pub const fn block_size(&self) -> u16 {
        self.block_size
    }

    /// Blocks of a window as agreed on.
    #[must_use]
    pub const fn window(&self) -> u16 {
        self.window
    }

    /// How often something was sent again.
    #[must_use]
    pub const fn resent(&self) -> u64 {
        self.resent
    }

    fn acknowledged(&mut self, now: Instant, block: u16, burst: &mut Burst) -> Step {
        if self.oack.is_some() {
            if block != 0 {
                // left over from an earlier transfer of the same port
                return Step::Wait;
            }
            self.oack = None;
            self.advance(now, 0, burst);
            return Step::Wait;
        }
        // how far this acknowledgement goes, modulo the numbers on the wire
        let ahead = u64::from(block.wrapping_sub(wire_number(self.acked)));
        if ahead > self.sent - self.acked {
            return Step::Wait; // older than the window
        }
        if ahead == 0 {
            // The block before the window again: its first block was lost. Once is enough for a window, else every
            // stray copy would double the traffic.
            if self.window > 1 && !self.window_repeated {
                self.window_repeated = true;
                self.resent += 1;
                self.deadline = now + self.pace.first;
                self.fill(burst);
            }
            return Step::Wait;
        }
        self.advance(now, ahead, burst);
        if self.acked == self.last { Step::Done } else { Step::Wait }
    }

    /// Moves the window by `blocks` and sends it.
    fn advance(&mut self, now: Instant, blocks: u64, burst: &mut Burst) {
        if let Some(cursor) = &mut self.text {
            let bytes = blocks.saturating_mul(u64::from(self.block_size));
            cursor.skip(self.data.whole().unwrap_or_default(), usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        if self.acked + blocks < self.sent {
            self.resent += 1;
        }
        self.acked += blocks;
        self.moved = now;
        self.heard = true;
        self.tries = 0;
        self.window_repeated = false;
        self.deadline = now + self.pace.first;
        if self.acked < self.last {
            self.fill(burst);
        }
    }

    /// The window behind the last acknowledged block.
    fn fill(&mut self, burst: &mut Burst) {
        burst.clear();
        self.waits = false;
        let block_size = usize::from(self.block_size);
        burst.segment = DATA_HEADER + block_size;
        let until = (self.acked + u64::from(self.window)).min(self.last);
        let mut cursor = self.text;
        for block in self.acked + 1..=until {
            burst.bytes.extend_from_slice(&data_header(wire_number(block)));
            if let Some(cursor) = &mut cursor {
                cursor.read(self.data.whole().unwrap_or_default(), block_size, &mut burst.bytes);
            } else if let Some(bytes) = self.data.at_hand((block - 1) * u64::from(self.block_size), block_size) {
                burst.bytes.extend_from_slice(bytes);
            } else {
                burst.clear();
                self.waits = true;
                return;
            }
        }
        self.sent = self.sent.max(until);
    }

    fn confused(why: String, burst: &mut Burst) -> Step {
        burst.single(&Packet::Error { code: ErrorCode::IllegalOperation, text: "not a TFTP acknowledgement".into() });
        Step::Failed(Failure::Confused(why))
    }
}

/// The number of a block on the wire: 65535 is followed by 0.
const fn wire_number(block: u64) -> u16 {
    (block & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        transfer: Transfer<Vec<u8>>,
        now: Instant,
        burst: Burst,
    }

    #[allow(clippy::disallowed_methods)] // any origin of time will do
    fn start(data: Vec<u8>, mode: Mode, options: Options) -> Bench {
        let now = Instant::now();
        let mut transfer = Transfer::new(data, mode, &options, &Caps::default(), Pace::default(), now);
        let mut burst = Burst::new();
        transfer.start(&mut burst);
        Bench { transfer, now, burst }
    }

    impl Bench {
        fn ack(&mut self, block: u16) -> Step {
            let bytes = Packet::Ack { block }.to_bytes();
            self.transfer.datagram(self.now, &bytes, &mut self.burst)
        }

        /// Numbers of the blocks in the burst.
        fn blocks(&self) -> Vec<u16> {
            self.burst
                .datagrams()
                .map(|d| match Packet::decode(d).unwrap() {
                    Packet::Data { block, .. } => block,
                    other => panic!("not data: {other:?}"),
                })
                .collect()
        }

        fn wait(&mut self, seconds: u64) -> Step {
            self.now += Duration::from_secs(seconds);
            self.transfer.timeout(self.now, &mut self.burst)
        }
    }

    #[test]
    fn empty_file_is_one_empty_block() {
        let mut bench = start(vec![], Mode::Octet, Options::default());
        assert_eq!(bench.burst.bytes(), b"\0\x03\0\x01");
        assert!(bench.transfer.all_sent());
        assert_eq!(bench.ack(1), Step::Done);
    }

    #[test]
    fn whole_blocks_are_followed_by_an_empty_one() {
        let mut bench = start(vec![7; 1024], Mode::Octet, Options::default());
        assert_eq!(bench.ack(1), Step::Wait);
        assert_eq!(bench.burst.bytes().len(), 516);
        assert_eq!(bench.ack(2), Step::Wait);
        assert_eq!(bench.burst.bytes(), b"\0\x03\0\x03");
        assert_eq!(bench.ack(3), Step::Done);
    }

    #[test]
    fn a_repeated_acknowledgement_sends_nothing() {
        let mut bench = start(vec![7; 2000], Mode::Octet, Options::default());
        assert_eq!(bench.ack(1), Step::Wait);
        assert_eq!(bench.blocks(), [2]);
        for stray in [1, 0, 9, 65535] {
            assert_eq!(bench.ack(stray), Step::Wait);
            assert!(bench.burst.bytes().is_empty(), "ACK {stray}");
        }
    }

    #[test]
    fn options_come_first() {
        let asked = Options { block_size: Some(1000), transfer_size: Some(0), ..Options::default() };
        let mut bench = start(vec![7; 1500], Mode::Octet, asked);
        let oack = Packet::OptionAck(Options { transfer_size: Some(1500), ..asked });
        assert_eq!(Packet::decode(bench.burst.bytes()).unwrap(), oack);
        assert_eq!(bench.ack(7), Step::Wait);
        assert!(bench.burst.bytes().is_empty());
        assert_eq!(bench.wait(1), Step::Wait);
        assert_eq!(Packet::decode(bench.burst.bytes()).unwrap(), oack);
        assert_eq!(bench.ack(0), Step::Wait);
        assert_eq!(bench.blocks(), [1]);
        assert_eq!(bench.ack(1), Step::Wait);
        assert_eq!(bench.ack(2), Step::Done);
    }

    #[test]
    fn windows_go_on_behind_the_acknowledged_block() {
        let asked = Options { block_size: Some(8), window: Some(4), ..Options::default() };
        let mut bench = start((0..80).collect(), Mode::Octet, asked);
        assert_eq!(bench.ack(0), Step::Wait);
        assert_eq!(bench.blocks(), [1, 2, 3, 4]);
        // block 3 was lost
        assert_eq!(bench.ack(2), Step::Wait);
        assert_eq!(bench.blocks(), [3, 4, 5, 6]);
        // block 3 was lost again: once at once, then only by the clock
        assert_eq!(bench.ack(2), Step::Wait);
        assert_eq!(bench.blocks(), [3, 4, 5, 6]);
        assert_eq!(bench.ack(2), Step::Wait);
        assert!(bench.burst.bytes().is_empty());
        assert_eq!(bench.wait(1), Step::Wait);
        assert_eq!(bench.blocks(), [3, 4, 5, 6]);
        assert_eq!(bench.ack(6), Step::Wait);
        assert_eq!(bench.blocks(), [7, 8, 9, 10]);
        assert_eq!(bench.ack(10), Step::Wait);
        assert_eq!(bench.blocks(), [11]);
        assert_eq!(bench.ack(11), Step::Done);
        assert_eq!(bench.transfer.resent(), 3);
    }

    #[test]
    fn waits_double_and_end() {
        let mut bench = start(vec![7; 600], Mode::Octet, Options::default());
        assert_eq!(bench.ack(1), Step::Wait);
        for wait in [1, 2, 4, 8, 8, 8] {
            assert_eq!(bench.wait(wait - 1), Step::Wait);
            assert!(bench.burst.bytes().is_empty());
            assert_eq!(bench.wait(1), Step::Wait);
            assert_eq!(bench.blocks(), [2]);
        }
        assert_eq!(bench.wait(8), Step::Failed(Failure::NoAnswer { block: 2, tries: 6 }));
        assert!(matches!(Packet::decode(bench.burst.bytes()), Ok(Packet::Error { .. })));
    }

    /// Seconds at which something is sent until it ends, and the end.
    fn unheard(timeout: Option<u8>) -> (Vec<u64>, u64) {
        let mut bench = start(vec![7; 600], Mode::Octet, Options { timeout, ..Options::default() });
        let mut sent = vec![0];
        for second in 1.. {
            match bench.wait(1) {
                Step::Failed(Failure::NoAnswer { .. }) => {
                    assert!(bench.burst.bytes().is_empty(), "nobody is there to be told");
                    return (sent, second);
                }
                step => assert_eq!(step, Step::Wait),
            }
            if !bench.burst.bytes().is_empty() {
                sent.push(second);
            }
        }
        unreachable!("it ends");
    }

    #[test]
    fn without_an_acknowledgement_it_is_sent_three_times_in_ten_seconds_whatever_was_asked() {
        assert_eq!(unheard(None), (vec![0, 1, 3], 10));
        for (timeout, sent) in [(1, [0, 1, 2]), (2, [0, 2, 4]), (3, [0, 3, 6]), (4, [0, 4, 8]), (255, [0, 4, 8])] {
            assert_eq!(unheard(Some(timeout)), (sent.to_vec(), 10), "timeout={timeout}");
        }
        // One that was heard keeps what was agreed.
        let mut bench = start(vec![7; 600], Mode::Octet, Options { timeout: Some(255), ..Options::default() });
        assert!(!bench.transfer.heard());
        assert_eq!(bench.ack(0), Step::Wait);
        assert!(bench.transfer.heard());
        assert_eq!(bench.wait(254), Step::Wait);
        assert!(bench.burst.bytes().is_empty());
        assert_eq!(bench.wait(1), Step::Wait);
        assert_eq!(bench.blocks(), [1]);
    }

    #[test]
    fn an_agreed_timeout_is_kept() {
        let mut bench = start(vec![7; 10], Mode::Octet, Options { timeout: Some(3), ..Options::default() });
        assert_eq!(bench.ack(0), Step::Wait);
        for _ in 0..6 {
            assert_eq!(bench.wait(2), Step::Wait);
            assert!(bench.burst.bytes().is_empty());
            assert_eq!(bench.wait(1), Step::Wait);
            assert_eq!(bench.blocks(), [1]);
        }
        assert!(matches!(bench.wait(3), Step::Failed(_)));
    }

    #[test]
    fn block_numbers_roll_over() {
        let asked = Options { block_size: Some(8), window: Some(64), ..Options::default() };
        let size = 8 * 70_000 + 3;
        let mut bench = start((0..size).map(|i| (i / 8 % 251) as u8).collect(), Mode::Octet, asked);
        assert_eq!(bench.ack(0), Step::Wait);
        let mut got = Vec::new();
        loop {
            let mut last = 0;
            for datagram in bench.burst.datagrams() {
                let Packet::Data { block, data } = Packet::decode(datagram).unwrap() else { panic!("no data") };
                got.extend_from_slice(data);
                last = block;
            }
            if bench.ack(last) == Step::Done {
                break;
            }
        }
        assert_eq!(got.len(), size);
        assert!(got.iter().enumerate().all(|(i, &b)| b == (i / 8 % 251) as u8));
    }

    #[test]
    fn netascii_is_converted_on_the_way() {
        let asked = Options { block_size: Some(8), transfer_size: Some(0), window: Some(2), ..Options::default() };
        let data = b"line one\nline two\r\nand three\n".to_vec();
        let mut bench = start(data.clone(), Mode::Netascii, asked);
        let size = netascii::encoded_len(&data);
        let oack = Packet::OptionAck(Options { transfer_size: Some(size), ..asked });
        assert_eq!(Packet::decode(bench.burst.bytes()).unwrap(), oack);
        assert_eq!(bench.ack(0), Step::Wait);
        let mut got = Vec::new();
        let mut block = 0;
        loop {
            // the client takes the first block of each window only
            let Packet::Data { data, .. } = Packet::decode(bench.burst.datagrams().next().unwrap()).unwrap() else {
                panic!("no data")
            };
            got.extend_from_slice(data);
            block += 1;
            if bench.ack(block) == Step::Done {
                break;
            }
        }
        assert_eq!(got.len() as u64, size);
        assert_eq!(netascii::decode(&got), data);
    }

    /// Bytes of which a piece is at hand.
    struct Brought {
        all: Vec<u8>,
        piece: std::ops::Range<u64>,
    }

    impl Data for Brought {
        fn length(&self) -> u64 {
            self.all.len() as u64
        }

        fn at_hand(&self, from: u64, count: usize) -> Option<&[u8]> {
            let until = (from + count as u64).min(self.length());
            let there = self.piece.start <= from && until <= self.piece.end;
            there.then(|| &self.all[from as usize..until as usize])
        }

        fn whole(&self) -> Option<&[u8]> {
            None
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // any origin of time will do
    fn what_is_not_at_hand_is_brought_window_by_window() {
        for (size, window) in [(0, None), (8, None), (100, Some(1)), (100, Some(3)), (96, Some(4)), (100, Some(64))] {
            let (now, mut burst) = (Instant::now(), Burst::new());
            let asked = Options { block_size: Some(8), window, ..Options::default() };
            let data = Brought { all: (0..size).collect(), piece: 0..0 };
            let mut transfer = Transfer::new(data, Mode::Octet, &asked, &Caps::default(), Pace::default(), now);
            transfer.start(&mut burst);
            assert_eq!(transfer.needs(), None, "the OACK needs nothing");
            let (mut got, mut acked) = (Vec::new(), 0);
            loop {
                let step = transfer.datagram(now, &Packet::Ack { block: acked }.to_bytes(), &mut burst);
                if step == Step::Done {
                    break;
                }
                if let Some(needed) = transfer.needs() {
                    assert!(burst.bytes().is_empty(), "a window goes out whole");
                    let again = transfer.timeout(now + Duration::from_secs(2), &mut burst);
                    assert!(again == Step::Wait && burst.bytes().is_empty(), "nothing to send again yet");
                    assert!(needed.end - needed.start <= 8 * u64::from(transfer.window()));
                    transfer.data_mut().piece = needed;
                    transfer.go_on(&mut burst);
                    assert_eq!(transfer.needs(), None);
                }
                for datagram in burst.datagrams() {
                    let Packet::Data { block, data } = Packet::decode(datagram).unwrap() else { panic!("no data") };
                    got.extend_from_slice(data);
                    acked = block;
                }
            }
            assert_eq!(got, (0..size).collect::<Vec<u8>>(), "{size} bytes, window {window:?}");
        }
    }

    #[test]
    fn error_and_nonsense_end_it() {
        let mut bench = start(vec![7; 2000], Mode::Octet, Options::default());
        let error = Packet::Error { code: ErrorCode::DiskFull, text: "full".into() }.to_bytes();
        let step = bench.transfer.datagram(bench.now, &error, &mut bench.burst);
        assert_eq!(step, Step::Failed(Failure::Refused { code: ErrorCode::DiskFull, text: "full".into() }));
        assert!(bench.burst.bytes().is_empty());

        let mut bench = start(vec![7; 2000], Mode::Octet, Options::default());
        let step = bench.transfer.datagram(bench.now, b"GET / HTTP/1.0", &mut bench.burst);
        assert!(matches!(step, Step::Failed(Failure::Confused(_))));
        assert!(matches!(
            Packet::decode(bench.burst.bytes()),
            Ok(Packet::Error { code: ErrorCode::IllegalOperation, .. })
        ));
    }
}
