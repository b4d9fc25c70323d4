//! *Description(friendly name)*: what an administrator calls a certificate that he uploads
//! [sources/certificates#upload].

use pki::Certificate;
use wire::printable::is_one_line;

use crate::Refusal;
use crate::draft::Draft;
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation};
use crate::rows::NodeRow;
use crate::units::service;
use crate::write::Write;

/// Letters at most: the line of a list.
const LIMIT: usize = 100;

/// Checks a description before anything is uploaded.
///
/// # Errors
/// [`Refusal::BadInput`]: empty, too long, with a control character, or with a colon, which ends the name of the file in the lists that
/// scripts read [sources/shell#what-scripts-wait-for].
pub fn check(text: &str) -> Result<&str, Refusal> {
    let text = text.trim();
    let fits = (1..=LIMIT).contains(&text.chars().count()) && is_one_line(text) && !text.contains(':');
    if fits {
        return Ok(text);
    }
    Err(Refusal::BadInput(format!("a description has 1 to {LIMIT} printable letters, and no colon")))
}

/// Describes certificates in a unit or trust store.
#[derive(Debug, Clone)]
pub struct Describe {
    /// The certificates.
    pub certificates: Vec<Certificate>,
    /// Number of the unit or trust store.
    pub service: i64,
    /// What they are called.
    pub text: String,
}

impl Operation for Describe {
    type Done = ();
    const KIND: Kind = Kind::Describe;

    fn words(&self, _at: &NodeRow) -> String {
        format!("describe {}", service(self.service).map_or("", |service| service.name))
    }

    fn decide(&self, draft: &mut Draft, _made: &[Made], _context: &Context<'_>) -> Result<Decided<()>, Refusal> {
        let text = check(&self.text)?;
        for certificate in &self.certificates {
            let fingerprint = pki::hash::hex(&certificate.sha256());
            draft.write(Write::Description { fingerprint, service: self.service, text: text.to_owned() });
        }
        Ok(Decided { done: (), result: text.to_owned(), lists: Lists::Stay })
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
