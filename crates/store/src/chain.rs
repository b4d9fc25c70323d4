//! The chain of audit entries: the hash of an entry covers the entry before it.

use cluster::rows::AuditRow;
use sha2::{Digest, Sha256};

/// What the hash of the first entry covers in the place of one before it.
pub const GENESIS: [u8; 32] = [0; 32];

/// Words before each entry's bytes, so that these hashes are those of nothing else.
const DOMAIN: &[u8] = b"ringfence audit 1";

/// The hash that an entry should have after another one: SHA-256 over `ringfence audit 1`, the hash before (32 bytes; zeros for the
/// first), number and time as 8 bytes each, and actor, command and result, each after its length in 8 bytes. Numbers are big-endian.
pub fn expected(entry: &AuditRow, previous: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(previous);
    hash.update(entry.seq.to_be_bytes());
    hash.update(entry.at.to_be_bytes());
    for text in [&entry.actor, &entry.command, &entry.result] {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}

/// A hash as it stands in a row.
pub fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hash as it stands in a row; `None` when it is none.
pub fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(hash)
}
