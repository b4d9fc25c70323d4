//! The questions of a CAPF session, answered from the rows. The conversation itself is [`wire::capf::ServerSession`]; whoever has
//! the socket asks here.
//!
//! A session that is refused before it is let in writes nothing, except its cause into the status of the device, and that only
//! when it is another one than before. Wrong strings are counted in memory; the tenth in a row puts ten minutes of waiting on
//! record. Of several sessions of one device the one that was let in last counts: a phone that starts anew is not held up by what it left
//! behind.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use pki::Certificate;
use pki::capf::{Sha2Proof, Unproven, check, check_public_key};
use pki::lsc::request::spki_pem;
use pki::lsc::{LscRequest, public_key_pem};
use store::rows::{DeviceCertificateRow, DeviceRequestRow, EnrolmentRow, LscState, NewLsc, ShownKind};
use wire::capf::{AuthResponse, Cause, Done, Ended, Failure, KeySpec, Operation as Asked, Refusal, Stage};

use super::authority::{Authority, is_named_capf};
use super::kinds::{AuthenticationMode, KeyOrder, KeyPlan, Operation, Status};
use super::recorder::{Recorded, Recorder, Step};
use super::strings::StringKey;
use crate::CoreError;
use crate::cluster::Cluster;
use crate::surroundings::{SERIAL_LENGTH, Surroundings};

/// Wrong authentication strings in a row before a device has to wait [cucm-behaviour.md 4.2].
pub const WRONG_STRINGS: u32 = 10;

/// How long it waits then, milliseconds.
pub const LOCK_TIME: i64 = 10 * 60 * 1000;

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
    device: Option<EnrolmentRow>,
    operation: Operation,
    wanted: Option<KeySpec>,
    lsc: Option<Issued>,
    locked_until: Option<i64>,
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

/// Wrong strings of a device under one schedule.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    scheduled_at: i64,
    count: u32,
}

/// The desk at which phones are served.
pub struct Desk {
    cluster: Cluster,
    authority: ArcSwap<Authority>,
    recorder: Recorder,
    policy: Policy,
    visits: AtomicU64,
    state: Mutex<State>,
    /// Read when the first string is to be compared: the key is made with the first string.
    strings: OnceLock<StringKey>,
}

#[derive(Default)]
struct State {
    /// Devices whose AUTH_RESPONSE is being looked at.
    checking: HashSet<String>,
    /// The session of each device that counts.
    current: HashMap<String, u64>,
    wrong: HashMap<String, Wrong>,
}

impl Desk {
    /// Opens the desk of a cluster.
    ///
    /// # Errors
    /// [`CoreError`]: no CAPF certificate or key.
    pub async fn open(cluster: Cluster, policy: Policy) -> Result<Self, CoreError> {
        let authority = ArcSwap::from_pointee(Authority::load(&cluster).await?);
        let (recorder, visits) = (Recorder::new(), AtomicU64::new(1));
        Ok(Self { cluster, authority, recorder, policy, visits, state: Mutex::default(), strings: OnceLock::new() })
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

    /// Begins to serve a session.
    pub fn visit(&self, session_id: u32) -> Visit {
        Visit {
            number: self.visits.fetch_add(1, Ordering::Relaxed),
            session_id,
            device: None,
            operation: Operation::None,
            wanted: None,
            lsc: None,
            locked_until: None,
            reason: None,
        }
    }

    /// Answers [`wire::capf::Question::Authenticate`]. `now` in milliseconds since 1970 UTC.
    ///
    /// Order: is the device known; is it shut out; does it authenticate; what is scheduled, and not too late
    /// [reference capf.md 4].
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn admit(&self, visit: &mut Visit, auth: &AuthResponse, now: i64) -> Result<Asked, Refused> {
        let name = auth.device_name.as_str().to_ascii_uppercase();
        let outcome = match self.check_in(&name) {
            Some(_seat) => self.admit_known(visit, &name, auth, now).await,
            None => Err(Refused::new(Refusal::Limit, "another session of this device is being checked")),
        };
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
        if visit.operation != Operation::None && row.completes_by.is_some_and(|by| by < now) {
            return Err(Refused::failed(Failure::Late, "the operation had to be complete before"));
        }
        self.state().current.insert(name.to_owned(), visit.number);
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
            AuthenticationMode::NullString => Ok(()),
            AuthenticationMode::AuthenticationString => self.check_string(visit, row, auth, now),
            AuthenticationMode::ExistingLsc | AuthenticationMode::ExistingMic => {
                self.check_certificate(visit, row, auth, now).await
            }
        }
    }

    fn check_string(
        &self,
        visit: &mut Visit,
        row: &EnrolmentRow,
        auth: &AuthResponse,
        now: i64,
    ) -> Result<(), Refused> {
        if row.locked_until > now {
            let seconds = (row.locked_until - now) / 1000;
            let reason = format!("ten wrong authentication strings; the next is taken in {seconds} s");
            return Err(Refused::new(Refusal::Limit, reason));
        }
        let stored = match &row.string {
            None => None,
            Some(sealed) => Some(self.string_key()?.open(&row.device, sealed)?),
        };
        let right = stored.is_some_and(|stored| {
            auth.password.as_ref().is_some_and(|given| given.matches(stored.reveal().as_bytes()))
        });
        let mut state = self.state();
        if right {
            state.wrong.remove(&row.device);
            return Ok(());
        }
        let none = Wrong { scheduled_at: row.scheduled_at, count: 0 };
        let wrong = state.wrong.entry(row.device.clone()).or_insert(none);
        if wrong.scheduled_at != row.scheduled_at {
            *wrong = none;
        }
        wrong.count += 1;
        let count = wrong.count;
        if count >= WRONG_STRINGS {
            state.wrong.remove(&row.device);
            visit.locked_until = Some(now + LOCK_TIME);
        }
        let reason = format!("wrong authentication string, {count} of {WRONG_STRINGS}");
        Err(Refused::failed(Failure::InvalidAuthenticationString, reason))
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
        let proven = check(auth, visit.session_id, &authority.issuers, seconds, self.policy.sha2)
            .map_err(|unproven| Refused::failed(cause(&unproven, auth, &authority), unproven.to_string()))?;
        let fingerprint = pki::hash::hex(&proven.certificate.sha256());
        let on_record = self.cluster.store().lsc_state(&fingerprint).await?;
        match on_record {
            Some(LscState::Deleted) => {
                return Err(Refused::failed(Failure::InvalidLsc, "the LSC it shows was deleted"));
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

    async fn confirm_late(&self, row: &EnrolmentRow, lsc: &Certificate, now: i64) -> Result<(), Refused> {
        let serial = pki::hash::hex(lsc.serial());
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
        if shown.iter().any(|shown| shown.kind == ShownKind::Mic && shown.fingerprint == fingerprint) {
            return Ok(());
        }
        let shown = Box::new(shown_row(&row.device, ShownKind::Mic, mic, now));
        self.recorder.record(&self.cluster, Step::Mic { shown }, now).await?;
        Ok(())
    }

    /// Answers [`wire::capf::Question::Issue`]: puts the intent on record, signs, puts the certificate on record, and only then
    /// gives it out. With an offline CA it puts the request on record, and the answer is [`Refusal::Waits`].
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn issue(
        &self,
        visit: &mut Visit,
        public_key: &[u8],
        wanted: KeySpec,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Certificate, Refused> {
        let outcome = self.issue_known(visit, public_key, wanted, surroundings).await;
        if let Err(refused) = &outcome {
            visit.reason = Some(refused.reason.clone());
        }
        outcome
    }

    async fn issue_known(
        &self,
        visit: &mut Visit,
        public_key: &[u8],
        wanted: KeySpec,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Certificate, Refused> {
        let row = self.current(visit)?.clone();
        check_public_key(public_key, wanted).map_err(|bad| Refused::failed(Failure::KeyGeneration, bad.to_string()))?;
        let authority = self.authority.load_full();
        let now = surroundings.now();
        let Some((not_before, not_after)) = authority.validity(u64::try_from(now / 1000).unwrap_or_default()) else {
            let reason = "the CAPF certificate is not valid now; regenerate it";
            return Err(Refused::failed(Failure::CaRejected, reason));
        };
        let mut serial = [0_u8; SERIAL_LENGTH];
        surroundings.random().fill(&mut serial).map_err(CoreError::from)?;
        // Positive, and not shortened by a leading zero, as all serial numbers here.
        serial[0] = (serial[0] & 0x3f) | 0x40;
        // The CUCM form of a subject takes its serial number from the MIC.
        let mic =
            row.mic.as_ref().map(|pem| Certificate::from_pem(pem.as_bytes())).transpose().map_err(CoreError::from)?;
        let request = LscRequest {
            device_name: &row.device,
            model: &row.model,
            mic: mic.as_ref(),
            issuer: &authority.certificate,
            public_key,
            serial: &serial,
            not_before,
            not_after,
            form: authority.profile.form,
            digest: authority.profile.digest,
        };
        if authority.offline {
            let waiting = DeviceRequestRow {
                device: row.device.clone(),
                request: request.request(&authority.key).map_err(CoreError::from)?,
                public_key: spki_pem(public_key),
                key_id: pki::hash::hex(&pki::hash::sha256(public_key)),
                scheduled_at: row.scheduled_at,
                created_at: now,
            };
            self.put(Step::Keep { waiting: Box::new(waiting) }, now).await?;
            return Err(Refused::new(Refusal::Waits, "its key is on record and waits for the offline CA"));
        }
        let laid_out = request.lay_out().map_err(CoreError::from)?;
        let new = NewLsc {
            device: row.device.clone(),
            serial: pki::hash::hex(&serial),
            subject: laid_out.subject_row().map_err(CoreError::from)?,
            issuer: authority.certificate.subject(pki::NameForm::Row),
            issuer_fingerprint: authority.fingerprint.clone(),
            not_before: i64::try_from(not_before).unwrap_or(i64::MAX),
            not_after: i64::try_from(not_after).unwrap_or(i64::MAX),
            to_be_signed: pki::hash::base64(laid_out.der()),
        };
        let key = new.pkid();
        self.put(Step::Intend { new: Box::new(new), scheduled_at: row.scheduled_at }, now).await?;
        let certificate = laid_out.sign(&authority.key).map_err(CoreError::from)?;
        let step = Step::Attach {
            key: key.clone(),
            device: row.device.clone(),
            pem: certificate.to_pem(),
            fingerprint: pki::hash::hex(&certificate.sha256()),
        };
        self.put(step, now).await?;
        visit.lsc = Some(Issued { key, public_key: public_key_pem(&certificate), of_another: false });
        Ok(certificate)
    }

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
                let fetched = Certificate::from_der(der).map_err(|error| {
                    Refused::failed(Failure::InvalidLsc, format!("what it shows is no certificate: {error}"))
                })?;
                let shown = Box::new(shown_row(&device, ShownKind::Fetched, &fetched, now));
                Step::Fetched { shown, scheduled_at, status }
            }
        };
        self.put(step, now).await
    }

    /// Writes down how a session ended. What ended well is on record already.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn ended(&self, visit: &Visit, ended: &Ended, now: i64) -> Result<(), CoreError> {
        let Some(row) = &visit.device else { return Ok(()) };
        let overtaken = {
            let mut state = self.state();
            let current = state.current.get(&row.device).copied();
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
        let status = Status::failed(visit.operation, ended.failure());
        if let (Cause::PhoneFailed(_), Some(lsc)) = (&ended.cause, visit.lsc.as_ref().filter(|lsc| lsc.of_another)) {
            // It has lost the key, so nobody will ever use this certificate: the next session makes another key.
            let step = Step::GiveUp { key: lsc.key.clone(), device: row.device.clone() };
            self.recorder.record(&self.cluster, step, now).await?;
        }
        let news = visit.operation != Operation::None && status.number() != row.status;
        if !news && !ec_failed && visit.locked_until.is_none() {
            return Ok(());
        }
        let step = Step::Failed {
            device: row.device.clone(),
            scheduled_at: row.scheduled_at,
            status: news.then_some(status.number()),
            locked_until: visit.locked_until,
            ec_failed,
            why: format!("{}: {ended}", status.name()),
        };
        self.recorder.record(&self.cluster, step, now).await?;
        Ok(())
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
        if self.state().current.get(&row.device) == Some(&visit.number) {
            return Ok(row);
        }
        Err(Refused::new(Refusal::Limit, "a later session of this device has taken its place"))
    }

    fn check_in(&self, name: &str) -> Option<Seat<'_>> {
        let taken = self.state().checking.insert(name.to_owned());
        taken.then(|| Seat { desk: self, name: name.to_owned() })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // whole between any two statements, also after a panic
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A device whose AUTH_RESPONSE is being looked at.
struct Seat<'a> {
    desk: &'a Desk,
    name: String,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.desk.state().checking.remove(&self.name);
    }
}

/// The cause that the status gets when a proof does not hold.
fn cause(unproven: &Unproven, auth: &AuthResponse, authority: &Authority) -> Failure {
    let what = match unproven {
        Unproven::Missing(_) | Unproven::Hash(_) | Unproven::Proof("SIGNED_DATA" | "SHA2_SIGNED_DATA") => {
            return Failure::InvalidCredentials;
        }
        Unproven::Proof(what)
        | Unproven::Unreadable { what, .. }
        | Unproven::Key { what, .. }
        | Unproven::OtherDevice { what, .. }
        | Unproven::UnknownIssuer { what, .. }
        | Unproven::Dates { what, .. } => *what,
    };
    if what != "CERTIFICATE" {
        return Failure::InvalidMic;
    }
    let shown = auth.certificate.as_deref().map(Certificate::from_der);
    match shown {
        Some(Ok(shown)) => {
            let issuer = shown.issuer(pki::NameForm::Cucm);
            let own = authority.certificate.subject(pki::NameForm::Cucm) == issuer;
            if own || issuer.contains("CN=CAPF-") { Failure::InvalidLsc } else { Failure::InvalidMic }
        }
        _ => Failure::InvalidCredentials,
    }
}

fn shown_row(device: &str, kind: ShownKind, certificate: &Certificate, now: i64) -> DeviceCertificateRow {
    DeviceCertificateRow {
        device: device.to_owned(),
        kind,
        pem: certificate.to_pem(),
        fingerprint: pki::hash::hex(&certificate.sha256()),
        not_after: i64::try_from(certificate.validity().1).unwrap_or(i64::MAX),
        seen_at: now,
    }
}
