use pki::revocation::crl::{LIST_LIMIT, status};
use pki::revocation::{Addresses, RevocationStatus};

use crate::authority::Authority;
use crate::{DAY, soon, unknown};

#[test]
fn good_and_revoked() {
    let ca = Authority::root("Company Root");
    let good = ca.issue("good", "");
    let bad = ca.issue("bad", "");
    ca.revoke("bad", "keyCompromise");
    let now = soon(&good);
    // Version 1, which has no reasons; version 2 as PEM and DER.
    let first = ca.list(None);
    assert_eq!(status(&good, &ca.certificate, &first, now), RevocationStatus::Good);
    let second = ca.list(Some("second"));
    let (_, der) = der::pem::decode_vec(&second).unwrap();
    for list in [&second, &der] {
        assert_eq!(status(&good, &ca.certificate, list, now), RevocationStatus::Good);
        let RevocationStatus::Revoked { since, reason } = status(&bad, &ca.certificate, list, now) else {
            panic!("it is revoked")
        };
        assert_eq!(reason, Some("keyCompromise"));
        assert!(since.abs_diff(now) < 600, "{since}");
    }
    assert!(matches!(status(&bad, &ca.certificate, &first, now), RevocationStatus::Revoked { .. }));

    // An old list no longer says that one is good; revoked stays revoked.
    let late = now + 31 * DAY;
    assert!(unknown(status(&good, &ca.certificate, &second, late)).contains("the list is out of date"));
    assert!(matches!(status(&bad, &ca.certificate, &second, late), RevocationStatus::Revoked { .. }));
    assert!(unknown(status(&good, &ca.certificate, &second, now - DAY)).contains("in the future"));
}

/// A certificate of another CA system may have any number, and its entry must not take the words about all others with it.
#[test]
fn entries_about_others_may_be_what_they_are() {
    let ca = Authority::root("Company Root");
    let good = ca.issue("good", "");
    let bad = ca.issue("bad", "");
    ca.revoke("bad", "superseded");
    let index = ca.path().join("index.txt");
    let mut rows = std::fs::read_to_string(&index).unwrap();
    for (date, serial) in [
        ("260101000000Z", "7F".repeat(32)),
        ("260101000000Z", "FF".repeat(21)),
        ("500101000000Z", "0500".to_owned()),
        ("260101000000Z", "-0501".to_owned()),
    ] {
        rows.push_str(&format!("R\t300101000000Z\t{date},keyCompromise\t{serial}\tunknown\t/CN=other\n"));
    }
    std::fs::write(&index, rows).unwrap();
    let now = soon(&good);
    for list in [ca.list(None), ca.list(Some("second"))] {
        assert_eq!(status(&good, &ca.certificate, &list, now), RevocationStatus::Good);
        assert!(matches!(status(&bad, &ca.certificate, &list, now), RevocationStatus::Revoked { .. }));
        let explained = [&b"Certificate Revocation List (CRL):\n    Version 2\n"[..], &list].concat();
        assert_eq!(status(&good, &ca.certificate, &explained, now), RevocationStatus::Good);
    }
}

#[test]
fn what_is_not_believed() {
    let ca = Authority::root("Company Root");
    let good = ca.issue("good", "");
    let below = ca.issue("below", "basicConstraints=critical,CA:TRUE");
    let now = soon(&good);
    // A CA of the same name with another key, and one of another name.
    let twin = Authority::root("Company Root");
    let reason = unknown(status(&good, &ca.certificate, &twin.list(Some("second")), now));
    assert!(reason.contains("signature of the list"), "{reason}");
    let other = Authority::root("Other Root");
    assert!(unknown(status(&good, &ca.certificate, &other.list(None), now)).contains("of another CA"));
    // Scopes.
    assert_eq!(status(&good, &ca.certificate, &ca.list(Some("users")), now), RevocationStatus::Good);
    assert!(unknown(status(&below, &ca.certificate, &ca.list(Some("users")), now)).contains("another kind"));
    assert!(unknown(status(&good, &ca.certificate, &ca.list(Some("cas")), now)).contains("another kind"));
    assert!(unknown(status(&good, &ca.certificate, &ca.list(Some("part")), now)).contains("another part"));
    assert!(unknown(status(&good, &ca.certificate, &ca.list(Some("strange")), now)).contains("1.2.3.4"));
    let parted = ca.issue("parted", "crlDistributionPoints=URI:http://127.0.0.1/part.crl");
    assert_eq!(status(&parted, &ca.certificate, &ca.list(Some("part")), now), RevocationStatus::Good);
    // Every byte of a list counts.
    let (_, list) = der::pem::decode_vec(&ca.list(Some("second"))).unwrap();
    for place in (0..list.len()).step_by(7) {
        let mut changed = list.clone();
        changed[place] ^= 1;
        let status = status(&good, &ca.certificate, &changed, now);
        assert!(matches!(status, RevocationStatus::Unknown(_)), "byte {place}: {status:?}");
    }
    for rubbish in [&b""[..], b"404 Not Found", b"-----BEGIN X509 CRL-----\nAAAA\n", &list[..list.len() - 1]] {
        unknown(status(&good, &ca.certificate, rubbish, now));
    }
    assert!(unknown(status(&good, &ca.certificate, &vec![0x30; LIST_LIMIT + 1], now)).contains("more than"));
}

#[test]
fn where_to_ask() {
    let ca = Authority::root("Company Root");
    let access = "authorityInfoAccess=OCSP;URI:http://127.0.0.1:8888/ocsp,caIssuers;URI:http://127.0.0.1/ca.cer,\
                  OCSP;URI:https://127.0.0.1/\n";
    let points = "crlDistributionPoints=URI:ldap:///CN=ca,URI:http://127.0.0.1/a.crl\n";
    let named = ca.issue("named", &format!("{access}{points}"));
    let found = Addresses::of(&named);
    assert_eq!(found.responders, ["http://127.0.0.1:8888/ocsp"]);
    assert_eq!(found.lists, ["http://127.0.0.1/a.crl"]);
    assert_eq!(Addresses::of(&ca.certificate), Addresses::default());
}
