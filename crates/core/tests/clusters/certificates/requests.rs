//! `set csr gen`: what stands in requests, read by OpenSSL; requests before them are kept.

use cluster::certificates::digests::digest_named;
use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::requests::RequestCertificate;
use cluster::certificates::requests::RestoreRequest;
use cluster::certificates::requests::{ParentDomain, RequestChoice, RequestDigest};
use cluster::certificates::web_security::SetWebSecurity;
use cluster::nodes::SubjectParts;
use cluster::units::Unit;
use pki::extensions::AltName;
use ringfence_core::CoreError;
use testbed::openssl;

use crate::certificates::place::Place;

/// The text of a request as OpenSSL reads it, its signature checked.
fn text(place: &Place, pem: &str) -> String {
    let path = place.folder.path().join("request.pem");
    std::fs::write(&path, pem).unwrap();
    String::from_utf8(openssl(&["req", "-in", path.to_str().unwrap(), "-noout", "-text", "-verify"])).unwrap()
}

async fn ask(place: &mut Place, unit: Unit, choice: &RequestChoice) -> Result<String, CoreError> {
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let made = cluster
        .perform(&place.actor, &node, &RequestCertificate { unit, choice: choice.clone() }, &mut place.clock)
        .await;
    made.map(|request| request.to_pem().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_unit_asks_for_what_its_release_says() {
    let mut place = Place::new("15").await;
    let server_client = "TLS Web Server Authentication, TLS Web Client Authentication\n";
    let ipsec = "TLS Web Server Authentication, TLS Web Client Authentication, IPSec End System\n";
    let names = "DNS:pub.example.com, DNS:example.com\n";
    let curve = "DNS:pub-EC.example.com, DNS:pub.example.com, DNS:example.com\n";
    for (unit, purposes, usages, names, key) in [
        (Unit::Tomcat, server_client, "Digital Signature, Data Encipherment\n", names, "(2048 bit)"),
        (Unit::CallManager, server_client, "Digital Signature, Data Encipherment\n", names, "(2048 bit)"),
        (Unit::TomcatEcdsa, server_client, "Digital Signature, Data Encipherment\n", curve, "NIST CURVE: P-384"),
        (Unit::Tvs, server_client, "Digital Signature, Key Encipherment, Data Encipherment\n", names, "(2048 bit)"),
        (Unit::Ipsec, ipsec, "Digital Signature, Key Encipherment, Data Encipherment\n", names, "(2048 bit)"),
    ] {
        let pem = ask(&mut place, unit, &RequestChoice::default()).await.unwrap();
        let shown = text(&place, &pem);
        for wanted in [purposes, usages, names, key, "C = PL, O = Cisco, CN = pub"] {
            assert!(shown.contains(wanted), "{}: {wanted}\n{shown}", unit.name());
        }
        assert!(!shown.contains("OU ="), "the OU is left out since 14SU1: {shown}");
    }
    let pem = ask(&mut place, Unit::Capf, &RequestChoice::default()).await.unwrap();
    let shown = text(&place, &pem);
    for wanted in ["CA:TRUE, pathlen:0", "Digital Signature, Certificate Sign\n", server_client, "CN = CAPF-"] {
        assert!(shown.contains(wanted), "{wanted}\n{shown}");
    }
    let refused = ask(&mut place, Unit::ItlRecovery, &RequestChoice::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), "ITLRecovery signs its own certificates; no CA signs for it");

    let mut old = Place::new("10.5").await;
    let choice = RequestChoice {
        bits: Some(1024),
        digest: Some(digest_named("sha-1", &RequestDigest::ALL).unwrap()),
        ..Default::default()
    };
    let pem = ask(&mut old, Unit::CallManager, &choice).await.unwrap();
    let shown = text(&old, &pem);
    for wanted in [
        ipsec,
        "Digital Signature, Key Encipherment, Data Encipherment, Key Agreement\n",
        "(1024 bit)",
        "sha1With",
        "OU = TAC",
    ] {
        assert!(shown.contains(wanted), "{wanted}\n{shown}");
    }
}

/// CSCus47235 of the original: the CN was not copied into the subjectAltName, so whoever asked for that name found nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_common_name_is_a_name() {
    let mut place = Place::new("15").await;
    let choice = RequestChoice {
        multi_server: true,
        common_name: Some("phones.example.org".into()),
        parent_domain: ParentDomain::Left,
        names: vec!["more.example.net".into(), "PUB.example.com".into()],
        bits: Some(4096),
        digest: Some(digest_named("SHA512", &RequestDigest::ALL).unwrap()),
        with_ou: Some(true),
    };
    let pem = ask(&mut place, Unit::Tomcat, &choice).await.unwrap();
    let shown = text(&place, &pem);
    let names = "DNS:phones.example.org, DNS:pub.example.com, DNS:sub.example.com, DNS:more.example.net\n";
    for wanted in [names, "(4096 bit)", "sha512WithRSA", "OU = TAC, CN = phones.example.org"] {
        assert!(shown.contains(wanted), "{wanted}\n{shown}");
    }
    let choice = RequestChoice { multi_server: true, ..Default::default() };
    let pem = ask(&mut place, Unit::CallManager, &choice).await.unwrap();
    let shown = text(&place, &pem);
    let names = "DNS:pub-ms.example.com, DNS:pub.example.com, DNS:sub.example.com, DNS:example.com\n";
    assert!(shown.contains(names) && shown.contains("CN = pub-ms.example.com"), "{shown}");
    // and in what the node signs itself
    let own = place.shown(false, "tomcat").await;
    assert!(own.extensions().names.contains(&AltName::Dns("pub.example.com".into())));

    for (unit, choice, says) in [
        (
            Unit::Tvs,
            RequestChoice { multi_server: true, ..Default::default() },
            "one certificate for all nodes is not possible",
        ),
        (
            Unit::Tomcat,
            RequestChoice { bits: Some(1024), ..Default::default() },
            "no key length of 1024 bits here; there are 2048, 3072, 4096",
        ),
        (
            Unit::CallManager,
            RequestChoice { bits: Some(3072), ..Default::default() },
            "CallManager signs what phones read, and their files have no value for RSA-3072. Ask with another key length: 2048, \
             4096",
        ),
        (
            Unit::TomcatEcdsa,
            RequestChoice { bits: Some(2048), ..Default::default() },
            "no key length of 2048 bits here; there are 384, 256, 521",
        ),
        (
            Unit::TomcatEcdsa,
            RequestChoice { digest: Some(digest_named("SHA256", &RequestDigest::ALL).unwrap()), ..Default::default() },
            "SHA256 is not offered for this key; there are SHA384, SHA512",
        ),
        (
            Unit::Tomcat,
            RequestChoice { digest: Some(digest_named("SHA1", &RequestDigest::ALL).unwrap()), ..Default::default() },
            "SHA1 is not offered",
        ),
        (
            Unit::Tomcat,
            RequestChoice { common_name: Some("*.example.com".into()), ..Default::default() },
            "*.example.com is a wildcard",
        ),
        (Unit::Tomcat, RequestChoice { names: vec!["a b".into()], ..Default::default() }, "`a b` is not a host name"),
    ] {
        let refused = ask(&mut place, unit, &choice).await.unwrap_err().to_string();
        assert!(refused.starts_with(says), "{refused}");
    }
}

/// What signs nothing for phones may have such a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rsa_3072_where_it_can_be_used() {
    let mut place = Place::new("15").await;
    for unit in [Unit::Tomcat, Unit::Tvs, Unit::Capf] {
        let choice = RequestChoice { bits: Some(3072), ..Default::default() };
        let pem = ask(&mut place, unit, &choice).await.unwrap();
        assert!(text(&place, &pem).contains("(3072 bit)"), "{}", unit.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replaced_requests_are_kept_with_their_keys() {
    let mut place = Place::new("15").await;
    let first = ask(&mut place, Unit::Tomcat, &RequestChoice::default()).await.unwrap();
    place.clock.now += 1000;
    let second = ask(&mut place, Unit::Tomcat, &RequestChoice::default()).await.unwrap();
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let all = cluster.requests(&node).await.unwrap();
    let short = &pki::hash::hex(&all[1].request.key_id())[..8];
    let kept = format!("tomcat_{short}.csr");
    assert_eq!(all.iter().map(|one| one.file.as_str()).collect::<Vec<_>>(), ["tomcat.csr", &kept]);
    assert_eq!(cluster.find_request(&node, "tomcat").await.unwrap().unwrap().request.to_pem(), second);
    let name = format!("tomcat/{kept}");
    assert_eq!(cluster.find_request(&node, &name).await.unwrap().unwrap().request.to_pem(), first);
    assert!(cluster.find_request(&place.subscriber, "tomcat").await.unwrap().is_none(), "each node has its own");

    cluster.perform(&place.actor, &node, &RestoreRequest { name: name.clone() }, &mut place.clock).await.unwrap();
    assert_eq!(cluster.find_request(&node, "tomcat").await.unwrap().unwrap().request.to_pem(), first);
    assert_eq!(cluster.requests(&node).await.unwrap().len(), 2);
    let again = cluster
        .perform(&place.actor, &node, &RestoreRequest { name: "tomcat/tomcat.csr".to_owned() }, &mut place.clock)
        .await;
    assert!(again.unwrap_err().to_string().starts_with("no replaced request tomcat/tomcat.csr"));
    // a key that somebody took away is no key to wait with
    let key = format!("keys/{}.pem", pki::hash::hex(&all[0].request.key_id()));
    std::fs::remove_file(place.folder.path().join(key)).unwrap();
    let other = format!("tomcat/tomcat_{}.csr", &pki::hash::hex(&all[0].request.key_id())[..8]);
    let refused = cluster
        .perform(&place.actor, &node, &RestoreRequest { name: other.clone() }, &mut place.clock)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("is not in the key store of pub"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_subject_of_a_node() {
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let mut parts = SubjectParts {
        country: "DE".into(),
        organization: "Example".into(),
        unit: "Voice".into(),
        state: "Hessen".into(),
        locality: "Kassel".into(),
    };
    cluster
        .perform(
            &place.actor,
            &node,
            &SetWebSecurity { parts: parts.clone(), alternate: Some("192.0.2.7".to_owned()) },
            &mut place.clock,
        )
        .await
        .unwrap();
    let pem = ask(&mut place, Unit::Tomcat, &RequestChoice::default()).await.unwrap();
    let shown = text(&place, &pem);
    assert!(shown.contains("C = DE, O = Example, CN = pub.example.com, ST = Hessen, L = Kassel"), "{shown}");
    assert!(shown.contains("DNS:pub.example.com, DNS:example.com, IP Address:192.0.2.7\n"), "{shown}");
    cluster.perform(&place.actor, &node, &Regenerate::unit(Unit::TomcatEcdsa), &mut place.clock).await.unwrap();
    let own = place.shown(false, "tomcat-ECDSA").await;
    assert_eq!(own.common_name().as_deref(), Some("pub-EC.example.com"));
    let names: Vec<String> = own.extensions().names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["pub-ec.example.com", "pub.example.com", "192.0.2.7"]);
    let path = place.folder.path().join("own.pem");
    std::fs::write(&path, own.to_pem()).unwrap();
    let path = path.to_str().unwrap();
    let at = (place.clock.now / 1000).to_string();
    openssl(&["verify", "-attime", &at, "-CAfile", path, path]);
    assert_eq!(cluster.subject_parts(&place.subscriber).await.unwrap().country, "PL", "the other node keeps its own");
    parts.country = "Germany".into();
    let refused = cluster
        .perform(&place.actor, &node, &SetWebSecurity { parts: parts.clone(), alternate: None }, &mut place.clock)
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "country `Germany` is not two capital letters");
}
