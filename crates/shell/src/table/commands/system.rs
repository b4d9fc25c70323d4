//! `utils system`, and what stands over the whole cluster: rollback, alarms.

use cluster::Level;

use super::{needed, optional};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["set", "rollback"],
        arguments: &[needed("enable|disable", Kind::Choice(&["enable", "disable"]))],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "prepares the cluster for a rollback to pre 8.0, or ends that",
        help: "This will blank the ITL file: its TFTP and TVS records are emptied, CAPF stays, the CTL file is not touched. Phones\n\
               that fetch it accept unsigned configs and any ITL file after it, whoever signed it, and so do phones with a CTL that\n\
               `utils ctl set-cluster non-secure-mode` has reduced; with a full CTL they check as before. The CTL file of a\n\
               stranger is refused by all that know a signer. No certificate is renewed meanwhile. Phones that are off now keep\n\
               their ITL. `disable` restores the ITL file. The original has it as the enterprise parameter Prepare Cluster for\n\
               Rollback to pre 8.0.",
        example: "set rollback enable",
        action: Action::SetRollback,
    },
    Command {
        words: &["show", "alarms"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists the alarms that stand",
        help: "This will list the alarms that stand until something is done about them. Their lines are in log/alarms.log.",
        example: "show alarms",
        action: Action::ShowAlarms,
    },
    Command {
        words: &["utils", "system", "switch-version"],
        arguments: &[needed("release", Kind::Release), optional("renew", Kind::Choice(&["renew-itlrecovery"]))],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "switches the cluster to another release",
        help: "This will make the cluster follow another release, newer or older. Certificates and the CTL file stay as they\n\
           are, the ITL files are built anew. The original switches to the version on its other partition; here the release\n\
           is named: 9.1, 10.5, 11.5, 12.5, 14 or 15. With `renew-itlrecovery` an upgrade to 12.5 makes another ITLRecovery\n\
           certificate, as 12.5(1) before SU3 did: that rehearses field notice 70613.",
        example: "utils system switch-version 15",
        action: Action::SwitchVersion,
    },
];
