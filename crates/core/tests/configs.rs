//! Configs of phones: made, merged; names of devices; lists of devices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

use ringfence_core::config::{ClusterPart, DevicePart, DeviceSecurityMode, Endpoint, Protocol, device_config};
use ringfence_core::devices::{device_name, device_of, parse_list};
use ringfence_core::merge::{CONFIG_LIMIT, MergeError, merge};
use ringfence_core::parameters::SecurityMode;
use ringfence_core::units::roles;
use wire::file_name::FileName;

fn cluster(mode: SecurityMode) -> ClusterPart {
    let endpoint = |host: &str, port| Endpoint { host: host.to_owned(), port };
    ClusterPart {
        mode,
        call_managers: vec!["10.0.0.1".to_owned(), "10.0.0.2".to_owned()],
        tvs: vec![endpoint("10.0.0.1", 2445), endpoint("10.0.0.2", 2445)],
        capf: vec![endpoint("10.0.0.1", 3804)],
    }
}

const TVS: &str = "<TVS><members><member priority=\"0\"><port>2445</port><address>10.0.0.1</address></member>\
                   <member priority=\"1\"><port>2445</port><address>10.0.0.2</address></member></members></TVS>";
const CAPF: &str =
    "<capfList><capf><phonePort>3804</phonePort><processNodeName>10.0.0.1</processNodeName></capf></capfList>";

fn merged(config: &str) -> String {
    String::from_utf8(merge(config.as_bytes(), &cluster(SecurityMode::NonSecure)).unwrap()).unwrap()
}

#[test]
fn merging_changes_nothing_else() {
    let before = "<?xml version='1.0'?>\r\n<device  a = \"1\" >\r\n<x/><!-- <TVS/> --><![CDATA[<TVS>]]>&amp;&#65;";
    assert_eq!(merged(&format!("{before}</device>\r\n")), format!("{before}{TVS}{CAPF}\n</device>\r\n"));
}

#[test]
fn a_byte_order_mark_moves_nothing() {
    let config = "\u{feff}<?xml version=\"1.0\"?>\n<device><TVS><old/></TVS><name>B</name></device>\n";
    let wanted = format!("\u{feff}<?xml version=\"1.0\"?>\n<device><name>B</name>{TVS}{CAPF}\n</device>\n");
    assert_eq!(merged(config), wanted);
}

#[test]
fn merging_replaces_children_of_device_only() {
    let config = "<device><TVS/><a><TVS>theirs</TVS><capfList/></a><capfList><capf><b/></capf></capfList><TVS><m/></TVS>z</device>";
    let wanted = format!("<device><a><TVS>theirs</TVS><capfList/></a>z{TVS}{CAPF}\n</device>");
    assert_eq!(merged(config), wanted);
    assert_eq!(
        merged(&wanted),
        format!("<device><a><TVS>theirs</TVS><capfList/></a>z\n{TVS}{CAPF}\n</device>"),
        "again the same elements"
    );
}

#[test]
fn what_cannot_be_merged_says_why() {
    let refuse = |config: &str| merge(config.as_bytes(), &cluster(SecurityMode::NonSecure)).unwrap_err();
    assert_eq!(refuse("<Default/>"), MergeError::NotADevice("Default".to_owned()));
    assert_eq!(refuse("<Default></Default>"), MergeError::NotADevice("Default".to_owned()));
    assert!(matches!(refuse(""), MergeError::NotXml(..)));
    assert!(matches!(refuse("<device><a></device>"), MergeError::NotXml(..)));
    assert!(matches!(refuse("<device>"), MergeError::NotXml(..)));
    let deep = format!("<device>{}", "<a>".repeat(200));
    assert!(matches!(refuse(&deep), MergeError::TooMuch(_)));
    assert!(matches!(refuse(&" ".repeat(CONFIG_LIMIT + 1)), MergeError::TooMuch(_)));
}

#[test]
fn a_config_follows_cluster_and_device() {
    let device = |security| DevicePart { protocol: Protocol::Sip, security, version_stamp: "1-2".to_owned() };
    let config = |mode, security| String::from_utf8(device_config(&cluster(mode), &device(security)).unwrap()).unwrap();
    let plain = config(SecurityMode::NonSecure, DeviceSecurityMode::Encrypted);
    assert!(plain.contains("<deviceSecurityMode>1</deviceSecurityMode>"), "no TLS in a non-secure cluster: {plain}");
    assert!(plain.contains("<transportLayerProtocol>2</transportLayerProtocol>"));
    let secure = config(SecurityMode::Mixed, DeviceSecurityMode::Encrypted);
    assert!(
        secure.contains("<deviceSecurityMode>3</deviceSecurityMode>") && secure.contains("<transportLayerProtocol>3<")
    );
    for element in ["<fullConfig>true<", "<capfAuthMode>0<", "<encrConfig>false<", "<certHash/>", "<versionStamp>1-2<"]
    {
        assert!(secure.contains(element), "{element}: {secure}");
    }
    assert_eq!(secure.matches("<address>10.0.0.").count(), 2, "TVS of each node of the group");
    assert!(secure.find("<address>10.0.0.1").unwrap() < secure.find("<address>10.0.0.2").unwrap());
}

#[test]
fn names_of_devices() {
    assert_eq!(device_name("b000b4ba0aee").unwrap(), "SEPB000B4BA0AEE");
    assert_eq!(device_name("B0:00:B4:BA:0A:EE").unwrap(), "SEPB000B4BA0AEE");
    assert_eq!(device_name(" sepb000b4ba0aee ").unwrap(), "SEPB000B4BA0AEE");
    assert_eq!(device_name("CSFanna").unwrap(), "CSFANNA");
    for bad in ["", "SEP../x", "a b", "x".repeat(65).as_str()] {
        assert!(device_name(bad).is_err(), "{bad}");
    }
    let of = |name: &str| device_of(&FileName::parse(name).unwrap());
    for file in [
        "SEPB000B4BA0AEE.cnf.xml",
        "sepb000b4ba0aee.cnf.XML.sgn",
        "SEPB000B4BA0AEE.cnf.xml.enc.sgn",
        "CTLSEPB000B4BA0AEE.tlv",
        "itlsepb000b4ba0aee.tlv",
    ] {
        assert_eq!(of(file).as_deref(), Some("SEPB000B4BA0AEE"), "{file}");
    }
    for file in
        ["CTLFile.tlv", "ITLFile.tlv", "XMLDefault.cnf.xml", "dialplan.xml", "a/SEPB000B4BA0AEE.cnf.xml", "x.tlv"]
    {
        assert_eq!(of(file), None, "{file}");
    }
}

#[test]
fn lists_of_devices() {
    let text = "name,model,protocol,security,nodes,description\n# a comment\n\nSEP001122334455\n\
                00:11:22:33:44:66, 7965 , SCCP, encrypted, pub+sub, \"Desk, left\"\n";
    let nodes = ["pub".to_owned(), "sub".to_owned()];
    let devices: Vec<_> = parse_list(text, &nodes).unwrap().into_iter().map(|listed| listed.device).collect();
    assert_eq!(devices.len(), 2);
    assert_eq!((devices[0].name.as_str(), devices[0].protocol), ("SEP001122334455", Protocol::Sip));
    assert_eq!(devices[1].nodes, ["pub", "sub"]);
    assert_eq!(devices[1].description, "Desk, left");
    assert_eq!(devices[1].security, DeviceSecurityMode::Encrypted);
    for (text, wanted) in [
        ("SEP001122334455\nx y,8861", "line 2: `X Y`"),
        ("SEP001122334455,8861,H323", "line 1: `H323`"),
        (",8861", "line 1: no name"),
    ] {
        let said = parse_list(text, &nodes).unwrap_err().to_string();
        assert!(said.starts_with(wanted), "{said}");
    }
}

#[test]
fn roles_of_stores() {
    assert_eq!(roles(&[3]), [0, 2]);
    assert_eq!(roles(&[3, 4, 14]), [0, 2], "as the log of the seed shows it");
    assert_eq!(roles(&[14]), [0, 3]);
    assert_eq!(roles(&[9, 10, 4]), [4]);
    assert_eq!(roles(&[11, 12]), [21]);
    assert_eq!(roles(&[4, 10, 12, 13, 16]), Vec::<i64>::new());
}
