//! Output files are whole or not there.

use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;

use crate::program::{Run, arg, bytes, command, finish, names};

fn strip_to(output: &Path, force: bool) -> Run {
    let mut line = command();
    line.args(["strip", &arg("signed/g3-tones.xml.sgn"), "-o"]).arg(output);
    if force {
        line.arg("--force");
    }
    finish(&mut line)
}

#[test]
fn a_file_that_exists_is_only_replaced_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tones.xml");
    std::fs::write(&path, "mine").unwrap();
    let line = format!("{}: exists already; give --force to replace it", path.display());
    assert_eq!(strip_to(&path, false).refuses(), line);
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    strip_to(&path, true).ends(0);
    assert_eq!(std::fs::read(&path).unwrap(), bytes("signed/g3-tones.xml"));
    assert_eq!(names(folder.path()), ["tones.xml"], "nothing is left aside");
}

#[test]
fn a_directory_is_no_target() {
    let folder = tempfile::tempdir().unwrap();
    for force in [false, true] {
        let run = strip_to(folder.path(), force);
        assert!(run.refuses().ends_with("is a directory, give the name of a file"), "{}", run.err);
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_folder_that_is_missing_or_takes_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let run = strip_to(&folder.path().join("missing/tones.xml"), false);
    assert!(run.refuses().contains("No such file or directory"), "{}", run.err);
    // The kernel's own folder takes none, not even from root.
    let run = strip_to(Path::new("/proc/tones.xml"), false);
    assert!(run.refuses().starts_with("/proc/tones.xml: "), "{}", run.err);
    assert!(!Path::new("/proc/tones.xml").exists());
}

/// A device is written into, never replaced, and its error is ours.
#[test]
fn a_full_device() {
    let run = strip_to(Path::new("/dev/full"), true);
    assert!(run.refuses().contains("No space left on device"), "{}", run.err);
    assert!(Path::new("/dev/full").metadata().unwrap().file_type().is_char_device());
    strip_to(Path::new("/dev/null"), false).ends(0);
    assert!(Path::new("/dev/null").metadata().unwrap().file_type().is_char_device());
}

#[test]
fn a_link_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.xml"), folder.path().join("link.xml"));
    std::fs::write(&real, "old").unwrap();
    symlink(&real, &link).unwrap();
    strip_to(&link, false);
    assert_eq!(std::fs::read(&real).unwrap(), b"old");
    strip_to(&link, true).ends(0);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read(&real).unwrap(), bytes("signed/g3-tones.xml"));
}

/// Files for phones get the rights that the umask leaves.
#[test]
fn published_files_can_be_read_by_a_file_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tones.xml");
    let program = assert_cmd::cargo::cargo_bin!("ringfence");
    let script = format!(
        "umask 022; exec '{}' strip '{}' -o '{}'",
        program.display(),
        arg("signed/g3-tones.xml.sgn"),
        path.display()
    );
    finish(assert_cmd::Command::new("sh").args(["-c", &script])).ends(0);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
}

/// No damaged file, by no tool, leaves anything in the folder.
#[test]
fn damaged_input_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let key = arg("certs/lsc-2048.key.pem");
    let mut runs = 0;
    for name in ["header-cut.sgn", "empty.sgn", "header-length-max.sgn", "signature-length-max.sgn", "plain-xml.sgn"] {
        let file = arg(&format!("damaged-signed/{name}"));
        finish(command().args(["strip", &file, "-o"]).arg(&output)).refuses();
        finish(command().args(["decrypt", &file, "--key", &key, "-o"]).arg(&output)).refuses();
        runs += 2;
        assert!(names(folder.path()).is_empty(), "{name}");
    }
    assert_eq!(runs, 10);
}
