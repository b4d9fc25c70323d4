//! `file`.

use ringfence_core::Level;

use super::{ACTIVELOG_FILES, NO_CONFIRM, TFTP_FILES, needed};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["file", "delete", "activelog"],
        arguments: &[needed("file-spec", Kind::File(ACTIVELOG_FILES)), NO_CONFIRM],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "deletes a trust list from the files of this node",
        help: "This will delete the CTL or the ITL file of this node. A deleted CTL comes back with\n\
               `utils ctl update CTLFile`, a deleted ITL with a restart of Cisco Tftp.\n\
               Phones keep the list that they hold: deleting the file here deletes nothing there.",
        example: "file delete activelog cm/tftpdata/CTLFile.tlv",
        action: Action::DeleteActivelog,
    },
    Command {
        words: &["file", "delete", "tftp"],
        arguments: &[needed("file-spec", Kind::File(TFTP_FILES)), NO_CONFIRM],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "deletes a trust list from the TFTP files of this node",
        help: "This will delete the CTL or the ITL file of this node, the same files as\n\
               `file delete activelog cm/tftpdata/...`.",
        example: "file delete tftp CTLFile.tlv",
        action: Action::DeleteTftp,
    },
];
