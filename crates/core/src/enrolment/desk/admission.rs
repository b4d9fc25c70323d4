//! Whether a phone is let in, and for what.

use super::cause::cause;
use std::net::IpAddr;

use cluster::rows::{DeviceCertificateRow, EnrolmentRow, LscState, ShownKind, WrongStringsRow};
use pki::Certificate;
use pki::capf::{check, check_session_proof};
use pki::lsc::public_key_pem;
use tokio::sync::watch;
use wire::capf::{AuthResponse, Failure, Operation as Asked, Refusal};

use super::{Current, Desk, Issued, Refused, Visit, shown_row};
use crate::CoreError;
use crate::enrolment::authority::is_named_capf;
use crate::enrolment::recorder::{Step, WrongStrings};
use crate::enrolment::strings::StringKey;
use cluster::enrolment::guesses::{Counted, Guesses, Lock, WRONG_IN_A_DAY, WRONG_STRINGS};
use cluster::enrolment::kinds::{AuthenticationMode, KeyOrder, KeyPlan, Operation, Status};
use cluster::readable::KeepsCertificate;

impl Desk {
    /// Answers [`wire::capf::Question::Authenticate`]. `now` in milliseconds since 1970 UTC.
    ///
    /// Order: is the device known; is it shut out; does it authenticate; what is scheduled, and not too late
    /// [sources/capf#authentication].
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn admit(&self, visit: &mut Visit, auth: &AuthResponse, now: i64) -> Result<Asked, Refused> {
        let name = auth.device_name.as_str().to_ascii_uppercase();
        let turn = self.turns.wait(&name, visit.from).await;
        let outcome = self.admit_known(visit, &name, auth, now).await;
        drop(turn);
        if let Err(refused) = &outcome {
            visit.reason = Some(refused.reason.clone());
        }
        outcome
    }

    async fn admit_known(
        &self,
        visit: &mut Visit,
        name: &str,
        auth: &AuthResponse,
        now: i64,
    ) -> Result<Asked, Refused> {
        let Some(row) = self.cluster.store().enrolment(name).await? else {
            return Err(Refused::new(Refusal::UnknownDevice, format!("no device {name}")));
        };
        visit.operation = Operation::from_number(row.operation);
        let row = visit.device.insert(row).clone();
        self.authenticate(visit, &row, auth, now).await?;
        visit.let_in = true;
        self.forget_waiting(&row.device);
        if visit.operation != Operation::None && row.completes_by.is_some_and(|by| by < now) {
            return Err(Refused::failed(Failure::Late, "the operation had to be complete before"));
        }
        let current = Current { visit: visit.number, from: visit.from, ended: watch::Sender::new(()) };
        visit.place = Some(current.ended.subscribe());
        self.state().current.insert(name.to_owned(), current);
        Ok(match visit.operation {
            Operation::None => Asked::None,
            Operation::Delete => Asked::Delete,
            Operation::Troubleshoot => Asked::Fetch,
            Operation::Install => {
                if let Some(delivery) = self.deliver(visit, &row).await? {
                    return Ok(delivery);
                }
                let keys = KeyPlan::from_numbers(row.key_order, row.rsa_bits, row.ec_bits);
                if row.encrypted && keys.order == KeyOrder::EcOnly {
                    let reason = "its config is encrypted, and it makes EC keys only";
                    return Err(Refused::failed(Failure::KeyGeneration, reason));
                }
                let wanted = keys.ask_for(row.ec_failed || row.encrypted);
                visit.wanted = Some(wanted);
                Asked::Install(wanted)
            }
        })
    }

    /// The certificate that an offline CA has signed for it, also when CAPF issues by itself again; `None` when the phone has to
    /// make a key first. A request waits only as long as somebody may still sign it.
    async fn deliver(&self, visit: &mut Visit, row: &EnrolmentRow) -> Result<Option<Asked>, Refused> {
        if row.resting
            && let Some((key, lsc)) = self.cluster.undelivered(&row.device, row.scheduled_at).await?
        {
            visit.lsc = Some(Issued { key, public_key: public_key_pem(&lsc), of_another: true });
            return Ok(Some(Asked::Store(lsc.der().to_vec())));
        }
        if self.authority.load().offline
            && self.cluster.store().has_device_request(&row.device, row.scheduled_at).await?
        {
            return Err(Refused::new(Refusal::Waits, "its request waits for the certificate of the offline CA"));
        }
        Ok(None)
    }

    async fn authenticate(
        &self,
        visit: &mut Visit,
        row: &EnrolmentRow,
        auth: &AuthResponse,
        now: i64,
    ) -> Result<(), Refused> {
        match AuthenticationMode::from_number(row.mode) {
            AuthenticationMode::NullString => {
                check_session(visit, auth)?;
                self.confirm_shown(visit, row, auth, now).await
            }
            AuthenticationMode::AuthenticationString => {
                self.confirm_shown(visit, row, auth, now).await?;
                let on_record = self.wrong_on_record(row).await?;
                let Some((counted, rows)) = self.check_string(visit.from, row, &on_record, auth, now)? else {
                    return check_session(visit, auth);
                };
                if counted.on_record {
                    self.put_wrong(visit, row, counted, rows, now).await?;
                }
                let reason = format!("wrong authentication string, {} of {WRONG_STRINGS}", counted.count);
                Err(Refused::failed(Failure::InvalidAuthenticationString, reason))
            }
            AuthenticationMode::ExistingLsc | AuthenticationMode::ExistingMic => {
                self.check_certificate(visit, row, auth, now).await
            }
        }
    }

    /// The wrong strings that are on record, as long as nothing is in memory.
    async fn wrong_on_record(&self, row: &EnrolmentRow) -> Result<Vec<WrongStringsRow>, CoreError> {
        let known = self.state().wrong.get(&row.device).is_some_and(|known| known.scheduled_at == row.scheduled_at);
        if known {
            return Ok(Vec::new());
        }
        Ok(self.cluster.store().wrong_strings(&row.device).await?)
    }

    /// Lock, comparison and count are one step under one lock: however many sessions come at the same time, the eleventh string
    /// is refused. `None`: it was right.
    fn check_string(
        &self,
        from: IpAddr,
        row: &EnrolmentRow,
        on_record: &[WrongStringsRow],
        auth: &AuthResponse,
        now: i64,
    ) -> Result<Option<(Counted, Vec<WrongStringsRow>)>, Refused> {
        if row.locked_until > now {
            let reason = format!(
                "{WRONG_IN_A_DAY} wrong authentication strings in a day; none is taken until the device is scheduled anew"
            );
            return Err(Refused::new(Refusal::Limit, reason));
        }
        let sealed = row.string.as_ref().map(|sealed| Ok::<_, CoreError>((self.string_key()?, sealed))).transpose()?;
        let mut state = self.state();
        let fresh = || Guesses::new(row.scheduled_at, on_record);
        let guesses = state.wrong.entry(row.device.clone()).or_insert_with(fresh);
        if guesses.scheduled_at != row.scheduled_at {
            *guesses = fresh();
        }
        if let Some(Lock::Address(until)) = guesses.lock(from, now) {
            let seconds = until.saturating_sub(now) / 1000;
            let reason = format!("ten wrong authentication strings from {from}; the next is taken in {seconds} s");
            return Err(Refused::new(Refusal::Limit, reason));
        }
        let stored = sealed.map(|(key, sealed)| key.open(&row.device, sealed)).transpose()?;
        let right = stored.is_some_and(|stored| {
            auth.password.as_ref().is_some_and(|given| given.matches(stored.reveal().as_bytes()))
        });
        if right {
            guesses.right(from);
            return Ok(None);
        }
        let counted = guesses.wrong(from, now);
        let rows = if counted.on_record { guesses.rows(&row.device) } else { Vec::new() };
        if counted.lock == Some(Lock::Device) {
            // From now on its row says all.
            state.wrong.remove(&row.device);
        }
        Ok(Some((counted, rows)))
    }

    /// A lock is on record before the phone hears of it, so that a restart does not help.
    async fn put_wrong(
        &self,
        visit: &mut Visit,
        row: &EnrolmentRow,
        counted: Counted,
        rows: Vec<WrongStringsRow>,
        now: i64,
    ) -> Result<(), Refused> {
        let status = Status::failed(visit.operation, Some(Failure::InvalidAuthenticationString));
        let pending = visit.operation != Operation::None;
        let why = match counted.lock {
            Some(Lock::Device) => {
                format!(
                    "{WRONG_IN_A_DAY} wrong authentication strings in a day, none is taken until it is scheduled anew"
                )
            }
            Some(Lock::Address(_)) => {
                let from = visit.from;
                format!("{WRONG_STRINGS} wrong authentication strings, none is taken from {from} for ten minutes")
            }
            None => format!("{WRONG_STRINGS} more wrong authentication strings, from several addresses"),
        };
        let device_locked = counted.lock == Some(Lock::Device);
        let step = Step::Failed {
            device: row.device.clone(),
            scheduled_at: row.scheduled_at,
            status: pending.then_some(status.number()),
            wrong: Some(WrongStrings { rows, device_locked }),
            ec_failed: false,
            why: format!("{}: {why}", status.name()),
        };
        self.recorder.record(&self.cluster, step, now).await?;
        if let Some(device) = visit.device.as_mut().filter(|_| pending) {
            device.status = status.number();
        }
        Ok(())
    }

    fn string_key(&self) -> Result<&StringKey, CoreError> {
        if let Some(key) = self.strings.get() {
            return Ok(key);
        }
        let key = StringKey::load(&self.authority.load().keys)?;
        let key = key.ok_or_else(|| {
            CoreError::Internal("the key of the authentication strings is gone; set new strings".to_owned())
        })?;
        Ok(self.strings.get_or_init(|| key))
    }

    async fn check_certificate(
        &self,
        visit: &Visit,
        row: &EnrolmentRow,
        auth: &AuthResponse,
        now: i64,
    ) -> Result<(), Refused> {
        let authority = self.authority.load_full();
        let seconds = u64::try_from(now / 1000).unwrap_or_default();
        let proven =
            check(auth, visit.session_id, &authority.issuers, seconds, self.policy.sha2).map_err(|unproven| {
                Refused::failed(cause(&unproven, auth.certificate.as_deref(), &authority), unproven.to_string())
            })?;
        let fingerprint = pki::hash::hex(&proven.certificate.sha256());
        let on_record = self.cluster.store().lsc_state(&fingerprint).await?;
        match on_record {
            Some(LscState::Deleted) => {
                return Err(Refused::failed(Failure::InvalidLsc, "the LSC it shows was deleted"));
            }
            // It ended when the phone confirmed or showed a later one, so the phone has that one: who shows this is another.
            Some(LscState::Superseded) => {
                let reason = "the LSC it shows was replaced by a later one, which the phone has stored";
                return Err(Refused::failed(Failure::InvalidLsc, reason));
            }
            // The phone has it, so it was stored; only the confirmation was lost.
            Some(LscState::Signed) => self.confirm_late(row, &proven.certificate, now).await?,
            _ => {}
        }
        let is_lsc = on_record.is_some() || *proven.issuer == authority.certificate || is_named_capf(proven.issuer);
        if !is_lsc {
            self.note_mic(row, &proven.certificate, now).await?;
        }
        if let Some(sudi) = &proven.sudi {
            self.note_mic(row, &sudi.certificate, now).await?;
        }
        Ok(())
    }

    /// A phone may show its LSC though nobody asked for it, because its config is encrypted for another one: when it proves
    /// one whose confirmation was lost, that is made up for.
    async fn confirm_shown(
        &self,
        visit: &Visit,
        row: &EnrolmentRow,
        auth: &AuthResponse,
        now: i64,
    ) -> Result<(), Refused> {
        let Some(shown) = auth.certificate.as_deref() else { return Ok(()) };
        let fingerprint = pki::hash::hex(&pki::hash::sha256(shown));
        // Nothing else is checked: it costs signatures.
        if self.cluster.store().lsc_state(&fingerprint).await? != Some(LscState::Signed) {
            return Ok(());
        }
        let authority = self.authority.load_full();
        let seconds = u64::try_from(now / 1000).unwrap_or_default();
        match check(auth, visit.session_id, &authority.issuers, seconds, self.policy.sha2) {
            Ok(proven) => self.confirm_late(row, &proven.certificate, now).await,
            Err(_) => Ok(()),
        }
    }

    async fn confirm_late(&self, row: &EnrolmentRow, lsc: &Certificate, now: i64) -> Result<(), Refused> {
        let serial = lsc.serial_hex();
        let found = self.cluster.store().lscs_of(&row.device).await?.into_iter();
        let Some(signed) = found.rev().find(|known| known.serial == serial && known.state == LscState::Signed) else {
            return Ok(());
        };
        let step = Step::Confirm {
            key: signed.pkid,
            device: row.device.clone(),
            public_key: public_key_pem(lsc),
            scheduled_at: row.scheduled_at,
            complete: None,
        };
        self.recorder.record(&self.cluster, step, now).await?;
        Ok(())
    }

    async fn note_mic(&self, row: &EnrolmentRow, mic: &Certificate, now: i64) -> Result<(), Refused> {
        let fingerprint = pki::hash::hex(&mic.sha256());
        let shown = self.cluster.store().certificates_shown_by(&row.device).await?;
        let is_it = |shown: &DeviceCertificateRow| shown.kind == ShownKind::Mic && shown.fingerprint == fingerprint;
        // One that cannot be read is written anew.
        if shown.iter().any(|shown| is_it(shown) && shown.certificate().is_ok()) {
            return Ok(());
        }
        let shown = Box::new(shown_row(&row.device, ShownKind::Mic, mic, now)?);
        self.recorder.record(&self.cluster, Step::Mic { shown }, now).await?;
        Ok(())
    }
}

/// SUDI_DATA is the one proof that is made over the session: where it is sent it must hold, whatever else opens the door.
fn check_session(visit: &Visit, auth: &AuthResponse) -> Result<(), Refused> {
    let Some(sudi) = &auth.sudi_data else { return Ok(()) };
    check_session_proof(sudi, visit.session_id)
        .map_err(|unproven| Refused::failed(Failure::InvalidMic, unproven.to_string()))
}
