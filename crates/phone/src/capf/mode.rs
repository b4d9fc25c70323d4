//! How a phone is to authenticate, and where.

use trust::TvsServer;
use wire::capf::Password;

use super::session::Shows;
use crate::certificates::DeviceCertificates;
use crate::config::Config;

/// What the last config says about CAPF.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CapfConfig {
    pub(crate) mode: Mode,
    pub(crate) servers: Vec<TvsServer>,
}

impl CapfConfig {
    pub(crate) fn of(config: &Config) -> Self {
        Self { mode: Mode::of(config.capf_mode), servers: config.capf.clone() }
    }
}

/// `capfAuthMode` [sources/phones#config-elements], [sources/capf#authentication].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// 0 or not there: no operation is pending.
    #[default]
    Nothing,
    /// 1: *By Authentication String*.
    String,
    /// 2: *By Null String*.
    NullString,
    /// 3: *By Existing Certificate (Precedence to LSC)*.
    Lsc,
    /// 4: *By Existing Certificate (Precedence to MIC)*.
    Mic,
}

impl Mode {
    /// The mode of a config; unknown numbers are no operation.
    #[must_use]
    pub const fn of(number: Option<u8>) -> Self {
        match number {
            Some(1) => Self::String,
            Some(2) => Self::NullString,
            Some(3) => Self::Lsc,
            Some(4) => Self::Mic,
            _ => Self::Nothing,
        }
    }

    /// A short name that stays the same, for machines.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::String => "string",
            Self::NullString => "null-string",
            Self::Lsc => "lsc",
            Self::Mic => "mic",
        }
    }

    /// What the phone shows; `None`: the user has to type the string first.
    pub(super) fn shows(self, typed: Option<Password>, certificates: &DeviceCertificates) -> Option<Shows> {
        let (lsc, mic) = (certificates.lsc(), certificates.mic());
        let certificate = |shown: Option<&_>| Some(Shows::Certificate { shown: shown.cloned(), mic: mic.cloned() });
        match (self, typed) {
            (Self::String, typed) => typed.map(Shows::String),
            (Self::NullString, _) => Some(Shows::NullString),
            (Self::Lsc, _) => certificate(lsc.or(mic)),
            (Self::Mic, _) => certificate(mic.or(lsc)),
            // nobody has said how: with what there is
            (Self::Nothing, Some(typed)) => Some(Shows::String(typed)),
            (Self::Nothing, None) => match lsc.or(mic) {
                None => Some(Shows::NullString),
                some => certificate(some),
            },
        }
    }
}
