//! Certificates that come without a request of this system: what is said of them, and what is not taken.

use cluster::certificates::upload::Upload;
use cluster::units::Unit;
use pki::SoftKey;
use ringfence_core::CoreError;
use ringfence_core::import::given_certificates;
use testbed::openssl;

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn into_trust_stores() {
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let (root, twin) = (Authority::root("Root One"), Authority::root("Root One"));
    let (_, request) = root.outside("/CN=leaf", "rsa:2048", "DNS:leaf");
    let leaf = root.sign(&request, "basicConstraints=CA:FALSE");
    // a chain, as many CAs give it
    let chain = given_certificates(&root.bundle(&[&root.certificate], "DER")).unwrap();
    let taken = cluster.import_trusted(&place.actor, &node, &chain, "tomcat-trust", &mut place.clock).await.unwrap();
    assert_eq!(taken.same_name, [""; 0]);
    // another CA of the same name stands beside it, and somebody should know
    let taken = cluster
        .import_trusted(&place.actor, &node, std::slice::from_ref(&twin.certificate), "tomcat-trust", &mut place.clock)
        .await
        .unwrap();
    assert!(taken.same_name.len() == 1 && taken.same_name[0].starts_with("CN=Root One"), "{taken:?}");
    assert_eq!(place.files("tomcat-trust").await.iter().filter(|file| file.starts_with("Root_One")).count(), 2);

    let long: Vec<String> = (0..50).map(|number| format!("DNS:a-rather-long-name-{number:04}")).collect();
    let (key, request) = root.outside("/CN=many", "rsa:2048", &long.join(","));
    let many = root.sign(&request, "");
    let refused = |result: Result<_, CoreError>| match result {
        Err(CoreError::Refused { label, .. }) => label,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken"),
    };
    for (certificate, store, label) in [(&leaf, "CAPF-trust", "not-a-ca"), (&many, "tomcat-trust", "too-many-names")] {
        let given = std::slice::from_ref(certificate);
        let result = cluster.import_trusted(&place.actor, &node, given, store, &mut place.clock).await;
        assert_eq!(refused(result), label);
    }
    assert_eq!(place.refused(Unit::Tomcat, many.der(), Some(&key)).await.0, "too-many-names");
    assert!(given_certificates(b"0garbage").unwrap_err().to_string().contains("as PKCS#7 in DER"));
}

/// The same certificate twice counts once, each is told with its kind, and what makes signers takes one that phones can check.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_in_one_file() {
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let root = Authority::root("Root One");
    let (_, request) = root.outside("/CN=leaf", "rsa:2048", "DNS:leaf");
    let leaf = root.sign(&request, "basicConstraints=CA:FALSE");
    let file = format!("{}{}{}", root.certificate.to_pem(), leaf.to_pem(), leaf.to_pem());
    let given = given_certificates(file.as_bytes()).unwrap();
    let taken = cluster.import_trusted(&place.actor, &node, &given, "tomcat-trust", &mut place.clock).await.unwrap();
    let said: Vec<(&str, bool)> = taken.given.iter().map(|one| (one.kind.as_str(), one.already)).collect();
    assert_eq!(said, [("CA", false), ("leaf of CA Root One", false)]);
    assert!(taken.given[1].line().contains("CN=leaf (serial "), "{}", taken.given[1].line());
    assert!(taken.given[1].line().ends_with("): leaf of CA Root One, role APP-SERVER"), "{}", taken.given[1].line());
    let again = cluster.import_trusted(&place.actor, &node, &given, "tomcat-trust", &mut place.clock).await.unwrap();
    assert!(again.given.iter().all(|one| one.already), "{again:?}");

    let curve = root.outside("/CN=curve", "ed25519", "DNS:curve").1;
    let curve = root.sign(&curve, "basicConstraints=CA:FALSE");
    for (given, label) in [(given.as_slice(), "one-at-a-time"), (&[curve], "key-kind")] {
        let result = cluster.import_trusted(&place.actor, &node, given, "Phone-SAST-trust", &mut place.clock).await;
        assert!(matches!(&result, Err(CoreError::Refused { label: found, .. }) if *found == label), "{result:?}");
    }
    let twice = [leaf.clone(), leaf];
    let taken =
        cluster.import_trusted(&place.actor, &node, &twice, "Phone-SAST-trust", &mut place.clock).await.unwrap();
    assert_eq!(taken.given.len(), 1);
}

/// Keys that only another padding goes with, in a unit that signs for phones and in one that does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pss_key_is_refused() {
    let mut place = Place::new("15").await;
    let found =
        |name: &str| std::fs::read(format!("{}/../../testdata/found/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let key = SoftKey::from_pem(&found("pss/pss.key")).unwrap();
    for unit in [Unit::CallManager, Unit::Tomcat, Unit::TomcatEcdsa] {
        let (label, text) = place.refused(unit, &found("pss/CallManager-pss.pem"), Some(&key)).await;
        assert_eq!(label, "key-kind", "{text}");
        assert!(text.contains("this is RSASSA-PSS"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_keys_of_their_own() {
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let root = Authority::root("Company Root");
    place.trust(std::slice::from_ref(&root.certificate), &["tomcat-trust"]).await;
    let uses = "keyUsage=digitalSignature,dataEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n";
    let (key, request) = root.outside("/CN=www.example.org", "rsa:2048", "DNS:www.example.org");
    let foreign = root.sign(&request, uses);
    // How the CA has signed is worth a note, and the usages of [sources/certificates#requests] are enough.
    let (own_key, own) = root.outside("/CN=pub.example.com", "rsa:2048", "DNS:pub.example.com,DNS:example.com");
    let deck = "keyUsage=digitalSignature,keyEncipherment,dataEncipherment,keyCertSign\nextendedKeyUsage=serverAuth,clientAuth\n";
    for (how, note) in [
        (&["-sha256"][..], None),
        (&["-sha1"], Some("its CA has signed it with SHA-1, which browsers and newer systems do not believe")),
        (&["-md5"], Some("its CA has signed it with MD5, which browsers and newer systems do not believe")),
        (
            &["-sigopt", "rsa_padding_mode:pss"],
            Some("its CA has signed it with RSASSA-PSS, which phones and older servers cannot check"),
        ),
    ] {
        let signed = root.sign_as(&own, deck, how);
        let upload = Upload::new(Unit::Tomcat, signed.der()).with_key(own_key.clone());
        let plan = cluster.plan_upload(&place.actor, &node, upload, &mut place.clock).await.unwrap();
        assert_eq!(plan.doubts.iter().map(String::as_str).collect::<Vec<_>>(), Vec::from_iter(note), "{how:?}");
    }

    // the day before it ends
    place.clock.now = i64::try_from(foreign.validity().1).unwrap() * 1000 - 86_400_000;
    let upload = Upload::new(Unit::Tomcat, foreign.der()).with_key(key.clone());
    let plan = cluster.plan_upload(&place.actor, &node, upload, &mut place.clock).await.unwrap();
    assert_eq!(plan.doubts.len(), 2, "{:?}", plan.doubts);
    assert!(plan.doubts[0].starts_with("pub.example.com is not among its names"), "{:?}", plan.doubts);
    assert!(plan.doubts[1].starts_with("it ends on "), "{:?}", plan.doubts);
    assert!(plan.lines().contains(&format!("note: {}", plan.doubts[0])), "{:?}", plan.lines());

    // a key behind a pass phrase: the next step, and nothing that only OpenSSL understands
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("plain.pem"), key.to_pem().unwrap()).unwrap();
    for form in [&["pkcs8", "-topk8"][..], &["rsa", "-traditional", "-aes128"]] {
        openssl(&[form, &["-in", &path("plain.pem"), "-passout", "pass:secret", "-out", &path("locked.pem")]].concat());
        let error = SoftKey::from_pem(&std::fs::read(path("locked.pem")).unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("the private key has a pass phrase; `openssl pkey "), "{error}");
    }
}
