//! FUNCTION: what a phone may use a certificate for [sources/trust-lists#roles].

/// A role. Unknown values are kept and ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Role(pub u16);

impl Role {
    /// System Administrator Security Token: signs CTL and ITL files.
    pub const SAST: Self = Self(0);
    /// SIP and SCCP over TLS.
    pub const CCM: Self = Self(1);
    /// Both of CCM and TFTP.
    pub const CCM_TFTP: Self = Self(2);
    /// Signs config files.
    pub const TFTP: Self = Self(3);
    /// TLS of CAPF.
    pub const CAPF: Self = Self(4);
    /// A firewall that the CTL client enters [sources/trust-lists#roles]; lists show its number.
    pub const FIREWALL: Self = Self(6);
    /// HTTPS of phone services.
    pub const APP_SERVER: Self = Self(7);
    /// TLS of TVS; only in an ITL.
    pub const TVS: Self = Self(21);

    /// Short name, as the vectors and JSON give it; `None` for an unknown role.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::SAST => "SAST",
            Self::CCM => "CCM",
            Self::CCM_TFTP => "CCM+TFTP",
            Self::TFTP => "TFTP",
            Self::CAPF => "CAPF",
            Self::APP_SERVER => "APP-SERVER",
            Self::TVS => "TVS",
            _ => return None,
        })
    }

    /// The words of `show ctl` [sources/listings#trust-list].
    #[must_use]
    pub fn function_text(self) -> String {
        match self {
            Self::SAST => "System Administrator Security Token".to_owned(),
            other => other.to_string(),
        }
    }

    /// Whether a certificate with this role may sign a trust list.
    #[must_use]
    pub fn signs_lists(self) -> bool {
        self == Self::SAST
    }

    /// Whether a certificate with this role may sign a config file.
    #[must_use]
    pub fn signs_configs(self) -> bool {
        matches!(self, Self::TFTP | Self::CCM_TFTP)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => out.write_str(name),
            None => write!(out, "0x{:04x}", self.0),
        }
    }
}
