//! `show ctl` of a stranger's file: it is printed whole, nothing in it steers the terminal, and a signature that holds does
//! not hold any more when one covered byte changes.

#![no_main]

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use pki::listing::{ListKind, list};
use pki::verify::check_against_itself;
use wire::trust_list::TrustList;

fuzz_target!(|file: &[u8]| {
    let Ok(trust_list) = TrustList::decode(file) else {
        return;
    };
    let text = list(&trust_list, ListKind::of(&trust_list), 1_425_667_513, &TimeZone::UTC);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "a stranger's bytes steer the terminal");
    assert!(text.matches("Record #:").count() >= trust_list.record_count());

    let check = check_against_itself(&trust_list);
    assert_eq!(check.signer_record, trust_list.signer_record().map(|(index, _)| index));
    if check.verdict.is_valid() {
        let Some([before, after]) = trust_list.header().covered() else {
            panic!("valid without a signature");
        };
        // one byte of the covered ones, another for every file
        let sum: usize = file.iter().map(|byte| usize::from(*byte)).sum();
        let at = sum % (before.len() + after.len());
        let at = if at < before.len() { at } else { file.len() - (before.len() + after.len() - at) };
        let mut changed = file.to_vec();
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 1;
        }
        if let Ok(changed) = TrustList::decode(changed) {
            assert!(!check_against_itself(&changed).verdict.is_valid(), "byte {at} does not count");
        }
    }
});
