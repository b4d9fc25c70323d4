//! `set cert bulk`: two clusters exchange their certificates over a directory; what is not right there is not taken.

use std::path::Path;
use std::process::Command;

use crate::node::Place;
use cluster::Level;
use shell::{Outcome, State};

const SERVER: &str = "Server (name or address, :port behind it when it is not 22; local for this machine): ";

async fn two_clusters(release: &str) -> (Place, Place, tempfile::TempDir) {
    let old = Place::new(release).await;
    let new = Place::of(release, &[("cucm-new-pub", "10.48.47.163"), ("cucm-new-sub1", "10.48.47.164")]).await;
    (old, new, tempfile::tempdir().unwrap())
}

async fn run(place: &mut Place, lines: &[&str]) -> (String, Outcome) {
    let mut session = place.session(None, Level::ReadWrite).await;
    place.type_in(&mut session, lines).await
}

async fn use_directory(place: &mut Place, directory: &Path) {
    let path = directory.display().to_string();
    let (said, outcome) = run(place, &["set cert bulk sftp", "local", &path]).await;
    assert_eq!(outcome, Outcome::Done, "{said}");
    assert_eq!(
        said,
        format!(
            "admin:set cert bulk sftp\n{SERVER}local\nDirectory: {path}\n\
             The directory is used from now on.\nadmin:"
        )
    );
}

/// Both have exported, the first one has consolidated.
async fn consolidated(release: &str) -> (Place, Place, tempfile::TempDir) {
    let (mut old, mut new, directory) = two_clusters(release).await;
    for place in [&mut old, &mut new] {
        use_directory(place, directory.path()).await;
        run(place, &["set cert bulk export all"]).await;
    }
    run(&mut old, &["set cert bulk consolidate all"]).await;
    (old, new, directory)
}

#[tokio::test]
async fn two_clusters_come_to_trust_each_other() {
    let (mut old, mut new, directory) = two_clusters("15").await;
    for place in [&mut old, &mut new] {
        use_directory(place, directory.path()).await;
        let (said, _) = run(place, &["set cert bulk export all"]).await;
        assert_eq!(
            said,
            "admin:set cert bulk export all\n\
             Successfully exported tomcat certificate(s) to sftp server.\n\
             Successfully exported CallManager certificate(s) to sftp server.\n\
             Successfully exported CAPF certificate(s) to sftp server.\n\
             Successfully exported ITLRecovery certificate(s) to sftp server.\nadmin:"
        );
    }
    let (said, _) = run(&mut old, &["set cert bulk consolidate all"]).await;
    assert!(
        said.contains("\nSuccessfully consolidated tomcat certificates.\nSuccessfully consolidated CallManager"),
        "{said}"
    );
    for (place, other) in [(&mut old, "cucm-new-pub"), (&mut new, "cucm-1051-a-pub")] {
        let (said, outcome) = run(place, &["set cert bulk import all"]).await;
        assert_eq!(outcome, Outcome::Done);
        assert_eq!(
            said,
            "admin:set cert bulk import all\n\
             Successfully imported tomcat certificates.\n\
             Successfully imported CallManager certificates.\n\
             Successfully imported CAPF certificates.\n\
             Successfully imported ITLRecovery certificates.\nadmin:"
        );
        // The table of stores [sources/bulk#stores].
        let (said, _) = run(place, &["show cert list trust"]).await;
        for line in [
            format!("tomcat-trust/{other}.pem: Trust Certificate\n"),
            format!("Phone-SAST-trust/{other}.pem: Trust Certificate\n"),
            format!("CallManager-trust/{other}.pem: Trust Certificate\n"),
            format!("Phone-SAST-trust/ITLRECOVERY_{other}.pem: Trust Certificate\n"),
            format!("CallManager-trust/ITLRECOVERY_{other}.pem: Trust Certificate\n"),
        ] {
            assert!(said.contains(&line), "{line}{said}");
        }
        // Its own certificates are its own still, and no stranger's CAPF issues LSCs here.
        let (own, _) = run(place, &["show cert list own"]).await;
        assert!(!own.contains(other) && own.contains("CAPF/CAPF.pem"), "{own}");
        let audit = place.cluster.store().audit(10).await.unwrap();
        let entry = audit.iter().find(|entry| entry.command == "set cert bulk import ITLRecovery").unwrap();
        assert!(entry.result.starts_with("1 certificate: ") && entry.result.contains(other), "{}", entry.result);
    }
    no_key_left_the_cluster(directory.path());
}

/// `openssl` finds the certificates of the file, and nothing that looks like a key is in any of them.
fn no_key_left_the_cluster(directory: &Path) {
    let mut files = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("PRIVATE"));
        files += 1;
    }
    assert_eq!(files, 12, "three of each unit");
    let listed = Command::new("openssl")
        .args(["storeutl", "-noout", "-certs"])
        .arg(directory.join("consolidated_tomcat.pem"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("Total found: 4"), "{listed:?}");
}

#[tokio::test]
async fn what_comes_too_early_says_what_comes_first() {
    let (mut old, _new, directory) = two_clusters("10.5").await;
    let refusals = |said: &str| said.lines().nth(1).unwrap().to_owned();
    let (said, outcome) = run(&mut old, &["set cert bulk export tomcat"]).await;
    assert_eq!(outcome, Outcome::Refused);
    assert_eq!(refusals(&said), "no place of exchange is named; `set cert bulk sftp` first");
    use_directory(&mut old, directory.path()).await;
    let (said, _) = run(&mut old, &["set cert bulk consolidate tftp"]).await;
    assert_eq!(refusals(&said), "nobody has exported CallManager; `set cert bulk export CallManager` first");
    let (said, _) = run(&mut old, &["set cert bulk import CAPF"]).await;
    assert!(refusals(&said).starts_with("there is no consolidated_CAPF.pem; run `set cert bulk consolidate CAPF`"));
    run(&mut old, &["set cert bulk export CAPF"]).await;
    let (said, _) = run(&mut old, &["set cert bulk consolidate CAPF"]).await;
    assert!(said.contains("Only one cluster has exported so far."), "{said}");
    let (said, outcome) = run(&mut old, &["set cert bulk import CAPF"]).await;
    assert_eq!(outcome, Outcome::Refused);
    assert!(refusals(&said).contains("holds certificates of this cluster only"), "{said}");
    let missing = directory.path().join("missing").display().to_string();
    let (said, outcome) = run(&mut old, &["set cert bulk sftp", "local", &missing]).await;
    assert_eq!(outcome, Outcome::Refused);
    assert!(said.contains(&missing), "{said}");
}

#[tokio::test]
async fn a_file_that_is_not_right_changes_nothing() {
    let (_old, mut new, directory) = consolidated("10.5").await;
    let file = directory.path().join("consolidated_CallManager.pem");
    let good = std::fs::read_to_string(&file).unwrap();
    let (before, _) = run(&mut new, &["show cert list trust"]).await;
    let hash = good.lines().find(|line| line.starts_with("SHA-256: ")).unwrap().to_owned();
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n";
    let cases = [
        (good.replacen("certificates 1", "certificates 2", 1), "line 1: "),
        (good.replacen("Unit: CallManager", "Unit: tomcat", 1), "line 2: holds tomcat, not CallManager"),
        (good.replacen("Certificates: 4", "Certificates: 3", 1), "text behind the last certificate"),
        (good.replacen("Certificates: 4", "Certificates: 5", 1), "the file ends too early"),
        (good.replacen("Certificates: 4", "Certificates: 4000", 1), "more than 1000 certificates"),
        (good.replacen(&hash, &format!("SHA-256: {}", "0".repeat(64)), 1), "is not the one whose SHA-256"),
        (good.replacen("-----BEGIN CERTIFICATE-----\nMII", "-----BEGIN CERTIFICATE-----\nMIJ", 1), "line 9: "),
        (good.replacen("-----END CERTIFICATE-----\n", "", 1), "without its end"),
        (good.replacen("-----BEGIN CERTIFICATE-----\n", key, 1), "nothing but certificates is exchanged"),
        (format!("{good}{key}"), "text behind the last certificate"),
        (good.replacen("Cluster: ", "Cluster: \u{1b}[2J", 1), "not printable"),
        (String::new(), "line 1: the file ends too early"),
        (good.replace('\n', "\n\n"), "line 2: "),
        (format!("{good}{}", " ".repeat(4 << 20)), "above the limit"),
    ];
    for (text, wanted) in cases {
        std::fs::write(&file, &text).unwrap();
        let (said, outcome) = run(&mut new, &["set cert bulk import CallManager"]).await;
        assert_eq!(outcome, Outcome::Refused, "{wanted}");
        assert!(said.contains(wanted) && !said.contains('\u{1b}'), "{wanted}: {said}");
    }
    std::fs::write(&file, [0xff, 0xfe, 0x00]).unwrap();
    let (said, _) = run(&mut new, &["set cert bulk import CallManager"]).await;
    assert!(said.contains("no UTF-8 text"), "{said}");
    let (after, _) = run(&mut new, &["show cert list trust"]).await;
    assert_eq!(before, after);
    std::fs::write(&file, &good).unwrap();
    let (_, outcome) = run(&mut new, &["set cert bulk import CallManager"]).await;
    assert_eq!(outcome, Outcome::Done, "the right file is taken");
}

#[tokio::test]
async fn expired_certificates_are_left_out_by_name() {
    let (_old, mut new, _directory) = consolidated("10.5").await;
    new.clock.now += 6 * 366 * 24 * 3_600_000;
    let (said, outcome) = run(&mut new, &["set cert bulk import CallManager"]).await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(
        said,
        "admin:set cert bulk import CallManager\n\
         Successfully imported CallManager certificates.\n\
         Left out: cucm-1051-a-pub of cucm-1051-a-pub is not valid now.\n\
         Left out: cucm-1051-a-sub1 of cucm-1051-a-sub1 is not valid now.\nadmin:"
    );
    let (listed, _) = run(&mut new, &["show cert list trust"]).await;
    assert!(!listed.contains("cucm-1051-a-pub"), "{listed}");
}

/// CSCto86463 of the original: what was deleted came back.
#[tokio::test]
async fn what_was_deleted_is_left_out_by_name() {
    let (_old, mut new, _directory) = consolidated("15").await;
    run(&mut new, &["set cert bulk import tomcat"]).await;
    let (said, outcome) = run(&mut new, &["set cert delete tomcat-trust cucm-1051-a-sub1.pem", "yes"]).await;
    assert_eq!(outcome, Outcome::Done, "{said}");
    let (said, outcome) = run(&mut new, &["set cert bulk import tomcat"]).await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(
        said,
        "admin:set cert bulk import tomcat\n\
         Successfully imported tomcat certificates.\n\
         Left out: cucm-1051-a-sub1 of cucm-1051-a-sub1 was deleted here; `set cert undelete` takes that back.\nadmin:"
    );
    let (listed, _) = run(&mut new, &["show cert list trust"]).await;
    assert!(listed.contains("tomcat-trust/cucm-1051-a-pub.pem") && !listed.contains("tomcat-trust/cucm-1051-a-sub1"));
    let audit = new.cluster.store().audit(1).await.unwrap();
    let result = &audit[0].result;
    assert!(
        result.contains("; left out, because deleted here: 1 certificate: ") && result.contains("cucm-1051-a-sub1")
    );
    // asked for by name it comes back, and stays
    run(&mut new, &["set cert undelete tomcat-trust cucm-1051-a-sub1.pem"]).await;
    let (said, _) = run(&mut new, &["set cert bulk import tomcat"]).await;
    assert!(!said.contains("Left out"), "{said}");
}

#[tokio::test]
async fn a_password_is_asked_for_as_one_and_sftp_needs_a_face_that_has_it() {
    let mut place = Place::new("15").await;
    let mut session = place.session(None, Level::ReadWrite).await;
    place.type_in(&mut session, &["set cert bulk sftp", "sftp.example:2022", "backup"]).await;
    let reply = session.line("  s3cret ", &mut place.clock).await;
    assert_eq!(reply.state, State::Ask("Directory: "));
    let reply = session.line("/exchange", &mut place.clock).await;
    assert_eq!(reply.text.lines().next().unwrap(), "SFTP is not available here; use `ringfence admin`");
    for file in ["log/cli.log", "ringfence.db", "ringfence.db-wal"] {
        let bytes = std::fs::read(place.folder.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(6).any(|part| part == b"s3cret"), "{file}");
    }
    let (_, outcome) = run(&mut place, &["set cert bulk sftp", "not a server"]).await;
    assert_eq!(outcome, Outcome::Refused);
    let asked = session.line("set cert bulk sftp", &mut place.clock).await;
    assert_eq!(asked.state, State::Ask(SERVER));
    session.line("sftp.example", &mut place.clock).await;
    assert_eq!(session.line("backup", &mut place.clock).await.state, State::AskSecret("Password: "));
    assert_eq!(session.interrupt().state, State::Prompt);
    let mut reader = place.session(None, Level::Read).await;
    let (said, outcome) = place.type_in(&mut reader, &["set cert bulk export all"]).await;
    assert_eq!(outcome, Outcome::Refused);
    assert!(said.contains("this needs level 1"), "{said}");
}
