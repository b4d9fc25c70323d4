//! What a cluster is made from: nodes, and the parts of subjects.

use std::net::Ipv4Addr;

use pki::RandomError;

use crate::Refusal;
use crate::releases::{KeyProfile, RELEASES, Release};
use crate::rows::NodeRow;
use crate::surroundings::Surroundings;
use crate::units::Unit;

/// A cluster to be made.
#[derive(Debug, Clone)]
pub struct NewCluster {
    /// Its release.
    pub release: &'static Release,
    /// The release that it came from: its certificates are as that one made them. `None`: it is a fresh installation.
    pub upgraded_from: Option<&'static Release>,
    /// Its nodes, the publisher first.
    pub nodes: Vec<NewNode>,
    /// The parts of its certificates' subjects.
    pub subject: SubjectParts,
}

/// A node to be made.
#[derive(Debug, Clone)]
pub struct NewNode {
    /// Host name without domain.
    pub name: String,
    /// Domain; empty when there is none.
    pub domain: String,
    /// Address.
    pub address: Ipv4Addr,
}

/// What all subjects of a cluster share [`set web-security`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectParts {
    /// C, two letters.
    pub country: String,
    /// O.
    pub organization: String,
    /// OU.
    pub unit: String,
    /// ST.
    pub state: String,
    /// L.
    pub locality: String,
}

/// Letters in a part of a subject at most (RFC 5280 appendix A, ub-common-name and its sisters).
const SUBJECT_LIMIT: usize = 64;

impl NewCluster {
    /// What the first key and certificate of a unit are. An upgrade keeps what there was and makes what is new as a renewal does.
    pub fn profile(&self, unit: Unit, publisher: bool) -> KeyProfile {
        let (fresh, renewed) = (self.release.certificates)(unit);
        match self.upgraded_from {
            None => fresh,
            Some(from) if from.units(publisher).any(|had| had == unit) => (from.certificates)(unit).0,
            Some(_) => renewed,
        }
    }

    /// What must hold before anything is made: names go into file paths, certificates, records and configs.
    ///
    /// # Errors
    /// [`Refusal::BadInput`].
    pub fn check(&self) -> Result<(), Refusal> {
        if self.nodes.is_empty() {
            return Err(Refusal::BadInput("a cluster needs at least one node".to_owned()));
        }
        let place = |release: &Release| RELEASES.iter().position(|row| row.name == release.name);
        if let Some(from) = self.upgraded_from.filter(|from| place(from) >= place(self.release)) {
            let text = format!("{} is no release before {}: nothing is upgraded from it", from.name, self.release.name);
            return Err(Refusal::BadInput(text));
        }
        for (index, node) in self.nodes.iter().enumerate() {
            node.check()?;
            let address = node.address;
            let twice = self
                .nodes
                .iter()
                .take(index)
                .any(|other| other.name.eq_ignore_ascii_case(&node.name) || other.address == address);
            if twice {
                return Err(Refusal::BadInput(format!("{} ({address}): name or address stands twice", node.name)));
            }
        }
        self.subject.check()
    }
}

/// Letters, digits, `-`, 63 at most (RFC 1123 2.1).
///
/// # Errors
/// [`Refusal::BadInput`].
pub fn check_host_name(name: &str) -> Result<(), Refusal> {
    let fits = !name.is_empty()
        && name.len() <= 63
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fits {
        return Ok(());
    }
    Err(Refusal::BadInput(format!(
        "`{}` is not a host name: letters, digits and `-` inside, 63 at most",
        name.escape_debug()
    )))
}

/// Two capital letters (X.520).
///
/// # Errors
/// [`Refusal::BadInput`].
pub fn check_country(country: &str) -> Result<(), Refusal> {
    if country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Ok(());
    }
    let upper = country.to_ascii_uppercase();
    let meant = if upper.len() == 2 && upper.bytes().all(|letter| letter.is_ascii_uppercase()) {
        format!(": {upper} is meant")
    } else {
        String::new()
    };
    Err(Refusal::BadInput(format!("country `{}` is not two capital letters{meant}", country.escape_debug())))
}

impl SubjectParts {
    /// What must hold before a certificate carries them.
    ///
    /// # Errors
    /// [`Refusal::BadInput`].
    pub fn check(&self) -> Result<(), Refusal> {
        check_country(&self.country)?;
        for part in self.values() {
            if part.len() > SUBJECT_LIMIT || part.chars().any(|letter| letter.is_control() || letter == ';') {
                let reason = "has a `;`, a control character or more than 64 bytes";
                return Err(Refusal::BadInput(format!("`{}` {reason}", part.escape_debug())));
            }
        }
        Ok(())
    }

    /// All of them, in the order of [`Self`].
    pub fn values(&self) -> [&str; 5] {
        [&self.country, &self.organization, &self.unit, &self.state, &self.locality]
    }

    /// The subject of a unit's certificate on a node: CN is the name of the node with its domain, but
    /// `CAPF-xxxxxxxx` for CAPF and `ITLRECOVERY_<name>` for ITLRecovery.
    ///
    /// # Errors
    /// [`RandomError`]: there are no random bytes for the digits of CAPF.
    pub fn subject(
        &self,
        unit: Unit,
        node: &NewNode,
        surroundings: &mut dyn Surroundings,
    ) -> Result<pki::name::Subject, RandomError> {
        let common_name = match node.common_name(unit) {
            Some(name) => name,
            None => format!("CAPF-{}", surroundings.capf_suffix()?),
        };
        Ok(self.named(&common_name))
    }

    /// A subject with a CN.
    pub fn named(&self, common_name: &str) -> pki::name::Subject {
        pki::name::Subject {
            country: self.country.clone(),
            organization: self.organization.clone(),
            unit: self.unit.clone(),
            common_name: common_name.to_owned(),
            state: self.state.clone(),
            locality: self.locality.clone(),
        }
    }
}

impl NewNode {
    /// What must hold before a node has these: they go into file paths, certificates, records and configs.
    ///
    /// # Errors
    /// [`Refusal::BadInput`].
    pub fn check(&self) -> Result<(), Refusal> {
        check_host_name(&self.name)?;
        self.domain.split('.').filter(|_| !self.domain.is_empty()).try_for_each(check_host_name)?;
        let address = self.address;
        if address.is_unspecified() || address.is_broadcast() || address.is_multicast() {
            return Err(Refusal::BadInput(format!("{address} is not an address that phones can reach")));
        }
        if self.full_name().len() + "ITLRECOVERY_".len() > SUBJECT_LIMIT {
            return Err(Refusal::BadInput(format!("{} is too long for a certificate", self.full_name())));
        }
        Ok(())
    }

    /// CN of a unit's certificate; `None` for CAPF, whose name is a number.
    pub fn common_name(&self, unit: Unit) -> Option<String> {
        match unit {
            Unit::Capf => None,
            Unit::ItlRecovery => Some(format!("ITLRECOVERY_{}", self.full_name())),
            // Told apart from the RSA certificate of the same node [sources/certificates#self-signed-profile].
            unit if unit.is_ec() => Some(Self { name: format!("{}-EC", self.name), ..self.clone() }.full_name()),
            _ => Some(self.full_name()),
        }
    }

    /// Host name and domain.
    pub fn full_name(&self) -> String {
        if self.domain.is_empty() { self.name.clone() } else { format!("{}.{}", self.name, self.domain) }
    }
}

/// A row of a node says an address that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad address `{0}`")]
pub struct BadAddress(String);

impl TryFrom<&NodeRow> for NewNode {
    type Error = BadAddress;

    fn try_from(row: &NodeRow) -> Result<Self, BadAddress> {
        let address = row.address.parse().map_err(|_| BadAddress(row.address.clone()))?;
        Ok(Self { name: row.name.clone(), domain: row.domain.clone(), address })
    }
}
