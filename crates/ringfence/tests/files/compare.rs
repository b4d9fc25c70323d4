//! `ringfence diff`.

use crate::program::{arg, bytes, command, finish, ringfence};

const OLD: &str = "trustlist/cucm-ctl-4947.tlv";
const NEW: &str = "trustlist/cucm-ctl-6113.tlv";

#[test]
fn the_same_file() {
    let run = ringfence(["diff", &arg(OLD), &arg(OLD)]).ends(0);
    assert!(run.text().ends_with("are the same, 4947 bytes\n"), "{}", run.text());
    let run = finish(command().args(["diff", "--json", "-", &arg(OLD)]).write_stdin(bytes(OLD))).ends(0);
    assert_eq!(run.json()["same"], true);
}

#[test]
fn a_renewal_is_two_changed_records() {
    let value = ringfence(["diff", "--json", &arg(OLD), &arg(NEW)]).ends(1).json();
    assert_eq!(value["same"], false);
    let records = &value["records"];
    assert_eq!(records["added"], serde_json::json!([]));
    assert_eq!(records["removed"], serde_json::json!([]));
    let changed = records["changed"].as_array().unwrap();
    let roles: Vec<&str> = changed.iter().map(|change| change["a"]["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["SAST", "CCM+TFTP"]);
    for change in changed {
        assert_eq!(change["a"]["serial"], "70:CA:F6:4E:09:07:51:B9:DF:22:F4:9F:75:4F:C5:BB");
        assert_eq!(change["b"]["serial"], "6B:1D:35:7B:68:41:74:0B:07:8F:EE:4A:18:13:D5:D6");
        assert_eq!(change["b"]["certificate_sha1"], "48915deb864a7698efa5d7b097a99ce4b76fb92a");
    }
    let header: Vec<&str> =
        value["header"].as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap()).collect();
    assert_eq!(header, ["HEADERLENGTH", "SERIALNUMBER", "SIGNATUREMODULUS", "SIGNATURE", "TIMESTAMP"]);
    let text = ringfence(["diff", &arg(OLD), &arg(NEW)]).ends(1);
    assert!(text.text().contains("\n~ record 1 SAST CN=cucm-1051-a-pub"), "{}", text.text());
    assert!(
        text.text()
            .lines()
            .any(|line| line.contains("TIMESTAMP") && line.contains("1425675879") && line.contains("->  1425917864"))
    );
    assert!(!text.text().contains('\u{1b}'));
}

#[test]
fn added_removed_and_moved_records() {
    let two = "trustlist/records-02.tlv";
    let three = "trustlist/records-03.tlv";
    let value = ringfence(["diff", "--json", &arg(two), &arg(three)]).ends(1).json();
    assert_eq!(value["records"]["added"][0]["role"], "CCM+TFTP");
    assert_eq!(value["records"]["added"][0]["number"], 3);
    assert_eq!(value["records"]["removed"], serde_json::json!([]));
    let value = ringfence(["diff", "--json", &arg(three), &arg(two)]).ends(1).json();
    assert_eq!(value["records"]["removed"].as_array().unwrap().len(), 1);
    let text = ringfence(["diff", &arg(three), &arg(two)]).ends(1);
    assert!(text.text().contains("\n- record 3 CCM+TFTP "), "{}", text.text());
    let value = ringfence(["diff", "--json", &arg("trustlist/all-roles-sha1.tlv"), &arg("trustlist/order-kept.tlv")]);
    let value = value.ends(1).json();
    assert_eq!(value["records"]["reordered"], true);
    assert_eq!(value["records"]["changed"], serde_json::json!([]));
    assert_eq!(value["records"]["added"], serde_json::json!([]));
}

#[test]
fn another_address_is_a_changed_field() {
    let folder = tempfile::tempdir().unwrap();
    let build = |name: &str, ip: &str| {
        let path = folder.path().join(name);
        let sast = format!("{},ip={ip}", arg("certs/ccm-pub-1024.bundle.pem"));
        finish(command().args(["build", "ctl", "--timestamp", "1", "--sast", &sast, "-o"]).arg(&path)).ends(0);
        path
    };
    let (a, b) = (build("a.tlv", "192.0.2.1"), build("b.tlv", "192.0.2.2"));
    let value = finish(command().args(["diff", "--json"]).args([&a, &b])).ends(1).json();
    let fields = &value["records"]["changed"][0]["fields"];
    assert_eq!(fields, &serde_json::json!([{ "field": "IPADDRESS", "a": "192.0.2.1", "b": "192.0.2.2" }]));
}

#[test]
fn signed_files_by_payload_and_kinds_by_name() {
    let value = ringfence(["diff", "--json", &arg("signed/f.x.sgn"), &arg("signed/ff.x.sgn")]).ends(1).json();
    assert_eq!(value["payload"], serde_json::json!([]), "the payloads are the same");
    let value =
        ringfence(["diff", "--json", &arg("signed/size-000016.cnf.xml.sgn"), &arg("signed/size-000017.cnf.xml.sgn")]);
    let value = value.ends(1).json();
    assert_eq!(value["payload"][0], serde_json::json!({ "field": "payload length", "a": "16", "b": "17" }));
    let value = ringfence(["diff", "--json", &arg("signed/f.x.sgn"), &arg(OLD)]).ends(1).json();
    assert_eq!(value["header"][0], serde_json::json!({ "field": "kind", "a": "signed", "b": "trustlist" }));
}

/// Padding has no name, and still the files differ.
#[test]
fn a_difference_without_a_name_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = bytes(OLD);
    assert_eq!(file[335], 0x0D);
    file[335] = 0;
    let path = folder.path().join("x.tlv");
    std::fs::write(&path, file).unwrap();
    let value = finish(command().args(["diff", "--json", &arg(OLD)]).arg(&path)).ends(1).json();
    assert_eq!(value["header"][0], serde_json::json!({ "field": "first differing byte", "a": "335", "b": "335" }));
}

#[test]
fn could_not_tell() {
    let run = ringfence(["diff", &arg(OLD), &arg("damaged/record-length-0.tlv")]);
    assert!(run.refuses().contains("RECORDLENGTH: 0 is outside 5..="), "{}", run.err);
    finish(command().args(["diff", "-", "-"]).write_stdin(bytes(OLD))).ends(64);
}
