//! What differs by release: a table of facts, each row with its source, instead of conditions in the code.
//!
//! The certificates of each release stand in `profiles`.

mod profiles;
pub mod requests;
pub mod switch;

use pki::profile::CertificateProfile;

use crate::alarms::Alarm;
use crate::monitor::alarms::{EXPIRED, FOR_7_DAYS};
use crate::units::{Unit, Where};

/// A release whose behaviour a cluster follows.
#[derive(Debug)]
pub struct Release {
    /// Its name: `10.5`, `15`.
    pub name: &'static str,
    /// Which unit signs the ITL of a node [sources/releases#signers].
    pub itl_signer: Unit,
    /// Whether ITLs and CTLs hold the ITLRecovery certificate, and where it is made.
    pub recovery: Recovery,
    /// Whether a refresh upgrade to this release may make another ITLRecovery certificate although there is one: the fault of
    /// field notice 70613 [sources/releases#safe-orders].
    pub may_renew_recovery: bool,
    /// What `utils itl reset` makes [sources/recovery#itl-reset].
    pub itl_reset: ItlReset,
    /// Whether `utils itl reset remotekey` is there: gone in 15 [sources/recovery#itl-reset].
    pub remote_reset: bool,
    /// The SAST records of a tokenless CTL in order; the first one signs, the second one after `utils ctl reset localkey`
    /// [sources/recovery#ctl-reset], [sources/releases#signers]. Empty where only tokens sign.
    pub ctl_sasts: &'static [Unit],
    /// Whether the units with a key on an elliptic curve are there [sources/certificates#units]; in
    /// 11.5 to 14 as in 15 \[inferred\].
    pub ec_units: bool,
    /// The units whose certificates stand behind the tokens as SAST in a CTL made with tokens
    /// [sources/releases#signers].
    pub token_ctl_sasts: &'static [Unit],
    /// Whether there is a service Cisco CTL Provider: gone in 14SU3 [sources/releases#signers].
    pub ctl_provider: bool,
    /// Whether the tomcat certificate of all nodes may be used for CallManager too: from 14 on
    /// [sources/certificates#reuse].
    pub reuse: bool,
    /// Certificates of a new node, then those of a renewal, by unit.
    pub certificates: fn(Unit) -> (KeyProfile, KeyProfile),
    /// Requests to CAs.
    pub requests: &'static requests::RequestRules,
    /// What `utils ctl` says at its end, in one line [sources/shell#trust-list-commands].
    pub ctl_restart: &'static str,
    /// What the certificate monitor says of an expired certificate: CertValidfor7days
    /// [sources/releases#alarms-of-expiry], because CertExpired is obsolete [sources/monitor#alarms]; CertExpired only
    /// where the error list of the release has it as one that is raised [sources/releases#alarms-of-expiry].
    pub expired_alarm: &'static Alarm,
    /// What a CUCM of this release needs so that a certificate that was deleted stays away; `None` from 11.0 on, where a deletion
    /// holds for all nodes [sources/trust-stores#deletion].
    pub deletion: Option<&'static str>,
    /// What `utils service restart` says first, with its blanks [sources/shell#services].
    pub restart_warning: &'static str,
}

/// What `utils itl reset` makes of the ITL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItlReset {
    /// Nothing: there is no ITLRecovery yet, and no such command.
    NotThere,
    /// A second header, signed with the ITLRecovery key, in front of the whole file [sources/trust-lists#reset-file].
    SecondHeader,
    /// The file signed again with the CallManager key.
    SignedAgain,
}

/// Where the ITLRecovery certificate is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// There is none.
    None,
    /// Each node has its own.
    PerNode,
    /// The publisher makes one for all; its key travels to the others.
    Shared,
}

/// Key and certificate of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyProfile {
    /// Size of the RSA key in bits; of a unit on an elliptic curve that of the curve: 256, 384, 521.
    pub bits: u32,
    /// What stands in the certificate.
    pub certificate: CertificateProfile,
}

const OLD_CTL_RESTART: &str =
    "Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services";
const NEW_CTL_RESTART: &str =
    "Please Restart the Cisco CallManager and CTIManager services on all nodes in the cluster that run these services";
const OLD_RESTART_WARNING: &str = " Don't press Ctrl-c while the service is getting RESTARTED.If Service has not Restarted Properly, execute the same Command Again";
const NEW_RESTART_WARNING: &str = "Do not press Ctrl+C while the service is restarting. If the service has not restarted properly, execute the same command again.";

/// Here a deletion holds for all nodes in every release, and nothing brings the certificate back (CSCto86463 of the original).
const BEFORE_11: &str = "On a CUCM before release 11.0 stop Cisco Certificate Change Notification on every node, then delete it on each: the \
                         others bring it back otherwise";

/// The releases, the oldest first. Signers, SASTs and recovery: [sources/releases#signers]; what is said of a release
/// that no document prints is that of its neighbour, and marked.
pub const RELEASES: [Release; 6] = [
    // 8.0 to 9.1: Security by Default without ITLRecovery, a CTL by tokens only.
    Release {
        name: "9.1",
        itl_signer: Unit::CallManager,
        recovery: Recovery::None,
        may_renew_recovery: false,
        itl_reset: ItlReset::NotThere,
        remote_reset: false,
        ctl_sasts: &[],
        ec_units: false,
        token_ctl_sasts: &[],
        ctl_provider: true,
        reuse: false,
        certificates: profiles::of_9_1,
        requests: &requests::FIRST,
        ctl_restart: OLD_CTL_RESTART,
        // [sources/releases#alarms-of-expiry]
        expired_alarm: &FOR_7_DAYS,
        deletion: Some(BEFORE_11),
        restart_warning: OLD_RESTART_WARNING,
    },
    // 10.0 to 10.5(1), the release of [sources/published-clusters#two-nodes].
    Release {
        name: "10.5",
        itl_signer: Unit::CallManager,
        recovery: Recovery::PerNode,
        may_renew_recovery: false,
        itl_reset: ItlReset::SecondHeader,
        remote_reset: true,
        ctl_sasts: &[Unit::CallManager],
        ec_units: false,
        token_ctl_sasts: &[],
        ctl_provider: true,
        reuse: false,
        certificates: profiles::of_10_5,
        requests: &requests::OLD,
        // [sources/shell#trust-list-commands]
        ctl_restart: OLD_CTL_RESTART,
        expired_alarm: &FOR_7_DAYS,
        deletion: Some(BEFORE_11),
        restart_warning: OLD_RESTART_WARNING,
    },
    Release {
        name: "11.5",
        itl_signer: Unit::CallManager,
        recovery: Recovery::PerNode,
        may_renew_recovery: false,
        itl_reset: ItlReset::SecondHeader,
        remote_reset: true,
        ctl_sasts: &[Unit::CallManager, Unit::ItlRecovery],
        ec_units: true,
        token_ctl_sasts: &[Unit::ItlRecovery, Unit::CallManager],
        ctl_provider: true,
        reuse: false,
        certificates: profiles::of_11_5,
        requests: &requests::OLD,
        // as 10.5 [inferred]
        ctl_restart: OLD_CTL_RESTART,
        expired_alarm: &FOR_7_DAYS,
        deletion: None,
        restart_warning: OLD_RESTART_WARNING,
    },
    // From 12.0 on the ITLRecovery key signs, from 12.5 on one for the cluster. Field notice 70613: 12.5(1) before SU3.
    Release {
        name: "12.5",
        itl_signer: Unit::ItlRecovery,
        recovery: Recovery::Shared,
        may_renew_recovery: true,
        itl_reset: ItlReset::SignedAgain,
        remote_reset: true,
        ctl_sasts: &[Unit::ItlRecovery, Unit::CallManager],
        ec_units: true,
        token_ctl_sasts: &[Unit::ItlRecovery, Unit::CallManager],
        ctl_provider: true,
        reuse: false,
        certificates: profiles::of_12_5,
        requests: &requests::NEW_WITH_OU,
        // [sources/releases#safe-orders]
        ctl_restart: NEW_CTL_RESTART,
        // as 11.5 [inferred]: no source has CertExpired here
        expired_alarm: &FOR_7_DAYS,
        deletion: None,
        restart_warning: NEW_RESTART_WARNING,
    },
    // The plug-in of the CTL Client is not delivered any more, the service stays until 14SU3.
    Release {
        name: "14",
        itl_signer: Unit::ItlRecovery,
        recovery: Recovery::Shared,
        may_renew_recovery: false,
        itl_reset: ItlReset::SignedAgain,
        remote_reset: true,
        ctl_sasts: &[Unit::ItlRecovery, Unit::CallManager],
        ec_units: true,
        token_ctl_sasts: &[Unit::ItlRecovery, Unit::CallManager],
        ctl_provider: true,
        reuse: true,
        certificates: profiles::of_12_5,
        requests: &requests::NEW_WITH_OU,
        ctl_restart: NEW_CTL_RESTART,
        // error list of 14 [sources/releases#alarms-of-expiry]
        expired_alarm: &EXPIRED,
        deletion: None,
        restart_warning: NEW_RESTART_WARNING,
    },
    Release {
        name: "15",
        itl_signer: Unit::ItlRecovery,
        recovery: Recovery::Shared,
        may_renew_recovery: false,
        itl_reset: ItlReset::SignedAgain,
        remote_reset: false,
        ctl_sasts: &[Unit::ItlRecovery, Unit::CallManager],
        ec_units: true,
        token_ctl_sasts: &[Unit::ItlRecovery, Unit::CallManager],
        ctl_provider: false,
        reuse: true,
        certificates: profiles::of_15,
        requests: &requests::NEW,
        // [sources/shell#trust-list-commands]
        ctl_restart: NEW_CTL_RESTART,
        // error list of 15 [sources/releases#alarms-of-expiry]
        expired_alarm: &EXPIRED,
        deletion: None,
        restart_warning: NEW_RESTART_WARNING,
    },
];

/// The release of a new cluster.
pub const DEFAULT_RELEASE: &str = "15";

/// The release with a name.
pub fn release(name: &str) -> Option<&'static Release> {
    RELEASES.iter().find(|release| release.name == name)
}

/// The names of all releases, for a message.
pub fn names() -> String {
    let names: Vec<&str> = RELEASES.iter().map(|release| release.name).collect();
    names.join(", ")
}

impl Release {
    /// Whether phones check what the key of a unit signs: ITL, CTL, configs, now or after a way back.
    pub fn signs_for_phones(&self, unit: Unit) -> bool {
        let signers = [Unit::CallManager, self.itl_signer];
        signers.iter().chain(self.ctl_sasts).chain(self.token_ctl_sasts).any(|signer| *signer == unit)
    }

    /// The units whose certificates a node has that is not one of IM&P.
    pub fn units(&self, publisher: bool) -> impl Iterator<Item = Unit> {
        let (recovery, ec_units) = (self.recovery, self.ec_units);
        Unit::ALL.into_iter().filter(move |unit| match (unit, unit.place()) {
            (unit, _) if unit.is_ec() && !ec_units => false,
            (Unit::ItlRecovery, _) => match recovery {
                Recovery::None => false,
                Recovery::PerNode => true,
                Recovery::Shared => publisher,
            },
            (_, Where::EveryNode | Where::CallManagerNodes) => true,
            (_, Where::Publisher) => publisher,
            (_, Where::Presence) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_that_hang_together() {
        for release in &RELEASES {
            let none = release.recovery == Recovery::None;
            assert_eq!(none, release.itl_reset == ItlReset::NotThere, "{}", release.name);
            assert!(!none || !release.ctl_sasts.contains(&Unit::ItlRecovery), "{}", release.name);
            assert!(!none || release.itl_signer == Unit::CallManager, "{}", release.name);
            // what signs the ITL from 12.0 on signs a tokenless CTL too
            assert!(release.ctl_sasts.first().is_none_or(|first| *first == release.itl_signer), "{}", release.name);
        }
        let provider: Vec<&str> = RELEASES.iter().filter(|release| release.ctl_provider).map(|row| row.name).collect();
        assert_eq!(provider, ["9.1", "10.5", "11.5", "12.5", "14"]);
        let apart: Vec<&str> = RELEASES.iter().filter(|row| row.deletion.is_some()).map(|row| row.name).collect();
        assert_eq!(apart, ["9.1", "10.5"]);
        let expired: Vec<&str> =
            RELEASES.iter().filter(|row| row.expired_alarm == &EXPIRED).map(|row| row.name).collect();
        assert_eq!(expired, ["14", "15"]);
        assert_eq!(names(), "9.1, 10.5, 11.5, 12.5, 14, 15");
        assert_eq!(release(DEFAULT_RELEASE).map(|release| release.name), Some("15"));
    }

    #[test]
    fn recovery_lasts_twenty_years_in_12_5_and_14() {
        let days = |name: &str| release(name).map(|row| (row.certificates)(Unit::ItlRecovery).1.certificate.days);
        let all = ["10.5", "11.5", "12.5", "14", "15"].map(|name| days(name).unwrap_or_default());
        assert_eq!(all, [1825, 1825, 7300, 7300, 1825]);
    }
}
