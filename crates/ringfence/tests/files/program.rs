//! Running the binary.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Run {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The exit code; no other code will do.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.err, String::from_utf8_lossy(&self.out));
        self
    }

    /// Exit 2, nothing on stdout, one line on stderr: that line.
    #[track_caller]
    pub fn refuses(&self) -> &str {
        assert_eq!(self.code, 2, "{self:?}");
        assert!(self.out.is_empty(), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self.err.trim_end()
    }
}

pub fn command() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ringfence"));
    command.env("TZ", "UTC0").env_remove("RINGFENCE_DEVICE_KEY");
    command
}

pub fn finish(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    Run {
        code: output.status.code().expect("ended by itself"),
        out: output.stdout,
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn ringfence<I, S>(arguments: I) -> Run
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    finish(command().args(arguments))
}

/// A file of the vectors.
pub fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors").join(name)
}

/// The path of a vector as an argument.
pub fn arg(name: &str) -> String {
    vector(name).to_str().unwrap().to_owned()
}

pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(vector(name)).unwrap()
}

/// Names in a folder, sorted: what was left behind.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
