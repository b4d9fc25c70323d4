//! Keys that an operation wants: made, copied to other nodes, taken. Nobody uses them until the change that wants them is written.

use cluster::State;
use cluster::nodes::NewNode;
use cluster::operation::{Made, Wanted, WantedRequest};
use cluster::readable::readable;
use cluster::releases::KeyProfile;
use cluster::rows::NodeRow;
use cluster::surroundings::{MakeRsaKey, Surroundings};
use cluster::units::Unit;
use pki::name::Subject;
use pki::profile::{CertificateProfile, SelfSigned, self_signed};
use pki::request::{CertificateRequest, RequestSpec, request};
use pki::{Certificate, SoftKey};
use store::keys::KeyStore;

use crate::CoreError;
use crate::cluster::Cluster;

/// Names tried for a new CAPF: with eight random digits the first one is free.
const NAME_TRIES: usize = 8;

/// A certificate with its key, not stored yet.
pub(crate) struct MadeCertificate {
    certificate: Certificate,
    key: SoftKey,
}

impl MadeCertificate {
    /// The certificate.
    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Saves the key.
    ///
    /// # Errors
    /// [`CoreError`].
    pub(crate) fn save(&self, keys: &KeyStore) -> Result<(), CoreError> {
        Ok(keys.save(&self.key.key_id(), &self.key.to_pem()?)?)
    }
}

/// Everything that is decided before a key is made.
pub(crate) fn self_signed_of(
    profile: CertificateProfile,
    subject: Subject,
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
///
/// # Errors
/// [`CoreError`].
pub(crate) async fn make_certificate(
    unit: Unit,
    profile: KeyProfile,
    wanted: SelfSigned,
    rsa_keys: MakeRsaKey,
) -> Result<MadeCertificate, CoreError> {
    let work = move || {
        let key = new_key(unit.is_ec(), profile.bits, &rsa_keys)?;
        let certificate = self_signed(&profile.certificate, &wanted, &key)?;
        Ok(MadeCertificate { certificate, key })
    };
    tokio::task::spawn_blocking(work).await.map_err(CoreError::internal)?
}

/// A new key: RSA, or on the curve of this many bits. Takes its time: call it off the reactor.
fn new_key(ec: bool, bits: u32, rsa_keys: &MakeRsaKey) -> Result<SoftKey, CoreError> {
    Ok(if ec { SoftKey::generate_ec(bits)? } else { rsa_keys(bits)? })
}

/// The subject of a unit's next certificate. The name of a CAPF is one that no certificate here has had: LSCs of old ones are told
/// apart by it.
fn new_subject(
    state: &State,
    unit: Unit,
    node: &NodeRow,
    surroundings: &mut dyn Surroundings,
) -> Result<Subject, CoreError> {
    let (parts, place) = (state.subject_parts(node), NewNode::try_from(node)?);
    let taken: Vec<String> =
        readable(&state.certificates).filter_map(|(_, certificate)| certificate.common_name()).collect();
    for _ in 0..NAME_TRIES {
        let subject = parts.subject(unit, &place, surroundings)?;
        if unit != Unit::Capf || !taken.contains(&subject.common_name) {
            return Ok(subject);
        }
    }
    Err(CoreError::Internal("the random source gives the same name of a CAPF again and again".to_owned()))
}

impl Cluster {
    /// Makes, copies and saves what is wanted. What was made.
    pub(super) async fn make_wanted(
        &self,
        state: &State,
        wanted: Vec<Wanted>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Vec<Made>, CoreError> {
        let mut all = Vec::new();
        for one in wanted {
            match one {
                Wanted::Certificate { node, unit, profile, holders } => {
                    let place = NewNode::try_from(&node)?;
                    let subject = new_subject(state, unit, &node, surroundings)?;
                    let mut wanted = self_signed_of(profile.certificate, subject, &place, unit, surroundings)?;
                    wanted.dns_names.extend(state.alternate_host_name(&node).map(str::to_owned));
                    let made = make_certificate(unit, profile, wanted, surroundings.rsa_keys()).await?;
                    self.save_key(&made.key, &holders)?;
                    all.push(Made::Certificate { node, unit, certificate: made.certificate });
                }
                Wanted::Request { node, unit, request } => {
                    let (key, made) = self.make_request(state, &node, unit, &request, surroundings).await?;
                    self.save_key(&key, &[node])?;
                    all.push(Made::Request(made));
                }
                Wanted::Copy { from, certificate, next, holders } => {
                    let key = self.key_or(&self.directory(&from), &certificate, &next)?;
                    self.save_key(&key, &holders)?;
                }
                Wanted::Given { key, holders } => self.save_key(&key, &holders)?,
            }
        }
        Ok(all)
    }

    /// Whether the keys that are to be copied can be read.
    pub(crate) fn check_wanted(&self, wanted: &[Wanted]) -> Result<(), CoreError> {
        for one in wanted {
            if let Wanted::Copy { from, certificate, next, .. } = one {
                self.key_or(&self.directory(from), certificate, next)?;
            }
        }
        Ok(())
    }

    fn save_key(&self, key: &SoftKey, holders: &[NodeRow]) -> Result<(), CoreError> {
        let pem = key.to_pem()?;
        for node in holders {
            self.directory(node).keys().save(&key.key_id(), &pem)?;
        }
        Ok(())
    }

    async fn make_request(
        &self,
        state: &State,
        node: &NodeRow,
        unit: Unit,
        wanted: &WantedRequest,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(SoftKey, CertificateRequest), CoreError> {
        let subject = new_subject(state, unit, node, surroundings)?;
        let (subject, names) = wanted.names(state, node, unit, subject)?;
        let (row, bits, digest, keys) = (wanted.row, wanted.bits, wanted.digest, surroundings.rsa_keys());
        let work = move || -> Result<_, CoreError> {
            let key = new_key(unit.is_ec(), bits, &keys)?;
            let spec = RequestSpec {
                subject: &subject,
                names: &names,
                usages: row.usages,
                purposes: row.purposes,
                ca_path_length: row.ca_path_length,
                digest,
            };
            let made = request(&spec, &key)?;
            Ok((key, made))
        };
        tokio::task::spawn_blocking(work).await.map_err(CoreError::internal)?
    }
}
