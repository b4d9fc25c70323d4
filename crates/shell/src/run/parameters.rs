//! `show parameters`, `set parameter`: ours, for what the original has on a web page.

use cluster::Surroundings;
use cluster::parameters;
use ringfence_core::CoreError;

use crate::session::{Reply, Session, one_line};

impl Session {
    pub(crate) async fn show_parameters(&self) -> Result<Reply, CoreError> {
        let parameters = self.cluster.parameters().await?;
        let width = parameters.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        let lines = parameters
            .iter()
            .map(|(name, value)| format!("{name:width$} : {}", one_line(value)).trim_end().to_owned() + "\n");
        Ok(Reply::done(lines.collect::<String>()))
    }

    pub(crate) async fn set_parameter(
        &self,
        name: &str,
        value: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let name = parameters::check(name, value, self.cluster.release())?;
        self.cluster.set_parameter(&self.actor, name, value, surroundings).await?;
        Ok(Reply::done(format!("Successfully set {name} to {value}.\n")))
    }
}
