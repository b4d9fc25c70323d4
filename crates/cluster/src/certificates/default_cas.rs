//! The CAs that a release of the original brings along: which there are, and switching them off and on
//! [sources/trust-stores#preloaded-cas].
//!
//! Their certificates are not part of this program; they are here when somebody has loaded them.

use pki::Certificate;

use super::stores::{put_trusted, refresh_roles};
use crate::draft::Draft;
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation};
use crate::readable::{certificate, pem_of, readable};
use crate::rows::{CertificateRow, NodeRow};
use crate::units::service_named;
use crate::write::Write;
use crate::{Refusal, State};

/// A CA of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultCa {
    /// Its CN.
    pub common_name: &'static str,
    /// The trust stores that it stands in.
    pub stores: &'static [&'static str],
    /// What for.
    pub purpose: &'static str,
}

const PHONES: &[&str] = &["CallManager-trust", "CAPF-trust"];
const MICS: &str = "MIC";

const fn phones(common_name: &'static str) -> DefaultCa {
    DefaultCa { common_name, stores: PHONES, purpose: MICS }
}

/// The list.
pub const DEFAULT_CAS: [DefaultCa; 8] = [
    DefaultCa {
        common_name: "VeriSign Class 3 Secure Server CA - G3",
        stores: &["tomcat-trust"],
        purpose: "Call-Home",
    },
    phones("CAP-RTP-001"),
    phones("CAP-RTP-002"),
    phones("Cisco Manufacturing CA"),
    phones("ACT2 SUDI CA"),
    phones("Cisco Manufacturing CA SHA2"),
    phones("Cisco Root CA 2048"),
    phones("Cisco Root CA M2"),
];

/// Where a CA of the list stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultCaState {
    /// In its trust stores.
    Enabled,
    /// Switched off.
    Disabled,
    /// Never loaded.
    NotLoaded,
}

/// The list, and where each stands.
pub fn list(state: &State) -> Vec<(DefaultCa, DefaultCaState)> {
    let disabled = disabled(state);
    let place = |ca: &DefaultCa| {
        if !standing(&state.certificates, ca).is_empty() {
            DefaultCaState::Enabled
        } else if disabled.iter().any(|(certificate, _)| is(certificate, ca)) {
            DefaultCaState::Disabled
        } else {
            DefaultCaState::NotLoaded
        }
    };
    DEFAULT_CAS.into_iter().map(|ca| (ca, place(&ca))).collect()
}

/// `set cert default-ca-list enable|disable`: a CA by its CN, or `all`. Those that it was done for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetDefaultCa {
    /// The CN, or `all`.
    pub name: String,
    /// On or off.
    pub on: bool,
}

impl Operation for SetDefaultCa {
    type Done = Vec<&'static str>;
    const KIND: Kind = Kind::SetDefaultCa;

    fn words(&self, _at: &NodeRow) -> String {
        format!("set cert default-ca-list {} {}", if self.on { "enable" } else { "disable" }, self.name)
    }

    fn decide(
        &self,
        draft: &mut Draft,
        _made: &[Made],
        context: &Context<'_>,
    ) -> Result<Decided<Vec<&'static str>>, Refusal> {
        let disabled = disabled(draft.state());
        let mut done = Vec::new();
        for ca in default_cas_named(&self.name)? {
            let stores = numbers(&ca);
            let mut any = false;
            if self.on {
                for (certificate, fingerprint) in disabled.iter().filter(|(certificate, _)| is(certificate, &ca)) {
                    put_trusted(draft, context.at, certificate, &stores)?;
                    draft.write(Write::DefaultCaOn { fingerprint: fingerprint.clone() });
                    any = true;
                }
            } else {
                let rows = draft.state().certificates.clone();
                for (row, certificate) in standing(&rows, &ca) {
                    draft.write(Write::DefaultCaOff {
                        pem: pem_of(&certificate)?,
                        fingerprint: row.fingerprint.clone(),
                        common_name: ca.common_name,
                        at: context.now,
                    });
                    for store in &stores {
                        draft.write(Write::NotTrusted { certificate: row.pkid.clone(), store: *store });
                    }
                    refresh_roles(draft, &row.pkid);
                    any = true;
                }
            }
            if any {
                draft.tell("certificate", ca.stores.join(", "));
                done.push(ca.common_name);
            }
        }
        if done.is_empty() {
            return Err(nothing_to_do(&self.name, self.on));
        }
        draft.write(Write::DropUnused);
        let result = done.join(", ");
        Ok(Decided { done, result, lists: Lists::Follow })
    }
}

/// Those that are switched off and can be read, with their SHA-256.
fn disabled(state: &State) -> Vec<(Certificate, String)> {
    let rows = state.default_cas_off.iter();
    rows.filter_map(|(kept, fingerprint)| Some((certificate(kept).ok()?, fingerprint.clone()))).collect()
}

fn nothing_to_do(name: &str, enable: bool) -> Refusal {
    let text = if enable {
        format!("{name} is not switched off; `show cert default-ca-list` says what is")
    } else {
        format!("{name} stands in no trust store; `show cert default-ca-list` says what does")
    };
    Refusal::refused("nothing-to-do", text)
}

/// The CAs that a name means: `all`, or a CN.
///
/// # Errors
/// [`Refusal::BadInput`] in the words of the original.
pub fn default_cas_named(name: &str) -> Result<Vec<DefaultCa>, Refusal> {
    let found: Vec<DefaultCa> = DEFAULT_CAS
        .into_iter()
        .filter(|ca| name.eq_ignore_ascii_case("all") || ca.common_name.eq_ignore_ascii_case(name))
        .collect();
    if found.is_empty() {
        let text = format!("The {name} certificate is not in the list of default Cisco CA certificates.");
        return Err(Refusal::BadInput(text));
    }
    Ok(found)
}

fn is(certificate: &Certificate, ca: &DefaultCa) -> bool {
    certificate.common_name().as_deref() == Some(ca.common_name)
}

fn numbers(ca: &DefaultCa) -> Vec<i64> {
    ca.stores.iter().filter_map(|name| service_named(name)).map(|store| store.number).collect()
}

/// The rows of a CA in its trust stores.
fn standing<'a>(rows: &'a [CertificateRow], ca: &DefaultCa) -> Vec<(&'a CertificateRow, Certificate)> {
    let stores = numbers(ca);
    let inside = readable(rows).filter(|(row, _)| row.services.iter().any(|service| stores.contains(service)));
    inside.filter(|(_, certificate)| is(certificate, ca)).collect()
}
