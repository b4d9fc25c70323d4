//! `utils unreadable`.

use cluster::Level;

use super::needed;
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["utils", "unreadable", "delete"],
        arguments: &[needed("table", Kind::Word), needed("key", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "takes out a row or file that cannot be read",
        help: "This will delete a row of the database, a key or a published list that cannot be read, named as `utils unreadable\n\
               list` names it. One that phones may rely on stays. What can be read is never deleted.",
        example: "utils unreadable delete certificate 0d1a6b0a-5d0c-5f0e-9c1e-0f6a1c2b3d4e",
        action: Action::DeleteUnreadable,
    },
    Command {
        words: &["utils", "unreadable", "delete", "force"],
        arguments: &[needed("table", Kind::Word), needed("key", Kind::Word), needed("reason", Kind::Value)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "the same although phones may rely on it",
        help: "This will do what `utils unreadable delete` does when phones may rely on what cannot be read. The audit log keeps\n\
               the reason.",
        example: "utils unreadable delete force certificate 0d1a6b0a-5d0c-5f0e-9c1e-0f6a1c2b3d4e no phone holds it any more",
        action: Action::ForceDeleteUnreadable,
    },
    Command {
        words: &["utils", "unreadable", "list"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists the rows and files that cannot be read",
        help: "This will list the rows of all tables, the keys and the published lists that cannot be read, each with the reason and\n\
               the command that takes it out. Nothing else stops for them.",
        example: "utils unreadable list",
        action: Action::ListUnreadable,
    },
];
