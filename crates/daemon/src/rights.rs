//! The user that a node runs as. Started by root it becomes another one before it reads anything from the net, and keeps of root's rights
//! only that to ports below 1024, so that a service that is restarted gets its port again.

use std::ffi::CString;
use std::io;
use std::path::Path;

use nix::sys::prctl::{set_dumpable, set_keepcaps, set_no_new_privs};
use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgroups, setresgid, setresuid};
use ringfence_core::{DataDirectory, Owner, StoreError, caller, regular, user_name};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

use crate::serve::ServeError;
use crate::settings::Settings;

/// Why a node does not become the user that it is to run as.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    /// There is no such user.
    #[error(
        "[serve] user {0}: this machine has no such user; `useradd --system {0}` makes it, or name another one (--user)"
    )]
    NoSuchUser(String),
    /// The data directory.
    #[error(transparent)]
    Directory(#[from] StoreError),
    /// The data directory is that of a user, and the node is to stay root.
    #[error(
        "[serve] user {user}: {path} belongs to user {owner}, who would have root do what he likes there: name {owner}, or nobody"
    )]
    NotRoots {
        /// The user that is wanted.
        user: String,
        /// The data directory.
        path: String,
        /// Whose it is.
        owner: String,
    },
    /// The system refused.
    #[error("cannot become user {user}: {action}: {source}; start the node as {user}, or let root have this right")]
    System {
        /// The user.
        user: String,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What became of the rights of who started the node.
#[derive(Debug)]
pub struct Rights {
    warning: Option<String>,
}

impl Rights {
    /// What the administrator should know.
    #[must_use]
    pub const fn warning(&self) -> &Option<String> {
        &self.warning
    }
}

/// Refuses settings that want another user than this process runs as.
///
/// # Errors
/// [`ServeError::Later`].
pub(crate) fn check(settings: &Settings) -> Result<(), ServeError> {
    let Some(wanted) = &settings.serve.user else { return Ok(()) };
    let me = geteuid().as_raw();
    if find(wanted).is_some_and(|account| account.owner.user == me) {
        return Ok(());
    }
    let me = user_name(me);
    Err(ServeError::Later(format!(
        "[serve] user is {wanted}, and this node runs as {me}: start it as root or as {wanted} (--user or ringfence.toml of the data \
         directory says it for all nodes), or take the setting out"
    )))
}

/// A user to run as.
struct Account {
    owner: Owner,
    /// Its name, where it has one: by it the system knows its groups.
    name: Option<CString>,
}

/// Becomes the user of `--user`, of `[serve] user`, or the one whom the data directory belongs to. Before the first thread is started:
/// the rights of a thread are those of who starts it. Nobody else may look into the memory of this process afterwards.
///
/// # Errors
/// [`RightsError`].
pub fn step_down(data: &Path, option: Option<&str>) -> Result<Rights, RightsError> {
    let warning = if geteuid().is_root() { as_root(data, option)? } else { None };
    set_dumpable(false)
        .map_err(|error| refused(&user_name(geteuid().as_raw()), "prctl(PR_SET_DUMPABLE)")(error.into()))?;
    Ok(Rights { warning })
}

fn as_root(data: &Path, option: Option<&str>) -> Result<Option<String>, RightsError> {
    let directory = DataDirectory::new(data);
    let owner = directory.owner()?;
    // Whatever its user has put there is read with his rights.
    let reader = owner.unwrap_or(Owner { user: 0, group: 0 });
    let in_file = || caller::as_owner(reader, || user_of_file(&data.join("ringfence.toml")));
    let named = match option {
        Some(name) => Some(name.to_owned()),
        None => in_file().map_err(refused(&user_name(reader.user), "reading ringfence.toml"))?,
    };
    let account = match (&named, owner) {
        (Some(name), _) => Some(find(name).ok_or_else(|| RightsError::NoSuchUser(name.clone()))?),
        (None, Some(owner)) => Some(account_of(owner)),
        (None, None) => None,
    };
    let path = data.display().to_string();
    match account {
        Some(account) if account.owner.user != 0 => {
            directory.hand_to(account.owner)?;
            become_user(&account)?;
            Ok(None)
        }
        _ => match (named, owner) {
            (Some(user), Some(owner)) if owner.user != 0 => {
                Err(RightsError::NotRoots { user, path, owner: user_name(owner.user) })
            }
            _ => Ok(Some(format!(
                "this node runs as root, to whom {path} belongs: whoever finds a hole in it has the whole machine. `useradd --system \
                 ringfence` and `chown -R ringfence: {path}` make the next start run as that user"
            ))),
        },
    }
}

/// The user that `ringfence.toml` names. What is wrong with the file is said later, by who may see no more of it than its user.
fn user_of_file(path: &Path) -> Option<String> {
    let bytes = regular::read_through_links(path).ok()?;
    let table: toml::Table = std::str::from_utf8(&bytes).ok()?.parse().ok()?;
    Some(table.get("serve")?.get("user")?.as_str()?.to_owned())
}

/// A user by name or number.
fn find(name: &str) -> Option<Account> {
    let by_name = User::from_name(name).ok().flatten();
    let by_number = || User::from_uid(Uid::from_raw(name.parse().ok()?)).ok().flatten();
    by_name.or_else(by_number).map(|user| account(&user))
}

fn account(user: &User) -> Account {
    let owner = Owner { user: user.uid.as_raw(), group: user.gid.as_raw() };
    Account { owner, name: CString::new(user.name.as_str()).ok() }
}

/// The user whom a directory belongs to. In a container it may have no name, and then no group but that of the directory.
fn account_of(owner: Owner) -> Account {
    let known = User::from_uid(Uid::from_raw(owner.user)).ok().flatten();
    known.map_or(Account { owner, name: None }, |user| account(&user))
}

/// Gives up root for good: groups first, because a user may not choose them; then the user, with the rights kept; then all rights but one.
fn become_user(account: &Account) -> Result<(), RightsError> {
    let name = user_name(account.owner.user);
    let failed = |action| refused(&name, action);
    let (user, group) = (Uid::from_raw(account.owner.user), Gid::from_raw(account.owner.group));
    let groups = account.name.as_ref().map_or_else(|| setgroups(&[group]), |name| initgroups(name, group));
    groups.map_err(|error| failed("groups")(error.into()))?;
    setresgid(group, group, group).map_err(|error| failed("setresgid(2)")(error.into()))?;
    set_keepcaps(true).map_err(|error| failed("prctl(PR_SET_KEEPCAPS)")(error.into()))?;
    setresuid(user, user, user).map_err(|error| failed("setresuid(2)")(error.into()))?;
    let had = capabilities(None).map_err(|error| failed("capget(2)")(error.into()))?;
    let kept = had.permitted & CapabilitySet::NET_BIND_SERVICE;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(|error| failed("capset(2)")(error.into()))?;
    set_keepcaps(false).map_err(|error| failed("prctl(PR_SET_KEEPCAPS)")(error.into()))?;
    // No program that this one might start gets more either.
    set_no_new_privs().map_err(|error| failed("prctl(PR_SET_NO_NEW_PRIVS)")(error.into()))?;
    if setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok() {
        let text = "root could be taken back; this is a fault of the system";
        return Err(failed("setresuid(2)")(io::Error::other(text)));
    }
    Ok(())
}

fn refused(user: &str, action: &'static str) -> impl FnOnce(io::Error) -> RightsError + use<> {
    let user = user.to_owned();
    move |source| RightsError::System { user, action, source }
}
