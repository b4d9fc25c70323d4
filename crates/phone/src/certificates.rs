//! The certificates of a phone with their keys: the MIC from the factory, the LSC from CAPF.
//!
//! In a directory they are `mic.pem` and `lsc.pem`, certificate and key in one file, so that a crash cannot leave one
//! without the other; `pending.key` is a key whose certificate an offline CA has yet to sign. The LSC comes first for
//! everything: encrypted configs, TLS, 802.1X [sources/capf#lsc], [sources/phones#mic].

use std::path::Path;
use std::sync::Arc;

use pki::certificate::CertificateError;
use pki::hash::{md5, sha1, spell};
use pki::key::KeyError;
use pki::{Certificate, Signer, SoftKey};
use zeroize::Zeroizing;

use crate::memory::{self, Keep, MemoryError};

const MIC: &str = "mic.pem";
const LSC: &str = "lsc.pem";
const PENDING: &str = "pending.key";

/// A certificate and the key that belongs to it; cheap to clone.
#[derive(Debug, Clone)]
pub struct Credential(Arc<Pair>);

#[derive(Debug)]
struct Pair {
    key: SoftKey,
    certificate: Certificate,
}

/// Why there is no credential.
#[derive(Debug, thiserror::Error)]
pub enum BadCredential {
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The two do not belong together.
    #[error("the certificate {0} is not one for this key; give the two that belong together")]
    OtherKey(String),
}

impl Credential {
    /// Puts the two together.
    ///
    /// # Errors
    /// [`BadCredential::OtherKey`].
    pub fn new(key: SoftKey, certificate: Certificate) -> Result<Self, BadCredential> {
        if key.spki() != certificate.spki() {
            return Err(BadCredential::OtherKey(certificate.subject(pki::NameForm::Cucm)));
        }
        Ok(Self(Arc::new(Pair { key, certificate })))
    }

    /// Reads a PEM file with both, in any order.
    ///
    /// # Errors
    /// [`BadCredential`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadCredential> {
        Self::new(SoftKey::from_pem(pem)?, Certificate::from_pem(pem)?)
    }

    /// The certificate, then the key as PKCS#8 without encryption.
    ///
    /// # Errors
    /// [`BadCredential::Key`] when the library cannot write the key.
    pub fn to_pem(&self) -> Result<Zeroizing<Vec<u8>>, BadCredential> {
        let key = self.key().to_pem()?;
        let certificate = self.certificate().to_pem();
        let mut pem = Zeroizing::new(Vec::with_capacity(certificate.len() + key.len()));
        pem.extend_from_slice(certificate.as_bytes());
        pem.extend_from_slice(&key);
        Ok(pem)
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &SoftKey {
        &self.0.key
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.0.certificate
    }

    /// Whether `certHash` of a config means this certificate: the MD5, or the SHA-1, of its DER in lower-case
    /// hexadecimal digits. Which of the two is told by the length [sources/signed-files#what-the-phone-does-with-it].
    #[must_use]
    pub fn is_meant_by(&self, certificate_hash: &str) -> bool {
        let der = self.certificate().der();
        [md5(der), sha1(der)].iter().any(|hash| spell(hash, "", false) == certificate_hash)
    }
}

/// The certificates of one phone.
#[derive(Debug, Clone)]
pub struct DeviceCertificates {
    keep: Keep,
    mic: Option<Credential>,
    lsc: Option<Credential>,
    pending: Option<SoftKey>,
}

impl DeviceCertificates {
    /// Reads them from where they are kept; none are there at first.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn load(keep: &Keep) -> Result<Self, MemoryError> {
        let read = |name: &str| match keep {
            Keep::InMemory => Ok(None),
            Keep::In(directory) => {
                let path = directory.join(name);
                let Some(pem) = memory::read(&path)?.map(Zeroizing::new) else {
                    return Ok(None);
                };
                let damaged = |error: BadCredential| MemoryError::Damaged { path, reason: error.to_string() };
                Credential::from_pem(&pem).map(Some).map_err(damaged)
            }
        };
        let pending = match keep {
            Keep::InMemory => None,
            Keep::In(directory) => {
                let path = directory.join(PENDING);
                let damaged = |error: KeyError| MemoryError::Damaged { path: path.clone(), reason: error.to_string() };
                let pem = memory::read(&path)?.map(Zeroizing::new);
                pem.map(|pem| SoftKey::from_pem(&pem)).transpose().map_err(damaged)?
            }
        };
        Ok(Self { mic: read(MIC)?, lsc: read(LSC)?, pending, keep: keep.clone() })
    }

    /// The MIC: soft clients have none.
    #[must_use]
    pub fn mic(&self) -> Option<&Credential> {
        self.mic.as_ref()
    }

    /// The LSC, when one is installed.
    #[must_use]
    pub fn lsc(&self) -> Option<&Credential> {
        self.lsc.as_ref()
    }

    /// The one that counts: the LSC, else the MIC.
    #[must_use]
    pub fn current(&self) -> Option<&Credential> {
        self.lsc.as_ref().or(self.mic.as_ref())
    }

    /// What the factory does.
    ///
    /// # Errors
    /// [`MemoryError`] when it cannot be kept.
    pub fn set_mic(&mut self, mic: Credential) -> Result<(), MemoryError> {
        self.write(MIC, Some(&mic))?;
        self.mic = Some(mic);
        Ok(())
    }

    /// The LSC takes the place of the one before; it is on disk when this returns.
    ///
    /// # Errors
    /// [`MemoryError`] when it cannot be kept; the old one stays.
    pub fn set_lsc(&mut self, lsc: Credential) -> Result<(), MemoryError> {
        self.write(LSC, Some(&lsc))?;
        self.lsc = Some(lsc);
        Ok(())
    }

    /// The key that waits for the certificate of an offline CA.
    #[must_use]
    pub fn pending_key(&self) -> Option<&SoftKey> {
        self.pending.as_ref()
    }

    /// Keeps a key that waits for its certificate, or forgets it.
    ///
    /// # Errors
    /// [`MemoryError`] when it cannot be kept.
    pub fn set_pending(&mut self, key: Option<SoftKey>) -> Result<(), MemoryError> {
        if let Keep::In(directory) = &self.keep {
            let unwritable = |error: KeyError| unwritable(directory, PENDING, &error.to_string());
            let pem = key.as_ref().map(SoftKey::to_pem).transpose().map_err(unwritable)?;
            memory::keep_private(directory, PENDING, pem.as_ref().map(|pem| pem.as_slice()))?;
        }
        self.pending = key;
        Ok(())
    }

    /// Certificate and key of the LSC go; says whether there was one.
    ///
    /// # Errors
    /// [`MemoryError`] when the file cannot be removed; the LSC stays.
    pub fn erase_lsc(&mut self) -> Result<bool, MemoryError> {
        self.write(LSC, None)?;
        Ok(self.lsc.take().is_some())
    }

    fn write(&self, name: &str, credential: Option<&Credential>) -> Result<(), MemoryError> {
        let Keep::In(directory) = &self.keep else {
            return Ok(());
        };
        let unwritable = |error: BadCredential| unwritable(directory, name, &error.to_string());
        let pem = credential.map(Credential::to_pem).transpose().map_err(unwritable)?;
        memory::keep_private(directory, name, pem.as_ref().map(|pem| pem.as_slice()))
    }
}

fn unwritable(directory: &Path, name: &str, reason: &str) -> MemoryError {
    MemoryError::Io { path: directory.join(name), source: std::io::Error::other(reason.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn vector(name: &str) -> Credential {
        let path = format!("{}/../../testdata/vectors/certs/{name}.bundle.pem", env!("CARGO_MANIFEST_DIR"));
        Credential::from_pem(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn they_come_back_and_nobody_else_reads_them() {
        let directory = tempfile::tempdir().unwrap();
        let keep = Keep::In(directory.path().join("phone"));
        let mut certificates = DeviceCertificates::load(&keep).unwrap();
        assert!(certificates.current().is_none());
        certificates.set_mic(vector("mic-2048")).unwrap();
        assert_eq!(certificates.current().unwrap().certificate(), vector("mic-2048").certificate());
        certificates.set_lsc(vector("lsc-2048")).unwrap();
        let back = DeviceCertificates::load(&keep).unwrap();
        assert_eq!(back.current().unwrap().certificate(), vector("lsc-2048").certificate());
        assert_eq!(back.lsc().unwrap().key().key_id(), vector("lsc-2048").key().key_id());
        for name in [MIC, LSC] {
            let path = directory.path().join("phone").join(name);
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
        // another one takes its place; then it goes
        let mut back = back;
        back.set_lsc(vector("lsc-p256")).unwrap();
        assert_eq!(
            DeviceCertificates::load(&keep).unwrap().lsc().unwrap().certificate(),
            vector("lsc-p256").certificate()
        );
        assert!(back.erase_lsc().unwrap() && !back.erase_lsc().unwrap());
        let back = DeviceCertificates::load(&keep).unwrap();
        assert!(back.lsc().is_none() && back.mic().is_some());
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (mic, lsc) = (vector("mic-2048"), vector("lsc-2048"));
        let error = Credential::new(mic.key().clone(), lsc.certificate().clone()).unwrap_err().to_string();
        assert!(error.contains("SEPB000B4BA0AEE") && error.contains("not one for this key"), "{error}");

        let directory = tempfile::tempdir().unwrap();
        let mut mixed = lsc.certificate().to_pem().into_bytes();
        mixed.extend_from_slice(&mic.key().to_pem().unwrap());
        std::fs::write(directory.path().join(LSC), mixed).unwrap();
        let error = DeviceCertificates::load(&Keep::In(directory.path().to_owned())).unwrap_err().to_string();
        assert!(error.contains("lsc.pem is damaged"), "{error}");
    }

    #[test]
    fn a_directory_that_cannot_be_written_keeps_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let keep = Keep::In(directory.path().to_owned());
        let mut certificates = DeviceCertificates::load(&keep).unwrap();
        certificates.set_lsc(vector("lsc-2048")).unwrap();
        // what stands where the new file is written aside
        std::fs::create_dir(directory.path().join(".lsc.pem.new")).unwrap();
        assert!(certificates.set_lsc(vector("lsc-4096")).is_err());
        assert_eq!(certificates.lsc().unwrap().certificate(), vector("lsc-2048").certificate());
        assert_eq!(
            DeviceCertificates::load(&keep).unwrap().lsc().unwrap().certificate(),
            vector("lsc-2048").certificate()
        );
    }

    #[test]
    fn the_hash_of_a_config() {
        let lsc = vector("lsc-2048");
        let stub = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/vectors/encrypted/e1-1200-ccm-pub-2048-lsc-2048-sha1/stub.xml"
        );
        let hash = crate::config::parse(&std::fs::read(stub).unwrap()).unwrap().certificate_hash;
        assert!(lsc.is_meant_by(&hash), "{hash}");
        assert!(lsc.is_meant_by(&hex::encode(lsc.certificate().sha1())));
        assert!(!vector("mic-2048").is_meant_by(&hash) && !lsc.is_meant_by("") && !lsc.is_meant_by(&hash[..31]));
    }
}
