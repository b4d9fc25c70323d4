//! Device names: `SEP58971ECC97C1`, `ATA58971ECC97C1`, `CSFJDOE`.

use trust::Model;
use wire::file_name::{DEVICE_NAME_MAX, FileName, is_device_name};

/// The name of a device: letters, digits, `.`, `-` and `_`, in upper case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhoneName(String);

/// Why a text is no device name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Letters that no device name has, or too many.
    #[error(
        "`{0}` is not a device name: 1 to {DEVICE_NAME_MAX} letters, digits, `.`, `-` or `_`, like SEP58971ECC97C1"
    )]
    Form(String),
    /// Not twelve hexadecimal digits.
    #[error("`{0}` is not a MAC address: twelve hexadecimal digits, with or without colons")]
    Mac(String),
}

impl PhoneName {
    /// A whole name.
    ///
    /// # Errors
    /// [`BadName::Form`].
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if !is_device_name(text) {
            return Err(BadName::Form(text.to_owned()));
        }
        Ok(Self(text.to_ascii_uppercase()))
    }

    /// The name of a model with this MAC address.
    #[must_use]
    pub fn from_mac(model: &Model, mac: u64) -> Self {
        let mac = mac & 0xffff_ffff_ffff;
        Self(format!("{}{mac:012X}", model.prefix))
    }

    /// The name as it stands in file names.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A file name with the device name in it.
    ///
    /// # Errors
    /// None in practice: device names have no characters that file names refuse.
    pub(crate) fn file(&self, before: &str, after: &str) -> Result<FileName, wire::file_name::BadFileName> {
        FileName::parse(&format!("{before}{}{after}", self.0))
    }
}

impl std::fmt::Display for PhoneName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// A MAC address from its text, such as `00:1D:A2:38:6C:2E` or `001DA2386C2E`.
///
/// # Errors
/// [`BadName::Mac`].
pub fn parse_mac(text: &str) -> Result<u64, BadName> {
    let bad = || BadName::Mac(text.to_owned());
    let digits: String = text.chars().filter(|character| !matches!(character, ':' | '-' | '.')).collect();
    if digits.len() != 12 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad());
    }
    u64::from_str_radix(&digits, 16).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let model = Model::find("8861").unwrap();
        let mac = parse_mac("58:97:1e:cc:97:c1").unwrap();
        assert_eq!(PhoneName::from_mac(model, mac).as_str(), "SEP58971ECC97C1");
        let jabber = Model::find("Jabber").unwrap();
        assert_eq!(PhoneName::from_mac(jabber, 1).as_str(), "CSF000000000001");
        assert_eq!(PhoneName::parse("csfj.doe_1-x").unwrap().as_str(), "CSFJ.DOE_1-X");
        for bad in ["", "../etc", "a b", "A".repeat(DEVICE_NAME_MAX + 1).as_str()] {
            assert!(PhoneName::parse(bad).is_err(), "{bad}");
        }
        for bad in ["58971ECC97C", "58971ECC97C1F", "58971ECC97CG", "+8971ECC97C1"] {
            assert!(parse_mac(bad).is_err(), "{bad}");
        }
    }
}
