//! What the monitor says now, as a function of what there is, what it said before and the time.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use pki::date::wall_clock;

use super::watched::{Kind, Revocation, Watched};
use crate::alarms::Alarm;
use crate::monitor::alarms::{self, by_time_left};

/// An hour and a day, milliseconds.
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// When and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// *Notification Start Time*: days before the expiry from which on there are notices.
    pub window_days: u32,
    /// *Notification Frequency*: hours until the same is said again.
    pub repeat_hours: u32,
    /// What this release says of an expired certificate.
    pub expired: &'static Alarm,
}

impl Schedule {
    /// Until when a certificate has to end to be spoken about at `now` (milliseconds), seconds since 1970 UTC.
    #[must_use]
    pub fn horizon(&self, now: i64) -> i64 {
        now.div_euclid(1000).saturating_add(i64::from(self.window_days) * (DAY / 1000))
    }
}

/// What was said last about a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Name of the alarm.
    pub alarm: String,
    /// Milliseconds since 1970 UTC.
    pub at: i64,
}

/// Something to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// By what it is remembered: the SHA-256, and for what is no expiry a word before it.
    pub key: String,
    /// The alarm.
    pub alarm: &'static Alarm,
    /// The part behind `Message=`.
    pub message: String,
}

/// What is to be said now, the gravest first. Nothing is said twice before its time, and nothing that was acknowledged before it gets
/// worse.
pub fn decide(
    watched: &[Watched],
    said: &HashMap<String, Said>,
    schedule: &Schedule,
    now: i64,
    zone: &TimeZone,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    for one in watched {
        if let Some(alarm) = alarm_of(one, schedule, now) {
            let known = one.acknowledged.as_ref().is_some_and(|known| {
                let then = alarm_of(one, schedule, known.at);
                then.is_some_and(|then| then.severity() <= alarm.severity())
            });
            if !known && is_due(said.get(&one.fingerprint), alarm, schedule, now) {
                notices.push(Notice { key: one.fingerprint.clone(), alarm, message: expiration_message(one, zone) });
            }
        }
        for (word, alarm) in events(one) {
            let key = format!("{word}/{}", one.fingerprint);
            if is_due(said.get(&key), alarm, schedule, now) && !(said.contains_key(&key) && word == TOMCAT) {
                let message = if word == TOMCAT { tomcat_message(one) } else { revocation_message(one, word) };
                notices.push(Notice { key, alarm, message });
            }
        }
    }
    notices.sort_by_key(|notice| notice.alarm.severity());
    notices
}

const TOMCAT: &str = "tomcat";
const REVOKED: &str = "revoked";
const UNKNOWN: &str = "revocation unknown";

/// What is to be said of a certificate beside its expiry.
fn events(one: &Watched) -> impl Iterator<Item = (&'static str, &'static Alarm)> {
    let regenerated = one.kind == Kind::Own && one.regenerated && one.unit == "tomcat";
    let revocation = match &one.revocation {
        Some(Revocation::Revoked) => Some((REVOKED, &alarms::REVOKED)),
        Some(Revocation::Unknown) => Some((UNKNOWN, &alarms::REVOCATION_UNKNOWN)),
        Some(Revocation::Good) | None => None,
    };
    regenerated.then_some((TOMCAT, &alarms::TOMCAT_REGENERATED)).into_iter().chain(revocation)
}

/// The alarm that a certificate deserves at a time. What nothing depends on never gets above information, so that it does not hide
/// what matters.
pub fn alarm_of(one: &Watched, schedule: &Schedule, at: i64) -> Option<&'static Alarm> {
    let left = one.not_after - at.div_euclid(1000);
    let alarm = by_time_left(left, schedule.window_days, schedule.expired)?;
    Some(if one.depends.is_empty() { &alarms::UNUSED } else { alarm })
}

/// Whether the same may be said again. The gravest two are said each day, whatever the frequency is.
fn is_due(said: Option<&Said>, alarm: &Alarm, schedule: &Schedule, now: i64) -> bool {
    let Some(said) = said else { return true };
    let repeat = i64::from(schedule.repeat_hours) * HOUR;
    let repeat = if alarm.severity() <= 1 { repeat.min(DAY) } else { repeat };
    // A clock that was set back is no reason to be silent for years.
    said.alarm != alarm.name || now - said.at >= repeat || said.at > now
}

/// When to look next, milliseconds since 1970 UTC: after a day, or after an hour when something that matters has expired or has less than
/// a day [sources/monitor#schedule].
pub fn next_look(watched: &[Watched], schedule: &Schedule, now: i64) -> i64 {
    let urgent = |one: &Watched| {
        let left = one.not_after - now.div_euclid(1000);
        left < 86_400 && alarm_of(one, schedule, now) != Some(&alarms::UNUSED)
    };
    now + if watched.iter().any(urgent) { HOUR } else { DAY }
}

/// In the manner of [`expiration_message`]: no source prints those of the original \[inferred\].
fn tomcat_message(one: &Watched) -> String {
    format!("Certificate regeneration Notification. Certificate name:{} Unit:{} Type:own-cert", one.file, one.unit)
}

fn revocation_message(one: &Watched, status: &str) -> String {
    format!(
        "Certificate revocation Notification. Certificate name:{} Unit:{} Type:own-cert Status:{status}",
        one.file, one.unit
    )
}

/// The text of the original; its time ends behind the minutes, without a year [sources/monitor#line]. It says
/// `own-cert` of trust stores too.
fn expiration_message(one: &Watched, zone: &TimeZone) -> String {
    format!(
        "Certificate expiration Notification. Certificate name:{} Unit:{} Type:{} Expiration:{}",
        one.file,
        one.unit,
        if one.kind == Kind::Lsc { "lsc" } else { "own-cert" },
        wall_clock(one.not_after, zone).0.strftime("%a %b %d %H:%M:")
    )
}

#[cfg(test)]
mod tests {
    use crate::rows::AcknowledgementRow;

    use super::*;

    /// Fri Sep 05 00:00:06.433 UTC 2014, as in [sources/monitor#line].
    const NOW: i64 = 1_409_875_206_433;
    const SECONDS: i64 = NOW / 1000;
    const DAYS: i64 = 86_400;

    fn schedule() -> Schedule {
        Schedule { window_days: 90, repeat_hours: 7 * 24, expired: &alarms::EXPIRED }
    }

    /// An own certificate with so many seconds left.
    fn one(left: i64) -> Watched {
        Watched {
            fingerprint: format!("{left:064x}"),
            file: "CUCM01.der".to_owned(),
            unit: "tomcat-trust".to_owned(),
            kind: Kind::Own,
            not_after: SECONDS + left,
            depends: vec!["CUCM01 presents it".to_owned()],
            regenerated: false,
            acknowledged: None,
            revocation: None,
        }
    }

    fn says(watched: &[Watched], said: &HashMap<String, Said>, now: i64) -> Vec<Notice> {
        decide(watched, said, &schedule(), now, &TimeZone::UTC)
    }

    fn remembered(notices: &[Notice], at: i64) -> HashMap<String, Said> {
        let said = |notice: &Notice| (notice.key.clone(), Said { alarm: notice.alarm.name.to_owned(), at });
        notices.iter().map(said).collect()
    }

    #[test]
    fn thresholds_to_the_second() {
        for (left, alarm) in [
            (90 * DAYS + 1, None),
            (90 * DAYS, Some(&alarms::OVER_30_DAYS)),
            (30 * DAYS + 1, Some(&alarms::OVER_30_DAYS)),
            (30 * DAYS, Some(&alarms::LESS_THAN_A_MONTH)),
            (7 * DAYS + 1, Some(&alarms::LESS_THAN_A_MONTH)),
            (7 * DAYS, Some(&alarms::FOR_7_DAYS)),
            (DAYS, Some(&alarms::FOR_7_DAYS)),
            (DAYS - 1, Some(&alarms::LESS_THAN_A_DAY)),
            (0, Some(&alarms::LESS_THAN_A_DAY)),
            (-1, Some(&alarms::EXPIRED)),
            (-4000 * DAYS, Some(&alarms::EXPIRED)),
        ] {
            assert_eq!(alarm_of(&one(left), &schedule(), NOW), alarm, "{left}");
            // What nothing depends on: information, whatever the time is.
            let idle = Watched { depends: Vec::new(), kind: Kind::Trust, ..one(left) };
            let quiet = alarm.map(|_| &alarms::UNUSED);
            assert_eq!(alarm_of(&idle, &schedule(), NOW), quiet, "{left}");
        }
    }

    #[test]
    fn the_gravest_first_and_nothing_twice_before_its_time() {
        let watched = [one(20 * DAYS), one(-3), one(3 * DAYS)];
        let first = says(&watched, &HashMap::new(), NOW);
        let names: Vec<&str> = first.iter().map(|notice| notice.alarm.name).collect();
        assert_eq!(names, ["UC_CERT-0-CertExpired", "UC_CERT-2-CertValidfor7days", "UC_CERT-4-CertValidLessThanMonth"]);
        let said = remembered(&first, NOW);
        assert_eq!(says(&watched, &said, NOW + HOUR), []);
        let next_day: Vec<_> = says(&watched, &said, NOW + DAY);
        assert_eq!(next_day.len(), 1, "only the expired one speaks each day");
        assert_eq!(says(&watched, &said, NOW + 7 * DAY).len(), 3);
        // A worse alarm does not wait.
        assert_eq!(says(&[one(20 * DAYS)], &said, NOW + 14 * DAY)[0].alarm, &alarms::FOR_7_DAYS);
        // A clock that was two years ahead said it in the future.
        assert_eq!(says(&watched, &remembered(&first, NOW + 730 * DAY), NOW).len(), 3);
    }

    #[test]
    fn acknowledged_until_it_gets_worse() {
        let known = AcknowledgementRow {
            fingerprint: String::new(),
            actor: "admin".to_owned(),
            reason: "replaced next week".to_owned(),
            at: NOW,
        };
        let one = Watched { acknowledged: Some(known), ..one(20 * DAYS) };
        assert_eq!(says(std::slice::from_ref(&one), &HashMap::new(), NOW + DAY), []);
        let later = says(std::slice::from_ref(&one), &HashMap::new(), NOW + 14 * DAY);
        assert_eq!(later[0].alarm, &alarms::FOR_7_DAYS);
    }

    #[test]
    fn revoked_unknown_and_a_new_tomcat() {
        let mut one = Watched { revocation: Some(Revocation::Revoked), ..one(1000 * DAYS) };
        let first = says(std::slice::from_ref(&one), &HashMap::new(), NOW);
        assert_eq!(first[0].alarm.name, "UC_CERT-0-CertificateRevoked");
        assert!(first[0].message.ends_with("Unit:tomcat-trust Type:own-cert Status:revoked"), "{}", first[0].message);
        one.revocation = Some(Revocation::Unknown);
        assert_eq!(says(std::slice::from_ref(&one), &HashMap::new(), NOW)[0].alarm, &alarms::REVOCATION_UNKNOWN);
        let tomcat = Watched { unit: "tomcat".to_owned(), regenerated: true, revocation: None, ..one };
        let first = says(std::slice::from_ref(&tomcat), &HashMap::new(), NOW);
        assert_eq!(first[0].alarm.name, "UC_CERT-2-TomcatCertRegen");
        let message = "Certificate regeneration Notification. Certificate name:CUCM01.der Unit:tomcat Type:own-cert";
        assert_eq!(first[0].message, message);
        assert_eq!(says(&[tomcat], &remembered(&first, NOW), NOW + 700 * DAY), [], "it is told once");
    }

    #[test]
    fn each_day_and_each_hour_when_it_matters() {
        let next = |watched: &[Watched]| next_look(watched, &schedule(), NOW) - NOW;
        assert_eq!(next(&[one(DAYS)]), DAY);
        assert_eq!(next(&[one(DAYS - 1)]), HOUR);
        assert_eq!(
            next(&[Watched { depends: Vec::new(), ..one(-9) }]),
            DAY,
            "an expired one that nobody uses is no haste"
        );
    }
}
