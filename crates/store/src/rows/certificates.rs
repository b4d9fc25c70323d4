//! Certificates: one row each, known by its SHA-256; services (units and trust stores), nodes and roles refer to it.

use cluster::rows::{CertificateRow, FileName, Kept, NewCertificate, NodeRow};
use cluster::units::SERVICES;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::pkid;
use crate::unreadable::{columns, key_text, rows};
use crate::{Store, StoreError, Transaction};
use cluster::rows::keys::{certificate_key, node_map_key, service_map_key};

impl Store {
    /// All certificates with what they stand in, by subject and serial number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn certificates(&self) -> Result<Vec<CertificateRow>, StoreError> {
        let mut connection = self.pool().acquire().await?;
        read_all(&mut connection).await
    }

    /// Whether an entry of a trust store has no name. Each opening asks, so no certificate is read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_nameless_entries(&self) -> Result<bool, StoreError> {
        let stores: Vec<String> =
            SERVICES.iter().filter(|service| service.trust).map(|service| service.number.to_string()).collect();
        let query = format!(
            "SELECT CAST(EXISTS (SELECT 1 FROM certificateservicecertificatemap WHERE filename IS NULL \
             AND tkcertificateservice IN ({})) AS BIGINT)",
            stores.join(", ")
        );
        // Numbers of ours, and nothing that anybody typed.
        let found: i64 = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(self.pool()).await?;
        Ok(found == 1)
    }
}

/// A row of the table, whatever its columns hold. What it stands in comes from other tables.
fn read(row: &AnyRow) -> Result<CertificateRow, StoreError> {
    let mut wrong = None;
    let mut text = |column: &str| -> Result<String, StoreError> {
        let bytes: Vec<u8> = row.try_get(column)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| {
            wrong.get_or_insert_with(|| format!("{column} is not UTF-8"));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }))
    };
    let (pkid, fingerprint, description) = (text("pkid")?, text("fingerprint")?, text("description")?);
    let (server_name, address) = (text("servername")?, text("ipv4address")?);
    let time_to_live: Option<i64> = row.try_get("timetolive")?;
    if time_to_live.is_none() {
        wrong.get_or_insert_with(|| "timetolive is no integer".to_owned());
    }
    if !["integer", "null"].contains(&row.try_get::<String, _>("regenerated")?.as_str()) {
        wrong.get_or_insert_with(|| "regeneratedat is no integer".to_owned());
    }
    let bytes = match wrong {
        None => Ok(row.try_get("certificate")?),
        Some(reason) => Err(reason),
    };
    Ok(CertificateRow {
        pem: Kept::new("certificate", &key_text(&row.try_get::<Vec<u8>, _>("pkid")?), bytes),
        pkid,
        fingerprint,
        server_name,
        address,
        description,
        regenerated_at: row.try_get("regeneratedat")?,
        time_to_live: time_to_live.unwrap_or_default(),
        services: Vec::new(),
        nodes: Vec::new(),
        own: Vec::new(),
        files: Vec::new(),
        roles: Vec::new(),
    })
}

async fn read_all(connection: &mut sqlx::AnyConnection) -> Result<Vec<CertificateRow>, StoreError> {
    // A row that cannot be read stays among the others, with what it stands in: it may be what phones rely on.
    let query = sqlx::query(
        "SELECT CAST(pkid AS BLOB) AS pkid, CAST(certificate AS BLOB) AS certificate, CAST(fingerprint AS BLOB) AS fingerprint, \
         CAST(description AS BLOB) AS description, CAST(servername AS BLOB) AS servername, \
         CAST(ipv4address AS BLOB) AS ipv4address, CASE WHEN typeof(regeneratedat) = 'integer' THEN regeneratedat END \
         AS regeneratedat, CASE WHEN typeof(timetolive) = 'integer' THEN timetolive END AS timetolive, \
         typeof(regeneratedat) AS regenerated FROM certificate ORDER BY subjectname, serialnumber, certificate.pkid",
    );
    let mut all = rows(&mut *connection, query, read).await?;
    let query = sqlx::query(
        "SELECT fkcertificate, CAST(tkcertificateservice AS BIGINT), filename FROM certificateservicecertificatemap \
         ORDER BY tkcertificateservice",
    );
    let services: Vec<(String, i64, Option<String>)> = rows(&mut *connection, query, columns).await?;
    let query =
        sqlx::query("SELECT fkcertificate, fkprocessnode FROM certificateprocessnodemap ORDER BY fkprocessnode");
    let nodes: Vec<(String, String)> = rows(&mut *connection, query, columns).await?;
    let query = sqlx::query(
        "SELECT fkcertificate, CAST(tktrustrole AS BIGINT) FROM certificatetrustrolemap ORDER BY tktrustrole",
    );
    let roles: Vec<(String, i64)> = rows(&mut *connection, query, columns).await?;
    let index: std::collections::HashMap<String, usize> =
        all.iter().enumerate().map(|(index, row)| (row.pkid.clone(), index)).collect();
    let query = sqlx::query(
        "SELECT fkcertificate, fkprocessnode, CAST(tkcertificateservice AS BIGINT) FROM owncertificate \
         ORDER BY tkcertificateservice, fkprocessnode",
    );
    let own: Vec<(String, String, i64)> = rows(&mut *connection, query, columns).await?;
    for (key, service, file) in services {
        if let Some(row) = index.get(&key).and_then(|at| all.get_mut(*at)) {
            row.services.push(service);
            row.files.extend(file.map(|file| (service, file)));
        }
    }
    for (key, node, unit) in own {
        if let Some(row) = index.get(&key).and_then(|at| all.get_mut(*at)) {
            row.own.push((node, unit));
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
        let key = certificate_key(new.fingerprint);
        sqlx::query(
            "INSERT INTO certificate (pkid, servername, subjectname, issuername, serialnumber, certificate, \
             ipv4address, timetolive, tkcertificatedistribution, fingerprint, description, regeneratedat) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11) ON CONFLICT (fingerprint) \
             DO UPDATE SET regeneratedat = COALESCE(excluded.regeneratedat, certificate.regeneratedat)",
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

    /// Puts a certificate into a trust store, under a name of its own: `file`, or when another entry has that name, the same
    /// with the first digits of its SHA-256. An entry that is there keeps its name. One that was deleted from this trust store
    /// stays out of it, whoever brings it, until [`Self::forget_deletion`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_trusted(&mut self, certificate: &str, store: i64, file: &FileName<'_>) -> Result<(), StoreError> {
        self.add_service(certificate, store).await?;
        for name in file.candidates() {
            let done = sqlx::query(
                "UPDATE certificateservicecertificatemap SET filename = $3 \
                 WHERE fkcertificate = $1 AND tkcertificateservice = $2 AND filename IS NULL AND NOT EXISTS \
                 (SELECT 1 FROM certificateservicecertificatemap AS other \
                  WHERE other.tkcertificateservice = $2 AND other.filename = $3)",
            )
            .bind(certificate)
            .bind(store)
            .bind(name)
            .execute(self.connection())
            .await?;
            if done.rows_affected() > 0 {
                break;
            }
        }
        Ok(())
    }

    /// Makes a certificate the own one of a unit of a node, in the place of the one before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_own(&mut self, certificate: &str, node: &NodeRow, unit: i64) -> Result<(), StoreError> {
        self.remove_own(&node.pkid, unit).await?;
        sqlx::query(
            "INSERT INTO owncertificate (fkprocessnode, tkcertificateservice, fkcertificate) VALUES ($1, $2, $3)",
        )
        .bind(&node.pkid)
        .bind(unit)
        .bind(certificate)
        .execute(self.connection())
        .await?;
        self.add_service(certificate, unit).await?;
        sqlx::query(
            "INSERT INTO certificateprocessnodemap (pkid, fkcertificate, fkprocessnode, servername, ipv4address) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (fkcertificate, fkprocessnode) DO NOTHING",
        )
        .bind(node_map_key(certificate, &node.pkid))
        .bind(certificate)
        .bind(&node.pkid)
        .bind(&node.name)
        .bind(&node.address)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends that a unit of a node has an own certificate. The key of the row that it had.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_own(&mut self, node: &str, unit: i64) -> Result<Option<String>, StoreError> {
        let query = sqlx::query(
            "SELECT fkcertificate FROM owncertificate WHERE fkprocessnode = $1 AND tkcertificateservice = $2",
        )
        .bind(node)
        .bind(unit);
        let found: Option<(String,)> = self.read(query, columns).await?.pop();
        sqlx::query("DELETE FROM owncertificate WHERE fkprocessnode = $1 AND tkcertificateservice = $2")
            .bind(node)
            .bind(unit)
            .execute(self.connection())
            .await?;
        let Some((certificate,)) = found else {
            return Ok(None);
        };
        // The two maps of the original say the same by node and by unit; another node or unit may still have it.
        sqlx::query(
            "DELETE FROM certificateservicecertificatemap WHERE fkcertificate = $1 AND tkcertificateservice = $2 \
             AND NOT EXISTS (SELECT 1 FROM owncertificate WHERE fkcertificate = $1 AND tkcertificateservice = $2)",
        )
        .bind(&certificate)
        .bind(unit)
        .execute(self.connection())
        .await?;
        sqlx::query(
            "DELETE FROM certificateprocessnodemap WHERE fkcertificate = $1 AND fkprocessnode = $2 \
             AND NOT EXISTS (SELECT 1 FROM owncertificate WHERE fkcertificate = $1 AND fkprocessnode = $2)",
        )
        .bind(&certificate)
        .bind(node)
        .execute(self.connection())
        .await?;
        Ok(Some(certificate))
    }

    async fn add_service(&mut self, certificate: &str, service: i64) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO certificateservicecertificatemap (pkid, fkcertificate, tkcertificateservice) \
             SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM deletedcertificate JOIN certificate \
             ON certificate.fingerprint = deletedcertificate.fingerprint WHERE certificate.pkid = $2 \
             AND deletedcertificate.tkcertificateservice = $3) \
             ON CONFLICT (fkcertificate, tkcertificateservice) DO NOTHING",
        )
        .bind(service_map_key(certificate, service))
        .bind(certificate)
        .bind(service)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes a certificate out of a trust store. Whether it stood there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_trusted(&mut self, certificate: &str, store: i64) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "DELETE FROM certificateservicecertificatemap WHERE fkcertificate = $1 AND tkcertificateservice = $2",
        )
        .bind(certificate)
        .bind(store)
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Sets how long phones may keep an answer about a certificate, seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_time_to_live(&mut self, certificate: &str, seconds: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE certificate SET timetolive = $2 WHERE pkid = $1")
            .bind(certificate)
            .bind(seconds)
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
