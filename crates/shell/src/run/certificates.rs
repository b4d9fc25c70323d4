//! `show cert` and `set cert regen` [cucm-behaviour.md 1.2-1.4].

use ringfence_core::units::Unit;
use ringfence_core::{CoreError, Surroundings, certificate_text};

use crate::question::Question;
use crate::session::{Reply, Session};

impl Session {
    pub(crate) async fn list_certificates(&self, trust: bool) -> Result<Reply, CoreError> {
        let lines = self.cluster.list_certificates(&self.node, trust).await?;
        let text = lines.iter().map(|line| format!("{line}\n"));
        Ok(Reply::done(text.collect::<String>()))
    }

    pub(crate) async fn show_certificate(&self, trust: bool, name: &str) -> Result<Reply, CoreError> {
        let certificate = self.cluster.find_certificate(&self.node, trust, name).await?;
        let mut text = certificate_text(&certificate, self.cluster.zone());
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(Reply::done(text))
    }

    pub(crate) fn ask_to_regenerate(&mut self, name: &str) -> Result<Reply, CoreError> {
        let unit = self.unit(name)?;
        Ok(self.ask(Question::Regenerate(unit)))
    }

    pub(crate) async fn regenerate(&self, unit: Unit, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        self.cluster.regenerate(&self.actor, &self.node, unit, surroundings).await?;
        let name = unit.name();
        // The renewal of ITLRecovery ends with its success line: its restarts are automatic [cucm-behaviour.md 1.4, 5.5].
        let reminder = if unit == Unit::Capf { self.after_new_capf(surroundings).await? } else { String::new() };
        let restart = match unit {
            Unit::ItlRecovery => String::new(),
            _ => format!(
                "You must restart services related to {name} for the regenerated certificates to become active.\n"
            ),
        };
        let pending = self.restarts_after(unit).await?;
        Ok(Reply::done(format!("Successfully Regenerated Certificate for {name}.\n{restart}{reminder}{pending}")))
    }
}
