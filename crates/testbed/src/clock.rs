//! Clocks, random numbers and keys for operations.

use std::sync::Arc;
use std::time::SystemTime;

use cluster::Surroundings;
use cluster::surroundings::{MakeRsaKey, SERIAL_LENGTH};
use cluster::units::Unit;
use pki::{OpensslRandom, Random, RandomError};

use crate::clusters::{PUBLISHER, SUBSCRIBER};
use crate::keys::rsa_key;

/// The serial numbers of [sources/published-clusters#two-nodes], in the order in which a node's unit gets them.
const PRINTED: [(&str, Unit, u128); 4] = [
    (PUBLISHER, Unit::CallManager, 0x70CA_F64E_0907_51B9_DF22_F49F_754F_C5BB),
    (PUBLISHER, Unit::CallManager, 0x6B1D_357B_6841_740B_078F_EE4A_1813_D5D6),
    (PUBLISHER, Unit::Capf, 0x744B_4999_7704_96E7_99E9_1E81_D3C8_109B),
    (SUBSCRIBER, Unit::CallManager, 0x6BEB_FDCD_CD8C_A277_CB2F_D1D1_83A6_0E72),
];

/// A clock that stands until it is moved, and the random source of OpenSSL.
pub struct Clock {
    /// Milliseconds since 1970 UTC.
    pub now: i64,
    /// The digits in the name of each new CAPF certificate; `None`: random ones.
    pub capf_suffix: Option<&'static str>,
    random: OpensslRandom,
    serials: Vec<(&'static str, Unit, u128)>,
}

impl Clock {
    /// One that stands at a time.
    pub fn at(now: i64) -> Self {
        Self { now, capf_suffix: None, random: OpensslRandom, serials: Vec::new() }
    }

    /// The same with the serial numbers, as long as there are some, and the CAPF name of [sources/published-clusters#two-nodes].
    pub fn of_the_published_cluster(now: i64) -> Self {
        Self { capf_suffix: Some("e41e7d87"), serials: PRINTED.to_vec(), ..Self::at(now) }
    }
}

impl Surroundings for Clock {
    fn now(&self) -> i64 {
        self.now
    }

    fn random(&mut self) -> &mut dyn Random {
        &mut self.random
    }

    fn rsa_keys(&self) -> MakeRsaKey {
        Arc::new(rsa_key)
    }

    fn serial(&mut self, node: &str, unit: Unit) -> Result<[u8; SERIAL_LENGTH], RandomError> {
        match self.serials.iter().position(|(name, of, _)| *name == node && *of == unit) {
            Some(place) => Ok(self.serials.remove(place).2.to_be_bytes()),
            None => Unnumbered(self).serial(node, unit),
        }
    }

    fn capf_suffix(&mut self) -> Result<String, RandomError> {
        match self.capf_suffix {
            Some(suffix) => Ok(suffix.to_owned()),
            None => Unnumbered(self).capf_suffix(),
        }
    }
}

/// The same with the serial numbers and names that everyone gets.
struct Unnumbered<'a>(&'a mut Clock);

impl Surroundings for Unnumbered<'_> {
    fn now(&self) -> i64 {
        self.0.now
    }

    fn random(&mut self) -> &mut dyn Random {
        &mut self.0.random
    }
}

/// The clock and the random source of the machine.
#[derive(Default)]
pub struct Machine(OpensslRandom);

impl Surroundings for Machine {
    fn now(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "tests that run servers have their clock")]
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_millis()).unwrap()
    }

    fn random(&mut self) -> &mut dyn Random {
        &mut self.0
    }

    fn rsa_keys(&self) -> MakeRsaKey {
        Arc::new(rsa_key)
    }
}
