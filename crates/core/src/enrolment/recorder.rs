//! Puts the steps of sessions on record. A commit waits for the disk, milliseconds; so what comes in while one commits goes
//! into the next one together, and a thousand phones at once cost not much more than one.

use std::sync::{Mutex, PoisonError};

use cluster::rows::{
    Attachment, CompletedRow, Confirmation, DeviceCertificateRow, DeviceRequestRow, Intent, NewLsc, WrongStringsRow,
};
use store::Transaction;
use tokio::sync::oneshot;

use super::second_key::HandedIn;
use super::{ACTOR, CHANGE, STRINGS_LOCKED, version_stamp};
use crate::CoreError;
use crate::cluster::Cluster;
use cluster::enrolment::guesses::{UNTIL_SCHEDULED, WRONG_IN_A_DAY, from_where};

/// Steps in one transaction at most: SQLite looks each placeholder of a statement up among all others, so that a long one
/// costs more than two short ones.
const BATCH: usize = 64;

/// How often all sessions that are ready to run get their turn before a commit; measured, more brings nothing.
const GATHER: usize = 4;

/// One step of a session.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The bytes that will be signed.
    Intend { new: Box<NewLsc>, scheduled_at: i64 },
    /// The certificate that was signed.
    Attach { key: String, handed_in: HandedIn, pem: String, fingerprint: String },
    /// The phone has stored it. `complete`: status of the device, when this ends its operation.
    Confirm { key: String, device: String, public_key: String, scheduled_at: i64, complete: Option<i64> },
    /// A key that waits for the certificate of an offline CA.
    Keep { waiting: Box<DeviceRequestRow>, handed_in: HandedIn },
    /// The phone has lost the key of an LSC that an offline CA signed.
    GiveUp { key: String, device: String },
    /// The phone has deleted what it had.
    Deleted { device: String, scheduled_at: i64, status: i64 },
    /// The phone has shown what it has.
    Fetched { shown: Box<DeviceCertificateRow>, scheduled_at: i64, status: i64 },
    /// The phone has proven its MIC.
    Mic { shown: Box<DeviceCertificateRow> },
    /// A session ended without success.
    Failed {
        device: String,
        scheduled_at: i64,
        status: Option<i64>,
        wrong: Option<WrongStrings>,
        ec_failed: bool,
        why: String,
    },
}

/// Wrong strings that are put on record.
#[derive(Debug, Clone)]
pub(super) struct WrongStrings {
    pub(super) rows: Vec<WrongStringsRow>,
    /// No string is taken any more, from nobody.
    pub(super) device_locked: bool,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorded {
    /// It is on record.
    Done,
    /// What it builds on is gone: the operation was taken back, or another session came in between. Nothing is on record.
    Gone,
}

type Waiting = (Step, i64, oneshot::Sender<Result<Recorded, String>>);

/// Gathers steps.
pub(super) struct Recorder {
    waiting: Mutex<Vec<Waiting>>,
    /// Who holds it commits for all that wait.
    turn: tokio::sync::Mutex<()>,
}

impl Recorder {
    pub(super) const fn new() -> Self {
        Self { waiting: Mutex::new(Vec::new()), turn: tokio::sync::Mutex::const_new(()) }
    }

    /// Puts a step on record; returns when it lasts. `now` in milliseconds since 1970 UTC.
    pub(super) async fn record(&self, cluster: &Cluster, step: Step, now: i64) -> Result<Recorded, CoreError> {
        let (sender, mut receiver) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((step, now, sender));
        let _turn = self.turn.lock().await;
        loop {
            // Whoever had the turn before may have put this step on record too.
            match receiver.try_recv() {
                Ok(outcome) => return outcome.map_err(CoreError::Internal),
                Err(oneshot::error::TryRecvError::Empty) => {
                    // Sessions that are ready to run may have steps too: on a busy server they come into this commit, on an
                    // idle one nobody is waited for.
                    for _ in 0..GATHER {
                        tokio::task::yield_now().await;
                    }
                    commit(cluster, self.take()).await;
                }
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Err(CoreError::Internal("a session ended while it put this step on record".to_owned()));
                }
            }
        }
    }

    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(BATCH);
        waiting.drain(..count).collect()
    }
}

/// Commits a batch; when one step of it fails, each on its own, so that it takes no other one with it.
async fn commit(cluster: &Cluster, batch: Vec<Waiting>) {
    let steps: Vec<(&Step, i64)> = batch.iter().map(|(step, now, _)| (step, *now)).collect();
    let mut outcomes: Vec<Result<Recorded, String>> = match together(cluster, &steps).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(error) if steps.len() == 1 => vec![Err(error.to_string())],
        Err(_) => {
            let mut outcomes = Vec::with_capacity(steps.len());
            for step in &steps {
                let alone = together(cluster, std::slice::from_ref(step)).await;
                outcomes.push(
                    alone.map_err(|error| error.to_string()).map(|all| all.first().copied().unwrap_or(Recorded::Gone)),
                );
            }
            outcomes
        }
    };
    for (_, _, sender) in batch.into_iter().rev() {
        if let Some(outcome) = outcomes.pop() {
            // A session that is gone does not hear it; the step is on record all the same.
            drop(sender.send(outcome));
        }
    }
}

/// Puts steps on record in one transaction; those of one kind in one statement.
async fn together(cluster: &Cluster, steps: &[(&Step, i64)]) -> Result<Vec<Recorded>, CoreError> {
    let stamps: Vec<String> = steps.iter().map(|(_, now)| version_stamp(*now)).collect();
    let (mut intents, mut attachments, mut confirmations) = (Vec::new(), Vec::new(), Vec::new());
    for ((step, now), stamp) in steps.iter().zip(&stamps) {
        let now = *now;
        match step {
            Step::Intend { new, scheduled_at } => {
                intents.push(Intent { new, scheduled_at: *scheduled_at, now });
            }
            Step::Attach { key, pem, fingerprint, .. } => attachments.push(Attachment { key, pem, fingerprint, now }),
            Step::Confirm { key, device, public_key, scheduled_at, complete } => confirmations.push(Confirmation {
                key,
                device,
                public_key,
                // -1 is no time at which anything was scheduled: the operation stays.
                scheduled_at: if complete.is_some() { *scheduled_at } else { -1 },
                status: complete.unwrap_or_default(),
                version_stamp: stamp,
                now,
            }),
            Step::Keep { .. }
            | Step::GiveUp { .. }
            | Step::Deleted { .. }
            | Step::Fetched { .. }
            | Step::Mic { .. }
            | Step::Failed { .. } => {}
        }
    }
    let mut transaction = cluster.store().begin().await?;
    let devices = transaction.intend_lscs(&intents).await?;
    let attached = transaction.attach_lscs(&attachments).await?;
    let confirmed = transaction.confirm_lscs(&confirmations).await?;
    let mut outcomes = Vec::with_capacity(steps.len());
    let mut changes = Vec::new();
    let mut audits = Vec::new();
    for ((step, now), stamp) in steps.iter().zip(&stamps) {
        // A request takes the place of the one before, so this is asked first.
        let second = match step.handed_in() {
            Some(handed_in) if handed_in.is_second(&mut transaction).await? => Some(handed_in),
            _ => None,
        };
        let done = match step {
            Step::Intend { new, .. } => devices.contains(&new.device),
            Step::Attach { key, .. } => attached.contains(key),
            Step::Confirm { key, .. } => confirmed.contains(key),
            alone => apply(cluster, &mut transaction, alone, *now, stamp).await?,
        };
        if done {
            // in the same transaction: no end of the process lies between the two
            if let Some(second) = second {
                second.tell(cluster, &mut transaction, *now).await?;
            }
            changes.extend(step.changes().map(|device| (*now, CHANGE, device)));
            let (what, device, result) = step.entry();
            audits.push((*now, format!("{what} {device}"), result));
        }
        outcomes.push(if done { Recorded::Done } else { Recorded::Gone });
    }
    transaction.note_changes(&changes).await?;
    transaction.note_audits(ACTOR, &audits).await?;
    if !audits.is_empty() {
        transaction.commit().await?;
    }
    Ok(outcomes)
}

/// The steps that are rare. `false`: what it builds on is gone.
async fn apply(
    cluster: &Cluster,
    transaction: &mut Transaction,
    step: &Step,
    now: i64,
    stamp: &str,
) -> Result<bool, CoreError> {
    match step {
        Step::Intend { .. } | Step::Attach { .. } | Step::Confirm { .. } => {}
        Step::Keep { waiting, .. } => return Ok(transaction.put_device_request(waiting).await?),
        Step::GiveUp { key, .. } => return Ok(transaction.delete_lsc(key, now).await?),
        Step::Deleted { device, scheduled_at, status } => {
            transaction.delete_lscs(device, now).await?;
            let done = CompletedRow { device, status: *status, public_key: Some(None), version_stamp: stamp };
            transaction.complete_operation(&done, *scheduled_at).await?;
        }
        Step::Fetched { shown, scheduled_at, status } => {
            transaction.put_device_certificate(shown).await?;
            let device = &shown.device;
            let done = CompletedRow { device, status: *status, public_key: None, version_stamp: stamp };
            transaction.complete_operation(&done, *scheduled_at).await?;
        }
        Step::Mic { shown } => transaction.put_device_certificate(shown).await?,
        Step::Failed { device, scheduled_at, status, wrong, ec_failed, .. } => {
            let locked = wrong.as_ref().filter(|wrong| wrong.device_locked);
            let until = locked.map(|_| UNTIL_SCHEDULED);
            transaction.set_failure(device, *scheduled_at, *status, until, *ec_failed).await?;
            if let Some(wrong) = wrong {
                transaction.put_wrong_strings(device, &wrong.rows).await?;
            }
            if let Some(wrong) = locked {
                let from = from_where(&wrong.rows);
                let message = format!("{device}: {WRONG_IN_A_DAY} wrong authentication strings in a day, from {from}");
                let node = cluster.node(None).await?;
                cluster.stand(transaction, &node, &STRINGS_LOCKED, device, &message, now).await?;
            }
        }
    }
    Ok(true)
}

impl Step {
    /// The key for which this puts something on record.
    const fn handed_in(&self) -> Option<&HandedIn> {
        match self {
            Self::Attach { handed_in, .. } | Self::Keep { handed_in, .. } => Some(handed_in),
            _ => None,
        }
    }

    /// The device whose config is another one now.
    fn changes(&self) -> Option<&str> {
        match self {
            Self::Intend { .. }
            | Self::Attach { .. }
            | Self::Keep { .. }
            | Self::GiveUp { .. }
            | Self::Failed { .. } => None,
            Self::Confirm { device, .. } | Self::Deleted { device, .. } => Some(device),
            Self::Fetched { shown, .. } | Self::Mic { shown } => Some(&shown.device),
        }
    }

    /// The audit entry: what, for whom, with what result.
    fn entry(&self) -> (&'static str, &str, String) {
        match self {
            Self::Intend { new, .. } => ("issue LSC", &new.device, format!("intended, serial {}", new.serial)),
            Self::Attach { handed_in, fingerprint, .. } => {
                ("issue LSC", &handed_in.device, format!("signed, SHA-256 {fingerprint}"))
            }
            Self::Confirm { device, .. } => ("issue LSC", device, "stored by the phone".to_owned()),
            Self::Keep { waiting, .. } => {
                ("request LSC", &waiting.device, format!("waits for the offline CA, key {}", waiting.key_id))
            }
            Self::GiveUp { device, .. } => ("issue LSC", device, "given up: the phone has lost the key".to_owned()),
            Self::Deleted { device, .. } => ("delete LSC", device, "deleted by the phone".to_owned()),
            Self::Fetched { shown, .. } => {
                ("fetch certificate", &shown.device, format!("SHA-256 {}", shown.fingerprint))
            }
            Self::Mic { shown } => ("MIC", &shown.device, format!("proven, SHA-256 {}", shown.fingerprint)),
            Self::Failed { device, why, .. } => ("session", device, why.clone()),
        }
    }
}
