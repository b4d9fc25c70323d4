//! The terminal itself, parameters and SQL.

use cluster::Level;

use super::{needed, optional};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["help"],
        arguments: &[optional("command", Kind::CommandWords)],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the commands, or explains one",
        help: "This will list the commands that you may run. With the words of a command it explains that\n\
               command; with the first words of several it lists those.",
        example: "help set cert regen",
        action: Action::Help,
    },
    Command {
        words: &["quit"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "leaves",
        help: "This will end the session.",
        example: "quit",
        action: Action::Quit,
    },
    Command {
        words: &["run", "sql"],
        arguments: &[needed("sql-statement", Kind::Statement)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "runs a select on the database of the cluster",
        help: "This will run one select and print its rows. It changes nothing: changes have commands of their\n\
               own. It shows no password and no sealed string, takes 10 seconds, 100000 rows and 64 MiB at most, and\n\
               each call is in the audit log. Tables: processnode, processnodeservice, processconfig, device, callmanagergroup,\n\
               callmanagergroupmember, certificate and its maps, typecertificatestatus, lsc.",
        example: "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'",
        action: Action::RunSql,
    },
    Command {
        words: &["set", "cli", "pagination"],
        arguments: &[needed("on|off", Kind::Choice(&["on", "off"]))],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "turns paging of long texts on or off for this session",
        help: "This will turn automatic pagination on or off for this session.",
        example: "set cli pagination off",
        action: Action::SetPagination,
    },
    Command {
        words: &["set", "parameter"],
        arguments: &[needed("name", Kind::Parameter), needed("value", Kind::Value)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "sets an enterprise parameter",
        help: "This will set a parameter of the cluster and rebuild what depends on it. The original has these on\n\
               the page System > Enterprise Parameters. The security mode has a command of its own,\n\
               `utils ctl set-cluster`.",
        example: "set parameter TFTPFileSignatureAlgorithm SHA-512",
        action: Action::SetParameter,
    },
    Command {
        words: &["show", "cli", "pagination"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "says whether long texts are paged",
        help: "This will show whether automatic pagination is on.",
        example: "show cli pagination",
        action: Action::ShowPagination,
    },
    Command {
        words: &["show", "parameters"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists the enterprise parameters",
        help: "This will list the parameters of the cluster. The original has them on the page\n\
               System > Enterprise Parameters.",
        example: "show parameters",
        action: Action::ShowParameters,
    },
];
