//! `set csr`, `show csr`.

use cluster::Level;

use super::{needed, optional};
use crate::run::csr::REQUEST_OPTIONS;
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["set", "csr", "gen"],
        arguments: &[needed("unit-name", Kind::Unit), optional("options", Kind::Options(REQUEST_OPTIONS))],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "makes a key and a request (CSR) for an external CA",
        help: "This will make a new key for a unit of this node and a request (CSR) for it. Nothing else changes until its\n\
               certificate comes back, `set cert import own`. For the CA: `show csr own UNIT/UNIT.csr rfc7468`. A request before it is kept with its key: `show csr list own`\n\
               names it, `set csr restore` makes it wait again. The options (ours; the original has them on its page):\n\
               multi-server             one certificate for this unit of all nodes: tomcat, CallManager, cup-xmpp, cup-xmpp-s2s\n\
               common-name NAME         instead of the name of the node\n\
               parent-domain NAME|none  instead of the domain of the node\n\
               names NAME,NAME          more names\n\
               key-length BITS          2048, 3072, 4096 (1024 in old releases); 256, 384, 521 for -ECDSA\n\
               hash SHA256              or SHA384, SHA512 (SHA1 in old releases)\n\
               ou yes|no                whether the subject has its OU.",
        example: "set csr gen tomcat multi-server key-length 4096 hash SHA512",
        action: Action::GenerateRequest,
    },
    Command {
        words: &["set", "csr", "restore"],
        arguments: &[needed("filename", Kind::Request)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "makes a replaced request wait for its certificate again",
        help: "This will make a request that another one has replaced wait for its certificate again, with its own key: for\n\
               a CA that has signed the older one. The one that waits now is kept. `show csr list own` names them.",
        example: "set csr restore tomcat/tomcat_1a2b3c4d.csr",
        action: Action::RestoreRequest,
    },
    Command {
        words: &["show", "csr", "list"],
        arguments: &[optional("own|trust", Kind::Choice(&["own", "trust"]))],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the requests that wait for their certificates",
        help: "This will list the requests of this node that wait for the certificate of an external CA, then those that they\n\
               have replaced. For trust stores nothing is ever requested, so `trust` lists none.",
        example: "show csr list own",
        action: Action::ListRequests,
    },
    Command {
        words: &["show", "csr", "list", "type"],
        arguments: &[needed("own|unit-name", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the requests of one unit",
        help: "This will list the requests of this node (`own`), or those of one unit.",
        example: "show csr list type tomcat",
        action: Action::ListRequestsOfUnit,
    },
    Command {
        words: &["show", "csr", "own"],
        arguments: &[needed("filename", Kind::Request), optional("rfc7468", Kind::Choice(&["rfc7468"]))],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints a request that waits for its certificate",
        help: "This will print a request. Its title is that of the original, CERTIFICATE SIGN REQUEST, which OpenSSL and most\n\
               CAs do not read; `rfc7468` (ours) prints it with the title that they want. `ringfence cert UNIT --csr -o FILE`\n\
               writes the same into a file.",
        example: "show csr own tomcat/tomcat.csr rfc7468",
        action: Action::ShowRequest,
    },
];
