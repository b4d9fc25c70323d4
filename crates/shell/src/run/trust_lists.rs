//! `show ctl`, `show itl`, `utils ctl` [cucm-behaviour.md 1.5, 1.6].

use ringfence_core::parameters::SecurityMode;
use ringfence_core::{CoreError, ListKind, Surroundings};

use crate::question::Question;
use crate::session::{Reply, Session};

impl Session {
    pub(crate) fn show_ctl(&self) -> Result<Reply, CoreError> {
        Ok(Reply::done(self.cluster.show_list(&self.node, ListKind::Ctl)?))
    }

    pub(crate) fn show_itl(&self) -> Result<Reply, CoreError> {
        Ok(Reply::done(self.cluster.show_list(&self.node, ListKind::Itl)?))
    }

    pub(crate) fn ask_for_mixed_mode(&mut self) -> Reply {
        self.ask(Question::SetMode(SecurityMode::Mixed))
    }

    pub(crate) fn ask_for_non_secure_mode(&mut self) -> Reply {
        self.ask(Question::SetMode(SecurityMode::NonSecure))
    }

    pub(crate) async fn set_security_mode(&self, mode: SecurityMode, surroundings: &mut dyn Surroundings) -> Reply {
        let name = match mode {
            SecurityMode::Mixed => "Mixed Mode",
            SecurityMode::NonSecure => "Non Secure Mode",
        };
        let done = self.cluster.set_security_mode(&self.actor, &self.node, mode, surroundings).await;
        self.after_ctl(done, &format!("Cluster set to {name}\n")).above(&format!("\nMoving Cluster to {name}\n"))
    }

    pub(crate) async fn update_ctl(&self, surroundings: &mut dyn Surroundings) -> Reply {
        let done = self.cluster.update_ctl(&self.actor, &self.node, surroundings).await;
        self.after_ctl(done, "CTL file Updated\n").above("\nUpdating CTL file\n")
    }

    fn after_ctl(&self, done: Result<(), CoreError>, success: &str) -> Reply {
        match done {
            Ok(()) => Reply::done(format!("{success}{}\n", self.cluster.release().ctl_restart)),
            Err(error) => Reply::error(&error),
        }
    }
}
