//! Another release for a cluster: upgrade and downgrade. Certificates and the CTL are carried unchanged, byte for byte; the ITLs
//! are built anew, because the release says who signs them.

use cluster::rows::NodeRow;

use crate::CoreError;
use crate::certificates::{MadeCertificate, insert_own, make, note_former, refresh_roles, replace_own};
use crate::cluster::Cluster;
use cluster::actor::Actor;
use cluster::nodes::NewNode;
use cluster::parameters::RELEASE;
use cluster::releases::{self, Recovery, Release, release};
use cluster::surroundings::Surroundings;
use cluster::units::Unit;

/// What an upgrade does with the ITLRecovery certificate of the publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarriedRecovery {
    /// It stays. One is made where the release needs one and there is none.
    Kept,
    /// Another one is made although there is one, as refresh upgrades to 12.5(1) before SU3 did: a rehearsal of field
    /// notice 70613.
    Renewed,
}

impl Cluster {
    /// Whether the cluster can follow this release, for whoever asks before. The release.
    ///
    /// # Errors
    /// As [`Self::switch_release`].
    pub async fn check_switch(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        recovery: CarriedRecovery,
    ) -> Result<&'static Release, CoreError> {
        self.on_publisher(actor, node)?;
        let to = release(name).ok_or_else(|| {
            CoreError::BadInput(format!("no release {}; there are {}", name.escape_debug(), releases::names()))
        })?;
        self.parameters().await?;
        if self.release().name == to.name {
            return Err(CoreError::refused("same-release", format!("The cluster follows release {name} already")));
        }
        if recovery == CarriedRecovery::Renewed && !to.may_renew_recovery {
            let text = format!("An upgrade to {name} keeps the ITLRecovery certificate; only one to 12.5 renewed it");
            return Err(CoreError::refused("recovery-is-kept", text));
        }
        Ok(to)
    }

    /// `utils system switch-version RELEASE`, on the publisher: the cluster follows another release from now on. What it
    /// followed before.
    ///
    /// # Errors
    /// [`CoreError`]: the release is not known or is followed already; [`CarriedRecovery::Renewed`] for a release whose
    /// upgrade never did that.
    pub async fn switch_release(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        recovery: CarriedRecovery,
        surroundings: &mut dyn Surroundings,
    ) -> Result<&'static Release, CoreError> {
        let to = self.check_switch(actor, node, name, recovery).await?;
        let from = self.release();
        let renew = recovery == CarriedRecovery::Renewed;
        if renew {
            self.refuse_during_rollback().await?;
            self.check_rollback_over(surroundings.now()).await?;
        }
        let command = format!("utils system switch-version {}", to.name);
        self.audit(actor.name(), &command, "begun", surroundings.now()).await?;
        let all = self.node_certificates().await?;
        let made = self.missing_certificates(to, renew, surroundings).await?;
        let nodes = self.store().nodes().await?;
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        for (owner, unit, certificate) in &made {
            if renew {
                replace_own(&mut transaction, owner, *unit, certificate.certificate(), now).await?;
            } else {
                insert_own(&mut transaction, owner, *unit, certificate.certificate(), None).await?;
            }
        }
        if to.recovery == Recovery::Shared {
            // Those of the subscribers stay in the trust stores: phones that hold their lists ask TVS about them.
            for other in nodes.iter().filter(|other| !other.publisher) {
                if let Some(key) = transaction.remove_own(&other.pkid, Unit::ItlRecovery.service()).await? {
                    refresh_roles(&mut transaction, &key).await?;
                }
                let own = all.iter().find(|own| own.name == other.name).and_then(|own| own.readable(Unit::ItlRecovery));
                if let Some(old) = own {
                    note_former(&mut transaction, other, Unit::ItlRecovery, old, now).await?;
                }
            }
        }
        transaction.set_parameter(RELEASE, to.name).await?;
        transaction.note_former_setting("release", "", from.name).await?;
        transaction.note_change(now, "release", to.name).await?;
        transaction.note_audit(now, actor.name(), &command, &format!("release {} before", from.name)).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await?;
        Ok(from)
    }

    /// Makes the certificates that a release needs and that are not there, and puts the key of a shared ITLRecovery on every
    /// node. None of them counts yet.
    async fn missing_certificates(
        &self,
        to: &'static Release,
        renew: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<(NodeRow, Unit, MadeCertificate)>, CoreError> {
        let all = self.node_certificates().await?;
        let nodes = self.store().nodes().await?;
        let mut missing = Vec::new();
        for (row, own) in nodes.iter().zip(&all) {
            for unit in to.units(row.publisher) {
                let shared = unit == Unit::ItlRecovery && to.recovery == Recovery::Shared;
                let holders = if shared { nodes.as_slice() } else { std::slice::from_ref(row) };
                // One that cannot be read is none that is missing.
                match own.get(unit).map_err(|unreadable| CoreError::Unreadable(unreadable.clone()))? {
                    Some(certificate) if !(renew && unit == Unit::ItlRecovery) => {
                        if shared {
                            let key = self.key(&self.directory(row), unit, certificate)?;
                            for holder in holders {
                                self.directory(holder).keys().save(&key.key_id(), &key.to_pem()?)?;
                            }
                        }
                    }
                    _ => {
                        let profile = (to.certificates)(unit).1;
                        let place = NewNode::try_from(row)?;
                        let subject = self.new_subject(unit, row, surroundings).await?;
                        let mut request = make::request(profile.certificate, subject, &place, unit, surroundings)?;
                        request.dns_names.extend(self.alternate_host_name(row).await?);
                        let certificate = make::make(unit, profile, request, surroundings.rsa_keys()).await?;
                        for holder in holders {
                            certificate.save(&self.directory(holder).keys())?;
                        }
                        missing.push((row.clone(), unit, certificate));
                    }
                }
            }
        }
        Ok(missing)
    }
}
