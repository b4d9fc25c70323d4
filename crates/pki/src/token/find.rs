//! The certificates on a token, and which of them has the key to sign with.

use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, CertificateType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::error::TokenError;
use super::module::TokenInfo;
use crate::certificate::{Certificate, KeyKind};
use crate::name::NameForm;

/// Objects that are looked at, at most: a token holds a few.
const OBJECT_LIMIT: usize = 256;

/// A certificate on a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// CKA_LABEL; may be empty.
    pub label: String,
    /// CKA_ID: the same as that of its private key.
    pub id: Vec<u8>,
}

impl TokenCertificate {
    /// Label, serial number and subject: what it is called by, and what it is.
    #[must_use]
    pub fn title(&self) -> String {
        let subject = self.certificate.subject(NameForm::Cucm);
        format!("{}, serial number {} ({subject})", self.label, self.serial())
    }

    /// Its serial number in hexadecimal digits: tells apart what has one label.
    #[must_use]
    pub fn serial(&self) -> String {
        self.certificate.serial_hex()
    }

    fn is_called(&self, wanted: &str) -> bool {
        self.label == wanted || self.serial().eq_ignore_ascii_case(wanted)
    }

    /// Whether it is that of a CA.
    fn is_authority(&self) -> bool {
        self.certificate.extensions().ca == Some(true)
    }
}

/// Every X.509 certificate on the token. The bytes come from a foreign library and are checked by whoever reads them.
pub(super) fn certificates(session: &Session) -> Result<Vec<RawCertificate>, Error> {
    let wanted = [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::CertificateType(CertificateType::X_509)];
    let mut found = Vec::new();
    for object in session.find_objects(&wanted)?.into_iter().take(OBJECT_LIMIT) {
        let mut raw = RawCertificate::default();
        for attribute in
            session.get_attributes(object, &[AttributeType::Value, AttributeType::Id, AttributeType::Label])?
        {
            match attribute {
                Attribute::Value(der) => raw.der = der,
                Attribute::Id(id) => raw.id = id,
                Attribute::Label(label) => raw.label = String::from_utf8_lossy(&label).into_owned(),
                _ => {}
            }
        }
        found.push(raw);
    }
    Ok(found)
}

/// A certificate as the module gives it.
#[derive(Default)]
pub(super) struct RawCertificate {
    der: Vec<u8>,
    id: Vec<u8>,
    label: String,
}

impl RawCertificate {
    pub(super) fn read(self, token: &TokenInfo) -> Result<TokenCertificate, TokenError> {
        let certificate = Certificate::from_der(&self.der)
            .map_err(|error| TokenError::BadCertificate { token: token.name(), reason: error.to_string() })?;
        Ok(TokenCertificate { certificate, label: self.label, id: self.id })
    }
}

/// A private key on the token, as far as it shows.
pub(super) struct KeyOnToken {
    pub(super) handle: ObjectHandle,
    pub(super) id: Vec<u8>,
    /// Of an RSA key.
    modulus: Option<Vec<u8>>,
}

/// The private keys. Only seen after a log-in.
pub(super) fn keys(session: &Session) -> Result<Vec<KeyOnToken>, Error> {
    let mut found = Vec::new();
    let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
    for handle in session.find_objects(&wanted)?.into_iter().take(OBJECT_LIMIT) {
        let mut key = KeyOnToken { handle, id: Vec::new(), modulus: None };
        for attribute in session.get_attributes(handle, &[AttributeType::Id, AttributeType::Modulus])? {
            match attribute {
                Attribute::Id(id) => key.id = id,
                Attribute::Modulus(modulus) => key.modulus = Some(modulus),
                _ => {}
            }
        }
        found.push(key);
    }
    Ok(found)
}

/// What can be said of the certificates without seeing keys: the only one, or the one that was named, fit to sign.
pub(super) fn choose_public(
    token: &TokenInfo,
    certificates: Vec<TokenCertificate>,
    wanted: Option<&str>,
) -> Result<TokenCertificate, TokenError> {
    // Each counts as having a key of its own; a CA only when nothing else is there.
    let asked = without_authorities(asked(token, &certificates, wanted)?);
    match asked.as_slice() {
        [one] => check(token, &one.certificate).map(|()| (*one).clone()),
        several => Err(TokenError::SeveralCertificates { token: token.name(), certificates: titles(several) }),
    }
}

/// The one certificate that has a key, or the one that was named.
pub(super) fn choose(
    token: &TokenInfo,
    certificates: Vec<TokenCertificate>,
    keys: &[KeyOnToken],
    wanted: Option<&str>,
) -> Result<(TokenCertificate, ObjectHandle), TokenError> {
    let name = || token.name();
    let asked = asked(token, &certificates, wanted)?;
    let Some(first) = asked.first() else {
        return Err(TokenError::NoCertificate { token: name() });
    };
    let has_key = |one: &TokenCertificate| keys.iter().any(|key| key.id == one.id);
    // A CA that stands beside the certificate it has issued signs no list; one whose key is here, and no other's, is meant.
    let with_key = without_authorities(asked.iter().copied().filter(|one| has_key(one)).collect());
    let subject = |one: &TokenCertificate| one.certificate.subject(NameForm::Cucm);
    let chosen = match with_key.as_slice() {
        [] if asked.iter().all(|one| one.is_authority()) => {
            return Err(TokenError::Authority { token: name(), certificates: titles(&asked) });
        }
        [] => {
            let first = asked.iter().find(|one| !one.is_authority()).unwrap_or(first);
            let reason = "no key has its CKA_ID";
            return Err(TokenError::NoKey { token: name(), certificate: subject(first), reason });
        }
        [one] => *one,
        several => {
            return Err(TokenError::SeveralCertificates { token: name(), certificates: titles(several) });
        }
    };
    let same_id: Vec<&KeyOnToken> = keys.iter().filter(|key| key.id == chosen.id).collect();
    let [key] = same_id.as_slice() else {
        return Err(TokenError::SeveralKeys { token: name(), certificate: subject(chosen), count: same_id.len() });
    };
    let certificate = &chosen.certificate;
    check(token, certificate)?;
    if key.modulus.as_ref().is_some_and(|modulus| !certificate.has_modulus(modulus)) {
        let reason = "the key with its CKA_ID belongs to something else";
        return Err(TokenError::NoKey { token: name(), certificate: subject(chosen), reason });
    }
    Ok((chosen.clone(), key.handle))
}

/// The certificates that were asked for: at least one.
fn asked<'a>(
    token: &TokenInfo,
    certificates: &'a [TokenCertificate],
    wanted: Option<&str>,
) -> Result<Vec<&'a TokenCertificate>, TokenError> {
    let asked: Vec<_> = certificates.iter().filter(|one| wanted.is_none_or(|wanted| one.is_called(wanted))).collect();
    match wanted {
        _ if !asked.is_empty() => Ok(asked),
        Some(wanted) if !certificates.is_empty() => Err(TokenError::NoSuchCertificate {
            token: token.name(),
            wanted: wanted.to_owned(),
            certificates: titles(&certificates.iter().collect::<Vec<_>>()),
        }),
        _ => Err(TokenError::NoCertificate { token: token.name() }),
    }
}

/// Those that are of no CA, when there are such.
fn without_authorities(all: Vec<&TokenCertificate>) -> Vec<&TokenCertificate> {
    if all.iter().all(|one| one.is_authority()) {
        all
    } else {
        all.into_iter().filter(|one| !one.is_authority()).collect()
    }
}

fn titles(all: &[&TokenCertificate]) -> String {
    all.iter().map(|one| one.title()).collect::<Vec<_>>().join(", ")
}

/// Whether phones verify what this certificate signs.
fn check(token: &TokenInfo, certificate: &Certificate) -> Result<(), TokenError> {
    let fits = certificate.rsa_bits().and_then(wire::digest::Modulus::from_bits).is_some();
    if !fits || !matches!(certificate.key_kind(), KeyKind::Rsa(_)) {
        return Err(TokenError::Unsuitable { token: token.name(), kind: certificate.key_kind().to_string() });
    }
    Ok(())
}

/// Whether a certificate is valid now.
pub(super) fn check_date(token: &TokenInfo, certificate: &Certificate, now: u64) -> Result<(), TokenError> {
    let (first_second, last_second) = certificate.validity();
    if now < first_second {
        let next = "set the clock of this machine right, or use another token";
        return Err(out_of_date(token, ("is not valid before", next), first_second));
    }
    if now > last_second {
        return Err(out_of_date(token, ("expired on", "use another token"), last_second));
    }
    Ok(())
}

fn out_of_date(token: &TokenInfo, (state, next): (&'static str, &'static str), second: u64) -> TokenError {
    let date = i64::try_from(second).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
    let date = date.map_or_else(|| format!("second {second}"), |date| date.strftime("%Y-%m-%d").to_string());
    TokenError::OutOfDate { token: token.name(), state, date, next }
}
