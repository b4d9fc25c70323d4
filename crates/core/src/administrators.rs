//! Administrators who log in with a password: at the CTL provider, and wherever else somebody asks from another machine.
//!
//! Who works on the machine of the node needs none: `ringfence admin` acts with the rights of its user.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use cluster::rows::AdministratorRow;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::actor::{Actor, Level};
use cluster::surroundings::Surroundings;

/// Letters of a password at least: the original wants six.
pub const LEAST_PASSWORD: usize = 6;

/// Bytes of a password at most: what the log-in messages hold, so that none is set that nobody can send.
pub const MOST_PASSWORD: usize = 255;

/// Letters of a name at most.
pub const MOST_NAME: usize = 64;

/// Passwords that are looked at at the same time: each takes 19 MiB and some ten milliseconds of a processor.
static CHECKS: Semaphore = Semaphore::const_new(2);

/// Bytes of salt: what argon2 recommends (RFC 9106 3.1).
const SALT: usize = 16;

/// A password in clear. Overwritten when dropped; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// From what was typed.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// Whether it can be one.
    ///
    /// # Errors
    /// [`CoreError::BadInput`].
    pub fn check(&self) -> Result<(), CoreError> {
        if (LEAST_PASSWORD..=MOST_PASSWORD).contains(&self.0.len()) {
            return Ok(());
        }
        Err(CoreError::BadInput(format!("a password has {LEAST_PASSWORD} to {MOST_PASSWORD} bytes")))
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Password")
    }
}

/// The name of an account, checked.
///
/// # Errors
/// [`CoreError::BadInput`]: other letters than those of names, too long, or one that the program itself uses.
pub fn check_name(name: &str) -> Result<&str, CoreError> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | '@');
    if name.is_empty() || name.len() > MOST_NAME || !name.chars().all(fits) || name == "system" {
        let name = name.escape_debug();
        return Err(CoreError::BadInput(format!(
            "`{name}` cannot be the name of an account: letters, digits and . - _ @, {MOST_NAME} at most, not `system`"
        )));
    }
    Ok(name)
}

/// The level with a number.
///
/// # Errors
/// [`CoreError::BadInput`].
pub fn level(number: &str) -> Result<Level, CoreError> {
    match number.trim() {
        "0" => Ok(Level::Read),
        "1" => Ok(Level::ReadWrite),
        "4" => Ok(Level::Install),
        other => Err(CoreError::BadInput(format!("privilege level `{}` is not 0, 1 or 4", other.escape_debug()))),
    }
}

impl Cluster {
    /// Adds an account.
    ///
    /// # Errors
    /// [`CoreError`]: the name is taken, a name or password that cannot be, a level above that of the actor.
    pub async fn add_administrator(
        &self,
        actor: &Actor,
        name: &str,
        level: Level,
        password: Password,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::Install)?;
        let name = check_name(name)?;
        password.check()?;
        if self.store().administrators().await?.iter().any(|row| row.name == name) {
            let text = format!("the account {name} is there already; `delete account {name}` removes it");
            return Err(CoreError::refused("account-there", text));
        }
        let mut salt = [0; SALT];
        surroundings.random().fill(&mut salt)?;
        let hash = tokio::task::spawn_blocking(move || hash(&password, &salt)).await.map_err(CoreError::internal)??;
        let now = surroundings.now();
        let row = AdministratorRow { name: name.to_owned(), password_hash: hash, level: level as i64, created_at: now };
        let mut transaction = self.store().begin().await?;
        transaction.put_administrator(&row).await?;
        transaction.note_change(now, "account", name).await?;
        let result = format!("created with level {}", row.level);
        transaction.note_audit(now, actor.name(), &format!("set account name {name}"), &result).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Removes an account.
    ///
    /// # Errors
    /// [`CoreError`]: there is none with this name.
    pub async fn remove_administrator(
        &self,
        actor: &Actor,
        name: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<(), CoreError> {
        actor.require(Level::Install)?;
        let now = surroundings.now();
        let mut transaction = self.store().begin().await?;
        if !transaction.remove_administrator(name).await? {
            return Err(CoreError::BadInput(format!("there is no account {}", name.escape_debug())));
        }
        transaction.note_change(now, "account", name).await?;
        transaction.note_audit(now, actor.name(), &format!("delete account {name}"), "deleted").await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Logs somebody in who is counted elsewhere ([`crate::log_ins`]). Takes as long for a name that is not there as for a wrong password, and says the same.
    ///
    /// # Errors
    /// [`CoreError::Refused`] with the label `login`.
    pub async fn log_in(&self, name: &str, password: Password) -> Result<Actor, CoreError> {
        let rows = self.store().administrators().await?;
        let found = rows.into_iter().find(|row| row.name == name);
        let (stored, known) =
            found.map_or_else(|| (NOBODY.to_owned(), None), |row| (row.password_hash.clone(), Some(row)));
        let turn = CHECKS.acquire().await.map_err(CoreError::internal)?;
        let verified = tokio::task::spawn_blocking(move || verify(&password, &stored)).await;
        drop(turn);
        let refused = || CoreError::refused("login", "The user name or the password is wrong");
        match known.filter(|_| matches!(verified, Ok(true))) {
            Some(row) => Ok(Actor::new(row.name, level(&row.level.to_string())?)),
            None => Err(refused()),
        }
    }
}

impl Cluster {
    /// Whether there is a CCM Administrator: an account of level 4.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn has_ccm_administrator(&self) -> Result<bool, CoreError> {
        let rows = self.store().administrators().await?;
        Ok(rows.iter().any(|row| row.level == Level::Install as i64))
    }

    /// Checks the password of a CCM Administrator; any of them will do, because the question names nobody
    /// [sources/recovery#itl-reset].
    ///
    /// # Errors
    /// [`CoreError::Refused`] with the label `login`.
    pub async fn check_ccm_administrator(&self, password: Password) -> Result<(), CoreError> {
        let rows = self.store().administrators().await?;
        for row in rows.into_iter().filter(|row| row.level == Level::Install as i64) {
            if self.log_in(&row.name, password.clone()).await.is_ok() {
                return Ok(());
            }
        }
        Err(CoreError::refused("login", "The CCM Administrator password is wrong. Nothing was changed"))
    }
}

/// What the password of an unknown user is held against: a hash of nothing that anybody knows.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn hash(password: &Password, salt: &[u8]) -> Result<String, CoreError> {
    let made = Argon2::default().hash_password_with_salt(&password.0, salt);
    made.map(|hash| hash.to_string()).map_err(CoreError::internal)
}

fn verify(password: &Password, stored: &str) -> bool {
    let parsed = PasswordHash::new(stored);
    parsed.is_ok_and(|hash| Argon2::default().verify_password(&password.0, &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let hash = hash(&Password::new("Cisco123"), &[7; SALT]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(&Password::new("Cisco123"), &hash));
        assert!(!verify(&Password::new("Cisco124"), &hash));
        assert!(!verify(&Password::new(""), NOBODY) && PasswordHash::new(NOBODY).is_ok());
    }

    #[test]
    fn names_levels_and_lengths() {
        assert!(check_name("admin").is_ok() && check_name("a.b-c_d@e").is_ok());
        for bad in ["", "system", "a b", "a/b", "a\nb", &"a".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert_eq!(level(" 4 ").unwrap(), Level::Install);
        assert!(level("2").is_err());
        assert!(Password::new("12345").check().is_err() && Password::new("123456").check().is_ok());
        assert!(Password::new(vec![b'x'; 256]).check().is_err());
        assert_eq!(format!("{:?}", Password::new("Cisco123")), "Password");
    }
}
