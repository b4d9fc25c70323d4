//! Tombstones of trust stores: what was deleted by hand does not come back by itself.

use cluster::rows::DeletedCertificateRow;
use sqlx::Row;

use super::kept;
use crate::{Store, StoreError, Transaction};

const COLUMNS: &str = "SELECT fingerprint, CAST(tkcertificateservice AS BIGINT) AS service, CAST(certificate AS BLOB) AS certificate, filename, \
                       description, servername, COALESCE(ipv4address, '') AS address, timetolive, deletedat, deletedby \
                       FROM deletedcertificate ORDER BY deletedat DESC, fingerprint, tkcertificateservice";

fn read(row: &sqlx::any::AnyRow) -> Result<DeletedCertificateRow, StoreError> {
    let (fingerprint, service): (String, i64) = (row.try_get("fingerprint")?, row.try_get("service")?);
    Ok(DeletedCertificateRow {
        pem: kept(row, "deletedcertificate", &format!("{fingerprint}/{service}"), "certificate")?,
        fingerprint,
        service,
        file: row.try_get("filename")?,
        description: row.try_get("description")?,
        server_name: row.try_get("servername")?,
        address: row.try_get("address")?,
        time_to_live: row.try_get("timetolive")?,
        deleted_at: row.try_get("deletedat")?,
        deleted_by: row.try_get("deletedby")?,
    })
}

impl Store {
    /// All tombstones, the last first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deleted_certificates(&self) -> Result<Vec<DeletedCertificateRow>, StoreError> {
        self.read(sqlx::query(COLUMNS), read).await
    }
}

impl Transaction {
    /// All tombstones as they stand inside this change, the last first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deleted_certificates(&mut self) -> Result<Vec<DeletedCertificateRow>, StoreError> {
        self.read(sqlx::query(COLUMNS), read).await
    }

    /// Sets a tombstone for a certificate that is here: `add_service` leaves it out of this trust store from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bury_certificate(
        &mut self,
        certificate: &str,
        service: i64,
        file: &str,
        at: i64,
        by: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO deletedcertificate (fingerprint, tkcertificateservice, certificate, filename, description, \
             servername, ipv4address, timetolive, deletedat, deletedby) \
             SELECT fingerprint, $1, certificate, $2, description, servername, ipv4address, timetolive, $3, $4 \
             FROM certificate WHERE pkid = $5 \
             ON CONFLICT (fingerprint, tkcertificateservice) DO UPDATE SET filename = excluded.filename, \
             deletedat = excluded.deletedat, deletedby = excluded.deletedby",
        )
        .bind(service)
        .bind(file)
        .bind(at)
        .bind(by)
        .bind(certificate)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes a tombstone away, because somebody asked for the certificate again. Whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_deletion(&mut self, fingerprint: &str, service: i64) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM deletedcertificate WHERE fingerprint = $1 AND tkcertificateservice = $2")
            .bind(fingerprint)
            .bind(service)
            .execute(self.connection())
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
