//! What an administrator does about LSCs from the command line: `ringfence device` and `utils capf` without a terminal.

use crate::admin_cluster::Place;
use crate::peer::{Ca, FIRST, SECOND, capf_row, database, devices};
use serde_json::Value;

/// A phone with an LSC of a CAPF that was taken over, and one without.
fn two_phones(place: &Place) {
    let ca = Ca::new("CAPF-0badcafe");
    let (capf, issuer, key) = (place.file("capf"), place.file("ca.pem"), place.file("ca.key"));
    database(&capf, &[devices(""), capf_row(FIRST, "none", Some(&ca.lsc(FIRST, 1))), capf_row(SECOND, "none", None)]);
    std::fs::write(&issuer, &ca.pem).unwrap();
    std::fs::write(&key, ca.key.to_pem().unwrap().as_slice()).unwrap();
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (capf, issuer, key) = (path(&capf), path(&issuer), path(&key));
    place.run(&["import", "peer", "--capf", &capf, "--issuer", &issuer, "--issuer-key", &key], "").success();
}

#[test]
fn lsc_columns_and_encrypted_configs() {
    let place = Place::new(|_| async {});
    assert!(place.run(&["device", "list", "--lsc"], "").success().starts_with("no phones; "));
    two_phones(&place);
    assert_eq!(
        place.run(&["device", "list", "--lsc"], "").success(),
        "NAME             LSC UNTIL                LSC ISSUER     OPERATION  ENCRYPTED  STATUS\n\
         SEP885A92D977CA  2046-01-19 18:40:00 UTC  CAPF-0badcafe  none       no         Upgrade Success\n\
         SEPB83861583B73  none                                    none       no         None\n"
    );
    place.run(&["admin", "-c", &format!("utils capf device schedule {SECOND} install null")], "").success();
    let listed = place.run(&["device", "list", "--lsc"], "").success();
    assert!(listed.contains("install, null  no         Operation Pending\n"), "{listed}");

    // all or none: the second one may come, for its installation is scheduled
    let ended = place.run(&["device", "encrypted-config", "on", FIRST, SECOND], "");
    assert_eq!(ended.success(), format!("{FIRST} encrypted\n{SECOND} encrypted\n"));
    let listed: Value = serde_json::from_str(&place.run(&["device", "list", "--json"], "").success()).unwrap();
    assert_eq!((&listed[0]["encrypted_config"], &listed[1]["encrypted_config"]), (&true.into(), &true.into()));
    assert_eq!(listed[0]["lsc"]["until"], "2046-01-19T18:40:00Z");
    assert_eq!(
        place.run(&["device", "encrypted-config", "off", "--all"], "").success(),
        format!("{FIRST} in clear\n{SECOND} in clear\n")
    );
    place.run(&["admin", "-c", &format!("utils capf device cancel {SECOND}")], "").success();
    let ended = place.run(&["device", "encrypted-config", "on", FIRST, SECOND], "");
    assert_eq!(ended.code(), 1);
    assert!(ended.error().starts_with("no certificate of SEPB83861583B73 is known"), "{}", ended.error());
    let listed: Value = serde_json::from_str(&place.run(&["device", "list", "--json"], "").success()).unwrap();
    assert_eq!(listed[0]["encrypted_config"], false, "none of them");
    assert_eq!(place.run(&["device", "encrypted-config", "on", "SEP000000000000"], "").code(), 2);
    assert_eq!(place.run(&["device", "encrypted-config", "on"], "").code(), 64);

    // what is given out: the stub and the encrypted config, the plain one not
    place.run(&["device", "encrypted-config", "on", FIRST], "").success();
    let shown = place.run(&["device", "show", FIRST], "").success();
    for line in [
        "LSC            from CAPF-0badcafe, until 2046-01-19 18:40:00 UTC\n",
        "CAPF           No Pending Operation\n",
        "CAPF status    Upgrade Success\n",
        "Config         encrypted\n",
        "Way back       if it has lost its LSC, it cannot open its config: utils capf device schedule SEP885A92D977CA install \
         null\n",
        "  SEP885A92D977CA.cnf.xml          none\n",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    for file in [".cnf.xml.sgn ", ".cnf.xml.enc.sgn "] {
        let line = shown.lines().find(|line| line.contains(file)).unwrap();
        assert!(line.ends_with(" bytes"), "{shown}");
    }
    assert!(!shown.contains("<device>"), "nothing is shown in clear: {shown}");
    // The same words in the shell; with something scheduled the phone finds its way by itself.
    let way_back = "Way back                      if it has lost its LSC";
    let show = format!("utils capf device show {FIRST}");
    assert!(place.run(&["admin", "-c", &show], "").success().contains(way_back));
    let schedule = format!("utils capf device schedule {FIRST} install null");
    assert!(!place.run(&["admin", "-c", &schedule, "-c", &show], "").success().contains(way_back));
}

#[test]
fn a_script_asks_and_answers() {
    let place = Place::new(|_| async {});
    two_phones(&place);
    let ended =
        place.run(&["admin"], "utils capf device schedule all install lsc\ny\nutils capf device list pending\n");
    let shown = ended.success();
    assert!(
        shown
            .contains("This operation will schedule Install/Upgrade for 2 phones.\nDo you want to continue? (y/n):y\n")
    );
    assert!(shown.ends_with("2 devices\n"), "{shown}");
    // no answer, no change; a refusal ends with 1
    let ended = place.run(&["admin", "-c", "utils capf device cancel all"], "");
    assert_eq!(ended.code(), 1);
    let ended = place.run(&["admin", "--level", "0", "-c", "utils capf device list pending"], "");
    assert!(ended.success().ends_with("2 devices\n"));
    assert_eq!(place.run(&["admin", "--level", "0", "-c", "utils capf device cancel all"], "").code(), 1);
    let shown = place.run(&["admin", "--yes", "-c", "utils capf device cancel all"], "").success();
    assert!(shown.ends_with("Cancelled for 2 devices.\n"), "{shown}");
    // a wave for one phone, from start to its end
    let shown =
        place.run(&["admin", "--yes", "-c", &format!("utils capf device wave start {FIRST} lsc 5")], "").success();
    assert!(shown.contains("Wave 1: batch 1 of 1\n") && shown.contains("Pending: SEP885A92D977CA\n"), "{shown}");
    let shown = place
        .run(&["admin", "-c", "utils capf device wave stop", "-c", "utils capf device wave stop give-up"], "")
        .success();
    assert!(
        shown.contains("stopped in batch 1 of 1: stopped by hand\n") && shown.contains("Wave 1: ended\n"),
        "{shown}"
    );
}

#[test]
fn a_typed_string_stands_nowhere() {
    let place = Place::new(|_| async {});
    two_phones(&place);
    let lines = format!(
        "utils capf device schedule {SECOND} install typed-string\n0417263\nutils capf device string {FIRST}\n"
    );
    let ended = place.run(&["admin"], &lines);
    assert!(!ended.error().contains("0417263"), "{}", ended.error());
    let shown = ended.success();
    assert!(
        shown.contains("Authentication string (4 to 10 digits): \nScheduled Install/Upgrade, By Authentication String"),
        "{shown}"
    );
    assert!(!shown.contains("0417263"), "{shown}");
    // a refusal shows it neither; --yes is no string
    let lines = format!("utils capf device schedule {SECOND} install typed-string\n99\n");
    let ended = place.run(&["admin", "--yes"], &lines);
    assert_eq!(ended.code(), 1);
    assert!(ended.out().contains("has 4 to 10 digits") && !ended.out().contains("99\n"), "{}", ended.out());
    let log = std::fs::read_to_string(place.file("log/cli.log")).unwrap();
    assert!(log.contains("typed-string") && !log.contains("0417263"), "{log}");
    assert_eq!(
        place.run(&["admin", "-c", &format!("utils capf device string {SECOND}")], "").success(),
        "0417263\n",
        "what was typed is what it has"
    );
}
