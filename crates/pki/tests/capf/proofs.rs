//! The values of `proofs.json`, made again and checked.

use pki::capf::{holds, prove, signed_data, sudi_data};
use pki::hash::{digest, hex};
use pki::{Certificate, SoftKey};
use wire::digest::DigestId;

use crate::{certificate, device, json, key, read};

#[test]
fn every_golden_proof_is_made_again_and_holds() {
    let vector = json("capf/proofs.json");
    let session_id = u32::try_from(vector["session_id"].as_u64().unwrap()).unwrap();
    assert_eq!(vector["device"], crate::DEVICE);
    let (mut rsa, mut ec) = (0, 0);
    for proof in vector["proofs"].as_array().unwrap() {
        let text = |name: &str| proof[name].as_str().unwrap();
        let key = SoftKey::from_pem(&read(text("key"))).unwrap();
        let certificate = Certificate::from_pem(&read(text("certificate"))).unwrap();
        let hash = match text("hash") {
            "sha1" => DigestId::SHA1,
            _ => DigestId::SHA512,
        };
        let (name, session) = (device(), session_id.to_le_bytes());
        let first = if text("what") == "sudi" { session.as_slice() } else { name.as_sent() };
        let parts = [first, certificate.der()];
        assert_eq!(hex(&pki::hash::sha256(&parts.concat())), text("preimage_sha256"));
        assert_eq!(hex(&digest(hash, &parts).unwrap()), text("digest"));

        let (signed, sha2) = signed_data(&key, &name, certificate.der()).unwrap();
        let sudi = sudi_data(&key, session_id, certificate.der()).unwrap();
        let made = match (text("what"), hash) {
            ("sudi", DigestId::SHA1) => sudi.sha1.unwrap(),
            ("sudi", _) => sudi.sha512.unwrap(),
            (_, DigestId::SHA1) => signed,
            _ => sha2.proof,
        };
        let golden = match proof.get("result_hex") {
            Some(golden) => {
                assert_eq!(hex(&made), golden.as_str().unwrap(), "{}", text("key"));
                rsa += 1;
                hex::decode(golden.as_str().unwrap()).unwrap()
            }
            // ECDSA is random: another value each time
            None => {
                ec += 1;
                hex::decode(text("ecdsa_der_hex")).unwrap()
            }
        };
        for proof in [&made, &golden] {
            assert!(holds(&certificate, hash, &parts, proof), "{}", text("key"));
            for place in [0, proof.len() / 2, proof.len() - 1] {
                let mut flipped = proof.clone();
                flipped[place] ^= 1;
                assert!(!holds(&certificate, hash, &parts, &flipped));
            }
            assert!(!holds(&certificate, hash, &parts, &proof[1..]));
            assert!(!holds(&certificate, hash, &parts, &[proof.as_slice(), &[0]].concat()));
            assert!(!holds(&certificate, hash, &parts, &[]));
            assert!(!holds(&certificate, hash, &[first, b"another certificate"], proof));
        }
    }
    assert_eq!((rsa, ec), (16, 2));
}

#[test]
fn the_whole_block_is_compared() {
    use openssl::rsa::Padding;
    let (lsc, key) = (certificate("lsc-2048"), key("lsc-2048"));
    let (rsa, parts) = (key.openssl().rsa().unwrap(), [b"what is signed".as_slice()]);
    let hashed = digest(DigestId::SHA1, &parts).unwrap();
    let raw = |block: &[u8]| {
        let mut proof = vec![0; 256];
        rsa.private_encrypt(block, &mut proof, Padding::NONE).unwrap();
        holds(&lsc, DigestId::SHA1, &parts, &proof)
    };
    let mut block = vec![0xFF; 256];
    block[..2].copy_from_slice(&[0, 1]);
    block[235] = 0;
    block[236..].copy_from_slice(&hashed);
    assert!(raw(&block));
    for place in [1, 2, 100, 234, 235, 236, 255] {
        let mut other = block.clone();
        other[place] ^= 2;
        assert!(!raw(&other), "byte {place}");
    }
    // the hash at the end, anything before it
    let mut short = block.clone();
    short[20] = 0;
    assert!(!raw(&short));
    // an ordinary signature, with DigestInfo
    let ordinary = pki::Signer::sign(&key, DigestId::SHA1, &parts).unwrap();
    assert!(!holds(&lsc, DigestId::SHA1, &parts, &ordinary));
    // a number above the modulus
    assert!(!holds(&lsc, DigestId::SHA1, &parts, &[0xFF; 256]));
    assert!(!holds(&lsc, DigestId(9), &parts, &[0; 256]));
}

#[test]
fn a_key_of_512_bits_has_no_room_for_sha512() {
    let tiny = key("tiny-512");
    assert!(signed_data(&tiny, &device(), b"der").is_err());
    let (tiny_certificate, parts) = (certificate("tiny-512"), [b"x".as_slice()]);
    let proof = prove(&tiny, DigestId::SHA1, &parts).unwrap();
    assert!(holds(&tiny_certificate, DigestId::SHA1, &parts, &proof));
    assert!(!holds(&tiny_certificate, DigestId::SHA512, &parts, &proof));
}
