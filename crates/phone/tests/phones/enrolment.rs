//! Phones that go to CAPF, told from the boot: the node is python3, CAPF and TVS answer with recorded bytes, the encrypted
//! configs are those of another make.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::node::replay::{Recorded, Replay, recorded};
use crate::node::{Manner, NAME, Node, Owner, Tvs, closed_tcp_port, hashed, list, owner, record, sgn, vectors};
use phone::capf::{Cause, MenuError, Mode, Outcome};
use phone::{Credential, DeviceCertificates, Keep, KeySource, ManufacturingCa, Misbehaviour, Phone, PhoneSettings};
use pki::NameForm;
use pki::encrypt::encrypt_file;
use pki::sign::{FileSpec, SigningIdentity};
use wire::capf::{KeySpec, Message, Password, RsaSize, tag};
use wire::digest::DigestId;
use wire::header::{ITL_FILE_NAME, Layout};
use wire::role::Role;
use wire::trust_list::RecordSpec;

const CONFIG: &str = "SEPB000B4BA0AEE.cnf.xml.sgn";
const ENCRYPTED: &str = "SEPB000B4BA0AEE.cnf.xml.enc.sgn";
const ITL: &str = "ITLSEPB000B4BA0AEE.tlv";
const RSA_2048: KeySpec = KeySpec::Rsa(RsaSize::Bits2048);

fn credential(path: &str) -> Credential {
    Credential::from_pem(&std::fs::read(vectors().join(path)).unwrap()).unwrap()
}

/// An ITL with the signer of configs, TVS, and CAPF when there is one.
fn itl(callmanager: &Owner, capf: Option<&Owner>) -> Vec<u8> {
    let mut records =
        vec![record(Role::SAST, callmanager), record(Role::TFTP, callmanager), hashed(Role::TVS, &owner("tvs-2048"))];
    records.extend(capf.map(|capf| record(Role::CAPF, capf)));
    list(ITL_FILE_NAME, &records, callmanager)
}

/// A config with this mode and these CAPF servers, and more elements.
fn config(mode: u8, capf: &[SocketAddr], more: &str) -> String {
    let servers: String = capf
        .iter()
        .map(|server| {
            let (port, host) = (server.port(), server.ip());
            format!("<capf><phonePort>{port}</phonePort><processNodeName>{host}</processNodeName></capf>")
        })
        .collect();
    format!("<device><capfAuthMode>{mode}</capfAuthMode><capfList>{servers}</capfList>{more}</device>")
}

/// The key that the phone of a recording made.
fn keys(recorded: &Recorded) -> KeySource {
    let path = recorded.value["device_key_and_certificate"].as_str().unwrap();
    KeySource::prepared(vec![(RSA_2048, credential(path).key().clone())])
}

struct Place {
    node: Node,
    callmanager: Owner,
    memory: tempfile::TempDir,
}

impl Place {
    /// A node whose ITL names this CAPF.
    fn new(capf: Option<&Owner>) -> Self {
        let (node, callmanager) = (Node::start(), owner("ccm-pub-2048"));
        node.put(ITL, itl(&callmanager, capf));
        Self { node, callmanager, memory: tempfile::tempdir().unwrap() }
    }

    fn config(&self, text: &str) {
        self.node.put(CONFIG, sgn(CONFIG, text, &self.callmanager));
    }

    fn settings(&self) -> PhoneSettings {
        let mut settings = self.node.phone("8861", NAME);
        settings.keep = Keep::In(self.memory.path().to_owned());
        settings.waits.capf = Duration::from_secs(5);
        settings
    }

    fn lsc(&self) -> Option<Credential> {
        DeviceCertificates::load(&Keep::In(self.memory.path().to_owned())).unwrap().lsc().cloned()
    }
}

/// Tag and value of the elements of an AUTH_RESPONSE.
fn elements(message: &[u8]) -> Vec<(u8, Vec<u8>)> {
    Message::decode(message).unwrap().elements
}

fn certificate_shown(message: &[u8]) -> Option<Vec<u8>> {
    let found = elements(message).into_iter().find(|(tag, _)| *tag == tag::CERTIFICATE);
    found.map(|(_, value)| value[5..].to_vec())
}

#[tokio::test]
async fn a_phone_gets_its_lsc_by_null_string() {
    let session = recorded("install-null-string-rsa2048");
    let capf = owner("capf-2048");
    let place = Place::new(Some(&capf));
    let server = Replay::start(&capf, std::slice::from_ref(&session)).await;
    place.config(&config(2, &[server.address], ""));
    let mut settings = place.settings();
    settings.keys = keys(&session);
    let mut phone = Phone::new(settings.clone()).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, phone::Outcome::Trusted, "{}", boot.reason());
    assert!(boot.problems.is_empty(), "{:?}", boot.problems);

    // it went there because the config says so, believed the server by the ITL, and got what the recording has
    let [enrolment] = boot.enrolments.as_slice() else { panic!("{:?}", boot.enrolments) };
    assert_eq!((enrolment.cause, enrolment.mode), (Cause::Scheduled, Mode::NullString));
    assert_eq!(enrolment.outcome, Outcome::Installed, "{}", enrolment.reason());
    assert_eq!(enrolment.judged.as_ref().unwrap().verdict.label(), "listed");
    let theirs = credential("capf/install-null-string-rsa2048.device.pem");
    assert_eq!(phone.certificates().lsc().unwrap().certificate(), theirs.certificate());
    assert_eq!(place.lsc().unwrap().certificate(), theirs.certificate());
    assert_eq!(server.heard(1).await[0].messages(), session.phone());

    // with it, everything was fetched again, and CAPF was left alone
    let names: Vec<&str> = boot.files.iter().map(|file| file.name.as_str()).collect();
    let round = ["CTLSEPB000B4BA0AEE.tlv", ITL, CONFIG];
    assert_eq!(names, [round, round].concat());
    let json = boot.to_json();
    assert_eq!(json["enrolments"][0]["outcome"], "installed");
    assert_eq!(json["enrolments"][0]["key"], "RSA 2048");
    assert_eq!(json["enrolments"][0]["ended"], 1);

    let log = phone.console().lines().join("\n");
    for line in [
        "SECD: capfStart: CAPF session, reason: capfAuthMode of the config, mode: null-string",
        "SECD: capfConnect: Connected to CAPF 127.0.0.1:",
        "SECD: capfReceive: AUTH_REQUEST, session 1, version 3, auth type 0",
        "SECD: capfSend: AUTH_RESPONSE, len: 39",
        "SECD: capfReceive: KEY_GENERATE_REQUEST, RSA 2048",
        "SECD: capfSend: REQUEST_IN_PROGRESS, len: 8",
        "SECD: capfStoreLsc: LSC installed",
        "SECD: capfReceive: END_SESSION, reason 1 (success)",
        "SECD: phone: Certificate changed, fetching everything again",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }

    // switched off and on, it has the LSC; and nothing is scheduled any more
    place.config(&config(0, &[server.address], ""));
    drop(phone);
    let mut phone = Phone::new(settings).unwrap();
    assert!(phone.certificates().lsc().is_some());
    let boot = phone.boot().await;
    assert!(boot.enrolments.is_empty() && boot.files.len() == 3);
}

#[tokio::test]
async fn by_string_the_user_has_to_type_it() {
    let capf = owner("capf-2048");
    let place = Place::new(Some(&capf));
    let (wrong, right) = (recorded("install-password-wrong"), recorded("install-password-right"));
    let server = Replay::start(&capf, &[wrong, right.clone()]).await;
    place.config(&config(1, &[server.address], ""));
    let mut settings = place.settings();
    settings.keys = keys(&right);
    let mut phone = Phone::new(settings).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, phone::Outcome::Trusted, "{}", boot.reason());
    assert_eq!(boot.enrolments[0].outcome, Outcome::AwaitsString);
    assert!(boot.problems.is_empty() && phone.certificates().lsc().is_none());

    // Settings > Security Configuration > LSC > **# > Update > Submit
    let mut menu = phone.lsc_menu();
    assert_eq!(menu.screen(), "LSC\nLSC: Not Installed\nSettings: Locked\n[Exit]\n");
    let error = menu.enter("Update").await.unwrap_err();
    assert_eq!(error.to_string(), "`Update` is not on the screen; there is Exit, **#");
    let shown = menu.enter("**#").await.unwrap();
    assert_eq!(shown.screen, "LSC\nLSC: Not Installed\nSettings: Unlocked\n[Update] [Exit]\n");
    assert!(matches!(menu.enter("Erase").await, Err(MenuError::NotThere(..))), "nothing to erase");
    let shown = menu.enter("update").await.unwrap();
    assert_eq!(shown.screen, "LSC\nAuthentication String: \n[Submit] [Exit]\n");
    assert!(matches!(menu.enter("12a").await, Err(MenuError::NotThere(..))));
    assert!(matches!(menu.enter("12345678901234567").await, Err(MenuError::TooLong)));
    let shown = menu.enter("111").await.unwrap();
    let shown = menu.enter("111").await.map(|_| shown).unwrap();
    assert!(shown.screen.contains("Authentication String: ***\n"), "{}", shown.screen);
    let shown = menu.enter("Submit").await.unwrap();
    assert_eq!(shown.enrolment.unwrap().outcome.label(), "refused");
    assert!(shown.boot.is_none());
    assert!(shown.screen.contains("Update: the server ended the session with reason 7 (failure)"), "{}", shown.screen);

    // the right one; the phone fetches everything again, and the node has nothing scheduled by then
    place.config(&config(0, &[server.address], ""));
    menu.enter("Update").await.unwrap();
    menu.enter("482913").await.unwrap();
    let shown = menu.enter("Submit").await.unwrap();
    assert!(shown.screen.contains("LSC: Installed\n") && shown.screen.contains("[Update] [Erase] [Exit]"));
    let enrolment = shown.enrolment.unwrap();
    assert_eq!((enrolment.cause, enrolment.mode), (Cause::User, Mode::String));
    assert_eq!(shown.boot.unwrap().outcome, phone::Outcome::Trusted);
    let heard = server.heard(2).await;
    let password = |at: usize| {
        let message = heard[at].messages()[0].clone();
        elements(&message).into_iter().find(|(tag, _)| *tag == tag::PASSWORD).unwrap().1
    };
    assert_eq!((password(0), password(1)), (b"111111\0".to_vec(), b"482913\0".to_vec()));
    let log = phone.console().lines().join("\n");
    assert!(!log.contains("482913") && !log.contains("111111"), "strings are not logged");

    // erased, locked again, and gone from the disk
    let mut menu = phone.lsc_menu();
    menu.enter("**#").await.unwrap();
    let shown = menu.enter("Erase").await.unwrap();
    assert_eq!(shown.screen, "LSC\nLSC: Not Installed\nSettings: Unlocked\nLSC erased\n[Update] [Exit]\n");
    assert!(menu.enter("**#").await.unwrap().screen.contains("Settings: Locked"));
    assert!(place.lsc().is_none());
}

#[tokio::test]
async fn a_string_can_be_known_before_the_boot() {
    let capf = owner("capf-2048");
    let place = Place::new(Some(&capf));
    let right = recorded("install-password-right");
    let server = Replay::start(&capf, std::slice::from_ref(&right)).await;
    place.config(&config(1, &[server.address], ""));
    let mut settings = place.settings();
    settings.keys = keys(&right);
    settings.authentication_string = Some(Password::new(b"482913").unwrap());
    assert!(!format!("{settings:?}").contains("482913"));
    let boot = Phone::new(settings).unwrap().boot().await;
    assert_eq!(boot.enrolments[0].outcome, Outcome::Installed);
    assert_eq!(server.heard(1).await[0].messages(), right.phone());
}

#[tokio::test]
async fn by_certificate_in_both_orders() {
    let capf = owner("capf-2048");
    let place = Place::new(Some(&capf));
    let (lsc, mic) = (credential("certs/lsc-2048.bundle.pem"), credential("certs/mic-2048.bundle.pem"));
    let refused = recorded("update-foreign-lsc");
    // mode, LSC there, MIC there, what is shown
    let cases = [
        (3, true, true, Some(&lsc)),
        (3, false, true, Some(&mic)),
        (4, true, true, Some(&mic)),
        (4, true, false, Some(&lsc)),
        (3, false, false, None),
    ];
    for (mode, has_lsc, has_mic, shown) in cases {
        let server = Replay::start(&capf, std::slice::from_ref(&refused)).await;
        place.config(&config(mode, &[server.address], ""));
        let memory = tempfile::tempdir().unwrap();
        let mut settings = place.settings();
        settings.keep = Keep::In(memory.path().to_owned());
        settings.mic = has_mic.then(|| mic.clone());
        if has_lsc {
            DeviceCertificates::load(&settings.keep).unwrap().set_lsc(lsc.clone()).unwrap();
        }
        let boot = Phone::new(settings).unwrap().boot().await;
        assert_eq!(boot.enrolments[0].outcome.label(), "refused", "mode {mode}");
        let [problem] = boot.problems.as_slice() else { panic!("{:?}", boot.problems) };
        assert!(
            problem
                .starts_with("CAPF: the server ended the session with reason 7 (failure): the authentication string"),
            "{problem}"
        );
        let message = server.heard(1).await[0].messages()[0].clone();
        let wanted = shown.map(|shown| shown.certificate().der().to_vec());
        assert_eq!(certificate_shown(&message), wanted, "mode {mode}, LSC {has_lsc}, MIC {has_mic}");
        let sudi = elements(&message).iter().any(|(tag, _)| *tag == tag::SUDI_DATA);
        assert_eq!(sudi, has_mic, "only a MIC makes SUDI_DATA");
    }
}

#[tokio::test]
async fn delete_and_troubleshoot() {
    let capf = owner("capf-2048");
    let place = Place::new(Some(&capf));
    let sessions = [recorded("fetch"), recorded("delete"), recorded("no-pending-operation")];
    let server = Replay::start(&capf, &sessions).await;
    place.config(&config(2, &[server.address], ""));
    let settings = place.settings();
    DeviceCertificates::load(&settings.keep).unwrap().set_lsc(credential("certs/lsc-2048.bundle.pem")).unwrap();
    let mut phone = Phone::new(settings).unwrap();
    let boot = phone.boot().await;
    assert_eq!((boot.enrolments[0].outcome.label(), boot.files.len()), ("shown", 3));
    let boot = phone.boot().await;
    assert_eq!((boot.enrolments[0].outcome.label(), boot.files.len()), ("deleted", 6), "everything again");
    assert!(place.lsc().is_none());
    let boot = phone.boot().await;
    assert_eq!((boot.enrolments[0].outcome.label(), boot.files.len()), ("nothing-pending", 3));
    assert_eq!(boot.outcome, phone::Outcome::Trusted);
}

#[tokio::test]
async fn a_server_that_is_not_believed_hears_nothing() {
    let capf = owner("capf-2048");
    let place = Place::new(Some(&capf));
    let session = recorded("install-null-string-rsa2048");
    let stranger = Replay::start(&owner("foreign-ca"), std::slice::from_ref(&session)).await;
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, closed_tcp_port()));
    place.config(&config(2, &[nobody, stranger.address], ""));
    let mut phone = Phone::new(place.settings()).unwrap();
    let boot = phone.boot().await;
    let enrolment = &boot.enrolments[0];
    assert_eq!(enrolment.outcome, Outcome::NoServer);
    let tried: Vec<&str> = enrolment.tried.iter().map(|tried| tried.server.as_str()).collect();
    assert_eq!(tried, [nobody.to_string(), stranger.address.to_string()]);
    assert!(
        enrolment.tried[1].why.to_string().contains("no accepted config names a TVS server"),
        "{}",
        enrolment.tried[1].why
    );
    assert_eq!(boot.outcome, phone::Outcome::Trusted, "the config is believed all the same");
    assert!(boot.reason().starts_with("CAPF: no CAPF server was reached or believed"), "{}", boot.reason());
    assert!(stranger.heard(1).await[0].bytes().is_empty());

    // the one behind them is believed; and with more patience a server that was away
    let good = Replay::start(&capf, &[recorded("no-pending-operation")]).await;
    place.config(&config(2, &[nobody, stranger.address, good.address], ""));
    let boot = phone.boot().await;
    assert_eq!(boot.enrolments[0].server, Some(good.address.to_string()));
    assert_eq!(boot.enrolments[0].tried.len(), 2);
    phone.settings_mut().waits.capf_tries = 3;
    phone.settings_mut().waits.capf_pause = Duration::from_millis(1);
    place.config(&config(2, &[nobody], ""));
    let boot = phone.boot().await;
    assert_eq!(boot.enrolments[0].tried.len(), 3);
    place.config(&config(2, &[], ""));
    let boot = phone.boot().await;
    assert_eq!(boot.problems, ["CAPF: the config names no CAPF server"]);
}

#[tokio::test]
async fn tvs_vouches_for_a_capf_that_is_in_no_list() {
    let capf = owner("capf-2048");
    let place = Place::new(None);
    let tvs = Tvs::start(&owner("tvs-2048"), Manner::Recorded(crate::node::recorded())).await;
    let server = Replay::start(&capf, &[recorded("no-pending-operation")]).await;
    let (port, host) = (tvs.address.port(), tvs.address.ip());
    let member = format!("<TVS><members><member><port>{port}</port><address>{host}</address></member></members></TVS>");
    place.config(&config(2, &[server.address], &member));
    let boot = Phone::new(place.settings()).unwrap().boot().await;
    let enrolment = &boot.enrolments[0];
    assert_eq!(enrolment.outcome, Outcome::NothingPending, "{}", enrolment.reason());
    assert_eq!(enrolment.judged.as_ref().unwrap().verdict.label(), "tvs");
    assert_eq!(boot.tvs.len(), 1);
}

#[tokio::test]
async fn an_old_phone_enrols_by_tls_1_0() {
    let capf = owner("capf-1024");
    let place = Place::new(Some(&capf));
    let session = recorded("install-null-string-rsa1024");
    let server = Replay::start_with(&capf, std::slice::from_ref(&session), true).await;
    place.config(&config(2, &[server.address], ""));
    let mut settings = place.settings();
    settings.legacy_tls = true;
    let path = session.value["device_key_and_certificate"].as_str().unwrap();
    settings.keys = KeySource::prepared(vec![(KeySpec::Rsa(RsaSize::Bits1024), credential(path).key().clone())]);
    let boot = Phone::new(settings).unwrap().boot().await;
    assert_eq!(boot.enrolments[0].outcome, Outcome::Installed, "{}", boot.enrolments[0].reason());
    let heard = server.heard(1).await;
    assert_eq!(heard[0].version, "TLSv1");
    // each message is one record of TLS 1.0 too, but for the byte that the library sends ahead against BEAST
    assert_eq!(heard[0].messages(), session.phone());
}

/// An ITL that names the signer of configs in the form of that make.
fn peer_itl(signer: &Owner) -> Vec<u8> {
    let record = |role| {
        signer.certificate.with_fields(NameForm::Peer, |fields| RecordSpec::cucm(role, fields, "", Ipv4Addr::LOCALHOST))
    };
    list(ITL_FILE_NAME, &[record(Role::SAST), record(Role::TFTP)], signer)
}

#[tokio::test]
async fn encrypted_configs_of_another_make_open() {
    let index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(vectors().join("index.json")).unwrap()).unwrap();
    let entries = index.as_array().or_else(|| index["files"].as_array()).unwrap();
    let mut opened = 0;
    for entry in entries.iter().filter(|entry| entry["kind"] == "encrypted") {
        let text = |key: &str| entry[key].as_str().unwrap();
        let Some(stub) = entry["stub_file"].as_str() else { continue };
        let base = |path: &str| path.trim_start_matches("certs/").trim_end_matches(".crt.pem").to_owned();
        let (signer, device) = (owner(&base(text("signer"))), base(text("device_certificate")));
        let node = Node::start();
        node.put(ITL, peer_itl(&signer));
        node.put(CONFIG, std::fs::read(vectors().join(stub)).unwrap());
        node.put(ENCRYPTED, std::fs::read(vectors().join(text("file"))).unwrap());
        let memory = tempfile::tempdir().unwrap();
        let mut settings = node.phone("8861", NAME);
        settings.keep = Keep::In(memory.path().to_owned());
        // nobody is at the CAPF of those configs
        settings.hosts.insert("10.48.47.155".to_owned(), IpAddr::from([127, 9, 9, 9]));
        settings.hosts.insert("x&y".to_owned(), IpAddr::from([127, 9, 9, 9]));
        // the LSC opens them; where the MIC does, there is no LSC
        let credential = credential(&format!("certs/{device}.bundle.pem"));
        if device.starts_with("mic") {
            settings.mic = Some(credential);
        } else {
            settings.mic = Some(mic());
            DeviceCertificates::load(&settings.keep).unwrap().set_lsc(credential).unwrap();
        }
        let mut phone = Phone::new(settings).unwrap();
        let boot = phone.boot().await;
        assert_eq!(boot.outcome, phone::Outcome::Trusted, "{}: {}", text("file"), boot.reason());
        let plain = std::fs::read(vectors().join(text("plain_file"))).unwrap();
        assert!(phone.belief().config() == Some(plain.as_slice()), "{}", text("file"));
        assert!(boot.enrolments.iter().all(|enrolment| enrolment.cause == Cause::Scheduled));
        opened += 1;
    }
    assert_eq!(opened, 10);
}

fn mic() -> Credential {
    credential("certs/mic-2048.bundle.pem")
}

/// The stub and the encrypted config for a certificate.
fn encrypt(place: &Place, device: &Credential, mode: u8, capf: &[SocketAddr], full: &str) {
    let hash = hex::encode(device.certificate().md5());
    let more = format!("<fullConfig>false</fullConfig><certHash>{hash}</certHash><encrConfig>true</encrConfig>");
    place.config(&config(mode, capf, &more));
    let spec =
        FileSpec { layout: Layout::Cucm, digest: DigestId::SHA1, file_name: ENCRYPTED, timestamp: 1_700_000_000 };
    let identity = SigningIdentity::new(&place.callmanager.certificate, &place.callmanager.key).unwrap();
    let file = encrypt_file(&spec, full.as_bytes(), device.certificate(), &identity, &mut pki::OpensslRandom).unwrap();
    place.node.put(ENCRYPTED, file);
}

#[tokio::test]
async fn a_hash_of_another_certificate_sends_the_phone_to_capf() {
    let capf = owner("capf-2048");
    let place = Place::new(Some(&capf));
    let session = recorded("install-null-string-rsa2048");
    let theirs = credential("capf/install-null-string-rsa2048.device.pem");
    let server = Replay::start(&capf, std::slice::from_ref(&session)).await;
    let full = config(0, &[server.address], "<fullConfig>true</fullConfig>");
    encrypt(&place, &theirs, 0, &[server.address], &full);
    let mut settings = place.settings();
    settings.keys = keys(&session);
    // it has no certificate at all, so it comes by null string and gets the LSC that the config is for
    let mut phone = Phone::new(settings.clone()).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, phone::Outcome::Trusted, "{}", boot.reason());
    let enrolment = &boot.enrolments[0];
    assert_eq!((enrolment.cause, enrolment.outcome.label()), (Cause::CertificateHash, "installed"));
    assert_eq!(phone.belief().config(), Some(full.as_bytes()));

    // the next boot opens it without CAPF
    let boot = phone.boot().await;
    assert!(boot.enrolments.is_empty() && boot.outcome == phone::Outcome::Trusted);

    // the LSC is erased: the MIC is not what the config is for, and CAPF has nothing; the old config stays
    let server = Replay::start(&capf, &[recorded("no-pending-operation")]).await;
    encrypt(&place, &theirs, 0, &[server.address], &full);
    settings.mic = Some(mic());
    drop(phone);
    let mut phone = Phone::new(settings).unwrap();
    assert!(phone.erase_lsc().unwrap());
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, phone::Outcome::NoConfig);
    assert_eq!(boot.enrolments[0].cause, Cause::CertificateHash);
    let message = server.heard(1).await[0].messages()[0].clone();
    assert_eq!(certificate_shown(&message).unwrap(), mic().certificate().der(), "it shows what it has");
    assert!(boot.problems[0].contains("does not open with this key"), "{:?}", boot.problems);
    assert_eq!(phone.belief().config(), Some(full.as_bytes()));
}

#[tokio::test]
async fn a_config_that_does_not_open_sends_the_phone_to_capf() {
    let capf = owner("capf-2048");
    let place = Place::new(Some(&capf));
    let session = recorded("install-null-string-rsa2048");
    let theirs = credential("capf/install-null-string-rsa2048.device.pem");
    let server = Replay::start(&capf, std::slice::from_ref(&session)).await;
    let mut settings = place.settings();
    settings.keys = keys(&session);
    // an EC LSC fits its hash and opens nothing
    let ec = credential("certs/lsc-p256.bundle.pem");
    DeviceCertificates::load(&settings.keep).unwrap().set_lsc(ec.clone()).unwrap();
    let full = config(0, &[], "<fullConfig>true</fullConfig>");
    encrypt(&place, &theirs, 0, &[server.address], &full);
    let hash = hex::encode(ec.certificate().md5());
    let more = format!("<fullConfig>false</fullConfig><certHash>{hash}</certHash><encrConfig>true</encrConfig>");
    place.config(&config(0, &[server.address], &more));
    let mut phone = Phone::new(settings).unwrap();
    let boot = phone.boot().await;
    let enrolment = &boot.enrolments[0];
    assert_eq!((enrolment.cause, enrolment.outcome.label()), (Cause::CannotOpen, "installed"), "{}", boot.reason());
    assert_eq!(phone.certificates().lsc().unwrap().certificate(), theirs.certificate());
    assert_eq!((boot.outcome, phone.belief().config()), (phone::Outcome::Trusted, Some(full.as_bytes())));
}

#[tokio::test]
async fn a_misbehaving_phone_boots_all_the_same() {
    let capf = owner("capf-2048");
    let place = Place::new(Some(&capf));
    let session = recorded("install-null-string-rsa2048");
    let server = Replay::start(&capf, std::slice::from_ref(&session)).await;
    place.config(&config(2, &[server.address], ""));
    let mut settings = place.settings();
    settings.keys = keys(&session);
    settings.misbehave = Some(Misbehaviour::CloseBeforeStore);
    let boot = Phone::new(settings.clone()).unwrap().boot().await;
    assert_eq!(boot.enrolments[0].outcome, Outcome::NotDone("not stored, on purpose".to_owned()));
    assert_eq!((boot.outcome, place.lsc().is_none()), (phone::Outcome::Trusted, true));
    // stored and not said: the phone has it, whatever the server knows
    settings.misbehave = Some(Misbehaviour::CloseAfterStore);
    let boot = Phone::new(settings).unwrap().boot().await;
    assert_eq!(boot.enrolments[0].outcome, Outcome::Installed);
    assert!(place.lsc().is_some());
}

#[tokio::test]
async fn tvs_meets_them_too() {
    let (old, new) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"));
    for (how, wanted) in [
        (Misbehaviour::Truncated, "closed in the middle of the question, on purpose"),
        (Misbehaviour::Stall, "no answer within"),
        (Misbehaviour::Oversize, "closed without an answer"),
        (Misbehaviour::Dribble, ""),
    ] {
        let tvs = Tvs::start(&owner("tvs-2048"), Manner::Recorded(crate::node::recorded())).await;
        let node = Node::start();
        let text = crate::node::config(&[tvs.address]);
        node.put(ITL, crate::node::itl(&old, &owner("tvs-2048")));
        node.put(CONFIG, sgn(CONFIG, &text, &old));
        let mut phone = Phone::new(node.phone("8861", NAME)).unwrap();
        phone.boot().await;
        node.put(ITL, crate::node::itl(&new, &owner("tvs-2048")));
        node.put(CONFIG, sgn(CONFIG, &text, &new));
        phone.settings_mut().misbehave = Some(how);
        phone.settings_mut().waits.tvs = Duration::from_millis(if how == Misbehaviour::Stall { 200 } else { 5000 });
        let boot = phone.reset().await;
        match wanted {
            "" => assert_eq!(boot.outcome, phone::Outcome::Trusted, "{how}: {}", boot.reason()),
            wanted => {
                let why = &boot.tvs[0].tried[0].why;
                assert!(why.to_string().contains(wanted), "{how}: {why}");
            }
        }
    }
}

#[tokio::test]
async fn a_fleet_with_mics_from_a_factory() {
    let capf = owner("capf-2048");
    let place = Place::new(Some(&capf));
    place.node.put("ITLFile.tlv", itl(&place.callmanager, Some(&capf)));
    let server = Replay::start(&capf, &[recorded("no-pending-operation")]).await;
    let name = "XMLDefault.cnf.xml.sgn";
    place.node.put(name, sgn(name, "<Default/>", &place.callmanager));
    let text = config(4, &[server.address], "");
    for mac in 0x200..0x206 {
        let name = format!("SEP{mac:012X}.cnf.xml.sgn");
        place.node.put(&name, sgn(&name, &text, &place.callmanager));
    }
    let key = phone::keys::generate(RSA_2048).unwrap();
    let ca = ManufacturingCa::new().unwrap().with_keys(KeySource::prepared(vec![(RSA_2048, key)]));
    let mut template = place.settings();
    template.factory = Some(Arc::new(ca));
    let fleet = phone::Fleet { template, first_mac: 0x200, count: 6, concurrency: 3 };
    let report = fleet.boot(|_| {}).await.unwrap();
    assert_eq!(report.ended(phone::Outcome::Trusted), 6);
    assert_eq!(report.enrolments["nothing-pending"], 6);
    assert_eq!(report.to_json()["enrolments"]["nothing-pending"], 6);
    // each came with a MIC of its own name
    let mut shown: Vec<String> = server
        .heard(6)
        .await
        .iter()
        .map(|heard| {
            let der = certificate_shown(&heard.messages()[0]).unwrap();
            pki::Certificate::from_der(&der).unwrap().common_name().unwrap()
        })
        .collect();
    shown.sort();
    assert_eq!(shown[0], "CP-8861-SEP000000000200");
    shown.dedup();
    assert_eq!(shown.len(), 6);
    assert!(place.memory.path().join("SEP000000000203/mic.pem").exists());
}
