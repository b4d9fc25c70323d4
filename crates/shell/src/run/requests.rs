//! Certificates of CAs: `set cert import`; and `set cert delete` [sources/shell#certificate-commands].
//!
//! The certificate is pasted in as on the original (`paste`), or stands in a file that is named, for scripts.

use cluster::Surroundings;
use cluster::certificates::descriptions::{Describe, check as check_description};
use cluster::certificates::trusted::DeleteTrusted;
use cluster::certificates::upload::Upload;
use cluster::revocation::{Finding, State};
use cluster::units::trust_store;
use cluster::units::{Unit, service_named};
use ringfence_core::import::given_certificates;
use ringfence_core::{CoreError, printable};

use crate::paste::PastedFor;
use crate::question::Question;
use crate::run::capf::{counted, in_file};
use crate::session::{Reply, Session, behind, one_line};

impl Session {
    /// What stands behind the unit: a file and options. Without a file, or with `-`, the certificate is pasted in.
    pub(crate) async fn import_own(
        &mut self,
        unit: &str,
        rest: &str,
        force: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let unit = self.unit(unit)?;
        match ImportOptions::read(rest, force)? {
            (None | Some("-"), options) => Ok(self.ask_to_paste(PastedFor::Own(unit, options))),
            (Some(file), options) => {
                let bytes = self.cluster.given_file(&self.actor, file)?;
                self.take_own(unit, &bytes, &options, surroundings).await
            }
        }
    }

    /// Takes the certificate of a unit over.
    pub(crate) async fn take_own(
        &self,
        unit: Unit,
        file: &[u8],
        options: &ImportOptions,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let key = options.key.as_deref().map(|name| self.cluster.given_key(&self.actor, name)).transpose()?;
        let upload = Upload { key, force: options.force.clone(), ..Upload::new(unit, file) };
        let plan = self.cluster.plan_upload(&self.actor, &self.node, upload, surroundings).await?;
        if options.dry_run {
            let lines: String = plan.lines().iter().map(|line| format!("{line}\n")).collect();
            return Ok(Reply::done(format!("{}Nothing has been changed.\n", printable::lines(&lines))));
        }
        let behind = behind(self.cluster.perform(&self.actor, &plan.at, &plan.upload, surroundings).await)?;
        if let Some(text) = &options.description {
            let wanted =
                Describe { certificates: vec![plan.certificate.clone()], service: unit.service(), text: text.clone() };
            self.cluster.perform(&self.actor, &self.node, &wanted, surroundings).await?;
        }
        let reminder = if unit == Unit::Capf { self.after_new_capf(surroundings).await? } else { String::new() };
        let nodes: Vec<&str> = plan.nodes.iter().map(|(node, _)| node.name.as_str()).collect();
        let pending = self.restarts_after(unit, &nodes).await?;
        let notes = plan.doubts.iter().map(|doubt| one_line(&format!("Note: {doubt}.")) + "\n");
        let doubts = notes.collect::<String>() + &doubts(&plan.upload.revocation);
        let text = format!("{}{reminder}{pending}{doubts}", imported("certificate", unit.name()));
        Ok(Reply::changed(text, behind.as_ref()))
    }

    /// `set cert reuse tomcat`.
    pub(crate) async fn reuse(
        &self,
        from: &str,
        force: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let from = self.unit(from)?;
        let plan = self.cluster.plan_reuse(&self.actor, &self.node, from, force, surroundings).await?;
        let behind = behind(self.cluster.perform(&self.actor, &plan.at, &plan.upload, surroundings).await)?;
        let name = plan.upload.unit.name();
        let nodes: Vec<&str> = plan.nodes.iter().map(|(node, _)| node.name.as_str()).collect();
        let pending = self.restarts_after(plan.upload.unit, &nodes).await?;
        let text = format!(
            "Successfully reused the {} certificate for {name}.\n\
             Please restart services related to {name} for the new certificate to become active.\n{pending}",
            from.name()
        );
        Ok(Reply::changed(text, behind.as_ref()))
    }

    pub(crate) async fn import_trust(
        &mut self,
        store: &str,
        rest: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        match trusted_options(rest)? {
            (None | Some("-"), description) => {
                Ok(self.ask_to_paste(PastedFor::Trust { store: store.to_owned(), description }))
            }
            (Some(file), description) => {
                let bytes = self.cluster.given_file(&self.actor, file)?;
                self.take_trusted(store, &bytes, file, description.as_deref(), surroundings).await
            }
        }
    }

    /// Puts certificates into a trust store, which may be named by its unit as on the original; `place` is where they stand.
    pub(crate) async fn take_trusted(
        &self,
        store: &str,
        bytes: &[u8],
        place: &str,
        description: Option<&str>,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let all = given_certificates(bytes).map_err(|error| in_file(place, error))?;
        let named = service_named(store);
        let of_unit = named.filter(|service| !service.trust).map(|unit| format!("{}-trust", unit.name));
        let full = of_unit.as_deref().unwrap_or(store);
        let found = self.cluster.import_trusted(&self.actor, &self.node, &all, full, surroundings).await?;
        if let (Some(text), Some(service)) = (description, service_named(full)) {
            let wanted = Describe { certificates: all, service: service.number, text: text.to_owned() };
            self.cluster.perform(&self.actor, &self.node, &wanted, surroundings).await?;
        }
        let mut doubts = doubts(&found.findings);
        for other in &found.same_name {
            doubts
                .push_str(&one_line(&format!("Note: {other} stands there too: another certificate of the same name.")));
            doubts.push('\n');
        }
        let name = named.map_or(store, |service| service.name);
        let new = found.given.iter().filter(|one| !one.already).count();
        if found.given.len() > 1 {
            let lines: String = found.given.iter().map(|one| one_line(&one.line()) + "\n").collect();
            doubts.insert_str(0, &lines);
        }
        let what = match new {
            0 => {
                let all: Vec<&str> = found.given.iter().map(|one| one.name.as_str()).collect();
                let text = format!("{} stands in {name} already; nothing has been changed.", one_line(&all.join(", ")));
                return Ok(Reply::done(format!("{text}\n{doubts}")));
            }
            1 => "certificate".to_owned(),
            count => counted(count, "certificate"),
        };
        Ok(Reply::done(match of_unit {
            Some(_) => imported(&what, name) + &doubts,
            None => format!("Successfully imported {what} for {name}.\n{doubts}"),
        }))
    }

    pub(crate) async fn ask_to_delete_trusted(
        &mut self,
        store: &str,
        file: &str,
        now: i64,
    ) -> Result<Reply, CoreError> {
        let named = store;
        let store = trust_store(named)?;
        let wanted = DeleteTrusted::new(store.name, file);
        self.cluster.check_deletion(&self.actor, &self.node, &wanted, now).await?;
        let asked = self.ask(Question::DeleteTrusted { store: store.name, file: file.to_owned() });
        if store.name.eq_ignore_ascii_case(named) {
            return Ok(asked);
        }
        Ok(asked
            .above(&format!("{} is meant: the own certificate of a unit is renewed and not deleted.\n", store.name)))
    }

    pub(crate) async fn delete_trusted(
        &self,
        store: &str,
        file: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let wanted = DeleteTrusted::new(store, file);
        self.cluster.delete_trusted(&self.actor, &self.node, &wanted, surroundings).await?;
        let more = self.cluster.release().deletion.map(|text| format!("{text}.\n")).unwrap_or_default();
        Ok(Reply::done(format!("Successfully deleted {store}/{file}.\n{more}")))
    }

    /// What an administrator has to think of after CAPF has another certificate: ours, because the original leaves it to its
    /// guides. Nothing when nothing is to be done.
    pub(super) async fn after_new_capf(&self, surroundings: &mut dyn Surroundings) -> Result<String, CoreError> {
        use cluster::parameters::SecurityMode;
        let mut text = String::new();
        if self.cluster.parameters().await?.security_mode() == SecurityMode::Mixed {
            text.push_str("The CTL file still names the old CAPF: run `utils ctl update CTLFile`.\n");
        }
        let stale = self.cluster.stale_lscs(surroundings.now()).await?;
        let old = stale.iter().filter(|found| found.other_issuer && !found.device_gone).count();
        if old > 0 {
            let (verb, them) = if old == 1 { ("is", "it") } else { ("are", "them") };
            text.push_str(&format!(
                "{} {verb} not by the issuer in use; what issued {them} stays in CAPF-trust and CallManager-trust. `utils capf \
                 stale-lsc list` names them,\n`utils capf device wave start stale lsc` issues them again.\n",
                counted(old, "LSC")
            ));
        }
        Ok(text)
    }
}

/// What the original says at the end.
fn imported(what: &str, name: &str) -> String {
    format!(
        "Successfully imported {what} for {name}.\n\
         Please restart services related to {name} for the new certificate to become active.\n"
    )
}

/// A line about each certificate that was taken although nobody knows whether it was revoked.
fn doubts(findings: &[Finding]) -> String {
    let doubtful = findings.iter().filter(|finding| finding.state != State::Good);
    doubtful
        .map(|finding| format!("Warning: not known whether it was revoked: {}\n", one_line(&finding.line())))
        .collect()
}

/// What may stand beside the file of `set cert import own`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ImportOptions {
    /// Only say what would happen.
    dry_run: bool,
    /// The file of the key of a certificate whose request was made elsewhere.
    key: Option<String>,
    /// The reason of `set cert import own force`.
    force: Option<String>,
    /// What the administrator calls it.
    description: Option<String>,
}

impl ImportOptions {
    /// Reads `[FILE] [--key FILE] [--dry-run]`, and with `force` a reason to the end of the line. The file, if one is named.
    fn read(text: &str, force: bool) -> Result<(Option<&str>, Self), CoreError> {
        let mut options = Self::default();
        let mut file = None;
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (word, behind) = first_word(rest);
            let mut behind = behind;
            match word {
                "--dry-run" => options.dry_run = true,
                "--key" => {
                    let (key, more) = first_word(behind);
                    if key.is_empty() {
                        return Err(CoreError::BadInput("--key names no file".to_owned()));
                    }
                    options.key = Some(key.to_owned());
                    behind = more;
                }
                "--description" => {
                    let (text, more) = quoted(behind)?;
                    options.description = Some(check_description(text)?.to_owned());
                    behind = more;
                }
                other if other.starts_with("--") => {
                    return Err(CoreError::BadInput(format!("`{other}` is not --dry-run, --key or --description")));
                }
                _ if file.is_none() => file = Some(word),
                _ if force => {
                    options.force = Some(rest.to_owned());
                    break;
                }
                more if options.description.is_some() => {
                    let text = format!("`{more}` is too much; a description with blanks stands in quotation marks");
                    return Err(CoreError::BadInput(text));
                }
                more => return Err(CoreError::BadInput(format!("`{more}` is too much"))),
            }
            rest = behind;
        }
        if force && options.force.is_none() {
            let text = "force needs a file and a reason: `set cert import own force UNIT FILE REASON`, with - for one that is pasted";
            return Err(CoreError::BadInput(text.to_owned()));
        }
        Ok((file, options))
    }
}

/// The first word, and what stands behind it.
fn first_word(text: &str) -> (&str, &str) {
    let (word, behind) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, behind.trim_start())
}

/// What stands in quotation marks, or a word; and what stands behind it.
fn quoted(text: &str) -> Result<(&str, &str), CoreError> {
    let Some(inside) = text.strip_prefix('"') else { return Ok(first_word(text)) };
    let closed = inside.split_once('"').map(|(value, behind)| (value, behind.trim_start()));
    closed.ok_or_else(|| CoreError::BadInput(format!("`{text}`: a text in quotation marks ends with one")))
}

/// What may stand behind the trust store: a file, and what the certificate is called.
fn trusted_options(text: &str) -> Result<(Option<&str>, Option<String>), CoreError> {
    let (file, options) = ImportOptions::read(text, false)?;
    if options.dry_run || options.key.is_some() {
        return Err(CoreError::BadInput("a trust store takes a file and --description".to_owned()));
    }
    Ok((file, options.description))
}
