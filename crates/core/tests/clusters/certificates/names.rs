//! Entries of one CN in one trust store: CSCuh19734 and CSCul78787 of the original, where the second took the place of the first.

use cluster::certificates::trusted::DeleteTrusted;
use std::process::Command;

use ringfence_core::Cluster;

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cas_of_one_name_stand_side_by_side() {
    let mut place = Place::new("15").await;
    let (first, second) =
        (Authority::root("Company VPN CA").certificate, Authority::root("Company VPN CA").certificate);
    place.trust(std::slice::from_ref(&first), &["Phone-VPN-trust"]).await;
    place.trust(std::slice::from_ref(&second), &["Phone-VPN-trust"]).await;
    let short = &pki::hash::hex(&second.sha256())[..8];
    let other = format!("Company_VPN_CA_{short}.pem");
    assert_eq!(place.files("Phone-VPN-trust").await, ["Company_VPN_CA.pem", &other]);
    assert_eq!(place.shown(true, "Phone-VPN-trust/Company_VPN_CA.pem").await, first);
    assert_eq!(place.shown(true, &format!("Phone-VPN-trust/{other}")).await, second);

    // uploaded again, nothing is doubled; the same pair in another order in another store
    place.trust(&[first.clone(), second.clone()], &["Phone-VPN-trust"]).await;
    assert_eq!(place.files("Phone-VPN-trust").await.len(), 2);
    place.trust(&[second.clone(), first.clone()], &["tomcat-trust"]).await;
    assert_eq!(place.shown(true, "tomcat-trust/Company_VPN_CA.pem").await, second);

    // the name that was printed is the one that is deleted, and the other keeps its own
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let file = "Company_VPN_CA.pem";
    cluster
        .delete_trusted(&place.actor, &node, &DeleteTrusted::new("Phone-VPN-trust", file), &mut place.clock)
        .await
        .unwrap();
    assert_eq!(place.files("Phone-VPN-trust").await, [other.as_str()]);
    assert_eq!(place.shown(true, &format!("Phone-VPN-trust/{other}")).await, second);
    assert_eq!(place.files("tomcat-trust").await.iter().filter(|file| file.starts_with("Company")).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_an_older_database() {
    let place = Place::new("15").await;
    let before = place.cluster.list_certificates(&place.publisher, true).await.unwrap();
    assert!(before.contains(&"CallManager-trust/ITLRECOVERY_pub.example.com.pem: Trust Certificate".to_owned()));
    let database = place.folder.path().join("ringfence.db");
    let mut run = Command::new("sqlite3");
    run.arg(&database).arg("UPDATE certificateservicecertificatemap SET filename = NULL");
    assert!(run.status().expect("sqlite3(1) is installed").success());
    let again = Cluster::open(place.folder.path(), jiff::tz::TimeZone::UTC).await.unwrap().unwrap();
    assert_eq!(again.list_certificates(&place.subscriber, true).await.unwrap(), before);
}
