//! `set cert import` without a file: the certificate is pasted, at the end of `-c` or among the lines of a pipe.

use crate::admin_cluster::Place;
use crate::support::company::Company;

const PASTE: &str = "Paste the Certificate and Hit Enter\n";

#[test]
fn what_a_ca_has_signed_is_pasted() {
    let place = Place::new(|_| async {});
    let ca = Company::new("Company Root");
    place.run(&["admin", "-c", "set csr gen tomcat"], "").success();
    let request = place.run(&["admin", "-c", "show csr own tomcat rfc7468"], "").success();
    let signed = ca.sign(&request, 730);

    // an empty line ends it, the next line is a command again; the end of input ends it too
    let script = format!("set cert import trust tomcat\n{}\nset cert import own tomcat\n{signed}", ca.pem());
    let out = place.run(&["admin"], &script).success();
    let (said, pending) = out.split_once("Pending until done").unwrap();
    let restart = "Please restart services related to tomcat for the new certificate to become active.\n".to_owned();
    let success = format!("Successfully imported certificate for tomcat.\n{restart}");
    assert_eq!(said, format!("{PASTE}{success}{PASTE}{success}"));
    assert!(pending.contains("  pub: Cisco Tomcat (restart it on the call server"), "{pending}");
    let own = place.run(&["admin", "-c", "show cert own tomcat"], "").success();
    assert!(own.ends_with(&signed), "{own}");

    // behind -c; with a carriage return at the end of each line
    let crlf = ca.pem().replace('\n', "\r\n");
    let out = place.run(&["admin", "-c", "set cert import trust ipsec-trust -"], &crlf).success();
    assert_eq!(out, format!("{PASTE}Successfully imported certificate for ipsec-trust.\n"));
    let trust = place.run(&["admin", "-c", "show cert list trust"], "").success();
    for entry in ["tomcat-trust/Company_Root.pem: Trust Certificate\n", "ipsec-trust/Company_Root.pem"] {
        assert!(trust.contains(entry), "{entry}{trust}");
    }
}

#[test]
fn what_is_no_certificate_changes_nothing() {
    let place = Place::new(|_| async {});
    let before = place.run(&["admin", "-c", "show cert list own", "-c", "show cert list trust"], "").success();
    let too_much = format!("-----BEGIN CERTIFICATE-----\n{}\n", "A".repeat(64)).repeat(20_000);
    for (command, pasted, reason) in [
        ("set cert import own tomcat", "", "nothing was pasted, so nothing was changed\n"),
        ("set cert import own tomcat", "show cert list own\nquit\n", "tomcat.der could not be uploaded. It holds no"),
        (
            "set cert import own tomcat",
            "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n\n",
            "a private key",
        ),
        ("set cert import trust tomcat", "-----BEGIN CERTIFICATE-----\nAAAA\n", "what was pasted: "),
        ("set cert import trust tomcat", &too_much, "more than 1048576 bytes were pasted"),
        ("set cert import trust nothing", "-----BEGIN CERTIFICATE-----\n", ""),
    ] {
        let ended = place.run(&["admin", "-c", command], pasted);
        assert_eq!(ended.code(), 1, "{}", ended.out());
        assert_eq!(ended.out(), PASTE);
        let said = ended.error();
        assert!(said.contains(reason) && said.ends_with("Executed command unsuccessfully\n"), "{reason}: {said}");
        assert!(!said.contains("AA==") && said.lines().count() == 2, "{said}");
    }
    for (command, reason) in [
        ("set cert import own tomcat x.pem y.pem", "`y.pem` is too much"),
        (
            "set cert import own force tomcat x.pem",
            "force needs a file and a reason: `set cert import own force UNIT FILE",
        ),
        ("set cert import own tomcat --key", "--key names no file"),
    ] {
        let ended = place.run(&["admin", "-c", command], "");
        assert_eq!(ended.code(), 1);
        assert!(ended.error().starts_with(reason), "{}", ended.error());
    }
    let after = place.run(&["admin", "-c", "show cert list own", "-c", "show cert list trust"], "").success();
    assert_eq!(before, after);
}
