//! Proofs of a private key. RSA: the raw operation on a type 1 block that holds the bare hash, without the DigestInfo of
//! PKCS#1 (RFC 8017 9.2); EC: ordinary ECDSA.

use openssl::error::ErrorStack;
use openssl::rsa::Padding;
use openssl::sign::{Signer as OpensslSigner, Verifier};
use wire::capf::{DeviceName, Sha2SignedData, SudiData};
use wire::digest::DigestId;

use crate::certificate::{Certificate, KeyKind};
use crate::hash::{digest, message_digest};
use crate::key::SoftKey;
use crate::signer::SignError;

/// Bytes of a type 1 block besides the hash: 00 01, at least eight FF, 00.
const PADDING: usize = 11;

/// Makes a proof over the joined parts.
///
/// # Errors
/// [`SignError`]: a hash that is not known or too long for the key (SHA-512 needs RSA of 600 bits), or the library refused.
pub fn prove(key: &SoftKey, hash: DigestId, parts: &[&[u8]]) -> Result<Vec<u8>, SignError> {
    let failed = |error: ErrorStack| SignError::Failed(error.to_string());
    let Ok(rsa) = key.openssl().rsa() else {
        let algorithm = message_digest(hash).ok_or(SignError::Digest(hash))?;
        let mut signer = OpensslSigner::new(algorithm, key.openssl()).map_err(failed)?;
        for part in parts {
            signer.update(part).map_err(failed)?;
        }
        return signer.sign_to_vec().map_err(failed);
    };
    let hashed = digest(hash, parts).ok_or(SignError::Digest(hash))?;
    let mut proof = vec![0; usize::try_from(rsa.size()).unwrap_or_default()];
    let length = rsa.private_encrypt(&hashed, &mut proof, Padding::PKCS1).map_err(failed)?;
    proof.truncate(length);
    Ok(proof)
}

/// Whether a proof over the joined parts holds for the key of a certificate. Of an RSA proof every byte of the block is
/// compared, so a signature with DigestInfo does not hold.
#[must_use]
pub fn holds(certificate: &Certificate, hash: DigestId, parts: &[&[u8]], proof: &[u8]) -> bool {
    match certificate.key_kind() {
        KeyKind::Rsa(_) => opens(certificate, hash, parts, proof),
        KeyKind::Ec(_) => verifies(certificate, hash, parts, proof),
        KeyKind::Unsound(..) | KeyKind::Other(_) => false,
    }
}

/// Opens an RSA proof. What cannot be opened, because of its length or its value, does not hold.
fn opens(certificate: &Certificate, hash: DigestId, parts: &[&[u8]], proof: &[u8]) -> bool {
    let (Some(hashed), Ok(key)) = (digest(hash, parts), certificate.openssl_key()) else { return false };
    let Ok(rsa) = key.rsa() else { return false };
    let size = usize::try_from(rsa.size()).unwrap_or_default();
    if proof.len() != size || size < hashed.len() + PADDING {
        return false;
    }
    let mut block = vec![0xFF; size - hashed.len() - 1];
    block.splice(..2, [0, 1]);
    block.push(0);
    block.extend_from_slice(&hashed);
    let mut opened = vec![0; size];
    rsa.public_decrypt(proof, &mut opened, Padding::NONE).is_ok() && opened == block
}

/// Verifies an ECDSA signature; bytes that are none do not hold.
fn verifies(certificate: &Certificate, hash: DigestId, parts: &[&[u8]], proof: &[u8]) -> bool {
    let (Some(algorithm), Ok(key)) = (message_digest(hash), certificate.openssl_key()) else { return false };
    let run = || {
        let mut verifier = Verifier::new(algorithm, key)?;
        for part in parts {
            verifier.update(part)?;
        }
        verifier.verify(proof)
    };
    let outcome: Result<bool, ErrorStack> = run();
    matches!(outcome, Ok(true))
}

/// SIGNED_DATA and SHA2_SIGNED_DATA: the proofs of the key of `certificate` (DER) for this device name.
///
/// # Errors
/// [`SignError`]; an RSA key below 600 bits cannot make the second one.
pub fn signed_data(
    key: &SoftKey,
    device_name: &DeviceName,
    certificate: &[u8],
) -> Result<(Vec<u8>, Sha2SignedData), SignError> {
    let parts = [device_name.as_sent(), certificate];
    let proof = prove(key, DigestId::SHA512, &parts)?;
    Ok((prove(key, DigestId::SHA1, &parts)?, Sha2SignedData { hash: DigestId::SHA512, proof }))
}

/// SUDI_DATA: the proofs of the key of the MIC (DER) for this session.
///
/// # Errors
/// [`SignError`]; an RSA key below 600 bits cannot make one of them.
pub fn sudi_data(key: &SoftKey, session_id: u32, mic: &[u8]) -> Result<SudiData, SignError> {
    // little endian: the byte order of the servers that phones were made for [sources/capf#proofs]
    let session_id = session_id.to_le_bytes();
    let parts = [session_id.as_slice(), mic];
    Ok(SudiData {
        certificate: mic.to_vec(),
        sha1: Some(prove(key, DigestId::SHA1, &parts)?),
        sha512: Some(prove(key, DigestId::SHA512, &parts)?),
    })
}
