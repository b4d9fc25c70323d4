//! `show cert` and `set cert regen` [sources/shell#certificate-commands], [sources/shell#regeneration].

use cluster::Surroundings;
use cluster::certificates::digests::digest_named;
use cluster::certificates::key_choice::{KeyChoice, digests_of_certificates};
use cluster::certificates::regenerate::Regenerate;
use cluster::certificates::requests::RequestDigest;
use cluster::certificates::trusted::{Deletion, UndeleteTrusted};
use cluster::units::{Unit, service_named};
use ringfence_core::{CoreError, certificate_text, spell};

use crate::question::Question;
use crate::run::capf::{day, table};
use crate::run::unreadable;
use crate::session::{Reply, Session, behind, one_line};

impl Session {
    pub(crate) async fn list_certificates(&self, trust: bool) -> Result<Reply, CoreError> {
        let lines = self.cluster.list_certificates(&self.node, trust).await?;
        let text: String = lines.iter().map(|line| one_line(line) + "\n").collect();
        // Those that stand in the list have their line there.
        let mut more = self.cluster.unreadable_certificates().await?;
        more.retain(|unreadable| !text.contains(&unreadable.place()));
        Ok(Reply::done(text + &unreadable::lines(&more)))
    }

    /// `own` and `trust` as `show cert list`; otherwise one unit or trust store.
    pub(crate) async fn list_certificates_of(&self, name: &str) -> Result<Reply, CoreError> {
        if name.eq_ignore_ascii_case("own") || name.eq_ignore_ascii_case("trust") {
            return self.list_certificates(name.eq_ignore_ascii_case("trust")).await;
        }
        let service = service_named(name).ok_or_else(|| {
            CoreError::BadInput(format!(
                "no unit or trust store {name}; `show cert list own|trust` names those that are there"
            ))
        })?;
        let lines = self.cluster.list_certificates(&self.node, service.trust).await?;
        let inside = lines.iter().filter(|line| line.split('/').next() == Some(service.name));
        Ok(Reply::done(inside.map(|line| format!("{line}\n")).collect::<String>()))
    }

    pub(crate) async fn show_certificate(&self, trust: bool, name: &str) -> Result<Reply, CoreError> {
        let certificate = self.cluster.find_certificate(&self.node, trust, name).await?;
        let mut text = certificate_text(&certificate, self.cluster.zone());
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(Reply::done(text))
    }

    /// `show cert fingerprint`: as the CTL client prints it.
    pub(crate) async fn show_fingerprint(&self, name: &str) -> Result<Reply, CoreError> {
        let certificate = self.cluster.find_certificate(&self.node, false, name).await?;
        let [sha1, sha256] =
            [&certificate.sha1()[..], &certificate.sha256()[..]].map(|digits| spell(digits, ":", true));
        Ok(Reply::done(format!("SHA-1:   {sha1}\nSHA-256: {sha256}\n")))
    }

    pub(crate) async fn ask_to_regenerate(
        &mut self,
        name: &str,
        options: &str,
        force: Option<&str>,
        now: i64,
    ) -> Result<Reply, CoreError> {
        let unit = self.unit(name)?;
        let choice = key_choice(options, |bits| digests_of_certificates(self.cluster.release(), unit, bits))?;
        let wanted = Regenerate { unit, choice, force: force.map(str::to_owned) };
        self.cluster.check(&self.actor, &self.node, &wanted, now).await?;
        Ok(self.ask(Question::Regenerate { unit, choice, force: force.map(str::to_owned) }))
    }

    pub(crate) async fn regenerate(
        &self,
        unit: Unit,
        choice: KeyChoice,
        force: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let wanted = Regenerate { unit, choice, force: force.map(str::to_owned) };
        let behind = behind(self.cluster.perform(&self.actor, &self.node, &wanted, surroundings).await)?;
        let name = unit.name();
        // The renewal of ITLRecovery ends with its success line: its restarts are automatic
        // [sources/shell#regeneration], [sources/releases#restarts].
        let reminder = if unit == Unit::Capf { self.after_new_capf(surroundings).await? } else { String::new() };
        let restart = match unit {
            Unit::ItlRecovery => String::new(),
            _ => format!(
                "You must restart services related to {name} for the regenerated certificates to become active.\n"
            ),
        };
        let pending = self.restarts_after(unit, &[&self.node.name]).await?;
        let text = format!("Successfully Regenerated Certificate for {name}.\n{restart}{reminder}{pending}");
        Ok(Reply::changed(text, behind.as_ref()))
    }

    /// `show cert deleted`: as the tables of `run sql`.
    pub(crate) async fn list_deletions(&self, now: i64) -> Result<Reply, CoreError> {
        let deletions = self.cluster.deletions(now).await?;
        if deletions.is_empty() {
            return Ok(Reply::done("No deleted certificates that can be put back.\n"));
        }
        let zone = self.cluster.zone();
        let row = |deletion: Deletion| {
            let file = format!("{}/{}", deletion.store, deletion.row.file);
            let days = [deletion.row.deleted_at, deletion.until].map(|at| day(at / 1000, zone));
            let [deleted, until] = days;
            vec![Some(file), Some(deleted), Some(deletion.row.deleted_by), Some(until)]
        };
        let rows = deletions.into_iter().map(row).collect();
        Ok(Reply::done(self.table(&table(&["file", "deleted", "by", "until"], rows))))
    }

    pub(crate) async fn undelete_trusted(
        &self,
        store: &str,
        file: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let wanted = UndeleteTrusted::new(store, file);
        self.cluster.perform(&self.actor, &self.node, &wanted, surroundings).await?;
        let store = service_named(store).map_or(store, |service| service.name);
        Ok(Reply::done(format!("Successfully put back {}/{}.\n", store, one_line(file))))
    }
}

/// The words behind `set cert regen UNIT`: pairs of a word and its value, as the page of the original has them
/// [sources/certificates#names-and-keys].
fn key_choice(options: &str, digests: impl FnOnce(Option<u32>) -> Vec<RequestDigest>) -> Result<KeyChoice, CoreError> {
    let mut choice = KeyChoice::default();
    let mut hash = None;
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let word = word.to_ascii_lowercase();
        let value = words.next().ok_or_else(|| CoreError::BadInput(format!("a value is missing after {word}")));
        match word.as_str() {
            "key-length" => choice.bits = Some(bits(value?)?),
            "hash" => hash = Some(value?),
            _ => return Err(CoreError::BadInput(format!("`{word}` is not key-length or hash"))),
        }
    }
    choice.digest = hash.map(|name| digest_named(name, &digests(choice.bits))).transpose()?;
    Ok(choice)
}

/// A number of bits.
pub(super) fn bits(value: &str) -> Result<u32, CoreError> {
    value.parse().map_err(|_| CoreError::BadInput(format!("`{value}` is not a key length")))
}
