//! Nodes, their services, the parameters of the cluster.

use cluster::rows::{NodeRow, ServiceRow};
use sqlx::Row;

use super::pkid;
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};

/// The usage of a publisher in `processnode.tknodeusage`.
const PUBLISHER: i64 = 0;
const SUBSCRIBER: i64 = 1;

/// The key of the row that stands for the whole cluster.
pub(super) const ENTERPRISE_WIDE: &str = "00000000-1111-0000-0000-000000000000";

impl Store {
    /// All nodes, the publisher first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        // Without its row a node could not even say what is wrong: what cannot be read of it is taken from where it stands too.
        let query = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT pkid, CAST((SELECT directory FROM nodedirectory WHERE fkprocessnode = processnode.pkid) AS BLOB) AS directory, \
             CAST(name AS BLOB) AS name, CAST(domain AS BLOB) AS domain, CAST(ipv4address AS BLOB) AS address, \
             CASE WHEN typeof(nodeid) = 'integer' THEN nodeid ELSE 0 END AS number, \
             CASE WHEN typeof(tknodeusage) = 'integer' THEN tknodeusage WHEN nodeid = 1 THEN {PUBLISHER} ELSE {SUBSCRIBER} END \
             AS usage, CAST((SELECT servername FROM certificateprocessnodemap WHERE fkprocessnode = processnode.pkid LIMIT 1) \
             AS BLOB) AS othername, CAST((SELECT ipv4address FROM certificateprocessnodemap \
             WHERE fkprocessnode = processnode.pkid LIMIT 1) AS BLOB) AS otheraddress FROM processnode \
             WHERE pkid <> '{ENTERPRISE_WIDE}' ORDER BY usage, number"
        )));
        let read = |row: &sqlx::any::AnyRow| {
            let text = |column: &str| -> Result<Option<String>, StoreError> {
                let bytes: Option<Vec<u8>> = row.try_get(column)?;
                Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
            };
            let is_address = |text: &String| text.parse::<std::net::Ipv4Addr>().is_ok();
            let name = text("name")?.or(text("othername")?).unwrap_or_default();
            Ok(NodeRow {
                pkid: row.try_get("pkid")?,
                directory: text("directory")?.unwrap_or_else(|| name.clone()),
                name,
                domain: text("domain")?.unwrap_or_default(),
                address: text("address")?.filter(is_address).or(text("otheraddress")?).unwrap_or_default(),
                number: row.try_get("number")?,
                publisher: row.try_get::<i64, _>("usage")? == PUBLISHER,
            })
        };
        self.read(query, read).await
    }

    /// The services of all nodes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn services(&self) -> Result<Vec<ServiceRow>, StoreError> {
        let query = sqlx::query(
            "SELECT fkprocessnode, servername, enable, isactive, startedat FROM processnodeservice \
             ORDER BY fkprocessnode, servername",
        );
        let read = |row: &sqlx::any::AnyRow| {
            Ok(ServiceRow {
                node: row.try_get("fkprocessnode")?,
                name: row.try_get("servername")?,
                started: row.try_get::<String, _>("enable")? == "t",
                activated: row.try_get::<String, _>("isactive")? == "t",
                started_at: row.try_get("startedat")?,
            })
        };
        self.read(query, read).await
    }

    /// All parameters of the cluster.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parameters(&self) -> Result<Vec<(String, String)>, StoreError> {
        let query = sqlx::query("SELECT paramname, paramvalue FROM processconfig ORDER BY paramname");
        self.read(query, columns).await
    }
}

impl Transaction {
    /// Adds a node. `number` 1 is the publisher.
    ///
    /// # Errors
    /// [`StoreError`]: a node with this name or number is there.
    pub async fn insert_node(
        &mut self,
        name: &str,
        domain: &str,
        address: &str,
        number: i64,
    ) -> Result<String, StoreError> {
        let key = pkid("processnode", name);
        sqlx::query(
            "INSERT INTO processnode (pkid, name, systemnode, description, isactive, nodeid, tknodeusage, \
             tkprocessnoderole, tkssomode, ipv4address, domain) VALUES ($1, $2, 'f', $2, 't', $3, $4, 1, 0, $5, $6)",
        )
        .bind(&key)
        .bind(name)
        .bind(number)
        .bind(if number == 1 { PUBLISHER } else { SUBSCRIBER })
        .bind(address)
        .bind(domain)
        .execute(self.connection())
        .await?;
        sqlx::query("INSERT INTO nodedirectory (fkprocessnode, directory) VALUES ($1, $2)")
            .bind(&key)
            .bind(name)
            .execute(self.connection())
            .await?;
        Ok(key)
    }

    /// Adds the row that stands for the whole cluster in `processnode`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_enterprise_wide_data(&mut self) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO processnode (pkid, name, systemnode, description, isactive, nodeid, tknodeusage, \
             tkprocessnoderole, tkssomode, ipv4address, domain) \
             VALUES ('00000000-1111-0000-0000-000000000000', 'EnterpriseWideData', 't', '', 't', 0, 1, 1, 0, '', '')",
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Sets a parameter.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_parameter(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO processconfig (pkid, paramname, paramvalue) VALUES ($1, $2, $3) \
             ON CONFLICT (paramname) DO UPDATE SET paramvalue = excluded.paramvalue",
        )
        .bind(pkid("processconfig", name))
        .bind(name)
        .bind(value)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Sets the state of a service on a node.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_service(&mut self, service: &ServiceRow) -> Result<(), StoreError> {
        let flag = |on: bool| if on { "t" } else { "f" };
        sqlx::query(
            "INSERT INTO processnodeservice (pkid, fkprocessnode, servername, enable, isactive, startedat) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (fkprocessnode, servername) DO UPDATE \
             SET enable = excluded.enable, isactive = excluded.isactive, startedat = excluded.startedat",
        )
        .bind(pkid("processnodeservice", &format!("{}/{}", service.node, service.name)))
        .bind(&service.node)
        .bind(&service.name)
        .bind(flag(service.started))
        .bind(flag(service.activated))
        .bind(service.started_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
