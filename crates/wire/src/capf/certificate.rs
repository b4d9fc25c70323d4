//! CERTIFICATE, SHA2_SIGNED_DATA and SUDI_DATA: elements with an inside. What the proofs prove is checked in `pki`.

use crate::digest::DigestId;

use super::Error;
use super::fields::{MAX_CERTIFICATE, MAX_PROOF, filled, repeated, value};
use super::message::{Elements, Writer, length_field, tag};
use super::tolerance::{Tolerance, Tolerated};
use crate::elements::Element;

/// How many certificates follow: always one.
const COUNT: u8 = 1;

/// The entry type that is written, whatever the certificate is [sources/capf#elements].
const ENTRY_TYPE: [u8; 2] = [0, 1];

/// Bytes in front of the DER.
const LEAD: usize = 5;

/// The parts of SUDI_DATA [sources/capf#proofs].
mod part {
    pub(super) const CERTIFICATE: u8 = 0;
    pub(super) const SHA1: u8 = 1;
    pub(super) const SHA512: u8 = 3;

    pub(super) const fn name(id: u8) -> &'static str {
        match id {
            CERTIFICATE => "the certificate in SUDI_DATA",
            SHA1 => "the SHA-1 proof in SUDI_DATA",
            _ => "the SHA-512 proof in SUDI_DATA",
        }
    }
}

/// SHA2_SIGNED_DATA: a proof and the hash it was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sha2SignedData {
    /// Only SHA-512 is in use; other ids are kept for the check to refuse.
    pub hash: DigestId,
    /// 1 to 1024 bytes.
    pub proof: Vec<u8>,
}

/// SUDI_DATA: the MIC and the proofs of its key over the session id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SudiData {
    /// DER, 1 to 16384 bytes, not checked in any way.
    pub certificate: Vec<u8>,
    /// The proof with SHA-1, 1 to 1024 bytes.
    pub sha1: Option<Vec<u8>>,
    /// The proof with SHA-512, 1 to 1024 bytes.
    pub sha512: Option<Vec<u8>>,
}

/// Adds a CERTIFICATE element.
pub(super) fn write_certificate(writer: &mut Writer, der: &[u8]) -> Result<(), Error> {
    if der.len() > MAX_CERTIFICATE {
        return Err(Error::TooLong { what: "a certificate", length: der.len(), limit: MAX_CERTIFICATE });
    }
    let length = length_field("a certificate", ENTRY_TYPE.len() + der.len())?;
    writer.element(tag::CERTIFICATE, &[&[COUNT], &length, &ENTRY_TYPE, der])
}

/// The DER of a CERTIFICATE element.
pub(super) fn read_certificate(element: Element<'_>, tolerated: &mut Tolerated) -> Result<Vec<u8>, Error> {
    let Some(([count, l0, l1, t0, t1], der)) = element.value.split_first_chunk::<LEAD>() else {
        return Err(value(element, format!("has {} bytes, {LEAD} stand in front of the DER", element.value.len())));
    };
    if *count != COUNT {
        return Err(value(element, format!("holds {count} certificates, 1 is taken")));
    }
    let declared = usize::from(u16::from_be_bytes([*l0, *l1]));
    if declared != ENTRY_TYPE.len() + der.len() {
        return Err(value(element, format!("says {declared} inside, {} bytes follow", ENTRY_TYPE.len() + der.len())));
    }
    if [*t0, *t1] != ENTRY_TYPE {
        tolerated.add(Tolerance::CertificateEntryType);
    }
    match der.len() {
        0 => Err(value(element, "holds no DER".to_owned())),
        length if length > MAX_CERTIFICATE => {
            Err(value(element, format!("holds DER of {length} bytes, at most {MAX_CERTIFICATE} are taken")))
        }
        _ => Ok(der.to_vec()),
    }
}

impl Sha2SignedData {
    pub(super) fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        let length = length_field("a proof", self.proof.len())?;
        writer.element(tag::SHA2_SIGNED_DATA, &[&[self.hash.0], &length, &self.proof])
    }

    pub(super) fn read(element: Element<'_>) -> Result<Self, Error> {
        let Some(([hash, l0, l1], proof)) = element.value.split_first_chunk::<3>() else {
            return Err(value(element, format!("has {} bytes, 3 stand in front of the proof", element.value.len())));
        };
        let declared = usize::from(u16::from_be_bytes([*l0, *l1]));
        if declared != proof.len() {
            return Err(value(element, format!("says {declared} inside, {} bytes follow", proof.len())));
        }
        let proof = filled(Element { value: proof, ..element }, MAX_PROOF)?.to_vec();
        Ok(Self { hash: DigestId(*hash), proof })
    }
}

impl SudiData {
    pub(super) fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        let mut bytes = Vec::with_capacity(self.certificate.len() + 2 * MAX_PROOF);
        let parts = [
            (part::CERTIFICATE, Some(&self.certificate)),
            (part::SHA1, self.sha1.as_ref()),
            (part::SHA512, self.sha512.as_ref()),
        ];
        for (id, part) in parts {
            if let Some(part) = part {
                bytes.push(id);
                bytes.extend_from_slice(&length_field(part::name(id), part.len())?);
                bytes.extend_from_slice(part);
            }
        }
        writer.element(tag::SUDI_DATA, &[&bytes])
    }

    pub(super) fn read(element: Element<'_>, tolerated: &mut Tolerated) -> Result<Self, Error> {
        let (mut certificate, mut sha1, mut sha512) = (None, None, None);
        // behind the tag and the length of the element
        for part in Elements::at(element.value, element.offset + 3) {
            let part = part?;
            let (place, limit) = match part.tag {
                part::CERTIFICATE => (&mut certificate, MAX_CERTIFICATE),
                part::SHA1 => (&mut sha1, MAX_PROOF),
                part::SHA512 => (&mut sha512, MAX_PROOF),
                _ => {
                    tolerated.add(Tolerance::UnknownSudiPart);
                    continue;
                }
            };
            let inside = filled(Element { tag: tag::SUDI_DATA, ..part }, limit)?;
            if place.replace(inside.to_vec()).is_some() {
                return Err(repeated(part, part::name(part.tag)));
            }
        }
        match certificate {
            Some(certificate) => Ok(Self { certificate, sha1, sha512 }),
            None => Err(value(element, "holds no certificate (part 0)".to_owned())),
        }
    }
}
