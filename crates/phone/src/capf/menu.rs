//! What a user does with the LSC on the phone: *Settings > (6) Security Configuration > (4) LSC > `**#` > Update >
//! Submit* [sources/phones#lsc-menu]. Text in, screen out.

use wire::capf::Password;

use super::outcome::{Cause, Enrolment};
use crate::phone::{Phone, PhoneError};
use crate::report::BootReport;

/// The keys that unlock the settings, and lock them again.
pub const UNLOCK: &str = "**#";

/// Most digits of an authentication string that the phone lets a user type: what clients take. CUCM gives 4 to 10
/// [sources/capf#authentication].
const MOST_DIGITS: usize = 16;

/// Why an input does nothing.
#[derive(Debug, thiserror::Error)]
pub enum MenuError {
    /// No such soft key on this screen; *Update* and *Erase* come only after [`UNLOCK`].
    #[error("`{0}` is not on the screen; there is {1}")]
    NotThere(String, String),
    /// More digits than fit.
    #[error("an authentication string has at most {MOST_DIGITS} digits")]
    TooLong,
    /// The phone.
    #[error(transparent)]
    Phone(#[from] PhoneError),
}

/// What an input brought.
#[derive(Debug)]
pub struct Shown {
    /// The screen.
    pub screen: String,
    /// The visit to CAPF, after *Submit*.
    pub enrolment: Option<Enrolment>,
    /// The boot after a visit that changed the LSC: everything is fetched again.
    pub boot: Option<Box<BootReport>>,
}

/// The screen *LSC*, until it is dropped.
#[derive(Debug)]
pub struct LscMenu<'p> {
    phone: &'p mut Phone,
    unlocked: bool,
    /// Digits typed so far, once *Update* was chosen.
    typed: Option<String>,
    message: Option<String>,
}

impl Phone {
    /// Opens *Security Configuration > LSC*. The settings are locked.
    pub fn lsc_menu(&mut self) -> LscMenu<'_> {
        LscMenu { phone: self, unlocked: false, typed: None, message: None }
    }

    /// The user erases the LSC; its key goes too. Says whether there was one.
    ///
    /// # Errors
    /// [`PhoneError::Memory`] when that cannot be kept.
    pub fn erase_lsc(&mut self) -> Result<bool, PhoneError> {
        let erased = self.certificates.erase_lsc()?;
        self.console.notice("eraseLsc", if erased { "LSC erased" } else { "No LSC installed" });
        Ok(erased)
    }
}

impl LscMenu<'_> {
    /// The screen.
    #[must_use]
    pub fn screen(&self) -> String {
        let mut lines = vec!["LSC".to_owned()];
        if let Some(typed) = &self.typed {
            lines.push(format!("Authentication String: {}", "*".repeat(typed.len())));
        } else {
            let installed = self.phone.certificates.lsc().is_some();
            lines.push(format!("LSC: {}", if installed { "Installed" } else { "Not Installed" }));
            lines.push(format!("Settings: {}", if self.unlocked { "Unlocked" } else { "Locked" }));
        }
        lines.extend(self.message.clone());
        let soft_keys: Vec<String> = self.soft_keys().iter().map(|key| format!("[{key}]")).collect();
        lines.push(soft_keys.join(" "));
        lines.join("\n") + "\n"
    }

    fn soft_keys(&self) -> Vec<&'static str> {
        match (&self.typed, self.unlocked) {
            (Some(_), _) => vec!["Submit", "Exit"],
            (None, false) => vec!["Exit"],
            (None, true) if self.phone.certificates.lsc().is_some() => vec!["Update", "Erase", "Exit"],
            (None, true) => vec!["Update", "Exit"],
        }
    }

    /// Presses digits, [`UNLOCK`] or a soft key by its name, in upper or lower case.
    ///
    /// # Errors
    /// [`MenuError`].
    pub async fn enter(&mut self, input: &str) -> Result<Shown, MenuError> {
        self.message = None;
        let (mut enrolment, mut boot) = (None, None);
        let soft_keys = self.soft_keys();
        let soft_key = soft_keys.iter().find(|key| key.eq_ignore_ascii_case(input)).copied();
        match (soft_key, &mut self.typed) {
            (Some("Exit"), typed) if typed.is_some() => *typed = None,
            (Some("Exit"), _) => self.unlocked = false,
            (Some("Update"), typed) => *typed = Some(String::new()),
            (Some("Erase"), _) => {
                self.phone.erase_lsc()?;
                self.message = Some("LSC erased".to_owned());
            }
            (Some(_submit), typed) => {
                let digits = typed.take().unwrap_or_default();
                let string = match digits.as_str() {
                    "" => None,
                    digits => Some(Password::new(digits.as_bytes()).map_err(|_| MenuError::TooLong)?),
                };
                let (visit, after) = self.phone.update_lsc(string).await;
                self.message = Some(format!("Update: {}", visit.reason()));
                (enrolment, boot) = (Some(visit), after);
            }
            (None, None) if input == UNLOCK => self.unlocked = !self.unlocked,
            (None, Some(typed)) if !input.is_empty() && input.bytes().all(|byte| byte.is_ascii_digit()) => {
                if typed.len() + input.len() > MOST_DIGITS {
                    return Err(MenuError::TooLong);
                }
                typed.push_str(input);
            }
            (None, typed) => {
                let mut there: Vec<&str> = soft_keys;
                there.push(if typed.is_some() { "digits" } else { UNLOCK });
                return Err(MenuError::NotThere(input.to_owned(), there.join(", ")));
            }
        }
        Ok(Shown { screen: self.screen(), enrolment, boot })
    }
}

impl Phone {
    /// *Update* and *Submit*: goes to the CAPF of the last config; `string` is what the user typed. When that changed the
    /// LSC, the phone is reset and fetches everything again.
    pub async fn update_lsc(&mut self, string: Option<Password>) -> (Enrolment, Option<Box<BootReport>>) {
        let (enrolment, _) = self.enrol(Cause::User, string).await;
        let boot = if enrolment.outcome.changed() { Some(Box::new(self.reset().await)) } else { None };
        (enrolment, boot)
    }
}
