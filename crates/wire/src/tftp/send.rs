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

/// A client that ends a transfer is taken at its word after this time, if it acknowledges nothing more until then: whoever guesses two
/// ports can say it in its name. Longer than any way there and back. One that acknowledged something before is asked once more, and has
/// this time again: a datagram may have been lost.
pub const DOUBT: Duration = Duration::from_millis(500);

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
    /// It was told to end, and waits whether the client goes on all the same.
    ending: Option<Failure>,
    /// Its window is not sent once more for that: it was, or the client has asked for something else.
    asked_again: bool,
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
            ending: None,
            asked_again: false,
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
            Ok(Packet::Error { code, text }) => self.told(now, Failure::Refused { code, text }),
            Ok(_) => self.told(now, Failure::Confused("a request or data".into())),
            Err(bad) => self.told(now, Failure::Confused(bad.to_string())),
        }
    }

    /// The client, or somebody in its name, ends it.
    fn told(&mut self, now: Instant, failure: Failure) -> Step {
        if self.ending.is_none() {
            self.ending = Some(failure);
            self.deadline = now + DOUBT;
        }
        Step::Wait
    }

    /// The clock may have reached [`Self::deadline`].
    pub fn timeout(&mut self, now: Instant, burst: &mut Burst) -> Step {
        burst.clear();
        if now < self.deadline {
            return Step::Wait;
        }
        if self.ending.is_some() && self.heard && !self.asked_again {
            self.asked_again = true;
            self.resent += 1;
            self.deadline = now + DOUBT;
            self.fill(burst);
            return Step::Wait;
        }
        if let Some(failure) = self.ending.take() {
            if matches!(failure, Failure::Confused(_)) {
                burst.tell(ErrorCode::IllegalOperation, "not a TFTP acknowledgement");
            }
            return Step::Failed(failure);
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

    /// Whether it was told to end, which may not be true.
    #[must_use]
    pub const fn doubts(&self) -> bool {
        self.ending.is_some()
    }

    /// What it was told to end for.
    #[must_use]
    pub const fn told_to_end(&self) -> Option<&Failure> {
        self.ending.as_ref()
    }

    /// The client has asked for something else from the same port: a block of this file would be taken for one of that.
    pub const fn ask_no_more(&mut self) {
        self.asked_again = true;
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
            if self.window > 1 && !self.window_repeated && self.ending.is_none() {
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
        self.ending = None;
        self.asked_again = false;
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
}

/// The number of a block on the wire: 65535 is followed by 0.
const fn wire_number(block: u64) -> u16 {
    (block & 0xffff) as u16
}

#[cfg(test)]
mod tests;
