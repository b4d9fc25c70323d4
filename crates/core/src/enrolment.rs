//! Enrolment: what CAPF does for phones, and what an administrator does to CAPF [sources/capf#service],
//! [sources/capf#sequence].
//!
//! * [`schedule`]: [`Schedule`] for one device, a list or all; cancel; keys; encrypted configs; what is known of each device
//! * [`fetched`]: what phones have shown
//! * [`strings`]: authentication strings
//! * [`desk`]: the questions of a CAPF session, answered from the rows; [`authority`]: what it signs with
//! * [`stale`]: LSCs that hang on an old CAPF; [`waves`]: issuing them again in batches
//! * [`external`]: CAs of phones, such as the roots of MICs
//! * [`offline`]: keys that wait for a CA which is not online
//!
//! Operations, statuses, how many wrong strings are taken, and what of all this stands in the config of a phone are values and rules of
//! [`cluster::enrolment`] and [`cluster::config`].
//!
//! How an LSC comes to be, and what is on record at each point:
//!
//! | step | LSC row | status of the device | what the next session finds when it ends here |
//! |---|---|---|---|
//! | the phone hands in its key | *Intended*, with the bytes to be signed | Operation Pending | an intent that came to nothing: it ends, the operation starts anew |
//! | signed | *Signed*, with the certificate | Operation Pending | the certificate was not sent, or the phone may hold it: known, not current; the operation starts anew |
//! | the phone says it is stored | *Confirmed*; every other one of the device *Superseded* | Upgrade Success | nothing is pending |
//!
//! Each step is one transaction with its audit entry. A certificate leaves only after it is on record; one is current per device,
//! and the database itself holds that (a unique index). A phone that proves the key of a *Signed* LSC has stored it, so it
//! becomes *Confirmed* then.

pub mod authority;
pub mod desk;
pub mod external;
pub mod fetched;
pub mod offline;
mod recorder;
pub mod schedule;
mod second_key;
pub mod selection;
pub mod stale;
pub mod strings;
mod turns;
mod waiting;
pub mod waves;

pub use authority::Authority;
pub use desk::{Desk, Policy, Refused, Visit};
pub use fetched::Fetched;
pub use offline::OfflineImport;
pub use schedule::{Enrolment, Schedule, Scheduled};
pub use selection::Selection;
pub use stale::StaleLsc;
pub use strings::{AuthenticationString, StringChoice};
pub use waves::{Wave, WavePlan, WaveState, Which};

pub use cluster::rows::{DeviceCertificateRow, DeviceRequestRow, LscRow, LscState, ShownKind};
pub use wire::capf::{Curve, KeySpec, RsaSize};

use cluster::alarms::Alarm;

/// Kind of the `change` rows that concern one device's enrolment and nothing else; the subject is its name.
pub const CHANGE: &str = "enrolment";

/// A device takes no authentication string any more. Ours.
pub const STRINGS_LOCKED: Alarm = Alarm {
    name: "UC_CAPF-4-AuthenticationStringsLocked",
    app: "Cisco Certificate Authority Proxy Function",
    meaning: "Somebody guesses. No string is taken for this device until it is scheduled anew: with a new and longer one, by the CLI \
              command \"utils capf device schedule\"",
};

/// Two keys of one device got an LSC, or wait for one, under one scheduled operation. Ours.
pub const SECOND_KEY: Alarm = Alarm {
    name: "UC_CAPF-4-SecondKeyForOneOperation",
    app: "Cisco Certificate Authority Proxy Function",
    meaning: "A phone that was switched off while it made its key makes another one; somebody who repeats what a phone has said to \
              CAPF does the same. log/capf.log names the address of each session. Where one of them is not the phone, use the CLI \
              command \"utils capf device schedule\" with a new string",
};

/// The alarms about a device that end when it is scheduled anew.
pub(crate) const OF_A_SCHEDULE: [&str; 2] = [STRINGS_LOCKED.name, SECOND_KEY.name];

/// Who acts when a phone does, in the audit log.
pub(crate) const ACTOR: &str = "CAPF";

/// `versionStamp` of a config that changed now.
pub(crate) fn version_stamp(now: i64) -> String {
    format!("{}-{}", now / 1000, now % 1000)
}
