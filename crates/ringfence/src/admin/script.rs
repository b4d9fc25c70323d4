//! Commands without a terminal: `-c`, or the lines of a pipe. Prints what the commands print; a confirmation and its answer
//! are printed too, so that a log tells what was agreed to. An error of `-c` goes to standard error; what comes through a pipe is a session,
//! where it stands in the stream.

use std::io::{BufRead, IsTerminal, Read};

use daemon::surroundings::System;
use shell::session::LINE_LIMIT;
use shell::{Outcome, Reply, Session, State};

use crate::exit::{Answer, Failure};
use crate::opened::Opened;
use crate::{secret, terminal};

/// Runs commands one after the other, until one fails.
pub fn commands(opened: &Opened, session: &mut Session, commands: &[String], yes: bool) -> Result<Answer, Failure> {
    let mut script = Script { opened, session, yes, stream: false };
    let mut worst = Outcome::Done;
    for command in commands {
        let reply = script.command(command)?;
        if reply.usage {
            return Ok(Answer::WrongUsage);
        }
        worst = worst.max(reply.outcome);
        if ends(&reply) {
            break;
        }
    }
    answer(worst)
}

/// Runs the lines of standard input, until one fails or `quit`.
pub fn standard_input(opened: &Opened, session: &mut Session, yes: bool) -> Result<Answer, Failure> {
    let mut script = Script { opened, session, yes, stream: true };
    let mut worst = Outcome::Done;
    while let Some(line) = read_line()? {
        let reply = script.command(&line)?;
        if reply.usage {
            return Ok(Answer::WrongUsage);
        }
        worst = worst.max(reply.outcome);
        if ends(&reply) {
            break;
        }
    }
    answer(worst)
}

/// A no is an answer and no mishap: what follows may still be wanted.
fn ends(reply: &Reply) -> bool {
    reply.state == State::Quit || reply.outcome >= Outcome::Refused
}

/// What went wrong was printed.
fn answer(worst: Outcome) -> Result<Answer, Failure> {
    Ok(match worst {
        Outcome::Done => Answer::Yes,
        Outcome::Declined | Outcome::Refused => Answer::No,
        Outcome::Failed => Answer::CouldNotTell,
    })
}

struct Script<'a> {
    opened: &'a Opened,
    session: &'a mut Session,
    yes: bool,
    /// Whether errors stand among what is printed.
    stream: bool,
}

impl Script<'_> {
    /// A command with its confirmations, until the nodes follow it.
    fn command(&mut self, line: &str) -> Result<Reply, Failure> {
        self.opened.fresh();
        let reply = self.answered(line);
        self.opened.follow();
        reply
    }

    fn answered(&mut self, line: &str) -> Result<Reply, Failure> {
        let mut reply = self.line(line)?;
        loop {
            let given = match reply.state {
                State::Ask(question) => self.confirmation(question, false)?,
                State::AskSecret(question) => self.confirmation(question, true)?,
                State::Paste => {
                    reply = match read_line()? {
                        Some(line) => self.line(&line)?,
                        None => self.end_of_input()?,
                    };
                    continue;
                }
                State::Prompt | State::Quit => break,
            };
            reply = match given {
                Some(given) => self.line(&given)?,
                None => {
                    terminal::note("no answer on standard input, so nothing was done; --yes answers");
                    Reply { outcome: Outcome::Declined, ..self.session.interrupt() }
                }
            };
        }
        Ok(reply)
    }

    fn line(&mut self, line: &str) -> Result<Reply, Failure> {
        let reply = self.opened.runtime.block_on(self.session.line(line, &mut System::default()));
        self.show(&reply)?;
        Ok(reply)
    }

    /// The end of standard input, which ends what is pasted.
    fn end_of_input(&mut self) -> Result<Reply, Failure> {
        let reply = self.opened.runtime.block_on(self.session.end_of_input(&mut System::default()));
        self.show(&reply)?;
        Ok(reply)
    }

    fn show(&self, reply: &Reply) -> Result<(), Failure> {
        if self.stream {
            return terminal::print(&reply.text);
        }
        let (done, error) = reply.parts();
        terminal::print(done)?;
        terminal::told(error);
        Ok(())
    }

    /// Prints a question and gives its answer. A terminal shows what is typed there; anything else is printed, but no
    /// password. `--yes` is no password either.
    fn confirmation(&self, question: &str, secret: bool) -> Result<Option<String>, Failure> {
        let on_terminal = std::io::stdin().is_terminal();
        if secret && on_terminal {
            return secret::read(question);
        }
        terminal::print(question)?;
        if secret {
            let given = read_line()?;
            terminal::print("\n")?;
            return Ok(given);
        }
        if self.yes && is_yes_or_no(question) {
            let yes = if question.contains("yes") { "yes" } else { "y" };
            terminal::print(&format!("{yes}\n"))?;
            return Ok(Some(yes.to_owned()));
        }
        let given = read_line()?;
        if given.is_none() || !on_terminal {
            let shown = terminal::one_line(given.as_deref().unwrap_or_default());
            terminal::print(&format!("{shown}\n"))?;
        }
        Ok(given)
    }
}

/// Whether yes answers a question; the others want a name or a number.
fn is_yes_or_no(question: &str) -> bool {
    ["yes", "y/n", "\"y\""].iter().any(|sign| question.contains(sign))
}

/// A line of standard input without its end; `None` at the end.
pub(super) fn read_line() -> Result<Option<String>, Failure> {
    let limit = LINE_LIMIT as u64 + 2;
    let mut bytes = Vec::new();
    let input = std::io::stdin().lock();
    let read = input.take(limit).read_until(b'\n', &mut bytes);
    read.map_err(|error| Failure::of("standard input", error))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() as u64 == limit && !bytes.ends_with(b"\n") {
        return Err(Failure::of("standard input", format!("a line has more than {LINE_LIMIT} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::of("standard input", "a line is not UTF-8"))?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}
