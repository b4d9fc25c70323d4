//! Every recorded CAPF session over real TLS, against the service with real rows: what the server says, and what stands in the rows
//! afterwards.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cluster::enrolment::{AuthenticationMode, KeyOrder, KeyPlan, Operation};
use daemon::capf::CapfLimits;
use ringfence_core::enrolment::LscState;
use serde_json::Value;
use wire::capf::{Curve, RsaSize, Timeouts};

use crate::capf_node::{CapfNode, CapfPhone, DEVICE};
use crate::tvs_node::json;

fn sessions() -> Vec<Value> {
    let index = json("index.json");
    let files = index["files"].as_array().unwrap().iter().filter(|file| file["kind"] == "capf-session");
    let all: Vec<Value> = files.map(|file| json(file["file"].as_str().unwrap())).collect();
    assert_eq!(all.len(), 56);
    all
}

fn recorded(vector: &Value, side: &str) -> Vec<Vec<u8>> {
    let messages = vector["messages"].as_array().unwrap().iter();
    messages
        .filter(|message| message["from"] == side)
        .filter_map(|message| Some(hex::decode(message.get("hex")?.as_str().unwrap()).unwrap()))
        .collect()
}

/// What the peer's tool was told.
struct Scheduled<'a>(Vec<&'a str>);

impl<'a> Scheduled<'a> {
    fn new(vector: &'a Value) -> Self {
        Self(vector["schedule"].as_str().unwrap().split_whitespace().collect())
    }

    fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }

    fn value(&self, word: &str) -> Option<&'a str> {
        let place = self.0.iter().position(|other| *other == word)?;
        self.0.get(place + 1).copied()
    }

    fn set(&self, node: &CapfNode) {
        let rsa =
            self.value("--bits").map_or(RsaSize::Bits2048, |bits| RsaSize::from_bits(bits.parse().unwrap()).unwrap());
        let curve =
            self.value("--curve").map(|name| Curve::ALL.into_iter().find(|curve| curve.name() == name).unwrap());
        let order = if curve.is_some() { KeyOrder::EcOnly } else { KeyOrder::RsaOnly };
        node.set_keys(order, KeyPlan { rsa, ec: curve.unwrap_or(Curve::Secp256r1), ..KeyPlan::default() });
        let operation = if self.has("--install") {
            Operation::Install
        } else if self.has("--fetch") {
            Operation::Troubleshoot
        } else if self.has("--delete") {
            Operation::Delete
        } else {
            // the way of authentication stays when an operation is taken back
            node.schedule(DEVICE, Operation::Install, AuthenticationMode::NullString, None);
            return node.cancel();
        };
        let mode = match (self.value("--password"), self.has("--certificate")) {
            (Some(_), _) => AuthenticationMode::AuthenticationString,
            (None, true) => AuthenticationMode::ExistingLsc,
            (None, false) => AuthenticationMode::NullString,
        };
        node.schedule(DEVICE, operation, mode, self.value("--password"));
    }
}

/// What the server says, when it is not what the peer said; then the status of the device.
struct Wanted {
    commands: Option<&'static [u8]>,
    reason: Option<u8>,
    /// `None`: as it was before.
    status: Option<i64>,
}

fn wanted(name: &str, vector: &Value) -> Wanted {
    let commands: Option<&'static [u8]> = match name {
        "auth-version-2" | "auth-unknown-element" | "auth-device-name-without-nul" => Some(&[1, 3]),
        "auth-body-short" | "client-closes-after-auth-request" => Some(&[1]),
        "auth-element-past-end" | "lsc-auth-digestinfo" => Some(&[1, 15]),
        "keygen-garbage-key" => Some(&[1, 3, 15]),
        "keygen-two-in-progress" => Some(&[1, 3, 9]),
        "store-refused" => Some(&[1, 3, 9, 15]),
        _ => None,
    };
    let reason = match name {
        "auth-element-past-end" | "lsc-auth-digestinfo" | "keygen-garbage-key" | "store-refused" => Some(7),
        _ if commands.is_some() => None,
        _ => vector["expect"]["end_reason"].as_u64().map(|reason| u8::try_from(reason).unwrap()),
    };
    let status = match name {
        "after-install-no-pending" | "no-pending-operation" | "unknown-device" => {
            return Wanted { commands, reason, status: None };
        }
        "delete" => 4,
        "delete-nothing-there" => 7,
        "fetch" | "fetch-with-password" => 5,
        "fetch-nothing-there" => 8,
        "install-password-missing" | "install-password-wrong" => 10,
        "keygen-failure-reason" | "keygen-garbage-key" => 14,
        "store-refused" => 6,
        "store-other-command" => 13,
        "update-foreign-lsc" => 11,
        "lsc-auth-sudi-big-endian" | "lsc-auth-sudi-other-session" => 11,
        // the certificate was taken, then the recording ends
        "lsc-auth-ok-own" | "lsc-auth-no-sudi" => 13,
        "update-no-certificate" => 12,
        _ if name.starts_with("lsc-auth-") => 12,
        // before its name was read it is nobody
        _ if name.starts_with("auth-") && commands != Some(&[1, 3]) => 2,
        "client-closes-after-auth-request" => 2,
        "auth-version-2" | "auth-unknown-element" | "auth-device-name-without-nul" | "keygen-two-in-progress" => 13,
        _ => 3,
    };
    Wanted { commands, reason, status: Some(status) }
}

/// Plays the recorded phone; the messages of the server.
fn play(node: &CapfNode, vector: &Value) -> Vec<Vec<u8>> {
    let (client, server) = (recorded(vector, "client"), recorded(vector, "server"));
    let session_id = u32::from_be_bytes(server[0][2..6].try_into().unwrap());
    node.desk.session_id.store(session_id, Ordering::Relaxed);
    let mut phone = CapfPhone::connect(node.address);
    let mut heard = vec![server[0].clone()];
    let mut said = client.iter().peekable();
    loop {
        while let Some(message) = said.next() {
            phone.send_bytes(message);
            // REQUEST_IN_PROGRESS has no answer
            if message.get(1) != Some(&17) || said.peek().is_none() {
                break;
            }
        }
        if vector["name"] == "client-closes-after-auth-request" {
            return heard;
        }
        match phone.receive() {
            Some(message) => {
                let over = message[1] == 15;
                heard.push(message);
                // the recording may end before the session does
                if over || (said.peek().is_none() && said_all(&client, &heard)) {
                    return heard;
                }
            }
            None => return heard,
        }
    }
}

/// Whether the phone of the recording would say nothing more to what came last.
fn said_all(client: &[Vec<u8>], heard: &[Vec<u8>]) -> bool {
    let last = heard.last().map(|message| message[1]);
    match last {
        Some(3) => !client.iter().any(|message| message.get(1) == Some(&4)),
        Some(9) => !client.iter().any(|message| matches!(message.get(1), Some(&10 | &12))),
        _ => false,
    }
}

#[test]
fn every_session_ends_as_the_index_wants_and_stands_so_in_the_rows() {
    let second = Duration::from_secs(1);
    let stages = Timeouts { authentication: second, key_generation: second * 20, answer: second * 20 };
    let node = CapfNode::start(false, CapfLimits { stages, ..CapfLimits::default() }, &[DEVICE]);
    for (number, vector) in (1..).zip(sessions()) {
        let name = vector["name"].as_str().unwrap();
        let wanted = wanted(name, &vector);
        Scheduled::new(&vector).set(&node);
        let (before, written) = (node.status(), node.audit_count());
        let heard = play(&node, &vector);
        let lines = node.wait_for_lines(number);
        assert_eq!(lines.len(), number, "{name}: one line for each session");
        let commands: Vec<u8> = heard.iter().map(|message| message[1]).collect();
        match wanted.commands {
            Some(expected) => assert_eq!(commands, expected, "{name}"),
            None => {
                let server = recorded(&vector, "server");
                assert_eq!(heard.len(), server.len(), "{name}: {commands:?}");
                for (ours, theirs) in heard.iter().zip(&server) {
                    // another certificate for the same key
                    assert!(
                        ours == theirs || (ours[1] == 9 && theirs[1] == 9),
                        "{name}: {ours:?}, recorded {theirs:?}"
                    );
                }
            }
        }
        let end = heard.last().filter(|message| message[1] == 15).map(|message| message[11]);
        assert_eq!(end, wanted.reason, "{name}");
        // the row is written before the line is
        let status = wanted.status.unwrap_or(before);
        if wanted.status.is_none() {
            assert_eq!(node.audit_count(), written, "{name}: nothing is written");
        }
        assert_eq!(node.status(), status, "{name}: {}", lines[number - 1]);
        let finished = matches!(status, 1 | 3 | 4 | 5);
        let pending = node.enrolment(DEVICE).operation != Operation::None;
        assert_eq!(pending, !finished, "{name}: what failed stays scheduled");
    }
    // every certificate that was given out is known, and one is current
    let lscs = node.runtime.block_on(node.cluster.store().lscs()).unwrap();
    assert!(lscs.iter().all(|lsc| lsc.pem.is_some() || lsc.state == LscState::Superseded));
    assert!(lscs.iter().filter(|lsc| lsc.state == LscState::Confirmed).count() <= 1);
    assert_eq!(node.counters.installed(), 15);
    assert_eq!(node.counters.internal(), 0, "{}", node.log_text());
    let secrets = ["482913", "99999"];
    assert!(secrets.iter().all(|secret| !node.log_text().contains(secret)), "no string is logged");
}
