//! What a phone has shown when *Troubleshoot* asked for it.

use cluster::rows::{DeviceCertificateRow, LscRow, LscState, Unreadable};
use jiff::tz::TimeZone;
use pki::{Certificate, NameForm};

use cluster::readable::{self, KeepsCertificate};

/// A certificate that was fetched from a phone: for this device and of a CA that CAPF knows, but shown without a proof of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The certificate.
    pub certificate: Certificate,
    /// When, milliseconds since 1970 UTC.
    pub seen_at: i64,
    /// What became of it here when it is an LSC of this cluster.
    pub lsc: Option<LscState>,
}

impl Fetched {
    pub(super) fn new(shown: &DeviceCertificateRow, lscs: &[LscRow]) -> Result<Self, Unreadable> {
        let certificate = shown.certificate()?;
        let is_it = |row: &&LscRow| readable::lsc(row).is_ok_and(|lsc| lsc.as_ref() == Some(&certificate));
        let lsc = lscs.iter().find(is_it).map(|lsc| lsc.state);
        Ok(Self { certificate, seen_at: shown.seen_at, lsc })
    }

    /// One line: serial number, subject, issuer, last day, when it was shown, what it is.
    pub fn text(&self, zone: &TimeZone) -> String {
        let it = &self.certificate;
        let day = |seconds: i64| pki::date::day_and_time(seconds, zone);
        let what = match self.lsc {
            Some(LscState::Confirmed) => "the LSC that counts",
            Some(LscState::Signed) => "the LSC that was sent and never confirmed",
            Some(LscState::Superseded) => "an LSC that was replaced",
            Some(LscState::Deleted) => "an LSC that was deleted",
            Some(LscState::Intended) | None => "no LSC of this cluster",
        };
        format!(
            "{} {} from {}, until {}; {what}; shown on {} without a proof",
            it.serial_hex(),
            it.subject(NameForm::Cucm),
            it.issuer(NameForm::Cucm),
            day(it.dates().1),
            day(self.seen_at.div_euclid(1000))
        )
    }
}
