//! Files that were made once, kept for the next who asks: whole ones, and the signed headers of large ones.

use std::collections::HashMap;

use bytes::Bytes;
use store::folder::Stamp;

/// Files kept at most. A cache that is full is emptied: signing again costs a millisecond.
const FILES: usize = 50_000;

/// What was made for one state of its source.
#[derive(Clone)]
pub(super) struct Made {
    /// The state of the file of the folder that it was made of.
    pub stamp: Option<Stamp>,
    /// What was made: all of it, or what goes in front of that file.
    pub head: Bytes,
    /// From where on the file itself follows.
    pub rest: Option<u64>,
}

pub(super) struct Kept {
    files: HashMap<String, Made>,
    bytes: usize,
    /// Bytes kept at most: half of what the node may hold, so that there is room for what goes out.
    most: usize,
    /// Counts the snapshots, so that a file made by an older one is not put in.
    pub age: u64,
}

impl Kept {
    pub fn of(held: usize) -> Self {
        Self { files: HashMap::new(), bytes: 0, most: held / 2, age: 0 }
    }

    /// What was made under a name, for this state of its source.
    pub fn get(&self, name: &str, stamp: Option<&Stamp>) -> Option<Made> {
        self.files.get(name).filter(|made| made.stamp.as_ref() == stamp).cloned()
    }

    /// The same, where there is no source that could have changed.
    pub fn get_unchanging(&self, name: &str) -> Option<Bytes> {
        self.files.get(name).filter(|made| made.stamp.is_none()).map(|made| made.head.clone())
    }

    pub fn put(&mut self, name: &str, made: Made, age: u64) {
        let more = made.head.len();
        if self.age != age || more > self.most / 8 {
            return;
        }
        if self.files.len() >= FILES || self.bytes + more > self.most {
            self.empty();
        }
        self.bytes += more;
        if let Some(old) = self.files.insert(name.to_owned(), made) {
            self.bytes -= old.head.len();
        }
    }

    /// Forgets some, because they changed.
    pub fn forget(&mut self, names: impl Iterator<Item = String>) {
        // what is being made now was read before
        self.age += 1;
        for name in names {
            if let Some(old) = self.files.remove(&name) {
                self.bytes -= old.head.len();
            }
        }
    }

    /// Forgets all, because everything may have changed.
    pub fn swap(&mut self) {
        self.age += 1;
        self.empty();
    }

    /// Gives back the memory.
    pub fn empty(&mut self) {
        self.files.clear();
        self.bytes = 0;
    }
}
