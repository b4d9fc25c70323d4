//! What is offered to a phone, and what TVS replied.

use wire::role::Role;
use wire::tvs::Answer;

pub use pki::listing::ListKind;

/// Something that a phone has to decide about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer<'a> {
    /// A file fetched as CTL.
    Ctl(&'a [u8]),
    /// A file fetched as ITL.
    Itl(&'a [u8]),
    /// A config or another file fetched under a `.sgn` name.
    SignedConfig {
        /// The name it was asked for, with `.sgn`.
        name: &'a str,
        /// The file.
        file: &'a [u8],
    },
    /// A config fetched under its plain name.
    UnsignedConfig(&'a [u8]),
    /// The certificate that a TLS server showed.
    TlsServer {
        /// What the server is for: [`Role::TVS`], [`Role::CCM`], [`Role::CAPF`], [`Role::APP_SERVER`], or
        /// [`Role::TFTP`] for files by HTTPS.
        role: Role,
        /// DER.
        certificate: &'a [u8],
    },
}

impl Offer<'_> {
    /// What it is, in a word or two.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Ctl(_) => "CTL",
            Self::Itl(_) => "ITL",
            Self::SignedConfig { .. } => "signed config",
            Self::UnsignedConfig(_) => "unsigned config",
            Self::TlsServer { .. } => "TLS server certificate",
        }
    }

    /// Whether a certificate with this role may stand behind the offer.
    #[must_use]
    pub fn is_suited(&self, role: Role) -> bool {
        match self {
            Self::Ctl(_) | Self::Itl(_) => role.signs_lists(),
            Self::SignedConfig { .. } | Self::UnsignedConfig(_) => role.signs_configs(),
            Self::TlsServer { role: wanted, .. } => match *wanted {
                Role::CCM | Role::CCM_TFTP => matches!(role, Role::CCM | Role::CCM_TFTP),
                Role::TFTP => role.signs_configs(),
                exact => role == exact,
            },
        }
    }

    /// Where its certificate has to be put on a CUCM, or on a node of ours, so that TVS knows it in this role
    /// [sources/trust-stores#roles]. A store that makes signers of trust lists is never named for a server: that would
    /// give it the right to replace every list of every phone. Where no store gives the role alone, the unit is named
    /// whose renewal does.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Ctl(_) | Self::Itl(_) | Self::SignedConfig { .. } | Self::UnsignedConfig(_) => {
                "put the certificate into Phone-SAST-trust of that node"
            }
            Self::TlsServer { role, .. } => match *role {
                Role::APP_SERVER => "put the certificate into tomcat-trust of that node",
                Role::CAPF => {
                    "only the CAPF certificate of a node has this role: let that node show it, or give the phone its lists"
                }
                _ => {
                    "only the CallManager certificate of a node has this role: let that node show it, or give the phone its lists"
                }
            },
        }
    }

    /// The role that is missing when none is suited, for a message.
    #[must_use]
    pub fn wanted_role(&self) -> &'static str {
        match self {
            Self::Ctl(_) | Self::Itl(_) => "SAST",
            Self::SignedConfig { .. } | Self::UnsignedConfig(_) => "TFTP or CCM+TFTP",
            Self::TlsServer { role, .. } => match *role {
                Role::CCM | Role::CCM_TFTP => "CCM or CCM+TFTP",
                Role::TFTP => "TFTP or CCM+TFTP",
                other => other.name().unwrap_or("suited"),
            },
        }
    }
}

/// A TVS server that was asked in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its address and port.
    pub server: String,
    /// Why it gave no answer.
    pub why: Silence,
}

/// Why a TVS server gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// It showed a certificate that the ITL does not name as TVS.
    #[error("{0}")]
    NotBelieved(String),
    /// It closed when it was asked with QUERY: servers that know VERIFY only do so [sources/tvs#query].
    #[error("it closed at a QUERY, as servers do that know VERIFY only")]
    VerifyOnly,
    /// Not reached, no TLS, or the protocol was broken.
    #[error("{0}")]
    Failed(String),
}

impl std::fmt::Display for Tried {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.server, self.why)
    }
}

/// What came of a question to TVS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TvsReply {
    /// A server whose certificate the ITL names has answered.
    Answered {
        /// Its address and port.
        server: String,
        /// What it said.
        answer: Answer,
        /// The answer was kept from an earlier question.
        cached: bool,
    },
    /// No server gave an answer.
    NoServer(Vec<Tried>),
}
