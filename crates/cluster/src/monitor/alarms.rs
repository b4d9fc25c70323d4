//! The alarms of *CertAlarmCatalog* [sources/monitor#alarms]. The catalogue counts twelve; the names of two are not in
//! any source; [`crate::alarms::ITL_RECOVERY_BACKUP`] is raised where the backup is known of. Meanings:
//! [sources/monitor#alarms] for the seven days, a printed syslog of 2019 for the expired one; the others are cut off in
//! the print, and in our words after the cut.

use crate::alarms::Alarm;

/// The service that raises them.
const APP: &str = "Cisco Certificate Monitor";

/// In the notification window or expired, and nothing depends on it. Ours: the original says of such a certificate what it says of one in
/// use. Its own alarm of this severity, CertExpiryApproaching, is obsolete [sources/monitor#alarms], so it is raised in
/// no release.
pub const UNUSED: Alarm = Alarm {
    name: "UC_CERT-6-UnusedCertExpiry",
    app: APP,
    meaning: "Certificate is about to Expire or has Expired, and nothing here depends on it",
};

/// In the notification window, more than 30 days left.
pub const OVER_30_DAYS: Alarm = Alarm {
    name: "UC_CERT-5-CertValidityOver30Days",
    app: APP,
    meaning: "Alarm to Indicate certificate expiry is approaching but the expiry is over 30 days",
};

/// 30 days or less.
pub const LESS_THAN_A_MONTH: Alarm = Alarm {
    name: "UC_CERT-4-CertValidLessThanMonth",
    app: APP,
    meaning: "Alarm that indicates Certificate will expire in 30 days or less",
};

/// 7 days or less. Before [`EXPIRED`] was there it told of expired ones too [sources/monitor#alarms].
pub const FOR_7_DAYS: Alarm = Alarm {
    name: "UC_CERT-2-CertValidfor7days",
    app: APP,
    meaning: "Alarm to indicate that Certificate has Expired or Expires in less than seven days",
};

/// Less than a day.
pub const LESS_THAN_A_DAY: Alarm = Alarm {
    name: "UC_CERT-1-CertValidLessthanADay",
    app: APP,
    meaning: "Certificate is about to Expire in less than 24 hours or has Expired",
};

/// Expired. Obsolete in the catalogue of [sources/monitor#alarms]; [`crate::releases::Release::expired_alarm`] says
/// which releases raise it.
pub const EXPIRED: Alarm = Alarm {
    name: "UC_CERT-0-CertExpired",
    app: APP,
    meaning: "Certificate has Expired and needs to be changed at the earliest",
};

/// The tomcat certificate was made anew or uploaded.
pub const TOMCAT_REGENERATED: Alarm = Alarm {
    name: "UC_CERT-2-TomcatCertRegen",
    app: APP,
    meaning: "Alarm that indicates the tomcat certificate was regenerated; restart the tomcat service",
};

/// A certificate in use was revoked.
pub const REVOKED: Alarm = Alarm {
    name: "UC_CERT-0-CertificateRevoked",
    app: APP,
    meaning: "Alarm indicates that recently a certificate was revoked by its authority",
};

/// Nobody says whether it was; the name is misspelled in the original.
pub const REVOCATION_UNKNOWN: Alarm = Alarm {
    name: "UC_CERT-4-CertificateRevokationStatusByOCSP",
    app: APP,
    meaning: "Alarm indicates that the revocation status of a certificate could not be found out",
};

/// One day, seconds.
const DAY: i64 = 86_400;

/// Days left at most, and the alarm from then on; the first that fits counts.
const THRESHOLDS: [(i64, &Alarm); 3] = [(1, &LESS_THAN_A_DAY), (7, &FOR_7_DAYS), (30, &LESS_THAN_A_MONTH)];

/// The alarm of a certificate that somebody depends on, by the seconds that are left; `None` before the notification window.
/// `expired` is what this release says of an expired one.
pub fn by_time_left(left: i64, window_days: u32, expired: &'static Alarm) -> Option<&'static Alarm> {
    if left < 0 {
        return Some(expired);
    }
    // Less than a day, but 7 and 30 days or less.
    let fits = |days: i64| if days == 1 { left < DAY } else { left <= days * DAY };
    let found = THRESHOLDS.into_iter().find(|(days, _)| fits(*days)).map(|(_, alarm)| alarm);
    found.or_else(|| (left <= i64::from(window_days) * DAY).then_some(&OVER_30_DAYS))
}
