//! One certificate for HTTPS and for calls: that of tomcat is used for CallManager too, and tomcat-ECDSA for CallManager-ECDSA. From
//! 14 on; the original has a button *Reuse Certificate* [sources/certificates#reuse].

use pki::extensions::AltName;
use pki::{Certificate, SoftKey};

use super::list::{PAIRS, find};
use super::upload::Upload;
use crate::nodes::NewNode;
use crate::rows::NodeRow;
use crate::units::Unit;
use crate::{Refusal, State};

/// The certificate that all nodes have for a unit, `tomcat` or `tomcat-ECDSA`, when it can be used for CallManager or
/// CallManager-ECDSA of all of them, and that unit. The CAs above it have to stand in CallManager-trust. It ends with the next renewal
/// or upload for either unit.
///
/// # Errors
/// [`Refusal::Refused`]: `no-reuse` in a release or for a unit without it; `not-multi-server` for a certificate that is not that of
/// all nodes.
pub fn reusable(state: &State, node: &NodeRow, from: Unit) -> Result<(Unit, Certificate), Refusal> {
    if !state.release.reuse {
        let text = format!("release {} has no reuse of certificates; it came with 14", state.release.name);
        return Err(Refusal::refused("no-reuse", text));
    }
    let pair = PAIRS.into_iter().find(|(unit, _)| *unit == from);
    let (_, unit) = pair.ok_or_else(|| {
        let names = PAIRS.map(|(unit, _)| unit.name()).join(" and ");
        Refusal::refused("no-reuse", format!("{} cannot be reused; {names} can", from.name()))
    })?;
    let certificate = find(&state.certificates, node, false, from.name())?;
    let row = state.own_row(node, from);
    let names = certificate.extensions().names;
    for other in &state.nodes {
        let name = NewNode::try_from(other).map_err(Refusal::internal)?.full_name();
        let own = row.is_some_and(|row| row.is_own(&other.pkid, from.service()));
        if !own || !names.contains(&AltName::from_text(&name).folded()) {
            let text = format!(
                "the {0} certificate of {1} is not one for all nodes: {name} {2}. Make one with `set csr gen {0} multi-server`",
                from.name(),
                node.name,
                if own { "is not among its names" } else { "has another" }
            );
            return Err(Refusal::refused("not-multi-server", text));
        }
    }
    Ok((unit, certificate))
}

impl Upload {
    /// The certificate of another unit of all nodes, with its key.
    pub fn reused(from: Unit, unit: Unit, certificate: &Certificate, key: SoftKey) -> Self {
        Self { reused: Some(from), ..Self::new(unit, certificate.der()).with_key(key) }
    }
}
