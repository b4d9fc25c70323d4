//! Where somebody comes from, as far as it tells people apart: the one rule for all that counts or limits by address.
//!
//! With IPv4 that is his address. With IPv6 it is the first 64 bits, his network: within it a host has as many addresses as it likes. An
//! IPv4 address in the clothes of IPv6 (`::ffff:192.0.2.1`) is one of IPv4.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// An address of IPv4, or a /64 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(IpAddr);

/// What a network ends with, in rows and for people.
const BITS: &str = "/64";

impl Origin {
    /// Where an address belongs.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, if self.0.is_ipv6() { BITS } else { "" })
    }
}

impl FromStr for Origin {
    type Err = std::net::AddrParseError;

    /// What [`Display`](fmt::Display) writes, or an address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_suffix(BITS).unwrap_or(text).parse().map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Origin {
        Origin::of(address.parse().unwrap())
    }

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2:3:4"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("2001:db8::1").to_string(), "2001:db8::/64");
        assert_eq!("2001:db8::/64".parse(), Ok(of("2001:db8::9")));
        assert_eq!("2001:db8::7".parse(), Ok(of("2001:db8::9")), "as rows of before have it");
    }

    #[test]
    fn each_address_of_ipv4_is_its_own_however_it_is_written() {
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1").to_string(), "192.0.2.1");
        assert_eq!("192.0.2.1".parse(), Ok(of("192.0.2.1")));
    }
}
