//! What must hold for every file that decodes.

use wire::header::{self, HeaderView, LEAST_HEADER};
use wire::signed_file::SignedFile;
use wire::trust_list::{RecordSpec, TrustList, write_records};

/// The fields of a header stand one behind the other, inside it, and with the padding they fill it.
pub fn check_header(header: HeaderView<'_>, file: &[u8]) {
    assert!((LEAST_HEADER..=file.len()).contains(&header.length()));
    let mut at = 0;
    for (field, value) in header.fields() {
        assert_eq!(field.offset, at, "fields leave no gap");
        assert!(field.end() <= header.length(), "a field ends inside the header");
        assert_eq!(value.len(), field.value.len());
        at = field.end();
    }
    assert_eq!(at + header.padding(), header.length());
    match (header.covered(), header.signature()) {
        (Some([before, after]), Some(signature)) => {
            assert_eq!(before.len() + 3 + signature.len() + after.len(), file.len());
            let field = header.field(header::SIGNATURE).unwrap();
            let joined = [before, &file[field.offset..field.end()], after].concat();
            assert_eq!(joined, file);
        }
        (None, None) => {}
        other => panic!("covered bytes without a signature or the other way round: {other:?}"),
    }
}

/// The records stand one behind the other to the end of the file, and are written again as they were.
pub fn check_list(list: &TrustList, file: &[u8]) {
    assert_eq!(list.bytes(), file);
    check_header(list.header(), file);
    let mut at = list.header().length();
    for record in list.records() {
        assert_eq!(record.offset(), at);
        let mut inside = at + 5;
        for (field, value) in record.fields() {
            assert_eq!(field.offset, inside);
            assert_eq!(value.len(), field.length);
            inside = field.end();
        }
        at += record.length();
        assert_eq!(inside, at, "the fields fill their record");
    }
    assert_eq!(at, file.len());
    let records: Vec<RecordSpec> = list.records().map(RecordSpec::from).collect();
    assert_eq!(write_records(&records).unwrap(), file[list.header().length()..]);
    if let Some((index, record)) = list.signer_record() {
        assert!(index < list.record_count());
        assert_eq!(record.serial(), list.header().serial());
    }
}

/// Header and payload are the file.
pub fn check_signed(signed: &SignedFile, file: &[u8]) {
    assert_eq!(signed.bytes(), file);
    check_header(signed.header(), file);
    assert_eq!(signed.header().length() + signed.payload().len(), file.len());
}

/// Decodes in every way and checks what came out; never panics otherwise.
pub fn check_any(file: &[u8]) {
    match TrustList::decode(file) {
        Ok(list) => check_list(&list, file),
        Err(error) => assert!(error.offset <= file.len(), "{error}"),
    }
    match SignedFile::decode(file) {
        Ok(signed) => check_signed(&signed, file),
        Err(error) => assert!(error.offset <= file.len(), "{error}"),
    }
}
