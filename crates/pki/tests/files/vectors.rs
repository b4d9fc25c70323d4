//! The golden vectors: index, files, certificates and keys.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pki::{Certificate, SoftKey};
use serde_json::Value;
use wire::signed_file::SignedFile;

/// One entry of the index.
#[derive(Clone, Copy)]
pub struct Entry(&'static Value);

impl Entry {
    pub fn text(&self, name: &str) -> Option<&'static str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub fn file_name(&self) -> &'static str {
        self.text("file").unwrap()
    }

    pub fn expect(&self) -> &'static Value {
        &self.0["expect"]
    }

    /// The bytes, checked against the hash of the index.
    pub fn bytes(&self) -> Vec<u8> {
        let bytes = read(self.file_name());
        let hash = pki::hash::hex(&pki::hash::sha256(&bytes));
        assert_eq!(Some(hash.as_str()), self.text("sha256"), "{}", self.file_name());
        bytes
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors")
}

pub fn path(name: &str) -> PathBuf {
    folder().join(name)
}

pub fn read(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All entries of a kind. `count` is how many there must be: none gets lost unseen.
pub fn entries(kind: &str, count: usize) -> Vec<Entry> {
    static INDEX: OnceLock<Value> = OnceLock::new();
    let index = INDEX.get_or_init(|| serde_json::from_slice(&read("index.json")).unwrap());
    let files = index["files"].as_array().unwrap();
    let found: Vec<Entry> = files.iter().filter(|entry| entry["kind"] == kind).map(Entry).collect();
    assert_eq!(found.len(), count, "entries of kind {kind}");
    found
}

/// A certificate of `certs/`, by the name in front of `.crt.pem`.
pub fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(&read(&format!("certs/{name}.crt.pem"))).unwrap()
}

/// A key of `certs/`, out of its bundle.
pub fn key(name: &str) -> SoftKey {
    SoftKey::from_pem(&read(&format!("certs/{name}.bundle.pem"))).unwrap()
}

pub fn timestamp(file: &[u8]) -> u32 {
    SignedFile::of(file).unwrap().header().timestamp().unwrap()
}

/// Names the first differing byte: two files of some kB printed whole help nobody.
pub fn assert_same(name: &str, built: &[u8], wanted: &[u8]) {
    let same = built.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    assert!(
        built == wanted,
        "{name}: built {} bytes, wanted {}, first difference at offset {same}",
        built.len(),
        wanted.len()
    );
}
