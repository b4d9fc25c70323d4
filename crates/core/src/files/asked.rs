//! What a name asks for on this node, decided here and nowhere else: its meaning, and what may exist under it now.

use std::sync::Arc;

use wire::file_name::{FileName, Form, List, Meaning, Owner};

use super::snapshot::{DeviceEntry, Snapshot};

/// What a name asks for.
pub(super) enum Asked {
    /// A trust list, for all or under the name of a device.
    List { list: List, device: Option<String> },
    /// A config that is given out in clear.
    Config { of: Owner, form: Form },
    /// The stub of a device whose config is encrypted.
    Stub(Encrypted),
    /// Its config. Whom it is encrypted for may not be known yet.
    Sealed(Encrypted),
    /// A name that begins as the config of such a device and is neither: the plain config, copies of it, signed files in signed files.
    /// Whatever lies in the folder, no such file exists.
    Hidden,
    /// Any other file.
    Other,
}

/// A device whose config is encrypted.
pub(super) struct Encrypted {
    pub device: String,
    pub entry: Arc<DeviceEntry>,
}

impl Asked {
    pub fn of(name: &FileName, snapshot: &Snapshot) -> Self {
        let meaning = name.meaning();
        if let Meaning::Config { of: Owner::Device(device), form } = &meaning
            && let Some(entry) = snapshot.encrypted_device(device)
        {
            let encrypted = Encrypted { device: device.clone(), entry };
            return match form {
                Form::Signed => Self::Stub(encrypted),
                Form::Encrypted => Self::Sealed(encrypted),
                Form::Plain => Self::Hidden,
            };
        }
        match meaning {
            Meaning::List { list, device } => Self::List { list, device },
            _ if name.begins_as_config_of().any(|device| snapshot.encrypted_device(&device).is_some()) => Self::Hidden,
            Meaning::Config { of, form } => Self::Config { of, form },
            Meaning::Other => Self::Other,
        }
    }
}
