//! `ringfence device add` and `remove`.

use daemon::surroundings::System;
use ringfence_core::config::{DeviceSecurityMode, Protocol};
use ringfence_core::devices::{Device, device_name};
use ringfence_core::{CoreError, Level};

use crate::exit::{Answer, Failure};
use crate::opened::{Data, actor, could_not};
use crate::terminal::{self, GOOD, paint};

/// Add a phone, or change one that is there
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence device add SEP58971ECC97C1 --model 8861 --security encrypted --nodes pub,sub1"
)]
pub struct Add {
    #[command(flatten)]
    data: Data,
    /// SEP and the MAC address, or the MAC address alone
    name: String,
    /// Model
    #[arg(long, default_value = "8861")]
    model: String,
    /// SIP or SCCP
    #[arg(long, default_value = "SIP")]
    protocol: Protocol,
    /// non-secure, authenticated or encrypted; the last two need a cluster in mixed mode
    #[arg(long, default_value = "non-secure")]
    security: DeviceSecurityMode,
    /// Nodes in the order in which the phone uses them, three at most; the default group without it
    #[arg(long, value_delimiter = ',', value_name = "NODE,...")]
    nodes: Vec<String>,
    /// Text for people
    #[arg(long, default_value = "")]
    description: String,
}

impl Add {
    /// Adds the phone.
    pub fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let name = device_name(&self.name).map_err(could_not)?;
        let device = Device {
            name: name.clone(),
            description: self.description,
            model: self.model,
            protocol: self.protocol,
            security: self.security,
            nodes: self.nodes,
        };
        let known = opened.runtime.block_on(async {
            let known = opened.cluster.store().devices().await?.iter().any(|row| row.name == name);
            let actor = actor(Level::Install);
            opened.cluster.put_devices(&actor, &[device], &mut System::default()).await?;
            Ok(known)
        });
        let word = if known.map_err(could_not)? { "changed" } else { "added" };
        terminal::print(&format!("{name} {}\n", paint(GOOD, word)))?;
        Ok(Answer::Yes)
    }
}

/// Remove a phone; its trust lists stay on it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence device remove SEP58971ECC97C1")]
pub struct Remove {
    #[command(flatten)]
    data: Data,
    /// Name of the phone
    name: String,
}

impl Remove {
    /// Removes the phone. Exit code 1 when there is none with this name.
    pub fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let name = device_name(&self.name).map_err(could_not)?;
        let actor = actor(Level::Install);
        let mut system = System::default();
        let done = opened.cluster.remove_device(&actor, &name, &mut system);
        match opened.runtime.block_on(done) {
            Ok(()) => {
                terminal::print(&format!("{name} {}\n", paint(GOOD, "removed")))?;
                Ok(Answer::Yes)
            }
            // The name is well-formed, so there is no phone with it.
            Err(CoreError::BadInput(reason)) => {
                terminal::error(&reason);
                Ok(Answer::No)
            }
            Err(error) => Err(could_not(error)),
        }
    }
}
