//! Who is heard when he comes with a name and a password, from wherever: one counter for all that ask for one.
//!
//! Five wrong passwords lock the account for this address, and for no other: a stranger must not shut an administrator out. From
//! elsewhere the account only waits a little longer each time. What is decided is pure ([`decide`], [`counted`]); the rows are shared
//! by all processes of the cluster and survive a restart.

use std::net::IpAddr;
use std::time::Duration;

use store::Transaction;
use store::rows::FailedLogInRow;

use crate::CoreError;
use crate::actor::Actor;
use crate::administrators::Password;
use crate::alarms::Alarm;
use crate::cluster::Cluster;
use crate::origin::Origin;
use crate::trust_stores::listed;

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

/// How long a row is kept, milliseconds.
const KEPT_TIME: i64 = 24 * 60 * 60 * 1000;

/// Rows that are kept at most of each account, and of all names that are none; some hundred kilobytes. Each has its own room, so that
/// invented names push out nothing that locks an account or slows it down.
const REMEMBERED: i64 = 4096;

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

/// Decides from the rows of an account. A clock that went back holds nobody up.
#[must_use]
pub fn decide(rows: &[FailedLogInRow], address: &str, now: i64) -> Heard {
    let own = rows.iter().find(|row| row.address == address);
    if let Some(own) = own.filter(|own| own.locked_until > now && within(own, LOCK_TIME, now)) {
        return Heard::NotBefore(own.locked_until);
    }
    let elsewhere = rows.iter().filter(|row| row.address != address && within(row, SLOW_TIME, now));
    let wrong: i64 = elsewhere.map(|row| row.wrong).sum();
    let doubled = u32::try_from(wrong - WRONG_LIMIT).ok().map_or(0, |steps| 1000_i64 << steps.min(5));
    Heard::After(Duration::from_millis(u64::try_from(doubled.min(LONGEST_DELAY)).unwrap_or_default()))
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
        match decide(&rows, &address, now) {
            Heard::NotBefore(until) => {
                let seconds = (until.saturating_sub(now) / 1000).max(1);
                let text = format!("Too many wrong passwords. Try again in {seconds} seconds");
                Err(CoreError::refused("too-many-attempts", text))
            }
            Heard::After(delay) => {
                transaction.put_failed_log_in(&counted(&rows, &account, &address, now)).await?;
                transaction.forget_failed_log_ins(now.saturating_sub(KEPT_TIME)).await?;
                if known {
                    transaction.keep_log_ins_of(&account, REMEMBERED, now).await?;
                } else {
                    transaction.keep_log_ins_of_nobody(UNKNOWN, REMEMBERED).await?;
                }
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
        let rows = transaction.failed_log_ins().await?;
        let last = rows.iter().map(|row| row.noted_at).max().unwrap_or_default();
        if last > 0 && (last..last.saturating_add(NOTE_TIME)).contains(&now) {
            return Ok(false);
        }
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

    fn wrong(rows: &mut Vec<FailedLogInRow>, address: &str, now: i64) {
        let row = counted(rows, "admin", address, now);
        rows.retain(|row| row.address != address);
        rows.push(row);
    }

    #[test]
    fn five_lock_the_address_and_slow_the_others_down() {
        let mut rows = Vec::new();
        for second in 0..5 {
            assert_eq!(decide(&rows, "a", NOW + second), Heard::After(Duration::ZERO));
            wrong(&mut rows, "a", NOW + second);
        }
        assert_eq!(decide(&rows, "a", NOW + 5), Heard::NotBefore(NOW + 4 + LOCK_TIME));
        assert_eq!(decide(&rows, "a", NOW - 60_000), Heard::After(Duration::ZERO), "a clock that went back");
        assert_eq!(decide(&rows, "b", NOW + 5), Heard::After(Duration::from_secs(1)));
        // guessed at from more and more addresses: the account waits, and is never shut
        let mut delays = Vec::new();
        for address in 0..200 {
            wrong(&mut rows, &format!("x{address}"), NOW + 10);
            delays.push(decide(&rows, "b", NOW + 11));
        }
        let seconds = |seconds| Heard::After(Duration::from_secs(seconds));
        assert_eq!(delays[..5], [2, 4, 8, 16, 30].map(seconds));
        assert!(delays[5..].iter().all(|delay| *delay == seconds(30)));
        assert_eq!(decide(&rows, "b", NOW + 11 + SLOW_TIME), seconds(0));
        // after the lock it begins anew
        let later = NOW + 4 + LOCK_TIME;
        assert!(matches!(decide(&rows, "a", later), Heard::After(_)));
        assert_eq!(counted(&rows, "admin", "a", later).wrong, 1);
    }

    #[test]
    fn names_that_are_no_accounts_are_not_kept() {
        assert!(!unknown("Cisco123").contains("Cisco"));
        assert!(crate::administrators::check_name(&unknown("admin")).is_err());
    }
}
