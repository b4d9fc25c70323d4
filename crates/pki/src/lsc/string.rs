//! Authentication strings as they lie in a database: sealed with AES-256-GCM under a key that lies elsewhere, and bound to their
//! device. A hash would not do: four to ten digits are soon tried, and an administrator must be able to read the string to the
//! person at the phone.

use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use crate::{Random, RandomError, hash};

/// Bytes of the key.
pub const KEY_BYTES: usize = 32;

/// Bytes of the nonce (NIST SP 800-38D 5.2.1.1) and of the tag.
const NONCE: usize = 12;
const TAG: usize = 16;

/// Why a string is not sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StringError {
    /// Not made by [`seal`] for this device with this key.
    #[error("the authentication string of {0} does not open with the key of this cluster; set a new one")]
    Mismatch(String),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The library refused.
    #[error("an authentication string cannot be sealed: {0}")]
    Failed(String),
}

/// Seals a string for a device.
///
/// # Errors
/// [`StringError`].
pub fn seal(key: &[u8; KEY_BYTES], device: &str, string: &str, random: &mut dyn Random) -> Result<String, StringError> {
    let mut nonce = [0_u8; NONCE];
    random.fill(&mut nonce)?;
    let mut tag = [0_u8; TAG];
    let sealed = encrypt_aead(Cipher::aes_256_gcm(), key, Some(&nonce), device.as_bytes(), string.as_bytes(), &mut tag)
        .map_err(|error| StringError::Failed(error.to_string()))?;
    Ok(format!("{}{}{}", hash::hex(&nonce), hash::hex(&tag), hash::hex(&sealed)))
}

/// Opens a sealed string.
///
/// # Errors
/// [`StringError::Mismatch`].
pub fn open(key: &[u8; KEY_BYTES], device: &str, sealed: &str) -> Result<Zeroizing<String>, StringError> {
    let mismatch = || StringError::Mismatch(device.to_owned());
    let bytes = unhex(sealed).ok_or_else(mismatch)?;
    let (nonce, rest) = bytes.split_at_checked(NONCE).ok_or_else(mismatch)?;
    let (tag, inside) = rest.split_at_checked(TAG).ok_or_else(mismatch)?;
    let opened = decrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), device.as_bytes(), inside, tag);
    let opened = opened.map_err(|_| mismatch())?;
    String::from_utf8(opened).map(Zeroizing::new).map_err(|_| mismatch())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpensslRandom;

    #[test]
    fn a_string_opens_for_its_device_with_its_key_only() {
        let key = [7; KEY_BYTES];
        let sealed = seal(&key, "SEP001122334455", "1234567890", &mut OpensslRandom).unwrap();
        assert!(!sealed.contains("1234567890"));
        assert_eq!(*open(&key, "SEP001122334455", &sealed).unwrap(), "1234567890");
        assert_ne!(sealed, seal(&key, "SEP001122334455", "1234567890", &mut OpensslRandom).unwrap());
        let mismatch = |key: &[u8; KEY_BYTES], device: &str, sealed: &str| {
            assert_eq!(open(key, device, sealed), Err(StringError::Mismatch(device.to_owned())));
        };
        mismatch(&[8; KEY_BYTES], "SEP001122334455", &sealed);
        mismatch(&key, "SEP001122334456", &sealed);
        for bad in ["", "zz", "0", &sealed[..40], &sealed[..sealed.len() - 2], &sealed.replace(&sealed[60..], "")] {
            mismatch(&key, "SEP001122334455", bad);
        }
    }
}
