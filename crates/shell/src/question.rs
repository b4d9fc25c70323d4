//! Confirmations: what waits for an answer, and the words of the original that ask for it [sources/shell#conventions].

use cluster::Level;
use cluster::certificates::key_choice::KeyChoice;
use cluster::network::NetworkChange;
use cluster::parameters::SecurityMode;
use cluster::releases::switch::CarriedRecovery;
use cluster::units::Unit;
use ringfence_core::ListKind;
use ringfence_core::administrators::Password;
use ringfence_core::bulk::SftpServer;
use ringfence_core::enrolment::{Schedule, Selection, WavePlan};

use crate::run::capf::{counted, kept_lscs};
use crate::session::one_line;

/// A command that waits for its confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// `set cert regen`.
    Regenerate {
        /// The unit.
        unit: Unit,
        /// Key length and hash.
        choice: KeyChoice,
        /// The reason of `set cert regen force`.
        force: Option<String>,
    },
    /// `set network`.
    SetNetwork(NetworkChange),
    /// `utils ctl set-cluster`.
    SetMode(SecurityMode),
    /// `utils ctl update CTLFile`.
    UpdateCtl,
    /// `set account name`: the level.
    AccountLevel {
        /// Its name.
        name: String,
    },
    /// `set account name`: the password.
    AccountPassword {
        /// Its name.
        name: String,
        /// Its level.
        level: Level,
    },
    /// `set account name`: the password again.
    AccountConfirmation {
        /// Its name.
        name: String,
        /// Its level.
        level: Level,
        /// What was typed first.
        password: Password,
    },
    /// `file delete`: the list, and the file as it was typed.
    Delete(ListKind, String),
    /// `set cert delete`.
    DeleteTrusted {
        /// The trust store.
        store: &'static str,
        /// The file in it.
        file: String,
    },
    /// `set cert default-ca-list`: the CN or `all`.
    SetDefaultCa {
        /// Which.
        name: String,
        /// On or off.
        enable: bool,
    },
    /// `utils key collect`, with the number of keys.
    CollectKeys(usize),
    /// `utils capf stale-lsc delete all`.
    DeleteStaleLscs {
        /// How many go.
        count: usize,
        /// The phones whose LSC stays: they could not open their config without.
        kept: Vec<String>,
    },
    /// `utils capf device schedule`, with a string that somebody types: it must not stand in the log of commands.
    TypeString {
        /// The phones.
        selection: Selection,
        /// The rest.
        schedule: Schedule,
    },
    /// `utils capf device schedule all`.
    ScheduleAll {
        /// What.
        schedule: Schedule,
        /// How many phones there are.
        phones: usize,
    },
    /// `utils capf device cancel all`.
    CancelAll {
        /// How many phones there are.
        phones: usize,
    },
    /// `set cert bulk sftp`: the server.
    BulkServer,
    /// Then the user.
    BulkUser(SftpServer),
    /// Then the password.
    BulkPassword(SftpServer),
    /// Then the directory; without a server it is one of this machine.
    BulkPath(Option<SftpServer>),
    /// `utils itl reset localkey`.
    ResetItl,
    /// The same where the original asks for a password [sources/shell#conventions].
    CcmPassword,
    /// `utils itl reset remotekey sftp://...`: the password of the server's user, and the file there.
    RemoteLogin(SftpServer, String),
    /// `utils itl reset remotekey FILE`: the password of the file, and where it lies when not here.
    RemoteKey(String, Option<SftpServer>),
    /// `utils ctl reset localkey`.
    ResetCtl,
    /// `file get tftp ITLRecovery.p12`: the password of the file, and where it is written.
    Backup(String),
    /// The same again: with a slip in it nobody could open the file.
    BackupConfirmation {
        /// Where it is written.
        place: String,
        /// What was typed first.
        password: Password,
    },
    /// `set rollback`.
    Rollback(bool),
    /// `utils system switch-version`.
    SwitchVersion {
        /// The release, as it was typed.
        release: String,
        /// What becomes of ITLRecovery.
        recovery: CarriedRecovery,
    },
    /// `utils capf device wave start`.
    StartWave {
        /// The plan.
        plan: WavePlan,
        /// For how many phones it is.
        phones: usize,
    },
}

impl Question {
    /// The lines above the prompt.
    pub(crate) fn opening(&self) -> String {
        match self {
            Self::Regenerate { unit: Unit::ItlRecovery, .. } => {
                "WARNING: If you are using a tokenless CTL and if the CallManager certificate is recently generated, \
                 please ensure that the CTL File already has the new CallManager certificate and is updated to the \
                 endpoints, before generating the ITL Recovery certificate. Are you sure want to proceed?\n"
                    .to_owned()
            }
            Self::Regenerate { unit, .. } => format!(
                "WARNING: This operation will overwrite any CA signed certificate previously imported for {}\n",
                unit.name()
            ),
            Self::SetNetwork(_) | Self::SetMode(_) | Self::UpdateCtl | Self::AccountPassword { .. } | Self::AccountConfirmation { .. } => {
                String::new()
            }
            Self::AccountLevel { .. } => {
                "Privilege Levels are:\n  Read only - Level 0\n  Ordinary - Level 1\n  Administrator - Level 4\n"
                    .to_owned()
            }
            Self::Delete(_, file) => format!("Delete the File {file}?\n"),
            Self::DeleteTrusted { store, file } => {
                format!("WARNING: This operation will delete {} from {store} on all nodes\n", one_line(file))
            }
            Self::SetDefaultCa { name, enable: true } => {
                format!("WARNING: Certificates of {} will be trusted again on all nodes\n", one_line(name))
            }
            Self::SetDefaultCa { name, enable: false } => format!(
                "WARNING: Certificates of {} will not be trusted any more on any node: phones with such a MIC cannot show it\n",
                one_line(name)
            ),
            Self::CollectKeys(count) => format!(
                "WARNING: This operation will remove {} for good. Backups made before hold them still\n",
                counted(*count, "unused key")
            ),
            Self::DeleteStaleLscs { count, kept } if kept.is_empty() => format!(
                "WARNING: This operation will give up {}. Phones keep theirs until they enrol again, but after this\n\
                 nothing holds the old CAPF certificates any more\n",
                counted(*count, "stale LSC")
            ),
            Self::DeleteStaleLscs { count, kept } => format!(
                "WARNING: This operation will give up {}. Phones keep theirs until they enrol again\n{}",
                counted(*count, "stale LSC"),
                kept_lscs(kept)
            ),
            Self::TypeString { .. }
            | Self::BulkServer
            | Self::BulkUser(_)
            | Self::BulkPassword(_)
            | Self::BulkPath(_)
            | Self::ResetItl
            | Self::CcmPassword
            | Self::RemoteLogin(..)
            | Self::RemoteKey(..)
            | Self::ResetCtl
            | Self::Backup(_)
            | Self::BackupConfirmation { .. }
            | Self::SwitchVersion { .. } => String::new(),
            Self::Rollback(true) => {
                "WARNING: This operation will blank the ITL file on all TFTP nodes. Phones that fetch it accept unsigned \
                 configs, and their HTTPS services fail. Phones whose CTL file names signers of configs keep checking by it.\n"
                    .to_owned()
            }
            Self::Rollback(false) => {
                "This operation will restore the ITL file on all TFTP nodes. Phones check again when they have it.\n".to_owned()
            }
            Self::ScheduleAll { schedule, phones } => {
                format!(
                    "This operation will schedule {} for {}.\n",
                    schedule.operation.name(),
                    counted(*phones, "phone")
                )
            }
            Self::CancelAll { phones } => {
                format!("This operation will cancel what is pending for {}.\n", counted(*phones, "phone"))
            }
            Self::StartWave { plan, phones } => format!(
                "This operation will issue LSCs again for {}, {} at a time, and stop when more than {} % fail.\n",
                counted(*phones, "phone"),
                plan.batch,
                plan.stop_at
            ),
        }
    }

    /// The prompt; the answer is typed behind it, on the same line.
    pub(crate) const fn prompt(&self) -> &'static str {
        match self {
            Self::Regenerate { .. } => "Proceed with regeneration (yes|no)? ",
            Self::SetMode(SecurityMode::Mixed) => {
                "This operation will set the cluster to Mixed mode. Do you want to continue? (y/n):"
            }
            Self::SetMode(SecurityMode::NonSecure) => {
                "This operation will set the cluster to non secure mode. Do you want to continue? (y/n):"
            }
            Self::UpdateCtl => "This operation will update the CTLFile. Do you want to continue? (y/n):",
            Self::AccountLevel { .. } => "Please enter the privilege level :",
            Self::AccountPassword { .. } => "Please enter the password :",
            Self::AccountConfirmation { .. } => "             re-enter to confirm :",
            Self::Delete(..) => "Enter \"y\" followed by return to continue: ",
            Self::DeleteTrusted { .. }
            | Self::SetDefaultCa { .. }
            | Self::CollectKeys(_)
            | Self::DeleteStaleLscs { .. } => "Do you wish to proceed (yes|no)? ",
            Self::ResetItl => {
                "This operation will reset the ITL file on all active TFTP nodes. Do you want to continue? (y/n):"
            }
            Self::CcmPassword => "Enter CCM Administrator password :",
            Self::ResetCtl => "This operation will reset the CTLFile. Do you want to continue? (y/n):",
            Self::RemoteLogin(..) => "Password of the SFTP user: ",
            Self::RemoteKey(..) => "Password of the file: ",
            Self::Backup(_) => "Password for the file (8 characters at least): ",
            Self::BackupConfirmation { .. } => "Once more, to confirm: ",
            Self::SetNetwork(_) | Self::Rollback(_) => "Do you wish to proceed (yes|no)? ",
            Self::SwitchVersion { .. } => "Do you really want to switch versions ? Enter (yes/no)? ",
            Self::TypeString { .. } => "Authentication string (4 to 10 digits): ",
            Self::BulkServer => "Server (name or address, :port behind it when it is not 22; local for this machine): ",
            Self::BulkUser(_) => "User: ",
            Self::BulkPassword(_) => "Password: ",
            Self::BulkPath(_) => "Directory: ",
            Self::ScheduleAll { .. } | Self::CancelAll { .. } | Self::StartWave { .. } => {
                "Do you want to continue? (y/n):"
            }
        }
    }

    /// Whether its answer is a password or an authentication string.
    pub(crate) const fn is_secret(&self) -> bool {
        matches!(
            self,
            Self::BulkPassword(_)
                | Self::CcmPassword
                | Self::RemoteLogin(..)
                | Self::RemoteKey(..)
                | Self::Backup(_)
                | Self::BackupConfirmation { .. }
                | Self::TypeString { .. }
                | Self::AccountPassword { .. }
                | Self::AccountConfirmation { .. }
        )
    }

    /// Whether it wants a text, and not a yes.
    pub(crate) const fn wants_text(&self) -> bool {
        matches!(
            self,
            Self::TypeString { .. }
                | Self::AccountLevel { .. }
                | Self::BulkServer
                | Self::BulkUser(_)
                | Self::BulkPath(_)
        ) || self.is_secret()
    }
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Yes, or the text that was asked for.
    Carry,
    /// No.
    No,
    /// Neither: a slip of the finger does nothing, and is asked about.
    Unclear,
}

impl Question {
    /// What somebody means who types this.
    pub(crate) fn answer(&self, typed: &str) -> Answer {
        let typed = typed.trim();
        if self.wants_text() {
            return if typed.is_empty() { Answer::No } else { Answer::Carry };
        }
        let is = |words: [&str; 2]| words.iter().any(|word| typed.eq_ignore_ascii_case(word));
        match (is(["y", "yes"]), is(["n", "no"])) {
            (true, _) => Answer::Carry,
            (_, true) => Answer::No,
            _ => Answer::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_no_and_everything_else() {
        let answer = |typed| Question::UpdateCtl.answer(typed);
        for yes in ["y", "Y", "yes", " Yes\t"] {
            assert_eq!(answer(yes), Answer::Carry, "{yes}");
        }
        for no in ["n", "N", " no", "NO"] {
            assert_eq!(answer(no), Answer::No, "{no}");
        }
        for unclear in ["", "ye", "yes please", "1", "y y", "nö", "quit"] {
            assert_eq!(answer(unclear), Answer::Unclear, "{unclear}");
        }
        // A text is what it is, and none is a no.
        assert_eq!((Question::BulkServer.answer("n"), Question::BulkServer.answer(" ")), (Answer::Carry, Answer::No));
    }
}
