//! What the CTL provider takes, what it refuses and why, and what becomes of a node that fails.

use cluster::alarms::CTL_NOT_DISTRIBUTED;
use cluster::certificates::regenerate::Regenerate;
use cluster::config::Protocol;
use cluster::devices::Device;
use cluster::parameters::SecurityMode;
use cluster::rows::{CtlFileRow, StandingAlarmRow};
use cluster::service_control::Act;
use cluster::service_control::ControlService;
use cluster::trust_lists::CtlSigner;
use cluster::units::Unit;
use cluster::{Actor, Level, services};
use pki::ctl_client::{CtlDraft, NotDeleted};
use pki::listing::ListKind;
use pki::profile::{CertificateProfile, SelfSigned, self_signed};
use pki::sign::SigningIdentity;
use pki::{Certificate, SoftKey};
use ringfence_core::administrators::Password;
use ringfence_core::{Cluster, CoreError};
use testbed::{Clock, PUBLISHER, SUBSCRIBER, make, new_cluster, phone};
use wire::ctl_provider::{Choice, Upload};
use wire::digest::DigestId;

const NOW: i64 = 1_425_675_879_000;

struct World {
    folder: tempfile::TempDir,
    cluster: Cluster,
    lab: Clock,
    admin: Actor,
}

impl World {
    async fn new(name: &str, models: &[&str]) -> Self {
        let new = new_cluster(name, &[(PUBLISHER, "127.0.47.155"), (SUBSCRIBER, "127.0.47.156")]);
        let mut lab = Clock::at(NOW);
        let (folder, cluster) = make(&new, &mut lab).await;
        let admin = Actor::new("admin", Level::Install);
        let devices: Vec<Device> = (1..)
            .zip(models)
            .map(|(number, model)| Device {
                model: (*model).to_owned(),
                protocol: Protocol::Sccp,
                ..phone(&format!("SEP{number:012X}"))
            })
            .collect();
        cluster.put_devices(&admin, &devices, &mut lab).await.unwrap();
        Self { folder, cluster, lab, admin }
    }

    async fn draft(&self) -> CtlDraft {
        CtlDraft::new(self.cluster.ctl_client_view(&self.admin).await.unwrap()).unwrap()
    }

    /// A CTL of these tokens, signed by the first.
    async fn upload(&self, choice: Choice, tokens: &[&Token], forced: bool) -> Upload {
        let mut draft = self.draft().await;
        for token in tokens {
            draft.add_token(token.certificate.clone());
        }
        let base = draft.state().ctl.as_deref().map(pki::hash::sha256);
        let identity = SigningIdentity::new(&tokens[0].certificate, &tokens[0].key).unwrap();
        let file = draft.sign(choice, &identity, u32::try_from(NOW / 1000).unwrap()).unwrap();
        Upload { choice, forced, file, base }
    }

    /// Back to a CTL of these two.
    async fn signed_again_by(&mut self, one: &Token, two: &Token) {
        for node in [None, Some("cucm-1051-a-sub1")] {
            let node = self.cluster.node(node).await.unwrap();
            self.cluster.delete_list(&self.admin, &node, ListKind::Ctl, &mut self.lab).await.unwrap();
        }
        let upload = self.upload(Choice::Mixed, &[one, two], true).await;
        self.take(&upload).await.unwrap();
    }

    async fn take(&mut self, upload: &Upload) -> Result<Vec<String>, (&'static str, String)> {
        match self.cluster.take_ctl(&self.admin, upload, "127.0.0.1", &mut self.lab).await {
            Ok(stored) => {
                assert!(stored.nodes.iter().all(|node| node.failure.is_none()), "{stored:?}");
                Ok(stored.warnings)
            }
            Err(CoreError::Refused { label, text }) => Err((label, text)),
            Err(other) => panic!("{other}"),
        }
    }

    async fn published(&self, node: Option<&str>) -> Option<Vec<u8>> {
        let node = self.cluster.node(node).await.unwrap();
        self.cluster.published_list(&node, ListKind::Ctl).unwrap().map(|list| list.list.bytes().to_vec())
    }

    /// The alarms that stand about the CTL.
    async fn alarms(&self) -> Vec<StandingAlarmRow> {
        let mut all = self.cluster.standing_alarms().await.unwrap();
        all.retain(|alarm| alarm.name == CTL_NOT_DISTRIBUTED.name);
        all
    }

    async fn mode(&self) -> SecurityMode {
        self.cluster.parameters().await.unwrap().security_mode()
    }
}

struct Token {
    certificate: Certificate,
    key: SoftKey,
}

fn token(name: &str, bits: u32, not_before: u64) -> Token {
    let key = testbed::rsa_key(bits).unwrap();
    let profile = CertificateProfile {
        digest: DigestId::SHA1,
        days: 3652,
        usage: &[],
        purposes: &[],
        ca_path_length: None,
        alt_names: false,
    };
    let subject = pki::name::Subject {
        country: String::new(),
        organization: "Cisco Systems, Inc.".to_owned(),
        unit: "IPCBU".to_owned(),
        common_name: format!("{name}        "),
        state: String::new(),
        locality: String::new(),
    };
    let request = SelfSigned { subject, serial: name.as_bytes()[8..].to_vec(), not_before, dns_names: Vec::new() };
    Token { certificate: self_signed(&profile, &request, &key).unwrap(), key }
}

const IN_2012: u64 = 1_337_212_800;

fn two() -> (Token, Token) {
    (token("SAST-ADN008580ef", 1024, IN_2012), token("SAST-ADN0054f509", 1024, IN_2012))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ctl_of_two_tokens_is_taken_and_the_mode_with_it_and_kept_until_a_node_signs() {
    let mut world = World::new("10.5", &["7975"]).await;
    let (one, two) = two();
    let upload = world.upload(Choice::Mixed, &[&one, &two], false).await;
    assert_eq!(world.take(&upload).await, Ok(Vec::new()));
    assert_eq!(world.mode().await, SecurityMode::Mixed);
    for node in [None, Some("cucm-1051-a-sub1")] {
        assert_eq!(world.published(node).await.as_ref(), Some(&upload.file));
    }
    // The answer was lost: the client brings it again.
    assert_eq!(world.take(&upload).await, Ok(Vec::new()));
    // Nothing that the nodes do by themselves touches it.
    world.cluster.settle(&mut world.lab).await.unwrap();
    assert_eq!(world.published(None).await.as_ref(), Some(&upload.file));
    assert!(world.cluster.ctl_trouble().await.unwrap().is_none());

    let publisher = world.cluster.node(None).await.unwrap();
    world.cluster.update_ctl(&world.admin, &publisher, &mut world.lab).await.unwrap();
    assert_ne!(world.published(None).await.as_ref(), Some(&upload.file));
    let signed = world.published(None).await;
    world.cluster.distribute_ctl(&world.admin, &mut world.lab).await.unwrap();
    assert_eq!(world.published(None).await, signed, "what is distributed now is what the nodes have signed");

    // Back to non-secure by the token is another matter: the nodes have signed, so the token is unknown.
    let upload = world.upload(Choice::NonSecure, &[&one, &two], false).await;
    assert_eq!(world.take(&upload).await.unwrap_err().0, "token-not-in-ctl");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_set_a_cluster_back_to_non_secure() {
    let mut world = World::new("10.5", &["7975"]).await;
    let (one, two) = two();
    let upload = world.upload(Choice::Mixed, &[&one, &two], false).await;
    world.take(&upload).await.unwrap();
    let upload = world.upload(Choice::NonSecure, &[&two], false).await;
    assert_eq!(world.take(&upload).await, Ok(Vec::new()));
    assert_eq!(world.mode().await, SecurityMode::NonSecure);
    assert!(world.published(None).await.unwrap().len() < upload.file.len() + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_the_sources() {
    let mut world = World::new("10.5", &["7975", "7960", "Jabber"]).await;
    let (one, two) = two();
    let alone = world.upload(Choice::Mixed, &[&one], false).await;
    let (label, text) = world.take(&alone).await.unwrap_err();
    assert_eq!(label, "two-tokens");
    assert!(text.contains("at least 2 Security Tokens and holds 1"), "{text}");
    assert_eq!((world.published(None).await, world.mode().await), (None, SecurityMode::NonSecure));
    assert_eq!(world.take(&Upload { forced: true, ..alone }).await.unwrap(), [text]);

    let stranger = token("SAST-ADN00000001", 1024, IN_2012);
    let unknown = world.upload(Choice::Update, &[&stranger, &two, &one], false).await;
    let refused = world.take(&unknown).await.unwrap_err();
    let exact = "The Security Token you have inserted does not exist in the CTL File\n\
                 Please remove any Security Tokens already inserted and insert another\n\
                 Security Token. Click Ok when done.";
    // Three SAST are more than the 7900s take: that is said first, with the devices.
    assert_eq!(refused.0, "ctl-above-limits");
    let concerned =
        "3 SAST records are more than these phones take: SEP000000000001, SEP000000000002. Delete Security Tokens";
    assert!(refused.1.contains(concerned), "{}", refused.1);
    let warnings = world.take(&Upload { forced: true, ..unknown }).await.unwrap();
    assert!(warnings[0] == refused.1 && warnings[1] == exact && warnings[2].contains("do not know"), "{warnings:?}");
    world.signed_again_by(&one, &two).await;
    // A draft without the old token.
    let mut draft = world.draft().await;
    assert!(!draft.may_sign(&stranger.certificate) && draft.may_sign(&one.certificate));
    draft.add_token(stranger.certificate.clone());
    let old = draft.items().iter().position(|item| item.subject.contains("ADN008580ef")).unwrap();
    assert_eq!((draft.delete(old), draft.delete(0)), (Ok(()), Err(NotDeleted::Fixed)), "servers cannot be deleted");
    draft.add_token(two.certificate.clone());
    let identity = SigningIdentity::new(&stranger.certificate, &stranger.key).unwrap();
    let file = draft.sign(Choice::Update, &identity, 1_425_675_880).unwrap();
    let base = draft.state().ctl.as_deref().map(pki::hash::sha256);
    let upload = Upload { choice: Choice::Update, forced: false, file, base };
    assert_eq!(world.take(&upload).await.unwrap_err(), ("token-not-in-ctl", exact.to_owned()));

    // The CTL is deleted on the server: the phones still have theirs, and two of them cannot ask TVS.
    for node in [None, Some("cucm-1051-a-sub1")] {
        let node = world.cluster.node(node).await.unwrap();
        world.cluster.delete_list(&world.admin, &node, ListKind::Ctl, &mut world.lab).await.unwrap();
    }
    let upload = world.upload(Choice::Update, &[&stranger, &two], false).await;
    let (label, text) = world.take(&upload).await.unwrap_err();
    assert_eq!(label, "phones-stranded");
    assert!(text.ends_with("deleted by hand at each of them: SEP000000000002, SEP000000000003"), "{text}");
    assert_eq!(world.take(&Upload { forced: true, ..upload }).await.unwrap(), [text]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_nobody_could_use() {
    let mut world = World::new("10.5", &["7975"]).await;
    let (one, two) = two();
    let good = world.upload(Choice::Mixed, &[&one, &two], true).await;
    let mut refused = async |change: &dyn Fn(&mut Upload), label: &str, words: &str| {
        let mut upload = good.clone();
        change(&mut upload);
        let (found, text) = world.take(&upload).await.unwrap_err();
        assert!(found == label && text.contains(words), "{label} {words}: {found} {text}");
    };
    refused(&|upload| upload.file.truncate(100), "ctl-unusable", "it cannot be read").await;
    refused(&|upload| *upload.file.last_mut().unwrap() ^= 1, "ctl-unusable", "signature is bad-signature").await;
    refused(&|upload| upload.file.resize(65_536, 0), "ctl-too-large", "65536 bytes; phones load 65535 at most: SEP")
        .await;
    refused(&|upload| upload.base = Some([1; 32]), "ctl-changed", "Run the CTL client again").await;
    let itl = |upload: &mut Upload| {
        let place = upload.file.windows(4).position(|bytes| bytes == b"CTLF").unwrap();
        upload.file[place] = b'I';
    };
    refused(&itl, "ctl-unusable", "its FILENAME is `ITLFile.tlv`").await;

    // A key that old phones cannot take, and a token that is over.
    let large = token("SAST-ADN00000002", 4096, IN_2012);
    let upload = world.upload(Choice::Mixed, &[&one, &large], false).await;
    let (label, text) = world.take(&upload).await.unwrap_err();
    assert!(label == "ctl-above-limits" && text.contains("4096 bits is more than these phones take: SEP"), "{text}");
    let (over, gone) = (token("SAST-ADN00000003", 1024, 1_000_000_000), token("SAST-ADN00000004", 1024, 1_000_000_000));
    let upload = world.upload(Choice::Mixed, &[&over, &gone], false).await;
    assert_eq!(world.take(&upload).await.unwrap_err().0, "nobody-can-sign");

    // Made before a renewal, brought after it.
    let publisher = world.cluster.node(None).await.unwrap();
    let stale = world.upload(Choice::Mixed, &[&one, &two], true).await;
    world
        .cluster
        .perform(&world.admin, &publisher, &Regenerate::unit(Unit::CallManager), &mut world.lab)
        .await
        .unwrap();
    let (label, text) = world.take(&stale).await.unwrap_err();
    assert!(
        label == "ctl-unusable" && text.contains("the CallManager certificate that cucm-1051-a-pub has now"),
        "{text}"
    );
    assert_eq!(world.mode().await, SecurityMode::NonSecure);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_records_are_those_of_the_mode() {
    let mut world = World::new("10.5", &["7975"]).await;
    let (one, two) = two();
    // Update CTL File in a cluster that is non-secure, and that stays so.
    let first = world.upload(Choice::Update, &[&one, &two], false).await;
    assert_eq!(world.take(&first).await, Ok(Vec::new()));
    assert_eq!(world.mode().await, SecurityMode::NonSecure);
    let again = world.upload(Choice::Update, &[&two], false).await;
    assert_eq!(world.take(&again).await, Ok(Vec::new()));

    // The file of one choice under the name of another.
    let mixed = world.upload(Choice::Mixed, &[&one], true).await;
    for choice in [Choice::NonSecure, Choice::Update] {
        let (label, text) = world.take(&Upload { choice, ..mixed.clone() }).await.unwrap_err();
        assert!(label == "ctl-unusable" && text.contains("it is one of mixed mode"), "{text}");
    }
    let emptied = world.upload(Choice::NonSecure, &[&one], true).await;
    let (label, text) = world.take(&Upload { choice: Choice::Mixed, ..emptied }).await.unwrap_err();
    assert!(label == "ctl-unusable" && text.contains("the CallManager certificate that cucm"), "{text}");
    assert_eq!(world.mode().await, SecurityMode::NonSecure);
    assert_eq!(world.published(None).await, Some(again.file));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ctl_that_is_older_than_the_one_of_the_cluster() {
    let mut world = World::new("10.5", &["7975"]).await;
    let (one, two) = two();
    // Two files of one moment; then the first becomes that of the cluster, and the next is younger whatever the clock of the client says.
    let first = world.upload(Choice::Mixed, &[&one, &two], false).await;
    let kept = world.upload(Choice::Mixed, &[&two, &one], false).await;
    world.take(&first).await.unwrap();
    let held = world.upload(Choice::Update, &[&one], false).await;
    world.take(&held).await.unwrap();
    let old = Upload { base: Some(pki::hash::sha256(&held.file)), forced: true, ..kept };
    let (label, text) = world.take(&old).await.unwrap_err();
    assert!(label == "ctl-older" && text.contains("which is younger. Run the CTL client"), "{text}");
    assert_eq!(world.published(None).await, Some(held.file));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_fails_is_named_and_finished_later() {
    let mut world = World::new("10.5", &[]).await;
    let (one, two) = two();
    // Something that no file can be renamed over.
    let blocked = world.folder.path().join("nodes/cucm-1051-a-sub1/published/CTLFile.tlv");
    std::fs::create_dir_all(blocked.join("in the way")).unwrap();
    let upload = world.upload(Choice::Mixed, &[&one, &two], false).await;
    let stored = world.cluster.take_ctl(&world.admin, &upload, "127.0.0.1", &mut world.lab).await.unwrap();
    let failed: Vec<bool> = stored.nodes.iter().map(|node| node.failure.is_some()).collect();
    assert_eq!(failed, [false, true]);
    assert_eq!(stored.nodes[1].host, "127.0.47.156");
    let trouble = world.cluster.ctl_trouble().await.unwrap().unwrap();
    assert!(trouble.contains("admin at 127.0.0.1") && trouble.contains("`utils ctl distribute`"), "{trouble}");

    // It stands with the reason, and rings again at each try.
    let [alarm] = &world.alarms().await[..] else { panic!("one alarm stands") };
    assert_eq!(alarm.subject, "cucm-1051-a-sub1");
    assert!(alarm.text.starts_with("CTLFile.tlv was not written on cucm-1051-a-sub1: "), "{}", alarm.text);
    assert!(alarm.text.ends_with("use the CLI command \"utils ctl distribute\" on the publisher"), "{}", alarm.text);
    world.cluster.distribute_ctl(&world.admin, &mut world.lab).await.unwrap();
    world.cluster.store().write_log_lines().await.unwrap();
    let log = std::fs::read_to_string(world.folder.path().join("nodes/cucm-1051-a-sub1/log/alarms.log")).unwrap();
    assert_eq!(
        log.matches("%UC_CTL-3-CTLFileNotDistributed: %[Message=CTLFile.tlv was not written on ").count(),
        2,
        "{log}"
    );
    world.cluster.settle(&mut world.lab).await.unwrap();
    assert_eq!(world.alarms().await.len(), 1);

    std::fs::remove_dir_all(&blocked).unwrap();
    let nodes = world.cluster.distribute_ctl(&world.admin, &mut world.lab).await.unwrap();
    assert!(nodes.iter().all(|node| node.failure.is_none()));
    assert_eq!(world.published(Some("cucm-1051-a-sub1")).await, Some(upload.file));
    assert!(world.cluster.ctl_trouble().await.unwrap().is_none());
    assert_eq!(world.alarms().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_distribution_that_was_killed_is_told_of_and_ends_when_the_nodes_sign() {
    let mut world = World::new("10.5", &[]).await;
    let (one, two) = two();
    let upload = world.upload(Choice::Mixed, &[&one, &two], false).await;
    // As a kill leaves it behind: the row, and the file on the publisher only.
    let row = CtlFileRow {
        file: upload.file.clone().into(),
        security_mode: "1".to_owned(),
        taken_from: "admin at 127.0.0.1".to_owned(),
        taken_at: NOW,
        renewal: 0,
        on_all_nodes: false,
    };
    let store = world.cluster.store().clone();
    let mut transaction = store.begin().await.unwrap();
    transaction.put_ctl_file(&row).await.unwrap();
    transaction.commit().await.unwrap();
    std::fs::write(world.folder.path().join("published/CTLFile.tlv"), &upload.file).unwrap();
    // The next start.
    world.cluster.settle(&mut world.lab).await.unwrap();
    let [alarm] = &world.alarms().await[..] else { panic!("one alarm stands") };
    assert_eq!(alarm.subject, "cucm-1051-a-sub1");
    assert!(alarm.text.contains("The CTL file from admin at 127.0.0.1 was not brought to cucm-1051-a-sub1"));
    // Both have it, but the mode is not set.
    std::fs::write(world.folder.path().join("nodes/cucm-1051-a-sub1/published/CTLFile.tlv"), &upload.file).unwrap();
    world.cluster.settle(&mut world.lab).await.unwrap();
    let subjects: Vec<String> = world.alarms().await.into_iter().map(|alarm| alarm.subject).collect();
    assert_eq!(subjects, ["cucm-1051-a-pub"]);
    let publisher = world.cluster.node(None).await.unwrap();
    world.cluster.set_security_mode(&world.admin, &publisher, SecurityMode::Mixed, &mut world.lab).await.unwrap();
    assert_eq!(world.alarms().await, []);
}

impl World {
    /// The commands by which the nodes sign; which nodes failed.
    async fn nodes_sign(&mut self, mode: Option<SecurityMode>) -> Vec<bool> {
        let publisher = self.cluster.node(None).await.unwrap();
        let (cluster, admin, lab) = (&self.cluster, &self.admin, &mut self.lab);
        let states = match mode {
            Some(mode) => cluster.set_security_mode(admin, &publisher, mode, lab).await.unwrap(),
            None => cluster.update_ctl(admin, &publisher, lab).await.unwrap(),
        };
        states.iter().map(|state| state.failure.is_some()).collect()
    }

    async fn delete_on(&mut self, name: Option<&str>) -> bool {
        let node = self.cluster.node(name).await.unwrap();
        self.cluster.delete_list(&self.admin, &node, ListKind::Ctl, &mut self.lab).await.unwrap()
    }

    /// The nodes for which the alarm stands.
    async fn behind(&self) -> Vec<String> {
        self.alarms().await.into_iter().map(|alarm| alarm.subject).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_fails_while_the_nodes_sign_is_named_and_finished_with_the_new_file() {
    let mut world = World::new("10.5", &[]).await;
    let (one, two) = two();
    let upload = world.upload(Choice::Mixed, &[&one, &two], false).await;
    world.take(&upload).await.unwrap();
    let blocked = world.folder.path().join("nodes/cucm-1051-a-sub1/published/CTLFile.tlv");
    for mode in [None, Some(SecurityMode::NonSecure)] {
        std::fs::remove_file(&blocked).unwrap();
        std::fs::create_dir_all(blocked.join("in the way")).unwrap();
        assert_eq!(world.nodes_sign(mode).await, [false, true]);
        let signed = world.published(None).await.unwrap();
        assert_ne!(signed, upload.file);
        assert_eq!(world.mode().await, mode.unwrap_or(SecurityMode::Mixed), "the mode is that of the file");
        assert_eq!(world.behind().await, [SUBSCRIBER]);
        let trouble = world.cluster.ctl_trouble().await.unwrap().unwrap();
        assert!(
            trouble.contains("admin on cucm-1051-a-pub") && trouble.contains("`utils ctl distribute`"),
            "{trouble}"
        );
        let sql = "select command, result from audit where command not like 'run sql%' order by seq";
        let audit = world.cluster.run_sql(&world.admin, sql, 0).await.unwrap().rows;
        let last: Vec<&str> = audit.last().unwrap().iter().map(|cell| cell.as_deref().unwrap()).collect();
        assert!(last[0].starts_with("utils ctl ") && last[1] == "failed on 127.0.47.156", "{last:?}");
        // The same again fails again and signs nothing new.
        assert_eq!(world.nodes_sign(mode).await, [false, true]);
        assert_eq!(world.published(None).await.as_ref(), Some(&signed));

        std::fs::remove_dir_all(&blocked).unwrap();
        world.cluster.distribute_ctl(&world.admin, &mut world.lab).await.unwrap();
        for node in [None, Some(SUBSCRIBER)] {
            assert_eq!(world.published(node).await.as_ref(), Some(&signed));
        }
        assert_eq!(world.behind().await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ctl_that_was_deleted_on_one_node_only_is_told_of() {
    // one that tokens signed and one node has not, one that tokens signed, one that the nodes signed
    for case in ["pending", "tokens", "nodes"] {
        let mut world = World::new("10.5", &[]).await;
        if case == "nodes" {
            assert_eq!(world.nodes_sign(Some(SecurityMode::Mixed)).await, [false, false]);
        } else {
            let (one, two) = two();
            let upload = world.upload(Choice::Mixed, &[&one, &two], false).await;
            world.take(&upload).await.unwrap();
        }
        let file = world.published(None).await;
        if case == "pending" {
            let row = world.cluster.store().ctl_file().await.unwrap().unwrap();
            let mut transaction = world.cluster.store().begin().await.unwrap();
            transaction.put_ctl_file(&CtlFileRow { on_all_nodes: false, ..row }).await.unwrap();
            transaction.commit().await.unwrap();
            std::fs::remove_file(world.folder.path().join("nodes/cucm-1051-a-sub1/published/CTLFile.tlv")).unwrap();
            assert!(!world.delete_on(Some(SUBSCRIBER)).await);
        } else {
            assert!(world.delete_on(Some(SUBSCRIBER)).await);
        }
        assert_eq!(world.behind().await, [SUBSCRIBER], "{case}");
        assert!(world.cluster.ctl_trouble().await.unwrap().is_some(), "{case}");
        world.cluster.distribute_ctl(&world.admin, &mut world.lab).await.unwrap();
        assert_eq!((world.published(Some(SUBSCRIBER)).await, world.behind().await.len()), (file, 0), "{case}");
        // Deleted on all: there is none, and that is no trouble.
        assert!(world.delete_on(None).await && world.behind().await.len() == 1);
        assert!(world.delete_on(Some(SUBSCRIBER)).await && world.behind().await.is_empty());
        let refused = world.cluster.distribute_ctl(&world.admin, &mut world.lab).await.unwrap_err();
        assert!(matches!(refused, CoreError::Refused { label: "no-ctl-taken", .. }), "{refused}");
    }
}

/// A CTL that nobody has kept: made before files of the nodes were.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_differ_without_a_file_that_was_kept() {
    let mut world = World::new("10.5", &[]).await;
    world.nodes_sign(Some(SecurityMode::Mixed)).await;
    let mut transaction = world.cluster.store().begin().await.unwrap();
    transaction.remove_ctl_file().await.unwrap();
    transaction.commit().await.unwrap();
    world.cluster.settle(&mut world.lab).await.unwrap();
    assert_eq!(world.behind().await.len(), 0);
    assert!(world.delete_on(Some(SUBSCRIBER)).await);
    assert_eq!(world.behind().await, [SUBSCRIBER]);
    world.cluster.distribute_ctl(&world.admin, &mut world.lab).await.unwrap();
    assert_eq!(world.published(Some(SUBSCRIBER)).await, world.published(None).await);
    assert_eq!((world.behind().await.len(), world.mode().await), (0, SecurityMode::Mixed));
}

/// Before the nodes take over from the tokens: who will not follow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_that_will_refuse_a_ctl_of_the_nodes_are_named() {
    let mut world = World::new("10.5", &["8861", "7960"]).await;
    assert_eq!(world.cluster.left_behind_by(CtlSigner::First).await.unwrap(), None, "no phone holds a CTL");
    let (one, two) = two();
    let upload = world.upload(Choice::Mixed, &[&one, &two], true).await;
    world.take(&upload).await.unwrap();
    let text = world.cluster.left_behind_by(CtlSigner::First).await.unwrap().unwrap();
    assert!(
        text.starts_with("These phones hold another CTL file, do not know ") && text.contains("cucm-1051-a-pub"),
        "{text}"
    );
    assert!(text.ends_with("deleted by hand at each of them: SEP000000000002"), "{text}");
    world.nodes_sign(None).await;
    assert_eq!(world.cluster.left_behind_by(CtlSigner::First).await.unwrap(), None, "the CTL names its signer now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_and_the_service() {
    let mut world = World::new("10.5", &[]).await;
    let (cluster, admin, lab) = (&world.cluster, &world.admin, &mut world.lab);
    let password = || Password::new("Cisco123");
    cluster.add_administrator(admin, "ccmadmin", Level::ReadWrite, password(), lab).await.unwrap();
    let there = cluster.add_administrator(admin, "ccmadmin", Level::Read, password(), lab).await.unwrap_err();
    assert!(matches!(there, CoreError::Refused { label: "account-there", .. }));
    let clerk = Actor::new("clerk", Level::ReadWrite);
    assert!(cluster.add_administrator(&clerk, "other", Level::Install, password(), lab).await.is_err());
    let actor = cluster.log_in("ccmadmin", password()).await.unwrap();
    assert_eq!((actor.name(), actor.level()), ("ccmadmin", Level::ReadWrite));
    for (name, given) in [("ccmadmin", "Cisco124"), ("nobody", "Cisco123"), ("", "")] {
        let refused = cluster.log_in(name, Password::new(given)).await.unwrap_err();
        assert!(matches!(refused, CoreError::Refused { label: "login", .. }), "{refused}");
    }
    let hashes = cluster.run_sql(admin, "select * from Credential", 0).await.unwrap_err().to_string();
    assert!(hashes.contains("is not shown"), "{hashes}");
    assert_eq!(cluster.run_sql(admin, "select name from applicationuser", 0).await.unwrap().rows.len(), 1);
    cluster.remove_administrator(admin, "ccmadmin", lab).await.unwrap();
    assert!(cluster.log_in("ccmadmin", password()).await.is_err());

    let publisher = cluster.node(None).await.unwrap();
    let subscriber = cluster.node(Some("cucm-1051-a-sub1")).await.unwrap();
    let runs = async || {
        let rows = cluster.services_of(&publisher).await.unwrap();
        rows.into_iter().find(|row| row.name == services::CTL_PROVIDER).unwrap().started
    };
    assert!(!runs().await, "off until somebody activates it");
    cluster.perform(admin, &publisher, &ControlService::new("cisco ctl provider", Act::Activate), lab).await.unwrap();
    assert!(runs().await);
    cluster.perform(admin, &publisher, &ControlService::new("Cisco CTL Provider", Act::Deactivate), lab).await.unwrap();
    assert!(
        !runs().await
            && cluster
                .perform(admin, &publisher, &ControlService::new("Cisco CTL Provider", Act::Start), lab)
                .await
                .is_err()
    );
    assert!(
        cluster
            .perform(admin, &subscriber, &ControlService::new("Cisco CTL Provider", Act::Activate), lab)
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_without_the_provider() {
    let mut world = World::new("15", &[]).await;
    let publisher = world.cluster.node(None).await.unwrap();
    let refused = world
        .cluster
        .perform(&world.admin, &publisher, &ControlService::new("Cisco CTL Provider", Act::Activate), &mut world.lab)
        .await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("not part of release 15: it went with 14SU3"), "{refused}");
    assert!(world.cluster.services_of(&publisher).await.unwrap().iter().all(|row| row.name != services::CTL_PROVIDER));
    let (one, two) = two();
    let upload = world.upload(Choice::Mixed, &[&one, &two], true).await;
    assert_eq!(world.take(&upload).await.unwrap_err().0, "service-not-in-release");
}
