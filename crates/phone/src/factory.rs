//! A factory: a manufacturing CA and the MICs it issues, in the profile of real ones [sources/phones#mic].
//!
//! For tests and the lab only. Nobody outside trusts this CA, and nothing here looks for the real ones: their roots come
//! from a file that the operator gives.

use jiff::Timestamp;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};
use pki::{Certificate, SoftKey};
use trust::Model;
use wire::capf::{KeySpec, RsaSize};
use zeroize::Zeroizing;

use crate::certificates::{BadCredential, Credential};
use crate::keys::{KeySource, NoKey};
use crate::name::PhoneName;

/// Common name of the CA, as real ones have it.
pub const CA_NAME: &str = "Cisco Manufacturing CA";

/// Validity of a MIC in seconds: ten years, as those of the years before SHA-256 have it.
const MIC_SECONDS: i64 = 10 * 365 * 86_400;
/// Validity of the CA in seconds: twenty years, so that it outlives its MICs.
const CA_SECONDS: i64 = 20 * 365 * 86_400;
/// What a certificate is older than now: clocks of a lab differ by minutes.
const BACK: i64 = 3600;
/// Kind of the keys in MICs.
const MIC_KEY: KeySpec = KeySpec::Rsa(RsaSize::Bits2048);

/// Why something was not made.
#[derive(Debug, thiserror::Error)]
pub enum FactoryError {
    /// Soft clients come without a certificate [sources/phones#mic].
    #[error("model {0} has no MIC; it authenticates by string or null string")]
    NoMic(&'static str),
    /// No key.
    #[error(transparent)]
    Key(#[from] NoKey),
    /// The library refused.
    #[error("the certificate was not made: {0}")]
    Openssl(#[from] ErrorStack),
    /// What came out, or was given, is no certificate with its key.
    #[error(transparent)]
    Credential(#[from] BadCredential),
}

/// What a MIC says. [`MicSpec::of`] says the truth; tests change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MicSpec {
    /// `serialNumber` of the subject: `PID:CP-8861 SN:FCH....`.
    pub serial_number: String,
    /// CN: `CP-8861-SEPB000B4BA0AEE`.
    pub common_name: String,
    /// First second, since 1970 UTC.
    pub not_before: i64,
    /// Last second, since 1970 UTC.
    pub not_after: i64,
}

impl MicSpec {
    /// The MIC of a phone, valid from an hour ago for ten years.
    #[must_use]
    pub fn of(model: &Model, name: &PhoneName) -> Self {
        let not_before = Timestamp::now().as_second() - BACK;
        // the serial number of the phone: of the right form, and the same each time
        let tail = name.as_str().get(name.as_str().len().saturating_sub(8)..).unwrap_or_default();
        Self {
            serial_number: format!("PID:{} SN:FCH{tail}", model.product),
            common_name: format!("{}-{name}", model.product),
            not_before,
            not_after: not_before + MIC_SECONDS,
        }
    }
}

/// A manufacturing CA, with its key.
#[derive(Debug, Clone)]
pub struct ManufacturingCa {
    credential: Credential,
    keys: KeySource,
}

impl ManufacturingCa {
    /// A new one with an RSA key of 2048 bits; takes a part of a second.
    ///
    /// # Errors
    /// [`FactoryError`].
    pub fn new() -> Result<Self, FactoryError> {
        let key = KeySource::default().key_now(MIC_KEY)?;
        let name = name(&[(Nid::ORGANIZATIONNAME, "Cisco Systems"), (Nid::COMMONNAME, CA_NAME)])?;
        let not_before = Timestamp::now().as_second() - BACK;
        let mut builder = builder(&name, &name, not_before, not_before + CA_SECONDS)?;
        builder.set_pubkey(key.openssl())?;
        builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
        let usage = KeyUsage::new().digital_signature().key_cert_sign().crl_sign().build()?;
        builder.append_extension(usage)?;
        let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
        builder.append_extension(identifier)?;
        builder.sign(key.openssl(), MessageDigest::sha256())?;
        Ok(Self { credential: credential(key, &builder.build())?, keys: KeySource::default() })
    }

    /// One that was made before.
    #[must_use]
    pub fn from_credential(credential: Credential) -> Self {
        Self { credential, keys: KeySource::default() }
    }

    /// Certificate and key, to be kept.
    ///
    /// # Errors
    /// [`FactoryError::Credential`].
    pub fn to_pem(&self) -> Result<Zeroizing<Vec<u8>>, FactoryError> {
        Ok(self.credential.to_pem()?)
    }

    /// Takes the keys of MICs from here: for fleets, where a new key for each costs too much.
    #[must_use]
    pub fn with_keys(mut self, keys: KeySource) -> Self {
        self.keys = keys;
        self
    }

    /// Its certificate: what a server needs in CAPF-trust and CallManager-trust.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        self.credential.certificate()
    }

    /// The MIC of a phone. Blocks while its key is made.
    ///
    /// # Errors
    /// [`FactoryError`]; [`FactoryError::NoMic`] for soft clients.
    pub fn mic(&self, model: &'static Model, name: &PhoneName) -> Result<Credential, FactoryError> {
        if !has_mic(model) {
            return Err(FactoryError::NoMic(model.name));
        }
        self.issue(&MicSpec::of(model, name), self.keys.key_now(MIC_KEY)?)
    }

    /// A MIC with this content for this key, as a test wants it.
    ///
    /// # Errors
    /// [`FactoryError`].
    pub fn issue(&self, spec: &MicSpec, key: SoftKey) -> Result<Credential, FactoryError> {
        let ca = X509::from_der(self.certificate().der())?;
        let subject = name(&[
            (Nid::SERIALNUMBER, &spec.serial_number),
            (Nid::ORGANIZATIONNAME, "Cisco Systems Inc."),
            (Nid::ORGANIZATIONALUNITNAME, "CTG"),
            (Nid::COMMONNAME, &spec.common_name),
        ])?;
        let mut builder = builder(&subject, ca.subject_name(), spec.not_before, spec.not_after)?;
        builder.set_pubkey(key.openssl())?;
        let usage = KeyUsage::new().critical().digital_signature().key_encipherment().build()?;
        builder.append_extension(usage)?;
        builder.append_extension(ExtendedKeyUsage::new().client_auth().server_auth().build()?)?;
        let context = builder.x509v3_context(Some(&ca), None);
        let (own, issuer) =
            (SubjectKeyIdentifier::new().build(&context)?, AuthorityKeyIdentifier::new().keyid(true).build(&context)?);
        builder.append_extension(own)?;
        builder.append_extension(issuer)?;
        builder.sign(self.credential.key().openssl(), MessageDigest::sha256())?;
        credential(key, &builder.build())
    }
}

/// Whether phones of this model leave the factory with a certificate: soft clients do not.
#[must_use]
pub fn has_mic(model: &Model) -> bool {
    model.prefix != "CSF"
}

fn name(parts: &[(Nid, &str)]) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    for (nid, value) in parts {
        builder.append_entry_by_nid(*nid, value)?;
    }
    Ok(builder.build())
}

fn builder(
    subject: &X509Name,
    issuer: &openssl::x509::X509NameRef,
    not_before: i64,
    not_after: i64,
) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    // eight bytes whose first is not zero and has no sign
    serial.rand(63, MsbOption::ONE, false)?;
    let serial = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    let (first, last) = (Asn1Time::from_unix(not_before)?, Asn1Time::from_unix(not_after)?);
    builder.set_not_before(&first)?;
    builder.set_not_after(&last)?;
    Ok(builder)
}

fn credential(key: SoftKey, x509: &X509) -> Result<Credential, FactoryError> {
    let certificate = Certificate::from_der(&x509.to_der()?).map_err(BadCredential::from)?;
    Ok(Credential::new(key, certificate)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::NameForm;
    use pki::capf::names_device;
    use pki::certificate::KeyKind;

    #[test]
    fn a_mic_of_the_profile() {
        let ca = ManufacturingCa::new().unwrap();
        assert_eq!(ca.certificate().subject(NameForm::Cucm), "CN=Cisco Manufacturing CA;O=Cisco Systems");
        assert!(ca.certificate().is_self_issued());
        let model = Model::find("8861").unwrap();
        let name = PhoneName::parse("SEPB000B4BA0AEE").unwrap();
        let mic = ca.mic(model, &name).unwrap();
        let certificate = mic.certificate();
        assert_eq!(certificate.common_name().unwrap(), "CP-8861-SEPB000B4BA0AEE");
        let subject = certificate.subject(NameForm::Peer);
        assert!(
            subject.contains("O=Cisco Systems Inc.") && subject.contains("PID:CP-8861 SN:FCHB4BA0AEE"),
            "{subject}"
        );
        assert!(names_device(certificate, "SEPB000B4BA0AEE"));
        assert_eq!(certificate.key_kind(), &KeyKind::Rsa(2048));
        let now = u64::try_from(Timestamp::now().as_second()).unwrap();
        let (first, last) = certificate.validity();
        assert!((first..=last).contains(&now) && last - first == 315_360_000);
        // OpenSSL builds the chain
        let (mic, root) = (X509::from_der(certificate.der()).unwrap(), X509::from_der(ca.certificate().der()).unwrap());
        assert!(mic.verify(&root.public_key().unwrap()).unwrap());
        assert_eq!(root.issued(&mic), openssl::x509::X509VerifyResult::OK);
        // and it is the same CA when it comes back
        let back = ManufacturingCa::from_credential(Credential::from_pem(&ca.to_pem().unwrap()).unwrap());
        assert_eq!(back.certificate(), ca.certificate());
    }

    #[test]
    fn soft_clients_have_none_and_tests_get_what_they_want() {
        let key = crate::keys::generate(KeySpec::Rsa(RsaSize::Bits1024)).unwrap();
        let ca = ManufacturingCa::new().unwrap().with_keys(KeySource::prepared(vec![(MIC_KEY, key.clone())]));
        let jabber = Model::find("Jabber").unwrap();
        let error = ca.mic(jabber, &PhoneName::parse("CSFJDOE").unwrap()).unwrap_err().to_string();
        assert!(error.contains("Jabber has no MIC"), "{error}");
        let model = Model::find("7965").unwrap();
        let name = PhoneName::parse("SEP001DA2386C2E").unwrap();
        assert_eq!(ca.mic(model, &name).unwrap().key().key_id(), key.key_id());
        let spec = MicSpec { not_after: 1_400_000_000, not_before: 1_300_000_000, ..MicSpec::of(model, &name) };
        let expired = ca.issue(&spec, key).unwrap();
        assert_eq!(expired.certificate().validity(), (1_300_000_000, 1_400_000_000));
        assert_eq!(expired.certificate().common_name().unwrap(), "CP-7965G-SEP001DA2386C2E");
    }
}
