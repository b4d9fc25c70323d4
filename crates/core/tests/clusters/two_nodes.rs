//! A cluster of two nodes with the names, sizes and serial numbers of [sources/published-clusters#two-nodes], from its
//! first start through mixed mode and a renewal of the CallManager certificate.

use cluster::certificates::regenerate::Regenerate;
use cluster::parameters::SecurityMode;
use cluster::units::Unit;
use cluster::{Actor, Level};
use jiff::tz::TimeZone;
use pki::listing::ListKind;
use ringfence_core::{Cluster, CoreError};
use testbed::{Clock, PUBLISHER, SUBSCRIBER, make, new_cluster};
use wire::role::Role;

const NODES: [(&str, &str); 2] = [(PUBLISHER, "127.0.0.1"), (SUBSCRIBER, "127.0.0.2")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_the_published_cluster() {
    let mut clock = Clock::of_the_published_cluster(1_425_675_879_000);
    let (folder, cluster) = make(&new_cluster("10.5", &NODES), &mut clock).await;
    let publisher = cluster.node(None).await.unwrap();
    let subscriber = cluster.node(Some(SUBSCRIBER)).await.unwrap();
    let actor = Actor::new("admin", Level::Install);
    assert_eq!(
        cluster.show_list(&publisher, ListKind::Ctl).unwrap(),
        "Length of CTL file: 0\nCTL File not found. Please run CTLClient plugin or run the CLI - utils ctl.. to generate \
         the CTL file.\nError parsing the CTL File.\n"
    );
    let itl = cluster.published_list(&publisher, ListKind::Itl).unwrap().unwrap().list;
    let roles: Vec<Role> = itl.records().map(|record| record.role().unwrap()).collect();
    assert_eq!(roles, [Role::SAST, Role::TFTP, Role::SAST, Role::CAPF, Role::TVS, Role::TVS]);
    assert!(pki::verify::check_against_itself(&itl).verdict.is_valid());

    cluster.set_security_mode(&actor, &publisher, SecurityMode::Mixed, &mut clock).await.unwrap();
    let ctl = cluster.published_list(&publisher, ListKind::Ctl).unwrap().unwrap().list;
    assert_eq!(ctl.bytes().len(), 4947);
    let lengths: Vec<usize> = ctl.records().map(|record| record.length()).collect();
    assert_eq!((ctl.header().length(), lengths.as_slice()), (336, [1156, 1156, 1138, 1161].as_slice()));
    assert_eq!(ctl.bytes(), cluster.published_list(&subscriber, ListKind::Ctl).unwrap().unwrap().list.bytes());
    let itl = cluster.published_list(&publisher, ListKind::Itl).unwrap().unwrap().list;
    assert_eq!(itl.records().nth(1).unwrap().role(), Some(Role::CCM_TFTP), "mixed mode turns TFTP into CCM+TFTP");

    clock.now += 60_000;
    cluster.perform(&actor, &publisher, &Regenerate::unit(Unit::CallManager), &mut clock).await.unwrap();
    assert_eq!(
        cluster.published_list(&publisher, ListKind::Ctl).unwrap().unwrap().list.bytes().len(),
        4947,
        "the CTL changes only by its own command"
    );
    let refused = cluster.perform(&actor, &publisher, &Regenerate::unit(Unit::Tvs), &mut clock).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "CallManager certificate was modified in the last 5 minutes. Please re-try regenerating TVS certificate at a \
         later time"
    );
    assert!(matches!(refused, CoreError::Refused { label: "guard-five-minutes", .. }));
    cluster.update_ctl(&actor, &publisher, &mut clock).await.unwrap();
    let ctl = cluster.published_list(&subscriber, ListKind::Ctl).unwrap().unwrap().list;
    assert_eq!(ctl.bytes().len(), 6113);
    assert!(pki::verify::check_against_itself(&ctl).verdict.is_valid());
    clock.now += 5 * 60_000;
    cluster.perform(&actor, &publisher, &Regenerate::unit(Unit::Tvs), &mut clock).await.unwrap();

    let before = ctl.into_bytes();
    clock.now += 60_000;
    cluster.update_ctl(&actor, &publisher, &mut clock).await.unwrap();
    let again = cluster.published_list(&publisher, ListKind::Ctl).unwrap().unwrap().list.into_bytes();
    assert_eq!(before, again, "unchanged content is not rewritten");

    cluster.set_security_mode(&actor, &publisher, SecurityMode::NonSecure, &mut clock).await.unwrap();
    let ctl = cluster.published_list(&publisher, ListKind::Ctl).unwrap().unwrap().list;
    let sizes: Vec<(Option<Role>, bool)> =
        ctl.records().map(|record| (record.role(), record.certificate().is_some())).collect();
    assert_eq!(
        sizes,
        [
            (Some(Role::SAST), true),
            (Some(Role::CCM_TFTP), false),
            (Some(Role::CAPF), true),
            (Some(Role::CCM_TFTP), false)
        ]
    );
    let parameters = cluster.parameters().await.unwrap();
    assert_eq!(parameters.security_mode(), SecurityMode::NonSecure);
    let again = Cluster::open(folder.path(), TimeZone::UTC).await.unwrap().unwrap();
    assert_eq!(again.release().name, "10.5");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_15_signs_with_itlrecovery() {
    let mut clock = Clock::of_the_published_cluster(1_795_000_000_000);
    let (_folder, cluster) = make(&new_cluster("15", &NODES), &mut clock).await;
    let actor = Actor::new("admin", Level::Install);
    let publisher = cluster.node(None).await.unwrap();
    let subscriber = cluster.node(Some(SUBSCRIBER)).await.unwrap();
    cluster.set_security_mode(&actor, &publisher, SecurityMode::Mixed, &mut clock).await.unwrap();
    for (node, kind) in [(&publisher, ListKind::Itl), (&subscriber, ListKind::Itl), (&subscriber, ListKind::Ctl)] {
        let list = cluster.published_list(node, kind).unwrap().unwrap().list;
        assert!(pki::verify::check_against_itself(&list).verdict.is_valid());
        let signer = String::from_utf8(list.header().signer_name().unwrap().to_vec()).unwrap();
        assert!(signer.starts_with("CN=ITLRECOVERY_cucm-1051-a-pub;OU=TAC"), "{signer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_as_run_sql_shows_them() {
    let mut clock = Clock::of_the_published_cluster(1_795_000_000_000);
    let (_folder, cluster) = make(&new_cluster("10.5", &NODES), &mut clock).await;
    let actor = Actor::new("reader", Level::ReadWrite);
    let sql = "select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'";
    let table = cluster.run_sql(&actor, sql, 0).await.unwrap();
    assert_eq!(table.columns, ["paramname", "paramvalue"]);
    assert_eq!(table.rows, [[Some("ClusterSecurityMode".to_owned()), Some("0".to_owned())]]);
    let empty = cluster.run_sql(&actor, "select name,tkcertificatestatus,publickey from device", 0).await.unwrap();
    assert_eq!(empty.columns, ["name", "tkcertificatestatus", "publickey"]);
    for bad in ["delete from device", "select 1; delete from device", "update device set name='x'"] {
        assert!(cluster.run_sql(&actor, bad, 0).await.is_err(), "{bad}");
    }
    let roles = "select tktrustrole from certificatetrustrolemap join certificate on certificate.pkid = fkcertificate \
                 where serialnumber = '70caf64e090751b9df22f49f754fc5bb' order by tktrustrole";
    let table = cluster.run_sql(&actor, roles, 0).await.unwrap();
    assert_eq!(table.rows, [[Some("0".to_owned())], [Some("2".to_owned())]]);
}
