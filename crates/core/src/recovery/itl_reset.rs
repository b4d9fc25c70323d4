//! `utils itl reset localkey | remotekey`: the ITL of every active TFTP node, signed by the anchor that phones still have when they
//! have lost its signer [sources/recovery#itl-reset], [sources/trust-lists#reset-file].
//!
//! Up to 11.x a second header signed with the ITLRecovery key goes in front of the file, from 12.0 on the CallManager key signs
//! the file again. Such an ITL stays until Cisco Tftp restarts on its node, or until something in it changes.

use cluster::rows::{NodeRow, ServiceRow};
use pki::listing::ListKind;
use pki::sign::{SigningIdentity, reset_list};
use pki::{Certificate, SoftKey, pkcs12};
use store::{Transaction, aside};
use wire::ctl_provider::NodeStatus;
use wire::trust_list::TrustList;
use zeroize::Zeroizing;

use super::check_key_sizes;
use super::log::ResetLog;
use crate::CoreError;
use crate::bulk::{Exchange, SftpServer};
use crate::cluster::Cluster;
use crate::published::MODE;
use crate::recovery::end::end_reset;
use cluster::actor::{Actor, Level};
use cluster::alarms::ITL_NOT_RESET;
use cluster::parameters::Parameters;
use cluster::releases::ItlReset;
use cluster::restarts::{ITL_RESET, RESET_ITL};
use cluster::services;
use cluster::surroundings::Surroundings;
use cluster::trust_lists::{self, ListPlan, NodeCertificates};
use cluster::units::Unit;

/// The key that signs the reset ITL.
pub enum ResetKey {
    /// A key of this cluster.
    Local,
    /// The ITLRecovery key of another cluster, whose lists phones still hold [`pki::pkcs12::read`].
    Remote(Box<(Certificate, SoftKey)>),
}

impl ResetKey {
    /// Its word in commands and logs.
    const fn word(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote(_) => "remote",
        }
    }
}

/// A reset ITL that is not written yet.
struct Made {
    node: NodeRow,
    new: TrustList,
    signer: Certificate,
}

impl Cluster {
    /// The ITLRecovery key of another cluster, from a file on this machine: its whole path, or as it lies in the data directory.
    ///
    /// # Errors
    /// [`CoreError::BadInput`]: no such file, another password, no RSA key with its certificate.
    pub fn remote_key(&self, actor: &Actor, file: &str, password: &Zeroizing<String>) -> Result<ResetKey, CoreError> {
        actor.require(Level::Install)?;
        opened_key(&self.given_file(actor, file)?, file, password)
    }

    /// The same from an SFTP server, and the host key that this has shown. That of the server of `set cert bulk sftp` is known, any
    /// other is taken as it comes: a stranger's file does not open with the password.
    ///
    /// # Errors
    /// [`CoreError`] as above; a server that does not open.
    pub async fn remote_key_from(
        &self,
        actor: &Actor,
        server: &SftpServer,
        file: &str,
        password: &Zeroizing<String>,
        exchange: &dyn Exchange,
    ) -> Result<(ResetKey, String), CoreError> {
        actor.require(Level::Install)?;
        let known = self.store().bulk_server().await?;
        let known = known.filter(|row| row.server == server.host && row.port == i64::from(server.port));
        let server = SftpServer { host_key: known.map(|row| row.host_key), ..server.clone() };
        let mut opened = exchange.open(&server).await?;
        let shown = format!("{server:?}/{file}");
        let bytes = opened.folder.read(file).await?;
        let bytes =
            bytes.ok_or_else(|| CoreError::BadInput(format!("{}: there is no such file", shown.escape_debug())))?;
        Ok((opened_key(&bytes, &shown, password)?, opened.host_key))
    }

    /// `utils itl reset`, on the publisher: by the names of the nodes, the publisher first. A node whose file cannot be written
    /// stands in the answer, in the log and as an alarm; the others have the reset ITL.
    ///
    /// # Errors
    /// [`CoreError`], and nothing has changed: the level, a release without such a command, no active TFTP node, an ITLRecovery
    /// key that is too short, a rollback that is being prepared.
    pub async fn reset_itl(
        &self,
        actor: &Actor,
        node: &NodeRow,
        key: &ResetKey,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<NodeStatus>, CoreError> {
        let remote = matches!(key, ResetKey::Remote(_));
        let (all, nodes) = self.to_reset(actor, node, remote).await?;
        let parameters = self.parameters().await?;
        let now = surroundings.now();
        self.audit(actor.name(), &format!("utils itl reset {}key", key.word()), "begun", now).await?;
        let mut log = ResetLog::new(self, self.directory(node), now);
        let made = match self.make_resets((&all, &nodes), &parameters, key, &mut log, now) {
            Ok(made) => made,
            Err(error) => {
                // What went wrong first is the answer.
                if let Err(unwritten) = log.put_alone().await {
                    tracing::warn!(error = %unwritten, "log/itlreset.log does not tell of a reset that failed");
                }
                return Err(error);
            }
        };
        self.publish_reset(actor, &made, key, &mut log, now).await
    }

    /// The reset ITL of each of these nodes.
    fn make_resets(
        &self,
        (all, nodes): (&[NodeCertificates], &[NodeRow]),
        parameters: &Parameters,
        key: &ResetKey,
        log: &mut ResetLog<'_>,
        now: i64,
    ) -> Result<Vec<Made>, CoreError> {
        let word = key.word();
        log.info("Start Execution")?;
        log.debug(&format!("Key location is {word}"))?;
        log.debug("Locating active Tftp servers in the cluster.....")?;
        log.info(&format!("Number of Active TFTP servers in the cluster : {}", nodes.len()))?;
        let mut made = Vec::new();
        for row in nodes {
            log.info(&format!("hostname is {}", row.name))?;
            log.info(&format!("Cisco Tftp service started on host {}", row.name))?;
            log.debug("Determining if the Live TFTP node is the self node or not")?;
            match row.publisher {
                true => log.info("Live TFTP server is this pub node. So no need to sftp")?,
                false => log.info(&format!("Live TFTP server is {}", row.name))?,
            }
            let own = all.iter().find(|own| own.name == row.name);
            let own = own.ok_or_else(|| CoreError::Internal(format!("node {} has no certificates", row.name)))?;
            let plan = trust_lists::itl(self.release(), parameters, own, all)?;
            log.debug("Converting key to pkcs8")?;
            let (old, new, signer) = match self.reset_file(row, own, &plan, key, now) {
                Ok(made) => made,
                Err(error) => {
                    log.error(&format!("The reset ITL file of {} was not generated: {error}", row.name))?;
                    return Err(error);
                }
            };
            log.info("Converted key to pkcs8 format")?;
            log.file(&self.list_path(row, ListKind::Itl), &old, &signer, &new)?;
            made.push(Made { node: row.clone(), new, signer });
        }
        log.debug("Transferring new reset ITL file to the TFTP server nodes in the cluster.....")?;
        Ok(made)
    }

    /// Whether the ITL can be reset with a key of this cluster or a remote one, for whoever asks before.
    ///
    /// # Errors
    /// As [`Self::reset_itl`].
    pub async fn check_itl_reset(&self, actor: &Actor, node: &NodeRow, remote: bool) -> Result<(), CoreError> {
        self.to_reset(actor, node, remote).await.map(drop)
    }

    /// All certificates, and the nodes whose ITL is reset.
    async fn to_reset(
        &self,
        actor: &Actor,
        node: &NodeRow,
        remote: bool,
    ) -> Result<(Vec<NodeCertificates>, Vec<NodeRow>), CoreError> {
        actor.require(Level::Install)?;
        self.on_publisher(actor, node)?;
        let parameters = self.parameters().await?;
        self.check_reset(remote)?;
        if parameters.rollback() {
            let text = "The cluster prepares for a rollback: its ITL file is blank, there is nothing to reset. \
                        `set rollback disable` ends that";
            return Err(CoreError::refused(cluster::parameters::REFUSAL, text));
        }
        let all = self.node_certificates().await?;
        check_key_sizes(&all)?;
        Ok((all, self.active_tftp_nodes().await?))
    }

    fn check_reset(&self, remote: bool) -> Result<(), CoreError> {
        let release = self.release();
        if release.itl_reset == ItlReset::NotThere {
            let text = format!(
                "Release {} has no ITLRecovery certificate, so nothing can reset its ITL file; phones that lost its signer must \
                 have their ITL deleted by hand",
                release.name
            );
            return Err(CoreError::refused("no-itl-reset", text));
        }
        if remote && !release.remote_reset {
            let text =
                format!("Release {} has no `utils itl reset remotekey`; use `utils itl reset localkey`", release.name);
            return Err(CoreError::refused("no-remote-reset", text));
        }
        Ok(())
    }

    async fn active_tftp_nodes(&self) -> Result<Vec<NodeRow>, CoreError> {
        let running = self.store().services().await?;
        let mut nodes = self.store().nodes().await?;
        nodes.retain(|node| {
            running
                .iter()
                .any(|row| row.node == node.pkid && row.name == services::TFTP && row.started && row.activated)
        });
        if nodes.is_empty() {
            let text = "Cisco Tftp runs on no node; start it with `utils service start Cisco Tftp`";
            return Err(CoreError::refused("no-active-tftp", text));
        }
        Ok(nodes)
    }

    /// The ITL of before, the reset one, and who signs that. Two headers need the ordinary ITL, signed anew; elsewhere the log tells of the one
    /// that is published, so that the key of its signer, which may be what was lost, is not needed.
    fn reset_file(
        &self,
        row: &NodeRow,
        own: &NodeCertificates,
        plan: &ListPlan,
        key: &ResetKey,
        now: i64,
    ) -> Result<(TrustList, TrustList, Certificate), CoreError> {
        let decode = |bytes: Vec<u8>| TrustList::decode(bytes).map_err(CoreError::internal);
        let seconds = u32::try_from(now / 1000).unwrap_or(u32::MAX);
        let form = self.release().itl_reset;
        let local_unit = if form == ItlReset::SecondHeader { Unit::ItlRecovery } else { Unit::CallManager };
        let (certificate, signing) = match key {
            ResetKey::Local => {
                let certificate = own.readable(local_unit).ok_or_else(|| {
                    CoreError::Internal(format!("{} has no {} certificate", row.name, local_unit.name()))
                })?;
                (certificate.clone(), self.key(&self.directory(row), local_unit, certificate)?)
            }
            ResetKey::Remote(remote) => (**remote).clone(),
        };
        let identity = SigningIdentity::new(&certificate, &signing)?;
        if form == ItlReset::SecondHeader {
            let usual = self.key(&self.directory(row), self.release().itl_signer, &plan.signer)?;
            let old = decode(plan.sign(seconds, &SigningIdentity::new(&plan.signer, &usual)?)?)?;
            let new = decode(reset_list(&old, &identity)?)?;
            return Ok((old, new, certificate));
        }
        let new = decode(ListPlan { signer: certificate.clone(), ..plan.clone() }.sign(seconds, &identity)?)?;
        let published = self.published_list(row, ListKind::Itl).ok().flatten();
        Ok((published.map_or_else(|| new.clone(), |published| published.list), new, certificate))
    }

    /// The rows first, then the files: an ITL that is not the one of its row is simply built again. A node that failed has no
    /// row any more.
    async fn publish_reset(
        &self,
        actor: &Actor,
        made: &[Made],
        key: &ResetKey,
        log: &mut ResetLog<'_>,
        now: i64,
    ) -> Result<Vec<NodeStatus>, CoreError> {
        let mut transaction = self.store().begin().await?;
        log.put(&mut transaction).await?;
        for file in made {
            let fingerprint = pki::hash::hex(&pki::hash::sha256(file.new.bytes()));
            transaction.set_itl_reset(&file.node.pkid, &fingerprint, now).await?;
        }
        transaction.commit().await?;
        let state = |file: &Made| {
            let path = self.list_path(&file.node, ListKind::Itl);
            let failure = aside::write(&path, file.new.bytes(), MODE).err().map(|error| error.to_string());
            NodeStatus { host: file.node.name.clone(), location: path.display().to_string(), failure }
        };
        let states: Vec<NodeStatus> = made.iter().map(state).collect();
        let command = format!("utils itl reset {}key", key.word());
        for (file, state) in made.iter().zip(&states) {
            match file.node.publisher {
                true => log.info("On local node copying sftp recovery ITL file to TFTP directory")?,
                false => log.info(&format!("Copying reset ITL file to TFTP directory of host {}", file.node.name))?,
            }
            match &state.failure {
                None => {
                    log.info("Copied successfully")?;
                    log.info(&format!("Restarting Cisco Tftp service on host {}", file.node.name))?;
                }
                Some(why) => log.error(&format!("The reset ITL file was not copied to {}: {why}", file.node.name))?,
            }
        }
        let mut transaction = self.store().begin().await?;
        for (Made { node, signer, .. }, state) in made.iter().zip(&states) {
            transaction.clear_alarm(ITL_NOT_RESET.name, &node.name).await?;
            let result = match &state.failure {
                None => {
                    transaction.note_change(now, "list", &format!("ITL of {}", node.name)).await?;
                    self.restart_tftp(&mut transaction, node, now).await?;
                    transaction.note_restart_cause(&node.pkid, ITL_RESET, now).await?;
                    format!("{} on {}", signer.subject(pki::NameForm::Row), node.name)
                }
                Some(why) => {
                    tracing::error!(node = node.name, why, "THE NODES GIVE OUT ITL FILES OF DIFFERENT SIGNERS");
                    transaction.end_itl_reset(&node.pkid).await?;
                    let message = format!("The reset ITL file was not written on {}: {why}", node.name);
                    self.stand(&mut transaction, node, &ITL_NOT_RESET, &node.name, &message, now).await?;
                    format!("failed on {}", node.name)
                }
            };
            transaction.note_audit(now, actor.name(), &command, &result).await?;
        }
        if states.iter().all(|state| state.failure.is_none()) {
            let publisher = self.node(None).await?.pkid;
            transaction.note_restart_done(&publisher, RESET_ITL, now).await?;
        }
        transaction.note_change(now, "reset", "all phones (ITL reset)").await?;
        log.put(&mut transaction).await?;
        transaction.commit().await?;
        Ok(states)
    }

    /// As the original does at the end of a reset [sources/recovery#itl-reset-log]: unlike a restart by an
    /// administrator, this one keeps the reset ITL and is none of those that a change needs.
    async fn restart_tftp(&self, transaction: &mut Transaction, node: &NodeRow, now: i64) -> Result<(), CoreError> {
        let rows = self.store().services().await?;
        for row in rows.into_iter().filter(|row| row.node == node.pkid && row.name == services::TFTP) {
            transaction.set_service(&ServiceRow { started_at: now, ..row }).await?;
            transaction.note_change(now, "service", &format!("{}/{}", node.name, services::TFTP)).await?;
        }
        Ok(())
    }

    /// Cisco Tftp of a node starts with the program: the ordinary ITL is back, as after `utils service restart Cisco Tftp`
    /// [sources/recovery#itl-reset].
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn tftp_starts(&self, node: &NodeRow, surroundings: &dyn Surroundings) -> Result<(), CoreError> {
        let now = surroundings.now();
        let resets = self.store().itl_resets().await?;
        if resets.iter().all(|(key, _)| *key != node.pkid) {
            return Ok(());
        }
        let mut transaction = self.store().begin().await?;
        end_reset(&mut transaction, node).await?;
        transaction.note_restart_done(&node.pkid, services::TFTP, now).await?;
        let command = format!("start Cisco Tftp on {}", node.name);
        transaction.note_audit(now, "system", &command, "the reset of its ITL ends").await?;
        Ok(transaction.commit().await?)
    }
}

fn opened_key(bytes: &[u8], file: &str, password: &Zeroizing<String>) -> Result<ResetKey, CoreError> {
    let bad = |reason: String| CoreError::BadInput(format!("{}: {reason}", file.escape_debug()));
    let (certificate, key) = pkcs12::read(bytes, password).map_err(|error| bad(error.to_string()))?;
    SigningIdentity::new(&certificate, &key).map_err(|error| bad(error.to_string()))?;
    Ok(ResetKey::Remote(Box::new((certificate, key))))
}
