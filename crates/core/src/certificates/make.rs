//! Key and certificate of a unit, not stored yet.

use cluster::rows::NodeRow;
use pki::profile::{CertificateProfile, SelfSigned, self_signed};
use pki::{Certificate, SoftKey};
use store::keys::KeyStore;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::nodes::NewNode;
use cluster::readable::readable;
use cluster::releases::{KeyProfile, Recovery};
use cluster::surroundings::{MakeRsaKey, Surroundings};
use cluster::units::Unit;

/// Names tried for a new CAPF: with eight random digits the first one is free.
const NAME_TRIES: usize = 8;

/// A certificate with its key, not stored yet.
pub struct MadeCertificate {
    certificate: Certificate,
    key: SoftKey,
}

impl MadeCertificate {
    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Saves the key.
    ///
    /// # Errors
    /// [`CoreError`].
    pub fn save(&self, keys: &KeyStore) -> Result<(), CoreError> {
        Ok(keys.save(&self.key.key_id(), &self.key.to_pem()?)?)
    }
}

/// Everything that is decided before a key is made.
pub(crate) fn request(
    profile: CertificateProfile,
    subject: pki::name::Subject,
    node: &NewNode,
    unit: Unit,
    surroundings: &mut dyn Surroundings,
) -> Result<SelfSigned, CoreError> {
    let serial = surroundings.serial(&node.name, unit)?.to_vec();
    let not_before = u64::try_from(surroundings.now() / 1000).unwrap_or_default();
    // Whoever checks a name looks into the subjectAltName only. The CN of a key on a curve is not the name of the host.
    let mut dns_names = if profile.alt_names { vec![node.full_name()] } else { Vec::new() };
    if profile.alt_names && unit.is_ec() {
        dns_names.insert(0, subject.common_name.clone());
    }
    Ok(SelfSigned { subject, serial, not_before, dns_names })
}

/// Makes key and certificate of a unit; off the reactor, because a key takes its time.
pub(crate) async fn make(
    unit: Unit,
    profile: KeyProfile,
    request: SelfSigned,
    rsa_keys: MakeRsaKey,
) -> Result<MadeCertificate, CoreError> {
    let work = move || {
        let key = new_key(unit.is_ec(), profile.bits, &rsa_keys)?;
        let certificate = self_signed(&profile.certificate, &request, &key)?;
        Ok(MadeCertificate { certificate, key })
    };
    tokio::task::spawn_blocking(work).await.map_err(CoreError::internal)?
}

/// A new key: RSA, or on the curve of this many bits. Takes its time: call it off the reactor.
pub(crate) fn new_key(ec: bool, bits: u32, rsa_keys: &MakeRsaKey) -> Result<SoftKey, CoreError> {
    Ok(if ec { SoftKey::generate_ec(bits)? } else { rsa_keys(bits)? })
}

impl Cluster {
    /// The subject of a unit's next certificate. The name of a CAPF is one that no certificate here has had: LSCs of old ones
    /// are told apart by it.
    ///
    /// # Errors
    /// [`CoreError`]: no random bytes.
    pub(crate) async fn new_subject(
        &self,
        unit: Unit,
        node: &NodeRow,
        surroundings: &mut dyn Surroundings,
    ) -> Result<pki::name::Subject, CoreError> {
        let parts = self.subject_parts(node).await?;
        let place = NewNode::try_from(node)?;
        let mut taken = Vec::new();
        let rows = self.store().certificates().await?;
        taken.extend(readable(&rows).filter_map(|(_, certificate)| certificate.common_name()));
        for _ in 0..NAME_TRIES {
            let subject = parts.subject(unit, &place, surroundings)?;
            if unit != Unit::Capf || !taken.contains(&subject.common_name) {
                return Ok(subject);
            }
        }
        Err(CoreError::Internal("the random source gives the same name of a CAPF again and again".to_owned()))
    }

    /// Saves a new key where it is needed: on its node, and an ITLRecovery key of the whole cluster on each.
    pub(super) async fn save_key(&self, node: &NodeRow, unit: Unit, made: &MadeCertificate) -> Result<(), CoreError> {
        if unit == Unit::ItlRecovery && self.release().recovery == Recovery::Shared {
            for other in self.store().nodes().await? {
                made.save(&self.directory(&other).keys())?;
            }
            return Ok(());
        }
        made.save(&self.directory(node).keys())
    }
}
