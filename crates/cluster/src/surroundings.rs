//! What an operation needs from the world outside: the time and random bytes.

use std::sync::Arc;

use pki::key::KeyError;
use pki::{Random, RandomError, SoftKey};

use crate::units::Unit;

/// Size of a serial number in bytes: 128 bits [sources/certificates#self-signed-profile].
pub const SERIAL_LENGTH: usize = 16;

/// Makes an RSA key of so many bits. Takes its time, so it is called off the reactor.
pub type MakeRsaKey = Arc<dyn Fn(u32) -> Result<SoftKey, KeyError> + Send + Sync>;

/// The clock and the random source of an operation.
pub trait Surroundings: Send {
    /// Milliseconds since 1970 UTC.
    fn now(&self) -> i64;

    /// The random source.
    fn random(&mut self) -> &mut dyn Random;

    /// Where RSA keys come from.
    fn rsa_keys(&self) -> MakeRsaKey {
        Arc::new(SoftKey::generate_rsa)
    }

    /// The serial number of the next certificate of a unit: 128 random bits, positive and 16 bytes long.
    ///
    /// # Errors
    /// [`RandomError`].
    fn serial(&mut self, _node: &str, _unit: Unit) -> Result<[u8; SERIAL_LENGTH], RandomError> {
        let mut serial = [0_u8; SERIAL_LENGTH];
        self.random().fill(&mut serial)?;
        // Positive, and not shortened by a leading zero: 0x40..=0x7f.
        serial[0] = (serial[0] & 0x3f) | 0x40;
        Ok(serial)
    }

    /// The eight digits after `CAPF-` in the name of the next CAPF certificate.
    ///
    /// # Errors
    /// [`RandomError`].
    fn capf_suffix(&mut self) -> Result<String, RandomError> {
        let mut suffix = [0_u8; 4];
        self.random().fill(&mut suffix)?;
        Ok(pki::hash::hex(&suffix))
    }
}
