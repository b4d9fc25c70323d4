//! What an operation decides is what is there after it: the state that its writes lead to, and the state that is read from the rows.

use cluster::certificates::default_cas::SetDefaultCa;
use cluster::certificates::descriptions::Describe;
use cluster::certificates::list::entries;
use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::requests::{RequestCertificate, RequestChoice, RestoreRequest};
use cluster::certificates::trusted::{DeleteTrusted, PutTrusted, UndeleteTrusted};
use cluster::certificates::web_security::SetWebSecurity;
use cluster::draft::Draft;
use cluster::nodes::SubjectParts;
use cluster::operation::{Context, Made, Operation};
use cluster::releases::switch::SwitchRelease;
use cluster::rollback::SetRollback;
use cluster::rows::{CertificateRow, NodeRow};
use cluster::service_control::{Act, ControlService};
use cluster::settings::SetParameter;
use cluster::state::{AskedLists, Asks};
use cluster::units::{Unit, roles, service};
use cluster::{Actor, Level, State};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ringfence_core::{Cluster, CoreError};
use testbed::{Clock, make_in, new_cluster};

/// A step: which kind, and two numbers that choose what it is about.
type Step = (u8, u8, u8);

struct World {
    cluster: Cluster,
    nodes: Vec<NodeRow>,
    clock: Clock,
    actor: Actor,
    /// How many steps were done, and how many refused.
    done: usize,
    refused: usize,
}

impl World {
    /// Does it, and holds what was decided against what is there.
    async fn perform<O: Operation>(
        &mut self,
        at: usize,
        operation: &O,
        made: impl FnOnce(&O::Done, &NodeRow) -> Vec<Made>,
    ) -> Option<O::Done> {
        let node = self.cluster.node(Some(&self.nodes[at].name)).await.unwrap();
        let asks = Asks {
            lists: AskedLists::All,
            evidence: true,
            held: true,
            phones: true,
            lscs: true,
            keys: true,
            served: true,
        };
        let before = self.cluster.state(asks).await.unwrap();
        let now = self.clock.now;
        let done = match self.cluster.perform(&self.actor, &node, operation, &mut self.clock).await {
            Ok(done) => done,
            Err(CoreError::Refused { .. } | CoreError::BadInput(_)) => {
                self.refused += 1;
                let after = self.cluster.state(asks).await.unwrap();
                assert_same(&before, &after, "a refusal");
                return None;
            }
            Err(other) => panic!("{}: {other}", operation.words(&node)),
        };
        self.done += 1;
        let after = self.cluster.state(asks).await.unwrap();
        let mut draft = Draft::new(before);
        let context = Context { actor: &self.actor, at: &node, now };
        operation.decide(&mut draft, &made(&done, &node), &context).map_err(drop).unwrap();
        assert_same(draft.state(), &after, &operation.words(&node));
        self.assert_invariants(&after).await;
        Some(done)
    }

    async fn assert_invariants(&self, state: &State) {
        for row in &state.certificates {
            assert_eq!(row.roles, roles(&row.services), "roles follow from the stores");
        }
        for own in state.own().unwrap() {
            let node = state.nodes.iter().find(|node| node.name == own.name).unwrap();
            for (unit, certificate) in &own.own {
                let key = pki::hash::hex(&certificate.key_id());
                assert!(state.has_key(node, &key).unwrap(), "{} of {} has its key", unit.name(), own.name);
            }
        }
        let verdict = self.cluster.verify_audit(&self.actor).await.unwrap();
        assert!(verdict.faults.is_empty(), "{:?}", verdict.faults);
    }

    async fn run(&mut self, (kind, what, which): Step) {
        self.clock.now += 600_000;
        let at = usize::from(which) % self.nodes.len();
        let units: Vec<Unit> = self.cluster.release().units(at == 0).collect();
        let unit = units[usize::from(what) % units.len()];
        let none = |_: &(), _: &NodeRow| Vec::new();
        match kind % 12 {
            0 | 1 => {
                let wanted = Regenerate::unit(unit).forced("one after another");
                let made = |done: &cluster::certificates::regenerate::Regenerated, node: &NodeRow| {
                    vec![Made::Certificate {
                        node: node.clone(),
                        unit: done.unit,
                        certificate: done.certificate.clone(),
                    }]
                };
                self.perform(at, &wanted, made).await;
            }
            2 => {
                let wanted = RequestCertificate { unit, choice: RequestChoice::default() };
                self.perform(at, &wanted, |done, _| vec![Made::Request(done.clone())]).await;
            }
            3 => {
                let all = self.cluster.requests(&self.nodes[at]).await.unwrap();
                let name = all
                    .last()
                    .map_or_else(|| "tomcat/x.csr".to_owned(), |one| format!("{}/{}", one.unit.name(), one.file));
                self.perform(at, &RestoreRequest { name }, |_, _| Vec::new()).await;
            }
            4 => {
                let own = self.cluster.find_certificate(&self.nodes[at], false, unit.name()).await.unwrap();
                let store = ["directory-trust", "tomcat-trust", "Phone-SAST-trust"][usize::from(which) % 3];
                self.perform(at, &PutTrusted::new(&[own], &[store]), none).await;
            }
            5 | 6 => {
                let rows = self.cluster.state(Asks::default()).await.unwrap().certificates;
                let all = entries(&rows, &self.nodes[at], true);
                let entry = &all[usize::from(what) % all.len()];
                let wanted = DeleteTrusted::new(entry.service.name, &entry.file);
                self.perform(at, &wanted, none).await;
            }
            7 => {
                let state = self.cluster.state(Asks::default()).await.unwrap();
                if let Some(row) = state.deleted.get(usize::from(what) % state.deleted.len().max(1)) {
                    let wanted = UndeleteTrusted::new(service(row.service).unwrap().name, &row.file);
                    self.perform(at, &wanted, |_, _| Vec::new()).await;
                }
            }
            8 => {
                let act = [Act::Stop, Act::Start, Act::Restart, Act::Activate, Act::Deactivate][usize::from(what) % 5];
                let name = ["Cisco Tftp", "TVS", "CAPF", "Cisco CTIManager"][usize::from(which) % 4];
                self.perform(at, &ControlService::new(name, act), |_, _| Vec::new()).await;
            }
            9 => {
                let value = ["SHA-1", "SHA-512", "SHA-7"][usize::from(what) % 3];
                self.perform(at, &SetParameter::new("tftpfilesignaturealgorithm", value), none).await;
            }
            10 => {
                let parts = SubjectParts { unit: format!("Unit {what}"), ..testbed_parts() };
                self.perform(at, &SetWebSecurity { parts, alternate: None }, none).await;
                self.perform(at, &SetRollback { on: what.is_multiple_of(2) }, |_, _| Vec::new()).await;
            }
            _ => {
                let own = self.cluster.find_certificate(&self.nodes[at], false, unit.name()).await.unwrap();
                let wanted = Describe { certificates: vec![own], service: unit.service(), text: "some".to_owned() };
                self.perform(at, &wanted, none).await;
                let wanted = SetDefaultCa { name: "all".to_owned(), on: what.is_multiple_of(2) };
                self.perform(at, &wanted, |_, _| Vec::new()).await;
                let to = ["12.5", "14", "15"][usize::from(which) % 3];
                // The same units in all three: nothing is made.
                self.perform(0, &SwitchRelease::to(to), |_, _| Vec::new()).await;
            }
        }
    }
}

fn testbed_parts() -> SubjectParts {
    new_cluster("15", &[("cucm1", "127.0.0.1")]).subject
}

fn sorted(state: &State) -> Vec<CertificateRow> {
    let mut rows = state.certificates.clone();
    rows.sort_by(|one, other| one.pkid.cmp(&other.pkid));
    for row in &mut rows {
        row.own.sort();
        row.nodes.sort();
        row.files.sort();
    }
    rows
}

fn by<T: Clone, K: Ord>(rows: &[T], key: impl Fn(&T) -> K) -> Vec<T> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(key);
    rows
}

fn assert_same(foreseen: &State, there: &State, after: &str) {
    let (foreseen_rows, there_rows) = (sorted(foreseen), sorted(there));
    for (one, other) in foreseen_rows.iter().zip(&there_rows) {
        assert_eq!(CertificateRow { pem: other.pem.clone(), ..one.clone() }, *other, "{after}");
    }
    assert_eq!(foreseen_rows.len(), there_rows.len(), "{after}");
    assert_eq!(foreseen.nodes, there.nodes, "{after}");
    assert_eq!(foreseen.release.name, there.release.name, "{after}");
    let parameters = |state: &State| {
        let all = state.parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        // When a rollback was over is known only when the lists that follow are there.
        let mut all: Vec<(String, String)> = all.filter(|(name, _)| name != "RingfenceRollbackEnded").collect();
        all.sort();
        all
    };
    assert_eq!(parameters(foreseen), parameters(there), "{after}");
    let services = |state: &State| by(&state.services, |row| (row.node.clone(), row.name.clone()));
    assert_eq!(services(foreseen), services(there), "{after}");
    let keys = |state: &State| by(&state.former_keys, |row| row.key_id.clone());
    assert_eq!(keys(foreseen), keys(there), "{after}");
    let requests = |state: &State| {
        let rows = by(&state.requests, |row| row.key_id.clone()).into_iter();
        rows.map(|row| (row.key_id, row.node, row.service, row.state, row.multi_server)).collect::<Vec<_>>()
    };
    assert_eq!(requests(foreseen), requests(there), "{after}");
    let deleted = |state: &State| {
        let rows = by(&state.deleted, |row| (row.fingerprint.clone(), row.service)).into_iter();
        rows.map(|row| (row.fingerprint, row.service, row.file, row.server_name, row.address)).collect::<Vec<_>>()
    };
    assert_eq!(deleted(foreseen), deleted(there), "{after}");
    assert_eq!(by(&foreseen.web_security, |row| row.node.clone()), by(&there.web_security, |row| row.node.clone()));
    let renewals = |state: &State| by(&state.renewals, |row| row.service);
    assert_eq!(renewals(foreseen), renewals(there), "{after}");
}

#[test]
fn what_is_decided_is_what_is_there() {
    let mut runner = TestRunner::new(Config { cases: 4, failure_persistence: None, ..Config::default() });
    let steps = prop::collection::vec(any::<Step>(), 25..30);
    runner
        .run(&steps, |steps| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let folder = tempfile::tempdir().unwrap();
                let mut clock = Clock::at(1_767_323_045_000);
                let new = new_cluster("15", &[("cucm1", "127.0.0.1"), ("cucm2", "127.0.0.2")]);
                let cluster = make_in(folder.path(), &new, &mut clock).await;
                let nodes = cluster.store().nodes().await.unwrap();
                let actor = Actor::new("admin", Level::Install);
                let mut world = World { cluster, nodes, clock, actor, done: 0, refused: 0 };
                for step in steps {
                    world.run(step).await;
                }
                assert!(world.done >= 5, "{} done, {} refused", world.done, world.refused);
            });
            Ok(())
        })
        .unwrap();
}
