//! Every list and signed file of the vectors gives what the index expects, key by key.

use pki::Certificate;
use pki::certificate::KeyKind;
use pki::hash::{hex, sha1, sha256};
use pki::verify::{Verdict, check, check_against_itself};
use serde_json::Value;
use wire::header::{self, HeaderView, Version};
use wire::signed_file::SignedFile;
use wire::tlv::{Field, untext};
use wire::trust_list::{self, RecordView, TrustList};

use crate::vectors::{Entry, certificate, entries, read};

/// Values of the shape that the index has them in.
fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[test]
fn good_trust_lists() {
    let kinds = [("trustlist", 44), ("trustlist-cucm-layout", 6), ("trustlist-inferred", 1)];
    let mut records = 0;
    for entry in kinds.iter().flat_map(|(kind, count)| entries(kind, *count)) {
        let file = entry.bytes();
        let list = TrustList::decode(file.as_slice()).unwrap_or_else(|error| panic!("{}: {error}", entry.file_name()));
        assert_eq!(list.bytes(), file);
        assert_eq!(entry.expect()["parse"], "ok");
        check_list(&entry, &list);
        records += list.record_count();
    }
    assert_eq!(records, 167 + 26 + 3);
}

#[test]
fn damaged_trust_lists() {
    let mut outcomes = [0; 3];
    for entry in entries("trustlist-damaged", 64) {
        let file = entry.bytes();
        let decoded = TrustList::decode(file.as_slice());
        match (text(&entry.expect()["parse"]), decoded) {
            ("ok", decoded) => {
                let list = decoded.unwrap_or_else(|error| panic!("{}: {error}", entry.file_name()));
                check_list(&entry, &list);
                outcomes[0] += 1;
            }
            ("error", Ok(_)) => panic!("{} must be refused", entry.file_name()),
            ("error", Err(error)) => {
                assert!(error.offset <= file.len(), "{}: {error}", entry.file_name());
                outcomes[1] += 1;
            }
            ("either", decoded) => {
                if let Ok(list) = decoded {
                    assert!(!check_against_itself(&list).verdict.is_valid(), "{}", entry.file_name());
                }
                outcomes[2] += 1;
            }
            (other, _) => panic!("{}: parse {other}", entry.file_name()),
        }
    }
    assert_eq!(outcomes, [31, 32, 1]);
}

fn check_list(entry: &Entry, list: &TrustList) {
    let name = entry.file_name();
    let file = list.bytes();
    let found = check_against_itself(list);
    for (key, wanted) in entry.expect().as_object().unwrap() {
        let place = format!("{name} {key}");
        if check_header_key(&place, key, wanted, list.header(), file) {
            continue;
        }
        match key.as_str() {
            "record_count" => assert_eq!(list.record_count(), number(wanted), "{place}"),
            "covered_length" => {
                let parts = list.header().covered().unwrap();
                assert_eq!(parts.iter().map(|part| part.len()).sum::<usize>(), number(wanted), "{place}");
            }
            "signer_record" => {
                let index = wanted.as_u64().map(|index| usize::try_from(index).unwrap());
                assert_eq!(found.signer_record, index, "{place}");
            }
            "signature_verdict" => assert_eq!(found.verdict.label(), text(wanted), "{place}"),
            "records" => {
                let wanted = wanted.as_array().unwrap();
                assert_eq!(list.record_count(), wanted.len(), "{place}");
                for (index, (record, wanted)) in list.records().zip(wanted).enumerate() {
                    check_record(&format!("{place} {index}"), record, wanted);
                }
            }
            _ => panic!("{place} has no check"),
        }
    }
}

/// Keys that lists and signed files share. False when the key is another one.
fn check_header_key(place: &str, key: &str, wanted: &Value, header: HeaderView<'_>, file: &[u8]) -> bool {
    let signature = || header.field(header::SIGNATURE).unwrap_or_else(|| panic!("{place}: no SIGNATURE"));
    match key {
        // Looked at by the caller; a reason is for people.
        "parse" | "reason" => {}
        "size" => assert_eq!(file.len(), number(wanted), "{place}"),
        "header_length" => assert_eq!(header.length(), number(wanted), "{place}"),
        "padding_bytes" => assert_eq!(header.padding(), number(wanted), "{place}"),
        "signature_offset" => assert_eq!(signature().offset, number(wanted), "{place}"),
        "signature_length" => assert_eq!(signature().value.len(), number(wanted), "{place}"),
        "digest" => assert_eq!(header.digest().and_then(|id| id.name()), wanted.as_str(), "{place}"),
        "header" => {
            let wanted = wanted.as_array().unwrap();
            assert_eq!(header.fields().len(), wanted.len(), "{place}");
            for ((field, bytes), wanted) in header.fields().zip(wanted) {
                check_header_field(place, field, bytes, wanted);
            }
        }
        _ => return false,
    }
    true
}

fn check_header_field(place: &str, field: &Field, bytes: &[u8], wanted: &Value) {
    let place = format!("{place} {}", wanted["name"]);
    for (key, wanted) in wanted.as_object().unwrap() {
        match key.as_str() {
            "offset" => assert_eq!(field.offset, number(wanted), "{place}"),
            "tag" => assert_eq!(usize::from(field.tag), number(wanted), "{place}"),
            "name" => assert_eq!(header::tag_name(field.tag), text(wanted), "{place}"),
            "length" => assert_eq!(field.length, number(wanted), "{place}"),
            "nul_terminated" => assert_eq!(Some(untext(bytes).1), wanted.as_bool(), "{place}"),
            "sha256_of_value" => assert_eq!(hex(&sha256(bytes)), text(wanted), "{place}"),
            "value" => check_value(&place, bytes, wanted, matches!(field.tag, header::VERSION | header::SIGNERVERSION)),
            _ => panic!("{place} {key} has no check"),
        }
    }
}

/// A number is the bytes big endian; a text is the characters, the version, or the bytes in hexadecimal digits.
fn check_value(place: &str, bytes: &[u8], wanted: &Value, version: bool) {
    if let Some(wanted) = wanted.as_u64() {
        let found = bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
        assert_eq!(found, wanted, "{place}");
        return;
    }
    let wanted = text(wanted);
    let found = match bytes {
        [major, minor] if version => Version { major: *major, minor: *minor }.to_string(),
        _ if untext(bytes).1 && untext(bytes).0 == wanted.as_bytes() => return,
        _ => hex(bytes),
    };
    assert_eq!(found, wanted, "{place}");
}

fn check_record(place: &str, record: RecordView<'_>, wanted: &Value) {
    let der = record.certificate();
    let parsed = || Certificate::from_der(der.unwrap()).unwrap();
    for (key, wanted) in wanted.as_object().unwrap() {
        let place = format!("{place} {key}");
        match key.as_str() {
            "offset" => assert_eq!(record.offset(), number(wanted), "{place}"),
            "length" => assert_eq!(record.length(), number(wanted), "{place}"),
            "role" => assert_eq!(record.role().unwrap().name(), wanted.as_str(), "{place}"),
            "certificate_sha1" => assert_eq!(hex(&sha1(der.unwrap())), text(wanted), "{place}"),
            "certificate_sha256" => assert_eq!(hex(&sha256(der.unwrap())), text(wanted), "{place}"),
            "key" => assert_eq!(parsed().key_kind().to_string(), text(wanted), "{place}"),
            "public_key_is_pkcs1_of_certificate" | "public_key_is_x962_point_of_certificate" => {
                let is_point = key.contains("x962");
                assert_eq!(matches!(parsed().key_kind(), KeyKind::Ec(_)), is_point, "{place}");
                let same = record.value(trust_list::PUBLICKEY) == Some(parsed().public_key_bits());
                assert_eq!(Some(same), wanted.as_bool(), "{place}");
            }
            "signature_is_certificate_signature" => {
                let same = record.value(trust_list::SIGNATURE) == Some(parsed().signature_bits());
                assert_eq!(Some(same), wanted.as_bool(), "{place}");
            }
            "fields" => {
                let wanted = wanted.as_array().unwrap();
                assert_eq!(record.fields().len(), wanted.len(), "{place}");
                for ((field, bytes), wanted) in record.fields().zip(wanted) {
                    check_record_field(&place, field, bytes, wanted);
                }
            }
            _ => panic!("{place} has no check"),
        }
    }
}

fn check_record_field(place: &str, field: &Field, bytes: &[u8], wanted: &Value) {
    let place = format!("{place} {}", wanted["name"]);
    for (key, wanted) in wanted.as_object().unwrap() {
        match key.as_str() {
            "tag" => assert_eq!(usize::from(field.tag), number(wanted), "{place}"),
            "name" => assert_eq!(trust_list::tag_name(field.tag), text(wanted), "{place}"),
            "length" => assert_eq!(field.length, number(wanted), "{place}"),
            "value" if field.tag == trust_list::IPADDRESS => {
                let octets: Vec<String> = bytes.iter().map(u8::to_string).collect();
                assert_eq!(octets.join("."), text(wanted), "{place}");
            }
            "value" => check_value(&place, bytes, wanted, false),
            _ => panic!("{place} {key} has no check"),
        }
    }
}

/// The certificate that the index says to check with.
fn signer(entry: &Entry) -> Certificate {
    let path = entry.text("signer").unwrap();
    let name = path.strip_prefix("certs/").unwrap().strip_suffix(".crt.pem").unwrap();
    certificate(name)
}

#[test]
fn good_signed_files() {
    for entry in entries("signed", 32) {
        let file = SignedFile::decode(entry.bytes()).unwrap();
        assert!(!file.is_encrypted(), "{}", entry.file_name());
        assert_eq!(file.payload(), read(entry.text("payload_file").unwrap()), "{}", entry.file_name());
        check_signed(&entry, &file);
    }
}

#[test]
fn damaged_signed_files() {
    let mut refused = 0;
    for entry in entries("signed-damaged", 16) {
        match (text(&entry.expect()["parse"]), SignedFile::decode(entry.bytes())) {
            ("ok", Ok(file)) => check_signed(&entry, &file),
            ("error", Err(_)) => refused += 1,
            (wanted, found) => panic!("{}: wanted {wanted}, found {found:?}", entry.file_name()),
        }
    }
    assert_eq!(refused, 5);
}

pub fn check_signed(entry: &Entry, file: &SignedFile) {
    let verdict = check(file.header(), &signer(entry));
    for (key, wanted) in entry.expect().as_object().unwrap() {
        let place = format!("{} {key}", entry.file_name());
        if check_header_key(&place, key, wanted, file.header(), file.bytes()) {
            continue;
        }
        match key.as_str() {
            "payload_offset" => assert_eq!(file.header().length(), number(wanted), "{place}"),
            "payload_length" => assert_eq!(file.payload().len(), number(wanted), "{place}"),
            "payload_sha256" => assert_eq!(hex(&sha256(file.payload())), text(wanted), "{place}"),
            "signature_verdict" => assert_eq!(verdict.label(), text(wanted), "{place}"),
            // The keys of encrypted files are checked with the key of the device.
            "decrypt" | "aes_key" | "iv" | "plain_length" | "plain_sha256" | "hash" | "cert_hash_md5" | "stub"
                if entry.text("device_key").is_some() => {}
            _ => panic!("{place} has no check"),
        }
    }
}

#[test]
fn a_verified_type_is_only_made_of_what_verifies() {
    let good = read("signed/f.x.sgn");
    let signer = certificate("ccm-pub-1024");
    let file = SignedFile::decode(good.as_slice()).unwrap();
    assert!(pki::verify::VerifiedFile::verify(file.clone(), &signer).is_ok());
    let other = pki::verify::VerifiedFile::verify(file, &certificate("app-2048"));
    assert_eq!(other.unwrap_err(), Verdict::BadSignature);
    let list = TrustList::decode(read("damaged/flip-role.tlv")).unwrap();
    let refused = pki::verify::VerifiedTrustList::verify(list, &certificate("ccm-pub-2048"));
    assert_eq!(refused.unwrap_err(), Verdict::BadSignature);
}
