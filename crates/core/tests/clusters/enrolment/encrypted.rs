//! Encrypted configs: what is given out under which name, for which key, and what is refused when it is configured.

use cluster::certificates::regenerate::Regenerate;
use cluster::service_control::Act;
use cluster::service_control::ControlService;
use std::net::IpAddr;

use cluster::enrolment::{AuthenticationMode, KeyOrder, KeyPlan, Operation};
use cluster::services;
use cluster::units::Unit;
use pki::{OpensslRandom, SoftKey};
use ringfence_core::CoreError;
use ringfence_core::enrolment::{Schedule, Selection, StringChoice};
use ringfence_core::files::{FileError, FolderSettings, NodeFiles};
use wire::signed_file::SignedFile;

use crate::enrolment::place::{DEVICE, Manufacturer, PhoneKeys, Place};

const OTHER: &str = "SEP001122334455";

async fn files(place: &Place, folder: Option<FolderSettings>) -> NodeFiles {
    NodeFiles::new(place.cluster.snapshot(&place.node).await.unwrap(), folder).encrypting(Box::new(OpensslRandom))
}

fn fetch(files: &NodeFiles, name: &str) -> Result<Vec<u8>, FileError> {
    let nobody = IpAddr::from([127, 0, 0, 1]);
    files.fetch(&name.parse().unwrap(), nobody, 1_767_323_045_000).map(|bytes| bytes.to_vec())
}

/// What a phone reads behind a signature that holds.
fn signed(place: &Place, bytes: Vec<u8>) -> (String, SignedFile) {
    let file = SignedFile::decode(bytes).unwrap();
    let verdict = pki::verify::check(file.header(), &signer(place));
    assert!(verdict.is_valid(), "{verdict:?}");
    (String::from_utf8_lossy(file.payload()).into_owned(), file)
}

/// The CallManager certificate of the node.
fn signer(place: &Place) -> pki::Certificate {
    let path = place.folder.path().join("signer.der");
    pki::Certificate::from_der(&std::fs::read(path).unwrap()).unwrap()
}

async fn keep_signer(place: &Place) {
    let signer = place.cluster.find_certificate(&place.node, false, "CallManager").await.unwrap();
    std::fs::write(place.folder.path().join("signer.der"), signer.der()).unwrap();
}

fn open(file: &SignedFile, key: &SoftKey) -> String {
    String::from_utf8(pki::encrypt::open(file, key).unwrap().plain.to_vec()).unwrap()
}

#[tokio::test]
async fn only_names_of_devices_that_are_there_are_known_names() {
    let place = Place::new(&[DEVICE]).await;
    let tftpboot = tempfile::tempdir().unwrap();
    let by_hand = "SEP0000000000AA";
    std::fs::write(tftpboot.path().join(format!("{by_hand}.cnf.xml")), "<device/>").unwrap();
    std::fs::write(tftpboot.path().join("CTLSEP0000000000BB.tlv"), "x").unwrap();
    let files = files(&place, Some(FolderSettings::open(tftpboot.path(), true).unwrap())).await;
    files.look_at_folder(1_767_323_045_000).unwrap();
    let known = |name: String| files.is_known(&name.parse().unwrap());
    for list in ["CTL", "ITL"] {
        assert!(known(format!("{list}File.tlv")));
        for device in [DEVICE, by_hand] {
            assert!(known(format!("{list}{device}.tlv")), "{device}");
        }
        // made up: they take no place of one that is there
        assert!(!known(format!("{list}SEPFFFFFFFFFFFF.tlv")));
    }
    assert!(known("CTLSEP0000000000BB.tlv".to_owned()) && !known("ITLSEP0000000000BB.tlv".to_owned()));
    assert!(known(format!("{DEVICE}.cnf.xml")) && !known("SEPFFFFFFFFFFFF.cnf.xml".to_owned()));
}

#[tokio::test]
async fn a_config_that_only_its_phone_can_read() {
    let mut place = Place::new(&[DEVICE, OTHER]).await;
    keep_signer(&place).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let (plain, stub, config) =
        (format!("{DEVICE}.cnf.xml"), format!("{DEVICE}.cnf.xml.sgn"), format!("{DEVICE}.cnf.xml.enc.sgn"));
    let before = files(&place, None).await;
    assert!(fetch(&before, &plain).is_ok() && fetch(&before, &stub).is_ok());
    assert_eq!(fetch(&before, &config), Err(FileError::NotFound));

    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let one = Selection::one(DEVICE);
    place.cluster.set_encrypted_config(&place.actor, &one, true, &mut place.clock).await.unwrap();
    // before the first LSC: a stub that sends the phone to CAPF, and nothing else
    let first = files(&place, None).await;
    let (text, _) = signed(&place, fetch(&first, &stub).unwrap());
    for element in
        ["<fullConfig>false<", "<capfAuthMode>2<", "<certHash></certHash>", "<encrConfig>true<", "<phonePort>3804<"]
    {
        assert!(text.contains(element), "{element}: {text}");
    }
    assert_eq!(fetch(&first, &config), Err(FileError::NotFound));

    place.session(&phone.plain(""), &mut phone).await.unwrap();
    let entry = place.cluster.device_entry(DEVICE).await.unwrap().unwrap();
    assert!(first.swap_device(DEVICE, entry), "one device alone is exchanged");
    let (lsc, key) = phone.lsc.clone().unwrap();
    for files in [first, files(&place, None).await] {
        let (text, _) = signed(&place, fetch(&files, &stub).unwrap());
        let hash = format!("<certHash>{}</certHash>", pki::hash::hex(&lsc.md5()));
        assert!(text.contains("<capfAuthMode>0<") && text.contains(&hash), "{text}");
        let bytes = fetch(&files, &config).unwrap();
        let (_, file) = signed(&place, bytes.clone());
        let opened = open(&file, &key);
        for element in ["<fullConfig>true<", "<capfAuthMode>0<", &hash, "<encrConfig>true<", "<versionStamp>"] {
            assert!(opened.contains(element), "{element}: {opened}");
        }
        assert_eq!(fetch(&files, &config).unwrap(), bytes, "made once");
        // nothing under the plain name, in no spelling, and nobody is noted as unknown
        for name in [plain.clone(), plain.to_lowercase()] {
            assert_eq!(fetch(&files, &name), Err(FileError::NotFound));
        }
        assert!(files.take_unknown().is_empty());
        assert!(fetch(&files, &format!("{OTHER}.cnf.xml")).is_ok(), "another device is served as before");
    }

    // a new LSC, another file
    let old = key;
    place.schedule(Operation::Install, AuthenticationMode::ExistingLsc).await;
    let mut renewed = PhoneKeys::new(DEVICE);
    let proven = phone.proven(1);
    place.session(&proven, &mut renewed).await.unwrap();
    let after = files(&place, None).await;
    let (_, file) = signed(&place, fetch(&after, &config).unwrap());
    assert!(pki::encrypt::open(&file, &old).is_err());
    assert!(open(&file, &renewed.lsc.unwrap().1).contains("<device>"));
}

#[tokio::test]
async fn nothing_that_lies_in_the_folder_gets_past_the_encryption() {
    let mut place = Place::new(&[DEVICE]).await;
    keep_signer(&place).await;
    let mut phone = PhoneKeys::new(DEVICE);
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    let tftpboot = tempfile::tempdir().unwrap();
    let written = "<device><ipAddressMode>0</ipAddressMode><sshPassword>secret</sshPassword>\
                   <capfAuthMode>1</capfAuthMode><certHash>ff</certHash></device>";
    std::fs::write(tftpboot.path().join(format!("{DEVICE}.cnf.xml")), written).unwrap();
    let folder = FolderSettings::open(tftpboot.path(), false).unwrap();
    let shown = files(&place, Some(folder.clone())).await;
    assert_eq!(fetch(&shown, &format!("{DEVICE}.cnf.xml")).unwrap(), written.as_bytes(), "as it lies there");

    let all = Selection::All;
    place.cluster.set_encrypted_config(&place.actor, &all, true, &mut place.clock).await.unwrap();
    std::fs::write(tftpboot.path().join(format!("{DEVICE}.cnf.xml.sgn")), "secret").unwrap();
    std::fs::write(tftpboot.path().join(format!("{DEVICE}.cnf.xml.enc.sgn")), "secret").unwrap();
    let files = files(&place, Some(folder)).await;
    assert_eq!(fetch(&files, &format!("{DEVICE}.cnf.xml")), Err(FileError::NotFound));
    let (stub, _) = signed(&place, fetch(&files, &format!("{DEVICE}.cnf.xml.sgn")).unwrap());
    assert!(
        !stub.contains("secret") && stub.contains("<ipAddressMode>0<") && stub.contains("<capfAuthMode>0<"),
        "{stub}"
    );
    let (_, file) = signed(&place, fetch(&files, &format!("{DEVICE}.cnf.xml.enc.sgn")).unwrap());
    let (lsc, key) = phone.lsc.unwrap();
    let opened = open(&file, &key);
    assert!(opened.contains("<sshPassword>secret<") && opened.contains(&pki::hash::hex(&lsc.md5())), "{opened}");
    // What lies beside it, and what a signed file in a signed one would be: no such file exists, in no spelling and in no folder.
    let ends = ["", "~", ".bak", ".enc", ".sgn.sgn", ".sgn.sgn.sgn", ".enc.sgn.sgn", ".sgn.bak", ".swp.sgn", "/x"];
    std::fs::create_dir(tftpboot.path().join("old")).unwrap();
    for end in ends.into_iter().filter(|end| !end.starts_with('/')) {
        for folder in ["", "old/"] {
            let path = tftpboot.path().join(format!("{folder}{DEVICE}.cnf.xml{end}"));
            std::fs::write(path, if end.contains("sgn") { hand_made(DEVICE) } else { written.as_bytes().to_vec() })
                .unwrap();
        }
    }
    for end in ends {
        for name in [format!("{DEVICE}.cnf.xml{end}"), format!("{DEVICE}.CNF.xml{end}").to_lowercase()] {
            assert_eq!(fetch(&files, &name), Err(FileError::NotFound), "{name}");
            assert_eq!(fetch(&files, &format!("old/{name}")), Err(FileError::NotFound), "old/{name}");
            assert_eq!(files.why(&name.parse().unwrap()), Ok(None), "{name}");
        }
    }
    for name in [format!("{DEVICE}.cnf.xml.sgn"), format!("{DEVICE}.cnf.xml.enc.sgn")] {
        signed(&place, fetch(&files, &name).unwrap());
        assert_eq!(fetch(&files, &format!("old/{name}")), Err(FileError::NotFound));
    }
    // Its lists are no part of this, and neither are the configs of others.
    let list = place.cluster.served_list(&place.node, pki::listing::ListKind::Itl).unwrap().unwrap().list.into_bytes();
    assert_eq!(fetch(&files, &format!("ITL{DEVICE}.tlv")).unwrap(), list);
    std::fs::write(tftpboot.path().join(format!("{OTHER}.cnf.xml~")), "mine").unwrap();
    assert_eq!(fetch(&files, &format!("{OTHER}.cnf.xml~")).unwrap(), b"mine");
    assert!(!opened.contains("<certHash>ff<") && !opened.contains("<capfAuthMode>1<"));
}

/// A config in clear that somebody signed by hand.
fn hand_made(device: &str) -> Vec<u8> {
    let maker = Manufacturer::new("by hand", 3650);
    let identity = pki::sign::SigningIdentity::new(&maker.certificate, &maker.key).unwrap();
    let spec = pki::sign::FileSpec {
        layout: wire::header::Layout::Cucm,
        digest: wire::digest::DigestId::SHA1,
        file_name: &format!("{device}.cnf.xml.sgn"),
        timestamp: 1,
    };
    pki::sign::sign_file(&spec, b"<device><sshPassword>secret</sshPassword></device>".to_vec(), &identity).unwrap()
}

#[tokio::test]
async fn a_byte_order_mark_in_a_config_moves_nothing() {
    let mut place = Place::new(&[DEVICE]).await;
    keep_signer(&place).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let tftpboot = tempfile::tempdir().unwrap();
    let written =
        "\u{feff}<?xml version=\"1.0\"?>\n<device><capfAuthMode>0</capfAuthMode><name>B</name><capfList/></device>\n";
    std::fs::write(tftpboot.path().join(format!("{DEVICE}.cnf.xml")), written).unwrap();
    let folder = FolderSettings::open(tftpboot.path(), true).unwrap();
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let pending = files(&place, Some(folder.clone())).await;
    let (text, _) = signed(&place, fetch(&pending, &format!("{DEVICE}.cnf.xml.sgn")).unwrap());
    assert!(text.starts_with("\u{feff}<?xml version=\"1.0\"?>\n<device><name>B</name><TVS>"), "{text}");
    assert!(
        text.ends_with("</capfList>\n<capfAuthMode>2</capfAuthMode>\n<certHash></certHash>\n<encrConfig>false</encrConfig>\n</device>\n"),
        "{text}"
    );

    place.session(&phone.plain(""), &mut phone).await.unwrap();
    place.cluster.set_encrypted_config(&place.actor, &Selection::All, true, &mut place.clock).await.unwrap();
    let files = files(&place, Some(folder)).await;
    let (stub, _) = signed(&place, fetch(&files, &format!("{DEVICE}.cnf.xml.sgn")).unwrap());
    assert!(
        stub.contains("\n  <capfAuthMode>0</capfAuthMode>\n") && stub.contains("\n  <capfList>\n    <capf>\n"),
        "{stub}"
    );
    let (_, file) = signed(&place, fetch(&files, &format!("{DEVICE}.cnf.xml.enc.sgn")).unwrap());
    let opened = open(&file, &phone.lsc.unwrap().1);
    assert!(opened.starts_with("\u{feff}<?xml version=\"1.0\"?>\n<device><name>B</name>"), "{opened}");
    assert!(opened.ends_with("<encrConfig>true</encrConfig>\n</device>\n"), "{opened}");
}

#[tokio::test]
async fn a_known_device_is_sent_to_capf_only_when_something_is_pending() {
    let mut place = Place::new(&[DEVICE]).await;
    let tftpboot = tempfile::tempdir().unwrap();
    let config = |mode: &str| format!("<device><capfAuthMode>{mode}</capfAuthMode><a/></device>");
    for name in [DEVICE, OTHER] {
        std::fs::write(tftpboot.path().join(format!("{name}.cnf.xml")), config("2")).unwrap();
    }
    let folder = FolderSettings::open(tftpboot.path(), true).unwrap();
    let text =
        |files: &NodeFiles, name: &str| String::from_utf8(fetch(files, &format!("{name}.cnf.xml")).unwrap()).unwrap();
    let idle = files(&place, Some(folder.clone())).await;
    assert!(text(&idle, DEVICE).contains("<capfAuthMode>0<"), "{}", text(&idle, DEVICE));
    assert!(text(&idle, OTHER).contains("<capfAuthMode>2<"), "nobody knows it: as its author wrote it");
    std::fs::write(tftpboot.path().join(format!("{DEVICE}.cnf.xml")), "<device><a/></device>").unwrap();
    let bare = text(&idle, DEVICE);
    assert!(!bare.contains("capfAuthMode") && bare.contains("<capfList>"), "nothing to say: {bare}");
    // and not to a CAPF that does not run
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    std::fs::write(tftpboot.path().join(format!("{DEVICE}.cnf.xml")), config("3")).unwrap();
    place
        .cluster
        .perform(&place.actor, &place.node, &ControlService::new(services::CAPF, Act::Stop), &mut place.clock)
        .await
        .unwrap();
    let stopped = files(&place, Some(folder)).await;
    assert!(text(&stopped, DEVICE).contains("<capfAuthMode>0<"), "{}", text(&stopped, DEVICE));
}

#[tokio::test]
async fn the_mic_stands_in_for_a_missing_lsc() {
    let mut place = Place::new(&[DEVICE]).await;
    let maker = Manufacturer::new("Test Manufacturing CA", 3650);
    let pem = maker.certificate.to_pem();
    place.cluster.import_phone_cas(&place.actor, &place.node, pem.as_bytes(), &mut place.clock).await.unwrap();
    place.desk.reload().await.unwrap();
    let mut phone = PhoneKeys::new(DEVICE);
    let key = testbed::rsa_key(2048).unwrap();
    phone.mic = Some((maker.mic(DEVICE, &key), key.clone()));
    place.schedule(Operation::Install, AuthenticationMode::ExistingMic).await;
    place.session(&phone.proven(1), &mut phone).await.unwrap();
    let all = Selection::All;
    place.cluster.set_encrypted_config(&place.actor, &all, true, &mut place.clock).await.unwrap();
    place.schedule(Operation::Delete, AuthenticationMode::ExistingMic).await;
    place.session(&phone.proven(1), &mut phone).await.unwrap();
    let files = files(&place, None).await;
    let file = SignedFile::decode(fetch(&files, &format!("{DEVICE}.cnf.xml.enc.sgn")).unwrap()).unwrap();
    assert!(open(&file, &key).contains("<encrConfig>true<"));
}

#[tokio::test]
async fn what_cannot_be_opened_is_refused_when_it_is_configured() {
    let mut place = Place::new(&[DEVICE]).await;
    let mut phone = PhoneKeys::new(DEVICE);
    let all = Selection::All;
    let on = place.cluster.set_encrypted_config(&place.actor, &all, true, &mut place.clock).await;
    assert_eq!(label(on), "encrypted-config-needs-certificate");
    let ec = KeyPlan { order: KeyOrder::EcOnly, ..KeyPlan::default() };
    place.set_keys(ec).await;
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let on = place.cluster.set_encrypted_config(&place.actor, &all, true, &mut place.clock).await;
    assert_eq!(label(on), "encrypted-config-needs-rsa", "EC only");
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    place.set_keys(KeyPlan::default()).await;
    let on = place.cluster.set_encrypted_config(&place.actor, &all, true, &mut place.clock).await;
    assert_eq!(label(on), "encrypted-config-needs-rsa", "the current LSC is EC");
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    place.cluster.set_encrypted_config(&place.actor, &all, true, &mut place.clock).await.unwrap();
    let keys = place.cluster.set_keys(&place.actor, &all, ec, &mut place.clock).await;
    assert_eq!(label(keys), "encrypted-config-needs-rsa", "the other way round");
    // EC preferred makes RSA, because only that opens the config
    place.set_keys(KeyPlan { order: KeyOrder::EcPreferred, ..KeyPlan::default() }).await;
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.session(&phone.plain(""), &mut phone).await.unwrap();
    assert!(phone.lsc.unwrap().0.rsa_bits().is_some());
}

/// The label of a refusal.
fn label<T: std::fmt::Debug>(outcome: Result<T, CoreError>) -> &'static str {
    match outcome.unwrap_err() {
        CoreError::Refused { label, .. } => label,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_stale_lsc_that_opens_a_config_is_not_given_up() {
    let mut place = Place::new(&[DEVICE, OTHER]).await;
    let mut phones = [DEVICE, OTHER].map(PhoneKeys::new);
    for phone in &mut phones {
        let name = phone.name.as_str().to_owned();
        place.schedule_for(&name, Operation::Install, AuthenticationMode::NullString, StringChoice::Keep).await;
        place.session(&phone.plain(""), phone).await.unwrap();
    }
    let one = Selection::one(DEVICE);
    place.cluster.set_encrypted_config(&place.actor, &one, true, &mut place.clock).await.unwrap();
    place.cluster.perform(&place.actor, &place.node, &Regenerate::unit(Unit::Capf), &mut place.clock).await.unwrap();
    let needed: Vec<bool> =
        place.cluster.stale_lscs(place.clock.now).await.unwrap().iter().map(|found| found.needed).collect();
    assert_eq!(needed, [false, true], "by name: {OTHER}, {DEVICE}");
    let deleted = place.cluster.delete_stale_lscs(&place.actor, &mut place.clock).await.unwrap();
    assert_eq!(deleted.iter().map(|found| found.lsc.device.as_str()).collect::<Vec<_>>(), [OTHER]);
    let files = files(&place, None).await;
    let file = SignedFile::decode(fetch(&files, &format!("{DEVICE}.cnf.xml.enc.sgn")).unwrap()).unwrap();
    assert!(open(&file, &phones[0].lsc.as_ref().unwrap().1).contains("<encrConfig>true<"), "it still opens its config");
    let again = place.cluster.delete_stale_lscs(&place.actor, &mut place.clock).await;
    assert_eq!(label(again), "encrypted-config-needs-lsc");
    place.cluster.set_encrypted_config(&place.actor, &one, false, &mut place.clock).await.unwrap();
    assert_eq!(place.cluster.delete_stale_lscs(&place.actor, &mut place.clock).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_first_installation_of_an_encrypted_config_is_not_taken_back() {
    let mut place = Place::new(&[DEVICE]).await;
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let one = Selection::one(DEVICE);
    place.cluster.set_encrypted_config(&place.actor, &one, true, &mut place.clock).await.unwrap();
    assert_eq!(place.enrolment().await.way_back(), None, "the installation is the way");
    let cancelled = place.cluster.cancel_operation(&place.actor, &one, &mut place.clock).await;
    assert_eq!(label(cancelled), "encrypted-config-needs-certificate");
    for (operation, wanted) in [
        (Operation::Delete, "encrypted-config-needs-lsc"),
        (Operation::Troubleshoot, "encrypted-config-needs-certificate"),
    ] {
        let mode = AuthenticationMode::NullString;
        let schedule = Schedule { operation, mode, string: StringChoice::Keep, completes_by: None };
        let scheduled = place.cluster.schedule(&place.actor, &one, &schedule, &mut place.clock).await;
        assert_eq!(label(scheduled), wanted);
    }
    // that its time is over nobody can refuse: then it says how to get out
    place.clock.now += 11 * 86_400_000;
    assert_eq!(place.cluster.expire_operations(place.clock.now).await.unwrap(), [DEVICE]);
    let way_back = place.enrolment().await.way_back().unwrap();
    assert!(way_back.starts_with("no certificate of it is known that its config could be encrypted for"), "{way_back}");
    assert!(way_back.ends_with(&format!(": utils capf device schedule {DEVICE} install null")), "{way_back}");
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    place.cluster.set_encrypted_config(&place.actor, &one, false, &mut place.clock).await.unwrap();
    place.cluster.cancel_operation(&place.actor, &one, &mut place.clock).await.unwrap();
}

#[tokio::test]
async fn configs_by_hand_are_looked_at_before_anything_is_promised() {
    let mut place = Place::new(&[DEVICE, OTHER]).await;
    let tftpboot = tempfile::tempdir().unwrap();
    let config = tftpboot.path().join(format!("{DEVICE}.cnf.xml"));
    std::fs::write(&config, b"<?xml version='1.0'?><device><name>B\xfcro</name></device>").unwrap();
    let told = async |place: &mut Place, merge: bool| {
        let folder = FolderSettings::open(tftpboot.path(), merge).unwrap();
        place.cluster.note_folder(&place.node, Some(&folder)).await.unwrap();
        let (operation, mode) = (Operation::Install, AuthenticationMode::NullString);
        let schedule = Schedule { operation, mode, string: StringChoice::Keep, completes_by: None };
        let done = place.cluster.schedule(&place.actor, &Selection::All, &schedule, &mut place.clock).await.unwrap();
        assert_eq!(done.devices, [OTHER, DEVICE]);
        let reasons = done.untold.into_iter().map(|unfit| (unfit.device, unfit.reason));
        reasons.collect::<Vec<(String, String)>>()
    };
    let untold = told(&mut place, true).await;
    assert_eq!((untold.len(), untold[0].0.as_str()), (1, DEVICE));
    assert!(untold[0].1.contains(&format!("{DEVICE}.cnf.xml in ")), "{untold:?}");
    assert!(untold[0].1.contains(" cannot be merged: line 1, column "), "{untold:?}");
    let all = Selection::All;
    let on = place.cluster.set_encrypted_config(&place.actor, &all, true, &mut place.clock).await;
    assert_eq!(label(on), "config-cannot-be-encrypted");
    assert!(!place.enrolment().await.encrypted);

    let entity = "<!DOCTYPE device [<!ENTITY me 'B'>]><device><name>&me;</name></device>";
    std::fs::write(&config, entity).unwrap();
    let untold = told(&mut place, true).await;
    assert!(untold[0].1.contains(" cannot be merged: "), "{untold:?}");
    let on = place.cluster.set_encrypted_config(&place.actor, &all, true, &mut place.clock).await;
    assert_eq!(label(on), "config-cannot-be-encrypted", "the stub knows no entities");

    std::fs::write(&config, "<device><name>B\u{fc}ro</name></device>").unwrap();
    assert!(told(&mut place, true).await.is_empty());
    let untold = told(&mut place, false).await;
    assert!(untold[0].1.contains("given out as it is (`--no-merge`)"), "{untold:?}");
    let signed = tftpboot.path().join(format!("{OTHER}.cnf.xml.SGN"));
    std::fs::write(signed, "signed elsewhere").unwrap();
    let untold = told(&mut place, true).await;
    assert_eq!((untold.len(), untold[0].0.as_str()), (1, OTHER));
    place.cluster.set_encrypted_config(&place.actor, &all, true, &mut place.clock).await.unwrap();

    place.cluster.note_folder(&place.node, None).await.unwrap();
    let schedule = Schedule {
        operation: Operation::Install,
        mode: AuthenticationMode::NullString,
        string: StringChoice::Keep,
        completes_by: None,
    };
    let done = place.cluster.schedule(&place.actor, &all, &schedule, &mut place.clock).await.unwrap();
    assert!(done.untold.is_empty(), "no folder, no configs by hand");
}

#[tokio::test]
async fn configs_name_capf_only_while_it_runs() {
    let mut place = Place::new(&[DEVICE]).await;
    place.schedule(Operation::Install, AuthenticationMode::NullString).await;
    let config = |place: NodeFiles| String::from_utf8(fetch(&place, &format!("{DEVICE}.cnf.xml")).unwrap()).unwrap();
    let running = config(files(&place, None).await);
    assert!(running.contains("<capfAuthMode>2<") && running.contains("<phonePort>3804<"), "{running}");
    place
        .cluster
        .perform(&place.actor, &place.node, &ControlService::new(services::CAPF, Act::Stop), &mut place.clock)
        .await
        .unwrap();
    assert!(!place.cluster.capf_runs().await.unwrap());
    let stopped = config(files(&place, None).await);
    assert!(stopped.contains("<capfAuthMode>0<") && !stopped.contains("<phonePort>"), "{stopped}");
    // a config that somebody wrote gets the mode of a pending operation too
    place
        .cluster
        .perform(&place.actor, &place.node, &ControlService::new(services::CAPF, Act::Start), &mut place.clock)
        .await
        .unwrap();
    let tftpboot = tempfile::tempdir().unwrap();
    std::fs::write(tftpboot.path().join(format!("{DEVICE}.cnf.xml")), "<device><a/></device>").unwrap();
    let folder = FolderSettings::open(tftpboot.path(), true).unwrap();
    let merged = config(files(&place, Some(folder)).await);
    assert!(merged.starts_with("<device><a/>") && merged.contains("<capfAuthMode>2<"), "{merged}");
}
