//! Whether the ports of a node present the certificates that the rows say. A service that was not restarted after a renewal presents
//! the old one, whatever a list says [sources/releases#restarts].
//!
//! This crate knows no socket: whoever has one brings what was seen.

use cluster::rows::CertificateRow;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::units::Unit;

/// What was seen at a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Name of the node.
    pub node: String,
    /// The unit whose certificate belongs there.
    pub unit: Unit,
    /// Where: `address:port`.
    pub place: String,
    /// The service of the node that listens there; `None` for a port of somebody else.
    pub service: Option<&'static str>,
    /// SHA-256 of the certificate that was presented; or why none was.
    pub seen: Result<[u8; 32], Unseen>,
}

/// Why no certificate was seen; the words are for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unseen {
    /// Nobody takes connections there.
    NobodyThere(String),
    /// Somebody does, and presents none.
    NotPresented(String),
}

impl Unseen {
    /// The words.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::NobodyThere(words) | Self::NotPresented(words) => words,
        }
    }
}

/// What an observation comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was seen.
    pub observation: Observation,
    /// SHA-256 that the rows say, lower-case hexadecimal; `None` when the node has no certificate of the unit.
    pub stored: Option<String>,
    /// What is known of the other certificate: `Some` when it is on record under another name.
    pub presented_as: Option<String>,
    /// Whether the rows say that the service of the node does not run.
    pub stopped: bool,
    /// What is still to be done on the node because of this unit: services to restart, steps.
    pub pending: Vec<&'static str>,
}

/// Whether a port tells the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It presents what the rows say.
    Same,
    /// It presents another certificate.
    Different,
    /// Nobody is there, and the rows say that the service was stopped.
    Stopped,
    /// Nothing was seen, or the node has no such certificate.
    CouldNotTell,
}

impl Finding {
    /// Whether it is the same.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match (&self.observation.seen, &self.stored) {
            (Ok(seen), Some(stored)) if pki::hash::hex(seen) == *stored => Outcome::Same,
            (Ok(_), Some(_)) => Outcome::Different,
            (Err(Unseen::NobodyThere(_)), _) if self.stopped => Outcome::Stopped,
            _ => Outcome::CouldNotTell,
        }
    }
}

impl Cluster {
    /// Holds what was seen against the rows.
    ///
    /// # Errors
    /// [`CoreError::BadInput`] for a node that is not there.
    pub async fn hold_against_rows(&self, observations: Vec<Observation>) -> Result<Vec<Finding>, CoreError> {
        let rows = self.store().certificates().await?;
        let restarts = self.pending_restarts().await?;
        let mut findings = Vec::with_capacity(observations.len());
        for observation in observations {
            let node = self.node(Some(&observation.node)).await?;
            let unit = observation.unit;
            let own = rows.iter().find(|row| row.is_own(&node.pkid, unit.service()));
            let stored = own.map(|row| row.fingerprint.clone());
            let seen = observation.seen.as_ref().ok().map(|seen| pki::hash::hex(seen));
            let known = |row: &&CertificateRow| Some(&row.fingerprint) == seen.as_ref() && seen != stored;
            let presented_as = rows.iter().find(known).map(|row| {
                let (unit, file) = cluster::monitor::watched::place(row);
                format!("{unit}/{file}")
            });
            let cause = format!("{} of {}", unit.name(), node.name);
            let mine = restarts.iter().filter(|it| it.node == node.name && it.causes.contains(&cause));
            let pending = mine.map(|it| it.step).collect();
            let states = self.services_of(&node).await?;
            let stopped = states.iter().any(|row| Some(row.name.as_str()) == observation.service && !row.started);
            findings.push(Finding { observation, stored, presented_as, stopped, pending });
        }
        Ok(findings)
    }
}
