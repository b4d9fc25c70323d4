//! `utils itl reset`, `utils ctl reset`, `file get tftp ITLRecovery.p12`, `set rollback`, `show anchors`, `show alarms`
//! [cucm-behaviour.md 1.5].

use ringfence_core::administrators::Password;
use ringfence_core::recovery::backup;
use ringfence_core::recovery::itl_reset::ResetKey;
use ringfence_core::releases::ItlReset;
use ringfence_core::{CoreError, Surroundings};

use crate::question::Question;
use crate::run::trust_lists::{failed, node_by_node};
use crate::session::{Reply, Session, one_line};

/// What follows when a node has not the reset ITL.
const STILL_OLD_ITL: &str =
    "WARNING: phones of a node that failed cannot check its ITL file. Mend it, then run this command again\n";

impl Session {
    /// Up to 11.5 the original asks for a password [seed 004]; without an account that could have it, and later, for a yes.
    pub(crate) async fn ask_to_reset_itl(&mut self) -> Result<Reply, CoreError> {
        let old = self.cluster.release().itl_reset == ItlReset::SecondHeader;
        let question = match old && self.cluster.has_ccm_administrator().await? {
            true => Question::CcmPassword,
            false => Question::ResetItl,
        };
        Ok(self.ask(question))
    }

    pub(crate) async fn reset_itl_with_password(
        &self,
        password: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        self.cluster.check_ccm_administrator(Password::new(password)).await?;
        self.reset_itl(&ResetKey::Local, surroundings).await
    }

    pub(crate) async fn reset_itl(
        &self,
        key: &ResetKey,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let states = self.cluster.reset_itl(&self.actor, &self.node, key, surroundings).await?;
        let nodes: Vec<&str> = states.iter().map(|state| state.host.as_str()).collect();
        let text = if self.cluster.release().itl_reset == ItlReset::SecondHeader {
            let quoted: Vec<String> = nodes.iter().map(|name| format!("'{name}'")).collect();
            format!(
                "\nLocating active Tftp servers in the cluster.....\n\n\
                 Following is the list of Active tftp servers in the cluster\n\n[{}]\n\
                 The reset ITL file was generated successfully\n\n\
                 Transferring new reset ITL file to the TFTP server nodes in the cluster.....\n",
                quoted.join(", ")
            )
        } else {
            let key = match key {
                ResetKey::Local => "CallManager certificate key",
                ResetKey::Remote(_) => "the remote ITLRecovery key",
            };
            format!(
                "ITLFile on all the active TFTP nodes will be reset now\nand signed using {key}...\nITL file Reset.\n\
                 Please reset all the phones to pickup the new ITL File.\n"
            )
        };
        if failed(&states) {
            let table = node_by_node(&states);
            return Ok(Reply::done(format!("{text}{table}")).failed(STILL_OLD_ITL));
        }
        Ok(Reply::done(text))
    }

    pub(crate) async fn reset_itl_remotely(
        &self,
        file: &str,
        password: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let key = self.cluster.remote_key(&self.actor, file, &password.trim().to_owned().into())?;
        self.reset_itl(&key, surroundings).await
    }

    pub(crate) async fn reset_ctl(&self, surroundings: &mut dyn Surroundings) -> Reply {
        let done = self.cluster.reset_ctl(&self.actor, &self.node, surroundings).await;
        self.after_ctl(done, "CTL file Reset\n").await.above("\nResetting CTL file\n")
    }

    pub(crate) fn ask_for_backup(&mut self, file: &str, place: &str) -> Result<Reply, CoreError> {
        if file != backup::FILE {
            return Err(CoreError::BadInput(format!("no file {}; there is {}", one_line(file), backup::FILE)));
        }
        Ok(self.ask(Question::Backup(place.to_owned())))
    }

    pub(crate) async fn back_up(
        &self,
        place: &str,
        password: &Password,
        again: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        if *password != Password::new(again.trim()) {
            return Err(CoreError::BadInput("the two passwords are not the same; nothing was written".to_owned()));
        }
        let password = again.trim().to_owned().into();
        let path = self.cluster.back_up_recovery(&self.actor, &self.node, place, &password, surroundings).await?;
        Ok(Reply::done(format!("Written to {}\n", one_line(&path))))
    }

    pub(crate) async fn set_rollback(&self, on: bool, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        let changed = self.cluster.set_rollback(&self.actor, &self.node, on, surroundings).await?;
        let state = if on { "on" } else { "off" };
        let mut text = match changed {
            true => {
                format!("Prepare Cluster for Rollback to pre 8.0 is {state}. Phones are reset to fetch the ITL file.\n")
            }
            false => format!("Prepare Cluster for Rollback to pre 8.0 is {state} already.\n"),
        };
        if on {
            text.push_str("Phones that are off now keep their ITL; it must be deleted on them by hand.\n");
        }
        Ok(Reply::done(text))
    }

    pub(crate) async fn show_anchors(&self) -> Result<Reply, CoreError> {
        let mut warnings = self.anchor_warnings().await?;
        if let Some(trouble) = self.cluster.ctl_trouble().await? {
            warnings.push_str(&format!("WARNING: {}.\n", one_line(&trouble)));
        }
        if warnings.is_empty() {
            return Ok(Reply::done("All records of the CTL and ITL files name live certificates.\n"));
        }
        Ok(Reply::done(warnings))
    }

    /// A line for each record that names no live certificate.
    pub(crate) async fn anchor_warnings(&self) -> Result<String, CoreError> {
        let findings = self.cluster.anchors().await?;
        Ok(findings.iter().map(|finding| format!("WARNING: {}.\n", one_line(&finding.to_string()))).collect())
    }

    pub(crate) async fn show_alarms(&self) -> Result<Reply, CoreError> {
        let alarms = self.cluster.standing_alarms().await?;
        if alarms.is_empty() {
            return Ok(Reply::done("No alarm stands.\n"));
        }
        let line = |alarm: &ringfence_core::StandingAlarmRow| format!("{}: {}\n", alarm.name, one_line(&alarm.text));
        Ok(Reply::done(alarms.iter().map(line).collect::<String>()))
    }
}
