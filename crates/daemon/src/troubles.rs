//! What a node does again and again, and cannot do for a while: a full disk, a data directory that was taken away. Said when it begins, when
//! the reason changes and when it ends, not each time.

use std::collections::HashMap;
use std::fmt::Display;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What cannot be done now, with the reason that was said.
#[derive(Debug, Default)]
pub(crate) struct Troubles(Mutex<HashMap<&'static str, String>>);

impl Troubles {
    /// What became of it this time. Whether something was said.
    pub(crate) fn told<E: Display>(&self, what: &'static str, done: Result<(), E>) -> bool {
        let mut standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match done {
            Ok(()) => {
                let ended = standing.remove(what).is_some();
                if ended {
                    tracing::info!("{what}: that is over");
                }
                ended
            }
            Err(error) => {
                let error = error.to_string();
                if standing.get(what) == Some(&error) {
                    return false;
                }
                tracing::warn!(error, "{what}");
                standing.insert(what, error);
                true
            }
        }
    }
}

/// A directory that must stay the one that it was at the start.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    was: Option<(u64, u64)>,
}

impl Place {
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), was: identity(path) }
    }

    /// Whether it is there and the same.
    ///
    /// # Errors
    /// What to do when it is not.
    pub(crate) fn stands(&self) -> Result<(), String> {
        if self.was.is_none() || identity(&self.path) == self.was {
            return Ok(());
        }
        Err(format!(
            "{} was removed, moved or replaced: what phones do and what is changed is written down nowhere. Stop the node, put the \
             directory back, start it",
            self.path.display()
        ))
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|about| (about.dev(), about.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn said_when_it_begins_changes_and_ends() {
        let troubles = Troubles::default();
        let full = || Err("the disk is full");
        let told: Vec<bool> = [Ok(()), full(), full(), Err("another reason"), full(), Ok(()), Ok(()), full()]
            .into_iter()
            .map(|done: Result<(), &str>| troubles.told("phones could not be noted", done))
            .collect();
        assert_eq!(told, [false, true, false, true, true, true, false, true]);
        assert!(troubles.told("something else", full()), "each by itself");
    }

    #[test]
    fn another_directory_of_the_name_is_not_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let place = Place::of(&data);
        place.stands().unwrap();
        std::fs::rename(&data, folder.path().join("away")).unwrap();
        assert!(place.stands().unwrap_err().contains("was removed, moved or replaced"));
        std::fs::create_dir(&data).unwrap();
        assert!(place.stands().is_err());
        std::fs::remove_dir(&data).unwrap();
        std::fs::rename(folder.path().join("away"), &data).unwrap();
        place.stands().unwrap();
    }
}
