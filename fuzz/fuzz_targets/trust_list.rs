//! CTL and ITL files: whatever is read stands inside the file, adds up, and is written again to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::header::{FILE_LIMIT, is_container};
use wire::tlv::FIELD_HEAD;
use wire::trust_list::{RecordSpec, TrustList, write_records};

/// RECORDLENGTH itself.
const RECORD_HEAD: usize = 5;

fuzz_target!(|file: &[u8]| {
    let list = match TrustList::decode(file) {
        Ok(list) => list,
        Err(error) => {
            assert!(error.offset <= file.len(), "the place of the error is behind the file: {error}");
            assert!(!error.field.is_empty());
            return;
        }
    };
    assert!(file.len() <= FILE_LIMIT);
    assert_eq!(list.bytes(), file);

    // the header: fields without a gap, then padding, up to HEADERLENGTH
    let header = list.header();
    let mut end = 0;
    for (field, _) in header.fields() {
        assert_eq!(field.offset, end, "a gap in the header");
        assert_eq!(field.value.start, field.offset + FIELD_HEAD);
        assert!(is_container(field.tag) || field.value.len() == field.length);
        end = field.end();
    }
    assert_eq!(end + header.padding(), header.length());

    // what the signature covers, and the signature field, are the whole file
    if let (Some([before, after]), Some(signature)) = (header.covered(), header.signature()) {
        assert_eq!(before.len() + FIELD_HEAD + signature.len() + after.len(), file.len());
    }

    // the records: without a gap from the header to the end of the file
    let mut end = header.length();
    for record in list.records() {
        assert_eq!(record.offset(), end, "a gap between records");
        let fields: usize = record.fields().map(|(_, value)| FIELD_HEAD + value.len()).sum();
        assert_eq!(record.length(), RECORD_HEAD + fields);
        end += record.length();
    }
    assert_eq!(end, file.len());

    // written again: the same bytes, unknown fields included
    let specs: Vec<RecordSpec> = list.records().map(RecordSpec::from).collect();
    let written = write_records(&specs).expect("what was read fits");
    assert_eq!(Some(written.as_slice()), file.get(header.length()..));

    if let Some((index, record)) = list.signer_record() {
        assert!(index < list.record_count());
        assert!(record.certificate().is_some());
        assert_eq!(record.serial(), header.serial());
    }
});
