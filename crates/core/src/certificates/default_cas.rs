//! The CAs that a release of the original brings along: which there are, and switching them off and on
//! [sources/trust-stores#preloaded-cas].
//!
//! Their certificates are not part of this program; they are here when somebody has loaded them.

use cluster::rows::{CertificateRow, NodeRow};
use pki::Certificate;

use super::rows::{put_trusted, refresh_roles};
use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::readable::{certificate, pem_of, readable};
use cluster::surroundings::Surroundings;
use cluster::units::service_named;

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

impl Cluster {
    /// The list, and where each stands.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn default_cas(&self) -> Result<Vec<(DefaultCa, DefaultCaState)>, CoreError> {
        let rows = self.store().certificates().await?;
        let disabled = self.disabled().await?;
        let mut all = Vec::with_capacity(DEFAULT_CAS.len());
        for ca in DEFAULT_CAS {
            let state = if !standing(&rows, &ca).is_empty() {
                DefaultCaState::Enabled
            } else if disabled.iter().any(|(certificate, _)| is(certificate, &ca)) {
                DefaultCaState::Disabled
            } else {
                DefaultCaState::NotLoaded
            };
            all.push((ca, state));
        }
        Ok(all)
    }

    /// Whether there is something to do, for whoever asks before.
    ///
    /// # Errors
    /// As [`Self::set_default_ca`].
    pub async fn check_default_ca(&self, actor: &Actor, name: &str, enable: bool) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        let chosen = default_cas_named(name)?;
        let any = if enable {
            let disabled = self.disabled().await?;
            chosen.iter().any(|ca| disabled.iter().any(|(certificate, _)| is(certificate, ca)))
        } else {
            let rows = self.store().certificates().await?;
            chosen.iter().any(|ca| !standing(&rows, ca).is_empty())
        };
        if any { Ok(()) } else { Err(nothing_to_do(name, enable)) }
    }

    /// `set cert default-ca-list enable|disable`: a CA by its CN, or `all`. Those that it was done for.
    ///
    /// # Errors
    /// [`CoreError`]: the level, not in the list, not loaded.
    pub async fn set_default_ca(
        &self,
        actor: &Actor,
        node: &NodeRow,
        name: &str,
        enable: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<&'static str>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let chosen = default_cas_named(name)?;
        let now = surroundings.now();
        let disabled = self.disabled().await?;
        let mut done = Vec::new();
        let mut transaction = self.store().begin().await?;
        for ca in chosen {
            let stores: Vec<i64> = numbers(&ca);
            let mut any = false;
            if enable {
                for (certificate, fingerprint) in disabled.iter().filter(|(certificate, _)| is(certificate, &ca)) {
                    put_trusted(&mut transaction, node, certificate, &stores).await?;
                    transaction.enable_default_ca(fingerprint).await?;
                    any = true;
                }
            } else {
                let rows = transaction.certificates().await?;
                for (row, certificate) in standing(&rows, &ca) {
                    let pem = pem_of(&certificate)?;
                    transaction.disable_default_ca(&pem, &row.fingerprint, ca.common_name, now).await?;
                    for store in &stores {
                        transaction.remove_trusted(&row.pkid, *store).await?;
                    }
                    refresh_roles(&mut transaction, &row.pkid).await?;
                    any = true;
                }
            }
            if any {
                transaction.note_change(now, "certificate", &ca.stores.join(", ")).await?;
                done.push(ca.common_name);
            }
        }
        if done.is_empty() {
            return Err(nothing_to_do(name, enable));
        }
        transaction.delete_unused_certificates().await?;
        let word = if enable { "enable" } else { "disable" };
        let command = format!("set cert default-ca-list {word} {name}");
        transaction.note_audit(now, actor.name(), &command, &done.join(", ")).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await?;
        Ok(done)
    }

    /// Those that are switched off and can be read, with their SHA-256.
    async fn disabled(&self) -> Result<Vec<(Certificate, String)>, CoreError> {
        let rows = self.store().disabled_default_cas().await?;
        let readable = rows.into_iter().filter_map(|(kept, fingerprint)| Some((certificate(&kept).ok()?, fingerprint)));
        Ok(readable.collect())
    }
}

fn nothing_to_do(name: &str, enable: bool) -> CoreError {
    let text = if enable {
        format!("{name} is not switched off; `show cert default-ca-list` says what is")
    } else {
        format!("{name} stands in no trust store; `show cert default-ca-list` says what does")
    };
    CoreError::refused("nothing-to-do", text)
}

/// The CAs that a name means: `all`, or a CN.
///
/// # Errors
/// [`CoreError::BadInput`] in the words of the original.
pub fn default_cas_named(name: &str) -> Result<Vec<DefaultCa>, CoreError> {
    let found: Vec<DefaultCa> = DEFAULT_CAS
        .into_iter()
        .filter(|ca| name.eq_ignore_ascii_case("all") || ca.common_name.eq_ignore_ascii_case(name))
        .collect();
    if found.is_empty() {
        let text = format!("The {name} certificate is not in the list of default Cisco CA certificates.");
        return Err(CoreError::BadInput(text));
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
