//! Which nodes of a data directory run, and whether they have looked at the rows since they were asked to.
//!
//! The process that serves a node holds `serve.lock` of the node; the system takes the lock back when the process ends, however it
//! ends. Whoever wants the nodes to look raises the number in `serve.ask` of the data directory, and a node that has looked since
//! writes that number into its `serve.lock`.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::directory::{DataDirectory, NodeDirectory};
use crate::{StoreError, lock, regular};

/// Digits of a number in such a file.
const DIGITS: usize = 20;

/// Bytes of the number in such a file: twice the digits, a blank, the end of the line.
const NUMBER_BYTES: u64 = 2 * DIGITS as u64 + 2;

/// What stands before the number of the process that serves, in the second line.
const PROCESS: &str = "process ";

/// The right to serve a node; given back when dropped.
#[derive(Debug)]
pub struct Serving {
    file: File,
    path: PathBuf,
}

/// The `serve.lock` of a node, to see what its process has answered.
#[derive(Debug)]
pub struct Served {
    file: File,
    path: PathBuf,
}

impl DataDirectory {
    /// The file whose number is raised; whoever watches it sees when nodes are asked.
    pub fn asks(&self) -> PathBuf {
        self.root().join("serve.ask")
    }

    /// Makes the file of [`Self::asks`] if it is not there. The number of the last question.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn asked(&self) -> Result<u64, StoreError> {
        let path = self.asks();
        Ok(read(&lock::open(&path)?, &path)?.unwrap_or_default())
    }

    /// Asks all running nodes to look. The number that they answer with.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn ask(&self) -> Result<u64, StoreError> {
        let path = self.asks();
        // Two that ask at the same time ask two questions: a node may have answered the first already.
        let file = lock::take(lock::open(&path)?, &path, lock::Kind::Exclusive, lock::PATIENCE)?;
        let number = read(&file, &path)?.unwrap_or_default().saturating_add(1);
        write(&file, &path, number)?;
        Ok(number)
    }
}

impl NodeDirectory {
    /// Takes the right to serve this node; `None` while another process has it, which [`Self::served`] names.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn serve(&self) -> Result<Option<Serving>, StoreError> {
        let path = self.lock_path();
        let file = lock::open(&path)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole(libc::F_WRLCK))) {
            Ok(_) => {}
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => return Ok(None),
            Err(error) => return Err(StoreError::file(&path, "cannot be locked")(error.into())),
        }
        let process = format!("{PROCESS}{:0DIGITS$}\n", std::process::id());
        let written = file.write_all_at(process.as_bytes(), NUMBER_BYTES);
        written.map_err(StoreError::file(&path, "cannot be written"))?;
        let serving = Serving { file, path };
        serving.answer(0)?;
        Ok(Some(serving))
    }

    /// The process that serves this node; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn served(&self) -> Result<Option<Served>, StoreError> {
        let path = self.lock_path();
        match regular::open_with(OpenOptions::new().read(true).write(true), &path) {
            Ok(file) => {
                let served = Served { file, path };
                Ok(served.is_held()?.then_some(served))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::file(&path, "cannot be opened")(error)),
        }
    }

    fn lock_path(&self) -> PathBuf {
        self.root().join("serve.lock")
    }
}

impl Serving {
    /// Says that this process has looked since a question was asked.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn answer(&self, number: u64) -> Result<(), StoreError> {
        write(&self.file, &self.path, number)
    }
}

impl Served {
    /// Whether its process has looked since a question was asked, or runs no more.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn is_done_with(&self, number: u64) -> Result<bool, StoreError> {
        let answered = read(&self.file, &self.path)?.is_some_and(|answered| answered >= number);
        Ok(answered || !self.is_held()?)
    }

    /// The process, for people. It wrote its number right after it had the lock.
    #[must_use]
    pub fn process(&self) -> String {
        let mut bytes = [0; PROCESS.len() + DIGITS];
        let read = self.file.read_exact_at(&mut bytes, NUMBER_BYTES).ok();
        let text = read.and_then(|()| std::str::from_utf8(&bytes).ok()?.strip_prefix(PROCESS)?.parse().ok());
        text.map_or_else(|| "another process".to_owned(), lock::named)
    }

    /// Asks the system who has the lock; takes nothing, so that nobody is in anybody's way.
    fn is_held(&self) -> Result<bool, StoreError> {
        let mut lock = whole(libc::F_WRLCK);
        fcntl(&self.file, FcntlArg::F_OFD_GETLK(&mut lock))
            .map_err(|error| StoreError::file(&self.path, "cannot be locked")(error.into()))?;
        Ok(i32::from(lock.l_type) != libc::F_UNLCK)
    }
}

/// The lock of a whole file. It belongs to the open file, not to the process (fcntl(2), open file description locks): another
/// handle of the same process sees it too.
fn whole(kind: i32) -> libc::flock {
    libc::flock {
        l_type: i16::try_from(kind).unwrap_or_default(),
        l_whence: i16::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// The number stands twice: one that is read while it is written does not agree with itself.
fn write(file: &File, path: &Path, number: u64) -> Result<(), StoreError> {
    let text = format!("{number:0DIGITS$} {number:0DIGITS$}\n");
    file.write_all_at(text.as_bytes(), 0).map_err(StoreError::file(path, "cannot be written"))
}

/// `None`: nothing was written yet, or it is being written now.
fn read(file: &File, path: &Path) -> Result<Option<u64>, StoreError> {
    let mut bytes = [0; NUMBER_BYTES as usize];
    let length = file.read_at(&mut bytes, 0).map_err(StoreError::file(path, "cannot be read"))?;
    let text = bytes.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let twice = text.and_then(|text| text.trim_end().split_once(' '));
    Ok(twice.filter(|(first, second)| first == second).and_then(|(number, _)| number.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> (tempfile::TempDir, DataDirectory, NodeDirectory) {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDirectory::new(folder.path());
        let node = data.node("sub1", false);
        node.create().unwrap();
        (folder, data, node)
    }

    #[test]
    fn a_node_is_served_as_long_as_somebody_holds_its_lock() {
        let (_folder, data, node) = node();
        assert!(node.served().unwrap().is_none(), "never served");
        let serving = node.serve().unwrap().unwrap();
        assert!(node.serve().unwrap().is_none(), "one process serves a node");
        let served = node.served().unwrap().unwrap();
        let process = served.process();
        assert!(process.starts_with(&format!("process {} (", std::process::id())), "{process}");
        let first = data.ask().unwrap();
        assert!(!served.is_done_with(first).unwrap());
        serving.answer(first).unwrap();
        assert!(served.is_done_with(first).unwrap());
        let second = data.ask().unwrap();
        assert_eq!((second, data.asked().unwrap()), (first + 1, first + 1));
        assert!(!served.is_done_with(second).unwrap());
        drop(serving);
        assert!(served.is_done_with(second).unwrap(), "who is gone owes no answer");
        assert!(node.served().unwrap().is_none());
        // What the last one answered is not the answer of the next.
        let _serving = node.serve().unwrap().unwrap();
        assert!(!node.served().unwrap().unwrap().is_done_with(first).unwrap());
    }

    #[test]
    fn half_a_number_is_none() {
        let (_folder, data, _) = node();
        data.ask().unwrap();
        for text in ["", "7", "00000000000000000012 00000000000000000011\n", "x x\n"] {
            std::fs::write(data.asks(), text).unwrap();
            assert_eq!(data.asked().unwrap(), 0, "{text:?}");
        }
    }
}
