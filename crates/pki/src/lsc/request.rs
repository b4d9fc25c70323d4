//! The request for an LSC that an offline CA will sign.

use der::asn1::{BitString, SetOfVec};
use der::{Decode, Encode};
use x509_cert::attr::Attribute;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, ExtensionReq, Version};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::{AUTHORITY_KEY_IDENTIFIER, LscRequest};
use crate::pem;
use crate::profile::{ProfileError, algorithm};
use crate::signer::Signer;

impl LscRequest<'_> {
    /// The same subject, key and extensions as a request (PKCS#10, PEM); serial number and dates are the CA's.
    ///
    /// It is signed by `signer`, which is CAPF: the CAPF protocol has no message in which a phone signs a request (the elements
    /// of SIGN_CERTIFICATE_REQUEST are unknown [sources/capf#commands]), so the signature says who has seen the key,
    /// not who holds it. A CA that checks it against the key in the request refuses.
    ///
    /// # Errors
    /// [`ProfileError`]: a key that is not DER, a name that its string type cannot hold, a signature that fails.
    pub fn request(&self, signer: &dyn Signer) -> Result<String, ProfileError> {
        let mut extensions = self.extensions()?;
        extensions.retain(|extension| extension.extn_id != AUTHORITY_KEY_IDENTIFIER);
        let mut attributes = SetOfVec::new();
        attributes.insert(Attribute::try_from(ExtensionReq(extensions))?)?;
        let info = CertReqInfo {
            version: Version::V1,
            subject: Name::from_der(&self.subject()?.to_der()?)?,
            public_key: SubjectPublicKeyInfoOwned::from_der(self.public_key)?,
            attributes,
        };
        let signature = signer.sign(self.digest, &[&info.to_der()?])?;
        let request = CertReq {
            info,
            algorithm: algorithm(self.digest, signer.spki())?,
            signature: BitString::from_bytes(&signature)?,
        };
        Ok(pem::write("CERTIFICATE REQUEST", &request.to_der()?))
    }
}

/// A SubjectPublicKeyInfo (DER) as PEM, `-----BEGIN PUBLIC KEY-----`.
#[must_use]
pub fn spki_pem(spki: &[u8]) -> String {
    pem::write("PUBLIC KEY", spki)
}
