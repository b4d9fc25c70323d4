//! Alarms: a line in `log/alarms.log` of a node, and those that stand until something is done about them
//! [sources/monitor#alarms], [sources/tvs#alarms].

use cluster::alarms::{
    Alarm, CTL_NOT_DISTRIBUTED, ITL_NOT_RESET, ITL_RECOVERY_BACKUP, NODE_BEHIND, PHONES_NOT_ADDED, ROLLBACK_ENABLED,
    ROW_UNREADABLE,
};
use cluster::rows::{NodeRow, StandingAlarmRow, ToldAlarmRow, UndeliveredRow};
use jiff::Timestamp;
use store::Transaction;
use wire::printable::one_line;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::enrolment::{SECOND_KEY, STRINGS_LOCKED};
use cluster::nodes::NewNode;

/// Name of the file in the log directory of a node.
pub const FILE: &str = "alarms.log";

/// Those that stand until something is done about them. The end of a rollback is an alarm of its own.
const STANDING: [&Alarm; 8] = [
    &ITL_RECOVERY_BACKUP,
    &CTL_NOT_DISTRIBUTED,
    &PHONES_NOT_ADDED,
    &ITL_NOT_RESET,
    &ROW_UNREADABLE,
    &NODE_BEHIND,
    &STRINGS_LOCKED,
    &SECOND_KEY,
];

/// What the line of one that stood means. Ours.
const ENDED: &str = "What this alarm told of has ended";

/// Who is told of alarms beside `alarms.log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// A syslog receiver.
    Syslog,
    /// People, by e-mail.
    Mail,
}

impl Receiver {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Syslog, Self::Mail];

    /// Its name in rows.
    const fn word(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Mail => "mail",
        }
    }
}

/// Alarms that wait for one receiver at most; the gravest stay, and the newest of those.
pub const BACKLOG: i64 = 1000;

/// The line of an alarm without its end [sources/monitor#line]:
/// `864: HOST.DOMAIN: Sep 05 2014 00:00:06.433 UTC : %NAME: %[Message=..]..: meaning`. `number` counts the alarms of
/// the node; `now` in milliseconds since 1970 UTC.
///
/// # Errors
/// [`CoreError::Internal`] for a time outside of the calendar.
pub fn line(alarm: &Alarm, number: i64, node: &NodeRow, message: &str, now: i64) -> Result<String, CoreError> {
    let time = Timestamp::from_millisecond(now).map_err(CoreError::internal)?;
    let text: String =
        one_line(message).chars().map(|letter| if "[]".contains(letter) { ' ' } else { letter }).collect();
    Ok(format!(
        "{number}: {}: {}.{:03} UTC : %{}: %[Message={text}][AppID={}][ClusterID=][NodeID={}]: {}",
        NewNode::try_from(node)?.full_name(),
        time.strftime("%b %d %Y %H:%M:%S"),
        now.rem_euclid(1000),
        alarm.name,
        alarm.app,
        node.name,
        alarm.meaning
    ))
}

impl Cluster {
    /// Puts the line of an alarm that happened once, with the change, and lets it wait for receivers.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn alarm(
        &self,
        transaction: &mut Transaction,
        node: &NodeRow,
        alarm: &Alarm,
        message: &str,
        receivers: &[Receiver],
        now: i64,
    ) -> Result<(), CoreError> {
        let number = transaction.next_alarm_number(&node.pkid).await?;
        let text = line(alarm, number, node, message, now)?;
        transaction.put_log_lines(&self.directory(node), FILE, std::slice::from_ref(&text)).await?;
        wait_for(transaction, alarm, text, receivers, now).await
    }

    /// What waits for a receiver, the oldest first.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn undelivered_alarms(&self, receiver: Receiver) -> Result<Vec<UndeliveredRow>, CoreError> {
        Ok(self.store().undelivered_alarms(receiver.word()).await?)
    }

    /// A receiver has taken what waited up to this number. One that nobody wants any more: `i64::MAX`.
    ///
    /// # Errors
    /// [`CoreError`]; it is delivered once more then.
    pub async fn note_delivered_alarms(&self, receiver: Receiver, up_to: i64) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        transaction.forget_undelivered_alarms(receiver.word(), up_to).await?;
        Ok(transaction.commit().await?)
    }

    /// Drops what is too much for a receiver that takes nothing.
    ///
    /// # Errors
    /// [`CoreError`].
    pub(crate) async fn limit_waiting_alarms(
        &self,
        transaction: &mut Transaction,
        receivers: &[Receiver],
    ) -> Result<(), CoreError> {
        for receiver in receivers {
            let dropped = transaction.limit_undelivered_alarms(receiver.word(), BACKLOG).await?;
            if dropped > 0 {
                tracing::warn!(receiver = receiver.word(), dropped, "alarms that nobody took stand in alarms.log only");
            }
        }
        Ok(())
    }

    /// Lets an alarm stand about a subject until [`Transaction::clear_alarm`], and writes its line when it did not stand yet.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn stand(
        &self,
        transaction: &mut Transaction,
        node: &NodeRow,
        alarm: &Alarm,
        subject: &str,
        message: &str,
        now: i64,
    ) -> Result<(), CoreError> {
        let row = StandingAlarmRow {
            name: alarm.name.to_owned(),
            subject: subject.to_owned(),
            text: format!("{message}. {}", alarm.meaning),
            raised_at: now,
        };
        if transaction.raise_alarm(&row).await? {
            let StandingAlarmRow { name, subject, .. } = row;
            let told = ToldAlarmRow { name, subject, node: node.pkid.clone(), message: message.to_owned() };
            // One that was raised again for another reason before it ended is the same alarm.
            let new = transaction.note_told_alarm(&told).await?;
            let receivers = if new { &Receiver::ALL[..] } else { &[] };
            self.alarm(transaction, node, alarm, message, receivers, now).await?;
            self.limit_waiting_alarms(transaction, receivers).await?;
        }
        Ok(())
    }

    /// Tells who was told that an alarm stands that it has ended, and writes that line. Of one that began to stand under a release that told
    /// nobody they hear now.
    ///
    /// # Errors
    /// [`CoreError`]; what could not be told is told the next time.
    pub async fn tell_ended_alarms(&self, now: i64) -> Result<(), CoreError> {
        let untold = self.store().untold_alarms().await?;
        if self.store().ended_alarms().await?.is_empty() && untold.iter().all(|row| known(&row.name).is_none()) {
            return Ok(());
        }
        let nodes = self.store().nodes().await?;
        let mut transaction = self.store().begin().await?;
        // Again, now that nobody else can raise one.
        for ended in self.store().ended_alarms().await? {
            transaction.forget_told_alarm(&ended.name, &ended.subject).await?;
            let node = nodes.iter().find(|node| node.pkid == ended.node);
            let node = node.or_else(|| nodes.iter().find(|node| node.publisher));
            let alarm = STANDING.iter().find(|alarm| alarm.name == ended.name);
            let (Some(node), Some(alarm)) = (node, alarm) else { continue };
            let message = format!("Over: {}", ended.message);
            let alarm = Alarm { meaning: ENDED, ..**alarm };
            self.alarm(&mut transaction, node, &alarm, &message, &Receiver::ALL, now).await?;
        }
        for untold in self.store().untold_alarms().await? {
            self.tell_late(&mut transaction, &nodes, untold).await?;
        }
        self.limit_waiting_alarms(&mut transaction, &Receiver::ALL).await?;
        Ok(transaction.commit().await?)
    }

    /// Tells of an alarm that stands and that nobody was told of. The number that its line has in the log is not known any more, so it gets
    /// another, and with that a line: numbers that receivers heard of are found in the log, and none is missing there.
    async fn tell_late(
        &self,
        transaction: &mut Transaction,
        nodes: &[NodeRow],
        untold: StandingAlarmRow,
    ) -> Result<(), CoreError> {
        let StandingAlarmRow { name, subject, text, raised_at } = untold;
        // Some are about a node, named, or by its key about a part of it.
        let of_node = |node: &&NodeRow| node.name == subject || subject.split(' ').next() == Some(node.pkid.as_str());
        let node = nodes.iter().find(of_node).or_else(|| nodes.iter().find(|node| node.publisher));
        let alarm = known(&name);
        let (Some(node), Some(alarm)) = (node, alarm) else { return Ok(()) };
        let message = text.strip_suffix(&format!(". {}", alarm.meaning)).unwrap_or(&text).to_owned();
        self.alarm(transaction, node, alarm, &message, &Receiver::ALL, raised_at).await?;
        transaction.note_told_alarm(&ToldAlarmRow { name, subject, node: node.pkid.clone(), message }).await?;
        Ok(())
    }
}

/// One that stands, by its name.
fn known(name: &str) -> Option<&'static Alarm> {
    STANDING.into_iter().chain([&ROLLBACK_ENABLED]).find(|alarm| alarm.name == name)
}

/// Lets the line of an alarm wait for receivers.
async fn wait_for(
    transaction: &mut Transaction,
    alarm: &Alarm,
    text: String,
    receivers: &[Receiver],
    at: i64,
) -> Result<(), CoreError> {
    let waiting = UndeliveredRow { seq: 0, alarm: alarm.name.to_owned(), severity: alarm.severity(), text, at };
    for receiver in receivers {
        transaction.put_undelivered_alarm(receiver.word(), &waiting).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use cluster::monitor::alarms::FOR_7_DAYS;
    use cluster::monitor::decide::{Schedule, decide};
    use cluster::monitor::watched::{Kind, Watched};

    use super::*;

    /// The event of [sources/monitor#mail], as its page wraps it.
    const MATCHED_EVENT: &str = include_str!("../../../testdata/alarms/matched_event.txt");

    /// The node of [sources/published-clusters#renewal-note].
    fn cucm02() -> NodeRow {
        NodeRow {
            pkid: String::new(),
            name: "CUCM02".to_owned(),
            domain: "localdomain".to_owned(),
            address: "192.168.1.2".to_owned(),
            number: 2,
            directory: String::new(),
            publisher: false,
        }
    }

    /// The printed line: what the receiver put before it is cut off, and the wrapping of the page undone. Between two
    /// brackets the page wraps where no blank is [sources/monitor#line].
    fn line_of_the_sources() -> String {
        let (_, wrapped) = MATCHED_EVENT.trim_end().split_once(" local7 2 : ").unwrap();
        wrapped.replace("]\n[", "][").replace('\n', " ")
    }

    #[test]
    fn the_form_of_the_sources() {
        let alarm = Alarm {
            name: "UC_CERT-2-CertValidfor7days",
            app: "Cisco Certificate Monitor",
            meaning: "Alarm to indicate that Certificate has Expired or Expires in less than seven days",
        };
        let message = "Certificate expiration Notification. Certificate name:CUCM01.der Unit:tomcat-trust Type:own-cert \
                       Expiration:Mon May 19 14:46:";
        let said = line(&alarm, 864, &cucm02(), message, 1_409_875_206_433).unwrap();
        assert_eq!(said, line_of_the_sources());
        let without = NodeRow { domain: String::new(), ..cucm02() };
        assert!(
            line(&alarm, 1, &without, "", 0).unwrap().starts_with("1: CUCM02: Jan 01 1970 00:00:00.000 UTC : %UC_")
        );
        let forged = line(&alarm, 1, &cucm02(), "a][NodeID=other", 0).unwrap();
        assert_eq!(forged.matches('[').count(), 4, "{forged}");
        let steering = line(&alarm, 1, &cucm02(), "a\u{202e}b\u{9b}2J\nKyjiv Київ", 0).unwrap();
        assert!(steering.contains(r"[Message=a\u{202e}b\u{9b}2J\nKyjiv Київ]"), "{steering}");
    }

    /// What the monitor decides becomes the printed line.
    #[test]
    fn a_notice_becomes_the_line() {
        // Fri Sep 05 00:00:06.433 UTC 2014
        const NOW: i64 = 1_409_875_206_433;
        let expired = Timestamp::from_second(1_400_510_785).unwrap();
        assert_eq!(expired.to_string(), "2014-05-19T14:46:25Z");
        let watched = Watched {
            fingerprint: String::new(),
            file: "CUCM01.der".to_owned(),
            unit: "tomcat-trust".to_owned(),
            kind: Kind::Own,
            not_after: expired.as_second(),
            depends: vec!["CUCM01 presents it".to_owned()],
            regenerated: false,
            acknowledged: None,
            revocation: None,
        };
        let schedule = Schedule { window_days: 90, repeat_hours: 7 * 24, expired: &FOR_7_DAYS };
        let notices = decide(&[watched], &HashMap::new(), &schedule, NOW, &jiff::tz::TimeZone::UTC);
        let said = line(notices[0].alarm, 864, &cucm02(), &notices[0].message, NOW).unwrap();
        assert_eq!(said, line_of_the_sources());
    }
}
