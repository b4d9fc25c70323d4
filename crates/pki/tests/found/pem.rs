//! PEM as it is found: taken, or the reason, the line and the next step.

use pki::Certificate;
use pki::bundle::{CHAIN_BYTES, CHAIN_LIMIT, certificates, first};
use pki::file_kind::FileKind;

use crate::file;

fn refused(name: &str, bytes: &[u8]) -> String {
    let error = certificates(bytes).expect_err(name).to_string();
    assert!(!error.contains("error:") && !error.contains("pem_lib"), "{name}: words of a library: {error}");
    error
}

#[test]
fn the_same_certificate_twice_counts_once() {
    let twice = certificates(&file("pem/twice")).unwrap();
    assert_eq!(twice.len(), 1);
    assert_eq!(twice, certificates(twice[0].to_pem().repeat(3).as_bytes()).unwrap());
}

fn root_a() -> Certificate {
    certificates(&file("pem/twice")).unwrap().remove(0)
}

/// The PEM of one certificate, 20 lines with BEGIN and END.
fn plain() -> String {
    root_a().to_pem()
}

#[test]
fn files_that_people_have_are_taken_or_named() {
    let taken = ["pem/trusted-certificate"];
    for name in taken {
        assert_eq!(certificates(&file(name)).unwrap().len(), 1, "{name}");
        assert_eq!(first(&file(name)).unwrap(), certificates(&file(name)).unwrap()[0], "{name}");
    }
    let table = [
        ("pem/blank-line-before-end", "cannot be read: line 20 is empty: take the empty lines out"),
        ("pem/blank-lines", "cannot be read: line 4 is empty: take the empty lines out"),
        (
            "pem/cr-only-line-ends",
            "cannot be read: line 1 has CR alone as line ends, as on an old Mac: save the file with LF or CRLF",
        ),
        ("pem/base64-only", "is base64 without its first and last line: put -----BEGIN CERTIFICATE----- before it and"),
        ("pem/utf16-from-powershell", "is UTF-16: save it as ASCII or UTF-8"),
        (
            "pem/pkcs12",
            "is PKCS#12, which has certificate and key behind a password: take them out with `openssl pkcs12 -in FILE",
        ),
        ("pem/second-certificate-damaged", "cannot be read: certificate 2: "),
    ];
    for (name, words) in table {
        let error = refused(name, &file(name));
        assert!(error.starts_with(words), "{name}: {error}");
    }
}

#[test]
fn the_line_is_the_one_that_is_wrong() {
    let one = plain();
    let joined = one.trim_end().to_owned() + &one;
    let cut = one.replace("-----END CERTIFICATE-----\n", "");
    let second_cut = one.clone() + &cut;
    let headers = one.replace("-----\nMII", "-----\nProc-Type: 4,CLEAR\n\nMII");
    let indented = one.replace('\n', "\n  ").replacen("-----BEGIN", "  -----BEGIN", 1);
    let short = one.replacen("MII", "MI", 1);
    let dash = one.replacen("MII", "M-I", 1);
    let other_end = one.replace("END CERTIFICATE", "END TRUSTED CERTIFICATE");
    let pkcs7 = one.replace("CERTIFICATE", "PKCS7");
    let one_line = one.trim_end().replace('\n', "");
    let table = [
        (
            "no line end between",
            joined.as_str(),
            "cannot be read: line 20 has BEGIN right after END: put a line end between them",
        ),
        (
            "no END",
            &cut,
            "cannot be read: line 19 is the last, and -----END CERTIFICATE----- is missing: the file was cut",
        ),
        ("no END of the second", &second_cut, "cannot be read: certificate 2: line 39 is the last, and -----END"),
        ("headers", &headers, "cannot be read: line 2 is a header, which a certificate does not have"),
        ("indented", &indented, "cannot be read: line 1 has blanks before -----BEGIN"),
        ("a letter less", &short, "cannot be read: line 19 ends base64 in the middle: letters are missing or too many"),
        ("a letter of another alphabet", &dash, "cannot be read: line 2 has `-`, which is not a base64 letter"),
        ("another END", &other_end, "cannot be read: line 20 is not -----END CERTIFICATE-----, as line 1 wants it"),
        (
            "PKCS#7",
            &pkcs7,
            "is a PKCS#7 chain as PEM. The system does not support PEM format of PKCS#7 Certificate Chain.",
        ),
        ("all in one line", &one_line, "cannot be read: line 1 holds more than BEGIN and its label"),
        ("nothing", "", "holds no certificate; give PEM"),
        ("a text", "hello\n", "holds no certificate; give PEM with -----BEGIN CERTIFICATE-----"),
        (
            "a key",
            "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
            "is a private key (PEM) and holds no certificate",
        ),
    ];
    for (name, text, words) in table {
        let error = refused(name, text.as_bytes());
        assert!(error.starts_with(words), "{name}: {error}");
    }
}

#[test]
fn der_is_taken_to_its_last_byte() {
    let root = root_a();
    assert_eq!(certificates(root.der()).unwrap(), std::slice::from_ref(&root));
    let mut more = root.der().to_vec();
    more.push(b'\n');
    assert_eq!(refused("DER and a newline", &more), "cannot be read: certificate 1: 1 byte follows the certificate");
    let cut = &root.der()[..root.der().len() - 1];
    assert_eq!(refused("DER cut", cut), "cannot be read: certificate 1: the certificate is cut off");
}

/// Labels and ends of lines that OpenSSL takes are taken.
#[test]
fn other_ways_to_write_the_same() {
    let root = root_a();
    let one = plain();
    for (name, text) in [
        ("CRLF", one.replace('\n', "\r\n")),
        ("old label", one.replace("CERTIFICATE", "X509 CERTIFICATE")),
        ("no last line end", one.trim_end().to_owned()),
        ("a BOM", format!("\u{feff}{one}")),
        ("words before", format!("subject=CN = a\nissuer=CN = b: c\n\n{one}")),
        ("blanks behind", one.replace('\n', "  \n")),
        ("a nonbreaking space behind", one.replace("-----\n", "-----\u{a0}\n")),
        ("an empty line behind BEGIN", one.replacen("-----\n", "-----\n\n", 1)),
        ("a key before", format!("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n{one}")),
    ] {
        assert_eq!(certificates(text.as_bytes()).unwrap(), std::slice::from_ref(&root), "{name}");
        assert_eq!(Certificate::from_pem(text.as_bytes()).unwrap(), root, "{name}");
    }
}

#[test]
fn what_is_too_much_names_its_limit() {
    let one = plain();
    let many = one.repeat(CHAIN_LIMIT + 1);
    assert_eq!(refused("201", many.as_bytes()), "holds more than 200 certificates, which are taken at once");
    let huge = one.repeat(50_000);
    assert_eq!(
        refused("50 000", huge.as_bytes()),
        format!("has {} bytes, which are above the limit of {CHAIN_BYTES}", huge.len())
    );
    // one is read of whatever a file holds
    assert_eq!(first(many.as_bytes()).unwrap(), root_a());
    for letters in [5_000_usize, 60_000, 65_537] {
        let der = crate::made::with_common_name(&"a".repeat(letters));
        let error = refused("a name", &der);
        let limit = if letters > 60_000 { "above the limit of 65535" } else { "above the limit of 4096" };
        assert!(error.contains(limit), "{letters}: {error}");
        assert!(error.contains("certificate 1"), "{letters}: {error}");
    }
}

#[test]
fn other_kinds_have_a_name() {
    let root = root_a();
    let kinds = [
        (root.der().to_vec(), "a certificate (DER)"),
        (plain().into_bytes(), "a certificate (PEM)"),
        (vec![0xcd, 0x34, 0x12, 0xab, 0, 1], "firmware of 78xx and 88xx phones in its container (CD 34 12 AB)"),
        (vec![0x1f, 0x8b, 8], "packed with gzip"),
        (b"hello".to_vec(), "a text"),
        (vec![1, 0, 2, 1], "nothing that is known here"),
        (file("pem/pkcs12"), "PKCS#12"),
        (
            openssl::pkey::PKey::private_key_from_pem(&file("pss/pss.key")).unwrap().private_key_to_der().unwrap(),
            "a private key (DER)",
        ),
    ];
    for (bytes, name) in kinds {
        assert_eq!(FileKind::of(&bytes).name(), name);
    }
}
