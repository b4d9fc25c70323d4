//! `show cert default-ca-list`, `set cert default-ca-list`; `set web-security`, `show web-security`
//! [sources/trust-stores#preloaded-cas], [sources/shell#certificate-commands].

use cluster::Surroundings;
use cluster::certificates::default_cas::DefaultCaState;
use cluster::certificates::default_cas::SetDefaultCa;
use cluster::certificates::web_security::SetWebSecurity;
use cluster::nodes::SubjectParts;
use cluster::state::Asks;
use ringfence_core::CoreError;

use crate::question::Question;
use crate::session::{Reply, Session};

impl Session {
    pub(crate) async fn list_default_cas(&self) -> Result<Reply, CoreError> {
        let mut text = format!("{:<45}{:<35}{}\n", "Common Name", "Trust Stores", "Purpose");
        for (ca, state) in self.cluster.default_cas().await? {
            let name = format!("\"{}\"", ca.common_name);
            let stores = format!("[{}]", ca.stores.join(", "));
            // Ours: the original has all of them, so it says nothing here.
            let note = match state {
                DefaultCaState::Enabled => "",
                DefaultCaState::Disabled => " (disabled)",
                DefaultCaState::NotLoaded => " (not loaded)",
            };
            text.push_str(&format!("{name:<45}{stores:<35}{}{note}\n", ca.purpose));
        }
        Ok(Reply::done(text))
    }

    pub(crate) async fn ask_for_default_ca(&mut self, word: &str, name: &str, now: i64) -> Result<Reply, CoreError> {
        let (name, enable) = (name.trim_matches('"').to_owned(), word == "enable");
        let wanted = SetDefaultCa { name: name.clone(), on: enable };
        self.cluster.check(&self.actor, &self.node, &wanted, now).await?;
        Ok(self.ask(Question::SetDefaultCa { name, enable }))
    }

    pub(crate) async fn set_default_ca(
        &self,
        name: &str,
        enable: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let done = self
            .cluster
            .perform(&self.actor, &self.node, &SetDefaultCa { name: name.to_owned(), on: enable }, surroundings)
            .await?;
        let word = if enable { "enabled" } else { "disabled" };
        let lines = done.iter().map(|name| format!("Successfully {word} default \"{name}\" certificate.\n"));
        Ok(Reply::done(lines.collect::<String>()))
    }

    pub(crate) async fn set_web_security(
        &self,
        arguments: &[&str],
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let at = |index: usize| arguments.get(index).copied().unwrap_or_default().to_owned();
        let mut parts = self.cluster.subject_parts(&self.node).await?;
        parts =
            SubjectParts { unit: at(0), organization: at(1), locality: at(2), state: at(3), country: parts.country };
        if let Some(country) = arguments.get(4) {
            parts.country = (*country).to_owned();
        }
        let alternate = arguments.get(5).copied();
        self.cluster
            .perform(
                &self.actor,
                &self.node,
                &SetWebSecurity { parts, alternate: alternate.map(str::to_owned) },
                surroundings,
            )
            .await?;
        Ok(Reply::done(
            "Certificates and requests that are made from now on carry this. Those that are there stay as they are:\n\
             `set cert regen` and `set csr gen` make others.\n",
        ))
    }

    pub(crate) async fn show_web_security(&self) -> Result<Reply, CoreError> {
        let parts = self.cluster.subject_parts(&self.node).await?;
        let alternate =
            self.cluster.state(Asks::default()).await?.alternate_host_name(&self.node).unwrap_or_default().to_owned();
        let rows = [
            ("orgunit", parts.unit),
            ("orgname", parts.organization),
            ("locality", parts.locality),
            ("state", parts.state),
            ("country", parts.country),
            ("alternatehostname", alternate),
        ];
        let lines = rows.iter().map(|(name, value)| format!("{name:<17} : {value}").trim_end().to_owned() + "\n");
        Ok(Reply::done(lines.collect::<String>()))
    }
}
