//! `utils service`.

use cluster::Level;

use super::{SERVICE, needed, optional};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["show", "restarts"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists the restarts that changes of certificates still need",
        help: "This will list what is still to be done on each node after changes of certificates: restarts of services and other \
               steps, with what changed and where it is written that the release needs it.",
        example: "show restarts",
        action: Action::ShowRestarts,
    },
    Command {
        words: &["utils", "service", "activate"],
        arguments: SERVICE,
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "activates a feature service of this node",
        help: "This will activate a feature service and start it.",
        example: "utils service activate Cisco Tftp",
        action: Action::ActivateService,
    },
    Command {
        words: &["utils", "service", "deactivate"],
        arguments: SERVICE,
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "deactivates a feature service of this node",
        help: "This will stop a feature service and deactivate it.",
        example: "utils service deactivate Cisco Tftp",
        action: Action::DeactivateService,
    },
    Command {
        words: &["utils", "service", "mark-done"],
        arguments: &[needed("step", Kind::Step)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "notes that a step of show restarts was done elsewhere",
        help: "This will note that a restart of a service that Ringfence does not run, or another step that show restarts lists for \
               this node, was done.",
        example: "utils service mark-done Cisco HAProxy",
        action: Action::MarkRestartDone,
    },
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
