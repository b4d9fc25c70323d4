//! Names that phones ask for: what is taken cannot leave the folder it is looked up in.

#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use wire::file_name::{FileName, MAX_BYTES, MAX_COMPONENTS, Meaning};

fuzz_target!(|bytes: &[u8]| {
    let Ok(name) = FileName::from_bytes(bytes) else {
        return;
    };
    // slashes, dots between them and backslashes are all that may have gone
    let letters = |text: &[u8]| text.iter().filter(|byte| !b"/\\.".contains(byte)).copied().collect::<Vec<u8>>();
    assert_eq!(letters(name.as_str().as_bytes()), letters(bytes), "a name was repaired");
    assert!((1..=MAX_BYTES).contains(&bytes.len()) && name.as_str().len() <= bytes.len());
    assert!(!name.as_str().bytes().any(|byte| byte < 0x20 || byte == b'\\'));
    assert_eq!(name.as_str().parse::<FileName>().map(|again| again.as_str().to_owned()), Ok(name.as_str().to_owned()));

    let path = Path::new(name.as_str());
    assert!(path.components().all(|component| matches!(component, Component::Normal(_))));
    assert!(path.components().count() <= MAX_COMPONENTS);
    assert_eq!(path.components().count(), name.components().count());
    assert!(Path::new("/published").join(path).starts_with("/published"));
    assert!(name.as_str().ends_with(name.file()));

    // case does not count, and what comes off a name is a name again
    assert_eq!(name.folded().parse::<FileName>().as_ref(), Ok(&name));
    if let Some(payload) = name.without_suffix(".sgn") {
        assert_eq!(payload.as_str().len() + ".sgn".len(), name.as_str().len());
        assert_eq!(payload.as_str().parse::<FileName>(), Ok(payload));
    }
    // the proper name of a config means the same config
    if let Meaning::Config { of, form } = name.meaning() {
        let proper = of.file_name(form).parse::<FileName>();
        assert_eq!(proper.map(|proper| proper.meaning()), Ok(Meaning::Config { of, form }));
    }
});
