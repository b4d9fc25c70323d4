//! Taking over what other programs know: files that an administrator names, and the databases of usecallmanager's tools
//! [sources/open-tools#data-bases].
//!
//! * [`read_tvs`], [`read_capf`] (in `read`): rows of a peer's databases -> [`PeerCertificate`], [`PeerDevice`]; what does not fit is refused
//!   with its row
//! * [`Cluster::import_peer`]: all of it in one transaction, or nothing; what is newer here is left alone

mod read;

use std::collections::{HashMap, HashSet};

use cluster::rows::{
    CertificateRow, CompletedRow, DeviceRow, EnrolmentRow, Kept, LscState, NO_OPERATION, NewLsc, NodeRow, ScheduleRow,
};
use pki::bundle::{FileError, certificates};
use pki::certificate::KeyKind;
use pki::file_kind::FileKind;
use pki::lsc::authority::is_issued_by;
use pki::lsc::public_key_pem;
use pki::signer::Signer;
use pki::{Certificate, NameForm, SoftKey};
use store::Transaction;
use wire::role::Role;
use zeroize::Zeroizing;

use crate::CoreError;
use crate::cluster::{Cluster, DEFAULT_GROUP};
use crate::enrolment::strings::StringKey;
use crate::enrolment::{OF_A_SCHEDULE, version_stamp};
use crate::perform::{draft, write_all};
use cluster::actor::{Actor, Level};
use cluster::certificates::checks::authority;
use cluster::certificates::stores::{add_trusted, added, replace_own};
use cluster::config::{DeviceSecurityMode, Protocol};
use cluster::draft::Draft;
use cluster::enrolment::lsc::signed_elsewhere;
use cluster::enrolment::{KeyOrder, Operation, Status};
use cluster::parameters;
use cluster::readable::{pem_of, readable};
use cluster::rows::keys::certificate_key;
use cluster::surroundings::Surroundings;
use cluster::units::{Unit, service_named};
use cluster::write::{AddedCertificate, Write};

pub use read::{PeerCertificate, PeerDevice, read_capf, read_tvs};
use read::{TIME_TO_LIVE, visible};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Smallest RSA key of a CAPF that is taken over: what old phones take in TLS.
const LEAST_BITS: usize = 1024;

/// What is taken over.
#[derive(Default)]
pub struct PeerImport {
    /// Certificates of TVS.
    pub certificates: Vec<PeerCertificate>,
    /// CAs that issued the LSCs, when TVS does not know them.
    pub issuers: Vec<Certificate>,
    /// Certificate and key of the peer's CAPF: becomes the own one, so that its LSCs hang on the CAPF in use.
    pub capf: Option<(Certificate, SoftKey)>,
    /// Devices.
    pub devices: Vec<PeerDevice>,
    /// Model of devices that are not known here: the peer knows none.
    pub model: String,
}

/// What became of one kind of thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Were not here.
    pub added: usize,
    /// Were here and know more now.
    pub changed: usize,
    /// Were here, and what is here counts.
    pub left: usize,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerSummary {
    /// Certificates.
    pub certificates: Count,
    /// Devices.
    pub devices: Count,
    /// LSCs.
    pub lscs: Count,
    /// Operations that are pending now.
    pub operations: Count,
    /// Whether the peer's CAPF has become the own one.
    pub capf: bool,
    /// The devices that were left as they are, with the reason.
    pub left: Vec<(String, &'static str)>,
}

impl PeerSummary {
    /// Whether all of it was here already.
    pub fn is_nothing(&self) -> bool {
        let counts = [self.certificates, self.devices, self.lscs, self.operations];
        !self.capf && counts.iter().all(|count| count.added + count.changed == 0)
    }
}

/// All certificates of a file's bytes: PEM, one in DER, or a chain as PKCS#7 in DER.
///
/// # Errors
/// [`CoreError::BadInput`].
pub fn given_certificates(bytes: &[u8]) -> Result<Vec<Certificate>, CoreError> {
    let read = match FileKind::of(bytes) {
        FileKind::Pkcs7 => pki::pkcs7::certificates(bytes),
        _ => certificates(bytes),
    };
    read.map_err(|error| match error {
        FileError::Empty => {
            CoreError::BadInput(format!("{error}; certificates are taken as PEM, as DER and as PKCS#7 in DER"))
        }
        other => CoreError::BadInput(other.to_string()),
    })
}

/// A certificate in a few words: its common name, or its whole subject.
pub fn title(certificate: &Certificate) -> String {
    certificate.common_name().unwrap_or_else(|| certificate.subject(NameForm::Cucm))
}

impl Cluster {
    /// The private key in a file that an administrator names: PEM without a pass phrase.
    ///
    /// # Errors
    /// [`CoreError`]: the level, no such file, no key in it.
    pub fn given_key(&self, actor: &Actor, name: &str) -> Result<SoftKey, CoreError> {
        let pem = Zeroizing::new(self.given_file(actor, name)?);
        SoftKey::from_pem(&pem).map_err(|error| CoreError::BadInput(format!("{name}: {error}")))
    }

    /// Takes over what a peer knows, in one transaction. `tell` hears how many devices are done. With `dry` everything is done
    /// and then taken back, so that what is said is what would happen.
    ///
    /// A device that has an LSC here, or something pending, is left as it is: what is here is newer. So is one whose config is
    /// encrypted here and that would have EC keys.
    ///
    /// # Errors
    /// [`CoreError`]: an LSC whose issuer is not known, a CAPF key that does not fit, a CAPF that is no CA or not valid now,
    /// database.
    pub async fn import_peer(
        &self,
        actor: &Actor,
        import: &PeerImport,
        dry: bool,
        surroundings: &mut dyn Surroundings,
        tell: &mut (dyn FnMut(usize) + Send),
    ) -> Result<PeerSummary, CoreError> {
        actor.require(Level::ReadWrite)?;
        let now = surroundings.now();
        let node = self.node(None).await?;
        let mut summary = PeerSummary::default();
        let strings = self.sealed_strings(&node, import, dry, surroundings)?;
        let opened = StringKey::load(&self.directory(&node).keys())?;
        let days = i64::from(self.parameters().await?.number(parameters::CAPF_OPERATION_EXPIRES, 10));
        let mut held = HashMap::<String, Option<Kept>>::new();
        let mut issued = HashSet::new();
        for row in self.store().lscs().await? {
            issued.insert((row.issuer_fingerprint, row.serial));
            if matches!(row.state, LscState::Signed | LscState::Confirmed) {
                held.insert(row.device, row.pem);
            }
        }
        let mut transaction = self.store().begin().await?;
        let mut change = draft(self).await?;
        let rows = change.state().certificates.clone();
        for known in &import.certificates {
            put_certificate(&mut change, &node, &rows, known, &mut summary.certificates)?;
        }
        for issuer in &import.issuers {
            // No database says how long phones may keep it: what is known here counts.
            let fingerprint = pki::hash::hex(&issuer.sha256());
            let here = rows.iter().find(|row| row.fingerprint == fingerprint);
            let time_to_live = here.map_or(TIME_TO_LIVE, |row| row.time_to_live);
            let known = PeerCertificate { certificate: issuer.clone(), roles: vec![Role::CAPF], time_to_live };
            if !import.certificates.iter().any(|listed| listed.certificate == *issuer) {
                put_certificate(&mut change, &node, &rows, &known, &mut summary.certificates)?;
            }
        }
        if let Some((certificate, key)) = &import.capf {
            check_capf(certificate, key, now)?;
            if !dry {
                self.directory(&node).keys().save(&key.key_id(), &key.to_pem()?)?;
            }
            let fingerprint = pki::hash::hex(&certificate.sha256());
            let own = |row: &CertificateRow| row.is_own(&node.pkid, Unit::Capf.service());
            summary.capf = !rows.iter().any(|row| own(row) && row.fingerprint == fingerprint);
            replace_own(&mut change, &node, Unit::Capf, certificate, now)?;
        }
        let issuers = phone_cas(&change.state().certificates);
        write_all(self, &mut transaction, change.writes(), now).await?;
        for (done, (device, string)) in import.devices.iter().zip(&strings).enumerate() {
            tell(done);
            let mut work = DeviceWork { transaction: &mut transaction, now, days, model: &import.model };
            let lsc = device.lsc.as_ref().map(|lsc| new_lsc(device, lsc, &issuers)).transpose()?;
            let before = work.transaction.enrolment(&device.name).await?;
            if let Some(before) = &before {
                if let Some(reason) = left_alone(before, held.get(&device.name), device) {
                    summary.devices.left += 1;
                    summary.lscs.left += usize::from(device.lsc.is_some());
                    summary.operations.left += usize::from(device.operation != Operation::None);
                    summary.left.push((device.name.clone(), reason));
                    continue;
                }
                if is_same(before, device, opened.as_ref()) {
                    summary.devices.left += 1;
                    summary.left.push((device.name.clone(), "is here already"));
                    continue;
                }
                summary.devices.changed += 1;
            } else {
                work.add(device).await?;
                summary.devices.added += 1;
            }
            work.set(device, string.as_deref()).await?;
            summary.operations.added += usize::from(device.operation != Operation::None);
            match lsc {
                // It was deleted here, or the device was removed and comes back.
                Some(new) if issued.contains(&(new.issuer_fingerprint.clone(), new.serial.clone())) => {
                    summary.lscs.left += 1;
                    summary.left.push((device.name.clone(), "its LSC was given up here"));
                }
                Some(new) => {
                    work.attach(device, &new).await?;
                    summary.lscs.added += 1;
                }
                None => {}
            }
        }
        if summary.is_nothing() {
            return Ok(summary);
        }
        let result = format!(
            "{} certificates, {} devices, {} LSCs added",
            summary.certificates.added, summary.devices.added, summary.lscs.added
        );
        transaction.note_change(now, "certificate", "import of a peer").await?;
        transaction.note_change(now, "device", &format!("{} put", summary.devices.added)).await?;
        transaction.note_audit(now, actor.name(), "import peer", &result).await?;
        if dry {
            // Dropped, it is as if it never was.
            drop(transaction);
            return Ok(summary);
        }
        transaction.end_of_schedules(&OF_A_SCHEDULE).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await?;
        Ok(summary)
    }

    /// The strings of the devices as they will lie in the database.
    fn sealed_strings(
        &self,
        node: &NodeRow,
        import: &PeerImport,
        dry: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<Option<String>>, CoreError> {
        if dry || import.devices.iter().all(|device| device.string.is_none()) {
            return Ok(vec![None; import.devices.len()]);
        }
        let key = StringKey::load_or_make(&self.directory(node).keys(), surroundings)?;
        let seal = |device: &PeerDevice| {
            device.string.as_ref().map(|string| key.seal(&device.name, string, surroundings)).transpose()
        };
        import.devices.iter().map(seal).collect()
    }
}

/// One device inside the change.
struct DeviceWork<'a> {
    transaction: &'a mut Transaction,
    now: i64,
    /// Until when an operation is pending, from now on.
    days: i64,
    model: &'a str,
}

impl DeviceWork<'_> {
    async fn add(&mut self, device: &PeerDevice) -> Result<(), CoreError> {
        let row = DeviceRow {
            name: device.name.clone(),
            description: String::new(),
            model: self.model.to_owned(),
            protocol: Protocol::Sip.number(),
            security_mode: DeviceSecurityMode::NonSecure.number(),
            certificate_status: Status::NONE.number(),
            group: DEFAULT_GROUP.to_owned(),
            version_stamp: version_stamp(self.now),
        };
        Ok(self.transaction.put_device(&row).await?)
    }

    async fn set(&mut self, device: &PeerDevice, string: Option<&str>) -> Result<(), CoreError> {
        let pending = device.operation != Operation::None;
        let row = ScheduleRow {
            operation: device.operation.number(),
            mode: device.mode.number(),
            completes_by: pending.then_some(self.now + self.days * DAY),
            scheduled_at: self.now,
            status: if pending { Status::PENDING.number() } else { Status::NONE.number() },
            version_stamp: version_stamp(self.now),
        };
        self.transaction.set_schedule(&device.name, &row).await?;
        let (rsa, ec) = (i64::from(device.keys.rsa.bits()), i64::from(device.keys.ec.bits()));
        self.transaction.set_keys(&device.name, device.keys.order.number(), rsa, ec).await?;
        Ok(self.transaction.set_authentication_string(&device.name, string).await?)
    }

    async fn attach(&mut self, device: &PeerDevice, new: &NewLsc) -> Result<(), CoreError> {
        let Some(lsc) = &device.lsc else { return Ok(()) };
        let fingerprint = pki::hash::hex(&lsc.sha256());
        self.transaction.import_lsc(new, &pem_of(lsc)?, &fingerprint, self.now).await?;
        let done = CompletedRow {
            device: &device.name,
            status: Status::UPGRADE_SUCCESS.number(),
            public_key: Some(Some(&public_key_pem(lsc))),
            version_stamp: &version_stamp(self.now),
        };
        // With nothing pending the status tells what the peer's last operation did; what is pending stays so.
        let schedule = if device.operation == Operation::None { self.now } else { NO_SCHEDULE };
        Ok(self.transaction.complete_operation(&done, schedule).await?)
    }
}

/// Why a device stays as it is here, if it does: what is here is newer, or what comes would lock it out.
fn left_alone(before: &EnrolmentRow, held: Option<&Option<Kept>>, device: &PeerDevice) -> Option<&'static str> {
    let ec = |lsc: &Certificate| !matches!(lsc.key_kind(), KeyKind::Rsa(_));
    match (held, &device.lsc) {
        (Some(Some(here)), Some(lsc)) if *here == lsc.to_pem() => Some("is here already"),
        (Some(_), _) => Some("has an LSC here"),
        (None, _) if before.operation != NO_OPERATION => Some("something is pending for it here"),
        (None, lsc) if before.encrypted && (device.keys.order == KeyOrder::EcOnly || lsc.as_ref().is_some_and(ec)) => {
            Some("has EC keys there, and its config is encrypted here, which needs RSA")
        }
        _ => None,
    }
}

/// Whether a device is here as it comes: nothing is pending, the same keys and string, no LSC to be added.
fn is_same(before: &EnrolmentRow, device: &PeerDevice, key: Option<&StringKey>) -> bool {
    let string = match (&before.string, &device.string) {
        (None, None) => true,
        (Some(sealed), Some(given)) => {
            key.is_some_and(|key| key.open(&device.name, sealed).is_ok_and(|here| here == *given))
        }
        _ => false,
    };
    let (rsa, ec) = (i64::from(device.keys.rsa.bits()), i64::from(device.keys.ec.bits()));
    string
        && device.lsc.is_none()
        && device.operation == Operation::None
        && before.mode == device.mode.number()
        && (before.key_order, before.rsa_bits, before.ec_bits) == (device.keys.order.number(), rsa, ec)
}

/// No time at which anything was scheduled.
const NO_SCHEDULE: i64 = -1;

/// The trust stores that a role leads to: those of the original's bulk import where it has one [sources/bulk#stores].
fn stores(roles: &[Role]) -> Vec<i64> {
    let names = |role: &Role| -> &'static [&'static str] {
        match *role {
            Role::SAST => &["Phone-SAST-trust"],
            Role::CAPF => &["CAPF-trust", "CallManager-trust"],
            Role::TVS => &["TVS-trust"],
            Role::APP_SERVER => &["tomcat-trust"],
            _ => &["CallManager-trust"],
        }
    };
    let mut all: Vec<i64> =
        roles.iter().flat_map(names).filter_map(|name| service_named(name)).map(|service| service.number).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Adds a certificate with the stores and exactly the roles that the peer gave it; one that is here keeps what it has besides.
fn put_certificate(
    change: &mut Draft,
    node: &NodeRow,
    rows: &[CertificateRow],
    peer: &PeerCertificate,
    count: &mut Count,
) -> Result<(), CoreError> {
    let certificate = &peer.certificate;
    let fingerprint = pki::hash::hex(&certificate.sha256());
    let known = rows.iter().find(|row| row.fingerprint == fingerprint);
    let deleted = change.state().deleted.clone();
    let is_deleted = |store: &i64| deleted.iter().any(|row| row.fingerprint == fingerprint && row.service == *store);
    // What was deleted here by hand stays out: nobody asks for it by name.
    let kept = |role: &&Role| !stores(&[**role]).iter().all(is_deleted);
    let peer_roles: Vec<Role> = peer.roles.iter().filter(kept).copied().collect();
    if peer_roles.is_empty() && !peer.roles.is_empty() {
        count.left += 1;
        return Ok(());
    }
    let stores = stores(&peer_roles);
    let mut roles: Vec<i64> = peer_roles.iter().map(|role| i64::from(role.0)).collect();
    if let Some(row) = known {
        let is_new = |role: &i64| !row.roles.contains(role);
        let same_time = row.time_to_live == peer.time_to_live;
        if stores.iter().all(|store| row.services.contains(store)) && !roles.iter().any(is_new) && same_time {
            count.left += 1;
            return Ok(());
        }
        count.changed += 1;
        roles.extend(&row.roles);
    } else {
        count.added += 1;
    }
    roles.sort_unstable();
    roles.dedup();
    let key = certificate_key(&fingerprint);
    let added = added(certificate, node, "Imported certificate")?;
    change.write(Write::Certificate(Box::new(AddedCertificate { time_to_live: peer.time_to_live, ..added })));
    change.write(Write::TimeToLive { certificate: key.clone(), seconds: peer.time_to_live });
    for store in stores {
        add_trusted(change, &key, certificate, store);
    }
    change.write(Write::Roles { certificate: key, roles });
    Ok(())
}

/// The CAs of phones: what stands in CAPF-trust, and CAPF itself.
fn phone_cas(rows: &[CertificateRow]) -> Vec<Certificate> {
    let services: Vec<i64> =
        ["CAPF-trust", "CAPF"].iter().filter_map(|name| service_named(name)).map(|s| s.number).collect();
    let inside = readable(rows).filter(|(row, _)| row.services.iter().any(|service| services.contains(service)));
    inside.map(|(_, certificate)| certificate).collect()
}

fn new_lsc(device: &PeerDevice, lsc: &Certificate, issuers: &[Certificate]) -> Result<NewLsc, CoreError> {
    let issuer = issuers.iter().find(|issuer| is_issued_by(lsc, issuer)).ok_or_else(|| {
        CoreError::BadInput(format!(
            "{}: certificate: was issued by {}, which is not known here; give the certificate of that CA too",
            device.place,
            visible(&lsc.issuer(NameForm::Cucm))
        ))
    })?;
    Ok(signed_elsewhere(&device.name, lsc, issuer))
}

/// What `set cert import own CAPF` asks too: a CA, valid now.
fn check_capf(certificate: &Certificate, key: &SoftKey, now: i64) -> Result<(), CoreError> {
    if key.spki() != certificate.spki() {
        return Err(CoreError::BadInput("the key does not belong to the certificate of the CAPF".to_owned()));
    }
    if certificate.rsa_bits().is_none_or(|bits| bits < LEAST_BITS) {
        let kind = certificate.key_kind();
        return Err(CoreError::BadInput(format!(
            "phones take a CAPF with RSA of {LEAST_BITS} bits and up, this is {kind}"
        )));
    }
    authority(certificate, now).map_err(|reason| {
        CoreError::BadInput(format!(
            "{reason}. Leave out its key: then it is only believed, and new LSCs are from the CAPF here"
        ))
    })
}
