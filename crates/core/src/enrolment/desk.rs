//! The questions of a CAPF session, answered from the rows. The conversation itself is [`wire::capf::ServerSession`]; whoever has
//! the socket asks here.
//!
//! A session that is refused before it is let in writes nothing, except its cause into the status of the device, and that only
//! when it is another one than before, and once in a minute. Wrong strings are counted in memory, and at each tenth on record
//! ([`cluster::enrolment::guesses`]). Of several sessions of one device the one that was let in last counts: a phone that starts anew is not held
//! up by what it left behind. Sessions of another address wait for it a while before they are looked at ([`Desk::another_at_work`]).

mod admission;
mod cause;
mod ending;
mod issuing;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use cluster::rows::{DeviceCertificateRow, EnrolmentRow, ShownKind};
use pki::Certificate;
use pki::capf::Sha2Proof;
use tokio::sync::watch;
use wire::capf::{Failure, KeySpec, Refusal};

use super::authority::Authority;
use super::recorder::{Recorded, Recorder, Step};
use super::strings::StringKey;
use super::turns::Turns;
use crate::CoreError;
use crate::cluster::Cluster;
use cluster::enrolment::guesses::Guesses;
use cluster::enrolment::kinds::Operation;
use cluster::readable::pem_of;

/// The cause of a refusal is written into the status of a device once in this time, milliseconds: nobody has proven who he is
/// by then, and each write waits for the disk.
pub const NOTE_TIME: i64 = 60 * 1000;

/// Why a session ends in whose place another one of the device was let in.
const OVERTAKEN: &str = "a later session of this device has taken its place";

/// What a desk lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether old phones may come without the proof with SHA-512.
    pub sha2: Sha2Proof,
}

/// No, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// For the session.
    pub refusal: Refusal,
    /// For the log: one sentence without secrets.
    pub reason: String,
}

impl Refused {
    fn new(refusal: Refusal, reason: impl Into<String>) -> Self {
        Self { refusal, reason: reason.into() }
    }

    fn failed(failure: Failure, reason: impl Into<String>) -> Self {
        Self::new(Refusal::Failed(failure), reason)
    }
}

impl From<CoreError> for Refused {
    fn from(error: CoreError) -> Self {
        Self::new(Refusal::Internal, error.to_string())
    }
}

impl From<store::StoreError> for Refused {
    fn from(error: store::StoreError) -> Self {
        CoreError::from(error).into()
    }
}

/// What one session has come to; made by [`Desk::visit`], given to every question, and to [`Desk::ended`] at its end.
#[derive(Debug)]
pub struct Visit {
    number: u64,
    session_id: u32,
    from: IpAddr,
    device: Option<EnrolmentRow>,
    operation: Operation,
    wanted: Option<KeySpec>,
    lsc: Option<Issued>,
    /// It has authenticated.
    let_in: bool,
    /// Ends when another session of the device takes its place.
    place: Option<watch::Receiver<()>>,
    reason: Option<String>,
}

#[derive(Debug)]
struct Issued {
    key: String,
    public_key: String,
    /// An offline CA signed it, for a key of an earlier session.
    of_another: bool,
}

impl Visit {
    /// Where the phone is.
    pub fn from(&self) -> IpAddr {
        self.from
    }

    /// The device, once it is known.
    pub fn device(&self) -> Option<&str> {
        self.device.as_ref().map(|row| row.device.as_str())
    }

    /// What is being done.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Why it was refused, for the log.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

/// The session of a device that counts.
struct Current {
    visit: u64,
    from: IpAddr,
    /// Dropped when it has ended, or another one has taken its place.
    ended: watch::Sender<()>,
}

/// The cause of a refusal that was written into the status of a device under one schedule.
struct Noted {
    scheduled_at: i64,
    /// When, milliseconds since 1970 UTC.
    at: i64,
    /// The last one since then that differs.
    waiting: Option<Step>,
}

impl Noted {
    /// Whether the next one has to wait. A clock that went back holds nothing up.
    fn holds(&self, now: i64) -> bool {
        (self.at..self.at.saturating_add(NOTE_TIME)).contains(&now)
    }
}

/// The desk at which phones are served.
pub struct Desk {
    cluster: Cluster,
    authority: ArcSwap<Authority>,
    recorder: Recorder,
    policy: Policy,
    visits: AtomicU64,
    turns: Turns,
    state: Mutex<State>,
    /// Read when the first string is to be compared: the key is made with the first string.
    strings: OnceLock<StringKey>,
}

#[derive(Default)]
struct State {
    current: HashMap<String, Current>,
    wrong: HashMap<String, Guesses>,
    noted: HashMap<String, Noted>,
}

impl Desk {
    /// Opens the desk of a cluster.
    ///
    /// # Errors
    /// [`CoreError`]: no CAPF certificate or key.
    pub async fn open(cluster: Cluster, policy: Policy) -> Result<Self, CoreError> {
        let authority = ArcSwap::from_pointee(Authority::load(&cluster).await?);
        let (recorder, visits) = (Recorder::new(), AtomicU64::new(1));
        let (turns, state, strings) = (Turns::default(), Mutex::default(), OnceLock::new());
        Ok(Self { cluster, authority, recorder, policy, visits, turns, state, strings })
    }

    /// Reads certificate, key, CAPF-trust and parameters anew.
    ///
    /// # Errors
    /// [`CoreError`]; what was known before goes on.
    pub async fn reload(&self) -> Result<(), CoreError> {
        self.authority.store(Arc::new(Authority::load(&self.cluster).await?));
        Ok(())
    }

    /// What it signs with now.
    pub fn authority(&self) -> Arc<Authority> {
        self.authority.load_full()
    }

    /// Begins to serve a session of this address.
    pub fn visit(&self, session_id: u32, from: IpAddr) -> Visit {
        Visit {
            number: self.visits.fetch_add(1, Ordering::Relaxed),
            session_id,
            from: from.to_canonical(),
            device: None,
            operation: Operation::None,
            wanted: None,
            lsc: None,
            let_in: false,
            place: None,
            reason: None,
        }
    }

    /// The end of the session that counts for a device, when it is one of another address: whoever comes in between would take its
    /// place, so he waits for this first, as long as he thinks right.
    pub fn another_at_work(&self, device: &str, from: IpAddr) -> Option<impl Future<Output = ()> + Send + use<>> {
        let (device, from) = (device.to_ascii_uppercase(), from.to_canonical());
        let state = self.state();
        let current = state.current.get(&device).filter(|current| current.from != from)?;
        let mut ended = current.ended.subscribe();
        Some(async move { while ended.changed().await.is_ok() {} })
    }

    /// Waits until another session of the device was let in in the place of this one; for ever when this one was not let in. Its
    /// connection is of no use then.
    pub async fn overtaken(&self, visit: &mut Visit) {
        let Some(place) = &mut visit.place else { return std::future::pending().await };
        while place.changed().await.is_ok() {}
        visit.reason = Some(OVERTAKEN.to_owned());
    }

    async fn put(&self, step: Step, now: i64) -> Result<(), Refused> {
        match self.recorder.record(&self.cluster, step, now).await? {
            Recorded::Done => Ok(()),
            Recorded::Gone => {
                let reason = "the operation was taken back, or another session came in between";
                Err(Refused::new(Refusal::Limit, reason))
            }
        }
    }

    /// The device of a session, as long as no later one was let in.
    fn current<'a>(&self, visit: &'a Visit) -> Result<&'a EnrolmentRow, Refused> {
        let row = visit.device.as_ref();
        let row = row.ok_or_else(|| Refused::new(Refusal::Internal, "a session that was not let in"))?;
        if self.state().current.get(&row.device).is_some_and(|current| current.visit == visit.number) {
            return Ok(row);
        }
        Err(Refused::new(Refusal::Limit, OVERTAKEN))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // whole between any two statements, also after a panic
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shown_row(
    device: &str,
    kind: ShownKind,
    certificate: &Certificate,
    now: i64,
) -> Result<DeviceCertificateRow, CoreError> {
    Ok(DeviceCertificateRow {
        device: device.to_owned(),
        kind,
        pem: pem_of(certificate)?.into(),
        fingerprint: pki::hash::hex(&certificate.sha256()),
        not_after: certificate.dates().1,
        seen_at: now,
    })
}
