//! Rows and files that cannot be read: each table, each column, damaged by hand. Nothing stops, each is named and can be deleted, and no
//! list is built without what cannot be read.

use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::trusted::DeleteTrusted;
use std::path::Path;
use std::process::Command;

use cluster::certificates::requests::RequestChoice;
use cluster::parameters::SecurityMode;
use cluster::rows::Unreadable;
use cluster::units::Unit;
use jiff::tz::TimeZone;
use pki::Certificate;
use pki::listing::ListKind;
use ringfence_core::inventory::Query;
use ringfence_core::{Cluster, CoreError};

use crate::certificates::authority::Authority;
use crate::certificates::place::Place;

/// A row in each table that a young cluster leaves empty.
const FILL: &str = "
    INSERT INTO device (pkid, name, description, model, tkdeviceprotocol, tkdevicesecuritymode, tkcertificatestatus,
        fkcallmanagergroup, versionstamp, encryptedconfig)
        SELECT 'd1', 'SEP001122334455', '', '8861', 11, 1, 1, pkid, '1-1', 't' FROM callmanagergroup LIMIT 1;
    INSERT INTO unknowndevice VALUES ('SEPAABBCCDDEEFF', 'SEPAABBCCDDEEFF.cnf.xml', '10.0.0.1', 1, 2, 3);
    INSERT INTO lsc SELECT 'l1', 'SEP001122334455', '01', 'CN=a', 'CN=b', fingerprint, 0, 4000000000, '', certificate,
        fingerprint, 3, 1, 1 FROM certificate LIMIT 1;
    INSERT INTO devicecertificate SELECT 'SEP001122334455', 'MIC', certificate, fingerprint, 4000000000, 1 FROM certificate LIMIT 1;
    INSERT INTO wave VALUES (1, 'stopped', 'by hand', 5, 10, 2, 1000, 1);
    INSERT INTO wavedevice VALUES (1, 'SEP001122334455', 1, 'planned', 0);
    INSERT INTO devicerequest SELECT 'SEP001122334455', request, '', keyid, 0, 1 FROM certificaterequest LIMIT 1;
    INSERT INTO applicationuser VALUES ('u1', 'anna', 4, 1);
    INSERT INTO credential VALUES ('u1', 'hash');
    INSERT INTO itlreset SELECT pkid, 'aa', 1 FROM processnode WHERE nodeid = 2;
    INSERT INTO recoverybackup VALUES ('aa', 1);
    INSERT INTO bulkserver VALUES (1, '', 0, '', '', '/tmp', '');
    INSERT INTO certificatenotice VALUES ('aa', 'UC_CERT-2-CertValidfor7days', 1);
    INSERT INTO certificateacknowledgement VALUES ('aa', 'anna', 'why', 1);
    INSERT INTO certificaterevocation VALUES ('aa', 'good', 'http://ca', '', 1);
    INSERT INTO websecurity SELECT pkid, 'a', 'b', 'c', 'd', 'PL', '' FROM processnode WHERE nodeid = 2;
    INSERT INTO disableddefaultca SELECT fingerprint, 'ACT2 SUDI CA', 1, certificate FROM certificate LIMIT 1;
    INSERT INTO pendingreset VALUES (1, 1, 'pub', 3, 'aa', '01');
    INSERT INTO formerkey VALUES (lower(hex(zeroblob(32))), 'pub', 3, 'CN=a', '01', 1);
    INSERT INTO servedfolder SELECT pkid, '/tmp', 't' FROM processnode WHERE nodeid = 2;
    INSERT OR IGNORE INTO undeliveredalarm VALUES (1, 'syslog', 'UC_CERT-2-CertValidfor7days', 2, 'line', 1);
    INSERT INTO certificatedescription VALUES ('aa', 6, 'ours');
    INSERT OR IGNORE INTO formersetting VALUES ('release', '', '11.0');
    INSERT INTO devicereset VALUES (1, 'SEP001122334455');
    INSERT INTO fetchedlist VALUES ('SEP001122334455', 'ITL', lower(hex(zeroblob(32))), 'pub', '10.0.0.1', 1, 't');
    INSERT INTO strangerlist VALUES ('SEPAABBCCDDEEFF', 'ITL', lower(hex(zeroblob(32))), 'pub', '10.0.0.1', 1, 't');
    INSERT INTO failedlogin VALUES ('anna', '10.0.0.1', 2, 1, 0, 0, 1);
    INSERT INTO takenchange SELECT pkid, 1 FROM processnode WHERE nodeid = 1;
    INSERT INTO wrongstrings VALUES ('SEP001122334455', '10.0.0.1', 0, 9, 1, 0);
    INSERT OR IGNORE INTO renewal VALUES (1, 1, 'pub', 5, lower(hex(zeroblob(32))));
    INSERT OR IGNORE INTO logline VALUES (1, 'log/alarms.log', 'line');
    INSERT OR IGNORE INTO logfile VALUES ('log/alarms.log', 0);
    INSERT OR IGNORE INTO portschosen VALUES (1);
    INSERT OR IGNORE INTO restartcause SELECT pkid, 'tomcat', 1 FROM processnode WHERE nodeid = 2;
    INSERT OR IGNORE INTO restartdone SELECT pkid, 'Cisco Tftp', 1 FROM processnode WHERE nodeid = 2;
    INSERT OR IGNORE INTO alarmnumber SELECT pkid, 1 FROM processnode WHERE nodeid = 1;
    INSERT OR IGNORE INTO certificatetrustrolemap SELECT 'r1', pkid, 0 FROM certificate LIMIT 1;
";

/// Columns that a row is known by to others of its own table's readers: without them it is another row, and nothing can be told of the
/// one that is gone.
const NAMES: [(&str, &str); 1] = [("processnode", "pkid")];

fn sqlite3(folder: &Path, statement: &str) -> String {
    let done = Command::new("sqlite3").arg(folder.join("ringfence.db")).arg(statement).output();
    let done = done.expect("sqlite3(1) is installed");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A cluster in mixed mode with a row in each table.
async fn full() -> (Place, Certificate) {
    let mut place = Place::new("12.5").await;
    let ca = Authority::root("Company Root").certificate.clone();
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    cluster.set_security_mode(&place.actor, &node, SecurityMode::Mixed, &mut place.clock).await.unwrap();
    place.trust(std::slice::from_ref(&ca), &["tomcat-trust"]).await;
    cluster
        .delete_trusted(&place.actor, &node, &DeleteTrusted::new("tomcat-trust", "Company_Root.pem"), &mut place.clock)
        .await
        .unwrap();
    place.request(Unit::Tomcat, &RequestChoice::default()).await;
    sqlite3(place.folder.path(), FILL);
    // The lists tell of the renewal that stands there now.
    cluster.settle(&mut place.clock).await.unwrap();
    assert_eq!(cluster.unreadable().await.unwrap(), [], "what is whole can be read");
    (place, ca)
}

/// What everybody does all day; none of it may fail.
async fn all_goes_on(place: &mut Place, ca: &Certificate) -> Result<Vec<Unreadable>, CoreError> {
    let cluster = Cluster::open(place.folder.path(), TimeZone::UTC).await?.expect("the cluster is there");
    let (node, now) = (cluster.node(None).await?, place.clock.now);
    let damaged = cluster.watch_unreadable(now).await?;
    cluster.settle(&mut place.clock).await?;
    cluster.snapshot(&node).await?;
    cluster.tvs_entries(60).await?;
    cluster.list_certificates(&node, true).await?;
    cluster.list_certificates(&node, false).await?;
    cluster.requests(&node).await?;
    cluster.deletions(now).await?;
    cluster.default_cas().await?;
    cluster.anchors().await?;
    cluster.ctl_trouble().await?;
    cluster.held_lists(ListKind::Itl).await?;
    cluster.send_resets(now).await?;
    cluster.step_wave(now).await?;
    cluster.expire_operations(now).await?;
    cluster.pending_restarts().await?;
    cluster.revocations().await?;
    cluster.unused_keys(&place.actor, now).await?;
    cluster.store().administrators().await?;
    cluster.note_failed_log_ins(now).await?;
    drop(cluster.begin_log_in("anna", "10.0.0.1".parse().expect("an address"), now).await?);
    cluster.store().unknown_devices().await?;
    cluster.store().bulk_server().await?;
    cluster.store().device_requests().await?;
    cluster.store().served_folders().await?;
    cluster.store().wrong_strings("SEP001122334455").await?;
    let mut inventory = cluster.inventory(&place.actor, Query::default(), now).await?;
    while inventory.next().await?.is_some() {}
    cluster.monitor(&node, &cluster.monitor_schedule(90, 24), true, &[], now).await?;
    cluster.import_trusted(&place.actor, &node, std::slice::from_ref(ca), "tomcat-trust", &mut place.clock).await?;
    cluster
        .delete_trusted(&place.actor, &node, &DeleteTrusted::new("tomcat-trust", "Company_Root.pem"), &mut place.clock)
        .await?;
    cluster.store().close().await;
    Ok(damaged)
}

/// The columns that are damaged in every run: each fifth one. With `RINGFENCE_CAMPAIGN=1` it is each.
const EACH: usize = 5;

/// Each column of each table, so that a new one cannot be forgotten.
#[tokio::test]
async fn each_column_of_each_table() {
    let (mut place, ca) = full().await;
    place.cluster.store().close().await;
    let database = place.folder.path().join("ringfence.db");
    let whole = std::fs::read(&database).unwrap();
    let columns = sqlite3(
        place.folder.path(),
        "SELECT m.name, c.name, c.type FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table' \
         AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '_sqlx_%'",
    );
    let campaign = std::env::var_os("RINGFENCE_CAMPAIGN").is_some();
    let mut count = 0;
    for line in columns.lines() {
        let [table, column, kind] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        // Of the chain of the audit log nothing is read over: `audit verify` tells of it, and a change that cannot be noted is not made.
        if NAMES.contains(&(table, column)) || table == "audit" {
            continue;
        }
        count += 1;
        if !campaign && count % EACH != 0 {
            continue;
        }
        let damage = match kind {
            // In the middle of a text, as a flipped bit leaves it.
            "TEXT" => "CAST(x'41ff41' AS TEXT)",
            "BLOB" => "x'00'",
            _ => "'x'",
        };
        std::fs::write(&database, &whole).unwrap();
        for beside in ["ringfence.db-wal", "ringfence.db-shm"] {
            drop(std::fs::remove_file(place.folder.path().join(beside)));
        }
        let changed = sqlite3(
            place.folder.path(),
            &format!(
                "PRAGMA ignore_check_constraints = ON; UPDATE {table} SET {column} = {damage} \
                 WHERE rowid = (SELECT MIN(rowid) FROM {table}); SELECT changes();"
            ),
        );
        assert_eq!(changed.trim(), "1", "{table} has no row: give it one in FILL");
        let damaged = all_goes_on(&mut place, &ca).await.unwrap_or_else(|error| panic!("{table}.{column}: {error}"));
        assert!(damaged.iter().any(|row| row.table == table), "{table}.{column} is not told of: {damaged:?}");
    }
    assert!(count > 200, "{count} columns");
}

/// Columns that keep something for another crate, with what they never keep: each a text or number that its column takes.
const NEVER: [(&str, &str, &str); 20] = [
    ("certificate", "certificate", "'no PEM'"),
    ("deletedcertificate", "certificate", "'no PEM'"),
    ("disableddefaultca", "certificate", "'no PEM'"),
    ("devicecertificate", "certificate", "'no PEM'"),
    ("lsc", "certificate", "'no PEM'"),
    ("certificaterequest", "request", "'no PEM'"),
    ("devicerequest", "request", "'no PEM'"),
    ("devicerequest", "publickey", "'no PEM'"),
    ("device", "publickey", "'no PEM'"),
    ("device", "model", "'88x1'"),
    ("device", "name", "'SEP 01'"),
    ("formerkey", "keyid", "'cut'"),
    ("publishedlist", "digest", "'cut'"),
    ("fetchedlist", "digest", "'cut'"),
    ("strangerlist", "digest", "'cut'"),
    ("renewal", "fingerprint", "'cut'"),
    ("owncertificate", "tkcertificateservice", "999"),
    ("owncertificate", "fkcertificate", "'nobody'"),
    ("certificateservicecertificatemap", "fkcertificate", "'nobody'"),
    ("callmanagergroupmember", "fkprocessnode", "'nobody'"),
];

#[tokio::test]
async fn what_a_column_keeps_is_looked_at() {
    let (mut place, ca) = full().await;
    place.cluster.store().close().await;
    let database = place.folder.path().join("ringfence.db");
    let whole = std::fs::read(&database).unwrap();
    for (table, column, value) in NEVER {
        std::fs::write(&database, &whole).unwrap();
        for beside in ["ringfence.db-wal", "ringfence.db-shm"] {
            drop(std::fs::remove_file(place.folder.path().join(beside)));
        }
        let changed = sqlite3(
            place.folder.path(),
            &format!(
                "UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT MIN(rowid) FROM {table}); SELECT changes();"
            ),
        );
        assert_eq!(changed.trim(), "1", "{table}.{column}");
        let damaged = all_goes_on(&mut place, &ca).await.unwrap_or_else(|error| panic!("{table}.{column}: {error}"));
        assert!(damaged.iter().any(|row| row.table == table), "{table}.{column} is not told of: {damaged:?}");
    }
}

/// A row that says which certificate a unit has, and that names none or no unit.
#[tokio::test]
async fn a_row_that_leads_nowhere_is_one_that_cannot_be_read() {
    for (column, value) in [("fkcertificate", "'nobody'"), ("tkcertificateservice", "999")] {
        let mut place = Place::new("12.5").await;
        let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
        let list = |kind| cluster.published_list(&node, kind).unwrap().unwrap().list;
        let before = list(ListKind::Itl);
        let of = format!("fkprocessnode = '{}' AND tkcertificateservice = 3", node.pkid);
        sqlite3(place.folder.path(), &format!("UPDATE owncertificate SET {column} = {value} WHERE {of}"));
        let number = if column == "fkcertificate" { "3" } else { "999" };
        let key = format!("{}/{number}", node.pkid);
        let told = cluster.watch_unreadable(place.clock.now).await.unwrap();
        assert_eq!(told.iter().map(Unreadable::place).collect::<Vec<_>>(), [format!("owncertificate {key}")]);
        let kept = cluster.settle(&mut place.clock).await.unwrap().unwrap();
        assert!(kept.contains(&key), "{kept}");
        assert_eq!(list(ListKind::Itl), before, "the published list stays");
        cluster.snapshot(&node).await.unwrap();
        for unit in [Unit::Tvs, Unit::ItlRecovery] {
            let (label, text) =
                refused(cluster.perform(&place.actor, &node, &Regenerate::unit(unit), &mut place.clock).await);
            assert!(label == "rows-unreadable" && text.contains(&key), "{unit:?} {label}: {text}");
        }
        // It says what phones hold: only by force.
        let place_of = ("owncertificate", key.as_str());
        let (label, _) = refused(cluster.delete_unreadable(&place.actor, place_of, None, &mut place.clock).await);
        assert_eq!(label, "lists-need-it");
        if column == "tkcertificateservice" {
            let done = cluster.delete_unreadable(&place.actor, place_of, Some("a test"), &mut place.clock).await;
            assert!(matches!(&done, Ok(_) | Err(CoreError::ListsBehind(_))), "{done:?}");
            let kept = cluster.settle(&mut place.clock).await.unwrap().unwrap();
            assert!(kept.contains("`set cert regen CallManager`"), "{kept}");
        } else {
            assert!(told[0].to_string().contains("`set cert regen CallManager` on pub"), "{}", told[0]);
        }
        // The way out.
        cluster.perform(&place.actor, &node, &Regenerate::unit(Unit::CallManager), &mut place.clock).await.unwrap();
        assert_eq!(cluster.watch_unreadable(place.clock.now).await.unwrap(), []);
        assert_ne!(list(ListKind::Itl), before, "the lists follow again");
    }
}

/// The key of each unit, on either node, cut or gone: nothing stops, it is told of with its way out, and nothing takes it by mistake.
#[tokio::test]
async fn keys_of_own_certificates() {
    for (release, unit, gone) in [
        ("9.1", Unit::CallManager, true),
        ("12.5", Unit::CallManager, true),
        ("12.5", Unit::CallManager, false),
        ("12.5", Unit::ItlRecovery, true),
        ("14", Unit::Tvs, true),
        ("15", Unit::Capf, false),
        ("15", Unit::Tomcat, true),
    ] {
        let mut place = Place::new(release).await;
        let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
        let own = place.shown(false, unit.name()).await;
        let name = format!("{}.pem", pki::hash::hex(&own.key_id()));
        let key = place.folder.path().join("keys").join(&name);
        if gone {
            std::fs::remove_file(&key).unwrap()
        } else {
            std::fs::write(&key, "-----BEGIN").unwrap()
        }
        let list = || cluster.published_list(&node, ListKind::Itl).unwrap().unwrap().list;
        let before = list();
        let told = cluster.watch_unreadable(place.clock.now).await.unwrap();
        let place_of = format!("keys {name}");
        assert_eq!(
            told.iter().map(Unreadable::place).collect::<Vec<_>>(),
            std::slice::from_ref(&place_of),
            "{release} {unit:?}"
        );
        let way = format!("`set cert regen {}` on pub", unit.name());
        assert!(told[0].to_string().contains(&way), "{}", told[0]);
        let alarms = cluster.standing_alarms().await.unwrap();
        assert!(alarms.iter().any(|alarm| alarm.subject == place_of && alarm.text.contains(&way)));
        // A parameter that lists depend on.
        let (algorithm, value) = ("TFTPFileSignatureAlgorithm", "SHA-512");
        let done = cluster.set_parameter(&place.actor, algorithm, value, &mut place.clock).await;
        assert!(matches!(&done, Ok(()) | Err(CoreError::ListsBehind(_) | CoreError::BadInput(_))), "{done:?}");
        cluster.settle(&mut place.clock).await.unwrap();
        cluster.snapshot(&node).await.unwrap();
        let signs = cluster.release().itl_signer == unit;
        if signs {
            assert_eq!(list(), before, "{release} {unit:?}");
        }

        let (label, text) =
            refused(cluster.delete_unreadable(&place.actor, ("keys", &name), None, &mut place.clock).await);
        assert_eq!(label, if gone { "not-there" } else { "own-certificate" });
        assert!(text.contains(&format!("`set cert regen {}`", unit.name())), "{text}");
        assert_eq!(key.exists(), !gone);
        if [Unit::CallManager, Unit::ItlRecovery, Unit::Tvs].contains(&unit) {
            // Who could sign or vouch for the next change is not there.
            let other = if unit == Unit::CallManager { Unit::Tvs } else { Unit::CallManager };
            let (label, text) =
                refused(cluster.perform(&place.actor, &node, &Regenerate::unit(other), &mut place.clock).await);
            assert!(label == "rows-unreadable" && text.contains(&place_of), "{label}: {text}");
        }
        cluster.perform(&place.actor, &node, &Regenerate::unit(unit), &mut place.clock).await.unwrap();
        assert!(
            cluster.watch_unreadable(place.clock.now).await.unwrap().iter().all(|row| row.place() == place_of && !gone)
        );
    }
}

/// The key of a request that waits, gone or cut: told of with its way out before anybody pays a CA, and in nobody's way meanwhile.
#[tokio::test]
async fn keys_of_requests() {
    for gone in [true, false] {
        let mut place = Place::new("15").await;
        let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
        place.request(Unit::CallManager, &RequestChoice::default()).await;
        assert_eq!(cluster.watch_unreadable(place.clock.now).await.unwrap(), []);
        let row = cluster.store().requests().await.unwrap().remove(0);
        let name = format!("{}.pem", row.key_id);
        let key = place.folder.path().join("keys").join(&name);
        if gone {
            std::fs::remove_file(&key).unwrap()
        } else {
            std::fs::write(&key, "-----BEGIN").unwrap()
        }
        let told = cluster.watch_unreadable(place.clock.now).await.unwrap();
        let place_of = format!("keys {name}");
        assert_eq!(told.iter().map(Unreadable::place).collect::<Vec<_>>(), std::slice::from_ref(&place_of));
        assert!(told[0].to_string().contains("`set csr gen CallManager` on pub"), "{}", told[0]);
        let alarms = cluster.standing_alarms().await.unwrap();
        assert!(alarms.iter().any(|alarm| alarm.subject == place_of), "{alarms:?}");
        let (label, text) =
            refused(cluster.delete_unreadable(&place.actor, ("keys", &name), None, &mut place.clock).await);
        assert_eq!(label, if gone { "not-there" } else { "own-certificate" });
        assert!(gone || text.contains("the request for the CallManager certificate of pub"), "{text}");
        cluster.perform(&place.actor, &node, &Regenerate::unit(Unit::Tvs), &mut place.clock).await.unwrap();
        place.request(Unit::CallManager, &RequestChoice::default()).await;
        let left = cluster.watch_unreadable(place.clock.now).await.unwrap();
        assert!(left.iter().all(|row| row.place() == place_of && !gone), "the new one has its key: {left:?}");
        if !gone {
            let force = Some("it was cut");
            cluster.delete_unreadable(&place.actor, ("keys", &name), force, &mut place.clock).await.unwrap();
            cluster.delete_unreadable(&place.actor, ("keys", &name), None, &mut place.clock).await.unwrap();
        }
        assert_eq!(cluster.watch_unreadable(place.clock.now).await.unwrap(), []);
    }
}

/// The key of a request that another one replaced: `set csr restore` would make it wait again, so it is told of, and the request
/// can be given up.
#[tokio::test]
async fn keys_of_replaced_requests() {
    for gone in [true, false] {
        let mut place = Place::new("15").await;
        let cluster = place.cluster.clone();
        place.request(Unit::Tomcat, &RequestChoice::default()).await;
        let name = format!("{}.pem", cluster.store().requests().await.unwrap().remove(0).key_id);
        place.request(Unit::Tomcat, &RequestChoice::default()).await;
        assert_eq!(cluster.watch_unreadable(place.clock.now).await.unwrap(), []);
        let key = place.folder.path().join("keys").join(&name);
        if gone {
            std::fs::remove_file(&key).unwrap()
        } else {
            std::fs::write(&key, "-----BEGIN").unwrap()
        }
        let told = cluster.unreadable().await.unwrap();
        let place_of = format!("keys {name}");
        assert_eq!(told.iter().map(Unreadable::place).collect::<Vec<_>>(), std::slice::from_ref(&place_of));
        let way_out = format!("`utils unreadable delete {place_of}` gives the request up");
        assert!(told[0].to_string().contains(&way_out), "{}", told[0]);
        cluster.perform(&place.actor, &place.publisher, &Regenerate::unit(Unit::Tvs), &mut place.clock).await.unwrap();
        if !gone {
            let delete = cluster.delete_unreadable(&place.actor, ("keys", &name), None, &mut place.clock);
            let (label, text) = refused(delete.await);
            assert!(
                label == "own-certificate" && text.contains("the replaced request for the tomcat"),
                "{label} {text}"
            );
            let force = Some("the disk was full");
            cluster.delete_unreadable(&place.actor, ("keys", &name), force, &mut place.clock).await.unwrap();
        }
        let of_node = cluster.requests(&place.publisher).await.unwrap();
        assert_eq!(of_node.len(), 2);
        cluster.watch_unreadable(place.clock.now).await.unwrap();
        cluster.delete_unreadable(&place.actor, ("keys", &name), None, &mut place.clock).await.unwrap();
        assert_eq!(cluster.requests(&place.publisher).await.unwrap().len(), 1, "the one that waits stays");
        assert_eq!(cluster.unreadable().await.unwrap(), []);
        assert!(!cluster.standing_alarms().await.unwrap().iter().any(|alarm| alarm.subject == place_of));
    }
}

/// Of an ITLRecovery that all nodes share each has the key.
#[tokio::test]
async fn a_shared_key_that_a_subscriber_lacks() {
    let place = Place::new("12.5").await;
    let own = place.shown(false, "ITLRecovery").await;
    let name = format!("{}.pem", pki::hash::hex(&own.key_id()));
    std::fs::remove_file(place.folder.path().join("nodes/sub/keys").join(&name)).unwrap();
    let told = place.cluster.watch_unreadable(place.clock.now).await.unwrap();
    assert_eq!(told.iter().map(Unreadable::place).collect::<Vec<_>>(), [format!("keys sub/{name}")]);
    let from = place.folder.path().join("keys").join(&name);
    assert!(told[0].to_string().contains(&format!("Copy it from {}", from.display())), "{}", told[0]);
}

/// Damages the PEM of the own certificate of a unit of the publisher.
fn damage_own(place: &Place, unit: Unit) -> String {
    let key = sqlite3(
        place.folder.path(),
        &format!(
            "SELECT fkcertificate FROM owncertificate JOIN processnode ON pkid = fkprocessnode \
             WHERE nodeid = 1 AND tkcertificateservice = {}",
            unit.service()
        ),
    );
    let key = key.trim().to_owned();
    sqlite3(place.folder.path(), &format!("UPDATE certificate SET certificate = 'cut' WHERE pkid = '{key}'"));
    key
}

fn refused<T: std::fmt::Debug>(done: Result<T, CoreError>) -> (&'static str, String) {
    match done.unwrap_err() {
        CoreError::Refused { label, text } => (label, text),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn no_list_is_built_without_the_record_of_an_unreadable_row() {
    let mut place = Place::new("12.5").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    cluster.set_security_mode(&place.actor, &node, SecurityMode::Mixed, &mut place.clock).await.unwrap();
    let list = |kind| cluster.published_list(&node, kind).unwrap().unwrap().list;
    let before = [list(ListKind::Itl), list(ListKind::Ctl)];
    let key = damage_own(&place, Unit::Capf);
    let place_of = format!("certificate {key}");

    let kept = cluster.settle(&mut place.clock).await.unwrap().unwrap();
    assert!(kept.contains(&place_of) && kept.contains("`set cert regen CAPF` on pub"), "{kept}");
    cluster.watch_unreadable(place.clock.now).await.unwrap();
    let alarms = cluster.standing_alarms().await.unwrap();
    let alarm = alarms.iter().find(|alarm| alarm.subject == place_of).unwrap();
    assert!(alarm.text.contains(&format!("`utils unreadable delete {place_of}`")), "{}", alarm.text);
    let listed = cluster.list_certificates(&node, false).await.unwrap();
    assert!(
        listed.iter().any(|line| line.starts_with("CAPF/CAPF.pem: certificate") && line.contains("cannot be read"))
    );

    // Whoever renews now leaves phones with lists that do not follow.
    let (label, text) =
        refused(cluster.perform(&place.actor, &node, &Regenerate::unit(Unit::Tvs), &mut place.clock).await);
    assert!(label == "rows-unreadable" && text.contains(&place_of), "{label}: {text}");
    let forced =
        cluster.perform(&place.actor, &node, &Regenerate::unit(Unit::Tvs).forced("a test"), &mut place.clock).await;
    assert!(matches!(&forced, Err(CoreError::ListsBehind(why)) if why.to_string().contains(&place_of)), "{forced:?}");
    let (label, _) = refused(cluster.update_ctl(&place.actor, &node, &mut place.clock).await);
    assert_eq!(label, "row-unreadable");
    assert_eq!([list(ListKind::Itl), list(ListKind::Ctl)], before, "no list was touched");

    // It is an own certificate: it is not deleted, it is replaced.
    let deleted = cluster.delete_unreadable(&place.actor, ("certificate", &key), None, &mut place.clock).await;
    let (label, text) = refused(deleted);
    assert!(label == "own-certificate" && text.contains("`set cert regen CAPF`"), "{label}: {text}");
    cluster.perform(&place.actor, &node, &Regenerate::unit(Unit::Capf), &mut place.clock).await.unwrap();
    assert_ne!(list(ListKind::Itl), before[0], "the lists follow again");
    // The old one stays in the trust stores, as each CAPF does, and the CTL names it until it is updated.
    let deleted = cluster.delete_unreadable(&place.actor, ("certificate", &key), None, &mut place.clock).await;
    assert_eq!(refused(deleted).0, "lists-name-it");
    cluster.update_ctl(&place.actor, &node, &mut place.clock).await.unwrap();
    cluster.delete_unreadable(&place.actor, ("certificate", &key), None, &mut place.clock).await.unwrap();
    assert_eq!(cluster.watch_unreadable(place.clock.now).await.unwrap(), []);
    assert!(cluster.standing_alarms().await.unwrap().iter().all(|alarm| alarm.subject != place_of), "the alarm ends");
}

/// CallManager and ITLRecovery sign; when only one of them can be read, the other may be all that phones hold.
#[tokio::test]
async fn an_unreadable_row_counts_as_an_anchor() {
    let mut place = Place::new("12.5").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    cluster.set_security_mode(&place.actor, &node, SecurityMode::Mixed, &mut place.clock).await.unwrap();
    damage_own(&place, Unit::CallManager);
    damage_own(&place, Unit::ItlRecovery);
    let (label, text) =
        refused(cluster.perform(&place.actor, &node, &Regenerate::unit(Unit::CallManager), &mut place.clock).await);
    assert!(label == "last-anchor" || label == "rows-unreadable", "{label}: {text}");
    let forced = cluster
        .perform(&place.actor, &node, &Regenerate::unit(Unit::CallManager).forced("a test"), &mut place.clock)
        .await;
    assert_eq!(refused(forced).0, "last-anchor", "no reason takes the last anchor away");
}

#[tokio::test]
async fn an_entry_of_a_trust_store_is_deleted_under_its_name() {
    let mut place = Place::new("12.5").await;
    let ca = Authority::root("Company Root").certificate.clone();
    place.trust(std::slice::from_ref(&ca), &["tomcat-trust", "CallManager-trust"]).await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    sqlite3(place.folder.path(), "UPDATE certificate SET certificate = 'cut' WHERE subjectname LIKE '%Company Root%'");
    let lines = cluster.list_certificates(&node, true).await.unwrap();
    let line = lines.iter().find(|line| line.starts_with("tomcat-trust/Company_Root.pem: ")).unwrap();
    assert!(line.contains("cannot be read") && line.contains("`utils unreadable delete certificate "), "{line}");
    let shown = cluster.find_certificate(&node, true, "tomcat-trust/Company_Root.pem").await;
    assert!(matches!(shown, Err(CoreError::Unreadable(_))));
    cluster
        .delete_trusted(&place.actor, &node, &DeleteTrusted::new("tomcat-trust", "Company_Root.pem"), &mut place.clock)
        .await
        .unwrap();
    let lines = cluster.list_certificates(&node, true).await.unwrap();
    assert!(!lines.iter().any(|line| line.contains("Company_Root")), "{lines:?}");
    let again = cluster.delete_unreadable(&place.actor, ("certificate", "x"), None, &mut place.clock).await;
    assert!(again.unwrap_err().to_string().contains("`utils unreadable list`"));
}

#[tokio::test]
async fn keys_and_published_lists_that_are_cut() {
    let mut place = Place::new("12.5").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    let own = place.shown(false, "CallManager").await;
    let name = format!("{}.pem", pki::hash::hex(&own.key_id()));
    let key = place.folder.path().join("keys").join(&name);
    std::fs::write(&key, "-----BEGIN").unwrap();
    let list = cluster.list_path(&place.subscriber, ListKind::Itl);
    let cut = std::fs::read(&list).unwrap();
    std::fs::write(&list, &cut[..cut.len() / 2]).unwrap();
    let damaged: Vec<String> =
        cluster.watch_unreadable(place.clock.now).await.unwrap().iter().map(Unreadable::place).collect();
    assert_eq!(damaged, [format!("keys {name}"), "published sub/ITLFile.tlv".to_owned()]);

    // The ITL of the other node is built again; the node whose key is cut keeps its own, and says why.
    let before = cluster.published_list(&node, ListKind::Itl).unwrap().unwrap();
    let kept = cluster.settle(&mut place.clock).await.unwrap();
    assert!(cluster.published_list(&place.subscriber, ListKind::Itl).unwrap().is_some());
    assert_eq!(cluster.published_list(&node, ListKind::Itl).unwrap().unwrap().list, before.list);
    drop(kept);
    cluster.snapshot(&node).await.unwrap();
    let (label, _) = refused(cluster.delete_unreadable(&place.actor, ("keys", &name), None, &mut place.clock).await);
    assert_eq!(label, "own-certificate");
    let forced = cluster.delete_unreadable(&place.actor, ("keys", &name), Some("a test"), &mut place.clock).await;
    assert!(matches!(&forced, Ok(_) | Err(CoreError::ListsBehind(_))), "{forced:?}");
    assert!(!key.exists());
}

/// What a reader of rows does not take is not put into one.
#[tokio::test]
async fn what_is_taken_can_be_read_back() {
    let mut place = Place::new("12.5").await;
    let (cluster, node) = (place.cluster.clone(), place.publisher.clone());
    for name in ["latin1-in-utf8string", "utf8string-ff", "generalstring-cn", "videotexstring-cn"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../testdata/certificates/{name}.der"));
        let Ok(certificate) = Certificate::from_der(&std::fs::read(path).unwrap()) else { continue };
        let given = [certificate];
        let done = cluster.import_trusted(&place.actor, &node, &given, "CallManager-trust", &mut place.clock).await;
        if let Err(error) = done {
            assert!(matches!(error, CoreError::Refused { .. }), "{name}: {error}");
        }
        assert_eq!(cluster.unreadable().await.unwrap(), [], "{name}");
        cluster.list_certificates(&node, true).await.unwrap();
    }
}

/// A node that reads its files just when its directory is taken away goes on with those that it knows.
#[tokio::test]
async fn a_directory_that_was_taken_away_takes_no_list_from_phones() {
    let place = Place::new("15").await;
    for (node, published) in [(&place.publisher, "published"), (&place.subscriber, "nodes/sub/published")] {
        let (folder, away) = (place.folder.path().join(published), place.folder.path().join("away"));
        std::fs::rename(&folder, &away).unwrap();
        assert!(place.cluster.snapshot(node).await.is_err(), "{published}: a snapshot without lists");
        std::fs::rename(&away, &folder).unwrap();
        place.cluster.snapshot(node).await.unwrap();
    }
}
