//! `ringfence build`: the golden lists out of the command line.

use std::path::Path;

use crate::program::{Run, arg, bytes, command, finish, ringfence};

const PUB: &str = "certs/ccm-pub-1024.bundle.pem";
const SUB: &str = "certs/ccm-sub-1024.bundle.pem";
const CAPF: &str = "certs/capf-1024.bundle.pem";
const NEW: &str = "certs/ccm-pub-2048.bundle.pem";
const TOKEN: &str = "certs/etoken-1024.bundle.pem";
const TVS: &str = "certs/tvs-2048.bundle.pem";
const RECOVERY: &str = "certs/itlrecovery-4096.bundle.pem";

/// A record of the cucm layout as an argument.
fn server(file: &str, name: &str, ip: &str) -> String {
    format!("{},name={name},ip={ip}", arg(file))
}

fn build(kind: &str, options: &[(&str, String)], output: &Path) -> Run {
    let mut line = command();
    line.args(["build", kind, "-o"]).arg(output);
    for (option, value) in options {
        line.args([*option, value.as_str()]);
    }
    finish(&mut line)
}

#[track_caller]
fn rebuilds(name: &str, kind: &str, options: &[(&str, String)], timestamp: u32) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.tlv");
    let mut options = options.to_vec();
    options.push(("--timestamp", timestamp.to_string()));
    let run = build(kind, &options, &path).ends(0);
    assert!(std::fs::read(&path).unwrap() == bytes(name), "{name} differs");
    assert!(run.out.is_empty());
    run
}

fn servers(publisher: &str) -> Vec<(&'static str, String)> {
    vec![
        ("--sast", server(publisher, "cucm-1051-a-pub", "10.48.47.155")),
        ("--ccm-tftp", server(publisher, "cucm-1051-a-pub", "10.48.47.155")),
        ("--capf", server(CAPF, "cucm-1051-a-pub", "10.48.47.155")),
        ("--ccm-tftp", server(SUB, "cucm-1051-a-sub1", "10.48.47.156")),
    ]
}

#[test]
fn the_ctl_of_4947_bytes_and_the_one_of_6113_after_the_renewal() {
    let run = rebuilds("trustlist/cucm-ctl-4947.tlv", "ctl", &servers(PUB), 1_425_675_879);
    assert_eq!(run.err, "", "nothing to warn about");
    rebuilds("trustlist/cucm-ctl-6113.tlv", "ctl", &servers(NEW), 1_425_917_864);
}

#[test]
fn the_lists_of_the_ctl_client() {
    let client = |file: &str, ip: &str| format!("{},form=client", server(file, ip, ip));
    let token = format!("{},form=token", server(TOKEN, "", "0.0.0.0"));
    let options = [
        ("--capf", client(CAPF, "10.48.47.155")),
        ("--ccm-tftp", client(SUB, "10.48.47.156")),
        ("--ccm-tftp", client(PUB, "10.48.47.155")),
        ("--sast", token.clone()),
        ("--sast", token.clone()),
    ];
    rebuilds("trustlist/ctlclient-5728.tlv", "ctl", &options, 1_425_675_440);
    let options = [
        ("--sast", token.clone()),
        ("--sast", token),
        ("--ccm-tftp", "-,name=10.48.47.153,ip=10.48.47.153".to_owned()),
        ("--capf", client(CAPF, "10.48.47.153")),
        ("--ccm-tftp", "-,name=10.48.47.154,ip=10.48.47.154".to_owned()),
    ];
    rebuilds("trustlist/ctlclient-nonsecure-3746.tlv", "ctl", &options, 1_424_792_869);
}

#[test]
fn an_itl_with_tvs_as_hash_and_one_with_newer_algorithms() {
    let lan = |file| server(file, "cs-ccm-pub", "10.0.0.1");
    let options = [
        ("--sast", lan(NEW)),
        ("--ccm-tftp", lan(NEW)),
        ("--tvs", lan(TVS)),
        ("--tvs", format!("{},name= ,form=hash", arg(TVS))),
    ];
    rebuilds("trustlist/cucm-itl-tvs-hash-739.tlv", "itl", &options, 1_457_682_975);
    let lan = |file| server(file, "cucm-1051-a-pub", "10.0.0.1");
    let options = [
        ("--sast", lan(RECOVERY)),
        ("--ccm-tftp", lan(NEW)),
        ("--tftp", lan("certs/ec-p384.bundle.pem")),
        ("--tvs", lan(TVS)),
        ("--digest", "sha512".to_owned()),
        ("--signer-version", "1.1".to_owned()),
    ];
    let run = rebuilds("trustlist/cucm-itl-sha512-v1.1.tlv", "itl", &options, 1_694_498_816);
    assert!(
        run.err.contains("ITLRECOVERY_cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL has RSA 4096"),
        "{}",
        run.err
    );
}

/// Every trust list of the vectors that the peer made, by the very words that it was made with.
#[test]
fn every_list_in_the_peer_layout_in_the_order_of_the_command_line() {
    let index: serde_json::Value = serde_json::from_slice(&bytes("index.json")).unwrap();
    let mut rebuilt = 0;
    for entry in index["files"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "trustlist") {
        let name = entry["file"].as_str().unwrap();
        let header = entry["expect"]["header"].as_array().unwrap();
        let value = |field: &str| &header.iter().find(|found| found["name"] == field).unwrap()["value"];
        let words: Vec<&str> = entry["made_by"].as_str().unwrap().split(' ').skip(2).collect();
        let mut options = vec![("--layout", "peer".to_owned())];
        for pair in words.chunks(2) {
            match pair[0] {
                "--build" | "--filename" => {}
                "--version" => options.push(("--signer-version", pair[1].to_owned())),
                "--digest" => options.push(("--digest", pair[1].to_owned())),
                role => options.push((role, arg(&format!("certs/{}", pair[1])))),
            }
        }
        options.push(("--filename", value("FILENAME").as_str().unwrap().to_owned()));
        let timestamp = u32::try_from(value("TIMESTAMP").as_u64().unwrap()).unwrap();
        rebuilds(name, "itl", &options, timestamp);
        rebuilt += 1;
    }
    assert_eq!(rebuilt, 44);
}

#[test]
fn hash_tvs_hashes_only_tvs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ITLFile.tlv");
    let mut line = command();
    line.args(["build", "itl", "--hash-tvs", "--sast", &arg(NEW), "--tvs", &arg(TVS), "-o"]).arg(&path);
    finish(&mut line).ends(0);
    let value = finish(command().args(["show", "--json"]).arg(&path)).ends(0).json();
    let names = |index: usize| -> Vec<String> {
        let fields = value["records"][index]["fields"].as_array().unwrap().iter();
        fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names(0).contains(&"CERTIFICATE".to_owned()));
    assert!(names(1).contains(&"CERTHASH".to_owned()) && !names(1).contains(&"CERTIFICATE".to_owned()));
    assert_eq!(value["records"][1]["fields"][0]["value"], "cs-ccm-sub.vasank.com", "the CN is the host name");
}

#[test]
fn the_default_name_and_time() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, name) in [("ctl", "CTLFile.tlv"), ("itl", "ITLFile.tlv")] {
        let before = u32::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
        finish(command().current_dir(&folder).args(["build", kind, "--sast", &arg(PUB)])).ends(0);
        let path = folder.path().join(name);
        let list = wire::trust_list::TrustList::decode(std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(list.header().file_name(), Some(name.as_bytes()));
        let timestamp = list.header().timestamp().unwrap();
        assert!((before..before + 60).contains(&timestamp), "{timestamp}");
        finish(command().arg("verify").arg(&path)).ends(0);
    }
    let written = folder.path().join("dated.tlv");
    let options = [("--sast", arg(PUB)), ("--timestamp", "2015-03-06T22:04:39+01:00".to_owned())];
    build("ctl", &options, &written).ends(0);
    let list = wire::trust_list::TrustList::decode(std::fs::read(&written).unwrap()).unwrap();
    assert_eq!(list.header().timestamp(), Some(1_425_675_879));
}

#[test]
fn another_signer_and_a_key_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ITLFile.tlv");
    let options = [
        ("--sast", arg("certs/ccm-pub-2048.crt.pem")),
        ("--sast", arg("certs/itlrecovery-4096.crt.pem")),
        ("--signer", arg("certs/itlrecovery-4096.crt.pem")),
        ("--key", arg("certs/itlrecovery-4096.key.pem")),
    ];
    build("itl", &options, &path).ends(0);
    let value = finish(command().args(["show", "--json"]).arg(&path)).ends(0).json();
    assert_eq!(value["signer_record"], 1);
    assert_eq!(value["signature_verdict"], "valid");
}

#[test]
fn what_phones_would_not_take_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tlv");
    let big = arg("certs/big-2048.bundle.pem");
    let options = [
        ("--sast", arg(PUB)),
        ("--sast", arg(NEW)),
        ("--sast", arg(SUB)),
        ("--tvs", big.clone()),
        ("--ccm", big.clone()),
        ("--capf", big),
    ];
    let run = build("ctl", &options, &path).ends(0);
    let length = path.metadata().unwrap().len();
    assert!(
        run.err.contains(&format!("the list has {length} bytes; phones do not load more than 65535")),
        "{}",
        run.err
    );
    assert!(run.err.contains("the list has 3 SAST records; phones take at most 2"), "{}", run.err);
    assert!(run.err.contains("TVS records belong in an ITL"), "{}", run.err);
    let other = folder.path().join("y.tlv");
    let options = [("--sast", arg(PUB)), ("--signer", arg(NEW))];
    let run = build("itl", &options, &other).ends(0);
    assert!(run.err.contains("the signer has no SAST record in the list"), "{}", run.err);
}

#[test]
fn what_cannot_be_built_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tlv");
    let refused = |options: &[(&str, String)], code: i32, words: &str| {
        let run = build("ctl", options, &path).ends(code);
        assert!(run.err.contains(words), "{}", run.err);
        assert!(crate::program::names(folder.path()).is_empty());
    };
    refused(&[("--sast", arg("certs/ccm-pub-1024.crt.pem"))], 2, "no usable private key");
    refused(
        &[("--sast", arg(PUB)), ("--key", arg("certs/ccm-sub-1024.key.pem"))],
        2,
        "the key does not belong to the certificate",
    );
    refused(&[("--sast", arg("certs/ec-p256.bundle.pem"))], 2, "cannot sign for phones");
    refused(
        &[("--sast", arg("certs/tiny-512.bundle.pem")), ("--digest", "sha512".to_owned())],
        2,
        "a sha512 signature does not fit into RSA 512",
    );
    refused(&[("--sast", arg("certs/missing.pem"))], 2, "No such file");
    refused(&[("--sast", arg(PUB)), ("--capf", arg("signed/f.x"))], 2, "holds no certificate");
    refused(&[("--capf", arg(CAPF))], 64, "nobody signs: give --sast BUNDLE or --signer CERT");
    refused(&[], 64, "nobody signs");
    refused(&[("--sast", server(PUB, "a", "1.2.3"))], 64, "`1.2.3` is not an IPv4 address");
    refused(&[("--sast", format!("{},form=round", arg(PUB)))], 64, "`round` is not a form of a record");
    refused(
        &[("--sast", arg(PUB)), ("--tftp", "-,name=a".to_owned())],
        64,
        "a record without a certificate needs its server",
    );
    refused(&[("--sast", arg(PUB)), ("--digest", "sha256".to_owned())], 64, "is not a digest that phones take");
    refused(&[("--sast", arg(PUB)), ("--timestamp", "99999999999".to_owned())], 64, "is outside 1970 to 2106");
    let peer = ("--layout", "peer".to_owned());
    refused(&[peer.clone(), ("--sast", server(PUB, "a", "192.0.2.1"))], 64, "belong to --layout cucm");
    refused(
        &[peer, ("--sast", arg(PUB)), ("--tftp", "-,name=a,ip=192.0.2.1".to_owned())],
        64,
        "belong to --layout cucm",
    );
    refused(&[("--sast", arg(PUB)), ("--filename", "x".repeat(70_000))], 2, "the format holds at most 65535");
}

#[test]
fn a_comma_in_a_path_stays_in_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("a,b=c.pem");
    std::fs::copy(crate::program::vector(PUB), &bundle).unwrap();
    let path = folder.path().join("x.tlv");
    let sast = format!("{},ip=192.0.2.7", bundle.display());
    build("ctl", &[("--sast", sast)], &path).ends(0);
    let value = ringfence(["show", "--json", path.to_str().unwrap()]).ends(0).json();
    let fields = value["records"][0]["fields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["value"] == "192.0.2.7"), "{fields:?}");
}

/// Keys are read, used and never shown.
#[test]
fn no_key_appears_in_any_output() {
    let run = ringfence(["build", "ctl", "--sast", &arg(PUB), "-o", "-"]).ends(0);
    let key = String::from_utf8(bytes(PUB)).unwrap();
    let secret: Vec<&str> = key.lines().skip_while(|line| !line.contains("PRIVATE KEY")).collect();
    assert!(secret.len() > 5);
    for line in &secret[1..secret.len() - 1] {
        assert!(!run.err.contains(line) && !String::from_utf8_lossy(&run.out).contains(line));
    }
    let broken = key.replace("MII", "MIJ");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.pem");
    std::fs::write(&path, broken).unwrap();
    let run = finish(command().args(["build", "ctl", "-o", "-", "--sast"]).arg(&path)).ends(2);
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    assert!(secret[1..4].iter().all(|line| !run.err.contains(line)), "{}", run.err);
}

/// Of a chain the first certificate stands in the list, which is said; one that cannot be read is no reason to look away.
#[test]
fn a_bundle_of_several_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let pem = |file: &str| {
        let text = std::fs::read_to_string(arg(file)).unwrap();
        let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
        text[text.find(begin).unwrap()..text.find(end).unwrap() + end.len()].to_owned() + "\n"
    };
    let chain = folder.path().join("chain.pem");
    let list = folder.path().join("ITLFile.tlv");
    let build = |text: &str| {
        std::fs::write(&chain, text).unwrap();
        let chain = chain.to_str().unwrap();
        ringfence(["build", "itl", "--sast", &arg(NEW), "--ccm", chain, "-o", list.to_str().unwrap(), "--force"])
    };
    let run = build(&(pem(SUB) + &pem(CAPF)));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("holds 2 certificates; the first stands in the list: CN="), "{}", run.err);
    let damaged = pem(CAPF).replacen("M", "!", 1).replacen("A", "B", 9);
    let run = build(&(pem(SUB) + &damaged));
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("certificate 2"), "{}", run.err);
}
