//! *Description(friendly name)*: what an administrator calls a certificate that he uploads
//! [sources/certificates#upload].

use pki::Certificate;
use wire::printable::is_one_line;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::surroundings::Surroundings;
use cluster::units::service;

/// Letters at most: the line of a list.
const LIMIT: usize = 100;

/// Checks a description before anything is uploaded.
///
/// # Errors
/// [`CoreError::BadInput`]: empty, too long, with a control character, or with a colon, which ends the name of the file in the lists that
/// scripts read [sources/shell#what-scripts-wait-for].
pub fn check(text: &str) -> Result<&str, CoreError> {
    let text = text.trim();
    let fits = (1..=LIMIT).contains(&text.chars().count()) && is_one_line(text) && !text.contains(':');
    if fits {
        return Ok(text);
    }
    Err(CoreError::BadInput(format!("a description has 1 to {LIMIT} printable letters, and no colon")))
}

impl Cluster {
    /// Describes certificates in a unit or trust store, by its number.
    ///
    /// # Errors
    /// [`CoreError`]: the level, a text that is none.
    pub async fn describe(
        &self,
        actor: &Actor,
        certificates: &[Certificate],
        number: i64,
        text: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        let text = check(text)?;
        let mut transaction = self.store().begin().await?;
        for certificate in certificates {
            transaction.put_description(&pki::hash::hex(&certificate.sha256()), number, text).await?;
        }
        let name = service(number).map_or("", |service| service.name);
        transaction.note_audit(surroundings.now(), actor.name(), &format!("describe {name}"), text).await?;
        Ok(transaction.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_colon() {
        assert_eq!(check(" 1st eToken Cert ").unwrap(), "1st eToken Cert");
        let long = "x".repeat(LIMIT + 1);
        for wrong in ["", "  ", "a: b", "a\nb", "\u{1b}[2J", &long] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
    }
}
