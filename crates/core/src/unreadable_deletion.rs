//! `utils unreadable delete`: a row or file that cannot be read is taken out; one that phones may rely on by force only.

use cluster::State;
use cluster::actor::{Actor, Level};
use cluster::alarms::ROW_UNREADABLE;
use cluster::certificates::stores::refresh_roles;
use cluster::certificates::trusted::hanging_lscs;
use cluster::draft::Draft;
use cluster::readable;
use cluster::refusal::check_reason;
use cluster::rows::unreadable::{KEYS, NOT_THERE, PUBLISHED};
use cluster::rows::{CertificateRow, DELETE, OWN, RequestState, Unreadable};
use cluster::state::{AskedLists, Asks};
use cluster::surroundings::Surroundings;
use cluster::units::{PHONE_CA_STORES, Unit, service};
use cluster::wording::listed;
use store::aside;

use crate::CoreError;
use crate::cluster::Cluster;
use crate::perform::write_all;
use crate::unreadable::{CERTIFICATES, LISTS, NeededKey};

/// What is asked before a row is deleted: who needs it.
const NEEDS: Asks = Asks {
    lists: AskedLists::All,
    lscs: true,
    evidence: false,
    held: false,
    phones: false,
    keys: false,
    served: false,
};

impl Cluster {
    /// The cluster, with who may need a row when it is that of a certificate: for others no list has to be read.
    async fn needing(&self, table: &str, key: &str) -> Result<State, CoreError> {
        let state = self.state(Asks::default()).await?;
        if row_named(&state.certificates, table, key).is_none() {
            return Ok(state);
        }
        self.state(NEEDS).await
    }

    /// `utils unreadable delete TABLE KEY`: takes out a row or file that cannot be read. One that phones may rely on only with a
    /// reason.
    ///
    /// # Errors
    /// [`CoreError`]: the level; nothing unreadable has this name; [`CoreError::Refused`] with who may need it.
    pub async fn delete_unreadable(
        &self,
        actor: &Actor,
        (table, key): (&str, &str),
        force: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Unreadable, CoreError> {
        actor.require(Level::ReadWrite)?;
        let reason = check_reason(force)?;
        let now = surroundings.now();
        let command = format!("{DELETE} {table} {key}");
        if [KEYS, PUBLISHED].contains(&table) {
            return self.delete_unreadable_file(actor, (table, key), &command, reason, surroundings).await;
        }
        let forced = reason.map(|reason| format!("; forced: {reason}")).unwrap_or_default();
        let mut transaction = self.store().begin().await?;
        let state = self.needing(table, key).await?;
        let rows = &state.certificates;
        let row = row_named(rows, table, key);
        let needed = match row {
            _ if table == "audit" => {
                let text = "Entries of the audit log stay as they are; `utils audit verify` says which were altered";
                return Err(CoreError::refused("audit-stays", text));
            }
            Some(row) => needed(&state, row)?,
            None if table == OWN => {
                let rows = self.unreadable_own().await?;
                let way_out = rows.into_iter().find(|row| row.key == key).and_then(|row| row.way_out);
                let text = "It says which certificate a unit of a node has";
                Some(("lists-need-it", way_out.map_or_else(|| text.to_owned(), |way_out| format!("{text}; {way_out}"))))
            }
            None if table == "ctlfile" || LISTS.contains(&table) => Some((
                "lists-need-it",
                "It says what stands in the lists that phones hold: set it right instead, from a backup of the database".to_owned(),
            )),
            None => None,
        };
        if let (Some(needed), None) = (needed, reason) {
            return Err(is_needed(needed, table, key));
        }
        let found = transaction.delete_unreadable(table, key, &readable::check).await.map_err(|error| {
            CoreError::refused(
                "referred-to",
                format!("{table} {key} cannot be deleted, other rows refer to it: {error}"),
            )
        })?;
        let Some(found) = found else {
            let text = format!("{table} has no row {key} that cannot be read; `utils unreadable list` names them all");
            return Err(CoreError::BadInput(text));
        };
        if row.is_none() && CERTIFICATES.contains(&table) {
            // What it stood in is seen only after it is gone.
            let mut change = Draft::new(State { certificates: transaction.certificates().await?, ..state.clone() });
            for row in rows {
                refresh_roles(&mut change, &row.pkid);
            }
            write_all(self, &mut transaction, change.writes(), now).await?;
        }
        transaction.clear_alarm(ROW_UNREADABLE.name, &found.place()).await?;
        transaction.note_change(now, "certificate", &format!("{} deleted", found.place())).await?;
        transaction.note_audit(now, actor.name(), &command, &format!("{}{forced}", found.reason)).await?;
        transaction.commit().await?;
        self.settle_change(surroundings).await?;
        Ok(found)
    }

    /// Whether a row of a certificate that cannot be read can be deleted without force, for whoever asks before.
    pub(crate) async fn check_unreadable_deletion(&self, (table, key): (&str, &str)) -> Result<(), CoreError> {
        let state = self.needing(table, key).await?;
        let Some(row) = row_named(&state.certificates, table, key) else { return Ok(()) };
        let needed = needed(&state, row)?;
        needed.map_or(Ok(()), |needed| Err(is_needed(needed, table, key)))
    }

    async fn delete_unreadable_file(
        &self,
        actor: &Actor,
        (folder, key): (&str, &str),
        command: &str,
        reason: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Unreadable, CoreError> {
        let now = surroundings.now();
        let forced = reason.map(|reason| format!("; forced: {reason}")).unwrap_or_default();
        let certificates = self.node_certificates().await?;
        let requests = self.store().requests().await?;
        for node in self.store().nodes().await? {
            for (file, unreadable) in self.unreadable_files(&node, &certificates, &requests)? {
                if unreadable.table != folder || unreadable.key != key {
                    continue;
                }
                let needed = self.needed_keys(&node, &certificates, &requests);
                let of = needed.iter().find(|key| key.file == file);
                let missing = unreadable.reason == NOT_THERE;
                if missing && of.is_some_and(|key| key.request == Some(RequestState::Replaced)) {
                    let mut transaction = self.store().begin().await?;
                    let key = file.strip_suffix(".pem").unwrap_or(&file);
                    transaction.set_request_state(key, RequestState::Used).await?;
                    transaction.clear_alarm(ROW_UNREADABLE.name, &unreadable.place()).await?;
                    transaction.note_audit(now, actor.name(), command, "the request is given up").await?;
                    transaction.commit().await?;
                    return Ok(unreadable);
                }
                if let Some(way_out) = unreadable.way_out.as_ref().filter(|_| missing) {
                    return Err(CoreError::refused("not-there", format!("There is no such file to delete. {way_out}")));
                }
                if let (Some(way_out), None) = (&unreadable.way_out, reason) {
                    let text = format!(
                        "It is the key of {}. {way_out}. `{DELETE} force {folder} {key} REASON` does it all the same",
                        of.map(NeededKey::owner).unwrap_or_default()
                    );
                    return Err(CoreError::refused("own-certificate", text));
                }
                self.audit(actor.name(), command, &format!("{}{forced}", unreadable.reason), now).await?;
                match folder {
                    KEYS => self.directory(&node).keys().remove(&file)?,
                    _ => aside::remove(&self.directory(&node).published().join(&file))?,
                };
                let mut transaction = self.store().begin().await?;
                transaction.clear_alarm(ROW_UNREADABLE.name, &unreadable.place()).await?;
                transaction.note_change(now, "list", &format!("{} deleted", unreadable.place())).await?;
                transaction.commit().await?;
                self.settle_change(surroundings).await?;
                return Ok(unreadable);
            }
        }
        let text = format!("{folder} has no file {key} that cannot be read; `utils unreadable list` names them all");
        Err(CoreError::BadInput(text))
    }
}

/// Who may need a certificate that cannot be read: a label, and a sentence. It counts as an anchor unless nothing says so.
fn needed(state: &State, row: &CertificateRow) -> Result<Option<(&'static str, String)>, CoreError> {
    let units: Vec<&str> = row.own.iter().filter_map(|(_, number)| Unit::of_service(*number)).map(Unit::name).collect();
    if let Some(unit) = units.first() {
        let text =
            format!("It is the {} certificate of a node; `set cert regen {unit}` replaces it", units.join(" and "));
        return Ok(Some(("own-certificate", text)));
    }
    let stores = row.services.iter().filter_map(|number| service(*number));
    if stores.into_iter().any(|store| PHONE_CA_STORES.contains(&store.name)) {
        let title = format!("what SHA-256 {} was", row.fingerprint.escape_debug());
        if let Some(user) = hanging_lscs(state, &row.fingerprint, &title)? {
            return Ok(Some((user.label, user.text)));
        }
    }
    let naming = state.lists()?.iter().filter(|one| {
        let ders = one.list.records().filter_map(|record| record.certificate().map(pki::hash::sha256));
        ders.into_iter().any(|hash| pki::hash::hex(&hash) == row.fingerprint)
    });
    let naming: Vec<String> = naming.map(|one| format!("the {} of {}", one.kind.word(), one.node)).collect();
    Ok((!naming.is_empty()).then(|| ("lists-name-it", format!("It stands in {}: phones rely on it", listed(&naming)))))
}

fn row_named<'a>(rows: &'a [CertificateRow], table: &str, key: &str) -> Option<&'a CertificateRow> {
    rows.iter().find(|row| row.pem.unreadable("").place() == format!("{table} {key}"))
}

fn is_needed((label, text): (&'static str, String), table: &str, key: &str) -> CoreError {
    CoreError::refused(label, format!("{text}. `{DELETE} force {table} {key} REASON` does it all the same"))
}
