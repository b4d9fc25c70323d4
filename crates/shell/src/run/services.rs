//! `utils service` [sources/shell#services]. A state has two blanks behind it, as there.

use cluster::Surroundings;
use cluster::restarts::MarkRestartDone;
use cluster::restarts::Pending;
use cluster::service_control::Act;
use cluster::service_control::ControlService;
use cluster::service_control::{Acted, ServiceState};
use cluster::services::Run;
use cluster::units::Unit;
use ringfence_core::CoreError;

use crate::session::{Reply, Session, one_line};

impl Session {
    pub(crate) async fn list_services(&self) -> Result<Reply, CoreError> {
        let mut text = "Requesting service status, please wait...\n\
                        Service Manager is running\n\
                        Getting list of all services\n\
                        >> Return code = 0\n"
            .to_owned();
        for it in self.cluster.what_services_do(&self.node).await? {
            text.push_str(&line(&it));
        }
        text.push_str(&format!("Primary Node ={}\n", self.node.publisher));
        Ok(Reply::done(text))
    }

    pub(crate) async fn restart_service(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let it = self
            .cluster
            .perform(&self.actor, &self.node, &ControlService::new(name, Act::Restart), surroundings)
            .await?;
        if it.state == ServiceState::RunElsewhere {
            return self.elsewhere(&it, "Restart").await;
        }
        let warning = self.cluster.release().restart_warning;
        Ok(changed(&format!("{warning}\nService Manager is running\n"), &it, &["STOPPING", "STARTING"]))
    }

    pub(crate) async fn start_service(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let it =
            self.cluster.perform(&self.actor, &self.node, &ControlService::new(name, Act::Start), surroundings).await?;
        if it.state == ServiceState::RunElsewhere {
            return self.elsewhere(&it, "Start").await;
        }
        Ok(changed("Service Manager is running\n", &it, &["STARTING"]))
    }

    pub(crate) async fn stop_service(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let it =
            self.cluster.perform(&self.actor, &self.node, &ControlService::new(name, Act::Stop), surroundings).await?;
        Ok(changed("Service Manager is running\n", &it, &["STOPPING"]))
    }

    pub(crate) async fn activate_service(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let it = self
            .cluster
            .perform(&self.actor, &self.node, &ControlService::new(name, Act::Activate), surroundings)
            .await?;
        let steps: &[&str] = if it.state == ServiceState::Started { &["STARTING"] } else { &[] };
        Ok(changed("Service Manager is running\n", &it, steps))
    }

    pub(crate) async fn deactivate_service(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let it = self
            .cluster
            .perform(&self.actor, &self.node, &ControlService::new(name, Act::Deactivate), surroundings)
            .await?;
        let steps: &[&str] =
            if it.service.run_on(self.node.publisher) == Run::Here && self.cluster.is_served(&self.node)? {
                &["STOPPING"]
            } else {
                &[]
            };
        Ok(changed("Service Manager is running\n", &it, steps))
    }

    /// Nothing was done to a service that Ringfence does not run: its line of the list, and the next step.
    async fn elsewhere(&self, it: &Acted, act: &str) -> Result<Reply, CoreError> {
        let name = it.service.name;
        let next = if it.service.is_for_cluster() {
            format!("The one of the publisher works for the whole cluster: {} it there.\n", act.to_ascii_lowercase())
        } else {
            let pending = self.cluster.pending_restarts().await?;
            let waits = pending.iter().any(|pending| pending.node == self.node.name && pending.step == name);
            let mark = format!(", then `utils service mark-done {name}` takes it from `show restarts`");
            format!("{act} it on the call server{}.\n", if waits { &mark } else { "" })
        };
        Ok(Reply::done(line(it) + &next))
    }

    pub(crate) async fn mark_restart_done(
        &self,
        step: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let step = self
            .cluster
            .perform(&self.actor, &self.node, &MarkRestartDone { step: step.to_owned() }, surroundings)
            .await?;
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
        let how = match (it.run, it.name()) {
            (Some(Run::Here), _) => format!("utils service restart {}", it.step),
            (Some(Run::Elsewhere), Some(name)) => {
                format!("{} (restart it on the call server, then `utils service mark-done {name}`)", it.step)
            }
            (_, Some(name)) => format!("{} (then `utils service mark-done {name}`)", it.step),
            (_, None) => it.step.to_owned(),
        };
        one_line(&format!("  {}: {how}; because of {} ({})", it.node, it.causes.join(", "), it.source)) + "\n"
    }
}

/// The line of the list. What runs has two blanks behind its state only where it was started just now.
fn line(it: &Acted) -> String {
    let state = match it.state {
        ServiceState::Started => "[STARTED]",
        ServiceState::Stopped => "[STOPPED]  Commanded Out of Service",
        ServiceState::NotActivated => "[STOPPED]  Service Not Activated",
        ServiceState::NodeNotRunning => "[STOPPED]  Node Not Running",
        ServiceState::RunElsewhere => "[STARTED]  Not Run By Ringfence",
    };
    format!("{}{state}\n", it.service.name)
}

/// What a service went through, and its state at the end.
fn changed(above: &str, it: &Acted, steps: &[&str]) -> Reply {
    let name = it.service.name;
    let steps: String = steps.iter().map(|step| format!("{name}[{step}]  \n")).collect();
    let end = if it.state == ServiceState::Started { format!("{name}[STARTED]  \n") } else { line(it) };
    Reply::done(format!("{above}{steps}{end}"))
}
