//! Who gets a place, and who is closed for it. Pure: time is a parameter.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use cluster::origin::Origin;

/// How many there are, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Places in all.
    pub most: usize,
    /// Of one address.
    pub per_address: usize,
    /// How long a connection must have been silent before it is closed for another one when all places are taken. When only the share
    /// of an address is, five times as long: a branch behind one address whose phones compute for seconds must not close its own.
    pub silence: Duration,
}

/// How much longer for the share of an address.
const SHARE: u32 = 5;

/// So many connections of one address are a crowd: one of them is closed for an address with less than half as many although it was not
/// silent yet. A few phones at one address are none. Where an address may have fewer, all that it may have are a crowd, if
/// these are [`SMALL_CROWD`].
const CROWD: usize = 8;

/// Fewer are none anywhere: as many as the CTL provider gives to an address.
const SMALL_CROWD: usize = 4;

/// What came of asking for a place.
#[derive(Debug, PartialEq, Eq)]
pub enum Entered {
    /// One was free.
    Free(u64),
    /// One was taken from the second, which is closed.
    For(u64, u64),
    /// All are taken, and nobody is silent.
    Full,
    /// The share of the address is taken, and nobody of it is silent.
    ShareTaken,
}

/// What the peer in a place does.
#[derive(Debug, Clone, Copy)]
enum State {
    /// It has not said anything whole yet; since when it could.
    New(Instant),
    /// It waits for us.
    Busy,
    /// It waits because others made us slow for it; since when. Only a crowd loses its places so.
    Held(Instant),
    /// We wait for it; since its last sign of life.
    Waiting(Instant),
}

#[derive(Debug)]
struct Seat {
    from: Origin,
    state: State,
    /// When it had its last answer; before the first, when it came.
    answered: Instant,
}

impl Seat {
    const fn silent_since(&self) -> Option<Instant> {
        match self.state {
            State::New(since) | State::Waiting(since) => Some(since),
            State::Busy | State::Held(_) => None,
        }
    }
}

/// The places of one server.
#[derive(Debug)]
pub struct Table {
    limits: Limits,
    seats: HashMap<u64, Seat>,
    per_address: HashMap<Origin, usize>,
    next: u64,
}

impl Table {
    /// All free.
    pub fn new(limits: Limits) -> Self {
        Self { limits, seats: HashMap::new(), per_address: HashMap::new(), next: 0 }
    }

    /// A place for a new connection. When all are taken, the oldest silent one of the address that has most is closed for it; without
    /// one that is silent, one of a crowd; without one, one of an address that has more than its part.
    pub fn enter(&mut self, address: IpAddr, now: Instant) -> Entered {
        let from = Origin::of(address);
        let closed = if self.of(from) >= self.limits.per_address {
            match self.oldest_silent(Some(from), self.limits.silence.saturating_mul(SHARE), now) {
                None => return Entered::ShareTaken,
                found => found,
            }
        } else if self.seats.len() >= self.limits.most {
            let silent = self.oldest_silent(None, self.limits.silence, now);
            match silent.or_else(|| self.newcomer_of_a_crowd(from)).or_else(|| self.least_served_of_many(from)) {
                None => return Entered::Full,
                found => found,
            }
        } else {
            None
        };
        if let Some(closed) = closed {
            self.leave(closed);
        }
        let id = self.next;
        self.next += 1;
        self.seats.insert(id, Seat { from, state: State::New(now), answered: now });
        *self.per_address.entry(from).or_insert(0) += 1;
        closed.map_or(Entered::Free(id), |closed| Entered::For(id, closed))
    }

    /// It said something whole, and it is our turn. Whether it still has its place.
    pub fn busy(&mut self, id: u64) -> bool {
        self.seats.get_mut(&id).map(|seat| seat.state = State::Busy).is_some()
    }

    /// It said something whole, and has to wait for a while before it is our turn. Whether it still has its place.
    pub fn held(&mut self, id: u64, now: Instant) -> bool {
        self.seats.get_mut(&id).map(|seat| seat.state = State::Held(now)).is_some()
    }

    /// It has its answer, and it is its turn.
    pub fn waits(&mut self, id: u64, now: Instant) {
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.state = State::Waiting(now);
            seat.answered = now;
        }
    }

    /// It took or sent a byte. Before its first whole message that is no sign of life.
    pub fn heard(&mut self, id: u64, now: Instant) {
        if let Some(seat) = self.seats.get_mut(&id)
            && let State::Waiting(since) = &mut seat.state
        {
            *since = now;
        }
    }

    /// How long it has been silent; zero while it waits for us.
    pub fn silent(&self, id: u64, now: Instant) -> Duration {
        let since = self.seats.get(&id).and_then(Seat::silent_since);
        since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// The place is free again. One that was taken away is so already.
    pub fn leave(&mut self, id: u64) {
        let Some(seat) = self.seats.remove(&id) else { return };
        if let Some(count) = self.per_address.get_mut(&seat.from) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&seat.from);
            }
        }
    }

    fn of(&self, from: Origin) -> usize {
        self.per_address.get(&from).copied().unwrap_or(0)
    }

    /// The oldest connection without a whole message, or that is held, of the address that has most, silent or not, when that is a crowd
    /// beside which `from` is nobody: who opens connections faster than they can be silent must not have all places for that.
    fn newcomer_of_a_crowd(&self, from: Origin) -> Option<u64> {
        let crowd = CROWD.min(self.limits.per_address.max(SMALL_CROWD));
        let beside = 2 * (self.of(from) + 1);
        let new = self.seats.iter().filter_map(|(id, seat)| {
            let (since, crowd) = match seat.state {
                State::New(since) => (since, crowd),
                // A few that guess are enough, so that those who stay below a crowd cannot wait in all places together.
                State::Held(since) => (since, self.many()),
                State::Busy | State::Waiting(_) => return None,
            };
            let count = self.of(seat.from);
            (count >= crowd.max(beside)).then_some((Reverse(count), since, *id))
        });
        new.min().map(|(.., id)| id)
    }

    /// So many of one address are a crowd although each has said something: where an address may have few, more than half of them.
    fn many(&self) -> usize {
        CROWD.min(self.limits.per_address / 2 + 1)
    }

    /// Of the address that has most, when that are many and `from` is nobody beside it, the connection that had its last answer longest ago: a byte or a small request each second is a sign of life, and must not keep
    /// everybody else out for that.
    fn least_served_of_many(&self, from: Origin) -> Option<u64> {
        let least = self.many().max(2 * (self.of(from) + 1));
        let waiting = self.seats.iter().filter(|(_, seat)| matches!(seat.state, State::Waiting(_)));
        let first = waiting.map(|(id, seat)| (Reverse(self.of(seat.from)), seat.answered, *id)).min();
        first.filter(|(Reverse(count), ..)| *count >= least).map(|(.., id)| id)
    }

    fn oldest_silent(&self, of: Option<Origin>, at_least: Duration, now: Instant) -> Option<u64> {
        let seats = self.seats.iter().filter(|(_, seat)| of.is_none_or(|from| from == seat.from));
        let silent = seats.filter_map(|(id, seat)| {
            let since = seat.silent_since()?;
            let long = now.saturating_duration_since(since) >= at_least;
            long.then(|| (Reverse(self.of(seat.from)), since, *id))
        });
        silent.min().map(|(.., id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn table(most: usize, per_address: usize) -> (Table, Instant) {
        #[allow(clippy::disallowed_methods)] // any instant will do
        let start = Instant::now();
        (Table::new(Limits { most, per_address, silence: SECOND }), start)
    }

    #[test]
    fn the_oldest_silent_one_of_the_address_that_has_most_is_closed() {
        let (mut table, start) = table(5, 4);
        // a phone that is silent for longest, alone at its address
        assert_eq!(table.enter(address(9), start), Entered::Free(0));
        for (id, after) in [(1, 3), (2, 1), (3, 2)] {
            assert_eq!(table.enter(address(1), start + after * SECOND / 10), Entered::Free(id));
        }
        assert_eq!(table.enter(address(2), start), Entered::Free(4));
        let now = start + 2 * SECOND;
        assert_eq!(table.enter(address(3), now), Entered::For(5, 2));
        assert_eq!(table.enter(address(4), now), Entered::For(6, 3));
        // now each has one: the oldest of all
        table.leave(1);
        assert_eq!(table.enter(address(5), now), Entered::Free(7));
        assert_eq!(table.enter(address(6), now), Entered::For(8, 0));
    }

    #[test]
    fn nobody_is_closed_who_waits_for_us_or_was_heard_just_now() {
        let (mut table, start) = table(2, 8);
        table.enter(address(1), start);
        table.enter(address(1), start);
        assert!(table.busy(0));
        table.busy(1);
        table.waits(1, start);
        let now = start + 2 * SECOND;
        table.heard(1, now);
        assert_eq!((table.silent(0, now), table.silent(1, now)), (Duration::ZERO, Duration::ZERO));
        assert_eq!(table.enter(address(2), now), Entered::Full);
        assert_eq!(table.silent(1, now + SECOND), SECOND);
        assert_eq!(table.enter(address(2), now + SECOND), Entered::For(2, 1));
        assert!(!table.busy(1), "who was closed has no place to be busy in");
        table.leave(1);
        assert!(table.busy(0), "and does not give back that of somebody else");
    }

    #[test]
    fn a_crowd_that_is_too_quick_to_be_silent_makes_room_for_somebody_else() {
        let (mut table, start) = table(40, 30);
        for number in 0..40_u32 {
            table.enter(address(if number < 25 { 1 } else { 2 }), start + number * SECOND / 1000);
        }
        let now = start + SECOND / 20;
        assert_eq!(table.enter(address(3), now), Entered::For(40, 0), "the oldest of the larger crowd");
        assert_eq!(table.enter(address(1), now), Entered::Full, "a crowd closes nobody");
        assert_eq!(table.enter(address(2), now), Entered::Full);
        assert!((1..25).all(|id| table.busy(id)));
        assert_eq!(table.enter(address(4), now), Entered::For(41, 25), "who said something whole is not closed");
        // a few phones at one address are no crowd
        let (mut table, start) = super::tests::table(7, 20);
        assert!((0..7).all(|_| matches!(table.enter(address(1), start), Entered::Free(_))));
        assert_eq!(table.enter(address(2), start), Entered::Full);
        // unless they are all that it may have: the CTL provider gives four of 16 to an address
        let (mut table, start) = super::tests::table(16, 4);
        for number in 0..16 {
            assert_eq!(table.enter(address(number % 4), start), Entered::Free(number.into()));
        }
        assert!(matches!(table.enter(address(9), start), Entered::For(16, _)));
    }

    #[test]
    fn a_crowd_that_is_held_makes_room_and_one_who_is_held_alone_does_not() {
        let (mut table, start) = table(9, 4);
        for id in 0..9 {
            let address = address(if id == 8 { 7 } else { u8::try_from(id % 2).unwrap() });
            assert_eq!(table.enter(address, start), Entered::Free(id));
            assert!(table.held(id, start));
        }
        let now = start + 60 * SECOND;
        for id in 9..11 {
            assert!(matches!(table.enter(address(9), now), Entered::For(new, closed) if new == id && closed < 8));
            assert!(table.busy(id));
        }
        // three of the four that an address may have are still a crowd, two are none
        for (id, last) in [(11, 8), (12, 6)] {
            assert!(matches!(table.enter(address(last), now), Entered::For(new, closed) if new == id && closed < 8));
            assert!(table.busy(id));
        }
        assert_eq!(table.enter(address(5), now), Entered::Full);
        assert!(table.busy(8), "the one who is alone has kept his place");
    }

    #[test]
    fn addresses_that_are_held_with_less_than_their_share_keep_nobody_out() {
        // the CTL provider: five addresses with three log-ins each that wait, and one more
        let (mut table, start) = table(16, 4);
        for id in 0..16 {
            assert_eq!(table.enter(address(u8::try_from(id / 3).unwrap()), start), Entered::Free(id));
            assert!(table.held(id, start));
        }
        assert!(matches!(table.enter(address(9), start), Entered::For(16, ..15)));
        // who has not said anything yet is younger than that
        let (mut table, start) = super::tests::table(16, 4);
        for id in 0..16 {
            assert_eq!(table.enter(address(u8::try_from(id / 3).unwrap()), start), Entered::Free(id));
        }
        assert_eq!(table.enter(address(9), start), Entered::Full);
    }

    #[test]
    fn signs_of_life_of_two_addresses_keep_nobody_else_out() {
        let (mut table, start) = table(16, 8);
        for id in 0..16 {
            assert_eq!(
                table.enter(address(if id < 8 { 1 } else { 2 }), start),
                Entered::Free(id),
                "all work while places are free"
            );
            assert!(table.busy(id));
        }
        let now = start + SECOND / 2;
        assert_eq!(table.enter(address(3), now), Entered::Full, "who waits for us is not closed");
        // each has had an answer, number 11 the first, number 5 one that it asked for again; from then on a byte at a time
        for id in 0..16 {
            table.waits(id, if id == 11 { start } else { start + SECOND / 10 });
        }
        assert!(table.busy(5));
        table.waits(5, now);
        let mut now = start;
        let mut enter = |table: &mut Table, last: u8| {
            now += SECOND / 2;
            (0..16).for_each(|id| table.heard(id, now));
            table.enter(address(last), now)
        };
        assert_eq!(enter(&mut table, 1), Entered::ShareTaken, "who has as many closes nobody");
        assert_eq!(enter(&mut table, 3), Entered::For(16, 11), "answered longest ago, of those that have most");
        assert!(table.busy(16));
        assert_eq!(enter(&mut table, 4), Entered::For(17, 0));
        assert!(table.busy(17));
        assert_eq!(enter(&mut table, 2), Entered::Full, "seven are not nobody beside seven");
        for (id, last) in [(18, 5), (19, 6), (20, 7)] {
            assert!(matches!(enter(&mut table, last), Entered::For(new, 1..16) if new == id));
            assert!(table.busy(id));
        }
        // a few at each of many addresses: then it is full
        let (mut table, start) = super::tests::table(16, 8);
        for id in 0..16 {
            table.enter(address(u8::try_from(id / 4).unwrap()), start);
            table.busy(id);
            table.waits(id, start);
        }
        assert_eq!(table.enter(address(9), start), Entered::Full);
    }

    #[test]
    fn a_crowd_that_has_just_had_its_answer_leaves_room() {
        let (mut table, start) = table(512, 256);
        for id in 0..512 {
            assert_eq!(table.enter(address(u8::try_from(id % 6).unwrap()), start), Entered::Free(id));
            assert!(table.busy(id));
            table.waits(id, start);
        }
        // it reads nothing of it, which nobody can tell before a second is over
        for last in 10..20 {
            assert!(matches!(table.enter(address(last), start), Entered::For(id, ..512) if table.busy(id)));
        }
    }

    #[test]
    fn bytes_before_the_first_message_are_no_sign_of_life() {
        let (mut table, start) = table(1, 1);
        table.enter(address(1), start);
        table.heard(0, start + SECOND);
        assert_eq!(table.enter(address(2), start + SECOND), Entered::For(1, 0));
    }

    #[test]
    fn the_share_of_an_address_is_its_own_and_waits_longer() {
        let (mut table, start) = table(9, 2);
        table.enter(address(1), start);
        table.enter(address(1), start + SECOND);
        assert_eq!(table.enter(address(1), start + 2 * SECOND), Entered::ShareTaken);
        assert_eq!(table.enter(address(2), start + 2 * SECOND), Entered::Free(2));
        assert_eq!(table.enter(address(1), start + 5 * SECOND), Entered::For(3, 0));
    }

    #[test]
    fn a_host_of_ipv6_has_one_share_whichever_addresses_it_takes() {
        let (mut table, start) = table(9, 2);
        let host = |network, last| IpAddr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, last]);
        assert_eq!(table.enter(host(0, 1), start), Entered::Free(0));
        assert_eq!(table.enter(host(0, 2), start), Entered::Free(1));
        assert_eq!(table.enter(host(0, 3), start), Entered::ShareTaken);
        assert_eq!(table.enter(host(1, 3), start), Entered::Free(2), "another network");
        assert_eq!(table.enter(host(0, 4), start + 5 * SECOND), Entered::For(3, 0));
        // and is no newcomer when all are taken
        let (mut table, start) = super::tests::table(16, 8);
        for last in 0..16 {
            assert_eq!(table.enter(host(last / 8, last), start), Entered::Free(last.into()));
        }
        assert_eq!(table.enter(host(1, 99), start), Entered::ShareTaken);
        assert_eq!(table.enter(host(2, 0), start), Entered::For(16, 0));
    }

    #[test]
    fn places_come_back_and_addresses_are_forgotten() {
        let (mut table, start) = table(9, 2);
        for id in 0..2 {
            assert_eq!(table.enter(address(1), start), Entered::Free(id));
        }
        assert_eq!(table.enter(address(1), start), Entered::ShareTaken, "the third is one too many");
        table.leave(0);
        table.leave(0);
        assert_eq!(table.enter(address(1), start), Entered::Free(2));
        table.leave(1);
        table.leave(2);
        assert!(table.seats.is_empty() && table.per_address.is_empty());
        let (mut none, start) = super::tests::table(0, 5);
        assert_eq!(none.enter(address(1), start), Entered::Full);
    }

    #[test]
    fn a_flood_leaves_a_place_for_each_newcomer() {
        let (mut table, start) = table(100, 60);
        let mut now = start;
        for number in 0..1000_u32 {
            now += SECOND / 50;
            table.enter(address(u8::try_from(number % 4).unwrap()), now);
        }
        for last in 100..150 {
            now += SECOND / 50;
            assert!(matches!(table.enter(address(last), now), Entered::For(..)), "phone {last}");
        }
        assert!(table.seats.len() <= 100);
        for last in 100..150 {
            assert_eq!(
                table.of(Origin::of(address(last))),
                1,
                "those who came for it closed each other, not the phones"
            );
        }
    }
}
