//! `ringfence encrypt` and `decrypt`, with the stub.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::program::{Run, arg, bytes, command, finish, names, vector};

const NAME: &str = "SEPB000B4BA0AEE.cnf.xml";

/// A folder with the plain config of a vector under its real name.
fn plain(of: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    std::fs::copy(vector(&format!("encrypted/{of}/plain.xml")), &path).unwrap();
    (folder, path)
}

fn encrypt(file: &Path, device: &str, more: &[&str]) -> Run {
    let mut line = command();
    line.arg("encrypt").arg(file).args(["--device", &arg(&format!("certs/{device}.crt.pem"))]);
    line.args(["--cert", &arg("certs/ccm-pub-2048.bundle.pem")]).args(more);
    finish(&mut line)
}

#[test]
fn there_and_back_with_the_stub_of_every_vector() {
    for (of, device) in [
        ("e-minimal", "lsc-2048"),
        ("e-pretty", "lsc-2048"),
        ("e1-1200-ccm-pub-2048-lsc-2048-sha1", "lsc-2048"),
        ("e2-1216-ccm-pub-2048-lsc-2048-sha512", "lsc-2048"),
        ("e3-1217-ccm-pub-1024-mic-2048-sha1", "mic-2048"),
        ("e4-1231-itlrecovery-4096-lsc-2048-sha512", "lsc-2048"),
        ("e5-5000-ccm-pub-2048-lsc-4096-sha512", "lsc-4096"),
        ("e6-5008-ccm-pub-2048-lsc-1024-sha1", "lsc-1024"),
        ("e7-70000-ccm-pub-2048-mic-2048-sha512", "mic-2048"),
        ("e8-250000-ccm-pub-2048-lsc-2048-sha1", "lsc-2048"),
    ] {
        let (folder, config) = plain(of);
        encrypt(&config, device, &["--stub"]).ends(0);
        let encrypted = folder.path().join(format!("{NAME}.enc.sgn"));
        let stub = folder.path().join(format!("{NAME}.sgn"));
        // The stub says what the peer's says, to the byte.
        let payload = finish(command().arg("strip").arg(&stub).args(["-o", "-"])).ends(0).out;
        let wanted = String::from_utf8(bytes(&format!("encrypted/{of}/stub.xml"))).unwrap();
        assert_eq!(String::from_utf8(payload).unwrap(), wanted, "{of}");
        let cert = arg("certs/ccm-pub-2048.crt.pem");
        for file in [&encrypted, &stub] {
            finish(command().arg("verify").arg(file).args(["--cert", &cert])).ends(0);
        }
        let value = finish(command().args(["show", "--json"]).arg(&encrypted)).ends(0).json();
        assert_eq!(value["kind"], "encrypted");
        assert_eq!(value["header"][0]["value"], "2.0");
        let name = value["header"].as_array().unwrap().iter().find(|field| field["name"] == "FILENAME").unwrap();
        assert_eq!(name["value"], format!("{NAME}.enc.sgn"));
        let opened = folder.path().join("opened.xml");
        let key = arg(&format!("certs/{device}.key.pem"));
        let mut line = command();
        line.arg("decrypt").arg(&encrypted).args(["--key", &key, "--cert", &cert, "-o"]).arg(&opened);
        assert_eq!(finish(&mut line).ends(0).err, "");
        assert!(std::fs::read(&opened).unwrap() == std::fs::read(&config).unwrap(), "{of}");
        let mode = opened.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "plain configs may hold passwords");
    }
}

#[test]
fn a_config_of_the_peer_opens_beside_its_encrypted_form() {
    let folder = tempfile::tempdir().unwrap();
    let encrypted = folder.path().join(format!("{NAME}.enc.sgn"));
    std::fs::copy(vector(&format!("encrypted/e-pretty/{NAME}.enc.sgn")), &encrypted).unwrap();
    let run =
        finish(command().arg("decrypt").arg(&encrypted).args(["--key", &arg("certs/lsc-2048.bundle.pem")])).ends(0);
    assert!(run.err.contains("the signature was not checked"), "{}", run.err);
    assert!(std::fs::read(folder.path().join(NAME)).unwrap() == bytes("encrypted/e-pretty/plain.xml"));
}

#[test]
fn a_key_that_does_not_fit_or_a_signature_that_does_not_hold_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.xml");
    let decrypt = |file: &str, key: &str, cert: &str| {
        let mut line = command();
        line.args(["decrypt", &arg(file), "--key", &arg(key), "--cert", &arg(cert), "-o"]).arg(&output);
        let run = finish(&mut line);
        assert!(names(folder.path()).is_empty(), "{file}");
        run
    };
    let (key, cert) = ("certs/lsc-2048.key.pem", "certs/ccm-pub-2048.crt.pem");
    let good = "encrypted/e1-1200-ccm-pub-2048-lsc-2048-sha1/SEPB000B4BA0AEE.cnf.xml.enc.sgn";
    let run = decrypt(good, "certs/mic-2048.key.pem", cert).ends(1);
    assert!(run.err.contains("refused: the file does not open with this key, or it was altered"), "{}", run.err);
    let run = decrypt(good, key, "certs/app-2048.crt.pem").ends(1);
    assert!(run.err.contains("refused: SIGNATURE does not hold for CN=tomcat.example.com"), "{}", run.err);
    for (file, code, words) in [
        ("flip-cipher-first", 1, "SIGNATURE does not hold"),
        ("flip-cipher-resigned", 1, "does not open with this key"),
        ("flip-wrapped-key", 1, "does not open with this key"),
        ("iv-15-bytes", 2, "ENCRYPTIONIV: has 15 bytes, must have 16"),
        ("padding-0", 2, "ENCRYPTIONPADDING: 0 is outside 1..=16"),
        ("padding-65535", 2, "ENCRYPTIONPADDING: 65535 is outside 1..=16"),
        ("hash-id-7", 2, "ENCRYPTIONHASHALGORITHM: id 7 is not known"),
        ("body-not-block", 2, "payload: 1215 bytes"),
        ("no-key-field", 2, "ENCRYPTIONKEY: is missing"),
        ("no-hash-field", 2, "ENCRYPTIONHASH: is missing"),
        ("truncated-header", 2, "HEADERLENGTH"),
    ] {
        let run = decrypt(&format!("damaged-signed/{file}.enc.sgn"), key, cert).ends(code);
        assert!(run.err.contains(words), "{file}: {}", run.err);
        assert_eq!(run.err.lines().count(), 1, "{file}: {}", run.err);
    }
    let run = decrypt("signed/f.x.sgn", key, cert);
    assert!(run.refuses().contains("the file is not encrypted"), "{}", run.err);
    let run = decrypt(good, "certs/lsc-2048.crt.pem", cert);
    assert!(run.refuses().contains("no usable private key"), "{}", run.err);
}

#[test]
fn configs_that_cannot_have_a_stub_are_refused_and_nothing_is_written() {
    let mut cases: Vec<(Vec<u8>, String)> = [
        ("<phone/>", "the root element is `phone`, this config has `device`"),
        ("<device>", "the file ends too early"),
        ("<device/><device/>", "a second root element"),
        ("", "the file ends before the root element"),
        ("<device><capfList>&bomb;</capfList></device>", "`&bomb;` is an entity that phones do not know"),
    ]
    .map(|(config, words)| (config.as_bytes().to_vec(), words.to_owned()))
    .to_vec();
    cases.push((b"<device>\xff</device>".to_vec(), "line 1, column 9 (offset 8): is not UTF-8".to_owned()));
    let deep = format!("<device>{}{}</device>", "<a>".repeat(100_000), "</a>".repeat(100_000));
    cases.push((deep.into_bytes(), "more than 64 elements inside each other".to_owned()));
    let bomb = "<!DOCTYPE d [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;\">]><device>&b;</device>";
    cases.push((bomb.as_bytes().to_vec(), "the DOCTYPE declares the entity `a`".to_owned()));
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/configs/malformed")).unwrap() {
        cases.push((std::fs::read(entry.unwrap().path()).unwrap(), ": line ".to_owned()));
    }
    assert!(cases.len() > 20);
    for (config, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        std::fs::write(&path, &config).unwrap();
        for more in [&["--stub"][..], &[]] {
            let run = encrypt(&path, "lsc-2048", more);
            let line = run.refuses();
            assert!(line.contains(words.as_str()), "{:.80}: {line}", config.escape_ascii());
            assert_eq!(names(folder.path()), [NAME]);
        }
    }
}

#[test]
fn an_ec_device_and_an_occupied_target() {
    let (folder, config) = plain("e-minimal");
    let run = encrypt(&config, "lsc-p256", &[]);
    assert!(run.refuses().contains("has a EC-secp256r1 key; encrypted configs need RSA"), "{}", run.err);
    // The stub is there already: neither file is written.
    let stub = folder.path().join(format!("{NAME}.sgn"));
    std::fs::write(&stub, "old").unwrap();
    let run = encrypt(&config, "lsc-2048", &["--stub"]);
    assert!(run.refuses().ends_with("exists already; give --force to replace it"), "{}", run.err);
    assert_eq!(names(folder.path()).len(), 2);
    encrypt(&config, "lsc-2048", &["--stub", "--force"]).ends(0);
    assert_ne!(std::fs::read(&stub).unwrap(), b"old");
    assert_eq!(names(folder.path()).len(), 3);
}

#[test]
fn the_stub_goes_where_it_is_told() {
    let (folder, config) = plain("e-pretty");
    let elsewhere = folder.path().join("elsewhere.sgn");
    encrypt(&config, "lsc-2048", &[&format!("--stub={}", elsewhere.display())]).ends(0);
    let value = finish(command().args(["show", "--json"]).arg(&elsewhere)).ends(0).json();
    let name = value["header"].as_array().unwrap().iter().find(|field| field["name"] == "FILENAME").unwrap();
    assert_eq!(name["value"], format!("{NAME}.sgn"), "the phone asks for this name wherever the file stands");
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join(format!("{NAME}.enc.sgn"));
    encrypt(&config, "lsc-2048", &["--stub", "-o", target.to_str().unwrap()]).ends(0);
    assert_eq!(names(out.path()), [format!("{NAME}.enc.sgn"), format!("{NAME}.sgn")]);
}
