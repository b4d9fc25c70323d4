//! A hundred renewals at once from several faces: shells in processes of their own, and calls of the API in this one.

use cluster::certificates::regenerate::Regenerate;
use std::collections::HashSet;
use std::process::{Command, Stdio};

use crate::admin_cluster::Place;
use cluster::units::Unit;
use cluster::{Actor, Level};
use daemon::surroundings::System;
use jiff::tz::TimeZone;
use pki::listing::ListKind;
use pki::{Certificate, NameForm};
use ringfence_core::{Cluster, CoreError};

/// Renewals by the shell, each a process of its own.
const SHELLS: usize = 24;
/// Renewals by calls in this process.
const CALLS: usize = 76;

/// TVS and CallManager stand in each other's way for five minutes, so most of one kind end in a refusal: that is one of the two
/// good ends.
const UNITS: [Unit; 6] = [Unit::CallManager, Unit::Tvs, Unit::Capf, Unit::Tomcat, Unit::Ipsec, Unit::ItlRecovery];
const NODES: [&str; 2] = ["pub", "sub1"];

/// The refusals that are good ends.
fn is_refusal(text: &str) -> bool {
    text.contains("certificate was modified in the last 5 minutes")
}

/// What the n-th renewal renews: every unit on every node that has it.
fn place_of(number: usize) -> (Unit, &'static str) {
    let unit = UNITS[number % UNITS.len()];
    let node = NODES[number / UNITS.len() % NODES.len()];
    // The other nodes have no CAPF.
    (unit, if unit == Unit::Capf { NODES[0] } else { node })
}

#[test]
fn all_end_well_or_are_refused_and_nothing_is_torn() {
    let place = Place::new(|_| async {});
    place.run(&["admin", "-c", "utils ctl set-cluster mixed-mode", "--yes"], "").success();
    let shells: Vec<_> = (0..SHELLS)
        .map(|number| {
            let (unit, node) = place_of(number);
            let renewal = format!("set cert regen {}", unit.name());
            let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
            command.env("RINGFENCE_DATA", place.path()).args(["admin", "--node", node, "--yes", "-c", &renewal]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(calls(&place));
    for shell in shells {
        let ended = shell.wait_with_output().unwrap();
        let (out, error) = (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap());
        let good = ended.status.success() && out.contains("Successfully Regenerated Certificate for ");
        assert!(good || (ended.status.code() == Some(1) && is_refusal(&error)), "{:?}: {out}{error}", ended.status);
    }
    place.run(&["admin", "-c", "utils ctl update CTLFile", "--yes"], "").success();
    runtime.block_on(look(&place));
    place.run(&["audit", "verify"], "").success();
}

async fn opened(place: &Place) -> Cluster {
    Cluster::open(place.path(), TimeZone::UTC).await.unwrap().unwrap()
}

/// The calls of this process, all begun before one of them ends.
async fn calls(place: &Place) {
    let cluster = opened(place).await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..CALLS {
        let cluster = cluster.clone();
        all.spawn(async move {
            let (unit, node) = place_of(number);
            let node = cluster.node(Some(node)).await.unwrap();
            let actor = Actor::new("tester", Level::ReadWrite);
            match cluster.perform(&actor, &node, &Regenerate::unit(unit), &mut System::default()).await {
                Ok(_) => {}
                Err(CoreError::Refused { text, .. }) if is_refusal(&text) => {}
                Err(other) => panic!("{} of {}: {other}", unit.name(), node.name),
            }
        });
    }
    while let Some(ended) = all.join_next().await {
        ended.unwrap();
    }
    cluster.store().close().await;
}

/// Every own certificate with its key, every list with a signature that holds and with nothing but live certificates.
async fn look(place: &Place) {
    let cluster = opened(place).await;
    let all = cluster.node_certificates().await.unwrap();
    let live: Vec<&Certificate> = all.iter().flat_map(|node| node.own.iter().map(|(_, own)| own)).collect();
    let shown: HashSet<Vec<u8>> = live.iter().map(|own| own.sha1()).collect();
    let ders: HashSet<&[u8]> = live.iter().map(|own| own.der()).collect();
    for (node, row) in all.iter().zip(cluster.store().nodes().await.unwrap()) {
        for (unit, own) in &node.own {
            let key = cluster.key(&cluster.directory(&row), *unit, own).unwrap();
            let x509 = openssl::x509::X509::from_der(own.der()).unwrap();
            assert!(x509.public_key().unwrap().public_eq(key.openssl()), "{} of {}", unit.name(), row.name);
        }
        let units: HashSet<Unit> = node.own.iter().map(|(unit, _)| *unit).collect();
        assert_eq!(units.len(), node.own.len(), "one certificate of each unit on {}", row.name);
        for kind in [ListKind::Itl, ListKind::Ctl] {
            let list = cluster.published_list(&row, kind).unwrap().unwrap().list;
            let verdict = pki::verify::check_against_itself(&list).verdict;
            assert!(verdict.is_valid(), "{kind:?} of {}: {verdict:?}", row.name);
            for record in list.records() {
                match (record.certificate(), record.certificate_hash()) {
                    (Some(der), _) => {
                        let name = Certificate::from_der(der).unwrap().subject(NameForm::Cucm);
                        assert!(ders.contains(der), "{kind:?} of {} names an old {name}", row.name);
                    }
                    (None, Some((_, hash))) => {
                        assert!(shown.contains(hash), "{kind:?} of {} names an old hash", row.name)
                    }
                    (None, None) => panic!("a record without a certificate"),
                }
            }
        }
    }
    cluster.store().close().await;
}
