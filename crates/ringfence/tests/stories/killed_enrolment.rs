//! A node is killed at each of its writes while a phone enrols; the next boot of the phone ends well, and no certificate is
//! unknown.

use std::os::unix::process::ExitStatusExt;

use crate::support::enrolling::{PHONE, Place};
use crate::support::node::Served;

impl Place {
    /// From now on points are counted, and the one with this number kills; 0 kills nobody.
    fn arm(&self, last: usize) {
        std::fs::write(self.file("fault"), last.to_string()).unwrap();
    }

    /// The points that were passed since then.
    fn passed(&self) -> Vec<String> {
        let names = std::fs::read_to_string(self.file("fault.passed")).unwrap_or_default();
        names.lines().map(str::to_owned).collect()
    }

    /// Counts no more; the points that were passed.
    fn disarm(&self) -> Vec<String> {
        std::fs::remove_file(self.file("fault")).unwrap();
        let names = self.passed();
        drop(std::fs::remove_file(self.file("fault.passed")));
        names
    }

    /// What must hold whenever: the database is whole, and what the phone holds is on record.
    fn check(&self) {
        assert_eq!(self.rows("PRAGMA integrity_check"), "ok\n");
        if let Some(held) = self.held() {
            let sql = format!("SELECT count(*) FROM lsc WHERE fingerprint = '{}'", hex::encode(held.sha256()));
            assert_eq!(self.rows(&sql), "1\n", "what the phone holds is on record");
        }
    }
}

/// Enrols a phone once for each write of an enrolment, and kills the node at that write.
fn killed_at_each_write(schedule: &str, least: usize) {
    let place = Place::new();
    let fault = place.file("fault");
    let node = Served::start_armed(&place.data(), &fault);
    place.add_phone();
    // The phone has its lists, its config and a first LSC, so that the rest is the enrolment alone.
    place.admin(&format!("utils capf device schedule {PHONE} install null"));
    place.wait_for_config(&node);
    place.boot(&node);
    assert!(place.boot(&node) && place.held().is_some());
    let mut node = Some(node);

    let mut last = 0;
    let mut writes = usize::MAX;
    while last <= writes {
        let served = node.take().unwrap_or_else(|| Served::start_armed(&place.data(), &fault));
        place.admin(&format!("utils capf device schedule {PHONE} {schedule}"));
        place.wait_for_config(&served);
        place.arm(last);
        let ended_well = place.boot(&served);
        if last == 0 {
            let passed = place.disarm();
            let log = std::fs::read_to_string(place.data().join("log/capf.log")).unwrap();
            assert!(ended_well, "without a kill the phone enrols: {log}");
            writes = passed.len();
            assert!(writes >= least, "{passed:?}");
            place.check();
            node = Some(served);
        } else if place.passed().len() < last {
            // The first count had a write beside the enrolment, such as that of the phones that were seen.
            assert!(ended_well, "without a kill the phone enrols");
            place.disarm();
            place.check();
            node = Some(served);
        } else {
            let status = served.wait();
            assert_eq!(status.signal(), Some(9), "write {last} of {writes}: {status:?}");
            let passed = place.disarm();
            place.check();
            let served = Served::start_armed(&place.data(), &fault);
            place.boot(&served);
            assert!(place.boot(&served), "killed {}", passed.last().unwrap());
            place.check();
            assert_eq!(served.stop().code(), Some(0));
        }
        assert_eq!(place.current(), [hex::encode(place.held().unwrap().sha256())]);
        assert_eq!(place.rows("SELECT tkcertificateoperation, tkcertificatestatus FROM device"), "1|3\n");
        last += 1;
    }
}

/// Deletes the LSC of a phone once for each write of a deletion, and kills the node at that write.
fn deleted_at_each_write(by: &str) {
    let place = Place::new();
    let fault = place.file("fault");
    let node = Served::start_armed(&place.data(), &fault);
    place.add_phone();
    let mut node = Some(node);
    let ended = || place.rows("SELECT tkcertificateoperation, tkcertificatestatus FROM device") == "1|4\n";

    let mut last = 0;
    let mut writes = usize::MAX;
    let mut unheard = 0;
    while last <= writes {
        let served = node.take().unwrap_or_else(|| Served::start_armed(&place.data(), &fault));
        place.admin(&format!("utils capf device schedule {PHONE} install null"));
        place.wait_for_config(&served);
        place.boot(&served);
        assert!(place.boot(&served) && place.held().is_some());
        place.admin(&format!("utils capf device schedule {PHONE} delete {by}"));
        place.wait_for_config(&served);
        place.arm(last);
        place.boot(&served);
        if last == 0 || place.passed().len() < last {
            let passed = place.disarm();
            if last == 0 {
                writes = passed.len();
                assert!(writes >= 1, "{passed:?}");
            }
            node = Some(served);
        } else {
            let status = served.wait();
            assert_eq!(status.signal(), Some(9), "write {last} of {writes}: {status:?}");
            place.disarm();
            place.check();
            let served = Served::start_armed(&place.data(), &fault);
            place.boot(&served);
            if by == "lsc" && place.held().is_none() && !ended() {
                // it has nothing left to authenticate with, and the way out is told
                unheard += 1;
                let shown = place.admin(&format!("utils capf device show {PHONE}"));
                let (_, way) =
                    shown.split_once("if it has deleted its LSC already, it has none to show: ").expect(&shown);
                place.admin(way.lines().next().unwrap());
                place.wait_for_config(&served);
                place.boot(&served);
            }
            node = Some(served);
        }
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !ended() {
            assert!(std::time::Instant::now() < patience, "killed at write {last}");
        }
        assert!(place.held().is_none() && place.current().is_empty());
        place.check();
        last += 1;
    }
    assert!(by != "lsc" || unheard > 0, "a confirmation was lost");
}

#[test]
fn a_deletion_by_null_string() {
    deleted_at_each_write("null");
}

#[test]
fn a_deletion_by_the_lsc_that_is_deleted() {
    deleted_at_each_write("lsc");
}

#[test]
fn by_null_string() {
    killed_at_each_write("install null", 6);
}

#[test]
fn by_the_lsc_it_has() {
    killed_at_each_write("install lsc", 6);
}

#[test]
fn a_phone_that_closed_too_early_finds_back_to_its_encrypted_config() {
    let place = Place::new();
    let node = Served::start(&place.data(), &[]);
    place.add_phone();
    place.admin(&format!("utils capf device schedule {PHONE} install null"));
    place.wait_for_config(&node);
    place.boot(&node);
    assert!(place.boot(&node) && place.held().is_some());
    place.admin(&format!("utils capf device encrypted-config {PHONE} on"));
    place.wait_until_config(&node, "the stub", |stub| stub.contains("<fullConfig>false<"));
    assert!(place.boot(&node), "it opens its config");
    let first = place.current();

    // A renewal that the phone keeps to itself, and somebody takes it back.
    place.admin(&format!("utils capf device schedule {PHONE} install null"));
    place.wait_for_config(&node);
    place.boot_with(&node, &["--misbehave", "close-after-store"]);
    let held = hex::encode(place.held().unwrap().sha256());
    assert_eq!(place.current(), first, "nobody has confirmed anything");
    assert_ne!(first, std::slice::from_ref(&held), "the phone has the new one");
    place.admin(&format!("utils capf device cancel {PHONE}"));
    place.wait_until_config(&node, "nothing is scheduled", |stub| stub.contains("<capfAuthMode>0<"));

    // Its config is encrypted for the one it has no more, so it shows CAPF what it has.
    place.boot(&node);
    assert_eq!(place.current(), [held], "that is a confirmation");
    let hash = format!("<certHash>{}<", hex::encode(place.held().unwrap().md5()));
    place.wait_until_config(&node, "encrypted for the new one", |stub| stub.contains(&hash));
    assert!(place.boot(&node), "it opens its config again");
    assert_eq!(place.rows("SELECT tkcertificateoperation, encryptedconfig FROM device"), "1|t\n");
    assert_eq!(node.stop().code(), Some(0));
}
