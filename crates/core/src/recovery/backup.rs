//! `file get tftp ITLRecovery.p12`: the ITLRecovery key of the publisher behind a password, and the alarm that stands until
//! somebody has taken it [sources/recovery#backup-of-the-key], [sources/monitor#alarms].

use std::path::PathBuf;

use cluster::rows::NodeRow;
use pki::{Certificate, pkcs12};
use store::aside;
use zeroize::Zeroizing;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::alarms::ITL_RECOVERY_BACKUP;
use cluster::releases::Recovery;
use cluster::surroundings::Surroundings;
use cluster::units::Unit;

/// Name of the file.
pub const FILE: &str = "ITLRecovery.p12";

/// Whether a password is one for the file.
///
/// # Errors
/// [`CoreError::BadInput`].
pub fn check_password(password: &str) -> Result<(), CoreError> {
    pkcs12::check_password(password).map_err(|error| CoreError::BadInput(error.to_string()))
}

impl Cluster {
    /// Writes the ITLRecovery key and certificate of the publisher to `place`: a directory, or the file itself; relative to the
    /// data directory. The file is readable for its owner only. Where it was written.
    ///
    /// # Errors
    /// [`CoreError`]: no ITLRecovery certificate, a short password, a file that is there already or cannot be written.
    pub async fn back_up_recovery(
        &self,
        actor: &Actor,
        node: &NodeRow,
        place: &str,
        password: &Zeroizing<String>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<String, CoreError> {
        let (certificate, path) = self.check_backup(actor, node, place).await?;
        let key = self.key(&self.directory(node), Unit::ItlRecovery, &certificate)?;
        let file = pkcs12::write("ITLRecovery", &certificate, &key, password)
            .map_err(|error| CoreError::BadInput(error.to_string()))?;
        let shown = path.display().to_string();
        let now = surroundings.now();
        self.audit(actor.name(), &format!("file get tftp {FILE}"), &format!("to {shown}"), now).await?;
        aside::write(&path, &file, 0o600)?;
        let fingerprint = pki::hash::hex(&certificate.sha256());
        let mut transaction = self.store().begin().await?;
        transaction.note_recovery_backup(&fingerprint, now).await?;
        transaction.clear_alarm(ITL_RECOVERY_BACKUP.name, &fingerprint).await?;
        transaction.commit().await?;
        Ok(shown)
    }

    /// The ITLRecovery certificate and the file that it goes to, when it can; for whoever asks for the password, too.
    ///
    /// # Errors
    /// As [`Self::back_up_recovery`].
    pub async fn check_backup(
        &self,
        actor: &Actor,
        node: &NodeRow,
        place: &str,
    ) -> Result<(Certificate, PathBuf), CoreError> {
        actor.require(Level::Install)?;
        self.on_publisher(actor, node)?;
        let all = self.node_certificates().await?;
        let own = all.iter().find(|own| own.publisher).and_then(|own| own.readable(Unit::ItlRecovery));
        let certificate = own.cloned().ok_or_else(|| {
            let text = format!("{} has no ITLRecovery certificate; releases before 10.0 know none", node.name);
            CoreError::refused("no-recovery", text)
        })?;
        self.key(&self.directory(node), Unit::ItlRecovery, &certificate)?;
        let mut path = self.data().root().join(place);
        if place.is_empty() || path.is_dir() {
            path.push(FILE);
        }
        let shown = path.display().to_string();
        if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
            let text = format!("{} is no directory; make it first, or name another place", folder.display());
            return Err(CoreError::BadInput(text));
        }
        if path.symlink_metadata().is_ok() {
            let text = format!(
                "{shown} is there already and may be the only copy of another key. Take it away, or name another place: `file get \
                 tftp {FILE} PLACE`"
            );
            return Err(CoreError::refused("file-there", text));
        }
        Ok((certificate, path))
    }

    /// Lets the alarm stand for an ITLRecovery certificate that was not backed up, and ends it for those that are gone.
    pub(crate) async fn watch_recovery_backup(&self, now: i64) -> Result<(), CoreError> {
        let all = self.node_certificates().await?;
        let own = all.iter().find(|own| own.publisher);
        if own.is_some_and(|own| own.get(Unit::ItlRecovery).is_err()) {
            // Nobody knows which one it is, so nobody knows what the alarms that stand are worth.
            return Ok(());
        }
        let own = own.and_then(|own| own.readable(Unit::ItlRecovery));
        let wanted = own.filter(|_| self.release().recovery != Recovery::None);
        let wanted = wanted.map(|certificate| pki::hash::hex(&certificate.sha256()));
        let missing = match &wanted {
            Some(fingerprint) if self.store().recovery_backup(fingerprint).await?.is_none() => Some(fingerprint),
            _ => None,
        };
        let standing = self.store().standing_alarms().await?;
        let standing: Vec<&str> = standing
            .iter()
            .filter(|alarm| alarm.name == ITL_RECOVERY_BACKUP.name)
            .map(|alarm| alarm.subject.as_str())
            .collect();
        let ended = standing.iter().filter(|subject| missing.is_none_or(|fingerprint| fingerprint != *subject));
        let ended: Vec<&&str> = ended.collect();
        let new = missing.filter(|fingerprint| !standing.contains(&fingerprint.as_str()));
        if ended.is_empty() && new.is_none() {
            return Ok(());
        }
        let publisher = self.node(None).await?;
        let mut transaction = self.store().begin().await?;
        for subject in ended {
            transaction.clear_alarm(ITL_RECOVERY_BACKUP.name, subject).await?;
        }
        if let Some(fingerprint) = new {
            let message = format!("The ITLRecovery certificate of {} was not backed up", publisher.name);
            self.stand(&mut transaction, &publisher, &ITL_RECOVERY_BACKUP, fingerprint, &message, now).await?;
        }
        Ok(transaction.commit().await?)
    }
}
