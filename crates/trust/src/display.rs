//! The words on the display of a phone, and the status code of its alarm [sources/phones#display].

use crate::offer::ListKind;
use crate::verdict::{Change, Verdict};

/// A message on the display, spelled as on the phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceMessage {
    /// A list was replaced.
    TrustListUpdated,
    /// A list was refused; the old one stays.
    TrustListUpdateFailed,
    /// The phone has neither CTL nor ITL.
    NoTrustListInstalled,
    /// The user erases the lists.
    ErasingCtlAndItlFiles,
    /// The server does not have a file. Normal for the CTL of a cluster that is not secure.
    FileNotFound(String),
}

impl DeviceMessage {
    /// What the verdict on a list puts on the display; nothing when the list stays as it was.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Refused(_) => Some(Self::TrustListUpdateFailed),
            Verdict::Accepted(accepted) => match accepted.change {
                Change::StoreList(..) | Change::ClearList(_) => Some(Self::TrustListUpdated),
                Change::Nothing | Change::StoreConfig(_) => None,
            },
        }
    }
}

impl std::fmt::Display for DeviceMessage {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TrustListUpdated => out.write_str("Trust List Updated"),
            Self::TrustListUpdateFailed => out.write_str("Trust List Update Failed"),
            Self::NoTrustListInstalled => out.write_str("No Trust List Installed"),
            Self::ErasingCtlAndItlFiles => out.write_str("Erasing CTL and ITL files"),
            Self::FileNotFound(name) => write!(out, "File Not Found <{name}>"),
        }
    }
}

/// `StatusCode` of the alarm DeviceTLInfo, 1 to 9, after a boot. `had` tells which lists the phone held before; the
/// verdicts are `None` for a list that was not offered.
#[must_use]
pub fn status_code(had: impl Fn(ListKind) -> bool, ctl: Option<&Verdict>, itl: Option<&Verdict>) -> u8 {
    let had_any = had(ListKind::Ctl) || had(ListKind::Itl);
    let failed = |verdict: Option<&Verdict>| verdict.is_some_and(|verdict| !verdict.is_accepted());
    let new = |kind, verdict: Option<&Verdict>| {
        !had(kind)
            && verdict.is_some_and(|verdict| {
                matches!(verdict, Verdict::Accepted(accepted)
                    if matches!(accepted.change, Change::StoreList(..)))
            })
    };
    match (failed(ctl), failed(itl)) {
        (true, true) if had_any => 9,
        (true, true) => 6,
        (true, false) if itl.is_some() => 5,
        (false, true) if ctl.is_some() => 8,
        (true, false) | (false, true) if had_any => 9,
        (true, false) | (false, true) => 6,
        (false, false) => match (new(ListKind::Ctl, ctl), new(ListKind::Itl, itl)) {
            (true, true) => 4,
            (true, false) => 2,
            (false, true) => 3,
            (false, false) if ctl.is_none() && itl.is_none() => 7,
            (false, false) => 1,
        },
    }
}
