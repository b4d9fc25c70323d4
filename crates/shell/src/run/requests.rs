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
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let name = capf_only(unit, "pem")?.name();
        let bytes = self.cluster.given_file(&self.actor, file)?;
        let done = self.cluster.upload_capf_certificate(&self.actor, &self.node, &bytes, surroundings).await;
        done.map_err(|error| in_file(file, error))?;
        let reminder = self.after_new_capf(surroundings).await?;
        Ok(Reply::done(format!(
            "Successfully imported certificate for {name}.\n\
             Please restart services related to {name} for the new certificate to become active.\n{reminder}"
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
        self.cluster.put_trusted(&self.actor, &self.node, &all, &[store], surroundings).await?;
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

/// The unit of `CAPF` or `CAPF/CAPF.csr`.
fn capf_only(name: &str, ending: &str) -> Result<Unit, CoreError> {
    let (unit, file) = name.split_once('/').map_or((name, None), |(unit, file)| (unit, Some(file)));
    let unit = Unit::named(unit);
    match unit {
        Some(Unit::Capf) if file.is_none_or(|file| file.eq_ignore_ascii_case(&format!("CAPF.{ending}"))) => {
            Ok(Unit::Capf)
        }
        Some(Unit::Capf) | None => Err(CoreError::BadInput(format!("no {name} here; write CAPF"))),
        Some(unit) => Err(CoreError::BadInput(format!(
            "{} signs its own certificates; an external CA signs for CAPF only",
            unit.name()
        ))),
    }
}
