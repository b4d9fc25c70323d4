//! The shell on a local terminal: prompt, editing, Tab, pages, Ctrl-C. The history stays in memory: commands name people
//! and machines.

use std::os::fd::AsFd;

use daemon::surroundings::System;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{History, MemHistory};
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use shell::paging::{Pager, Turn};
use shell::session::INTERRUPTED;
use shell::{PROMPT, Session, State};
use tokio::signal::unix::{Signal, SignalKind, signal};
use wire::printable;

use super::script;
use crate::exit::{Answer, Failure};
use crate::opened::{Opened, could_not};
use crate::{secret, terminal};

/// How often Ctrl-C is looked for while something is pasted, milliseconds: soon enough for a person.
const CTRL_C: u8 = 100;

/// Runs until `quit` or the end of input.
pub fn run(opened: &Opened, session: &mut Session) -> Result<Answer, Failure> {
    let interrupts = {
        let _guard = opened.runtime.enter();
        signal(SignalKind::interrupt()).map_err(|error| Failure::of("signals", error))?
    };
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(false).build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history).map_err(lost)?;
    editor.set_helper(Some(Keys(None)));
    let warnings = opened.runtime.block_on(session.standing_warnings()).map_err(could_not)?;
    let node = session.node();
    let role = if node.publisher { "publisher" } else { "subscriber" };
    terminal::print(&format!(
        "{}, {role}, release {}. `help` lists the commands, `quit` leaves.\n{warnings}\n",
        node.name,
        opened.cluster.release().name
    ))?;
    Console { opened, session, editor, interrupts }.run()
}

struct Console<'a> {
    opened: &'a Opened,
    session: &'a mut Session,
    editor: Editor<Keys, MemHistory>,
    interrupts: Signal,
}

impl Console<'_> {
    fn run(mut self) -> Result<Answer, Failure> {
        let mut state = State::Prompt;
        // What was typed before a `?` stands on the next line again.
        let mut begun = String::new();
        loop {
            let line = match &state {
                State::Prompt => self.command_line(&begun)?,
                State::Ask(question) => self.read(question, "")?,
                State::Paste => self.pasted_line()?,
                State::AskSecret(question) => secret::read(question)?.map_or(Typed::Interrupt, Typed::Line),
                State::Quit => return Ok(Answer::Yes),
            };
            begun.clear();
            state = match line {
                Typed::Line(line) => {
                    if state == State::Prompt {
                        begun = line.trim_end().strip_suffix('?').unwrap_or_default().to_owned();
                    }
                    self.carry_out(Some(&line))?
                }
                Typed::Interrupt => {
                    let reply = self.session.interrupt();
                    terminal::print(&reply.text)?;
                    reply.state
                }
                Typed::End if state == State::Prompt => {
                    terminal::print("\n")?;
                    State::Quit
                }
                Typed::End => {
                    terminal::print("\n")?;
                    self.carry_out(None)?
                }
            };
        }
    }

    /// A command, with Tab and history.
    fn command_line(&mut self, begun: &str) -> Result<Typed, Failure> {
        let completer = self.opened.runtime.block_on(self.session.completer());
        self.editor.set_helper(Some(Keys(Some(completer))));
        let typed = self.read(PROMPT, begun)?;
        self.editor.set_helper(Some(Keys(None)));
        if let Typed::Line(line) = &typed
            && !line.trim().is_empty()
        {
            self.editor.history_mut().add(line.trim()).map_err(lost)?;
        }
        Ok(typed)
    }

    fn read(&mut self, prompt: &str, begun: &str) -> Result<Typed, Failure> {
        match self.editor.readline_with_initial(prompt, (begun, "")) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupt),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(lost(error)),
        }
    }

    /// A line of what is pasted, as the terminal gives it: the editor would lose lines that come while it is not asked.
    fn pasted_line(&mut self) -> Result<Typed, Failure> {
        let stdin = std::io::stdin();
        loop {
            let mut keys = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
            match poll(&mut keys, PollTimeout::from(CTRL_C)) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => break,
                Err(error) => return Err(Failure::of("terminal", error)),
            }
            let interrupts = &mut self.interrupts;
            let interrupted = self.opened.runtime.block_on(async {
                tokio::select! {
                    biased;
                    Some(()) = interrupts.recv() => true,
                    () = std::future::ready(()) => false,
                }
            });
            if interrupted {
                return Ok(Typed::Interrupt);
            }
        }
        Ok(script::read_line()?.map_or(Typed::End, Typed::Line))
    }

    /// Runs a line, or the end of input behind a question or a paste. Ctrl-C does not tear a change apart: it is carried
    /// out, and its text is cut off. What would still be asked or pasted is dropped.
    fn carry_out(&mut self, line: Option<&str>) -> Result<State, Failure> {
        self.opened.fresh();
        let columns = self.editor.dimensions().map(|(columns, _)| usize::from(columns));
        let session = &mut *self.session;
        session.set_columns(columns.filter(|columns| *columns > 0));
        let interrupts = &mut self.interrupts;
        let (reply, interrupted) = self.opened.runtime.block_on(async move {
            let mut surroundings = System::default();
            let work = async {
                match line {
                    Some(line) => session.line(line, &mut surroundings).await,
                    None => session.end_of_input(&mut surroundings).await,
                }
            };
            tokio::pin!(work);
            let mut interrupted = false;
            loop {
                tokio::select! {
                    reply = &mut work => return (reply, interrupted),
                    Some(()) = interrupts.recv() => interrupted = true,
                }
            }
        });
        self.opened.follow();
        match (interrupted, reply.state) {
            (false, state) => self.show(&reply.text).map(|()| state),
            (true, state @ (State::Prompt | State::Quit)) => terminal::print(INTERRUPTED).map(|()| state),
            (true, State::Ask(_) | State::AskSecret(_) | State::Paste) => {
                let reply = self.session.interrupt();
                terminal::print(&reply.text).map(|()| reply.state)
            }
        }
    }

    fn show(&mut self, text: &str) -> Result<(), Failure> {
        let text = &*printable::lines(text);
        let size = self.editor.dimensions().filter(|_| self.session.pagination());
        let size = size.map(|(columns, rows)| (usize::from(columns), usize::from(rows)));
        let pager = size.and_then(|(columns, rows)| Pager::new(text, rows, columns));
        let Some(mut pager) = pager else {
            return terminal::print(text);
        };
        loop {
            terminal::print(&pager.page())?;
            let key = match self.read(&pager.prompt(), "")? {
                Typed::Line(key) => key,
                Typed::Interrupt => return terminal::print(INTERRUPTED),
                Typed::End => return terminal::print("\n"),
            };
            if pager.turn(&key) == Turn::Leave {
                return Ok(());
            }
        }
    }
}

/// What came from the terminal.
enum Typed {
    Line(String),
    Interrupt,
    End,
}

fn lost(error: ReadlineError) -> Failure {
    Failure::of("terminal", error)
}

/// What the editor asks for the Tab key; nothing while a question or a page waits.
struct Keys(Option<shell::complete::Completer>);

impl Completer for Keys {
    type Candidate = Pair;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (Some(completer), Some(before)) = (&self.0, line.get(..position)) else {
            return Ok((position, Vec::new()));
        };
        let completion = completer.complete(before);
        let alone = completion.candidates.len() == 1;
        // What is put into the line stands on the terminal as it is.
        let safe = completion.candidates.into_iter().filter(|candidate| printable::is_one_line(&candidate.text));
        let pairs = safe.map(|candidate| Pair {
            display: format!("{}{}", candidate.text, if candidate.menu { "*" } else { "" }),
            // The only candidate is whole, so the next word follows.
            replacement: candidate.text + if alone { " " } else { "" },
        });
        Ok((completion.start, pairs.collect()))
    }
}

impl Hinter for Keys {
    type Hint = String;
}
impl Highlighter for Keys {}
impl Validator for Keys {}
impl Helper for Keys {}
