//! `show ctl`, `show itl`, `show anchors`, `utils ctl`, `utils itl`.

use cluster::Level;

use super::{needed, optional};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["show", "anchors"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "compares the lists of all nodes with the live certificates",
        help: "This will name each record of a CTL or ITL file whose certificate is not live any more, and the command that mends\n\
               it. Look at it after an upgrade and before a renewal of CallManager or ITLRecovery.",
        example: "show anchors",
        action: Action::ShowAnchors,
    },
    Command {
        words: &["show", "ctl"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints the CTL file of this node",
        help: "This will print the checksums, the header and all records of the CTL file and say whether it\n\
               verifies.",
        example: "show ctl",
        action: Action::ShowCtl,
    },
    Command {
        words: &["show", "ctl", "status"],
        arguments: &[optional("all|missing", Kind::Choice(&["all", "missing"]))],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists which phones have fetched the current CTL file",
        help: "This will list the phones with the CTL file that each fetched last: Match for the one that a node gives out now,\n\
               MisMatch for another one, Not Installed when it was not seen to fetch one. `missing` leaves out those that match.\n\
               Phones that nobody added have a table of their own; renewals wait for them until 30 days after they were seen.",
        example: "show ctl status missing",
        action: Action::ShowCtlStatus,
    },
    Command {
        words: &["show", "itl"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints the ITL file of this node",
        help: "This will print the checksums, the header and all records of the ITL file and say whether it\n\
               verifies.",
        example: "show itl",
        action: Action::ShowItl,
    },
    Command {
        words: &["show", "itl", "status"],
        arguments: &[optional("all|missing", Kind::Choice(&["all", "missing"]))],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists which phones have fetched the current ITL file",
        help: "This will list the phones with the ITL file that each fetched last: Match for the one that a node gives out now,\n\
               MisMatch for another one, Not Installed when it was not seen to fetch one. `missing` leaves out those that match.\n\
               Phones that nobody added have a table of their own; renewals wait for them until 30 days after they were seen.",
        example: "show itl status missing",
        action: Action::ShowItlStatus,
    },
    Command {
        words: &["utils", "ctl", "set-cluster", "mixed-mode"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "sets the cluster to mixed mode and makes its CTL file",
        help: "This will make the CTL file, put it on all nodes and set the cluster to mixed mode. Phones take\n\
               the CTL at their next start; from then on they can authenticate and encrypt.",
        example: "utils ctl set-cluster mixed-mode",
        action: Action::MixedMode,
    },
    Command {
        words: &["utils", "ctl", "set-cluster", "non-secure-mode"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "sets the cluster to non secure mode and reduces its CTL file",
        help: "This will reduce the CTL file to its SAST and CAPF records and set the cluster to non secure mode.\n\
               The file stays: a phone that holds a CTL takes only another one.",
        example: "utils ctl set-cluster non-secure-mode",
        action: Action::NonSecureMode,
    },
    Command {
        words: &["utils", "ctl", "distribute"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "puts the CTL file of the cluster on the nodes that have it not",
        help: "This will put the CTL file that a CTL client brought or the publisher signed on every node again. Needed\n\
               when one of them failed: until then phones get different CTL files from different nodes.",
        example: "utils ctl distribute",
        action: Action::DistributeCtl,
    },
    Command {
        words: &["utils", "ctl", "update", "CTLFile"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "makes the CTL file again from the current certificates",
        help: "This will make the CTL file again and put it on all nodes. Needed after a renewal of CallManager,\n\
               CAPF or ITLRecovery in mixed mode; without it phones cannot use TLS with the new certificate.",
        example: "utils ctl update CTLFile",
        action: Action::UpdateCtl,
    },
    Command {
        words: &["utils", "ctl", "reset", "localkey"],
        arguments: &[],
        level: Level::Install,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "makes the CTL file again, signed by its second certificate",
        help: "This will make the CTL file from the current certificates and sign it with the key of the second SAST, for phones\n\
               that do not know the first one. When they have it, `utils ctl update CTLFile` signs with the first one again.",
        example: "utils ctl reset localkey",
        action: Action::ResetCtl,
    },
    Command {
        words: &["utils", "itl", "reset", "localkey"],
        arguments: &[],
        level: Level::Install,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "signs the ITL files with the other key that phones know",
        help: "This will sign the ITL file of each active TFTP node again: up to 11.5 with ITLRecovery in a header in front of it,\n\
               later with CallManager. Phones that lost its signer take it. A restart of Cisco Tftp ends it. Up to 11.5 it asks for the\n\
               password of an account of level 4, if there is one.",
        example: "utils itl reset localkey",
        action: Action::ResetItlLocal,
    },
    Command {
        words: &["utils", "itl", "reset", "remotekey"],
        arguments: &[needed("file", Kind::Word)],
        level: Level::Install,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "signs the ITL files with the ITLRecovery key of another cluster",
        help: "This will do the same with the key of an ITLRecovery.p12 file (`file get tftp`), for phones that come from its\n\
               cluster. Its password is asked for. The file is named by its whole path, as it lies in the data directory, or as\n\
               sftp://USER@HOST:PORT/DIRECTORY/FILE; then the password of that user is asked for first.",
        example: "utils itl reset remotekey ITLRecovery.p12",
        action: Action::ResetItlRemote,
    },
];
