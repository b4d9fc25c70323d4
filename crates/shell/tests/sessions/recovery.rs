//! The dialogues of the ways back: `utils itl reset`, `utils ctl reset`, and the warning that stands during a rollback
//! [sources/recovery#itl-reset], [sources/trust-lists#blank-list].

use crate::node::Place;
use cluster::config::Protocol;
use cluster::devices::Device;
use cluster::{Actor, Level};
use shell::{Outcome, Session};

const WARNING: &str = "WARNING: Prepare Cluster for Rollback to pre 8.0 is on. The ITL file is blank: phones that fetch it check \
    neither configs nor lists, and their HTTPS services fail. `set rollback disable` ends it.\n";

/// The nodes of the dialogue in [sources/recovery#itl-reset].
const NODES: [(&str, &str); 2] = [("cs-ccm-pub", "10.48.47.153"), ("cs-ccm-sub", "10.48.47.154")];

/// What it prints behind the password, to the letter.
const RESET_10_5: &str = "\n\
    Locating active Tftp servers in the cluster.....\n\
    \n\
    Following is the list of Active tftp servers in the cluster\n\
    \n\
    ['cs-ccm-pub', 'cs-ccm-sub']\n\
    The reset ITL file was generated successfully\n\
    \n\
    Transferring new reset ITL file to the TFTP server nodes in the cluster.....\n\
    admin:";

/// What 12.0 and later print [sources/recovery#itl-reset].
const RESET_15: &str = "ITLFile on all the active TFTP nodes will be reset now\n\
    and signed using CallManager certificate key...\n\
    ITL file Reset.\n\
    Please reset all the phones to pickup the new ITL File.\n\
    admin:";

async fn log(place: &Place) -> String {
    // As the node does that runs.
    place.cluster.store().write_log_lines().await.unwrap();
    std::fs::read_to_string(place.folder.path().join("log/itlreset.log")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reset_of_the_seed_asks_for_the_password_of_the_ccm_administrator() {
    let mut place = Place::of("10.5", &NODES).await;
    let mut session = place.session(None, Level::Install).await;
    // An account that may not do it is not the CCM Administrator.
    for (name, level, password) in [("clerk", "1", "Clerk123"), ("ccmadministrator", "4", "Cisco123")] {
        place.type_in(&mut session, &[&format!("set account name {name}"), level, password, password]).await;
    }
    for wrong in ["Cisco124", "Clerk123"] {
        let (shown, outcome) = place.type_in(&mut session, &["utils itl reset localkey", wrong]).await;
        assert_eq!(
            shown,
            "admin:utils itl reset localkey\n\
             Enter CCM Administrator password :\n\
             The CCM Administrator password is wrong. Nothing was changed\n\
             Executed command unsuccessfully\n\
             admin:"
        );
        assert_eq!(outcome, Outcome::Refused);
    }
    assert!(!place.folder.path().join("log/itlreset.log").exists());
    // Nothing typed is no.
    let (_, outcome) = place.type_in(&mut session, &["utils itl reset localkey", ""]).await;
    assert_eq!(outcome, Outcome::Declined);
    let (shown, outcome) = place.type_in(&mut session, &["utils itl reset localkey", "Cisco123"]).await;
    let asked = "admin:utils itl reset localkey\nEnter CCM Administrator password :\n";
    assert_eq!((shown, outcome), (format!("{asked}{RESET_10_5}"), Outcome::Done));
    // The log of the original, with the lines that have a counterpart here.
    let log = log(&place).await;
    let at = "Fri Mar 06 21:04:39 2015 itlreset";
    for line in [
        "INFO: Start Execution",
        "DEBUG: Key location is local",
        "DEBUG: Locating active Tftp servers in the cluster.....",
        "INFO: Number of Active TFTP servers in the cluster : 2",
        "INFO: Cisco Tftp service started on host cs-ccm-sub",
        "INFO: The reset ITL file was generated successfully",
        "DEBUG: Transferring new reset ITL file to the TFTP server nodes in the cluster.....",
        "INFO: Restarting Cisco Tftp service on host cs-ccm-pub",
    ] {
        assert!(log.lines().any(|found| found == format!("{at} {line}")), "{line}\n{log}");
    }
    // The passwords stand nowhere.
    let commands = std::fs::read_dir(place.folder.path().join("log")).unwrap();
    for file in commands.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()) {
        let text = String::from_utf8_lossy(&file).into_owned();
        assert!(!text.contains("Cisco12") && !text.contains("Clerk123"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_such_an_account_a_yes_will_do() {
    let mut place = Place::of("11.5", &NODES).await;
    let mut session = place.session(None, Level::Install).await;
    let question = "admin:utils itl reset localkey\n\
        This operation will reset the ITL file on all active TFTP nodes. Do you want to continue? (y/n):";
    let (shown, outcome) = place.type_in(&mut session, &["utils itl reset localkey", "n"]).await;
    assert_eq!((shown, outcome), (format!("{question}n\nNothing was done.\nadmin:"), Outcome::Declined));
    let (shown, outcome) = place.type_in(&mut session, &["utils itl reset localkey", "y"]).await;
    assert_eq!((shown, outcome), (format!("{question}y\n{RESET_10_5}"), Outcome::Done));
    // Not everybody may.
    let mut clerk = place.session(None, Level::ReadWrite).await;
    for command in ["utils itl reset localkey", "utils itl reset remotekey x.p12", "utils ctl reset localkey"] {
        let (_, outcome) = place.type_in(&mut clerk, &[command]).await;
        assert_eq!(outcome, Outcome::Refused, "{command}");
    }
}

async fn shown_alarms(place: &mut Place, session: &mut Session) -> String {
    place.type_in(session, &["show alarms"]).await.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_another_cluster_and_the_backup_it_comes_from() {
    let mut old = Place::of("11.5", &[("old-pub", "10.48.47.151")]).await;
    let mut session = old.session(None, Level::Install).await;
    let backup = old.folder.path().join("ITLRecovery.p12");
    let get = "file get tftp ITLRecovery.p12";
    let (shown, outcome) = old.type_in(&mut session, &[get, "correct horse", "corect horse"]).await;
    assert!(shown.contains("the two passwords are not the same; nothing was written"), "{shown}");
    assert!(outcome == Outcome::Refused && !backup.exists());
    let (shown, outcome) = old.type_in(&mut session, &[get, "correct horse", "correct horse"]).await;
    let asked = "admin:file get tftp ITLRecovery.p12\nPassword for the file (8 characters at least): \nOnce more, to confirm: \n";
    assert_eq!((shown, outcome), (format!("{asked}Written to {}\nadmin:", backup.display()), Outcome::Done));
    // Not over one that may be the only copy of another key.
    let (before, first) = (shown_alarms(&mut old, &mut session).await, std::fs::read(&backup).unwrap());
    let (shown, outcome) = old.type_in(&mut session, &[get, "other horses", "other horses"]).await;
    assert!(shown.contains("is there already and may be the only copy") && outcome == Outcome::Refused, "{shown}");
    assert_eq!((shown_alarms(&mut old, &mut session).await, std::fs::read(&backup).unwrap()), (before, first));
    let mut new = Place::of("11.5", &NODES).await;
    let mut session = new.session(None, Level::Install).await;
    let command = format!("utils itl reset remotekey {}", backup.display());
    let (shown, outcome) = new.type_in(&mut session, &[&command, "wrong horse"]).await;
    assert!(shown.contains("the password is another one") && outcome == Outcome::Refused, "{shown}");
    let (shown, outcome) = new.type_in(&mut session, &[&command, "correct horse"]).await;
    let asked = format!("admin:{command}\nPassword of the file: \n");
    assert_eq!((shown, outcome), (format!("{asked}{RESET_10_5}"), Outcome::Done));
    assert!(log(&new).await.contains(" itlreset DEBUG: Key location is remote\n"));
    let mut place = Place::of("15", &NODES).await;
    let mut session = place.session(None, Level::Install).await;
    let (shown, outcome) = place.type_in(&mut session, &[&command, "correct horse"]).await;
    let instead = "`utils itl reset remotekey` is not a command of release 15: `utils itl reset localkey` signs";
    assert!(shown.contains(instead) && outcome == Outcome::Refused, "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_resets_of_15() {
    let mut place = Place::of("15", &NODES).await;
    let mut session = place.session(None, Level::Install).await;
    // From 12.0 on nobody is asked for a password, whoever has an account.
    let account = ["set account name ccmadministrator", "4", "Cisco123", "Cisco123"];
    place.type_in(&mut session, &account).await;
    let (shown, outcome) = place.type_in(&mut session, &["utils itl reset localkey", "y"]).await;
    let asked = "admin:utils itl reset localkey\n\
        This operation will reset the ITL file on all active TFTP nodes. Do you want to continue? (y/n):y\n";
    assert_eq!((shown, outcome), (format!("{asked}{RESET_15}"), Outcome::Done));
    let asked = "admin:utils ctl reset localkey\n\
        This operation will reset the CTLFile. Do you want to continue? (y/n):y\n\
        \n\
        Resetting CTL file\n";
    let (shown, outcome) = place.type_in(&mut session, &["utils ctl reset localkey"]).await;
    let refused = "The cluster is not in mixed mode. `utils ctl set-cluster mixed-mode` makes the CTL file\n";
    assert_eq!(shown, format!("admin:utils ctl reset localkey\n{refused}Executed command unsuccessfully\nadmin:"));
    assert_eq!(outcome, Outcome::Refused);
    place.type_in(&mut session, &["utils ctl set-cluster mixed-mode", "y"]).await;
    let (shown, outcome) = place.type_in(&mut session, &["utils ctl reset localkey", "y"]).await;
    let restart = "Please Restart the Cisco CallManager and CTIManager services on all nodes in the cluster that run these \
        services\n";
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(shown, format!("{asked}CTL file Reset\n{restart}admin:"));
    let mut place = Place::of("9.1", &NODES).await;
    let mut session = place.session(None, Level::Install).await;
    let (shown, _) = place.type_in(&mut session, &["utils itl reset localkey", "y"]).await;
    let instead = "`utils itl reset localkey` is not a command of release 9.1: it has no ITLRecovery certificate;";
    assert!(shown.contains(instead), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_warning_stands_wherever_trust_is_touched_until_the_rollback_ends() {
    let mut place = Place::new("10.5").await;
    let mut session = place.session(None, Level::Install).await;
    assert_eq!(session.standing_warnings().await.unwrap(), "");
    place.type_in(&mut session, &["set rollback enable", "yes"]).await;
    assert_eq!(session.standing_warnings().await.unwrap(), WARNING);

    let (shown, outcome) = place.type_in(&mut session, &["set cert regen CallManager"]).await;
    let refused = "Prepare Cluster for Rollback to pre 8.0 is on; no certificate is renewed until `set rollback disable` and all \
        phones have fetched their ITL file again\nExecuted command unsuccessfully\nadmin:";
    assert!(shown.ends_with(&format!("{WARNING}{refused}")), "{shown}");
    assert_eq!(outcome, Outcome::Refused);
    let (shown, outcome) = place.type_in(&mut session, &["utils itl reset localkey"]).await;
    assert!(shown.contains(&format!("localkey\n{WARNING}The cluster prepares for a rollback")), "{shown}");
    assert_eq!(outcome, Outcome::Refused);
    // The CTL may be changed, and that does not end it.
    for command in
        ["utils ctl set-cluster mixed-mode", "utils ctl update CTLFile", "utils ctl set-cluster non-secure-mode"]
    {
        let (shown, outcome) = place.type_in(&mut session, &[command, "y"]).await;
        assert!(shown.ends_with(&format!("that run these services\n{WARNING}admin:")), "{shown}");
        assert_eq!(outcome, Outcome::Done);
    }
    let (shown, _) = place.type_in(&mut session, &["show itl"]).await;
    assert!(shown.ends_with(&format!("{WARNING}admin:")), "{shown}");

    place.type_in(&mut session, &["set rollback disable", "yes"]).await;
    assert_eq!(session.standing_warnings().await.unwrap(), "");
    let (shown, _) = place.type_in(&mut session, &["utils ctl set-cluster mixed-mode", "y"]).await;
    assert!(!shown.contains("WARNING"), "{shown}");
}

/// A node whose files cannot be written, in mixed mode: the commands say it node by node and end as failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_fails_is_shown() {
    let mut place = Place::of("11.5", &NODES).await;
    let mut session = place.session(None, Level::Install).await;
    for list in ["CTLFile.tlv", "ITLFile.tlv"] {
        let blocked = place.folder.path().join("nodes/cs-ccm-sub/published").join(list);
        drop(std::fs::remove_file(&blocked));
        std::fs::create_dir_all(blocked.join("in the way")).unwrap();
    }
    let published = place.folder.path().join("published");
    let (shown, outcome) = place.type_in(&mut session, &["utils itl reset localkey", "y"]).await;
    let passed =
        format!("Server File Location Status\ncs-ccm-pub {}/ITLFile.tlv Passed\ncs-ccm-sub ", published.display());
    assert!(shown.contains(&passed) && outcome == Outcome::Failed, "{shown}");
    assert!(shown.contains("WARNING: phones of a node that failed cannot check its ITL file."), "{shown}");
    std::fs::remove_dir_all(place.folder.path().join("nodes/cs-ccm-sub/published/ITLFile.tlv")).unwrap();

    let (shown, outcome) = place.type_in(&mut session, &["utils ctl set-cluster mixed-mode", "y"]).await;
    let passed =
        format!("Server File Location Status\n10.48.47.153 {}/CTLFile.tlv Passed\n10.48.47.154 ", published.display());
    assert!(shown.contains(&passed) && outcome == Outcome::Failed, "{shown}");
    let warning =
        "WARNING: phones get different CTL files from different nodes until `utils ctl distribute` passes on all\n";
    assert!(shown.contains(warning) && !shown.contains("Cluster set to Mixed Mode"), "{shown}");
    let (shown, _) = place.type_in(&mut session, &["show alarms"]).await;
    assert!(shown.contains("UC_CTL-3-CTLFileNotDistributed: CTLFile.tlv was not written on cs-ccm-sub"), "{shown}");
    let (shown, _) = place.type_in(&mut session, &["show anchors"]).await;
    assert!(shown.contains("WARNING: the CTL file from admin on cs-ccm-pub is not on every node"), "{shown}");
    std::fs::remove_dir_all(place.folder.path().join("nodes/cs-ccm-sub/published/CTLFile.tlv")).unwrap();
    let (shown, outcome) = place.type_in(&mut session, &["utils ctl distribute"]).await;
    assert!(shown.matches(" Passed\n").count() == 2 && outcome == Outcome::Done, "{shown}");
    let (shown, _) = place.type_in(&mut session, &["show anchors"]).await;
    assert!(shown.contains("All records of the CTL and ITL files name live certificates."), "{shown}");
}

/// What must be known before a CTL of the nodes replaces another one, and before a downgrade.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_left_behind_is_said_before_the_question() {
    let mut place = Place::of("11.5", &NODES).await;
    let mut session = place.session(None, Level::Install).await;
    let phone = Device { model: "7960".into(), protocol: Protocol::Sccp, ..testbed::phone("SEP001122334455") };
    place.cluster.put_devices(&Actor::new("admin", Level::Install), &[phone], &mut place.clock).await.unwrap();
    let question = "This operation will update the CTLFile. Do you want to continue? (y/n):";
    place.type_in(&mut session, &["utils ctl set-cluster mixed-mode", "y"]).await;
    let (shown, _) = place.type_in(&mut session, &["utils ctl update CTLFile", "n"]).await;
    assert_eq!(
        shown,
        format!("admin:utils ctl update CTLFile\n{question}n\nNothing was done.\nadmin:"),
        "nothing to say"
    );
    // The CTL is gone from the nodes; the phone may hold its own.
    for node in [None, Some("cs-ccm-sub")] {
        let mut session = place.session(node, Level::Install).await;
        place.type_in(&mut session, &["file delete tftp CTLFile.tlv", "y"]).await;
    }
    let (shown, _) = place.type_in(&mut session, &["utils ctl update CTLFile", "n"]).await;
    let warning = "admin:utils ctl update CTLFile\nWARNING: These phones hold another CTL file, do not know ";
    assert!(shown.starts_with(warning), "{shown}");
    let end = format!("deleted by hand at each of them: SEP001122334455.\n{question}n\nNothing was done.\nadmin:");
    assert!(shown.ends_with(&end), "{shown}");

    place.type_in(&mut session, &["utils ctl update CTLFile", "y"]).await;
    let (shown, _) = place.type_in(&mut session, &["utils system switch-version 9.1", "no"]).await;
    let warning = "WARNING: in release 9.1 CTL of cs-ccm-pub: no Security Token stands in it, and in this release no node signs \
                   one, so nobody could sign the next. Run ";
    assert!(shown.contains(warning), "{shown}");
    let (shown, _) = place.type_in(&mut session, &["utils system switch-version 10.5", "no"]).await;
    assert!(!shown.contains("WARNING"), "{shown}");
}
