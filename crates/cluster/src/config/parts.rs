//! What a config is made from.

use crate::parameters::SecurityMode;

/// Protocol of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// SIP.
    Sip,
    /// Skinny.
    Sccp,
}

impl Protocol {
    /// The word of `deviceProtocol`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sip => "SIP",
            Self::Sccp => "SCCP",
        }
    }

    /// The number in `device.tkdeviceprotocol`.
    pub const fn number(self) -> i64 {
        match self {
            Self::Sccp => 0,
            Self::Sip => 11,
        }
    }

    /// From the number; anything but SCCP is SIP.
    pub const fn from_number(number: i64) -> Self {
        if number == 0 { Self::Sccp } else { Self::Sip }
    }
}

impl std::str::FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_uppercase().as_str() {
            "SIP" => Ok(Self::Sip),
            "SCCP" => Ok(Self::Sccp),
            _ => Err(format!("`{text}` is not a protocol; write SIP or SCCP")),
        }
    }
}

/// Device security mode: the value of `deviceSecurityMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceSecurityMode {
    /// 1: no TLS.
    NonSecure,
    /// 2: TLS without encryption.
    Authenticated,
    /// 3: TLS with encryption.
    Encrypted,
}

impl DeviceSecurityMode {
    /// The number in the config.
    pub const fn number(self) -> i64 {
        match self {
            Self::NonSecure => 1,
            Self::Authenticated => 2,
            Self::Encrypted => 3,
        }
    }

    /// From the number; anything unknown is non-secure.
    pub const fn from_number(number: i64) -> Self {
        match number {
            2 => Self::Authenticated,
            3 => Self::Encrypted,
            _ => Self::NonSecure,
        }
    }

    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NonSecure => "non-secure",
            Self::Authenticated => "authenticated",
            Self::Encrypted => "encrypted",
        }
    }
}

impl std::str::FromStr for DeviceSecurityMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "1" | "non-secure" | "nonsecure" => Ok(Self::NonSecure),
            "2" | "authenticated" => Ok(Self::Authenticated),
            "3" | "encrypted" => Ok(Self::Encrypted),
            _ => Err(format!("`{text}` is not a device security mode; write non-secure, authenticated or encrypted")),
        }
    }
}

/// Where a service of a node is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Address or host name, as the phone gets it.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// What every config of a cluster shares, by group of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPart {
    /// Security mode of the cluster.
    pub mode: SecurityMode,
    /// Call servers in order: addresses.
    pub call_managers: Vec<String>,
    /// TVS in the order of the group, three at most.
    pub tvs: Vec<Endpoint>,
    /// CAPF; none when it does not run.
    pub capf: Vec<Endpoint>,
}

/// What is different for each device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePart {
    /// Protocol.
    pub protocol: Protocol,
    /// Device security mode as configured; in a non-secure cluster the config says non-secure.
    pub security: DeviceSecurityMode,
    /// `versionStamp`: changes whenever the phone must read its config again.
    pub version_stamp: String,
}
