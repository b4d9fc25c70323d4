//! RSA keys for tests, made beforehand: making one takes longer than most of what a test looks at.
//!
//! The files were made by `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048` (and 1024). A process takes them in
//! turn, so that no two of a cluster are the same; they come again after 96 and 48.

use std::sync::atomic::{AtomicUsize, Ordering};

use pki::SoftKey;
use pki::key::KeyError;

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// The next key of this size; sizes that are rare are made.
pub fn rsa_key(bits: u32) -> Result<SoftKey, KeyError> {
    const END: &str = "-----END PRIVATE KEY-----\n";
    let keys = match bits {
        1024 => include_str!("../../../testdata/keys/rsa1024.pem"),
        2048 => include_str!("../../../testdata/keys/rsa2048.pem"),
        _ => return SoftKey::generate_rsa(bits),
    };
    let next = NEXT.fetch_add(1, Ordering::Relaxed) % keys.matches(END).count();
    SoftKey::from_pem(keys.split_inclusive(END).nth(next).unwrap_or_default().as_bytes())
}
