//! Starting, stopping, activating the services of a node; what `utils service list` shows.
//!
//! What is said of a service is true: without a process that serves the node none of its services runs, and one that Ringfence does
//! not run is neither started nor stopped here.

use cluster::rows::{NodeRow, ServiceRow};

use crate::CoreError;
use crate::cluster::Cluster;
use crate::recovery::itl_reset::end_reset;
use cluster::actor::{Actor, Level};
use cluster::services;
use cluster::services::{Kind, Run, Service};
use cluster::surroundings::Surroundings;

/// What is done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Start,
    Stop,
    Restart,
    Activate,
    Deactivate,
}

/// What a service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// It runs.
    Started,
    /// An administrator stopped it.
    Stopped,
    /// No administrator activated it.
    NotActivated,
    /// It would run, but nobody serves its node.
    NodeNotRunning,
    /// Ringfence has no such process here.
    RunElsewhere,
}

/// A service after somebody acted on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acted {
    /// The service.
    pub service: &'static Service,
    /// What it is doing now.
    pub state: ServiceState,
}

impl Act {
    /// The word of the command, and the result for the audit log.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Start => ("start", "started"),
            Self::Stop => ("stop", "stopped"),
            Self::Restart => ("restart", "restarted"),
            Self::Activate => ("activate", "activated and started"),
            Self::Deactivate => ("deactivate", "stopped and deactivated"),
        }
    }
}

impl Cluster {
    /// The services of a node in the order of `utils service list`, with what the release says of each. One without a row, because
    /// the cluster is older than its entry in the catalogue, is as on a new node.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn service_states(&self, node: &NodeRow) -> Result<Vec<(&'static Service, ServiceRow)>, CoreError> {
        let rows = self.store().services().await?;
        let state = |service: &'static Service| {
            let row = rows.iter().find(|row| row.node == node.pkid && row.name == service.name).cloned();
            let fresh = || ServiceRow {
                node: node.pkid.clone(),
                name: service.name.to_owned(),
                started: service.activated_at_first(),
                activated: service.activated_at_first(),
                started_at: 0,
            };
            (service, row.unwrap_or_else(fresh))
        };
        Ok(services::of_node(self.release(), node.publisher).map(state).collect())
    }

    /// Whether a process serves a node.
    ///
    /// # Errors
    /// [`CoreError`].
    pub fn is_served(&self, node: &NodeRow) -> Result<bool, CoreError> {
        Ok(self.directory(node).served()?.is_some())
    }

    /// What each service of a node is doing, in the order of `utils service list`.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn what_services_do(&self, node: &NodeRow) -> Result<Vec<Acted>, CoreError> {
        let served = self.is_served(node)?;
        let states = self.service_states(node).await?.into_iter();
        Ok(states.map(|(service, row)| Acted { service, state: state(service, &row, node, served) }).collect())
    }

    /// The rows of the services of a node.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn services_of(&self, node: &NodeRow) -> Result<Vec<ServiceRow>, CoreError> {
        Ok(self.service_states(node).await?.into_iter().map(|(_, row)| row).collect())
    }

    /// `utils service start NAME` on a node. Starting Cisco Tftp builds its ITL, as a restart does.
    ///
    /// # Errors
    /// [`CoreError`]: no such service, or not activated; `node-not-running` where nobody serves the node.
    pub async fn start_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Acted, CoreError> {
        self.act_on_service(actor, node, name, Act::Start, surroundings).await
    }

    /// `utils service stop NAME` on a node.
    ///
    /// # Errors
    /// As [`Self::start_service`]; `service-runs-elsewhere` for one that Ringfence does not run.
    pub async fn stop_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Acted, CoreError> {
        self.act_on_service(actor, node, name, Act::Stop, surroundings).await
    }

    /// `utils service restart NAME` on a node. A restart of Cisco Tftp builds its ITL again. Nothing happens to a service that
    /// runs elsewhere: somebody restarts it there and says so with [`Self::mark_restart_done`].
    ///
    /// # Errors
    /// As [`Self::start_service`].
    pub async fn restart_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Acted, CoreError> {
        self.act_on_service(actor, node, name, Act::Restart, surroundings).await
    }

    /// `utils service activate NAME` on a node: it is started too.
    ///
    /// # Errors
    /// [`CoreError`]: no such service, or a network service, which is always activated.
    pub async fn activate_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Acted, CoreError> {
        self.act_on_service(actor, node, name, Act::Activate, surroundings).await
    }

    /// `utils service deactivate NAME` on a node: it is stopped too.
    ///
    /// # Errors
    /// As [`Self::activate_service`].
    pub async fn deactivate_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Acted, CoreError> {
        self.act_on_service(actor, node, name, Act::Deactivate, surroundings).await
    }

    async fn act_on_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        act: Act,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Acted, CoreError> {
        actor.require(Level::ReadWrite)?;
        let service = services::named(self.release(), name)?;
        let name = service.name;
        let found = self.service_states(node).await?.into_iter().find(|(here, _)| here.name == name);
        let Some((_, row)) = found else {
            return Err(CoreError::refused("service-not-on-node", format!("{name} runs on the publisher only")));
        };
        let before = (row.started, row.activated);
        let switches = matches!(act, Act::Activate | Act::Deactivate);
        if switches && service.kind == Kind::Network {
            let text = format!("{name} is a network service: it is always activated; start and stop it");
            return Err(CoreError::refused("network-service", text));
        }
        if !switches && !row.activated {
            let text =
                format!("{name} is not activated on {0}; `utils service activate {name}` activates it", node.name);
            return Err(CoreError::refused("service-not-activated", text));
        }
        let served = self.is_served(node)?;
        if !switches {
            match service.run_on(node.publisher) {
                Run::Here if !served => return Err(self.not_running(node)),
                Run::Elsewhere if act == Act::Stop => {
                    let text = format!("{name} is not run by Ringfence: stop it on the call server");
                    return Err(CoreError::refused("service-runs-elsewhere", text));
                }
                Run::Elsewhere => return Ok(Acted { service, state: ServiceState::RunElsewhere }),
                Run::Here => {}
            }
        }
        let on = matches!(act, Act::Start | Act::Restart | Act::Activate);
        let activated = if switches { on } else { row.activated };
        let row = ServiceRow { started: on, activated, ..row };
        let acted = Acted { service, state: state(service, &row, node, served) };
        if act != Act::Restart && before == (on, activated) {
            return Ok(acted);
        }
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        let started_at = if on { now } else { row.started_at };
        transaction.set_service(&ServiceRow { started_at, ..row }).await?;
        if on && service.run_on(node.publisher) == Run::Here {
            transaction.note_restart_done(&node.pkid, name, now).await?;
        }
        if on && name == services::TFTP {
            end_reset(&mut transaction, node).await?;
        }
        transaction.note_change(now, "service", &format!("{}/{name}", node.name)).await?;
        let (word, result) = act.words();
        transaction.note_audit(now, actor.name(), &format!("utils service {word} {name}"), result).await?;
        transaction.commit().await?;
        if on && name == services::TFTP {
            self.settle(surroundings).await?;
        }
        Ok(acted)
    }

    /// What needs a process that serves the node, and there is none.
    fn not_running(&self, node: &NodeRow) -> CoreError {
        let other = if node.publisher { String::new() } else { format!(" --node {}", node.name) };
        let data = self.data().root().display();
        let text = format!("{} is not running: `ringfence serve --data {data}{other}` starts it", node.name);
        CoreError::refused("node-not-running", text)
    }
}

fn state(service: &Service, row: &ServiceRow, node: &NodeRow, served: bool) -> ServiceState {
    match (row.activated, service.run_on(node.publisher), served, row.started) {
        (false, ..) => ServiceState::NotActivated,
        (true, Run::Elsewhere, ..) => ServiceState::RunElsewhere,
        (true, Run::Here, false, _) => ServiceState::NodeNotRunning,
        (true, Run::Here, true, false) => ServiceState::Stopped,
        (true, Run::Here, true, true) => ServiceState::Started,
    }
}
