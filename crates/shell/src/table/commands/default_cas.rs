//! `cert default-ca-list`, `web-security`, `show cert list type`.

use cluster::Level;

use super::{needed, optional};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["set", "cert", "default-ca-list"],
        arguments: &[
            needed("enable|disable", Kind::Choice(&["enable", "disable"])),
            needed("all|common-name", Kind::Value),
        ],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "switches a CA of the default list on or off",
        help: "This will take a CA of the default list out of its trust stores on all nodes, or put one back that was taken out.\n\
               Which there are, `show cert default-ca-list` says. Phones with a MIC of a CA that is off cannot enrol by it.",
        example: "set cert default-ca-list disable CAP-RTP-001",
        action: Action::SetDefaultCa,
    },
    Command {
        words: &["set", "web-security"],
        arguments: &[
            needed("orgunit", Kind::Word),
            needed("orgname", Kind::Word),
            needed("locality", Kind::Word),
            needed("state", Kind::Word),
            optional("country", Kind::Word),
            optional("alternatehostname", Kind::Word),
        ],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "sets the subjects of this node's certificates",
        help: "This will set OU, O, L, ST and C of all certificates and requests that this node makes from then on, and another\n\
               host name or an address for their subjectAltNames. A value with blanks stands in quotation marks.",
        example: "set web-security Voice \"Example Inc\" Kassel Hessen DE 192.0.2.7",
        action: Action::SetWebSecurity,
    },
    Command {
        words: &["show", "cert", "default-ca-list"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the CAs of the default list",
        help: "This will list the CAs that the original brings along, their trust stores, what they are for, and whether they are\n\
               here: their certificates are not part of this program, `utils capf mic-root load` loads them.",
        example: "show cert default-ca-list",
        action: Action::ListDefaultCas,
    },
    Command {
        words: &["show", "cert", "list", "type"],
        arguments: &[needed("own|trust|unit-name", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the certificates of one unit or trust store",
        help: "This will list the own certificates of this node (`own`), all trust stores (`trust`), or one unit or trust store.",
        example: "show cert list type CallManager-trust",
        action: Action::ListCertificatesOf,
    },
    Command {
        words: &["show", "web-security"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints the subjects of this node's certificates",
        help: "This will print what `set web-security` has set for this node, or what the cluster began with.",
        example: "show web-security",
        action: Action::ShowWebSecurity,
    },
];
