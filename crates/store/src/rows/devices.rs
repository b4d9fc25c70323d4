//! Devices, groups of nodes, phones that are not known.

use cluster::rows::{DeviceRow, GroupRow, UnknownDeviceRow};
use sqlx::Row;

use super::pkid;
use crate::unreadable::columns;
use crate::{Store, StoreError, Transaction};
use cluster::rows::keys::device_key;

/// Phones that are not known and are remembered at most; anybody can make up names.
pub const UNKNOWN_LIMIT: i64 = 10_000;

pub(super) fn read_device(row: &sqlx::any::AnyRow) -> Result<DeviceRow, StoreError> {
    Ok(DeviceRow {
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        model: row.try_get("model")?,
        protocol: row.try_get("protocol")?,
        security_mode: row.try_get("security")?,
        certificate_status: row.try_get("status")?,
        group: row.try_get("groupname")?,
        version_stamp: row.try_get("versionstamp")?,
    })
}

impl Store {
    /// All devices by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn devices(&self) -> Result<Vec<DeviceRow>, StoreError> {
        let query = sqlx::query(
            "SELECT device.name AS name, description, model, CAST(tkdeviceprotocol AS BIGINT) AS protocol, \
             CAST(tkdevicesecuritymode AS BIGINT) AS security, CAST(tkcertificatestatus AS BIGINT) AS status, \
             callmanagergroup.name AS groupname, versionstamp FROM device \
             JOIN callmanagergroup ON callmanagergroup.pkid = device.fkcallmanagergroup ORDER BY device.name",
        );
        self.read(query, read_device).await
    }

    /// All groups by name, each with its nodes in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn groups(&self) -> Result<Vec<GroupRow>, StoreError> {
        let query = sqlx::query(
            "SELECT callmanagergroup.name, processnode.name FROM callmanagergroup \
             JOIN callmanagergroupmember ON fkcallmanagergroup = callmanagergroup.pkid \
             JOIN processnode ON processnode.pkid = fkprocessnode ORDER BY callmanagergroup.name, priority",
        );
        let rows: Vec<(String, String)> = self.read(query, columns).await?;
        let mut groups: Vec<GroupRow> = Vec::new();
        for (name, node) in rows {
            match groups.last_mut() {
                Some(last) if last.name == name => last.nodes.push(node),
                _ => groups.push(GroupRow { name, nodes: vec![node] }),
            }
        }
        Ok(groups)
    }

    /// Phones that asked and are not known, the last first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unknown_devices(&self) -> Result<Vec<UnknownDeviceRow>, StoreError> {
        let query = sqlx::query(
            "SELECT name, lastfile, lastaddress, firstseen, lastseen, requests FROM unknowndevice \
             ORDER BY lastseen DESC, name",
        );
        let read = |row: &sqlx::any::AnyRow| {
            Ok(UnknownDeviceRow {
                name: row.try_get("name")?,
                last_file: row.try_get("lastfile")?,
                last_address: row.try_get("lastaddress")?,
                first_seen: row.try_get("firstseen")?,
                last_seen: row.try_get("lastseen")?,
                requests: row.try_get("requests")?,
            })
        };
        self.read(query, read).await
    }
}

impl Transaction {
    /// Adds or changes a device; its status stays as it is.
    ///
    /// # Errors
    /// [`StoreError`]: no such group.
    pub async fn put_device(&mut self, device: &DeviceRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO device (pkid, name, description, model, tkdeviceprotocol, tkdevicesecuritymode, \
             tkcertificatestatus, fkcallmanagergroup, versionstamp) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (name) DO UPDATE SET description = excluded.description, model = excluded.model, \
             tkdeviceprotocol = excluded.tkdeviceprotocol, tkdevicesecuritymode = excluded.tkdevicesecuritymode, \
             fkcallmanagergroup = excluded.fkcallmanagergroup, versionstamp = excluded.versionstamp",
        )
        .bind(device_key(&device.name))
        .bind(&device.name)
        .bind(&device.description)
        .bind(&device.model)
        .bind(device.protocol)
        .bind(device.security_mode)
        .bind(device.certificate_status)
        .bind(pkid("callmanagergroup", &device.group))
        .bind(&device.version_stamp)
        .execute(self.connection())
        .await?;
        sqlx::query("DELETE FROM unknowndevice WHERE name = $1").bind(&device.name).execute(self.connection()).await?;
        Ok(())
    }

    /// Removes a device. Whether it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_device(&mut self, name: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM device WHERE name = $1").bind(name).execute(self.connection()).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Adds a group or changes its nodes.
    ///
    /// # Errors
    /// [`StoreError`]: no such node.
    pub async fn put_group(&mut self, group: &GroupRow) -> Result<(), StoreError> {
        let key = pkid("callmanagergroup", &group.name);
        sqlx::query("INSERT INTO callmanagergroup (pkid, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(&key)
            .bind(&group.name)
            .execute(self.connection())
            .await?;
        sqlx::query("DELETE FROM callmanagergroupmember WHERE fkcallmanagergroup = $1")
            .bind(&key)
            .execute(self.connection())
            .await?;
        for (priority, node) in (0_i64..).zip(&group.nodes) {
            sqlx::query(
                "INSERT INTO callmanagergroupmember (pkid, fkcallmanagergroup, fkprocessnode, priority) \
                 VALUES ($1, $2, $3, $4)",
            )
            .bind(pkid("callmanagergroupmember", &format!("{}/{priority}", group.name)))
            .bind(&key)
            .bind(pkid("processnode", node))
            .bind(priority)
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }

    /// Notes that an unknown phone asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_unknown_device(&mut self, seen: &UnknownDeviceRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO unknowndevice (name, lastfile, lastaddress, firstseen, lastseen, requests) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET lastfile = excluded.lastfile, \
             lastaddress = excluded.lastaddress, lastseen = excluded.lastseen, \
             requests = unknowndevice.requests + excluded.requests",
        )
        .bind(&seen.name)
        .bind(&seen.last_file)
        .bind(&seen.last_address)
        .bind(seen.first_seen)
        .bind(seen.last_seen)
        .bind(seen.requests)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Forgets the unknown phones seen longest ago when there are more than 10000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_unknown_devices(&mut self) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM unknowndevice WHERE name IN \
             (SELECT name FROM unknowndevice ORDER BY lastseen DESC, name LIMIT 1000000 OFFSET $1)",
        )
        .bind(UNKNOWN_LIMIT)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
