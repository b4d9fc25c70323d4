//! Checks: the responders first, then the lists; the first that knows counts.

use std::collections::HashMap;

use cluster::rows::RevocationRow;
use pki::lsc::authority::{is_authority, is_issued_by};
use pki::revocation::{Addresses, crl, ocsp};
use pki::{Certificate, NameForm};

use super::Question;
use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::certificates::trusted::noted;
use cluster::monitor::watched::place;
use cluster::readable::readable;
use cluster::revocation::{Finding, Policy, State};
use cluster::surroundings::Surroundings;
use cluster::units::service_named;

/// The store whose certificates may sign responses when that is their purpose: the original wants the certificate of a responder
/// there.
const RESPONDERS: &str = "tomcat-trust";

/// The answers of one run: a list is fetched once, however many certificates it is about.
type Lists = HashMap<String, Result<Vec<u8>, String>>;

impl Cluster {
    /// Checks certificates against their CAs, which are looked for among `known`; roots are left out, because nobody above them
    /// could say anything. Empty when revocation is not checked.
    ///
    /// # Errors
    /// [`CoreError`]: the rows. That nobody answers is a finding.
    pub(crate) async fn find_revoked(
        &self,
        certificates: &[Certificate],
        known: &[Certificate],
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<Finding>, CoreError> {
        let policy = Policy::of(&self.parameters().await?);
        let mut findings = Vec::new();
        if !policy.is_on() {
            return Ok(findings);
        }
        let trusted = self.responders().await?;
        let mut lists = Lists::new();
        for certificate in certificates.iter().filter(|one| !one.is_self_issued()) {
            let mut finding = Finding {
                fingerprint: pki::hash::hex(&certificate.sha256()),
                subject: certificate.subject(NameForm::Cucm),
                state: State::Unknown,
                source: String::new(),
                detail: "its CA is not in a trust store".to_owned(),
            };
            if let Some(issuer) = known.iter().find(|ca| is_issued_by(certificate, ca)) {
                finding.detail = "it names nobody who can be asked, and nobody is configured".to_owned();
                self.ask_about(certificate, issuer, &policy, &trusted, &mut lists, &mut finding, surroundings).await?;
            }
            findings.push(finding);
        }
        Ok(findings)
    }

    #[expect(clippy::too_many_arguments, reason = "what one run shares and what it fills in")]
    async fn ask_about(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        policy: &Policy,
        trusted: &[Certificate],
        lists: &mut Lists,
        finding: &mut Finding,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        let addresses = Addresses::of(certificate);
        let now = u64::try_from(surroundings.now() / 1000).unwrap_or_default();
        if policy.ocsp {
            let named = match &policy.responder {
                Some(configured) => vec![configured.clone()],
                None => addresses.responders,
            };
            for address in named {
                let mut nonce = [0; ocsp::NONCE];
                surroundings.random().fill(&mut nonce)?;
                let request = ocsp::request(certificate, issuer, &nonce).map_err(CoreError::Internal)?;
                let answer = self.asks().ask(&address, Question::Status(&request)).await;
                let status = answer.map(|response| ocsp::status(certificate, issuer, trusted, &nonce, &response, now));
                if finding.note(&address, status) {
                    return Ok(());
                }
            }
        }
        if policy.crl {
            for address in addresses.lists.iter().chain(&policy.lists) {
                if !lists.contains_key(address) {
                    let answer = self.asks().ask(address, Question::List).await;
                    lists.insert(address.clone(), answer);
                }
                let Some(answer) = lists.get(address) else { continue };
                let status = answer.as_ref().map(|list| crl::status(certificate, issuer, list, now));
                if finding.note(address, status.map_err(Clone::clone)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Those who may sign responses because an administrator says so.
    async fn responders(&self) -> Result<Vec<Certificate>, CoreError> {
        let number = service_named(RESPONDERS).map_or(0, |service| service.number);
        let rows = self.store().certificates().await?;
        let inside = readable(&rows).filter(|(row, _)| row.services.contains(&number));
        Ok(inside.map(|(_, certificate)| certificate).collect())
    }

    /// Whether the certificates that are there are to be checked now, milliseconds since 1970 UTC. A clock that was set back is no
    /// reason to wait for years.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn revocation_is_due(&self, now: i64) -> Result<bool, CoreError> {
        let policy = Policy::of(&self.parameters().await?);
        let Some(every) = policy.every.filter(|_| policy.is_on()) else { return Ok(false) };
        let rows = self.store().revocations().await?;
        let oldest = rows.iter().map(|row| row.checked_at).min();
        Ok(oldest.is_none_or(|at| now - at >= every || at > now))
    }

    /// Checks the certificates that are there, and remembers what was found: own ones and those of trust stores, CAs only with
    /// *Enable Full Chain Revocation check*. What is no longer there is forgotten.
    ///
    /// # Errors
    /// [`CoreError`]: the level, the rows.
    pub async fn check_revocation(
        &self,
        actor: &Actor,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<Finding>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let policy = Policy::of(&self.parameters().await?);
        let rows = self.store().certificates().await?;
        let known: Vec<Certificate> = readable(&rows).map(|(_, certificate)| certificate).collect();
        let mut checked = known.clone();
        checked.retain(|one| policy.full_chain || !is_authority(one));
        let findings = self.find_revoked(&checked, &known, surroundings).await?;
        let mut transaction = self.store().begin().await?;
        transaction.forget_revocations().await?;
        let now = surroundings.now();
        for finding in &findings {
            transaction.put_revocation(&noted(finding, now)).await?;
        }
        let revoked = findings.iter().filter(|finding| finding.state == State::Revoked).count();
        let good = findings.iter().filter(|finding| finding.state == State::Good).count();
        let result = format!("{good} good, {revoked} revoked, {} not known", findings.len() - good - revoked);
        transaction.note_audit(now, actor.name(), "utils cert revocation check", &result).await?;
        transaction.commit().await?;
        Ok(findings)
    }

    /// What was found last, with the name of each certificate as `show cert monitor` has it; those of which it is bad news first.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn revocations(&self) -> Result<Vec<(String, RevocationRow)>, CoreError> {
        let certificates = self.store().certificates().await?;
        let name = |row: &RevocationRow| {
            let certificate = certificates.iter().find(|one| one.fingerprint == row.fingerprint)?;
            let (unit, file) = place(certificate);
            Some(format!("{unit}/{file}"))
        };
        let rows = self.store().revocations().await?;
        let mut all: Vec<_> = rows.into_iter().filter_map(|row| Some((name(&row)?, row))).collect();
        let order = ["revoked", "unknown", "unreachable", "good"];
        all.sort_by_key(|(name, row)| (order.iter().position(|state| *state == row.state), name.clone()));
        Ok(all)
    }
}
