//! `set cert regen`: a new key and certificate for a unit [sources/shell#regeneration]. When it is refused stands in
//! [`crate::guard`].

use cluster::rows::NodeRow;
use pki::Certificate;

use super::key_choice::KeyChoice;
use super::make::{make, request};
use super::rows::replace_own;
use crate::CoreError;
use crate::certificate_log::Logged;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::nodes::NewNode;
use cluster::releases::KeyProfile;
use cluster::surroundings::Surroundings;
use cluster::units::Unit;

/// What a renewal did.
#[derive(Debug, Clone)]
pub struct Regenerated {
    /// The unit.
    pub unit: Unit,
    /// The new certificate.
    pub certificate: Certificate,
}

impl Cluster {
    /// `set cert regen UNIT` on a node: a new key and certificate, the trust-store copies exchanged, lists rebuilt.
    ///
    /// # Errors
    /// [`CoreError`]: the level, a unit that this node has not, what [`crate::guard`] refuses.
    pub async fn regenerate(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: Unit,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Regenerated, CoreError> {
        self.renew(actor, node, unit, KeyChoice::default(), None, surroundings).await
    }

    /// The same with a key length and a hash that somebody chose.
    ///
    /// # Errors
    /// As [`Self::regenerate`]; what the release does not offer, the files cannot name or a phone in use cannot check.
    pub async fn regenerate_with(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: Unit,
        choice: KeyChoice,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Regenerated, CoreError> {
        self.renew(actor, node, unit, choice, None, surroundings).await
    }

    /// The same although phones would be left behind or the clock is wrong, for a reason that the audit entry keeps. The wait
    /// of five minutes stays.
    ///
    /// # Errors
    /// As [`Self::regenerate`]; [`CoreError::BadInput`] without a reason.
    pub async fn regenerate_forced(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: Unit,
        reason: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Regenerated, CoreError> {
        self.renew(actor, node, unit, KeyChoice::default(), Some(reason), surroundings).await
    }

    /// Whether a unit of a node may be renewed now. What was forced, for the audit entry; empty when nothing was.
    ///
    /// # Errors
    /// [`CoreError::Refused`], as [`Self::regenerate`].
    pub(crate) async fn check_may_renew(
        &self,
        node: &NodeRow,
        unit: Unit,
        force: Option<&str>,
        now: i64,
    ) -> Result<String, CoreError> {
        self.check_unit(node, unit)?;
        self.check_renewal(node, unit).await?;
        self.check_guard(unit, force, &anyway(unit), now).await
    }

    /// Whether `set cert regen` would do it now, for whoever asks before.
    ///
    /// # Errors
    /// As [`Self::regenerate_with`] and [`Self::regenerate_forced`].
    pub async fn check_regeneration(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: Unit,
        choice: KeyChoice,
        force: Option<&str>,
        now: i64,
    ) -> Result<(), CoreError> {
        self.renewal(actor, node, unit, choice, force, now).await.map(drop)
    }

    /// What was forced, and the profile.
    async fn renewal(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: Unit,
        choice: KeyChoice,
        force: Option<&str>,
        now: i64,
    ) -> Result<(String, KeyProfile), CoreError> {
        actor.require(Level::ReadWrite)?;
        self.parameters().await?;
        let forced = self.check_may_renew(node, unit, force, now).await?;
        Ok((forced, self.chosen_profile(unit, choice).await?))
    }

    async fn renew(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: Unit,
        choice: KeyChoice,
        force: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Regenerated, CoreError> {
        // Before the key, because that takes its time; and again when nobody else can change anything.
        let (forced, profile) = self.renewal(actor, node, unit, choice, force, surroundings.now()).await?;
        let place = NewNode::try_from(node)?;
        let subject = self.new_subject(unit, node, surroundings).await?;
        let mut request = request(profile.certificate, subject, &place, unit, surroundings)?;
        request.dns_names.extend(self.alternate_host_name(node).await?);
        let command = format!("set cert regen {} on {}", unit.name(), node.name);
        self.audit(actor.name(), &command, "begun", surroundings.now()).await?;
        let made = make(unit, profile, request, surroundings.rsa_keys()).await?;
        self.save_key(node, unit, &made).await?;
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        self.check_guard(unit, force, &anyway(unit), now).await?;
        replace_own(&mut transaction, node, unit, made.certificate(), now).await?;
        let serial = made.certificate().serial_text(":", true);
        let result = format!("new certificate, serial {serial}{forced}");
        transaction.note_audit(now, actor.name(), &command, &result).await?;
        self.log_own(&mut transaction, node, unit, Logged::Regenerate, now).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await?;
        Ok(Regenerated { unit, certificate: made.certificate().clone() })
    }
}

/// The command that forces it.
fn anyway(unit: Unit) -> String {
    format!("set cert regen force {} REASON", unit.name())
}
