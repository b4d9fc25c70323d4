//! Key length and hash of a certificate that a unit makes for itself, and the phones that could not check such a key
//! [seed 004, *Generate Self-signed*; cucm-behaviour.md 5.4; user-pain.md 23].

use pki::request::RequestDigest;
use trust::Model;
use wire::digest::DigestId;

use super::requests::{choice_of, digest};
use super::upload::checks;
use crate::CoreError;
use crate::cluster::Cluster;
use crate::releases::KeyProfile;
use crate::releases::requests::CURVES;
use crate::trust_stores::listed;
use crate::units::Unit;

/// What an administrator chooses on the page of the original; without a choice it is as the release makes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyChoice {
    /// Size of the RSA key or of the curve in bits.
    pub bits: Option<u32>,
    /// Digest of the certificate's signature.
    pub digest: Option<RequestDigest>,
}

/// Units whose keys phones check: they sign what phones read, stand in lists, or meet phones in TLS.
const FOR_PHONES: [Unit; 4] = [Unit::CallManager, Unit::ItlRecovery, Unit::Capf, Unit::Tvs];

impl Cluster {
    /// Key and certificate of a unit at a renewal, with what was chosen.
    ///
    /// # Errors
    /// [`CoreError::BadInput`]: the release does not offer it; [`CoreError::Refused`] `key-kind` for a size that the files of phones
    /// cannot name, `model-key-length` for one that a phone in use cannot check.
    pub(super) async fn chosen_profile(&self, unit: Unit, choice: KeyChoice) -> Result<KeyProfile, CoreError> {
        let rules = self.release().requests;
        let mut profile = (self.release().certificates)(unit).1;
        if let Some(bits) = choice.bits {
            profile.bits = choice_of(if unit.is_ec() { &CURVES } else { rules.rsa }, Some(bits), "key length")?;
        }
        if choice.bits.is_some() || choice.digest.is_some() {
            let offered: Vec<RequestDigest> =
                rules.digests.iter().copied().filter(|digest| self_signed(*digest).is_some()).collect();
            let usual = offered.iter().copied().find(|digest| self_signed(*digest) == Some(profile.certificate.digest));
            let chosen = digest(unit, profile.bits, &offered, choice.digest.or(usual))?;
            profile.certificate.digest = self_signed(chosen).unwrap_or(profile.certificate.digest);
        }
        if !unit.is_ec() {
            checks::signing_key(self.release(), unit, usize::try_from(profile.bits).ok())?;
            self.check_models(unit, profile.bits).await?;
        }
        Ok(profile)
    }

    /// Whether all phones in use can check an RSA key of a unit; what each model can is in [`trust::models`].
    ///
    /// # Errors
    /// [`CoreError::Refused`] `model-key-length` with the phones that cannot.
    pub(super) async fn check_models(&self, unit: Unit, bits: u32) -> Result<(), CoreError> {
        let wanted = usize::try_from(bits).unwrap_or(usize::MAX);
        let cannot = |name: &str| Model::find(name).filter(|model| model.most_rsa_bits < wanted);
        if !FOR_PHONES.contains(&unit) || trust::models::MODELS.iter().all(|model| model.most_rsa_bits >= wanted) {
            return Ok(());
        }
        let devices = self.store().devices().await?;
        let behind = devices.iter().filter_map(|device| cannot(&device.model).map(|model| (device, model)));
        let behind: Vec<(String, &Model)> = behind.map(|(device, model)| (device.name.clone(), model)).collect();
        let Some(least) = behind.iter().map(|(_, model)| model.most_rsa_bits).min() else { return Ok(()) };
        let mut models: Vec<&str> = behind.iter().map(|(_, model)| model.name).collect();
        models.sort_unstable();
        models.dedup();
        let names: Vec<String> = behind.into_iter().map(|(name, _)| name).collect();
        let text = format!(
            "Phones of model {} check RSA keys of {least} bits at most, and {} {} in use: they could not check a {} key of {bits} \
             bits. Take key-length {least}, or remove those phones first",
            models.join(", "),
            listed(&names),
            if names.len() == 1 { "is" } else { "are" },
            unit.name()
        );
        Err(CoreError::refused("model-key-length", text))
    }
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
