//! `utils capf` without its devices: stale LSCs, roots of MICs [sources/shell#certificate-commands],
//! [sources/capf#phone-block]. The texts are ours: no transcript of the original was found.

use cluster::Surroundings;
pub(crate) use cluster::counted;
use ringfence_core::enrolment::StaleLsc;
use ringfence_core::import::title;
use ringfence_core::{CoreError, Table, wall_clock};

use crate::question::Question;
use crate::session::{Reply, Session, one_line};

/// Names of phones that are printed at most.
pub(super) const NAMES: usize = 10;

/// What is to be done when CAPF does not run: a line.
pub(super) const CAPF_STOPPED: &str =
    "CAPF does not run: start it with `utils service start Cisco Certificate Authority Proxy Function`.\n";

impl Session {
    pub(crate) async fn list_stale_lscs(&self, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        let stale = self.cluster.stale_lscs(surroundings.now()).await?;
        if stale.is_empty() {
            return Ok(Reply::done("No stale LSCs found.\n"));
        }
        let zone = self.cluster.zone();
        let row = |found: &StaleLsc| {
            let cells = [
                found.lsc.device.clone(),
                issuer_name(&found.lsc.issuer).to_owned(),
                found.lsc.serial.clone(),
                day(found.lsc.not_after, zone),
                found.reason(),
            ];
            cells.map(Some).to_vec()
        };
        let table = table(&["device", "issuer", "serialnumber", "expires", "reason"], stale.iter().map(row).collect());
        Ok(Reply::done(format!("{}{}\n", self.table(&table), counted(stale.len(), "stale LSC"))))
    }

    /// Asks with the number of them, or says at once that there is nothing to do.
    pub(crate) async fn ask_to_delete_stale_lscs(
        &mut self,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let stale = self.cluster.stale_lscs(surroundings.now()).await?;
        if stale.is_empty() {
            return Ok(Reply::done("No stale LSCs found.\n"));
        }
        let kept = kept(&stale);
        match stale.iter().filter(|found| !found.needed).count() {
            // It refuses, and says why.
            0 => self.delete_stale_lscs(surroundings).await,
            count => Ok(self.ask(Question::DeleteStaleLscs { count, kept })),
        }
    }

    pub(crate) async fn delete_stale_lscs(&self, surroundings: &mut dyn Surroundings) -> Result<Reply, CoreError> {
        let deleted = self.cluster.delete_stale_lscs(&self.actor, surroundings).await?;
        let kept = kept(&self.cluster.stale_lscs(surroundings.now()).await?);
        let kept = if kept.is_empty() { String::new() } else { kept_lscs(&kept) };
        Ok(Reply::done(format!("Successfully deleted {}.\n{kept}", counted(deleted.len(), "stale LSC"))))
    }

    pub(crate) async fn load_mic_roots(
        &self,
        file: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let bytes = self.cluster.given_file(&self.actor, file)?;
        let loaded = self.cluster.import_phone_cas(&self.actor, &self.node, &bytes, surroundings).await;
        let loaded = loaded.map_err(|error| in_file(file, error))?;
        let mut text = String::new();
        for certificate in &loaded {
            text.push_str(&format!("{}\n", one_line(&title(certificate))));
        }
        text.push_str(&format!(
            "Successfully loaded {} into CAPF-trust and CallManager-trust.\n",
            counted(loaded.len(), "certificate")
        ));
        Ok(Reply::done(text))
    }
}

/// The phones whose stale LSC is not given up.
fn kept(stale: &[StaleLsc]) -> Vec<String> {
    let mut names: Vec<String> =
        stale.iter().filter(|found| found.needed).map(|found| found.lsc.device.clone()).collect();
    names.dedup();
    names
}

/// Which stale LSCs stay, and why: a line.
pub(crate) fn kept_lscs(devices: &[String]) -> String {
    let first: Vec<&str> = devices.iter().take(NAMES).map(String::as_str).collect();
    let more = devices.len().saturating_sub(NAMES);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!(
        "Kept for {}: {}{more}: the config is encrypted and no MIC is known. Issue them again, or turn the encrypted config off\n",
        counted(devices.len(), "device"),
        first.join(", ")
    )
}

/// An error about the contents of a file, with its name in front.
pub(super) fn in_file(file: &str, error: CoreError) -> CoreError {
    match error {
        CoreError::BadInput(reason) => CoreError::BadInput(format!("{file}: {reason}")),
        other => other,
    }
}

pub(super) fn table(columns: &[&str], rows: Vec<Vec<Option<String>>>) -> Table {
    Table { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows }
}

/// The common name out of a name in the form of a row; the whole name when it has none.
pub(super) fn issuer_name(name: &str) -> &str {
    name.split(',').find_map(|part| part.strip_prefix("CN=")).unwrap_or(name)
}

/// The day of a time in seconds since 1970 UTC, in the zone of the cluster.
pub(super) fn day(seconds: i64, zone: &jiff::tz::TimeZone) -> String {
    wall_clock(seconds, zone).0.strftime("%Y-%m-%d").to_string()
}
