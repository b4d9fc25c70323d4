//! Files of the folder that stand where a file of the node would: trust lists, and files that are signed already.
//!
//! A whole one is given out as it is, whoever signed it: that is how people make a list for one phone. What is none (an empty file that
//! somebody put there to quiet a phone, a text, the list of another name) would only hide ours, so it is passed over. Both are
//! said in the log, at the start and when a phone first asks.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use store::folder::{OpenFile, Stamp};
use trust::Party;
use wire::file_name::{FileName, Form, List, Meaning, signed_name};
use wire::header::{FILE_LIMIT, HeaderView};
use wire::trust_list::{PHONE_LIMIT, TrustList};
use wire::xml::LARGEST;

use super::asked::Asked;
use super::by_hand::{merged_for, too_large};
use super::source::Source;
use super::{FileError, NodeFiles, Snapshot};
use cluster::wording::counted;

/// Files whose state is remembered at most; beyond that all are looked at again.
const REMEMBERED: usize = 50_000;

/// Files that are named at the start, at most; the rest is counted.
const NAMED_AT_START: usize = 20;

/// What a file of the folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Brought {
    /// A whole list or signed file, and its signer.
    Whole(Option<Party>),
    /// Neither: why.
    Placeholder(String),
}

/// What stands in the folder under the name of a list or a signed file.
pub(super) struct InFolder {
    pub found: OpenFile,
    pub brought: Brought,
    /// The signer, when none of our lists names it.
    pub stranger: Option<String>,
}

impl InFolder {
    /// Whether it is given out in place of ours.
    pub fn is_served(&self) -> bool {
        matches!(self.brought, Brought::Whole(_))
    }

    /// What somebody should know of it.
    pub fn note(&self) -> Option<String> {
        match (&self.brought, &self.stranger) {
            (Brought::Placeholder(reason), _) => {
                Some(format!("not given out: {reason}; it would hide the file of the node"))
            }
            (Brought::Whole(_), Some(stranger)) => Some(format!(
                "given out as it is, in place of the file of the node: its signer {stranger} is in no list of this node, and phones that \
                 hold those refuse it"
            )),
            (Brought::Whole(_), None) => None,
        }
    }
}

/// The states of files that were looked at, under which name: one file may stand there under several.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<(String, Stamp), Brought>>);

/// Files that are too large to be given out, and were told of.
#[derive(Default)]
pub(super) struct TooLarge(Mutex<HashSet<Stamp>>);

impl NodeFiles {
    /// Whether a file is too large to be given out, as if it were not there; told once for a state of the file.
    pub(super) fn passes_over(&self, file: &OpenFile) -> bool {
        if !file.is_too_large() {
            return false;
        }
        let mut told = self.too_large.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= REMEMBERED {
            told.clear();
        }
        if told.insert(file.stamp) {
            let (bytes, limit) = (file.length(), store::folder::FILE_LIMIT);
            tracing::warn!(
                file = file.name,
                bytes,
                limit,
                "too large, so phones do not get it: take it out of the folder"
            );
        }
        true
    }

    /// What stands in the folder under the name of a list or a signed file; it is said in the log when it is seen for the first time.
    pub(super) fn brought(&self, snapshot: &Snapshot, name: &FileName) -> Result<Option<InFolder>, FileError> {
        let Some(found) = self.find(name.as_str())? else { return Ok(None) };
        let state = (name.folded(), found.stamp);
        let known = self.remembered.0.lock().unwrap_or_else(PoisonError::into_inner).get(&state).cloned();
        if let Some(brought) = known {
            return Ok(Some(with_stranger(snapshot, found, brought)));
        }
        let brought = self.look(name, &found)?;
        let mut remembered = self.remembered.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        let first = remembered.insert(state, brought.clone()).is_none();
        drop(remembered);
        let it = with_stranger(snapshot, found, brought);
        if let Some(note) = it.note().filter(|_| first) {
            tracing::warn!(file = it.found.name, "{note}");
        }
        Ok(Some(it))
    }

    fn look(&self, name: &FileName, found: &OpenFile) -> Result<Brought, FileError> {
        let meaning = name.meaning();
        let limit = if matches!(meaning, Meaning::List { .. }) { PHONE_LIMIT } else { FILE_LIMIT };
        let length = found.stamp.length();
        if length > limit as u64 {
            return Ok(Brought::Placeholder(format!("{length} bytes, above the limit of {limit}")));
        }
        Ok(match meaning {
            Meaning::List { list, .. } => judged_list(list, &self.read(found)?),
            Meaning::Config { .. } | Meaning::Other => match self.header(found)? {
                Ok(start) => judged_signed(name, &meaning, start.header()),
                Err(error) => no(found.length(), "signed file", &error),
            },
        })
    }

    /// Says in the log which files of the folder hide ours or would, and which cannot be read; for the start.
    ///
    /// # Errors
    /// [`FileError`]: the folder cannot be read.
    pub fn say_what_hides(&self) -> Result<(), FileError> {
        let Some(settings) = &self.folder else { return Ok(()) };
        let (files, count) = settings.folder.unreadable(NAMED_AT_START, super::by_hand::FILES);
        for file in &files {
            tracing::warn!(
                file,
                "cannot be read by the user that serves it, so phones do not get it: chmod or chown it"
            );
        }
        if count > files.len() {
            tracing::warn!(more = count - files.len(), "further files of the folder cannot be read");
        }
        let snapshot = self.snapshot.load_full();
        let names =
            settings.folder.names(super::by_hand::FILES).map_err(|error| FileError::Failed(error.to_string()))?;
        let mut more = 0_usize;
        for (said, (file, note)) in names.iter().filter_map(|name| self.hides(&snapshot, name)).enumerate() {
            if said < NAMED_AT_START {
                tracing::warn!(file, "{note}");
            } else {
                more += 1;
            }
        }
        if more > 0 {
            tracing::warn!(more, "further files of the folder hide those of the node, or would");
        }
        Ok(())
    }

    fn hides(&self, snapshot: &Snapshot, name: &str) -> Option<(String, String)> {
        let name = FileName::parse(name).ok()?;
        match Asked::of(&name, snapshot) {
            Asked::List { .. } | Asked::Config { form: Form::Signed | Form::Encrypted, .. } => {}
            Asked::Other if self.stands_for_ours(snapshot, &name) => {}
            Asked::Stub(_) | Asked::Sealed(_) => {
                let note = "not given out: the config of this device is encrypted, and the node makes this file";
                return Some((name.as_str().to_owned(), note.to_owned()));
            }
            Asked::Config { .. } | Asked::Hidden | Asked::Other => return None,
        }
        let found = self.find(name.as_str()).ok()??;
        let brought = self.look(&name, &found).ok()?;
        let it = with_stranger(snapshot, found, brought);
        it.note().map(|note| (it.found.name, note))
    }

    /// Whether a signed file stands where the node could sign the plain one.
    pub(super) fn stands_for_ours(&self, snapshot: &Snapshot, name: &FileName) -> bool {
        name.unsigned().is_some_and(|plain| matches!(self.source(snapshot, &plain), Ok(Some(_))))
    }
}

fn with_stranger(snapshot: &Snapshot, found: OpenFile, brought: Brought) -> InFolder {
    let stranger = match &brought {
        Brought::Whole(Some(party)) if !snapshot.names_signer(party) => Some(party.to_string()),
        Brought::Whole(None) => Some("(not named)".to_owned()),
        Brought::Whole(Some(_)) | Brought::Placeholder(_) => None,
    };
    InFolder { found, brought, stranger }
}

/// What these bytes are under the name of a list.
fn judged_list(list: List, bytes: &[u8]) -> Brought {
    match TrustList::decode(bytes) {
        Ok(decoded) => whole(decoded.header(), list.file_name()),
        Err(error) => no(bytes.len() as u64, "trust list", &error),
    }
}

/// What a file with this header is under the name of a signed one.
fn judged_signed(name: &FileName, meaning: &Meaning, header: HeaderView<'_>) -> Brought {
    match meaning {
        Meaning::Config { of, form } => whole(header, &of.file_name(*form)),
        _ => whole(header, name.as_str()),
    }
}

fn whole(header: HeaderView<'_>, wanted: &str) -> Brought {
    // FILENAME may be missing; one that says something else is refused by phones
    match header.file_name() {
        Some(said) if !wanted.as_bytes().eq_ignore_ascii_case(said) => {
            let said = said.get(..80).unwrap_or(said).escape_ascii();
            Brought::Placeholder(format!("its FILENAME is `{said}`, phones want `{wanted}`"))
        }
        _ => Brought::Whole(Party::signer(header)),
    }
}

fn no(length: u64, what: &str, error: &wire::Malformed) -> Brought {
    match length {
        count @ (0 | 1) => {
            let count = counted(usize::from(count == 1), "byte");
            Brought::Placeholder(format!("a file of {count} is not a {what}"))
        }
        _ => Brought::Placeholder(format!("not a {what}: {error}")),
    }
}

/// The kind of a list in the words of the listing.
pub(super) fn kind_of(list: List) -> pki::listing::ListKind {
    match list {
        List::Ctl => pki::listing::ListKind::Ctl,
        List::Itl => pki::listing::ListKind::Itl,
    }
}

impl NodeFiles {
    /// Which file a name gives, and why: one line for people.
    ///
    /// # Errors
    /// [`FileError`] of the folder; a file that there is not is `None`.
    pub fn why(&self, name: &FileName) -> Result<Option<String>, FileError> {
        let snapshot = self.snapshot.load_full();
        let asked = Asked::of(name, &snapshot);
        let in_folder = match &asked {
            Asked::Stub(_) => return Ok(Some("the stub of the encrypted config, made by the node".to_owned())),
            Asked::Sealed(of) => {
                return Ok(of.entry.enrolment.certificate.as_ref().map(|_| "encrypted by the node".to_owned()));
            }
            Asked::Hidden => return Ok(None),
            Asked::Config { form: Form::Plain, .. } => None,
            Asked::List { .. } | Asked::Config { .. } | Asked::Other => self.brought(&snapshot, name)?,
        };
        let passed_over = match &in_folder {
            Some(it) if it.is_served() => {
                let note = it.note().unwrap_or_else(|| "given out as it is".to_owned());
                return Ok(Some(format!("{} of the folder: {note}", it.found.name)));
            }
            Some(it) => {
                it.note().map(|note| format!("; {} of the folder is {note}", it.found.name)).unwrap_or_default()
            }
            None => String::new(),
        };
        let ours = match &asked {
            Asked::List { list, .. } => snapshot.list(kind_of(*list)).map(|_| "made by the node".to_owned()),
            _ => {
                let plain = name.unsigned();
                let signing = if plain.is_some() { ", signed by the node" } else { "" };
                let plain = plain.unwrap_or_else(|| name.clone());
                match self.source(&snapshot, &plain)? {
                    Some(source) => Some(format!("{}{signing}", self.origin(&snapshot, &source)?)),
                    None if signing.is_empty() => {
                        let found = self.find(&signed_name(plain.as_str()))?;
                        found.map(|found| format!("out of {} of the folder", found.name))
                    }
                    None => None,
                }
            }
        };
        Ok(match ours {
            Some(ours) => Some(format!("{ours}{passed_over}")),
            None if passed_over.is_empty() => None,
            None => Some(format!("none{passed_over}")),
        })
    }

    /// Where the plain bytes come from, for people.
    fn origin(&self, snapshot: &Snapshot, source: &Source) -> Result<String, FileError> {
        Ok(match source {
            Source::Default | Source::Device(_) => "made by the node".to_owned(),
            Source::Folder(found, Some(owner)) if self.merges() => {
                let merged = match found.length() {
                    length if length > LARGEST as u64 => Err(too_large(length)),
                    _ => merged_for(snapshot, owner, &self.read(found)?),
                };
                match merged {
                    Ok(_) => format!("{} of the folder, with TVS and CAPF merged in", found.name),
                    Err(error) => format!("{} of the folder as it is, without TVS and CAPF: {error}", found.name),
                }
            }
            Source::Folder(found, _) => format!("{} of the folder as it is", found.name),
        })
    }
}
