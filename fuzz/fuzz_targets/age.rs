//! Backups as a stranger hands them in: the header is read to the byte or refused with a reason, and a file that opens was made with the
//! passphrase. Work that would take its time is not done here.

#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use pki::age::{Header, Opener};

/// What a header asks for at most before it is opened, as a power of two.
const WORK: u8 = 4;

fuzz_target!(|bytes: &[u8]| {
    // All first lines that a reader may take for the header.
    let end = bytes.windows(4).position(|four| four == b"\n---").map_or(0, |at| at + 1);
    let end = end + bytes[end..].iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    match Header::decode(&bytes[..end]) {
        Ok(header) => {
            assert_eq!(header.encode().as_bytes(), &bytes[..end]);
            if header.work() > WORK {
                return;
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text}");
            // What is no header to the one is none to the other, and costs nothing.
            assert!(Opener::begin(bytes, "correct horse").is_err());
            return;
        }
    }
    if let Ok(mut opener) = Opener::begin(bytes, "correct horse") {
        let mut plain = Vec::new();
        if opener.read_to_end(&mut plain).is_ok() {
            assert!(plain.len() < bytes.len());
        }
    }
});
