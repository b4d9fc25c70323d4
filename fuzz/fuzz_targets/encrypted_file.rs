//! `.enc.sgn` files opened with a phone's key: refused, or opened to something whose hash is the one in the header.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pki::{SoftKey, encrypt, hash};
use wire::signed_file::SignedFile;

static KEY: LazyLock<SoftKey> = LazyLock::new(|| {
    SoftKey::from_pem(include_bytes!("../../testdata/vectors/certs/lsc-2048.key.pem")).expect("a key of the vectors")
});

fuzz_target!(|file: &[u8]| {
    let Ok(file) = SignedFile::decode(file) else {
        return;
    };
    if let Ok(opened) = encrypt::open(&file, &KEY) {
        assert!(opened.plain.len() < file.payload().len());
        let fields = file.header().encryption().expect("opened without encryption fields");
        let found = fields.hash_algorithm.and_then(|algorithm| hash::digest(algorithm, &[&opened.plain]));
        assert_eq!(found.as_deref(), fields.hash);
    }
});
