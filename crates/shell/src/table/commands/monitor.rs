//! `show cert monitor`, `set cert acknowledge`. Ours: the original has a web page.

use cluster::Level;

use super::{needed, optional};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["set", "cert", "acknowledge"],
        arguments: &[needed("sha-256", Kind::Word), needed("reason", Kind::Statement)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "silences the monitor about a certificate until it gets worse",
        help: "This will note that somebody knows about a certificate and why nothing has to be done now. The monitor says\n\
               nothing more about it until its alarm gets worse. Eight digits of the SHA-256 are enough.",
        example: "set cert acknowledge 4f2a91c0 replaced with the new root on Monday",
        action: Action::Acknowledge,
    },
    Command {
        words: &["set", "cert", "unacknowledge"],
        arguments: &[needed("sha-256", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "takes an acknowledgement back",
        help: "This will let the monitor speak about a certificate again.",
        example: "set cert unacknowledge 4f2a91c0",
        action: Action::Unacknowledge,
    },
    Command {
        words: &["show", "cert", "monitor"],
        arguments: &[optional("all", Kind::Choice(&["all"]))],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists what expires, the gravest first",
        help: "This will list the certificates whose expiry is near or over, with what depends on them and who acknowledged\n\
               them: those of nodes, trust stores and phones. `all` lists the others too. An expired one that nothing\n\
               depends on stands at the end. As JSON: `ringfence monitor --json`.",
        example: "show cert monitor all",
        action: Action::ShowMonitor,
    },
    Command {
        words: &["show", "cert", "revocation"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists what CAs said last of revoked certificates",
        help: "This will list the certificates whose CAs were asked whether they have revoked them, bad news first. It is\n\
               switched on by the parameters EnableOCSP and EnableCRL, which stand for the page Certificate Revocation.",
        example: "show cert revocation",
        action: Action::ShowRevocation,
    },
    Command {
        words: &["utils", "cert", "revocation", "check"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "asks CAs now whether they have revoked certificates",
        help: "This will ask the responders (OCSP) and read the lists (CRL) of the certificates that are there: own ones and\n\
               those of trust stores; CAs too with the parameter EnableFullChainRevocationCheck.",
        example: "utils cert revocation check",
        action: Action::CheckRevocation,
    },
];
