//! `utils key`.

use cluster::Level;

use crate::table::{Action, Command, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["utils", "key", "collect"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "removes the private keys that nothing uses",
        help: "This will remove what `utils key list` shows, for good: keys of certificates that were replaced, keys of\n\
               commands that were interrupted, files half written. What is younger than an hour stays.",
        example: "utils key collect",
        action: Action::CollectKeys,
    },
    Command {
        words: &["utils", "key", "list"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "lists the private keys that nothing uses",
        help: "This will list the keys of all nodes that no own certificate and no request has, with what they were for.",
        example: "utils key list",
        action: Action::ListUnusedKeys,
    },
];
