//! One conversation with CAPF: the messages of [`ClientSession`] over TLS, and what the phone does when it is asked.

use std::time::{Duration, Instant};

use openssl::bn::BigNum;
use openssl::rsa::Rsa;
use pki::capf::{SHA512_BITS, prove, signed_data, sudi_data};
use pki::certificate::KeyKind;
use pki::signer::SignError;
use pki::{Certificate, Signer, SoftKey};
use tokio::io::AsyncReadExt;
use tokio::time::timeout_at;
use wire::capf::{
    AuthResponse, CertificateType, ClientEnded, ClientQuestion, ClientSession, ClientStep, Command, Curve, DeviceName,
    KeySpec, Password, Reason, RsaSize, Sha2SignedData, SudiData, Tolerated,
};
use wire::digest::DigestId;
use zeroize::Zeroizing;

use super::connection::CapfConnection;
use crate::certificates::{Credential, DeviceCertificates};
use crate::console::Console;
use crate::keys::{KeySource, NoKey};
use crate::misbehave::{self, Misbehaviour, Service};

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Bytes read at once: a TLS record.
const RECORD: usize = 16 << 10;

/// What a phone shows to be let in.
#[derive(Debug, Clone)]
pub enum Shows {
    /// *By Null String*: nothing.
    NullString,
    /// *By Authentication String*: what the user typed.
    String(Password),
    /// *By Existing Certificate*: a certificate, with the proofs of its key.
    Certificate {
        /// LSC or MIC; `None` shows nothing, which a server refuses.
        shown: Option<Credential>,
        /// What SUDI_DATA is made with. Keys that are not RSA make none.
        mic: Option<Credential>,
    },
}

/// Where the LSC of a phone is. Nothing in here knows the network.
pub trait LscStore: Send {
    /// Whether a new key may be made: the server wants to install.
    ///
    /// # Errors
    /// Why not; the server gets a failure.
    fn may_install(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// Keeps a key whose certificate comes in a later session, because CAPF waits for an offline CA; the one before goes.
    ///
    /// # Errors
    /// Why not; the phone has to make a new key the next time.
    fn keep_pending(&mut self, _key: SoftKey) -> Result<(), String> {
        Ok(())
    }

    /// The key that waits for its certificate.
    fn pending(&self) -> Option<SoftKey> {
        None
    }

    /// Puts a new LSC into the place of the old one. It lasts when this returns.
    ///
    /// # Errors
    /// Why not; the server gets a failure.
    fn install(&mut self, lsc: Credential) -> Result<(), String>;

    /// The certificate that the server wants to see: the LSC. `None` when there is none.
    ///
    /// # Errors
    /// Why not; the server gets a failure.
    fn show(&mut self) -> Result<Option<Certificate>, String>;

    /// Deletes the LSC and its key; says whether there was one.
    ///
    /// # Errors
    /// Why not; the server gets a failure.
    fn delete(&mut self) -> Result<bool, String>;
}

impl LscStore for DeviceCertificates {
    fn install(&mut self, lsc: Credential) -> Result<(), String> {
        self.set_lsc(lsc).map_err(|error| error.to_string())?;
        self.set_pending(None).map_err(|error| error.to_string())
    }

    fn keep_pending(&mut self, key: SoftKey) -> Result<(), String> {
        self.set_pending(Some(key)).map_err(|error| error.to_string())
    }

    fn pending(&self) -> Option<SoftKey> {
        self.pending_key().cloned()
    }

    fn show(&mut self) -> Result<Option<Certificate>, String> {
        Ok(self.lsc().map(|lsc| lsc.certificate().clone()))
    }

    fn delete(&mut self) -> Result<bool, String> {
        self.erase_lsc().map_err(|error| error.to_string())
    }
}

/// The phone's side of a session.
pub struct Party<'a> {
    /// Who it says it is.
    pub name: DeviceName,
    /// What it shows.
    pub shows: Shows,
    /// Where its keys come from.
    pub keys: &'a KeySource,
    /// Where its LSC is.
    pub store: &'a mut dyn LscStore,
    /// Longest silence of the server.
    pub wait: Duration,
    /// What it does wrong.
    pub misbehave: Option<Misbehaviour>,
}

impl std::fmt::Debug for Party<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Party").field("name", &self.name).field("misbehave", &self.misbehave).finish_non_exhaustive()
    }
}

/// What the phone did in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Nothing: the server asked for nothing.
    Nothing,
    /// It has a new LSC, whether or not the server heard of it.
    Installed(Certificate),
    /// It was to get an LSC and has none new: why.
    NotInstalled(String),
    /// It deleted its LSC.
    Deleted,
    /// It was to delete its LSC: there was none, or why it did not.
    NotDeleted(String),
    /// It showed this certificate.
    Shown(Certificate),
    /// It was to show its LSC: there was none, or why it did not.
    NotShown(String),
}

/// A session that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionReport {
    /// What the phone did.
    pub done: Done,
    /// How it ended.
    pub ended: ClientEnded,
    /// The id of the session, when the server came to name one.
    pub session_id: Option<u32>,
    /// The key that was asked for.
    pub wanted: Option<KeySpec>,
    /// In what the server deviated.
    pub tolerated: Tolerated,
    /// The phone closed in between, because it misbehaves.
    pub left: bool,
}

/// Goes through one operation. The certificate of the server has been judged.
pub async fn run(connection: CapfConnection, party: Party<'_>, console: &mut Console) -> SessionReport {
    let session = ClientSession::new(party.wait);
    let done = Done::Nothing;
    Talk { connection, party, console, session, done, wanted: None, new_key: None, left: false }.run().await
}

struct Talk<'a, 'c> {
    connection: CapfConnection,
    party: Party<'a>,
    console: &'c mut Console,
    session: ClientSession,
    done: Done,
    wanted: Option<KeySpec>,
    new_key: Option<SoftKey>,
    left: bool,
}

impl Talk<'_, '_> {
    async fn run(mut self) -> SessionReport {
        let mut buffer = Zeroizing::new(vec![0; RECORD]);
        let ended = loop {
            match self.session.step(Instant::now()) {
                ClientStep::Send(bytes) => self.send(Zeroizing::new(bytes)).await,
                ClientStep::Receive { until } => {
                    match timeout_at(until.into(), self.connection.stream.read(&mut buffer)).await {
                        Ok(Ok(count)) if count > 0 => {
                            self.session.receive(buffer.get(..count).unwrap_or_default(), Instant::now());
                        }
                        Ok(Ok(_)) => self.session.closed(),
                        Ok(Err(error)) => {
                            self.console.error("capfReceive", &error.to_string());
                            self.session.closed();
                        }
                        // the next step sees that it is late
                        Err(_) => {}
                    }
                }
                ClientStep::Ask(question) => self.answer(question).await,
                ClientStep::End(ended) => break ended,
            }
        };
        if let (ClientEnded::Reason(Reason::NO_ACTION), Some(key)) = (&ended, self.new_key.take()) {
            match self.party.store.keep_pending(key) {
                Ok(()) => self.console.notice("capfKeepKey", "the key waits for its certificate"),
                Err(why) => self.console.error("capfKeepKey", &why),
            }
        }
        match &ended {
            ClientEnded::Reason(reason) => {
                self.console.notice("capfReceive", &format!("{}, reason {reason}", Command::EndSession.name()));
            }
            _ if self.left => self.console.notice("capfSession", LEFT),
            other => self.console.error("capfSession", &other.to_string()),
        }
        self.connection.close(GOODBYE).await;
        SessionReport {
            done: self.done,
            ended,
            session_id: self.session.session_id(),
            wanted: self.wanted,
            tolerated: self.session.tolerated(),
            left: self.left,
        }
    }

    /// Writes one message in one call.
    async fn send(&mut self, bytes: Zeroizing<Vec<u8>>) {
        let command = bytes.get(1).copied().and_then(Command::from_byte).map_or("?", Command::name);
        self.console.notice("capfSend", &format!("{command}, len: {}", bytes.len()));
        match misbehave::write(&mut self.connection.stream, Service::Capf, &bytes, self.party.misbehave).await {
            Ok(true) => {}
            Ok(false) => {
                self.left = true;
                self.session.closed();
            }
            Err(error) => {
                self.console.error("capfSend", &format!("{command}: {error}"));
                self.session.closed();
            }
        }
    }

    async fn answer(&mut self, question: ClientQuestion) {
        match question {
            ClientQuestion::Authenticate { session_id, version, auth_type } => {
                let text = format!("AUTH_REQUEST, session {session_id}, version {version}, auth type {}", auth_type.0);
                self.console.notice("capfReceive", &text);
                let auth = self.auth(session_id);
                self.session.authenticate(auth);
            }
            ClientQuestion::GenerateKey(spec) => {
                self.console.notice("capfReceive", &format!("KEY_GENERATE_REQUEST, {spec}"));
                self.wanted = Some(spec);
                self.generate(spec).await;
            }
            ClientQuestion::Store { certificate_type, certificate } => {
                let text = format!("STORE_CERTIFICATE_REQUEST, {} bytes", certificate.len());
                self.console.notice("capfReceive", &text);
                let reason = match self.store(certificate_type, &certificate) {
                    Ok(lsc) => {
                        self.console.notice("capfStoreLsc", "LSC installed");
                        self.done = Done::Installed(lsc);
                        Reason::SUCCESS
                    }
                    Err(why) => {
                        self.console.error("capfStoreLsc", &why);
                        self.done = Done::NotInstalled(why);
                        Reason::FAILURE
                    }
                };
                self.session.stored(reason);
            }
            ClientQuestion::Fetch => {
                self.console.notice("capfReceive", Command::FetchCertificateRequest.name());
                let shown = self.party.store.show().and_then(|lsc| lsc.ok_or_else(|| NO_LSC.to_owned()));
                let answer = match &shown {
                    Ok(lsc) => Ok(lsc.der().to_vec()),
                    Err(why) => {
                        self.console.error("capfFetchLsc", why);
                        Err(Reason::FAILURE)
                    }
                };
                self.done = shown.map_or_else(Done::NotShown, Done::Shown);
                self.session.fetched(answer);
            }
            ClientQuestion::Delete => {
                self.console.notice("capfReceive", Command::DeleteCertificateRequest.name());
                let deleted = match self.party.store.delete() {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(NO_LSC.to_owned()),
                    Err(why) => Err(why),
                };
                match deleted {
                    Ok(()) => {
                        self.console.notice("capfDeleteLsc", "LSC deleted");
                        self.done = Done::Deleted;
                        self.session.deleted(Reason::SUCCESS);
                    }
                    Err(why) => {
                        self.console.error("capfDeleteLsc", &why);
                        self.done = Done::NotDeleted(why);
                        self.session.deleted(Reason::FAILURE);
                    }
                }
            }
        }
    }

    /// AUTH_RESPONSE. A proof that cannot be made is left out, and the server says what it thinks of it.
    fn auth(&mut self, session_id: u32) -> AuthResponse {
        let name = self.party.name.clone();
        let (shown, mic) = match &self.party.shows {
            Shows::NullString => return bare(name),
            Shows::String(password) => return AuthResponse::with_password(name, password.clone()),
            Shows::Certificate { shown, mic } => (shown.clone(), mic.clone()),
        };
        let mut auth = bare(name);
        if let Some(shown) = &shown {
            auth.certificate = Some(shown.certificate().der().to_vec());
            match proofs(shown, &auth.device_name) {
                Ok((sha1, sha2)) => (auth.signed_data, auth.sha2_signed_data) = (Some(sha1), sha2),
                Err(error) => self.console.error("capfSignData", &error.to_string()),
            }
        }
        if let (Some(_), Some(mic)) = (&shown, &mic) {
            match sudi(mic, session_id) {
                Ok(sudi) => auth.sudi_data = sudi,
                Err(error) => self.console.error("capfSudiData", &error.to_string()),
            }
        }
        if self.party.misbehave == Some(Misbehaviour::WrongProof)
            && let Some(last) = auth.signed_data.as_mut().and_then(|proof| proof.last_mut())
        {
            *last ^= 1;
        }
        auth
    }

    async fn generate(&mut self, spec: KeySpec) {
        if let Err(why) = self.party.store.may_install() {
            self.console.error("capfGenerateKey", &why);
            self.done = Done::NotInstalled(why);
            return self.session.generated(Err(Reason::FAILURE));
        }
        if let Some(bytes) = self.session.in_progress() {
            self.send(Zeroizing::new(bytes)).await;
        }
        let misbehave = self.party.misbehave;
        let made = if misbehave == Some(Misbehaviour::OtherKey) { other_than(spec) } else { spec };
        let started = Instant::now();
        match self.party.keys.key(made).await {
            Ok(key) => {
                self.console.notice("capfGenerateKey", &format!("{made} key in {:?}", started.elapsed()));
                let spki = handed_in(&key, misbehave);
                self.new_key = Some(key);
                self.session.generated(Ok(spki));
            }
            Err(error) => self.no_key(&error),
        }
    }

    fn no_key(&mut self, error: &NoKey) {
        self.console.error("capfGenerateKey", &error.to_string());
        self.done = Done::NotInstalled(error.to_string());
        self.session.generated(Err(Reason::FAILURE));
    }

    /// Stores the certificate, if it is one for the key that was made for it.
    fn store(&mut self, kind: CertificateType, der: &[u8]) -> Result<Certificate, String> {
        if matches!(self.party.misbehave, Some(Misbehaviour::RefuseStore | Misbehaviour::CloseBeforeStore)) {
            return Err("not stored, on purpose".to_owned());
        }
        if kind != CertificateType::Lsc {
            return Err("the server sent a MIC; phones store LSCs only".to_owned());
        }
        let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
        let key =
            self.new_key.take().or_else(|| self.party.store.pending()).ok_or("no key was made for this certificate")?;
        let lsc = Credential::new(key, certificate.clone())
            .map_err(|_| "the server sent a certificate for another key".to_owned())?;
        self.party.store.install(lsc)?;
        Ok(certificate)
    }
}

pub(super) const LEFT: &str = "the phone closed the connection, on purpose";
const NO_LSC: &str = "no LSC is installed";

/// Nothing but a name. PASSWORD is there with one NUL, as known clients send it, also beside a certificate.
fn bare(device_name: DeviceName) -> AuthResponse {
    // an empty one is never refused; without the element the message would mean the same
    let password = Password::new(b"").ok();
    AuthResponse {
        reason: Some(Reason::SUCCESS),
        version: wire::capf::VERSION,
        device_name,
        password,
        certificate: None,
        signed_data: None,
        sha2_signed_data: None,
        sudi_data: None,
    }
}

/// SIGNED_DATA and SHA2_SIGNED_DATA; a small RSA key can make the first one only.
fn proofs(shown: &Credential, name: &DeviceName) -> Result<(Vec<u8>, Option<Sha2SignedData>), SignError> {
    let (key, certificate) = (shown.key(), shown.certificate());
    if certificate.rsa_bits().is_some_and(|bits| bits < SHA512_BITS) {
        let parts = [name.as_sent(), certificate.der()];
        return Ok((prove(key, DigestId::SHA1, &parts)?, None));
    }
    signed_data(key, name, certificate.der()).map(|(sha1, sha2)| (sha1, Some(sha2)))
}

/// SUDI_DATA, which only an RSA key with room for both hashes can make.
fn sudi(mic: &Credential, session_id: u32) -> Result<Option<SudiData>, SignError> {
    let certificate = mic.certificate();
    match certificate.key_kind() {
        KeyKind::Rsa(bits) if *bits >= SHA512_BITS => sudi_data(mic.key(), session_id, certificate.der()).map(Some),
        _ => Ok(None),
    }
}

/// A kind that is not the one asked for.
const fn other_than(spec: KeySpec) -> KeySpec {
    match spec {
        KeySpec::Rsa(RsaSize::Bits1024) => KeySpec::Rsa(RsaSize::Bits2048),
        KeySpec::Rsa(_) => KeySpec::Rsa(RsaSize::Bits1024),
        KeySpec::Ec(Curve::Secp256r1) => KeySpec::Ec(Curve::Secp384r1),
        KeySpec::Ec(_) => KeySpec::Ec(Curve::Secp256r1),
    }
}

/// The SubjectPublicKeyInfo that goes to the server.
fn handed_in(key: &SoftKey, misbehave: Option<Misbehaviour>) -> Vec<u8> {
    let weak = || {
        let modulus = key.openssl().rsa()?.n().to_owned()?;
        Rsa::from_public_components(modulus, BigNum::from_u32(1)?)?.public_key_to_der()
    };
    match misbehave {
        Some(Misbehaviour::GarbageKey) => b"no key".to_vec(),
        // an EC key has no exponent, so it is what it is
        Some(Misbehaviour::WeakKey) => {
            let made: Result<Vec<u8>, openssl::error::ErrorStack> = weak();
            made.unwrap_or_else(|_| key.spki().to_vec())
        }
        _ => key.spki().to_vec(),
    }
}
