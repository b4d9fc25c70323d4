//! `ringfence device import FILE.csv`: all of them or none.

use std::path::PathBuf;

use cluster::Level;
use cluster::devices::Device;
use cluster::devices::list::{ListedDevice, parse_list};
use daemon::surroundings::System;
use ringfence_core::CoreError;

use crate::exit::{Answer, Failure};
use crate::files::input::Input;
use crate::opened::{Data, Opened, actor, could_not, refused};
use crate::terminal::{self, GOOD, Progress, counted, paint};

/// From this many on, a bar says how far it is: some seconds of work.
const LARGE: usize = 1000;

/// Add the phones of a list, or change those that are there; all or none
///
/// One phone a line: name,model,protocol,security,nodes,description. Only the name is needed; nodes are separated by `+`.
/// Cells may stand in quotes, as spreadsheets write them (RFC 4180), with commas, semicolons or tabs between them. A first line with a
/// cell `name` is a title and says what the columns are, in any order; `#` begins a comment.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence device import phones.csv --dry-run\n\n  \
                        name,model,protocol,security,nodes,description\n  \
                        SEP58971ECC97C1,8861,SIP,encrypted,pub+sub1,Reception")]
pub struct Import {
    #[command(flatten)]
    data: Data,
    /// The list; `-` for standard input
    file: PathBuf,
    /// Say what would be done, change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    /// Imports the list.
    pub fn run(self) -> Result<Answer, Failure> {
        // The list may lie in the data directory.
        self.data.settle()?;
        let input = Input::read(&self.file)?;
        let opened = self.data.open()?;
        let text = std::str::from_utf8(&input.bytes).map_err(|error| {
            let line = 1 + input.bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
            Failure::of(&input.name, format!("line {line}: is not UTF-8; save the list as UTF-8"))
        })?;
        let (listed, known) = opened.runtime.block_on(read(&opened, text)).map_err(|error| match refused(error) {
            Failure::Refused(reason) => Failure::Refused(format!("{}: {reason}", input.name)),
            other => other,
        })?;
        let new = listed.iter().filter(|listed| !known.contains(&listed.device.name)).count();
        let changed = listed.len() - new;
        if self.dry_run {
            for ListedDevice { line, device } in &listed {
                let word = if known.contains(&device.name) { "change" } else { "add" };
                terminal::print(&format!("line {line}: {word} {}\n", device.name))?;
            }
            terminal::print(&format!(
                "would add {new} and change {}; nothing was changed\n",
                counted(changed, "phone")
            ))?;
            return Ok(Answer::Yes);
        }
        let devices: Vec<Device> = listed.into_iter().map(|listed| listed.device).collect();
        put(&opened, &devices)?;
        terminal::print(&format!("{} {new}, changed {}\n", paint(GOOD, "added"), counted(changed, "phone")))?;
        Ok(Answer::Yes)
    }
}

/// The list and the names that are there already.
async fn read(
    opened: &Opened,
    text: &str,
) -> Result<(Vec<ListedDevice>, std::collections::HashSet<String>), CoreError> {
    let nodes = opened.cluster.store().nodes().await?;
    let nodes: Vec<String> = nodes.into_iter().map(|node| node.name).collect();
    let listed = parse_list(text, &nodes)?;
    let known = opened.cluster.store().devices().await?;
    Ok((listed, known.into_iter().map(|row| row.name).collect()))
}

fn put(opened: &Opened, devices: &[Device]) -> Result<(), Failure> {
    let bar = if devices.len() >= LARGE {
        Progress::new(devices.len(), "{bar:40} {pos}/{len} phones, {eta} left")
    } else {
        Progress::hidden()
    };
    let mut tell = |done: usize| bar.reached(done);
    let actor = actor(Level::Install);
    let mut system = System::default();
    let done = opened.cluster.put_devices_telling(&actor, devices, &mut system, &mut tell);
    opened.runtime.block_on(done).map_err(could_not)
}
