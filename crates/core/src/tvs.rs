//! What the rows say to TVS.

use cluster::readable::readable;
use cluster::rows::CertificateRow;
use cluster::tvs::{OF_THE_CLUSTER, TvsEntry};
use pki::Certificate;

use crate::CoreError;
use crate::cluster::Cluster;

impl Cluster {
    /// The certificates of the rows that can be read, for TVS: phones keep an answer as long as its row says, and as long as the
    /// cluster says (`TVSCacheTimeToLive`) where the row says nothing else than the 24 hours that all begin with.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn tvs_entries(&self, time_to_live: u32) -> Result<Vec<TvsEntry>, CoreError> {
        let rows = self.store().certificates().await?;
        let entry = |(row, certificate): (&CertificateRow, Certificate)| TvsEntry {
            certificate,
            roles: row.roles.iter().filter_map(|role| u8::try_from(*role).ok()).collect(),
            ttl_seconds: match u32::try_from(row.time_to_live) {
                Ok(own) if row.time_to_live != OF_THE_CLUSTER => own,
                _ => time_to_live,
            },
        };
        Ok(readable(&rows).map(entry).collect())
    }
}
