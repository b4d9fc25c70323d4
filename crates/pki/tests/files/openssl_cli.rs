//! openssl(1) checks what we sign, from the raw bytes, and reads the certificates that we make.

use std::path::Path;
use std::process::Command;

use pki::name::Subject;
use pki::profile::{CertificateProfile, SelfSigned, self_signed};
use pki::sign::{FileSpec, ListSpec, SigningIdentity, sign_file, sign_list};
use pki::{Certificate, NameForm, SoftKey};
use wire::digest::DigestId;
use wire::header::{CTL_FILE_NAME, Layout, Version};
use wire::role::Role;
use wire::trust_list::RecordSpec;

use crate::certificates::{CUCM_10_5, request};
use crate::vectors::{certificate, key, path};

/// Exit and both outputs of openssl(1). A machine without it fails the test: the tests are set up with it.
fn openssl(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl(1) is installed");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

/// SIGNATURE and the bytes it covers, found without our reader: walk the header flat, take field 12 out.
fn take_signature_out(file: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut at = 0;
    loop {
        let length = usize::from(file[at + 1]) << 8 | usize::from(file[at + 2]);
        match file[at] {
            12 => {
                let end = at + 3 + length;
                return (file[at + 3..end].to_vec(), [&file[..at], &file[end..]].concat());
            }
            3 | 7 | 9 => at += 3,
            _ => at += 3 + length,
        }
    }
}

/// `openssl dgst -verify` over the covered bytes with the key of a certificate.
fn dgst(folder: &Path, name: &str, digest: DigestId, signature: &[u8], covered: &[u8]) -> (bool, String) {
    let file = |part: &str, bytes: &[u8]| {
        let path = folder.join(part);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let certificate = path(&format!("certs/{name}.crt.pem"));
    let (ok, public) = openssl(&["x509", "-in", certificate.to_str().unwrap(), "-noout", "-pubkey"]);
    assert!(ok, "{public}");
    let public = file("public.pem", public.as_bytes());
    let signature = file("signature", signature);
    let covered = file("covered", covered);
    let digest = format!("-{digest}");
    openssl(&["dgst", &digest, "-verify", &public, "-signature", &signature, &covered])
}

const SIGNERS: [(&str, &[DigestId]); 5] = [
    ("tiny-512", &[DigestId::SHA1]),
    ("ccm-pub-1024", &[DigestId::SHA1, DigestId::SHA512]),
    ("etoken-1024", &[DigestId::SHA1, DigestId::SHA512]),
    ("ccm-pub-2048", &[DigestId::SHA1, DigestId::SHA512]),
    ("itlrecovery-4096", &[DigestId::SHA1, DigestId::SHA512]),
];

fn list(name: &str, digest: DigestId, layout: Layout) -> Vec<u8> {
    let (signer, key) = (certificate(name), key(name));
    let identity = SigningIdentity::new(&signer, &key).unwrap();
    let form = pki::sign::name_form(layout);
    let records: Vec<RecordSpec> = [(Role::SAST, name), (Role::CAPF, "capf-2048"), (Role::TFTP, "ec-p384")]
        .iter()
        .map(|(role, name)| {
            certificate(name).with_fields(form, |fields| match layout {
                Layout::Cucm => RecordSpec::cucm(*role, fields, "node", [192, 0, 2, 1].into()),
                Layout::Peer => RecordSpec::peer(*role, fields),
            })
        })
        .collect();
    let spec = ListSpec {
        layout,
        signer_form: None,
        signer_version: Some(Version { major: 1, minor: 1 }),
        digest,
        file_name: CTL_FILE_NAME,
        timestamp: 1_800_000_000,
    };
    sign_list(&spec, &records, &identity).unwrap()
}

#[test]
fn openssl_verifies_every_signature_we_make() {
    let folder = tempfile::tempdir().unwrap();
    let mut verified = 0;
    for (name, digests) in SIGNERS {
        for digest in digests {
            for layout in [Layout::Cucm, Layout::Peer] {
                let (signer, key) = (certificate(name), key(name));
                let identity = SigningIdentity::new(&signer, &key).unwrap();
                let spec = FileSpec { layout, digest: *digest, file_name: "x.xml.sgn", timestamp: 1 };
                let signed = sign_file(&spec, b"<device/>\n".to_vec(), &identity).unwrap();
                for file in [list(name, *digest, layout), signed] {
                    let (signature, covered) = take_signature_out(&file);
                    assert_eq!(covered.len() + signature.len() + 3, file.len());
                    let (ok, text) = dgst(folder.path(), name, *digest, &signature, &covered);
                    assert!(ok && text.contains("Verified OK"), "{name} {digest}: {text}");
                    verified += 1;
                }
            }
        }
    }
    assert_eq!(verified, 9 * 2 * 2);
}

/// The check above can fail: one bit of the file, and openssl(1) says so.
#[test]
fn openssl_refuses_a_changed_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = list("ccm-pub-2048", DigestId::SHA512, Layout::Cucm);
    let last = file.len() - 1;
    file[last] ^= 1;
    let (signature, covered) = take_signature_out(&file);
    let (ok, text) = dgst(folder.path(), "ccm-pub-2048", DigestId::SHA512, &signature, &covered);
    assert!(!ok, "{text}");
}

#[test]
fn openssl_reads_our_certificates_and_their_signature() {
    let folder = tempfile::tempdir().unwrap();
    for (name, digest, algorithm) in [
        ("ccm-pub-1024", DigestId::SHA1, "sha1WithRSAEncryption"),
        ("ccm-pub-2048", DigestId::SHA256, "sha256WithRSAEncryption"),
        ("itlrecovery-4096", DigestId::SHA512, "sha512WithRSAEncryption"),
    ] {
        let profile = CertificateProfile { digest, ..CUCM_10_5 };
        let serial = certificate(name).serial().to_vec();
        let made = self_signed(&profile, &request("cucm-1051-a-pub", &serial, 1_425_675_000), &key(name)).unwrap();
        let text = text_and_self_check(folder.path(), &made);
        assert!(text.contains(&format!("Signature Algorithm: {algorithm}")), "{text}");
        assert!(text.contains("Issuer: C=PL, O=Cisco, OU=TAC, CN=cucm-1051-a-pub, ST=Malopolska, L=Krakow"), "{text}");
        assert!(text.contains("Not Before: Mar  6 20:50:00 2015 GMT"), "{text}");
        assert!(text.contains("Not After : Mar  4 20:49:59 2020 GMT"), "{text}");
        assert_eq!(
            extensions(&text),
            ["X509v3 Key Usage:", "X509v3 Extended Key Usage:", "X509v3 Subject Key Identifier:"]
        );
        assert!(
            text.contains("Digital Signature, Key Encipherment, Data Encipherment, Key Agreement, Certificate Sign"),
            "{text}"
        );
        assert!(
            text.contains("TLS Web Server Authentication, TLS Web Client Authentication, IPSec End System"),
            "{text}"
        );
        assert!(!text.contains("critical"), "{text}");
    }
}

/// Newer releases add a path length and alternative names; dates from 2050 on change their type.
#[test]
fn openssl_reads_all_extensions_and_late_dates() {
    let folder = tempfile::tempdir().unwrap();
    let key = SoftKey::generate_rsa(2048).unwrap();
    let profile = CertificateProfile { ca_path_length: Some(0), alt_names: true, days: 3650, ..CUCM_10_5 };
    let request = SelfSigned {
        subject: Subject {
            country: "PL".to_owned(),
            organization: "Zażółć Sp. z o.o.".to_owned(),
            unit: String::new(),
            common_name: "cucm15-pub.example.com".to_owned(),
            state: String::new(),
            locality: String::new(),
        },
        serial: vec![0xFF; 16],
        not_before: 2_400_000_000,
        dns_names: vec!["cucm15-pub.example.com".to_owned(), "example.com".to_owned()],
    };
    let made = self_signed(&profile, &request, &key).unwrap();
    assert_eq!(made.serial(), [0xFF; 16], "the sign byte of DER is not part of the number");
    let text = text_and_self_check(folder.path(), &made);
    assert!(text.contains("CA:TRUE, pathlen:0"), "{text}");
    assert!(text.contains("DNS:cucm15-pub.example.com, DNS:example.com"), "{text}");
    assert!(text.contains("Not After : Jan 17 18:39:59 2056 GMT"), "{text}");
    assert_eq!(extensions(&text).len(), 5, "{text}");
    assert_eq!(made.subject(NameForm::Cucm), "CN=cucm15-pub.example.com;O=Zażółć Sp. z o.o.;C=PL");
}

fn text_and_self_check(folder: &Path, made: &Certificate) -> String {
    let file = folder.join("made.pem");
    std::fs::write(&file, made.to_pem()).unwrap();
    let name = file.to_str().unwrap();
    let (ok, checked) =
        openssl(&["verify", "-no_check_time", "-check_ss_sig", "-auth_level", "0", "-CAfile", name, name]);
    assert!(ok && checked.contains("made.pem: OK"), "{checked}");
    let (ok, text) = openssl(&["x509", "-in", name, "-noout", "-text"]);
    assert!(ok, "{text}");
    // Releases differ in the blanks around the equals sign.
    text.replace(" = ", "=")
}

fn extensions(text: &str) -> Vec<&str> {
    text.lines()
        .map(str::trim)
        .filter(|line| line.starts_with("X509v3 ") && line.ends_with(':') && !line.contains("extensions"))
        .collect()
}
