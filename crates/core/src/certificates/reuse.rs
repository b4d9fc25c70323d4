//! One certificate for HTTPS and for calls: that of tomcat is used for CallManager too, and tomcat-ECDSA for CallManager-ECDSA. From
//! 14 on; the original has a button *Reuse Certificate* [sources/certificates#reuse].

use cluster::rows::NodeRow;
use pki::extensions::AltName;

use super::list::PAIRS;
use super::upload::{Upload, UploadPlan};
use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::nodes::NewNode;
use cluster::surroundings::Surroundings;
use cluster::units::Unit;

impl Cluster {
    /// Checks whether the certificate that all nodes have for a unit, `tomcat` or `tomcat-ECDSA`, can be used for CallManager or
    /// CallManager-ECDSA of all of them; [`Cluster::upload`] does it. The CAs above it
    /// have to stand in CallManager-trust. It ends with the next renewal or upload for either unit.
    ///
    /// # Errors
    /// [`CoreError::Refused`]: `no-reuse` in a release or for a unit without it; `not-multi-server` for a certificate that is not
    /// that of all nodes; what [`Cluster::plan_upload`] refuses.
    pub async fn plan_reuse(
        &self,
        actor: &Actor,
        node: &NodeRow,
        from: Unit,
        force: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<UploadPlan, CoreError> {
        actor.require(Level::ReadWrite)?;
        if !self.release().reuse {
            let text = format!("release {} has no reuse of certificates; it came with 14", self.release().name);
            return Err(CoreError::refused("no-reuse", text));
        }
        let pair = PAIRS.into_iter().find(|(unit, _)| *unit == from);
        let (_, unit) = pair.ok_or_else(|| {
            let names = PAIRS.map(|(unit, _)| unit.name()).join(" and ");
            CoreError::refused("no-reuse", format!("{} cannot be reused; {names} can", from.name()))
        })?;
        let certificate = self.find_certificate(node, false, from.name()).await?;
        let rows = self.store().certificates().await?;
        let row = rows.iter().find(|row| row.is_own(&node.pkid, from.service()));
        let names = certificate.extensions().names;
        for other in self.store().nodes().await? {
            let name = NewNode::try_from(&other)?.full_name();
            let own = row.is_some_and(|row| row.is_own(&other.pkid, from.service()));
            if !own || !names.contains(&AltName::from_text(&name).folded()) {
                let text = format!(
                    "the {0} certificate of {1} is not one for all nodes: {name} {2}. Make one with `set csr gen {0} multi-server`",
                    from.name(),
                    node.name,
                    if own { "is not among its names" } else { "has another" }
                );
                return Err(CoreError::refused("not-multi-server", text));
            }
        }
        let key = self.key(&self.directory(node), from, &certificate)?;
        let upload = Upload { unit, file: certificate.der(), key: Some(&key), force, reused: Some(from) };
        self.plan_upload(actor, node, &upload, surroundings).await
    }
}
