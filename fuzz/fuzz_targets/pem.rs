//! Files of certificates in any encoding, as strangers and colleagues send them. What the door takes is read again by the code that
//! reads rows; what it refuses has a reason in one line that steers no terminal.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::bundle::{CHAIN_LIMIT, certificates, first};
use pki::file_kind::FileKind;
use pki::{Certificate, pem};

fuzz_target!(|bytes: &[u8]| {
    let kind = FileKind::of(bytes).name();
    assert!(!kind.is_empty() && !kind.chars().any(char::is_control));
    for block in pem::blocks(bytes).flatten() {
        if let Ok(inside) = block.decode() {
            let again = pem::write("X", &inside);
            let read = pem::blocks(again.as_bytes()).next().expect("a block was written").expect("it is whole");
            assert_eq!(read.decode().expect("it was written from bytes"), inside);
        }
    }
    match certificates(bytes) {
        Ok(all) => {
            assert!(!all.is_empty() && all.len() <= CHAIN_LIMIT);
            assert_eq!(first(bytes).expect("all are read"), all[0]);
            for one in all {
                assert_eq!(Certificate::from_pem(one.to_pem().as_bytes()).expect("a row is read"), one);
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text}");
        }
    }
});
