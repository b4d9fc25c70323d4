//! Confirmations: what waits for an answer, and the words of the original that ask for it [cucm-behaviour.md 1.1, 1.4,
//! 1.5; seeds 000, 001].

use ringfence_core::ListKind;
use ringfence_core::parameters::SecurityMode;
use ringfence_core::units::Unit;

/// A command that waits for its confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// `set cert regen`.
    Regenerate(Unit),
    /// `utils ctl set-cluster`.
    SetMode(SecurityMode),
    /// `utils ctl update CTLFile`.
    UpdateCtl,
    /// `file delete`: the list, and the file as it was typed.
    Delete(ListKind, String),
}

impl Question {
    /// The lines above the prompt.
    pub(crate) fn opening(&self) -> String {
        match self {
            Self::Regenerate(Unit::ItlRecovery) => {
                "WARNING: If you are using a tokenless CTL and if the CallManager certificate is recently generated, \
                 please ensure that the CTL File already has the new CallManager certificate and is updated to the \
                 endpoints, before generating the ITL Recovery certificate. Are you sure want to proceed?\n"
                    .to_owned()
            }
            Self::Regenerate(unit) => format!(
                "WARNING: This operation will overwrite any CA signed certificate previously imported for {}\n",
                unit.name()
            ),
            Self::SetMode(_) | Self::UpdateCtl => String::new(),
            Self::Delete(_, file) => format!("Delete the File {file}?\n"),
        }
    }

    /// The prompt; the answer is typed behind it, on the same line.
    pub(crate) const fn prompt(&self) -> &'static str {
        match self {
            Self::Regenerate(_) => "Proceed with regeneration (yes|no)? ",
            Self::SetMode(SecurityMode::Mixed) => {
                "This operation will set the cluster to Mixed mode. Do you want to continue? (y/n):"
            }
            Self::SetMode(SecurityMode::NonSecure) => {
                "This operation will set the cluster to non secure mode. Do you want to continue? (y/n):"
            }
            Self::UpdateCtl => "This operation will update the CTLFile. Do you want to continue? (y/n):",
            Self::Delete(..) => "Enter \"y\" followed by return to continue: ",
        }
    }
}

/// Whether an answer means yes. Everything else means no, so that a slip of the finger does nothing.
pub(crate) fn is_yes(answer: &str) -> bool {
    let answer = answer.trim();
    answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn yes_and_everything_else() {
        for yes in ["y", "Y", "yes", " Yes\t"] {
            assert!(is_yes(yes), "{yes}");
        }
        for no in ["", "n", "no", "ye", "yes please", "1", "y y"] {
            assert!(!is_yes(no), "{no}");
        }
    }
}
