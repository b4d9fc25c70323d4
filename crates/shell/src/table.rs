//! The one table of commands: words, arguments, level, node, help. Parsing, `help`, `?`, Tab and the check of privileges
//! read it.

mod commands;

use cluster::Level;
use cluster::releases::{ItlReset, Release};

pub use commands::all;
pub(crate) use commands::{ACTIVELOG_FILES, TFTP_FILES};

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
    /// A trust store.
    TrustStore,
    /// A file of the trust store before it.
    TrustFile,
    /// A phone.
    Device,
    /// Phones: one, several with commas between, or one of these words.
    Devices(&'static [&'static str]),
    /// A service; its name contains blanks, so it takes the rest of the line.
    Service,
    /// A file; these are there.
    File(&'static [&'static str]),
    /// A parameter of the cluster that is set by hand.
    Parameter,
    /// A request of the node: `tomcat/tomcat.csr`.
    Request,
    /// A release.
    Release,
    /// A step that is pending; it contains blanks, so it takes the rest of the line.
    Step,
    /// Any word.
    Word,
    /// A value; it may contain blanks, so it takes the rest of the line.
    Value,
    /// An SQL statement: the rest of the line.
    Statement,
    /// Options and their values: the rest of the line.
    Options(&'static [&'static str]),
    /// Words of a command: the rest of the line.
    CommandWords,
}

impl Kind {
    /// Whether it takes the rest of the line, blanks included.
    pub const fn takes_rest(self) -> bool {
        matches!(
            self,
            Self::Service | Self::Step | Self::Value | Self::Statement | Self::Options(_) | Self::CommandWords
        )
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
    ListCertificatesOf,
    ListDefaultCas,
    SetDefaultCa,
    SetWebSecurity,
    SetAddress,
    SetHostname,
    SetDomain,
    ShowWebSecurity,
    ShowOwn,
    ShowFingerprint,
    ShowTrust,
    Regenerate,
    ForceRegenerate,
    ListDeletions,
    UndeleteTrusted,
    ShowCtlStatus,
    ShowItlStatus,
    ListUnusedKeys,
    CollectKeys,
    ListUnreadable,
    DeleteUnreadable,
    ForceDeleteUnreadable,
    MixedMode,
    NonSecureMode,
    UpdateCtl,
    DistributeCtl,
    AddAccount,
    DeleteAccount,
    ListAccounts,
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
    GenerateRequest,
    ListRequests,
    ListRequestsOfUnit,
    RestoreRequest,
    ShowRequest,
    ImportOwn,
    ForceImportOwn,
    Reuse,
    ForceReuse,
    ImportTrust,
    DeleteTrusted,
    Acknowledge,
    Unacknowledge,
    ShowMonitor,
    ShowRevocation,
    CheckRevocation,
    SetBulkPlace,
    BulkExport,
    BulkConsolidate,
    BulkImport,
    ListStaleLscs,
    DeleteStaleLscs,
    LoadMicRoots,
    ListDeviceRequests,
    DumpDeviceRequests,
    ImportDeviceCertificates,
    ScheduleDevices,
    CancelDevices,
    SetDeviceKeys,
    SetEncryptedConfig,
    ShowString,
    ListDevices,
    ShowDevice,
    StartWave,
    ShowWave,
    ResumeWave,
    StopWave,
    ListAudit,
    ShowRestarts,
    ActivateService,
    DeactivateService,
    MarkRestartDone,
    VerifyAudit,
    SwitchVersion,
    ResetItlLocal,
    ResetItlRemote,
    ResetCtl,
    GetTftp,
    SetRollback,
    ShowAnchors,
    ShowAlarms,
}

/// A family of commands that not every release has.
struct Family {
    /// The words that they begin with.
    words: &'static [&'static str],
    /// Whether a release has it.
    is_in: fn(&Release) -> bool,
    /// What to do in one that has it not.
    instead: &'static str,
}

/// The families; all other commands are in every release. Which releases have what is said once, in [`Release`].
const FAMILIES: [Family; 3] = [
    // CTLs without tokens came with 10.0, and `utils ctl` with them [sources/shell#trust-list-commands],
    // [sources/releases#signers]
    Family {
        words: &["utils", "ctl"],
        is_in: |release| !release.ctl_sasts.is_empty(),
        instead: "sign the CTL file with two tokens and `ringfence ctl-client`, or move to a newer release with `utils system switch-version`",
    },
    Family {
        words: &["utils", "itl", "reset"],
        is_in: |release| release.itl_reset != ItlReset::NotThere,
        instead: "it has no ITLRecovery certificate; `set rollback enable` blanks the ITL file instead",
    },
    Family {
        words: &["utils", "itl", "reset", "remotekey"],
        is_in: |release| release.remote_reset,
        instead: "`utils itl reset localkey` signs with the key of this cluster",
    },
];

/// Menu words that the original answers with their sub-commands although nothing follows them
/// [sources/shell#conventions].
const MENUS: [&[&str]; 1] = [&["utils", "itl", "reset"]];

/// Whether these words are a menu that lists what is in it.
pub fn is_menu(typed: &[&str]) -> bool {
    let same = |words: &&[&str]| words.len() == typed.len() && begins(words, typed);
    MENUS.iter().any(same)
}

fn begins(words: &[&str], first: &[&str]) -> bool {
    first.len() <= words.len() && first.iter().zip(words).all(|(typed, word)| typed.eq_ignore_ascii_case(word))
}

impl Command {
    /// Why a release has not this command, and what to do there; `None` when it has it.
    pub fn missing_in(&self, release: &Release) -> Option<&'static str> {
        let family = FAMILIES.iter().find(|family| begins(self.words, family.words) && !(family.is_in)(release));
        family.map(|family| family.instead)
    }

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
        begins(self.words, words)
    }
}

/// The commands of a release that a level may run, in the order of the alphabet.
pub fn visible(level: Level, release: &Release) -> impl Iterator<Item = &'static Command> + use<> {
    let there = |command: &&Command| command.level <= level && command.missing_in(release).is_none();
    let mut commands: Vec<&Command> = all().filter(there).collect();
    commands.sort_unstable_by_key(|command| command.words);
    commands.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Line, parse};

    #[test]
    fn without_doubles_and_each_example_is_its_command() {
        let mut names: Vec<String> = all().map(Command::name).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for command in all() {
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
