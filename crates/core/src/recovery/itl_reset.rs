//! `utils itl reset localkey | remotekey`: the ITL of every active TFTP node, signed by the anchor that phones still have when they
//! have lost its signer [cucm-behaviour.md 1.5, 1.6, trustlist.md 8].
//!
//! Up to 11.x a second header signed with the ITLRecovery key goes in front of the file, from 12.0 on the CallManager key signs
//! the file again. Such an ITL stays until Cisco Tftp restarts on its node, or until something in it changes.

use pki::listing::ListKind;
use pki::sign::{SigningIdentity, reset_list};
use pki::{Certificate, SoftKey, pkcs12};
use store::aside;
use store::rows::NodeRow;
use wire::trust_list::{TrustList, write_records};
use zeroize::Zeroizing;

use super::check_key_sizes;
use super::log::ResetLog;
use crate::actor::{Actor, Level};
use crate::cluster::Cluster;
use crate::publish::MODE;
use crate::releases::ItlReset;
use crate::restarts::{ITL_RESET, RESET_ITL};
use crate::surroundings::Surroundings;
use crate::trust_lists::{self, ListPlan, NodeCertificates};
use crate::units::Unit;
use crate::{CoreError, rollback, services};

/// The key that signs the reset ITL.
pub enum ResetKey {
    /// A key of this cluster.
    Local,
    /// The ITLRecovery key of another cluster, whose lists phones still hold [`pki::pkcs12::read`].
    Remote(Box<(Certificate, SoftKey)>),
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
        let bytes = self.given_file(actor, file)?;
        let bad = |reason: String| CoreError::BadInput(format!("{}: {reason}", file.escape_debug()));
        let (certificate, key) = pkcs12::read(&bytes, password).map_err(|error| bad(error.to_string()))?;
        SigningIdentity::new(&certificate, &key).map_err(|error| bad(error.to_string()))?;
        Ok(ResetKey::Remote(Box::new((certificate, key))))
    }

    /// `utils itl reset`, on the publisher. The names of the nodes whose ITL was reset.
    ///
    /// # Errors
    /// [`CoreError`]: the level, a release without such a command, no active TFTP node, an ITLRecovery key that is too short,
    /// a rollback that is being prepared.
    pub async fn reset_itl(
        &self,
        actor: &Actor,
        node: &NodeRow,
        key: &ResetKey,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<String>, CoreError> {
        actor.require(Level::Install)?;
        self.on_publisher(actor, node)?;
        let parameters = self.parameters().await?;
        self.check_reset(key)?;
        if parameters.rollback() {
            let text = "The cluster prepares for a rollback: its ITL file is blank, there is nothing to reset. \
                        `set rollback disable` ends that";
            return Err(CoreError::refused(rollback::REFUSAL, text));
        }
        let all = self.node_certificates().await?;
        check_key_sizes(&all)?;
        let nodes = self.active_tftp_nodes().await?;
        let now = surroundings.now();
        let word = if matches!(key, ResetKey::Local) { "local" } else { "remote" };
        self.audit(actor.name(), &format!("utils itl reset {word}key"), "begun", now).await?;
        let log = ResetLog::new(self, &self.directory(node).log(), now);
        log.info("Start Execution")?;
        log.debug(&format!("Key location is {word}"))?;
        log.debug("Locating active Tftp servers in the cluster.....")?;
        log.info(&format!("Number of Active TFTP servers in the cluster : {}", nodes.len()))?;
        let mut made = Vec::new();
        for row in &nodes {
            log.info(&format!("hostname is {}", row.name))?;
            log.info(&format!("Cisco Tftp service started on host {}", row.name))?;
            let own = all.iter().find(|own| own.name == row.name);
            let own = own.ok_or_else(|| CoreError::Internal(format!("node {} has no certificates", row.name)))?;
            let plan = trust_lists::itl(self.release(), &parameters, own, &all).map_err(CoreError::internal)?;
            let (old, new, signer) = self.reset_file(row, own, &plan, key, now)?;
            log.file(&self.list_path(row, ListKind::Itl), &old, &signer, &new)?;
            made.push(Made { node: row.clone(), new, signer });
        }
        self.publish_reset(actor, &made, word, now).await?;
        log.debug("Transferring new reset ITL file to the TFTP server nodes in the cluster.....")?;
        for file in &made {
            if file.node.publisher {
                log.info("On local node copying sftp recovery ITL file to TFTP directory")?;
            }
            log.info("Copied successfully")?;
            log.info(&format!("Restarting Cisco Tftp service on host {}", file.node.name))?;
        }
        Ok(made.into_iter().map(|file| file.node.name).collect())
    }

    fn check_reset(&self, key: &ResetKey) -> Result<(), CoreError> {
        let release = self.release();
        if release.itl_reset == ItlReset::NotThere {
            let text = format!(
                "Release {} has no ITLRecovery certificate, so nothing can reset its ITL file; phones that lost its signer must \
                 have their ITL deleted by hand",
                release.name
            );
            return Err(CoreError::refused("no-itl-reset", text));
        }
        if matches!(key, ResetKey::Remote(_)) && !release.remote_reset {
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

    /// The ordinary ITL, the reset one made of it, and who signs that.
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
        let usual = self.key(&self.directory(row), &plan.signer)?;
        let old = decode(plan.sign(seconds, &SigningIdentity::new(&plan.signer, &usual)?)?)?;
        let form = self.release().itl_reset;
        let local_unit = if form == ItlReset::SecondHeader { Unit::ItlRecovery } else { Unit::CallManager };
        let (certificate, signing) = match key {
            ResetKey::Local => {
                let certificate = own.get(local_unit).ok_or_else(|| {
                    CoreError::Internal(format!("{} has no {} certificate", row.name, local_unit.name()))
                })?;
                (certificate.clone(), self.key(&self.directory(row), certificate)?)
            }
            ResetKey::Remote(remote) => (**remote).clone(),
        };
        let identity = SigningIdentity::new(&certificate, &signing)?;
        let new = match form {
            ItlReset::SecondHeader => reset_list(&old, &identity)?,
            _ => ListPlan { signer: certificate.clone(), ..plan.clone() }.sign(seconds, &identity)?,
        };
        Ok((old, decode(new)?, certificate))
    }

    /// The rows first, then the files: an ITL that is not the one of its row is simply built again.
    async fn publish_reset(&self, actor: &Actor, made: &[Made], word: &str, now: i64) -> Result<(), CoreError> {
        let mut transaction = self.store().begin().await?;
        for file in made {
            let fingerprint = pki::hash::hex(&pki::hash::sha256(file.new.bytes()));
            transaction.set_itl_reset(&file.node.pkid, &fingerprint, now).await?;
            let signer = format!("{} on {}", file.signer.subject(pki::NameForm::Row), file.node.name);
            transaction.note_audit(now, actor.name(), &format!("utils itl reset {word}key"), &signer).await?;
        }
        transaction.commit().await?;
        for file in made {
            aside::write(&self.list_path(&file.node, ListKind::Itl), file.new.bytes(), MODE)?;
        }
        let mut transaction = self.store().begin().await?;
        for file in made {
            transaction.note_change(now, "list", &format!("ITL of {}", file.node.name)).await?;
        }
        let publisher = self.node(None).await?.pkid;
        transaction.note_restart_done(&publisher, RESET_ITL, now).await?;
        for file in made {
            transaction.note_restart_cause(&file.node.pkid, ITL_RESET, now).await?;
        }
        transaction.note_change(now, "reset", "all phones (ITL reset)").await?;
        Ok(transaction.commit().await?)
    }

    /// Whether a node publishes the ITL that a reset has written, with the records of `plan`.
    pub(crate) fn is_reset(
        &self,
        resets: &[(String, String)],
        node: &NodeRow,
        plan: &ListPlan,
    ) -> Result<bool, CoreError> {
        let Some((_, fingerprint)) = resets.iter().find(|(key, _)| *key == node.pkid) else { return Ok(false) };
        let Ok(Some(published)) = self.published_list(node, ListKind::Itl) else { return Ok(false) };
        let bytes = published.list.bytes();
        let records = bytes.get(published.list.header().length()..).unwrap_or_default();
        Ok(pki::hash::hex(&pki::hash::sha256(bytes)) == *fingerprint && records == write_records(&plan.records)?)
    }
}
