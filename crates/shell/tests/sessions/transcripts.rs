//! The dialogues of the original, character by character [sources/shell#regeneration],
//! [sources/shell#trust-list-commands].

use crate::node::Place;
use cluster::releases::switch::SwitchRelease;
use cluster::{Actor, Level};
use jiff::tz::TimeZone;
use ringfence_core::Cluster;
use shell::{Outcome, Session, State};

const NO_CTL: &str = "Length of CTL file: 0\n\
    CTL File not found. Please run CTLClient plugin or run the CLI - utils ctl.. to generate the CTL file.\n\
    Error parsing the CTL File.\n";
const RESTART_10_5: &str = "Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run \
    these services\n";

/// What stands in the CTL of a node: its length as `show ctl` prints it, or none.
async fn length(place: &mut Place, session: &mut Session) -> Option<usize> {
    let (shown, _) = place.type_in(session, &["show ctl"]).await;
    let line = shown.lines().find_map(|line| line.strip_prefix("Length of CTL file: ")).unwrap().parse().unwrap();
    (line > 0).then_some(line)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_an_administrator_on_10_5() {
    let mut place = Place::new("10.5").await;
    let mut session = place.session(None, Level::Install).await;

    // no CTL yet
    let (shown, outcome) = place.type_in(&mut session, &["show ctl"]).await;
    assert_eq!(shown, format!("admin:show ctl\n{NO_CTL}admin:"));
    assert_eq!(outcome, Outcome::Done);

    // mixed mode: no, then yes; what is neither is asked about, twice
    let question = "This operation will set the cluster to Mixed mode. Do you want to continue? (y/n):";
    let unclear = "Nothing was done yet: answer yes or no (y or n).";
    for (answers, between) in [
        (&["n"][..], format!("{question}n\n")),
        (&["", "No"], format!("{question}\n{unclear}\n{question}No\n")),
        (&["maybe", "yy", "1"], format!("{question}maybe\n{unclear}\n{question}yy\n{unclear}\n{question}1\n")),
    ] {
        let lines: Vec<&str> =
            std::iter::once("utils ctl set-cluster mixed-mode").chain(answers.iter().copied()).collect();
        let (shown, outcome) = place.type_in(&mut session, &lines).await;
        let first = "admin:utils ctl set-cluster mixed-mode\n";
        assert_eq!(shown, format!("{first}{between}Nothing was done.\nadmin:"));
        assert_eq!(outcome, Outcome::Declined);
        assert_eq!(length(&mut place, &mut session).await, None);
    }
    let (shown, outcome) = place.type_in(&mut session, &["utils ctl set-cluster mixed-mode", "y"]).await;
    assert_eq!(
        shown,
        format!(
            "admin:utils ctl set-cluster mixed-mode\n\
             This operation will set the cluster to Mixed mode. Do you want to continue? (y/n):y\n\
             \n\
             Moving Cluster to Mixed Mode\n\
             Cluster set to Mixed Mode\n\
             {RESTART_10_5}admin:"
        )
    );
    assert_eq!(outcome, Outcome::Done);
    let (shown, _) = place.type_in(&mut session, &["show ctl"]).await;
    for line in [
        "The checksum value of the CTL file:",
        "Length of CTL file: 4947",
        "HeaderLength:\t336 (BYTES)",
        "4\tFUNCTION\t2\tSystem Administrator Security Token",
        "6\tSERIALNUMBER\t16\t70:CA:F6:4E:09:07:51:B9:DF:22:F4:9F:75:4F:C5:BB",
        "This etoken was used to sign the CTL file.",
        "The CTL file was verified successfully.",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    let sql = "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'";
    let (shown, _) = place.type_in(&mut session, &[sql]).await;
    assert_eq!(
        shown,
        format!(
            "admin:{sql}\n\
             paramname           paramvalue\n\
             =================== ==========\n\
             ClusterSecurityMode 1\n\
             admin:"
        )
    );

    // a renewal: no, then yes; TVS must wait
    place.clock.now += 60_000;
    let before = certificate(&mut place, &mut session, "CallManager").await;
    let (shown, outcome) = place.type_in(&mut session, &["set cert regen CallManager", "no"]).await;
    assert_eq!(
        shown,
        "admin:set cert regen CallManager\n\
         WARNING: This operation will overwrite any CA signed certificate previously imported for CallManager\n\
         Proceed with regeneration (yes|no)? no\n\
         Nothing was done.\n\
         admin:"
    );
    assert_eq!(outcome, Outcome::Declined);
    assert_eq!(certificate(&mut place, &mut session, "CallManager").await, before);
    let (shown, _) = place.type_in(&mut session, &["set cert regen callmanager", "yes"]).await;
    assert_eq!(
        shown,
        "admin:set cert regen callmanager\n\
         WARNING: This operation will overwrite any CA signed certificate previously imported for CallManager\n\
         Proceed with regeneration (yes|no)? yes\n\
         Successfully Regenerated Certificate for CallManager.\n\
         You must restart services related to CallManager for the regenerated certificates to become active.\n\
         Pending until done, `show restarts` lists them:\n  \
         cucm-1051-a-pub: utils service restart Cisco Tftp; because of CTL, CallManager of cucm-1051-a-pub (the last \
         line of `utils ctl`)\n  \
         cucm-1051-a-pub: Cisco CallManager (restart it on the call server, then `utils service mark-done Cisco CallManager`); because of CTL, \
         CallManager of cucm-1051-a-pub (the last line of `utils ctl`)\n  \
         cucm-1051-a-pub: utils service restart Cisco Trust Verification Service; because of CallManager of \
         cucm-1051-a-pub (Cisco's document 200199 on certificate regeneration)\n  \
         cucm-1051-a-pub: Cisco CTIManager (restart it on the call server, then `utils service mark-done Cisco CTIManager`); because of \
         CallManager of cucm-1051-a-pub (Cisco's document 200199 on certificate regeneration)\n  \
         cucm-1051-a-pub: utils ctl update CTLFile; because of CallManager of cucm-1051-a-pub (Cisco's document 200199 on certificate regeneration)\n\
         admin:"
    );
    assert_ne!(certificate(&mut place, &mut session, "CallManager").await, before);
    let (shown, outcome) = place.type_in(&mut session, &["set cert regen TVS"]).await;
    assert!(
        shown.ends_with(
            "CallManager certificate was modified in the last 5 minutes. Please re-try regenerating TVS certificate at \
             a later time\nExecuted command unsuccessfully\nadmin:"
        ),
        "{shown}"
    );
    assert_eq!(outcome, Outcome::Refused);

    // the CTL follows only when it is told to
    assert_eq!(length(&mut place, &mut session).await, Some(4947));
    let (_, outcome) = place.type_in(&mut session, &["utils ctl update CTLFile", "n"]).await;
    assert_eq!(outcome, Outcome::Declined);
    assert_eq!(length(&mut place, &mut session).await, Some(4947));
    let (shown, _) = place.type_in(&mut session, &["utils ctl update CTLFile", "y"]).await;
    assert_eq!(
        shown,
        format!(
            "admin:utils ctl update CTLFile\n\
             This operation will update the CTLFile. Do you want to continue? (y/n):y\n\
             \n\
             Updating CTL file\n\
             CTL file Updated\n\
             {RESTART_10_5}admin:"
        )
    );
    assert_eq!(length(&mut place, &mut session).await, Some(6113));

    // deleting
    let (shown, outcome) = place.type_in(&mut session, &["file delete tftp CTLFile.tlv", "n"]).await;
    assert_eq!(outcome, Outcome::Declined);
    assert!(shown.ends_with("continue: n\nNothing was done.\nadmin:"));
    assert_eq!(length(&mut place, &mut session).await, Some(6113));
    let (shown, _) = place.type_in(&mut session, &["file delete tftp CTLFile.tlv", "y"]).await;
    assert_eq!(
        shown,
        "admin:file delete tftp CTLFile.tlv\n\
         Delete the File CTLFile.tlv?\n\
         Enter \"y\" followed by return to continue: y\n\
         files: found = 1, deleted = 1\n\
         admin:"
    );
    assert_eq!(length(&mut place, &mut session).await, None);
    let (shown, _) = place.type_in(&mut session, &["file delete activelog cm/tftpdata/CTLFile.tlv", "y"]).await;
    assert_eq!(
        shown,
        "admin:file delete activelog cm/tftpdata/CTLFile.tlv\n\
         Delete the File cm/tftpdata/CTLFile.tlv?\n\
         Enter \"y\" followed by return to continue: y\n\
         files: found = 0, deleted = 0\n\
         admin:"
    );

    // the ITL comes back with a restart of Cisco Tftp
    let itl = place.folder.path().join("published/ITLFile.tlv");
    let (shown, _) = place.type_in(&mut session, &["file delete activelog cm/tftpdata/ITLFile.tlv noconfirm"]).await;
    assert!(shown.ends_with("noconfirm\nfiles: found = 1, deleted = 1\nadmin:"));
    assert!(!itl.exists());
    let (shown, _) = place.type_in(&mut session, &["utils service restart cisco tftp"]).await;
    assert_eq!(
        shown,
        "admin:utils service restart cisco tftp\n \
         Don't press Ctrl-c while the service is getting RESTARTED.If Service has not Restarted Properly, execute the \
         same Command Again\n\
         Service Manager is running\n\
         Cisco Tftp[STOPPING]  \n\
         Cisco Tftp[STARTING]  \n\
         Cisco Tftp[STARTED]  \n\
         admin:"
    );
    assert!(itl.exists());

    // back to non-secure
    let (shown, outcome) = place.type_in(&mut session, &["utils ctl set-cluster non-secure-mode", "n"]).await;
    assert!(
        shown.contains(
            "This operation will set the cluster to non secure mode. Do you want to continue? (y/n):n\nNothing was done.\nadmin:"
        )
    );
    assert_eq!(outcome, Outcome::Declined);
    let (shown, _) = place.type_in(&mut session, &["utils ctl set-cluster non-secure-mode", "Y"]).await;
    assert!(shown.ends_with(&format!(
        "(y/n):Y\n\nMoving Cluster to Non Secure Mode\nCluster set to Non Secure Mode\n{RESTART_10_5}admin:"
    )));
    let (shown, outcome) = place.type_in(&mut session, &["utils ctl update CTLFile"]).await;
    assert!(shown.contains("\nThe cluster is not in mixed mode."), "{shown}");
    assert!(shown.ends_with("\nExecuted command unsuccessfully\nadmin:"));
    assert_eq!(outcome, Outcome::Refused);

    // every command stands in the log, answers do not
    let log = std::fs::read_to_string(place.folder.path().join("log/cli.log")).unwrap();
    assert!(log.starts_with("2015-03-06 21:04:39,000 INFO [main] sdMain.main - running command -> [show ctl]\n"));
    assert!(log.contains("-> [set cert regen callmanager]\n"));
    assert!(!log.contains("-> [yes]") && !log.contains("-> [y]"));
}

async fn certificate(place: &mut Place, session: &mut Session, name: &str) -> String {
    let (shown, outcome) = place.type_in(session, &[&format!("show cert own {name}")]).await;
    assert_eq!(outcome, Outcome::Done, "{shown}");
    shown
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_read_and_what_is_not_allowed() {
    let mut place = Place::new("10.5").await;
    let mut session = place.session(None, Level::ReadWrite).await;

    let (shown, _) = place.type_in(&mut session, &["show cert list own"]).await;
    assert_eq!(
        shown,
        "admin:show cert list own\n\
         tomcat/tomcat.pem: Self-signed certificate generated by system\n\
         ipsec/ipsec.pem: Self-signed certificate generated by system\n\
         ITLRecovery/ITLRecovery.pem: Self-signed certificate generated by system\n\
         CallManager/CallManager.pem: Self-signed certificate generated by system\n\
         CAPF/CAPF.pem: Self-signed certificate generated by system\n\
         TVS/TVS.pem: Self-signed certificate generated by system\n\
         admin:"
    );
    let (shown, _) = place.type_in(&mut session, &["show cert list trust"]).await;
    for line in [
        "tomcat-trust/cucm-1051-a-sub1.pem: Trust Certificate",
        "CallManager-trust/CAPF-e41e7d87.pem: Trust Certificate",
        "CAPF-trust/CAPF-e41e7d87.pem:",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    let own = certificate(&mut place, &mut session, "tomcat").await;
    assert!(own.starts_with("admin:show cert own tomcat\n[\n  Version: V3\n  Serial Number: "));
    assert!(own.contains("]-----BEGIN CERTIFICATE-----\n"));
    assert!(own.ends_with("-----END CERTIFICATE-----\nadmin:"));
    let by_file = certificate(&mut place, &mut session, "tomcat/tomcat.pem").await;
    assert_eq!(own.split_once('\n').unwrap().1, by_file.split_once('\n').unwrap().1);
    let (shown, _) = place.type_in(&mut session, &["show cert trust CAPF-trust/CAPF-e41e7d87.pem"]).await;
    assert!(shown.contains("CN=CAPF-e41e7d87"), "{shown}");
    let (shown, _) = place.type_in(&mut session, &["show itl"]).await;
    assert!(shown.contains("The checksum value of the ITL file:\n"));

    let (shown, _) = place.type_in(&mut session, &["utils service list"]).await;
    assert_eq!(
        shown,
        "admin:utils service list\n\
         Requesting service status, please wait...\n\
         Service Manager is running\n\
         Getting list of all services\n\
         >> Return code = 0\n\
         A Cisco DB[STARTED]  Not Run By Ringfence\n\
         Cisco CDP[STARTED]  Not Run By Ringfence\n\
         Cisco CTIManager[STARTED]  Not Run By Ringfence\n\
         Cisco CTL Provider[STOPPED]  Service Not Activated\n\
         Cisco CallManager[STARTED]  Not Run By Ringfence\n\
         Cisco Certificate Authority Proxy Function[STARTED]\n\
         Cisco Certificate Change Notification[STARTED]\n\
         Cisco Certificate Expiry Monitor[STARTED]\n\
         Cisco DRF Local[STARTED]  Not Run By Ringfence\n\
         Cisco DRF Master[STARTED]  Not Run By Ringfence\n\
         Cisco Database Layer Monitor[STARTED]  Not Run By Ringfence\n\
         Cisco Extension Mobility[STOPPED]  Service Not Activated\n\
         Cisco Intercluster Lookup Service[STARTED]  Not Run By Ringfence\n\
         Cisco Location Bandwidth Manager[STARTED]  Not Run By Ringfence\n\
         Cisco Serviceability Reporter[STARTED]  Not Run By Ringfence\n\
         Cisco Syslog Agent[STARTED]  Not Run By Ringfence\n\
         Cisco Tftp[STARTED]\n\
         Cisco Tomcat[STARTED]  Not Run By Ringfence\n\
         Cisco Trust Verification Service[STARTED]\n\
         Platform Administrative Web Service[STARTED]  Not Run By Ringfence\n\
         Primary Node =true\n\
         admin:"
    );
    let (shown, _) = place
        .type_in(
            &mut session,
            &["utils service stop Cisco Tftp", "utils service list page", "utils service start Cisco Tftp"],
        )
        .await;
    assert!(shown.contains(
        "Service Manager is running\nCisco Tftp[STOPPING]  \nCisco Tftp[STOPPED]  Commanded Out of Service\nadmin:"
    ));
    assert!(
        shown
            .contains("\nCisco Tftp[STOPPED]  Commanded Out of Service\nCisco Tomcat[STARTED]  Not Run By Ringfence\n")
    );
    assert!(shown.ends_with("Service Manager is running\nCisco Tftp[STARTING]  \nCisco Tftp[STARTED]  \nadmin:"));

    let (shown, _) = place
        .type_in(
            &mut session,
            &[
                "utils service deactivate Cisco Certificate Authority Proxy Function Service",
                "utils service list",
                "utils service activate capf",
                "show restarts",
            ],
        )
        .await;
    let capf = "Cisco Certificate Authority Proxy Function";
    assert!(shown.contains(&format!("{capf}[STOPPING]  \n{capf}[STOPPED]  Service Not Activated\nadmin:")), "{shown}");
    assert!(shown.contains(&format!("\n{capf}[STOPPED]  Service Not Activated\nCisco Certificate Change")), "{shown}");
    assert!(shown.contains(&format!("{capf}[STARTING]  \n{capf}[STARTED]  \nadmin:")), "{shown}");
    assert!(shown.ends_with("admin:show restarts\nNo restart is pending.\nadmin:"), "{shown}");

    let (shown, _) =
        place.type_in(&mut session, &["show cli pagination", "set cli pagination off", "show cli pagination"]).await;
    assert_eq!(
        shown,
        "admin:show cli pagination\n\
         Automatic Pagination : On.\n\
         admin:set cli pagination off\n\
         Automatic pagination is turned off\n\
         admin:show cli pagination\n\
         Automatic Pagination : Off.\n\
         admin:"
    );
    assert!(!session.pagination());

    let (shown, _) =
        place.type_in(&mut session, &["set parameter tftpfilesignaturealgorithm SHA-512", "show parameters"]).await;
    assert!(shown.contains("\nSuccessfully set TFTPFileSignatureAlgorithm to SHA-512.\n"));
    assert!(shown.contains("\nTFTPFileSignatureAlgorithm     : SHA-512\n"), "{shown}");
    // the lines of the page [sources/published-clusters#two-nodes]
    for line in ["LBMSecurityMode                : Insecure", "EnableCaching                  : True"] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }

    // every refusal carries the words that scripts look for, and none is more than a few lines
    for (line, says) in [
        ("frobnicate", "Executed command unsuccessfully\nNo valid command entered\n`help` lists the commands.\n"),
        (
            "utils ctl",
            "Executed command unsuccessfully\nNo valid command entered\n`utils ctl ?` lists what can follow.\n",
        ),
        ("help frobnicate", "Executed command unsuccessfully\nNo valid command entered\n`help` lists the commands.\n"),
        ("frobnicate ?", "Executed command unsuccessfully\nNo valid command entered\n`help` lists the commands.\n"),
        ("show ctl now", "`now` is too much\nSyntax: show ctl\nExecuted command unsuccessfully\n"),
        (
            "set cert regen",
            "unit-name is missing\nSyntax: set cert regen unit-name [options]\nExecuted command unsuccessfully\n",
        ),
        (
            "set cert regen tomcat-ECDSA",
            "no unit tomcat-ECDSA; there are tomcat, ipsec, ITLRecovery, CallManager, CAPF, TVS\n\
             Executed command unsuccessfully\n",
        ),
        (
            "show cert own cup",
            "no certificate cup; `show cert list own` names those that are there\nExecuted command unsuccessfully\n",
        ),
        (
            "file delete tftp ../ringfence.db",
            "no file ../ringfence.db; there are CTLFile.tlv, ITLFile.tlv\nExecuted command unsuccessfully\n",
        ),
        (
            "utils service restart Cisco Dialed Number Analyzer",
            "no service Cisco Dialed Number Analyzer; `utils service list` names those that are there\n\
             Executed command unsuccessfully\n",
        ),
        (
            "utils service deactivate Cisco Tomcat",
            "Cisco Tomcat is a network service: it is always activated; start and stop it\nExecuted command unsuccessfully\n",
        ),
        (
            "utils service mark-done Cisco Tomcat",
            "`Cisco Tomcat` is not pending on cucm-1051-a-pub; nothing is\nExecuted command unsuccessfully\n",
        ),
        (
            "run sql delete from device",
            "run sql takes one select statement; changes have commands of their own\nExecuted command unsuccessfully\n",
        ),
        (
            "set parameter EnableCaching False",
            "EnableCaching is not set by hand: it belongs to what Ringfence does not run, and nothing here depends on it\n\
             Executed command unsuccessfully\n",
        ),
        ("set cert regen tomcat foo", "`foo` is not key-length or hash\nExecuted command unsuccessfully\n"),
        ("set cert regen tomcat hash", "a value is missing after hash\nExecuted command unsuccessfully\n"),
        (
            "set parameter ClusterSecurityMode 1",
            "ClusterSecurityMode is not set by hand: `utils ctl set-cluster mixed-mode|non-secure-mode` changes it\nExecuted command unsuccessfully\n",
        ),
    ] {
        let reply = session.line(line, &mut place.clock).await;
        assert_eq!(reply.text, says, "{line}");
        assert_eq!(reply.outcome, Outcome::Refused, "{line}");
        assert_eq!(reply.state, State::Prompt, "{line}");
    }
    let reply = session.line("run sql select height from nowhere", &mut place.clock).await;
    assert_eq!(reply.outcome, Outcome::Refused);
    assert!(reply.text.contains("nowhere") && reply.text.lines().count() == 2, "{}", reply.text);
    let reply = session.line(&"x".repeat(10_000), &mut place.clock).await;
    assert!(reply.text.starts_with("a line has 8192 bytes at most\n"));

    // an interrupt takes the question away
    let reply = session.line("utils ctl set-cluster mixed-mode", &mut place.clock).await;
    assert!(matches!(reply.state, State::Ask(_)));
    assert_eq!(session.interrupt().text, "Control-C pressed\n");
    let reply = session.line("y", &mut place.clock).await;
    assert_eq!(reply.text, "Executed command unsuccessfully\nNo valid command entered\n`help` lists the commands.\n");
    assert_eq!(length(&mut place, &mut session).await, None);
    let reply = session.line("quit", &mut place.clock).await;
    assert_eq!((reply.text.as_str(), reply.state), ("", State::Quit));

    // a reader, and a subscriber
    let mut reader = place.session(None, Level::Read).await;
    for line in [
        "set cert regen tomcat",
        "show cert list own",
        "utils ctl update CTLFile",
        "utils service restart Cisco Tftp",
        "file delete tftp CTLFile.tlv noconfirm",
        "set parameter CAPFPhonePort 3805",
        "set cert regen",
        "run sql select name from device",
    ] {
        let reply = reader.line(line, &mut place.clock).await;
        assert_eq!(
            reply.text, "admin has privilege level 0, this needs level 1\nExecuted command unsuccessfully\n",
            "{line}"
        );
        assert_eq!(reply.state, State::Prompt, "asked nothing: {line}");
    }
    assert!(reader.line("show itl", &mut place.clock).await.ok());
    let mut subscriber = place.session(Some("cucm-1051-a-sub1"), Level::Install).await;
    for line in
        ["utils ctl set-cluster mixed-mode", "utils ctl set-cluster non-secure-mode", "utils ctl update CTLFile"]
    {
        let reply = subscriber.line(line, &mut place.clock).await;
        assert_eq!(reply.text, "This command can only be run on the publisher\nExecuted command unsuccessfully\n");
    }
    let (shown, _) = place.type_in(&mut subscriber, &["set cert regen CAPF", "yes"]).await;
    assert!(shown.contains("has no CAPF certificate of its own"), "{shown}");
    assert!(place.folder.path().join("nodes/cucm-1051-a-sub1/log/cli.log").exists());
    let completer = subscriber.completer().await;
    assert!(!completer.units.contains(&"CAPF".to_owned()));
    assert!(completer.trust.contains(&"CAPF-trust/CAPF-e41e7d87.pem".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_do_not_lie() {
    let mut place = Place::new("10.5").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    // What Ringfence does not run stays as it is, and owed, until somebody says that he restarted it elsewhere.
    let restart = "utils service restart Cisco Tomcat";
    let (shown, outcome) = place.type_in(&mut session, &[restart]).await;
    let line = "Cisco Tomcat[STARTED]  Not Run By Ringfence\n";
    assert_eq!(shown, format!("admin:{restart}\n{line}Restart it on the call server.\nadmin:"));
    assert_eq!(outcome, Outcome::Done);
    place.clock.now += 1000;
    place.type_in(&mut session, &["set cert regen tomcat", "yes"]).await;
    let (shown, _) = place.type_in(&mut session, &[restart, "show restarts"]).await;
    let next =
        "Restart it on the call server, then `utils service mark-done Cisco Tomcat` takes it from `show restarts`.\n";
    let owed =
        "  cucm-1051-a-pub: Cisco Tomcat (restart it on the call server, then `utils service mark-done Cisco Tomcat`)";
    assert!(shown.starts_with(&format!("admin:{restart}\n{line}{next}admin:show restarts\n{owed}; ")), "{shown}");
    let (shown, _) =
        place.type_in(&mut session, &["utils service mark-done Cisco Tomcat Service", "show restarts"]).await;
    assert!(shown.ends_with(
        "Marked as done on cucm-1051-a-pub: Cisco Tomcat\nadmin:show restarts\nNo restart is pending.\nadmin:"
    ));
    let (shown, outcome) = place.type_in(&mut session, &["utils service stop Cisco Tomcat"]).await;
    assert!(shown.contains("\nCisco Tomcat is not run by Ringfence: stop it on the call server\nExecuted"), "{shown}");
    assert_eq!(outcome, Outcome::Refused);
    let (shown, _) = place.type_in(&mut session, &["utils service start Cisco CDP"]).await;
    assert!(
        shown.ends_with("Cisco CDP[STARTED]  Not Run By Ringfence\nStart it on the call server.\nadmin:"),
        "{shown}"
    );
    // a step that is no service has a name
    place.clock.now += 1000;
    place.type_in(&mut session, &["set cert regen TVS", "yes"]).await;
    let (shown, _) =
        place.type_in(&mut session, &["show restarts", "utils service mark-done reset-phones", "show restarts"]).await;
    let step = "  cucm-1051-a-pub: reset the phones (then `utils service mark-done reset-phones`);";
    assert_eq!(shown.matches(step).count(), 1, "{shown}");
    assert!(shown.contains("\nMarked as done on cucm-1051-a-pub: reset the phones\nadmin:"), "{shown}");
    let mut other = place.session(Some("cucm-1051-a-sub1"), Level::ReadWrite).await;
    let (shown, _) = place.type_in(&mut other, &["utils service restart Cisco Certificate Expiry Monitor"]).await;
    let there = "The one of the publisher works for the whole cluster: restart it there.\nadmin:";
    assert!(
        shown.ends_with(&format!("Cisco Certificate Expiry Monitor[STARTED]  Not Run By Ringfence\n{there}")),
        "{shown}"
    );

    // Nobody serves the nodes any more.
    place.served.clear();
    let (shown, _) = place.type_in(&mut session, &["utils service list"]).await;
    for line in [
        "Cisco Tftp[STOPPED]  Node Not Running\n",
        "Cisco Certificate Expiry Monitor[STOPPED]  Node Not Running\n",
        "Cisco CTL Provider[STOPPED]  Service Not Activated\n",
        "Cisco Tomcat[STARTED]  Not Run By Ringfence\n",
    ] {
        assert!(shown.contains(&format!("\n{line}")), "{line}\n{shown}");
    }
    assert!(!shown.contains("[STARTED]\n"), "{shown}");
    let data = place.folder.path().display().to_string();
    for act in ["start", "stop", "restart"] {
        let (shown, outcome) = place.type_in(&mut session, &[&format!("utils service {act} Cisco Tftp")]).await;
        let why = format!("cucm-1051-a-pub is not running: `ringfence serve --data {data}` starts it");
        assert!(shown.ends_with(&format!("Cisco Tftp\n{why}\nExecuted command unsuccessfully\nadmin:")), "{shown}");
        assert_eq!(outcome, Outcome::Refused);
    }
    let provider = "Cisco CTL Provider";
    let activate = [format!("utils service activate {provider}"), format!("utils service deactivate {provider}")];
    let (shown, _) = place.type_in(&mut session, &[activate[0].as_str(), activate[1].as_str()]).await;
    assert!(
        shown.contains(&format!("Service Manager is running\n{provider}[STOPPED]  Node Not Running\nadmin:")),
        "{shown}"
    );
    assert!(
        shown.ends_with(&format!("Service Manager is running\n{provider}[STOPPED]  Service Not Activated\nadmin:")),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_release_has_not_is_not_offered() {
    let mut place = Place::new("9.1").await;
    let mut session = place.session(None, Level::Install).await;
    let (shown, outcome) = place.type_in(&mut session, &["utils ctl set-cluster mixed-mode"]).await;
    assert_eq!(
        shown,
        "admin:utils ctl set-cluster mixed-mode\n\
         Executed command unsuccessfully\n\
         No valid command entered\n\
         `utils ctl set-cluster mixed-mode` is not a command of release 9.1: sign the CTL file with two tokens and `ringfence \
         ctl-client`, or move to a newer release with `utils system switch-version`\n\
         admin:"
    );
    assert_eq!(outcome, Outcome::Refused);
    let (shown, _) = place.type_in(&mut session, &["help", "utils ?", "help utils ctl", "utils itl reset"]).await;
    assert!(
        !shown.contains("ctl update") && !shown.contains("      utils ctl*") && !shown.contains("itl reset localkey")
    );
    assert_eq!(shown.matches("No valid command entered\n").count(), 2, "{shown}");
    let completer = session.completer().await;
    assert_eq!(
        completer.complete("utils c").candidates.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(),
        ["capf", "cert"]
    );

    let mut place = Place::new("10.5").await;
    let mut session = place.session(None, Level::Install).await;
    let (shown, outcome) = place.type_in(&mut session, &["utils itl reset"]).await;
    let both = "      utils itl reset localkey\n      utils itl reset remotekey\n";
    assert_eq!((shown, outcome), (format!("admin:utils itl reset\n{both}admin:"), Outcome::Done));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_words_of_15() {
    let mut place = Place::new("15").await;
    let mut session = place.session(None, Level::Install).await;
    // A server runs a session as a task of its own.
    fn is_send<T: Send>(_: &T) {}
    is_send(&session.line("help", &mut place.clock));
    let (shown, _) = place.type_in(&mut session, &["utils ctl set-cluster mixed-mode", "y"]).await;
    assert!(shown.ends_with(
        "\nCluster set to Mixed Mode\nPlease Restart the Cisco CallManager and CTIManager services on all nodes in the \
         cluster that run these services\nadmin:"
    ));
    let (shown, _) = place.type_in(&mut session, &["utils service restart Cisco Trust Verification Service"]).await;
    assert_eq!(
        shown,
        "admin:utils service restart Cisco Trust Verification Service\n\
         Do not press Ctrl+C while the service is restarting. If the service has not restarted properly, execute the same \
         command again.\n\
         Service Manager is running\n\
         Cisco Trust Verification Service[STOPPING]  \n\
         Cisco Trust Verification Service[STARTING]  \n\
         Cisco Trust Verification Service[STARTED]  \n\
         admin:"
    );
    let (shown, outcome) = place.type_in(&mut session, &["set cert regen ITLRecovery", "yes"]).await;
    assert_eq!(
        shown,
        "admin:set cert regen ITLRecovery\n\
         WARNING: If you are using a tokenless CTL and if the CallManager certificate is recently generated, please ensure \
         that the CTL File already has the new CallManager certificate and is updated to the endpoints, before generating \
         the ITL Recovery certificate. Are you sure want to proceed?\n\
         Proceed with regeneration (yes|no)? yes\n\
         Successfully Regenerated Certificate for ITLRecovery.\n\
         Pending until done, `show restarts` lists them:\n  \
         cucm-1051-a-pub: utils ctl reset localkey; because of ITLRecovery of cucm-1051-a-pub \
         (Cisco's document 217138 on CA-signed certificates and field notice 70613)\n  \
         cucm-1051-a-pub: reset the phones (then `utils service mark-done reset-phones`); because of ITLRecovery of cucm-1051-a-pub \
         (Cisco's document 217138 on CA-signed certificates and field notice 70613)\n  \
         cucm-1051-a-pub: utils ctl update CTLFile; because of ITLRecovery of cucm-1051-a-pub \
         (Cisco's document 217138 on CA-signed certificates and field notice 70613)\n\
         admin:"
    );
    assert_eq!(outcome, Outcome::Done);
}

/// A shell that stays open while the release is switched elsewhere speaks of the new one: commands, help, questions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_switches_the_release() {
    let mut place = Place::new("9.1").await;
    let mut session = place.session(None, Level::Install).await;
    let missing = "is not a command of release 9.1";
    let (shown, _) = place.type_in(&mut session, &["utils itl reset localkey"]).await;
    assert!(shown.contains(missing), "{shown}");

    let other = Cluster::open(place.folder.path(), TimeZone::UTC).await.unwrap().unwrap();
    let node = other.node(None).await.unwrap();
    let actor = Actor::new("elsewhere", Level::Install);
    other.perform(&actor, &node, &SwitchRelease::to("15"), &mut place.clock).await.unwrap();

    let (shown, _) = place.type_in(&mut session, &["utils itl reset localkey"]).await;
    assert!(!shown.contains("not a command") && !shown.contains("9.1"), "{shown}");
    assert_eq!(session.completer().await.release.name, "15");
}
