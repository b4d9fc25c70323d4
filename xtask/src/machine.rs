//! Questions to the machine that we run on. A trait, so that the set-up can be tested for machines that we are not on.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What the set-up wants to know about a machine.
pub trait Machine {
    /// Is there a program of this name in the search path?
    fn has(&self, program: &str) -> bool;

    /// What a program prints (standard output, then standard error) when it ends well; `None` when it is missing or ends badly.
    fn ask(&self, program: &str, arguments: &[&str]) -> Option<String>;

    /// The value of an environment variable, when it is set and not empty.
    fn variable(&self, name: &str) -> Option<String>;
}

/// This machine.
pub struct Here;

impl Machine for Here {
    fn has(&self, program: &str) -> bool {
        path_of(program).is_some()
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let output = Command::new(path_of(program)?).args(arguments).stdin(Stdio::null()).output().ok()?;
        if !output.status.success() {
            return None;
        }
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Some(text)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// Where the search path finds a program. Debian keeps servers in `sbin`, which is not in every user's path.
pub fn path_of(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
