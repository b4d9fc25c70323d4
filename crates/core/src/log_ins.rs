//! Who is heard when he comes with a name and a password, from wherever: one counter for all that ask for one.
//!
//! Five wrong passwords lock the account for this address, and for no other: a stranger must not shut an administrator out. From
//! elsewhere the account only waits a little longer each time, and so does an address that was wrong for many names. What is decided is
//! pure ([`decide`], [`counted`]); the rows are shared by all processes of the cluster and survive a restart.
//!
//! A name that is no account is treated as one that is, in everything: who may tell them apart knows half of a log-in. So no row is
//! pushed out while it counts, and when there are very many all wait, which keeps them bounded.

use std::net::IpAddr;
use std::time::Duration;

use cluster::rows::FailedLogInRow;
use store::Transaction;

use crate::CoreError;
use crate::administrators::Password;
use crate::cluster::Cluster;
use cluster::actor::Actor;
use cluster::alarms::Alarm;
use cluster::origin::Origin;
use cluster::wording::listed;

/// Wrong passwords in a row before an address is not heard for this account: a person mistypes twice.
pub const WRONG_LIMIT: i64 = 5;

/// How long it is not heard then, and how long a wrong password counts, milliseconds.
pub const LOCK_TIME: i64 = 5 * 60 * 1000;

/// How long wrong passwords from elsewhere slow an account down, milliseconds.
pub const SLOW_TIME: i64 = 60 * 60 * 1000;

/// The longest wait for an account that is guessed at from elsewhere, milliseconds.
pub const LONGEST_DELAY: i64 = 30 * 1000;

/// Failed log-ins are told of once in this time, milliseconds.
pub const NOTE_TIME: i64 = 60 * 1000;

/// Log-ins wait for the database with the time at which they came, so that one may be looked at after a later one: so much of a clock
/// that went back is none, milliseconds.
const WAITED: i64 = 60 * 1000;

/// How long a row is kept, milliseconds: until it counts for nothing.
const KEPT_TIME: i64 = SLOW_TIME + WAITED;

/// Wrong passwords of one address for whichever names, beyond which it waits: twice as many as lock it for one.
pub const MANY_NAMES: i64 = 2 * WRONG_LIMIT;

/// Rows of the last hour from which on everybody waits [`LONGEST_DELAY`]. That comes of many addresses at once, because one that tries
/// many names waits before; and it is what bounds the rows: a server has some ten log-ins that wait.
pub const CROWDED: i64 = 4096;

/// Rows that are kept at most, whatever happens; some megabytes.
const MOST: i64 = 4 * CROWDED;

/// Who is told of in the audit log when nobody is known.
const ACTOR: &str = "system";

/// Somebody has guessed. Ours; the name is that of the original `[inferred]`.
pub const FAILED: Alarm = Alarm {
    name: "UC_LOGIN-4-AuthenticationFailed",
    app: "Cisco CTL Provider",
    meaning: "Log-ins failed. Where nobody mistyped, keep these addresses away from the ports of administration",
};

/// Whether a password is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// After this time.
    After(Duration),
    /// Not before that time, milliseconds since 1970 UTC.
    NotBefore(i64),
}

/// What was wrong within the last hour beside the account that somebody asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beside {
    /// Wrong passwords of his address for other names.
    pub of_address: i64,
    /// Rows in all.
    pub rows: i64,
}

/// Decides from the rows of an account, and from what was wrong beside it. A clock that went back holds nobody up.
#[must_use]
pub fn decide(rows: &[FailedLogInRow], beside: Beside, address: &str, now: i64) -> Heard {
    let own = rows.iter().find(|row| row.address == address);
    if let Some(own) = own.filter(|own| own.locked_until > now && within(own, LOCK_TIME, now)) {
        return Heard::NotBefore(own.locked_until);
    }
    let elsewhere = rows.iter().filter(|row| row.address != address && within(row, SLOW_TIME, now));
    let elsewhere: i64 = elsewhere.map(|row| row.wrong).sum();
    let crowd = if beside.rows >= CROWDED { LONGEST_DELAY } else { 0 };
    let delay = crowd.max(doubled(elsewhere, WRONG_LIMIT)).max(doubled(beside.of_address, MANY_NAMES));
    Heard::After(Duration::from_millis(u64::try_from(delay).unwrap_or_default()))
}

/// The wait behind so many wrong passwords, of which the first cost nothing, milliseconds.
fn doubled(wrong: i64, free: i64) -> i64 {
    u32::try_from(wrong - free).map_or(0, |steps| (1000_i64 << steps.min(5)).min(LONGEST_DELAY))
}

/// The row of an account and an address after one more wrong password.
#[must_use]
pub fn counted(rows: &[FailedLogInRow], account: &str, address: &str, now: i64) -> FailedLogInRow {
    let own = rows.iter().find(|row| row.address == address).cloned();
    let mut row = own.unwrap_or_else(|| FailedLogInRow {
        account: account.to_owned(),
        address: address.to_owned(),
        wrong: 0,
        last_at: now,
        locked_until: 0,
        unnoted: 0,
        noted_at: 0,
    });
    let goes_on = row.locked_until == 0 && within(&row, LOCK_TIME, now);
    row.wrong = if goes_on { row.wrong.saturating_add(1) } else { 1 };
    row.locked_until = if row.wrong >= WRONG_LIMIT { now.saturating_add(LOCK_TIME) } else { 0 };
    row.last_at = now;
    row
}

/// Whether a wrong password counts still.
fn within(row: &FailedLogInRow, time: i64, now: i64) -> bool {
    (row.last_at.saturating_sub(WAITED)..row.last_at.saturating_add(time)).contains(&now)
}

/// A log-in that has begun: its password counts as a wrong one until [`Cluster::finish_log_in`], so that many at once are no more
/// tries than one after the other.
#[derive(Debug)]
pub struct LogIn {
    name: String,
    account: String,
    address: String,
    /// How long the caller waits before he goes on.
    pub delay: Duration,
}

impl Cluster {
    /// Before a password is looked at.
    ///
    /// # Errors
    /// [`CoreError::Refused`] with the label `too-many-attempts`, and how long.
    pub async fn begin_log_in(&self, name: &str, from: IpAddr, now: i64) -> Result<LogIn, CoreError> {
        let known = self.store().administrators().await?.iter().any(|row| row.name == name);
        let account = if known { name.to_owned() } else { unknown(name) };
        let address = Origin::of(from).to_string();
        let mut transaction = self.store().begin().await?;
        let rows = transaction.failed_log_ins_of(&account).await?;
        let (since, until) = (now.saturating_sub(SLOW_TIME), now.saturating_add(WAITED));
        let (of_address, all) = transaction.failed_log_ins_beside(&account, &address, since, until).await?;
        match decide(&rows, Beside { of_address, rows: all }, &address, now) {
            Heard::NotBefore(until) => {
                let seconds = (until.saturating_sub(now) / 1000).max(1);
                let text = format!("Too many wrong passwords. Try again in {seconds} seconds");
                Err(CoreError::refused("too-many-attempts", text))
            }
            Heard::After(delay) => {
                transaction.put_failed_log_in(&counted(&rows, &account, &address, now)).await?;
                transaction.forget_failed_log_ins(now.saturating_sub(KEPT_TIME)).await?;
                transaction.keep_log_ins(MOST, now).await?;
                transaction.commit().await?;
                Ok(LogIn { name: name.to_owned(), account, address, delay })
            }
        }
    }

    /// Looks at the password. A right one forgives what this address had wrong.
    ///
    /// # Errors
    /// [`CoreError::Refused`] with the label `login`; it is told of in the audit log and as an alarm, once a minute.
    pub async fn finish_log_in(&self, begun: LogIn, password: Password, now: i64) -> Result<Actor, CoreError> {
        let outcome = self.log_in(&begun.name, password).await;
        let mut transaction = self.store().begin().await?;
        match &outcome {
            Ok(_) => {
                let rows = transaction.failed_log_ins_of(&begun.account).await?;
                if let Some(row) = rows.into_iter().find(|row| row.address == begun.address) {
                    let row = FailedLogInRow { wrong: 0, locked_until: 0, ..row };
                    transaction.put_failed_log_in(&row).await?;
                }
            }
            Err(_) => {
                transaction.add_unnoted_log_in(&begun.account, &begun.address).await?;
                self.tell(&mut transaction, now).await?;
            }
        }
        transaction.commit().await?;
        outcome
    }

    /// Tells of failed log-ins that waited for their turn.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn note_failed_log_ins(&self, now: i64) -> Result<(), CoreError> {
        if !self.store().has_unnoted_log_ins().await? {
            return Ok(());
        }
        let mut transaction = self.store().begin().await?;
        if self.tell(&mut transaction, now).await? {
            transaction.commit().await?;
        }
        Ok(())
    }

    /// An audit entry and an alarm for all that was not told of, when it is a minute since the last. Whether it was.
    async fn tell(&self, transaction: &mut Transaction, now: i64) -> Result<bool, CoreError> {
        let last = transaction.log_ins_noted().await?;
        if last > 0 && (last..last.saturating_add(NOTE_TIME)).contains(&now) {
            return Ok(false);
        }
        let rows = transaction.failed_log_ins().await?;
        let new: Vec<&FailedLogInRow> = rows.iter().filter(|row| row.unnoted > 0).collect();
        if new.is_empty() {
            return Ok(false);
        }
        let count: i64 = new.iter().map(|row| row.unnoted).sum();
        let said: Vec<String> = new.iter().map(|row| said_of(row)).collect();
        let text = format!("{count} failed: {}", listed(&said));
        transaction.note_audit(now, ACTOR, "log in", &text).await?;
        let node = self.node(None).await?;
        self.alarm(transaction, &node, &FAILED, &format!("Log-ins: {text}"), &[], now).await?;
        transaction.set_log_ins_noted(now).await?;
        Ok(true)
    }
}

fn said_of(row: &FailedLogInRow) -> String {
    let account = if row.account.starts_with(UNKNOWN) { "a name that is no account" } else { &row.account };
    let locked = if row.locked_until > 0 { ", locked" } else { "" };
    format!("{account} from {} ({}{locked})", row.address, row.unnoted)
}

/// What the hash of a name that is no account begins with; no name of an account does.
const UNKNOWN: char = '?';

fn unknown(name: &str) -> String {
    let hash = pki::hash::hex(&pki::hash::sha256(name.as_bytes()));
    format!("{UNKNOWN}{}", hash.get(..32).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;
    const ALONE: Beside = Beside { of_address: 0, rows: 0 };

    fn wrong(rows: &mut Vec<FailedLogInRow>, address: &str, now: i64) {
        let row = counted(rows, "admin", address, now);
        rows.retain(|row| row.address != address);
        rows.push(row);
    }

    #[test]
    fn five_lock_the_address_and_slow_the_others_down() {
        let mut rows = Vec::new();
        for second in 0..5 {
            assert_eq!(decide(&rows, ALONE, "a", NOW + second), Heard::After(Duration::ZERO));
            wrong(&mut rows, "a", NOW + second);
        }
        assert_eq!(decide(&rows, ALONE, "a", NOW + 5), Heard::NotBefore(NOW + 4 + LOCK_TIME));
        assert_eq!(decide(&rows, ALONE, "a", NOW - 60_000), Heard::After(Duration::ZERO), "a clock that went back");
        assert_eq!(decide(&rows, ALONE, "b", NOW + 5), Heard::After(Duration::from_secs(1)));
        // guessed at from more and more addresses: the account waits, and is never shut
        let mut delays = Vec::new();
        for address in 0..200 {
            wrong(&mut rows, &format!("x{address}"), NOW + 10);
            delays.push(decide(&rows, ALONE, "b", NOW + 11));
        }
        let seconds = |seconds| Heard::After(Duration::from_secs(seconds));
        assert_eq!(delays[..5], [2, 4, 8, 16, 30].map(seconds));
        assert!(delays[5..].iter().all(|delay| *delay == seconds(30)));
        assert_eq!(decide(&rows, ALONE, "b", NOW + 11 + SLOW_TIME), seconds(0));
        // after the lock it begins anew
        let later = NOW + 4 + LOCK_TIME;
        assert!(matches!(decide(&rows, ALONE, "a", later), Heard::After(_)));
        assert_eq!(counted(&rows, "admin", "a", later).wrong, 1);
    }

    #[test]
    fn an_address_that_tries_many_names_waits_and_so_do_all_when_very_many_are_wrong() {
        let delay = |of_address, rows| match decide(&[], Beside { of_address, rows }, "a", NOW) {
            Heard::After(delay) => delay.as_secs(),
            Heard::NotBefore(_) => panic!("locked"),
        };
        assert_eq!([0, 9, 10, 11, 14, 15, 16, 999].map(|wrong| delay(wrong, 9)), [0, 0, 1, 2, 16, 30, 30, 30]);
        assert_eq!((delay(0, CROWDED - 1), delay(0, CROWDED)), (0, 30));
    }

    #[test]
    fn names_that_are_no_accounts_are_not_kept() {
        assert!(!unknown("Cisco123").contains("Cisco"));
        assert!(crate::administrators::check_name(&unknown("admin")).is_err());
    }
}
