//! What the builder lays out reads back with the same fields.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::digest::{DigestId, Modulus};
use wire::header::{self, Encryption, HeaderSpec, Layout, SignerId, Version};
use wire::role::Role;
use wire::signed_file::SignedFile;
use wire::trust_list::{self, CertificateFields, RecordSpec, TrustList, write_records};

use crate::sound::{check_list, check_signed};

prop_compose! {
    fn version()(major: u8, minor: u8) -> Version {
        Version { major, minor }
    }
}

fn modulus() -> impl Strategy<Value = Modulus> {
    // The smallest cannot hold SHA-512, which is tested apart.
    prop_oneof![Just(Modulus::Rsa1024), Just(Modulus::Rsa2048), Just(Modulus::Rsa4096)]
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..most)
}

prop_compose! {
    fn signer()(name in bytes(200), serial in bytes(21), issuer in bytes(200), modulus in modulus()) -> SignerId {
        SignerId { name, serial, issuer, modulus }
    }
}

prop_compose! {
    fn encryption()(
        iv: [u8; 16],
        padding in 1_u16..=16,
        key_bits: u16,
        wrapped_key in bytes(513),
        hash_algorithm in any::<u8>().prop_map(DigestId),
        hash in bytes(65),
    ) -> Encryption {
        Encryption { iv, padding, key_bits, wrapped_key, hash_algorithm, hash }
    }
}

prop_compose! {
    fn header()(
        peer: bool,
        version in version(),
        signer_version in proptest::option::of(version()),
        signer in signer(),
        sha512: bool,
        file_name in proptest::option::of(bytes(230)),
        timestamp: Option<u32>,
        encryption in proptest::option::of(encryption()),
    ) -> HeaderSpec {
        HeaderSpec {
            layout: if peer { Layout::Peer } else { Layout::Cucm },
            version,
            signer_version,
            signer,
            digest: if sha512 { DigestId::SHA512 } else { DigestId::SHA1 },
            file_name,
            timestamp,
            encryption,
            older_header: Vec::new(),
        }
    }
}

prop_compose! {
    fn record()(
        role in any::<u16>().prop_map(Role),
        subject in ".{0,60}",
        issuer in ".{0,60}",
        serial in bytes(21),
        public_key in bytes(300),
        signature in bytes(300),
        der in bytes(1500),
        host in ".{0,20}",
        address: [u8; 4],
        form in 0..5,
    ) -> (RecordSpec, Role, String, Vec<u8>, Option<Vec<u8>>) {
        let fields = CertificateFields {
            subject: &subject,
            issuer: &issuer,
            serial: &serial,
            public_key: &public_key,
            signature: &signature,
            der: &der,
        };
        let address = address.into();
        let (spec, certificate) = match form {
            0 => (RecordSpec::cucm(role, &fields, &host, address), Some(der.clone())),
            1 => (RecordSpec::ctl_client(role, &fields, &host, address), Some(der.clone())),
            2 => (RecordSpec::hashed(role, &fields, &host, DigestId::SHA1, &der[..der.len().min(20)]), None),
            3 => (RecordSpec::peer(role, &fields), Some(der.clone())),
            _ => (RecordSpec::emptied(role, &host, address), None),
        };
        (spec, role, subject, serial, certificate)
    }
}

fn check_fields(spec: &HeaderSpec, read: header::HeaderView<'_>) {
    assert_eq!(read.version(), spec.version);
    assert_eq!(read.signer_version(), spec.signer_version);
    assert_eq!(read.signer_name(), Some(spec.signer.name.as_slice()));
    assert_eq!(read.issuer_name(), Some(spec.signer.issuer.as_slice()));
    assert_eq!(read.serial(), Some(spec.signer.serial.as_slice()));
    assert_eq!(read.digest(), Some(spec.digest));
    assert_eq!(read.file_name(), spec.file_name.as_deref());
    assert_eq!(read.timestamp(), spec.timestamp);
    assert_eq!(read.signature().unwrap().len(), spec.signer.modulus.signature_length());
    assert_eq!(read.length() % 4, 0);
    assert!(read.padding() < 4);
    let modulus = read.value(header::SIGNATUREMODULUS).unwrap();
    assert_eq!(modulus, [spec.signer.modulus.code()]);
    let order: Vec<u8> = read.fields().map(|(field, _)| field.tag).filter(|tag| (4..=6).contains(tag)).collect();
    match spec.layout {
        Layout::Cucm => assert_eq!(order, [4, 5, 6]),
        Layout::Peer => assert_eq!(order, [4, 6, 5]),
    }
    match (&spec.encryption, read.encryption()) {
        (None, None) => {}
        (Some(written), Some(read)) => {
            assert_eq!(read.iv, Some(written.iv.as_slice()));
            assert_eq!(read.padding, Some(written.padding));
            assert_eq!(read.wrapped_key, Some(written.wrapped_key.as_slice()));
            assert_eq!(read.hash_algorithm, Some(written.hash_algorithm));
            assert_eq!(read.hash, Some(written.hash.as_slice()));
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn a_signed_file_reads_back(spec in header(), payload in bytes(5000), fill: u8) {
        let unsigned = spec.lay_out(payload.clone()).unwrap();
        let signed = unsigned.to_be_signed().concat();
        let signature = vec![fill; spec.signer.modulus.signature_length()];
        let file = unsigned.attach(&signature).unwrap();
        let read = SignedFile::decode(file.as_slice()).unwrap();
        check_signed(&read, &file);
        check_fields(&spec, read.header());
        prop_assert_eq!(read.payload(), payload);
        prop_assert_eq!(read.header().covered().unwrap().concat(), signed);
        prop_assert_eq!(read.header().signature().unwrap(), signature);
        let encrypted = spec.encryption.is_some() || spec.version == Version::ENCRYPTED;
        prop_assert_eq!(read.is_encrypted(), encrypted);
    }

    #[test]
    fn a_trust_list_reads_back(spec in header(), records in vec(record(), 0..12)) {
        let specs: Vec<RecordSpec> = records.iter().map(|(spec, ..)| spec.clone()).collect();
        let body = write_records(&specs).unwrap();
        prop_assert_eq!(body.len(), specs.iter().map(RecordSpec::length).sum::<usize>());
        let signature = vec![0x5A; spec.signer.modulus.signature_length()];
        let file = spec.lay_out(body).unwrap().attach(&signature).unwrap();
        let list = TrustList::decode(file.as_slice()).unwrap();
        check_list(&list, &file);
        check_fields(&spec, list.header());
        prop_assert_eq!(list.record_count(), records.len());
        for (read, (spec, role, subject, serial, certificate)) in list.records().zip(&records) {
            prop_assert_eq!(read.role(), Some(*role));
            prop_assert_eq!(read.length(), spec.length());
            prop_assert_eq!(read.certificate(), certificate.as_deref());
            if read.value(trust_list::SUBJECTNAME).is_some() {
                prop_assert_eq!(read.subject(), Some(subject.as_bytes()));
                prop_assert_eq!(read.serial(), Some(serial.as_slice()));
            }
        }
    }

    /// The new header of a reset file hides the old one, as on a phone.
    #[test]
    fn an_older_header_is_padding(spec in header(), old in header(), records in vec(record(), 0..4)) {
        let specs: Vec<RecordSpec> = records.iter().map(|(spec, ..)| spec.clone()).collect();
        let body = write_records(&specs).unwrap();
        let signature = vec![1; old.signer.modulus.signature_length()];
        let older = old.lay_out(Vec::new()).unwrap().attach(&signature).unwrap();
        let spec = HeaderSpec { file_name: None, timestamp: None, encryption: None, older_header: older.clone(), ..spec };
        let signature = vec![2; spec.signer.modulus.signature_length()];
        let file = spec.lay_out(body).unwrap().attach(&signature).unwrap();
        let list = TrustList::decode(file.as_slice()).unwrap();
        check_list(&list, &file);
        prop_assert!((older.len() + 1..=older.len() + 4).contains(&list.header().padding()));
        prop_assert_eq!(list.header().length() % 4, 0);
        prop_assert_eq!(list.header().file_name(), None);
        prop_assert_eq!(list.record_count(), records.len());
    }
}
