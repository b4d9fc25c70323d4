//! The gate is attacked with statements, the wall without the gate.

use std::path::Path;

use super::*;
use cluster::rows::AdministratorRow;

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";

async fn filled(folder: &Path) -> Store {
    let store = Store::open(&folder.join("ringfence.db"), true).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.set_parameter("ClusterSecurityMode", "0").await.unwrap();
    let row = AdministratorRow { name: "ccmadmin".into(), password_hash: HASH.into(), level: 1, created_at: 0 };
    transaction.put_administrator(&row).await.unwrap();
    transaction.note_audit(7, "admin", "show itl", "shown").await.unwrap();
    transaction.commit().await.unwrap();
    for statement in [
        "INSERT INTO callmanagergroup VALUES ('g', 'Default')",
        "INSERT INTO device (pkid, name, description, model, tkdeviceprotocol, tkdevicesecuritymode, tkcertificatestatus, publickey, \
         fkcallmanagergroup, versionstamp, authenticationstring) VALUES ('d', 'SEP001122334455', 'it''s', '8845', 11, 1, 1, NULL, 'g', \
         '', 'sealed:4711')",
        "INSERT INTO bulkserver VALUES (1, 'sftp.example', 22, 'bulk', 'sealed:0815', '/', '')",
    ] {
        sqlx::query(statement).execute(store.pool()).await.unwrap();
    }
    store
}

async fn ask(store: &Store, statement: &str) -> Result<Table, StoreError> {
    store.select(&Question::read(statement)?, Limits::default()).await
}

fn cells(table: &Table) -> String {
    let row = |row: &Vec<Option<String>>| {
        row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join("|")
    };
    table.rows.iter().map(row).collect::<Vec<_>>().join("\n")
}

/// All bytes of the database and what lies beside it that tells of a change.
async fn state(store: &Store) -> (i64, i64, Vec<String>) {
    let version: i64 = sqlx::query_scalar("PRAGMA schema_version").fetch_one(store.pool()).await.unwrap();
    let rows: i64 = sqlx::query_scalar(
        "SELECT (SELECT COUNT(*) FROM audit) * 1000000 + (SELECT COUNT(*) FROM device) * 1000 + (SELECT COUNT(*) FROM change)",
    )
    .fetch_one(store.pool())
    .await
    .unwrap();
    let modes: Vec<String> = sqlx::query_scalar("SELECT paramvalue FROM processconfig ORDER BY paramname")
        .fetch_all(store.pool())
        .await
        .unwrap();
    (version, rows, modes)
}

/// What wrote through the scanner of old, and its kind.
fn attacks(folder: &Path) -> Vec<String> {
    let copy = folder.join("copy.db");
    let copy = copy.display();
    let mut all: Vec<String> = [
        "drop table device",
        "delete from audit",
        "update processconfig set paramvalue = '1'",
        "insert into device select * from device",
        "replace into processconfig values ('x', 'x', 'x')",
        "create table x (y)",
        "create temp table x as select 1",
        "create view v as select 1",
        "create trigger t after insert on audit begin delete from audit; end",
        "alter table device rename to d",
        "alter table device drop column name",
        "pragma query_only = off",
        "pragma writable_schema = on",
        "pragma table_info(device)",
        "begin immediate",
        "savepoint x",
        "vacuum",
        "reindex",
        "analyze",
        "detach main",
        "explain select 1",
        "explain query plan select 1",
        "values (1)",
        "with x as (select 1) delete from device",
        "with recursive x(n) as (select 1 union all select n + 1 from x) select n from x",
        "select load_extension('x')",
        "select * from pragma_table_info('device')",
        "select * from pragma_query_only",
        "select * from sqlite_master",
        "select * from sqlite_schema",
        "select sql from main.sqlite_master",
        "select * from _sqlx_migrations",
        "select * from credential",
        "select * from main.credential",
        "select * from \"credential\"",
        "select * from `credential`",
        "select * from [credential]",
        "select credentials from device, credential",
        "select (select credentials from credential)",
        "select authenticationstring from device",
        "select `authenticationstring` from device",
        "select [authenticationstring] from device",
        "select d.authenticationstring from device d",
        "select device.\"authenticationstring\" from device",
        "select name from device where authenticationstring like '4%'",
        "select name from device order by authenticationstring",
        "select count(*) from device group by authenticationstring",
        "select a.name from device a join device b using (authenticationstring)",
        "select password from bulkserver",
        "select randomblob(1000000000)",
        "select zeroblob(1000000000)",
        "select printf('%1000000000d', 1)",
        "select hex(fts3_tokenizer('x'))",
        "select edit('x')",
        "select readfile('/etc/passwd')",
        "select writefile('/tmp/x', 'y')",
        "select sqlite_version()",
        "select sqlite_compileoption_get(1)",
        "select ?1",
        "select :x",
        "select $x",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("vacuum into '{copy}'"));
    all.push(format!("attach '{copy}' as x"));
    // Behind every kind of quote that hides a semicolon from a scanner of another opinion.
    for hidden in [
        "drop table device",
        "delete from audit",
        "update device set tkauthenticationmode = 2",
        "vacuum into 'copy.db'",
    ] {
        for (open, close) in [("`", "`"), ("[", "]"), ("\"", "\""), ("'", "'"), ("/*", "*/"), ("$$", "$$"), ("(", ")")]
        {
            all.push(format!("select 1 as {open}'{close}; {hidden}; select 1 as {open}'{close}"));
            all.push(format!("select {open}\"{close}; pragma query_only = off; {hidden}; --{open}\"{close}"));
            all.push(format!("select 1 {open};{close}; {hidden}"));
        }
        all.push(format!("select 1; {hidden}"));
        all.push(format!("select 1\u{0}; {hidden}"));
        all.push(format!("select 1 -- \n; {hidden}"));
        all.push(format!("select 1) limit 1; {hidden}; select (1"));
    }
    all
}

#[tokio::test]
async fn nothing_is_written_and_no_secret_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let before = state(&store).await;
    for attack in attacks(folder.path()) {
        match ask(&store, &attack).await {
            Err(_) => {}
            // All of it was in quotes: a text.
            Ok(table) => assert!(table.rows.len() == 1 && cells(&table).contains(';'), "{attack}: {table:?}"),
        }
        let stop = Arc::default();
        // The wall alone. What only reads and has no secret may pass it.
        if let Ok(table) = wall::run(store.file(), &attack, Limits::default(), &stop) {
            let shown = cells(&table);
            assert!(
                !shown.contains("argon2") && !shown.contains("sealed:") && !shown.contains("CREATE"),
                "{attack}: {shown}"
            );
        }
        assert_eq!(state(&store).await, before, "{attack}");
    }
    assert!(!folder.path().join("copy.db").exists() && !Path::new("copy.db").exists());
    // The wall without its authorizer: the file is open for reading only.
    let plain =
        rusqlite::Connection::open_with_flags(store.file(), rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    assert!(plain.execute("DELETE FROM audit", []).is_err());
    for (statement, says) in [
        ("select * from credential", "the table credential holds hashes of passwords, and is not shown"),
        (
            "select authenticationstring from device",
            "the column authenticationstring of device holds an authentication string, sealed, and is not shown",
        ),
        ("delete from device", "run sql takes one select statement; changes have commands of their own"),
        ("select 1; select 2", "run sql takes one select statement; changes have commands of their own"),
        ("select name into x from device", "run sql does not take `into`"),
        ("select nosuch from device", "run sql: no such column: \"nosuch\""),
    ] {
        let error = ask(&store, statement).await.unwrap_err().to_string();
        assert!(error.starts_with(says), "{statement}: {error}");
    }
}

#[tokio::test]
async fn an_asterisk_leaves_secrets_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    for statement in ["select * from device", "select d.* from device as d", "select * from (select * from device)"] {
        let table = ask(&store, statement).await.unwrap();
        assert!(table.columns.iter().any(|column| column == "tkkeyorder"), "{:?}", table.columns);
        assert!(!table.columns.iter().any(|column| column == "authenticationstring"), "{statement}");
        assert!(cells(&table).contains("SEP001122334455") && !cells(&table).contains("sealed"), "{statement}");
    }
    assert!(!cells(&ask(&store, "select * from bulkserver").await.unwrap()).contains("sealed"));
}

/// Statements that people and scripts use, with what they get.
#[tokio::test]
async fn the_statements_of_the_documents_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    for (statement, columns, rows) in [
        // [sources/database#output], [sources/database#sql], docs/
        (
            "select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'",
            "paramname,paramvalue",
            "ClusterSecurityMode|0",
        ),
        (
            "select paramname, paramvalue from processconfig where paramname='ClusterSecurityMode'",
            "paramname,paramvalue",
            "ClusterSecurityMode|0",
        ),
        (
            "select paramname,paramvalue from processconfig where paramname='RollBackToPreGrayback'",
            "paramname,paramvalue",
            "",
        ),
        // [sources/database#output]
        (
            "select name,tkcertificatestatus,publickey from device where name like 'SEP%'",
            "name,tkcertificatestatus,publickey",
            "SEP001122334455|1|NULL",
        ),
        ("select name from processnode", "name", ""),
        ("SELECT Name FROM ProcessNode WHERE tkNodeUsage = 1 ;", "name", ""),
        ("select first 500 name from device", "name", "SEP001122334455"),
        ("select skip 1 first 500 name from device", "name", ""),
        ("select name from device limit 1", "name", "SEP001122334455"),
        ("select name from device limit 0, 1", "name", "SEP001122334455"),
        ("SELECT name FROM device WHERE device.name=\"SEP001122334455\"", "name", "SEP001122334455"),
        ("select name from device where publickey IS NOT NULL", "name", ""),
        (
            "select name as PrimaryLine from device where LOWER(name) = 'sep001122334455'",
            "primaryline",
            "SEP001122334455",
        ),
        ("select count(*) from device", "count(*)", "1"),
        ("select count(*) as n from device d, callmanagergroup g where d.fkcallmanagergroup = g.pkid", "n", "1"),
        (
            "select d.name, g.name from device d left outer join callmanagergroup g on d.fkcallmanagergroup = g.pkid",
            "name,name",
            "SEP001122334455|Default",
        ),
        (
            "select enum, name from typekeyorder where enum in (1, 3) order by enum desc",
            "enum,name",
            "3|EC Preferred, RSA Backup\n1|RSA Only",
        ),
        (
            "select description from device where name in (select name from device where model = '8845')",
            "description",
            "it's",
        ),
        (
            "select description from device where description = 'it''s' and not exists (select 1 from lsc where devicename = name)",
            "description",
            "it's",
        ),
        (
            "select case when model = '8845' then 'new' else 'old' end as age, cast(tkkeysize as varchar(5)) k from device",
            "age,k",
            "new|2048",
        ),
        (
            "select substr(name, 1, 3), trim('  x '), nvl(publickey, '-') n from device",
            "substr(name, 1, 3),trim('  x '),n",
            "SEP|x|-",
        ),
        (
            "select distinct model from device union select name from callmanagergroup order by 1",
            "model",
            "8845\nDefault",
        ),
        (
            "select tkkeysize, count(distinct name) from device group by tkkeysize having count(*) > 0",
            "tkkeysize,count(distinct name)",
            "2048|1",
        ),
        ("select actor, command from audit where at between 1 and 10 -- the first", "actor,command", "admin|show itl"),
        ("select 1 + 2 * 3, -(4), 'a' || 'b', 1 <> 2", "1 + 2 * 3,-(4),'a' || 'b',1 <> 2", "7|-4|ab|1"),
    ] {
        let table = ask(&store, statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        assert_eq!(table.columns.join(",").to_lowercase(), columns, "{statement}");
        assert_eq!(cells(&table), rows, "{statement}");
    }
    // What the product has no rows of is named.
    for (statement, says) in [
        (
            "select paramname, paramvalue from process config where paramname='ClusterSecurityMode'",
            "run sql shows no table `process`. It shows ",
        ),
        (
            "select name,lscvaliduntil from device where lscissuername IS NOT NULL",
            "run sql: no such column: \"lscvaliduntil\"",
        ),
        (
            "select name, lscvaliduntil, pkid from device where lscvaliduntil > 0",
            "run sql: no such column: \"lscvaliduntil\"",
        ),
        (
            "SELECT version FROM ComponentVersion WHERE (SoftwareComponent = 'cm-ver')",
            "run sql shows no table `ComponentVersion`. It shows ",
        ),
        (
            "SELECT processnode.tknodeusage from callmanager LEFT JOIN processnode on callmanager.fkprocessnode=processnode.pkid",
            "run sql shows no table `callmanager`. ",
        ),
        ("select tabname from systables where tabid > 99", "run sql shows no table `systables`. "),
        ("execute procedure dbreaddevicexml('pkid')", "run sql takes one select statement; changes "),
        (
            "update device set tkcertificatestatus=2, tkCertificateOperation=2, UpgradeFinishTime='2024:08:22:12:00' where pkid='d'",
            "run sql takes one select statement; changes ",
        ),
    ] {
        let error = ask(&store, statement).await.unwrap_err().to_string();
        assert!(error.starts_with(says), "{statement}: {error}");
    }
}

#[tokio::test]
async fn time_rows_and_bytes_have_limits() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    // 33 to the power of 10 rows: nobody lives to see the end.
    let from: Vec<String> = (0..10).map(|index| format!("typecertificatestatus t{index}")).collect();
    let endless = format!("select count(*) from {}", from.join(", "));
    let cross = "select a.name, b.name from typecertificatestatus a, typecertificatestatus b";
    let short = Limits { time: Duration::from_millis(50), ..Limits::default() };
    for (statement, limits, says) in [
        (endless.as_str(), short, "more than 0.05 s"),
        (cross, Limits { rows: 1000, ..Limits::default() }, "more than 1000 rows"),
        (cross, Limits { bytes: 1 << 14, ..Limits::default() }, "more than 0 MiB"),
    ] {
        let error = store.select(&Question::read(statement).unwrap(), limits).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    // The stopped one has left the connection and the turn: the next is answered.
    assert_eq!(ask(&store, cross).await.unwrap().rows.len(), 33 * 33);
    // Who does not wait for the answer stops the statement too.
    let question = Question::read(&endless).unwrap();
    let dropped = tokio::time::timeout(Duration::from_millis(20), store.select(&question, Limits::default())).await;
    assert!(dropped.is_err());
    assert_eq!(cells(&ask(&store, "select 1").await.unwrap()), "1");
    let mut bomb = "'0123456789'".to_owned();
    for _ in 0..9 {
        bomb = format!("replace({bomb}, '0', '{}')", "0".repeat(100));
    }
    let error = ask(&store, &format!("select length({bomb})")).await.unwrap_err().to_string();
    assert_eq!(error, "run sql: string or blob too big");
}

#[tokio::test]
async fn depth_and_length_have_limits_on_a_small_stack() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let long = "x".repeat(gate::LENGTH_LIMIT);
    for (statement, says) in [
        (format!("select {}1{}", "(".repeat(1500), ")".repeat(1500)), "recursion limit exceeded"),
        (format!("select {}1", "- ".repeat(3000)), "recursion limit exceeded"),
        (format!("select {}1{}", "(select ".repeat(1200), ")".repeat(1200)), "recursion limit exceeded"),
        (format!("select 1{}", " + 1".repeat(1900)), "maximum depth"),
        (format!("select name from device where 1{}", " or 1".repeat(2500)), "words at most"),
        (format!("select 1{}", " union select 1".repeat(1000)), "forms inside each other"),
        (format!("select '{long}'"), "bytes at most"),
        (format!("select 1 from device{}", ", device".repeat(16)), "tables at most"),
    ] {
        let error = ask(&store, &statement).await.unwrap_err().to_string();
        assert!(error.contains(says), "{}: {error}", statement.get(..40).unwrap());
    }
    let many: Vec<String> = (0..1000).map(|number| format!("'{number}'")).collect();
    let table = ask(&store, &format!("select name from device where name in ({})", many.join(","))).await.unwrap();
    assert!(table.rows.is_empty());
    let chain = format!("select name from device where model = '8845'{}", " or name = 'x'".repeat(100));
    assert_eq!(ask(&store, &chain).await.unwrap().rows.len(), 1);
}

/// A new column is shown or is a secret; somebody has to say which.
#[tokio::test]
async fn every_column_of_the_schema_is_decided() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("ringfence.db"), true).await.unwrap();
    let mut there: Vec<(String, String)> = sqlx::query_as(
        "SELECT CAST(t.name AS TEXT), CAST(c.name AS TEXT) FROM sqlite_master AS t, pragma_table_info(t.name) AS c \
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%'",
    )
    .fetch_all(store.pool())
    .await
    .unwrap();
    let shown = tables::SHOWN.iter().flat_map(|shown| shown.columns.iter().map(|column| (shown.table, *column)));
    let secret = tables::SECRET.iter().map(|(table, column, _)| (*table, *column));
    let mut decided: Vec<(String, String)> = shown.chain(secret).map(|(t, c)| (t.to_owned(), c.to_owned())).collect();
    there.sort();
    decided.sort();
    assert_eq!(decided, there, "crates/store/src/sql/tables.rs");
}
