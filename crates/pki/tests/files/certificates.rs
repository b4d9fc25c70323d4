//! Certificates: what the index knows of each, and self-signed ones in the profile of CUCM 10.5.

use pki::hash::hex;
use pki::name::Subject;
use pki::profile::{CertificateProfile, Purpose, SelfSigned, Usage, self_signed};
use pki::{Certificate, Signer, SoftKey};
use wire::digest::DigestId;

use crate::vectors::{certificate, entries, key, read};

#[test]
fn every_certificate_is_what_the_index_says() {
    for entry in entries("certificate", 24) {
        let name = entry.file_name();
        let pem = read(name);
        let certificate = Certificate::from_pem(&pem).unwrap();
        let der = read(&name.replace(".pem", ".der"));
        assert_eq!(certificate.der(), der, "{name}");
        assert_eq!(certificate, Certificate::from_pem_or_der(&der).unwrap(), "{name}");
        assert_eq!(certificate.to_pem().as_bytes(), pem, "{name}");
        assert_eq!(Some(hex(&certificate.sha1()).as_str()), entry.text("sha1"), "{name}");
        assert_eq!(Some(hex(&certificate.sha256()).as_str()), entry.text("sha256"), "{name}");
        assert_eq!(Some(hex(&certificate.md5()).as_str()), entry.text("md5"), "{name}");
        let serial = entry.text("serial_arg").unwrap().to_lowercase();
        let serial = serial.strip_prefix("00").unwrap_or(&serial);
        assert_eq!(hex(certificate.serial()), serial, "{name}");
        let kind = match entry.text("key").unwrap() {
            "p256" => "EC-secp256r1".to_owned(),
            "p384" => "EC-secp384r1".to_owned(),
            "p521" => "EC-secp521r1".to_owned(),
            rsa => rsa.replace("rsa", "RSA-"),
        };
        assert_eq!(certificate.key_kind().to_string(), kind, "{name}");
        let self_issued = name == format!("certs/{}.crt.pem", entry.text("issuer").unwrap());
        assert_eq!(certificate.is_self_issued(), self_issued, "{name}");
    }
}

/// What a 10.5 node writes; the vectors were made without keyAgreement, for ten years.
const LIKE_THE_VECTORS: CertificateProfile = CertificateProfile {
    digest: DigestId::SHA1,
    days: 3650,
    usage: &[Usage::DigitalSignature, Usage::KeyEncipherment, Usage::DataEncipherment, Usage::KeyCertSign],
    purposes: &[Purpose::ServerAuth, Purpose::ClientAuth, Purpose::IpsecEndSystem],
    ca_path_length: None,
    alt_names: false,
};

const CAPF_LIKE_THE_VECTORS: CertificateProfile = CertificateProfile {
    usage: &[Usage::DigitalSignature, Usage::KeyCertSign],
    purposes: &[Purpose::ServerAuth, Purpose::IpsecEndSystem],
    ..LIKE_THE_VECTORS
};

/// The profile of [sources/certificates#self-signed-profile]: five years, all five usages.
pub const CUCM_10_5: CertificateProfile = CertificateProfile {
    digest: DigestId::SHA256,
    days: 1825,
    usage: &[
        Usage::DigitalSignature,
        Usage::KeyEncipherment,
        Usage::DataEncipherment,
        Usage::KeyAgreement,
        Usage::KeyCertSign,
    ],
    ..LIKE_THE_VECTORS
};

fn subject(common_name: &str) -> Subject {
    Subject {
        country: "PL".to_owned(),
        organization: "Cisco".to_owned(),
        unit: "TAC".to_owned(),
        common_name: common_name.to_owned(),
        state: "Malopolska".to_owned(),
        locality: "Krakow".to_owned(),
    }
}

pub fn request(common_name: &str, serial: &[u8], not_before: u64) -> SelfSigned {
    SelfSigned { subject: subject(common_name), serial: serial.to_vec(), not_before, dns_names: Vec::new() }
}

/// A certificate of the publisher for any key.
pub fn publisher(key: &SoftKey) -> Certificate {
    let serial = [0x70, 0xCA, 0xF6, 0x4E, 0x09, 0x07, 0x51, 0xB9, 0xDF, 0x22, 0xF4, 0x9F, 0x75, 0x4F, 0xC5, 0xBB];
    self_signed(&CUCM_10_5, &request("cucm-1051-a-pub", &serial, 1_425_675_000), key).unwrap()
}

/// Same key, names, serial number and first second as a vector: the same certificate but for the last second of its
/// validity, which CUCM leaves out, and so the signature.
#[test]
fn profiles_give_the_certificates_of_the_vectors() {
    let sha256 = CertificateProfile { digest: DigestId::SHA256, ..LIKE_THE_VECTORS };
    let samples = [
        ("ccm-pub-1024", "cucm-1051-a-pub", LIKE_THE_VECTORS, 694),
        ("ccm-sub-1024", "cucm-1051-a-sub1", LIKE_THE_VECTORS, 696),
        ("capf-1024", "CAPF-e41e7d87", CAPF_LIKE_THE_VECTORS, 680),
        ("ccm-pub-2048", "cucm-1051-a-pub", sha256, 955),
    ];
    for (name, common_name, profile, size) in samples {
        let wanted = certificate(name);
        let key = key(name);
        let (from, to) = wanted.validity();
        let made = self_signed(&profile, &request(common_name, wanted.serial(), from), &key).unwrap();
        assert_eq!(made.der().len(), size, "{name}");
        assert_eq!(made.validity(), (from, to - 1), "{name}");
        let differs: Vec<usize> = (0..size).filter(|place| made.der()[*place] != wanted.der()[*place]).collect();
        let signature = size - wanted.signature_bits().len();
        // notAfter is thirteen characters of UTCTime; at most its last digits change.
        let in_date = differs.iter().filter(|place| **place < signature).count();
        let date = wanted.der().windows(2).enumerate().filter(|(_, two)| *two == [0x17, 0x0D]).map(|(at, _)| at);
        let not_after = date.max().unwrap() + 2;
        assert!((1..=13).contains(&in_date), "{name}: {differs:?}");
        assert!(
            differs.iter().all(|place| *place >= signature || (not_after..not_after + 13).contains(place)),
            "{name}: {differs:?}"
        );
        assert_eq!(made.spki(), key.spki());
    }
}

/// The certificate of the profile keeps the sizes that printed lists need [sources/trust-lists#sizes].
#[test]
fn the_profile_of_10_5_keeps_the_sizes_of_the_sources() {
    let sha1 = CertificateProfile { digest: DigestId::SHA1, ..CUCM_10_5 };
    let samples = [
        ("ccm-pub-1024", "cucm-1051-a-pub", sha1, 694),
        ("ccm-sub-1024", "cucm-1051-a-sub1", sha1, 696),
        ("ccm-pub-2048", "cucm-1051-a-pub", CUCM_10_5, 955),
    ];
    for (name, common_name, profile, size) in samples {
        let serial = certificate(name).serial().to_vec();
        let made = self_signed(&profile, &request(common_name, &serial, 1_425_675_000), &key(name)).unwrap();
        assert_eq!(made.der().len(), size, "{name}");
    }
}
