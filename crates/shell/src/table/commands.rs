//! The commands themselves, a file for each noun.

mod accounts;
mod audit;
mod bulk;
mod capf;
mod certificates;
mod default_cas;
mod files;
mod keys;
mod monitor;
mod network;
mod requests;
mod services;
mod system;
mod terminal;
mod trust_lists;
mod unreadable;

use super::{Argument, Command, Kind};

const fn needed(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, optional: false }
}

const fn optional(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, optional: true }
}

const DEVICES: Argument = needed("devices", Kind::Devices(&["all"]));
const SERVICE: &[Argument] = &[needed("service-name", Kind::Service)];
const NO_CONFIRM: Argument = optional("noconfirm", Kind::Choice(&["noconfirm"]));

/// Where the lists of a node stand in `activelog`.
pub(crate) const ACTIVELOG_FILES: &[&str] = &["cm/tftpdata/CTLFile.tlv", "cm/tftpdata/ITLFile.tlv"];
/// The lists among the TFTP files of a node.
pub(crate) const TFTP_FILES: &[&str] = &["CTLFile.tlv", "ITLFile.tlv"];

/// What can be taken away.
pub(crate) const RECOVERY_FILES: &[&str] = &[ringfence_core::recovery::backup::FILE];

/// All commands, each noun's in the order of the alphabet. Levels and nodes: [sources/shell#certificate-commands],
/// [sources/shell#trust-list-commands]; `run sql` needs 1 as the other commands of administrators.
const NOUNS: &[&[Command]] = &[
    accounts::COMMANDS,
    audit::COMMANDS,
    bulk::COMMANDS,
    capf::COMMANDS,
    certificates::COMMANDS,
    default_cas::COMMANDS,
    files::COMMANDS,
    keys::COMMANDS,
    requests::COMMANDS,
    monitor::COMMANDS,
    network::COMMANDS,
    services::COMMANDS,
    system::COMMANDS,
    terminal::COMMANDS,
    trust_lists::COMMANDS,
    unreadable::COMMANDS,
];

/// All commands.
pub fn all() -> impl Iterator<Item = &'static Command> {
    NOUNS.iter().copied().flatten()
}
