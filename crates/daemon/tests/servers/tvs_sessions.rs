//! Every session of `testdata/vectors/tvs` over real TLS, against the whole server.

use std::time::Duration;

use crate::tvs_node::{Node, Offer, Phone, certificate, json, read, unhex, vector};
use cluster::tvs::TvsEntry;
use daemon::tvs::TvsLimits;
use openssl::ssl::{ShutdownResult, SslVersion};
use serde_json::Value;
use wire::tvs::Tolerance;

fn name_of(path: &str) -> &str {
    path.strip_prefix("certs/").unwrap().strip_suffix(".crt.pem").unwrap()
}

fn entry(row: &Value) -> TvsEntry {
    TvsEntry {
        certificate: certificate(name_of(row["certificate"].as_str().unwrap())),
        roles: serde_json::from_value(row["roles"].clone()).unwrap(),
        ttl_seconds: serde_json::from_value(row["ttl"].clone()).unwrap(),
    }
}

/// The data base that the sessions were recorded with.
fn recorded_entries() -> Vec<TvsEntry> {
    let vector = json("tvs/verify-valid-ccm-pub-2048.json");
    vector["database"].as_array().unwrap().iter().map(entry).collect()
}

/// What the server does at the end of a vector's messages.
enum Wanted {
    /// What the vector holds.
    Recorded,
    /// These answers, in hexadecimal.
    Answers(&'static [&'static str]),
    /// The end, without an answer.
    Close,
}

const KNOWN: &[&str] = &["5701020000000001001007000100080002000209000400015180"];
const NOT_KNOWN: &[&str] = &["5701020000000001000407000101"];

/// `wanted` of `index.json`; where that leaves a choice, the server answers.
fn wanted(name: &str) -> Wanted {
    match name {
        "two-requests-one-connection" => Wanted::Answers(&[
            "57010200000003e9001007000100080002000209000400015180",
            "57010200000003ea001007000100080002000209000400015180",
        ]),
        "version-0" | "no-device-name" | "device-name-bad-format" | "device-name-8832NR" | "unknown-element" => {
            Wanted::Answers(KNOWN)
        }
        "no-certificate" | "certificate-garbage" | "certificate-empty" => Wanted::Answers(NOT_KNOWN),
        "query-request" => Wanted::Answers(&["57010400000003e9000407000101"]),
        "wrong-protocol-id" | "wrong-version-2" | "command-2-from-client" | "length-0" | "element-past-end" => {
            Wanted::Close
        }
        // the body never comes, nor the rest of the header: the time-out ends it
        "body-short" | "split-header-3+7" => Wanted::Close,
        _ => Wanted::Recorded,
    }
}

#[test]
fn every_recorded_session_gets_what_the_index_wants() {
    let limits = TvsLimits { request: Duration::from_millis(1000), ..TvsLimits::default() };
    let node = Node::start(false, limits, recorded_entries());
    let mut seen = 0;
    for file in std::fs::read_dir(vector("tvs")).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        if file == "query-messages.json" {
            continue;
        }
        seen += 1;
        let session = json(&format!("tvs/{file}"));
        let name = session["name"].as_str().unwrap();
        let mut phone = Phone::connect(node.address);
        assert_eq!(phone.server_certificate(), read("certs/tvs-2048.crt.der"));
        let messages = session["messages"].as_array().unwrap();
        for message in messages.iter().filter(|message| message["from"] == "client") {
            phone.send(&unhex(&message["hex"]));
        }
        let answers: Vec<String> = match wanted(name) {
            Wanted::Answers(answers) => answers.iter().map(|answer| (*answer).to_owned()).collect(),
            Wanted::Close => Vec::new(),
            Wanted::Recorded => {
                let answers = messages.iter().filter(|m| m["from"] == "server").filter_map(|m| m["hex"].as_str());
                let answers: Vec<String> = answers.map(str::to_owned).collect();
                assert!(!answers.is_empty(), "{name}: the peer gave no answer and nothing else is wanted");
                answers
            }
        };
        for answer in &answers {
            assert_eq!(hex::encode(phone.receive()), *answer, "{name}");
        }
        if answers.is_empty() {
            phone.expect_close();
        }
    }
    assert_eq!(seen, 36);
    let count = |tolerance| node.counters.tolerated(tolerance);
    assert_eq!(count(Tolerance::VersionZero), 1);
    assert_eq!(count(Tolerance::DeviceNameMissing), 1);
    assert_eq!(count(Tolerance::UnknownElement), 1);
    assert_eq!(count(Tolerance::RepeatedElement), 1);
    assert_eq!(count(Tolerance::ReservedByte), 1);
    assert_eq!(count(Tolerance::CertificateMissing), 1);
    assert_eq!(count(Tolerance::DeviceNameForm), 1);
    assert_eq!(node.counters.query(), 1);
    assert_eq!(node.counters.malformed(), 5);
    assert_eq!(node.counters.timed_out(), 2);
}

#[test]
fn a_header_in_two_records_is_answered() {
    let node = Node::start(false, TvsLimits::default(), recorded_entries());
    let session = json("tvs/verify-valid-ccm-pub-2048.json");
    let request = unhex(&session["messages"][0]["hex"]);
    let mut phone = Phone::connect(node.address);
    let first = unhex(&json("tvs/split-header-3+7.json")["messages"][0]["hex"]);
    assert_eq!(first, request[..3]);
    phone.send(&first);
    assert_eq!(hex::encode(phone.ask(&request[3..])), KNOWN[0]);
}

#[test]
fn every_query_pair_is_answered_to_the_byte() {
    let vector = json("tvs/query-messages.json");
    let pairs = vector["pairs"].as_array().unwrap();
    let known = pairs.iter().filter(|pair| !pair["certificate"].is_null());
    let node = Node::start(false, TvsLimits::default(), known.map(entry));
    let mut phone = Phone::connect(node.address);
    for pair in pairs {
        let answer = phone.ask(&unhex(&pair["request_hex"]));
        assert_eq!(hex::encode(answer), pair["response_hex"].as_str().unwrap(), "{}", pair["subject"]);
    }
    assert_eq!((node.counters.query(), node.counters.not_valid(), node.counters.handshakes()), (5, 1, 1));
}

#[test]
fn the_captured_request_of_a_real_phone_is_answered_and_logged() {
    let node = Node::start(false, TvsLimits::default(), []);
    let mut phone = Phone::connect(node.address);
    let answer = phone.ask(&read("tvs-capture/tvs-query-request-213407.bin"));
    assert_eq!(hex::encode(answer), "57010400000003e9000407000101");
    let log = node.log_text();
    let texts: Vec<&str> = log.lines().map(|line| line.split_once(" | ").unwrap().1).collect();
    let id = "24000000179479B8F124AC3F3B000000000017CN=stormin-WIN2012-CA";
    assert_eq!(
        texts,
        [
            "debug tvsIdleTLSEstablished",
            "debug Starting Timer after SSL Negotiation",
            "debug tvsHandleQueryCertReq",
            "debug tvsHandleQueryCertReq : Subject Name is: CN=ucm11pub.stormin.local;OU=IST;O=Stormin;L=Brisbane;ST=QLD;C=AU",
            "debug tvsHandleQueryCertReq : Issuer Name is: CN=stormin-WIN2012-CA",
            "debug tvsHandleQueryCertReq : Serial Number is: 24000000179479B8F124AC3F3B000000000017",
            &format!(
                "debug CertificateDBCache::getCertificateInformation - Looking up the certificate cache using Unique MAP ID : {id}"
            ),
            "debug ERROR:CertificateDBCache::getCertificateInformation - Cannot find the certificate in the cache",
            &format!(
                "debug CertificateCTLCache::getCertificateInformation - Looking up the certificate cache using Unique MAP ID : {id}, len : 59"
            ),
            "debug ERROR:CertificateCTLCache::getCertificateInformation - Cannot find the certificate in the cache",
            "debug 93:UNKNOWN:No associated roles found for the certificate in cache",
            "debug tvsHandleQueryCertReq: Timer started from tvsHandleNewPhConnection",
        ]
    );
}

/// A phone that says good-bye is answered with one, in each version and with and without a ticket.
#[test]
fn a_good_bye_is_answered() {
    let node = Node::start(true, TvsLimits::default(), recorded_entries());
    let request = unhex(&json("tvs/verify-valid-ccm-pub-2048.json")["messages"][0]["hex"]);
    for version in [SslVersion::TLS1, SslVersion::TLS1_2, SslVersion::TLS1_3] {
        for asks in [false, true] {
            let mut phone = Phone::offer(node.address, Offer::version(version)).unwrap();
            if asks {
                assert_eq!(hex::encode(phone.ask(&request)), KNOWN[0]);
            }
            assert_eq!(phone.tls.shutdown().unwrap(), ShutdownResult::Sent);
            // with a bare end of the connection this is an error
            assert_eq!(phone.tls.shutdown().unwrap(), ShutdownResult::Received, "{version:?}");
        }
    }
}

/// A handshake that comes to nothing names the setting that lets such a phone in.
#[test]
fn the_log_says_what_old_phones_need() {
    let node = Node::start(false, TvsLimits::default(), []);
    for (version, ciphers, wanted) in [
        (
            SslVersion::TLS1,
            "ALL:@SECLEVEL=0",
            "; a phone that speaks TLS 1.0 or 1.1 only (7900 series) needs [phones] legacy_tls = true",
        ),
        (
            SslVersion::TLS1_2,
            "AES256-SHA:@SECLEVEL=0",
            "; a phone that offers RSA key exchange only (7900 series, 8800 series on loads such as 10.3.1: AES256-SHA) needs \
             [phones] legacy_tls = true",
        ),
    ] {
        let offer = Offer { version: Some(version), ciphers: Some(ciphers), from: None };
        assert!(Phone::offer(node.address, offer).is_err());
        let patience = std::time::Instant::now() + Duration::from_secs(20);
        let line = loop {
            let log = node.log_text();
            if let Some(line) = log.lines().find(|line| line.ends_with(wanted)) {
                break line.to_owned();
            }
            assert!(std::time::Instant::now() < patience, "{wanted}\n{log}");
        };
        assert!(line.contains(" | debug ERROR:tvsIdleTLS : handshake with 127.0.0.1:"), "{line}");
    }
}
