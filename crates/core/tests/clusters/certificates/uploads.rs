//! `set cert import own`: each refusal in its words, and what is taken. The CAs and bundles are made by OpenSSL.

use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::requests::RequestChoice;
use cluster::certificates::requests::RestoreRequest;
use cluster::certificates::upload::Upload;
use cluster::parameters::SecurityMode;
use cluster::rollback::SetRollback;
use cluster::units::Unit;
use pki::listing::ListKind;

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

const DAY: i64 = 86_400_000;

/// Cisco lists the usages of a CA's answer without naming a unit [sources/certificates#requests]: with exactly these it
/// is taken for each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_usages_of_the_deck_are_enough_for_each_unit() {
    let mut place = Place::new("10.5").await;
    let root = Authority::root("Company Root");
    let stores = ["tomcat-trust", "ipsec-trust", "CallManager-trust", "CAPF-trust", "TVS-trust"];
    place.trust(std::slice::from_ref(&root.certificate), &stores).await;
    let deck = "keyUsage=digitalSignature,keyEncipherment,dataEncipherment,keyCertSign\nextendedKeyUsage=serverAuth,clientAuth\n";
    for unit in [Unit::Tomcat, Unit::Ipsec, Unit::CallManager, Unit::Capf, Unit::Tvs] {
        let request = place.request(unit, &RequestChoice::default()).await;
        let ca = if unit == Unit::Capf { "basicConstraints=critical,CA:TRUE,pathlen:0\n" } else { "" };
        let answer = root.sign(&request, &format!("{deck}{ca}"));
        let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
        let upload = Upload::new(unit, answer.der());
        let planned = cluster.plan_upload(&place.actor, &node, upload, &mut place.clock).await;
        assert!(planned.is_ok(), "{}: {:?}", unit.name(), planned.err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_and_why() {
    let mut place = Place::new("15").await;
    let root = Authority::root("Company Root");
    let choice = RequestChoice::default();
    let (label, text) = place.refused(Unit::Tomcat, root.certificate.der(), None).await;
    assert_eq!(label, "no-request");
    assert!(
        text.starts_with("File /usr/local/platform/.security/tomcat/keys/tomcat.csr Does Not Exist. Make a"),
        "{text}"
    );
    let (_, text) = place.refused(Unit::CallManager, root.certificate.der(), None).await;
    assert!(
        text.starts_with("File /usr/local/cm/.security/CallManager/keys/CallManager.csr Does Not Exist. "),
        "{text}"
    );

    let request = place.request(Unit::Tomcat, &choice).await;
    let good = root.sign(&request, "");
    let pem = good.to_pem();
    let (label, text) = place.refused(Unit::Tomcat, pem.as_bytes(), None).await;
    assert_eq!(label, "no-chain");
    assert!(
        text.starts_with("CA Certificate is Not Available in the Trust-Store. ")
            && text.contains("set cert import trust tomcat-trust"),
        "{text}"
    );
    place.trust(std::slice::from_ref(&root.certificate), &["tomcat-trust"]).await;

    // names that the CA has added or dropped
    let kept = "keyUsage=digitalSignature,dataEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n";
    let other = root.sign_with(&request, &format!("{kept}subjectAltName=DNS:pub.example.com,DNS:www.example.com"));
    let (label, text) = place.refused(Unit::Tomcat, other.to_pem().as_bytes(), None).await;
    assert_eq!(label, "san-mismatch");
    let says = "CSR SAN and Certificate SAN does not match. The CA added www.example.com. The CA dropped example.com. ";
    assert!(text.starts_with(says), "{text}");
    let names = "subjectAltName=DNS:pub.example.com,DNS:example.com\n";
    let poor = root.sign_with(&request, &format!("{names}keyUsage=digitalSignature\nextendedKeyUsage=serverAuth"));
    let (label, text) = place.refused(Unit::Tomcat, poor.to_pem().as_bytes(), None).await;
    assert_eq!(label, "usage-dropped");
    assert!(text.starts_with("The CA dropped dataEncipherment, clientAuth of the key usages"), "{text}");
    // another order of the names is the same
    let turned = root.sign_with(&request, &format!("{kept}subjectAltName=DNS:EXAMPLE.com,DNS:pub.example.com"));

    // files
    let two = [pem.as_bytes(), root.certificate.to_pem().as_bytes()].concat();
    let (label, text) = place.refused(Unit::Tomcat, &two, None).await;
    assert_eq!(label, "one-per-file");
    assert!(
        text.starts_with("The file /usr/local/platform/upload/certs//tomcat.der could not be uploaded. Only one"),
        "{text}"
    );
    let (label, text) = place.refused(Unit::Tomcat, &root.bundle(&[&good, &root.certificate], "PEM"), None).await;
    assert_eq!(label, "pem-pkcs7");
    assert!(text.starts_with("The system does not support PEM format of PKCS#7 Certificate Chain. "), "{text}");
    for rubbish in [&b"\x30\x82\x01"[..], b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(place.refused(Unit::Tomcat, rubbish, None).await.0, "unreadable");
    }
    let (key, outside) = root.outside("/CN=pub.example.com", "rsa:2048", "DNS:pub.example.com");
    let with_key = [pem.as_bytes(), &key.to_pem().unwrap()].concat();
    assert_eq!(place.refused(Unit::Tomcat, &with_key, None).await.0, "private-key");

    // dates
    place.clock.now += 3 * 365 * DAY;
    let (label, text) = place.refused(Unit::Tomcat, pem.as_bytes(), None).await;
    assert_eq!(label, "expired");
    assert!(text.contains("has expired on "), "{text}");
    place.clock.now -= 3 * 365 * DAY + 2 * DAY;
    assert_eq!(place.refused(Unit::Tomcat, pem.as_bytes(), None).await.0, "not-yet-valid");
    place.clock.now += 2 * DAY;

    // keys
    let stranger = root.sign(&outside, kept);
    let (label, text) = place.refused(Unit::Tomcat, stranger.to_pem().as_bytes(), None).await;
    assert_eq!(label, "key-mismatch");
    assert!(
        text.starts_with("CSR Public Key and Certificate Public Key Do Not Match. `show csr own tomcat`"),
        "{text}"
    );
    assert_eq!(place.refused(Unit::Tomcat, pem.as_bytes(), Some(&key)).await.0, "key-mismatch");
    place.clock.now += 1000;
    place.request(Unit::Tomcat, &choice).await;
    let (_, text) = place.refused(Unit::Tomcat, pem.as_bytes(), None).await;
    assert!(
        text.contains("Do Not Match. It belongs to tomcat/tomcat_") && text.contains("`set csr restore tomcat/"),
        "{text}"
    );
    let name = text.split('`').nth(1).unwrap().trim_start_matches("set csr restore ").to_owned();
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    cluster.perform(&place.actor, &node, &RestoreRequest { name: name.clone() }, &mut place.clock).await.unwrap();

    // then it is taken, once
    place.upload(Unit::Tomcat, turned.to_pem().as_bytes(), None).await.unwrap();
    assert_eq!(place.shown(false, "tomcat").await, turned);
    let own = cluster.list_certificates(&node, false).await.unwrap();
    assert_eq!(own[0], "tomcat/tomcat.pem: Certificate Signed by Company Root");
    assert!(place.files("tomcat-trust").await.contains(&"pub.example.com.pem".to_owned()));
    assert_eq!(place.refused(Unit::Tomcat, pem.as_bytes(), None).await.0, "no-request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chains_and_keys_that_come_along() {
    let mut place = Place::new("15").await;
    let root = Authority::root("Company Root");
    let between = root.below("Company Issuing CA");
    let below = between.below("Company Voice CA");

    // a chain of three in one PKCS#7 file, in any order, goes into the trust store with it
    let request = place.request(Unit::Tomcat, &RequestChoice::default()).await;
    let signed = below.sign(&request, "");
    let gap = below.bundle(&[&below.certificate, &signed, &root.certificate], "DER");
    assert_eq!(place.refused(Unit::Tomcat, &gap, None).await.0, "no-chain");
    let all = [&root.certificate, &signed, &below.certificate, &between.certificate];
    let bundle = below.bundle(&all, "DER");
    place.upload(Unit::Tomcat, &bundle, None).await.unwrap();
    assert_eq!(place.shown(false, "tomcat").await, signed);
    let files = place.files("tomcat-trust").await;
    for file in ["Company_Root.pem", "Company_Issuing_CA.pem", "Company_Voice_CA.pem", "pub.example.com.pem"] {
        assert!(files.contains(&file.to_owned()), "{file}: {files:?}");
    }

    // key and certificate of a request that was made outside
    let kept = "keyUsage=digitalSignature,dataEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n";
    let (key, outside) = root.outside("/CN=other.example.org", "rsa:4096", "DNS:other.example.org");
    place.trust(std::slice::from_ref(&root.certificate), &["CallManager-trust", "ipsec-trust"]).await;
    let made = root.sign(&outside, kept);
    // that it stood in a trust store before makes the guard below no weaker
    place.trust(std::slice::from_ref(&made), &["CallManager-trust"]).await;
    place.upload(Unit::CallManager, made.der(), Some(&key)).await.unwrap();
    assert_eq!(place.shown(false, "CallManager").await, made);
    let itl = place.cluster.published_list(&place.publisher, ListKind::Itl).unwrap().unwrap().list;
    assert!(itl.records().any(|record| record.certificate() == Some(made.der())));
    assert_eq!(place.refused(Unit::CallManager, made.der(), Some(&key)).await.0, "already-there");

    // what phones could not check, what names everything, what issues where it must not
    let (large, outside) = root.outside("/CN=pub.example.com", "rsa:3072", "DNS:pub.example.com");
    let (label, text) = place.refused(Unit::CallManager, root.sign(&outside, kept).der(), Some(&large)).await;
    assert_eq!(label, "key-kind");
    assert!(text.contains("their files have no value for RSA-3072"), "{text}");
    assert_eq!(place.refused(Unit::TomcatEcdsa, root.sign(&outside, kept).der(), Some(&large)).await.0, "key-kind");
    let (key, outside) = root.outside("/CN=pub.example.com", "rsa:2048", "DNS:*.example.com");
    let (label, text) = place.refused(Unit::Tomcat, root.sign(&outside, kept).der(), Some(&key)).await;
    assert_eq!(label, "wildcard");
    assert!(text.starts_with("*.example.com is a wildcard"), "{text}");
    let ca = "basicConstraints=CA:TRUE\nkeyUsage=digitalSignature,keyEncipherment,dataEncipherment\n\
              extendedKeyUsage=serverAuth,clientAuth,ipsecEndSystem\n";
    let request = place.request(Unit::Ipsec, &RequestChoice::default()).await;
    let names = "subjectAltName=DNS:pub.example.com,DNS:example.com\n";
    let (label, _) = place.refused(Unit::Ipsec, root.sign_with(&request, &format!("{ca}{names}")).der(), None).await;
    assert_eq!(label, "is-a-ca");
    let itself = place.refused(Unit::ItlRecovery, made.der(), Some(&key)).await;
    assert_eq!(itself.0, "signs-itself");
    // the guard between CallManager and TVS counts for uploads too
    place.trust(std::slice::from_ref(&root.certificate), &["TVS-trust"]).await;
    let tvs = root.sign(&place.request(Unit::Tvs, &RequestChoice::default()).await, "");
    assert_eq!(place.refused(Unit::Tvs, tvs.der(), None).await.0, "guard-five-minutes");
    place.clock.now += 10 * 60_000;
    place.upload(Unit::Tvs, tvs.der(), None).await.unwrap();
    assert_eq!(place.shown(false, "TVS").await, tvs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_the_original() {
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let root = Authority::root("Company Root").certificate;
    let authority = [root.clone()];
    cluster.import_trusted(&place.actor, &node, &authority, "callmanager-trust", &mut place.clock).await.unwrap();
    let choice = RequestChoice { multi_server: true, ..Default::default() };
    place.request(Unit::CallManager, &choice).await;
    cluster.store().write_log_lines().await.unwrap();
    let log = std::fs::read_to_string(place.folder.path().join("log/CertMgmt.log")).unwrap();
    let said: Vec<&str> = log.lines().map(|line| line.split_once(" INFO [main] - ").unwrap().1).collect();
    let folder = "%2Fusr%2Flocal%2Fcm%2F.security%2FCallManager%2F";
    let lines = |op: &str, unit: &str, certificates: &str| {
        let part = |name: &str| format!("{folder}{name}");
        [
            "decode".to_owned(),
            format!("op:{op}"),
            format!("unit:{unit}"),
            format!("cert-dir:{}", part(certificates)),
            format!("key-dir:{}", part("keys")),
        ]
    };
    let trusted = lines("upload", "CallManager-trust", "trust-certs");
    assert_eq!(said, [trusted, lines("csr", "CallManager", "certs%2FCallManager")].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_one_does_not_come_back() {
    let mut place = Place::new("15").await;
    let root = Authority::root("Company Root");
    place.trust(std::slice::from_ref(&root.certificate), &["tomcat-trust"]).await;
    let first = place.request(Unit::Tomcat, &RequestChoice::default()).await;
    let old = root.sign(&first, "");
    place.clock.now += 1000;
    let second = place.request(Unit::Tomcat, &RequestChoice::default()).await;
    // OpenSSL dates by the second
    let mut new = root.sign(&second, "");
    while new.validity().0 <= old.validity().0 {
        new = root.sign(&second, "");
    }
    place.clock.now += 10 * 60_000;
    place.upload(Unit::Tomcat, new.der(), None).await.unwrap();
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let kept = cluster.requests(&node).await.unwrap().remove(0).file;
    let name = format!("tomcat/{kept}");
    cluster.perform(&place.actor, &node, &RestoreRequest { name: name.clone() }, &mut place.clock).await.unwrap();
    let (label, text) = place.refused(Unit::Tomcat, old.der(), None).await;
    assert_eq!(label, "older");
    assert!(text.contains("is older than the one that stands there: valid from "), "{text}");
}

/// Devices without a clock make certificates from before 1970, which are no younger for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_from_before_1970_the_older_one_does_not_come_back() {
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let mut take = async |file: &str| {
        let path = format!("{}/../../testdata/found/unusual/{file}.pem", env!("CARGO_MANIFEST_DIR"));
        let given = [pki::Certificate::from_pem(&std::fs::read(path).unwrap()).unwrap()];
        cluster.import_trusted(&place.actor, &node, &given, "tomcat-trust", &mut place.clock).await.map(drop)
    };
    take("utc1950").await.unwrap();
    let said = take("gen0001").await.unwrap_err().to_string();
    assert!(said.contains(" UTC 1, that one from Sun Jan 01 00:00:00 UTC 1950."), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_anchor_of_phones_is_not_replaced_and_nothing_during_a_rollback() {
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    cluster.set_security_mode(&place.actor, &node, SecurityMode::Mixed, &mut place.clock).await.unwrap();
    // The CTL keeps the ITLRecovery certificate of before, so CallManager is the last one there that is live.
    place.clock.now += 10 * 60_000;
    cluster.perform(&place.actor, &node, &Regenerate::unit(Unit::ItlRecovery), &mut place.clock).await.unwrap();
    place.clock.now += 10 * 60_000;
    let root = Authority::root("Company Root");
    place.trust(std::slice::from_ref(&root.certificate), &["CallManager-trust"]).await;
    let signed = root.sign(&place.request(Unit::CallManager, &RequestChoice::default()).await, "");
    let (label, text) = place.refused(Unit::CallManager, signed.der(), None).await;
    assert_eq!(label, "last-anchor");
    assert!(text.starts_with("The CallManager certificate of pub is the last live anchor in the CTL file"), "{text}");
    let renewed =
        cluster.perform(&place.actor, &node, &Regenerate::unit(Unit::CallManager), &mut place.clock).await.unwrap_err();
    assert_eq!(renewed.to_string(), text, "the same words as for a renewal");
    cluster.update_ctl(&place.actor, &node, &mut place.clock).await.unwrap();

    cluster.perform(&place.actor, &node, &SetRollback { on: true }, &mut place.clock).await.unwrap();
    assert_eq!(place.refused(Unit::CallManager, signed.der(), None).await.0, "rollback-on");
    cluster.perform(&place.actor, &node, &SetRollback { on: false }, &mut place.clock).await.unwrap();
    place.upload(Unit::CallManager, signed.der(), None).await.unwrap();
    assert_eq!(place.shown(false, "CallManager").await, signed);
}
