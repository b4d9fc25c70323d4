//! Starting and stopping the services of a node; what `utils service list` shows.

use store::rows::{NodeRow, ServiceRow};

use crate::actor::{Actor, Level};
use crate::cluster::Cluster;
use crate::surroundings::Surroundings;
use crate::{CoreError, services};

impl Cluster {
    /// The services of a node, by name.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn services_of(&self, node: &NodeRow) -> Result<Vec<ServiceRow>, CoreError> {
        let mut rows = self.store().services().await?;
        rows.retain(|row| row.node == node.pkid);
        Ok(rows)
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
        let name = self.switch_service(actor, node, name, true, surroundings.now()).await?;
        if name == services::TFTP {
            self.settle(surroundings).await?;
        }
        Ok(name)
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
        self.switch_service(actor, node, name, false, surroundings.now()).await
    }

    async fn switch_service(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        on: bool,
        now: i64,
    ) -> Result<&'static str, CoreError> {
        actor.require(Level::ReadWrite)?;
        let name = services::named(name)?;
        let rows = self.services_of(node).await?;
        let found = rows.into_iter().find(|row| row.name == name);
        let Some(row) = found.filter(|row| row.activated) else {
            let text = format!("{name} is not activated on {}", node.name);
            return Err(CoreError::refused("service-not-activated", text));
        };
        if row.started == on {
            return Ok(name);
        }
        let (word, result) = if on { ("start", "started") } else { ("stop", "stopped") };
        let started_at = if on { now } else { row.started_at };
        let mut transaction = self.store().begin().await?;
        transaction.set_service(&ServiceRow { started: on, started_at, ..row }).await?;
        transaction.note_change(now, "service", &format!("{}/{name}", node.name)).await?;
        transaction.note_audit(now, actor.name(), &format!("utils service {word} {name}"), result).await?;
        transaction.commit().await?;
        Ok(name)
    }
}
