//! `.sgn` and `.enc.sgn` files: whatever is read stands inside the file and adds up.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::header::is_container;
use wire::signed_file::{SignedFile, is_plain_xml};
use wire::tlv::FIELD_HEAD;

fuzz_target!(|file: &[u8]| {
    let signed = match SignedFile::decode(file) {
        Ok(signed) => signed,
        Err(error) => {
            assert!(error.offset <= file.len(), "the place of the error is behind the file: {error}");
            return;
        }
    };
    assert!(!is_plain_xml(file), "plain XML was read as a signed file");
    assert_eq!(signed.bytes(), file);

    let header = signed.header();
    assert_eq!(header.length() + signed.payload().len(), file.len());
    let mut end = 0;
    for (field, value) in header.fields() {
        assert_eq!(field.offset, end, "a gap in the header");
        assert!(is_container(field.tag) || value.len() == field.length);
        end = field.end();
    }
    assert_eq!(end + header.padding(), header.length());

    if let (Some([before, after]), Some(signature)) = (header.covered(), header.signature()) {
        assert_eq!(before.len() + FIELD_HEAD + signature.len() + after.len(), file.len());
        assert!(after.ends_with(signed.payload()));
    }
    if let Some(encryption) = header.encryption() {
        assert!(signed.is_encrypted());
        for part in [encryption.iv, encryption.wrapped_key, encryption.hash].into_iter().flatten() {
            assert!(part.len() <= header.length());
        }
    }
});
