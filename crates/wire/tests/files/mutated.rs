//! Random bytes and damaged vectors: an answer each time, never a panic.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::sound::check_any;

/// Every list and signed file of the vectors up to 8 kB, damaged ones too: larger ones only repeat the same fields.
fn vectors() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors");
    let index: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let entries = index["files"].as_array().unwrap().iter();
    let wanted = entries.filter(|entry| {
        let kind = entry["kind"].as_str().unwrap();
        ["trustlist", "signed", "encrypted"].iter().any(|start| kind.starts_with(start))
    });
    let all: Vec<Vec<u8>> =
        wanted.map(|entry| std::fs::read(folder.join(entry["file"].as_str().unwrap())).unwrap()).collect();
    assert_eq!(all.len(), 44 + 6 + 1 + 64 + 32 + 16 + 10 + 18);
    all.into_iter().filter(|file| file.len() <= 8192).collect()
}

/// One change of a file.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index, u8),
    /// Two bytes, as a length has them.
    Length(Index, u16),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (place(), 0_u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        place().prop_map(Change::Cut),
        (place(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (place(), 1_u8..9).prop_map(|(at, count)| Change::Remove(at, count)),
        (place(), any::<u16>()).prop_map(|(at, length)| Change::Length(at, length)),
    ]
}

fn apply(file: &mut Vec<u8>, change: &Change) {
    if file.is_empty() {
        return;
    }
    let length = file.len();
    match change {
        Change::Set(at, byte) => file[at.index(length)] = *byte,
        Change::Flip(at, bit) => file[at.index(length)] ^= 1 << bit,
        Change::Cut(at) => file.truncate(at.index(length)),
        Change::Insert(at, bytes) => {
            let at = at.index(length);
            file.splice(at..at, bytes.iter().copied());
        }
        Change::Remove(at, count) => {
            let at = at.index(length);
            file.drain(at..length.min(at + usize::from(*count)));
        }
        Change::Length(at, value) => {
            let at = at.index(length);
            let end = length.min(at + 2);
            file[at..end].copy_from_slice(&value.to_be_bytes()[..end - at]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes(file in vec(any::<u8>(), 0..600)) {
        check_any(&file);
    }

    /// Random bytes behind a start that lets the reader in.
    #[test]
    fn random_fields(length: u16, tags in vec((0_u8..32, vec(any::<u8>(), 0..12)), 0..40)) {
        let mut file = vec![1, 0, 2, 1, 2, 2, 0, 2];
        file.extend(length.to_be_bytes());
        for (tag, value) in &tags {
            file.extend([*tag, 0, u8::try_from(value.len()).unwrap()]);
            file.extend(value);
        }
        check_any(&file);
        // The same with a HEADERLENGTH that fits.
        let whole = u16::try_from(file.len()).unwrap();
        file[8..10].copy_from_slice(&whole.to_be_bytes());
        check_any(&file);
    }

    #[test]
    fn changed_vectors(file in select(vectors()), changes in vec(change(), 1..6)) {
        let mut file = file;
        for change in &changes {
            apply(&mut file, change);
        }
        check_any(&file);
    }
}

/// Each vector cut at every length, which no random choice covers.
#[test]
fn every_prefix_of_a_vector() {
    for file in vectors().into_iter().filter(|file| file.len() <= 2100) {
        for end in 0..=file.len() {
            check_any(&file[..end]);
        }
    }
}
