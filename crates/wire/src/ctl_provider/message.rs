//! The messages.

use std::net::Ipv4Addr;

use crate::digest::DigestId;
use crate::error::{Malformed, Reason, Unwritable};
use crate::inbox::wipe;
use crate::role::Role;

use super::fields::{Fields, put, put_long, tag};
use super::{HEAD, MAX_CTL, MAX_ENTRIES, MAX_NAME, PROTOCOL_ID, VERSION};

/// A password. Overwritten when dropped; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Vec<u8>);

impl Password {
    /// From what was typed, UTF-8 as a rule.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Password")
    }
}

/// Who wants to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Name of the administrator.
    pub user: String,
    /// His password.
    pub password: Password,
}

/// The three radio buttons of the client [sources/ctl-client#wizard].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// *Set Cisco Unified CallManager Cluster to Non-Secure Mode*.
    NonSecure,
    /// *Set Cisco Unified CallManager Cluster to Mixed Mode*.
    Mixed,
    /// *Update CTL File*.
    Update,
}

impl Choice {
    const ALL: [Self; 3] = [Self::NonSecure, Self::Mixed, Self::Update];

    const fn code(self) -> u8 {
        match self {
            Self::NonSecure => 0,
            Self::Mixed => 1,
            Self::Update => 2,
        }
    }
}

/// A signed CTL to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// What the cluster is set to with it.
    pub choice: Choice,
    /// Whether refusals that can be overruled are.
    pub forced: bool,
    /// The file.
    pub file: Vec<u8>,
    /// SHA-256 of the CTL that the client saw; `None` when there was none.
    pub base: Option<[u8; 32]>,
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Lets me in.
    Login(Login),
    /// What is there?
    Look,
    /// Store this CTL.
    Store(Upload),
}

/// A server record that a CTL of the cluster has, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Role.
    pub role: Role,
    /// Host name.
    pub host: String,
    /// Address.
    pub address: Ipv4Addr,
    /// Certificate, DER.
    pub certificate: Vec<u8>,
}

/// What a CTL is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterState {
    /// Whether it is in mixed mode.
    pub mixed: bool,
    /// Digest that lists are signed with.
    pub digest: DigestId,
    /// The CTL that the publisher gives out.
    pub ctl: Option<Vec<u8>>,
    /// The server records of the next CTL, SAST records of the release among them.
    pub entries: Vec<Entry>,
}

/// What became of the CTL on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Host name or address.
    pub host: String,
    /// File location.
    pub location: String,
    /// Why it failed; `None` when it passed.
    pub failure: Option<String>,
}

/// What the provider answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Logged in.
    Welcome {
        /// Release of the cluster.
        release: String,
    },
    /// What is there.
    Cluster(ClusterState),
    /// The CTL was taken.
    Stored {
        /// What became of it, node by node.
        nodes: Vec<NodeStatus>,
        /// What the administrator should know.
        warnings: Vec<String>,
    },
    /// It was not.
    Refused {
        /// Stable word for machines.
        label: String,
        /// The answer for a person.
        text: String,
    },
}

const LOGIN: u8 = 1;
const LOOK: u8 = 2;
const STORE: u8 = 3;
const WELCOME: u8 = 129;
const CLUSTER: u8 = 130;
const STORED: u8 = 131;
const REFUSED: u8 = 132;

fn unknown_kind(kind: u8) -> Malformed {
    Malformed::new(2, "kind", Reason::OutOfRange { found: kind.into(), least: LOGIN.into(), most: STORE.into() })
}

impl Request {
    /// Whether this kind of frame is a Login.
    pub(super) const fn is_login(kind: u8) -> bool {
        kind == LOGIN
    }

    /// Reads a body.
    pub(super) fn decode(kind: u8, body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(body);
        let request = match kind {
            LOGIN => {
                let user = fields.text(tag::USER)?;
                let password = fields.must(tag::PASSWORD)?;
                if password.len() > MAX_NAME {
                    let reason = Reason::TooLarge { found: password.len(), limit: MAX_NAME };
                    return Err(fields.wrong(tag::PASSWORD, reason));
                }
                Self::Login(Login { user, password: Password::new(password.to_vec()) })
            }
            LOOK => Self::Look,
            STORE => {
                let code = fields.byte(tag::CHOICE)?;
                let found = Choice::ALL.into_iter().find(|choice| choice.code() == code);
                let choice = found.ok_or_else(|| fields.wrong(tag::CHOICE, out_of_range(code, 2)))?;
                let forced = flag(&mut fields, tag::FORCED)?;
                let file = match fields.long(tag::CTL)? {
                    Some(file) => file,
                    None => fields.must(tag::CTL)?.to_vec(),
                };
                let base = match fields.maybe(tag::BASE)? {
                    None => None,
                    Some(value) => Some(value.try_into().map_err(|_| {
                        fields.wrong(tag::BASE, Reason::WrongLength { expected: 32, found: value.len() })
                    })?),
                };
                Self::Store(Upload { choice, forced, file, base })
            }
            other => return Err(unknown_kind(other)),
        };
        fields.end()?;
        Ok(request)
    }

    /// The frame.
    ///
    /// # Errors
    /// [`Unwritable`]: a CTL above [`MAX_CTL`], another field above 65535 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, Unwritable> {
        let (kind, mut out) = (self.kind(), begin());
        match self {
            Self::Login(login) => {
                put(&mut out, tag::USER, login.user.as_bytes())?;
                put(&mut out, tag::PASSWORD, login.password.bytes())?;
            }
            Self::Look => {}
            Self::Store(upload) => {
                if upload.file.len() > MAX_CTL {
                    return Err(Unwritable::PartTooLong { part: "CTL", length: upload.file.len() });
                }
                put(&mut out, tag::CHOICE, &[upload.choice.code()])?;
                put(&mut out, tag::FORCED, &[u8::from(upload.forced)])?;
                put_long(&mut out, tag::CTL, &upload.file)?;
                if let Some(base) = &upload.base {
                    put(&mut out, tag::BASE, base)?;
                }
            }
        }
        finish(out, kind)
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Login(_) => LOGIN,
            Self::Look => LOOK,
            Self::Store(_) => STORE,
        }
    }
}

impl Reply {
    /// Reads a body.
    pub(super) fn decode(kind: u8, body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(body);
        let reply = match kind {
            WELCOME => Self::Welcome { release: fields.text(tag::RELEASE)? },
            CLUSTER => {
                let mixed = flag(&mut fields, tag::MODE)?;
                let digest = DigestId(fields.byte(tag::DIGEST)?);
                let ctl = fields.long(tag::CTL)?;
                let mut entries = Vec::new();
                while let Some(value) = fields.maybe(tag::ENTRY)? {
                    if entries.len() == MAX_ENTRIES {
                        let reason = Reason::TooLarge { found: MAX_ENTRIES + 1, limit: MAX_ENTRIES };
                        return Err(fields.wrong(tag::ENTRY, reason));
                    }
                    entries.push(Entry::decode(value)?);
                }
                Self::Cluster(ClusterState { mixed, digest, ctl, entries })
            }
            STORED => {
                let mut nodes = Vec::new();
                while let Some(value) = fields.maybe(tag::NODE)? {
                    nodes.push(NodeStatus::decode(value)?);
                }
                let mut warnings = Vec::new();
                while let Some(value) = fields.maybe(tag::WARNING)? {
                    warnings.push(fields.check_text(tag::WARNING, value, usize::from(u16::MAX))?);
                }
                Self::Stored { nodes, warnings }
            }
            REFUSED => Self::Refused { label: fields.text(tag::LABEL)?, text: fields.sentences(tag::TEXT)? },
            other => return Err(unknown_kind(other)),
        };
        fields.end()?;
        Ok(reply)
    }

    /// The frame.
    ///
    /// # Errors
    /// [`Unwritable`]: a field above 65535 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, Unwritable> {
        let mut out = begin();
        let kind = match self {
            Self::Welcome { release } => {
                put(&mut out, tag::RELEASE, release.as_bytes())?;
                WELCOME
            }
            Self::Cluster(state) => {
                put(&mut out, tag::MODE, &[u8::from(state.mixed)])?;
                put(&mut out, tag::DIGEST, &[state.digest.0])?;
                if let Some(ctl) = &state.ctl {
                    put_long(&mut out, tag::CTL, ctl)?;
                }
                for entry in &state.entries {
                    put(&mut out, tag::ENTRY, &entry.encode()?)?;
                }
                CLUSTER
            }
            Self::Stored { nodes, warnings } => {
                for node in nodes {
                    put(&mut out, tag::NODE, &node.encode()?)?;
                }
                for warning in warnings {
                    put(&mut out, tag::WARNING, warning.as_bytes())?;
                }
                STORED
            }
            Self::Refused { label, text } => {
                put(&mut out, tag::LABEL, label.as_bytes())?;
                put(&mut out, tag::TEXT, text.as_bytes())?;
                REFUSED
            }
        };
        finish(out, kind)
    }
}

impl Entry {
    fn decode(value: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(value);
        let role = Role(u16::from_be_bytes(fields.exactly(tag::ROLE)?));
        let host = fields.text(tag::HOST)?;
        let address = Ipv4Addr::from(fields.exactly::<4>(tag::ADDRESS)?);
        let certificate = fields.must(tag::CERTIFICATE)?.to_vec();
        fields.end()?;
        Ok(Self { role, host, address, certificate })
    }

    fn encode(&self) -> Result<Vec<u8>, Unwritable> {
        let mut out = Vec::with_capacity(self.certificate.len() + 64);
        put(&mut out, tag::ROLE, &self.role.0.to_be_bytes())?;
        put(&mut out, tag::HOST, self.host.as_bytes())?;
        put(&mut out, tag::ADDRESS, &self.address.octets())?;
        put(&mut out, tag::CERTIFICATE, &self.certificate)?;
        Ok(out)
    }
}

impl NodeStatus {
    fn decode(value: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(value);
        let host = fields.text(tag::HOST)?;
        let location = fields.sentences(tag::LOCATION)?;
        let failure = match fields.maybe(tag::FAILURE)? {
            Some(value) => Some(fields.check_text(tag::FAILURE, value, usize::from(u16::MAX))?),
            None => None,
        };
        fields.end()?;
        Ok(Self { host, location, failure })
    }

    fn encode(&self) -> Result<Vec<u8>, Unwritable> {
        let mut out = Vec::new();
        put(&mut out, tag::HOST, self.host.as_bytes())?;
        put(&mut out, tag::LOCATION, self.location.as_bytes())?;
        if let Some(failure) = &self.failure {
            put(&mut out, tag::FAILURE, failure.as_bytes())?;
        }
        Ok(out)
    }
}

fn flag(fields: &mut Fields<'_>, tag: u8) -> Result<bool, Malformed> {
    match fields.byte(tag)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(fields.wrong(tag, out_of_range(other, 1))),
    }
}

fn out_of_range(found: u8, most: usize) -> Reason {
    Reason::OutOfRange { found: found.into(), least: 0, most }
}

/// A frame without its kind and length. Room for a password from the start: a vector that grows leaves its old place as it
/// was.
fn begin() -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + 2 * (MAX_NAME + 3));
    out.extend([0; HEAD]);
    out
}

fn finish(mut out: Vec<u8>, kind: u8) -> Result<Vec<u8>, Unwritable> {
    let length = out.len() - HEAD;
    let short = u32::try_from(length).map_err(|_| Unwritable::PartTooLong { part: "message", length })?;
    let [a, b, c, d] = short.to_be_bytes();
    for (place, byte) in out.iter_mut().zip([PROTOCOL_ID, VERSION, kind, 0, a, b, c, d]) {
        *place = byte;
    }
    Ok(out)
}
