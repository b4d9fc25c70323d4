//! One thread, all transfers. `place`: one request; `room`: who gets a place, and whose ends for it; `end`: how one ends, for its log line; `address`: of clients.

mod address;
mod end;
mod place;
mod room;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::origin::Origin;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use wire::file_name::FileName;
use wire::tftp::{Burst, Caps, Data, ErrorCode, Failure, Mode, Packet, Request, Step, Transfer};

use self::address::{WithScope, as_family_of};
use self::end::End;
use self::place::{Pair, Place, Sending, State};
use self::room::{Admitted, Room};
use super::config::Config;
use super::listener::{Incoming, Listener};
use super::pieces::Pieces;
use super::socket::TransferSocket;
use super::stop::Stop;
use super::strangers::Strangers;
use crate::files::{Content, Entry, FetchError, Fetcher, FileRequest, Transport};
use crate::once_a_minute::OnceAMinute;

/// Room for a datagram of a client in a transfer: acknowledgements have 4 bytes, errors a sentence.
const ROOM: usize = 1024;

/// Events taken in one turn.
const EVENTS: usize = 128;

/// Timers are looked at together, this late at most: nothing in TFTP is finer.
const TICK: Duration = Duration::from_millis(10);

/// A client that answers within this time is near: twice the time to wake a sleeping processor.
const NEAR: Duration = Duration::from_micros(60);

const WAKE: u64 = u64::MAX;
/// Tokens from here up to [`WAKE`] are listeners, below are places of transfers.
const LISTENERS: u64 = u64::MAX / 2;

/// What was brought for a place, if it still waits.
struct Brought {
    index: usize,
    id: u64,
    what: What,
}

enum What {
    File(Result<Content, FetchError>),
    /// Bytes of the file from an offset on.
    Piece(u64, io::Result<Bytes>),
}

pub(super) struct EventLoop {
    config: Config,
    fetcher: Arc<Fetcher>,
    listeners: Vec<Listener>,
    stop: Arc<Stop>,
    runtime: tokio::runtime::Handle,
    epoll: Epoll,
    places: Vec<Option<Place>>,
    free: Vec<usize>,
    pairs: HashMap<Pair, usize>,
    per_address: HashMap<Origin, usize>,
    /// When to look at a place. A transfer has one entry; it is moved on when it comes up too early, so that a block
    /// costs no timer.
    timers: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    next_id: u64,
    strangers: Strangers,
    /// When one of them last ended a transfer that ran.
    stranger_took: Option<Instant>,
    brought: (mpsc::Sender<Brought>, mpsc::Receiver<Brought>),
    burst: Burst,
    /// Waits to come that shall sleep at once.
    sleep_only: u32,
    /// `sleep_only` after the last look in vain, halved by every look that paid.
    penalty: u32,
    /// Segmentation offload was not refused yet.
    offload: bool,
    told: OnceAMinute,
}

impl EventLoop {
    pub fn new(
        config: Config,
        fetcher: Arc<Fetcher>,
        listeners: Vec<Listener>,
        stop: Arc<Stop>,
        runtime: tokio::runtime::Handle,
    ) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&stop.wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        for (token, listener) in (LISTENERS..).zip(&listeners) {
            epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN, token))?;
        }
        let strangers = Strangers::new(config.stranger_bytes, Instant::now());
        Ok(Self {
            config,
            fetcher,
            listeners,
            stop,
            runtime,
            strangers,
            stranger_took: None,
            epoll,
            places: Vec::new(),
            free: Vec::new(),
            pairs: HashMap::new(),
            per_address: HashMap::new(),
            timers: BinaryHeap::new(),
            next_id: 0,
            brought: mpsc::channel(),
            burst: Burst::new(),
            sleep_only: 0,
            penalty: 0,
            offload: true,
            told: OnceAMinute::default(),
        })
    }

    /// Serves until told to stop.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let mut drained_by = None;
        loop {
            let (count, now) = self.wait(&mut events, drained_by)?;
            for event in events.iter().take(count) {
                match event.data() {
                    WAKE => self.woken(now),
                    token if token >= LISTENERS => {
                        self.requests(usize::try_from(token - LISTENERS).unwrap_or(usize::MAX), now);
                    }
                    index => self.readable(usize::try_from(index).unwrap_or(usize::MAX), now),
                }
            }
            self.expire(now);
            match self.stop.state() {
                Stop::RUN => {}
                Stop::DRAIN => {
                    let until = *drained_by.get_or_insert_with(|| now + self.config.drain);
                    // clients that ask now meet a closed port and turn to another server at once
                    self.listeners.clear();
                    if self.pairs.is_empty() || now >= until {
                        break;
                    }
                }
                _ => break,
            }
        }
        for index in 0..self.places.len() {
            self.end(index, End::Stopped);
        }
        tracing::debug!(target: "tftp", "stopped");
        Ok(())
    }

    /// Waits for events or the next timer: how many events there are, and the time.
    ///
    /// To fall asleep and be woken takes longer than a block takes to a client that is near. So this looks for answers
    /// a little before it sleeps. Looking in vain makes it sleep at once for the next waits, up to 1024 of them: a
    /// client that is far, or one that needs this very processor, costs next to nothing.
    fn wait(&mut self, events: &mut [EpollEvent], drained_by: Option<Instant>) -> io::Result<(usize, Instant)> {
        let since = Instant::now();
        let timer = self.timers.peek().map(|Reverse((at, ..))| *at);
        let sleep = match [timer, drained_by].into_iter().flatten().min() {
            Some(next) => {
                EpollTimeout::try_from(next.saturating_duration_since(since) + TICK).unwrap_or(EpollTimeout::MAX)
            }
            None => EpollTimeout::NONE,
        };
        let look_until = since + self.look_for();
        let mut looking = look_until > since;
        loop {
            let count = match self.epoll.wait(events, if looking { EpollTimeout::ZERO } else { sleep }) {
                Ok(count) => count,
                Err(Errno::EINTR) => 0,
                Err(e) => return Err(e.into()),
            };
            let now = Instant::now();
            if count > 0 && looking {
                self.penalty /= 2;
            }
            if count > 0 || !looking {
                return Ok((count, now));
            }
            if now >= look_until {
                looking = false;
                self.penalty = (self.penalty * 2).clamp(16, 1024);
                self.sleep_only = self.penalty;
            }
        }
    }

    /// How long to look before the next sleep.
    fn look_for(&mut self) -> Duration {
        if self.pairs.is_empty() {
            return Duration::ZERO;
        }
        match self.sleep_only.checked_sub(1) {
            Some(left) => {
                self.sleep_only = left;
                Duration::ZERO
            }
            None => NEAR,
        }
    }

    fn woken(&mut self, now: Instant) {
        if let Err(error) = self.stop.wake.read() {
            tracing::trace!(target: "tftp", %error, "woken for nothing");
        }
        while let Ok(Brought { index, id, what }) = self.brought.1.try_recv() {
            if self.place(index).is_none_or(|place| place.id != id) {
                continue;
            }
            match what {
                What::File(Ok(content)) => self.send(index, content, now),
                What::File(Err(error)) => self.not_fetched(index, &error, now),
                What::Piece(from, piece) => self.piece(index, from, piece, now),
            }
        }
    }

    fn requests(&mut self, listener: usize, now: Instant) {
        let Some(socket) = self.listeners.get_mut(listener) else { return };
        match socket.receive() {
            Ok(datagrams) => {
                for datagram in datagrams {
                    self.request(listener, datagram, now);
                }
            }
            Err(error) => {
                let here = socket.local_addr().ip();
                if let Some(more) = self.told.count("cannot receive", here, now) {
                    tracing::warn!(target: "tftp", %error, "cannot receive{more}");
                }
            }
        }
    }

    fn request(&mut self, listener: usize, incoming: Incoming, now: Instant) {
        let Incoming { peer, asked, bytes } = incoming;
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port()).with_scope_of(peer);
        let pair = (peer, asked.to_canonical());
        let mut refuse = |code, text: &str, why: &str| {
            tracing::info!(target: "tftp", %peer, code = ErrorCode::code(code), why, "refused");
            self.refuse(listener, pair, code, text, now);
        };
        let request = match Packet::decode(&bytes) {
            Ok(Packet::Read(request)) => request,
            Ok(Packet::Write(_)) => {
                return refuse(ErrorCode::AccessViolation, "Access violation", "writing is not allowed");
            }
            // an error is never answered with an error, whole or not
            _ if bytes.starts_with(&[0, 5]) => return,
            Ok(_) => {
                return refuse(ErrorCode::IllegalOperation, "Illegal TFTP operation", "not a request");
            }
            Err(bad) => {
                return refuse(ErrorCode::IllegalOperation, "Illegal TFTP operation", &bad.to_string());
            }
        };
        let name = match FileName::from_bytes(request.file) {
            Ok(name) => name,
            Err(bad) => {
                if let Some(more) = self.told.count("no file has such a name", peer.ip(), now) {
                    let file = request.file.escape_ascii();
                    tracing::warn!(target: "tftp", %peer, %file, %bad, "no file has such a name{more}");
                }
                return self.refuse(listener, pair, ErrorCode::AccessViolation, "Access violation", now);
            }
        };
        if let Some(&index) = self.pairs.get(&pair) {
            // The acknowledgement may have come, and not be read yet.
            self.readable(index, now);
        }
        if let Some(&index) = self.pairs.get(&pair) {
            if let Some(Some(Place { state: State::Sending(sending), .. })) = self.places.get_mut(index)
                && sending.transfer.doubts()
            {
                sending.next = Some((listener, Incoming { peer, asked, bytes: bytes.clone() }));
                sending.transfer.ask_no_more();
                return;
            }
            if self.place(index).is_some_and(|place| place.waits_for(now) < self.config.anew_after) {
                return; // the client did not wait for the first answer, or it is another one that forges this
            }
            self.end(index, End::Superseded);
        }
        // At once if it is at hand, else on another thread.
        let request = FileRequest { name: &name, peer, over: Transport::Tftp };
        let ready = self.fetcher.source().ready(&request);
        let entry = if ready.is_none() { self.fetcher.enter(&request) } else { None };
        if (ready.is_none() && entry.is_none()) || !self.admit(peer, now) {
            return; // too much at a time: the client asks again
        }
        let asked = name.clone();
        let index =
            self.occupy(Place { id: 0, pair, listener, name, since: now, state: State::Fetching, request: bytes });
        match (ready, entry) {
            (Some(content), _) => self.send(index, content, now),
            (None, Some(entry)) => self.fetch(index, entry, asked),
            (None, None) => {}
        }
    }

    /// Room for one more of this client? Else the request is dropped: the client asks again when there is room.
    fn admit(&mut self, peer: SocketAddr, now: Instant) -> bool {
        let room = Room {
            places: &self.places,
            per_address: &self.per_address,
            taken: self.pairs.len(),
            most: self.config.max_transfers,
            most_of_address: self.config.max_per_address,
            strangers: &mut self.strangers,
            stranger_took: self.stranger_took,
            now,
        };
        match room.admit(peer) {
            Admitted::Free => {}
            Admitted::For(index) => self.end(index, End::MadeRoom),
            Admitted::ForOther { index, address, transfers, stranger } => {
                self.end(index, End::HadMost);
                if stranger {
                    self.stranger_took = Some(now);
                }
                if let Some(more) = self.told.count("an address has most places", address, now) {
                    tracing::warn!(
                        target: "tftp", %address, transfers,
                        "all places are taken, and this address has most: its slowest transfers end for others{more}"
                    );
                }
            }
            Admitted::No { of_address } => {
                if let Some(more) = self.told.count("too many transfers at a time", peer.ip(), now) {
                    tracing::warn!(
                        target: "tftp", %peer, transfers = self.pairs.len(), of_address,
                        "too many transfers at a time, requests are dropped until some end{more}"
                    );
                }
                return false;
            }
        }
        true
    }

    fn occupy(&mut self, mut place: Place) -> usize {
        self.next_id += 1;
        place.id = self.next_id;
        *self.per_address.entry(Origin::of(place.pair.0.ip())).or_default() += 1;
        let index = self.free.pop().unwrap_or(self.places.len());
        self.pairs.insert(place.pair, index);
        match self.places.get_mut(index) {
            Some(empty) => *empty = Some(place),
            None => self.places.push(Some(place)),
        }
        index
    }

    fn place(&self, index: usize) -> Option<&Place> {
        self.places.get(index)?.as_ref()
    }

    /// Has the file fetched for a place.
    fn fetch(&mut self, index: usize, entry: Entry, name: FileName) {
        let Some((peer, answer)) = self.answer(index) else { return };
        let fetcher = Arc::clone(&self.fetcher);
        self.runtime.spawn(async move {
            let result = fetcher.fetch(entry, name, peer, Transport::Tftp).await;
            answer.give(What::File(result));
        });
    }

    /// Who asks in a place, and the way back to it.
    fn answer(&self, index: usize) -> Option<(SocketAddr, Answer)> {
        let place = self.place(index)?;
        let (brought, stop) = (self.brought.0.clone(), Arc::clone(&self.stop));
        Some((place.pair.0, Answer { index, id: place.id, brought, stop, given: false }))
    }

    /// Has the piece read that a transfer waits for.
    fn bring(&mut self, index: usize) {
        let Some(Some(Place { state: State::Sending(sending), .. })) = self.places.get_mut(index) else { return };
        let Some(needed) = sending.transfer.needs().filter(|_| !sending.reading) else { return };
        sending.reading = true;
        let data = sending.transfer.data();
        let wanted = data.to_read(&needed, sending.transfer.heard());
        let (fetcher, content) = (Arc::clone(&self.fetcher), data.content().clone());
        let Some((_, answer)) = self.answer(index) else { return };
        self.runtime.spawn(async move {
            let length = usize::try_from(wanted.end.saturating_sub(wanted.start)).unwrap_or(usize::MAX);
            let piece = fetcher.piece(content, wanted.start, length).await;
            answer.give(What::Piece(wanted.start, piece));
        });
    }

    /// A piece was read, or not.
    fn piece(&mut self, index: usize, from: u64, piece: io::Result<Bytes>, now: Instant) {
        let Some(Some(place)) = self.places.get_mut(index) else { return };
        let State::Sending(sending) = &mut place.state else { return };
        sending.reading = false;
        match piece {
            Ok(bytes) => {
                sending.transfer.data_mut().put(from, bytes);
                sending.transfer.go_on(&mut self.burst);
                self.act(index, Step::Wait, now);
            }
            // There is room again when others are done; the time-out asks for the piece again.
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {}
            Err(error) => {
                self.burst.tell(ErrorCode::NotDefined, "Server error");
                let peer = place.pair.0.ip();
                if (sending.transfer.heard() || self.strangers.may_send(peer, self.burst.bytes().len(), now))
                    && let Err(unsent) = sending.socket.send(&self.burst)
                {
                    tracing::debug!(target: "tftp", %unsent, "the client is not told");
                }
                self.end(index, End::Unreadable(error));
            }
        }
    }

    fn not_fetched(&mut self, index: usize, error: &FetchError, now: Instant) {
        let Some(place) = self.remove(index) else { return };
        let (code, text) = match error {
            FetchError::NotFound => (ErrorCode::FileNotFound, "File not found"),
            FetchError::Denied(_) => (ErrorCode::AccessViolation, "Access violation"),
            FetchError::Busy => return, // the client asks again
            FetchError::Failed(_) => (ErrorCode::NotDefined, "Server error"),
        };
        let peer = place.pair.0;
        if matches!(error, FetchError::Failed(_))
            && let Some(more) = self.told.count("refused by our fault", peer.ip(), now)
        {
            tracing::error!(target: "tftp", %peer, file = %place.name, %error, "refused{more}");
        } else {
            tracing::info!(target: "tftp", %peer, file = %place.name, %error, "refused");
        }
        self.refuse(place.listener, place.pair, code, text, now);
    }

    /// Answers a request that starts no transfer. What a stranger may not get any more is left out.
    fn refuse(&mut self, listener: usize, (peer, asked): Pair, code: ErrorCode, text: &str, now: Instant) {
        let error = Packet::Error { code, text: text.into() }.to_bytes();
        if let Some(socket) = self.listeners.get(listener)
            && self.strangers.may_send(peer.ip(), error.len(), now)
        {
            socket.refuse(as_family_of(peer, socket.local_addr()), asked, &error);
        }
    }

    /// Starts the transfer of a place.
    fn send(&mut self, index: usize, content: Content, now: Instant) {
        match self.begin(index, content, now) {
            Ok(()) => self.bring(index),
            Err(error) => self.end(index, End::Network(error)),
        }
    }

    fn begin(&mut self, index: usize, content: Content, now: Instant) -> io::Result<()> {
        let Some(place) = self.places.get_mut(index).and_then(Option::as_mut) else { return Ok(()) };
        let Ok(Packet::Read(Request { mode, options, .. })) = Packet::decode(&place.request) else {
            return Ok(());
        };
        let (peer, asked) = place.pair;
        let mut socket = TransferSocket::open(asked, peer)?;
        let data = Pieces::new(content);
        if mode == Mode::Netascii && data.whole().is_none() {
            self.burst.tell(ErrorCode::NotDefined, "too large for netascii, ask in mode octet");
            if self.strangers.may_send(peer.ip(), self.burst.bytes().len(), now) {
                socket.send(&self.burst)?;
            }
            return Err(io::Error::other("netascii is for files up to 1 MiB"));
        }
        let mut caps = self.config.caps;
        if let Some(block_size) = options.block_size {
            caps = Caps { block_size: caps.block_size.min(socket.unfragmented(block_size)), ..caps };
        }
        let mut transfer = Transfer::new(data, mode, &options, &caps, self.config.pace, now);
        if transfer.window() > 1 && self.offload {
            self.offload = socket.segment(&transfer);
        }
        transfer.start(&mut self.burst);
        // What may not go out counts as lost on the way: when another transfer of the address is acknowledged, it is sent again.
        if self.strangers.may_send(peer.ip(), self.burst.bytes().len(), now) {
            socket.send(&self.burst)?;
        }
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        let timer = transfer.deadline();
        self.timers.push(Reverse((timer, place.id, index)));
        place.state = State::Sending(Box::new(Sending { socket, transfer, reading: false, timer, next: None }));
        Ok(())
    }

    /// A datagram of a client, or the news that its port is closed.
    fn readable(&mut self, index: usize, now: Instant) {
        let Some(Some(place)) = self.places.get_mut(index) else {
            return; // ended in this turn
        };
        let State::Sending(sending) = &mut place.state else { return };
        let mut room = [0; ROOM];
        let heard = sending.transfer.heard();
        let step = match sending.socket.receive(&mut room) {
            Ok(Some(datagram)) => sending.transfer.datagram(now, datagram, &mut self.burst),
            Ok(None) => return,
            Err(error) => return self.network(index, error),
        };
        let (heard_now, peer) = (sending.transfer.heard() && !heard, place.pair.0);
        let deadline = sending.transfer.deadline();
        if !sending.transfer.doubts() {
            sending.next = None;
        } else if deadline < sending.timer {
            sending.timer = deadline;
            self.timers.push(Reverse((deadline, place.id, index)));
        }
        if heard_now {
            self.strangers.acknowledged(peer.ip(), now);
        }
        self.act(index, step, now);
    }

    /// Sends the burst and goes on or ends.
    fn act(&mut self, index: usize, step: Step, now: Instant) {
        if let Some(Some(Place { pair, state: State::Sending(sending), .. })) = self.places.get_mut(index)
            && !self.burst.bytes().is_empty()
            && (sending.transfer.heard() || self.strangers.may_send(pair.0.ip(), self.burst.bytes().len(), now))
            && let Err(error) = sending.socket.send(&self.burst)
        {
            return self.network(index, error);
        }
        match step {
            Step::Wait => self.bring(index),
            Step::Done => self.end(index, End::Done),
            Step::Failed(failure) => {
                let place = self.places.get_mut(index).and_then(Option::as_mut);
                let next = match place.map(|place| &mut place.state) {
                    Some(State::Sending(sending)) => sending.next.take(),
                    _ => None,
                };
                self.end(index, End::Failed(failure));
                if let Some((listener, incoming)) = next {
                    self.request(listener, incoming, now);
                }
            }
        }
    }

    /// Nothing can be sent to the client. One that said that it ends, and has closed its port then, meant it.
    fn network(&mut self, index: usize, error: io::Error) {
        let place = self.place(index);
        let all_sent = place.is_some_and(Place::all_sent);
        let closed = error.kind() == io::ErrorKind::ConnectionRefused;
        if closed && let Some(told) = place.and_then(Place::told_to_end) {
            self.end(index, End::Failed(told.clone()));
        } else if all_sent && closed {
            self.end(index, End::Unacknowledged);
        } else {
            self.end(index, End::Network(error));
        }
    }

    /// Looks at every place whose time has come.
    fn expire(&mut self, now: Instant) {
        while let Some(&Reverse((at, id, index))) = self.timers.peek() {
            if at > now {
                break;
            }
            self.timers.pop();
            let Some(Some(place)) = self.places.get_mut(index) else { continue };
            let State::Sending(sending) = &mut place.state else { continue };
            if place.id != id || sending.timer != at {
                continue;
            }
            let step = sending.transfer.timeout(now, &mut self.burst);
            sending.timer = sending.transfer.deadline().max(now);
            self.timers.push(Reverse((sending.timer, id, index)));
            self.act(index, step, now);
        }
    }

    fn remove(&mut self, index: usize) -> Option<Place> {
        let place = self.places.get_mut(index)?.take()?;
        self.free.push(index);
        self.pairs.remove(&place.pair);
        let from = Origin::of(place.pair.0.ip());
        if let Some(count) = self.per_address.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&from);
            }
        }
        Some(place)
    }

    /// Frees a place, closes its socket and writes the log line.
    fn end(&mut self, index: usize, how: End) {
        let Some(place) = self.remove(index) else { return };
        let State::Sending(sending) = &place.state else {
            tracing::info!(target: "tftp", peer = %place.pair.0, file = %place.name, why = %how, "not answered");
            return;
        };
        let transfer = &sending.transfer;
        if matches!(how, End::Done) {
            let request = FileRequest { name: &place.name, peer: place.pair.0, over: Transport::Tftp };
            self.fetcher.source().sent(&request, transfer.data().content());
        }
        macro_rules! line {
            ($level:ident, $message:literal $(, $why:ident)?) => {
                tracing::$level!(
                    target: "tftp", peer = %place.pair.0, file = %place.name, bytes = transfer.size(),
                    blksize = transfer.block_size(), windowsize = transfer.window(), resent = transfer.resent(),
                    ms = place.since.elapsed().as_millis() as u64, $(why = %$why,)? $message
                )
            };
        }
        match how {
            End::Done => line!(info, "sent"),
            End::Unacknowledged => line!(info, "sent", how),
            // clients that only want the size, or have a list already, end a transfer like this; what was never acknowledged may
            // be forged, by the thousand
            End::Superseded | End::MadeRoom | End::HadMost | End::Failed(Failure::Refused { .. }) => {
                line!(info, "ended", how)
            }
            End::Failed(_) | End::Network(_) if !transfer.heard() => line!(info, "failed", how),
            End::Unreadable(_) | End::Failed(_) | End::Network(_) | End::Stopped => {
                let ours = matches!(how, End::Unreadable(_));
                let kind = if ours { "the file cannot be read" } else { "a transfer failed" };
                match self.told.count(kind, place.pair.0.ip(), Instant::now()) {
                    Some(more) if ours => line!(error, "failed{more}", how),
                    Some(more) => line!(warn, "failed{more}", how),
                    None => line!(info, "failed", how),
                }
            }
        }
    }
}

/// The way back to a place from another thread, which brings an answer also when there is none.
struct Answer {
    index: usize,
    id: u64,
    brought: mpsc::Sender<Brought>,
    stop: Arc<Stop>,
    given: bool,
}

impl Answer {
    fn give(mut self, what: What) {
        self.send(what);
    }

    fn send(&mut self, what: What) {
        self.given = true;
        if self.brought.send(Brought { index: self.index, id: self.id, what }).is_ok() {
            self.stop.wake();
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.given {
            self.send(What::File(Err(FetchError::Failed("making the file ended without a result".into()))));
        }
    }
}
