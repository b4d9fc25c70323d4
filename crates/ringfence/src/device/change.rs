//! `ringfence device add`, `remove` and `forget`.

use cluster::Level;
use cluster::config::{DeviceSecurityMode, Protocol};
use cluster::devices::Device;
use cluster::names::{device_name, device_name_of};
use daemon::surroundings::System;
use ringfence_core::CoreError;

use crate::exit::{Answer, Failure};
use crate::opened::{Data, actor, could_not, refused};
use crate::terminal::{self, GOOD, one_line, paint};

/// Add a phone, or change one that is there
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence device add SEP58971ECC97C1 --model 8861 --security encrypted --nodes pub,sub1"
)]
pub struct Add {
    #[command(flatten)]
    data: Data,
    /// SEP and the MAC address, or the MAC address alone; a soft phone has a name of its own: letters, digits, `.`, `_` and `-`
    name: String,
    /// Model; one that is not known is refused with those that are
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
        let name = device_name_of(&self.name, &self.model).map_err(refused)?;
        let device = Device {
            name: name.clone(),
            description: self.description,
            model: self.model,
            protocol: self.protocol,
            security: self.security,
            nodes: self.nodes,
        };
        let known: Result<bool, CoreError> = opened.runtime.block_on(async {
            let known = opened.cluster.store().devices().await?.iter().any(|row| row.name == name);
            let actor = actor(Level::Install);
            opened.cluster.put_devices(&actor, &[device], &mut System::default()).await?;
            Ok(known)
        });
        let word = if known.map_err(refused)? { "changed" } else { "added" };
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
        let name = device_name(&self.name).map_err(refused)?;
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

/// Forget a phone that nobody added, or all of them: no renewal waits for them any more
///
/// Phones that fetched a trust list and are no devices of the cluster are listed by `show itl status` and by `device list --unknown`.
/// One that is still there counts again when it boots the next time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ringfence device forget SEP58971ECC97C1\n  ringfence device forget all")]
pub struct Forget {
    #[command(flatten)]
    data: Data,
    /// Name of the phone, or `all`
    name: String,
}

impl Forget {
    /// Forgets. Exit code 1 when there was none.
    pub fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let name = (!self.name.eq_ignore_ascii_case("all")).then_some(self.name.as_str());
        let actor = actor(Level::Install);
        let mut system = System::default();
        let done = opened.cluster.forget_strangers(&actor, name, &mut system);
        match (opened.runtime.block_on(done).map_err(refused)?, name) {
            (0, Some(name)) => {
                terminal::error(&format!(
                    "no phone {} that nobody added; `show itl status` lists them",
                    one_line(name)
                ));
                Ok(Answer::No)
            }
            (0, None) => {
                terminal::print("nothing to forget: no phone that nobody added is remembered\n")?;
                Ok(Answer::Yes)
            }
            (1, Some(name)) => {
                terminal::print(&format!("{} {}\n", one_line(&name.to_ascii_uppercase()), paint(GOOD, "forgotten")))?;
                Ok(Answer::Yes)
            }
            (count, _) => {
                let noun = if count == 1 { "phone" } else { "phones" };
                terminal::print(&format!("{count} {noun} {}\n", paint(GOOD, "forgotten")))?;
                Ok(Answer::Yes)
            }
        }
    }
}
