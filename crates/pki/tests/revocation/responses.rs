use pki::Certificate;
use pki::revocation::RevocationStatus;
use pki::revocation::ocsp::{NONCE, RESPONSE_LIMIT, request, status};

use crate::authority::{Authority, openssl};
use crate::{DAY, soon, unknown};

const OURS: [u8; NONCE] = [7; NONCE];

struct Asked {
    ca: Authority,
    good: Certificate,
    bad: Certificate,
    now: u64,
}

impl Asked {
    fn new() -> Self {
        let ca = Authority::root("Company Root");
        let good = ca.issue("good", "");
        let bad = ca.issue("bad", "");
        ca.revoke("bad", "superseded");
        let now = soon(&good);
        Self { ca, good, bad, now }
    }

    /// The response of `openssl ocsp`. The signer is `ca`, or the name of a certificate that the CA has made.
    fn response(&self, of: &Certificate, signer: &str, options: &[&str]) -> Vec<u8> {
        let folder = self.ca.path();
        std::fs::write(folder.join("request.der"), request(of, &self.ca.certificate, &OURS).unwrap()).unwrap();
        let [pem, key] = ["pem", "key"].map(|end| format!("{signer}.{end}"));
        let files = ["-index", "index.txt", "-CA", "ca.pem", "-reqin", "request.der", "-respout", "response.der"];
        openssl(folder, &[&["ocsp"], &files[..], &["-rsigner", &pem, "-rkey", &key], options].concat());
        std::fs::read(folder.join("response.der")).unwrap()
    }

    fn says(&self, of: &Certificate, response: &[u8]) -> RevocationStatus {
        status(of, &self.ca.certificate, &[], &OURS, response, self.now)
    }
}

#[test]
fn good_revoked_and_unknown() {
    let asked = Asked::new();
    let good = asked.response(&asked.good, "ca", &["-nmin", "5"]);
    assert_eq!(asked.says(&asked.good, &good), RevocationStatus::Good);
    assert!(unknown(asked.says(&asked.bad, &good)).contains("about other certificates"));
    // Without a word on the next one it counts for a day.
    assert_eq!(asked.says(&asked.good, &asked.response(&asked.good, "ca", &[])), RevocationStatus::Good);
    let bad = asked.response(&asked.bad, "ca", &["-nmin", "5"]);
    let RevocationStatus::Revoked { reason, .. } = asked.says(&asked.bad, &bad) else { panic!("it is revoked") };
    assert_eq!(reason, Some("superseded"));
    // Not in the index of the responder.
    let stranger = Authority::root("Company Root");
    let twin = stranger.issue("twin", "");
    std::fs::write(asked.ca.path().join("index.txt"), "").unwrap();
    let lost = asked.response(&asked.good, "ca", &["-nmin", "5"]);
    assert!(unknown(asked.says(&asked.good, &lost)).contains("does not know"));
    // Another CA of that name, and one that is asked about a certificate of others.
    let reason = unknown(status(&twin, &stranger.certificate, &[], &OURS, &good, asked.now));
    assert!(reason.contains("not signed by"), "{reason}");
    assert!(unknown(asked.says(&twin, &good)).contains("not issued by"));
}

#[test]
fn who_may_sign() {
    let asked = Asked::new();
    asked.ca.issue("responder", "extendedKeyUsage=OCSPSigning");
    let good = asked.response(&asked.good, "responder", &["-nmin", "5"]);
    assert_eq!(asked.says(&asked.good, &good), RevocationStatus::Good);
    // By its key only, without its certificate in the response: nobody to ask for its purpose.
    let bare = asked.response(&asked.good, "responder", &["-nmin", "5", "-resp_no_certs"]);
    assert!(unknown(asked.says(&asked.good, &bare)).contains("not signed by"));
    // Another certificate of the same CA may not.
    let server = asked.ca.issue("server", "extendedKeyUsage=serverAuth");
    let forged = asked.response(&asked.good, "server", &["-nmin", "5"]);
    assert!(unknown(asked.says(&asked.good, &forged)).contains("not signed by"));
    // One that an administrator trusts may when that is its purpose.
    let elsewhere = Authority::root("Elsewhere");
    let trusted = elsewhere.issue("trusted", "extendedKeyUsage=OCSPSigning");
    for end in ["pem", "key"] {
        let file = format!("trusted.{end}");
        std::fs::copy(elsewhere.path().join(&file), asked.ca.path().join(&file)).unwrap();
    }
    let good = asked.response(&asked.good, "trusted", &["-nmin", "5"]);
    assert!(unknown(asked.says(&asked.good, &good)).contains("not signed by"));
    let issuer = &asked.ca.certificate;
    let of = |trusted: &[Certificate]| status(&asked.good, issuer, trusted, &OURS, &good, asked.now);
    assert_eq!(of(std::slice::from_ref(&trusted)), RevocationStatus::Good);
    unknown(of(std::slice::from_ref(&server)));
    // Not after its time.
    let late = asked.now + 731 * DAY;
    unknown(status(&asked.good, issuer, &[trusted], &OURS, &good, late));
}

#[test]
fn what_is_not_believed() {
    let asked = Asked::new();
    let good = asked.response(&asked.good, "ca", &["-nmin", "5"]);
    let issuer = &asked.ca.certificate;
    let at = |nonce: &[u8; NONCE], now| status(&asked.good, issuer, &[], nonce, &good, now);
    assert!(unknown(at(&[8; NONCE], asked.now)).contains("nonce differs"));
    assert!(unknown(at(&OURS, asked.now + DAY)).contains("out of date"));
    assert!(unknown(at(&OURS, asked.now - DAY)).contains("in the future"));
    let bare = asked.response(&asked.good, "ca", &["-nmin", "5", "-resp_no_certs"]);
    assert_eq!(asked.says(&asked.good, &bare), RevocationStatus::Good);
    for place in (0..bare.len()).step_by(5) {
        let mut changed = bare.clone();
        changed[place] ^= 1;
        let status = asked.says(&asked.good, &changed);
        assert!(matches!(status, RevocationStatus::Unknown(_)), "byte {place}: {status:?}");
    }
    // The answers without a signature.
    for (code, name) in [(1, "malformedRequest"), (2, "internalError"), (3, "tryLater"), (6, "unauthorized")] {
        assert!(unknown(asked.says(&asked.good, &[0x30, 3, 0x0a, 1, code])).contains(name));
    }
    for rubbish in [&b""[..], b"<html>", &[0x30, 3, 0x0a, 1, 0], &[0x30, 3, 0x0a, 1, 99], &good[..good.len() - 1]] {
        unknown(asked.says(&asked.good, rubbish));
    }
    assert!(unknown(asked.says(&asked.good, &vec![0x30; RESPONSE_LIMIT + 1])).contains("more than"));
}
