//! `ringfence device`: add, list, show, remove, import.

use crate::admin_cluster::Place;
use cluster::rows::UnknownDeviceRow;
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
        "NAME             ADDRESS     LAST FILE                    FIRST SEEN               LAST SEEN                \
         REQUESTS\n\
         SEP000000000009  192.0.2.77  SEP000000000009.cnf.xml.sgn  2015-03-06 21:04:39 UTC  2015-03-06 21:04:40 UTC  3\n\
         SEP58971ECC97C1  192.0.2.77  SEP58971ECC97C1.cnf.xml.sgn  2015-03-06 21:04:39 UTC  2015-03-06 21:04:39 UTC  3\n"
    );

    // the label of the phone is enough; who is added is not unknown any more
    assert_eq!(
        json(&place.run(&["device", "list", "--unknown", "--json"], "").success())[0]["last_seen"],
        "2015-03-06T21:04:40Z",
        "machines get UTC"
    );
    let add = ["device", "add", "58:97:1e:cc:97:c1", "--security", "encrypted", "--nodes", "sub1,pub"];
    assert_eq!(place.run(&add, "").success(), "SEP58971ECC97C1 added\n");
    assert_eq!(place.run(&add, "").success(), "SEP58971ECC97C1 changed\n");
    let unknown = json(&place.run(&["device", "list", "--unknown", "--json"], "").success());
    assert_eq!(unknown.len(), 1);
    assert_eq!((&unknown[0]["name"], &unknown[0]["requests"]), (&"SEP000000000009".into(), &3.into()));
    let shown: serde_json::Value =
        serde_json::from_str(&place.run(&["device", "show", "SEP58971ECC97C1", "--json"], "").success()).unwrap();
    let listed = json(&place.run(&["device", "list", "--json"], "").success());
    for (name, value) in listed[0].as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}: a phone alone has the names of the list");
    }
    let names: Vec<&str> =
        shown["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"ITLSEP58971ECC97C1.tlv") && shown["node"] == "sub1", "{shown:#}");
    assert_eq!(
        place.run(&["device", "list"], "").success(),
        "NAME             MODEL  PROTOCOL  SECURITY   NODES      DESCRIPTION\n\
         SEP58971ECC97C1  8861   SIP       encrypted  sub1, pub\n"
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
        (vec!["add", "000000000001", "--nodes", "pub,nope"], 1, "no node nope; the nodes are pub, sub1\n"),
        (vec!["add", "000000000001", "--nodes", "pub,pub"], 1, "node pub stands twice in the group\n"),
        (
            vec!["add", "../x"],
            1,
            "`../x` is not a device name; write SEP and the MAC address, or letters, digits, `.`, `_` and `-` for a soft phone\n",
        ),
        (
            vec!["add", "foo"],
            1,
            "`FOO` is not a valid name for model 8861 (only soft phones, --model Jabber, have free names); write SEP and the 12 hexadecimal digits of \
             the MAC address, such as SEP001122334455\n",
        ),
        (
            vec!["add", "SEP0011223344"],
            1,
            "`SEP0011223344` has 10 digits after SEP; write SEP and the 12 hexadecimal digits of the MAC address, such as \
             SEP001122334455\n",
        ),
        (vec!["show", "SEP000000000001"], 1, "no phone SEP000000000001; `ringfence device list` names them\n"),
        (vec!["remove", "SEP000000000001"], 1, "no device SEP000000000001; `ringfence device list` names them\n"),
    ] {
        let arguments: Vec<&str> = ["device"].into_iter().chain(arguments).collect();
        let ended = place.run(&arguments, "");
        assert_eq!((ended.code(), ended.error()), (code, says), "{arguments:?}");
    }
    assert_eq!(place.run(&["device", "add", "SEP1", "--protocol", "IAX"], "").code(), 64);
    let ended = place.run(&["device", "add", "SEP000000000001", "--model", "9999"], "");
    assert!(ended.error().starts_with("`9999` is not a known model; the models are 7940 7960 "), "{}", ended.error());
    let long = "x".repeat(64 << 10);
    let ended = place.run(&["device", "add", &long, "--model", "Jabber"], "");
    assert_eq!(ended.code(), 1);
    assert!(
        ended.error().ends_with("...` is not a device name: 65536 bytes, at most 50 are taken\n"),
        "{}",
        ended.error()
    );
    assert_eq!(
        place.run(&["device", "add", "csfJohn.Doe_1", "--model", "jabber"], "").success(),
        "CSFJOHN.DOE_1 added\n"
    );
    assert!(place.run(&["device", "show", "CSFJOHN.DOE_1"], "").success().contains("  ITLCSFJOHN.DOE_1.tlv"));
    assert_eq!(place.run(&["device", "remove", "CSFJOHN.DOE_1"], "").success(), "CSFJOHN.DOE_1 removed\n");
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
        ("000000000003\n000000000004,8861,IAX\n", "line 2: `IAX` is not a protocol; write SIP or SCCP"),
        ("000000000003\n\n000000000004,8861,SIP,secret\n", "line 3: `secret` is not a device security mode"),
        ("000000000003\n000000000004,8861,SIP,1,nope\n", "line 2: no node nope; the nodes are pub, sub1"),
        ("000000000003\n000000000004\n000000000003\n", "line 3: SEP000000000003 stands on line 1 already"),
        ("000000000003\n,8861\n", "line 2: no name"),
        ("000000000003\nSEP 4\n", "line 2: `SEP 4` is not a device name"),
        ("000000000003\nSEP4\n", "line 2: `SEP4` has 1 digits after SEP; write SEP and the 12"),
        ("000000000003\n000000000004,8861,,,,\"open\n", "line 2: a quote that begins a cell is not closed"),
        ("000000000003\n\0", "line 2: a NUL byte"),
    ];
    for (text, says) in too_bad {
        let ended = place.run(&["device", "import", "-"], text);
        assert_eq!(ended.code(), 1, "{text}");
        assert!(ended.error().starts_with(&format!("standard input: {says}")), "{}", ended.error());
        assert_eq!(ended.error().lines().count(), 1);
    }
    std::fs::write(&list, b"000000000003\n000000000004,8861,SIP,1,,caf\xe9\n").unwrap();
    let ended = import(&[]);
    assert_eq!(ended.code(), 2);
    assert!(ended.error().ends_with("phones.csv: line 2: is not UTF-8; save the list as UTF-8\n"));
    let devices = json(&place.run(&["device", "list", "--json"], "").success());
    assert_eq!(devices.len(), 2, "none of the bad lists left a trace");

    // as spreadsheets and exports write it
    std::fs::write(
        &list,
        "\"SEP001122334401\",\"8861\",\"SIP\",\"non-secure\",\"\",\"He said \"\"hi\"\"\"\r\nSEP001122334402,8861,,,,,\r\n\
         \"SEP001122334403\",\"8861\",\"\",\"\",\"\",\"\"\r\n",
    )
    .unwrap();
    assert_eq!(import(&[]).success(), "added 3, changed 0 phones\n");
    let devices = json(&place.run(&["device", "list", "--json"], "").success());
    assert_eq!(devices[2]["description"], "He said \"hi\"");
    assert_eq!((&devices[3]["description"], &devices[4]["name"]), (&"".into(), &"SEP001122334403".into()));
    let huge = format!("SEP001122334409,8861,,,,\"{}\"\n", "x".repeat(10 << 20));
    std::fs::write(&list, huge).unwrap();
    let ended = import(&[]);
    assert!(ended.error().contains("line 1: a cell of 10485760 bytes, above the limit of 4096"), "{}", ended.error());
}
