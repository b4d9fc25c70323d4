//! `set account name`, `delete account`, `show account`: who may log in from elsewhere with a password.

use cluster::Level;
use cluster::Surroundings;
use ringfence_core::CoreError;
use ringfence_core::administrators::{self, Password, check_name};

use crate::question::Question;
use crate::session::{Reply, Session};

impl Session {
    pub(crate) async fn ask_for_account(&mut self, name: &str) -> Result<Reply, CoreError> {
        let name = check_name(name)?.to_owned();
        if self.cluster.store().administrators().await?.iter().any(|row| row.name == name) {
            let text = format!("the account {name} is there already; `delete account {name}` removes it");
            return Err(CoreError::refused("account-there", text));
        }
        Ok(self.ask(Question::AccountLevel { name }))
    }

    pub(crate) fn ask_for_password(&mut self, name: String, level: &str) -> Result<Reply, CoreError> {
        let level = administrators::level(level)?;
        Ok(self.ask(Question::AccountPassword { name, level }))
    }

    pub(crate) fn ask_again(&mut self, name: String, level: Level, password: &str) -> Result<Reply, CoreError> {
        let password = Password::new(password);
        password.check()?;
        Ok(self.ask(Question::AccountConfirmation { name, level, password }))
    }

    pub(crate) async fn add_account(
        &self,
        name: &str,
        level: Level,
        password: Password,
        again: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        if password != Password::new(again) {
            return Err(CoreError::BadInput("the two passwords are not the same".to_owned()));
        }
        self.cluster.add_administrator(&self.actor, name, level, password, surroundings).await?;
        Ok(Reply::done("Account successfully created\n"))
    }

    pub(crate) async fn delete_account(
        &self,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        self.cluster.remove_administrator(&self.actor, name, surroundings).await?;
        Ok(Reply::done("Account successfully deleted\n"))
    }

    pub(crate) async fn list_accounts(&self) -> Result<Reply, CoreError> {
        let rows = self.cluster.store().administrators().await?;
        let lines = rows.iter().map(|row| format!("Account = {}, Privilege Level = {}\n", row.name, row.level));
        Ok(Reply::done(lines.collect::<String>()))
    }
}
