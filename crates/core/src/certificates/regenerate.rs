//! `set cert regen`: a new key and certificate for a unit, and the guard between CallManager and TVS [cucm-behaviour.md 1.4].

use pki::Certificate;
use store::rows::{CertificateRow, NodeRow};

use super::make::{make, request};
use super::rows::{insert_own, remove_own};
use crate::CoreError;
use crate::actor::{Actor, Level};
use crate::cluster::{Cluster, NewNode};
use crate::surroundings::Surroundings;
use crate::units::Unit;

/// CallManager and TVS may not be renewed within this time of each other [seed 004], milliseconds.
const GUARD: i64 = 5 * 60 * 1000;

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
    /// [`CoreError`]: the level, a unit that this node has not, the guard of five minutes between CallManager and
    /// TVS.
    pub async fn regenerate(
        &self,
        actor: &Actor,
        node: &NodeRow,
        unit: Unit,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Regenerated, CoreError> {
        actor.require(Level::ReadWrite)?;
        self.parameters().await?;
        self.check_unit(node, unit)?;
        self.check_renewal(node, unit).await?;
        check_guard(&self.store().certificates().await?, unit, surroundings.now())?;
        let profile = (self.release().certificates)(unit).1;
        let place = NewNode::try_from(node)?;
        let subject = self.new_subject(unit, node, surroundings).await?;
        let mut request = request(profile.certificate, subject, &place, unit, surroundings)?;
        request.dns_names.extend(self.alternate_host_name(node).await?);
        let command = format!("set cert regen {} on {}", unit.name(), node.name);
        self.audit(actor.name(), &command, "begun", surroundings.now()).await?;
        let made = make(unit, profile, request).await?;
        self.save_key(node, unit, &made).await?;
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        let rows = transaction.certificates().await?;
        check_guard(&rows, unit, now)?;
        remove_own(&mut transaction, node, unit).await?;
        insert_own(&mut transaction, node, unit, made.certificate(), Some(now)).await?;
        transaction.note_change(now, "certificate", &format!("{}/{}", node.name, unit.name())).await?;
        if let Some(reset) = self.phones_to_reset(node, unit) {
            transaction.note_change(now, "reset", &reset).await?;
        }
        let serial = pki::hash::spell(made.certificate().serial(), ":", true);
        transaction.note_audit(now, actor.name(), &command, &format!("new certificate, serial {serial}")).await?;
        transaction.commit().await?;
        self.settle(surroundings).await?;
        Ok(Regenerated { unit, certificate: made.certificate().clone() })
    }

    /// Which phones a renewal resets [cucm-behaviour.md 2.2].
    pub(super) fn phones_to_reset(&self, node: &NodeRow, unit: Unit) -> Option<String> {
        match unit {
            Unit::CallManager | Unit::Capf => Some(format!("all phones ({} of {})", unit.name(), node.name)),
            Unit::Tvs => Some(format!("phones of {} (TVS of {})", node.name, node.name)),
            Unit::ItlRecovery if self.release().itl_signer == unit => {
                Some(format!("all phones (ITLRecovery of {})", node.name))
            }
            _ => None,
        }
    }
}

/// CallManager and TVS: after one was renewed anywhere in the cluster, the other waits five minutes. Stricter than the
/// original, which looks at one node only: phones ask the TVS of every node.
fn check_guard(rows: &[CertificateRow], unit: Unit, now: i64) -> Result<(), CoreError> {
    let other = match unit {
        Unit::Tvs => Unit::CallManager,
        Unit::CallManager => Unit::Tvs,
        _ => return Ok(()),
    };
    let recent = |row: &CertificateRow| {
        row.services.contains(&other.service()) && row.regenerated_at.is_some_and(|at| now.saturating_sub(at) < GUARD)
    };
    if !rows.iter().any(recent) {
        return Ok(());
    }
    let text = format!(
        "{} certificate was modified in the last 5 minutes. Please re-try regenerating {} certificate at a later time",
        other.name(),
        unit.name()
    );
    Err(CoreError::refused("guard-five-minutes", text))
}
