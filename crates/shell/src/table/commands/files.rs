//! `file`.

use cluster::Level;

use super::{ACTIVELOG_FILES, NO_CONFIRM, RECOVERY_FILES, TFTP_FILES, needed, optional};
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
    Command {
        words: &["file", "get", "tftp"],
        arguments: &[needed("file-spec", Kind::File(RECOVERY_FILES)), optional("place", Kind::Word)],
        level: Level::Install,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "takes the ITLRecovery key away in a file",
        help: "This will write key and certificate of ITLRecovery to a file (PKCS#12) behind a password that is asked for twice. place\n\
               is a directory or a file, by its whole path or in the data directory; without it ITLRecovery.p12 there. No file is written over. Keep it\n\
               elsewhere: with it phones come back that have lost their cluster. The original sends it to an SFTP server.",
        example: "file get tftp ITLRecovery.p12",
        action: Action::GetTftp,
    },
];
