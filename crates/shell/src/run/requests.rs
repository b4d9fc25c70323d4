//! Certificates of CAs: `set cert import`; and `set cert delete` [cucm-behaviour.md 1.2, 4.1].
//!
//! The original takes a certificate that is pasted in; here a file is named, so that a script can do it too.

use ringfence_core::import::given_certificates;
use ringfence_core::units::{Unit, service_named};
use ringfence_core::{CoreError, Surroundings};

use crate::question::Question;
use crate::run::capf::{counted, in_file};
use crate::session::{Reply, Session};

impl Session {
    pub(crate) async fn import_own(
        &self,
        unit: &str,
        file: &str,
        options: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let unit = self.unit(unit)?;
        let Options { dry_run, key } = Options::read(options)?;
        let key = key.map(|name| self.cluster.given_key(&self.actor, name)).transpose()?;
        let bytes = self.cluster.given_file(&self.actor, file)?;
        let plan =
            self.cluster.plan_upload(&self.actor, &self.node, unit, &bytes, key.as_ref(), surroundings.now()).await?;
        if dry_run {
            let lines: String = plan.lines().iter().map(|line| format!("{line}\n")).collect();
            return Ok(Reply::done(format!("{}Nothing has been changed.\n", printable(&lines))));
        }
        self.cluster.upload(&self.actor, &plan, surroundings).await?;
        let name = unit.name();
        let reminder = if unit == Unit::Capf { self.after_new_capf(surroundings).await? } else { String::new() };
        let pending = self.restarts_after(unit).await?;
        Ok(Reply::done(format!(
            "Successfully imported certificate for {name}.\n\
             Please restart services related to {name} for the new certificate to become active.\n{reminder}{pending}"
        )))
    }

    pub(crate) async fn import_trust(
        &self,
        store: &str,
        file: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let bytes = self.cluster.given_file(&self.actor, file)?;
        let all = given_certificates(&bytes).map_err(|error| in_file(file, error))?;
        self.cluster.import_trusted(&self.actor, &self.node, &all, store, surroundings).await?;
        let store = service_named(store).map_or(store, |service| service.name);
        let what = match all.len() {
            1 => "certificate".to_owned(),
            count => counted(count, "certificate"),
        };
        Ok(Reply::done(format!("Successfully imported {what} for {store}.\n")))
    }

    pub(crate) fn ask_to_delete_trusted(&mut self, store: &str, file: &str) -> Result<Reply, CoreError> {
        let store = service_named(store).filter(|service| service.trust).ok_or_else(|| {
            let stores = ringfence_core::units::SERVICES.iter().filter(|service| service.trust);
            let names: Vec<&str> = stores.map(|service| service.name).collect();
            CoreError::BadInput(format!("no trust store {store}; there are {}", names.join(", ")))
        })?;
        Ok(self.ask(Question::DeleteTrusted { store: store.name, file: file.to_owned() }))
    }

    pub(crate) async fn delete_trusted(
        &self,
        store: &str,
        file: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        self.cluster.delete_trusted(&self.actor, &self.node, store, file, surroundings).await?;
        Ok(Reply::done(format!("Successfully deleted {store}/{file}.\n")))
    }

    /// What an administrator has to think of after CAPF has another certificate: ours, because the original leaves it to its
    /// guides. Nothing when nothing is to be done.
    pub(super) async fn after_new_capf(&self, surroundings: &mut dyn Surroundings) -> Result<String, CoreError> {
        use ringfence_core::parameters::SecurityMode;
        let mut text = String::new();
        if self.cluster.parameters().await?.security_mode() == SecurityMode::Mixed {
            text.push_str("The CTL file still names the old CAPF: run `utils ctl update CTLFile`.\n");
        }
        let stale = self.cluster.stale_lscs(surroundings.now()).await?;
        let old = stale.iter().filter(|found| found.old_capf && !found.device_gone).count();
        if old > 0 {
            let verb = if old == 1 { "was" } else { "were" };
            text.push_str(&format!(
                "{} {verb} issued by an old CAPF, which stays in CAPF-trust and CallManager-trust for them. `utils capf \
                 stale-lsc list` names them,\n`utils capf device wave start stale lsc` issues them again.\n",
                counted(old, "LSC")
            ));
        }
        Ok(text)
    }
}

/// What may stand behind the file of `set cert import own`.
struct Options<'a> {
    /// Only say what would happen.
    dry_run: bool,
    /// The file of the key of a certificate whose request was made elsewhere.
    key: Option<&'a str>,
}

impl<'a> Options<'a> {
    fn read(text: &'a str) -> Result<Self, CoreError> {
        let mut options = Self { dry_run: false, key: None };
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "--dry-run" => options.dry_run = true,
                "--key" => {
                    let file = words.next().ok_or_else(|| CoreError::BadInput("--key names no file".to_owned()))?;
                    options.key = Some(file);
                }
                other => return Err(CoreError::BadInput(format!("`{other}` is not --dry-run or --key"))),
            }
        }
        Ok(options)
    }
}

/// Lines without control characters: names of a CA's choice stand in them.
fn printable(lines: &str) -> String {
    lines.chars().map(|letter| if letter.is_control() && letter != '\n' { ' ' } else { letter }).collect()
}
