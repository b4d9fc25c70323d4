//! Waves: LSCs for many devices, a batch at a time, so that a fault is met by a few phones and not by all.
//!
//! A wave is on record, so it outlives a restart: [`Cluster::step_wave`] looks how the phones of the running batch got on, stops
//! when too many failed, and schedules the next batch when the one before is finished. Call it now and then; the phones do the rest.
//! One wave runs at a time.

use cluster::rows::{ScheduleRow, WaveDeviceRow, WaveRow};
use store::rows::AT_ONCE;

use super::schedule::{check_wave_mode, note_devices, unknown};
use super::selection::{Selection, listed};
use super::version_stamp;
use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::enrolment::kinds::{AuthenticationMode, Operation, Status};
use cluster::surroundings::Surroundings;

/// Which devices a wave is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those whose LSC hangs on a CAPF that is not in use any more, or is over.
    Stale,
    /// These.
    These(Selection),
}

/// A wave to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WavePlan {
    /// Which devices.
    pub which: Which,
    /// Devices in a batch, 1 to 10 000.
    pub batch: usize,
    /// It stops when more than so many per cent of the finished devices failed, 0 to 100. It looks when at least
    /// [`JUDGED`] are finished, or the batch is.
    pub stop_at: u8,
    /// How the phones authenticate; by existing certificate as a rule, because nobody types strings into a thousand phones.
    pub mode: AuthenticationMode,
    /// Milliseconds that a device has from the start of its batch; late ones failed.
    pub time_allowed: i64,
}

/// Finished devices from which on failures are judged: one failure of one is no news.
pub const JUDGED: usize = 5;

/// How a wave stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaveState {
    /// Batches are being scheduled.
    Running,
    /// It stopped; [`Cluster::resume_wave`] goes on.
    Stopped(String),
    /// All devices are finished.
    Done,
}

/// A wave, for a progress bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// Number, ascending from 1.
    pub number: i64,
    /// How it stands.
    pub state: WaveState,
    /// Devices in all.
    pub total: usize,
    /// Devices with a new LSC.
    pub done: usize,
    /// Devices that failed, by name.
    pub failed: Vec<String>,
    /// Devices that are scheduled and have not come to an end, by name.
    pub pending: Vec<String>,
    /// The running batch, from 1, and how many there are.
    pub batch: i64,
    /// See `batch`.
    pub batches: i64,
    /// Failures in per cent above which it stops.
    pub stop_at: i64,
}

impl Wave {
    fn new(row: &WaveRow, devices: &[WaveDeviceRow]) -> Self {
        let named = |state: &str| {
            let inside = devices.iter().filter(|device| device.state == state);
            inside.map(|device| device.device.clone()).collect::<Vec<String>>()
        };
        let started = devices.iter().filter(|device| device.state != PLANNED).map(|device| device.batch);
        Self {
            number: row.number,
            state: match row.state.as_str() {
                RUNNING => WaveState::Running,
                DONE => WaveState::Done,
                _ => WaveState::Stopped(row.reason.clone()),
            },
            total: devices.len(),
            done: devices.iter().filter(|device| device.state == DONE).count(),
            failed: named(FAILED),
            pending: named(SCHEDULED),
            batch: started.max().unwrap_or_default(),
            batches: devices.iter().map(|device| device.batch).max().unwrap_or_default(),
            stop_at: row.stop_at,
        }
    }
}

pub(super) const RUNNING: &str = "running";
const STOPPED: &str = "stopped";
const DONE: &str = "done";
const PLANNED: &str = "planned";
pub(super) const SCHEDULED: &str = "scheduled";
const FAILED: &str = "failed";

impl Cluster {
    /// The devices of a wave, when it can be started; for whoever asks before, too.
    ///
    /// # Errors
    /// As [`Self::start_wave`].
    pub async fn check_wave(&self, actor: &Actor, plan: &WavePlan, now: i64) -> Result<Vec<String>, CoreError> {
        actor.require(Level::ReadWrite)?;
        if !(1..=10_000).contains(&plan.batch) || plan.stop_at > 100 || plan.time_allowed < 1000 {
            let text = "a wave has batches of 1 to 10000 devices, stops at 0 to 100 per cent and gives a device a second at least";
            return Err(CoreError::BadInput(text.to_owned()));
        }
        if let Some(row) = self.store().last_wave().await?.filter(|row| row.state != DONE) {
            let text = format!("wave {} is {}; go on with it or give it up first", row.number, row.state);
            return Err(CoreError::refused("wave-exists", text));
        }
        let names = match &plan.which {
            Which::These(selection) => self.selected(selection).await?,
            Which::Stale => {
                let stale = self.stale_lscs(now).await?.into_iter().filter(|found| !found.device_gone);
                let mut names: Vec<String> = stale.map(|found| found.lsc.device).collect();
                names.dedup();
                names
            }
        };
        if names.is_empty() {
            return Err(CoreError::BadInput("no device has a stale LSC; there is nothing to issue again".to_owned()));
        }
        let mut transaction = self.store().begin().await?;
        for names in names.chunks(AT_ONCE) {
            let rows = transaction.enrolments_of(names).await?;
            for name in names {
                check_wave_mode(rows.get(name).ok_or_else(|| unknown(name))?, plan.mode)?;
            }
        }
        Ok(names)
    }

    /// Plans a wave and starts its first batch.
    ///
    /// # Errors
    /// [`CoreError`]: another wave runs, no devices, numbers that cannot be.
    pub async fn start_wave(
        &self,
        actor: &Actor,
        plan: &WavePlan,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Wave, CoreError> {
        let names = self.check_wave(actor, plan, surroundings.now()).await?;
        let now = surroundings.now();
        let row = WaveRow {
            number: 0,
            state: RUNNING.to_owned(),
            reason: String::new(),
            batch_size: i64::try_from(plan.batch).unwrap_or(i64::MAX),
            stop_at: i64::from(plan.stop_at),
            mode: plan.mode.number(),
            time_allowed: plan.time_allowed,
            started_at: now,
        };
        let batches = (1..).zip(names.chunks(plan.batch));
        let devices: Vec<(String, i64)> =
            batches.flat_map(|(batch, names)| names.iter().map(move |name| (name.clone(), batch))).collect();
        let mut transaction = self.store().begin().await?;
        let number = transaction.insert_wave(&row, &devices).await?;
        let command = format!("capf wave {number}, batches of {}, stops at {} %", plan.batch, plan.stop_at);
        transaction.note_audit(now, actor.name(), &command, &listed(&names)).await?;
        transaction.commit().await?;
        self.step_wave(surroundings.now()).await?.ok_or_else(|| CoreError::Internal("the wave is gone".to_owned()))
    }

    /// How the last wave stands; `None` when there was none.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn wave(&self) -> Result<Option<Wave>, CoreError> {
        let Some(row) = self.store().last_wave().await? else { return Ok(None) };
        let devices = self.store().wave_devices(row.number).await?;
        Ok(Some(Wave::new(&row, &devices)))
    }

    /// Whether there is a wave that a look may say something about: one that is not done. Reads no device.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn wave_goes_on(&self) -> Result<bool, CoreError> {
        Ok(self.store().last_wave().await?.is_some_and(|row| row.state != DONE))
    }

    /// Looks at the running batch, and schedules the next one when it is finished. How the wave stands then. One that has stopped
    /// is only looked at: phones that failed may have come again since. `now` in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn step_wave(&self, now: i64) -> Result<Option<Wave>, CoreError> {
        let Some(row) = self.store().last_wave().await? else { return Ok(None) };
        if row.state == DONE {
            return self.wave().await;
        }
        self.expire_operations(now).await?;
        // The right to write first: what is read then stays so, also when a shell and a node look at the same time.
        let mut transaction = self.store().begin().await?;
        if self.store().last_wave().await?.is_none_or(|now| now.number != row.number || now.state != row.state) {
            return self.wave().await;
        }
        let mut devices = self.store().wave_devices(row.number).await?;
        let mut news = judge(&mut transaction, row.number, &mut devices).await?;
        let count = |state: &str| devices.iter().filter(|device| device.state == state).count();
        let (failed, done, pending) = (count(FAILED), count(DONE), count(SCHEDULED));
        let finished = failed + done;
        let share = i64::try_from(failed * 100).unwrap_or(i64::MAX);
        let allowed = row.stop_at.saturating_mul(i64::try_from(finished).unwrap_or(i64::MAX));
        let next = devices.iter().filter(|device| device.state == PLANNED).map(|device| device.batch).min();
        if row.state == STOPPED {
            if done == devices.len() {
                transaction.set_wave_state(row.number, DONE, "").await?;
                news = true;
            }
        } else if failed > 0 && share > allowed && (finished >= JUDGED || pending == 0) {
            let reason =
                format!("{failed} of {} failed, more than {} %", cluster::counted(finished, "device"), row.stop_at);
            transaction.set_wave_state(row.number, STOPPED, &reason).await?;
            transaction.note_audit(now, super::ACTOR, &format!("capf wave {}", row.number), &reason).await?;
            news = true;
        } else if pending == 0 {
            news = true;
            match next {
                None => {
                    transaction.set_wave_state(row.number, DONE, "").await?;
                    let result = format!("done, {}, {failed} failed", cluster::counted(done, "device"));
                    transaction.note_audit(now, super::ACTOR, &format!("capf wave {}", row.number), &result).await?;
                }
                Some(batch) => {
                    let inside = devices.iter().filter(|device| device.state == PLANNED && device.batch == batch);
                    let names: Vec<String> = inside.map(|device| device.device.clone()).collect();
                    schedule_batch(&mut transaction, &row, batch, &names, now).await?;
                }
            }
        }
        if !news {
            return Ok(Some(Wave::new(&row, &devices)));
        }
        transaction.commit().await?;
        self.wave().await
    }

    /// Goes on with a wave that stopped: those that failed and have not come again since are scheduled once more, in a batch at
    /// the end.
    ///
    /// # Errors
    /// [`CoreError`]: there is none that stopped.
    pub async fn resume_wave(&self, actor: &Actor, surroundings: &mut dyn Surroundings) -> Result<Wave, CoreError> {
        actor.require(Level::ReadWrite)?;
        let row = self.store().last_wave().await?.filter(|row| row.state == STOPPED);
        let row = row.ok_or_else(|| CoreError::BadInput("no wave has stopped".to_owned()))?;
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        let mut devices = self.store().wave_devices(row.number).await?;
        judge(&mut transaction, row.number, &mut devices).await?;
        let last = devices.iter().map(|device| device.batch).max().unwrap_or_default();
        for device in devices.iter().filter(|device| device.state == FAILED && device.status.is_some()) {
            transaction.set_wave_device(row.number, &device.device, last + 1, PLANNED, 0).await?;
        }
        transaction.set_wave_state(row.number, RUNNING, "").await?;
        transaction.note_audit(now, actor.name(), &format!("capf wave {}", row.number), "resumed").await?;
        transaction.commit().await?;
        self.step_wave(surroundings.now()).await?.ok_or_else(|| CoreError::Internal("the wave is gone".to_owned()))
    }

    /// Stops a wave, or gives up one that stopped. What is scheduled stays scheduled.
    ///
    /// # Errors
    /// [`CoreError`]: none is there that is not done.
    pub async fn stop_wave(
        &self,
        actor: &Actor,
        give_up: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        let row = self.store().last_wave().await?.filter(|row| row.state != DONE);
        let row = row.ok_or_else(|| CoreError::BadInput("no wave is there to be stopped".to_owned()))?;
        let now = surroundings.now();
        let (state, result) = if give_up { (DONE, "given up") } else { (STOPPED, "stopped by hand") };
        let mut transaction = self.store().begin().await?;
        transaction.set_wave_state(row.number, state, result).await?;
        transaction.note_audit(now, actor.name(), &format!("capf wave {}", row.number), result).await?;
        transaction.commit().await?;
        Ok(())
    }
}

async fn schedule_batch(
    transaction: &mut store::Transaction,
    wave: &WaveRow,
    batch: i64,
    names: &[String],
    now: i64,
) -> Result<(), CoreError> {
    let schedule = ScheduleRow {
        operation: Operation::Install.number(),
        mode: wave.mode,
        completes_by: Some(now.saturating_add(wave.time_allowed)),
        scheduled_at: now,
        status: Status::PENDING.number(),
        version_stamp: version_stamp(now),
    };
    for name in names {
        let known = transaction.set_schedule(name, &schedule).await?;
        let state = if known { SCHEDULED } else { FAILED };
        transaction.set_wave_device(wave.number, name, batch, state, now).await?;
    }
    transaction.end_of_schedules(&super::OF_A_SCHEDULE).await?;
    note_devices(transaction, now, names).await?;
    let reset = format!("{} (CAPF wave {}, batch {batch})", cluster::counted(names.len(), "phone"), wave.number);
    transaction.note_change(now, "reset", &reset).await?;
    let command = format!("capf wave {}, batch {batch}", wave.number);
    Ok(transaction.note_audit(now, super::ACTOR, &command, &listed(names)).await?)
}

/// Writes down what became of the devices of a wave. Whether there is news.
async fn judge(
    transaction: &mut store::Transaction,
    wave: i64,
    devices: &mut [WaveDeviceRow],
) -> Result<bool, CoreError> {
    let mut news = false;
    for device in devices {
        let state = judged(device);
        if state != device.state {
            transaction.set_wave_device(wave, &device.device, device.batch, state, device.scheduled_at).await?;
            device.state = state.to_owned();
            news = true;
        }
    }
    Ok(news)
}

/// What became of a device: its row tells, as long as nobody has scheduled something else for it.
pub(super) fn judged(device: &WaveDeviceRow) -> &'static str {
    let was = match device.state.as_str() {
        PLANNED => return PLANNED,
        DONE => return DONE,
        FAILED => FAILED,
        _ => SCHEDULED,
    };
    let (Some(status), Some(scheduled_at)) = (device.status, device.device_scheduled_at) else { return FAILED };
    let status = Status::from_number(status);
    if scheduled_at != device.scheduled_at {
        return if status == Status::UPGRADE_SUCCESS { DONE } else { FAILED };
    }
    match status {
        Status::UPGRADE_SUCCESS => DONE,
        status if status.is_failure() => FAILED,
        _ => was,
    }
}
