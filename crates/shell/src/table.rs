//! The one table of commands: words, arguments, level, node, help. Parsing, `help`, `?`, Tab and the check of privileges
//! read it.

use ringfence_core::Level;

/// A command.
#[derive(Debug)]
pub struct Command {
    /// The words that name it.
    pub words: &'static [&'static str],
    /// What follows the words.
    pub arguments: &'static [Argument],
    /// The level that it needs.
    pub level: Level,
    /// The nodes that it runs on.
    pub place: Place,
    /// Whether the original has it.
    pub origin: Origin,
    /// One line.
    pub summary: &'static str,
    /// What it does, for `help COMMAND`.
    pub help: &'static str,
    /// A line that somebody could type.
    pub example: &'static str,
    /// What it runs.
    pub(crate) action: Action,
}

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On any node.
    AnyNode,
    /// On the publisher.
    Publisher,
}

/// Whose command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The original has it.
    Original,
    /// Ours: the original does it on a web page.
    Ours,
}

/// An argument.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Its name in the syntax line.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether it may be missing.
    pub optional: bool,
}

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A unit of the node.
    Unit,
    /// An own certificate: `tomcat` or `tomcat/tomcat.pem`.
    OwnCertificate,
    /// An entry of a trust store: `tomcat-trust/cm9.pem`.
    TrustCertificate,
    /// A service; its name contains blanks, so it takes the rest of the line.
    Service,
    /// A file; these are there.
    File(&'static [&'static str]),
    /// A parameter of the cluster that is set by hand.
    Parameter,
    /// Any word.
    Word,
    /// An SQL statement: the rest of the line.
    Statement,
    /// Words of a command: the rest of the line.
    CommandWords,
}

impl Kind {
    /// Whether it takes the rest of the line, blanks included.
    pub const fn takes_rest(self) -> bool {
        matches!(self, Self::Service | Self::Statement | Self::CommandWords)
    }
}

/// What a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Help,
    Quit,
    ShowCtl,
    ShowItl,
    ListCertificates,
    ShowOwn,
    ShowTrust,
    Regenerate,
    MixedMode,
    NonSecureMode,
    UpdateCtl,
    DeleteActivelog,
    DeleteTftp,
    ListServices,
    StartService,
    StopService,
    RestartService,
    RunSql,
    ShowParameters,
    SetParameter,
    SetPagination,
    ShowPagination,
}

const fn needed(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, optional: false }
}

const fn optional(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, optional: true }
}

const SERVICE: &[Argument] = &[needed("service-name", Kind::Service)];
const NO_CONFIRM: Argument = optional("noconfirm", Kind::Choice(&["noconfirm"]));

/// Where the lists of a node stand in `activelog`.
pub(crate) const ACTIVELOG_FILES: &[&str] = &["cm/tftpdata/CTLFile.tlv", "cm/tftpdata/ITLFile.tlv"];
/// The lists among the TFTP files of a node.
pub(crate) const TFTP_FILES: &[&str] = &["CTLFile.tlv", "ITLFile.tlv"];

/// All commands by name. Levels and nodes: [cucm-behaviour.md 1.2, 1.5]; `run sql` needs 1 as the other commands of
/// administrators.
pub const COMMANDS: &[Command] = &[
    Command {
        words: &["file", "delete", "activelog"],
        arguments: &[needed("file-spec", Kind::File(ACTIVELOG_FILES)), NO_CONFIRM],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "deletes a trust list from the files of this node",
        help: "This will delete the CTL or the ITL file of this node. A deleted CTL comes back with\n\
               `utils ctl update CTLFile`, a deleted ITL with a restart of Cisco Tftp.\n\
               Phones keep the list that they hold: deleting the file here deletes nothing there.",
        example: "file delete activelog cm/tftpdata/CTLFile.tlv",
        action: Action::DeleteActivelog,
    },
    Command {
        words: &["file", "delete", "tftp"],
        arguments: &[needed("file-spec", Kind::File(TFTP_FILES)), NO_CONFIRM],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "deletes a trust list from the TFTP files of this node",
        help: "This will delete the CTL or the ITL file of this node, the same files as\n\
               `file delete activelog cm/tftpdata/...`.",
        example: "file delete tftp CTLFile.tlv",
        action: Action::DeleteTftp,
    },
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
               own. Tables: processnode, processnodeservice, processconfig, device, callmanagergroup,\n\
               callmanagergroupmember, certificate and its maps.",
        example: "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'",
        action: Action::RunSql,
    },
    Command {
        words: &["set", "cert", "regen"],
        arguments: &[needed("unit-name", Kind::Unit)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "makes a new key and certificate for a unit of this node",
        help: "This will replace key and certificate of a unit, exchange the copies in the trust stores and\n\
               rebuild the ITL files. In mixed mode run `utils ctl update CTLFile` after CallManager, CAPF or\n\
               ITLRecovery. CallManager and TVS wait five minutes for each other: a phone that has missed both\n\
               can check nothing any more.",
        example: "set cert regen CallManager",
        action: Action::Regenerate,
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
        arguments: &[needed("name", Kind::Parameter), needed("value", Kind::Word)],
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
        words: &["show", "cert", "list"],
        arguments: &[needed("own|trust", Kind::Choice(&["own", "trust"]))],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the certificates of this node or of the trust stores",
        help: "This will list the own certificates of this node, or the entries of all trust stores.",
        example: "show cert list own",
        action: Action::ListCertificates,
    },
    Command {
        words: &["show", "cert", "own"],
        arguments: &[needed("filename", Kind::OwnCertificate)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints an own certificate",
        help: "This will print an own certificate of this node as text and as PEM. The name of the unit is enough.",
        example: "show cert own tomcat",
        action: Action::ShowOwn,
    },
    Command {
        words: &["show", "cert", "trust"],
        arguments: &[needed("filename", Kind::TrustCertificate)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints an entry of a trust store",
        help: "This will print an entry of a trust store as text and as PEM. `show cert list trust` names them.",
        example: "show cert trust Phone-SAST-trust/cucm-pub.pem",
        action: Action::ShowTrust,
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
        words: &["show", "ctl"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints the CTL file of this node",
        help: "This will print the checksums, the header and all records of the CTL file and say whether it\n\
               verifies.",
        example: "show ctl",
        action: Action::ShowCtl,
    },
    Command {
        words: &["show", "itl"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints the ITL file of this node",
        help: "This will print the checksums, the header and all records of the ITL file and say whether it\n\
               verifies.",
        example: "show itl",
        action: Action::ShowItl,
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
    Command {
        words: &["utils", "ctl", "set-cluster", "mixed-mode"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "sets the cluster to mixed mode and makes its CTL file",
        help: "This will make the CTL file, put it on all nodes and set the cluster to mixed mode. Phones take\n\
               the CTL at their next start; from then on they can authenticate and encrypt.",
        example: "utils ctl set-cluster mixed-mode",
        action: Action::MixedMode,
    },
    Command {
        words: &["utils", "ctl", "set-cluster", "non-secure-mode"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "sets the cluster to non secure mode and reduces its CTL file",
        help: "This will reduce the CTL file to its SAST and CAPF records and set the cluster to non secure mode.\n\
               The file stays: a phone that holds a CTL takes only another one.",
        example: "utils ctl set-cluster non-secure-mode",
        action: Action::NonSecureMode,
    },
    Command {
        words: &["utils", "ctl", "update", "CTLFile"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "makes the CTL file again from the certificates of now",
        help: "This will make the CTL file again and put it on all nodes. Needed after a renewal of CallManager,\n\
               CAPF or ITLRecovery in mixed mode; without it phones cannot use TLS with the new certificate.",
        example: "utils ctl update CTLFile",
        action: Action::UpdateCtl,
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

impl Command {
    /// The words in one line.
    pub fn name(&self) -> String {
        self.words.join(" ")
    }

    /// Words and arguments: `set cert regen unit-name`, with `[...]` around what may be missing.
    pub fn syntax(&self) -> String {
        let mut out = self.name();
        for argument in self.arguments {
            let name = argument.name;
            out.push_str(&match (argument.kind, argument.optional) {
                (_, true) => format!(" [{name}]"),
                (Kind::Choice(_), false) => format!(" {{{name}}}"),
                (_, false) => format!(" {name}"),
            });
        }
        out
    }

    /// Whether `words` are the first words of its name, in any case.
    pub fn begins_with(&self, words: &[&str]) -> bool {
        words.len() <= self.words.len()
            && words.iter().zip(self.words).all(|(typed, word)| typed.eq_ignore_ascii_case(word))
    }
}

/// The commands that a level may run.
pub fn visible(level: Level) -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(move |command| command.level <= level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Line, parse};

    #[test]
    fn in_order_without_doubles_and_each_example_is_its_command() {
        let names: Vec<String> = COMMANDS.iter().map(Command::name).collect();
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(names, sorted);
        for command in COMMANDS {
            match parse(command.example) {
                Line::Command(found, _) => assert_eq!(found.name(), command.name()),
                other => panic!("{}: {other:?}", command.example),
            }
            assert!(!command.summary.ends_with('.') && command.help.ends_with('.'));
            // Only the last argument may take the rest of the line.
            let rest = command.arguments.iter().position(|argument| argument.kind.takes_rest());
            assert!(rest.is_none_or(|index| index + 1 == command.arguments.len()));
        }
    }
}
