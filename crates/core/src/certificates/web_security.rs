//! `set web-security`: the parts of the subject, and another name, of all certificates and requests that a node makes from then
//! on [sources/shell#certificate-commands].

use cluster::rows::{NodeRow, WebSecurityRow};
use pki::extensions::AltName;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::nodes::{SubjectParts, check_host_name};
use cluster::surroundings::Surroundings;

impl Cluster {
    /// Sets the subject parts of a node, and with `alternate` a host name or an address for its subjectAltNames. Certificates
    /// that are there stay as they are.
    ///
    /// # Errors
    /// [`CoreError`]: the level, a part that a subject cannot hold, a name that is none.
    pub async fn set_web_security(
        &self,
        actor: &Actor,
        node: &NodeRow,
        parts: &SubjectParts,
        alternate: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        parts.check()?;
        if let Some(AltName::Dns(name)) = alternate.map(AltName::from_text) {
            name.split('.').try_for_each(check_host_name)?;
        }
        let row = WebSecurityRow {
            node: node.pkid.clone(),
            org_unit: parts.unit.clone(),
            org_name: parts.organization.clone(),
            locality: parts.locality.clone(),
            state: parts.state.clone(),
            country: parts.country.clone(),
            alternate_host_name: alternate.unwrap_or_default().to_owned(),
        };
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        transaction.set_web_security(&row).await?;
        let result = format!("{} {} {} {} {}", row.org_unit, row.org_name, row.locality, row.state, row.country);
        transaction.note_audit(now, actor.name(), &format!("set web-security on {}", node.name), &result).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The other name, or address, of a node for its subjectAltNames; `None` when none was set.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn alternate_host_name(&self, node: &NodeRow) -> Result<Option<String>, CoreError> {
        let row = self.store().web_security(&node.pkid).await?;
        Ok(row.map(|row| row.alternate_host_name).filter(|name| !name.is_empty()))
    }
}
