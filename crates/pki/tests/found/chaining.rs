//! Names chain by what they mean (RFC 5280 7.1). The pairs are those of NIST PKITS 4.3.3 to 4.3.11, made again; `openssl verify` takes the
//! same ones.

use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509StoreContext};
use pki::bundle::first;
use pki::lsc::authority::is_issued_by;
use pki::{Certificate, NameForm};

use crate::file;
use crate::made::{authority, key, made, name};

const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
const IA5: u8 = 0x16;
const UNIVERSAL: u8 = 0x1c;
const BMP: u8 = 0x1e;

fn read(name: &str) -> Certificate {
    first(&file(name)).unwrap()
}

#[test]
fn the_files_of_an_openssl_verify() {
    let printable = read("chaining/ca-printablestring.pem");
    for leaf in ["same", "utf8string", "case-and-blanks"] {
        let leaf = read(&format!("chaining/leaf-issuer-{leaf}.pem"));
        for ca in [&printable, &read("chaining/ca-case-and-blanks.pem")] {
            assert!(is_issued_by(&leaf, ca), "{leaf:?} by {ca:?}");
        }
    }
    assert!(read("chaining/root-subject-utf8-issuer-printable.pem").is_self_issued());
    // The name that stands in a list is the one that a phone reads itself.
    let utf8 = read("chaining/ca-case-and-blanks.pem");
    assert_ne!(utf8.subject(NameForm::Cucm), printable.subject(NameForm::Cucm));
}

/// The certificates of NIST PKITS themselves: end entity, CA, whether the names chain.
#[test]
fn pkits_as_nist_has_made_them() {
    for (end, ca, chains) in [
        ("InvalidNameChainingTest1EE", "GoodCACert", false),
        ("InvalidNameChainingOrderTest2EE", "NameOrderingCACert", false),
        ("ValidNameChainingWhitespaceTest3EE", "GoodCACert", true),
        ("ValidNameChainingWhitespaceTest4EE", "GoodCACert", true),
        ("ValidNameChainingCapitalizationTest5EE", "GoodCACert", true),
        ("ValidNameUIDsTest6EE", "UIDCACert", true),
        ("ValidRFC3280MandatoryAttributeTypesTest7EE", "RFC3280MandatoryAttributeTypesCACert", true),
        ("ValidRFC3280MandatoryAttributeTypesTest7EE", "RFC3280OptionalAttributeTypesCACert", false),
        ("ValidRFC3280OptionalAttributeTypesTest8EE", "RFC3280OptionalAttributeTypesCACert", true),
        ("ValidUTF8StringEncodedNamesTest9EE", "UTF8StringEncodedNamesCACert", true),
        ("ValidRolloverfromPrintableStringtoUTF8StringTest10EE", "RolloverfromPrintableStringtoUTF8StringCACert", true),
        ("ValidUTF8StringCaseInsensitiveMatchTest11EE", "UTF8StringCaseInsensitiveMatchCACert", true),
    ] {
        let [end, ca] = [end, ca].map(|name| read(&format!("pkits/{name}.crt")));
        assert_eq!(is_issued_by(&end, &ca), chains, "{end:?}");
    }
}

/// Issuer of the leaf, subject of the CA, whether the leaf is by this CA, and what OpenSSL says where that differs.
struct Pair {
    test: &'static str,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    same: bool,
    openssl: bool,
}

fn pair(test: &'static str, issuer: Vec<u8>, subject: Vec<u8>, same: bool) -> Pair {
    Pair { test, issuer, subject, same, openssl: same }
}

fn wide(text: &str, bytes: usize) -> Vec<u8> {
    text.chars().flat_map(|letter| u32::from(letter).to_be_bytes()[4 - bytes..].to_vec()).collect()
}

#[test]
fn pkits_4_3() {
    let two = |tag, organization: &str, common: &str| {
        name(&[(6, PRINTABLE, b"US"), (10, tag, organization.as_bytes()), (3, tag, common.as_bytes())])
    };
    let plain = || two(PRINTABLE, "Test Certificates 2011", "Good CA");
    let bmp = name(&[
        (6, PRINTABLE, b"US"),
        (10, BMP, &wide("Test Certificates 2011", 2)),
        (3, UNIVERSAL, &wide("Good CA", 4)),
    ]);
    let swapped =
        name(&[(6, PRINTABLE, b"US"), (3, PRINTABLE, b"Good CA"), (10, PRINTABLE, b"Test Certificates 2011")]);
    let organisations = |first: &str, second: &str| {
        name(&[(6, PRINTABLE, b"US"), (11, PRINTABLE, first.as_bytes()), (11, PRINTABLE, second.as_bytes())])
    };
    let mail = |text: &[u8]| name(&[(3, IA5, text)]);
    let pairs = [
        pair("4.3.1 another CN", two(PRINTABLE, "Test Certificates 2011", "Good CA Root"), plain(), false),
        pair("4.3.2 another order", organisations("Second", "First"), organisations("First", "Second"), false),
        pair("4.3.3 blanks within", two(PRINTABLE, "Test Certificates 2011", "Good     CA"), plain(), true),
        pair("4.3.4 blanks around", two(PRINTABLE, "Test Certificates 2011", "   Good CA  "), plain(), true),
        pair("4.3.5 capitals", two(PRINTABLE, "Test Certificates 2011", "GOOD CA"), plain(), true),
        pair(
            "4.3.9 UTF8String and PrintableString are compared as strings",
            two(UTF8, "Test Certificates 2011", "Good CA"),
            plain(),
            true,
        ),
        pair(
            "4.3.10 rollover from PrintableString to UTF8String",
            plain(),
            two(UTF8, "Test Certificates 2011", "Good CA"),
            true,
        ),
        pair(
            "4.3.11 UTF8String without regard to case",
            two(UTF8, " test certificates   2011", "gOOD cA"),
            two(UTF8, "TEST CERTIFICATES 2011", "Good CA"),
            true,
        ),
        pair(
            "TeletexString, BMPString and UniversalString",
            bmp,
            two(TELETEX, "Test Certificates 2011", "Good CA"),
            true,
        ),
        pair("attributes in another order", swapped, plain(), false),
        pair("an IA5String", mail(b"Ca@Example.org"), mail(b"ca@example.org"), true),
        pair("Latin-1 and UTF-8", name(&[(3, TELETEX, b"B\xfcro")]), name(&[(3, UTF8, "B\u{fc}ro".as_bytes())]), true),
        // RFC 5280 7.1 folds all letters, OpenSSL those of ASCII.
        Pair {
            openssl: false,
            ..pair(
                "capitals above ASCII",
                name(&[(3, UTF8, "\u{dc}ber".as_bytes())]),
                name(&[(3, UTF8, "\u{fc}ber".as_bytes())]),
                true,
            )
        },
        pair("another type of value", name(&[(3, 0x03, b"\0abc")]), name(&[(3, UTF8, b"abc")]), false),
        pair("a blank more between letters", two(PRINTABLE, "Test Certificates 2011", "Go od CA"), plain(), false),
    ];
    for Pair { test, issuer, subject, same, openssl } in pairs {
        let mut root = made(subject.clone(), subject);
        root.extensions = vec![authority()];
        let root = root.sign(&key());
        let mut leaf = made(issuer, name(&[(3, UTF8, b"leaf")]));
        leaf.serial = &[2];
        let leaf = leaf.sign(&key());
        let (ca, end) = (Certificate::from_der(&root).unwrap(), Certificate::from_der(&leaf).unwrap());
        assert_eq!(is_issued_by(&end, &ca), same, "{test}");
        assert_eq!(verified(&leaf, &root), openssl, "{test}: openssl");
    }
}

fn verified(leaf: &[u8], root: &[u8]) -> bool {
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(X509::from_der(root).unwrap()).unwrap();
    let mut context = X509StoreContext::new().unwrap();
    let leaf = X509::from_der(leaf).unwrap();
    context.init(&store.build(), &leaf, &Stack::new().unwrap(), |context| context.verify_cert()).unwrap()
}

/// The attributes of one RelativeDistinguishedName have no order; those of two have.
#[test]
fn a_set_has_no_order() {
    let part =
        |text: &[u8]| crate::made::sequence(&[&crate::made::value(6, &[0x55, 4, 3]), &crate::made::value(UTF8, text)]);
    let (one, other) = (part(b"a"), part(b"b"));
    let set = |parts: &[&[u8]]| crate::made::value(0x30, &crate::made::value(0x31, &parts.concat()));
    let certificate = |issuer, subject| Certificate::from_der(&made(issuer, subject).sign(&key())).unwrap();
    assert!(certificate(set(&[&one, &other]), set(&[&other, &one])).is_self_issued());
    let two = crate::made::value(0x30, &[crate::made::value(0x31, &one), crate::made::value(0x31, &other)].concat());
    assert!(!certificate(set(&[&one, &other]), two).is_self_issued());
}
