//! A header to be written.

use super::{
    CANAME, DIGESTALGORITHM, ENCRYPTION18, ENCRYPTION22, ENCRYPTIONHASH, ENCRYPTIONHASHALGORITHM, ENCRYPTIONINFO,
    ENCRYPTIONIV, ENCRYPTIONIVINFO, ENCRYPTIONKEY, ENCRYPTIONKEYALGORITHM, ENCRYPTIONKEYINFO, ENCRYPTIONKEYSIZE,
    ENCRYPTIONPADDING, FILENAME, HEADERLENGTH, PADDING, SERIALNUMBER, SIGNATURE, SIGNATUREALGOINFO, SIGNATUREALGORITHM,
    SIGNATUREINFO, SIGNATUREMODULUS, SIGNERID, SIGNERNAME, SIGNERVERSION, TIMESTAMP, VERSION, Version,
};
use crate::digest::{DigestId, Modulus};
use crate::error::Unwritable;
use crate::tlv::{write_field, write_head};

/// Who writes like this: the order of fields and the form of names [sources/trust-lists#two-ways-of-writing].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// CUCM: SIGNERNAME, SERIALNUMBER, CANAME; names `CN=..;OU=..`; records with DNSNAME and IPADDRESS.
    #[default]
    Cucm,
    /// The tools that came before: SIGNERNAME, CANAME, SERIALNUMBER; names joined by `,`; shorter records.
    Peer,
}

/// Who signs: the SIGNERID of a header and the size of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerId {
    /// Subject name, without NUL.
    pub name: Vec<u8>,
    /// Serial number, as the trust list writes it.
    pub serial: Vec<u8>,
    /// Issuer name, without NUL.
    pub issuer: Vec<u8>,
    /// Size of the RSA key.
    pub modulus: Modulus,
}

/// The encryption fields of a header to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// AES-CBC initialisation vector.
    pub iv: [u8; 16],
    /// Number of padding bytes, 1 to 16.
    pub padding: u16,
    /// Size of the device key in bits.
    pub key_bits: u16,
    /// The AES key, wrapped for the device.
    pub wrapped_key: Vec<u8>,
    /// Digest of `hash`.
    pub hash_algorithm: DigestId,
    /// Hash of the plain text.
    pub hash: Vec<u8>,
}

/// A header to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderSpec {
    /// Order of the fields.
    pub layout: Layout,
    /// VERSION.
    pub version: Version,
    /// SIGNERVERSION, left out when `None`.
    pub signer_version: Option<Version>,
    /// SIGNERID.
    pub signer: SignerId,
    /// DIGESTALGORITHM: SHA-1 or SHA-512.
    pub digest: DigestId,
    /// FILENAME without NUL; left out when `None`.
    pub file_name: Option<Vec<u8>>,
    /// TIMESTAMP, seconds since 1970 UTC; left out when `None`.
    pub timestamp: Option<u32>,
    /// Encryption fields of a `.enc.sgn` file.
    pub encryption: Option<Encryption>,
    /// The header of an older file that this one is put in front of: stands behind the padding, counted in
    /// HEADERLENGTH, skipped by phones [sources/trust-lists#reset-file]. Empty for an ordinary file.
    pub older_header: Vec<u8>,
}

impl HeaderSpec {
    /// Lays out header and body with room for the signature. Everything that the format or the phones forbid is found
    /// here: what comes out can be signed.
    ///
    /// # Errors
    /// [`Unwritable`]: a part too long for 16 bits, a digest phones do not know or that does not fit the key.
    pub fn lay_out(&self, body: Vec<u8>) -> Result<Unsigned, Unwritable> {
        let modulus = self.signer.modulus;
        let digest_name = match self.digest {
            DigestId::SHA1 => "sha1",
            DigestId::SHA512 => "sha512",
            DigestId(other) => return Err(Unwritable::DigestNotWritten(other)),
        };
        if self.digest.least_rsa_bits().is_some_and(|least| modulus.bits() < least) {
            return Err(Unwritable::DigestTooLong { digest: digest_name, bits: modulus.bits() });
        }
        let mut before = Vec::with_capacity(256);
        write_field(&mut before, VERSION, "VERSION", &[self.version.major, self.version.minor])?;
        write_field(&mut before, HEADERLENGTH, "HEADERLENGTH", &[0, 0])?;
        if let Some(version) = self.signer_version {
            write_field(&mut before, SIGNERVERSION, "SIGNERVERSION", &[version.major, version.minor])?;
        }
        self.write_signer(&mut before)?;
        let mut after = Vec::with_capacity(64);
        if let Some(name) = &self.file_name {
            let mut value = name.clone();
            value.push(0);
            write_field(&mut after, FILENAME, "FILENAME", &value)?;
        }
        if let Some(seconds) = self.timestamp {
            write_field(&mut after, TIMESTAMP, "TIMESTAMP", &seconds.to_be_bytes())?;
        }
        if let Some(encryption) = &self.encryption {
            encryption.write(&mut after)?;
        }
        let signature = crate::tlv::FIELD_HEAD + modulus.signature_length();
        let unpadded = after.len();
        while !(before.len() + signature + after.len()).is_multiple_of(4)
            // Only behind a padding byte do phones pass over an older header.
            || (after.len() == unpadded && !self.older_header.is_empty())
        {
            after.push(PADDING);
        }
        after.extend_from_slice(&self.older_header);
        let length = before.len() + signature + after.len();
        let short = u16::try_from(length).map_err(|_| Unwritable::PartTooLong { part: "header", length })?;
        if let Some(place) = before.get_mut(8..10) {
            place.copy_from_slice(&short.to_be_bytes());
        }
        Ok(Unsigned { before, after, body, modulus, digest: self.digest })
    }

    fn write_signer(&self, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let mut children = Vec::with_capacity(160);
        let mut name = self.signer.name.clone();
        name.push(0);
        let mut issuer = self.signer.issuer.clone();
        issuer.push(0);
        write_field(&mut children, SIGNERNAME, "SIGNERNAME", &name)?;
        match self.layout {
            Layout::Cucm => {
                write_field(&mut children, SERIALNUMBER, "SERIALNUMBER", &self.signer.serial)?;
                write_field(&mut children, CANAME, "CANAME", &issuer)?;
            }
            Layout::Peer => {
                write_field(&mut children, CANAME, "CANAME", &issuer)?;
                write_field(&mut children, SERIALNUMBER, "SERIALNUMBER", &self.signer.serial)?;
            }
        }
        write_field(out, SIGNERID, "SIGNERID", &children)?;
        write_head(out, SIGNATUREINFO, "SIGNATUREINFO", 15)?;
        write_field(out, DIGESTALGORITHM, "DIGESTALGORITHM", &[self.digest.0])?;
        write_head(out, SIGNATUREALGOINFO, "SIGNATUREALGOINFO", 8)?;
        write_field(out, SIGNATUREALGORITHM, "SIGNATUREALGORITHM", &[0])?;
        write_field(out, SIGNATUREMODULUS, "SIGNATUREMODULUS", &[self.signer.modulus.code()])
    }
}

impl Encryption {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let mut iv = Vec::with_capacity(28);
        write_field(&mut iv, ENCRYPTION18, "ENCRYPTION18", &[0])?;
        write_field(&mut iv, ENCRYPTIONIV, "ENCRYPTIONIV", &self.iv)?;
        write_field(&mut iv, ENCRYPTIONPADDING, "ENCRYPTIONPADDING", &self.padding.to_be_bytes())?;
        let mut key = Vec::with_capacity(self.wrapped_key.len() + 16);
        write_field(&mut key, ENCRYPTION22, "ENCRYPTION22", &[0])?;
        write_field(&mut key, ENCRYPTIONKEYSIZE, "ENCRYPTIONKEYSIZE", &self.key_bits.to_be_bytes())?;
        write_field(&mut key, ENCRYPTIONKEYALGORITHM, "ENCRYPTIONKEYALGORITHM", &[1])?;
        write_field(&mut key, ENCRYPTIONKEY, "ENCRYPTIONKEY", &self.wrapped_key)?;
        let mut both = Vec::with_capacity(iv.len() + key.len() + 6);
        write_field(&mut both, ENCRYPTIONIVINFO, "ENCRYPTIONIVINFO", &iv)?;
        write_field(&mut both, ENCRYPTIONKEYINFO, "ENCRYPTIONKEYINFO", &key)?;
        write_field(out, ENCRYPTIONINFO, "ENCRYPTIONINFO", &both)?;
        write_field(out, ENCRYPTIONHASHALGORITHM, "ENCRYPTIONHASHALGORITHM", &[self.hash_algorithm.0])?;
        write_field(out, ENCRYPTIONHASH, "ENCRYPTIONHASH", &self.hash)
    }
}

/// A laid-out file without its signature. Only [`HeaderSpec::lay_out`] makes one, so whatever is signed was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    before: Vec<u8>,
    after: Vec<u8>,
    body: Vec<u8>,
    modulus: Modulus,
    digest: DigestId,
}

impl Unsigned {
    /// The bytes to be signed, in three parts to be joined.
    #[must_use]
    pub fn to_be_signed(&self) -> [&[u8]; 3] {
        [&self.before, &self.after, &self.body]
    }

    /// The digest to sign with.
    #[must_use]
    pub fn digest(&self) -> DigestId {
        self.digest
    }

    /// The finished file.
    ///
    /// # Errors
    /// [`Unwritable::SignatureLength`] when the signature has not the size that SIGNATUREMODULUS announces.
    pub fn attach(self, signature: &[u8]) -> Result<Vec<u8>, Unwritable> {
        let expected = self.modulus.signature_length();
        if signature.len() != expected {
            return Err(Unwritable::SignatureLength { expected, found: signature.len() });
        }
        let mut file = self.before;
        file.reserve(crate::tlv::FIELD_HEAD + signature.len() + self.after.len() + self.body.len());
        write_field(&mut file, SIGNATURE, "SIGNATURE", signature)?;
        file.extend_from_slice(&self.after);
        file.extend_from_slice(&self.body);
        Ok(file)
    }
}
