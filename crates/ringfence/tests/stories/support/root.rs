//! What stories need that tell of several users of a machine.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// A user who owns nothing here.
pub const NOBODY: u32 = 65_534;

/// Only root makes files of other users and becomes one. A test that cannot do that says so; it does not pass.
pub fn needs_root(why: &str) {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test needs root, because {why}: run the tests as root, or as the root of a user namespace that knows other users \
         (`unshare --map-root-user --map-auto cargo xtask test`, with the Debian package uidmap)"
    );
}

/// A folder that every user can get into, with a data directory of `owner` in it.
pub fn place(owner: u32, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(mode)).unwrap();
    chown(&data, Some(owner), Some(owner)).unwrap();
    (folder, data)
}

/// Every file and directory below a folder.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    let mut at = 0;
    while let Some(path) = all.get(at).cloned() {
        at += 1;
        if path.symlink_metadata().unwrap().is_dir() {
            all.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    all
}
