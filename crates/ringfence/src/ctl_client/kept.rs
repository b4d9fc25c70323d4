//! A signed CTL is kept in a file from before it is sent until a provider has taken it, so that nothing that ends the client loses it.
//! Beside it stands what it was signed for: what the file itself does not say.

use std::path::{Path, PathBuf};

use pki::hash::{hex, sha256};
use ringfence_core::named;
use wire::ctl_provider::Upload;

use super::asked::{Set, could_not};
use crate::exit::Failure;
use crate::files::input;
use crate::files::output::{Readers, write_over};
use crate::terminal;

/// Refusals after which nobody will ever take this file: it is made anew.
const OVER: [&str; 4] = ["ctl-unusable", "ctl-changed", "ctl-older", "ctl-too-large"];

/// What stands beside a file, in `FILE.json`.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    /// The choice of the administrator.
    set: Set,
    /// SHA-256 of the CTL that the cluster had; none when it had none.
    base: Option<String>,
    /// SHA-256 of the file: another one is not sent with this note.
    sha256: String,
}

/// Files that are kept beside each other; the first is written over when there are so many.
const MOST: u32 = 99;

/// A path with something behind its name.
fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// A kept file.
#[derive(Debug)]
pub struct Kept {
    file: PathBuf,
    /// Made by this run: it goes when it is of no more use.
    ours: bool,
    /// Whether it could be written.
    written: bool,
}

impl Kept {
    /// Keeps a file that was just signed; beside one that was kept before, as `FILE.2` and so on. That it cannot be written is no
    /// reason not to send it.
    pub fn put(file: &Path, set: Set, upload: &Upload) -> Self {
        let numbered = (2..=MOST).map(|number| with(file, &format!(".{number}")));
        // A link that leads nowhere is something too.
        let free = std::iter::once(file.to_path_buf()).chain(numbered).find(|path| path.symlink_metadata().is_err());
        let kept = Self { file: free.unwrap_or_else(|| file.to_path_buf()), ours: true, written: false };
        match kept.write(set, upload) {
            Ok(()) => Self { written: true, ..kept },
            Err(failure) => {
                terminal::warn(&format!("the signed CTL file cannot be kept: {failure}"));
                kept
            }
        }
    }

    fn write(&self, set: Set, upload: &Upload) -> Result<(), Failure> {
        let note = Note { set, base: upload.base.as_ref().map(|base| hex(base)), sha256: hex(&sha256(&upload.file)) };
        let note = serde_json::to_string(&note).map_err(could_not)?;
        for (path, bytes) in [(&self.note(), note.as_bytes()), (&self.file, &upload.file)] {
            write_over(path, bytes, Readers::Everybody)?;
        }
        Ok(())
    }

    /// A file that was kept, what it was signed for, and what is sent.
    pub fn read(file: &Path, forced: bool) -> Result<(Self, Set, Upload), Failure> {
        let kept = Self { file: file.to_path_buf(), ours: false, written: true };
        let bytes = input::named(file)?;
        let path = kept.note();
        let anew = "it stands beside a CTL file that was kept and says what that was signed for; without it run the CTL client again";
        let failed = |reason: &dyn std::fmt::Display| Failure::at(&path, format!("{reason}; {anew}"));
        let text = named::open(&path).and_then(std::io::read_to_string).map_err(|error| failed(&error))?;
        let note: Note = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        if note.sha256 != hex(&sha256(&bytes)) {
            return Err(failed(&"it belongs to another file"));
        }
        let digest = |digits: &String| hex::decode(digits).ok()?.try_into().ok();
        let base = match &note.base {
            None => None,
            Some(digits) => Some(digest(digits).ok_or_else(|| failed(&"base is no SHA-256"))?),
        };
        Ok((kept, note.set, Upload { choice: note.set.choice(), forced, file: bytes, base }))
    }

    fn note(&self) -> PathBuf {
        with(&self.file, ".json")
    }

    /// It was taken.
    pub fn taken(&self) {
        if !self.ours || !self.written {
            return;
        }
        for path in [&self.file, &self.note()] {
            if let Err(error) = std::fs::remove_file(path) {
                terminal::warn(&format!("{}: {error}", path.display()));
            }
        }
    }

    /// It was refused: what to do with it.
    pub fn refused(&self, label: &str) {
        if OVER.contains(&label) {
            self.taken();
        } else if let Some(next) = self.next() {
            terminal::warn(&next);
        }
    }

    /// Where it is, and what to do with it; `None` when it is nowhere.
    pub fn next(&self) -> Option<String> {
        let file = self.file.display();
        let next = format!(
            "The signed CTL file is kept in {file}: send it with `ringfence ctl-client --yes --send {file}` and the server, user and \
             fingerprint"
        );
        self.written.then_some(next)
    }
}
