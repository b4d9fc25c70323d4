//! What must hold before a certificate is taken: plain functions over the certificate, its request and the time. The words of the
//! original where they are known, then what differs and what to do [sources/certificates#upload-errors].

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use pki::certificate::KeyKind;
use pki::extensions::AltName;
use pki::lsc::authority::{is_authority, is_issued_by};
use pki::lsc::constraints::check_constraints;
use pki::profile::{Purpose, Usage};
use pki::{Certificate, NameForm};
use wire::digest::Modulus;

use crate::Refusal;
use crate::releases::Release;
use crate::releases::requests::RequestRow;
use crate::units::Unit;

/// Certificates of a chain at most, from the one of the unit to the root.
const CHAIN_DEPTH: usize = 8;

/// Bits of an RSA key at most [sources/certificates#upload].
const RSA_LIMIT: usize = 4096;

/// Letters of all names of a certificate together at most [sources/certificates#names-and-keys].
const NAMES_LIMIT: usize = 999;

/// A certificate that ends sooner than this is taken with a word about it, seconds: the last threshold of the monitor before it hurries.
const SOON: u64 = 30 * 86_400;

/// What is asked of every certificate that is uploaded, also of one for a trust store: dates, size, no wildcard, no more names than
/// the original takes.
///
/// # Errors
/// [`Refusal::Refused`]: `expired`, `not-yet-valid`, `too-large`, `wildcard`, `too-many-names`.
pub fn plain(certificate: &Certificate, now: i64) -> Result<(), Refusal> {
    let name = certificate.subject(NameForm::Cucm);
    let (first, last) = certificate.validity();
    let seconds = u64::try_from(now / 1000).unwrap_or_default();
    let day = |at: u64| pki::date::date(at, &TimeZone::UTC);
    if seconds > last {
        let last = pki::date::day_and_time(certificate.dates().1, &TimeZone::UTC);
        let text = format!("{name} has expired on {last}. Ask its CA for a new one");
        return Err(Refusal::refused("expired", text));
    }
    if seconds < first {
        let text = format!(
            "{name} is valid from {} on, and here it is {}. Look at the clocks of the CA and of this node, or wait",
            day(first),
            day(seconds)
        );
        return Err(Refusal::refused("not-yet-valid", text));
    }
    if let Some(bits) = certificate.rsa_bits().filter(|bits| *bits > RSA_LIMIT) {
        let text =
            format!("{name} has a key of {bits} bits; up to {RSA_LIMIT} are taken. Ask for one with a smaller key");
        return Err(Refusal::refused("too-large", text));
    }
    let names = certificate.extensions().names;
    let mut all = names.iter().map(ToString::to_string).chain(certificate.common_name());
    if let Some(wildcard) = all.find(|name| name.contains('*')) {
        let text =
            format!("{wildcard} is a wildcard; such certificates are not supported. Ask for the names of the nodes");
        return Err(Refusal::refused("wildcard", text));
    }
    let letters: usize = names.iter().map(|name| name.to_string().len()).sum();
    if letters > NAMES_LIMIT {
        let text = format!(
            "the names of {name} have {letters} letters together; up to {NAMES_LIMIT} are taken. Ask for fewer or shorter names"
        );
        return Err(Refusal::refused("too-many-names", text));
    }
    Ok(())
}

/// What somebody should know of a certificate whose request was made elsewhere, so that nothing says for what it was meant: that it
/// does not name a node by the first of these names, that it ends soon.
pub fn doubts(certificate: &Certificate, nodes: &[String], now: i64) -> Vec<String> {
    let names = certificate.extensions().names;
    let common = certificate.common_name().unwrap_or_default();
    let named = |node: &&String| {
        common.eq_ignore_ascii_case(node.as_str()) || names.contains(&AltName::from_text(node).folded())
    };
    let missing = nodes.iter().filter(|node| !named(node));
    let mut all: Vec<String> = missing
        .map(|node| format!("{node} is not among its names: clients that look at the name will not accept it there"))
        .collect();
    let last = certificate.validity().1;
    if last.saturating_sub(u64::try_from(now / 1000).unwrap_or_default()) < SOON {
        all.push(format!("it ends on {}: ask for a new one in time", pki::date::date(last, &TimeZone::UTC)));
    }
    all
}

/// How its CA has signed it, when that is something to be told.
pub fn signature_doubt(certificate: &Certificate) -> Option<String> {
    let name = certificate.weak_signature()?;
    Some(match name {
        "RSASSA-PSS" => "its CA has signed it with RSASSA-PSS, which phones and older servers cannot check".to_owned(),
        _ => format!("its CA has signed it with {name}, which browsers and newer systems do not believe"),
    })
}

/// Whether a certificate may stand where its key counts as one that signs trust lists.
///
/// # Errors
/// [`Refusal::Refused`] `key-kind`.
pub fn signer_of_lists(certificate: &Certificate) -> Result<(), Refusal> {
    if certificate.rsa_bits().is_some_and(|bits| Modulus::from_bits(bits).is_some()) {
        return Ok(());
    }
    let text = format!(
        "{} has a key ({}) that cannot sign for phones: they verify RSA with PKCS#1 v1.5, of 512, 1024, 2048 and 4096 bits",
        certificate.subject(NameForm::Cucm),
        certificate.key_kind()
    );
    Err(Refusal::refused("key-kind", text))
}

/// What is wrong with the certificate of a CA, if anything.
///
/// # Errors
/// A sentence.
pub fn authority(certificate: &Certificate, now: i64) -> Result<(), String> {
    let name = certificate.subject(NameForm::Cucm);
    if !is_authority(certificate) {
        return Err(format!("{name} is no CA: it lacks BasicConstraints CA:TRUE or keyCertSign"));
    }
    plain(certificate, now).map_err(|error| error.to_string())
}

/// Whether the key of a unit is on a curve where it should be, and not elsewhere.
///
/// # Errors
/// [`Refusal::Refused`]: `key-kind`.
pub fn key_kind(unit: Unit, certificate: &Certificate) -> Result<(), Refusal> {
    let fits = match certificate.key_kind() {
        KeyKind::Rsa(_) => !unit.is_ec(),
        KeyKind::Ec(_) => unit.is_ec(),
        KeyKind::Unsound(..) | KeyKind::Other(_) => false,
    };
    if fits {
        return Ok(());
    }
    let wanted = if unit.is_ec() { "a key on an elliptic curve" } else { "an RSA key for PKCS#1 v1.5" };
    let kind = certificate.key_kind();
    let text = format!("{} needs {wanted}, and this is {kind}. Make the request with `set csr gen {0}`", unit.name());
    Err(Refusal::refused("key-kind", text))
}

/// Whether the files of phones can name an RSA key of `bits`, where the unit signs for them.
pub fn can_sign(release: &Release, unit: Unit, bits: usize) -> bool {
    !release.signs_for_phones(unit) || Modulus::from_bits(bits).is_some()
}

/// Whether the names are those of the request: none more, none less.
///
/// # Errors
/// [`Refusal::Refused`] `san-mismatch`.
pub fn names(asked: &pki::extensions::Extensions, certificate: &Certificate) -> Result<(), Refusal> {
    let given = certificate.extensions().names;
    if given == asked.names {
        return Ok(());
    }
    let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
    let added = list(given.difference(&asked.names).map(ToString::to_string).collect());
    let dropped = list(asked.names.difference(&given).map(ToString::to_string).collect());
    let mut text = "CSR SAN and Certificate SAN does not match.".to_owned();
    if !added.is_empty() {
        text.push_str(&format!(" The CA added {added}."));
    }
    if !dropped.is_empty() {
        text.push_str(&format!(" The CA dropped {dropped}."));
    }
    text.push_str(
        " Let the CA copy the names of the CSR as they are, or make the CSR with the names that the CA gives: `set csr gen` \
         with common-name, names, parent-domain",
    );
    Err(Refusal::refused("san-mismatch", text))
}

/// What older releases ask for and a CA may leave out. Cisco names what it signs: serverAuth and clientAuth;
/// digitalSignature, keyEncipherment, dataEncipherment and keyCertSign [sources/certificates#requests]. TLS with RSA,
/// CAPF and ipsec need none of them.
const SPARE: [&str; 2] = [Usage::KeyAgreement.name(), Purpose::IpsecEndSystem.name()];

/// Whether the CA has kept the usages and purposes that the unit needs.
///
/// # Errors
/// [`Refusal::Refused`] `usage-dropped`.
pub fn usages(unit: Unit, row: &RequestRow, certificate: &Certificate) -> Result<(), Refusal> {
    let said = certificate.extensions();
    let usages = said.usages.unwrap_or_default();
    let purposes = said.purposes.unwrap_or_default();
    let asked = row.usages.iter().map(|usage| usage.name()).filter(|name| !usages.contains(name));
    let lost = asked.chain(row.purposes.iter().map(|purpose| purpose.name()).filter(|name| !purposes.contains(*name)));
    let lost: Vec<&str> = lost.filter(|name| !SPARE.contains(name)).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let text = format!(
        "The CA dropped {} of the key usages that {} asks for. Let the template of the CA keep them",
        lost.join(", "),
        unit.name()
    );
    Err(Refusal::refused("usage-dropped", text))
}

/// CA:TRUE where the unit issues certificates, and not where it must not be.
///
/// # Errors
/// [`Refusal::Refused`]: `not-a-ca`, `is-a-ca`.
pub fn constraints(unit: Unit, certificate: &Certificate, now: i64) -> Result<(), Refusal> {
    match unit {
        Unit::Capf => authority(certificate, now).map_err(|reason| {
            Refusal::refused("not-a-ca", format!("{reason}. Let the CA sign it as a subordinate CA"))
        }),
        // 14SU3 and later refuse it; nothing older needs it [sources/certificates#upload].
        Unit::Ipsec if certificate.extensions().ca == Some(true) => {
            let text = "an ipsec certificate must not be that of a CA (CA:TRUE). Let the CA sign it as an end entity";
            Err(Refusal::refused("is-a-ca", text))
        }
        _ => Ok(()),
    }
}

/// Whether it takes the place of an older one. One that this system has signed itself does not count: CAs date back what they
/// sign.
///
/// # Errors
/// [`Refusal::Refused`]: `already-there`, `older`.
pub fn newer(unit: Unit, node: &str, old: &Certificate, new: &Certificate) -> Result<(), Refusal> {
    if old == new {
        let text = format!("this is the {} certificate of {node} already", unit.name());
        return Err(Refusal::refused("already-there", text));
    }
    older(old, new).map_or(Ok(()), |text| Err(Refusal::refused("older", text)))
}

/// Why a certificate would take the place of a younger one of the same name, if it would.
pub fn older(old: &Certificate, new: &Certificate) -> Option<String> {
    let same_name = old.has_subject_of(new);
    let (was, is) = (old.dates().0, new.dates().0);
    let comparable = new.is_self_issued() || !old.is_self_issued();
    (same_name && comparable && is < was).then(|| {
        let day = |at: i64| pki::date::day_and_time(at, &TimeZone::UTC);
        format!(
            "{} is older than the one that stands there: valid from {}, that one from {}. Look whether this is the right file",
            new.subject(NameForm::Cucm),
            day(is),
            day(was)
        )
    })
}

/// The certificates above `own` up to the root, from those that are known.
///
/// # Errors
/// [`Refusal::Refused`]: `no-chain`, `not-a-ca`, `not-allowed-by-its-ca`.
pub fn chain(own: &Certificate, known: &[Certificate], store: &str, now: i64) -> Result<Vec<Certificate>, Refusal> {
    let mut chain: Vec<Certificate> = Vec::new();
    let mut last = own.clone();
    while !last.is_self_issued() {
        let is_above = |ca: &&Certificate| **ca != last && !chain.contains(ca) && is_issued_by(&last, ca);
        // Of several of one name and key, one that is valid.
        let above = known.iter().filter(is_above).max_by_key(|ca| authority(ca, now).is_ok());
        let Some(above) = above.filter(|_| chain.len() < CHAIN_DEPTH) else {
            let text = format!(
                "CA Certificate is Not Available in the Trust-Store. {} was issued by {}: put that into {store} first, the \
                 root before those below it (`set cert import trust {store}`)",
                last.subject(NameForm::Cucm),
                last.issuer(NameForm::Cucm)
            );
            return Err(Refusal::refused("no-chain", text));
        };
        authority(above, now).map_err(|reason| Refusal::refused("not-a-ca", reason))?;
        chain.push(above.clone());
        last = above.clone();
    }
    check_constraints(own, &chain.iter().collect::<Vec<_>>()).map_err(|reason| {
        Refusal::refused("not-allowed-by-its-ca", format!("{}: {reason}", own.subject(NameForm::Cucm)))
    })?;
    Ok(chain)
}
