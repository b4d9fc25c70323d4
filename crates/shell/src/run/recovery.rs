//! `utils itl reset`, `utils ctl reset`, `file get tftp ITLRecovery.p12`, `set rollback`, `show anchors`, `show alarms`
//! [sources/recovery#itl-reset], [sources/recovery#ctl-reset].

use cluster::Surroundings;
use cluster::releases::ItlReset;
use cluster::rollback::SetRollback;
use ringfence_core::CoreError;
use ringfence_core::administrators::Password;
use ringfence_core::bulk::SftpServer;
use ringfence_core::recovery::backup;
use ringfence_core::recovery::itl_reset::ResetKey;

use crate::question::Question;
use crate::run::bulk::{host_and_port, printable};
use crate::run::trust_lists::{failed, node_by_node};
use crate::session::{Reply, Session, one_line};

/// What follows when a node has not the reset ITL.
const STILL_OLD_ITL: &str =
    "WARNING: phones of a node that failed cannot check its ITL file. Mend it, then run this command again\n";

impl Session {
    /// Up to 11.5 the original asks for a password [sources/recovery#itl-reset]; without an account that could have it,
    /// and later, for a yes.
    pub(crate) async fn ask_to_reset_itl(&mut self) -> Result<Reply, CoreError> {
        self.cluster.check_itl_reset(&self.actor, &self.node, false).await?;
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

    /// A file of this machine, or `sftp://USER@HOST[:PORT]/DIRECTORY/FILE` as the original takes it.
    pub(crate) async fn ask_for_remote_key(&mut self, typed: &str) -> Result<Reply, CoreError> {
        self.cluster.check_itl_reset(&self.actor, &self.node, true).await?;
        Ok(match typed.strip_prefix("sftp://") {
            None => {
                self.cluster.given_file(&self.actor, typed)?;
                self.ask(Question::RemoteKey(typed.to_owned(), None))
            }
            Some(rest) => {
                let (server, file) = sftp_file(rest)?;
                self.ask(Question::RemoteLogin(server, file))
            }
        })
    }

    pub(crate) fn ask_for_key_password(&mut self, server: SftpServer, file: String, typed: &str) -> Reply {
        let server = SftpServer { password: typed.to_owned().into(), ..server };
        self.ask(Question::RemoteKey(file, Some(server)))
    }

    pub(crate) async fn reset_itl_remotely(
        &self,
        file: &str,
        server: Option<&SftpServer>,
        password: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let password = password.trim().to_owned().into();
        let Some(server) = server else {
            let key = self.cluster.remote_key(&self.actor, file, &password)?;
            return self.reset_itl(&key, surroundings).await;
        };
        let fetched = self.cluster.remote_key_from(&self.actor, server, file, &password, &*self.exchange).await;
        let (key, host_key) = fetched?;
        let shown = format!("The server shows the host key {}.\n", one_line(&host_key));
        Ok(self.reset_itl(&key, surroundings).await?.above(&shown))
    }

    pub(crate) async fn reset_ctl(&self, surroundings: &mut dyn Surroundings) -> Reply {
        let done = self.cluster.reset_ctl(&self.actor, &self.node, surroundings).await;
        self.after_ctl(done, "CTL file Reset\n").await.above("\nResetting CTL file\n")
    }

    pub(crate) async fn ask_for_backup(&mut self, file: &str, place: &str) -> Result<Reply, CoreError> {
        if file != backup::FILE {
            return Err(CoreError::BadInput(format!("no file {}; there is {}", one_line(file), backup::FILE)));
        }
        self.cluster.check_backup(&self.actor, &self.node, place).await?;
        Ok(self.ask(Question::Backup(place.to_owned())))
    }

    pub(crate) fn ask_for_backup_again(&mut self, place: String, typed: &str) -> Result<Reply, CoreError> {
        backup::check_password(typed.trim())?;
        Ok(self.ask(Question::BackupConfirmation { place, password: Password::new(typed.trim()) }))
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

    pub(crate) async fn ask_about_rollback(&mut self, on: bool) -> Result<Reply, CoreError> {
        if self.cluster.parameters().await?.rollback() == on {
            return Ok(rollback_is(on, false));
        }
        Ok(self.ask(Question::Rollback(on)))
    }

    pub(crate) async fn set_rollback(&self, on: bool, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        let changed = self.cluster.perform(&self.actor, &self.node, &SetRollback { on }, surroundings).await?;
        Ok(rollback_is(on, changed))
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
        let line = |alarm: &cluster::rows::StandingAlarmRow| format!("{}: {}\n", alarm.name, one_line(&alarm.text));
        Ok(Reply::done(alarms.iter().map(line).collect::<String>()))
    }
}

/// How it stands, and whether that is new.
fn rollback_is(on: bool, changed: bool) -> Reply {
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
    Reply::done(text)
}

/// `USER@HOST[:PORT]/DIRECTORY/FILE`: the server with its directory, without a password yet, and the name of the file.
fn sftp_file(typed: &str) -> Result<(SftpServer, String), CoreError> {
    let wrong = || {
        CoreError::BadInput(format!(
            "sftp://{} names no file; write sftp://USER@HOST:PORT/DIRECTORY/FILE",
            one_line(typed)
        ))
    };
    let (place, path) = typed.split_once('/').ok_or_else(wrong)?;
    let (user, host) = place.rsplit_once('@').ok_or_else(wrong)?;
    let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
    if user.is_empty() || user.contains(':') || file.is_empty() || file == ".." {
        return Err(wrong());
    }
    let (host, port) = host_and_port(host)?;
    let server = SftpServer {
        host,
        port,
        user: printable("user", user)?,
        password: String::new().into(),
        path: printable("directory", &format!("/{directory}"))?,
        host_key: None,
    };
    Ok((server, file.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::sftp_file;

    #[test]
    fn files_of_servers() {
        let (server, file) = sftp_file("backup@10.1.1.9:2222/srv/keys/ITLRecovery.p12").unwrap();
        assert_eq!((server.user.as_str(), server.host.as_str(), server.port), ("backup", "10.1.1.9", 2222));
        assert_eq!((server.path.as_str(), file.as_str()), ("/srv/keys", "ITLRecovery.p12"));
        let (server, file) = sftp_file("backup@host/a.p12").unwrap();
        assert_eq!((server.path.as_str(), server.port, file.as_str()), ("/", 22, "a.p12"));
        for wrong in
            ["", "host/a", "@host/a", "user:secret@host/a", "u@host", "u@host/", "u@host/d/..", "u@ho st/a", "u@/a"]
        {
            assert!(sftp_file(wrong).is_err(), "{wrong}");
        }
    }
}
