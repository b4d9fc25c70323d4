//! `ringfence device`: add, list, show, remove, import.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod admin_cluster;

use admin_cluster::Place;
use ringfence_core::UnknownDeviceRow;
use serde_json::Value;

fn json(text: &str) -> Vec<Value> {
    serde_json::from_str::<Value>(text).unwrap().as_array().unwrap().clone()
}

#[test]
fn one_phone_from_adding_to_removing() {
    let place = Place::new(|cluster| async move {
        let seen = |name: &str, last_seen: i64| UnknownDeviceRow {
            name: name.to_owned(),
            last_file: format!("{name}.cnf.xml.sgn"),
            last_address: "192.0.2.77".to_owned(),
            first_seen: 1_425_675_879_000,
            last_seen,
            requests: 3,
        };
        let rows = [seen("SEP58971ECC97C1", 1_425_675_879_000), seen("SEP000000000009", 1_425_675_880_000)];
        cluster.note_unknown_devices(&rows).await.unwrap();
    });
    assert!(place.run(&["device", "list"], "").success().starts_with("no phones; "));
    assert_eq!(
        place.run(&["device", "list", "--unknown"], "").success(),
        "NAME             ADDRESS     LAST FILE                    FIRST SEEN                 LAST SEEN                  \
         REQUESTS\n\
         SEP000000000009  192.0.2.77  SEP000000000009.cnf.xml.sgn  2015-03-06T21:04:39+00:00  2015-03-06T21:04:40+00:00  3\n\
         SEP58971ECC97C1  192.0.2.77  SEP58971ECC97C1.cnf.xml.sgn  2015-03-06T21:04:39+00:00  2015-03-06T21:04:39+00:00  3\n"
    );

    // the label of the phone is enough; who is added is not unknown any more
    let add = ["device", "add", "58:97:1e:cc:97:c1", "--security", "encrypted", "--nodes", "sub1,pub"];
    assert_eq!(place.run(&add, "").success(), "SEP58971ECC97C1 added\n");
    assert_eq!(place.run(&add, "").success(), "SEP58971ECC97C1 changed\n");
    let unknown = json(&place.run(&["device", "list", "--unknown", "--json"], "").success());
    assert_eq!(unknown.len(), 1);
    assert_eq!((&unknown[0]["name"], &unknown[0]["requests"]), (&"SEP000000000009".into(), &3.into()));
    assert_eq!(
        place.run(&["device", "list"], "").success(),
        "NAME             MODEL  PROTOCOL  SECURITY   NODES     DESCRIPTION\n\
         SEP58971ECC97C1  8861   SIP       encrypted  sub1,pub\n"
    );

    // what it gets: the order of its nodes, security only in mixed mode
    let shown = place.run(&["device", "show", "sep58971ecc97c1"], "").success();
    for line in [
        "Security       encrypted",
        "Nodes          sub1, pub (sub1+pub)",
        "Files from sub1:",
        "  CTLSEP58971ECC97C1.tlv           none",
        "   <deviceSecurityMode>1</deviceSecurityMode>",
    ] {
        assert!(shown.lines().any(|shown| shown.starts_with(line)), "{line}\n{shown}");
    }
    let (first, second) = (shown.find("<address>192.0.2.2<").unwrap(), shown.find("<address>192.0.2.1<").unwrap());
    assert!(first < second, "sub1 before pub");
    place.run(&["admin", "--yes", "-c", "utils ctl set-cluster mixed-mode"], "").success();
    let shown = place.run(&["device", "show", "SEP58971ECC97C1", "--node", "pub"], "").success();
    assert!(shown.contains("Files from pub:") && shown.contains("<deviceSecurityMode>3</deviceSecurityMode>"));
    let ctl = std::fs::metadata(place.file("published/CTLFile.tlv")).unwrap().len();
    assert!(shown.contains(&format!("  CTLSEP58971ECC97C1.tlv           {ctl} bytes\n")));

    // refusals
    for (arguments, code, says) in [
        (vec!["add", "SEP1", "--nodes", "pub,nope"], 2, "no node nope; the nodes are pub, sub1\n"),
        (vec!["add", "SEP1", "--nodes", "pub,pub"], 2, "node pub stands twice in the group\n"),
        (vec!["add", "../x"], 2, "`../X` is not a device name; write SEP and the MAC address\n"),
        (vec!["show", "SEP000000000001"], 1, "no phone SEP000000000001; `ringfence device list` names them\n"),
        (vec!["remove", "SEP000000000001"], 1, "no device SEP000000000001; `ringfence device list` names them\n"),
    ] {
        let arguments: Vec<&str> = ["device"].into_iter().chain(arguments).collect();
        let ended = place.run(&arguments, "");
        assert_eq!((ended.code(), ended.error()), (code, says), "{arguments:?}");
    }
    assert_eq!(place.run(&["device", "add", "SEP1", "--protocol", "IAX"], "").code(), 64);
    assert_eq!(place.run(&["device", "remove", "SEP58971ECC97C1"], "").success(), "SEP58971ECC97C1 removed\n");
    assert!(place.run(&["device", "list", "--json"], "").success().starts_with("[]"));
}

#[test]
fn a_list_is_taken_whole_or_not_at_all() {
    let place = Place::new(|_| async {});
    let list = place.file("phones.csv");
    std::fs::write(
        &list,
        "\u{feff}name,model,protocol,security,nodes,description\r\n\
         SEP000000000001,7960,SCCP,non-secure,pub+sub1,\"Lobby, left\"\r\n\
         \r\n\
         # the laboratory\r\n\
         000000000002\r\n",
    )
    .unwrap();
    let import = |more: &[&str]| {
        let arguments = ["device", "import", list.to_str().unwrap()];
        place.run(&arguments.iter().chain(more).copied().collect::<Vec<&str>>(), "")
    };
    assert_eq!(
        import(&["--dry-run"]).success(),
        "line 2: add SEP000000000001\nline 5: add SEP000000000002\nwould add 2 and change 0 phones; nothing was changed\n"
    );
    assert!(json(&place.run(&["device", "list", "--json"], "").success()).is_empty());
    assert_eq!(import(&[]).success(), "added 2, changed 0 phones\n");
    assert_eq!(import(&[]).success(), "added 0, changed 2 phones\n");
    let devices = json(&place.run(&["device", "list", "--json"], "").success());
    assert_eq!(devices[0]["description"], "Lobby, left");
    assert_eq!(devices[0]["nodes"], serde_json::json!(["pub", "sub1"]));
    assert_eq!((&devices[1]["model"], &devices[1]["protocol"]), (&"8861".into(), &"SIP".into()));

    let too_bad = [
        ("SEP3\nSEP4,8861,IAX\n", "line 2: `IAX` is not a protocol; write SIP or SCCP"),
        ("SEP3\n\nSEP4,8861,SIP,secret\n", "line 3: `secret` is not a device security mode"),
        ("SEP3\nSEP4,8861,SIP,1,nope\n", "line 2: no node nope; the nodes are pub, sub1"),
        ("SEP3\nSEP4\nSEP3\n", "line 3: SEP3 stands on line 1 already"),
        ("SEP3\n,8861\n", "line 2: no name"),
        ("SEP3\nSEP 4\n", "line 2: `SEP 4` is not a device name"),
    ];
    for (text, says) in too_bad {
        let ended = place.run(&["device", "import", "-"], text);
        assert_eq!(ended.code(), 2, "{text}");
        assert!(ended.error().starts_with(&format!("standard input: {says}")), "{}", ended.error());
        assert_eq!(ended.error().lines().count(), 1);
    }
    std::fs::write(&list, b"SEP3\nSEP4,8861,SIP,1,,caf\xe9\n").unwrap();
    let ended = import(&[]);
    assert_eq!(ended.code(), 2);
    assert!(ended.error().ends_with("phones.csv: line 2: is not UTF-8; save the list as UTF-8\n"));
    let devices = json(&place.run(&["device", "list", "--json"], "").success());
    assert_eq!(devices.len(), 2, "none of the bad lists left a trace");
}
