//! A cluster of one node, and phones that are nothing but keys.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use cluster::devices::Device;
use cluster::enrolment::{AuthenticationMode, KeyPlan, Operation};
use cluster::rows::NodeRow;
use cluster::{Actor, Level};
use jiff::tz::TimeZone;
use pki::capf::{Sha2Proof, signed_data, sudi_data};
use pki::lsc::{LscRequest, SubjectForm};
use pki::name::Subject;
use pki::profile::{CertificateProfile, Purpose, SelfSigned, Usage, self_signed};
use pki::signer::Signer;
use pki::{Certificate, SoftKey};
use ringfence_core::enrolment::{Desk, Enrolment, Policy, Refused, Schedule, Selection, StringChoice, Visit};
use ringfence_core::{Cluster, Serving};
use tempfile::TempDir;
use testbed::{Clock, make, new_cluster, openssl, phone};
use wire::capf::{AuthResponse, Cause, DeviceName, Done, Ended, KeySpec, Operation as Asked, Password, RsaSize, Stage};
use wire::digest::DigestId;

/// The time at which every place begins: 2026-01-02 03:04:05 UTC.
pub const START: i64 = 1_767_323_045_000;

/// Where the phone of most tests is.
pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// The device of most tests.
pub const DEVICE: &str = "SEPB000B4BA0AEE";

pub struct Place {
    pub folder: TempDir,
    pub cluster: Cluster,
    pub node: NodeRow,
    pub clock: Clock,
    pub actor: Actor,
    pub desk: Desk,
    /// What a process holds that serves the node, so that its services can be acted on.
    #[allow(dead_code)] // held, and looked at by few
    pub served: Serving,
}

impl Place {
    /// With these devices.
    pub async fn new(devices: &[&str]) -> Self {
        Self::of_release("15", devices).await
    }

    pub async fn of_release(name: &str, devices: &[&str]) -> Self {
        let mut clock = Clock::at(START);
        let new = new_cluster(name, &[("cucm1", "127.0.0.1")]);
        let (folder, cluster) = make(&new, &mut clock).await;
        let actor = Actor::new("admin", Level::Install);
        let devices: Vec<Device> = devices.iter().map(|name| phone(name)).collect();
        cluster.put_devices(&actor, &devices, &mut clock).await.unwrap();
        let node = cluster.node(None).await.unwrap();
        let desk = Desk::open(cluster.clone(), Policy { sha2: Sha2Proof::Required }).await.unwrap();
        let served = cluster.directory(&node).serve().unwrap().unwrap();
        Self { folder, cluster, node, clock, actor, desk, served }
    }

    /// Everything read from the disk anew, as after a kill.
    pub async fn restart(&mut self) {
        self.cluster = Cluster::open(self.folder.path(), TimeZone::UTC).await.unwrap().unwrap();
        self.desk = Desk::open(self.cluster.clone(), Policy { sha2: Sha2Proof::Required }).await.unwrap();
    }

    pub async fn schedule(&mut self, operation: Operation, mode: AuthenticationMode) {
        self.schedule_for(DEVICE, operation, mode, StringChoice::Keep).await;
    }

    pub async fn schedule_for(
        &mut self,
        device: &str,
        operation: Operation,
        mode: AuthenticationMode,
        string: StringChoice,
    ) {
        self.clock.now += 1;
        let schedule = Schedule { operation, mode, string, completes_by: None };
        let selection = Selection::one(device);
        self.cluster.schedule(&self.actor, &selection, &schedule, &mut self.clock).await.unwrap();
    }

    pub async fn set_keys(&mut self, keys: KeyPlan) {
        self.cluster.set_keys(&self.actor, &Selection::All, keys, &mut self.clock).await.unwrap();
    }

    pub async fn enrolment(&self) -> Enrolment {
        self.cluster.enrolment(DEVICE).await.unwrap()
    }

    /// The number in `device.tkcertificatestatus`.
    pub async fn status(&self) -> i64 {
        self.enrolment().await.status.number()
    }

    pub async fn audit_count(&self) -> usize {
        self.cluster.store().audit(100_000).await.unwrap().len()
    }

    /// The certificate of CAPF.
    pub fn capf(&self) -> Certificate {
        self.desk.authority().certificate().clone()
    }

    /// A whole session as the daemon leads it.
    pub async fn session(&mut self, auth: &AuthResponse, phone: &mut PhoneKeys) -> Result<Asked, Refused> {
        self.session_with_id(auth, phone, 1).await
    }

    pub async fn session_with_id(
        &mut self,
        auth: &AuthResponse,
        phone: &mut PhoneKeys,
        id: u32,
    ) -> Result<Asked, Refused> {
        let mut visit = self.desk.visit(id, HERE);
        let outcome = self.steps(&mut visit, auth, phone).await;
        let (stage, cause) = match &outcome {
            Ok(Asked::None) => (Stage::Authentication, Cause::NothingPending),
            Ok(Asked::Install(_) | Asked::Store(_)) => (Stage::Store, Cause::Installed),
            Ok(Asked::Fetch) => (Stage::Fetch, Cause::Fetched),
            Ok(Asked::Delete) => (Stage::Delete, Cause::Deleted),
            Err((stage, refused)) => (*stage, Cause::Refused(refused.refusal)),
        };
        self.desk.ended(&visit, &ended(stage, cause), self.clock.now).await.unwrap();
        outcome.map_err(|(_, refused)| refused)
    }

    async fn steps(
        &mut self,
        visit: &mut Visit,
        auth: &AuthResponse,
        phone: &mut PhoneKeys,
    ) -> Result<Asked, (Stage, Refused)> {
        let at = |stage| move |refused| (stage, refused);
        let now = self.clock.now;
        let asked = self.desk.admit(visit, auth, now).await.map_err(at(Stage::Authentication))?;
        match asked {
            Asked::None => {}
            Asked::Store(ref der) => {
                let certificate = Certificate::from_der(der).expect("a certificate");
                let key = phone.made.iter().map(|(_, key)| key).find(|key| key.spki() == certificate.spki());
                let key = key.expect("a key that was made before").clone();
                self.desk.record(visit, &Done::Stored, now).await.map_err(at(Stage::Store))?;
                phone.lsc = Some((certificate, key));
            }
            Asked::Install(wanted) => {
                let key = phone.make(wanted);
                let issued = self.desk.issue(visit, key.spki(), wanted, &mut self.clock).await;
                let certificate = issued.map_err(at(Stage::KeyGeneration))?;
                self.desk.record(visit, &Done::Stored, now).await.map_err(at(Stage::Store))?;
                phone.lsc = Some((certificate, key));
            }
            Asked::Fetch => {
                let shown = phone.lsc.as_ref().expect("it has a certificate").0.der().to_vec();
                self.desk.record(visit, &Done::Fetched(shown), now).await.map_err(at(Stage::Fetch))?;
            }
            Asked::Delete => {
                self.desk.record(visit, &Done::Deleted, now).await.map_err(at(Stage::Delete))?;
                phone.lsc = None;
            }
        }
        Ok(asked)
    }
}

pub fn ended(stage: Stage, cause: Cause) -> Ended {
    Ended { stage, cause, reason: None }
}

/// The keys of a phone.
#[derive(Clone)]
pub struct PhoneKeys {
    pub name: DeviceName,
    pub lsc: Option<(Certificate, SoftKey)>,
    pub mic: Option<(Certificate, SoftKey)>,
    /// Keys made beforehand, by their name.
    made: Vec<(KeySpec, SoftKey)>,
}

impl PhoneKeys {
    pub fn new(name: &str) -> Self {
        Self { name: DeviceName::new(name).unwrap(), lsc: None, mic: None, made: Vec::new() }
    }

    /// A key of the wanted kind; one of each kind is enough for a test.
    pub fn make(&mut self, wanted: KeySpec) -> SoftKey {
        if let Some((_, key)) = self.made.iter().find(|(made, _)| *made == wanted) {
            return key.clone();
        }
        let key = match wanted {
            KeySpec::Rsa(size) => testbed::rsa_key(u32::from(size.bits())).unwrap(),
            KeySpec::Ec(curve) => ec_key(curve.name()),
        };
        self.made.push((wanted, key.clone()));
        key
    }

    /// AUTH_RESPONSE by null string, or with a string.
    pub fn plain(&self, string: &str) -> AuthResponse {
        AuthResponse::with_password(self.name.clone(), Password::new(string.as_bytes()).unwrap())
    }

    /// AUTH_RESPONSE with the LSC, or else the MIC; with SUDI_DATA when there is a MIC.
    pub fn proven(&self, session_id: u32) -> AuthResponse {
        let (certificate, key) = self.lsc.as_ref().or(self.mic.as_ref()).expect("it has a certificate");
        let (sha1, sha2) = signed_data(key, &self.name, certificate.der()).unwrap();
        AuthResponse {
            certificate: Some(certificate.der().to_vec()),
            signed_data: Some(sha1),
            sha2_signed_data: Some(sha2),
            sudi_data: self.mic.as_ref().map(|(mic, key)| sudi_data(key, session_id, mic.der()).unwrap()),
            ..self.plain("")
        }
    }
}

/// An EC key, made by the command line of OpenSSL.
pub fn ec_key(curve: &str) -> SoftKey {
    let curve = if curve == "secp256r1" { "prime256v1" } else { curve };
    let pem = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")]);
    SoftKey::from_pem(&pem).unwrap()
}

pub const RSA_2048: KeySpec = KeySpec::Rsa(RsaSize::Bits2048);

/// A manufacturing CA of the tests.
pub struct Manufacturer {
    pub certificate: Certificate,
    pub key: SoftKey,
}

impl Manufacturer {
    /// Valid for so many days from the start of the test.
    pub fn new(name: &str, days: u32) -> Self {
        let key = testbed::rsa_key(2048).unwrap();
        let profile = CertificateProfile {
            digest: DigestId::SHA256,
            days,
            usage: &[Usage::KeyCertSign, Usage::DigitalSignature],
            purposes: &[Purpose::ServerAuth],
            ca_path_length: Some(0),
            alt_names: false,
        };
        let subject = Subject {
            country: String::new(),
            organization: "Test Systems".into(),
            unit: String::new(),
            common_name: name.into(),
            state: String::new(),
            locality: String::new(),
        };
        let request = SelfSigned {
            subject,
            serial: vec![0x41; 16],
            not_before: u64::try_from(START / 1000).unwrap() - 86_400,
            dns_names: Vec::new(),
        };
        let certificate = self_signed(&profile, &request, &key).unwrap();
        Self { certificate, key }
    }

    /// A MIC, CN=CP-8861-SEP...
    pub fn mic(&self, device: &str, key: &SoftKey) -> Certificate {
        let start = u64::try_from(START / 1000).unwrap();
        let request = LscRequest {
            device_name: device,
            model: "8861",
            mic: None,
            issuer: &self.certificate,
            public_key: key.spki(),
            serial: &[0x42; 8],
            not_before: start - 3600,
            not_after: start + 10 * 365 * 86_400,
            form: SubjectForm::Cucm,
            digest: DigestId::SHA256,
        };
        request.lay_out().unwrap().sign(&self.key).unwrap()
    }
}

/// A file for the command line of OpenSSL.
pub fn file(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}
