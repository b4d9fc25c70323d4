//! What the certificate monitor says, held against programs that nobody here wrote: rsyslog over UDP and TCP, an SMTP server with STARTTLS,
//! the reader of the Prometheus text format.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::receiver::{Running, lines, rsyslog, until};
use cluster::{Actor, Level};
use daemon::capf::CapfCounters;
use daemon::monitor::mail::{MailSettings, send};
use daemon::monitor::metrics::Counted;
use daemon::monitor::syslog::{SyslogSettings, Transport};
use daemon::monitor::{Monitor, MonitorSettings};
use daemon::tvs::TvsCounters;
use ringfence_core::Cluster;
use ringfence_core::alarms::Receiver;
use testbed::{Clock, in_domain, make_in, new_cluster};

/// The machine's Python: it has Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

/// Fri Mar 06 21:04:39 UTC 2015: certificates made then have expired.
const LONG_AGO: i64 = 1_425_675_879_000;

async fn cluster(folder: &Path, made: i64) -> Cluster {
    let new = in_domain("localdomain", new_cluster("15", &[("CUCM02", "127.0.0.1")]));
    make_in(folder, &new, &mut Clock::at(made)).await
}

fn counted() -> Counted {
    Counted { tvs: Arc::new(TvsCounters::default()), capf: Some(Arc::new(CapfCounters::default())), logs: Vec::new() }
}

/// The lines of the monitor; others raise alarms too.
fn expiries(path: &Path) -> Vec<String> {
    let mut all = lines(path);
    all.retain(|line| line.contains("Certificate expiration Notification"));
    all
}

async fn said_to_rsyslog(transport: Transport) {
    let folder = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let (_server, port, received) = rsyslog(folder.path(), transport).await;
    let cluster = cluster(data.path(), LONG_AGO).await;
    let syslog = SyslogSettings { server: format!("127.0.0.1:{port}"), transport, facility: 23 };
    let settings = MonitorSettings { syslog: Some(syslog), ..MonitorSettings::default() };
    let node = cluster.node(None).await.unwrap();
    let monitor = Monitor::start(&cluster, &node, &settings, counted()).await.unwrap();
    let expected = cluster.watched().await.unwrap().len();
    let all = until("the messages", || Some(lines(&received)).filter(|lines| lines.len() > expected)).await;
    monitor.stop().await;
    // What stands goes there too, once.
    let (standing, all): (Vec<String>, Vec<String>) =
        all.into_iter().partition(|line| line.contains("|UC_CERT-4-ITLRecoveryCertBackup|"));
    assert_eq!((standing.len(), all.len()), (1, expected), "{all:#?}");
    let logged = expiries(&cluster.directory(&node).log().join("alarms.log"));
    assert_eq!(logged.len(), expected);
    for (line, logged) in all.iter().zip(&logged) {
        let fields: Vec<&str> = line.splitn(7, '|').collect();
        // local7.emerg
        assert_eq!(fields[..2], ["184", "1"], "{line}");
        assert_eq!(fields[3..6], ["CUCM02", "ringfence", "UC_CERT-0-CertExpired"], "{line}");
        let text = fields[6].trim_start();
        assert_eq!(text, *logged, "the same in the file");
        assert!(
            text.contains(": CUCM02.localdomain: ") && text.contains(" UTC : %UC_CERT-0-CertExpired: %[Message="),
            "{text}"
        );
        assert!(text.contains("[AppID=Cisco Certificate Monitor][ClusterID=][NodeID=CUCM02]"), "{text}");
    }
    assert!(
        logged.iter().any(|line| line.contains("Certificate name:tomcat.der Unit:tomcat Type:own-cert")),
        "{logged:#?}"
    );
}

#[tokio::test]
async fn syslog_over_udp() {
    said_to_rsyslog(Transport::Udp).await;
}

#[tokio::test]
async fn syslog_over_tcp() {
    said_to_rsyslog(Transport::Tcp).await;
}

/// An SMTP server of Python that wants STARTTLS; prints its port, then each letter as one line of JSON.
const SMTP: &str = r#"
import asyncio, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

class Handler:
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                          "login": session.authenticated, "text": envelope.content.decode()}), flush=True)
        return "250 taken"

def authenticator(server, session, envelope, mechanism, auth):
    # what is not handled is answered by the server: 535
    return AuthResult(success=(auth.login, auth.password) == (b"ringfence", b"s3cret"), handled=False)

async def main(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    make = lambda: SMTP(Handler(), hostname="localhost", tls_context=context, require_starttls=True,
                        authenticator=authenticator, auth_required=True)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main(*sys.argv[1:]))
"#;

struct SmtpServer {
    _running: Running,
    port: u16,
    letters: std::sync::mpsc::Receiver<serde_json::Value>,
}

fn smtp(folder: &Path) -> SmtpServer {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"])
        .args(["subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let mut child = Command::new(PYTHON)
        .args(["-c", SMTP, "cert.pem", "key.pem"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut port = String::new();
    out.read_line(&mut port).unwrap();
    let (sender, letters) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                return;
            }
        }
    });
    SmtpServer { _running: Running(child), port: port.trim().parse().unwrap(), letters }
}

fn mail(folder: &Path, port: u16) -> MailSettings {
    std::fs::write(folder.join("password"), "s3cret\n").unwrap();
    MailSettings {
        server: "localhost".to_owned(),
        port,
        starttls: true,
        ca_file: Some(folder.join("cert.pem")),
        user: Some("ringfence".to_owned()),
        password_file: Some(folder.join("password")),
        from: "CUCM02 <cucm@example.org>".to_owned(),
        to: vec!["admin@example.org".to_owned(), "Night shift <night@example.org>".to_owned()],
    }
}

#[tokio::test]
async fn one_letter_for_all_of_a_look() {
    let folder = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let server = smtp(folder.path());
    let cluster = cluster(data.path(), LONG_AGO).await;
    let settings = MonitorSettings { mail: Some(mail(folder.path(), server.port)), ..MonitorSettings::default() };
    let node = cluster.node(None).await.unwrap();
    let monitor = Monitor::start(&cluster, &node, &settings, counted()).await.unwrap();
    let letter = until("the letter", || server.letters.try_recv().ok()).await;
    monitor.stop().await;
    assert_eq!(letter["from"], "cucm@example.org");
    assert_eq!(letter["to"], serde_json::json!(["admin@example.org", "night@example.org"]));
    assert_eq!((&letter["tls"], &letter["login"]), (&true.into(), &true.into()));
    let text = letter["text"].as_str().unwrap().replace("=\r\n", "").replace("\r\n", "\n");
    let count = 1 + cluster.watched().await.unwrap().len();
    assert!(text.contains(&format!("Subject: CUCM02: {count} alarms\n")), "{text}");
    assert!(text.contains("UC_CERT-4-ITLRecoveryCertBackup"), "what stands too: {text}");
    assert!(text.contains("UC_CERT-0-CertExpired") && text.contains("Unit:CallManager"), "{text}");
    assert!(server.letters.try_recv().is_err(), "one letter, not one for each");
}

#[tokio::test]
async fn what_nobody_took_is_mailed_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let server = smtp(folder.path());
    let cluster = cluster(data.path(), LONG_AGO).await;
    let node = cluster.node(None).await.unwrap();
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let log = cluster.directory(&node).log().join("alarms.log");
    let count = cluster.watched().await.unwrap().len();
    let settings = MonitorSettings { mail: Some(mail(folder.path(), nobody)), ..MonitorSettings::default() };
    let monitor = Monitor::start(&cluster, &node, &settings, counted()).await.unwrap();
    let raised = async {
        while cluster.undelivered_alarms(Receiver::Mail).await.unwrap().len() < count + 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), raised)
        .await
        .expect("an alarm for each that expires, and one that it was not mailed");
    monitor.stop().await;
    let settings = MonitorSettings { mail: Some(mail(folder.path(), server.port)), ..MonitorSettings::default() };
    let monitor = Monitor::start(&cluster, &node, &settings, counted()).await.unwrap();
    let letter = until("the letter", || server.letters.try_recv().ok()).await;
    monitor.stop().await;
    let text = letter["text"].as_str().unwrap().replace("=\r\n", "").replace("\r\n", "\n");
    assert!(text.contains(&format!("Subject: CUCM02: {} alarms\n", count + 1)), "{text}");
    assert_eq!(expiries(&log).len(), count, "they were not raised again");
    assert_eq!(cluster.undelivered_alarms(Receiver::Mail).await.unwrap(), []);
}

#[tokio::test]
async fn letters_that_are_not_taken_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let server = smtp(folder.path());
    let good = mail(folder.path(), server.port);
    let refused = |settings: MailSettings| async move {
        send(&settings, "subject", "body".to_owned()).await.unwrap_err().to_string()
    };
    std::fs::write(folder.path().join("password"), "wrong\n").unwrap();
    let error = refused(good.clone()).await;
    assert!(error.contains("535") && !error.contains("wrong"), "{error}");
    std::fs::write(folder.path().join("password"), "s3cret\n").unwrap();
    send(&good, "subject", "body".to_owned()).await.unwrap();
    // A certificate that nobody vouches for, a server that must speak TLS and is not asked to, nobody there.
    refused(MailSettings { ca_file: None, ..good.clone() }).await;
    refused(MailSettings { starttls: false, ..good.clone() }).await;
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    refused(MailSettings { port: free, ..good.clone() }).await;
    assert!(refused(MailSettings { to: Vec::new(), ..good.clone() }).await.contains("name 1 to 50 receivers"));
    assert!(refused(MailSettings { from: "nobody".to_owned(), ..good }).await.contains("`nobody`"));
}

#[tokio::test]
async fn metrics_as_prometheus_reads_them() {
    let data = tempfile::tempdir().unwrap();
    let now = daemon::surroundings::now();
    let cluster = cluster(data.path(), now).await;
    let settings = MonitorSettings { metrics: Some((Ipv4Addr::LOCALHOST, 0).into()), ..MonitorSettings::default() };
    let node = cluster.node(None).await.unwrap();
    let monitor = Monitor::start(&cluster, &node, &settings, counted()).await.unwrap();
    let address = monitor.metrics().unwrap();
    let fetched = tokio::process::Command::new("curl")
        .args(["-sf", &format!("http://{address}/metrics")])
        .output()
        .await
        .unwrap();
    assert!(fetched.status.success(), "{fetched:?}");
    let reader = "import json,sys\nfrom prometheus_client.parser import text_string_to_metric_families as read\n\
                  print(json.dumps([[s.name,s.labels,s.value] for f in read(sys.stdin.read()) for s in f.samples]))";
    let mut child =
        Command::new(PYTHON).args(["-c", reader]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&fetched.stdout).unwrap();
    let read: serde_json::Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    let samples = read.as_array().unwrap();
    let tomcat = samples.iter().find(|sample| sample[1]["unit"] == "tomcat").unwrap();
    assert_eq!(tomcat[0], "ringfence_certificate_expiry_timestamp_seconds");
    assert_eq!((&tomcat[1]["kind"], &tomcat[1]["in_use"]), (&"own".into(), &"true".into()));
    let left = tomcat[2].as_f64().unwrap() - now as f64 / 1000.0;
    assert!((left / 86_400.0 - 1825.0).abs() < 1.0, "five years: {left}");
    let ending = samples.iter().find(|sample| sample[0] == "ringfence_lscs_ending").unwrap();
    assert_eq!(ending[2], 0.0);
    for name in ["ringfence_tvs_connections_total", "ringfence_capf_installed_total"] {
        let sample = samples.iter().find(|sample| sample[0] == name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(sample[2], 0.0);
    }
    let status = |arguments: &[&str]| {
        let said = Command::new("curl").args(["-s", "-o", "/dev/null", "-w", "%{http_code}"]).args(arguments).output();
        String::from_utf8(said.unwrap().stdout).unwrap()
    };
    let other = format!("http://{address}/");
    let (missing, posted) =
        tokio::task::spawn_blocking(move || (status(&[&other]), status(&["-d", "x", &other]))).await.unwrap();
    assert_eq!((missing.as_str(), posted.as_str()), ("404", "405"));
    // Idle connections keep nobody out for longer than a second.
    let mut idle = Vec::new();
    for last in [2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3] {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).unwrap();
        idle.push(socket.connect(address).await.unwrap());
    }
    let mut scrapes = 0;
    loop {
        let url = format!("http://{address}/metrics");
        let again = tokio::process::Command::new("curl").args(["-sf", "-m", "20", &url]).output().await.unwrap();
        scrapes += 1;
        if again.status.success() {
            break;
        }
        assert!(scrapes < 2000, "never served again: {again:?}");
    }
    drop(idle);
    monitor.stop().await;
    assert!(TcpStream::connect(address).is_err(), "it ends with the monitor");
}

#[tokio::test]
async fn nothing_is_said_twice_and_what_is_known_not_at_all() {
    let data = tempfile::tempdir().unwrap();
    let cluster = cluster(data.path(), LONG_AGO).await;
    let node = cluster.node(None).await.unwrap();
    let log = cluster.directory(&node).log().join("alarms.log");
    let schedule = cluster.monitor_schedule(90, 168);
    let now = daemon::surroundings::now();
    let first = cluster.monitor(&node, &schedule, true, &[], now).await.unwrap();
    assert!(!first.notices.is_empty());
    assert_eq!(expiries(&log).len(), first.notices.len());
    assert_eq!(first.next, now + 3_600_000, "something has expired: the next look is in an hour");
    let again = cluster.monitor(&node, &schedule, true, &[], first.next).await.unwrap();
    assert_eq!(again.notices, []);
    // Acknowledged: silent the next day too, and the others are not.
    let tomcat = first.notices.iter().find(|notice| notice.message.contains("Unit:tomcat ")).unwrap();
    let actor = Actor::new("admin", Level::ReadWrite);
    let mut surroundings = Clock::at(now);
    cluster.acknowledge(&actor, &tomcat.key[..8], "tests run here", &mut surroundings).await.unwrap();
    let next_day = cluster.monitor(&node, &schedule, true, &[], now + 86_400_000).await.unwrap();
    assert_eq!(next_day.notices.len(), first.notices.len() - 1);
    assert!(!next_day.notices.iter().any(|notice| notice.key == tomcat.key));
    let audit = cluster.store().audit(1).await.unwrap();
    assert_eq!(
        (audit[0].result.as_str(), audit[0].command.as_str()),
        ("tests run here", format!("set cert acknowledge {}", tomcat.key).as_str())
    );
}
