//! What the format or the phones cannot take is refused before anything is signed; what is too large is not read.

use wire::digest::{DigestId, Modulus};
use wire::error::{Reason, Unwritable};
use wire::header::{FILE_LIMIT, HeaderSpec, Layout, SignerId, Version};
use wire::role::Role;
use wire::signed_file::SignedFile;
use wire::trust_list::{CertificateFields, RecordSpec, TrustList, write_records};

fn spec() -> HeaderSpec {
    HeaderSpec {
        layout: Layout::Cucm,
        version: Version::SIGNED,
        signer_version: None,
        signer: SignerId {
            name: b"CN=a".to_vec(),
            serial: vec![1],
            issuer: b"CN=a".to_vec(),
            modulus: Modulus::Rsa1024,
        },
        digest: DigestId::SHA1,
        file_name: None,
        timestamp: None,
        encryption: None,
        older_header: Vec::new(),
    }
}

fn refused(spec: &HeaderSpec) -> Unwritable {
    spec.lay_out(Vec::new()).unwrap_err()
}

#[test]
fn digests_that_phones_do_not_know() {
    for id in [0, 2, 4, 255] {
        let spec = HeaderSpec { digest: DigestId(id), ..spec() };
        assert_eq!(refused(&spec), Unwritable::DigestNotWritten(id));
    }
}

#[test]
fn sha512_does_not_fit_into_rsa_512() {
    let mut spec = HeaderSpec { digest: DigestId::SHA512, ..spec() };
    spec.signer.modulus = Modulus::Rsa512;
    assert_eq!(refused(&spec), Unwritable::DigestTooLong { digest: "sha512", bits: 512 });
    spec.digest = DigestId::SHA1;
    assert!(spec.lay_out(Vec::new()).is_ok());
}

#[test]
fn parts_above_16_bits() {
    let long = HeaderSpec { file_name: Some(vec![b'x'; 65_535]), ..spec() };
    assert_eq!(refused(&long), Unwritable::FieldTooLong { field: "FILENAME", length: 65_536 });
    let large = HeaderSpec { file_name: Some(vec![b'x'; 65_400]), ..spec() };
    assert!(matches!(refused(&large), Unwritable::PartTooLong { part: "header", .. }));
    let der = vec![0; 65_500];
    let fields = CertificateFields {
        subject: "s",
        issuer: "i",
        serial: &[1],
        public_key: &[2; 140],
        signature: &[3; 128],
        der: &der,
    };
    let record = RecordSpec::cucm(Role::SAST, &fields, "host", [192, 0, 2, 1].into());
    assert!(matches!(write_records(&[record]), Err(Unwritable::PartTooLong { part: "record", .. })));
}

#[test]
fn a_signature_of_another_size() {
    let unsigned = spec().lay_out(Vec::new()).unwrap();
    assert_eq!(unsigned.attach(&[0; 256]).unwrap_err(), Unwritable::SignatureLength { expected: 128, found: 256 });
}

#[test]
fn a_file_above_the_limit_is_not_read() {
    let mut file = spec().lay_out(vec![0; FILE_LIMIT]).unwrap().attach(&[0; 128]).unwrap();
    let error = SignedFile::of(&file).unwrap_err();
    assert_eq!(error.reason, Reason::TooLarge { found: file.len(), limit: FILE_LIMIT });
    assert!(error.to_string().contains("16777216"), "{error}");
    file.truncate(FILE_LIMIT);
    assert!(SignedFile::of(&file).is_ok());
    assert!(TrustList::decode(file).is_err(), "zeros are no records");
}

#[test]
fn refusals_name_offset_field_and_reason() {
    let good = spec().lay_out(Vec::new()).unwrap().attach(&[0; 128]).unwrap();
    let said = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = good.clone();
        change(&mut file);
        TrustList::decode(file).unwrap_err().to_string()
    };
    assert_eq!(said(&|file| file.truncate(9)), "offset 0: header: needs 10 bytes, the file has 9");
    assert_eq!(said(&|file| file[0] = 9), "offset 0: VERSION: tag 9 stands where tag 1 must stand");
    assert_eq!(said(&|file| file[7] = 3), "offset 5: HEADERLENGTH: has length 3, must have 2");
    let range = format!("offset 8: HEADERLENGTH: 9 is outside 10..={}", good.len());
    assert_eq!(said(&|file| file[8..10].copy_from_slice(&[0, 9])), range);
    let past =
        format!("offset 13: SIGNERNAME: its 65535 bytes run past the end of the header at offset {}", good.len());
    assert_eq!(said(&|file| file[14..16].fill(255)), past);
    let record =
        format!("offset {}: RECORDLENGTH: needs {} bytes, the file has {}", good.len(), good.len() + 5, good.len() + 1);
    assert_eq!(said(&|file| file.push(0)), record);
}
