//! `utils audit`.

use cluster::Level;

use super::optional;
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["utils", "audit", "list"],
        arguments: &[optional("count", Kind::Word)],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists the last entries of the audit log",
        help: "This will list the last entries of the audit log: number, time, who, the command, how it ended. Without a number \
               the last 20.",
        example: "utils audit list 50",
        action: Action::ListAudit,
    },
    Command {
        words: &["utils", "audit", "verify"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "checks that no entry of the audit log was altered or taken out",
        help: "This will read all entries of the audit log and check that each fits the one before it, and that the last one is \
               the one that log/audit.log names.",
        example: "utils audit verify",
        action: Action::VerifyAudit,
    },
];
