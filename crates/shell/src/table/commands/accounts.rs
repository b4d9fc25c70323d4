//! `set account`, `delete account`, `show account`.

use cluster::Level;

use super::needed;
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["set", "account", "name"],
        arguments: &[needed("name", Kind::Word)],
        level: Level::Install,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "adds an administrator who logs in with a password",
        help: "This will ask for a privilege level and a password and add an account. The CTL client logs in with\n\
               one of level 1 or 4. Who works on the machine of the node needs no account.",
        example: "set account name ccmadmin",
        action: Action::AddAccount,
    },
    Command {
        words: &["delete", "account"],
        arguments: &[needed("name", Kind::Word)],
        level: Level::Install,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "removes an administrator",
        help: "This will remove an account. Sessions that run go on.",
        example: "delete account ccmadmin",
        action: Action::DeleteAccount,
    },
    Command {
        words: &["show", "account"],
        arguments: &[],
        level: Level::Install,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the administrators",
        help: "This will list the accounts and their privilege levels.",
        example: "show account",
        action: Action::ListAccounts,
    },
];
