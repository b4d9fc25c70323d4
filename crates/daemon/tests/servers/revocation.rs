//! Revoked certificates, against CAs that OpenSSL runs: `openssl ocsp -port`, `openssl ca -gencrl` behind Python's HTTP server.

use cluster::certificates::requests::RequestCertificate;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::authority::Authority;
use cluster::certificates::requests::RequestChoice;
use cluster::certificates::upload::{Upload, UploadPlan};
use cluster::parameters::*;
use cluster::revocation::State;
use cluster::rows::NodeRow;
use cluster::units::Unit;
use cluster::{Actor, Level};
use daemon::capf::CapfCounters;
use daemon::monitor::metrics::Counted;
use daemon::monitor::syslog::{SyslogSettings, Transport};
use daemon::monitor::{Monitor, MonitorSettings};
use daemon::revocation::HttpAsk;
use daemon::settings::ClusterSettings;
use daemon::surroundings::{System, now};
use daemon::tvs::TvsCounters;
use jiff::tz::TimeZone;
use pki::Certificate;
use ringfence_core::revocation::{Ask, Question};
use ringfence_core::{Cluster, CoreError};
use tempfile::TempDir;

const DAY: i64 = 86_400_000;

/// A program that serves until it is dropped, and the address it has printed.
struct Served {
    program: Child,
    address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

impl Served {
    /// Runs it in a folder; the port stands behind `before` in the first line that it prints.
    fn start(program: &str, arguments: &[&str], folder: &Path, before: &str) -> Self {
        let mut command = Command::new(program);
        let mut program =
            command.args(arguments).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let rest = line.split(before).nth(1).unwrap_or_else(|| panic!("{line}"));
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Self { program, address: format!("http://127.0.0.1:{port}/") }
    }

    /// The responder of a CA; the signer is `ca` or a certificate whose files are in its folder.
    fn responder(ca: &Authority, signer: &str) -> Self {
        Self::responder_at(ca, signer, "0")
    }

    fn responder_at(ca: &Authority, signer: &str, port: &str) -> Self {
        let [pem, key] = ["pem", "key"].map(|end| format!("{signer}.{end}"));
        let files = ["-index", "index.txt", "-CA", "ca.pem", "-rsigner", &pem, "-rkey", &key];
        let arguments = [&["ocsp", "-port", port, "-nmin", "5"], &files[..]].concat();
        Self::start("openssl", &arguments, ca.path(), "]:")
    }

    /// The responder of a CA on the same port again: it reads its index anew then, and else a request too late.
    fn again(self, ca: &Authority) -> Self {
        let port = self.address.trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
        drop(self);
        Self::responder_at(ca, "ca", &port)
    }

    /// The files of a folder.
    fn files(folder: &Path) -> Self {
        Self::start("python3", &["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"], folder, "port ")
    }
}

struct Place {
    _folder: TempDir,
    cluster: Cluster,
    node: NodeRow,
    actor: Actor,
    ca: Authority,
}

impl Place {
    /// A cluster that trusts a CA.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let new = ClusterSettings::default().new_cluster().unwrap();
        let cluster = Cluster::create(folder.path(), &new, TimeZone::UTC, &mut System::default()).await.unwrap();
        let cluster = cluster.asking(Arc::new(HttpAsk));
        let node = cluster.node(None).await.unwrap();
        let actor = Actor::new("admin", Level::ReadWrite);
        let ca = Authority::root("Company Root");
        let place = Self { _folder: folder, cluster, node, actor, ca };
        place.trust(&place.ca.certificate.clone()).await.unwrap();
        place
    }

    async fn trust(&self, certificate: &Certificate) -> Result<Vec<State>, CoreError> {
        let given = std::slice::from_ref(certificate);
        let mut system = System::default();
        let taken = self.cluster.import_trusted(&self.actor, &self.node, given, "tomcat-trust", &mut system);
        Ok(taken.await?.findings.iter().map(|finding| finding.state).collect())
    }

    async fn set(&self, name: &str, value: &str) {
        let name = check(name, value, cluster::releases::release("15").unwrap()).unwrap();
        self.cluster.set_parameter(&self.actor, name, value, &mut System::default()).await.unwrap();
    }

    /// A tomcat certificate of the CA for a new request.
    async fn issued(&self, name: &str, extensions: &str) -> Certificate {
        let wanted = RequestCertificate { unit: Unit::Tomcat, choice: RequestChoice::default() };
        let mut system = System::default();
        let asked = self.cluster.perform(&self.actor, &self.node, &wanted, &mut system);
        self.ca.sign(name, asked.await.unwrap().to_pem(), extensions)
    }

    async fn plan(&self, certificate: &Certificate) -> Result<UploadPlan, CoreError> {
        let upload = Upload::new(Unit::Tomcat, certificate.der());
        self.cluster.plan_upload(&self.actor, &self.node, upload, &mut System::default()).await
    }

    async fn upload(&self, certificate: &Certificate) {
        let plan = self.plan(certificate).await.unwrap();
        self.cluster.perform(&self.actor, &plan.at, &plan.upload, &mut System::default()).await.unwrap();
    }

    /// What a check of all that is there says of one.
    async fn checked(&self, certificate: &Certificate, at: i64) -> (State, String) {
        let mut surroundings = testbed::Clock::at(at);
        let found = self.cluster.check_revocation(&self.actor, &mut surroundings).await.unwrap();
        let fingerprint = pki::hash::hex(&certificate.sha256());
        let found = found.into_iter().find(|one| one.fingerprint == fingerprint).expect("it was checked");
        let rows = self.cluster.store().revocations().await.unwrap();
        let row = rows.iter().find(|row| row.fingerprint == fingerprint).unwrap();
        assert_eq!((row.state.as_str(), row.checked_at), (found.state.word(), at));
        (found.state, found.detail)
    }
}

fn label(refusal: CoreError) -> (&'static str, String) {
    match refusal {
        CoreError::Refused { label, text } => (label, text),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_responder_says_good_and_revoked_and_nothing() {
    let place = Place::new().await;
    let responder = Served::responder(&place.ca, "ca");
    let access = format!("authorityInfoAccess=OCSP;URI:{}", responder.address);
    // Nobody is asked before it is switched on.
    let first = place.issued("first", &access).await;
    assert_eq!(place.plan(&first).await.unwrap().upload.revocation, []);
    place.set(ENABLE_OCSP, "T").await;
    let responder = responder.again(&place.ca);
    let plan = place.plan(&first).await.unwrap();
    assert_eq!(plan.upload.revocation[0].state, State::Good, "{:?}", plan.upload.revocation);
    assert!(plan.lines().iter().any(|line| line.ends_with(&format!("good, is good, says {}", responder.address))));
    place.upload(&first).await;
    let (state, _) = place.checked(&first, now()).await;
    assert_eq!(state, State::Good);

    place.ca.revoke("first", "keyCompromise");
    let responder = responder.again(&place.ca);
    let (state, detail) = place.checked(&first, now()).await;
    assert_eq!(state, State::Revoked);
    assert!(detail.contains(" (keyCompromise), says http://127.0.0.1:"), "{detail}");
    // The monitor tells it, with the alarm of the original.
    let schedule = place.cluster.monitor_schedule(90, 168);
    let look = place.cluster.monitor(&place.node, &schedule, true, &[], now()).await.unwrap();
    assert_eq!(look.notices[0].alarm.name, "UC_CERT-0-CertificateRevoked");
    assert!(look.notices[0].message.contains("Certificate name:tomcat.der Unit:tomcat "), "{:?}", look.notices[0]);

    // A new one that is revoked already is not taken, neither for a unit nor into a trust store.
    let second = place.issued("second", &access).await;
    place.ca.revoke("second", "superseded");
    let responder = responder.again(&place.ca);
    let (word, text) = label(place.plan(&second).await.unwrap_err());
    assert_eq!(word, "revoked");
    assert!(text.contains("was revoked on ") && text.contains("(superseded)"), "{text}");
    assert_eq!(label(place.trust(&second).await.unwrap_err()).0, "revoked");

    // One that the responder does not know.
    let third = place.issued("third", &access).await;
    std::fs::write(place.ca.path().join("index.txt"), "").unwrap();
    let responder = responder.again(&place.ca);
    let plan = place.plan(&third).await.unwrap();
    assert_eq!(plan.upload.revocation[0].state, State::Unknown);
    assert!(plan.upload.revocation[0].detail.contains("does not know the certificate"), "{:?}", plan.upload.revocation);
    place.set(REVOCATION_NOT_KNOWN, REFUSE).await;
    assert_eq!(label(place.plan(&third).await.unwrap_err()).0, "revocation-unknown");
    // The responder is gone.
    drop(responder);
    let (word, text) = label(place.plan(&third).await.unwrap_err());
    assert_eq!(word, "revocation-unknown");
    assert!(text.contains("refused"), "{text}");
    place.set(REVOCATION_NOT_KNOWN, WARN).await;
    assert_eq!(place.plan(&third).await.unwrap().upload.revocation[0].state, State::Unreachable);
    place.upload(&third).await;
    let look = place.cluster.monitor(&place.node, &schedule, true, &[], now()).await.unwrap();
    assert!(look.notices.iter().any(|notice| notice.alarm.name == "UC_CERT-4-CertificateRevokationStatusByOCSP"));
    let audited = place.cluster.store().audit(100).await.unwrap();
    assert!(audited.iter().any(|row| row.command == "utils cert revocation check" && row.result.contains("1 revoked")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_responder_that_may_not_and_one_that_is_configured() {
    let place = Place::new().await;
    let stranger = Authority::root("Somebody Else");
    let named = stranger.issue("named", "extendedKeyUsage=OCSPSigning");
    for end in ["pem", "key"] {
        let file = format!("named.{end}");
        std::fs::copy(stranger.path().join(&file), place.ca.path().join(&file)).unwrap();
    }
    let own = place.issued("own", "").await;
    let responder = Served::responder(&place.ca, "named");
    place.set(ENABLE_OCSP, "T").await;
    let plan = place.plan(&own).await.unwrap();
    assert!(plan.upload.revocation[0].detail.contains("names nobody"), "{:?}", plan.upload.revocation);
    place.set(CONFIGURED_RESPONDER, &responder.address).await;
    place.set(OCSP_SOURCE, USE_CONFIGURED).await;
    let plan = place.plan(&own).await.unwrap();
    assert_eq!(plan.upload.revocation[0].state, State::Unknown);
    assert!(plan.upload.revocation[0].detail.contains("not signed by the CA"), "{:?}", plan.upload.revocation);
    // An administrator says that it may, as on the original: its certificate goes into tomcat-trust.
    place.trust(&stranger.certificate).await.unwrap();
    place.trust(&named).await.unwrap();
    assert_eq!(place.plan(&own).await.unwrap().upload.revocation[0].state, State::Good);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_good_revoked_stale_and_missing() {
    let place = Place::new().await;
    let shown = tempfile::tempdir().unwrap();
    let files = Served::files(shown.path());
    let publish = |name: &str, section| std::fs::write(shown.path().join(name), place.ca.list(section)).unwrap();
    publish("ca.crl", Some("second"));
    place.set(ENABLE_CRL, "T").await;
    let own = place.issued("own", &format!("crlDistributionPoints=URI:{}ca.crl", files.address)).await;
    assert_eq!(place.plan(&own).await.unwrap().upload.revocation[0].state, State::Good);
    place.upload(&own).await;
    // Nobody has made a new list for a month; what is not in it may have been revoked since.
    let (state, detail) = place.checked(&own, now() + 31 * DAY).await;
    assert_eq!(state, State::Unknown);
    assert!(detail.contains("the list is out of date"), "{detail}");
    place.ca.revoke("own", "cessationOfOperation");
    assert_eq!(place.checked(&own, now()).await.0, State::Good, "the list was not made anew");
    publish("ca.crl", None);
    let (state, detail) = place.checked(&own, now()).await;
    assert_eq!(state, State::Revoked, "{detail}");

    // A list of somebody else, and none; then one that is configured.
    let other = place.issued("other", &format!("crlDistributionPoints=URI:{}gone.crl", files.address)).await;
    let found = place.plan(&other).await.unwrap().upload.revocation;
    assert_eq!(found[0].state, State::Unreachable);
    assert!(found[0].detail.contains("answers 404 Not Found"), "{found:?}");
    std::fs::write(shown.path().join("gone.crl"), Authority::root("Company Root").list(Some("second"))).unwrap();
    assert!(place.plan(&other).await.unwrap().upload.revocation[0].detail.contains("signature of the list"));
    place.set(CONFIGURED_LISTS, &format!("{0}ca.crl {0}more.crl", files.address)).await;
    assert_eq!(place.plan(&other).await.unwrap().upload.revocation[0].state, State::Good);
    // Switched off, the monitor has forgotten it.
    place.set(ENABLE_CRL, "F").await;
    let watched = place.cluster.watched().await.unwrap();
    assert!(watched.iter().all(|one| one.revocation.is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_running_monitor_checks_and_tells() {
    let place = Place::new().await;
    let responder = Served::responder(&place.ca, "ca");
    let own = place.issued("own", &format!("authorityInfoAccess=OCSP;URI:{}", responder.address)).await;
    place.upload(&own).await;
    place.ca.revoke("own", "keyCompromise");
    let _responder = responder.again(&place.ca);
    place.set(ENABLE_OCSP, "T").await;
    assert!(!place.cluster.revocation_is_due(now()).await.unwrap());
    place.set(ENABLE_REVOCATION_CHECK, "T").await;
    assert!(place.cluster.revocation_is_due(now()).await.unwrap());

    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let syslog =
        SyslogSettings { server: receiver.local_addr().unwrap().to_string(), transport: Transport::Udp, facility: 23 };
    let settings = MonitorSettings { syslog: Some(syslog), ..MonitorSettings::default() };
    let counted = Counted {
        tvs: Arc::new(TvsCounters::default()),
        capf: Some(Arc::new(CapfCounters::default())),
        logs: Vec::new(),
    };
    let monitor = Monitor::start(&place.cluster, &place.node, &settings, counted).await.unwrap();
    let received = tokio::task::spawn_blocking(move || {
        // What stands goes there too.
        loop {
            let mut message = [0; 2048];
            let count = receiver.recv(&mut message).expect("an alarm comes");
            let message = String::from_utf8(message[..count].to_vec()).unwrap();
            if !message.contains(" UC_CERT-4-ITLRecoveryCertBackup ") {
                return message;
            }
        }
    });
    let message = received.await.unwrap();
    assert!(message.starts_with("<184>1 ") && message.contains(" UC_CERT-0-CertificateRevoked "), "{message}");
    monitor.stop().await;
    let checked = place.cluster.store().revocations().await.unwrap()[0].checked_at;
    assert!(!place.cluster.revocation_is_due(checked + DAY - 1).await.unwrap());
    assert!(place.cluster.revocation_is_due(checked + DAY).await.unwrap());
    assert!(place.cluster.revocation_is_due(checked - 1).await.unwrap(), "the clock was set back");
}

/// Answers one connection with these bytes, and more of the last one until nobody reads.
fn answers(bytes: &'static [u8], endless: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let read = stream.read(&mut [0; 4096]).unwrap();
        assert!(read > 0);
        let mut taken = stream.write_all(bytes);
        while endless && taken.is_ok() {
            taken = stream.write_all(&[b'x'; 65_536]);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_none() {
    for (bytes, endless, reason) in [
        (&b"HTTP/1.1 200 OK\r\n\r\n"[..], true, "more than 65536 bytes"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", false, "answers 302"),
        (b"HTTP/1.1 200 OK\r\nX: ", true, "head"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", false, "HTTP"),
        (b"", false, ""),
    ] {
        let address = format!("http://{}/", answers(bytes, endless));
        let said = HttpAsk.ask(&address, Question::Status(b"question")).await.unwrap_err();
        assert!(said.contains(reason), "{reason}: {said}");
    }
    for bad in ["", "http:///", "http://[::1", "/x"] {
        HttpAsk.ask(bad, Question::List).await.unwrap_err();
    }
}
