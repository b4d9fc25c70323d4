//! `show ctl`, `show itl`, `utils ctl`.

use ringfence_core::Level;

use crate::table::{Action, Command, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
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
        words: &["utils", "ctl", "update", "CTLFile"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "makes the CTL file again from the certificates of now",
        help: "This will make the CTL file again and put it on all nodes. Needed after a renewal of CallManager,\n\
               CAPF or ITLRecovery in mixed mode; without it phones cannot use TLS with the new certificate.",
        example: "utils ctl update CTLFile",
        action: Action::UpdateCtl,
    },
];
