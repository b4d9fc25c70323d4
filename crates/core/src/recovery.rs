//! The ways back when phones do not believe the signer of their lists any more: `utils itl reset`, `utils ctl reset`, and the
//! backup of the ITLRecovery key [sources/recovery#itl-reset], [sources/trust-lists#reset-file].
//!
//! * [`itl_reset`]: the ITL signed by the other anchor; [`log`]: what `itlreset.log` says about it
//! * [`backup`]: the key in a file, and the alarm until it was taken

pub mod backup;
pub(crate) mod end;
pub mod itl_reset;
pub mod log;

use cluster::rows::NodeRow;
use pki::Certificate;
use wire::ctl_provider::NodeStatus;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::ctl_provider::outcome;
use cluster::actor::{Actor, Level};
use cluster::parameters::SecurityMode;
use cluster::surroundings::Surroundings;
use cluster::trust_lists::{CtlSigner, NodeCertificates};
use cluster::units::Unit;

impl Cluster {
    /// `utils ctl reset localkey`, on the publisher: the CTL with the certificates of now, signed by the second SAST of the
    /// release. Phones that lost the first one take it; `utils ctl update CTLFile` gives the signature back. A node that fails
    /// stands in the answer.
    ///
    /// # Errors
    /// [`CoreError`]: not in mixed mode, a release with one SAST only, an ITLRecovery key that is too short.
    pub async fn reset_ctl(
        &self,
        actor: &Actor,
        node: &NodeRow,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<NodeStatus>, CoreError> {
        let mode = self.check_reset_ctl(actor, node).await?;
        let command = "utils ctl reset localkey";
        self.audit(actor.name(), command, "begun", surroundings.now()).await?;
        let states = self.rebuild_ctl(actor, mode, CtlSigner::Second, surroundings).await?;
        self.audit(actor.name(), command, &outcome("CTL file reset", &states), surroundings.now()).await?;
        Ok(states)
    }

    /// Whether the CTL can be reset, for whoever asks before. The mode.
    ///
    /// # Errors
    /// As [`Self::reset_ctl`].
    pub async fn check_reset_ctl(&self, actor: &Actor, node: &NodeRow) -> Result<SecurityMode, CoreError> {
        actor.require(Level::Install)?;
        self.on_publisher(actor, node)?;
        self.parameters().await?;
        let release = self.release();
        if release.ctl_sasts.len() < 2 {
            let text = format!(
                "A CTL file of release {} names no second certificate that could sign it; phones that lost its signer ask TVS or \
                 must have their CTL deleted by hand",
                release.name
            );
            return Err(CoreError::refused("no-second-sast", text));
        }
        let mode = self.check_mixed_mode().await?;
        check_key_sizes(&self.node_certificates().await?)?;
        self.check_lists_readable().await?;
        Ok(mode)
    }
}

/// An ITLRecovery key of 1024 bits beside CallManager keys of 2048: resets fail then [sources/recovery#key-sizes].
///
/// # Errors
/// [`CoreError::Refused`].
fn check_key_sizes(all: &[NodeCertificates]) -> Result<(), CoreError> {
    let bits = |certificate: &Certificate| certificate.rsa_bits().unwrap_or_default();
    for node in all {
        let Some(recovery) = node.readable(Unit::ItlRecovery) else { continue };
        let others = all.iter().filter_map(|other| other.readable(Unit::CallManager));
        let largest = others.map(bits).max().unwrap_or_default();
        if bits(recovery) < 2048 && largest >= 2048 {
            let text = format!(
                "The ITLRecovery certificate of {} has {} bits, CallManager has {largest}: a reset fails then. Renew it with \
                 `set cert regen ITLRecovery`, let all phones fetch the new lists, and try again",
                node.name,
                bits(recovery)
            );
            return Err(CoreError::refused("recovery-key-too-short", text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pki::SoftKey;
    use pki::name::Subject;
    use pki::profile::{SelfSigned, self_signed};

    use super::*;
    use cluster::releases::release;

    fn certificate(bits: u32) -> Certificate {
        let profile = (release("11.5").unwrap().certificates)(Unit::ItlRecovery).0;
        let subject = Subject {
            country: "IN".into(),
            organization: "Cisco".into(),
            unit: "TAC".into(),
            common_name: "x".into(),
            state: "KA".into(),
            locality: "BGL".into(),
        };
        let request = SelfSigned { subject, serial: vec![0x51; 16], not_before: 0, dns_names: Vec::new() };
        self_signed(&profile.certificate, &request, &SoftKey::generate_rsa(bits).unwrap()).unwrap()
    }

    fn node(recovery: &Certificate, call_manager: &Certificate) -> NodeCertificates {
        NodeCertificates {
            name: "pub".into(),
            address: [127, 0, 0, 1].into(),
            publisher: true,
            unreadable: Vec::new(),
            own: vec![(Unit::ItlRecovery, recovery.clone()), (Unit::CallManager, call_manager.clone())],
        }
    }

    #[test]
    fn a_short_recovery_key_beside_longer_ones() {
        let (short, long) = (certificate(1024), certificate(2048));
        assert!(check_key_sizes(&[node(&short, &short)]).is_ok());
        assert!(check_key_sizes(&[node(&long, &long)]).is_ok());
        let refused = check_key_sizes(&[node(&long, &long), node(&short, &long)]).unwrap_err();
        assert!(refused.to_string().contains("has 1024 bits, CallManager has 2048"), "{refused}");
    }
}
