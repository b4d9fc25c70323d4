//! A cluster, and every kind of operation on it that changes or signs something.

use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::requests::RequestCertificate;
use cluster::certificates::trusted::DeleteTrusted;
use cluster::certificates::trusted::PutTrusted;
use cluster::releases::switch::SwitchRelease;
use cluster::service_control::Act;
use cluster::service_control::ControlService;
use std::collections::BTreeMap;
use std::path::Path;

use cluster::certificates::requests::RequestChoice;
use cluster::enrolment::{AuthenticationMode, Operation};
use cluster::parameters::SecurityMode;
use cluster::releases::release;
use cluster::rows::NodeRow;
use cluster::units::Unit;
use cluster::{Actor, Level};
use pki::listing::ListKind;
use ringfence_core::enrolment::{Schedule, Selection, StringChoice};
use ringfence_core::{Cluster, CoreError, Serving};
use sha2::{Digest, Sha256};
use testbed::{Clock, make_in, new_cluster};

pub struct Place {
    pub cluster: Cluster,
    pub node: NodeRow,
    pub clock: Clock,
    pub actor: Actor,
    _served: Option<Serving>,
}

impl Place {
    /// A cluster of one node in a folder, in mixed mode, with a phone.
    pub async fn new(folder: &Path) -> Self {
        let mut clock = Clock::at(1_767_323_045_000);
        let new = new_cluster("15", &[("cucm1", "127.0.0.1")]);
        let cluster = make_in(folder, &new, &mut clock).await;
        let node = cluster.node(None).await.unwrap();
        let actor = Actor::new("admin", Level::Install);
        let served = cluster.directory(&node).serve().unwrap();
        let mut place = Self { cluster, node, clock, actor, _served: served };
        for step in [Step::Mode(SecurityMode::Mixed), Step::AddPhone("SEP001122334455")] {
            place.run(&step).await.unwrap();
        }
        place
    }
}

/// An operation.
#[derive(Debug, Clone)]
pub enum Step {
    Regenerate(Unit),
    Mode(SecurityMode),
    UpdateCtl,
    DeleteItl,
    Parameter(&'static str, &'static str),
    Start(&'static str),
    Stop(&'static str),
    Restart(&'static str),
    AddPhone(&'static str),
    RemovePhone,
    Schedule,
    Cancel,
    RequestCapf,
    Trust,
    Untrust,
    Release(&'static str),
}

/// One of each kind, in an order in which each has something to do.
pub fn steps() -> Vec<Step> {
    // Of two signers the CTL has to name the one that is new before the other one is renewed.
    let units = release("15").unwrap().units(true).flat_map(|unit| {
        let update = (unit == Unit::ItlRecovery).then_some(Step::UpdateCtl);
        std::iter::once(Step::Regenerate(unit)).chain(update)
    });
    let others = [
        Step::UpdateCtl,
        Step::DeleteItl,
        Step::Parameter("TFTPFileSignatureAlgorithm", "SHA-512"),
        Step::Stop("Cisco Tftp"),
        Step::Start("Cisco Tftp"),
        Step::Restart("TVS"),
        Step::AddPhone("SEP00AABBCCDDEE"),
        Step::Schedule,
        Step::Cancel,
        Step::RemovePhone,
        Step::RequestCapf,
        Step::Trust,
        Step::Untrust,
        Step::Mode(SecurityMode::NonSecure),
        // Certificates are made that the release before has not.
        Step::Release("10.5"),
        Step::Release("15"),
    ];
    units.chain(others).collect()
}

impl Place {
    /// Runs a step; ten minutes after the one before, so that no guard of minutes is in the way.
    pub async fn run(&mut self, step: &Step) -> Result<(), CoreError> {
        self.clock.now += 600_000;
        let Self { cluster, node, clock, actor, .. } = self;
        let phone = Selection::one("SEP001122334455");
        match step {
            // Forced: no phone fetches anything in between.
            Step::Regenerate(unit) => cluster
                .perform(actor, node, &Regenerate::unit(*unit).forced("one after another"), clock)
                .await
                .map(drop),
            Step::Mode(mode) => cluster.set_security_mode(actor, node, *mode, clock).await.map(drop),
            Step::UpdateCtl => cluster.update_ctl(actor, node, clock).await.map(drop),
            Step::DeleteItl => cluster.delete_list(actor, node, ListKind::Itl, clock).await.map(drop),
            Step::Parameter(name, value) => cluster.set_parameter(actor, name, value, clock).await,
            Step::Start(name) => {
                cluster.perform(actor, node, &ControlService::new(name, Act::Start), clock).await.map(drop)
            }
            Step::Stop(name) => {
                cluster.perform(actor, node, &ControlService::new(name, Act::Stop), clock).await.map(drop)
            }
            Step::Restart(name) => {
                cluster.perform(actor, node, &ControlService::new(name, Act::Restart), clock).await.map(drop)
            }
            Step::AddPhone(name) => cluster.put_devices(actor, &[testbed::phone(name)], clock).await.map(drop),
            Step::RemovePhone => cluster.remove_device(actor, "SEP00AABBCCDDEE", clock).await.map(drop),
            Step::Schedule => {
                let schedule = Schedule {
                    operation: Operation::Install,
                    mode: AuthenticationMode::NullString,
                    string: StringChoice::Keep,
                    completes_by: None,
                };
                cluster.schedule(actor, &phone, &schedule, clock).await.map(drop)
            }
            Step::Cancel => cluster.cancel_operation(actor, &phone, clock).await.map(drop),
            Step::RequestCapf => cluster
                .perform(actor, node, &RequestCertificate { unit: Unit::Capf, choice: RequestChoice::default() }, clock)
                .await
                .map(drop),
            Step::Release(name) => cluster.perform(actor, node, &SwitchRelease::to(name), clock).await.map(drop),
            Step::Trust => {
                let own = cluster.find_certificate(node, false, "CAPF").await?;
                cluster.perform(actor, node, &PutTrusted::new(&[own], &["directory-trust"]), clock).await
            }
            Step::Untrust => {
                // An old CAPF, which a renewal leaves behind and no LSC hangs on.
                let lines = cluster.list_certificates(node, true).await?;
                let own = cluster.find_certificate(node, false, "CAPF").await?.common_name().unwrap();
                let old = lines.iter().find_map(|line| {
                    let file = line.strip_prefix("CAPF-trust/")?.split(':').next()?;
                    (!file.starts_with(&own)).then(|| file.to_owned())
                });
                cluster.delete_trusted(actor, node, &DeleteTrusted::new("CAPF-trust", &old.unwrap()), clock).await
            }
        }
    }
}

/// SHA-256 of all files that say what the cluster is and gives out: published lists and keys, by path.
pub fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for part in ["published", "keys"] {
        for entry in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            all.insert(path.display().to_string(), hex::encode(Sha256::digest(std::fs::read(&path).unwrap())));
        }
    }
    all
}
