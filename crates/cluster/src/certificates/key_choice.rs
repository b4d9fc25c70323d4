//! Key length and hash of a certificate that a unit makes for itself, and the phones that could not check such a key
//! [sources/certificates#names-and-keys].

use pki::request::RequestDigest;
use trust::Model;
use wire::digest::DigestId;

use crate::certificates::checks;
use crate::certificates::digests::{digest, fitting};
use crate::releases::requests::CURVES;
use crate::releases::{KeyProfile, Release};
use crate::units::Unit;
use crate::wording::listed;
use crate::{Refusal, State};

/// What an administrator chooses on the page of the original; without a choice it is as the release makes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyChoice {
    /// Size of the RSA key or of the curve in bits.
    pub bits: Option<u32>,
    /// Digest of the certificate's signature.
    pub digest: Option<RequestDigest>,
}

/// Units whose keys phones check: they sign what phones read, stand in lists, or meet phones in TLS.
pub(crate) const FOR_PHONES: [Unit; 4] = [Unit::CallManager, Unit::ItlRecovery, Unit::Capf, Unit::Tvs];

/// The digests that a certificate which `unit` makes for itself can have with a key of `bits`, or of the usual size.
#[must_use]
pub fn digests_of_certificates(release: &Release, unit: Unit, bits: Option<u32>) -> Vec<RequestDigest> {
    let bits = bits.unwrap_or_else(|| (release.certificates)(unit).1.bits);
    fitting(unit, bits, &self_signed_digests(release))
}

/// The same for a request to a CA.
#[must_use]
pub fn digests_of_requests(release: &Release, unit: Unit, bits: Option<u32>) -> Vec<RequestDigest> {
    let bits = bits.or_else(|| lengths(release, unit).first().copied());
    fitting(unit, bits.unwrap_or_default(), release.requests.digests)
}

fn self_signed_digests(release: &Release) -> Vec<RequestDigest> {
    release.requests.digests.iter().copied().filter(|digest| self_signed(*digest).is_some()).collect()
}

fn lengths(release: &Release, unit: Unit) -> &'static [u32] {
    if unit.is_ec() { &CURVES } else { release.requests.rsa }
}

/// Phones, each with its model.
type Phones = Vec<(String, &'static Model)>;

impl State {
    /// Key and certificate of a unit at a renewal, with what was chosen.
    ///
    /// # Errors
    /// [`Refusal::BadInput`]: the release does not offer it; [`Refusal::Refused`] `key-kind` for a size that the files of phones
    /// cannot name, `model-key-length` for one that a phone in use cannot check.
    pub(crate) fn chosen_profile(&self, unit: Unit, choice: KeyChoice) -> Result<KeyProfile, Refusal> {
        let mut profile = (self.release.certificates)(unit).1;
        if choice.bits.is_some() {
            profile.bits = self.key_length(unit, choice.bits)?;
        }
        if choice.bits.is_some() || choice.digest.is_some() {
            let offered = self_signed_digests(self.release);
            let usual = offered.iter().copied().find(|digest| self_signed(*digest) == Some(profile.certificate.digest));
            let chosen = digest(unit, profile.bits, &offered, choice.digest.or(usual))?;
            profile.certificate.digest = self_signed(chosen).unwrap_or(profile.certificate.digest);
        }
        self.check_key_length(unit, profile.bits)?;
        Ok(profile)
    }

    /// The key length that was chosen, or the first that the release offers, when it is one that the unit can have now.
    ///
    /// # Errors
    /// As [`Self::chosen_profile`].
    pub(crate) fn key_length(&self, unit: Unit, chosen: Option<u32>) -> Result<u32, Refusal> {
        let offered = lengths(self.release, unit);
        let bits = chosen.or_else(|| offered.first().copied()).unwrap_or_default();
        if !offered.contains(&bits) {
            let taken = texts(&self.lengths_taken(unit)?);
            return Err(Refusal::BadInput(format!("no key length of {bits} bits here; there are {taken}")));
        }
        self.check_key_length(unit, bits)?;
        Ok(bits)
    }

    fn check_key_length(&self, unit: Unit, bits: u32) -> Result<(), Refusal> {
        if unit.is_ec() {
            return Ok(());
        }
        self.check_signing_key(unit, usize::try_from(bits).ok())?;
        self.check_models(unit, bits)
    }

    /// Whether the files of phones can name what a key of `bits` signs, where the unit signs for them. Asked when the request is made
    /// too, so that nobody pays a CA for a certificate that is of no use.
    ///
    /// # Errors
    /// [`Refusal::Refused`]: `key-kind`.
    pub(crate) fn check_signing_key(&self, unit: Unit, bits: Option<usize>) -> Result<(), Refusal> {
        let Some(bits) = bits.filter(|bits| !checks::can_sign(self.release, unit, *bits)) else { return Ok(()) };
        let text = format!(
            "{} signs what phones read, and their files have no value for RSA-{bits}. Ask with another key length: {}",
            unit.name(),
            texts(&self.lengths_taken(unit)?)
        );
        Err(Refusal::refused("key-kind", text))
    }

    /// What the release offers, less what the files of phones cannot name and what phones in use cannot check.
    fn lengths_taken(&self, unit: Unit) -> Result<Vec<u32>, Refusal> {
        let most = self.phones_with_least(unit)?.map_or(usize::MAX, |(least, _)| least);
        let mut taken = lengths(self.release, unit).to_vec();
        taken.retain(|length| {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            unit.is_ec() || length <= most && checks::can_sign(self.release, unit, length)
        });
        Ok(taken)
    }

    /// The least size of RSA keys that all phones in use can check, where they check those of the unit, and the phones with their models.
    fn phones_with_least(&self, unit: Unit) -> Result<Option<(usize, Phones)>, Refusal> {
        let limits = trust::models::MODELS.iter().map(|model| model.most_rsa_bits);
        if !FOR_PHONES.contains(&unit) || limits.clone().min() == limits.max() {
            return Ok(None);
        }
        let known = self.phones()?.iter().filter_map(|(name, model)| Some((name.clone(), Model::find(model)?)));
        let known: Vec<(String, &Model)> = known.collect();
        Ok(known.iter().map(|(_, model)| model.most_rsa_bits).min().map(|least| (least, known)))
    }

    /// Whether all phones in use can check an RSA key of a unit; what each model can is in [`trust::models`].
    ///
    /// # Errors
    /// [`Refusal::Refused`] `model-key-length` with the phones that cannot.
    pub(crate) fn check_models(&self, unit: Unit, bits: u32) -> Result<(), Refusal> {
        let wanted = usize::try_from(bits).unwrap_or(usize::MAX);
        let Some((least, phones)) = self.phones_with_least(unit)?.filter(|(least, _)| *least < wanted) else {
            return Ok(());
        };
        let behind: Vec<(String, &Model)> =
            phones.into_iter().filter(|(_, model)| model.most_rsa_bits < wanted).collect();
        let mut models: Vec<&str> = behind.iter().map(|(_, model)| model.name).collect();
        models.sort_unstable();
        models.dedup();
        let names: Vec<String> = behind.into_iter().map(|(name, _)| name).collect();
        let taken = self.lengths_taken(unit)?;
        let next = match taken.as_slice() {
            [] => "Remove those phones first".to_owned(),
            taken => format!("Take key-length {}, or remove those phones first", texts(taken).replace(", ", " or ")),
        };
        let text = format!(
            "Phones of model {} check RSA keys of {least} bits at most, and {} {} in use: they could not check a {} key of {bits} \
             bits. {next}",
            models.join(", "),
            listed(&names),
            if names.len() == 1 { "is" } else { "are" },
            unit.name()
        );
        Err(Refusal::refused("model-key-length", text))
    }
}

fn texts(lengths: &[u32]) -> String {
    lengths.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

/// The digest of a self-signed certificate; SHA-384 is for requests only here.
const fn self_signed(digest: RequestDigest) -> Option<DigestId> {
    match digest {
        RequestDigest::Sha1 => Some(DigestId::SHA1),
        RequestDigest::Sha256 => Some(DigestId::SHA256),
        RequestDigest::Sha384 => None,
        RequestDigest::Sha512 => Some(DigestId::SHA512),
    }
}
