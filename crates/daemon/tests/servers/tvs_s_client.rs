//! `openssl s_client` asks: a TLS client that nobody here wrote, with the versions and ciphers of old and new phones.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::tvs_node::{Node, certificate, json, unhex};
use cluster::tvs::TvsEntry;
use daemon::tvs::TvsLimits;

/// A server that knows the first certificate of the QUERY pairs; the request for it, and the answer.
fn node(legacy: bool) -> (Node, Vec<u8>, Vec<u8>) {
    let vector = json("tvs/query-messages.json");
    let pair = &vector["pairs"][0];
    let entry = TvsEntry::new(certificate("ccm-pub-2048"), vec![0, 3]);
    let node = Node::start(legacy, TvsLimits::default(), [entry]);
    (node, unhex(&pair["request_hex"]), unhex(&pair["response_hex"]))
}

/// What `s_client` got and said.
struct Outcome {
    answer: Vec<u8>,
    said: String,
}

/// Runs `openssl s_client`, sends `request` and takes `wanted` bytes of the answer.
fn s_client(node: &Node, options: &[&str], request: &[u8], wanted: usize) -> Outcome {
    let mut child = Command::new("openssl")
        .args(["s_client", "-connect", &node.address.to_string(), "-brief", "-nocommands"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Debian package openssl");
    // a refused handshake ends the child before it reads; what matters is then in its words
    let mut input = child.stdin.take().unwrap();
    let sent = input.write_all(request).and_then(|()| input.flush());
    let mut answer = Vec::new();
    let output = child.stdout.take().unwrap();
    output.take(wanted as u64).read_to_end(&mut answer).unwrap();
    assert!(sent.is_ok() || answer.is_empty());
    drop(input);
    child.kill().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    Outcome { answer, said }
}

/// Asks with these options and checks the answer, the version and the cipher.
fn asks(node: &Node, options: &[&str], (request, response): (&[u8], &[u8]), version: &str, cipher: &str) {
    let outcome = s_client(node, options, request, response.len());
    assert_eq!(hex::encode(&outcome.answer), hex::encode(response), "{options:?}: {}", outcome.said);
    for words in [format!("Protocol version: {version}\n"), format!("Ciphersuite: {cipher}\n")] {
        assert!(outcome.said.contains(&words), "{options:?}: no {words:?} in {}", outcome.said);
    }
}

#[test]
fn old_phones_with_tls_1_0_and_rsa_key_exchange() {
    let (node, request, response) = node(true);
    for cipher in ["AES128-SHA", "AES256-SHA"] {
        let with_level = format!("{cipher}:@SECLEVEL=0");
        asks(&node, &["-tls1", "-cipher", &with_level], (&request, &response), "TLSv1", cipher);
    }
    let cbc = "ECDHE-RSA-AES128-SHA";
    asks(&node, &["-tls1_1", "-cipher", &format!("{cbc}:@SECLEVEL=0")], (&request, &response), "TLSv1.1", cbc);
    assert_eq!(node.counters.query(), 3);
}

#[test]
fn newer_phones_with_tls_1_2_and_1_3() {
    for legacy in [true, false] {
        let (node, request, response) = node(legacy);
        let pair = (request.as_slice(), response.as_slice());
        let (gcm, cbc) = ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA384");
        asks(&node, &["-tls1_2"], pair, "TLSv1.2", gcm);
        asks(&node, &["-tls1_2", "-cipher", cbc], pair, "TLSv1.2", cbc);
        asks(&node, &["-tls1_3"], pair, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
        asks(&node, &[], pair, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    }
}

#[test]
fn old_versions_and_ciphers_are_refused_unless_switched_on() {
    let (node, request, _) = node(false);
    for options in [
        ["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
        ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        ["-tls1_2", "-cipher", "AES128-SHA:AES256-SHA:AES128-GCM-SHA256:@SECLEVEL=0"],
    ] {
        let outcome = s_client(&node, &options, &request, 1);
        assert!(outcome.answer.is_empty(), "{options:?}: {}", outcome.said);
    }
    assert_eq!(node.counters.handshakes(), 0);
    assert_eq!(node.counters.query(), 0);
}

#[test]
fn keys_of_1024_bits_are_served() {
    for legacy in [true, false] {
        let (node, request, response) = node(legacy);
        // release 10.5: RSA-1024, self-signed with SHA-1
        node.tls.store(std::sync::Arc::new(crate::tvs_node::context("ccm-pub-1024", legacy)));
        let (pair, gcm) = ((request.as_slice(), response.as_slice()), "ECDHE-RSA-AES128-GCM-SHA256");
        asks(&node, &["-tls1_2", "-cipher", "DEFAULT:@SECLEVEL=0"], pair, "TLSv1.2", gcm);
        asks(&node, &["-tls1_3", "-cipher", "DEFAULT:@SECLEVEL=0"], pair, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
        if legacy {
            asks(&node, &["-tls1", "-cipher", "AES256-SHA:@SECLEVEL=0"], pair, "TLSv1", "AES256-SHA");
        }
    }
}

#[test]
fn sessions_are_resumed_in_every_version() {
    let (node, request, response) = node(true);
    let folder = tempfile::tempdir().unwrap();
    let mut resumed = 0;
    for (version, ticket) in
        [("-tls1", true), ("-tls1", false), ("-tls1_2", true), ("-tls1_2", false), ("-tls1_3", true)]
    {
        let file = folder.path().join(format!("{version}{ticket}"));
        let run = |option: &str, file: &Path| {
            let mut options = vec![version, "-cipher", "DEFAULT:@SECLEVEL=0", option, file.to_str().unwrap()];
            if !ticket {
                // a phone without tickets resumes from the server's cache
                options.push("-no_ticket");
            }
            let outcome = s_client(&node, &options, &request, response.len());
            assert_eq!(outcome.answer, response, "{version} {option}: {}", outcome.said);
        };
        run("-sess_out", &file);
        assert_eq!(node.counters.resumed(), resumed);
        run("-sess_in", &file);
        resumed += 1;
        assert_eq!(node.counters.resumed(), resumed, "{version}, ticket {ticket}");
    }
}
