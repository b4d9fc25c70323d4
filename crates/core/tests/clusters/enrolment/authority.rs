//! CAPF under an external CA, and what is taken over from another CAPF.

use cluster::certificates::requests::RequestCertificate;
use cluster::certificates::requests::RequestChoice;
use cluster::certificates::trusted::PutTrusted;
use cluster::certificates::upload::Upload;
use cluster::enrolment::{AuthenticationMode, KeyPlan, Operation};
use cluster::units::Unit;
use pki::bundle::certificates;
use ringfence_core::CoreError;
use ringfence_core::enrolment::AuthenticationString;
use ringfence_core::import::{PeerDevice, PeerImport};
use testbed::openssl;
use wire::capf::Operation as Asked;

use crate::enrolment::place::{DEVICE, PhoneKeys, Place, RSA_2048, file};

/// A root CA in files, made by OpenSSL, and how it signs a request with these extensions.
struct Root {
    folder: tempfile::TempDir,
    certificate: String,
    key: String,
}

impl Root {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (certificate, key) = (path("root.pem"), path("root.key"));
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "7300",
            "-subj",
            "/O=Test/CN=Company Root",
            "-keyout",
            &key,
            "-out",
            &certificate,
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ]);
        Self { folder, certificate, key }
    }

    fn sign(&self, request: &str, extensions: &str) -> Vec<u8> {
        let request = file(self.folder.path(), "capf.csr", request.as_bytes());
        let config = file(self.folder.path(), "extensions.cnf", extensions.as_bytes());
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &self.certificate,
            "-CAkey",
            &self.key,
            "-days",
            "3650",
            "-set_serial",
            "77",
            "-extfile",
            &config,
        ])
    }
}

const SUBORDINATE: &str = "basicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,digitalSignature,keyCertSign\n\
                           subjectKeyIdentifier=hash\nextendedKeyUsage=serverAuth,clientAuth\n";

/// OpenSSL signs with the clock of the machine.
fn to_the_present(place: &mut Place) {
    let now = String::from_utf8(std::process::Command::new("date").arg("+%s").output().unwrap().stdout).unwrap();
    place.clock.now = place.clock.now.max((now.trim().parse::<i64>().unwrap() + 5) * 1000);
}

#[tokio::test]
async fn a_subordinate_ca_issues_lscs_that_verify_up_to_the_root() {
    let mut place = Place::new(&[DEVICE]).await;
    to_the_present(&mut place);
    let root = Root::new();
    let old = place.capf();
    let (actor, node) = (place.actor.clone(), place.node.clone());
    let choice = RequestChoice::default();
    let request = place
        .cluster
        .perform(&actor, &node, &RequestCertificate { unit: Unit::Capf, choice: choice.clone() }, &mut place.clock)
        .await
        .unwrap();
    let request = request.to_pem().to_owned();
    let csr = file(place.folder.path(), "capf.csr", request.as_bytes());
    let text = String::from_utf8(openssl(&["req", "-in", &csr, "-noout", "-text", "-verify"])).unwrap();
    for wanted in ["CA:TRUE, pathlen:0", "Digital Signature, Certificate Sign", "CN = CAPF-"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }

    let capf = root.sign(&request, SUBORDINATE);
    let (label, text) = refused(&mut place, &capf).await;
    assert_eq!(label, "no-chain");
    assert!(text.starts_with("CA Certificate is Not Available in the Trust-Store. "), "{text}");
    let leaf = root.sign(
        &request,
        "basicConstraints=CA:false\nkeyUsage=digitalSignature,keyCertSign\n\
                                    extendedKeyUsage=serverAuth,clientAuth\n",
    );
    assert_eq!(refused(&mut place, &leaf).await.0, "not-a-ca");
    let root_pem = std::fs::read(&root.certificate).unwrap();
    let (label, text) = refused(&mut place, &root_pem).await;
    assert_eq!(label, "key-mismatch");
    assert!(text.starts_with("CSR Public Key and Certificate Public Key Do Not Match. "), "{text}");
    assert_eq!(place.capf(), old, "nothing has changed");

    let roots = certificates(&root_pem).unwrap();
    place.cluster.perform(&actor, &node, &PutTrusted::new(&roots, &["CAPF-trust"]), &mut place.clock).await.unwrap();
    let upload = Upload::new(Unit::Capf, &capf);
    let plan = place.cluster.plan_upload(&actor, &node, upload, &mut place.clock).await.unwrap();
    place.cluster.perform(&actor, &plan.at, &plan.upload, &mut place.clock).await.unwrap();
    assert_eq!(plan.certificate, certificates(&capf).unwrap()[0]);
    assert!(place.cluster.find_request(&node, "CAPF").await.unwrap().is_none());
    let listed = place.cluster.list_certificates(&node, true).await.unwrap();
    for entry in ["CAPF-trust/Company_Root.pem", "CallManager-trust/Company_Root.pem"] {
        assert!(listed.iter().any(|line| line.starts_with(entry)), "{listed:?}");
    }
    assert!(listed.iter().any(|line| line.contains(&old.common_name().unwrap())), "the old CAPF stays: {listed:?}");

    place.desk.reload().await.unwrap();
    let mut phone = PhoneKeys::new(DEVICE);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    let folder = place.folder.path();
    let (lsc, _) = phone.lsc.clone().unwrap();
    let lsc = file(folder, "lsc.pem", lsc.to_pem().as_bytes());
    let between = file(folder, "capf.pem", &capf);
    let at = (place.clock.now / 1000 + 60).to_string();
    openssl(&["verify", "-x509_strict", "-attime", &at, "-CAfile", &root.certificate, "-untrusted", &between, &lsc]);
    // the phone comes again with it
    place.schedule(Operation::Install, AuthenticationMode::ExistingLsc).await;
    assert_eq!(place.session(&phone.proven(1), &mut phone).await, Ok(Asked::Install(RSA_2048)));
    // a second upload needs a second request
    assert_eq!(refused(&mut place, &capf).await.0, "no-request");
}

async fn refused(place: &mut Place, file: &[u8]) -> (&'static str, String) {
    let upload = Upload::new(Unit::Capf, file);
    let planned = place.cluster.plan_upload(&place.actor, &place.node, upload, &mut place.clock).await;
    match planned.unwrap_err() {
        CoreError::Refused { label, text } => (label, text),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn another_capf_is_taken_over_with_its_phones() {
    // One that says it is a CA; that of release 10.5 does not.
    let mut elsewhere = Place::of_release("12.5", &[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    elsewhere.schedule(Operation::Install, AuthenticationMode::NullString).await;
    elsewhere.session(&phone.plain(""), &mut phone).await.unwrap();
    let key = elsewhere.desk.authority().key().clone();
    let capf = elsewhere.capf();

    let mut place = Place::new(&[DEVICE]).await;
    let actor = place.actor.clone();
    let imported = PeerDevice {
        place: "row 1".to_owned(),
        name: DEVICE.to_owned(),
        operation: Operation::Install,
        mode: AuthenticationMode::AuthenticationString,
        string: Some(AuthenticationString::imported("open-Sesame.99").unwrap()),
        keys: KeyPlan::default(),
        lsc: Some(phone.lsc.as_ref().unwrap().0.clone()),
    };
    let mut import = PeerImport { devices: vec![imported], ..PeerImport::default() };
    let too_soon = place.cluster.import_peer(&actor, &import, false, &mut place.clock, &mut |_| {}).await;
    assert!(too_soon.unwrap_err().to_string().contains("give the certificate of that CA too"));
    import.capf = Some((capf.clone(), testbed::rsa_key(1024).unwrap()));
    let other = place.cluster.import_peer(&actor, &import, false, &mut place.clock, &mut |_| {}).await;
    assert!(other.unwrap_err().to_string().contains("the key does not belong to the certificate"));
    import.capf = Some((capf.clone(), key));
    place.cluster.import_peer(&actor, &import, false, &mut place.clock, &mut |_| {}).await.unwrap();
    place.desk.reload().await.unwrap();
    assert_eq!(place.capf(), capf);
    let known = place.enrolment().await;
    assert_eq!((known.operation, known.status.number()), (Operation::Install, 2));
    assert!(known.lsc.is_some());
    assert!(place.cluster.stale_lscs(place.clock.now).await.unwrap().is_empty(), "it hangs on the CAPF in use");
    assert_eq!(place.session(&phone.plain("open-Sesame.99"), &mut phone).await, Ok(Asked::Install(RSA_2048)));
}
