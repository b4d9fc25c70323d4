//! Whose a data directory is, and who else may read it. It belongs to the user that the node runs as, and is open to nobody else.

use std::ffi::CString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::{Gid, Uid, User, fchown, geteuid};

use crate::append::LOG_MODE;
use crate::directory::{DataDirectory, LOG_FOLDER};
use crate::{StoreError, aside};

/// What a person may have put into a data directory before its first start.
const SETTINGS: &str = "ringfence.toml";

/// Files beside the keys that nobody else may read: the database with its companions, and the locks, which anybody who can open one can
/// hold.
const PRIVATE: [&str; 5] = ["ringfence.db", "ringfence.db-wal", "ringfence.db-shm", "serve.ask", "serve.settings"];

/// The user and the group that a directory belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User.
    pub user: u32,
    /// Group.
    pub group: u32,
}

/// A user by number, with the group and the name by which the system knows its other groups.
pub fn account(user: u32) -> Option<(Owner, CString)> {
    let known = User::from_uid(Uid::from_raw(user)).ok().flatten()?;
    Some((Owner { user: known.uid.as_raw(), group: known.gid.as_raw() }, CString::new(known.name).ok()?))
}

/// A user, for people.
pub fn user_name(user: u32) -> String {
    let known = User::from_uid(Uid::from_raw(user)).ok().flatten();
    known.map_or_else(|| format!("number {user}"), |known| known.name)
}

impl DataDirectory {
    /// Whose it is; `None`: it is not there.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn owner(&self) -> Result<Option<Owner>, StoreError> {
        match std::fs::metadata(self.root()) {
            Ok(about) => Ok(Some(Owner { user: about.uid(), group: about.gid() })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::file(self.root(), "cannot be looked at")(error)),
        }
    }

    /// For root: gives it to the user whom the node will run as, and makes it if it is not there. One that holds more than settings
    /// stays whose it is, because what others may have put there does not become the node's.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn hand_to(&self, to: Owner) -> Result<(), StoreError> {
        let failed = || StoreError::file(self.root(), "cannot be given to the user of the node");
        if self.owner()?.is_none() {
            let above = aside::parent(self.root());
            let made = DirBuilder::new().recursive(true).mode(0o755).create(above);
            if !above.as_os_str().is_empty() {
                made.map_err(StoreError::file(above, "cannot be made"))?;
            }
            let made = DirBuilder::new().mode(0o700).create(self.root());
            made.map_err(StoreError::file(self.root(), "cannot be made"))?;
        }
        let handle = open(self.root(), OFlag::O_DIRECTORY).map_err(failed())?;
        let owner = handle.metadata().map_err(failed())?.uid();
        if owner == to.user {
            return Ok(());
        }
        let user = user_name(to.user);
        if owner != 0 {
            return Err(failed()(Error::other(format!(
                "it belongs to user {}, and the node is to run as {user}: name that user, or another directory",
                user_name(owner)
            ))));
        }
        let entries = std::fs::read_dir(self.root()).map_err(failed())?;
        let names = entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>();
        let names = names.map_err(failed())?;
        if names.iter().any(|name| name != SETTINGS) {
            let path = self.root().display();
            return Err(failed()(Error::other(format!(
                "it belongs to root and is not empty: `chown -R {user}: {path}` gives it to {user} with all that is in it"
            ))));
        }
        let (user, group) = (Some(Uid::from_raw(to.user)), Some(Gid::from_raw(to.group)));
        if !names.is_empty() {
            let file = open(&self.root().join(SETTINGS), OFlag::O_NONBLOCK).map_err(failed())?;
            let about = file.metadata().map_err(failed())?;
            if about.is_file() && about.uid() == 0 && about.nlink() == 1 {
                fchown(&file, user, group).map_err(Error::from).map_err(failed())?;
            }
        }
        fchown(&handle, user, group).map_err(Error::from).map_err(failed())
    }

    /// Refuses a directory of another user; root may open any, and what root writes there belongs to that user.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn check_owner(&self) -> Result<(), StoreError> {
        let (me, Some(owner)) = (geteuid(), self.owner()?) else { return Ok(()) };
        if me.is_root() || owner.user == me.as_raw() {
            return Ok(());
        }
        let (owner, me) = (user_name(owner.user), user_name(me.as_raw()));
        let text = format!("it belongs to user {owner}, and this is user {me}: run this as {owner} or as root");
        Err(StoreError::file(self.root(), "is not yours")(Error::new(ErrorKind::PermissionDenied, text)))
    }

    /// Takes away what others may do in a directory that was there before, and with the files in it. What is said of the directory, if it
    /// was open.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn close_to_others(&self) -> Result<Option<String>, StoreError> {
        if self.owner()?.is_none() {
            return Ok(None);
        }
        let before = narrow(self.root(), OFlag::O_DIRECTORY, 0o700)?;
        let mut nodes = vec![self.root().to_owned()];
        nodes.extend(entries(&self.root().join("nodes"))?);
        for node in nodes {
            let locks = entries(&node)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "lock"));
            for file in PRIVATE.iter().map(|name| node.join(name)).chain(locks) {
                narrow(&file, OFlag::empty(), 0o600)?;
            }
            for (folder, mode, of_files) in [("keys", 0o700, 0o600), ("log", LOG_FOLDER, LOG_MODE)] {
                let folder = node.join(folder);
                narrow(&folder, OFlag::O_DIRECTORY, mode)?;
                for file in entries(&folder)? {
                    narrow(&file, OFlag::empty(), of_files)?;
                }
            }
        }
        Ok(before.map(|mode| {
            format!(
                "{} was open to other users (mode {mode:04o}), and keys and passwords are in it: it is 0700 now",
                self.root().display()
            )
        }))
    }
}

/// What stands in a folder; nothing when there is none.
fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>, StoreError> {
    let failed = || StoreError::file(folder, "cannot be read");
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(failed())?.path())).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed()(error)),
    }
}

fn open(path: &Path, more: OFlag) -> std::io::Result<File> {
    let nofollow = if more.contains(OFlag::O_DIRECTORY) { OFlag::empty() } else { OFlag::O_NOFOLLOW };
    OpenOptions::new().read(true).custom_flags((more | nofollow).bits()).open(path)
}

/// Takes from a file of this user what goes beyond `mode`. The mode it had, if it was taken; what is not there, is a link or belongs to
/// somebody else stays as it is.
fn narrow(path: &Path, more: OFlag, mode: u32) -> Result<Option<u32>, StoreError> {
    let failed = || StoreError::file(path, "cannot be closed to other users (chmod)");
    let about = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        about => about.map_err(failed())?,
    };
    let is_folder = more.contains(OFlag::O_DIRECTORY);
    let wanted = if is_folder { about.is_dir() || about.is_symlink() } else { about.is_file() };
    if !wanted || (about.mode() & 0o777 & !mode == 0 && !about.is_symlink()) {
        return Ok(None);
    }
    // Of the open file, so that it is the one that was looked at.
    let handle = open(path, more | OFlag::O_NONBLOCK).map_err(failed())?;
    let about = handle.metadata().map_err(failed())?;
    let before = about.mode() & 0o777;
    if before & !mode == 0 || about.uid() != geteuid().as_raw() {
        return Ok(None);
    }
    match handle.set_permissions(Permissions::from_mode(before & mode)) {
        // Who can only read it changes nothing, and nobody else can write there either.
        Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => Ok(None),
        set => set.map(|()| Some(before)).map_err(failed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{chown, symlink};

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn what_stood_open_is_closed_and_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDirectory::new(folder.path().join("data"));
        assert_eq!((data.owner().unwrap(), data.close_to_others().unwrap()), (None, None));
        data.create().unwrap();
        data.node("pub", true).create().unwrap();
        let sub = data.node("sub1", false);
        sub.create().unwrap();
        let store = crate::Store::open(&data.database(), true).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        transaction.note_audit(1, "admin", "set parameter X", "1").await.unwrap();
        transaction.commit().await.unwrap();
        std::fs::write(data.root().join("log.alarms.log.lock"), "").unwrap();
        std::fs::set_permissions(data.root().join("log.alarms.log.lock"), Permissions::from_mode(0o600)).unwrap();
        let files =
            ["ringfence.db", "ringfence.db-wal", "ringfence.db-shm", "open.lock", "write.lock", "log.alarms.log.lock"];
        for name in files {
            assert_eq!(mode(&data.root().join(name)), 0o600, "{name}");
        }
        let (key, log) = (sub.root().join("keys/a.pem"), sub.log().join("tvs.log"));
        for path in [&key, &log] {
            std::fs::write(path, "").unwrap();
        }
        let outside = folder.path().join("outside");
        std::fs::write(&outside, "").unwrap();
        symlink(&outside, sub.log().join("link")).unwrap();
        let open: Vec<_> = files.iter().map(|name| data.root().join(name)).chain([key.clone(), log.clone()]).collect();
        for path in open.iter().chain([&outside]) {
            std::fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
        }
        std::fs::set_permissions(data.root(), Permissions::from_mode(0o755)).unwrap();
        let said = data.close_to_others().unwrap().unwrap();
        assert!(said.contains("was open to other users (mode 0755)") && said.ends_with("it is 0700 now"), "{said}");
        assert_eq!((mode(data.root()), mode(&log), mode(&outside)), (0o700, 0o640, 0o666));
        assert!(open.iter().filter(|path| **path != log).all(|path| mode(path) == 0o600));
        assert_eq!(data.close_to_others().unwrap(), None, "it is told once");
        store.close().await;
    }

    #[test]
    fn a_directory_is_given_to_the_user_of_the_node_only_when_nothing_is_in_it() {
        assert!(
            geteuid().is_root(),
            "this test gives directories to other users: run it as root, or as the root of a user namespace that knows other users \
             (`unshare --map-root-user --map-auto`)"
        );
        let folder = tempfile::tempdir().unwrap();
        let to = Owner { user: 65_534, group: 65_534 };
        let data = DataDirectory::new(folder.path().join("above/data"));
        data.hand_to(to).unwrap();
        assert_eq!((data.owner().unwrap(), mode(data.root())), (Some(to), 0o700));
        data.hand_to(to).unwrap();
        // What belongs to a third is nobody's to give.
        let error = data.hand_to(Owner { user: 1, group: 1 }).unwrap_err().to_string();
        assert!(error.contains("it belongs to user nobody, and the node is to run as daemon"), "{error}");
        data.check_owner().unwrap();

        let data = DataDirectory::new(folder.path().join("other"));
        data.create().unwrap();
        let settings = data.root().join(SETTINGS);
        std::fs::write(&settings, "").unwrap();
        data.hand_to(to).unwrap();
        assert_eq!(std::fs::metadata(&settings).unwrap().uid(), to.user);

        let data = DataDirectory::new(folder.path().join("full"));
        data.create().unwrap();
        std::fs::write(data.root().join("ringfence.db"), "").unwrap();
        let error = data.hand_to(to).unwrap_err().to_string();
        assert!(error.contains(&format!("`chown -R nobody: {}`", data.root().display())), "{error}");
        chown(data.root(), Some(65_534), Some(65_534)).unwrap();
        data.hand_to(to).unwrap();
    }
}
