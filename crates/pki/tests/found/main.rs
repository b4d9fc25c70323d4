//! Certificates and files as people have them: what is taken, by which reader, and what is said of the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may stop at the first surprise

mod chaining;
mod constraints;
mod keys;
mod made;
mod mutations;
mod pem;
mod unusual;

use std::path::PathBuf;

/// A file of `testdata/found`.
pub fn file(name: &str) -> Vec<u8> {
    std::fs::read(root().join("found").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

/// All files below a folder of `testdata`, by name.
pub fn files_below(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}
