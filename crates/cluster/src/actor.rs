//! Who acts, and what he may do [sources/shell#conventions].

use crate::Refusal;

/// Privilege levels of the platform shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 0: reading and monitoring.
    Read = 0,
    /// 1: reading and writing.
    ReadWrite = 1,
    /// 4: the administrator of the installation.
    Install = 4,
}

/// Somebody who acts. Stands in the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    level: Level,
}

impl Actor {
    /// An actor with a level.
    pub fn new(name: impl Into<String>, level: Level) -> Self {
        Self { name: name.into(), level }
    }

    /// Name for the audit log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What he may do.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Fails when the level is not enough.
    ///
    /// # Errors
    /// [`Refusal::NotPermitted`].
    pub fn require(&self, level: Level) -> Result<(), Refusal> {
        if self.level >= level {
            return Ok(());
        }
        Err(Refusal::NotPermitted { actor: self.name.clone(), has: self.level as u8, needs: level as u8 })
    }
}
