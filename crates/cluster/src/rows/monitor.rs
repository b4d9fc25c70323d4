//! What the certificate monitor remembers: what it said last, what was acknowledged, what was said of revocation.

/// What the monitor said last about a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint: String,
    /// Name of the alarm.
    pub alarm: String,
    /// When, milliseconds since 1970 UTC.
    pub said_at: i64,
}

/// Somebody knows about a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcknowledgementRow {
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint: String,
    /// Who.
    pub actor: String,
    /// Why nothing has to be done now.
    pub reason: String,
    /// When, milliseconds since 1970 UTC.
    pub at: i64,
}

/// What a CRL or an OCSP responder said last about a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRow {
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint: String,
    /// `good`, `revoked`, `unknown` or `unreachable`.
    pub state: String,
    /// Address of the CRL or the responder.
    pub source: String,
    /// Since when it is revoked, or why nothing is known.
    pub detail: String,
    /// When it was asked, milliseconds since 1970 UTC.
    pub checked_at: i64,
}

/// A current LSC, without its bytes, with what the monitor remembers of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedLscRow {
    /// Key of the row.
    pub pkid: String,
    /// Name of the device.
    pub device: String,
    /// SHA-256, lower-case hexadecimal.
    pub fingerprint: String,
    /// Last second of validity since 1970 UTC.
    pub not_after: i64,
    /// What was said last.
    pub said: Option<NoticeRow>,
    /// Somebody knows.
    pub acknowledged: Option<AcknowledgementRow>,
}
