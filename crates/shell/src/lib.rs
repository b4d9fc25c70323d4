//! The `admin:` command language: text in, text out. No terminal, no socket, no clock.
//!
//! * [`table`]: the one table of commands; everything below reads it
//! * [`parse`]: a typed line -> a command of the table with its arguments
//! * [`session`]: who is logged in on which node; a line -> a [`Reply`]; a confirmation is a state of the session,
//!   and so is what is pasted behind a command (`paste`)
//! * `run`: what the commands do, one module per noun, by the operations of `core`
//! * [`help`]: `help`, `help COMMAND` and `?`; [`complete`]: the Tab key
//! * [`columns`]: tables and sentences of ours in the width of a screen; [`paging`]: long texts by pages
//!
//! A face (a local terminal, a pipe, later SSH) reads a line, gives it to [`Session::line`], writes the text of the
//! reply, and shows the prompt that its [`State`] names. Texts, misspellings and prompts are those of the original
//! [sources/shell#conventions], [sources/shell#certificate-commands]; what the original has not is marked as ours in
//! the table and in `help`.

pub mod columns;
pub mod complete;
pub mod help;
pub mod paging;
pub mod parse;
mod paste;
mod question;
mod run;
pub mod session;
pub mod table;

pub use session::{Outcome, PROMPT, Reply, Session, State};
