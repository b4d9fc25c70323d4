//! Why a node does not run.

use ringfence_core::CoreError;

use crate::node::StartError;
use crate::settings::SettingsError;

/// Why a node does not run. Nothing was altered that was there before.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The settings cannot be written.
    #[error("the settings cannot be written: {0}")]
    Toml(#[from] toml::ser::Error),
    /// The servers.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Rows, keys, lists.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The start names what the cluster is not, or what none can be.
    #[error("{0}")]
    Later(String),
}
