//! The certificate monitor of a running node: what it says arrives at rsyslog, and what was acknowledged is not said again.

use std::path::Path;
use std::process::Command;

use crate::receiver::{lines, rsyslog, until};
use crate::support::company::Company;
use crate::support::node::Served;
use daemon::monitor::syslog::{SyslogSettings, Transport};
use daemon::settings::Settings;

/// Days until the certificates of the test expire: a week is critical.
const DAYS: u32 = 5;

fn admin(data: &Path, command: &str) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    program.args(["admin", "--data", data.to_str().unwrap(), "-c", command]);
    let output = program.output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn settings(data: &Path, change: impl FnOnce(&mut Settings)) {
    let path = data.join("ringfence.toml");
    let mut settings = Settings::read(&path).unwrap();
    change(&mut settings);
    std::fs::write(path, settings.to_toml().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_speaks_until_somebody_knows() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Served::start(&data, &["--release", "15"]).stop().code(), Some(0));
    let ca = Company::new("Company Root");
    std::fs::write(data.join("ca.pem"), ca.pem()).unwrap();
    admin(&data, "set cert import trust tomcat ca.pem");
    admin(&data, "set csr gen tomcat");
    std::fs::write(data.join("tomcat.pem"), ca.sign(&admin(&data, "show csr own tomcat rfc7468"), DAYS)).unwrap();
    admin(&data, "set cert import own tomcat tomcat.pem");

    let (_server, port, received) = rsyslog(folder.path(), Transport::Tcp).await;
    settings(&data, |settings| {
        let server = format!("127.0.0.1:{port}");
        settings.monitor.syslog = Some(SyslogSettings { server, transport: Transport::Tcp, facility: 23 });
        // The same is said again at each look, so only an acknowledgement keeps it silent.
        settings.monitor.repeat_hours = 0;
    });
    let weeks = |all: &[String]| {
        let of_tomcat =
            |line: &&String| line.contains("|UC_CERT-2-CertValidfor7days|") && line.contains(" Unit:tomcat ");
        all.iter().filter(of_tomcat).count()
    };
    for starts in 1..=2 {
        let node = Served::start(&data, &[]);
        until("the alarm", || (weeks(&lines(&received)) == starts).then_some(())).await;
        assert_eq!(node.stop().code(), Some(0));
    }

    // the shell lists it by the settings of the node
    let listed = admin(&data, "show cert monitor");
    let row = listed.lines().find(|line| line.contains("UC_CERT-2-CertValidfor7days")).unwrap();
    assert!(!listed.contains(" TVS/"), "TVS is good for five years: {listed}");
    settings(&data, |settings| settings.monitor.window_days = 5 * 365);
    let wide = admin(&data, "show cert monitor");
    assert!(wide.contains(" TVS/"), "{wide}");
    settings(&data, |settings| settings.monitor.window_days = 90);
    let digits = row.split_whitespace().next().unwrap();
    admin(&data, &format!("set cert acknowledge {digits} the CA signs on Monday"));

    // one that says it has no end (RFC 5280, 4.1.2.5) is listed as good, and silences nothing
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let days = today.until(jiff::civil::date(9999, 12, 31)).unwrap().get_days().unsigned_abs();
    std::fs::write(data.join("endless.pem"), ca.self_signed("Endless Root", days)).unwrap();
    admin(&data, "set cert import trust ipsec-trust endless.pem");
    let endless = admin(&data, "show cert trust ipsec-trust/Endless_Root.pem");
    assert!(endless.contains("To:   Fri Dec 31 ") && endless.contains(" UTC 9999\n"), "{endless}");
    for command in [&["monitor", "--all", "--json"][..], &["inventory", "--json", "--subject", "Endless Root"]] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        let output = program.args(command).args(["--data", data.to_str().unwrap()]).output().unwrap();
        let listed = String::from_utf8(output.stdout).unwrap().replace(' ', "");
        assert!(listed.contains("\"not_after\":\"9999-12-31T"), "{command:?}: {listed}");
    }

    // another one, which nobody knows yet, is said; the known one is not
    std::fs::write(data.join("other.pem"), ca.self_signed("Other Root", DAYS)).unwrap();
    admin(&data, "set cert import trust ipsec-trust other.pem");
    let node = Served::start(&data, &[]);
    let other = |line: &String| line.contains("|UC_CERT-6-UnusedCertExpiry|") && line.contains("Unit:ipsec-trust");
    let all = until("the other alarm", || Some(lines(&received)).filter(|all| all.iter().any(other))).await;
    assert_eq!(node.stop().code(), Some(0));
    assert_eq!(weeks(&all), 2, "{all:#?}");
    let log = lines(&data.join("log/alarms.log"));
    assert_eq!(log.iter().filter(|line| line.contains("UC_CERT-2-CertValidfor7days")).count(), 2, "{log:#?}");

    // settings that cannot be read stop this command and no other
    std::fs::write(data.join("ringfence.toml"), "[monitor]\nwindow = 3\n").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    program.args(["admin", "--data", data.to_str().unwrap(), "-c", "show cert list own", "-c", "show cert monitor"]);
    let output = program.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(said.contains("tomcat/tomcat.pem") && said.contains("there is no setting `window`"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alarms_outlast_a_restart_until_somebody_takes_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Served::start(&data, &["--release", "15"]).stop().code(), Some(0));
    let to = |port: u16| {
        settings(&data, |settings| {
            let server = format!("127.0.0.1:{port}");
            settings.monitor.syslog = Some(SyslogSettings { server, transport: Transport::Tcp, facility: 23 });
            // Everything is near its end.
            settings.monitor.window_days = 10 * 365;
        });
    };
    let log = || {
        let mut all = lines(&data.join("log/alarms.log"));
        all.retain(|line| line.contains("Certificate expiration Notification"));
        all
    };
    // nobody listens there
    to(crate::support::node::free_port());
    let due = admin(&data, "show cert monitor").lines().filter(|line| line.contains("UC_CERT-")).count();
    assert!(due > 1, "own certificates and their copies");
    let node = Served::start(&data, &[]);
    let said = until("all alarms", || Some(log()).filter(|all| all.len() >= due)).await;
    assert_eq!(node.stop().code(), Some(0));

    let (_server, port, received) = rsyslog(folder.path(), Transport::Tcp).await;
    to(port);
    let texts = || -> Vec<String> {
        let all = lines(&received);
        let texts = all.iter().map(|line| line.splitn(7, '|').last().unwrap().trim_start().to_owned());
        texts.filter(|line| line.contains("Certificate expiration Notification")).collect()
    };
    let node = Served::start(&data, &[]);
    let all = until("what was raised before", || Some(texts()).filter(|all| all.len() >= said.len())).await;
    assert_eq!(node.stop().code(), Some(0));
    assert_eq!(all, said, "each once, in order");
    assert_eq!(log(), said, "nothing was raised again");

    // What was taken is gone: the next start brings a new alarm only.
    let ca = Company::new("Company Root");
    std::fs::write(data.join("ca.pem"), ca.pem()).unwrap();
    admin(&data, "set cert import trust tomcat ca.pem");
    let node = Served::start(&data, &[]);
    let next = until("the new one", || Some(texts()).filter(|all| all.len() > said.len())).await;
    assert_eq!(node.stop().code(), Some(0));
    assert_eq!(next.len(), said.len() + 1, "{next:#?}");
    assert!(next.last().unwrap().contains("Unit:tomcat-trust"), "{next:#?}");
}
