//! A public key that a phone hands in: sound, and the one that was asked for. Nothing weaker gets a certificate.

use der::Decode;
use der::asn1::{Null, ObjectIdentifier};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::rsa::Rsa;
use wire::capf::{Curve, KeySpec, RsaSize};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Longest RSA exponent in bits: what OpenSSL still verifies with above 3072 bits.
const MAX_EXPONENT_BITS: i32 = 64;

/// Numbers up to this one must not divide an RSA modulus. A key from a random source has no such factor; one that has is
/// broken or made to be broken.
const SMALL: u32 = 751;

/// First byte of an uncompressed point (SEC 1 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// Why a submitted key gets no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not DER of a SubjectPublicKeyInfo to the last byte, or not one in the only form that phones write.
    #[error("not a public key: {0}")]
    Unreadable(String),
    /// EC where RSA was asked for, another curve, or something else altogether.
    #[error("the phone was asked for {wanted} and made a key of algorithm {found}")]
    Algorithm {
        /// What was asked for.
        wanted: KeySpec,
        /// OID of the algorithm, or of the curve.
        found: String,
    },
    /// An RSA modulus of another size.
    #[error("the phone was asked for {wanted} and made RSA {found}")]
    Size {
        /// What was asked for.
        wanted: KeySpec,
        /// Bits of the modulus.
        found: i32,
    },
    /// An RSA exponent that is even, below 3 or above 64 bits.
    #[error("an RSA exponent of {0}: it must be odd, at least 3 and at most 64 bits")]
    Exponent(String),
    /// An RSA modulus with a small factor, 2 among them.
    #[error("the RSA modulus can be divided by {0}, so anybody has the private key")]
    Factor(u32),
    /// A point that is not on its curve.
    #[error("the EC point is not on {0}")]
    Point(&'static str),
}

/// Checks a SubjectPublicKeyInfo against what was asked for.
///
/// RSA: exactly the size asked for, an odd modulus without small factors, an odd exponent of 3 to 64 bits. EC: the named
/// curve asked for, an uncompressed point on it.
///
/// # Errors
/// [`BadKey`]; the operation fails with *Key Generation Failed/Timeout*.
pub fn check_public_key(spki: &[u8], wanted: KeySpec) -> Result<(), BadKey> {
    let parsed = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|error| BadKey::Unreadable(error.to_string()))?;
    let bits = parsed
        .subject_public_key
        .as_bytes()
        .ok_or_else(|| BadKey::Unreadable("its bits are no whole bytes".to_owned()))?;
    match wanted {
        KeySpec::Rsa(size) => check_rsa(&parsed.algorithm, bits, size, wanted),
        KeySpec::Ec(curve) => check_ec(&parsed.algorithm, bits, curve, wanted),
    }
}

fn failed(error: &ErrorStack) -> BadKey {
    BadKey::Unreadable(error.to_string())
}

fn check_rsa(algorithm: &AlgorithmIdentifierOwned, bits: &[u8], size: RsaSize, wanted: KeySpec) -> Result<(), BadKey> {
    if algorithm.oid != RSA_ENCRYPTION {
        return Err(BadKey::Algorithm { wanted, found: algorithm.oid.to_string() });
    }
    if algorithm.parameters.as_ref().is_none_or(|parameters| parameters.decode_as::<Null>().is_err()) {
        return Err(BadKey::Unreadable("rsaEncryption has other parameters than NULL".to_owned()));
    }
    let rsa = Rsa::public_key_from_der_pkcs1(bits).map_err(|error| failed(&error))?;
    if rsa.public_key_to_der_pkcs1().map_err(|error| failed(&error))? != bits {
        return Err(BadKey::Unreadable("RSAPublicKey is not DER to the last byte".to_owned()));
    }
    let (modulus, exponent) = (rsa.n(), rsa.e());
    if modulus.is_negative() || exponent.is_negative() {
        return Err(BadKey::Unreadable("a negative number in RSAPublicKey".to_owned()));
    }
    if modulus.num_bits() != i32::from(size.bits()) {
        return Err(BadKey::Size { wanted, found: modulus.num_bits() });
    }
    let three = BigNum::from_u32(3).map_err(|error| failed(&error))?;
    if !exponent.is_bit_set(0) || *exponent < *three || exponent.num_bits() > MAX_EXPONENT_BITS {
        let shown = match exponent.to_dec_str() {
            Ok(text) if text.len() <= 24 => text.to_string(),
            _ => format!("{} bits", exponent.num_bits()),
        };
        return Err(BadKey::Exponent(shown));
    }
    for factor in std::iter::once(2).chain((3..=SMALL).step_by(2)) {
        if modulus.mod_word(factor).map_err(|error| failed(&error))? == 0 {
            return Err(BadKey::Factor(factor));
        }
    }
    Ok(())
}

fn check_ec(algorithm: &AlgorithmIdentifierOwned, bits: &[u8], curve: Curve, wanted: KeySpec) -> Result<(), BadKey> {
    let other = |found: String| BadKey::Algorithm { wanted, found };
    if algorithm.oid != EC_PUBLIC_KEY {
        return Err(other(algorithm.oid.to_string()));
    }
    let named = algorithm.parameters.as_ref().map(|parameters| parameters.decode_as::<ObjectIdentifier>());
    let (oid, nid, coordinate) = match curve {
        Curve::Secp256r1 => (SECP256R1, Nid::X9_62_PRIME256V1, 32),
        Curve::Secp384r1 => (SECP384R1, Nid::SECP384R1, 48),
        Curve::Secp521r1 => (SECP521R1, Nid::SECP521R1, 66),
    };
    match named {
        Some(Ok(named)) if named == oid => {}
        Some(Ok(named)) => return Err(other(named.to_string())),
        _ => return Err(BadKey::Unreadable("an EC key without a named curve".to_owned())),
    }
    if bits.first() != Some(&UNCOMPRESSED) || bits.len() != 1 + 2 * coordinate {
        return Err(BadKey::Unreadable(format!("no uncompressed point of {} bytes", 1 + 2 * coordinate)));
    }
    let point = || -> Result<(), ErrorStack> {
        let group = EcGroup::from_curve_name(nid)?;
        let mut context = openssl::bn::BigNumContext::new()?;
        let point = EcPoint::from_bytes(&group, bits, &mut context)?;
        EcKey::from_public_key(&group, &point)?.check_key()
    };
    point().map_err(|_| BadKey::Point(curve.name()))
}
