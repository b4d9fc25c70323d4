//! What other users of the machine can do to a node and to who types its commands: links under names that come next, locks that are
//! held, directories that stand open. As root the strangers are another user; else what needs one is tried as far as one user can.

use std::os::unix::fs::{lchown, symlink};
use std::process::{Command, Output};

use crate::support::node::Served;

/// A user who owns nothing here.
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn ringfence(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringfence")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `-o NAME --force` in a directory that many may write.
#[test]
fn a_link_of_another_user_leads_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let vector = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/vectors/signed");
    let signed = std::fs::read_dir(vector).unwrap().map(|entry| entry.unwrap().path());
    let signed = signed.filter(|path| path.extension().is_some_and(|end| end == "sgn")).min().unwrap();
    let (secret, link) = (folder.path().join("secret"), folder.path().join("out.xml"));
    std::fs::write(&secret, "of root").unwrap();
    symlink(&secret, &link).unwrap();
    let strip = || ringfence(&["strip", signed.to_str().unwrap(), "-o", link.to_str().unwrap(), "--force"]);
    if is_root() {
        lchown(&link, Some(NOBODY), Some(NOBODY)).unwrap();
        let output = strip();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(said(&output).contains("is a link of another user"), "{output:?}");
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "of root");
        lchown(&link, Some(0), Some(0)).unwrap();
    }
    // A link of one's own is followed, and stays one.
    let output = strip();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_ne!(std::fs::read_to_string(&secret).unwrap(), "of root");
    // What a process that was killed left of this file is named by the next command, and left alone.
    let left = folder.path().join("secret.4711.new");
    std::fs::write(&left, "half").unwrap();
    let output = strip();
    assert!(said(&output).contains("secret.4711.new was left half written"), "{output:?}");
    assert!(left.exists());
}

#[test]
fn what_was_left_half_written_goes_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Served::start(&data, &[]).stop().code(), Some(0));
    let left = ["keys/a.pem.4711.new", "published/ITLFile.tlv.1-2.new", "serve.settings.1.new"];
    for name in left {
        std::fs::write(data.join(name), "half").unwrap();
    }
    // One that a process is at work on: it holds the lock.
    let at_work = data.join("published/CTLFile.tlv.1.new");
    let file = std::fs::File::create(&at_work).unwrap();
    file.lock().unwrap();
    std::fs::write(data.join("keys/readme.new"), "of the administrator").unwrap();
    let node = Served::start(&data, &[]);
    for name in left {
        assert!(!data.join(name).exists(), "{name}");
    }
    assert!(at_work.exists() && data.join("keys/readme.new").exists());
    assert_eq!(node.stop().code(), Some(0));
}
