//! The look-up against the vectors and the texts of [sources/tvs#log].

use wire::trust_list::TrustList;
use wire::tvs::{Answer, Found, Trust};

use super::*;

fn file(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_der(&file(&format!("certs/{name}.crt.der"))).unwrap()
}

fn ctl(name: &str) -> TrustList {
    TrustList::decode(file(&format!("trustlist/{name}.tlv"))).unwrap()
}

fn entry(name: &str, roles: &[u8]) -> TvsEntry {
    TvsEntry::new(certificate(name), roles.to_vec())
}

/// Runs `what` and gives its result and the lines it logged.
fn logged<T>(what: impl FnOnce(Log<'_>) -> T) -> (T, Vec<String>) {
    let mut lines = Vec::new();
    let result = what(&mut |line: &str| lines.push(line.to_owned()));
    (result, lines)
}

fn verify(cache: &TvsCache, name: &str) -> Answer {
    logged(|log| cache.verify(certificate(name).der(), log)).0
}

fn query(cache: &TvsCache, name: &str, form: NameForm, reversed: bool) -> Answer {
    let certificate = certificate(name);
    let serial = if reversed { certificate.serial_reversed() } else { certificate.serial().to_vec() };
    let (subject, issuer) = (certificate.subject(form), certificate.issuer(form));
    logged(|log| cache.query(subject.as_bytes(), issuer.as_bytes(), &serial, log)).0
}

fn found(name: &str, roles: &[u8]) -> Answer {
    let trust = Trust::new(roles, DEFAULT_TTL_SECONDS).unwrap();
    Answer::Found(Found { certificate: certificate(name).der_shared(), trust })
}

const PUB: &str = "CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL";
const SERIAL: &str = "6B1D357B6841740B078FEE4A1813D5D6";

#[test]
fn a_renewed_callmanager_certificate_is_found_with_the_lines_of_the_sources() {
    let cache = TvsCache::new().with_database([entry("ccm-pub-2048", &[2, 0])]);
    let serial = hex::decode(SERIAL).unwrap();
    let (answer, lines) = logged(|log| cache.query(PUB.as_bytes(), PUB.as_bytes(), &serial, log));
    assert_eq!(answer, found("ccm-pub-2048", &[0, 2]));
    assert_eq!(
        lines,
        [
            "debug tvsHandleQueryCertReq".to_owned(),
            format!("debug tvsHandleQueryCertReq : Subject Name is: {PUB}"),
            format!("debug tvsHandleQueryCertReq : Issuer Name is: {PUB}"),
            format!("debug tvsHandleQueryCertReq : Serial Number is: {SERIAL}"),
            format!(
                "debug CertificateDBCache::getCertificateInformation - Looking up the certificate cache using Unique MAP ID : {SERIAL}{PUB}"
            ),
            "debug CertificateDBCache::getCertificateInformation - Found entry {rolecount : 2}".to_owned(),
            "debug CertificateDBCache::getCertificateInformation - {role : 0}".to_owned(),
            "debug CertificateDBCache::getCertificateInformation - {role : 2}".to_owned(),
        ]
    );
}

#[test]
fn a_token_is_found_in_the_ctl_with_the_lines_of_the_sources() {
    // the token stands in the data base too (Phone-SAST-trust); as in [sources/tvs#log] it is found in the CTL
    let cache = TvsCache::new().with_database([entry("etoken-1024", &[0, 3])]).with_ctl(
        Some(&ctl("ctlclient-5728")),
        DEFAULT_TTL_SECONDS,
        &mut |_| {},
    );
    let (subject, issuer) =
        (r#"cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems"#, "cn=Cisco Manufacturing CA;o=Cisco Systems");
    let serial = hex::decode("3CF927000000AFA2DA45").unwrap();
    let (answer, lines) = logged(|log| cache.query(subject.as_bytes(), issuer.as_bytes(), &serial, log));
    assert_eq!(answer, found("etoken-1024", &[0]));
    let id = format!("3CF927000000AFA2DA45{issuer}");
    assert_eq!(
        lines,
        [
            "debug tvsHandleQueryCertReq".to_owned(),
            format!("debug tvsHandleQueryCertReq : Subject Name is: {subject}"),
            format!("debug tvsHandleQueryCertReq : Issuer Name is: {issuer}"),
            "debug tvsHandleQueryCertReq :subjectName and issuerName matches for eToken certificate".to_owned(),
            format!("debug tvsHandleQueryCertReq : SAST Issuer Name is: {issuer}"),
            "debug tvsHandleQueryCertReq : This is SAST eToken cert".to_owned(),
            "debug tvsHandleQueryCertReq : Serial Number is: 3CF927000000AFA2DA45".to_owned(),
            format!(
                "debug CertificateDBCache::getCertificateInformation - Looking up the certificate cache using Unique MAP ID : {id}"
            ),
            "debug ERROR:CertificateDBCache::getCertificateInformation - Cannot find the certificate in the cache"
                .to_owned(),
            format!(
                "debug CertificateCTLCache::getCertificateInformation - Looking up the certificate cache using Unique MAP ID : {id}, len : 61"
            ),
            "debug CertificateCTLCache::getCertificateInformation - Found entry {rolecount : 1}".to_owned(),
            "debug CertificateCTLCache::getCertificateInformation - {role : 0}".to_owned(),
        ]
    );
}

#[test]
fn a_token_needs_its_subject() {
    let cache = TvsCache::new().with_ctl(Some(&ctl("ctlclient-5728")), DEFAULT_TTL_SECONDS, &mut |_| {});
    let (subject, issuer) =
        (br#"cn="SAST-ADN0054f509        ";ou=IPCBU;o="Cisco Systems"#, b"cn=Cisco Manufacturing CA;o=Cisco Systems");
    let serial = hex::decode("3CF927000000AFA2DA45").unwrap();
    let (answer, _) = logged(|log| cache.query(subject, issuer, &serial, log));
    assert_eq!(answer, Answer::NotValid);
}

#[test]
fn an_unknown_certificate_gets_the_lines_of_the_sources() {
    let cache = TvsCache::new().with_database([entry("ccm-pub-2048", &[0, 2])]);
    let unknown = certificate("lsc-foreign");
    let (answer, lines) = logged(|log| cache.verify(unknown.der(), log));
    assert_eq!(answer, Answer::NotValid);
    let id = format!("9901{}", unknown.issuer(NameForm::Cucm));
    assert_eq!(id, "9901CN=Foreign CA;O=Foreign");
    assert_eq!(
        lines,
        [
            "debug tvsHandleCertVerificationReq".to_owned(),
            format!(
                "debug CertificateDBCache::getCertificateInformation - Looking up the certificate cache using Unique MAP ID : {id}"
            ),
            "debug ERROR:CertificateDBCache::getCertificateInformation - Cannot find the certificate in the cache"
                .to_owned(),
            format!(
                "debug CertificateCTLCache::getCertificateInformation - Looking up the certificate cache using Unique MAP ID : {id}, len : {}",
                id.len()
            ),
            "debug ERROR:CertificateCTLCache::getCertificateInformation - Cannot find the certificate in the cache"
                .to_owned(),
            "debug getCertificateInformation(cert) : certificate not found".to_owned(),
            "debug 93:UNKNOWN:No associated roles found for the certificate in cache".to_owned(),
        ]
    );
}

#[test]
fn a_changed_ctl_is_told_record_by_record() {
    let (cache, lines) = logged(|log| TvsCache::new().with_ctl(Some(&ctl("cucm-ctl-6113")), DEFAULT_TTL_SECONDS, log));
    let key = |serial: &str, cn: &str, length: usize| {
        format!(
            "debug tvs_sql_get_all_CTL_certificate - Unique Key used for Caching :: {serial}CN={cn};OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL, length : {length}"
        )
    };
    assert_eq!(
        lines,
        [
            "debug CertificateCache::localCTLCacheMonitor - CTLFile.tlv has been modified. Recaching CTL Certificate Cache".to_owned(),
            "debug updateLocalCTLCache : Refreshing the local CTL certificate cache".to_owned(),
            key(SERIAL, "cucm-1051-a-pub", 93),
            key(SERIAL, "cucm-1051-a-pub", 93),
            key("744B4999770496E799E91E81D3C8109B", "CAPF-e41e7d87", 91),
            key("6BEBFDCDCD8CA277CB2FD1D183A60E72", "cucm-1051-a-sub1", 94),
        ]
    );
    assert_eq!(cache.ctl_len(), 3, "one certificate has two records");
    assert_eq!(verify(&cache, "ccm-pub-2048"), Answer::Verified(Trust::new([0, 2], 86_400).unwrap()));
    let (gone, lines) = logged(|log| cache.with_ctl(None, DEFAULT_TTL_SECONDS, log));
    assert_eq!((gone.ctl_len(), lines.len()), (0, 2));
    assert_eq!(verify(&gone, "ccm-pub-2048"), Answer::NotValid);
    assert_eq!(
        verify(&cache, "ccm-pub-2048"),
        Answer::Verified(Trust::new([0, 2], 86_400).unwrap()),
        "the old one is as it was"
    );
}

#[test]
fn every_certificate_is_found_by_every_form_of_its_names() {
    let names = [
        "ccm-pub-2048",
        "ec-p384",
        "app-2048",
        "itlrecovery-4096",
        "etoken-1024",
        "odd-name-2048",
        "multi-rdn-2048",
        "big-2048",
        "lsc-2048",
    ];
    let cache = TvsCache::new().with_database(names.map(|name| entry(name, &[3])));
    for name in names {
        assert_eq!(verify(&cache, name), Answer::Verified(Trust::new([3], 86_400).unwrap()), "{name}");
        for form in [NameForm::Cucm, NameForm::Peer, NameForm::CtlClient] {
            for reversed in [false, true] {
                assert_eq!(query(&cache, name, form, reversed), found(name, &[3]), "{name} {form:?} {reversed}");
            }
        }
    }
    assert_eq!(query(&cache, "lsc-foreign", NameForm::Cucm, false), Answer::NotValid);
}

#[test]
fn the_other_byte_order_needs_the_subject() {
    let cache = TvsCache::new().with_database([entry("lsc-2048", &[7])]);
    let known = certificate("lsc-2048");
    let issuer = known.issuer(NameForm::Cucm);
    let ask = |serial: &[u8]| logged(|log| cache.query(b"CN=somebody else", issuer.as_bytes(), serial, log)).0;
    assert_eq!(ask(known.serial()), found("lsc-2048", &[7]), "serial number and issuer are enough");
    assert_eq!(ask(&known.serial_reversed()), Answer::NotValid);
}

#[test]
fn a_certificate_without_roles_is_found_but_not_valid() {
    let cache = TvsCache::new().with_database([entry("app-2048", &[])]);
    let (answer, lines) = logged(|log| cache.verify(certificate("app-2048").der(), log));
    assert_eq!(answer, Answer::NotValid);
    assert!(
        lines.contains(&"debug CertificateDBCache::getCertificateInformation - Found entry {rolecount : 0}".to_owned())
    );
    assert_eq!(lines.last().unwrap(), "debug 93:UNKNOWN:No associated roles found for the certificate in cache");
    assert_eq!(query(&cache, "app-2048", NameForm::Cucm, false), Answer::NotValid);
}

#[test]
fn a_certificate_in_several_stores_has_the_roles_of_all() {
    let mut short = entry("app-2048", &[7, 3]);
    short.ttl_seconds = 0;
    let cache = TvsCache::new().with_database([short.clone(), entry("app-2048", &[0, 7])]);
    assert_eq!(cache.database_len(), 1);
    assert_eq!(verify(&cache, "app-2048"), Answer::Verified(Trust::new([0, 3, 7], 86_400).unwrap()));
    let cache = TvsCache::new().with_database([short]);
    assert_eq!(verify(&cache, "app-2048"), Answer::Verified(Trust::new([3, 7], 1).unwrap()), "0 seconds become 1");
}

#[test]
fn one_changed_byte_is_another_certificate() {
    let cache = TvsCache::new().with_database([entry("ccm-pub-2048", &[0])]);
    let mut der = certificate("ccm-pub-2048").der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let (answer, lines) = logged(|log| cache.verify(&der, log));
    assert_eq!(answer, Answer::NotValid);
    assert!(lines[1].ends_with(&format!("{SERIAL}{PUB}")), "same map id: {}", lines[1]);
}

#[test]
fn nothing_of_a_phone_ends_a_line() {
    let cache = TvsCache::new();
    let forged = b"CN=a\n23:00:22.052 | debug forged\xff\xe2\x80\xa8";
    let (answer, lines) = logged(|log| cache.query(forged, forged, &[0; 600], log));
    assert_eq!(answer, Answer::NotValid);
    for line in &lines {
        assert!(!line.contains(['\n', '\r', '\u{2028}']), "{line}");
        assert!(line.len() < 4096);
    }
    let (answer, lines) = logged(|log| cache.verify(b"not a certificate", log));
    assert_eq!((answer, lines.len()), (Answer::NotValid, 2));
    let (answer, _) = logged(|log| cache.verify(b"", log));
    assert_eq!(answer, Answer::NotValid);
}

#[test]
fn records_without_a_certificate_are_passed_over() {
    let (cache, lines) = logged(|log| TvsCache::new().with_ctl(Some(&ctl("ctlclient-nonsecure-3746")), 60, log));
    assert_eq!((cache.ctl_len(), lines.len()), (2, 5), "two token records, one CAPF");
}
