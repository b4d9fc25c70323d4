//! Whose rights a command of root has. Whoever owns a data directory may put links, pipes and databases there as he likes; so a command
//! that root gives works there with the rights of that user, and has root's only for what root named elsewhere: a file to read, a place to write.
//!
//! The rights of a thread are those of the one that starts it, and Linux keeps them for each. [`settle`] is called before there is another.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;

use nix::sys::prctl::set_dumpable;
use nix::unistd::{getegid, geteuid, getgrouplist, getgroups, getuid};
use rustix::fs::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::StoreError;
use crate::directory::DataDirectory;
use crate::inside::{Way, way};
use crate::ownership::{Owner, account};

/// A user and his groups.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    user: u32,
    group: u32,
    groups: Vec<u32>,
}

/// Who gave the command, as whom it works, and where.
#[derive(Debug)]
struct Settled {
    caller: Identity,
    node: Identity,
    data: DataDirectory,
}

/// Nothing while the command works as who gave it.
static SETTLED: OnceLock<Settled> = OnceLock::new();

/// Root, once it has done something as another user without [`settle`].
static ROOT: OnceLock<Identity> = OnceLock::new();

impl Identity {
    /// Whose rights this thread has.
    fn of_this_thread() -> std::io::Result<Self> {
        let groups = getgroups()?.into_iter().map(|group| group.as_raw()).collect();
        Ok(Self { user: geteuid().as_raw(), group: getegid().as_raw(), groups })
    }

    /// A user whom the system may know by no name, in a container, and then by no group but this one.
    fn of(owner: Owner) -> std::io::Result<Self> {
        let Some((owner, name)) = account(owner.user) else {
            return Ok(Self { user: owner.user, group: owner.group, groups: vec![owner.group] });
        };
        let groups = getgrouplist(&name, nix::unistd::Gid::from_raw(owner.group))?;
        Ok(Self {
            user: owner.user,
            group: owner.group,
            groups: groups.into_iter().map(|group| group.as_raw()).collect(),
        })
    }

    /// Gives this thread these rights. Its real user stays: who may signal it does not change.
    fn put_on(&self) -> std::io::Result<()> {
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        let user = |user| set_thread_res_uid(None, Uid::from_raw(user), None);
        // Root may choose groups, a user may not: whoever works as one user and goes on as another is root in between.
        if self.user == 0 || getuid().is_root() {
            user(0)?;
        }
        set_thread_groups(&groups)?;
        set_thread_res_gid(None, Gid::from_raw(self.group), None)?;
        if self.user != 0 {
            user(self.user)?;
        }
        // A change of the user may open the memory of the process to him.
        Ok(set_dumpable(false)?)
    }
}

/// Takes root's rights back when it is dropped, however the work ended.
struct Worn(Identity);

impl Worn {
    fn put_on(new: &Identity) -> std::io::Result<Self> {
        let before = Self(Identity::of_this_thread()?);
        new.put_on()?;
        Ok(before)
    }
}

impl Drop for Worn {
    fn drop(&mut self) {
        if self.0.put_on().is_err() {
            // With the wrong rights nothing may go on.
            std::process::abort();
        }
    }
}

/// For a command that acts on a data directory: works from now on, but for [`as_caller`], as the user whom it belongs to. Who is not root,
/// and root in a directory of root's, goes on as he is.
///
/// # Errors
/// [`StoreError::File`]: the system does not let root become that user.
pub fn settle(data: &DataDirectory) -> Result<(), StoreError> {
    let owner = data.owner()?.filter(|owner| geteuid().is_root() && owner.user != 0 && SETTLED.get().is_none());
    let Some(owner) = owner else { return Ok(()) };
    let settled = || {
        let (caller, node) = (Identity::of_this_thread()?, Identity::of(owner)?);
        node.put_on()?;
        Ok(Settled { caller, node, data: data.clone() })
    };
    let both = settled().map_err(|error: std::io::Error| {
        let user = crate::ownership::user_name(owner.user);
        let text =
            format!("it belongs to user {user}, and root cannot work as {user} here: {error}; run this as {user}");
        StoreError::file(data.root(), "cannot be opened")(std::io::Error::new(error.kind(), text))
    })?;
    // Nobody else sets it: this thread is the only one.
    let _first = SETTLED.set(both);
    Ok(())
}

/// Does what concerns a file that the caller named, with his rights. For work without await points on one thread.
///
/// # Errors
/// What the system says.
pub fn as_caller<T>(work: impl FnOnce() -> T) -> std::io::Result<T> {
    worn(SETTLED.get().map(|settled| &settled.caller), work)
}

/// The other way round: work in the data directory that stands inside of something that is done as the caller, or as the owner of a link. Before
/// [`settle`], and where that changes nothing, root does it.
///
/// # Errors
/// What the system says.
pub fn as_node<T>(work: impl FnOnce() -> T) -> std::io::Result<T> {
    let root = || ROOT.get().filter(|_| getuid().is_root());
    worn(SETTLED.get().map(|settled| &settled.node).or_else(root), work)
}

/// Does something as another user, for root; anybody else does it as he is.
///
/// # Errors
/// What the system says.
pub fn as_owner<T>(owner: Owner, work: impl FnOnce() -> T) -> std::io::Result<T> {
    let other = (geteuid().is_root() && owner.user != 0).then(|| Identity::of(owner)).transpose()?;
    if other.is_some() && ROOT.get().is_none() {
        // Another thread of root's may have been first, with the same.
        let _first = ROOT.set(Identity::of_this_thread()?);
    }
    worn(other.as_ref(), work)
}

fn worn<T>(identity: Option<&Identity>, work: impl FnOnce() -> T) -> std::io::Result<T> {
    let other = identity.filter(|identity| identity.user != geteuid().as_raw());
    let _worn = other.map(Worn::put_on).transpose()?;
    Ok(work())
}

/// Does what concerns a file that was named in this command: with the rights of the caller, but with those of the user of the data
/// directory where the way to it leads through that, and with those of whom a link belongs to that is followed on the way, the last part
/// included. Before [`settle`] nobody knows which directory the data directory is. What is read is opened by [`crate::named`].
///
/// # Errors
/// What the system says.
pub fn with_rights_to<T>(path: &Path, work: impl FnOnce() -> T) -> std::io::Result<T> {
    on_the_way(path, true, work)
}

/// The same for who looks at the last part himself, and follows no link of others there.
///
/// # Errors
/// What the system says.
pub fn with_rights_beside<T>(path: &Path, work: impl FnOnce() -> T) -> std::io::Result<T> {
    on_the_way(path, false, work)
}

fn on_the_way<T>(path: &Path, follows_the_last: bool, work: impl FnOnce() -> T) -> std::io::Result<T> {
    let settled = SETTLED.get();
    if settled.is_some_and(|settled| settled.data.holds(path)) {
        return as_node(work);
    }
    as_caller(|| match way(None, path)? {
        Way::LinkOf(owner) => as_owner(owner, work),
        Way::EndsAtLinkOf(owner) if follows_the_last => as_owner(owner, work),
        Way::Own | Way::Directory | Way::EndsAtLinkOf(_) => Ok(work()),
    })?
}

/// The data directory in which this command works as its user, by device and number, and that user.
pub(crate) fn settled_owner() -> Option<((u64, u64), Owner)> {
    let Settled { node, data, .. } = SETTLED.get()?;
    let about = data.root().metadata().ok()?;
    Some(((about.dev(), about.ino()), Owner { user: node.user, group: node.group }))
}

/// [`with_rights_to`] for work of this crate.
///
/// # Errors
/// [`StoreError::File`]; that of the work.
pub fn at_named<T>(path: &Path, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    with_rights_to(path, work).map_err(StoreError::file(path, "cannot be opened"))?
}

impl DataDirectory {
    /// Whether the way to a path leads through this directory, under whatever name; so it does when that cannot be told.
    pub fn holds(&self, path: &Path) -> bool {
        let way = as_caller(|| way(Some(self.root()), path)).and_then(|way| way);
        way.map_or(true, |way| way == Way::Directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a thread of its own: rights are those of a thread.
    #[test]
    fn work_of_another_user_has_his_rights_and_they_end_with_it() {
        let owner = Owner { user: 65_534, group: 65_534 };
        let before = Identity::of_this_thread().unwrap();
        let inside = as_owner(owner, || Identity::of_this_thread().unwrap()).unwrap();
        let wanted = if before.user == 0 {
            Identity { user: 65_534, group: 65_534, groups: vec![65_534] }
        } else {
            before.clone()
        };
        assert_eq!(inside, wanted);
        assert_eq!(Identity::of_this_thread().unwrap(), before);
        // A thread that stops at a surprise has its rights back too.
        let stopped = std::panic::catch_unwind(|| as_owner(owner, || panic!("a surprise")));
        assert!(stopped.is_err());
        assert_eq!(Identity::of_this_thread().unwrap(), before);
    }

    /// What a file is filled from belongs to the node, and the file may lie behind a link of somebody else.
    #[test]
    fn who_works_as_one_user_goes_on_as_another() {
        let of = |user| Owner { user, group: user };
        let before = Identity::of_this_thread().unwrap();
        if before.user != 0 {
            return;
        }
        let seen = || Identity::of_this_thread().unwrap();
        let node = Identity { user: 4711, group: 4711, groups: vec![4711] };
        let (between, root) =
            as_owner(of(65_534), || (worn(Some(&node), seen).unwrap(), as_node(seen).unwrap())).unwrap();
        assert_eq!((between, root), (node, before.clone()));
        assert_eq!(seen(), before);
    }
}
