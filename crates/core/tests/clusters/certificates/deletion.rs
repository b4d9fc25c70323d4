//! Deletions from trust stores hold: CSCto86463 of the original, where the other nodes brought back what was deleted on one.

use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::trusted::DeleteTrusted;
use cluster::certificates::trusted::UndeleteTrusted;
use cluster::parameters::SecurityMode;
use cluster::units::Unit;
use cluster::{Actor, Level};
use pki::NameForm;
use pki::listing::ListKind;
use pki::sign::{ListSpec, SigningIdentity, sign_list};
use ringfence_core::{Cluster, CoreError};
use wire::digest::DigestId;
use wire::header::Layout;
use wire::role::Role;
use wire::trust_list::RecordSpec;

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn label(place: &mut Place, store: &str, file: &str) -> (&'static str, String) {
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    match cluster.delete_trusted(&place.actor, &node, &DeleteTrusted::new(store, file), &mut place.clock).await {
        Err(CoreError::Refused { label, text }) => (label, text),
        other => panic!("{store}/{file}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_stays_away() {
    let mut place = Place::new("15").await;
    let (cluster, publisher, subscriber) = (place.cluster.clone(), place.publisher.clone(), place.subscriber.clone());
    let gone = Authority::root("Old CA").certificate;
    place.trust(std::slice::from_ref(&gone), &["tomcat-trust", "Phone-SAST-trust"]).await;
    // On the subscriber: it is gone for all nodes.
    cluster
        .delete_trusted(&place.actor, &subscriber, &DeleteTrusted::new("tomcat-trust", "Old_CA.pem"), &mut place.clock)
        .await
        .unwrap();
    cluster
        .delete_trusted(
            &place.actor,
            &subscriber,
            &DeleteTrusted::new("Phone-SAST-trust", "Old_CA.pem"),
            &mut place.clock,
        )
        .await
        .unwrap();
    let absent = async |cluster: &Cluster| {
        for node in [&publisher, &subscriber] {
            let lines = cluster.list_certificates(node, true).await.unwrap();
            assert!(lines.iter().all(|line| !line.contains("Old_CA")), "{lines:?}");
        }
        // and no role of it is left, by which TVS would vouch for it
        assert!(cluster.store().certificates().await.unwrap().iter().all(|row| row.pem != gone.to_pem()));
    };
    absent(&cluster).await;

    // renewals, a restart of each node, another look at all lists
    cluster.perform(&place.actor, &subscriber, &Regenerate::unit(Unit::Tomcat), &mut place.clock).await.unwrap();
    cluster.settle(&mut place.clock).await.unwrap();
    let again = Cluster::open(place.folder.path(), jiff::tz::TimeZone::UTC).await.unwrap().unwrap();
    again.settle(&mut place.clock).await.unwrap();
    absent(&again).await;
    // another program that still has it
    let peer = ringfence_core::import::PeerImport {
        certificates: vec![ringfence_core::import::PeerCertificate {
            certificate: gone.clone(),
            roles: vec![wire::role::Role::SAST, wire::role::Role::APP_SERVER],
            time_to_live: 86_400,
        }],
        ..Default::default()
    };
    let summary = cluster.import_peer(&place.actor, &peer, false, &mut place.clock, &mut |_| {}).await.unwrap();
    assert_eq!((summary.certificates.added, summary.certificates.left), (0, 1));
    absent(&cluster).await;

    // asked for, it comes back: in one store by name, in the other by an upload
    let listed = cluster.deletions(place.clock.now).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].row.deleted_by, "admin");
    cluster
        .perform(&place.actor, &publisher, &UndeleteTrusted::new("tomcat-trust", "Old_CA.pem"), &mut place.clock)
        .await
        .unwrap();
    assert_eq!(place.shown(true, "tomcat-trust/Old_CA.pem").await, gone);
    place.trust(std::slice::from_ref(&gone), &["Phone-SAST-trust"]).await;
    assert_eq!(place.files("Phone-SAST-trust").await.iter().filter(|file| *file == "Old_CA.pem").count(), 1);
    assert!(cluster.deletions(place.clock.now).await.unwrap().is_empty());

    // after the retention a deletion cannot be taken back, but it still holds
    cluster
        .delete_trusted(&place.actor, &publisher, &DeleteTrusted::new("tomcat-trust", "Old_CA.pem"), &mut place.clock)
        .await
        .unwrap();
    place.clock.now += 30 * DAY;
    assert!(cluster.deletions(place.clock.now).await.unwrap().is_empty());
    let late = cluster
        .perform(&place.actor, &publisher, &UndeleteTrusted::new("tomcat-trust", "Old_CA.pem"), &mut place.clock)
        .await;
    assert!(matches!(late, Err(CoreError::BadInput(_))), "{late:?}");
    let summary = cluster.import_peer(&place.actor, &peer, false, &mut place.clock, &mut |_| {}).await.unwrap();
    assert_eq!(summary.certificates.added, 0);
    assert!(!place.files("tomcat-trust").await.contains(&"Old_CA.pem".to_owned()));
    let reader = Actor::new("reader", Level::Read);
    let denied = cluster
        .perform(&reader, &publisher, &UndeleteTrusted::new("tomcat-trust", "Old_CA.pem"), &mut place.clock)
        .await;
    assert!(matches!(denied, Err(CoreError::NotPermitted { .. })), "{denied:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_needed_is_not_deleted() {
    let mut place = Place::new("15").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let (kind, text) = label(&mut place, "CallManager-trust", "pub.example.com.pem").await;
    assert_eq!(kind, "own-certificate");
    assert!(text.contains("the ITL of pub"), "all users are named: {text}");

    // a CAPF that was replaced: the CTL names it until it is built again
    cluster.set_security_mode(&place.actor, &publisher, SecurityMode::Mixed, &mut place.clock).await.unwrap();
    let old = place.files("CAPF-trust").await.remove(0);
    cluster.perform(&place.actor, &publisher, &Regenerate::unit(Unit::Capf), &mut place.clock).await.unwrap();
    let (kind, text) = label(&mut place, "CAPF-trust", &old).await;
    assert_eq!(kind, "lists-name-it");
    assert!(text.contains("stands in the CTL of pub, the CTL of sub"), "{text}");
    cluster.update_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    cluster
        .delete_trusted(&place.actor, &publisher, &DeleteTrusted::new("CAPF-trust", &old), &mut place.clock)
        .await
        .unwrap();
}

/// A list may hold a hash in place of a certificate, of each digest that its format knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_list_names_by_its_hash_is_not_deleted() {
    let mut place = Place::new("15").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let authority = Authority::root("By Hash");
    let certificate = &authority.certificate;
    place.trust(std::slice::from_ref(certificate), &["CAPF-trust"]).await;
    let key = authority.key();
    let signer = SigningIdentity::new(certificate, &key).unwrap();
    for digest in [DigestId::SHA1, DigestId::SHA256, DigestId::SHA512] {
        let hash = pki::hash::digest(digest, &[certificate.der()]).unwrap();
        let record = certificate
            .with_fields(NameForm::Cucm, |fields| RecordSpec::hashed(Role::CAPF, fields, "ca", digest, &hash));
        let spec = ListSpec {
            layout: Layout::Cucm,
            signer_form: None,
            signer_version: None,
            digest: DigestId::SHA1,
            file_name: "CTLFile.tlv",
            timestamp: 1_700_000_000,
        };
        std::fs::write(cluster.list_path(&publisher, ListKind::Ctl), sign_list(&spec, &[record], &signer).unwrap())
            .unwrap();
        let (kind, text) = label(&mut place, "CAPF-trust", "By_Hash.pem").await;
        assert!(kind == "lists-name-it" && text.contains("the CTL of pub"), "{digest}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_logs_of_the_original() {
    let mut place = Place::new("15").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    place.trust(&[Authority::root("test1").certificate], &["tomcat-trust"]).await;
    place.clock.now = 1_421_874_446_068;
    cluster
        .delete_trusted(&place.actor, &publisher, &DeleteTrusted::new("tomcat-trust", "test1.pem"), &mut place.clock)
        .await
        .unwrap();
    cluster.store().write_log_lines().await.unwrap();
    let log = std::fs::read_to_string(place.folder.path().join("log/CertMgmt.log")).unwrap();
    assert_eq!(
        log,
        "decode: true\nop: delete\nunit: tomcat-trust\nkeystoreUnit:tomcat-trust\n\
         logFile: /var/log/active/platform/log/cert-mgmt.log\nresultFile: /var/log/active/platform/log/certde-info.xml\n\
         keyDir: /usr/local/platform/.security/tomcat/keys\n\
         certDir: /usr/local/platform/.security/tomcat/trust-certs/test1.pem\n\
         2015-01-21 21:07:26,068 INFO [main] - IN -- CertDBAction.java - deleteCertificateInDB(certInfo) -\n\
         2015-01-21 21:07:26,068 DEBUG [main] - deleteDERandPEM: sCertDir = \
         /usr/local/platform/.security/tomcat/trust-certs --- sAlias = test1\n"
    );
    let other = std::fs::read_to_string(place.folder.path().join("nodes/sub/log/messages")).unwrap();
    assert_eq!(
        other,
        "Jan 21 21:07:26 sub ilog_impl: Received request for platform-event (--no-wait \
         platform-event-clusterwide-certificate-delete HOSTNAME=pub UNIT=tomcat-trust TYPE=trust-certs NAME=test1)\n"
    );
    place.clock.now = 1_454_856_706_338;
    let done = cluster.perform(&place.actor, &publisher, &Regenerate::unit(Unit::CallManager), &mut place.clock).await;
    done.unwrap();
    cluster.store().write_log_lines().await.unwrap();
    let log = std::fs::read_to_string(place.folder.path().join("log/CertMgmt.log")).unwrap();
    let stamp = "2016-02-07 14:51:46,338 INFO [main] - ";
    let folder = "%2Fusr%2Flocal%2Fcm%2F.security%2FCallManager%2F";
    assert!(log.ends_with(&format!(
        "{stamp}decode\n{stamp}op:regenerate\n{stamp}unit:CallManager\n{stamp}cert-dir:{folder}certs%2FCallManager\n\
         {stamp}key-dir:{folder}keys\n"
    )));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_certificate_where_it_does_not_belong() {
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let own = place.shown(false, "CallManager").await;
    place.trust(std::slice::from_ref(&own), &["directory-trust"]).await;
    let file = place.files("directory-trust").await.pop().unwrap();
    cluster
        .delete_trusted(&place.actor, &node, &DeleteTrusted::new("directory-trust", &file), &mut place.clock)
        .await
        .unwrap();
    assert_eq!(place.files("directory-trust").await, [""; 0]);
    assert_eq!(place.shown(false, "CallManager").await, own);
    // its copies stay as long as it is in use; the unit names its trust store
    let copy = place.files("CallManager-trust").await.into_iter().find(|name| name.starts_with("pub")).unwrap();
    assert_eq!(label(&mut place, "CallManager", &copy).await.0, "own-certificate");
}
