//! Keys that phones hand in.

use der::asn1::BitString;
use der::{Decode, Encode};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{Asn1Flag, EcGroup, EcKey, PointConversionForm};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use pki::capf::{BadKey, check_public_key};
use pki::{Signer, SoftKey};
use wire::capf::{Curve, KeySpec, RsaSize};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

const RSA_1024: KeySpec = KeySpec::Rsa(RsaSize::Bits1024);
const P256: KeySpec = KeySpec::Ec(Curve::Secp256r1);

fn rsa(modulus: &BigNum, exponent: u32) -> Vec<u8> {
    let exponent = BigNum::from_u32(exponent).unwrap();
    let key = Rsa::from_public_components((**modulus).to_owned().unwrap(), exponent).unwrap();
    PKey::from_rsa(key).unwrap().public_key_to_der().unwrap()
}

/// A modulus of a fresh key.
fn modulus(bits: u32) -> BigNum {
    Rsa::generate(bits).unwrap().n().to_owned().unwrap()
}

/// A fresh EC key, its point written in this form.
fn ec(nid: Nid, form: PointConversionForm, flag: Asn1Flag) -> Vec<u8> {
    let mut group = EcGroup::from_curve_name(nid).unwrap();
    group.set_asn1_flag(flag);
    let key = EcKey::generate(&group).unwrap();
    let point = key.public_key().to_bytes(&group, form, &mut BigNumContext::new().unwrap()).unwrap();
    with_bits(&PKey::from_ec_key(key).unwrap().public_key_to_der().unwrap(), &point)
}

/// The same algorithm with other bits of the key.
fn with_bits(spki: &[u8], bits: &[u8]) -> Vec<u8> {
    let mut parsed = SubjectPublicKeyInfoOwned::from_der(spki).unwrap();
    parsed.subject_public_key = BitString::from_bytes(bits).unwrap();
    parsed.to_der().unwrap()
}

#[test]
fn the_keys_of_the_recorded_phones_are_taken() {
    let mut keys = 0;
    for entry in std::fs::read_dir(crate::folder().join("capf")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".json").filter(|name| *name != "proofs" && *name != "keygen-garbage-key")
        else {
            continue;
        };
        let vector = crate::json(&format!("capf/{name}.json"));
        for message in vector["messages"].as_array().unwrap() {
            let Some(bytes) = message["hex"].as_str().map(|text| hex::decode(text).unwrap()) else { continue };
            if bytes[1] != 4 || bytes[8] != 9 {
                continue;
            }
            let wanted = KeySpec::Rsa(match name {
                "install-null-string-rsa1024" => RsaSize::Bits1024,
                "install-null-string-rsa3072" => RsaSize::Bits3072,
                "install-null-string-rsa4096" => RsaSize::Bits4096,
                _ => RsaSize::Bits2048,
            });
            let wanted = match name {
                "install-ec-secp256r1" | "update-with-ec-lsc" => P256,
                "install-ec-secp384r1" => KeySpec::Ec(Curve::Secp384r1),
                "install-ec-secp521r1" => KeySpec::Ec(Curve::Secp521r1),
                _ => wanted,
            };
            assert_eq!(check_public_key(&bytes[11..], wanted), Ok(()), "{name}");
            keys += 1;
        }
    }
    assert!(keys >= 18, "{keys} keys");
}

#[test]
fn every_size_and_only_the_one_asked_for() {
    let keys: Vec<(RsaSize, Vec<u8>)> = RsaSize::ALL
        .into_iter()
        .map(|size| (size, SoftKey::generate_rsa(u32::from(size.bits())).unwrap().spki().to_vec()))
        .collect();
    for (size, key) in &keys {
        for wanted in RsaSize::ALL {
            let checked = check_public_key(key, KeySpec::Rsa(wanted));
            if wanted == *size {
                assert_eq!(checked, Ok(()));
            } else {
                let found = i32::from(size.bits());
                assert_eq!(checked, Err(BadKey::Size { wanted: KeySpec::Rsa(wanted), found }));
            }
        }
        assert!(matches!(check_public_key(key, P256), Err(BadKey::Algorithm { .. })));
    }
    let half = &modulus(512) >> 1;
    let mut odd = half;
    odd.set_bit(0).unwrap();
    assert_eq!(odd.num_bits(), 511);
    let wanted = KeySpec::Rsa(RsaSize::Bits512);
    assert_eq!(check_public_key(&rsa(&odd, 65_537), wanted), Err(BadKey::Size { wanted, found: 511 }));
}

#[test]
fn weak_rsa_keys_are_refused() {
    let good = modulus(1024);
    for exponent in [3, 17, 65_537] {
        assert_eq!(check_public_key(&rsa(&good, exponent), RSA_1024), Ok(()), "{exponent}");
    }
    for exponent in [0, 1, 2, 4, 65_536] {
        let refused = check_public_key(&rsa(&good, exponent), RSA_1024);
        assert_eq!(refused, Err(BadKey::Exponent(exponent.to_string())), "{exponent}");
    }
    let long = Rsa::from_public_components(good.to_owned().unwrap(), good.to_owned().unwrap()).unwrap();
    let long = PKey::from_rsa(long).unwrap().public_key_to_der().unwrap();
    assert_eq!(check_public_key(&long, RSA_1024), Err(BadKey::Exponent("1024 bits".to_owned())));

    let mut even = good.to_owned().unwrap();
    even.clear_bit(0).unwrap();
    assert_eq!(check_public_key(&rsa(&even, 65_537), RSA_1024), Err(BadKey::Factor(2)));
    for factor in [3, 5, 751] {
        // the nearest multiple below
        let rest = u32::try_from(good.mod_word(factor).unwrap()).unwrap();
        let mut multiple = good.to_owned().unwrap();
        multiple.sub_word(rest).unwrap();
        if !multiple.is_bit_set(0) {
            multiple.sub_word(factor).unwrap();
        }
        let refused = check_public_key(&rsa(&multiple, 65_537), RSA_1024);
        assert!(matches!(refused, Err(BadKey::Factor(found)) if found <= factor), "{factor}: {refused:?}");
    }
    let zero = BigNum::new().unwrap();
    assert!(matches!(check_public_key(&rsa(&zero, 65_537), RSA_1024), Err(BadKey::Size { found: 0, .. })));
}

#[test]
fn ec_keys_are_on_the_curve_asked_for() {
    let (plain, named) = (PointConversionForm::UNCOMPRESSED, Asn1Flag::NAMED_CURVE);
    let curves = [
        (Nid::X9_62_PRIME256V1, Curve::Secp256r1),
        (Nid::SECP384R1, Curve::Secp384r1),
        (Nid::SECP521R1, Curve::Secp521r1),
    ];
    for (nid, curve) in curves {
        let key = ec(nid, plain, named);
        for wanted in Curve::ALL {
            let checked = check_public_key(&key, KeySpec::Ec(wanted));
            assert_eq!(checked.is_ok(), wanted == curve, "{checked:?}");
        }
        assert!(matches!(check_public_key(&key, RSA_1024), Err(BadKey::Algorithm { .. })));
        for place in [key.len() - 1, key.len() - 40] {
            let mut off = key.clone();
            off[place] ^= 1;
            assert_eq!(check_public_key(&off, KeySpec::Ec(curve)), Err(BadKey::Point(curve.name())));
        }
        for form in [PointConversionForm::COMPRESSED, PointConversionForm::HYBRID] {
            let other = check_public_key(&ec(nid, form, named), KeySpec::Ec(curve));
            assert!(matches!(other, Err(BadKey::Unreadable(_))), "{other:?}");
        }
        let explicit = check_public_key(&ec(nid, plain, Asn1Flag::EXPLICIT_CURVE), KeySpec::Ec(curve));
        assert!(matches!(explicit, Err(BadKey::Unreadable(_))), "{explicit:?}");
    }
    // a curve that phones do not know, of the same size
    let koblitz = check_public_key(&ec(Nid::SECP256K1, plain, named), P256);
    assert!(matches!(koblitz, Err(BadKey::Algorithm { ref found, .. }) if found == "1.3.132.0.10"), "{koblitz:?}");
    // coordinates above the prime, and the point at infinity
    let mut key = ec(Nid::X9_62_PRIME256V1, plain, named);
    let at = key.len() - 64;
    key[at..].fill(0xFF);
    assert_eq!(check_public_key(&key, P256), Err(BadKey::Point("secp256r1")));
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let infinity = openssl::ec::EcPoint::new(&group).unwrap();
    let mut context = BigNumContext::new().unwrap();
    assert_eq!(infinity.to_bytes(&group, plain, &mut context).unwrap(), [0]);
    assert!(matches!(check_public_key(&with_bits(&key, &[0]), P256), Err(BadKey::Unreadable(_))));
}

#[test]
fn what_is_no_key_is_refused() {
    let key = SoftKey::generate_rsa(1024).unwrap().spki().to_vec();
    assert_eq!(check_public_key(&key, RSA_1024), Ok(()));
    let unreadable = |spki: &[u8], wanted| {
        let refused = check_public_key(spki, wanted);
        assert!(matches!(refused, Err(BadKey::Unreadable(_))), "{refused:?}");
    };
    for bytes in [b"nonsense".as_slice(), b"", b"\x30\x00", &[0; 2048], crate::certificate("lsc-1024").der()] {
        unreadable(bytes, RSA_1024);
        unreadable(bytes, P256);
    }
    for end in 0..key.len() {
        unreadable(&key[..end], RSA_1024);
    }
    unreadable(&[key.as_slice(), &[0]].concat(), RSA_1024);
    // a PKCS#1 key where the SubjectPublicKeyInfo belongs
    unreadable(&key[22..], RSA_1024);
    // parameters that are not NULL
    let mut other = key.clone();
    assert_eq!(other[16..18], [5, 0]);
    other[16] = 4;
    unreadable(&other, RSA_1024);
    // a modulus that reads as a negative number
    let mut negative = key.clone();
    assert_eq!(negative[28], 0, "the sign byte of the modulus");
    negative.remove(28);
    for (place, less) in [(2, 1), (20, 1), (24, 1), (27, 1)] {
        negative[place] -= less;
    }
    assert!(check_public_key(&negative, RSA_1024).is_err());
    // another algorithm: Ed25519
    let ed25519 = PKey::generate_ed25519().unwrap().public_key_to_der().unwrap();
    for wanted in [RSA_1024, P256] {
        let refused = check_public_key(&ed25519, wanted);
        assert!(matches!(refused, Err(BadKey::Algorithm { ref found, .. }) if found == "1.3.101.112"), "{refused:?}");
    }
}
