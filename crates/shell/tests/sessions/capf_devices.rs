//! `utils capf device`, and what `run sql` shows of it [sources/capf#statuses], [sources/database#output].

use crate::node::{Place, START};
use crate::phones::{FIRST, SECOND};
use cluster::Level;
use ringfence_core::files::FolderSettings;
use shell::{Outcome, State};

/// The key that [sources/database#output] prints, as it lies in the database: PKCS#1 with line breaks.
const KEY: &str = "-----BEGIN RSA PUBLIC KEY-----\n\
    MIIBCgKCAQEAkqfWRcugYmCE+JTDmyAXuiY4KKWG+adWCCev0Loy9sZQjaA4t9ox\n\
    e9oskH6www9faBNJO4RusiR5PE+/yIxRqmS5dVMwC8ig6ueg1oFEiNb1OcKUZw3l\n\
    lim0fgqrw1CnmgvJWdpdIV+OJmzu5v/zQGFdPQODhZw7IOqREEXAUspcF/uIT2v2\n\
    p4KQjE0CKEkAKVaQyL85L1NAhpYC5G0B0zM6UGVyvBug6xFqKJqaBVQQq1DC+dd/\n\
    uhRECYCZlsZP3Ea3L8cSyBA5fsk8rNSWwPZQsDpYc+1/RhXPfjO/mJzH+e9oqL1r\n\
    FWNGJPo8T0UEt8i2Pf+4vix/VsfZ4lx9oQIDAQAB\n\
    -----END RSA PUBLIC KEY-----\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_the_seed_are_printed_as_there() {
    let mut place = Place::new("10.5").await;
    let mut session = place.session(None, Level::Install).await;
    crate::phones::add(&mut place, &[FIRST, SECOND]).await;
    let both = format!("utils capf device schedule {FIRST},{SECOND} install null");
    let (shown, outcome) = place.type_in(&mut session, &[&both]).await;
    assert_eq!(
        shown,
        format!(
            "admin:{both}\n\
             Scheduled Install/Upgrade, By Null String, for 2 devices.\n\
             Operation Completes By 2015:03:16:21.\n\
             admin:"
        )
    );
    assert_eq!(outcome, Outcome::Done);
    crate::phones::succeed(&place, FIRST, KEY).await;

    let select = "run sql select name,tkcertificatestatus,publickey from device where name like 'SEP%'";
    let (shown, _) = place.type_in(&mut session, &[select]).await;
    // The key breaks over its lines, as [sources/database#output] has it.
    let key = KEY.trim_end();
    let rule = "=".repeat(key.lines().map(str::len).max().unwrap());
    assert_eq!(
        shown,
        format!(
            "admin:{select}\n\
             name            tkcertificatestatus publickey\n\
             =============== =================== {rule}\n\
             SEP885A92D977CA 3                   {key}\n\
             SEPB83861583B73 2                   NULL\n\
             admin:"
        )
    );
    // the table of [sources/capf#statuses] is there too
    let (shown, _) = place
        .type_in(&mut session, &["run sql select enum,name,moniker from typecertificatestatus where enum in (1,17,33)"])
        .await;
    for row in [
        "1    None                                                     CERT_STATUS_NONE\n",
        "17   Upgrade Failed: User Initiated Request Late/Timeout      CERT_STATUS_UPGRADE_FAIL_LATE_REQUEST\n",
        "33   Troubleshoot Failed: User Initiated Request Late/Timeout CERT_STATUS_TROUBLESHOOT_FAIL_LATE_REQUEST\n",
    ] {
        assert!(shown.contains(row), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_scheduling_to_cancelling() {
    let mut place = Place::new("10.5").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    let (shown, _) = place.type_in(&mut session, &["utils capf device list"]).await;
    assert!(shown.contains("\n0 devices\n"), "{shown}");
    crate::phones::add(&mut place, &[FIRST, SECOND]).await;

    // a generated string: shown, kept, in no log and no row
    let reply = session.line(&format!("utils capf device schedule {FIRST} install string"), &mut place.clock).await;
    let lines: Vec<&str> = reply.text.lines().collect();
    assert_eq!(lines[0], format!("Scheduled Install/Upgrade, By Authentication String, for {FIRST}."));
    assert_eq!(lines[2], "device          authenticationstring");
    let string = lines[4].strip_prefix("SEP885A92D977CA ").unwrap().to_owned();
    assert_eq!((string.len(), string.bytes().all(|digit| digit.is_ascii_digit())), (6, true), "{string}");
    let reply = session.line(&format!("utils capf device string {FIRST}"), &mut place.clock).await;
    assert_eq!(reply.text, format!("{string}\n"));
    let reply = session.line(&format!("utils capf device string {SECOND}"), &mut place.clock).await;
    assert!(reply.text.starts_with("It has no authentication string."));

    // one that is typed: asked for, never part of a command
    let line = format!("utils capf device schedule {SECOND} delete typed-string 2016:01:31:00");
    let reply = session.line(&line, &mut place.clock).await;
    assert_eq!(reply.state, State::AskSecret("Authentication string (4 to 10 digits): "));
    let reply = session.line("123", &mut place.clock).await;
    assert_eq!(reply.outcome, Outcome::Refused);
    assert!(reply.text.starts_with("an authentication string has 4 to 10 digits"), "{}", reply.text);
    let (shown, _) = place.type_in(&mut session, &[&line, "0417263"]).await;
    assert!(shown.ends_with(
        "Authentication string (4 to 10 digits): \n\
         Scheduled Delete, By Authentication String, for SEPB83861583B73.\n\
         Operation Completes By 2016:01:31:00.\n\
         admin:"
    ));
    let reply = session.line(&format!("utils capf device string {SECOND}"), &mut place.clock).await;
    assert_eq!(reply.text, "0417263\n");
    let reply = session.line(&line, &mut place.clock).await;
    assert!(matches!(reply.state, State::AskSecret(_)));
    assert_eq!(session.line("", &mut place.clock).await.outcome, Outcome::Declined);
    let log = std::fs::read_to_string(place.folder.path().join("log/cli.log")).unwrap();
    assert!(log.contains("typed-string") && !log.contains("0417263") && !log.contains(&string));
    let reply = session.line("run sql select authenticationstring from device", &mut place.clock).await;
    assert!(!reply.text.contains("0417263") && !reply.text.contains(&string), "{}", reply.text);

    let (shown, _) = place.type_in(&mut session, &["utils capf device list pending"]).await;
    assert_eq!(
        shown,
        "admin:utils capf device list pending\n\
         device          operation by     completes by  lsc until lsc issuer encrypted status\n\
         =============== ========= ====== ============= ========= ========== ========= =================\n\
         SEP885A92D977CA install   string 2015:03:16:21 none                 no        Operation Pending\n\
         SEPB83861583B73 delete    string 2016:01:31:00 none                 no        Operation Pending\n\
         2 devices\n\
         admin:"
    );
    let reply = session.line("utils capf device show sepb83861583b73", &mut place.clock).await;
    assert_eq!(
        reply.text,
        "Device                        SEPB83861583B73\n\
         Certificate Operation         Delete\n\
         Authentication Mode           By Authentication String\n\
         Authentication String         set\n\
         Key Order                     RSA Only\n\
         RSA Key Size (Bits)           2048\n\
         EC Key Size (Bits)            384\n\
         Operation Completes By        2016:01:31:00\n\
         Certificate Operation Status  Operation Pending\n\
         TFTP Encrypted Config         no\n\
         LSC                           none\n\
         MIC                           not seen\n"
    );

    // all of them, after a question; no is an answer
    let (shown, outcome) = place.type_in(&mut session, &["utils capf device schedule all troubleshoot mic", "n"]).await;
    assert_eq!(
        shown,
        "admin:utils capf device schedule all troubleshoot mic\n\
         This operation will schedule Troubleshoot for 2 phones.\n\
         Do you want to continue? (y/n):n\n\
         Nothing was done.\n\
         admin:"
    );
    assert_eq!(outcome, Outcome::Declined);
    let (shown, _) = place.type_in(&mut session, &["utils capf device schedule all troubleshoot mic", "y"]).await;
    assert!(shown.contains("Scheduled Troubleshoot, By Existing Certificate (Precedence to MIC), for 2 devices.\n"));
    let reply = session.line(&format!("utils capf device cancel {FIRST}"), &mut place.clock).await;
    assert_eq!(reply.text, "Cancelled for SEP885A92D977CA.\n");
    let (shown, _) = place.type_in(&mut session, &["utils capf device cancel all", "yes"]).await;
    assert!(shown.ends_with(
        "This operation will cancel what is pending for 1 phone.\n\
         Do you want to continue? (y/n):yes\nCancelled for SEPB83861583B73.\nadmin:"
    ));
    let reply = session.line(&format!("utils capf device cancel {FIRST}"), &mut place.clock).await;
    assert_eq!(reply.text, "Nothing was pending.\n");

    // the hour that was typed is the hour that is printed
    let line = format!("utils capf device schedule {FIRST} install null 2030:12:31:23");
    let reply = session.line(&line, &mut place.clock).await;
    assert!(reply.text.ends_with("\nOperation Completes By 2030:12:31:23.\n"), "{}", reply.text);

    // what is not done in time has failed, and the list says so
    session.line(&format!("utils capf device schedule {FIRST} install null 2015:03:07:00"), &mut place.clock).await;
    place.clock.now = START + 86_400_000;
    let reply = session.line("utils capf device list failed", &mut place.clock).await;
    assert!(reply.text.contains("Upgrade Failed: User Initiated Request Late/Timeout\n1 device\n"), "{}", reply.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_encrypted_configs_and_refusals() {
    let mut place = Place::new("15").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    crate::phones::add(&mut place, &[FIRST, SECOND]).await;
    for (line, says) in [
        (
            format!("utils capf device keys {FIRST} ec-preferred 3072 256"),
            "Key order EC Preferred, RSA Backup: EC 256, RSA 3072 for SEP885A92D977CA.\n",
        ),
        (format!("utils capf device keys {FIRST} rsa-only"), "Key order RSA Only: RSA 2048 for SEP885A92D977CA.\n"),
        (format!("utils capf device keys {FIRST} ec-only 256"), "Key order EC Only: EC 256 for SEP885A92D977CA.\n"),
        ("utils capf device keys all ec-only 2048 521".to_owned(), "Key order EC Only: EC 521 for 2 devices.\n"),
    ] {
        let reply = session.line(&line, &mut place.clock).await;
        assert_eq!((reply.text.as_str(), reply.outcome), (says, Outcome::Done), "{line}");
    }
    for (line, says) in [
        (
            format!("utils capf device encrypted-config {FIRST} on"),
            "SEP885A92D977CA makes EC keys only, and an encrypted config needs RSA: set its key order to RSA Only or to EC Preferred, \
             RSA Backup, or leave its config unencrypted\n",
        ),
        (
            format!("utils capf device schedule {FIRST} install null 2015:03:06:19"),
            "the operation would have to be complete by a time that is over\n",
        ),
        (
            format!("utils capf device schedule {FIRST} install null tomorrow"),
            "`tomorrow` is no time; write YYYY:MM:DD:HH\n",
        ),
        (
            format!("utils capf device schedule {FIRST} install same-string"),
            "SEP885A92D977CA has no authentication string; give one or generate one\n",
        ),
        (
            format!("utils capf device schedule {FIRST},SEP000000000000 install null"),
            "no device SEP000000000000; `ringfence device list` names them\n",
        ),
        (
            "utils capf device schedule , install null".to_owned(),
            "no devices are meant; name some, or add them first\n",
        ),
        (
            "utils capf device show SEP000000000000".to_owned(),
            "no device SEP000000000000; `ringfence device list` names them\n",
        ),
        (
            format!("utils capf device keys {FIRST} rsa-only 256"),
            "`256` is not an RSA size; write 512, 1024, 2048, 3072, 4096; the EC size follows it, or stands alone with ec-only\n",
        ),
        (
            format!("utils capf device keys {FIRST} rsa-only 1023"),
            "`1023` is not 512 or 1024 or 2048 or 3072 or 4096 or 256 or 384 or 521\n\
             Syntax: utils capf device keys devices {key-order} [rsa-bits] [ec-bits]\n",
        ),
    ] {
        let reply = session.line(&line, &mut place.clock).await;
        assert_eq!(reply.text, format!("{says}Executed command unsuccessfully\n"), "{line}");
        assert_eq!(reply.outcome, Outcome::Refused, "{line}");
    }
    let reply = session.line("utils capf device list pending", &mut place.clock).await;
    assert!(reply.text.ends_with("\n0 devices\n"), "a refusal for one of two schedules neither");

    session.line(&format!("utils capf device keys {FIRST} rsa-only"), &mut place.clock).await;
    crate::phones::install(&mut place, FIRST, 1).await;
    let reply = session.line(&format!("utils capf device encrypted-config {FIRST} on"), &mut place.clock).await;
    assert_eq!(reply.text, "TFTP Encrypted Config is on for SEP885A92D977CA.\n");
    let reply = session.line("utils capf device list encrypted", &mut place.clock).await;
    let row = reply.text.lines().nth(2).unwrap();
    assert!(row.starts_with("SEP885A92D977CA none"), "{}", reply.text);
    assert!(row.contains(" 2016-03-05 CAPF-e41e7d87 yes ") && row.ends_with("Upgrade Success"), "{row}");
    let reply = session.line(&format!("utils capf device show {FIRST}"), &mut place.clock).await;
    let lsc = "LSC                           41414141414141414141414141414141 from CAPF-e41e7d87, until 2016-03-05\n";
    assert!(reply.text.contains(lsc), "{}", reply.text);

    // who may only read sees, and changes nothing; a subscriber does not schedule
    let mut reader = place.session(None, Level::Read).await;
    assert!(reader.line("utils capf device list", &mut place.clock).await.ok());
    for line in [
        "utils capf device schedule all install null",
        "utils capf device cancel all",
        "utils capf device string SEP885A92D977CA",
        "utils capf device keys all rsa-only",
        "utils capf device encrypted-config all off",
        "utils capf device wave start all lsc",
        "utils capf stale-lsc delete all",
        "utils capf mic-root load roots.pem",
        "set cert delete CAPF-trust CAPF-e41e7d87.pem",
    ] {
        let reply = reader.line(line, &mut place.clock).await;
        assert!(reply.text.starts_with("admin has privilege level 0, this needs level 1\n"), "{line}: {}", reply.text);
        assert_eq!(reply.state, State::Prompt, "{line}");
    }
    let mut subscriber = place.session(Some("cucm-1051-a-sub1"), Level::Install).await;
    let reply = subscriber.line("utils capf device schedule all install null", &mut place.clock).await;
    assert!(reply.text.starts_with("This command can only be run on the publisher\n"));
    let names = session.completer().await.devices;
    assert_eq!(names, [FIRST, SECOND]);

    // a config by hand that cannot say what is scheduled is told
    let tftpboot = tempfile::tempdir().unwrap();
    std::fs::write(tftpboot.path().join(format!("{SECOND}.cnf.xml")), "<device/>").unwrap();
    let folder = FolderSettings::open(tftpboot.path(), false).unwrap();
    let root = folder.folder.root().display().to_string();
    let node = place.cluster.node(None).await.unwrap();
    place.cluster.note_folder(&node, Some(&folder)).await.unwrap();
    let reply = session.line(&format!("utils capf device schedule {SECOND} install null"), &mut place.clock).await;
    let untold = format!(
        "Its config does not say so: {SECOND}.cnf.xml in {root} is given out as it is (`--no-merge`): capfAuthMode and capfList \
         are its author's.\n"
    );
    assert!(reply.text.ends_with(&untold), "{}", reply.text);
    place.cluster.note_folder(&node, None).await.unwrap();

    // CAPF that does not run is told, also when a wave begins
    session.line("utils service stop Cisco Certificate Authority Proxy Function", &mut place.clock).await;
    let reply = session.line(&format!("utils capf device schedule {SECOND} install null"), &mut place.clock).await;
    let stopped =
        "CAPF does not run: start it with `utils service start Cisco Certificate Authority Proxy Function`.\n";
    assert!(reply.text.ends_with(stopped), "{}", reply.text);
    let wave = format!("utils capf device wave start {SECOND} null");
    let (shown, _) = place.type_in(&mut session, &[&wave, "y"]).await;
    assert!(shown.ends_with(&format!("\nPending: {SECOND}\n{stopped}admin:")), "{shown}");
    // and nobody takes its phones away
    let reply = session.line(&format!("utils capf device cancel {SECOND}"), &mut place.clock).await;
    assert!(
        reply.text.starts_with("wave 1 waits for 1 device: SEPB83861583B73; stop it first with "),
        "{}",
        reply.text
    );
    session.line("utils capf device wave stop", &mut place.clock).await;
    let (shown, _) = place.type_in(&mut session, &["utils capf device wave resume"]).await;
    assert!(shown.ends_with(&format!("{stopped}admin:")), "{shown}");
}
