//! A module and the tokens in its slots; the thread that all calls run on.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::UserType;
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::error::{PinState, TokenError, reason};
use super::find;
use super::signer::Token;
use crate::certificate::Certificate;

/// How long a call of a module may take: old tokens make a key in some 20 s and sign in less than one.
pub const CALL_LIMIT: Duration = Duration::from_secs(60);

/// Slots that are looked at, at most: readers have a few, a network HSM some dozens.
const SLOT_LIMIT: usize = 256;

type Job = Box<dyn FnOnce(&Pkcs11) + Send>;

/// An open PKCS#11 module. Clones share its thread.
#[derive(Clone)]
pub struct TokenModule(Arc<Thread>);

/// The thread of a module.
struct Thread {
    /// `None` when no more comes.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    /// Hears of the end of the thread: nothing is ever sent.
    ended: Mutex<mpsc::Receiver<()>>,
    hangs: AtomicBool,
    limit: Duration,
}

impl Drop for Thread {
    /// Waits until the module is closed: one that is still at work while the process ends crashes it.
    fn drop(&mut self) {
        if let Ok(jobs) = self.jobs.get_mut() {
            *jobs = None;
        }
        if let (Ok(ended), false) = (self.ended.get_mut(), self.hangs.load(Ordering::Relaxed)) {
            // Either the thread has ended, or it hangs and is left alone.
            match ended.recv_timeout(self.limit) {
                Ok(()) | Err(_) => {}
            }
        }
    }
}

/// A token in a slot, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    pub(super) slot: Slot,
    /// Label, without trailing blanks.
    pub label: String,
    /// Serial number of the token (not that of its certificate).
    pub serial: String,
    /// Who made it.
    pub manufacturer: String,
    /// Model.
    pub model: String,
    /// What it says about the tries of its PIN.
    pub pin: PinState,
}

impl TokenInfo {
    /// How the token is called in messages: its label, or its serial number when it has none.
    #[must_use]
    pub fn name(&self) -> String {
        if self.label.is_empty() { self.serial.clone() } else { self.label.clone() }
    }

    /// Whether a certificate of the token is valid at `now`, in seconds since 1970 UTC.
    ///
    /// # Errors
    /// [`TokenError::OutOfDate`].
    pub fn check_date(&self, certificate: &Certificate, now: u64) -> Result<(), TokenError> {
        find::check_date(self, certificate, now)
    }

    fn read(pkcs11: &Pkcs11, slot: Slot) -> Result<Self, Error> {
        let info = pkcs11.get_token_info(slot)?;
        let pin = if info.user_pin_locked() {
            PinState::Locked
        } else if info.user_pin_final_try() {
            PinState::LastTry
        } else if info.user_pin_count_low() {
            PinState::FewerLeft
        } else {
            PinState::Fine
        };
        let text = |text: &str| text.trim_end_matches([' ', '\0']).to_owned();
        Ok(Self {
            slot,
            label: text(info.label()),
            serial: text(info.serial_number()),
            manufacturer: text(info.manufacturer_id()),
            model: text(info.model()),
            pin,
        })
    }
}

impl TokenModule {
    /// Loads a module. `limit` is how long each call may take; [`CALL_LIMIT`] for real ones.
    ///
    /// # Errors
    /// [`TokenError::NoModule`], [`TokenError::NotAModule`], [`TokenError::Hangs`].
    pub fn open(path: &Path, limit: Duration) -> Result<Self, TokenError> {
        let named = path.display().to_string();
        match std::fs::metadata(path) {
            Ok(found) if found.is_file() => {}
            Ok(_) => return Err(TokenError::NoModule { path: named, reason: "is not a file".to_owned() }),
            Err(error) => return Err(TokenError::NoModule { path: named, reason: error.to_string() }),
        }
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (opened, answer) = mpsc::channel();
        let (ends, ended) = mpsc::channel();
        let file = path.to_path_buf();
        let started = std::thread::Builder::new().name("pkcs11".to_owned()).spawn(move || {
            let loaded = load(&file);
            let (pkcs11, initialised) = match loaded {
                Ok(loaded) => loaded,
                Err(error) => {
                    // Who asked may have given up: then nobody is there to hear it.
                    drop(opened.send(Err(error)));
                    return;
                }
            };
            drop(opened.send(Ok(())));
            while let Ok(job) = inbox.recv() {
                job(&pkcs11);
            }
            // Not said to SoftHSM, its last words come after those of OpenSSL, and the process dies of them.
            // One that does not close is left alone: nobody is there to hear of it.
            if initialised {
                match pkcs11.finalize() {
                    Ok(()) | Err(_) => {}
                }
            }
            drop(ends);
        });
        started.map_err(|error| TokenError::Module { what: "starting a thread", reason: error.to_string() })?;
        match answer.recv_timeout(limit) {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Err(TokenError::NotAModule { path: named, reason }),
            Err(_) => return Err(TokenError::Hangs { seconds: limit.as_secs() }),
        }
        let (jobs, ended) = (Mutex::new(Some(jobs)), Mutex::new(ended));
        Ok(Self(Arc::new(Thread { jobs, ended, hangs: AtomicBool::new(false), limit })))
    }

    /// Runs a call on the thread of the module and waits for it.
    pub(super) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Pkcs11) -> T + Send + 'static,
    ) -> Result<T, TokenError> {
        let thread = &*self.0;
        let hangs = || TokenError::Hangs { seconds: thread.limit.as_secs() };
        if thread.hangs.load(Ordering::Relaxed) {
            return Err(hangs());
        }
        let (done, answer) = mpsc::channel();
        // A send fails only when the caller has given up, and then nobody hears it.
        let job: Job = Box::new(move |pkcs11| drop(done.send(work(pkcs11))));
        let died = || TokenError::Module { what: "the PKCS#11 module", reason: "its thread ended".to_owned() };
        let jobs = thread.jobs.lock().map_err(|_| died())?;
        jobs.as_ref().ok_or_else(died)?.send(job).map_err(|_| died())?;
        drop(jobs);
        answer.recv_timeout(thread.limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                thread.hangs.store(true, Ordering::Relaxed);
                hangs()
            }
            RecvTimeoutError::Disconnected => died(),
        })
    }

    /// The tokens that are inserted, in the order of their slots.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn tokens(&self) -> Result<Vec<TokenInfo>, TokenError> {
        let read = self.call(|pkcs11| {
            let slots = pkcs11.get_slots_with_initialized_token()?;
            let mut tokens = Vec::new();
            for slot in slots.into_iter().take(SLOT_LIMIT) {
                match TokenInfo::read(pkcs11, slot) {
                    Ok(info) => tokens.push(info),
                    // Pulled out since the slots were listed.
                    Err(Error::Pkcs11(RvError::TokenNotPresent | RvError::DeviceRemoved, _)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(tokens)
        })?;
        read.map_err(|error| TokenError::Module { what: "listing the tokens", reason: reason(&error) })
    }

    /// The token with a label or a serial number.
    ///
    /// # Errors
    /// [`TokenError`]: none is inserted, none or several fit.
    pub fn find(&self, wanted: &str) -> Result<TokenInfo, TokenError> {
        let all = self.tokens()?;
        if all.is_empty() {
            return Err(TokenError::NoToken);
        }
        if let Some(token) = all.iter().find(|token| token.serial.eq_ignore_ascii_case(wanted)) {
            return Ok(token.clone());
        }
        let fit: Vec<&TokenInfo> = all.iter().filter(|token| token.label == wanted).collect();
        match fit.as_slice() {
            [one] => Ok((*one).clone()),
            [] => {
                let found: Vec<String> =
                    all.iter().map(|token| format!("{} (serial number {})", token.label, token.serial)).collect();
                Err(TokenError::NoSuchToken { wanted: wanted.to_owned(), found: found.join(", ") })
            }
            several => {
                let serials: Vec<&str> = several.iter().map(|token| token.serial.as_str()).collect();
                Err(TokenError::AmbiguousToken {
                    wanted: wanted.to_owned(),
                    count: several.len(),
                    serials: serials.join(", "),
                })
            }
        }
    }

    /// The token that `TOKEN` or `TOKEN/CERTIFICATE` names, and the label or serial number of the certificate. A label of a token may
    /// have a stroke in it.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn find_named<'a>(&self, wanted: &'a str) -> Result<(TokenInfo, Option<&'a str>), TokenError> {
        match (self.find(wanted), wanted.rsplit_once('/')) {
            (Err(TokenError::NoSuchToken { .. }), Some((token, certificate))) => {
                self.find(token).map(|found| (found, Some(certificate)))
            }
            (found, _) => found.map(|found| (found, None)),
        }
    }

    /// Opens a token without logging in: its certificates can be read, nothing can be signed.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open_token(&self, token: &TokenInfo) -> Result<Token, TokenError> {
        let slot = token.slot;
        let session = self.call(move |pkcs11| pkcs11.open_ro_session(slot))?;
        let session = session.map_err(|error| TokenError::of(&error, "opening the token", token))?;
        Ok(Token::new(self.clone(), token.clone(), session))
    }

    /// Opens a token and logs in, with one try.
    ///
    /// # Errors
    /// [`TokenError`]; a locked token is not asked at all.
    pub fn log_in(&self, token: &TokenInfo, pin: &Zeroizing<String>) -> Result<Token, TokenError> {
        self.log_in_to(token, pin, false)
    }

    /// The same, to write on it when `writable`.
    pub(super) fn log_in_to(
        &self,
        token: &TokenInfo,
        pin: &Zeroizing<String>,
        writable: bool,
    ) -> Result<Token, TokenError> {
        if token.pin == PinState::Locked {
            return Err(TokenError::Locked { token: token.name() });
        }
        let slot = token.slot;
        let pin = AuthPin::from(pin.as_str());
        let outcome = self.call(move |pkcs11| {
            let session = if writable { pkcs11.open_rw_session(slot) } else { pkcs11.open_ro_session(slot) };
            let session = session.map_err(|error| (error, PinState::Fine))?;
            match session.login(UserType::User, Some(&pin)) {
                Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
                Err(error) => {
                    let left = TokenInfo::read(pkcs11, slot).map_or(PinState::FewerLeft, |info| info.pin);
                    Err((error, left))
                }
            }
        })?;
        match outcome {
            Ok(session) => Ok(Token::new(self.clone(), token.clone(), session)),
            Err((Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _), state)) => {
                Err(TokenError::WrongPin { token: token.name(), state })
            }
            Err((error, _)) => Err(TokenError::of(&error, "logging in", token)),
        }
    }
}

impl std::fmt::Debug for TokenModule {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("TokenModule")
    }
}

/// The module, and whether it is ours to close.
fn load(path: &Path) -> Result<(Pkcs11, bool), String> {
    let pkcs11 = Pkcs11::new(path).map_err(|error| reason(&error))?;
    match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) => Ok((pkcs11, true)),
        // Another part of this program has opened it before.
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok((pkcs11, false)),
        Err(error) => Err(reason(&error)),
    }
}
