//! A cluster of two nodes with the names, sizes and serial numbers of [sources/published-clusters#two-nodes], from its
//! first start through mixed mode and a renewal of the CallManager certificate.

use cluster::Surroundings;
use cluster::nodes::{NewCluster, NewNode, SubjectParts};
use cluster::parameters::SecurityMode;
use cluster::releases::release;
use cluster::units::Unit;
use cluster::{Actor, Level};
use jiff::tz::TimeZone;
use pki::listing::ListKind;
use pki::{OpensslRandom, Random, RandomError};
use ringfence_core::{Cluster, CoreError};
use wire::role::Role;

/// A clock that the test moves, and the serial numbers of that cluster.
struct Seed {
    now: i64,
    random: OpensslRandom,
    renewed: bool,
}

impl Surroundings for Seed {
    fn now(&self) -> i64 {
        self.now
    }

    fn random(&mut self) -> &mut dyn Random {
        &mut self.random
    }

    fn rsa_keys(&self) -> cluster::surroundings::MakeRsaKey {
        std::sync::Arc::new(crate::keys::rsa_key)
    }

    fn serial(&mut self, node: &str, unit: Unit) -> Result<[u8; 16], RandomError> {
        let text = match (node, unit, self.renewed) {
            ("cucm-1051-a-pub", Unit::CallManager, false) => "70CAF64E090751B9DF22F49F754FC5BB",
            ("cucm-1051-a-pub", Unit::CallManager, true) => "6B1D357B6841740B078FEE4A1813D5D6",
            ("cucm-1051-a-pub", Unit::Capf, _) => "744B4999770496E799E91E81D3C8109B",
            ("cucm-1051-a-sub1", Unit::CallManager, _) => "6BEBFDCDCD8CA277CB2FD1D183A60E72",
            _ => {
                let mut serial = [0x51; 16];
                self.random.fill(&mut serial[1..])?;
                return Ok(serial);
            }
        };
        Ok(hex::decode(text).unwrap().try_into().unwrap())
    }

    fn capf_suffix(&mut self) -> Result<String, RandomError> {
        Ok("e41e7d87".to_owned())
    }
}

fn new_cluster(release_name: &str) -> NewCluster {
    let node = |name: &str, address: &str| NewNode {
        name: name.to_owned(),
        domain: String::new(),
        address: address.parse().unwrap(),
    };
    NewCluster {
        release: release(release_name).unwrap(),
        // as that of [sources/published-clusters#two-nodes]
        upgraded_from: release("9.1").filter(|_| release_name == "10.5"),
        nodes: vec![node("cucm-1051-a-pub", "127.0.0.1"), node("cucm-1051-a-sub1", "127.0.0.2")],
        subject: SubjectParts {
            country: "PL".into(),
            organization: "Cisco".into(),
            unit: "TAC".into(),
            state: "Malopolska".into(),
            locality: "Krakow".into(),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = Seed { now: 1_425_675_879_000, random: OpensslRandom, renewed: false };
    let zone = TimeZone::UTC;
    let cluster = Cluster::create(folder.path(), &new_cluster("10.5"), zone.clone(), &mut seed).await.unwrap();
    let publisher = cluster.node(None).await.unwrap();
    let subscriber = cluster.node(Some("cucm-1051-a-sub1")).await.unwrap();
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

    cluster.set_security_mode(&actor, &publisher, SecurityMode::Mixed, &mut seed).await.unwrap();
    let ctl = cluster.published_list(&publisher, ListKind::Ctl).unwrap().unwrap().list;
    assert_eq!(ctl.bytes().len(), 4947);
    let lengths: Vec<usize> = ctl.records().map(|record| record.length()).collect();
    assert_eq!((ctl.header().length(), lengths.as_slice()), (336, [1156, 1156, 1138, 1161].as_slice()));
    assert_eq!(ctl.bytes(), cluster.published_list(&subscriber, ListKind::Ctl).unwrap().unwrap().list.bytes());
    let itl = cluster.published_list(&publisher, ListKind::Itl).unwrap().unwrap().list;
    assert_eq!(itl.records().nth(1).unwrap().role(), Some(Role::CCM_TFTP), "mixed mode turns TFTP into CCM+TFTP");

    seed.now += 60_000;
    seed.renewed = true;
    cluster.regenerate(&actor, &publisher, Unit::CallManager, &mut seed).await.unwrap();
    assert_eq!(
        cluster.published_list(&publisher, ListKind::Ctl).unwrap().unwrap().list.bytes().len(),
        4947,
        "the CTL changes only by its own command"
    );
    let refused = cluster.regenerate(&actor, &publisher, Unit::Tvs, &mut seed).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "CallManager certificate was modified in the last 5 minutes. Please re-try regenerating TVS certificate at a \
         later time"
    );
    assert!(matches!(refused, CoreError::Refused { label: "guard-five-minutes", .. }));
    cluster.update_ctl(&actor, &publisher, &mut seed).await.unwrap();
    let ctl = cluster.published_list(&subscriber, ListKind::Ctl).unwrap().unwrap().list;
    assert_eq!(ctl.bytes().len(), 6113);
    assert!(pki::verify::check_against_itself(&ctl).verdict.is_valid());
    seed.now += 5 * 60_000;
    cluster.regenerate(&actor, &publisher, Unit::Tvs, &mut seed).await.unwrap();

    let before = ctl.into_bytes();
    seed.now += 60_000;
    cluster.update_ctl(&actor, &publisher, &mut seed).await.unwrap();
    let again = cluster.published_list(&publisher, ListKind::Ctl).unwrap().unwrap().list.into_bytes();
    assert_eq!(before, again, "unchanged content is not rewritten");

    cluster.set_security_mode(&actor, &publisher, SecurityMode::NonSecure, &mut seed).await.unwrap();
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
    let again = Cluster::open(folder.path(), zone).await.unwrap().unwrap();
    assert_eq!(again.release().name, "10.5");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_15_signs_with_itlrecovery() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = Seed { now: 1_795_000_000_000, random: OpensslRandom, renewed: false };
    let cluster = Cluster::create(folder.path(), &new_cluster("15"), TimeZone::UTC, &mut seed).await.unwrap();
    let actor = Actor::new("admin", Level::Install);
    let publisher = cluster.node(None).await.unwrap();
    let subscriber = cluster.node(Some("cucm-1051-a-sub1")).await.unwrap();
    cluster.set_security_mode(&actor, &publisher, SecurityMode::Mixed, &mut seed).await.unwrap();
    for (node, kind) in [(&publisher, ListKind::Itl), (&subscriber, ListKind::Itl), (&subscriber, ListKind::Ctl)] {
        let list = cluster.published_list(node, kind).unwrap().unwrap().list;
        assert!(pki::verify::check_against_itself(&list).verdict.is_valid());
        let signer = String::from_utf8(list.header().signer_name(list.bytes()).unwrap().to_vec()).unwrap();
        assert!(signer.starts_with("CN=ITLRECOVERY_cucm-1051-a-pub;OU=TAC"), "{signer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_as_run_sql_shows_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = Seed { now: 1_795_000_000_000, random: OpensslRandom, renewed: false };
    let cluster = Cluster::create(folder.path(), &new_cluster("10.5"), TimeZone::UTC, &mut seed).await.unwrap();
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
