//! CA certificates: roots of MICs, CAPF under an external CA, taking over another CAPF
//! [cucm-behaviour.md 4.1, 5.1, 5.4].

use pki::lsc::authority::{certificates, is_authority, is_issued_by};
use pki::lsc::public_key_pem;
use pki::signer::Signer;
use pki::{Certificate, NameForm, SoftKey};
use store::Transaction;
use store::rows::{CompletedRow, NewLsc, NodeRow, RequestRow, RequestState, ScheduleRow};

use super::kinds::{AuthenticationMode, KeyPlan, Operation, Status};
use super::schedule::{note_devices, unknown};
use super::strings::AuthenticationString;
use super::version_stamp;
use crate::CoreError;
use crate::actor::{Actor, Level};
use crate::certificates::{put_trusted, replace_own};
use crate::cluster::Cluster;
use crate::devices::device_name;
use crate::surroundings::Surroundings;
use crate::trust_stores::{PHONE_CA_STORES, trust_store};
use crate::units::Unit;

/// Certificates of a chain at most, from CAPF to the root.
const CHAIN_DEPTH: usize = 8;

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
            check_ca(certificate, now)
                .map_err(|reason| CoreError::BadInput(format!("certificate {number}: {reason}")))?;
        }
        self.put_trusted(actor, node, &all, &PHONE_CA_STORES, surroundings).await?;
        Ok(all)
    }

    /// Uploads the certificate that an external CA gave for the request: a subordinate CA, with its chain in the same file or in
    /// CAPF-trust already. From then on LSCs are issued by it; the old CAPF stays in the trust stores. The request is deleted.
    ///
    /// # Errors
    /// [`CoreError`]: no request, a certificate for another key, one that is no CA or not valid now, a chain with a gap.
    pub async fn upload_capf_certificate(
        &self,
        actor: &Actor,
        node: &NodeRow,
        file: &[u8],
        surroundings: &mut dyn Surroundings,
    ) -> Result<Certificate, CoreError> {
        actor.require(Level::ReadWrite)?;
        check_publisher(node)?;
        let given = certificates(file).map_err(|error| CoreError::BadInput(error.to_string()))?;
        let requests = self.store().requests().await?;
        let waiting = requests.iter().find(|row| is_waiting(row, node));
        let waiting = waiting.ok_or_else(|| {
            let text = "there is no request for a CAPF certificate; make one with `set csr gen CAPF`";
            CoreError::refused("no-request", text)
        })?;
        let own = given.iter().find(|certificate| pki::hash::hex(&certificate.key_id()) == waiting.key_id);
        let own = own.ok_or_else(|| {
            // [T217138]
            CoreError::refused("key-mismatch", "CSR Public Key and Certificate Public Key Do Not Match")
        })?;
        let now = surroundings.now();
        check_ca(own, now).map_err(|reason| CoreError::refused("not-a-ca", reason))?;
        let chain = self.chain(own, &given, now).await?;
        // The key was saved with the request; without it the certificate would be of no use.
        self.key(&self.directory(node), own)?;
        self.take_over(actor, node, own, &chain, "set cert import own CAPF", surroundings).await?;
        Ok(own.clone())
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
        self.take_over(actor, node, certificate, &[], "import CAPF", surroundings).await
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
        chain: &[Certificate],
        command: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        let stores = PHONE_CA_STORES.iter().map(|name| Ok(trust_store(name)?.number));
        let stores = stores.collect::<Result<Vec<i64>, CoreError>>()?;
        for certificate in chain {
            put_trusted(&mut transaction, node, certificate, &stores).await?;
        }
        replace_own(&mut transaction, node, Unit::Capf, own, now).await?;
        transaction.set_request_state(&pki::hash::hex(&own.key_id()), RequestState::Used).await?;
        let serial = pki::hash::spell(own.serial(), ":", true);
        transaction.note_audit(now, actor.name(), command, &format!("new certificate, serial {serial}")).await?;
        transaction.commit().await?;
        self.settle(surroundings).await
    }

    /// The certificates above `own` up to the root, from those given and from CAPF-trust.
    async fn chain(&self, own: &Certificate, given: &[Certificate], now: i64) -> Result<Vec<Certificate>, CoreError> {
        let mut known = given.to_vec();
        for row in self.store().certificates().await? {
            if row.services.contains(&trust_store("CAPF-trust")?.number) {
                known.push(Certificate::from_pem(row.pem.as_bytes())?);
            }
        }
        let mut chain: Vec<Certificate> = Vec::new();
        let mut last = own.clone();
        while !last.is_self_issued() {
            let above = known.iter().find(|ca| **ca != last && !chain.contains(ca) && is_issued_by(&last, ca));
            let Some(above) = above.filter(|_| chain.len() < CHAIN_DEPTH) else {
                // [T217138]
                return Err(CoreError::refused("no-chain", "CA Certificate is Not Available in the Trust-Store"));
            };
            check_ca(above, now).map_err(|reason| CoreError::refused("not-a-ca", reason))?;
            chain.push(above.clone());
            last = above.clone();
        }
        Ok(chain)
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

fn is_waiting(row: &RequestRow, node: &NodeRow) -> bool {
    row.node == node.pkid && row.service == Unit::Capf.service() && row.state == RequestState::Waiting
}

fn check_publisher(node: &NodeRow) -> Result<(), CoreError> {
    if node.publisher {
        return Ok(());
    }
    Err(CoreError::refused("not-publisher", "This command can only be run on the publisher"))
}

/// What is wrong with a CA certificate, if anything.
fn check_ca(certificate: &Certificate, now: i64) -> Result<(), String> {
    let name = certificate.subject(NameForm::Cucm);
    if !is_authority(certificate) {
        return Err(format!("{name} is no CA: it lacks BasicConstraints CA:TRUE or keyCertSign"));
    }
    let (not_before, not_after) = certificate.validity();
    let seconds = u64::try_from(now / 1000).unwrap_or_default();
    if !(not_before..=not_after).contains(&seconds) {
        return Err(format!("{name} is valid from {not_before} to {not_after}, not at {seconds} (seconds since 1970)"));
    }
    Ok(())
}
