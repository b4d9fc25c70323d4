//! The CTL client with real Security Tokens (SoftHSM2) against a node that runs: the list that is printed of it, and
//! the refusals.

use crate::support::terminal::Terminal;
use crate::support::token_desk::{ADDRESS, Desk, MODULE, write};
use wire::role::Role;
use wire::trust_list::TrustList;

/// The refusal of [sources/ctl-client#messages], with its line ends.
const REFUSAL: &str = "The Security Token you have inserted does not exist in the CTL File\n\
    Please remove any Security Tokens already inserted and insert another\n\
    Security Token. Click Ok when done.\n";

#[test]
fn tokens_sign_the_list_of_the_seed_and_the_nodes_keep_it_until_they_are_told_to_sign() {
    let desk = Desk::new();
    let (node, port) = desk.serve();

    // A certificate that nobody expected hears no password.
    let (code, said) = desk.client(&port, &"00".repeat(32), &["--set", "mixed", "--token", "ADN008580ef"]);
    assert_eq!(code, Some(2), "{said}");
    let fingerprint = said.split("SHA-256 is ").nth(1).unwrap().split('.').next().unwrap().to_owned();

    // A wrong password is an answer.
    write(&desk.path("wrong"), "Cisco1234\n");
    let user = [
        "ctl-client",
        "--yes",
        "--server",
        ADDRESS,
        "--port",
        &port,
        "--user",
        "ccmadmin",
        "--fingerprint",
        &fingerprint,
    ];
    let rest = ["--module", MODULE, "--set", "mixed", "--token", "ADN008580ef", "--password-file", "wrong"];
    let (code, said) = desk.ringfence(&[&user[..], &rest].concat(), "");
    assert_eq!((code, said.as_str()), (Some(1), "The user name or the password is wrong\n"));
    // Names of tokens have no quotation marks that JSON would have to escape.
    let (code, said) = desk.ringfence(&["token", "list", "--module", MODULE, "--json"], "");
    assert!(code == Some(0) && !said.contains('\\'), "{said}");
    let listed: serde_json::Value = serde_json::from_str(&said).unwrap();
    let labels: Vec<&str> = listed.as_array().unwrap().iter().map(|token| token["label"].as_str().unwrap()).collect();
    assert!(labels.contains(&"ADN008580ef"), "{said}");
    let export = ["token", "export", "--module", MODULE, "--token", "ADN008580ef", "--out", "wrong"];
    let (code, said) = desk.ringfence(&export, "");
    assert!(code == Some(2) && said.contains("exists already; give --force"), "{said}");
    assert_eq!(std::fs::read(desk.path("wrong")).unwrap(), b"Cisco1234\n");

    let (code, said) = desk.client(&port, &fingerprint, &["--set", "mixed", "--token", "ADN008580ef"]);
    assert!(code == Some(1) && said.contains("at least 2 Security Tokens"), "{said}");
    let both = ["--set", "mixed", "--token", "ADN008580ef", "--token", "ADN0054f509"];
    let (code, said) = desk.client(&port, &fingerprint, &both);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("Passed").count(), 2, "{said}");
    let ctl = desk.ctl("data/published/CTLFile.tlv");
    assert_eq!(ctl.len(), 5728, "the size that is printed");
    assert_eq!(ctl, desk.ctl("data/nodes/cucm-1051-a-sub1/published/CTLFile.tlv"));
    let (code, said) = desk.ringfence(&["verify", "data/published/CTLFile.tlv"], "");
    assert_eq!(code, Some(0), "{said}");
    let shown = desk.admin("show ctl", "");
    assert!(
        shown.contains("83:E9:08:00:00:00:55:45:AF:31\n") && shown.contains("3C:F9:27:00:00:00:AF:A2:DA:45\n"),
        "{shown}"
    );

    let (code, said) = desk.client(&port, &fingerprint, &["--set", "update", "--token", "ADN00stolen"]);
    assert_eq!((code, said.as_str()), (Some(1), REFUSAL));

    // Back to a CTL without tokens; from there no token may sign until the file is deleted.
    let (code, said) = desk.ringfence(&["admin", "--data", "data", "--yes", "-c", "utils ctl update CTLFile"], "");
    assert!(code == Some(0) && said.contains("CTL file Updated"), "{said}");
    assert_ne!(desk.ctl("data/published/CTLFile.tlv"), ctl);
    let (code, said) = desk.client(&port, &fingerprint, &["--set", "update", "--token", "ADN008580ef"]);
    assert_eq!((code, said.as_str()), (Some(1), REFUSAL));
    desk.admin("file delete tftp CTLFile.tlv noconfirm", "");
    let (code, said) =
        desk.client(&port, &fingerprint, &["--set", "update", "--token", "ADN008580ef", "--token", "ADN0054f509"]);
    assert_eq!(code, Some(0), "{said}");
    let secure = "No CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode. \
                  For the system to function, you must create the CTL File and set Call Manager Cluster the Secure Mode.";
    assert!(said.contains(secure), "{said}");
    assert_eq!(desk.ctl("data/published/CTLFile.tlv").len(), 5728);
    assert_eq!(node.stop().code(), Some(0));
}

/// Types a line behind a prompt.
fn answer(terminal: &mut Terminal, prompt: &str, typed: &str) -> String {
    let shown = terminal.until(prompt);
    terminal.press(&format!("{typed}\r"));
    shown
}

/// The steps up to the radio buttons.
fn log_in(terminal: &mut Terminal, port: &str) {
    let opening = answer(terminal, "Hostname or IP Address: ", ADDRESS);
    let words = "Cisco CTL Client\nFor IP Telephony Solutions\n\nCisco Unified Communications Manager Server\nHostname or IP Address: ";
    assert_eq!(opening, words);
    answer(terminal, "Port (2444): ", port);
    answer(terminal, "Username: ", "ccmadmin");
    answer(terminal, "Password: ", "Secret12");
    let shown = answer(terminal, "Is it the tomcat certificate of the publisher? (y/n):", "y");
    assert!(shown.contains("`show cert fingerprint tomcat` on the publisher prints"), "{shown}");
    assert!(!shown.contains("Secret12"), "{shown}");
}

/// Inserts a token: of those that are there, the one with this label.
fn insert(terminal: &mut Terminal, label: &str) {
    answer(terminal, "Please insert a Security Token. Click Ok when done.\nOk or Cancel (y/n):", "y");
    let listed = terminal.until("Security Token: ");
    let line = listed.lines().find(|line| line.contains(label)).expect("it is listed");
    let number = line.split_whitespace().next().unwrap();
    terminal.press(&format!("{number}\r"));
}

/// The record of a server in a published CTL.
fn server(ctl: &[u8], role: Role) -> Option<(String, Vec<u8>)> {
    let list = TrustList::decode(ctl.to_vec()).unwrap();
    let record = list.records().find(|record| record.role() == Some(role))?;
    let host = String::from_utf8(record.dns_name().unwrap().to_vec()).unwrap();
    Some((host, record.certificate().unwrap().to_vec()))
}

/// Each step of [sources/ctl-client#from-tokens-and-back] at a terminal, with a TFTP server and a firewall added.
#[test]
fn the_wizard_step_by_step() {
    let desk = Desk::new();
    let (node, port) = desk.serve();
    desk.self_signed("tftp", &["-subj", "/O=Example/CN=tftp.other.example"]);
    desk.self_signed("fw", &["-subj", "/O=Example/CN=fw.example"]);
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=ec"];
    desk.self_signed("ec", &curve);

    let mut terminal = Terminal::start(desk.command(&["ctl-client", "--module", MODULE]));
    log_in(&mut terminal, &port);
    let radio = "Cluster Security Mode\n  1  Set Cisco Unified CallManager Cluster to Mixed Mode\n  \
                 2  Set Cisco Unified CallManager Cluster to Non-Secure Mode\n  3  Update CTL File\nNext (1-3): ";
    answer(&mut terminal, radio, "1");
    insert(&mut terminal, "ADN008580ef");
    let first = answer(&mut terminal, "Add or Cancel (a/c): ", "a");
    let words = "Security Token Information\n  Subject Name: cn=\"SAST-ADN008580ef        \";ou=IPCBU;o=\"Cisco Systems\n  \
                 Issuer Name:  cn=Cisco Manufacturing CA;o=Cisco Systems\n  Valid From:   ";
    assert!(first.contains(words) && first.contains("\n  Expires on:   "), "{first}");
    let buttons =
        "Add TFTP (p), Add Firewall (w), Add Tokens (t), Delete Selected (d NUMBER), Finish (f) or Cancel (c): ";
    let list = answer(&mut terminal, buttons, "f");
    assert!(
        list.contains("CTL Entries\n  No  Type            Hostname/IP      Issuer Name / Subject Name\n"),
        "{list}"
    );
    for row in
        ["1   CAPF            127.0.47.155 ", "2   CCM+TFTP        127.0.47.156 ", "3   CCM+TFTP        127.0.47.155 "]
    {
        assert!(list.contains(row), "{row}\n{list}");
    }
    assert!(
        list.contains("4   Security Token                   cn=Cisco Manufacturing CA;o=Cisco Systems\n"),
        "{list}"
    );
    terminal.until("You must have at least 2 Security Tokens in the CTL File; it has 1.");

    // Add TFTP: what cannot be added, then what can.
    for (host, file, said) in [
        ("10.48.47.160", "nothing.pem", "nothing.pem: "),
        ("no such host", "tftp.pem", "no such host: no host name and no IPv4 address\n"),
        (
            "10.48.47.160",
            "ec.pem",
            "ec.pem: the key of this certificate is not RSA; phones check nothing else by a CTL\n",
        ),
    ] {
        answer(&mut terminal, buttons, "p");
        answer(&mut terminal, "Add TFTP\nHostname or IP Address: ", host);
        answer(&mut terminal, "Certificate file: ", file);
        terminal.until(said);
    }
    answer(&mut terminal, buttons, "p");
    answer(&mut terminal, "Add TFTP\nHostname or IP Address: ", "10.48.47.160");
    answer(&mut terminal, "Certificate file: ", "tftp.pem");
    answer(&mut terminal, "Subject Name: CN=tftp.other.example;O=Example\n", "a");
    answer(&mut terminal, buttons, "w");
    answer(&mut terminal, "Add Firewall\nHostname or IP Address: ", "10.48.47.161");
    answer(&mut terminal, "Certificate file: ", "fw.pem");
    answer(&mut terminal, "Subject Name: CN=fw.example;O=Example\n", "a");
    let list = answer(&mut terminal, buttons, "d 1");
    assert!(
        list.contains("4   TFTP            10.48.47.160 ") && list.contains("5   Firewall        10.48.47.161 "),
        "{list}"
    );
    terminal.until("This entry cannot be deleted.\n");
    answer(&mut terminal, buttons, "d 5");
    let list = answer(&mut terminal, buttons, "t");
    assert!(!list.contains("Firewall        10.48.47.161"), "{list}");
    insert(&mut terminal, "ADN0054f509");
    answer(&mut terminal, "Add or Cancel (a/c): ", "a");
    answer(&mut terminal, buttons, "f");
    let shown = answer(&mut terminal, "Token password: ", "Cisco123");
    let end = terminal
        .until("You must restart all the Cisco Unified Communications Manager and TFTP nodes in the Cluster.\n");
    assert!(!shown.contains("Cisco123") && !end.contains("Cisco123"), "{shown}{end}");
    assert!(end.contains("Server") && end.contains("File Location") && end.contains("Status"), "{end}");
    assert_eq!(end.lines().filter(|line| line.ends_with("  Passed")).count(), 2, "{end}");
    assert_eq!(terminal.end(), 0);
    let ctl = desk.ctl("data/published/CTLFile.tlv");
    assert_eq!(server(&ctl, Role::TFTP).unwrap().0, "10.48.47.160");
    assert_eq!(server(&ctl, Role::FIREWALL), None);

    // A config that the other cluster's TFTP server has signed is good by this CTL; one by the firewall's key is not.
    write(&desk.path("SEP001122334455.cnf.xml"), "<device/>\n");
    for (signer, code) in [("tftp", 0), ("fw", 1)] {
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let sign = [
            "sign",
            "SEP001122334455.cnf.xml",
            "--cert",
            &certificate,
            "--key",
            &key,
            "--output",
            "signed.sgn",
            "--force",
        ];
        let (signed, said) = desk.ringfence(&sign, "");
        assert_eq!(signed, Some(0), "{said}");
        let (verified, said) = desk.ringfence(
            &["verify", "signed.sgn", "--trust", "data/published/CTLFile.tlv", "--name", "SEP001122334455.cnf.xml.sgn"],
            "",
        );
        assert_eq!(verified, Some(code), "{said}");
    }

    // Another day: a token that is not in the CTL, then nobody.
    let mut terminal = Terminal::start(desk.command(&["ctl-client", "--module", MODULE, "--set", "update"]));
    log_in(&mut terminal, &port);
    insert(&mut terminal, "ADN00stolen");
    answer(&mut terminal, "Add or Cancel (a/c): ", "a");
    terminal.until(REFUSAL);
    answer(&mut terminal, "Ok or Cancel (y/n):", "n");
    assert_eq!(terminal.end(), 1);
    assert_eq!(desk.ctl("data/published/CTLFile.tlv"), ctl);

    // The same without questions; what was added before stays.
    let (_, said) = desk.client(&port, &"00".repeat(32), &["--set", "update", "--token", "ADN008580ef"]);
    let fingerprint = said.split("SHA-256 is ").nth(1).unwrap().split('.').next().unwrap().to_owned();
    let more = ["--set", "update", "--token", "ADN008580ef", "--firewall", "10.48.47.161=fw.pem"];
    let (code, said) = desk.client(&port, &fingerprint, &more);
    assert_eq!(code, Some(0), "{said}");
    let after = desk.ctl("data/published/CTLFile.tlv");
    assert_eq!(server(&after, Role::TFTP), server(&ctl, Role::TFTP));
    assert_eq!(server(&after, Role::FIREWALL).unwrap().0, "10.48.47.161");
    assert_eq!(node.stop().code(), Some(0));
}

/// The SHA-256 that the provider shows now.
fn fingerprint(desk: &Desk, port: &str) -> String {
    let (_, said) = desk.client(port, &"00".repeat(32), &["--set", "update", "--token", "ADN008580ef"]);
    said.split("SHA-256 is ").nth(1).unwrap().split('.').next().unwrap().to_owned()
}

const BOTH: [&str; 4] = ["--token", "ADN008580ef", "--token", "ADN0054f509"];

/// A signed file outlives what ends the client, and is sent only as what it was signed for and where it was.
#[test]
fn what_is_kept_goes_where_it_belongs_or_nowhere() {
    let desk = Desk::new();
    let (node, port) = desk.serve();
    let before = fingerprint(&desk, &port);
    let (code, said) = desk.client(&port, &before, &[&["--set", "mixed"], &BOTH[..]].concat());
    assert!(code == Some(0) && !desk.path("CTLFile.unsent.tlv").exists(), "{said}");

    let first = desk.ctl("data/published/CTLFile.tlv");

    // The certificate of the provider is renewed while somebody looks for the password of his token.
    let who = ["ctl-client", "--yes", "--server", ADDRESS, "--port", &port, "--user", "ccmadmin"];
    let with = ["--password-file", "password", "--fingerprint", &before, "--module", MODULE, "--set", "mixed"];
    let mut waiting = Terminal::start(desk.command(&[&who[..], &with, &BOTH[..2]].concat()));
    waiting.until("Token password: ");
    let renew = ["admin", "--data", "data", "--yes", "-c", "set cert regen tomcat"];
    let (code, said) = desk.ringfence(&renew, "");
    assert_eq!(code, Some(0), "{said}");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let now = loop {
        let shown = fingerprint(&desk, &port);
        if shown != before {
            break shown;
        }
        assert!(std::time::Instant::now() < until, "the provider still shows the old certificate");
    };
    waiting.press("Cisco123\r");
    let said = waiting.until("the server, user and fingerprint");
    assert!(
        said.contains("shows a certificate that was not expected") && said.contains("kept in CTLFile.unsent.tlv"),
        "{said}"
    );
    assert_eq!(waiting.end(), 2);
    let kept = std::fs::read(desk.path("CTLFile.unsent.tlv")).unwrap();

    // Somebody else's CTL in between: the one that was kept would bring back what he deleted.
    let other = ["--set", "update", "--token", "ADN0054f509", "--token", "ADN00stolen", "--delete", "ADN008580ef"];
    let (code, said) = desk.client(&port, &now, &other);
    assert_eq!(code, Some(0), "{said}");
    let theirs = desk.ctl("data/published/CTLFile.tlv");
    assert_eq!(std::fs::read(desk.path("CTLFile.unsent.tlv")).unwrap(), kept, "another run keeps its own elsewhere");
    assert!(!desk.path("CTLFile.unsent.tlv.2").exists(), "and that was taken");
    let send = |more: &[&str]| {
        let with = ["--password-file", "password", "--fingerprint", &now, "--send", "CTLFile.unsent.tlv"];
        desk.ringfence(&[&who[..], &with, more].concat(), "")
    };
    let (code, said) = send(&["--set", "non-secure"]);
    assert!(code == Some(64) && said.contains("was signed for another --set"), "{said}");
    let (code, said) = send(&[]);
    assert!(code == Some(1) && said.contains("was changed while this one was made"), "{said}");
    // Even if somebody says that it was made from that.
    let note = desk.path("CTLFile.unsent.tlv.json");
    let text = std::fs::read_to_string(&note).unwrap();
    let base = |ctl: &[u8]| pki::hash::hex(&pki::hash::sha256(ctl));
    assert!(text.contains(&base(&first)), "{text}");
    write(&note, &text.replace(&base(&first), &base(&theirs)));
    let (code, said) = send(&["--force"]);
    assert!(code == Some(1) && said.contains("not made from the one that the cluster has"), "{said}");
    std::fs::remove_file(&note).unwrap();
    let (code, said) = send(&[]);
    assert!(code == Some(2) && said.contains(".tlv.json: ") && said.contains("run the CTL client again"), "{said}");
    assert_eq!(desk.ctl("data/published/CTLFile.tlv"), theirs);
    assert_eq!(node.stop().code(), Some(0));
}

/// Tokens and servers that go, tokens that the cluster does not know, and what is said before the password of a token is spent.
#[test]
fn scripts_replace_a_lost_token() {
    let desk = Desk::new();
    let (node, port) = desk.serve();
    let print = fingerprint(&desk, &port);
    // A non-secure cluster stays so, and its CTL too.
    for _ in 0..2 {
        let (code, said) = desk.client(&port, &print, &[&["--set", "update"], &BOTH[..]].concat());
        assert_eq!(code, Some(0), "{said}");
    }
    let list = desk.ctl("data/published/CTLFile.tlv");
    let (host, _) = server(&list, Role::CAPF).unwrap();
    assert_eq!(host, ADDRESS);
    let list = TrustList::decode(list).unwrap();
    assert!(list.records().all(|record| record.role() != Some(Role::CCM_TFTP) || record.certificate().is_none()));
    desk.self_signed("tftp", &["-subj", "/O=Example/CN=tftp.other.example"]);
    let mixed = ["--set", "mixed", "--tftp", "10.48.47.160=tftp.pem"];
    let (code, said) = desk.client(&port, &print, &[&mixed, &BOTH[..2]].concat());
    assert_eq!(code, Some(0), "{said}");

    // A token that is not in the CTL is told so before anything is tried on it.
    write(&desk.path("wrong"), "Cisco124\n");
    let options = ["--set", "update", "--token", "ADN00stolen", "--pin-file", "wrong"];
    let who = ["ctl-client", "--yes", "--server", ADDRESS, "--port", &port, "--user", "ccmadmin"];
    let with = ["--password-file", "password", "--fingerprint", &print, "--module", MODULE];
    let (code, said) = desk.ringfence(&[&who[..], &with, &options].concat(), "");
    assert_eq!((code, said.as_str()), (Some(1), REFUSAL));
    for (wanted, words) in [
        ("ADN0054f509", "This Security Token signs the CTL File and cannot be deleted."),
        ("nobody", "nothing that can be deleted is called `nobody`; there are: 10.48.47.160, SAST-ADN"),
    ] {
        let (code, said) = desk.client(
            &port,
            &print,
            &["--set", "update", "--token", "ADN0054f509", "--token", "ADN00stolen", "--delete", wanted],
        );
        assert!(code == Some(2) && said.contains(words), "{said}");
    }

    // The first token is lost. The other signs, a third comes in: two SAST, as old phones take.
    let lost = ["--set", "update", "--token", "ADN0054f509", "--token", "ADN00stolen"];
    let delete = ["--delete", "83:E9:08:00:00:00:55:45:AF:31", "--delete", "10.48.47.160"];
    let (code, said) = desk.client(&port, &print, &[&lost[..], &delete].concat());
    assert_eq!(code, Some(0), "{said}");
    let list = desk.ctl("data/published/CTLFile.tlv");
    assert_eq!(server(&list, Role::TFTP), None);
    let list = TrustList::decode(list).unwrap();
    let names: Vec<String> = list
        .records()
        .filter(|record| record.role() == Some(Role::SAST))
        .map(|record| String::from_utf8_lossy(record.subject().unwrap()).into_owned())
        .collect();
    assert!(names.len() == 2 && names[0].contains("ADN00stolen") && names[1].contains("ADN0054f509"), "{names:?}");

    // What is overruled is said in a line.
    let (code, said) = desk.client(
        &port,
        &print,
        &["--set", "update", "--force", "--token", "ADN008580ef", "--delete", "ADN00stolen"],
    );
    assert!(code == Some(0) && !said.contains("\\n"), "{said}");
    let line = "warning: The Security Token you have inserted does not exist in the CTL File Please remove any";
    assert_eq!(said.matches(line).count(), 2, "by the client and by the provider: {said}");
    assert_eq!(node.stop().code(), Some(0));
}

/// What goes wrong at a terminal is asked again, by somebody who has read why.
#[test]
fn slips_in_the_wizard() {
    let desk = Desk::new();
    let (node, port) = desk.serve();
    // A token with a second key.
    let two =
        ["token", "prepare", "--module", MODULE, "--token", "ADN0054f509", "--pin-file", "pin", "--name", "OTHER"];
    let (code, said) = desk.ringfence(&[&two[..], &["--ca", "ca.pem", "--ca-key", "ca.key"]].concat(), "");
    assert_eq!(code, Some(0), "{said}");
    let export = ["token", "export", "--module", MODULE, "--out", "out.pem", "--token"];
    let (code, said) = desk.ringfence(&[&export[..], &["ADN0054f509"]].concat(), "");
    assert!(code == Some(2) && said.contains("name one with TOKEN/LABEL"), "{said}");
    for name in ["ADN0054f509/SAST-ADN0054f509", "ADN0054f509/45DAA2AF00000027F93C"] {
        let (code, said) = desk.ringfence(&[&export[..], &[name, "--force"]].concat(), "");
        assert!(code == Some(0) && said.contains("SAST-ADN0054f509"), "{said}");
    }

    let mut terminal = Terminal::start(desk.command(&["ctl-client", "--module", MODULE, "--set", "mixed", "--force"]));
    log_in(&mut terminal, &port);
    insert(&mut terminal, "ADN0054f509");
    let listed = terminal.until("Certificate: ");
    let line = listed.lines().find(|line| line.contains("SAST-ADN0054f509")).unwrap();
    assert!(line.contains("serial number 45daa2af00000027f93c"), "{listed}");
    terminal.press(&format!("{}\r", line.split_whitespace().next().unwrap()));
    answer(&mut terminal, "Add or Cancel (a/c): ", "y");
    answer(&mut terminal, "Add or Cancel (a/c): ", "a");
    let buttons = "Finish (f) or Cancel (c): ";
    answer(&mut terminal, buttons, "");
    answer(&mut terminal, buttons, "d 4");
    terminal.until("This Security Token signs the CTL File and cannot be deleted. Cancel, and begin with");
    answer(&mut terminal, buttons, "f");
    terminal.until("warning: You must have at least 2 Security Tokens in the CTL File; it has 1.");
    answer(&mut terminal, "Token password: ", "Cisco124");
    terminal.until("the password of token ADN0054f509 is wrong: fewer tries are left than before\n");
    answer(&mut terminal, "Token password: ", "Cisco123");
    let end = terminal.until("TFTP nodes in the Cluster.\n");
    assert_eq!(end.lines().filter(|line| line.ends_with("  Passed")).count(), 2, "{end}");
    assert_eq!(terminal.end(), 0);
    let list = TrustList::decode(desk.ctl("data/published/CTLFile.tlv")).unwrap();
    let tokens = list.records().filter(|record| record.subject().is_some_and(|name| name.starts_with(b"cn=")));
    assert_eq!(tokens.count(), 1);

    // Cancelled on purpose.
    let mut terminal = Terminal::start(desk.command(&["ctl-client", "--module", MODULE, "--set", "update"]));
    log_in(&mut terminal, &port);
    answer(&mut terminal, "Ok or Cancel (y/n):", "maybe");
    answer(&mut terminal, "Ok or Cancel (y/n):", "n");
    terminal.until("Cancelled. Nothing was sent.\n");
    assert_eq!(terminal.end(), 1);
    assert_eq!(node.stop().code(), Some(0));
}

/// Without a module nothing can be signed, so the wizard asks for it first, and offers what is there.
#[test]
fn the_wizard_asks_for_the_module_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.arg("ctl-client").current_dir(folder.path());
    let mut terminal = Terminal::start(command);
    let shown = terminal.until("(1): ");
    assert!(
        shown.starts_with("Cisco CTL Client\nFor IP Telephony Solutions\n\nPKCS#11 module of the Security Tokens\n"),
        "{shown}"
    );
    assert!(shown.contains(MODULE), "{shown}");
    terminal.press("nowhere.so\r");
    terminal.until("name the PKCS#11 module of the token with --module\n");
    let soft = shown.lines().find(|line| line.contains(MODULE)).unwrap();
    terminal.press(&format!("{}\r", soft.split_whitespace().next().unwrap()));
    terminal.until("Cisco Unified Communications Manager Server\nHostname or IP Address: ");
    terminal.press("\x04");
    assert_eq!(terminal.end(), 2);
}
