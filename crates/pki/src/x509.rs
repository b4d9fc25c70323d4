//! The structure of an X.509 certificate (RFC 5280 4.1): what the linked OpenSSL reads, and a reason by name for the rest.
//!
//! `x509-cert` lays certificates out for us, but refuses several that phones read: a UniversalString in a name, years before 1970.

use jiff::civil::DateTime;

use crate::name::DistinguishedName;
use crate::tlv::{Oid, Reader, SEQUENCE, Value, Wrong, bits};

/// Bytes of a serial number at most (RFC 5280 4.1.2.2); the 00 before a high bit does not count.
pub const SERIAL_LIMIT: usize = 20;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// [0] to [3] of TBSCertificate.
const VERSION: u8 = 0xa0;
const ISSUER_ID: u8 = 0x81;
const SUBJECT_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;

/// A certificate taken apart.
pub(crate) struct Structure {
    /// The bytes of the INTEGER, two's complement.
    pub(crate) serial: Box<[u8]>,
    pub(crate) issuer: DistinguishedName,
    /// First and last second, since 1970 UTC.
    pub(crate) validity: (i64, i64),
    pub(crate) subject: DistinguishedName,
    /// SubjectPublicKeyInfo, DER.
    pub(crate) spki: Box<[u8]>,
    pub(crate) key_algorithm: Oid,
    pub(crate) key_bits: Box<[u8]>,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) signature_algorithm: Oid,
    pub(crate) signature: Box<[u8]>,
}

/// An extension.
pub(crate) struct Extension {
    pub(crate) oid: Oid,
    pub(crate) critical: bool,
    pub(crate) value: Box<[u8]>,
}

impl Structure {
    /// Takes a certificate apart, to its last byte.
    pub(crate) fn read(der: &[u8]) -> Result<Self, Wrong> {
        let mut all = Reader(der);
        let mut outer = Reader(all.take(SEQUENCE, "the certificate")?.inside);
        all.end("the certificate")?;
        let signed = outer.take(SEQUENCE, "its signed part")?;
        let signature_algorithm = outer.algorithm("its signature algorithm")?;
        let signature = outer.bits("its signature")?.into();
        outer.end("its signature")?;
        let signed = SignedPart::read(signed)?;
        Ok(Self {
            serial: signed.serial.into(),
            issuer: signed.issuer,
            validity: signed.validity,
            subject: signed.subject,
            spki: signed.spki.into(),
            key_algorithm: signed.key_algorithm,
            key_bits: signed.key_bits.into(),
            extensions: signed.extensions,
            signature_algorithm,
            signature,
        })
    }
}

/// The subject in a TBSCertificate, DER.
pub(crate) fn subject_of(signed: &[u8]) -> Result<DistinguishedName, Wrong> {
    let signed = Reader(signed).take(SEQUENCE, "the signed part")?;
    Ok(SignedPart::read(signed)?.subject)
}

/// TBSCertificate.
struct SignedPart<'a> {
    serial: &'a [u8],
    issuer: DistinguishedName,
    validity: (i64, i64),
    subject: DistinguishedName,
    spki: &'a [u8],
    key_algorithm: Oid,
    key_bits: &'a [u8],
    extensions: Vec<Extension>,
}

impl<'a> SignedPart<'a> {
    fn read(signed: Value<'a>) -> Result<Self, Wrong> {
        let mut parts = Reader(signed.inside);
        if let Some(version) = parts.optional(VERSION, "its version")? {
            let mut version = Reader(version.inside);
            version.integer("its version")?;
            version.end("its version")?;
        }
        let serial = parts.integer("its serial number")?;
        let counted = serial.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(serial);
        if counted.len() > SERIAL_LIMIT {
            return Err(format!(
                "its serial number of {} bytes is above the {SERIAL_LIMIT} that are allowed (RFC 5280 4.1.2.2); ask its CA for one with \
                 a shorter number",
                counted.len()
            ));
        }
        parts.algorithm("its signature algorithm")?;
        let issuer = parts.take(SEQUENCE, "its issuer")?;
        let mut times = Reader(parts.take(SEQUENCE, "its validity")?.inside);
        let validity =
            (time(times.any("its notBefore")?, "its notBefore")?, time(times.any("its notAfter")?, "its notAfter")?);
        times.end("its validity")?;
        let subject = DistinguishedName::read(parts.take(SEQUENCE, "its subject")?, "its subject")?;
        let issuer = DistinguishedName::read(issuer, "its issuer")?;
        let spki = parts.take(SEQUENCE, "its public key")?;
        let mut key = Reader(spki.inside);
        let key_algorithm = key.algorithm("the algorithm of its public key")?;
        let key_bits = key.bits("its public key")?;
        key.end("its public key")?;
        for (tag, what) in [(ISSUER_ID, "its issuerUniqueID"), (SUBJECT_ID, "its subjectUniqueID")] {
            if let Some(id) = parts.optional(tag, what)? {
                bits(id.inside, what)?;
            }
        }
        let mut extensions = Vec::new();
        if let Some(found) = parts.optional(EXTENSIONS, "its extensions")? {
            let mut found = Reader(found.inside);
            let mut all = Reader(found.take(SEQUENCE, "its extensions")?.inside);
            found.end("its extensions")?;
            while all.peek().is_some() {
                let mut one = Reader(all.take(SEQUENCE, "an extension")?.inside);
                extensions.push(Extension {
                    oid: one.oid("an extension")?,
                    critical: one.flag("an extension")?,
                    value: one.octets("an extension")?.into(),
                });
                one.end("an extension")?;
            }
        }
        parts.end("its extensions")?;
        Ok(Self { serial, issuer, validity, subject, spki: spki.whole, key_algorithm, key_bits, extensions })
    }
}

/// Whether this is the tag of a time.
pub(crate) const fn is_time(tag: u8) -> bool {
    matches!(tag, UTC_TIME | GENERALIZED_TIME)
}

/// UTCTime or GeneralizedTime, seconds since 1970 UTC. Seconds may be left out as in older certificates, and a leap second is
/// the second behind the minute.
pub(crate) fn time(value: Value<'_>, what: &str) -> Result<i64, Wrong> {
    let text = String::from_utf8_lossy(value.inside);
    let wrong = || format!("{what} is `{}`, which is not a time", text.escape_debug());
    let (year, rest) = match value.tag {
        UTC_TIME => {
            let (year, rest) = number(&text, 2).ok_or_else(wrong)?;
            // RFC 5280 4.1.2.5.1.
            (if year >= 50 { 1900 + year } else { 2000 + year }, rest)
        }
        GENERALIZED_TIME => number(&text, 4).ok_or_else(wrong)?,
        tag => return Err(format!("{what} has the tag {tag:#04x}, which is not a time")),
    };
    seconds(year, rest).ok_or_else(wrong)
}

fn seconds(year: i16, text: &str) -> Option<i64> {
    let (month, text) = number(text, 2)?;
    let (day, text) = number(text, 2)?;
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text, 2)?;
    let (second, text) = number(text, 2).unwrap_or((0, text));
    let text = match text.strip_prefix('.') {
        None => text,
        Some(fraction) => fraction.trim_start_matches(|digit: char| digit.is_ascii_digit()),
    };
    let offset = match text {
        "Z" => 0,
        _ => {
            let (sign, digits) =
                text.strip_prefix('-').map_or_else(|| (1, text.strip_prefix('+')), |rest| (-1, Some(rest)));
            let (hours, digits) = number(digits?, 2)?;
            let (minutes, "") = number(digits, 2)? else { return None };
            (hours < 24 && minutes < 60).then_some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))?
        }
    };
    let narrow = |number: i16| i8::try_from(number).ok();
    let minute = DateTime::new(year, narrow(month)?, narrow(day)?, narrow(hour)?, narrow(minute)?, 0, 0).ok()?;
    let start = minute.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs();
    ((0..=60).contains(&second)).then_some(start + i64::from(second) - offset)
}

/// The number that the first digits of a text are.
fn number(text: &str, digits: usize) -> Option<(i16, &str)> {
    let (first, rest) = text.split_at_checked(digits)?;
    first.bytes().all(|digit| digit.is_ascii_digit()).then(|| first.parse().ok()).flatten().map(|number| (number, rest))
}
