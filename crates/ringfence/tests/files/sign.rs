//! `ringfence sign` and `strip`.

use crate::program::{arg, bytes, command, finish, names, ringfence};

/// The signed files of the vectors, by the words that they were made with; and stripped again.
#[test]
fn every_signed_file_of_the_peer_there_and_back() {
    let index: serde_json::Value = serde_json::from_slice(&bytes("index.json")).unwrap();
    let mut rebuilt = 0;
    for entry in index["files"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "signed") {
        let name = entry["file"].as_str().unwrap();
        let header = entry["expect"]["header"].as_array().unwrap();
        let timestamp = header.iter().find(|field| field["name"] == "TIMESTAMP").unwrap()["value"].to_string();
        let words: Vec<&str> = entry["made_by"].as_str().unwrap().split(' ').skip(2).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut line = command();
        line.args(["sign", "--layout", "peer", "--timestamp", &timestamp]);
        for pair in words.chunks(2) {
            match pair[0] {
                "--build" => {
                    let input = folder.path().join(pair[1]);
                    std::fs::copy(crate::program::vector(entry["payload_file"].as_str().unwrap()), &input).unwrap();
                    line.arg(input);
                }
                "--tftp" => {
                    line.args(["--cert", &arg(&format!("certs/{}", pair[1]))]);
                }
                option => {
                    line.args([option, pair[1]]);
                }
            }
        }
        finish(&mut line).ends(0);
        let input = folder.path().join(words[1]);
        let signed = folder.path().join(format!("{}.sgn", words[1]));
        assert!(std::fs::read(&signed).unwrap() == bytes(name), "{name} differs");
        // The plain file goes and comes back out of the signed one.
        let plain = std::fs::read(&input).unwrap();
        std::fs::remove_file(&input).unwrap();
        finish(command().arg("strip").arg(&signed)).ends(0);
        assert!(std::fs::read(&input).unwrap() == plain, "{name}");
        assert_eq!(names(folder.path()).len(), 2);
        rebuilt += 1;
    }
    assert_eq!(rebuilt, 32);
}

#[test]
fn the_default_layout_is_that_of_cucm() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("SEP58971ECC97C1.cnf.xml");
    std::fs::write(&input, "<device/>\n").unwrap();
    let cert = arg("certs/ccm-pub-2048.crt.pem");
    let key = arg("certs/ccm-pub-2048.key.pem");
    finish(command().arg("sign").arg(&input).args(["--cert", &cert, "--key", &key, "--digest", "sha512"])).ends(0);
    let signed = folder.path().join("SEP58971ECC97C1.cnf.xml.sgn");
    let value = finish(command().args(["show", "--json"]).arg(&signed).args(["--cert", &cert])).ends(0).json();
    let tags: Vec<u64> =
        value["header"].as_array().unwrap().iter().map(|field| field["tag"].as_u64().unwrap()).collect();
    assert_eq!(tags, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15]);
    assert_eq!(value["header"][3]["value"], "CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL");
    assert_eq!(value["header"][12]["value"], "SEP58971ECC97C1.cnf.xml.sgn");
    assert_eq!(value["signature_verdict"], "valid");
    assert_eq!(value["digest"], "sha512");
}

#[test]
fn through_pipes() {
    let mut line = command();
    line.args(["sign", "-", "-o", "-", "--cert", &arg("certs/ccm-pub-2048.bundle.pem"), "--filename", "ring.xml.sgn"]);
    let signed = finish(line.write_stdin("<rings/>")).ends(0).out;
    let plain = finish(command().args(["strip", "-", "-o", "-"]).write_stdin(signed)).ends(0).out;
    assert_eq!(plain, b"<rings/>");
}

#[test]
fn wrong_usage() {
    let cert = arg("certs/ccm-pub-2048.bundle.pem");
    let run = finish(command().args(["sign", "-", "--cert", &cert, "-o", "-"]).write_stdin("x")).ends(64);
    assert!(run.err.contains("--filename"), "{}", run.err);
    let run = finish(command().args(["sign", "-", "--cert", &cert, "--filename", "x"]).write_stdin("x")).ends(64);
    assert!(run.err.contains("--output"), "{}", run.err);
    finish(command().args(["strip", "-"]).write_stdin(bytes("signed/f.x.sgn"))).ends(64);
    ringfence(["sign", &arg("signed/f.x")]).ends(64);
}

#[test]
fn strip_refuses_what_has_no_payload_and_warns_of_cipher_text() {
    let run = ringfence(["strip", &arg("trustlist/cucm-ctl-4947.tlv"), "-o", "-"]);
    assert!(run.refuses().ends_with("is a trust list, which has no payload"), "{}", run.err);
    let run = ringfence(["strip", &arg("damaged-signed/header-cut.sgn"), "-o", "-"]);
    assert!(run.refuses().contains("HEADERLENGTH"), "{}", run.err);
    let run = ringfence(["strip", &arg("encrypted/e-minimal/SEPB000B4BA0AEE.cnf.xml.enc.sgn"), "-o", "-"]).ends(0);
    assert_eq!(run.out.len(), 16);
    assert!(run.err.contains("cipher text"), "{}", run.err);
}
