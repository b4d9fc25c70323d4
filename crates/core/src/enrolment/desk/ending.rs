//! What a phone has done, and how its session ended.

use cluster::rows::{EnrolmentRow, ShownKind};
use pki::Certificate;
use pki::capf::{Unproven, check_shown};
use wire::capf::{Cause, DeviceName, Done, Ended, Failure, KeySpec, Reason, Refusal, Stage};

use super::cause::cause;
use super::{Desk, Noted, Refused, Visit, shown_row};
use crate::CoreError;
use crate::enrolment::recorder::Step;
use cluster::enrolment::kinds::{KeyOrder, Operation, Status};

impl Desk {
    /// Answers [`wire::capf::Question::Record`].
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn record(&self, visit: &mut Visit, done: &Done, now: i64) -> Result<(), Refused> {
        let outcome = self.record_known(visit, done, now).await;
        if let Err(refused) = &outcome {
            visit.reason = Some(refused.reason.clone());
        }
        outcome
    }

    async fn record_known(&self, visit: &Visit, done: &Done, now: i64) -> Result<(), Refused> {
        let row = self.current(visit)?;
        let (device, scheduled_at) = (row.device.clone(), row.scheduled_at);
        let status = Status::success(visit.operation).number();
        let step = match done {
            Done::Stored => {
                let issued = visit.lsc.as_ref();
                let issued = issued.ok_or_else(|| Refused::new(Refusal::Internal, "nothing was issued"))?;
                let (key, public_key) = (issued.key.clone(), issued.public_key.clone());
                Step::Confirm { key, device, public_key, scheduled_at, complete: Some(status) }
            }
            Done::Deleted => Step::Deleted { device, scheduled_at, status },
            Done::Fetched(der) => {
                let fetched = self.check_fetched(&device, der, now)?;
                let shown = Box::new(shown_row(&device, ShownKind::Fetched, &fetched, now)?);
                Step::Fetched { shown, scheduled_at, status }
            }
        };
        self.put(step, now).await
    }

    /// What a phone has shown: its LSC or its MIC, though without a proof of the key.
    fn check_fetched(&self, device: &str, der: &[u8], now: i64) -> Result<Certificate, Refused> {
        let authority = self.authority.load_full();
        let name = DeviceName::new(device).map_err(CoreError::internal)?;
        let seconds = u64::try_from(now / 1000).unwrap_or_default();
        check_shown(der, &name, &authority.issuers, seconds).map_err(|unproven| {
            let failure = match unproven {
                Unproven::Unreadable { .. } => Failure::InvalidLsc,
                _ => cause(&unproven, Some(der), &authority),
            };
            Refused::failed(failure, format!("what it shows: {unproven}"))
        })
    }

    /// Writes down how a session ended. What ended well is on record already.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn ended(&self, visit: &Visit, ended: &Ended, now: i64) -> Result<(), CoreError> {
        let Some(row) = &visit.device else { return Ok(()) };
        let overtaken = {
            let mut state = self.state();
            let current = state.current.get(&row.device).map(|current| current.visit);
            if current == Some(visit.number) {
                state.current.remove(&row.device);
            }
            current.is_some_and(|current| current > visit.number)
        };
        let silent = matches!(ended.cause, Cause::Refused(Refusal::UnknownDevice | Refusal::Limit));
        if ended.is_success() || overtaken || silent {
            return Ok(());
        }
        if ended.cause == Cause::Refused(Refusal::Failed(Failure::Late)) && row.completes_by.is_some_and(|by| by < now)
        {
            self.cluster.expire_operations(now).await?;
            return Ok(());
        }
        let ec_failed = ended.stage == Stage::KeyGeneration
            && matches!(visit.wanted, Some(KeySpec::Ec(_)))
            && KeyOrder::from_number(row.key_order) == KeyOrder::EcPreferred
            && ended.failure() == Some(Failure::KeyGeneration);
        let failed = Status::failed(visit.operation, ended.failure());
        // With RSA still to come nothing has failed yet.
        let status = if ec_failed { Status::PENDING } else { failed };
        if let (Cause::PhoneFailed(_), Some(lsc)) = (&ended.cause, visit.lsc.as_ref().filter(|lsc| lsc.of_another)) {
            // It has lost the key, so nobody will ever use this certificate: the next session makes another key.
            let step = Step::GiveUp { key: lsc.key.clone(), device: row.device.clone() };
            self.recorder.record(&self.cluster, step, now).await?;
        }
        // A phone says so when there is none to delete [sources/capf#sequence]: it has deleted it in a session whose
        // end nobody heard.
        let had_none = ended.stage == Stage::Delete && ended.cause == Cause::PhoneFailed(Reason::FAILURE);
        if had_none && row.public_key.is_some() {
            let (device, scheduled_at) = (row.device.clone(), row.scheduled_at);
            let status = Status::success(Operation::Delete).number();
            self.recorder.record(&self.cluster, Step::Deleted { device, scheduled_at, status }, now).await?;
            return Ok(());
        }
        let news = visit.operation != Operation::None && status.number() != row.status;
        if !news && !ec_failed {
            self.forget_waiting(&row.device);
            return Ok(());
        }
        let step = Step::Failed {
            device: row.device.clone(),
            scheduled_at: row.scheduled_at,
            status: news.then_some(status.number()),
            wrong: None,
            ec_failed,
            why: format!("{}: {ended}", failed.name()),
        };
        let step = if visit.let_in { Some(step) } else { self.in_turn(row, step, now) };
        if let Some(step) = step {
            self.recorder.record(&self.cluster, step, now).await?;
        }
        Ok(())
    }

    /// Writes the causes of refusals down that have waited for their turn. Nothing is lost when this is not called but the
    /// last cause in the status of a device; the log has them all.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn note_refusals(&self, now: i64) -> Result<(), CoreError> {
        let due: Vec<Step> = {
            let mut state = self.state();
            state.noted.retain(|_, noted| noted.waiting.is_some() || noted.holds(now));
            state.wrong.retain(|_, guesses| guesses.forget(now));
            let due = state.noted.values_mut().filter(|noted| !noted.holds(now));
            due.filter_map(|noted| {
                noted.at = now;
                noted.waiting.take()
            })
            .collect()
        };
        for step in due {
            self.recorder.record(&self.cluster, step, now).await?;
        }
        Ok(())
    }

    /// The step when its device has its turn; else it waits in the place of the one that waited before.
    fn in_turn(&self, row: &EnrolmentRow, step: Step, now: i64) -> Option<Step> {
        let mut state = self.state();
        let this_one = |noted: &&mut Noted| noted.scheduled_at == row.scheduled_at && noted.holds(now);
        if let Some(noted) = state.noted.get_mut(&row.device).filter(this_one) {
            noted.waiting = Some(step);
            return None;
        }
        let noted = Noted { scheduled_at: row.scheduled_at, at: now, waiting: None };
        state.noted.insert(row.device.clone(), noted);
        Some(step)
    }

    /// What waits for a device is not true any more.
    pub(super) fn forget_waiting(&self, device: &str) {
        if let Some(noted) = self.state().noted.get_mut(device) {
            noted.waiting = None;
        }
    }
}
