//! Wrong authentication strings: whose next one is looked at. Pure: the rows and the time are given.
//!
//! A string has as few as four digits, so it is guessed by counting. Ten wrong ones from one address cost that address ten minutes
//! [sources/capf#phone-block], and nobody else: a stranger must not shut a phone out. Fifty in a day from all addresses
//! together end the schedule's patience: then no string is taken until an administrator schedules the device anew.

use std::net::IpAddr;

use crate::rows::WrongStringsRow;

use crate::origin::Origin;

/// Wrong strings of one address within [`LOCK_TIME`] before it has to wait [sources/capf#phone-block].
pub const WRONG_STRINGS: u32 = 10;

/// How long it waits then, milliseconds.
pub const LOCK_TIME: i64 = 10 * 60 * 1000;

/// Wrong strings of a device within a day, from all addresses, before it takes none any more: with four digits and a schedule of ten
/// days one guess in twenty would hit.
pub const WRONG_IN_A_DAY: usize = 50;

/// Sessions wait for their turn with the time at which they came, so that one may be looked at after a later one: so much of a clock that
/// went back is none, milliseconds.
const WAITED: i64 = 60 * 1000;

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// *No string before* of a device that takes none until it is scheduled anew.
pub const UNTIL_SCHEDULED: i64 = i64::MAX;

/// Why no string is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// This address has to wait until then, milliseconds since 1970 UTC.
    Address(i64),
    /// All addresses, until the device is scheduled anew.
    Device,
}

/// A wrong string.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    from: Origin,
    at: i64,
    /// It has led to a lock of its address already.
    spent: bool,
}

/// The wrong strings of a device under one schedule.
#[derive(Debug, Clone)]
pub struct Guesses {
    pub scheduled_at: i64,
    /// Of the last day, the oldest first; [`WRONG_IN_A_DAY`] at most.
    wrong: Vec<Wrong>,
    locks: Vec<(Origin, i64)>,
}

/// What a wrong string leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Which one of its address it is, of [`WRONG_STRINGS`].
    pub count: u32,
    pub lock: Option<Lock>,
    /// It is to be put on record, so that a restart forgets nine at most.
    pub on_record: bool,
}

impl Guesses {
    /// What is on record for this schedule.
    pub fn new(scheduled_at: i64, rows: &[WrongStringsRow]) -> Self {
        let mut new = Self { scheduled_at, wrong: Vec::new(), locks: Vec::new() };
        for row in rows.iter().filter(|row| row.scheduled_at == scheduled_at) {
            let Ok(from) = row.address.parse::<Origin>() else { continue };
            let count = usize::try_from(row.wrong).unwrap_or_default().min(WRONG_IN_A_DAY);
            // A row has the time of the last one only: all count for the day, none for the next ten.
            new.wrong.extend(std::iter::repeat_n(Wrong { from, at: row.last_at, spent: true }, count));
            new.locks.push((from, row.locked_until));
        }
        new.wrong.truncate(WRONG_IN_A_DAY);
        new
    }

    /// Whether the next string of an address is looked at.
    pub fn lock(&self, from: IpAddr, now: i64) -> Option<Lock> {
        let from = Origin::of(from);
        let until = self.locks.iter().find(|(locked, _)| *locked == from).map(|(_, until)| *until);
        // A clock that went back makes no lock longer.
        until.filter(|until| *until > now && *until <= now.saturating_add(LOCK_TIME + WAITED)).map(Lock::Address)
    }

    /// A string was wrong.
    pub fn wrong(&mut self, from: IpAddr, now: i64) -> Counted {
        let from = Origin::of(from);
        self.forget(now);
        self.wrong.push(Wrong { from, at: now, spent: false });
        let counts = |wrong: &Wrong| wrong.from == from && !wrong.spent && wrong.at > now.saturating_sub(LOCK_TIME);
        let count = u32::try_from(self.wrong.iter().filter(|wrong| counts(wrong)).count()).unwrap_or(u32::MAX);
        let mut lock = None;
        if count >= WRONG_STRINGS {
            let until = now.saturating_add(LOCK_TIME);
            self.wrong.iter_mut().filter(|wrong| wrong.from == from).for_each(|wrong| wrong.spent = true);
            self.locks.push((from, until));
            lock = Some(Lock::Address(until));
        }
        if self.wrong.len() >= WRONG_IN_A_DAY {
            lock = Some(Lock::Device);
        }
        let tenth = self.wrong.len().is_multiple_of(WRONG_STRINGS as usize);
        Counted { count, lock, on_record: lock.is_some() || tenth }
    }

    /// A string was right: what this address had wrong is forgiven, and nothing of what others had.
    pub fn right(&mut self, from: IpAddr) {
        let from = Origin::of(from);
        self.wrong.retain(|wrong| wrong.from != from);
        self.locks.retain(|(locked, _)| *locked != from);
    }

    /// Drops what does not count any more. Whether something is left.
    pub fn forget(&mut self, now: i64) -> bool {
        self.wrong.retain(|wrong| (now.saturating_sub(DAY)..=now.saturating_add(WAITED)).contains(&wrong.at));
        self.locks.retain(|(_, until)| *until > now && *until <= now.saturating_add(LOCK_TIME + WAITED));
        !self.wrong.is_empty() || !self.locks.is_empty()
    }

    /// What is put on record: a row for each address.
    pub fn rows(&self, device: &str) -> Vec<WrongStringsRow> {
        let mut rows: Vec<WrongStringsRow> = Vec::new();
        for wrong in &self.wrong {
            let address = wrong.from.to_string();
            let locked = self.locks.iter().rev().find(|(from, _)| *from == wrong.from);
            match rows.iter_mut().find(|row| row.address == address) {
                Some(row) => (row.wrong, row.last_at) = (row.wrong + 1, row.last_at.max(wrong.at)),
                None => rows.push(WrongStringsRow {
                    device: device.to_owned(),
                    address,
                    scheduled_at: self.scheduled_at,
                    wrong: 1,
                    last_at: wrong.at,
                    locked_until: locked.map_or(0, |(_, until)| *until),
                }),
            }
        }
        rows
    }
}

/// From where, and how many: `10.0.0.9 (40), 10.0.0.8 (10)`.
pub fn from_where(rows: &[WrongStringsRow]) -> String {
    let mut rows: Vec<(i64, &str)> = rows.iter().map(|row| (row.wrong, row.address.as_str())).collect();
    rows.sort_by_key(|(wrong, _)| std::cmp::Reverse(*wrong));
    rows.iter().map(|(wrong, address)| format!("{address} ({wrong})")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn ten_in_ten_minutes_lock_their_address_and_no_other() {
        let mut guesses = Guesses::new(7, &[]);
        let (stranger, phone) = (address(9), address(1));
        // nine, then none for ten minutes: the tenth is the first again
        for second in 0..9 {
            assert_eq!(guesses.wrong(stranger, second * 1000).lock, None);
        }
        let later = LOCK_TIME + 8000;
        assert_eq!(guesses.wrong(stranger, later).count, 1);
        for number in 2..=9 {
            assert_eq!(guesses.wrong(stranger, later).count, number);
        }
        let tenth = guesses.wrong(stranger, later);
        assert_eq!(tenth, Counted { count: 10, lock: Some(Lock::Address(later + LOCK_TIME)), on_record: true });
        assert_eq!(guesses.lock(stranger, later + LOCK_TIME - 1), Some(Lock::Address(later + LOCK_TIME)));
        assert_eq!(guesses.lock(stranger, later + LOCK_TIME), None);
        assert_eq!(guesses.lock(phone, later), None);
        assert!(guesses.lock(stranger, later - 1).is_some(), "one that came before and was looked at after it");
        assert_eq!(guesses.lock(stranger, later - WAITED - 1), None, "a clock that went back");
        guesses.right(phone);
        assert!(guesses.lock(stranger, later).is_some(), "somebody else's success changes nothing");
    }

    #[test]
    fn a_host_of_ipv6_is_one_address_whichever_it_takes() {
        let host = |number: u128| IpAddr::V6((0x2001_0db8_u128 << 96 | number).into());
        let mut guesses = Guesses::new(7, &[]);
        for number in 1..=9 {
            assert_eq!(guesses.wrong(host(number), 0).lock, None);
        }
        assert_eq!(guesses.wrong(host(10), 0).lock, Some(Lock::Address(LOCK_TIME)));
        assert!(guesses.lock(host(11), 1).is_some());
        assert_eq!(guesses.lock(host(1 << 64), 1), None, "another network");
        // as after a restart
        let rows = guesses.rows("SEP001122334455");
        assert_eq!(from_where(&rows), "2001:db8::/64 (10)");
        assert!(Guesses::new(7, &rows).lock(host(12), 1).is_some());
    }

    #[test]
    fn fifty_in_a_day_lock_the_device_from_however_many_addresses() {
        let mut guesses = Guesses::new(7, &[]);
        for number in 0..49_u8 {
            assert_eq!(guesses.wrong(address(number), i64::from(number) * 1000).lock, None);
        }
        let rows = guesses.rows("SEP001122334455");
        assert_eq!(rows.len(), 49);
        // a day later the first of them counts no more
        let mut later = guesses.clone();
        assert_eq!(later.wrong(address(200), DAY + 1).lock, None);
        assert_eq!(guesses.wrong(address(200), 50_000).lock, Some(Lock::Device));
        // as after a restart
        let mut read = Guesses::new(7, &rows);
        assert_eq!(read.wrong(address(200), 50_000).lock, Some(Lock::Device));
        assert_eq!(Guesses::new(8, &rows).wrong(address(200), 50_000).lock, None, "another schedule");
        assert!(!read.forget(3 * DAY));
    }
}
