//! Whether the way to a file leads through a directory, as the system walks it (path_resolution(7)): by links and `..` too, and under
//! whatever name the directory has. Comparing texts, or where the way ends, is not enough: who owns the directory may lay a link there.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Links that are followed on the way, as the system does.
const LINKS: usize = 40;

/// Whether a name is looked up in the directory on the way to `path`, or the way ends at the directory itself. What is not there yet is
/// no link.
pub(crate) fn leads_through(directory: &Path, path: &Path) -> std::io::Result<bool> {
    let wanted = directory.metadata().map(|about| (about.dev(), about.ino()))?;
    let is_it = |path: &Path| path.metadata().is_ok_and(|about| (about.dev(), about.ino()) == wanted);
    let mut left = parts(&std::path::absolute(path)?);
    let (mut at, mut links) = (PathBuf::from("/"), 0);
    while let Some(part) = left.pop() {
        if part == OsStr::new("..") {
            at.pop();
            continue;
        }
        if is_it(&at) {
            return Ok(true);
        }
        let next = at.join(&part);
        let Ok(target) = std::fs::read_link(&next) else {
            at = next;
            continue;
        };
        links += 1;
        if links > LINKS {
            // The system does not open it either.
            return Ok(true);
        }
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        left.extend(parts(&target));
    }
    Ok(is_it(&at))
}

/// The names of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().map(|part| part.as_os_str()).filter(|part| *part != "/" && *part != ".");
    names.rev().map(OsStr::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_way_into_a_directory_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["data", "data/sub", "data2", "away"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        symlink("data", at("alias")).unwrap();
        symlink(at("data/sub"), at("deep")).unwrap();
        symlink("../away", at("data/out")).unwrap();
        symlink("alias/out", at("round")).unwrap();
        symlink("loop", at("loop")).unwrap();
        let through = |path: &str| {
            let found = ["data", "alias"].map(|data| leads_through(&at(data), &at(path)).unwrap());
            assert_eq!(found[0], found[1], "{path}: the same under both names of the directory");
            found[0]
        };
        for path in [
            "data",
            "data/.",
            "data/list",
            "data/new/list",
            "alias/list",
            "deep/list",
            "data2/../data/list",
            "nothing/../data/list",
            "data/out/list",
            "data/sub/../../away/list",
            "alias/out/list",
            "round/list",
            "loop/list",
        ] {
            assert!(through(path), "{path}");
        }
        for path in
            ["list", "data2/list", "data.csv", "away/list", "data/../away/list", "nothing/list", "new/data/list"]
        {
            assert!(!through(path), "{path}");
        }
    }
}
