//! CSCuu59477 of the original: the hash in the lists was wrong for certificates above 2 048 bytes.

use cluster::certificates::requests::RequestChoice;
use cluster::parameters::SecurityMode;
use cluster::units::Unit;
use pki::listing::ListKind;
use testbed::openssl;
use wire::role::Role;

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

/// A certificate of this unit, of more than 2 048 bytes.
async fn large(place: &mut Place, unit: Unit, store: &str) -> pki::Certificate {
    let root = Authority::root("Company Root");
    place.trust(std::slice::from_ref(&root.certificate), &[store]).await;
    let choice = RequestChoice { bits: Some(4096), ..Default::default() };
    let request = place.request(unit, &choice).await;
    let signed = root.sign(&request, &format!("nsComment={}\n", "large ".repeat(400)));
    assert!(signed.der().len() > 3000, "{}", signed.der().len());
    place.upload(unit, signed.der(), None).await.unwrap();
    signed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hashes_of_large_certificates() {
    let mut place = Place::new("15").await;
    let tvs = large(&mut place, Unit::Tvs, "TVS-trust").await;
    place.clock.now += 10 * 60_000;
    let call_manager = large(&mut place, Unit::CallManager, "CallManager-trust").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    cluster.set_security_mode(&place.actor, &node, SecurityMode::Mixed, &mut place.clock).await.unwrap();

    // what OpenSSL says of them, in the spelling of the lists
    let foreign = |certificate: &pki::Certificate| {
        let path = place.folder.path().join("large.pem");
        std::fs::write(&path, certificate.to_pem()).unwrap();
        let said = openssl(&["x509", "-in", path.to_str().unwrap(), "-noout", "-fingerprint", "-sha1"]);
        let said = String::from_utf8(said).unwrap();
        said.trim().rsplit('=').next().unwrap().replace(':', " ")
    };
    let ctl = cluster.published_list(&node, ListKind::Ctl).unwrap().unwrap().list;
    assert!(ctl.records().any(|record| record.certificate() == Some(call_manager.der())));
    let shown = cluster.show_list(&node, ListKind::Ctl).unwrap();
    assert!(shown.contains(&format!("{} (SHA1 Hash HEX)", foreign(&call_manager))), "{shown}");
    for node in [&place.publisher, &place.subscriber] {
        let itl = cluster.published_list(node, ListKind::Itl).unwrap().unwrap().list;
        assert!(pki::verify::check_against_itself(&itl).verdict.is_valid());
        let mut hashes = itl.records().filter(|record| record.role() == Some(Role::TVS)).map(|record| {
            let (_, hash) = record.certificate_hash().unwrap();
            pki::hash::spell(hash, " ", true)
        });
        assert!(hashes.any(|hash| hash == foreign(&tvs)));
    }
}
