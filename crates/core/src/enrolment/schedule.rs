//! Scheduling: what CAPF is to do for which devices, until when, and how they authenticate.

use std::collections::BTreeMap;

use super::selection::{Selection, listed};
use cluster::rows::{DeviceCertificateRow, EnrolmentRow, LscRow, LscState, NO_OPERATION, ScheduleRow, ShownKind};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use pki::Certificate;
use pki::capf::SHA512_BITS;
use pki::certificate::KeyKind;
use store::Transaction;
use store::rows::AT_ONCE;
use wire::capf::Failure;

use super::fetched::Fetched;
use super::strings::{AuthenticationString, StringChoice, StringKey};
use super::{CHANGE, OF_A_SCHEDULE, version_stamp};
use crate::CoreError;
use crate::cluster::Cluster;
use crate::files::unfit::Unfit;
use cluster::actor::{Actor, Level};
use cluster::enrolment::kinds::{AuthenticationMode, KeyOrder, KeyPlan, Operation, Status};
use cluster::names::device_name;
use cluster::parameters;
use cluster::readable::{self, KeepsCertificate};
use cluster::surroundings::Surroundings;

/// Devices that get a `change` row each; beyond that one row stands for all and everything is read anew.
const SINGLE_CHANGES: usize = 32;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Anything but [`Operation::None`]; [`Cluster::cancel_operation`] is for that.
    pub operation: Operation,
    /// How the phone authenticates.
    pub mode: AuthenticationMode,
    /// Its authentication string; needed when `mode` is by string.
    pub string: StringChoice,
    /// *Operation Completes By*, milliseconds since 1970 UTC; `None`: so many days from now as the parameter says.
    pub completes_by: Option<i64>,
}

/// What was scheduled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// The devices, by name.
    pub devices: Vec<String>,
    /// *Operation Completes By*, milliseconds since 1970 UTC.
    pub completes_by: i64,
    /// The strings that were generated, by device.
    pub strings: Vec<(String, AuthenticationString)>,
    /// The devices that are to authenticate by an LSC whose key has no room for the proof with SHA-512.
    pub short_keys: Vec<String>,
    /// Devices whose config was written by hand and cannot tell them: they come when somebody sends them to CAPF.
    pub untold: Vec<Unfit>,
    /// Whether CAPF runs. If not, nothing happens until it is started, and configs do not name it.
    pub capf_runs: bool,
}

/// All that is known of the enrolment of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Name of the device.
    pub device: String,
    /// *Certificate Operation*.
    pub operation: Operation,
    /// *Authentication Mode*.
    pub mode: AuthenticationMode,
    /// Whether it has an authentication string ([`Cluster::authentication_string`] shows it).
    pub has_string: bool,
    /// Key order and sizes.
    pub keys: KeyPlan,
    /// *Operation Completes By*, milliseconds since 1970 UTC.
    pub completes_by: Option<i64>,
    /// Sessions that began to issue under this schedule.
    pub attempts: i64,
    /// After fifty wrong strings in a day: [`UNTIL_SCHEDULED`](cluster::enrolment::guesses::UNTIL_SCHEDULED); 0 when there is no lock.
    pub locked_until: i64,
    /// After ten wrong strings: the addresses from which none is taken, and until when, milliseconds since 1970 UTC. Only
    /// [`Cluster::enrolment`] fills it.
    pub locked_addresses: Vec<(String, i64)>,
    /// *Certificate Operation Status*.
    pub status: Status,
    /// *TFTP Encrypted Config*.
    pub encrypted: bool,
    /// The LSC that counts.
    pub lsc: Option<LscRow>,
    /// An LSC that was sent and that the phone never confirmed: it may hold it.
    pub unconfirmed: Option<LscRow>,
    /// The MIC, when the phone has proven it.
    pub mic: Option<Certificate>,
    /// What the last *Troubleshoot* has fetched.
    pub fetched: Option<Fetched>,
}

impl Enrolment {
    fn new(row: EnrolmentRow, lscs: Vec<LscRow>, shown: &[DeviceCertificateRow]) -> Result<Self, CoreError> {
        let of = |kind| shown.iter().find(|shown| shown.kind == kind);
        // What cannot be read is as if it had not been shown; `crate::unreadable` tells of it.
        let mic = of(ShownKind::Mic).and_then(|shown| shown.certificate().ok());
        let fetched = of(ShownKind::Fetched).and_then(|shown| Fetched::new(shown, &lscs).ok());
        let (mut lsc, mut unconfirmed) = (None, None);
        for row in lscs {
            match row.state {
                LscState::Confirmed => lsc = Some(row),
                LscState::Signed => unconfirmed = Some(row),
                LscState::Intended | LscState::Superseded | LscState::Deleted => {}
            }
        }
        Ok(Self {
            operation: Operation::from_number(row.operation),
            mode: AuthenticationMode::from_number(row.mode),
            has_string: row.string.is_some(),
            keys: KeyPlan::from_numbers(row.key_order, row.rsa_bits, row.ec_bits),
            completes_by: row.completes_by,
            attempts: row.attempts,
            locked_until: row.locked_until,
            locked_addresses: Vec::new(),
            status: Status::from_number(row.status),
            encrypted: row.encrypted,
            device: row.device,
            lsc,
            unconfirmed,
            mic,
            fetched,
        })
    }

    /// The certificate that a config is encrypted for: the LSC, else the MIC.
    ///
    /// # Errors
    /// [`CoreError`]: a row that does not parse.
    pub fn config_certificate(&self) -> Result<Option<Certificate>, CoreError> {
        let lsc = self.lsc.as_ref().map(readable::lsc).transpose().map_err(CoreError::Unreadable)?;
        Ok(lsc.flatten().or_else(|| self.mic.clone()))
    }

    /// What helps a phone that cannot open its config, because it has lost the LSC that it is encrypted for, or because none is
    /// known: with nothing scheduled the stub sends it to no CAPF. And one that is to delete its LSC, has done so unheard, and has
    /// nothing left to authenticate with. `None` when it needs no help. That it has lost its LSC nobody here can know.
    pub fn way_back(&self) -> Option<String> {
        let by_certificate = matches!(self.mode, AuthenticationMode::ExistingLsc | AuthenticationMode::ExistingMic);
        if self.status == Status::failed(Operation::Delete, Some(Failure::InvalidCredentials)) && by_certificate {
            return Some(format!(
                "if it has deleted its LSC already, it has none to show: utils capf device schedule {} delete null",
                self.device
            ));
        }
        if !self.encrypted || self.operation != Operation::None {
            return None;
        }
        let why = match (&self.lsc, &self.mic) {
            (Some(_), _) => "if it has lost its LSC, it cannot open its config",
            (None, Some(_)) => return None,
            (None, None) => "no certificate of it is known that its config could be encrypted for, so it gets none",
        };
        let by = if self.mic.is_some() { "mic" } else { "null" };
        Some(format!("{why}: utils capf device schedule {} install {by}", self.device))
    }
}

impl Cluster {
    /// Whether an operation can be scheduled for devices, for whoever asks before: for a string, too, when `string` is one that somebody
    /// will type.
    ///
    /// # Errors
    /// As [`Self::schedule`].
    pub async fn check_scheduling(
        &self,
        actor: &Actor,
        selection: &Selection,
        schedule: &Schedule,
        string: bool,
        now: i64,
    ) -> Result<(), CoreError> {
        let (names, _) = self.to_schedule(actor, selection, schedule, now).await?;
        let new_string = string || !matches!(schedule.string, StringChoice::Keep);
        let mut transaction = self.store().begin().await?;
        for names in names.chunks(AT_ONCE) {
            let before = transaction.enrolments_of(names).await?;
            for name in names {
                check_schedule(before.get(name).ok_or_else(|| unknown(name))?, schedule, new_string)?;
            }
        }
        Ok(())
    }

    /// The devices of a schedule and its end, when it can be.
    async fn to_schedule(
        &self,
        actor: &Actor,
        selection: &Selection,
        schedule: &Schedule,
        now: i64,
    ) -> Result<(Vec<String>, i64), CoreError> {
        actor.require(Level::ReadWrite)?;
        if schedule.operation == Operation::None {
            return Err(CoreError::BadInput("nothing to schedule; to take an operation back, cancel it".to_owned()));
        }
        let days = i64::from(self.parameters().await?.number(parameters::CAPF_OPERATION_EXPIRES, 10));
        let completes_by = schedule.completes_by.unwrap_or(now + days * DAY);
        if completes_by <= now {
            return Err(CoreError::BadInput(
                "the operation would have to be complete by a time that is over".to_owned(),
            ));
        }
        let names = self.selected(selection).await?;
        self.check_no_wave_waits(&names).await?;
        Ok((names, completes_by))
    }

    /// Schedules an operation for devices; all or none of them.
    ///
    /// # Errors
    /// [`CoreError`]: a device that is not known, a time that is over, a string that is missing, a deletion that would leave an
    /// encrypted config without a key, a running wave that waits for one of them.
    pub async fn schedule(
        &self,
        actor: &Actor,
        selection: &Selection,
        schedule: &Schedule,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Scheduled, CoreError> {
        let now = surroundings.now();
        let (names, completes_by) = self.to_schedule(actor, selection, schedule, now).await?;
        let key = match &schedule.string {
            StringChoice::Keep => None,
            StringChoice::Given(_) | StringChoice::Generate(_) => Some(self.string_key(surroundings).await?),
        };
        let mut sealed = Vec::with_capacity(names.len());
        let mut strings = Vec::new();
        for name in &names {
            sealed.push(match (&schedule.string, &key) {
                (StringChoice::Keep, _) | (_, None) => None,
                (StringChoice::Given(string), Some(key)) => Some(key.seal(name, string, surroundings)?),
                (StringChoice::Generate(digits), Some(key)) => {
                    let string = AuthenticationString::generate(*digits, surroundings)?;
                    let text = key.seal(name, &string, surroundings)?;
                    strings.push((name.clone(), string));
                    Some(text)
                }
            });
        }
        let row = ScheduleRow {
            operation: schedule.operation.number(),
            mode: schedule.mode.number(),
            completes_by: Some(completes_by),
            scheduled_at: now,
            status: Status::PENDING.number(),
            version_stamp: version_stamp(now),
        };
        let mut transaction = self.store().begin().await?;
        for (names, sealed) in names.chunks(AT_ONCE).zip(sealed.chunks(AT_ONCE)) {
            let before = transaction.enrolments_of(names).await?;
            transaction.set_schedules(names, &row).await?;
            for (name, sealed) in names.iter().zip(sealed) {
                check_schedule(before.get(name).ok_or_else(|| unknown(name))?, schedule, sealed.is_some())?;
                if let Some(sealed) = sealed {
                    transaction.set_authentication_string(name, Some(sealed)).await?;
                }
            }
        }
        transaction.end_of_schedules(&OF_A_SCHEDULE).await?;
        note_devices(&mut transaction, now, &names).await?;
        let phones = cluster::counted(names.len(), "phone");
        transaction.note_change(now, "reset", &format!("{phones} ({})", schedule.operation.name())).await?;
        let command = format!("capf schedule {} {}", schedule.operation.word(), schedule.mode.word());
        transaction.note_audit(now, actor.name(), &command, &listed(&names)).await?;
        transaction.commit().await?;
        let untold = self.configs_that_announce_nothing(&names).await?;
        let capf_runs = self.capf_runs().await?;
        let short_keys = self.short_keys(&names, schedule.mode).await?;
        Ok(Scheduled { devices: names, completes_by, strings, short_keys, untold, capf_runs })
    }

    /// Those of these devices that authenticate by their LSC and whose key is too short for the proof with SHA-512.
    async fn short_keys(&self, names: &[String], mode: AuthenticationMode) -> Result<Vec<String>, CoreError> {
        let mut short = Vec::new();
        if !matches!(mode, AuthenticationMode::ExistingLsc | AuthenticationMode::ExistingMic) {
            return Ok(short);
        }
        for lsc in self.store().current_lscs().await? {
            if names.binary_search(&lsc.device).is_err() {
                continue;
            }
            let Ok(Some(certificate)) = readable::lsc(&lsc) else { continue };
            if certificate.rsa_bits().is_some_and(|bits| bits < SHA512_BITS) {
                short.push(lsc.device);
            }
        }
        Ok(short)
    }

    /// Whether what is scheduled for devices can be taken back, for whoever asks before; for how many devices something is.
    ///
    /// # Errors
    /// As [`Self::cancel_operation`].
    pub async fn check_cancelling(&self, actor: &Actor, selection: &Selection) -> Result<usize, CoreError> {
        actor.require(Level::ReadWrite)?;
        let names = self.selected(selection).await?;
        self.check_no_wave_waits(&names).await?;
        let mut transaction = self.store().begin().await?;
        let mut pending = 0;
        for names in names.chunks(AT_ONCE) {
            pending += with_operations(&transaction.enrolments_of(names).await?, names)?.len();
        }
        Ok(pending)
    }

    /// Takes scheduled operations back: *No Pending Operation*, status *None*. The devices that had one.
    ///
    /// # Errors
    /// [`CoreError`]: a device that is not known, one whose encrypted config waits for this installation, a running wave that
    /// waits for one of them.
    pub async fn cancel_operation(
        &self,
        actor: &Actor,
        selection: &Selection,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<String>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let names = self.selected(selection).await?;
        self.check_no_wave_waits(&names).await?;
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        let mut cancelled = Vec::new();
        let end = ScheduleRow {
            operation: NO_OPERATION,
            // Each keeps its own.
            mode: 0,
            completes_by: None,
            scheduled_at: now,
            status: Status::NONE.number(),
            version_stamp: version_stamp(now),
        };
        for names in names.chunks(AT_ONCE) {
            let pending = with_operations(&transaction.enrolments_of(names).await?, names)?;
            transaction.end_schedules(&pending, &end).await?;
            cancelled.extend(pending);
        }
        transaction.end_of_schedules(&OF_A_SCHEDULE).await?;
        note_devices(&mut transaction, now, &cancelled).await?;
        transaction.note_audit(now, actor.name(), "capf cancel", &listed(&cancelled)).await?;
        transaction.commit().await?;
        Ok(cancelled)
    }

    /// Sets what keys devices are asked to make. The devices.
    ///
    /// # Errors
    /// [`CoreError`]: a device that is not known; EC only for one whose config is encrypted, because an EC key cannot unwrap.
    pub async fn set_keys(
        &self,
        actor: &Actor,
        selection: &Selection,
        keys: KeyPlan,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<String>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let names = self.selected(selection).await?;
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        for name in &names {
            let before = transaction.enrolment(name).await?.ok_or_else(|| unknown(name))?;
            if before.encrypted && keys.order == KeyOrder::EcOnly {
                return Err(ec_only(name));
            }
            let (rsa, ec) = (i64::from(keys.rsa.bits()), i64::from(keys.ec.bits()));
            transaction.set_keys(name, keys.order.number(), rsa, ec).await?;
        }
        let command = format!("capf keys {} rsa {} ec {}", keys.order.word(), keys.rsa.bits(), keys.ec.bits());
        transaction.note_audit(now, actor.name(), &command, &listed(&names)).await?;
        transaction.commit().await?;
        Ok(names)
    }

    /// Sets *TFTP Encrypted Config* for devices. The devices.
    ///
    /// # Errors
    /// [`CoreError`]: a device that is not known; one that cannot open such a config: EC only, an EC certificate as the
    /// current one, or none at all and no installation pending; one whose config somebody wrote by hand so that it cannot be
    /// encrypted.
    pub async fn set_encrypted_config(
        &self,
        actor: &Actor,
        selection: &Selection,
        on: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<String>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let names = self.selected(selection).await?;
        let now = surroundings.now();
        if on {
            for name in &names {
                check_encryption(&self.enrolment(name).await?)?;
            }
            if let Some(unfit) = self.configs_that_cannot_be_encrypted(&names).await?.into_iter().next() {
                let text = format!("{}. Write it in UTF-8, as XML with the root element `device`", unfit.reason);
                return Err(CoreError::refused("config-cannot-be-encrypted", text));
            }
        }
        let mut transaction = self.store().begin().await?;
        for name in &names {
            let before = transaction.enrolment(name).await?.ok_or_else(|| unknown(name))?;
            if on && KeyOrder::from_number(before.key_order) == KeyOrder::EcOnly {
                return Err(ec_only(name));
            }
            transaction.set_encrypted_config(name, on, &version_stamp(now)).await?;
        }
        note_devices(&mut transaction, now, &names).await?;
        let command = format!("capf encrypted-config {}", if on { "on" } else { "off" });
        transaction.note_audit(now, actor.name(), &command, &listed(&names)).await?;
        transaction.commit().await?;
        Ok(names)
    }

    /// The authentication string of a device, for the person at the phone; `None` when it has none. Showing it is audited.
    ///
    /// # Errors
    /// [`CoreError`]: the level, a device that is not known, a string sealed with another key.
    pub async fn authentication_string(
        &self,
        actor: &Actor,
        device: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Option<AuthenticationString>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let name = device_name(device)?;
        let row = self.store().enrolment(&name).await?.ok_or_else(|| unknown(&name))?;
        let Some(sealed) = row.string else { return Ok(None) };
        let string = self.string_key(surroundings).await?.open(&name, &sealed)?;
        let mut transaction = self.store().begin().await?;
        transaction.note_audit(surroundings.now(), actor.name(), &format!("capf string of {name}"), "shown").await?;
        transaction.commit().await?;
        Ok(Some(string))
    }

    /// All that is known of the enrolment of every device, by name.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn enrolments(&self) -> Result<Vec<Enrolment>, CoreError> {
        let mut lscs = std::collections::HashMap::<String, Vec<LscRow>>::new();
        for row in self.store().lscs().await? {
            lscs.entry(row.device.clone()).or_default().push(row);
        }
        let mut shown = std::collections::HashMap::<String, Vec<DeviceCertificateRow>>::new();
        for row in self.store().device_certificates().await? {
            shown.entry(row.device.clone()).or_default().push(row);
        }
        let rows = self.store().enrolments().await?;
        rows.into_iter()
            .map(|row| {
                let (lscs, shown) = (lscs.remove(&row.device), shown.remove(&row.device));
                Enrolment::new(row, lscs.unwrap_or_default(), &shown.unwrap_or_default())
            })
            .collect()
    }

    /// All that is known of the enrolment of a device.
    ///
    /// # Errors
    /// [`CoreError::BadInput`] when it is not known.
    pub async fn enrolment(&self, device: &str) -> Result<Enrolment, CoreError> {
        let name = device_name(device)?;
        let row = self.store().enrolment(&name).await?.ok_or_else(|| unknown(&name))?;
        let lscs = self.store().lscs_of(&name).await?;
        let shown = self.store().certificates_shown_by(&name).await?;
        let scheduled_at = row.scheduled_at;
        let mut enrolment = Enrolment::new(row, lscs, &shown)?;
        let wrong = self.store().wrong_strings(&name).await?.into_iter();
        let locked = wrong.filter(|row| row.scheduled_at == scheduled_at && row.locked_until > 0);
        enrolment.locked_addresses = locked.map(|row| (row.address, row.locked_until)).collect();
        Ok(enrolment)
    }

    /// Ends every operation whose time is over, with the status *User Initiated Request Late/Timeout*. The devices.
    /// Writes nothing when there are none.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn expire_operations(&self, now: i64) -> Result<Vec<String>, CoreError> {
        if self.store().overdue_operations(now).await? == 0 {
            return Ok(Vec::new());
        }
        let mut transaction = self.store().begin().await?;
        let names = transaction.expire_operations(now, &version_stamp(now)).await?;
        note_devices(&mut transaction, now, &names).await?;
        transaction
            .note_audit(now, super::ACTOR, "operations that were not completed in time", &listed(&names))
            .await?;
        transaction.commit().await?;
        Ok(names)
    }

    /// The names that a selection means, in order, each once.
    pub(super) async fn selected(&self, selection: &Selection) -> Result<Vec<String>, CoreError> {
        let mut names = match selection {
            Selection::All => self.store().devices().await?.into_iter().map(|device| device.name).collect(),
            Selection::Devices(names) => {
                names.iter().map(|name| device_name(name)).collect::<Result<Vec<String>, cluster::Refusal>>()?
            }
        };
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Err(CoreError::BadInput("no devices are meant; name some, or add them first".to_owned()));
        }
        Ok(names)
    }

    pub(super) async fn string_key(&self, surroundings: &mut dyn Surroundings) -> Result<StringKey, CoreError> {
        let publisher = self.node(None).await?;
        StringKey::load_or_make(&self.directory(&publisher).keys(), surroundings)
    }
}

fn check_schedule(before: &EnrolmentRow, schedule: &Schedule, new_string: bool) -> Result<(), CoreError> {
    let name = &before.device;
    if schedule.mode == AuthenticationMode::AuthenticationString && !new_string && before.string.is_none() {
        return Err(CoreError::BadInput(format!("{name} has no authentication string; give one or generate one")));
    }
    match schedule.operation {
        Operation::Delete if needs_lsc(before) => Err(needs_its_lsc(name)),
        Operation::Install => Ok(()),
        _ => check_still_installs(before),
    }
}

/// Whether a device could not open its config without its LSC.
pub(super) fn needs_lsc(row: &EnrolmentRow) -> bool {
    row.encrypted && row.mic.is_none()
}

/// Why the LSC of a device stays.
pub(super) fn needs_its_lsc(name: &str) -> CoreError {
    let text = format!(
        "the config of {name} is encrypted and no MIC of it is known: without its LSC it could not open it. Turn the \
         encrypted config off first"
    );
    CoreError::refused("encrypted-config-needs-lsc", text)
}

/// A device whose config is encrypted and that has no certificate yet gets no config at all until it has: its installation stays.
/// Those of these devices for which something is scheduled that can be taken back.
fn with_operations(before: &BTreeMap<String, EnrolmentRow>, names: &[String]) -> Result<Vec<String>, CoreError> {
    let mut pending = Vec::new();
    for name in names {
        let before = before.get(name).ok_or_else(|| unknown(name))?;
        if before.operation != NO_OPERATION {
            check_still_installs(before)?;
            pending.push(name.clone());
        }
    }
    Ok(pending)
}

fn check_still_installs(before: &EnrolmentRow) -> Result<(), CoreError> {
    let installs = Operation::from_number(before.operation) == Operation::Install;
    if installs && needs_lsc(before) && before.public_key.is_none() {
        let text = format!(
            "the config of {} is encrypted and no certificate of it is known: without this installation it gets no config. Turn \
             the encrypted config off first",
            before.device
        );
        return Err(CoreError::refused("encrypted-config-needs-certificate", text));
    }
    Ok(())
}

/// Whether a device can authenticate in a wave: it does not set strings.
pub(super) fn check_wave_mode(enrolment: &EnrolmentRow, mode: AuthenticationMode) -> Result<(), CoreError> {
    if mode == AuthenticationMode::AuthenticationString && enrolment.string.is_none() {
        let text = format!("{} has no authentication string; generate one first", enrolment.device);
        return Err(CoreError::BadInput(text));
    }
    Ok(())
}

/// Whether a device can open an encrypted config.
fn check_encryption(enrolment: &Enrolment) -> Result<(), CoreError> {
    let name = &enrolment.device;
    if enrolment.keys.order == KeyOrder::EcOnly {
        return Err(ec_only(name));
    }
    match enrolment.config_certificate()? {
        Some(certificate) if !matches!(certificate.key_kind(), KeyKind::Rsa(_)) => {
            let text = format!(
                "the certificate of {name} has a {} key, and an encrypted config needs RSA: set its key order to RSA Only and \
                 install a new LSC first",
                certificate.key_kind()
            );
            Err(CoreError::refused("encrypted-config-needs-rsa", text))
        }
        None if enrolment.operation != Operation::Install => {
            let text = format!(
                "no certificate of {name} is known that its config could be encrypted for: schedule Install/Upgrade first"
            );
            Err(CoreError::refused("encrypted-config-needs-certificate", text))
        }
        _ => Ok(()),
    }
}

fn ec_only(name: &str) -> CoreError {
    let text = format!(
        "{name} makes EC keys only, and an encrypted config needs RSA: set its key order to RSA Only or to EC Preferred, RSA \
         Backup, or leave its config unencrypted"
    );
    CoreError::refused("encrypted-config-needs-rsa", text)
}

pub(super) fn unknown(name: &str) -> CoreError {
    CoreError::BadInput(format!("no device {name}; `ringfence device list` names them"))
}

/// Notes that the enrolment of devices changed: a row each, or one for very many.
pub(super) async fn note_devices(transaction: &mut Transaction, now: i64, names: &[String]) -> Result<(), CoreError> {
    if names.len() > SINGLE_CHANGES {
        transaction.note_change(now, "device", &format!("{} enrolments", names.len())).await?;
        return Ok(());
    }
    for name in names {
        transaction.note_change(now, CHANGE, name).await?;
    }
    Ok(())
}

/// *Operation Completes By* as the page has it: `YYYY:MM:DD:HH` in a time zone.
pub fn completes_by_text(milliseconds: i64, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(milliseconds)
        .map(|time| time.to_zoned(zone.clone()).strftime("%Y:%m:%d:%H").to_string())
        .unwrap_or_default()
}

/// Reads `YYYY:MM:DD:HH`; the hour counts to its end.
///
/// # Errors
/// [`CoreError::BadInput`].
pub fn parse_completes_by(text: &str, zone: &TimeZone) -> Result<i64, CoreError> {
    let read = || {
        let mut parts = text.trim().split(':');
        let year = parts.next()?.parse().ok()?;
        let mut next = || parts.next()?.parse::<i8>().ok();
        let (month, day, hour) = (next()?, next()?, next()?);
        if parts.next().is_some() {
            return None;
        }
        let start = DateTime::new(year, month, day, hour, 0, 0, 0).ok()?;
        let next = start.to_zoned(zone.clone()).ok()?.checked_add(1.hour()).ok()?;
        // its last millisecond: what is printed is the hour that was typed
        Some(next.timestamp().as_millisecond() - 1)
    };
    read().ok_or_else(|| CoreError::BadInput(format!("`{text}` is no time; write YYYY:MM:DD:HH")))
}
