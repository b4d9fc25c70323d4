//! `utils service` [cucm-behaviour.md 1.7, printed transcripts]. A state has two blanks behind it, as there.

use ringfence_core::restarts::Pending;
use ringfence_core::services::Run;
use ringfence_core::units::Unit;
use ringfence_core::{CoreError, Surroundings};

use crate::session::{Reply, Session, one_line};

impl Session {
    pub(crate) async fn list_services(&self) -> Result<Reply, CoreError> {
        let mut text = "Requesting service status, please wait...\n\
                        Service Manager is running\n\
                        Getting list of all services\n\
                        >> Return code = 0\n"
            .to_owned();
        for (service, row) in self.cluster.service_states(&self.node).await? {
            let state = match (row.activated, row.started, service.run_on(self.node.publisher)) {
                (false, _, _) => "[STOPPED]  Service Not Activated",
                (true, false, _) => "[STOPPED]  Commanded Out of Service",
                (true, true, Run::Here) => "[STARTED]",
                (true, true, Run::Elsewhere) => "[STARTED]  Not Run By Ringfence",
            };
            text.push_str(&format!("{}{state}\n", row.name));
        }
        text.push_str(&format!("Primary Node ={}\n", self.node.publisher));
        Ok(Reply::done(text))
    }

    pub(crate) async fn restart_service(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let name = self.cluster.restart_service(&self.actor, &self.node, name, surroundings).await?;
        Ok(Reply::done(format!(
            "{}\nService Manager is running\n{name}[STOPPING]  \n{name}[STARTING]  \n{name}[STARTED]  \n",
            self.cluster.release().restart_warning
        )))
    }

    pub(crate) async fn start_service(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let name = self.cluster.start_service(&self.actor, &self.node, name, surroundings).await?;
        Ok(Reply::done(format!("Service Manager is running\n{name}[STARTING]  \n{name}[STARTED]  \n")))
    }

    pub(crate) async fn stop_service(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let name = self.cluster.stop_service(&self.actor, &self.node, name, surroundings).await?;
        Ok(Reply::done(format!(
            "Service Manager is running\n{name}[STOPPING]  \n{name}[STOPPED]  Commanded Out of Service\n"
        )))
    }

    pub(crate) async fn activate_service(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let name = self.cluster.activate_service(&self.actor, &self.node, name, surroundings).await?;
        Ok(Reply::done(format!("Service Manager is running\n{name}[STARTING]  \n{name}[STARTED]  \n")))
    }

    pub(crate) async fn deactivate_service(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let name = self.cluster.deactivate_service(&self.actor, &self.node, name, surroundings).await?;
        Ok(Reply::done(format!(
            "Service Manager is running\n{name}[STOPPING]  \n{name}[STOPPED]  Service Not Activated\n"
        )))
    }

    pub(crate) async fn mark_restart_done(
        &self,
        step: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let step = self.cluster.mark_restart_done(&self.actor, &self.node, step, surroundings).await?;
        Ok(Reply::done(format!("Marked as done on {}: {step}\n", self.node.name)))
    }

    /// `show restarts`.
    pub(crate) async fn show_restarts(&self) -> Result<Reply, CoreError> {
        let pending = self.cluster.pending_restarts().await?;
        if pending.is_empty() {
            return Ok(Reply::done("No restart is pending.\n"));
        }
        Ok(Reply::done(pending.iter().map(|it| self.restart_line(it)).collect::<String>()))
    }

    /// What is still to be done because of a unit of this node, below the answer to the change itself.
    pub(crate) async fn restarts_after(&self, unit: Unit, nodes: &[&str]) -> Result<String, CoreError> {
        let causes: Vec<String> = nodes.iter().map(|node| format!("{} of {node}", unit.name())).collect();
        let pending = self.cluster.pending_restarts().await?;
        let lines: String = pending
            .iter()
            .filter(|it| it.causes.iter().any(|cause| causes.contains(cause)))
            .map(|it| self.restart_line(it))
            .collect();
        Ok(if lines.is_empty() { lines } else { format!("Pending until done, `show restarts` lists them:\n{lines}") })
    }

    fn restart_line(&self, it: &Pending) -> String {
        let how = match it.run {
            Some(Run::Here) => format!("utils service restart {}", it.step),
            Some(Run::Elsewhere) => {
                format!("{} (restart it on the call server, then `utils service mark-done`)", it.step)
            }
            None => format!("{} (then `utils service mark-done`)", it.step),
        };
        let how = if ["utils ctl ", "utils itl "].iter().any(|ours| it.step.starts_with(ours)) {
            it.step.to_owned()
        } else {
            how
        };
        one_line(&format!("  {}: {how}; because of {}; {}", it.node, it.causes.join(", "), it.source)) + "\n"
    }
}
