//! The CTL as the client of the original lays it out: names of tokens in quotes, addresses as host names, no SIGNATURE
//! [sources/trust-lists#names], [sources/trust-lists#sizes].

use std::net::Ipv4Addr;

use wire::ctl_provider::{Choice, ClusterState, Entry};
use wire::header::{CTL_FILE_NAME, Layout};
use wire::role::Role;
use wire::trust_list::{RecordSpec, RecordView, TrustList};

use crate::certificate::{Certificate, CertificateError};
use crate::hash::hex;
use crate::name::NameForm;
use crate::sign::{ListSpec, SigningIdentity, sign_list};
use crate::signer::SignError;

/// The refusal of [sources/ctl-client#messages], with its line ends.
pub const TOKEN_NOT_IN_CTL: &str = "The Security Token you have inserted does not exist in the CTL File\n\
    Please remove any Security Tokens already inserted and insert another\n\
    Security Token. Click Ok when done.";

/// The warning of [sources/ctl-client#messages], words as they stand there.
pub const NO_CTL: &str = "No CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode. \
    For the system to function, you must create the CTL File and set Call Manager Cluster the Secure Mode.";

/// Tokens that a CTL must have: when one is lost the other signs the next.
pub const LEAST_TOKENS: usize = 2;

/// A CTL that is being put together.
#[derive(Debug, Clone)]
pub struct CtlDraft {
    state: ClusterState,
    held: Option<TrustList>,
    servers: Vec<Certificate>,
    tokens: Vec<Certificate>,
    others: Vec<(Entry, Certificate)>,
    /// Signs, and stands in the list whatever is deleted.
    signer: Option<Certificate>,
}

/// Why an item is not deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDeleted {
    /// A server of the cluster, or nothing at this place.
    #[error("This entry cannot be deleted.")]
    Fixed,
    /// The token that signs: it would be in the list all the same.
    #[error(
        "This Security Token signs the CTL File and cannot be deleted. Cancel, and begin with the Security Token that is to sign."
    )]
    Signer,
    /// No token and no added server is called so.
    #[error("nothing that can be deleted is called `{wanted}`; there are: {found}")]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// Several are.
    #[error(
        "{count} entries are called `{wanted}`; name a token by the serial number of its certificate, or use the wizard"
    )]
    Several {
        /// What was asked for.
        wanted: String,
        /// How many.
        count: usize,
    },
}

/// Why there is no draft.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The CTL of the cluster.
    #[error(
        "the CTL file of the cluster cannot be read: {0}; `file delete tftp CTLFile.tlv` on the publisher removes it"
    )]
    Held(wire::Malformed),
    /// A certificate of a server or of a record.
    #[error("{host}: {error}")]
    Certificate {
        /// Whose.
        host: String,
        /// What is wrong.
        error: CertificateError,
    },
}

/// A line of the list that the client shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Type: `CAPF`, `CCM+TFTP`, `Security Token`, `TFTP`, `Firewall`.
    pub kind: &'static str,
    /// Hostname/IP; empty for a token.
    pub host: String,
    /// Issuer Name.
    pub issuer: String,
    /// Subject Name.
    pub subject: String,
}

impl CtlDraft {
    /// A draft for a cluster: its servers, and what its CTL has of tokens, alternate TFTP servers and firewalls.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn new(state: ClusterState) -> Result<Self, DraftError> {
        let read = |host: &str, der: &[u8]| {
            Certificate::from_der(der).map_err(|error| DraftError::Certificate { host: host.to_owned(), error })
        };
        let held = state.ctl.clone().map(TrustList::decode).transpose().map_err(DraftError::Held)?;
        let servers = state.entries.iter().map(|entry| read(&entry.host, &entry.certificate));
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        let mut draft = Self { state, held, servers, tokens: Vec::new(), others: Vec::new(), signer: None };
        let held = draft.held.clone();
        for record in held.iter().flat_map(TrustList::records) {
            let Some(der) = record.certificate() else { continue };
            let host = String::from_utf8_lossy(record.dns_name().unwrap_or_default()).into_owned();
            if is_token(&record) {
                draft.add_token(read(&host, der)?);
            } else if let Some(role @ (Role::TFTP | Role::FIREWALL)) = record.role() {
                let address = record.ip_address().unwrap_or(Ipv4Addr::UNSPECIFIED);
                draft.add_server(Entry { role, host, address, certificate: der.to_vec() })?;
            }
        }
        Ok(draft)
    }

    /// What the cluster said.
    #[must_use]
    pub fn state(&self) -> &ClusterState {
        &self.state
    }

    /// The tokens of the draft.
    #[must_use]
    pub fn tokens(&self) -> &[Certificate] {
        &self.tokens
    }

    /// Whether a token may sign: the CTL of the cluster holds it, or there is none.
    #[must_use]
    pub fn may_sign(&self, token: &Certificate) -> bool {
        let holds = |list: &TrustList| {
            list.records().any(|record| record.role() == Some(Role::SAST) && record.certificate() == Some(token.der()))
        };
        self.held.as_ref().is_none_or(holds)
    }

    /// Adds a token. `false`: it is there already.
    pub fn add_token(&mut self, token: Certificate) -> bool {
        let new = !self.tokens.contains(&token);
        if new {
            self.tokens.push(token);
        }
        new
    }

    /// Adds the token that will sign.
    pub fn add_signer(&mut self, token: Certificate) {
        self.add_token(token.clone());
        self.signer = Some(token);
    }

    /// Adds an alternate TFTP server or a firewall. `false`: it is there already, with this certificate.
    ///
    /// # Errors
    /// [`DraftError::Certificate`].
    pub fn add_server(&mut self, entry: Entry) -> Result<bool, DraftError> {
        let certificate = Certificate::from_der(&entry.certificate)
            .map_err(|error| DraftError::Certificate { host: entry.host.clone(), error })?;
        let new = self.others.iter().all(|(other, _)| *other != entry);
        if new {
            self.others.push((entry, certificate));
        }
        Ok(new)
    }

    /// The list as the client shows it: the servers of the cluster, others, tokens.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let own = self.state.entries.iter().zip(&self.servers);
        let others = self.others.iter().map(|(entry, certificate)| (entry, certificate));
        let servers = own.chain(others).map(|(entry, certificate)| Item {
            kind: kind(entry.role),
            host: entry.host.clone(),
            issuer: certificate.issuer(NameForm::Cucm),
            subject: certificate.subject(NameForm::Cucm),
        });
        let tokens = self.tokens.iter().map(|token| Item {
            kind: "Security Token",
            host: String::new(),
            issuer: token.issuer(NameForm::CtlClient),
            subject: token.subject(NameForm::CtlClient),
        });
        servers.chain(tokens).collect()
    }

    /// Deletes the item at a place in [`Self::items`].
    ///
    /// # Errors
    /// [`NotDeleted::Fixed`], [`NotDeleted::Signer`].
    pub fn delete(&mut self, index: usize) -> Result<(), NotDeleted> {
        let index = index.checked_sub(self.servers.len()).ok_or(NotDeleted::Fixed)?;
        if index < self.others.len() {
            self.others.remove(index);
            return Ok(());
        }
        let index = index - self.others.len();
        match self.tokens.get(index) {
            None => Err(NotDeleted::Fixed),
            Some(token) if self.signer.as_ref() == Some(token) => Err(NotDeleted::Signer),
            Some(_) => {
                self.tokens.remove(index);
                Ok(())
            }
        }
    }

    /// Deletes what is called so: a token by the name in its certificate (`SAST-ADN008580ef`, or what is behind `SAST-`) or by the
    /// serial number of that, a server that was added by its host.
    ///
    /// # Errors
    /// [`NotDeleted`].
    pub fn delete_named(&mut self, wanted: &str) -> Result<(), NotDeleted> {
        let others = self.others.iter().map(|(entry, _)| entry.host == wanted);
        let tokens = self.tokens.iter().map(|token| is_called(token, wanted));
        let fit: Vec<usize> = (self.servers.len()..)
            .zip(others.chain(tokens))
            .filter_map(|(place, fits)| fits.then_some(place))
            .collect();
        match fit.as_slice() {
            [one] => self.delete(*one),
            [] => {
                let tokens = self.tokens.iter().map(name);
                let found: Vec<String> =
                    self.others.iter().map(|(entry, _)| entry.host.clone()).chain(tokens).collect();
                Err(NotDeleted::Unknown { wanted: wanted.to_owned(), found: found.join(", ") })
            }
            several => Err(NotDeleted::Several { wanted: wanted.to_owned(), count: several.len() }),
        }
    }

    /// The records for a choice, in the order of [sources/published-clusters#two-nodes]: the other tokens, the servers,
    /// the token that signs; for a cluster that goes back to non-secure in that of
    /// [sources/ctl-client#from-tokens-and-back]: the tokens, the publisher without its certificate, CAPF, the others
    /// without theirs.
    #[must_use]
    pub fn records(&self, choice: Choice, signer: &Certificate) -> Vec<RecordSpec> {
        let token = |token: &Certificate| {
            token.with_fields(NameForm::CtlClient, |fields| {
                RecordSpec::ctl_client(Role::SAST, fields, "", Ipv4Addr::UNSPECIFIED)
            })
        };
        let server = |entry: &Entry, certificate: &Certificate| {
            certificate.with_fields(NameForm::Cucm, |fields| {
                RecordSpec::ctl_client(entry.role, fields, &entry.host, entry.address)
            })
        };
        let others = self.others.iter().map(|(entry, certificate)| server(entry, certificate));
        let backup = self.tokens.iter().filter(|other| *other != signer).map(token);
        let mixed = match choice {
            Choice::Mixed => true,
            Choice::NonSecure => false,
            Choice::Update => self.state.mixed,
        };
        let entries = self.state.entries.iter().zip(&self.servers);
        if mixed {
            let servers = entries.map(|(entry, certificate)| server(entry, certificate));
            return backup.chain(servers).chain(others).chain([token(signer)]).collect();
        }
        let mut servers: Vec<RecordSpec> = Vec::new();
        let mut emptied: Vec<RecordSpec> = Vec::new();
        for (entry, certificate) in entries {
            if entry.role == Role::CCM_TFTP {
                emptied.push(RecordSpec::emptied(entry.role, &entry.host, entry.address));
            } else {
                servers.push(server(entry, certificate));
            }
        }
        // The publisher comes last from the provider.
        let publisher = emptied.pop();
        let tokens = backup.chain([token(signer)]);
        tokens.chain(publisher).chain(servers).chain(emptied).chain(others).collect()
    }

    /// The signed CTL. `timestamp` in seconds since 1970 UTC; it is younger than the one of the cluster in any case, which a clock that
    /// is behind would not make it.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, choice: Choice, signer: &SigningIdentity<'_>, timestamp: u32) -> Result<Vec<u8>, SignError> {
        let spec = ListSpec {
            layout: Layout::Cucm,
            signer_form: Some(NameForm::CtlClient),
            signer_version: None,
            digest: self.state.digest,
            file_name: CTL_FILE_NAME,
            timestamp: self.held.as_ref().map_or(timestamp, |held| {
                let before = held.header().timestamp().unwrap_or_default();
                timestamp.max(before.saturating_add(1))
            }),
        };
        sign_list(&spec, &self.records(choice, signer.certificate()), signer)
    }
}

/// The common name of a token, without the blanks behind it.
fn name(token: &Certificate) -> String {
    token.common_name().unwrap_or_default().trim_end().to_owned()
}

fn is_called(token: &Certificate, wanted: &str) -> bool {
    let name = name(token);
    let digits = wanted.replace(':', "").to_ascii_lowercase();
    name == wanted
        || name.strip_prefix("SAST-") == Some(wanted)
        || [token.serial_hex(), hex(&token.serial_reversed())].contains(&digits)
}

/// A record of a token: its names are in the small letters that only the client writes.
fn is_token(record: &RecordView<'_>) -> bool {
    record.role() == Some(Role::SAST) && record.subject().is_some_and(|name| name.starts_with(b"cn="))
}

const fn kind(role: Role) -> &'static str {
    match role {
        Role::CAPF => "CAPF",
        Role::CCM_TFTP => "CCM+TFTP",
        Role::TFTP => "TFTP",
        Role::FIREWALL => "Firewall",
        Role::SAST => "SAST",
        _ => "other",
    }
}
