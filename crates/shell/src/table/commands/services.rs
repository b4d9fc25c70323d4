//! `utils service`.

use ringfence_core::Level;

use super::{SERVICE, optional};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["utils", "service", "list"],
        arguments: &[optional("page", Kind::Choice(&["page"]))],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the services of this node",
        help: "This will list the services of this node and whether they run.",
        example: "utils service list",
        action: Action::ListServices,
    },
    Command {
        words: &["utils", "service", "restart"],
        arguments: SERVICE,
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "restarts a service of this node",
        help: "This will restart a service. Cisco Tftp builds its ITL file again then.",
        example: "utils service restart Cisco Tftp",
        action: Action::RestartService,
    },
    Command {
        words: &["utils", "service", "start"],
        arguments: SERVICE,
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "starts a service of this node",
        help: "This will start a service.",
        example: "utils service start Cisco Tftp",
        action: Action::StartService,
    },
    Command {
        words: &["utils", "service", "stop"],
        arguments: SERVICE,
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "stops a service of this node",
        help: "This will stop a service. It stays stopped until it is started or restarted.",
        example: "utils service stop Cisco Tftp",
        action: Action::StopService,
    },
];
