//! Operations: what somebody wants of a cluster. Each has a row in one table, [`Kind::row`], and is decided by a plain function over
//! the [`State`]; the runner permits, reads, makes keys, decides again, writes, audits and publishes, for all of them.

use pki::request::{CertificateRequest, RequestDigest};
use pki::{Certificate, SoftKey};

use crate::certificates::request_choice::RequestChoice;
use crate::draft::Draft;
use crate::releases::KeyProfile;
use crate::releases::requests::RequestRow;
use crate::rows::NodeRow;
use crate::state::Asks;
use crate::units::Unit;
use crate::{Actor, Level, Refusal, State};

/// The kinds of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `set cert regen`.
    Regenerate,
    /// `set cert import own` and `set cert reuse`.
    Upload,
    /// `set csr gen`.
    RequestCertificate,
    /// `set csr restore`.
    RestoreRequest,
    /// `set cert import trust`.
    ImportTrusted,
    /// `set cert delete`.
    DeleteTrusted,
    /// `set cert undelete`.
    UndeleteTrusted,
    /// `set cert default-ca-list`.
    SetDefaultCa,
    /// A description at an upload.
    Describe,
    /// `set web-security`.
    SetWebSecurity,
    /// `set parameter`.
    SetParameter,
    /// `set rollback`.
    SetRollback,
    /// `utils service start|stop|restart|activate|deactivate`.
    ControlService,
    /// `utils service mark-done`.
    MarkRestartDone,
    /// `utils system switch-version`.
    SwitchRelease,
    /// `set network`.
    MoveNode,
}

/// Where an operation is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the node that it is about.
    Node,
    /// On the publisher.
    Publisher,
}

/// What is known of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The level that it needs.
    pub level: Level,
    /// Where it is run.
    pub place: Place,
}

impl Kind {
    /// The table.
    pub const fn row(self) -> Row {
        const fn row(level: Level, place: Place) -> Row {
            Row { level, place }
        }
        use Level::ReadWrite;
        match self {
            Self::Regenerate
            | Self::Upload
            | Self::RequestCertificate
            | Self::RestoreRequest
            | Self::ImportTrusted
            | Self::DeleteTrusted
            | Self::UndeleteTrusted
            | Self::SetDefaultCa
            | Self::Describe
            | Self::SetWebSecurity
            | Self::SetParameter
            | Self::ControlService
            | Self::MarkRestartDone
            | Self::MoveNode => row(ReadWrite, Place::Node),
            Self::SetRollback | Self::SwitchRelease => row(ReadWrite, Place::Publisher),
        }
    }

    /// Whether an actor may do it on a node.
    ///
    /// # Errors
    /// [`Refusal::NotPermitted`]; [`Refusal::Refused`] `not-publisher`.
    pub fn permit(self, actor: &Actor, at: &NodeRow) -> Result<(), Refusal> {
        let Row { level, place } = self.row();
        actor.require(level)?;
        if place == Place::Publisher && !at.publisher {
            return Err(Refusal::refused("not-publisher", "This command can only be run on the publisher"));
        }
        Ok(())
    }
}

/// What has to be done with keys before an operation can be decided.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// A key, and the certificate that its unit signs itself.
    Certificate {
        /// The node.
        node: NodeRow,
        /// Its unit.
        unit: Unit,
        /// Key and certificate.
        profile: KeyProfile,
        /// The nodes that get the key.
        holders: Vec<NodeRow>,
    },
    /// A key, and a request for a certificate.
    Request {
        /// The node, which gets the key.
        node: NodeRow,
        /// Its unit.
        unit: Unit,
        /// What is asked for.
        request: Box<WantedRequest>,
    },
    /// A key of one node for others.
    Copy {
        /// The node that has it.
        from: NodeRow,
        /// The certificate that it belongs to.
        certificate: Box<Certificate>,
        /// What there is to do when it cannot be read.
        next: String,
        /// The nodes that get it.
        holders: Vec<NodeRow>,
    },
    /// A key that came with its certificate.
    Given {
        /// The key.
        key: SoftKey,
        /// The nodes that get it.
        holders: Vec<NodeRow>,
    },
}

/// A request for a certificate before its key is made.
#[derive(Debug, Clone)]
pub struct WantedRequest {
    /// The subject, but for its CN when that is to be drawn.
    pub choice: RequestChoice,
    /// What the release has for the unit.
    pub row: RequestRow,
    /// Size of the key in bits.
    pub bits: u32,
    /// Digest of the signature.
    pub digest: RequestDigest,
}

/// What was made. Its key is saved, and nobody uses it yet.
#[derive(Debug, Clone)]
pub enum Made {
    /// A certificate.
    Certificate {
        /// The node.
        node: NodeRow,
        /// Its unit.
        unit: Unit,
        /// The certificate.
        certificate: Certificate,
    },
    /// A request.
    Request(CertificateRequest),
}

impl Made {
    /// The certificate that was made, where one was wanted.
    ///
    /// # Errors
    /// [`Refusal::Internal`]: there is none.
    pub fn certificate(made: &[Self]) -> Result<&Certificate, Refusal> {
        let found = made.iter().find_map(|one| match one {
            Self::Certificate { certificate, .. } => Some(certificate),
            Self::Request(_) => None,
        });
        found.ok_or_else(|| Refusal::Internal("no certificate was made".to_owned()))
    }
}

/// Who wants something, where and when.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// On which node.
    pub at: &'a NodeRow,
    /// Milliseconds since 1970 UTC.
    pub now: i64,
}

/// What was decided, beside the writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<T> {
    /// What whoever wanted it is told.
    pub done: T,
    /// The result, for the audit log.
    pub result: String,
    /// What becomes of the lists of phones.
    pub lists: Lists,
}

/// What becomes of the lists of phones after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// Nothing that they depend on was changed.
    Stay,
    /// They have to follow.
    Follow,
    /// They are built again, as far as that can be done.
    BuildAgain,
}

/// Something that somebody wants of a cluster.
pub trait Operation: Sync {
    /// What whoever wanted it is told.
    type Done: Send;

    /// Its row in the table.
    const KIND: Kind;

    /// The command, as the audit log has it.
    fn words(&self, at: &NodeRow) -> String;

    /// What it has to know.
    fn asks(&self) -> Asks {
        Asks::default()
    }

    /// What has to be done with keys first. Refuses what is refused anyway, so that nobody makes a key for nothing.
    ///
    /// # Errors
    /// [`Refusal`].
    fn wants(&self, _state: &State, _context: &Context<'_>) -> Result<Vec<Wanted>, Refusal> {
        Ok(Vec::new())
    }

    /// Whether [`Self::wants`] wants any.
    const MAKES_KEYS: bool = false;

    /// Decides, when nobody else can change anything. No writes: nothing is to be done.
    ///
    /// # Errors
    /// [`Refusal`].
    fn decide(&self, draft: &mut Draft, made: &[Made], context: &Context<'_>) -> Result<Decided<Self::Done>, Refusal>;
}
