//! What else can happen to a phone, against python3, atftpd and a TVS that misbehaves.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::node::{Manner, NAME, Node, Owner, Tvs, closed_tcp_port, config, ctl, itl, owner, recorded, sgn};
use phone::report::{AskKind, FileOutcome, Transport};
use phone::{Fleet, Outcome, Phone};
use pki::encrypt::encrypt_file;
use pki::sign::{FileSpec, SigningIdentity};
use wire::digest::DigestId;
use wire::header::Layout;
use wire::role::Role;

const CONFIG: &str = "SEPB000B4BA0AEE.cnf.xml.sgn";
const ITL: &str = "ITLSEPB000B4BA0AEE.tlv";
const CTL: &str = "CTLSEPB000B4BA0AEE.tlv";

/// A node, and a phone that trusts it: its ITL and config are signed by `callmanager`, it knows these TVS servers.
async fn trusting_phone(callmanager: &Owner, tvs_owner: &Owner, tvs: &[SocketAddr]) -> (Node, Phone) {
    let node = Node::start();
    node.put(ITL, itl(callmanager, tvs_owner));
    node.put(CONFIG, sgn(CONFIG, &config(tvs), callmanager));
    let mut phone = Phone::new(node.phone("8861", NAME)).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
    (node, phone)
}

/// The CallManager certificate of the node is renewed.
fn renew(node: &Node, renewed: &Owner, tvs_owner: &Owner, tvs: &[SocketAddr]) {
    node.put(ITL, itl(renewed, tvs_owner));
    node.put(CONFIG, sgn(CONFIG, &config(tvs), renewed));
}

#[tokio::test]
async fn tftp_when_nobody_answers_by_http() {
    let (callmanager, tvs_owner) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let node = Node::tftp_only();
    // the name of the phone is not there, the common one is
    node.put("ITLFile.tlv", itl(&callmanager, &tvs_owner));
    node.put("XMLDefault.cnf.xml.sgn", sgn("XMLDefault.cnf.xml.sgn", "<Default/>", &callmanager));
    let mut phone = Phone::new(node.phone("7965", NAME)).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
    let names: Vec<&str> = boot.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, [CTL, ITL, "ITLFile.tlv", CONFIG, "XMLDefault.cnf.xml.sgn"]);
    let last = &boot.files[4].outcome;
    assert!(matches!(last, FileOutcome::Fetched { transport: Transport::Tftp, .. }), "{last:?}");
    // a 7965 shows MD5
    let md5 = hex::encode(pki::hash::md5(&itl(&callmanager, &tvs_owner)));
    assert!(phone.screen().contains(&format!("ITL File: {md5} (MD5)")), "{}", phone.screen());
}

#[tokio::test]
async fn a_7960_has_no_itl_and_stays_behind_after_a_renewal() {
    let (old, new) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"));
    let node = Node::start();
    node.put(CTL, ctl(&old));
    node.put(CONFIG, sgn(CONFIG, &config(&[]), &old));
    let mut phone = Phone::new(node.phone("7960", NAME)).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
    // TFTP only, and no ITL is asked for
    assert!(
        boot.files.iter().all(|file| matches!(file.outcome, FileOutcome::Fetched { transport: Transport::Tftp, .. }))
    );
    assert_eq!(boot.files.len(), 2);
    let before = phone.screen();
    assert!(!before.contains("ITL"), "{before}");

    node.put(CTL, ctl(&new));
    node.put(CONFIG, sgn(CONFIG, &config(&[]), &new));
    let boot = phone.reset().await;
    assert_eq!(boot.outcome, Outcome::Refused);
    assert!(boot.refusal().unwrap().contains("model 7960 has no Security by Default"), "{}", boot.reason());
    assert_eq!(boot.messages.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Trust List Update Failed"]);
    assert_eq!(phone.screen(), before);

    // until its CTL is deleted by hand
    assert_eq!(phone.erase_lists().unwrap().to_string(), "Erasing CTL and ITL files");
    assert_eq!(phone.screen(), "Trust List\nCTL File: Not Installed\n");
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
}

#[tokio::test]
async fn callmanager_and_tvs_renewed_together_orphan_the_phone() {
    let (old, new) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"));
    let (old_tvs, new_tvs) = (owner("tvs-2048"), owner("app-2048"));
    // the referee answers well, but shows a certificate that the ITL of the phone does not name
    let tvs = Tvs::start(&new_tvs, Manner::Recorded(recorded())).await;
    let (node, mut phone) = trusting_phone(&old, &old_tvs, &[tvs.address]).await;
    renew(&node, &new, &new_tvs, &[tvs.address]);
    let boot = phone.reset().await;
    assert_eq!(boot.outcome, Outcome::Refused);
    assert_eq!(boot.verdict("ITL").unwrap().label(), "tvs-unavailable");
    assert!(boot.tvs[0].tried[0].why.to_string().contains("is not in the ITL as TVS"), "{:?}", boot.tvs);
    // not even the question has left the phone
    assert_eq!(tvs.question_count(), 0);
    assert_eq!(boot.verdict("signed config").unwrap().label(), "tvs-unavailable");
    assert_eq!(boot.status_code, 9);
    assert_eq!(phone.belief().itl().unwrap().bytes(), itl(&old, &old_tvs));
}

/// A phone that nobody added lives by XMLDefault.cnf.xml: what that names of TVS vouches for the next list.
#[tokio::test]
async fn xmldefault_names_tvs_too() {
    const DEFAULT: &str = "XMLDefault.cnf.xml.sgn";
    let (old, new, tvs_owner) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let tvs = Tvs::start(&tvs_owner, Manner::Recorded(recorded())).await;
    let node = Node::start();
    let default = |tvs: &[SocketAddr]| config(tvs).replace("device>", "Default>");
    node.put(ITL, itl(&old, &tvs_owner));
    node.put(DEFAULT, sgn(DEFAULT, &default(&[tvs.address]), &old));
    let mut phone = Phone::new(node.phone("8861", NAME)).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
    assert_eq!(phone.belief().tvs_servers()[0].to_string(), tvs.address.to_string());
    // one that names none takes nothing away
    node.put(DEFAULT, sgn(DEFAULT, "<Default/>", &old));
    phone.boot().await;
    node.put(ITL, itl(&new, &tvs_owner));
    node.put(DEFAULT, sgn(DEFAULT, &default(&[tvs.address]), &new));
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
    assert_eq!(boot.verdict("ITL").unwrap().label(), "tvs");
}

/// The peers know VERIFY only: the reason is that, and not a renewal of CallManager and TVS together.
#[tokio::test]
async fn a_tvs_that_knows_verify_only() {
    let (old, new, tvs_owner) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let verify = recorded().into_iter().filter(|(question, _)| question[2] == 1).collect();
    let tvs = Tvs::start(&tvs_owner, Manner::Recorded(verify)).await;
    let (node, mut phone) = trusting_phone(&old, &tvs_owner, &[tvs.address]).await;
    renew(&node, &new, &tvs_owner, &[tvs.address]);
    let boot = phone.reset().await;
    assert_eq!(boot.verdict("ITL").unwrap().label(), "tvs-unavailable");
    let reason = boot.verdict("ITL").unwrap().reason();
    assert!(reason.contains("it closed at a QUERY, as servers do that know VERIFY only"), "{reason}");
    assert!(!reason.contains("together"), "{reason}");
    assert!(tvs.question_count() > 0);
}

/// A TLS version or cipher that a server does not have is named, with what helps: a setting where it is TVS of a node, and not at a server of
/// somebody else.
#[tokio::test]
async fn a_server_of_another_age() {
    let (callmanager, tvs_owner, app) = (owner("ccm-pub-1024"), owner("tvs-2048"), owner("app-2048"));
    let (_node, mut phone) = trusting_phone(&callmanager, &tvs_owner, &[]).await;
    let new = Tvs::start(&app, Manner::Silent).await;
    let old = Tvs::start_with(&app, Manner::Silent, true).await;
    phone.settings_mut().legacy_tls = false;
    let error = phone.check_tls("127.0.0.1", old.address.port(), Role::APP_SERVER).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{}: speaks no TLS 1.2 or later, as this model needs: try --legacy-tls for a phone that speaks TLS 1.0",
            old.address
        )
    );
    let mut settings = phone.settings().clone();
    settings.legacy_tls = true;
    let mut phone = Phone::new(settings).unwrap();
    let error = phone.check_tls("127.0.0.1", new.address.port(), Role::APP_SERVER).await.unwrap_err().to_string();
    let wanted = format!(
        "{}: speaks no TLS 1.0, as this model needs: that server must be set to take TLS 1.0 too, or this model cannot use it",
        new.address
    );
    assert_eq!(error, wanted);
    // The TVS of its config
    let node = Node::start();
    node.put(ITL, itl(&callmanager, &tvs_owner));
    node.put(CONFIG, sgn(CONFIG, &config(&[new.address]), &callmanager));
    let mut settings = node.phone("8861", NAME);
    settings.legacy_tls = true;
    let mut phone = Phone::new(settings).unwrap();
    phone.boot().await;
    let error = phone.check_tls("127.0.0.1", new.address.port(), Role::TVS).await.unwrap_err().to_string();
    let wanted = format!("{}: speaks no TLS 1.0, as this model needs: [phones] legacy_tls = true", new.address);
    assert_eq!(error, wanted);
    let nobody = phone.check_tls("127.0.0.1", closed_tcp_port(), Role::APP_SERVER).await.unwrap_err().to_string();
    assert!(nobody.ends_with("; check address and port"), "{nobody}");
}

#[tokio::test]
async fn the_next_tvs_is_asked_when_one_cannot_be() {
    let (old, new, tvs_owner) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, closed_tcp_port()));
    let babbler = Tvs::start(&tvs_owner, Manner::Babbles).await;
    let good = Tvs::start(&tvs_owner, Manner::Recorded(recorded())).await;
    let servers = [nobody, babbler.address, good.address];
    let (node, mut phone) = trusting_phone(&old, &tvs_owner, &servers).await;
    renew(&node, &new, &tvs_owner, &servers);
    let boot = phone.reset().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
    let tried: Vec<&str> = boot.tvs[0].tried.iter().map(|tried| tried.server.as_str()).collect();
    assert_eq!(tried, [nobody.to_string(), babbler.address.to_string()]);
    assert!(boot.tvs[0].tried[1].why.to_string().contains("this is not TVS"), "{:?}", boot.tvs[0].tried);
    assert_eq!(boot.tvs[0].answer.as_ref().unwrap().0, good.address.to_string());
}

#[tokio::test]
async fn not_known_is_an_answer() {
    let (old, new, tvs_owner) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let first = Tvs::start(&tvs_owner, Manner::KnowsNothing).await;
    let second = Tvs::start(&tvs_owner, Manner::Recorded(recorded())).await;
    let servers = [first.address, second.address];
    let (node, mut phone) = trusting_phone(&old, &tvs_owner, &servers).await;
    renew(&node, &new, &tvs_owner, &servers);
    let boot = phone.reset().await;
    assert_eq!(boot.outcome, Outcome::Refused);
    assert_eq!(boot.verdict("ITL").unwrap().label(), "tvs-does-not-know");
    assert_eq!(second.question_count(), 0);
}

#[tokio::test]
async fn a_silent_tvs_costs_its_time_out_and_no_more() {
    let (old, new, tvs_owner) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let tvs = Tvs::start(&tvs_owner, Manner::Silent).await;
    let (node, mut phone) = trusting_phone(&old, &tvs_owner, &[tvs.address]).await;
    renew(&node, &new, &tvs_owner, &[tvs.address]);
    phone.settings_mut().waits.tvs = Duration::from_millis(200);
    let boot = phone.reset().await;
    assert_eq!(boot.outcome, Outcome::Refused);
    assert!(boot.tvs[0].tried[0].why.to_string().contains("no answer within 200ms"), "{:?}", boot.tvs[0]);
}

#[tokio::test]
async fn an_old_phone_speaks_tls_1_0() {
    let (old, new, tvs_owner) = (owner("ccm-pub-1024"), owner("ccm-pub-2048"), owner("tvs-2048"));
    let tvs = Tvs::start_with(&tvs_owner, Manner::Recorded(recorded()), true).await;
    let node = Node::start();
    node.put(ITL, itl(&old, &tvs_owner));
    node.put(CONFIG, sgn(CONFIG, &config(&[tvs.address]), &old));
    let mut settings = node.phone("8861", NAME);
    settings.legacy_tls = true;
    let mut phone = Phone::new(settings).unwrap();
    phone.boot().await;
    renew(&node, &new, &tvs_owner, &[tvs.address]);
    let boot = phone.reset().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
    assert_eq!(tvs.versions.lock().unwrap().as_slice(), ["TLSv1"]);
    let log = phone.console().lines().join("\n");
    assert!(log.contains("TLSv1 AES256-SHA"), "{log}");
}

#[tokio::test]
async fn an_https_service_is_verified_once_and_then_remembered() {
    let (callmanager, tvs_owner, app) = (owner("ccm-pub-1024"), owner("tvs-2048"), owner("app-2048"));
    let tvs = Tvs::start(&tvs_owner, Manner::Recorded(recorded())).await;
    let (_node, mut phone) = trusting_phone(&callmanager, &tvs_owner, &[tvs.address]).await;
    // any TLS server will do as the service
    let service = Tvs::start(&app, Manner::Silent).await;
    let host = service.address.ip().to_string();
    let (judged, talk) = phone.check_tls(&host, service.address.port(), Role::APP_SERVER).await.unwrap();
    assert_eq!(judged.verdict.label(), "tvs", "{}", judged.verdict.reason());
    assert_eq!(talk.unwrap().ask, AskKind::Verify);
    let (judged, talk) = phone.check_server("again", Role::APP_SERVER, app.certificate.der()).await;
    assert!(judged.verdict.is_accepted() && talk.unwrap().cached);
    assert_eq!(tvs.question_count(), 1);
    // known for services, not for signalling
    let (judged, _) = phone.check_server("sip", Role::CCM, app.certificate.der()).await;
    assert_eq!(judged.verdict.label(), "tvs-other-role");
    // a reset forgets
    phone.reset().await;
    let (judged, talk) = phone.check_server("later", Role::APP_SERVER, app.certificate.der()).await;
    assert!(judged.verdict.is_accepted() && !talk.unwrap().cached);
    assert_eq!(tvs.question_count(), 2);
}

#[tokio::test]
async fn an_unsigned_config_is_for_phones_without_lists() {
    let callmanager = owner("ccm-pub-1024");
    let node = Node::start();
    node.put("SEPB000B4BA0AEE.cnf.xml", config(&[]));
    let mut phone = Phone::new(node.phone("8861", NAME)).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
    assert_eq!(boot.verdict("unsigned config").unwrap().label(), "signature-not-wanted");
    let messages: Vec<String> = boot.messages.iter().map(ToString::to_string).collect();
    assert_eq!(messages, ["File Not Found <CTLFile.tlv>", "No Trust List Installed"]);

    // with a list it asks for .sgn only, and XML under that name is refused
    node.put(ITL, itl(&callmanager, &owner("tvs-2048")));
    node.put(CONFIG, config(&[]));
    let boot = phone.reset().await;
    assert_eq!(boot.outcome, Outcome::Refused);
    assert_eq!(boot.verdict("signed config").unwrap().label(), "unsigned");
}

#[tokio::test]
async fn configs_that_are_of_no_use() {
    let (callmanager, tvs_owner) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let node = Node::start();
    node.put(ITL, itl(&callmanager, &tvs_owner));
    let mut phone = Phone::new(node.phone("8861", NAME)).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::NoConfig);
    node.put(CONFIG, sgn(CONFIG, "no XML", &callmanager));
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::NoConfig);
    assert!(boot.problems[0].contains("text before the root element"), "{:?}", boot.problems);
    assert!(phone.belief().config().is_none());
}

#[tokio::test]
async fn an_encrypted_config_opens_with_the_key_of_the_device() {
    const ENCRYPTED: &str = "SEPB000B4BA0AEE.cnf.xml.enc.sgn";
    let (callmanager, tvs_owner, device) = (owner("ccm-pub-1024"), owner("tvs-2048"), owner("lsc-2048"));
    let tvs = SocketAddr::from((Ipv4Addr::LOCALHOST, 2445));
    let stub = "<device><fullConfig>false</fullConfig><encrConfig>true</encrConfig></device>";
    let spec =
        FileSpec { layout: Layout::Cucm, digest: DigestId::SHA1, file_name: ENCRYPTED, timestamp: 1_700_000_000 };
    let identity = SigningIdentity::new(&callmanager.certificate, &callmanager.key).unwrap();
    let full = config(&[tvs]);
    let encrypted = encrypt_file(&spec, full.as_bytes(), &device.certificate, &identity, &mut pki::OpensslRandom);
    let node = Node::start();
    node.put(ITL, itl(&callmanager, &tvs_owner));
    node.put(CONFIG, sgn(CONFIG, stub, &callmanager));
    node.put(ENCRYPTED, encrypted.unwrap());

    // without the key it stays closed
    let mut settings = node.phone("8861", NAME);
    let boot = Phone::new(settings.clone()).unwrap().boot().await;
    assert_eq!(boot.outcome, Outcome::NoConfig);
    assert!(boot.problems[0].contains("no device key"), "{:?}", boot.problems);

    settings.device_key = Some(device.key.clone());
    let mut phone = Phone::new(settings).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
    assert_eq!(phone.belief().config(), Some(full.as_bytes()));
    assert_eq!(phone.belief().tvs_servers()[0].to_string(), tvs.to_string());
}

#[tokio::test]
async fn nobody_is_there() {
    let mut node = Node::start();
    let mut settings = node.phone("8861", NAME);
    settings.waits.tftp = Duration::from_millis(20);
    node.stop();
    let mut phone = Phone::new(settings).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Unreachable);
    assert_eq!(boot.files.len(), 1, "one file is enough to see it");
    assert!(
        boot.reason().contains("HTTP 127.0.0.1: ") && boot.reason().contains("TFTP 127.0.0.1: "),
        "{}",
        boot.reason()
    );
}

#[tokio::test]
async fn the_second_file_server_is_asked_when_the_first_is_dead() {
    let (callmanager, tvs_owner) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let node = Node::start();
    node.put(ITL, itl(&callmanager, &tvs_owner));
    node.put(CONFIG, sgn(CONFIG, &config(&[]), &callmanager));
    let mut settings = node.phone("8861", NAME);
    settings.waits.tftp = Duration::from_millis(20);
    // the whole of 127.0.0.0/8 is this machine, and nobody listens there
    settings.servers.insert(0, IpAddr::V4(Ipv4Addr::new(127, 9, 9, 9)));
    let mut phone = Phone::new(settings).unwrap();
    let boot = phone.boot().await;
    assert_eq!(boot.outcome, Outcome::Trusted, "{}", boot.reason());
}

#[tokio::test]
async fn a_fleet() {
    let (callmanager, tvs_owner) = (owner("ccm-pub-1024"), owner("tvs-2048"));
    let node = Node::start();
    node.put("ITLFile.tlv", itl(&callmanager, &tvs_owner));
    node.put("XMLDefault.cnf.xml.sgn", sgn("XMLDefault.cnf.xml.sgn", "<Default/>", &callmanager));
    // one of them gets a config that somebody else has signed
    let stranger = owner("foreign-ca");
    node.put("SEP000000000105.cnf.xml.sgn", sgn("SEP000000000105.cnf.xml.sgn", &config(&[]), &stranger));
    let fleet = Fleet { template: node.phone("8861", NAME), first_mac: 0x100, count: 40, concurrency: 8 };
    let mut seen = 0;
    let report = fleet.boot(|_| seen += 1).await.unwrap();
    assert_eq!(seen, 40);
    assert_eq!((report.ended(Outcome::Trusted), report.ended(Outcome::Refused)), (39, 1));
    assert_eq!(report.failures[0].0, "SEP000000000105");
    assert_eq!(report.verdicts[&("ITL", "leap-of-faith")], 40);
    assert!(report.p50 <= report.p99 && report.p99 <= report.max && report.max <= report.took);
}
