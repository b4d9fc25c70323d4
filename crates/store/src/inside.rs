//! Whether the way to a file leads through a directory, as the system walks it (path_resolution(7)): by links and `..` too, and under
//! whatever name the directory has. Comparing texts, or where the way ends, is not enough: who owns the directory may lay a link there.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::ownership::Owner;

/// Links that are followed on the way, as the system does.
pub(crate) const LINKS: usize = 40;

/// What the way to a path leads through first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing of others.
    Own,
    /// The directory: a name is looked up there, or the way ends there.
    Directory,
    /// A directory that a link of this user stands for.
    LinkOf(Owner),
    /// No such one, but the last part is a link of this user.
    EndsAtLinkOf(Owner),
}

/// What is not there yet is no link. Of links of other users the first is told of; `/proc/self` is nobody's.
pub(crate) fn way(directory: Option<&Path>, path: &Path) -> std::io::Result<Way> {
    let wanted = directory.map(|path| path.metadata().map(|about| (about.dev(), about.ino()))).transpose()?;
    let is_it = |path: &Path| {
        wanted.is_some_and(|wanted| path.metadata().is_ok_and(|about| (about.dev(), about.ino()) == wanted))
    };
    let others = |link: &Path| {
        if of_the_kernel(link) {
            return None;
        }
        let about = link.symlink_metadata().ok()?;
        let me = geteuid();
        let other = me.is_root() && about.uid() != 0;
        other.then(|| Owner { user: about.uid(), group: about.gid() })
    };
    let (mut link_of, mut ends_at_link_of) = (None, None);
    let mut left = parts(&std::path::absolute(path)?);
    let (mut at, mut links) = (PathBuf::from("/"), 0);
    while let Some(part) = left.pop() {
        if part == OsStr::new("..") {
            at.pop();
            continue;
        }
        if is_it(&at) {
            return Ok(Way::Directory);
        }
        let next = at.join(&part);
        let Ok(target) = std::fs::read_link(&next) else {
            at = next;
            continue;
        };
        links += 1;
        if links > LINKS {
            // The system does not open it either.
            return Err(nix::errno::Errno::ELOOP.into());
        }
        let first = if left.is_empty() { &mut ends_at_link_of } else { &mut link_of };
        if first.is_none() {
            *first = others(&next);
        }
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        left.extend(parts(&target));
    }
    Ok(match (link_of, ends_at_link_of) {
        _ if is_it(&at) => Way::Directory,
        (Some(owner), _) => Way::LinkOf(owner),
        (None, Some(owner)) => Way::EndsAtLinkOf(owner),
        (None, None) => Way::Own,
    })
}

/// Links that the system makes for each process alike. Seen from a container they may belong to a user whom it does not know.
pub(crate) fn of_the_kernel(link: &Path) -> bool {
    ["/proc/self", "/proc/thread-self"].iter().any(|name| link == Path::new(name))
}

/// The names of a path, the last one first.
pub(crate) fn parts(path: &Path) -> Vec<OsString> {
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
            let way = |data| way(Some(&at(data)), &at(path)).map_or(true, |way| way == Way::Directory);
            let found = ["data", "alias"].map(way);
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
