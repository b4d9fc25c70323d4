//! Alarms: a line in `log/alarms.log` of a node, and those that stand until something is done about them
//! [cucm-behaviour.md 3, 6].

use jiff::Timestamp;
use store::Transaction;
use store::append;
use store::rows::{NodeRow, StandingAlarmRow};

use crate::CoreError;
use crate::cluster::Cluster;

/// Name of the file in the log directory of a node.
pub const FILE: &str = "alarms.log";

/// A kind of alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// Catalogue, severity (0 emergency to 7 debug) and name: `UC_CERT-4-ITLRecoveryCertBackup`.
    pub name: &'static str,
    /// The service that raises it.
    pub app: &'static str,
    /// What it means, at the end of its line.
    pub meaning: &'static str,
}

impl Alarm {
    /// Severity of syslog, 0 emergency to 7 debug, from the middle of its name; 6 for a name without one.
    pub fn severity(&self) -> u8 {
        self.name.split('-').nth(1).and_then(|digit| digit.parse().ok()).filter(|digit| *digit <= 7).unwrap_or(6)
    }
}

/// The ITLRecovery key was not taken away yet [seed 004, Alarm Search Results; the text is cut there, and ours behind the cut].
pub const ITL_RECOVERY_BACKUP: Alarm = Alarm {
    name: "UC_CERT-4-ITLRecoveryCertBackup",
    app: "Cisco Certificate Monitor",
    meaning: "This cluster has an ITLRecovery certificate that was not backed up. Use the CLI command \"file get tftp \
              ITLRecovery.p12\"",
};

/// The cluster prepares for a rollback [cucm-behaviour.md 3].
pub const ROLLBACK_ENABLED: Alarm = Alarm {
    name: "UC_TVS-6-RollBackToPre8.0Enabled",
    app: "Cisco Trust Verification Service",
    meaning: "Prepare Cluster for Rollback to pre 8.0 is on: phones get a blank ITL file and check nothing",
};

/// It does not any more [cucm-behaviour.md 3].
pub const ROLLBACK_DISABLED: Alarm = Alarm {
    name: "UC_TVS-6-RollBackToPre8.0Disabled",
    app: "Cisco Trust Verification Service",
    meaning: "Prepare Cluster for Rollback to pre 8.0 is off: phones get their ITL file again",
};

/// A node has not the CTL that a CTL client brought or the publisher signed. Ours: the original tells it in the window of the
/// client only.
pub const CTL_NOT_DISTRIBUTED: Alarm = Alarm {
    name: "UC_CTL-3-CTLFileNotDistributed",
    app: "Cisco CTL Provider",
    meaning: "Phones get different CTL files from different nodes. Mend this node, then use the CLI command \"utils ctl \
              distribute\" on the publisher",
};

/// A node has not the ITL of a reset. Ours.
pub const ITL_NOT_RESET: Alarm = Alarm {
    name: "UC_TFTP-3-ITLFileNotReset",
    app: "Cisco Tftp",
    meaning: "Phones of this node still get the ITL file that they cannot check. Mend this node, then use the CLI command \"utils itl \
              reset\" on the publisher again",
};

/// The line of an alarm without its end [seed 003]: `HOST: Sep 05 2014 00:00:06.433 UTC :  %NAME: %[Message=..]..: meaning`.
/// `now` in milliseconds since 1970 UTC.
///
/// # Errors
/// [`CoreError::Internal`] for a time outside of the calendar.
pub fn line(alarm: &Alarm, node: &str, message: &str, now: i64) -> Result<String, CoreError> {
    let time = Timestamp::from_millisecond(now).map_err(CoreError::internal)?;
    let text: String = message.chars().map(|letter| if "[]".contains(letter) { ' ' } else { letter }).collect();
    Ok(format!(
        "{node}: {}.{:03} UTC :  %{}: %[Message={text}][AppID={}][ClusterID=][NodeID={node}]: {}",
        time.strftime("%b %d %Y %H:%M:%S"),
        now.rem_euclid(1000),
        alarm.name,
        alarm.app,
        alarm.meaning
    ))
}

impl Cluster {
    /// Writes the line of an alarm that happened once.
    ///
    /// # Errors
    /// [`CoreError`].
    pub fn alarm(&self, node: &NodeRow, alarm: &Alarm, message: &str, now: i64) -> Result<(), CoreError> {
        Ok(append::line(&self.directory(node).log().join(FILE), &line(alarm, &node.name, message, now)?)?)
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
            self.alarm(node, alarm, message, now)?;
        }
        Ok(())
    }

    /// The alarms that stand, the oldest first.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn standing_alarms(&self) -> Result<Vec<StandingAlarmRow>, CoreError> {
        Ok(self.store().standing_alarms().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line of [seed 003], set into one line again.
    #[test]
    fn the_form_of_the_seed() {
        let alarm = Alarm {
            name: "UC_CERT-2-CertValidfor7days",
            app: "Cisco Certificate Monitor",
            meaning: "Alarm to indicate that Certificate has Expired or Expires in less than seven days",
        };
        let message = "Certificate expiration Notification. Certificate name:CUCM01.der Unit:tomcat-trust Type:own-cert \
                       Expiration:Mon May 19 14:46:";
        let said = line(&alarm, "CUCM02", message, 1_409_875_206_433).unwrap();
        assert_eq!(
            said,
            "CUCM02: Sep 05 2014 00:00:06.433 UTC :  %UC_CERT-2-CertValidfor7days: %[Message=Certificate expiration \
             Notification. Certificate name:CUCM01.der Unit:tomcat-trust Type:own-cert Expiration:Mon May 19 14:46:]\
             [AppID=Cisco Certificate Monitor][ClusterID=][NodeID=CUCM02]: Alarm to indicate that Certificate has Expired or \
             Expires in less than seven days"
        );
        let forged = line(&alarm, "N", "a][NodeID=other", 0).unwrap();
        assert_eq!(forged.matches('[').count(), 4, "{forged}");
    }
}
