//! *Offline CA*: CAPF keeps the keys of phones, somebody signs them elsewhere, CAPF hands the certificates out
//! [sources/capf#service], [sources/shell#certificate-commands].
//!
//! | step | what is on record |
//! |---|---|
//! | the phone hands in its key | the request; the session ends with reason 0, Operation Pending |
//! | it boots again | the same: it is not asked for another key |
//! | the certificate is imported | an LSC that is *Signed*; the request is gone |
//! | it boots again | the certificate is sent; *Confirmed*, Upgrade Success when the phone has stored it |
//! | it boots again and has lost the key | the LSC is given up, Upgrade Failed; the next session makes a new key |
//!
//! When *Certificate Issuer to Endpoint* goes back to CAPF, what was signed is still sent; a phone whose request waits makes a new
//! key, and CAPF signs that.
//!
//! What the phone does between the two sessions is \[inferred\]: no capture of one with an offline CA is known.

use cluster::rows::{DeviceRequestRow, LscState};
use pki::bundle::{CHAIN_BYTES, certificates};
use pki::lsc::authority::{chain_above, is_authority, is_issued_by};
use pki::lsc::constraints::check_constraints;
use pki::request::CertificateRequest;
use pki::{Certificate, NameForm};
use store::aside::{self, OpenDirectory, Rights};
use store::caller::at_named;
use store::given;

use super::authority::Authority;
use super::schedule::note_devices;
use super::selection::listed;
use crate::CoreError;
use crate::cluster::Cluster;
use crate::import::title;
use cluster::actor::{Actor, Level};
use cluster::enrolment::lsc::signed_elsewhere;
use cluster::readable::{self, pem_of};
use cluster::surroundings::Surroundings;

/// Files in a directory of certificates at most: more than the phones of the largest cluster.
const FILES: usize = 100_000;

/// Half written files of others that are named at most.
const TOLD: usize = 10;

/// What became of the certificates of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfflineImport {
    /// Devices whose LSC goes out with their next session.
    pub taken: Vec<String>,
    /// Files that were refused, with the reason.
    pub refused: Vec<(String, String)>,
}

impl Cluster {
    /// The requests that wait for the offline CA, by device.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn offline_requests(&self) -> Result<Vec<DeviceRequestRow>, CoreError> {
        Ok(self.store().device_requests().await?)
    }

    /// Writes the requests into a directory, which is made when it is not there: `DEVICE.csr` (PKCS#10) and `DEVICE.pub` (the key
    /// alone), both PEM. The devices, and sentences about what was left half written there.
    ///
    /// # Errors
    /// [`CoreError`]: the level, a directory that cannot be written.
    pub async fn dump_offline_requests(
        &self,
        actor: &Actor,
        directory: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(Vec<String>, Vec<String>), CoreError> {
        actor.require(Level::ReadWrite)?;
        let requests = self.offline_requests().await?;
        let directory = self.data().root().join(directory);
        // Whose fault it is: the name was typed.
        let bad = |error: store::StoreError| CoreError::BadInput(error.to_string());
        let ours = self.data().holds(&directory);
        let opened = || {
            if ours {
                self.data().make(&directory)?;
                return OpenDirectory::ours(&directory);
            }
            given::make_directory(&directory)?;
            OpenDirectory::of_others(&directory)
        };
        let mut files = Vec::new();
        for row in &requests {
            let request = row.request.read(CertificateRequest::of_a_phone).map_err(CoreError::Unreadable)?;
            files.push((format!("{}.csr", row.device), request.to_pem().to_owned()));
            files.push((format!("{}.pub", row.device), row.public_key.clone()));
        }
        // All with the same rights, whatever becomes of the way meanwhile.
        let written = || {
            let place = opened()?;
            for (name, pem) in &files {
                place.write(name.as_ref(), pem.as_bytes(), Rights::Exactly(0o644), true)?;
            }
            place.leftovers(None)
        };
        let mut left = at_named(&directory, written).map_err(bad)?;
        let names: Vec<String> = requests.into_iter().map(|row| row.device).collect();
        let mut transaction = self.store().begin().await?;
        transaction.note_audit(surroundings.now(), actor.name(), "utils capf csr dump", &listed(&names)).await?;
        transaction.commit().await?;
        left.truncate(TOLD);
        let left = left.iter().map(|name| aside::left_behind(&directory.join(name).display().to_string()));
        Ok((names, left.collect()))
    }

    /// Takes the certificates of a file, or of all files of a directory. Each is taken or refused for itself: its key is that of a
    /// request that waits, its name that of the device, its issuer a CA of CAPF-trust, its dates are now.
    ///
    /// # Errors
    /// [`CoreError`]: the level, no such file or directory.
    pub async fn import_offline_certificates(
        &self,
        actor: &Actor,
        path: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<OfflineImport, CoreError> {
        actor.require(Level::ReadWrite)?;
        let path = self.data().root().join(path);
        let read = || given::read_files(&path, CHAIN_BYTES as u64, FILES);
        let files = at_named(&path, read).map_err(|error| CoreError::BadInput(error.to_string()))?;
        let now = surroundings.now();
        let (requests, authority) = (self.offline_requests().await?, Authority::load(self).await?);
        let mut import = OfflineImport::default();
        let mut fitting = Vec::new();
        for (file, bytes) in files {
            match bytes
                .map_err(|error| error.to_string())
                .and_then(|bytes| certificates(&bytes).map_err(|error| error.to_string()))
            {
                Err(reason) => import.refused.push((file, reason)),
                Ok(given) => {
                    for lsc in given {
                        match check(&lsc, &requests, &authority, now) {
                            Ok((request, issuer)) => fitting.push((file.clone(), lsc, request, issuer)),
                            Err(reason) => import.refused.push((file.clone(), reason)),
                        }
                    }
                }
            }
        }
        let mut transaction = self.store().begin().await?;
        for (file, lsc, request, issuer) in fitting {
            // Gone when the same certificate stands in two files, or another one for the same key.
            if !transaction.remove_device_request(&request.device, &request.key_id).await? {
                import.refused.push((file, format!("{} has another certificate for this key", request.device)));
                continue;
            }
            let new = signed_elsewhere(&request.device, &lsc, issuer);
            let fingerprint = pki::hash::hex(&lsc.sha256());
            if !transaction.put_signed_lsc(&new, &pem_of(&lsc)?, &fingerprint, now).await? {
                let reason = "a certificate with this issuer and serial number is on record already";
                return Err(CoreError::refused("serial-again", format!("{file}: {reason}; nothing was imported")));
            }
            import.taken.push(request.device.clone());
        }
        if !import.taken.is_empty() {
            note_devices(&mut transaction, now, &import.taken).await?;
            transaction.note_change(now, "reset", &format!("{} (Offline CA)", listed(&import.taken))).await?;
        }
        let result = format!("{}; {} refused", listed(&import.taken), import.refused.len());
        transaction.note_audit(now, actor.name(), "utils capf cert import", &result).await?;
        transaction.commit().await?;
        Ok(import)
    }

    /// The LSC that an offline CA has signed under this schedule and that the phone has not stored yet: key of its row, and it.
    pub(super) async fn undelivered(
        &self,
        device: &str,
        scheduled_at: i64,
    ) -> Result<Option<(String, Certificate)>, CoreError> {
        let rows = self.store().lscs_of(device).await?;
        let waiting = rows.into_iter().rev().find(|row| {
            // Those that CAPF signed itself have the bytes that it meant to sign.
            row.state == LscState::Signed && row.to_be_signed.is_empty() && row.created_at >= scheduled_at
        });
        let Some(row) = waiting else { return Ok(None) };
        let lsc = readable::lsc(&row).map_err(CoreError::Unreadable)?;
        Ok(lsc.map(|lsc| (row.pkid, lsc)))
    }
}

/// The request that a certificate is for, and its issuer; or why it is not taken.
fn check<'a>(
    lsc: &Certificate,
    requests: &'a [DeviceRequestRow],
    authority: &'a Authority,
    now: i64,
) -> Result<(&'a DeviceRequestRow, &'a Certificate), String> {
    let name = title(lsc);
    if is_authority(lsc) {
        return Err(format!("{name} is a CA; load it with `set cert import trust CAPF-trust`"));
    }
    let key_id = pki::hash::hex(&lsc.key_id());
    let request = requests.iter().find(|row| row.key_id == key_id);
    let request = request.ok_or_else(|| format!("{name}: no request waits for this key; see `utils capf csr list`"))?;
    if !pki::capf::names_device(lsc, &request.device) {
        return Err(format!("{name} is not {}, whose key it has", request.device));
    }
    let issuer = authority.issuers.iter().find(|issuer| is_authority(issuer) && is_issued_by(lsc, issuer));
    let issuer = issuer.ok_or_else(|| {
        format!("{name}: its issuer {} is not in CAPF-trust, or did not sign it", lsc.issuer(NameForm::Cucm))
    })?;
    let above: Vec<&Certificate> = std::iter::once(issuer).chain(chain_above(issuer, &authority.issuers)).collect();
    check_constraints(lsc, &above).map_err(|reason| format!("{name}: {reason}"))?;
    let seconds = u64::try_from(now / 1000).unwrap_or_default();
    for (what, certificate) in [(&name, lsc), (&title(issuer), issuer)] {
        let (not_before, not_after) = certificate.validity();
        if !(not_before..=not_after).contains(&seconds) {
            return Err(format!("{what} is not valid now"));
        }
    }
    Ok((request, issuer))
}
