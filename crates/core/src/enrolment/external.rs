//! CA certificates of phones: roots of MICs [sources/phones#mic], [sources/capf#service].

use cluster::rows::NodeRow;
use pki::Certificate;
use pki::bundle::certificates;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::Actor;
use cluster::certificates::checks::authority;
use cluster::certificates::trusted::PutTrusted;
use cluster::surroundings::Surroundings;
use cluster::units::PHONE_CA_STORES;

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
        self.perform(actor, node, &PutTrusted::new(&all, &PHONE_CA_STORES), surroundings).await?;
        Ok(all)
    }
}
