//! Starting, stopping, activating the services of a node; what `utils service list` shows.

use store::rows::{NodeRow, ServiceRow};

use crate::actor::{Actor, Level};
use crate::cluster::Cluster;
use crate::recovery::itl_reset::end_reset;
use crate::services::{Kind, Service};
use crate::surroundings::Surroundings;
use crate::{CoreError, services};

/// What is done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Start,
    Stop,
    Restart,
    Activate,
    Deactivate,
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
    /// [`CoreError`]: no such service, or not activated.
    pub async fn start_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<&'static str, CoreError> {
        self.act_on_service(actor, node, name, Act::Start, surroundings).await
    }

    /// `utils service stop NAME` on a node.
    ///
    /// # Errors
    /// As [`Self::start_service`].
    pub async fn stop_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<&'static str, CoreError> {
        self.act_on_service(actor, node, name, Act::Stop, surroundings).await
    }

    /// `utils service restart NAME` on a node. A restart of Cisco Tftp builds its ITL again. The restart of a service that runs
    /// elsewhere is recorded: the administrator has done it there.
    ///
    /// # Errors
    /// As [`Self::start_service`].
    pub async fn restart_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<&'static str, CoreError> {
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
    ) -> Result<&'static str, CoreError> {
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
    ) -> Result<&'static str, CoreError> {
        self.act_on_service(actor, node, name, Act::Deactivate, surroundings).await
    }

    async fn act_on_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        act: Act,
        surroundings: &mut dyn Surroundings,
    ) -> Result<&'static str, CoreError> {
        actor.require(Level::ReadWrite)?;
        let service = services::named(self.release(), name)?;
        let name = service.name;
        let found = self.service_states(node).await?.into_iter().find(|(here, _)| here.name == name);
        let Some((_, row)) = found else {
            return Err(CoreError::refused("service-not-on-node", format!("{name} runs on the publisher only")));
        };
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
        let on = matches!(act, Act::Start | Act::Restart | Act::Activate);
        let activated = if switches { on } else { row.activated };
        if act != Act::Restart && (row.started, row.activated) == (on, activated) {
            return Ok(name);
        }
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        let started_at = if on { now } else { row.started_at };
        transaction.set_service(&ServiceRow { started: on, activated, started_at, ..row }).await?;
        if on {
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
        Ok(name)
    }
}
