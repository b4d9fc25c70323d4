//! A session: who is logged in on which node, and what waits for an answer. A line goes in, a [`Reply`] comes out.

use std::sync::Arc;

use cluster::Actor;
use cluster::Surroundings;
use cluster::network::NetworkChange;
use cluster::parameters::SecurityMode;
use cluster::rollback;
use cluster::rows::NodeRow;
use cluster::services::{self, Run};
use cluster::trust_lists::CtlSigner;
use ringfence_core::bulk::Exchange;
use ringfence_core::bulk::exchange::NoSftp;
use ringfence_core::enrolment::Selection;
use ringfence_core::monitor::MonitorChoice;
use ringfence_core::recovery::itl_reset::ResetKey;
use ringfence_core::{Cluster, CoreError, ListKind, Table};

use crate::columns::{Columns, Look, USUAL, wrap_lines};
use crate::complete::Completer;
use crate::help;
use crate::parse::{self, Line};
use crate::paste::Paste;
use crate::question::{Answer, Question};
use crate::run::csr::NO_REQUEST;
use crate::run::sql;
use crate::table::{Action, Command, Origin, Place};

/// The prompt, without a blank behind it.
pub const PROMPT: &str = "admin:";

/// Bytes of a line at most: the longest sensible `select` has some hundred.
pub const LINE_LIMIT: usize = 8192;

/// What scripts look for behind a command that failed.
pub const UNSUCCESSFUL: &str = "Executed command unsuccessfully\n";

/// What an interrupted command prints.
pub const INTERRUPTED: &str = "Control-C pressed\n";

/// How often a question is put until it is taken as answered with no: a script that is out of step must come to an end.
const ASKED_AT_MOST: u8 = 3;

/// What is said of an answer that is neither yes nor no.
const UNCLEAR: &str = "Nothing was done yet: answer yes or no (y or n).\n";

/// What is said of a no.
const NOTHING_DONE: &str = "Nothing was done.\n";

/// A session. Nothing of it lasts.
#[derive(Debug)]
pub struct Session {
    pub(crate) cluster: Cluster,
    pub(crate) node: NodeRow,
    pub(crate) actor: Actor,
    pub(crate) pagination: bool,
    pub(crate) columns: Option<usize>,
    pub(crate) exchange: Arc<dyn Exchange>,
    pub(crate) monitor: Result<MonitorChoice, String>,
    /// What waits for an answer, and how often none came that could be understood.
    question: Option<(Question, u8)>,
    pub(crate) paste: Option<Paste>,
}

/// The answer to a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What is printed: whole lines, or nothing.
    pub text: String,
    /// Where in it the error begins, in bytes: a script prints that part on standard error. The end of the text when there is none.
    pub error_at: usize,
    /// What comes next.
    pub state: State,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it was refused because it is no command, or not how the command is typed.
    pub usage: bool,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The next command, behind [`PROMPT`].
    Prompt,
    /// The answer to a question, behind this prompt.
    Ask(&'static str),
    /// The same for a password or an authentication string: what is typed is shown nowhere.
    AskSecret(&'static str),
    /// The next line of what is pasted: no prompt, and nothing of it is printed again.
    Paste,
    /// Nothing: the session is over.
    Quit,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Done, or waiting for an answer.
    Done,
    /// The administrator said no.
    Declined,
    /// No such command, or a rule forbids it.
    Refused,
    /// Database, files or keys failed.
    Failed,
}

impl Reply {
    pub(crate) fn done(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { error_at: text.len(), text, state: State::Prompt, outcome: Outcome::Done, usage: false }
    }

    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self { text: text.into(), error_at: 0, state: State::Prompt, outcome: Outcome::Refused, usage: false }
    }

    /// What was typed is no command, or not how it is typed.
    fn wrong_usage(text: impl Into<String>) -> Self {
        Self { usage: true, ..Self::refused(text) }
    }

    /// What was done, and what went wrong.
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_at_checked(self.error_at).unwrap_or((&self.text, ""))
    }

    /// An error of the product, as one line above the words that scripts look for.
    pub(crate) fn error(error: &CoreError) -> Self {
        let outcome = match error {
            CoreError::NotPermitted { .. } | CoreError::Refused { .. } | CoreError::BadInput(_) => Outcome::Refused,
            CoreError::Store(_) | CoreError::Unreadable(_) | CoreError::ListsBehind(_) | CoreError::Internal(_) => {
                Outcome::Failed
            }
        };
        // Who reads that the command was unsuccessful gives it again.
        let words = if matches!(error, CoreError::ListsBehind(_)) { "" } else { UNSUCCESSFUL };
        let reply = Self { outcome, ..Self::refused(format!("{}\n{words}", one_line(&error.to_string()))) };
        match error {
            CoreError::Refused { label: cluster::parameters::REFUSAL, .. } => {
                reply.above(&format!("{}\n", rollback::WARNING))
            }
            _ => reply,
        }
    }

    /// Whether the command did what it should, or waits for its answer.
    pub fn ok(&self) -> bool {
        self.outcome == Outcome::Done
    }

    /// The same as a failure, with the line that says so.
    pub(crate) fn failed(mut self, warning: &str) -> Self {
        self.text.push_str(warning);
        Self { outcome: Outcome::Failed, ..self }
    }

    /// The answer to a change, above what stands against it.
    pub(crate) fn changed(text: String, behind: Option<&CoreError>) -> Self {
        behind.map_or_else(|| Self::done(text.clone()), |error| Self::error(error).above(&text))
    }

    pub(crate) fn above(mut self, text: &str) -> Self {
        self.text.insert_str(0, text);
        self.error_at += text.len();
        self
    }
}

/// What stands against a change that lasts all the same; a change that did not happen stays an error.
pub(crate) fn behind<T>(result: Result<T, CoreError>) -> Result<Option<CoreError>, CoreError> {
    match result {
        Ok(_) => Ok(None),
        Err(error @ CoreError::ListsBehind(_)) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

pub(crate) use ringfence_core::printable::one_line;

impl Session {
    /// A session of an actor on a node.
    pub fn new(cluster: Cluster, node: NodeRow, actor: Actor) -> Self {
        Self {
            cluster,
            node,
            actor,
            pagination: true,
            columns: None,
            exchange: Arc::new(NoSftp),
            monitor: Ok(MonitorChoice::default()),
            question: None,
            paste: None,
        }
    }

    /// The same with SFTP, for `set cert bulk`.
    #[must_use]
    pub fn with_exchange(mut self, exchange: Arc<dyn Exchange>) -> Self {
        self.exchange = exchange;
        self
    }

    /// The same with what the certificate monitor of the node is told, or why that cannot be read.
    #[must_use]
    pub fn with_monitor(mut self, monitor: Result<MonitorChoice, String>) -> Self {
        self.monitor = monitor;
        self
    }

    /// The columns of the screen that replies are read on: tables and sentences of ours break between words there. Without a screen (a pipe, a
    /// file) nothing is broken, so that a row stays a line; only `help` has its usual width.
    pub fn set_columns(&mut self, columns: Option<usize>) {
        self.columns = columns;
    }

    /// The width of help.
    fn help_columns(&self) -> usize {
        self.columns.unwrap_or(USUAL)
    }

    /// A table of ours: as the tables of `run sql`, but broken between words where the screen is narrower.
    pub(crate) fn table(&self, table: &Table) -> String {
        let titles: Vec<&str> = table.columns.iter().map(String::as_str).collect();
        let rows = sql::cells(table);
        Columns::fit(&titles, &rows, self.columns, Look::Ruled).table(&rows)
    }

    /// Lines of ours, broken between words where the screen is narrower.
    pub(crate) fn lines(&self, text: String) -> String {
        match self.columns {
            Some(columns) => wrap_lines(&text, columns),
            None => text,
        }
    }

    /// The node.
    pub fn node(&self) -> &NodeRow {
        &self.node
    }

    /// Whether long texts are shown by pages.
    pub fn pagination(&self) -> bool {
        self.pagination
    }

    /// What must be known at login, as whole lines; empty as a rule.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn standing_warnings(&self) -> Result<String, CoreError> {
        let mut text = self.rollback_warning().await?;
        if let Some(trouble) = self.cluster.ctl_trouble().await? {
            text.push_str(&format!("WARNING: {}.\n", one_line(&trouble)));
        }
        Ok(text)
    }

    /// The warning that stands while the cluster prepares for a rollback, as a line.
    pub(crate) async fn rollback_warning(&self) -> Result<String, CoreError> {
        let on = self.cluster.parameters().await?.rollback();
        Ok(if on { format!("{}\n", rollback::WARNING) } else { String::new() })
    }

    /// Ctrl-C: a question that waits is taken as no, and what was pasted is dropped.
    pub fn interrupt(&mut self) -> Reply {
        self.question = None;
        self.paste = None;
        Reply { outcome: Outcome::Declined, ..Reply::done(INTERRUPTED) }
    }

    /// Ctrl-D, or the end of a pipe: ends what is pasted; anything else that waits is taken as no.
    pub async fn end_of_input(&mut self, surroundings: &mut dyn Surroundings) -> Reply {
        match (self.paste.take(), self.question.take()) {
            (Some(paste), _) => self.take_paste(paste, surroundings).await,
            (None, Some(_)) => declined(),
            (None, None) => Reply { outcome: self.interrupt().outcome, ..Reply::done("") },
        }
    }

    /// What the Tab key needs to know now. Names that cannot be read are left out: a Tab is no place for an error.
    pub async fn completer(&self) -> Completer {
        self.follow_release().await;
        let release = self.cluster.release();
        let lines = self.cluster.list_certificates(&self.node, true).await;
        let mut trust: Vec<String> =
            lines.unwrap_or_default().iter().filter_map(|line| line.split(':').next()).map(str::to_owned).collect();
        trust.dedup();
        let devices = self.cluster.store().devices().await.unwrap_or_default();
        let requests = self.cluster.requests(&self.node).await.unwrap_or_default();
        let services = services::of_node(release, self.node.publisher);
        let pending = self.cluster.pending_restarts().await.unwrap_or_default();
        let steps = pending.iter().filter(|it| it.node == self.node.name && it.run != Some(Run::Here));
        Completer {
            level: self.actor.level(),
            release,
            units: release.units(self.node.publisher).map(|unit| unit.name().to_owned()).collect(),
            trust,
            of_release: release.units(true).collect(),
            requests: requests.iter().map(|one| format!("{}/{}", one.unit.name(), one.file)).collect(),
            services: services.map(|service| service.name.to_owned()).collect(),
            steps: steps.map(|it| it.name().unwrap_or(it.step).to_owned()).collect(),
            devices: devices.into_iter().map(|device| device.name).collect(),
        }
    }

    /// Another process may have switched the release since the line before.
    async fn follow_release(&self) {
        // Where the rows cannot be read, the command that needs them says so.
        drop(self.cluster.parameters().await);
    }

    /// A typed line without its end: a command, or the answer to the question that waits.
    pub async fn line(&mut self, line: &str, surroundings: &mut dyn Surroundings) -> Reply {
        self.follow_release().await;
        if let Some((question, slips)) = self.question.take() {
            return match question.answer(line) {
                Answer::Carry => self.carry_out(question, line, surroundings).await,
                Answer::Unclear if slips + 1 < ASKED_AT_MOST => self.put(question, slips + 1).above(UNCLEAR),
                Answer::No | Answer::Unclear => declined(),
            };
        }
        if let Some(paste) = self.paste.take() {
            return self.pasted(paste, line, surroundings).await;
        }
        if line.len() > LINE_LIMIT {
            return Reply::refused(format!("a line has {LINE_LIMIT} bytes at most\n{UNSUCCESSFUL}"));
        }
        let line = line.trim();
        if line.is_empty() {
            return Reply::done("");
        }
        if let Some(typed) = line.strip_suffix('?') {
            let typed = typed.trim_end_matches('?');
            let (level, release) = (self.actor.level(), self.cluster.release());
            return help::question_mark(typed, level, release, self.help_columns())
                .map_or_else(|| self.unknown(typed), Reply::done);
        }
        let logged = self.cluster.log_command(&self.node, line, surroundings.now());
        let reply = self.command(line, surroundings).await;
        match logged {
            Ok(()) => reply,
            // The command counts more than its line in the log; the change itself is in the audit table.
            Err(error) => reply.above(&format!("{}\n", one_line(&error.to_string()))),
        }
    }

    async fn command(&mut self, line: &str, surroundings: &mut dyn Surroundings) -> Reply {
        match parse::parse(line) {
            Line::Empty => Reply::done(""),
            Line::Unknown => {
                let (level, release) = (self.actor.level(), self.cluster.release());
                help::menu(line, level, release, self.help_columns()).map_or_else(|| self.unknown(line), Reply::done)
            }
            Line::WrongArguments(command, reason) => match self.allowed(command) {
                Err(reply) => reply,
                Ok(()) => {
                    let syntax = format!("{}\nSyntax: {}\n", one_line(&reason), command.syntax());
                    Reply::wrong_usage(self.lines(syntax) + UNSUCCESSFUL)
                }
            },
            Line::Command(command, arguments) => match self.allowed(command) {
                Err(reply) => reply,
                Ok(()) => {
                    let reply = self.run(command, &arguments, surroundings).await;
                    if command.origin == Origin::Ours { self.on_screen(reply) } else { reply }
                }
            },
        }
    }

    fn unknown(&self, typed: &str) -> Reply {
        no_command(&help::hint(typed, self.actor.level(), self.cluster.release()))
    }

    /// The reply to a command of ours, with lines that break between words.
    fn on_screen(&self, reply: Reply) -> Reply {
        let (done, error) = reply.parts();
        let done = self.lines(done.to_owned());
        let error = self.lines(error.to_owned());
        Reply { error_at: done.len(), text: done + &error, ..reply }
    }

    /// The check of privilege and node, before anything is asked.
    fn allowed(&self, command: &Command) -> Result<(), Reply> {
        if let Err(error) = self.actor.require(command.level) {
            return Err(Reply::error(&error.into()));
        }
        // One of ours that the release has no use for is run all the same when an alarm has named it.
        if command.origin == Origin::Original
            && let Some(instead) = command.missing_in(self.cluster.release())
        {
            let (name, release) = (command.name(), self.cluster.release().name);
            return Err(no_command(&format!("`{name}` is not a command of release {release}: {instead}\n")));
        }
        if command.place == Place::Publisher && !self.node.publisher {
            return Err(Reply::refused(format!("This command can only be run on the publisher\n{UNSUCCESSFUL}")));
        }
        Ok(())
    }

    async fn run(&mut self, command: &Command, arguments: &[&str], surroundings: &mut dyn Surroundings) -> Reply {
        let first = arguments.first().copied().unwrap_or_default();
        let second = arguments.get(1).copied();
        let done = match command.action {
            Action::Help => {
                let (level, release) = (self.actor.level(), self.cluster.release());
                return help::help(first, level, release, self.help_columns())
                    .map_or_else(|| self.unknown(first), Reply::done);
            }
            Action::Quit => {
                return Reply { state: State::Quit, ..Reply::done("") };
            }
            Action::SetPagination => Ok(self.set_pagination(first == "on")),
            Action::ShowPagination => Ok(self.show_pagination()),
            Action::ShowCtl => self.show_ctl().await,
            Action::ShowItl => self.show_itl().await,
            Action::ListCertificates => self.list_certificates(first == "trust").await,
            Action::ListCertificatesOf => self.list_certificates_of(first).await,
            Action::ListDefaultCas => self.list_default_cas().await,
            Action::SetDefaultCa => {
                self.ask_for_default_ca(first, second.unwrap_or_default(), surroundings.now()).await
            }
            Action::SetWebSecurity => self.set_web_security(arguments, surroundings).await,
            Action::SetAddress => self.ask_to_set_address(first, surroundings.now()).await,
            Action::SetHostname => {
                let change = NetworkChange::Hostname(first.to_owned());
                self.ask_to_set_network(change, surroundings.now()).await
            }
            Action::SetDomain => self.ask_to_set_domain(first, surroundings.now()).await,
            Action::ShowWebSecurity => self.show_web_security().await,
            Action::ShowOwn => self.show_certificate(false, first).await,
            Action::ShowFingerprint => self.show_fingerprint(first).await,
            Action::ShowTrust => self.show_certificate(true, first).await,
            Action::Regenerate => {
                self.ask_to_regenerate(first, second.unwrap_or_default(), None, surroundings.now()).await
            }
            Action::ForceRegenerate => self.ask_to_regenerate(first, "", second, surroundings.now()).await,
            Action::ListDeletions => self.list_deletions(surroundings.now()).await,
            Action::UndeleteTrusted => self.undelete_trusted(first, second.unwrap_or_default(), surroundings).await,
            Action::ShowCtlStatus => self.show_status(ListKind::Ctl, first == "missing", surroundings.now()).await,
            Action::ShowItlStatus => self.show_status(ListKind::Itl, first == "missing", surroundings.now()).await,
            Action::ListUnusedKeys => self.list_unused_keys(surroundings.now()).await,
            Action::ListUnreadable => self.list_unreadable().await,
            Action::DeleteUnreadable => {
                self.delete_unreadable((first, second.unwrap_or_default()), None, surroundings).await
            }
            Action::ForceDeleteUnreadable => {
                let reason = arguments.get(2).copied().unwrap_or_default();
                self.delete_unreadable((first, second.unwrap_or_default()), Some(reason), surroundings).await
            }
            Action::CollectKeys => self.ask_to_collect_keys(surroundings.now()).await,
            Action::MixedMode => self.ask_about_ctl(Question::SetMode(SecurityMode::Mixed), CtlSigner::First).await,
            Action::NonSecureMode => {
                self.ask_about_ctl(Question::SetMode(SecurityMode::NonSecure), CtlSigner::First).await
            }
            Action::UpdateCtl => self.ask_about_ctl(Question::UpdateCtl, CtlSigner::First).await,
            Action::DistributeCtl => self.distribute_ctl(surroundings).await,
            Action::AddAccount => self.ask_for_account(first).await,
            Action::DeleteAccount => self.delete_account(first, surroundings).await,
            Action::ListAccounts => self.list_accounts().await,
            Action::DeleteActivelog => self.delete_activelog(first, second.is_some(), surroundings).await,
            Action::DeleteTftp => self.delete_tftp(first, second.is_some(), surroundings).await,
            Action::ListServices => self.list_services().await,
            Action::StartService => self.start_service(first, surroundings).await,
            Action::StopService => self.stop_service(first, surroundings).await,
            Action::RestartService => self.restart_service(first, surroundings).await,
            Action::RunSql => self.run_sql(first, surroundings).await,
            Action::ShowParameters => self.show_parameters().await,
            Action::SetParameter => self.set_parameter(first, second.unwrap_or_default(), surroundings).await,
            Action::GenerateRequest => self.generate_request(first, second.unwrap_or_default(), surroundings).await,
            Action::ListRequests if first == "trust" => Ok(Reply::done(NO_REQUEST)),
            Action::ListRequests => self.list_requests(None).await,
            Action::ListRequestsOfUnit => {
                self.list_requests(Some(first).filter(|name| !name.eq_ignore_ascii_case("own"))).await
            }
            Action::RestoreRequest => self.restore_request(first, surroundings).await,
            Action::ShowRequest => self.show_request(first, second.is_some()).await,
            Action::ImportOwn => self.import_own(first, second.unwrap_or_default(), false, surroundings).await,
            Action::ForceImportOwn => self.import_own(first, second.unwrap_or_default(), true, surroundings).await,
            Action::Reuse => self.reuse(first, None, surroundings).await,
            Action::ForceReuse => self.reuse(first, second, surroundings).await,
            Action::ImportTrust => self.import_trust(first, second.unwrap_or_default(), surroundings).await,
            Action::DeleteTrusted => {
                self.ask_to_delete_trusted(first, second.unwrap_or_default(), surroundings.now()).await
            }
            Action::Acknowledge => self.acknowledge(first, second.unwrap_or_default(), surroundings).await,
            Action::Unacknowledge => self.unacknowledge(first, surroundings).await,
            Action::ShowMonitor => self.show_monitor(first == "all", surroundings.now()).await,
            Action::ShowRevocation => self.show_revocation().await,
            Action::CheckRevocation => self.check_revocation(surroundings).await,
            Action::SetBulkPlace => Ok(self.ask(Question::BulkServer)),
            Action::BulkExport => self.bulk_export(first, surroundings).await,
            Action::BulkConsolidate => self.bulk_consolidate(first, surroundings).await,
            Action::BulkImport => self.bulk_import(first, surroundings).await,
            Action::ListStaleLscs => self.list_stale_lscs(surroundings).await,
            Action::DeleteStaleLscs => self.ask_to_delete_stale_lscs(surroundings).await,
            Action::ListDeviceRequests => self.list_device_requests().await,
            Action::DumpDeviceRequests => self.dump_device_requests(first, surroundings).await,
            Action::ImportDeviceCertificates => self.import_device_certificates(first, surroundings).await,
            Action::LoadMicRoots => self.load_mic_roots(first, surroundings).await,
            Action::ScheduleDevices => self.schedule_devices(arguments, surroundings).await,
            Action::CancelDevices => self.cancel_devices(first, surroundings).await,
            Action::SetDeviceKeys => self.set_device_keys(arguments, surroundings).await,
            Action::SetEncryptedConfig => self.set_encrypted_config(first, second == Some("on"), surroundings).await,
            Action::ShowString => self.show_string(first, surroundings).await,
            Action::ListDevices => self.list_devices(first, surroundings.now()).await,
            Action::ShowDevice => self.show_device(first, surroundings.now()).await,
            Action::ShowRestarts => self.show_restarts().await,
            Action::ActivateService => self.activate_service(first, surroundings).await,
            Action::DeactivateService => self.deactivate_service(first, surroundings).await,
            Action::MarkRestartDone => self.mark_restart_done(first, surroundings).await,
            Action::ListAudit => self.list_audit(first).await,
            Action::VerifyAudit => self.verify_audit().await,
            Action::StartWave => self.ask_for_wave(arguments, surroundings).await,
            Action::ShowWave => self.show_wave(surroundings).await,
            Action::ResumeWave => self.resume_wave(surroundings).await,
            Action::ResetItlLocal => self.ask_to_reset_itl().await,
            Action::ResetItlRemote => self.ask_for_remote_key(first).await,
            Action::ResetCtl => self.ask_about_ctl(Question::ResetCtl, CtlSigner::Second).await,
            Action::GetTftp => self.ask_for_backup(first, second.unwrap_or_default()).await,
            Action::SetRollback => self.ask_about_rollback(first == "enable").await,
            Action::ShowAnchors => self.show_anchors().await,
            Action::ShowAlarms => self.show_alarms().await,
            Action::SwitchVersion => self.ask_to_switch_version(first, second.is_some(), surroundings.now()).await,
            Action::StopWave => self.stop_wave(!first.is_empty(), surroundings).await,
        };
        done.unwrap_or_else(|error| Reply::error(&error))
    }

    /// Puts a question: it waits until the next line.
    pub(crate) fn ask(&mut self, question: Question) -> Reply {
        let opening = self.lines(question.opening());
        self.put(question, 0).above(&opening)
    }

    fn put(&mut self, question: Question, slips: u8) -> Reply {
        let prompt = question.prompt();
        let state = if question.is_secret() { State::AskSecret(prompt) } else { State::Ask(prompt) };
        self.question = Some((question, slips));
        Reply { state, ..Reply::done("") }
    }

    async fn carry_out(&mut self, question: Question, answer: &str, surroundings: &mut dyn Surroundings) -> Reply {
        let done = match question {
            Question::Regenerate { unit, choice, force } => {
                self.regenerate(unit, choice, force.as_deref(), surroundings).await
            }
            Question::SetNetwork(change) => self.set_network(&change, surroundings).await,
            Question::SetMode(mode) => return self.set_security_mode(mode, surroundings).await,
            Question::UpdateCtl => return self.update_ctl(surroundings).await,
            Question::AccountLevel { name } => self.ask_for_password(name, answer),
            Question::AccountPassword { name, level } => self.ask_again(name, level, answer),
            Question::AccountConfirmation { name, level, password } => {
                self.add_account(&name, level, password, answer, surroundings).await
            }
            Question::Delete(kind, _) => self.delete_list(kind, surroundings).await,
            Question::DeleteTrusted { store, file } => self.delete_trusted(store, &file, surroundings).await,
            Question::SetDefaultCa { name, enable } => self.set_default_ca(&name, enable, surroundings).await,
            Question::CollectKeys(_) => self.collect_keys(surroundings).await,
            Question::DeleteStaleLscs { .. } => self.delete_stale_lscs(surroundings).await,
            Question::TypeString { selection, schedule } => {
                self.schedule_with_string(&selection, schedule, answer, surroundings).await
            }
            Question::ScheduleAll { schedule, .. } => self.schedule(&Selection::All, &schedule, surroundings).await,
            Question::CancelAll { .. } => self.cancel(&Selection::All, surroundings).await,
            Question::BulkServer => self.bulk_server(answer),
            Question::BulkUser(server) => self.bulk_user(server, answer),
            Question::BulkPassword(server) => self.bulk_password(server, answer),
            Question::BulkPath(server) => self.set_bulk_place(server, answer, surroundings).await,
            Question::ResetItl => self.reset_itl(&ResetKey::Local, surroundings).await,
            Question::CcmPassword => self.reset_itl_with_password(answer, surroundings).await,
            Question::RemoteLogin(server, file) => Ok(self.ask_for_key_password(server, file, answer)),
            Question::RemoteKey(file, server) => {
                self.reset_itl_remotely(&file, server.as_ref(), answer, surroundings).await
            }
            Question::ResetCtl => return self.reset_ctl(surroundings).await,
            Question::Backup(place) => self.ask_for_backup_again(place, answer),
            Question::BackupConfirmation { place, password } => {
                self.back_up(&place, &password, answer, surroundings).await
            }
            Question::Rollback(on) => self.set_rollback(on, surroundings).await,
            Question::SwitchVersion { release, recovery } => {
                self.switch_version(&release, recovery, surroundings).await
            }
            Question::StartWave { plan, .. } => self.start_wave(&plan, surroundings).await,
        };
        done.unwrap_or_else(|error| Reply::error(&error))
    }
}

/// The administrator said no.
fn declined() -> Reply {
    Reply { outcome: Outcome::Declined, ..Reply::done(NOTHING_DONE) }
}

/// What is no command [sources/shell#conventions], and below it, ours, where to look.
fn no_command(hint: &str) -> Reply {
    Reply::wrong_usage(format!("{UNSUCCESSFUL}No valid command entered\n{hint}"))
}
