//! `ringfence import peer`: databases as usecallmanager's tools have them [sources/open-tools#data-bases].

use std::path::Path;

use crate::admin_cluster::{Ended, Place};
use crate::peer::{Ca, FIRST, SECOND, THIRD, Tvs, capf_row, database, devices, serial_of};
use serde_json::Value;

fn import(place: &Place, arguments: &[&str]) -> Ended {
    place.run(&["import", "peer"].iter().chain(arguments).copied().collect::<Vec<&str>>(), "")
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn json(place: &Place, arguments: &[&str]) -> Value {
    serde_json::from_str(&place.run(arguments, "").success()).unwrap()
}

fn admin(place: &Place, command: &str) -> String {
    place.run(&["admin", "-c", command], "").success()
}

/// Everything that an import could change, as text.
fn state(place: &Place) -> String {
    [
        "run sql select name,tkcertificatestatus,tkcertificateoperation,scheduledat,publickey from device order by name",
        "run sql select devicename,serialnumber,tklscstate from lsc order by devicename",
        "run sql select subjectname,fingerprint,timetolive from certificate order by fingerprint",
        "run sql select fkcertificate,tktrustrole from certificatetrustrolemap order by fkcertificate,tktrustrole",
        "show cert list trust",
    ]
    .map(|command| admin(place, command))
    .concat()
}

#[test]
fn a_peer_is_taken_over_with_all_that_it_knows() {
    let place = Place::new(|_| async {});
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new("Old CAPF");
    let lsc = ca.lsc(FIRST, 1);
    let capf = folder.path().join("capf.sqlite3");
    database(
        &capf,
        &[
            devices("authentication TEXT, curve_name TEXT"),
            capf_row(FIRST, "none", Some(&lsc)) + ", authentication = 'certificate', key_size = 2048",
            capf_row(SECOND, "install", None)
                + ", authentication = 'password', password = 'let-me-in', curve_name = 'secp384r1'",
            capf_row(THIRD, "fetch", None) + ", authentication = 'no password'",
        ],
    );
    std::fs::write(folder.path().join(format!("{FIRST}.pem")), &lsc).unwrap();
    let tvs = folder.path().join("tvs.sqlite3");
    let (phone_ca, call_manager) = (Ca::new("Old SAST"), Ca::new("Old CallManager"));
    Tvs { ttl: true }.write(
        &tvs,
        &[
            (&ca.pem, "CAPF", Some(3600)),
            (&phone_ca.pem, "SAST", None),
            (&call_manager.pem, "CCM+TFTP, SAST", Some(60)),
        ],
    );
    let arguments = ["--tvs", text(&tvs), "--capf", text(&capf)];
    let table = "                    ADDED  CHANGED  LEFT\n\
                 certificates        3      0        0\n\
                 devices             3      0        0\n\
                 LSCs                1      0        0\n\
                 pending operations  2      0        0\n";
    let untouched = state(&place);
    let dry = import(&place, &[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(dry.success(), format!("{table}this is what would be done; nothing was changed\n"));
    assert_eq!(state(&place), untouched);
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(import(&place, &arguments).success(), format!("{table}taken over\n"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), files, "the peer's folder is only read");

    let listed = json(&place, &["device", "list", "--json"]);
    let [first, second, third] = [0, 1, 2].map(|index| &listed[index]);
    assert_eq!((&first["name"], &first["lsc"]["issuer"]), (&FIRST.into(), &"Old CAPF".into()));
    assert_eq!((&first["certificate_status"], &first["certificate_operation"]), (&3.into(), &"none".into()));
    assert_eq!((&second["name"], &second["authentication_mode"]), (&SECOND.into(), &"string".into()));
    assert_eq!((&second["certificate_operation"], &second["certificate_status"]), (&"install".into(), &2.into()));
    assert_eq!(
        (&third["certificate_operation"], &third["authentication_mode"]),
        (&"troubleshoot".into(), &"null".into())
    );
    assert_eq!(third["lsc"], Value::Null);
    assert_eq!(admin(&place, &format!("utils capf device string {SECOND}")), "let-me-in\n");
    let shown = admin(&place, &format!("utils capf device show {SECOND}"));
    assert!(
        shown.contains("Key Order                     EC Only\n")
            && shown.contains("EC Key Size (Bits)            384\n")
    );
    let select = format!("run sql select publickey from device where name = '{FIRST}'");
    assert!(admin(&place, &select).contains("-----BEGIN RSA PUBLIC KEY-----\nMII"));

    // stores and exactly the roles that the peer gave
    let stores = admin(&place, "show cert list trust");
    for entry in [
        "CAPF-trust/Old_CAPF.pem",
        "CallManager-trust/Old_CAPF.pem",
        "Phone-SAST-trust/Old_SAST.pem",
        "CallManager-trust/Old_CallManager.pem",
    ] {
        assert!(stores.contains(entry), "{entry}\n{stores}");
    }
    let roles = admin(
        &place,
        "run sql select subjectname, tktrustrole, timetolive from certificate join certificatetrustrolemap on \
         fkcertificate = certificate.pkid where subjectname like 'CN=Old%' order by subjectname, tktrustrole",
    );
    assert_eq!(
        roles.lines().skip(2).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>(),
        ["CN=Old CAPF 4 3600", "CN=Old CallManager 0 60", "CN=Old CallManager 2 60", "CN=Old SAST 0 86400"]
    );
    // its LSC hangs on a CAPF that is not in use, so it is to be issued again and its CA stays
    let stale = admin(&place, "utils capf stale-lsc list");
    assert!(stale.contains(FIRST) && stale.ends_with("1 stale LSC\n"), "{stale}");
    let ended = place.run(&["admin", "--yes", "-c", "set cert delete CAPF-trust Old_CAPF.pem"], "");
    assert_eq!(ended.code(), 1);
    assert!(ended.error().contains("1 LSC hangs on Old CAPF: "), "{}", ended.error());

    // once more changes nothing
    let after = state(&place);
    let again = import(&place, &[&arguments[..], &["--json"]].concat()).success();
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["devices"], serde_json::json!({ "added": 0, "changed": 0, "left": 3 }), "{again}");
    assert_eq!((&again["certificates"]["left"], &again["lscs"]["left"]), (&3.into(), &1.into()), "{again}");
    assert_eq!(again["left"][0], serde_json::json!({ "device": FIRST, "reason": "is here already" }));
    assert_eq!(again["left"][1]["reason"], "something is pending for it here");
    assert_eq!(state(&place), after);
}

#[test]
fn older_files_and_devices_that_are_here() {
    let place = Place::new(|_| async {});
    place
        .run(&["device", "add", FIRST, "--model", "7962", "--protocol", "SCCP", "--description", "Lobby"], "")
        .success();
    let folder = tempfile::tempdir().unwrap();
    let (capf, tvs) = (folder.path().join("capf"), folder.path().join("tvs"));
    database(
        &capf,
        &[
            devices("curve TEXT"),
            capf_row(FIRST, "install", None) + ", password = '12345', curve = 'secp256r1'",
            capf_row(SECOND, "delete", None) + ", key_size = 1024",
        ],
    );
    Tvs { ttl: false }.write(&tvs, &[(&Ca::new("Old TVS").pem, "TVS,APP-SERVER", None)]);
    let summary = import(&place, &["--tvs", text(&tvs), "--capf", text(&capf), "--model", "7945"]).success();
    assert!(summary.contains("devices             1      1        0\n"), "{summary}");
    let listed = json(&place, &["device", "list", "--json"]);
    assert_eq!((&listed[0]["model"], &listed[0]["description"]), (&"7962".into(), &"Lobby".into()));
    assert_eq!((&listed[0]["protocol"], &listed[0]["authentication_mode"]), (&"SCCP".into(), &"string".into()));
    assert_eq!((&listed[1]["model"], &listed[1]["authentication_mode"]), (&"7945".into(), &"null".into()));
    let shown = admin(&place, &format!("utils capf device show {SECOND}"));
    assert!(
        shown.contains("RSA Key Size (Bits)           1024\n") && shown.contains("Operation         Delete\n"),
        "{shown}"
    );
    let stores = admin(&place, "show cert list trust");
    assert!(stores.contains("TVS-trust/Old_TVS.pem") && stores.contains("tomcat-trust/Old_TVS.pem"), "{stores}");
}

#[test]
fn its_capf_can_become_the_own_one() {
    let place = Place::new(|_| async {});
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new("Old CAPF");
    let capf = folder.path().join("capf");
    database(&capf, &[devices("curve_name TEXT"), capf_row(FIRST, "none", Some(&ca.lsc(FIRST, 1)))]);
    let (certificate, key, wrong) =
        (folder.path().join("ca.pem"), folder.path().join("ca.key"), folder.path().join("x.key"));
    std::fs::write(&certificate, &ca.pem).unwrap();
    std::fs::write(&key, ca.key.to_pem().unwrap().as_slice()).unwrap();
    std::fs::write(&wrong, Ca::new("x").key.to_pem().unwrap().as_slice()).unwrap();
    let untouched = state(&place);

    let ended = import(&place, &["--capf", text(&capf)]);
    assert_eq!(ended.code(), 2);
    let says = format!(
        "{}: devices row 1 ({FIRST}): certificate: was issued by `CN=Old CAPF`, which is not known here; give the certificate of \
         that CA too\n",
        capf.display()
    );
    assert_eq!(ended.error(), says);
    let with = ["--capf", text(&capf), "--issuer", text(&certificate)];
    let ended = import(&place, &[&with[..], &["--issuer-key", text(&wrong)]].concat());
    assert_eq!((ended.code(), ended.error()), (2, "the key does not belong to the certificate of the CAPF\n"));
    for (ca, says) in [
        (
            Ca::with("www", false, 2_500_000_000),
            "CN=www is no CA: it lacks BasicConstraints CA:TRUE or keyCertSign. Leave out",
        ),
        (Ca::with("Old CAPF", true, 1_700_086_400), "CN=Old CAPF has expired on "),
    ] {
        let (pem, its_key) = (folder.path().join("bad.pem"), folder.path().join("bad.key"));
        std::fs::write(&pem, &ca.pem).unwrap();
        std::fs::write(&its_key, ca.key.to_pem().unwrap().as_slice()).unwrap();
        database(&capf, &[devices("curve_name TEXT"), capf_row(FIRST, "none", None)]);
        let arguments = ["--capf", text(&capf), "--issuer", text(&pem), "--issuer-key", text(&its_key)];
        let ended = import(&place, &arguments);
        assert_eq!(ended.code(), 2, "{says}");
        assert!(ended.error().starts_with(says), "{}", ended.error());
    }
    assert_eq!(state(&place), untouched);
    database(&capf, &[devices("curve_name TEXT"), capf_row(FIRST, "none", Some(&ca.lsc(FIRST, 1)))]);

    let summary = import(&place, &[&with[..], &["--issuer-key", text(&key)]].concat()).success();
    assert!(summary.contains("its CAPF is the own one now"), "{summary}");
    assert!(admin(&place, "show cert own CAPF").contains("Subject Name: CN=Old CAPF\n"));
    assert_eq!(admin(&place, "utils capf stale-lsc list"), "No stale LSCs found.\n");
    let stores = admin(&place, "show cert list trust");
    assert!(stores.matches("CAPF-trust/CAPF-").count() == 1, "the one that was here stays: {stores}");
}

#[test]
fn a_phone_that_reads_an_encrypted_config_gets_no_ec_keys() {
    let place = Place::new(|_| async {});
    let folder = tempfile::tempdir().unwrap();
    let capf = folder.path().join("capf");
    place.run(&["device", "add", FIRST, "--model", "8861"], "").success();
    // as after an operation that has run out of time
    crate::peer::change(&place.file("ringfence.db"), "UPDATE device SET encryptedconfig = 't'");
    let keys = || {
        let shown = admin(&place, &format!("utils capf device show {FIRST}"));
        shown.lines().find(|line| line.starts_with("Key Order")).unwrap().to_owned()
    };
    let before = keys();
    let row = capf_row(FIRST, "install", None) + ", curve_name = 'secp384r1'";
    database(&capf, &[devices("curve_name TEXT"), row, capf_row(SECOND, "install", None)]);
    let summary = import(&place, &["--capf", text(&capf)]).success();
    let says = format!("left: {FIRST} has EC keys there, and its config is encrypted here, which needs RSA\n");
    assert!(summary.contains(&says), "{summary}");
    assert!(summary.contains("devices             1      0        1\n"), "{summary}");
    assert_eq!(keys(), before);
    assert!(before.ends_with("RSA Only"), "{before}");
}

#[test]
fn what_does_not_fit_is_refused_with_its_place_and_nothing_is_changed() {
    let place = Place::new(|_| async {});
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new("Old CAPF");
    let (lsc, other) = (ca.lsc(FIRST, 1), ca.lsc(SECOND, 2));
    let (capf, tvs, issuer) = (folder.path().join("capf"), folder.path().join("tvs"), folder.path().join("ca.pem"));
    std::fs::write(&issuer, &ca.pem).unwrap();
    Tvs { ttl: true }.write(&tvs, &[(&Ca::new("Old TVS").pem, "TVS", None)]);
    let untouched = state(&place);
    let good = capf_row(SECOND, "install", None);
    let at = format!("{}: devices row 1 ({FIRST}): ", capf.display());
    for (row, says) in [
        (capf_row(FIRST, "renew", None), "operation: `renew` is not install, fetch, delete or none"),
        (capf_row(FIRST, "none", None) + ", key_size = 1000", "key_size: `1000` is not 512, 1024, 2048, 3072 or 4096"),
        (
            capf_row(FIRST, "none", None) + ", curve_name = 'secp256k1'",
            "curve_name: `secp256k1` is not secp256r1, secp384r1 or secp521r1",
        ),
        (
            capf_row(FIRST, "none", None) + ", curve_name = 'secp256r1', key_size = 2048",
            "key_size: a curve is named too; one of them has to be empty",
        ),
        (
            capf_row(FIRST, "none", None) + ", authentication = 'magic'",
            "authentication: `magic` is not no password, password or certificate",
        ),
        (
            capf_row(FIRST, "install", None) + ", authentication = 'password'",
            "password: is missing, and the device authenticates by it",
        ),
        (
            capf_row(FIRST, "none", None) + ", password = 'a b'",
            "password: an authentication string that is empty, too long or not printable",
        ),
        (capf_row(FIRST, "none", Some(&other)), "certificate: is that of `SEPB83861583B73`, not of SEP885A92D977CA"),
        (capf_row(FIRST, "none", Some("-----BEGIN CERTIFICATE-----")), "certificate: "),
        (
            capf_row(FIRST, "none", Some(&lsc)) + ", serial_number = '1234'",
            "serial_number: the certificate has 41414141414141414141414141414141; the row is damaged",
        ),
        (
            capf_row(FIRST, "none", Some(&lsc)) + ", not_valid_after = '2030-01-01 00:00:00'",
            "not_valid_after: `2030-01-01 00:00:00` is not what the certificate says; the row is damaged",
        ),
        (
            capf_row(FIRST, "none", Some(&lsc)) + ", not_valid_before = 'now'",
            "not_valid_before: `now` is not YYYY-MM-DD HH:MM:SS",
        ),
    ] {
        database(&capf, &[devices("authentication TEXT, curve_name TEXT"), row.clone(), good.clone()]);
        let ended = import(&place, &["--tvs", text(&tvs), "--capf", text(&capf), "--issuer", text(&issuer)]);
        assert_eq!(ended.code(), 2, "{row}: {}", ended.out());
        assert!(ended.error().starts_with(&format!("{at}{says}")), "{row}: {}", ended.error());
        assert_eq!((ended.error().lines().count(), ended.out()), (1, ""), "{row}");
    }
    for name in ["SEP885a92d977ca", "885A92D977CA", "SEP885A92D977CAB", "../../x", ""] {
        database(&capf, &[devices(""), capf_row(name, "none", None)]);
        let ended = import(&place, &["--capf", text(&capf)]);
        assert!(ended.error().contains("device_name: is not SEP and twelve"), "{name}: {}", ended.error());
    }

    let pem = Ca::new("Old TVS").pem;
    let at = format!("{}: certificates row 1 (", tvs.display());
    for (change, says) in [
        ("roles = 'SAST,PHONE'", "roles: `PHONE` is none of SAST, CCM, CCM+TFTP, TFTP, CAPF, APP-SERVER, TVS"),
        ("roles = ''", "roles: is empty"),
        ("ttl = 0", "ttl: `0` is not 1 to 2592000 seconds"),
        ("ttl = 'long'", "ttl: `long` is not 1 to 2592000 seconds"),
        ("certificate_hash = 'abcd'", "certificate_hash: the certificate has "),
        ("certificate = 'x'", "certificate: "),
        ("certificate = NULL", "certificate: is missing"),
        ("serial_number = 'ff'", "serial_number: the certificate has "),
        ("subject_name = 'CN=Other'", "subject_name: the certificate says CN=Old TVS; the row is damaged"),
    ] {
        Tvs { ttl: true }.write(&tvs, &[(&pem, "TVS", None)]);
        crate::peer::change(&tvs, &format!("UPDATE certificates SET {change}"));
        let ended = import(&place, &["--tvs", text(&tvs)]);
        assert_eq!(ended.code(), 2, "{change}");
        assert!(ended.error().starts_with(&at) && ended.error().contains(says), "{change}: {}", ended.error());
    }
    // the two mixed up, no database, none at all
    database(&capf, &[devices("")]);
    let ended = import(&place, &["--tvs", text(&capf)]);
    assert!(
        ended.error().ends_with("table certificates: is not there; tables that are: devices\n"),
        "{}",
        ended.error()
    );
    let ended = import(&place, &["--tvs", text(&issuer)]);
    assert!(ended.error().contains("offset 0: is no SQLite database"), "{}", ended.error());
    assert_eq!(import(&place, &[]).code(), 64);
    assert_eq!(state(&place), untouched);
}

#[test]
fn a_certificate_file_that_differs_is_told_and_many_devices_are_no_trouble() {
    let place = Place::new(|_| async {});
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new("Old CAPF");
    let (capf, issuer) = (folder.path().join("capf"), folder.path().join("ca.pem"));
    std::fs::write(&issuer, &ca.pem).unwrap();
    let mut rows = vec![devices(""), capf_row(FIRST, "none", Some(&ca.lsc(FIRST, 1)))];
    rows.extend((0..1500).map(|number| capf_row(&format!("SEP{number:012X}"), "none", None)));
    database(&capf, &rows);
    let beside = folder.path().join(format!("{FIRST}.pem"));
    std::fs::write(&beside, ca.lsc(FIRST, 2)).unwrap();
    let ended = import(&place, &["--capf", text(&capf), "--issuer", text(&issuer)]);
    assert_eq!(ended.code(), 0, "{}", ended.error());
    let says = format!("warning: {}: is another certificate than in the database, which counts\n", beside.display());
    assert_eq!(ended.error(), says);
    assert!(ended.out().contains("devices             1501   0        0\n"), "{}", ended.out());
    let kept = admin(&place, "run sql select serialnumber from lsc");
    assert!(kept.ends_with(&format!("{}\n", serial_of(&ca.lsc(FIRST, 1)))), "{kept}");
}
