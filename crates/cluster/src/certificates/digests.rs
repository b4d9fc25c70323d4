//! Which digests go with which key.

use pki::request::RequestDigest;

use crate::Refusal;
use crate::units::Unit;

/// The digest with a name: `SHA256`, `sha-256`. Who errs hears of those that are `offered`.
///
/// # Errors
/// [`Refusal::BadInput`].
pub fn digest_named(name: &str, offered: &[RequestDigest]) -> Result<RequestDigest, Refusal> {
    let wanted = name.replace('-', "");
    let found = RequestDigest::ALL.into_iter().find(|digest| digest.name().eq_ignore_ascii_case(&wanted));
    found.ok_or_else(|| {
        let names: Vec<&str> = offered.iter().map(|digest| digest.name()).collect();
        Refusal::BadInput(format!("`{}` is no digest; there are {}", name.escape_debug(), names.join(", ")))
    })
}

/// The digests that go with a key: on a curve those of at least the strength of the key
/// [sources/certificates#names-and-keys].
pub fn fitting(unit: Unit, bits: u32, offered: &[RequestDigest]) -> Vec<RequestDigest> {
    // 521 bits go with SHA-512, the largest there is.
    let least = if unit.is_ec() { bits.min(512) } else { 0 };
    offered.iter().copied().filter(|digest| digest.bits() >= least).collect()
}

/// The digest that was chosen, or the first that fits.
pub fn digest(
    unit: Unit,
    bits: u32,
    offered: &[RequestDigest],
    chosen: Option<RequestDigest>,
) -> Result<RequestDigest, Refusal> {
    let fits = fitting(unit, bits, offered);
    let found = match chosen {
        None => fits.first().copied(),
        Some(chosen) => fits.iter().copied().find(|digest| *digest == chosen),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = fits.iter().map(|digest| digest.name()).collect();
        let chosen = chosen.map_or("", RequestDigest::name);
        Refusal::BadInput(format!("{chosen} is not offered for this key; there are {}", names.join(", ")))
    })
}
