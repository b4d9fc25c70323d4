//! Which devices an operation is about.

/// Which devices are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These, by name or MAC address.
    Devices(Vec<String>),
    /// Every device.
    All,
}

impl Selection {
    /// One device.
    pub fn one(name: impl Into<String>) -> Self {
        Self::Devices(vec![name.into()])
    }
}

/// `12 devices: SEP.., SEP..`, five of them by name.
pub(super) fn listed(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    let noun = if names.len() == 1 { "device" } else { "devices" };
    format!("{} {noun}: {}", names.len(), first.join(", ")).trim_end_matches([':', ' ']).to_owned()
}
