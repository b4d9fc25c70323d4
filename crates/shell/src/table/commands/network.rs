//! `set network`: another address, host name or domain for the node of the session.

use cluster::Level;

use super::needed;
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["set", "network", "domain"],
        arguments: &[needed("domain", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "gives this node another domain, or none",
        help: "This will give the node another domain, or none with `none`. As with a new host name, its certificates carry the\n\
               old name until they are renewed: what phones do not check at once, then CallManager, TVS and ITLRecovery one by\n\
               one, each with the same command again when the phones have fetched the lists of the one before.",
        example: "set network domain example.com",
        action: Action::SetDomain,
    },
    Command {
        words: &["set", "network", "hostname"],
        arguments: &[needed("hostname", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "gives this node another host name",
        help: "This will first show certificates, lists and restarts that follow, and which phones will still believe. The original\n\
               renews all certificates at once; here those that phones do not check are renewed, and of CallManager, TVS and\n\
               ITLRecovery the first. The same command again renews the next one, when the phones have fetched the lists that\n\
               tell of the one before. Certificates of a CA are not touched. On a subscriber: `ringfence admin --node NAME`.",
        example: "set network hostname cucm-pub2",
        action: Action::SetHostname,
    },
    Command {
        words: &["set", "network", "ip"],
        arguments: &[needed("address", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "gives this node another address",
        help: "This will build lists and configs with another address of the node. No certificate is renewed. Phones find the node\n\
               by DHCP option 150 and need a boot. The address is that of the machine already: this command changes nothing in\n\
               the operating system, unlike the original, which wants interface, mask and gateway too.",
        example: "set network ip 10.48.47.160",
        action: Action::SetAddress,
    },
];
