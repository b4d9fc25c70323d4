//! `utils service` [cucm-behaviour.md 1.7, printed transcripts]. A state has two blanks behind it, as there.

use ringfence_core::{CoreError, Surroundings};

use crate::session::{Reply, Session};

impl Session {
    pub(crate) async fn list_services(&self) -> Result<Reply, CoreError> {
        let mut text = "Requesting service status, please wait...\n\
                        Service Manager is running\n\
                        Getting list of all services\n\
                        >> Return code = 0\n"
            .to_owned();
        for row in self.cluster.services_of(&self.node).await? {
            let state = match (row.activated, row.started) {
                (false, _) => "[STOPPED]  Service Not Activated",
                (true, false) => "[STOPPED]  Commanded Out of Service",
                (true, true) => "[STARTED]",
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
}
