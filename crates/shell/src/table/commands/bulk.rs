//! `set cert bulk`.

use cluster::Level;

use super::needed;
use crate::table::{Action, Argument, Command, Kind, Origin, Place};

const UNIT: &[Argument] = &[needed(
    "unit-name",
    Kind::Choice(&["tomcat", "CallManager", "CAPF", "ITLRecovery", "tftp", "ITL_Recovery", "all"]),
)];

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["set", "cert", "bulk", "consolidate"],
        arguments: UNIT,
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "puts the exported certificates of all clusters into one file",
        help: "This will read what all clusters have exported for a unit, check it, and write the one file that all import.\n\
               Run it on one cluster, after the export on every cluster.",
        example: "set cert bulk consolidate all",
        action: Action::BulkConsolidate,
    },
    Command {
        words: &["set", "cert", "bulk", "export"],
        arguments: UNIT,
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "exports the certificates of all nodes for other clusters",
        help: "This will write the certificates of all nodes for a unit to the place that `set cert bulk sftp` names. No key\n\
               is ever exported. The web page of the original calls CallManager tftp and ITLRecovery ITL_Recovery.",
        example: "set cert bulk export all",
        action: Action::BulkExport,
    },
    Command {
        words: &["set", "cert", "bulk", "import"],
        arguments: UNIT,
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "trusts the consolidated certificates of the other clusters",
        help: "This will put the consolidated certificates of the other clusters into the trust stores: tomcat into\n\
               tomcat-trust, CallManager and ITLRecovery into Phone-SAST-trust and CallManager-trust, CAPF into\n\
               CallManager-trust and CAPF-trust. From then on TVS here vouches for the lists of those clusters, so that\n\
               phones can move there. Expired certificates are left out.",
        example: "set cert bulk import all",
        action: Action::BulkImport,
    },
    Command {
        words: &["set", "cert", "bulk", "sftp"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "names the place where clusters exchange certificates",
        help: "This will ask for an SFTP server, user, password and directory (or a directory of this machine), look whether\n\
               the place opens, and remember it. The password is kept encrypted; the host key that the server shows now is\n\
               expected from now on. Whoever may write there decides whom the phones believe.",
        example: "set cert bulk sftp",
        action: Action::SetBulkPlace,
    },
];
