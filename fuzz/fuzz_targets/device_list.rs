//! Lists of devices as people bring them: what is taken has a name in the form of its model and stands on a line of the file.

#![no_main]

use std::collections::HashSet;

use cluster::devices::list::parse_list;
use cluster::names::device_name_of;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(listed) = parse_list(text, &["pub".to_owned(), "sub".to_owned()]) else { return };
    let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    // a carriage return alone ends a line of the list, and none that is counted
    let (mut before, mut names) = (1, HashSet::new());
    for one in listed {
        assert!(before <= one.line && one.line <= lines);
        before = one.line;
        assert!(device_name_of(&one.device.name, &one.device.model).is_ok_and(|name| name == one.device.name));
        assert!(names.insert(one.device.name));
    }
});
