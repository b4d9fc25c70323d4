//! Resets of ITL and CTL, and the backup of the key.

use cluster::service_control::Act;
use cluster::service_control::ControlService;
use std::process::Command;

use cluster::alarms::{ITL_NOT_RESET, ITL_RECOVERY_BACKUP};
use cluster::units::Unit;
use cluster::{Actor, Level};
use pki::listing::ListKind;
use ringfence_core::CoreError;
use ringfence_core::recovery::itl_reset::ResetKey;
use trust::{Belief, Decision, Ground, Model, Offer, Verdict, judge};
use wire::header;

use crate::recovery::place::{Place, label};

impl Place {
    /// The names of the nodes, and whether each failed.
    async fn reset(&mut self, key: &ResetKey) -> Result<Vec<(String, bool)>, CoreError> {
        self.clock.now += 60_000;
        let node = self.publisher.clone();
        let states = self.cluster.reset_itl(&self.actor, &node, key, &mut self.clock).await?;
        // As the node does that runs; a log that takes nothing is tried again by the test.
        drop(self.cluster.store().write_log_lines().await);
        Ok(states.into_iter().map(|state| (state.host, state.failure.is_some())).collect())
    }

    async fn restart_tftp(&mut self) {
        for node in [self.publisher.clone(), self.subscriber.clone()] {
            self.cluster
                .perform(&self.actor, &node, &ControlService::new("Cisco Tftp", Act::Restart), &mut self.clock)
                .await
                .unwrap();
        }
    }

    async fn back_up(&mut self, place: &str, password: &str) -> Result<String, CoreError> {
        let node = self.publisher.clone();
        let password = password.to_owned().into();
        self.cluster.back_up_recovery(&self.actor, &node, place, &password, &mut self.clock).await
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.cluster.directory(&self.publisher).log().join(name)).unwrap()
    }
}

fn decided(belief: &Belief, itl: &[u8]) -> Verdict {
    match judge(belief, &Offer::Itl(itl)) {
        Decision::Final(verdict) => verdict,
        Decision::AskTvs(question) => panic!("a phone would ask TVS about {}", question.about),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_headers_with_the_sizes_of_the_sources() {
    let mut place = Place::new("10.5").await;
    // the printed cluster has renewed keys of 2048 bits
    place.renew(Unit::CallManager).await.unwrap();
    let publisher = place.publisher.clone();
    let held = place.list(&publisher, ListKind::Itl);
    assert_eq!(held.header().length(), 452);
    let reset = place.reset(&ResetKey::Local).await.unwrap();
    assert_eq!(reset, [("labserver1".to_owned(), false), ("labserver2".to_owned(), false)]);
    let reset = place.list(&publisher, ListKind::Itl);
    assert_eq!(reset.header().length(), 908);
    assert_eq!(reset.bytes().len(), held.bytes().len() + 456);
    assert_eq!(reset.header().field(header::SIGNATURE).unwrap().value.start, 197);
    assert_eq!(reset.bytes()[908..], held.bytes()[452..], "the records are those of before");
    assert_eq!(reset.bytes()[456..466], held.bytes()[..10], "the old header stands behind the new one");
    assert!(place.signer(&publisher, ListKind::Itl).starts_with("CN=ITLRECOVERY_labserver1.vasank.com;OU=TAC;"));

    let belief = Belief::holding(Model::find("8861").unwrap(), None, Some(held.clone()));
    let verdict = decided(&belief, reset.bytes());
    let Verdict::Accepted(accepted) = verdict else { panic!("{}", verdict.reason()) };
    assert!(matches!(accepted.ground, Ground::Listed { list: trust::ListKind::Itl, record: 3, .. }));
    let mut damaged = reset.bytes().to_vec();
    damaged[470] ^= 1;
    assert!(!decided(&belief, &damaged).is_accepted(), "the signature covers the old header too");

    // whatever happens, it stays; a restart of Cisco Tftp ends it
    place.cluster.settle(&mut place.clock).await.unwrap();
    assert_eq!(place.list(&publisher, ListKind::Itl), reset);
    place.restart_tftp().await;
    assert!(place.signer(&publisher, ListKind::Itl).starts_with("CN=labserver1.vasank.com;"));
    assert_eq!(place.list(&publisher, ListKind::Itl).header().length(), 452);

    // and so does a start of the program, on the node that starts
    place.reset(&ResetKey::Local).await.unwrap();
    place.cluster.tftp_starts(&publisher, &place.clock).await.unwrap();
    place.cluster.settle(&mut place.clock).await.unwrap();
    assert_eq!(place.list(&publisher, ListKind::Itl).header().length(), 452);
    assert!(place.signer(&place.subscriber, ListKind::Itl).starts_with("CN=ITLRECOVERY_labserver2."));
}

/// The ITL of one node cannot be written: the others have theirs, and everybody is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_fails_is_named_and_reset_later() {
    let mut place = Place::new("10.5").await;
    let (publisher, subscriber) = (place.publisher.clone(), place.subscriber.clone());
    let blocked = place.cluster.list_path(&subscriber, ListKind::Itl);
    std::fs::remove_file(&blocked).unwrap();
    std::fs::create_dir_all(blocked.join("in the way")).unwrap();
    let reset = place.reset(&ResetKey::Local).await.unwrap();
    assert_eq!(reset, [("labserver1".to_owned(), false), ("labserver2".to_owned(), true)]);
    assert!(place.signer(&publisher, ListKind::Itl).starts_with("CN=ITLRECOVERY_"));
    let alarms = async |place: &Place| {
        let mut all = place.cluster.standing_alarms().await.unwrap();
        all.retain(|alarm| alarm.name == ITL_NOT_RESET.name);
        all
    };
    let [alarm] = &alarms(&place).await[..] else { panic!("one alarm stands") };
    assert_eq!(alarm.subject, "labserver2");
    assert!(alarm.text.starts_with("The reset ITL file was not written on labserver2: "), "{}", alarm.text);
    let log = place.log("itlreset.log");
    let last = log.lines().last().unwrap();
    assert!(last.contains(" itlreset ERROR: The reset ITL file was not copied to labserver2: "), "{last}");
    let sql = "select result from audit where command = 'utils itl reset localkey' order by seq";
    let audit = place.cluster.run_sql(&place.actor, sql, 0).await.unwrap();
    let audit: Vec<&str> = audit.rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert!(audit[0] == "begun" && audit[1].ends_with(" on labserver1"), "{audit:?}");
    assert_eq!(audit[2], "failed on labserver2");

    std::fs::remove_dir_all(&blocked).unwrap();
    let reset = place.reset(&ResetKey::Local).await.unwrap();
    assert!(reset.iter().all(|(_, failed)| !failed), "{reset:?}");
    assert!(place.signer(&subscriber, ListKind::Itl).starts_with("CN=ITLRECOVERY_"));
    assert_eq!(alarms(&place).await, []);
}

/// The log takes nothing: the lists are reset all the same, and its lines come later, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_takes_nothing_stops_no_reset() {
    let mut place = Place::new("10.5").await;
    let log = place.cluster.directory(&place.publisher).log().join("itlreset.log");
    std::fs::create_dir_all(&log).unwrap();
    let reset = place.reset(&ResetKey::Local).await.unwrap();
    assert_eq!(reset, [("labserver1".to_owned(), false), ("labserver2".to_owned(), false)]);
    assert!(place.signer(&place.publisher, ListKind::Itl).starts_with("CN=ITLRECOVERY_"));
    std::fs::remove_dir(&log).unwrap();
    for _ in 0..2 {
        place.cluster.store().write_log_lines().await.unwrap();
    }
    let text = place.log("itlreset.log");
    assert_eq!(text.matches(" itlreset INFO: Start Execution\n").count(), 1, "{text}");
    assert!(text.ends_with(" itlreset INFO: Restarting Cisco Tftp service on host labserver2\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_has_the_lines_of_the_sources() {
    let mut place = Place::new("10.5").await;
    place.renew(Unit::CallManager).await.unwrap();
    place.clock.now = 1_457_655_330_000;
    place.reset(&ResetKey::Local).await.unwrap();
    let size = place.list(&place.publisher, ListKind::Itl).bytes().len();
    let at = "Fri Mar 11 00:16:30 2016 itlreset";
    // The lines of [sources/recovery#itl-reset-log] in their order, each on a line of its own; without its database
    // user, its SOAP answers and the numbers between that its parser prints. It has one node, and here are two.
    let generated = |name: &str, sftp: &str, size: usize, location: &str| {
        format!(
            "{at} INFO: hostname is {name}\n\
             {at} INFO: Cisco Tftp service started on host {name}\n\
             {at} DEBUG: Determining if the Live TFTP node is the self node or not\n\
             {at} INFO: {sftp}\n\
             {at} DEBUG: Converting key to pkcs8\n\
             {at} INFO: Converted key to pkcs8 format\n\
             {at} DEBUG: Generating the reset ITL file.....Location of ITL = {location}\n\
             Length of ITL File {}\n\
             Header Length = {}\n\
             Printing the Cisco SAST signerNameL=BGL,ST=KA,CN=ITLRECOVERY_{name}.vasank.com,OU=TAC,O=Cisco,C=IN\n\
             Printing the Cisco SAST issuerNameL=BGL,ST=KA,CN=ITLRECOVERY_{name}.vasank.com,OU=TAC,O=Cisco,C=IN\n\
             SIGNERNAME =  CN={name}.vasank.com;OU=TAC;O=Cisco;L=BGL;ST=KA;C=IN\n\
             CANAME = CN={name}.vasank.com;OU=TAC;O=Cisco;L=BGL;ST=KA;C=IN\n\
             SIGNATUREINFO = DIGESTALGORTITHM 1\n\
             SIGNATUREALGOINFO 2 8\n\
             SIGNATUREALGORTITHM 1\n",
            size - 456,
            if name == "labserver1" { 452 } else { 324 },
        )
    };
    let path = |node| place.cluster.list_path(node, ListKind::Itl).display().to_string();
    let here = "Live TFTP server is this pub node. So no need to sftp";
    let beginning = format!(
        "{at} INFO: Start Execution\n\
         {at} DEBUG: Key location is local\n\
         {at} DEBUG: Locating active Tftp servers in the cluster.....\n\
         {at} INFO: Number of Active TFTP servers in the cluster : 2\n\
         {}\
         SIGNATUREMODULUS 1 Modulus : 2048\n\
         Printing the length of the signature : 256\n\
         SIGNATURE 256\n\
         hdrLength: 452\n\
         Print the value of ITL new Header Length : 908\n\
         The new pITL file length is {size}\n\
         got privKey\n\
         SIG_BEGIN: 197\n\
         {at} INFO: The reset ITL file was generated successfully\n",
        generated("labserver1", here, size, &path(&place.publisher))
    );
    let log = place.log("itlreset.log");
    assert!(log.starts_with(&beginning), "{log}\n---\n{beginning}");
    let size = place.list(&place.subscriber, ListKind::Itl).bytes().len();
    let other = generated("labserver2", "Live TFTP server is labserver2", size, &path(&place.subscriber));
    let rest = log.strip_prefix(&beginning).unwrap();
    assert!(rest.starts_with(&other), "{rest}\n---\n{other}");
    let end = format!(
        "{at} INFO: The reset ITL file was generated successfully\n\
         {at} DEBUG: Transferring new reset ITL file to the TFTP server nodes in the cluster.....\n\
         {at} INFO: On local node copying sftp recovery ITL file to TFTP directory\n\
         {at} INFO: Copied successfully\n\
         {at} INFO: Restarting Cisco Tftp service on host labserver1\n\
         {at} INFO: Copying reset ITL file to TFTP directory of host labserver2\n\
         {at} INFO: Copied successfully\n\
         {at} INFO: Restarting Cisco Tftp service on host labserver2\n"
    );
    assert!(rest.ends_with(&end), "{rest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_12_0_callmanager_signs_again() {
    let mut place = Place::new("15").await;
    let publisher = place.publisher.clone();
    let held = place.list(&publisher, ListKind::Itl);
    place.reset(&ResetKey::Local).await.unwrap();
    let reset = place.list(&publisher, ListKind::Itl);
    assert!(place.signer(&publisher, ListKind::Itl).starts_with("CN=labserver1.vasank.com;"));
    assert!(place.signer(&place.subscriber, ListKind::Itl).starts_with("CN=labserver2.vasank.com;"));
    assert!(pki::verify::check_against_itself(&reset).verdict.is_valid());
    let belief = Belief::holding(Model::find("8861").unwrap(), None, Some(held));
    assert!(decided(&belief, reset.bytes()).is_accepted());
    // something in the list changes: the ordinary signer is back
    place.renew(Unit::Tvs).await.unwrap();
    assert!(place.signer(&publisher, ListKind::Itl).starts_with("CN=ITLRECOVERY_"));
    let remote = place.back_up("", "a long password").await.unwrap();
    let key = place.cluster.remote_key(&place.actor, &remote, &"a long password".to_owned().into()).unwrap();
    assert_eq!(label(&place.reset(&key).await.unwrap_err()), "no-remote-reset");
}

/// The key of ITLRecovery is what a reset helps against the loss of: from 12.0 on it is not needed for one, before it signs it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_key_of_itlrecovery() {
    for (release, needed) in [("10.5", true), ("11.5", true), ("12.5", false), ("14", false), ("15", false)] {
        let mut place = Place::new(release).await;
        let (publisher, subscriber) = (place.publisher.clone(), place.subscriber.clone());
        let held = place.list(&publisher, ListKind::Itl);
        for node in [&publisher, &subscriber] {
            // From 12.0 on the subscriber has that of the publisher.
            let own = match place.cluster.find_certificate(node, false, "ITLRecovery").await {
                Ok(own) => own,
                Err(_) => place.cluster.find_certificate(&publisher, false, "ITLRecovery").await.unwrap(),
            };
            let file = format!("{}.pem", pki::hash::hex(&own.key_id()));
            place.cluster.directory(node).keys().remove(&file).unwrap();
        }
        let done = place.reset(&ResetKey::Local).await;
        if needed {
            assert!(matches!(&done, Err(CoreError::Unreadable(_))), "{release}: {done:?}");
            continue;
        }
        assert!(done.unwrap().iter().all(|(_, failed)| !failed), "{release}");
        let belief = Belief::holding(Model::find("8861").unwrap(), None, Some(held.clone()));
        assert!(decided(&belief, place.list(&publisher, ListKind::Itl).bytes()).is_accepted(), "{release}");
        let signer = place.signer(&subscriber, ListKind::Itl);
        assert!(signer.starts_with("CN=labserver2"), "{release}: {signer}");
        let log = place.log("itlreset.log");
        assert!(log.contains(&format!("Length of ITL File {}\n", held.bytes().len())), "{log}");
        assert!(log.contains("SIGNERNAME =  CN=ITLRECOVERY_labserver1"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not() {
    let mut place = Place::new("9.1").await;
    let refused = place.reset(&ResetKey::Local).await.unwrap_err();
    assert_eq!(label(&refused), "no-itl-reset");
    assert!(refused.to_string().contains("deleted by hand"), "{refused}");
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let lower = Actor::new("operator", Level::ReadWrite);
    let refused = cluster.reset_itl(&lower, &publisher, &ResetKey::Local, &mut place.clock).await;
    assert!(matches!(refused, Err(CoreError::NotPermitted { needs: 4, .. })));
    assert_eq!(label(&place.back_up("", "a long password").await.unwrap_err()), "no-recovery");
    let mut place = Place::new("10.5").await;
    for node in [place.publisher.clone(), place.subscriber.clone()] {
        place
            .cluster
            .perform(&place.actor, &node, &ControlService::new("Cisco Tftp", Act::Stop), &mut place.clock)
            .await
            .unwrap();
    }
    assert_eq!(label(&place.reset(&ResetKey::Local).await.unwrap_err()), "no-active-tftp");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_another_cluster() {
    let mut old = Place::new("11.5").await;
    let held = old.list(&old.publisher, ListKind::Itl);
    let folder = tempfile::tempdir().unwrap();
    let file = old.back_up(folder.path().to_str().unwrap(), "correct horse").await.unwrap();
    let mut new = Place::new("11.5").await;
    let belief = Belief::holding(Model::find("8861").unwrap(), None, Some(held));
    let foreign = new.list(&new.publisher, ListKind::Itl);
    assert_eq!(decided(&belief, foreign.bytes()).label(), "unknown-signer");
    let wrong = new.cluster.remote_key(&new.actor, &file, &"another one".to_owned().into());
    assert!(wrong.err().unwrap().to_string().contains("the password is another one"));
    let key = new.cluster.remote_key(&new.actor, &file, &"correct horse".to_owned().into()).unwrap();
    new.reset(&key).await.unwrap();
    assert!(new.log("itlreset.log").contains("DEBUG: Key location is remote\n"));
    assert!(decided(&belief, new.list(&new.publisher, ListKind::Itl).bytes()).is_accepted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backup_opens_with_openssl_and_ends_the_alarm() {
    let mut place = Place::new("15").await;
    let standing = place.cluster.standing_alarms().await.unwrap();
    assert_eq!(standing.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), [ITL_RECOVERY_BACKUP.name]);
    place.cluster.settle(&mut place.clock).await.unwrap();
    place.cluster.store().write_log_lines().await.unwrap();
    let log = place.log("alarms.log");
    assert_eq!(log.lines().count(), 1, "it stands, it does not ring again: {log}");
    assert!(log.contains("%UC_CERT-4-ITLRecoveryCertBackup: %[Message="), "{log}");
    assert!(place.back_up("", "short").await.is_err());
    let path = place.back_up("", "correct horse").await.unwrap();
    assert!(place.cluster.standing_alarms().await.unwrap().is_empty());
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap()) & 0o777, 0o600);
    let open = |password: &str| {
        let arguments = ["pkcs12", "-in", &path, "-noenc", "-passin", &format!("pass:{password}")];
        Command::new("openssl").args(arguments).output().unwrap()
    };
    let opened = open("correct horse");
    let said = String::from_utf8(opened.stdout).unwrap();
    assert!(opened.status.success() && said.contains("BEGIN PRIVATE KEY"), "{said}");
    assert!(said.contains("ITLRECOVERY_labserver1.vasank.com"), "{said}");
    assert!(!open("another").status.success());
    // a new certificate is another key
    place.renew(Unit::ItlRecovery).await.unwrap();
    assert_eq!(place.cluster.standing_alarms().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ctl_by_its_second_certificate() {
    let mut place = Place::mixed("15").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let before = place.list(&publisher, ListKind::Ctl);
    cluster.reset_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    let reset = place.list(&publisher, ListKind::Ctl);
    assert!(place.signer(&publisher, ListKind::Ctl).starts_with("CN=labserver1."));
    assert_eq!(place.list(&place.subscriber, ListKind::Ctl), reset);
    let records = |list: &wire::trust_list::TrustList| list.bytes()[list.header().length()..].to_vec();
    assert_eq!(records(&before), records(&reset));
    assert!(pki::verify::check_against_itself(&reset).verdict.is_valid());
    cluster.update_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap();
    assert!(place.signer(&publisher, ListKind::Ctl).starts_with("CN=ITLRECOVERY_"));
    let mut place = Place::mixed("10.5").await;
    let (cluster, publisher) = (place.cluster.clone(), place.publisher.clone());
    let refused = cluster.reset_ctl(&place.actor, &publisher, &mut place.clock).await.unwrap_err();
    assert_eq!(label(&refused), "no-second-sast");
}
