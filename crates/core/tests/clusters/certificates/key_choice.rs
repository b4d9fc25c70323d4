//! Key length and hash at a renewal: what the release offers, what files can name, what phones in use can check.

use cluster::certificates::descriptions::Describe;
use cluster::certificates::key_choice::KeyChoice;
use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::requests::RequestCertificate;
use cluster::certificates::requests::RequestChoice;
use cluster::certificates::trusted::DeleteTrusted;
use cluster::certificates::trusted::UndeleteTrusted;
use cluster::devices::Device;
use cluster::releases::switch::SwitchRelease;
use cluster::units::Unit;
use pki::request::RequestDigest;
use ringfence_core::{CoreError, certificate_text};

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

async fn phone(place: &mut Place, name: &str, model: &str) {
    let device = Device { model: model.to_owned(), ..testbed::phone(name) };
    place.cluster.put_devices(&place.actor, &[device], &mut place.clock).await.unwrap();
}

async fn renew(
    place: &mut Place,
    unit: Unit,
    bits: Option<u32>,
    digest: Option<RequestDigest>,
) -> Result<String, CoreError> {
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let choice = KeyChoice { bits, digest };
    let made = cluster.perform(&place.actor, &node, &Regenerate::unit(unit).with(choice), &mut place.clock).await?;
    let text = certificate_text(&made.certificate, cluster.zone());
    let signed = text.lines().find_map(|line| line.trim().strip_prefix("SignatureAlgorithm: ")).unwrap_or_default();
    let signed = signed.split(' ').next().unwrap_or_default().to_owned();
    Ok(format!("{} {signed}", made.certificate.rsa_bits().map_or_else(|| "EC".to_owned(), |bits| bits.to_string())))
}

fn refusal(result: Result<String, CoreError>) -> (&'static str, String) {
    match result {
        Err(CoreError::Refused { label, text }) => (label, text),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_chosen_is_made_or_refused_with_the_reason() {
    let mut place = Place::new("15").await;
    phone(&mut place, "SEP00000000000A", "8861").await;
    assert_eq!(renew(&mut place, Unit::Ipsec, None, None).await.unwrap(), "2048 SHA256withRSA");
    assert_eq!(
        renew(&mut place, Unit::Ipsec, Some(3072), Some(RequestDigest::Sha512)).await.unwrap(),
        "3072 SHA512withRSA"
    );
    assert_eq!(renew(&mut place, Unit::TomcatEcdsa, Some(521), None).await.unwrap(), "EC SHA512withECDSA");
    // What the release has not on its page.
    for (bits, digest, said) in [
        (Some(1024), None, "no key length of 1024 bits here; there are 2048, 3072, 4096"),
        (None, Some(RequestDigest::Sha1), "SHA1 is not offered for this key; there are SHA256, SHA512"),
        (None, Some(RequestDigest::Sha384), "SHA384 is not offered for this key; there are SHA256, SHA512"),
    ] {
        assert_eq!(renew(&mut place, Unit::Tomcat, bits, digest).await.unwrap_err().to_string(), said);
    }
    // The header of a signed file has no value for RSA 3072; tomcat signs nothing for phones.
    let (label, text) = refusal(renew(&mut place, Unit::CallManager, Some(3072), None).await);
    assert_eq!(label, "key-kind");
    assert!(text.ends_with("have no value for RSA-3072. Ask with another key length: 2048, 4096"), "{text}");
    // A 7965 checks 2048 bits at most: no key that it meets may be longer.
    phone(&mut place, "SEP00000000000B", "7965").await;
    for unit in [Unit::CallManager, Unit::Capf, Unit::Tvs] {
        let (label, text) = refusal(renew(&mut place, unit, Some(4096), None).await);
        assert_eq!(label, "model-key-length");
        let wanted = format!(
            "Phones of model 7965 check RSA keys of 2048 bits at most, and SEP00000000000B is in use: they could not check a {} \
             key of 4096 bits. Take key-length 2048, or remove those phones first",
            unit.name()
        );
        assert_eq!(text, wanted);
    }
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let asked = RequestChoice { bits: Some(4096), ..RequestChoice::default() };
    let asked = cluster
        .perform(
            &place.actor,
            &node,
            &RequestCertificate { unit: Unit::CallManager, choice: asked.clone() },
            &mut place.clock,
        )
        .await;
    assert!(
        matches!(asked, Err(CoreError::Refused { label: "model-key-length", .. })),
        "a CA signs no such key either"
    );
    assert_eq!(renew(&mut place, Unit::Tomcat, Some(4096), None).await.unwrap(), "4096 SHA256withRSA");
    cluster.remove_device(&place.actor, "SEP00000000000B", &mut place.clock).await.unwrap();
    assert_eq!(renew(&mut place, Unit::CallManager, Some(4096), None).await.unwrap(), "4096 SHA256withRSA");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_description_stands_in_the_lists_and_comes_back_with_what_was_deleted() {
    let mut place = Place::new("15").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let stranger = Authority::root("SAST-ADN0054f509").certificate;
    place.trust(std::slice::from_ref(&stranger), &["Phone-SAST-trust", "directory-trust"]).await;
    let line = async |store: &str| {
        let lines = cluster.list_certificates(&node, true).await.unwrap();
        lines.into_iter().find(|line| line.starts_with(&format!("{store}/SAST-ADN0054f509.pem:"))).unwrap_or_default()
    };
    assert_eq!(line("Phone-SAST-trust").await, "Phone-SAST-trust/SAST-ADN0054f509.pem: Trust Certificate");
    let certificates = std::slice::from_ref(&stranger);
    cluster
        .perform(
            &place.actor,
            &node,
            &Describe { certificates: certificates.to_vec(), service: 14, text: "1st eToken Cert".to_owned() },
            &mut place.clock,
        )
        .await
        .unwrap();
    assert_eq!(line("Phone-SAST-trust").await, "Phone-SAST-trust/SAST-ADN0054f509.pem: 1st eToken Cert");
    assert_eq!(line("directory-trust").await, "directory-trust/SAST-ADN0054f509.pem: Trust Certificate");
    let (store, file) = ("Phone-SAST-trust", "SAST-ADN0054f509.pem");
    cluster.delete_trusted(&place.actor, &node, &DeleteTrusted::new(store, file), &mut place.clock).await.unwrap();
    cluster.perform(&place.actor, &node, &UndeleteTrusted::new(store, file), &mut place.clock).await.unwrap();
    assert_eq!(line(store).await, "Phone-SAST-trust/SAST-ADN0054f509.pem: 1st eToken Cert");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_10_5_has_2048_bits_and_one_of_9_1_keeps_1024() {
    let bits = async |place: &Place, unit: &str| place.shown(false, unit).await.rsa_bits();
    let upgraded = Place::new("10.5").await;
    for (unit, wanted) in
        [("CallManager", 1024), ("CAPF", 1024), ("ipsec", 1024), ("tomcat", 2048), ("ITLRecovery", 2048)]
    {
        assert_eq!(bits(&upgraded, unit).await, Some(wanted), "{unit}");
    }
    let kept = upgraded.cluster.parameters().await.unwrap();
    assert_eq!(kept.get(cluster::parameters::UPGRADED_FROM), "9.1");
    // The same by a switch of an old cluster.
    let mut switched = Place::new("9.1").await;
    let (cluster, node) = (switched.cluster.clone(), switched.publisher.clone());
    let actor = cluster::Actor::new("admin", cluster::Level::Install);
    let kept = cluster::releases::switch::CarriedRecovery::Kept;
    cluster
        .perform(&actor, &node, &SwitchRelease { name: "10.5".to_owned(), recovery: kept }, &mut switched.clock)
        .await
        .unwrap();
    assert_eq!(bits(&switched, "CallManager").await, Some(1024));
    let fresh = Place::fresh("10.5").await;
    for unit in ["CallManager", "CAPF", "ipsec", "tomcat", "TVS", "ITLRecovery"] {
        assert_eq!(bits(&fresh, unit).await, Some(2048), "{unit}");
    }
}
