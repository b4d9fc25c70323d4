//! Configs of phones: made, merged; names of devices; lists of devices.

use cluster::config::merge::{MergeError, Root, merge};
use cluster::config::{ClusterPart, DevicePart, DeviceSecurityMode, Endpoint, Protocol, device_config};
use cluster::devices::device_of;
use cluster::devices::list::parse_list;
use cluster::names::{device_name, device_name_of};
use cluster::parameters::SecurityMode;
use cluster::units::roles;
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
    merged_as(Root::Device, config)
}

fn merged_as(root: Root, config: &str) -> String {
    String::from_utf8(merge(config.as_bytes(), root, &cluster(SecurityMode::NonSecure), None).unwrap()).unwrap()
}

#[test]
fn an_empty_root_and_that_of_the_default_config_are_merged() {
    assert_eq!(merged("<device/>"), format!("<device>{TVS}{CAPF}\n</device>"));
    assert_eq!(merged("<device a='1' />\n"), format!("<device a='1' >{TVS}{CAPF}\n</device>\n"));
    assert_eq!(merged_as(Root::Default, "<Default><TVS/>x</Default>"), format!("<Default>x{TVS}{CAPF}\n</Default>"));
    assert_eq!(merged_as(Root::Default, "<Default/>"), format!("<Default>{TVS}{CAPF}\n</Default>"));
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
    let refuse =
        |root, config: &str| merge(config.as_bytes(), root, &cluster(SecurityMode::NonSecure), None).unwrap_err();
    let found = |found: &str, wanted| MergeError::Root { found: found.to_owned(), wanted };
    assert_eq!(refuse(Root::Device, "<Default/>"), found("Default", Root::Device));
    assert_eq!(refuse(Root::Default, "<device></device>"), found("device", Root::Default));
    for bad in ["", "<device><a></device>", "<device>", "<device/>x"] {
        assert!(matches!(refuse(Root::Device, bad), MergeError::NotXml(_)), "{bad}");
    }
    // with the elements of the cluster it would be too large to be read again
    let full = format!("<device>{}</device>", "x".repeat(wire::xml::LARGEST - 20));
    assert!(matches!(refuse(Root::Device, &full), MergeError::TooLarge(_)));
    let said = refuse(Root::Device, &" ".repeat(100 << 20)).to_string();
    assert!(said.contains("104857600 bytes are above the limit of 4194304"), "{said}");
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
    assert_eq!(device_name("botJohn.Doe_1-x").unwrap(), "BOTJOHN.DOE_1-X");
    for bad in ["", "SEP../x", "a b", "-x", "x".repeat(51).as_str()] {
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
    assert_eq!(of("CSFJOHN.DOE_1.cnf.xml.sgn").as_deref(), Some("CSFJOHN.DOE_1"));
    assert_eq!(of("ITLCSFJOHN_DOE.tlv").as_deref(), Some("CSFJOHN_DOE"));
}

#[test]
fn the_form_of_a_name_follows_the_model() {
    for (name, model, wanted) in [
        ("001122aabbcc", "8861", "SEP001122AABBCC"),
        ("sep001122aabbcc", "CP-7965G", "SEP001122AABBCC"),
        ("00:11:22:aa:bb:cc", "ATA191", "ATA001122AABBCC"),
        ("CSFJOHN_DOE", "Jabber", "CSFJOHN_DOE"),
        ("tct-j.doe", "jabber", "TCT-J.DOE"),
    ] {
        assert_eq!(device_name_of(name, model).unwrap(), wanted);
    }
    let long = "A".repeat(64 << 10);
    for (name, model, wanted) in [
        (
            "foo",
            "8861",
            "`FOO` is not a valid name for model 8861 (only soft phones, --model Jabber, have free names); write SEP and the 12",
        ),
        ("CSFJDOE", "7965", "`CSFJDOE` is not a valid name for model 7965"),
        ("SEP0011223344", "8861", "`SEP0011223344` has 10 digits after SEP; write SEP and the 12 hexadecimal digits"),
        ("SEP00112233445G", "8861", "`SEP00112233445G`: `G` is not a hexadecimal digit; write SEP"),
        ("SEP001122334455", "ATA191", "`SEP001122334455` is not a valid name for model ATA191"),
        ("SEP001122334455", "9999", "`9999` is not a known model; the models are 7940 7960"),
        (&long, "Jabber", "...` is not a device name: 65536 bytes, at most 50 are taken"),
    ] {
        let said = device_name_of(name, model).unwrap_err().to_string();
        assert!(said.contains(wanted) && said.len() < 600, "{said}");
    }
}

#[test]
fn lists_of_devices() {
    let text = "\u{feff}name,model,protocol,security,nodes,description\n# a comment\n\nSEP001122334455\n\
                00:11:22:33:44:66, 7965 , SCCP, encrypted, pub+sub,\"Desk, left\"\r\n\
                \"SEP001122334401\",\"8861\",\"SIP\",\"non-secure\",\"\",\"He said \"\"hi\"\"\"\n\
                SEP001122334402,8861,,,,,\n\
                CSFJOHN_DOE,Jabber,,,,\"two\nlines\"\n";
    let nodes = ["pub".to_owned(), "sub".to_owned()];
    let listed = parse_list(text, &nodes).unwrap();
    let lines: Vec<usize> = listed.iter().map(|listed| listed.line).collect();
    assert_eq!(lines, [4, 5, 6, 7, 8]);
    let devices: Vec<_> = listed.into_iter().map(|listed| listed.device).collect();
    assert_eq!((devices[0].name.as_str(), devices[0].protocol), ("SEP001122334455", Protocol::Sip));
    assert_eq!(devices[1].nodes, ["pub", "sub"]);
    assert_eq!(devices[1].description, "Desk, left");
    assert_eq!(devices[1].security, DeviceSecurityMode::Encrypted);
    assert_eq!((devices[2].name.as_str(), devices[2].description.as_str()), ("SEP001122334401", "He said \"hi\""));
    assert_eq!(devices[3].description, "");
    assert_eq!((devices[4].name.as_str(), devices[4].description.as_str()), ("CSFJOHN_DOE", "two\nlines"));
    // As spreadsheets of other languages write it, and in the order of a title.
    for text in [
        "SEP001122334455;7965;SCCP;;pub+sub;Desk, left\n",
        "\"SEP001122334455\";\"7965\";\"SCCP\";\"\";\"pub+sub\";\"Desk, left\"\r\n",
        "SEP001122334455\t7965\tSCCP\t\tpub+sub\tDesk, left\n",
        "sep=;\nname;model;protocol;security;nodes;description\nSEP001122334455;7965;SCCP;;pub+sub;Desk, left\n",
        "description,Name,nodes,MODEL,protocol\n\"Desk, left\",SEP001122334455,pub+sub,7965,SCCP\n",
        "Description;Nodes;Protocol;Model;Name\nDesk, left;pub+sub;SCCP;7965;001122334455\n",
    ] {
        let listed = parse_list(text, &nodes).unwrap_or_else(|error| panic!("{text}: {error}"));
        let device = &listed[0].device;
        assert_eq!(
            (listed.len(), device.name.as_str(), device.model.as_str()),
            (1, "SEP001122334455", "7965"),
            "{text}"
        );
        assert_eq!((device.protocol, device.description.as_str()), (Protocol::Sccp, "Desk, left"), "{text}");
        assert_eq!(device.nodes, ["pub", "sub"], "{text}");
    }
    let wide = format!("SEP001122334455{}", ",".repeat(300));
    let huge = format!("SEP001122334455,8861,,,,\"{}\"", "x".repeat(10 << 20));
    for (text, wanted) in [
        ("SEP001122334455\nx y,8861", "line 2: `x y` is not a device name"),
        ("SEP001122334455,8861,H323", "line 1: `H323`"),
        ("SEP001122334455,9999", "line 1: `9999` is not a known model"),
        (",8861", "line 1: no name"),
        ("SEP001122334455\nSEP001122334456,8861,,,,Sales, first floor", "line 2: more than 6 cells; a description"),
        (
            "SEP001122334455\nSEP001122334456,8861,,,,\"open\nSEP001122334457\n",
            "line 2: a quote that begins a cell is not closed",
        ),
        ("SEP001122334455\n\0", "line 2: a NUL byte"),
        ("name,mac\nSEP001122334455,1\n", "line 1: the title has a column `mac`; the columns are name,model,protocol,"),
        ("model,description\n8861,x\n", "line 1: the title has no column `name`; the columns are name,model,"),
        ("name,model,Name\n", "line 1: the title has the column `Name` twice"),
        ("name;model\nSEP001122334455;8861;x\n", "line 2: more than 2 cells; a description"),
        (&wide, "line 1: 301 cells; a line has 256 at most"),
        (&huge, "line 1: a cell of 10485760 bytes, above the limit of 4096"),
    ] {
        let said = parse_list(text, &nodes).unwrap_err().to_string();
        assert!(said.starts_with(wanted), "{said}");
    }
}

#[test]
fn roles_of_stores() {
    assert_eq!(roles(&[3]), [0, 2]);
    assert_eq!(roles(&[3, 4, 14]), [0, 2], "as a printed log shows it");
    assert_eq!(roles(&[14]), [0, 3]);
    assert_eq!(roles(&[9, 10, 4]), [4]);
    assert_eq!(roles(&[11, 12]), [21]);
    assert_eq!(roles(&[4, 10, 12, 13, 16]), Vec::<i64>::new());
}
