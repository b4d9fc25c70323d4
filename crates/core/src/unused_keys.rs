//! Keys that nothing uses: those of replaced certificates, those of a command that ended before its change was done, files half
//! written. They are listed with what they were for, and removed when an administrator says so.
//!
//! A key is in use when an own certificate of any node or a kept request has it. Files that are no private keys are left alone.

use std::collections::HashSet;

use cluster::rows::{FormerKeyRow, NodeRow, RequestState};
use pki::SoftKey;
use store::aside;
use zeroize::Zeroizing;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::enrolment::strings::StringKey;
use cluster::actor::{Actor, Level};
use cluster::readable::{KeepsCertificate, check};
use cluster::surroundings::Surroundings;
use cluster::units::service;

/// A file younger than this may belong to a command that is not done, seconds: none takes an hour.
const YOUNG: i64 = 60 * 60;

/// A file that nothing uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedKey {
    /// Name of the node.
    pub node: String,
    /// `keys/NAME.pem`, or a half written file in `keys/` or `published/`.
    pub file: String,
    /// What it was for; `None` when its change was never done.
    pub former: Option<FormerKeyRow>,
    /// Whether it may still belong to a command that runs, so that it stays for now.
    pub young: bool,
}

impl UnusedKey {
    /// What it is, in a few words.
    pub fn reason(&self) -> String {
        match &self.former {
            Some(former) => {
                let unit = service(former.service).map_or("", |service| service.name);
                format!("{unit} of {}, serial {}", former.server_name, former.serial)
            }
            None if aside::is_leftover(&self.file) => "half written".to_owned(),
            None => "of a change that was not done".to_owned(),
        }
    }
}

impl Cluster {
    /// `utils key list`: by node. `now` in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn unused_keys(&self, actor: &Actor, now: i64) -> Result<Vec<UnusedKey>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let mut transaction = self.store().begin().await?;
        self.find_unused(&mut transaction, now).await
    }

    /// `utils key collect`: removes what nothing uses and is not young. What was removed.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn collect_unused_keys(
        &self,
        actor: &Actor,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<UnusedKey>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let now = surroundings.now();
        self.audit(actor.name(), "utils key collect", "begun", now).await?;
        // Nobody else changes rows until the files are gone.
        let mut transaction = self.store().begin().await?;
        let mut unused = self.find_unused(&mut transaction, now).await?;
        unused.retain(|key| !key.young);
        let nodes = self.store().nodes().await?;
        for key in &unused {
            let Some(node) = nodes.iter().find(|node| node.name == key.node) else { continue };
            match key.file.strip_prefix("keys/") {
                Some(file) => self.directory(node).keys().remove(file)?,
                None => {
                    let file = key.file.strip_prefix("published/").unwrap_or(&key.file);
                    aside::remove(&self.directory(node).published().join(file))?
                }
            };
        }
        let files: Vec<String> = unused.iter().map(|key| format!("{} of {}", key.file, key.node)).collect();
        let result = format!("{} removed: {}", files.len(), cluster::wording::listed(&files));
        transaction.note_audit(now, actor.name(), "utils key collect", &result).await?;
        transaction.commit().await?;
        Ok(unused)
    }

    async fn find_unused(&self, transaction: &mut store::Transaction, now: i64) -> Result<Vec<UnusedKey>, CoreError> {
        let mut used = HashSet::from([StringKey::file()]);
        // With one that cannot be read, nobody knows whose key is not in use.
        let mut unknown = !self.store().unreadable(&["owncertificate", "certificaterequest"], &check).await?.is_empty();
        for row in transaction.certificates().await?.iter().filter(|row| !row.own.is_empty()) {
            match row.certificate() {
                Ok(certificate) => {
                    used.insert(format!("{}.pem", pki::hash::hex(&certificate.key_id())));
                }
                Err(_) => unknown = true,
            }
        }
        for request in transaction.requests().await?.iter().filter(|request| request.state != RequestState::Used) {
            used.insert(format!("{}.pem", request.key_id));
        }
        let former = transaction.former_keys().await?;
        let mut unused = Vec::new();
        for node in self.store().nodes().await? {
            let seconds = now / 1000;
            let young = |at: u64| seconds.saturating_sub(i64::try_from(at).unwrap_or(i64::MAX)) < YOUNG;
            for (file, at) in self.directory(&node).keys().files()? {
                if used.contains(&file) || !(aside::is_leftover(&file) || self.is_key(&node, &file)?) {
                    continue;
                }
                let former = former.iter().find(|row| file.strip_suffix(".pem") == Some(row.key_id.as_str())).cloned();
                if unknown && former.is_none() && !aside::is_leftover(&file) {
                    continue;
                }
                let key = UnusedKey { node: node.name.clone(), file: format!("keys/{file}"), former, young: young(at) };
                unused.push(key);
            }
            for (file, at) in aside::files(&self.directory(&node).published())? {
                if aside::is_leftover(&file) {
                    let file = format!("published/{file}");
                    unused.push(UnusedKey { node: node.name.clone(), file, former: None, young: young(at) });
                }
            }
        }
        Ok(unused)
    }

    /// Whether a file is a private key under the name of its public half.
    fn is_key(&self, node: &NodeRow, file: &str) -> Result<bool, CoreError> {
        let Some(pem) = aside::read(&self.directory(node).keys().folder().join(file))?.map(Zeroizing::new) else {
            return Ok(false);
        };
        let key = SoftKey::from_pem(&pem);
        Ok(key.is_ok_and(|key| file == format!("{}.pem", pki::hash::hex(&key.key_id()))))
    }
}
