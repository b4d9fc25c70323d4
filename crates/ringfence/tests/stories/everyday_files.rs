//! Files and requests as people really have them: placeholders, broken configs, names with slashes, soft phones.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;

use std::time::Duration;

use crate::support::log::Log;
use crate::support::node::{Served, run};
use crate::support::tftpd_hpa::TftpdHpa;
use wire::signed_file::SignedFile;
use wire::trust_list::TrustList;

const DEVICE: &str = "SEP001122334455";

struct Boot {
    folder: tempfile::TempDir,
    /// The lines of the log that warn, as they come.
    warned: Log,
}

impl Boot {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let boot = Self { folder: tempfile::tempdir().unwrap(), warned: Log::default() };
        for (name, bytes) in files {
            let path = boot.folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        boot
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("boot")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn serve(&self, more: &[&str]) -> Served {
        std::fs::create_dir_all(self.path()).unwrap();
        let path = self.path();
        let more = [&["--tftpboot", path.to_str().unwrap()], more].concat();
        let mut node = Served::start_heard(&self.data(), &more);
        self.warned.follow(node.errors(), |line| line.contains("WARN"));
        node
    }

    fn ringfence(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_ringfence"))
            .env("RINGFENCE_DATA", self.data())
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn get(port: u16, name: &str) -> (String, Vec<u8>) {
    let url = format!("http://127.0.0.1:{port}/{name}");
    let output = run("curl", "curl", &["-s", "-w", "%{stderr}%{http_code}", &url]);
    (String::from_utf8(output.stderr).unwrap(), output.stdout)
}

/// The answer to a request whose path is written as it is.
fn get_raw(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // At once: a path that is refused may be answered, and the connection closed, before the rest comes.
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A small file by TFTP, or the number of the error.
fn tftp(port: u16, name: &str) -> Result<Vec<u8>, u8> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = [b"\0\x01", name.as_bytes(), b"\0octet\0"].concat();
    socket.send_to(&request, SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    let mut room = [0; 600];
    let (length, from) = socket.recv_from(&mut room).unwrap();
    match room[..4] {
        [0, 3, 0, 1] => {
            socket.send_to(&[0, 4, 0, 1], from).unwrap();
            Ok(room[4..length].to_vec())
        }
        [0, 5, 0, code] => Err(code),
        _ => panic!("{name}: {:?}", &room[..length]),
    }
}

#[test]
fn names_resolve_inside_the_folder_as_with_tftpd_hpa() {
    let boot =
        Boot::new(&[("boot/dialplan.xml", b"dp"), ("boot/Desktops/320x212x16/List.xml", b"l"), ("secret", b"outside")]);
    let node = boot.serve(&[]);
    let judge = TftpdHpa::start(&boot.path());
    let before = boot.warned.lines().len();
    for (name, content) in [
        ("dialplan.xml", "dp"),
        ("/dialplan.xml", "dp"),
        ("./dialplan.xml", "dp"),
        ("//dialplan.xml", "dp"),
        ("\\dialplan.xml", "dp"),
        ("Desktops/320x212x16/List.xml", "l"),
        ("/Desktops/320x212x16/List.xml", "l"),
        ("Desktops\\320x212x16\\List.xml", "l"),
        ("Desktops//320x212x16/List.xml", "l"),
    ] {
        assert_eq!(tftp(node.tftp, name), Ok(content.as_bytes().to_vec()), "{name}");
        if !name.contains('\\') {
            // tables of rules for Cisco phones turn backslashes; the server alone does not
            assert_eq!(tftp(judge.port, name), Ok(content.as_bytes().to_vec()), "{name}: the judge");
        }
        let answer = get_raw(node.http, &format!("/{}", name.replace('\\', "%5c")));
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&format!("\r\n\r\n{content}")),
            "{name}: {answer}"
        );
        assert!(answer.to_ascii_lowercase().contains("\r\ncache-control: no-store\r\n"), "{answer}");
    }
    assert_eq!(boot.warned.lines().len(), before, "{:?}", boot.warned.lines());
    // nothing leaves the folder, and the log says what was asked, once a minute for an address
    for name in ["../secret", "/../secret", "..\\secret", "Desktops/../../secret", "C:/boot.ini"] {
        assert_eq!(tftp(node.tftp, name), Err(2), "{name}");
        assert!(tftp(judge.port, name).is_err(), "{name}: the judge");
    }
    let warned = boot.warned.when(|warned| warned.len() > before).split_off(before);
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("../secret") && warned[0].contains("127.0.0.1"), "{warned:?}");
    assert_eq!(tftp(node.tftp, "/etc/passwd"), Err(1), "not there inside the folder");
    for path in ["/../secret", "/%2e%2e/secret", "/a%00"] {
        let answer = get_raw(node.http, path);
        assert!(answer.starts_with("HTTP/1.1 40"), "{path}: {answer}");
        assert!(answer.to_ascii_lowercase().contains("\r\ncache-control: no-store\r\n"), "{answer}");
    }
    let warned = boot.warned.when(|warned| warned.len() > before + 1).split_off(before);
    assert_eq!(warned.len(), 2, "{warned:?}");
    assert!(warned[1].contains("/../secret"), "{warned:?}");
    // a name of 64 KB costs its client the answer and nobody anything
    let answer = get_raw(node.http, &format!("/{}", "x".repeat(64 << 10)));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:.60}");
    assert_eq!(get(node.http, "dialplan.xml").0, "200");
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn the_name_inside_a_signed_file_is_never_the_one_asked_for() {
    let config: &[u8] = b"<device/>";
    let boot = Boot::new(&[("boot/sep001122334455.cnf.xml", config), ("boot/DialPlan.xml", b"dp")]);
    let node = boot.serve(&[]);
    for (asked, said) in [
        ("sep001122334455.CNF.xml.sgn", "SEP001122334455.cnf.xml.sgn"),
        ("SeP001122334455.cnf.xml.SGN", "SEP001122334455.cnf.xml.sgn"),
        ("dIALpLAN.xml.sgn", "DialPlan.xml.sgn"),
        (".//DIALPLAN.XML.SGN", "DialPlan.xml.sgn"),
        ("xmldefault.cnf.xml.sgn", "XMLDefault.cnf.xml.sgn"),
    ] {
        let file = SignedFile::decode(get(node.http, asked).1).unwrap();
        assert_eq!(file.header().file_name().unwrap(), said.as_bytes(), "{asked}");
    }
    let one = get(node.http, "dialplan.xml.sgn").1;
    assert_eq!(get(node.http, "DIALPLAN.xml.sgn").1, one, "one signature for all spellings");
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn placeholders_hide_no_list() {
    let ctl = format!("boot/CTL{DEVICE}.tlv");
    let (itl, signed) = (format!("boot/ITL{DEVICE}.tlv"), format!("boot/{DEVICE}.cnf.xml.sgn"));
    let config = format!("boot/{DEVICE}.cnf.xml");
    let foreign =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/vectors/trustlist/cucm-ctl-4947.tlv"));
    let foreign = foreign.unwrap();
    let boot = Boot::new(&[
        ("boot/ITLFile.tlv", b""),
        (&ctl, b" "),
        (&itl, b""),
        (&signed, b""),
        (&config, b"<device><fullConfig>true</fullConfig></device>"),
        ("boot/ITLSEP0000000000AA.tlv", b"no list at all"),
        // a whole list, but one that its phone refuses under this name
        ("boot/ITLSEP0000000000BB.tlv", &foreign),
        ("boot/CTLSEP0000000000CC.tlv", &foreign),
        ("boot/firmware.zz.sgn", b"a container of the firmware's own"),
    ]);
    let node = boot.serve(&[]);
    let said = |warned: &[String], name: &str, words: &str| {
        warned.iter().filter(|line| line.contains(name) && line.contains(words)).count()
    };
    let expected = [
        ("ITLFile.tlv", "not given out: a file of 0 bytes is not a trust list"),
        ("CTLSEP001122334455.tlv", "not given out: a file of 1 byte is not a trust list"),
        ("ITLSEP001122334455.tlv", "not given out: a file of 0 bytes is not a trust list"),
        ("SEP001122334455.cnf.xml.sgn", "not given out: a file of 0 bytes is not a signed file"),
        ("ITLSEP0000000000AA.tlv", "not given out: not a trust list"),
        ("ITLSEP0000000000BB.tlv", "its FILENAME is `CTLFile.tlv`, phones want `ITLFile.tlv`"),
        ("CTLSEP0000000000CC.tlv", "given out as it is, in place of the file of the node: its signer "),
    ];
    let at_start = boot.warned.when(|warned| expected.iter().all(|(name, words)| said(warned, name, words) > 0));
    for (name, words) in expected {
        assert_eq!(said(&at_start, name, words), 1, "{name}: {at_start:?}");
    }
    let ours = get(node.http, "ITLSEPAAAAAAAAAAAA.tlv").1;
    TrustList::decode(ours.clone()).unwrap();
    for name in ["ITLFile.tlv", "ITLSEP001122334455.tlv", "itlsep0000000000aa.tlv", "ITLSEP0000000000BB.tlv"] {
        assert_eq!(get(node.http, name), ("200".to_owned(), ours.clone()), "{name}");
    }
    // there is no CTL in a non-secure cluster, and a placeholder makes none
    assert_eq!(get(node.http, "CTLSEP001122334455.tlv").0, "404");
    assert_eq!(get(node.http, "CTLSEP0000000000CC.tlv").1, foreign, "a whole list is served, whoever signed it");
    let payload = SignedFile::decode(get(node.http, "SEP001122334455.cnf.xml.sgn").1).unwrap();
    assert!(payload.payload().starts_with(b"<device><fullConfig>true</fullConfig><TVS>"));
    assert_eq!(get(node.http, "firmware.zz.sgn").1, b"a container of the firmware's own");
    // at the first fetch again, and not at each
    let names = ["ITLFile.tlv", "ITLSEP001122334455.tlv", "SEP001122334455.cnf.xml.sgn", "CTLSEP0000000000CC.tlv"];
    let told = |warned: &[String], name: &str| said(warned, &format!("file={name:?}"), "given out");
    let whole = boot.warned.when(|warned| {
        warned.get(at_start.len()..).is_some_and(|fetched| names.iter().all(|name| told(fetched, name) > 0))
    });
    let fetched = &whole[at_start.len()..];
    for name in names {
        assert_eq!(told(fetched, name), 1, "{name}: {fetched:?}");
    }
    assert_eq!(get(node.http, "ITLFile.tlv").1, ours);
    assert_eq!(boot.warned.lines().len(), at_start.len() + fetched.len());

    boot.ringfence(&["device", "add", DEVICE]);
    let shown = boot.ringfence(&["device", "show", DEVICE]);
    for line in [
        format!("  CTL{DEVICE}.tlv           none"),
        format!("    none; CTL{DEVICE}.tlv of the folder is not given out: a file of 1 byte is not a trust list"),
        format!(
            "    made by the node; ITL{DEVICE}.tlv of the folder is not given out: a file of 0 bytes is not a trust list"
        ),
        format!(
            "    {DEVICE}.cnf.xml of the folder, with TVS and CAPF merged in, signed by the node; {DEVICE}.cnf.xml.sgn of the folder"
        ),
    ] {
        assert!(shown.lines().any(|shown| shown.starts_with(&line)), "{line}\n{shown}");
    }
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn broken_configs_go_out_as_written_and_are_named() {
    let malformed = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/configs/malformed"));
    let mut cases: Vec<Vec<u8>> =
        std::fs::read_dir(malformed).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    let bomb = "<!DOCTYPE device [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;\">]><device>&b;</device>";
    cases.push(bomb.as_bytes().to_vec());
    cases.push(format!("<device>{}{}</device>", "<a>".repeat(10_000), "</a>".repeat(10_000)).into_bytes());
    let mut large = b"<device>".to_vec();
    large.resize(100 << 20, b' ');
    cases.push(large);
    let boot = Boot::new(&[]);
    std::fs::create_dir_all(boot.path()).unwrap();
    let name = |index: usize| format!("SEP0000000000{index:02}.cnf.xml");
    for (index, case) in cases.iter().enumerate() {
        std::fs::write(boot.path().join(name(index)), case).unwrap();
    }
    let node = boot.serve(&[]);
    for (index, case) in cases.iter().enumerate() {
        let before = boot.warned.lines().len();
        assert!(get(node.http, &name(index)).1 == *case, "{}: served as its author wrote it", name(index));
        let warned = boot.warned.when(|warned| warned.len() > before).split_off(before);
        assert_eq!(warned.len(), 1, "{warned:?}");
        assert!(warned[0].contains(&name(index)) && warned[0].contains("line "), "{warned:?}");
    }
    let warned = boot.warned.lines().join("\n");
    for reason in
        ["the DOCTYPE declares the entity `a`", "more than 64 elements inside each other", "above the limit of 4194304"]
    {
        assert!(warned.contains(reason), "{reason}: {warned}");
    }
    // and the node goes on
    assert_eq!(get(node.http, "ITLFile.tlv").0, "200");
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn an_empty_device_and_the_default_config_are_merged_and_soft_phones_found() {
    let large = format!("<device><!--{}--></device>", " ".repeat((4 << 20) - 4096));
    let default: &[u8] = b"<Default>\n <callManagerGroup/>\n</Default>\n";
    let boot = Boot::new(&[
        ("boot/SEP001122334455.cnf.xml", b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device/>\n"),
        ("boot/XMLDefault.cnf.xml", default),
        ("boot/CSFJOHN_DOE.cnf.xml", b"<device></device>"),
        ("boot/SEP001122334477.cnf.xml", large.as_bytes()),
    ]);
    let node = boot.serve(&[]);
    let text = |name: &str| String::from_utf8(get(node.http, name).1).unwrap();
    let ours = ["<TVS><members>", "<capfList><capf>"];
    let empty = text("SEP001122334455.cnf.xml");
    assert!(empty.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device><TVS>"), "{empty}");
    let merged = text("xmldefault.cnf.xml");
    assert!(
        merged.starts_with("<Default>\n <callManagerGroup/>\n<TVS>") && merged.ends_with("</Default>\n"),
        "{merged}"
    );
    for config in [&empty, &merged, &text("CSFJOHN_DOE.cnf.xml")] {
        assert!(ours.iter().all(|element| config.contains(element)), "{config}");
    }
    let itl = get(node.http, "ITLFile.tlv").1;
    for name in ["ITLCSFJOHN_DOE.tlv", "ITLCSFJOHN.DOE.tlv", "ITLtct-jdoe.tlv"] {
        assert_eq!(get(node.http, name), ("200".to_owned(), itl.clone()), "{name}");
    }
    boot.ringfence(&["device", "add", "CSFJOHN_DOE", "--model", "Jabber"]);
    boot.ringfence(&["admin", "-c", "utils capf device show CSFJOHN_DOE"]);
    assert!(boot.warned.lines().is_empty(), "{:?}", boot.warned.lines());
    // the virtual phone lives by such a name
    let (tftp, http) = (node.tftp.to_string(), node.http.to_string());
    for name in ["CSFJOHN_DOE", "SEP001122334477"] {
        let state = boot.folder.path().join(name);
        let arguments = ["phone", "--server", "127.0.0.1", "--name", name, "--model", "8861", "--tftp-port", &tftp];
        let said =
            boot.ringfence(&[&arguments[..], &["--http-port", &http, "--state", state.to_str().unwrap()]].concat());
        assert!(said.contains(&format!("{name} (8861): trusted")), "{said}");
        assert!(state.exists());
    }
    assert_eq!(node.stop().code(), Some(0));
}
