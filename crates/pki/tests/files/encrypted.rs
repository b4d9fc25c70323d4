//! Encrypted configs: opened with the key of the device, rebuilt, made anew, and tampered with.

use openssl::symm::{Cipher, Crypter, Mode};
use pki::encrypt::{EncryptError, OpenError, encrypt_file, open, pad};
use pki::hash::{digest, hex, sha256};
use pki::sign::{FileSpec, SigningIdentity, sign_file};
use pki::verify::check;
use pki::{Certificate, NameForm, OpensslRandom, Random, RandomError, SoftKey};
use serde_json::Value;
use wire::digest::DigestId;
use wire::header::{self, Encryption, HeaderSpec, Layout, Version};
use wire::signed_file::SignedFile;

use crate::peer_layout::command_line;
use crate::read::check_signed;
use crate::vectors::{Entry, assert_same, certificate, entries, key, read, timestamp};

fn device_key(entry: &Entry) -> SoftKey {
    SoftKey::from_pem(&read(entry.text("device_key").unwrap())).unwrap()
}

fn pem(path: &str) -> Certificate {
    Certificate::from_pem(&read(path)).unwrap()
}

#[test]
fn good_configs_open_to_what_is_expected() {
    for entry in entries("encrypted", 10) {
        let file = SignedFile::decode(entry.bytes()).unwrap();
        assert!(file.is_encrypted());
        check_signed(&entry, &file);
        let opened = open(&file, &device_key(&entry)).unwrap();
        let fields = file.header().encryption().unwrap();
        let device = pem(entry.text("device_certificate").unwrap());
        let stub = SignedFile::decode(read(entry.text("stub_file").unwrap())).unwrap();
        let signer = pem(entry.text("signer").unwrap());
        let mut checked = 0;
        for (key, wanted) in entry.expect().as_object().unwrap() {
            let found = match key.as_str() {
                "decrypt" => Value::from("ok"),
                "aes_key" => hex(&opened.key).into(),
                "iv" => hex(fields.iv.unwrap()).into(),
                "plain_length" => opened.plain.len().into(),
                "plain_sha256" => hex(&sha256(&opened.plain)).into(),
                "hash" => fields.hash_algorithm.unwrap().name().into(),
                "cert_hash_md5" => hex(&device.md5()).into(),
                "stub" => {
                    let header = stub.header();
                    serde_json::json!({
                        "size": stub.bytes().len(),
                        "header_length": header.length(),
                        "payload_length": stub.payload().len(),
                        "payload_sha256": hex(&sha256(stub.payload())),
                        "digest": header.digest().unwrap().name(),
                        "signature_verdict": check(header, &signer).label(),
                    })
                }
                _ => continue,
            };
            assert_eq!(&found, wanted, "{} {key}", entry.file_name());
            checked += 1;
        }
        assert_eq!(checked, 8, "{}", entry.file_name());
        assert_eq!(*opened.plain, read(entry.text("plain_file").unwrap()));
        assert_eq!(stub.payload(), read(entry.text("stub_payload_file").unwrap()));
    }
}

#[test]
fn damaged_configs_are_refused_as_expected() {
    let mut refused = 0;
    for entry in entries("encrypted-damaged", 18) {
        let wanted = entry.expect()["decrypt"].as_str().unwrap();
        let Ok(file) = SignedFile::decode(entry.bytes()) else {
            assert_eq!(entry.expect()["parse"], "error");
            refused += 1;
            continue;
        };
        assert_eq!(entry.expect()["parse"], "ok");
        check_signed(&entry, &file);
        let Err(error) = open(&file, &device_key(&entry)) else { panic!("{} opens", entry.file_name()) };
        if wanted != "not-ok" {
            assert_eq!(error.label(), wanted, "{}", entry.file_name());
        }
    }
    assert_eq!(refused, 1);
}

/// Gives the bytes it was made with, one call after the other.
struct Fixed(Vec<Vec<u8>>);

impl Random for Fixed {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.copy_from_slice(&self.0.remove(0));
        Ok(())
    }
}

/// AES key, IV and the wrapped key come from the vector: PKCS#1 v1.5 encryption is random. All else is ours.
#[test]
fn every_encrypted_config_and_stub_of_the_peer_is_rebuilt() {
    let mut rebuilt = 0;
    for entry in entries("encrypted", 10) {
        let wanted = entry.bytes();
        let theirs = SignedFile::decode(wanted.as_slice()).unwrap();
        let opened = open(&theirs, &device_key(&entry)).unwrap();
        let fields = theirs.header().encryption().unwrap();
        let iv: [u8; 16] = fields.iv.unwrap().try_into().unwrap();
        let line = command_line(&entry, "enccnf");
        let [(_, name)] = line.certificates.as_slice() else { panic!("one signer") };
        let (signer, signer_key) = (certificate(name), key(name));
        let identity = SigningIdentity::new(&signer, &signer_key).unwrap();
        let device = pem(entry.text("device_certificate").unwrap());
        let plain = read(entry.text("plain_file").unwrap());
        let file_name = format!("{}.enc.sgn", line.build);
        let spec = FileSpec {
            layout: Layout::Peer,
            digest: line.digest.unwrap(),
            file_name: &file_name,
            timestamp: timestamp(&wanted),
        };

        // What the product calls, with their random bytes: only the wrapped key and so the signature differ.
        let mut random = Fixed(vec![opened.key.to_vec(), iv.to_vec()]);
        let ours = SignedFile::decode(encrypt_file(&spec, &plain, &device, &identity, &mut random).unwrap()).unwrap();
        assert_same(entry.file_name(), ours.payload(), theirs.payload());
        let fields_of = |file: &SignedFile| -> Vec<(u8, Vec<u8>)> {
            let all = file.header().fields();
            all.filter(|(field, _)| !matches!(field.tag, header::SIGNATURE | header::ENCRYPTIONKEY))
                .map(|(field, bytes)| (field.tag, bytes.to_vec()))
                .collect()
        };
        assert_eq!(fields_of(&ours), fields_of(&theirs), "{}", entry.file_name());
        assert!(check(ours.header(), &signer).is_valid());
        assert_eq!(*open(&ours, &device_key(&entry)).unwrap().plain, plain);

        // With their wrapped key too, the file is theirs to the byte.
        let (padded, padding) = pad(&plain);
        let cipher_text = aes_128_cbc(&opened.key, &iv, &padded);
        let header = HeaderSpec {
            layout: Layout::Peer,
            version: Version::ENCRYPTED,
            signer_version: None,
            signer: identity.signer_id(NameForm::Peer),
            digest: spec.digest,
            file_name: Some(file_name.clone().into_bytes()),
            timestamp: Some(spec.timestamp),
            encryption: Some(Encryption {
                iv,
                padding,
                key_bits: u16::try_from(device.rsa_bits().unwrap()).unwrap(),
                wrapped_key: fields.wrapped_key.unwrap().to_vec(),
                hash_algorithm: spec.digest,
                hash: digest(spec.digest, &[&plain]).unwrap(),
            }),
            older_header: Vec::new(),
        };
        let built = identity.sign(header.lay_out(cipher_text).unwrap()).unwrap();
        assert_same(entry.file_name(), &built, &wanted);

        // And its stub.
        let stub = read(entry.text("stub_file").unwrap());
        let stub_name = format!("{}.sgn", line.build);
        let stub_spec = FileSpec { file_name: &stub_name, timestamp: timestamp(&stub), ..spec };
        let built = sign_file(&stub_spec, read(entry.text("stub_payload_file").unwrap()), &identity).unwrap();
        assert_same(entry.text("stub_file").unwrap(), &built, &stub);
        rebuilt += 1;
    }
    assert_eq!(rebuilt, 10);
}

fn aes_128_cbc(key: &[u8], iv: &[u8], input: &[u8]) -> Vec<u8> {
    let mut crypter = Crypter::new(Cipher::aes_128_cbc(), Mode::Encrypt, key, Some(iv)).unwrap();
    crypter.pad(false);
    let mut out = vec![0; input.len() + 16];
    let mut length = crypter.update(input, &mut out).unwrap();
    length += crypter.finalize(&mut out[length..]).unwrap();
    out.truncate(length);
    out
}

fn made(plain: &[u8], device: &str) -> SignedFile {
    let (signer, signer_key) = (certificate("ccm-pub-2048"), key("ccm-pub-2048"));
    let identity = SigningIdentity::new(&signer, &signer_key).unwrap();
    let spec = FileSpec {
        layout: Layout::Cucm,
        digest: DigestId::SHA512,
        file_name: "SEPB000B4BA0AEE.cnf.xml.enc.sgn",
        timestamp: 1_800_000_000,
    };
    let file = encrypt_file(&spec, plain, &certificate(device), &identity, &mut OpensslRandom).unwrap();
    SignedFile::decode(file).unwrap()
}

#[test]
fn what_we_encrypt_opens_again_at_every_length_around_a_block() {
    for device in ["lsc-1024", "lsc-2048", "lsc-4096", "mic-2048"] {
        for length in [0, 1, 15, 16, 17, 31, 32, 33, 1000] {
            let plain: Vec<u8> = (0..length).map(|index: usize| index.to_le_bytes()[0]).collect();
            let file = made(&plain, device);
            assert_eq!(*open(&file, &key(device)).unwrap().plain, plain, "{device} {length}");
            assert!(check(file.header(), &certificate("ccm-pub-2048")).is_valid());
            assert_eq!(file.payload().len(), (length / 16 + 1) * 16);
        }
    }
}

#[test]
fn an_ec_device_cannot_have_an_encrypted_config() {
    let (signer, signer_key) = (certificate("ccm-pub-2048"), key("ccm-pub-2048"));
    let identity = SigningIdentity::new(&signer, &signer_key).unwrap();
    let spec = FileSpec { layout: Layout::Cucm, digest: DigestId::SHA1, file_name: "x", timestamp: 0 };
    let refused = encrypt_file(&spec, b"<device/>", &certificate("lsc-p256"), &identity, &mut OpensslRandom);
    assert!(matches!(refused, Err(EncryptError::NotRsa(..))), "{refused:?}");
}

/// Each bit of the cipher text, the IV, the wrapped key and the hash counts.
#[test]
fn a_changed_byte_never_opens_to_the_same_text_and_breaks_the_signature() {
    let file = made(b"<device><x>1</x></device>", "lsc-1024");
    let device = key("lsc-1024");
    let signer = certificate("ccm-pub-2048");
    let field = |tag| file.header().field(tag).unwrap().value.clone();
    let places = [
        field(header::ENCRYPTIONIV),
        field(header::ENCRYPTIONKEY),
        field(header::ENCRYPTIONHASH),
        file.header().length()..file.bytes().len(),
    ];
    for place in places.into_iter().flatten() {
        let mut bytes = file.bytes().to_vec();
        bytes[place] ^= 0x40;
        let changed = SignedFile::decode(bytes).unwrap();
        assert!(!check(changed.header(), &signer).is_valid(), "offset {place}");
        // A change inside the padding is the one that the hash does not see.
        let padding = place >= file.bytes().len() - 7;
        match open(&changed, &device) {
            Err(error) => assert_eq!(error, OpenError::Mismatch, "offset {place}"),
            Ok(_) => assert!(padding, "offset {place}"),
        }
    }
}
