//! Certificates that are valid and seldom seen, and names that lose nothing.

use pki::bundle::{certificates, first};
use pki::extensions::AltName;
use pki::text::certificate_text;
use pki::{Certificate, NameForm};

use crate::file;
use crate::made::{key, made, name, value};

#[test]
fn der_that_openssl_does_not_read_is_refused_by_its_name() {
    let table = [
        ("rows/latin1-in-utf8string.der", "its subject is not valid UTF-8 (CN)"),
        ("rows/utf8string-ff.der", "its subject is not valid UTF-8 (CN)"),
        ("rows/boolean-attribute.der", "its subject has a value of a type that names do not have (1.2.3.4, tag 0x01)"),
        ("rows/generalizedtime-attribute.der", "its subject has a value of a type that names do not have"),
        ("rows/generalstring-cn.der", "its subject has a value of a type that names do not have (CN, tag 0x1b)"),
        ("rows/videotexstring-cn.der", "its subject has a value of a type that names do not have (CN, tag 0x15)"),
    ];
    for (name, words) in table {
        let der = file(name);
        assert!(openssl::x509::X509::from_der(&der).is_err(), "{name}");
        let error = certificates(&der).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot be read: certificate 1: {words}")), "{name}: {error}");
    }
}

#[test]
fn valid_ones_are_read() {
    let universal = first(&file("unusual/universal.pem")).unwrap();
    assert!(!universal.subject(NameForm::Cucm).contains('#'), "{universal:?}");
    let old = first(&file("unusual/utc1950.pem")).unwrap();
    // 1950-01-01 00:00:00
    assert_eq!((old.dates().0, old.validity().0), (-631_152_000, 0));
    assert!(certificate_text(&old, &jiff::tz::TimeZone::UTC).contains("Validity From: Sun Jan 01 00:00:00 UTC 1950"));
    let first_year = first(&file("unusual/gen0001.pem")).unwrap();
    assert_eq!(first_year.dates().0, -62_135_596_800);
    let leap = first(&file("unusual/sec60.pem")).unwrap();
    assert_eq!(leap.dates().0 % 60, 0, "the second behind the minute");
    let error = first(&file("unusual/serial32.pem")).unwrap_err().to_string();
    let words = "cannot be read: certificate 1: its serial number of 32 bytes is above the 20 that are allowed";
    assert!(error.starts_with(words), "{error}");
}

/// As OpenSSL prints them, and never a replacement.
#[test]
fn letters_above_ascii_are_kept() {
    let printable = first(&file("unusual/printablestring-latin1.pem")).unwrap();
    assert_eq!(printable.subject(NameForm::Cucm), "CN=R@*_&öt");
    for tag in [0x12, 0x13, 0x14, 0x16] {
        let latin = name(&[(3, tag, b"B\xfcro")]);
        let certificate = Certificate::from_der(&made(latin.clone(), latin).sign(&key())).unwrap();
        assert_eq!(certificate.subject(NameForm::Row), "CN=Büro", "{tag:#x}");
    }
}

#[test]
fn one_bad_name_hides_no_other() {
    for name in ["san-dns-utf8", "san-dns-latin1", "san-ridbad"] {
        let certificate = first(&file(&format!("alt-names/{name}.pem"))).unwrap();
        let names = certificate.extensions().names;
        assert!(names.contains(&AltName::Dns("voice.example.org".to_owned())), "{name}: {names:?}");
        assert!(names.len() > 1, "{name}: {names:?}");
        let text = certificate_text(&certificate, &jiff::tz::TimeZone::UTC);
        assert!(text.contains("1) voice.example.org (dNSName)"), "{name}: {text}");
    }
    let wild = first(&file("alt-names/san-wild+latin1.pem")).unwrap().extensions().names;
    assert!(wild.contains(&AltName::Dns("*.example.org".to_owned())), "{wild:?}");
}

/// 80 and -80 are the same bytes in a list, and two numbers.
#[test]
fn negative_serial_numbers_keep_their_sign() {
    let with = |serial: &'static [u8]| {
        let subject = name(&[(3, 0x0c, b"a")]);
        let mut one = made(subject.clone(), subject);
        one.serial = serial;
        Certificate::from_der(&one.sign(&key())).unwrap()
    };
    let table: [(&[u8], &[u8], &str); 6] = [
        (&[0x00, 0x80], &[0x80], "80"),
        (&[0x80], &[0x80], "-80"),
        (&[0xff], &[0xff], "-01"),
        (&[0x81, 0x00], &[0x81, 0x00], "-7f00"),
        (&[0x80, 0x00], &[0x80, 0x00], "-8000"),
        (&[0x00], &[0x00], "00"),
    ];
    for (integer, in_lists, text) in table {
        let one = with(integer);
        assert_eq!(one.serial(), in_lists);
        assert_eq!(one.serial_hex(), text);
        let openssl = openssl::x509::X509::from_der(one.der()).unwrap().serial_number().to_bn().unwrap();
        assert_eq!(openssl.to_hex_str().unwrap().to_lowercase(), if text == "00" { "0" } else { text });
    }
    let listed = certificate_text(&with(&[0xff]), &jiff::tz::TimeZone::UTC);
    assert!(listed.contains("  Serial Number: -01\n"), "{listed}");
}

/// `2.25` and a UUID: more than any integer of ours.
#[test]
fn large_numbers_in_object_identifiers_are_read() {
    let oid = [0x69, 0x83, 0xb7, 0xa4, 0xf9, 0xe2, 0xd0, 0xc1, 0xb2, 0xa3, 0x94, 0x85, 0x86, 0xf7, 0x08];
    let subject = name(&[(3, 0x0c, b"a")]);
    let mut one = made(subject.clone(), subject);
    one.extensions = vec![crate::made::sequence(&[&value(6, &oid), &value(4, &[5, 0])])];
    let one = Certificate::from_der(&one.sign(&key())).unwrap();
    assert!(certificate_text(&one, &jiff::tz::TimeZone::UTC).contains("Extensions: 1 present"));
}
