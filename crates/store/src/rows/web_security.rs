//! What `set web-security` has set for a node, and the default CAs that are switched off.

use cluster::rows::{Kept, WebSecurityRow};
use sqlx::Row;

use super::kept;
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};

impl Store {
    /// What was set for a node; `None` when nothing was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn web_security(&self, node: &str) -> Result<Option<WebSecurityRow>, StoreError> {
        let query = sqlx::query(
            "SELECT orgunit, orgname, locality, state, country, alternatehostname FROM websecurity \
             WHERE fkprocessnode = $1",
        )
        .bind(node);
        let row = self.read(query, columns).await?.pop();
        Ok(row.map(|(org_unit, org_name, locality, state, country, alternate_host_name)| WebSecurityRow {
            node: node.to_owned(),
            org_unit,
            org_name,
            locality,
            state,
            country,
            alternate_host_name,
        }))
    }

    /// The default CAs that are switched off, PEM with SHA-256 in lower-case hexadecimal, by CN.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disabled_default_cas(&self) -> Result<Vec<(Kept, String)>, StoreError> {
        let query = sqlx::query(
            "SELECT CAST(certificate AS BLOB) AS certificate, fingerprint FROM disableddefaultca \
             ORDER BY commonname, fingerprint",
        );
        let read = |row: &sqlx::any::AnyRow| {
            let fingerprint: String = row.try_get("fingerprint")?;
            Ok((kept(row, "disableddefaultca", &fingerprint, "certificate")?, fingerprint))
        };
        self.read(query, read).await
    }
}

impl Transaction {
    /// Sets the parts for a node.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_web_security(&mut self, row: &WebSecurityRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO websecurity (fkprocessnode, orgunit, orgname, locality, state, country, alternatehostname) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (fkprocessnode) DO UPDATE SET \
             orgunit = excluded.orgunit, orgname = excluded.orgname, locality = excluded.locality, \
             state = excluded.state, country = excluded.country, alternatehostname = excluded.alternatehostname",
        )
        .bind(&row.node)
        .bind(&row.org_unit)
        .bind(&row.org_name)
        .bind(&row.locality)
        .bind(&row.state)
        .bind(&row.country)
        .bind(&row.alternate_host_name)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that a default CA is switched off.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disable_default_ca(
        &mut self,
        pem: &str,
        fingerprint: &str,
        common_name: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO disableddefaultca (fingerprint, commonname, disabledat, certificate) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (fingerprint) DO NOTHING",
        )
        .bind(fingerprint)
        .bind(common_name)
        .bind(now)
        .bind(pem)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that a default CA is switched on again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enable_default_ca(&mut self, fingerprint: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM disableddefaultca WHERE fingerprint = $1")
            .bind(fingerprint)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
