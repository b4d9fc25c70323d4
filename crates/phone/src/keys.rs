//! Where the keys of LSCs come from: made when they are asked for, or beforehand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pki::SoftKey;
use pki::key::KeyError;
use wire::capf::{Curve, KeySpec};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// It cannot be made or used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The work was cut short.
    #[error("the key was not finished: the program ends")]
    CutShort,
}

/// Makes a key: RSA of 512 to 4096 bits with exponent 65537, or EC. Takes from microseconds (EC) to seconds (RSA 4096).
///
/// # Errors
/// [`NoKey`].
pub fn generate(spec: KeySpec) -> Result<SoftKey, NoKey> {
    Ok(match spec {
        KeySpec::Rsa(size) => SoftKey::generate_rsa(size.bits().into())?,
        KeySpec::Ec(Curve::Secp256r1) => SoftKey::generate_ec(256)?,
        KeySpec::Ec(Curve::Secp384r1) => SoftKey::generate_ec(384)?,
        KeySpec::Ec(Curve::Secp521r1) => SoftKey::generate_ec(521)?,
    })
}

/// A source of keys, cheap to clone, to be shared by a fleet. By default each key is made when it is wanted.
#[derive(Debug, Clone, Default)]
pub struct KeySource {
    prepared: Option<Arc<Prepared>>,
}

#[derive(Debug)]
struct Prepared {
    keys: Vec<(KeySpec, SoftKey)>,
    next: AtomicUsize,
}

impl KeySource {
    /// Keys that were made beforehand, for load tests: making RSA keys costs more than everything else. They are given
    /// in turn, again and again, so two phones may get the same one. A kind that is not among them is made when wanted.
    #[must_use]
    pub fn prepared(keys: Vec<(KeySpec, SoftKey)>) -> Self {
        Self { prepared: Some(Arc::new(Prepared { keys, next: AtomicUsize::new(0) })) }
    }

    /// A key of this kind; one that has to be made is made off the reactor.
    ///
    /// # Errors
    /// [`NoKey`].
    pub async fn key(&self, spec: KeySpec) -> Result<SoftKey, NoKey> {
        if let Some(key) = self.next(spec) {
            return Ok(key);
        }
        match tokio::task::spawn_blocking(move || generate(spec)).await {
            Ok(made) => made,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(NoKey::CutShort),
        }
    }

    /// The same without a runtime: blocks while the key is made.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn key_now(&self, spec: KeySpec) -> Result<SoftKey, NoKey> {
        self.next(spec).map_or_else(|| generate(spec), Ok)
    }

    fn next(&self, spec: KeySpec) -> Option<SoftKey> {
        let prepared = self.prepared.as_ref()?;
        let count = prepared.keys.iter().filter(|(kind, _)| *kind == spec).count();
        let turn = prepared.next.fetch_add(1, Ordering::Relaxed).checked_rem(count)?;
        prepared.keys.iter().filter(|(kind, _)| *kind == spec).nth(turn).map(|(_, key)| key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::Signer;
    use pki::capf::check_public_key;
    use wire::capf::RsaSize;

    #[test]
    fn every_kind_passes_the_check_of_a_server() {
        for size in RsaSize::ALL.into_iter().take(3) {
            check_public_key(generate(KeySpec::Rsa(size)).unwrap().spki(), KeySpec::Rsa(size)).unwrap();
        }
        for curve in Curve::ALL {
            check_public_key(generate(KeySpec::Ec(curve)).unwrap().spki(), KeySpec::Ec(curve)).unwrap();
        }
    }

    #[tokio::test]
    async fn prepared_keys_go_round() {
        let (rsa, ec) = (KeySpec::Rsa(RsaSize::Bits512), KeySpec::Ec(Curve::Secp256r1));
        let made: Vec<SoftKey> = (0..2).map(|_| generate(rsa).unwrap()).collect();
        let source = KeySource::prepared(made.iter().map(|key| (rsa, key.clone())).collect());
        let known: Vec<_> = made.iter().map(SoftKey::key_id).collect();
        let (first, second) = (source.key(rsa).await.unwrap().key_id(), source.key(rsa).await.unwrap().key_id());
        assert!(first != second && known.contains(&first) && known.contains(&second));
        assert_eq!(source.clone().key_now(rsa).unwrap().key_id(), first);
        // what is not among them is made
        assert_eq!(source.key(ec).await.unwrap().openssl().bits(), 256);
        let one = KeySource::default();
        assert_ne!(one.key_now(rsa).unwrap().key_id(), one.key_now(rsa).unwrap().key_id());
    }
}
