//! Certificates that phones have shown.

use cluster::rows::{DeviceCertificateRow, ShownKind};
use sqlx::Row;

use super::kept;
use crate::{Store, StoreError, Transaction};

impl Store {
    /// All certificates that phones have shown, by device.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn device_certificates(&self) -> Result<Vec<DeviceCertificateRow>, StoreError> {
        let query = sqlx::query(
            "SELECT devicename, kind, CAST(certificate AS BLOB) AS certificate, fingerprint, notafter, seenat FROM devicecertificate \
             ORDER BY devicename, kind",
        );
        self.read(query, read).await
    }

    /// The certificates that a device has shown.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn certificates_shown_by(&self, device: &str) -> Result<Vec<DeviceCertificateRow>, StoreError> {
        let query = sqlx::query(
            "SELECT devicename, kind, CAST(certificate AS BLOB) AS certificate, fingerprint, notafter, seenat FROM devicecertificate \
             WHERE devicename = $1 ORDER BY kind",
        )
        .bind(device);
        self.read(query, read).await
    }
}

fn read(row: &sqlx::any::AnyRow) -> Result<DeviceCertificateRow, StoreError> {
    let word: String = row.try_get("kind")?;
    let kind = [ShownKind::Mic, ShownKind::Fetched].into_iter().find(|kind| kind.word() == word);
    let device: String = row.try_get("devicename")?;
    Ok(DeviceCertificateRow {
        kind: kind.ok_or_else(|| StoreError::BadRow { table: "devicecertificate", reason: format!("kind {word}") })?,
        pem: kept(row, "devicecertificate", &format!("{device}/{word}"), "certificate")?,
        device,
        fingerprint: row.try_get("fingerprint")?,
        not_after: row.try_get("notafter")?,
        seen_at: row.try_get("seenat")?,
    })
}

impl Transaction {
    /// Notes a certificate that a phone has shown; the one of its kind before is forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_device_certificate(&mut self, shown: &DeviceCertificateRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO devicecertificate (devicename, kind, certificate, fingerprint, notafter, seenat) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (devicename, kind) DO UPDATE SET \
             certificate = excluded.certificate, fingerprint = excluded.fingerprint, notafter = excluded.notafter, \
             seenat = excluded.seenat",
        )
        .bind(&shown.device)
        .bind(shown.kind.word())
        .bind(shown.pem.text().into_owned())
        .bind(&shown.fingerprint)
        .bind(shown.not_after)
        .bind(shown.seen_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
