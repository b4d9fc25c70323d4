//! `set web-security`: the parts of the subject, and another name, of all certificates and requests that a node makes from then
//! on [sources/shell#certificate-commands].

use pki::extensions::AltName;

use crate::Refusal;
use crate::draft::Draft;
use crate::nodes::{SubjectParts, check_host_name};
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation};
use crate::rows::{NodeRow, WebSecurityRow};
use crate::write::Write;

/// Sets the subject parts of a node, and with `alternate` a host name or an address for its subjectAltNames. Certificates that are
/// there stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetWebSecurity {
    /// The parts.
    pub parts: SubjectParts,
    /// The other name.
    pub alternate: Option<String>,
}

impl Operation for SetWebSecurity {
    type Done = ();
    const KIND: Kind = Kind::SetWebSecurity;

    fn words(&self, at: &NodeRow) -> String {
        format!("set web-security on {}", at.name)
    }

    fn decide(&self, draft: &mut Draft, _made: &[Made], context: &Context<'_>) -> Result<Decided<()>, Refusal> {
        let Self { parts, alternate } = self;
        parts.check()?;
        if let Some(AltName::Dns(name)) = alternate.as_deref().map(AltName::from_text) {
            name.split('.').try_for_each(check_host_name)?;
        }
        let SubjectParts { country, organization, unit, state, locality } = parts;
        draft.write(Write::WebSecurity(WebSecurityRow {
            node: context.at.pkid.clone(),
            org_unit: unit.clone(),
            org_name: organization.clone(),
            locality: locality.clone(),
            state: state.clone(),
            country: country.clone(),
            alternate_host_name: alternate.clone().unwrap_or_default(),
        }));
        let result = format!("{unit} {organization} {locality} {state} {country}");
        Ok(Decided { done: (), result, lists: Lists::Stay })
    }
}
