//! Certificates: one row each, known by its SHA-256; services (units and trust stores), nodes and roles refer to it.

use sqlx::Row;

use super::pkid;
use crate::{Store, StoreError, Transaction};

/// A certificate and what it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRow {
    /// Key of the row.
    pub pkid: String,
    /// The certificate, PEM.
    pub pem: String,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// Friendly name.
    pub description: String,
    /// When it replaced another one, milliseconds since 1970 UTC.
    pub regenerated_at: Option<i64>,
    /// How long phones may keep an answer about it, seconds.
    pub time_to_live: i64,
    /// Units and trust stores, numbers of `typecertificateservice`, ascending.
    pub services: Vec<i64>,
    /// Keys of the nodes whose own certificate it is.
    pub nodes: Vec<String>,
    /// Roles, ascending.
    pub roles: Vec<i64>,
}

/// A certificate to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCertificate<'a> {
    /// Name of the node it was made on or uploaded to.
    pub server_name: &'a str,
    /// Subject, in the form of the row (`L=..,ST=..`).
    pub subject: &'a str,
    /// Issuer, in the form of the row.
    pub issuer: &'a str,
    /// Serial number, lower-case hexadecimal.
    pub serial: &'a str,
    /// The certificate, PEM.
    pub pem: &'a str,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: &'a str,
    /// Base64 of the SHA-1 of the DER.
    pub sha1_base64: &'a str,
    /// Address of the node.
    pub address: &'a str,
    /// Friendly name.
    pub description: &'a str,
    /// When it replaced another one, milliseconds since 1970 UTC.
    pub regenerated_at: Option<i64>,
    /// How long phones may keep an answer about it, seconds.
    pub time_to_live: i64,
}

impl Store {
    /// All certificates with what they stand in, by subject and serial number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn certificates(&self) -> Result<Vec<CertificateRow>, StoreError> {
        let mut connection = self.pool().acquire().await?;
        read_all(&mut connection).await
    }
}

async fn read_all(connection: &mut sqlx::AnyConnection) -> Result<Vec<CertificateRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT pkid, certificate, fingerprint, description, regeneratedat, timetolive FROM certificate \
         ORDER BY subjectname, serialnumber, pkid",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        all.push(CertificateRow {
            pkid: row.try_get("pkid")?,
            pem: row.try_get("certificate")?,
            fingerprint: row.try_get("fingerprint")?,
            description: row.try_get("description")?,
            regenerated_at: row.try_get("regeneratedat")?,
            time_to_live: row.try_get("timetolive")?,
            services: Vec::new(),
            nodes: Vec::new(),
            roles: Vec::new(),
        });
    }
    let services: Vec<(String, i64)> = sqlx::query_as(
        "SELECT fkcertificate, CAST(tkcertificateservice AS BIGINT) FROM certificateservicecertificatemap \
         ORDER BY tkcertificateservice",
    )
    .fetch_all(&mut *connection)
    .await?;
    let nodes: Vec<(String, String)> =
        sqlx::query_as("SELECT fkcertificate, fkprocessnode FROM certificateprocessnodemap ORDER BY fkprocessnode")
            .fetch_all(&mut *connection)
            .await?;
    let roles: Vec<(String, i64)> = sqlx::query_as(
        "SELECT fkcertificate, CAST(tktrustrole AS BIGINT) FROM certificatetrustrolemap ORDER BY tktrustrole",
    )
    .fetch_all(&mut *connection)
    .await?;
    let index: std::collections::HashMap<String, usize> =
        all.iter().enumerate().map(|(index, row)| (row.pkid.clone(), index)).collect();
    for (key, service) in services {
        if let Some(row) = index.get(&key).and_then(|at| all.get_mut(*at)) {
            row.services.push(service);
        }
    }
    for (key, node) in nodes {
        if let Some(row) = index.get(&key).and_then(|at| all.get_mut(*at)) {
            row.nodes.push(node);
        }
    }
    for (key, role) in roles {
        if let Some(row) = index.get(&key).and_then(|at| all.get_mut(*at)) {
            row.roles.push(role);
        }
    }
    Ok(all)
}

impl Transaction {
    /// All certificates as they stand inside this change.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn certificates(&mut self) -> Result<Vec<CertificateRow>, StoreError> {
        read_all(self.connection()).await
    }

    /// Adds a certificate, or finds the row of the same certificate. The key of the row.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_certificate(&mut self, new: &NewCertificate<'_>) -> Result<String, StoreError> {
        let key = pkid("certificate", new.fingerprint);
        sqlx::query(
            "INSERT INTO certificate (pkid, servername, subjectname, issuername, serialnumber, certificate, \
             ipv4address, timetolive, tkcertificatedistribution, fingerprint, description, regeneratedat) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11) ON CONFLICT (fingerprint) DO NOTHING",
        )
        .bind(&key)
        .bind(new.server_name)
        .bind(new.subject)
        .bind(new.issuer)
        .bind(new.serial)
        .bind(new.pem)
        .bind(new.address)
        .bind(new.time_to_live)
        .bind(new.fingerprint)
        .bind(new.description)
        .bind(new.regenerated_at)
        .execute(self.connection())
        .await?;
        sqlx::query(
            "INSERT INTO certificatehashmap (pkid, fkcertificate, hash) VALUES ($1, $2, $3) \
             ON CONFLICT (fkcertificate) DO NOTHING",
        )
        .bind(pkid("certificatehashmap", new.fingerprint))
        .bind(&key)
        .bind(new.sha1_base64)
        .execute(self.connection())
        .await?;
        Ok(key)
    }

    /// Puts a certificate into a unit or trust store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_service(&mut self, certificate: &str, service: i64) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO certificateservicecertificatemap (pkid, fkcertificate, tkcertificateservice) \
             VALUES ($1, $2, $3) ON CONFLICT (fkcertificate, tkcertificateservice) DO NOTHING",
        )
        .bind(pkid("certificateservicecertificatemap", &format!("{certificate}/{service}")))
        .bind(certificate)
        .bind(service)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes a certificate out of a unit or trust store. Whether it stood there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_service(&mut self, certificate: &str, service: i64) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "DELETE FROM certificateservicecertificatemap WHERE fkcertificate = $1 AND tkcertificateservice = $2",
        )
        .bind(certificate)
        .bind(service)
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Makes a certificate the own one of a node.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_node(&mut self, certificate: &str, node: &super::NodeRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO certificateprocessnodemap (pkid, fkcertificate, fkprocessnode, servername, ipv4address) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (fkcertificate, fkprocessnode) DO NOTHING",
        )
        .bind(pkid("certificateprocessnodemap", &format!("{certificate}/{}", node.pkid)))
        .bind(certificate)
        .bind(&node.pkid)
        .bind(&node.name)
        .bind(&node.address)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends that a certificate is the own one of a node.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_node(&mut self, certificate: &str, node: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM certificateprocessnodemap WHERE fkcertificate = $1 AND fkprocessnode = $2")
            .bind(certificate)
            .bind(node)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Sets the roles of a certificate.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_roles(&mut self, certificate: &str, roles: &[i64]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM certificatetrustrolemap WHERE fkcertificate = $1")
            .bind(certificate)
            .execute(self.connection())
            .await?;
        for role in roles {
            sqlx::query("INSERT INTO certificatetrustrolemap (pkid, fkcertificate, tktrustrole) VALUES ($1, $2, $3)")
                .bind(pkid("certificatetrustrolemap", &format!("{certificate}/{role}")))
                .bind(certificate)
                .bind(*role)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    /// Deletes the certificates that stand in no unit and no trust store any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_unused_certificates(&mut self) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM certificate WHERE NOT EXISTS \
             (SELECT 1 FROM certificateservicecertificatemap WHERE fkcertificate = certificate.pkid)",
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
