//! Names that phones ask for: what is taken cannot leave the folder it is looked up in.

#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use wire::file_name::{FileName, MAX_BYTES, MAX_COMPONENTS};

fuzz_target!(|bytes: &[u8]| {
    let Ok(name) = FileName::from_bytes(bytes) else {
        return;
    };
    assert_eq!(name.as_str().as_bytes(), bytes, "a name was repaired");
    assert!((1..=MAX_BYTES).contains(&bytes.len()));
    assert!(!bytes.iter().any(|byte| *byte < 0x20 || *byte == b'\\'));

    let path = Path::new(name.as_str());
    assert!(path.components().all(|component| matches!(component, Component::Normal(_))));
    assert!(path.components().count() <= MAX_COMPONENTS);
    assert_eq!(path.components().count(), name.components().count());
    assert!(Path::new("/published").join(path).starts_with("/published"));
    assert!(name.as_str().ends_with(name.file()));

    // case does not count, and what comes off a name is a name again
    assert_eq!(name.folded().parse::<FileName>().as_ref(), Ok(&name));
    if let Some(payload) = name.without_suffix(".sgn") {
        assert_eq!(payload.as_str().len() + ".sgn".len(), bytes.len());
        assert_eq!(payload.as_str().parse::<FileName>(), Ok(payload));
    }
});
