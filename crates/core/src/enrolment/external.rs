//! CA certificates: roots of MICs, taking over another CAPF
//! [cucm-behaviour.md 4.1, 5.1, 5.4].

use pki::lsc::authority::{certificates, is_issued_by};
use pki::lsc::public_key_pem;
use pki::signer::Signer;
use pki::{Certificate, NameForm, SoftKey};
use store::Transaction;
use store::rows::{CompletedRow, NewLsc, NodeRow, ScheduleRow};

use super::kinds::{AuthenticationMode, KeyPlan, Operation, Status};
use super::schedule::{note_devices, unknown};
use super::strings::AuthenticationString;
use super::version_stamp;
use crate::CoreError;
use crate::actor::{Actor, Level};
use crate::certificates::replace_own;
use crate::certificates::upload::checks::authority;
use crate::cluster::Cluster;
use crate::devices::device_name;
use crate::surroundings::Surroundings;
use crate::trust_stores::{PHONE_CA_STORES, trust_store};
use crate::units::Unit;

/// A device as another CAPF knew it.
#[derive(Debug, Clone)]
pub struct ImportedEnrolment {
    /// Name; the device has to be there.
    pub device: String,
    /// What was scheduled.
    pub operation: Operation,
    /// How it authenticates.
    pub mode: AuthenticationMode,
    /// Its authentication string; other servers take other characters than digits too.
    pub string: Option<AuthenticationString>,
    /// Key order and sizes.
    pub keys: KeyPlan,
    /// Its LSC; taken over as the current one.
    pub lsc: Option<Certificate>,
}

impl Cluster {
    /// Loads roots of MICs, or any CAs of phones, from a file of PEM certificates (or one in DER) into CAPF-trust and
    /// CallManager-trust. All or none. The certificates.
    ///
    /// # Errors
    /// [`CoreError`]: what does not parse, is no CA, or is not valid now, with its number in the file.
    pub async fn import_phone_cas(
        &self,
        actor: &Actor,
        node: &NodeRow,
        file: &[u8],
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<Certificate>, CoreError> {
        let all = certificates(file).map_err(|error| CoreError::BadInput(error.to_string()))?;
        let now = surroundings.now();
        for (number, certificate) in (1..).zip(&all) {
            authority(certificate, now)
                .map_err(|reason| CoreError::BadInput(format!("certificate {number}: {reason}")))?;
        }
        self.put_trusted(actor, node, &all, &PHONE_CA_STORES, surroundings).await?;
        Ok(all)
    }

    /// Makes certificate and key of another CAPF the own ones: LSCs that it issued hang on the CAPF in use then.
    ///
    /// # Errors
    /// [`CoreError`]: the key of another certificate, not RSA, not the publisher.
    pub async fn import_capf(
        &self,
        actor: &Actor,
        node: &NodeRow,
        certificate: &Certificate,
        key: &SoftKey,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        check_publisher(node)?;
        if key.spki() != certificate.spki() {
            return Err(CoreError::BadInput("the key does not belong to the certificate".to_owned()));
        }
        if certificate.rsa_bits().is_none_or(|bits| bits < 1024) {
            let text = format!("phones take a CAPF with RSA of 1024 bits and up, this is {}", certificate.key_kind());
            return Err(CoreError::BadInput(text));
        }
        self.directory(node).keys().save(&key.key_id(), &key.to_pem()?)?;
        self.take_over(actor, node, certificate, surroundings).await
    }

    /// Takes over what another CAPF knew of devices. All or none; the devices have to be there.
    ///
    /// # Errors
    /// [`CoreError`]: a device that is not known, an LSC that names another one.
    pub async fn import_enrolments(
        &self,
        actor: &Actor,
        imported: &[ImportedEnrolment],
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::ReadWrite)?;
        let key = self.string_key(surroundings).await?;
        let now = surroundings.now();
        let days = i64::from(self.parameters().await?.number(crate::parameters::CAPF_OPERATION_EXPIRES, 10));
        let issuers = self.issuers_by_subject().await?;
        let mut names = Vec::with_capacity(imported.len());
        let mut sealed = Vec::with_capacity(imported.len());
        for device in imported {
            names.push(device_name(&device.device)?);
            let name = names.last().map_or("", String::as_str);
            if let Some(lsc) = device.lsc.as_ref().filter(|lsc| !pki::capf::names_device(lsc, name)) {
                let text = format!("the LSC of {name} is for {}", lsc.common_name().unwrap_or_default());
                return Err(CoreError::BadInput(text));
            }
            sealed.push(device.string.as_ref().map(|string| key.seal(name, string, surroundings)).transpose()?);
        }
        let mut transaction = self.store().begin().await?;
        for ((device, name), sealed) in imported.iter().zip(&names).zip(&sealed) {
            let pending = device.operation != Operation::None;
            let row = ScheduleRow {
                operation: device.operation.number(),
                mode: device.mode.number(),
                completes_by: pending.then_some(now + days * 86_400_000),
                scheduled_at: now,
                status: if pending { Status::PENDING.number() } else { Status::NONE.number() },
                version_stamp: version_stamp(now),
            };
            if !transaction.set_schedule(name, &row).await? {
                return Err(unknown(name));
            }
            let (rsa, ec) = (i64::from(device.keys.rsa.bits()), i64::from(device.keys.ec.bits()));
            transaction.set_keys(name, device.keys.order.number(), rsa, ec).await?;
            transaction.set_authentication_string(name, sealed.as_deref()).await?;
            if let Some(lsc) = &device.lsc {
                import_lsc(&mut transaction, name, lsc, &issuers, &row, now).await?;
            }
        }
        note_devices(&mut transaction, now, &names).await?;
        let result = super::schedule::listed(&names);
        transaction.note_audit(now, actor.name(), "import enrolments", &result).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A new own certificate of CAPF: rows, copies and audit in one transaction, then lists.
    async fn take_over(
        &self,
        actor: &Actor,
        node: &NodeRow,
        own: &Certificate,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        replace_own(&mut transaction, node, Unit::Capf, own, now).await?;
        let serial = pki::hash::spell(own.serial(), ":", true);
        transaction.note_audit(now, actor.name(), "import CAPF", &format!("new certificate, serial {serial}")).await?;
        transaction.commit().await?;
        self.settle(surroundings).await
    }

    /// Subjects of all CA certificates here, with their SHA-256: what an LSC may hang on.
    async fn issuers_by_subject(&self) -> Result<Vec<Certificate>, CoreError> {
        let rows = self.store().certificates().await?;
        let store = trust_store("CAPF-trust")?.number;
        let inside = rows.iter().filter(|row| row.services.contains(&store));
        inside.map(|row| Ok(Certificate::from_pem(row.pem.as_bytes())?)).collect()
    }
}

async fn import_lsc(
    transaction: &mut Transaction,
    name: &str,
    lsc: &Certificate,
    issuers: &[Certificate],
    schedule: &ScheduleRow,
    now: i64,
) -> Result<(), CoreError> {
    let issuer = issuers.iter().find(|issuer| is_issued_by(lsc, issuer));
    let issuer = issuer.ok_or_else(|| {
        CoreError::BadInput(format!(
            "the LSC of {name} was issued by {}; import that CA first",
            lsc.issuer(NameForm::Cucm)
        ))
    })?;
    let (not_before, not_after) = lsc.validity();
    let new = NewLsc {
        device: name.to_owned(),
        serial: pki::hash::hex(lsc.serial()),
        subject: lsc.subject(NameForm::Row),
        issuer: lsc.issuer(NameForm::Row),
        issuer_fingerprint: pki::hash::hex(&issuer.sha256()),
        not_before: i64::try_from(not_before).unwrap_or(i64::MAX),
        not_after: i64::try_from(not_after).unwrap_or(i64::MAX),
        to_be_signed: String::new(),
    };
    transaction.import_lsc(&new, &lsc.to_pem(), &pki::hash::hex(&lsc.sha256()), now).await?;
    let public_key = public_key_pem(lsc);
    let done = CompletedRow {
        device: name,
        status: schedule.status,
        public_key: Some(Some(&public_key)),
        version_stamp: &schedule.version_stamp,
    };
    // -1 is no time at which anything was scheduled: what is pending stays.
    Ok(transaction.complete_operation(&done, -1).await?)
}

fn check_publisher(node: &NodeRow) -> Result<(), CoreError> {
    if node.publisher {
        return Ok(());
    }
    Err(CoreError::refused("not-publisher", "This command can only be run on the publisher"))
}
