//! The outcome of an offer with its reason.

use pki::Certificate;
use pki::NameForm;
use pki::hash::spell;
use wire::digest::DigestId;
use wire::header::HeaderView;
use wire::role::Role;
use wire::trust_list::TrustList;
use wire::tvs::Ask;

use crate::offer::{ListKind, Silence, Tried};

/// What a phone does with an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Decided.
    Final(Verdict),
    /// The lists do not decide it: ask TVS, then call [`crate::judge_with_answer`] with the same belief and offer.
    AskTvs(Question),
}

/// A question to TVS. Answers may be kept under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The words of the question.
    pub ask: Ask,
    /// Who it is about.
    pub about: Party,
}

/// The last word on an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The phone takes it.
    Accepted(Accepted),
    /// The phone does not take it and keeps what it has.
    Refused(Refusal),
}

impl Verdict {
    /// Whether the phone takes it.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// A short name that stays the same, for machines.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Accepted(accepted) => accepted.ground.label(),
            Self::Refused(refusal) => refusal.label(),
        }
    }

    /// The reason in one sentence.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Accepted(accepted) => accepted.ground.to_string(),
            Self::Refused(refusal) => refusal.to_string(),
        }
    }
}

/// Taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Why.
    pub ground: Ground,
    /// What it changes; hand it to [`crate::Belief::apply`].
    pub change: Change,
}

/// What an accepted offer changes in a belief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing: the same file as before, or a TLS server.
    Nothing,
    /// The list takes the place of the stored one.
    StoreList(ListKind, TrustList),
    /// A list without records: the stored one goes.
    ClearList(ListKind),
    /// The config, without its header. Cipher text when the file was a `.enc.sgn`.
    StoreConfig(Vec<u8>),
}

/// Whose certificate it is about: the names as they stand in the file or the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Subject name.
    pub subject: Vec<u8>,
    /// Issuer name.
    pub issuer: Vec<u8>,
    /// Serial number.
    pub serial: Vec<u8>,
}

impl Party {
    /// The signer of a file; `None` when its serial number or names are missing.
    #[must_use]
    pub fn signer(header: HeaderView<'_>) -> Option<Self> {
        Some(Self {
            subject: header.signer_name()?.to_vec(),
            issuer: header.issuer_name()?.to_vec(),
            serial: header.serial()?.to_vec(),
        })
    }

    /// The owner of a certificate.
    #[must_use]
    pub fn owner(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject(NameForm::Cucm).into_bytes(),
            issuer: certificate.issuer(NameForm::Cucm).into_bytes(),
            serial: certificate.serial().to_vec(),
        }
    }
}

impl std::fmt::Display for Party {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // names come from strangers: nothing but printable ASCII reaches a terminal
        write!(out, "{} (serial {})", self.subject.escape_ascii(), spell(&self.serial, "", true))
    }
}

/// Roles as a message names them.
struct Roles<'a>(&'a [u8]);

impl std::fmt::Display for Roles<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.0.iter().map(|role| Role(u16::from(*role)).to_string()).collect();
        out.write_str(&names.join(", "))
    }
}

/// Why an offer is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// The phone held no list when it booted: the first one is taken without a check.
    LeapOfFaith,
    /// The stored ITL is the blank one of a roll-back, and no CTL has a say: any ITL is taken.
    BlankItl,
    /// The same file as the stored one.
    Unchanged,
    /// A record of a stored list.
    Listed {
        /// The list.
        list: ListKind,
        /// Number of the record from 1.
        record: usize,
        /// Its role.
        role: Role,
        /// Whose certificate it is.
        party: Party,
        /// The record holds the hash of the certificate, not the certificate.
        by_hash: bool,
    },
    /// An answer of TVS.
    Tvs {
        /// Address and port of the server.
        server: String,
        /// The roles it gave.
        roles: Vec<u8>,
        /// Whose certificate it is.
        party: Party,
        /// How long the answer may be kept, seconds.
        ttl_seconds: u32,
        /// The answer was kept from an earlier question.
        cached: bool,
    },
    /// An unsigned config, and no list names a certificate for configs.
    SignatureNotWanted,
}

impl Ground {
    /// A short name that stays the same, for machines.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::LeapOfFaith => "leap-of-faith",
            Self::BlankItl => "blank-itl",
            Self::Unchanged => "unchanged",
            Self::Listed { .. } => "listed",
            Self::Tvs { .. } => "tvs",
            Self::SignatureNotWanted => "signature-not-wanted",
        }
    }
}

impl std::fmt::Display for Ground {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LeapOfFaith => out.write_str("taken on faith: the phone held no trust list when it booted"),
            Self::BlankItl => out.write_str(
                "taken on faith: the stored ITL is the blank one of a roll-back and no CTL names a certificate for configs",
            ),
            Self::Unchanged => out.write_str("the same file as the stored one"),
            Self::Listed { list, record, role, party, by_hash } => {
                let how = if *by_hash { " by its hash" } else { "" };
                write!(out, "{party} stands in the stored {} as {role}, record {record}{how}", list.word())
            }
            Self::Tvs { server, roles, party, cached, .. } => {
                let when = if *cached { " (answer kept from before)" } else { "" };
                write!(out, "{party} is in no list; TVS {server} knows it as {}{when}", Roles(roles))
            }
            Self::SignatureNotWanted => {
                out.write_str("unsigned, and no trust list names a certificate with role TFTP or CCM+TFTP")
            }
        }
    }
}

/// Why TVS cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTvs {
    /// The model has no Security by Default.
    #[error("model {0} has no Security by Default and cannot ask TVS; erase its trust list by hand")]
    Model(&'static str),
    /// No ITL, or one without a TVS record.
    #[error("the ITL names no TVS; erase the trust lists of the phone or sign with a certificate it holds")]
    NoRecord,
    /// No config has named a TVS server yet.
    #[error("no accepted config names a TVS server; sign with a certificate that the phone holds")]
    NoServer,
}

/// Why an offer is refused: the sentence ends with the next step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Zero bytes. Nothing signed says so, therefore nothing is cleared.
    #[error("the file is empty; a list that is to clear the phone has to be signed, with no records")]
    Empty,
    /// Above what phones load.
    #[error("the list has {bytes} bytes, phones load at most {limit}; take certificates out of it")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Not in the format.
    #[error("the file cannot be read ({0}); build it again")]
    Malformed(String),
    /// FILENAME says something else than what was asked for.
    #[error("FILENAME is `{found}`, the phone asked for `{wanted}`; sign it under the name that is asked for")]
    OtherFile {
        /// FILENAME, escaped.
        found: String,
        /// The name asked for.
        wanted: String,
    },
    /// The model has no ITL.
    #[error("model {0} has no Security by Default and takes no ITL; give it a CTL")]
    NoItlForModel(&'static str),
    /// More SAST records than the model takes.
    #[error("the list has {found} SAST records, model {model} takes {limit}; leave out the others")]
    TooManySast {
        /// How many there are.
        found: usize,
        /// The limit.
        limit: usize,
        /// The model.
        model: &'static str,
    },
    /// An RSA key larger than the model takes.
    #[error("{party} has an RSA key of {bits} bits, model {model} takes {limit}; use a smaller key")]
    KeyTooLarge {
        /// Whose key it is.
        party: Party,
        /// Its size in bits.
        bits: usize,
        /// The limit in bits.
        limit: usize,
        /// The model.
        model: &'static str,
    },
    /// A digest that the model does not know.
    #[error(
        "the signature uses {digest}, which model {model} does not know; set TFTP File Signature Algorithm to SHA-1"
    )]
    UnknownDigest {
        /// The digest.
        digest: DigestId,
        /// The model.
        model: &'static str,
    },
    /// The certificate is believed, the signature does not hold.
    #[error("the signature of {party} does not hold ({from}); sign the file again")]
    BadSignature {
        /// The signer.
        party: Party,
        /// Where the certificate came from.
        from: String,
    },
    /// The signer or server is in no list with a suited role, and TVS cannot be asked.
    #[error("{party} is in no stored list as {wanted}, and {no_tvs}")]
    Unknown {
        /// Who.
        party: Party,
        /// The roles that would do.
        wanted: &'static str,
        /// Why TVS is not asked.
        no_tvs: NoTvs,
    },
    /// No TVS server answered.
    #[error(
        "{party} is in no stored list as {wanted}, and no TVS answered ({}); {}",
        tried(servers),
        after_silence(servers, wanted)
    )]
    TvsUnavailable {
        /// Who.
        party: Party,
        /// The roles that would do.
        wanted: &'static str,
        /// The servers and what happened.
        servers: Vec<Tried>,
    },
    /// TVS does not know the certificate.
    #[error("TVS {server} does not know {party}; {remedy}")]
    TvsDoesNotKnow {
        /// The server.
        server: String,
        /// Who.
        party: Party,
        /// What helps, see [`crate::Offer::remedy`].
        remedy: &'static str,
    },
    /// TVS knows it, for something else.
    #[error("TVS {server} knows {party} as {}, {wanted} is needed; {remedy}", Roles(roles))]
    TvsOtherRole {
        /// The server.
        server: String,
        /// Who.
        party: Party,
        /// The roles it gave.
        roles: Vec<u8>,
        /// The roles that would do.
        wanted: &'static str,
        /// What helps, see [`crate::Offer::remedy`].
        remedy: &'static str,
    },
    /// TVS answered with the certificate of somebody else.
    #[error("asked for {party}, TVS {server} sent {sent}; look for a wrong certificate on that node")]
    TvsOtherCertificate {
        /// The server.
        server: String,
        /// Who was asked for.
        party: Party,
        /// What came: names, or why it cannot be read.
        sent: String,
    },
    /// TVS gave an answer to another kind of question.
    #[error("TVS {0} answered something else than it was asked; update that node")]
    TvsOtherAnswer(String),
    /// The certificate of a TVS server is not the one of a TVS record. TVS itself is never asked about it.
    #[error("{party} is not in the ITL as TVS; give the phone the ITL of that node before its TVS certificate changes")]
    NotOurTvs {
        /// The owner of the certificate.
        party: Party,
    },
    /// A plain config for a phone that wants a signature.
    #[error("the config is not signed, and {party} stands in the {} as {role}; offer it as .sgn", list.word())]
    Unsigned {
        /// Whose certificate asks for signatures.
        party: Party,
        /// Its role.
        role: Role,
        /// The list it stands in.
        list: ListKind,
    },
    /// Nothing to check it with.
    #[error("the phone holds no trust list to check {0} with; boot it with an ITL first")]
    NoTrustList(Party),
}

fn tried(servers: &[Tried]) -> String {
    let all: Vec<String> = servers.iter().map(Tried::to_string).collect();
    all.join("; ")
}

/// The next step, by the first reason that an administrator can do something about.
fn after_silence(servers: &[Tried], wanted: &str) -> &'static str {
    let any = |fits: fn(&Silence) -> bool| servers.iter().any(|tried| fits(&tried.why));
    if any(|why| matches!(why, Silence::NotBelieved(_))) {
        "never renew CallManager and TVS together"
    } else if any(|why| matches!(why, Silence::VerifyOnly)) {
        "sign with a certificate that the lists of the phone name, or give it a TVS that answers QUERY"
    } else if !matches!(wanted, "SAST" | "TFTP or CCM+TFTP") {
        "let the phone reach a TVS of its last config, or give it lists that name this server"
    } else {
        "let the phone reach a TVS of its last config, or sign with a certificate that its lists name"
    }
}

impl Refusal {
    /// A short name that stays the same, for machines.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge { .. } => "too-large",
            Self::Malformed(_) => "malformed",
            Self::OtherFile { .. } => "other-file",
            Self::NoItlForModel(_) => "no-itl-for-model",
            Self::TooManySast { .. } => "too-many-sast",
            Self::KeyTooLarge { .. } => "key-too-large",
            Self::UnknownDigest { .. } => "unknown-digest",
            Self::BadSignature { .. } => "bad-signature",
            Self::Unknown { .. } => "unknown-signer",
            Self::TvsUnavailable { .. } => "tvs-unavailable",
            Self::TvsDoesNotKnow { .. } => "tvs-does-not-know",
            Self::TvsOtherRole { .. } => "tvs-other-role",
            Self::TvsOtherCertificate { .. } => "tvs-other-certificate",
            Self::TvsOtherAnswer(_) => "tvs-other-answer",
            Self::NotOurTvs { .. } => "not-our-tvs",
            Self::Unsigned { .. } => "unsigned",
            Self::NoTrustList(_) => "no-trust-list",
        }
    }
}
