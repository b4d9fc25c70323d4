//! Running other programs: shown before they start, with a sentence when they fail.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use crate::stop::Stop;

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let own =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().map_or_else(|| own.clone(), PathBuf::from)
}

/// The cargo that runs us, so that a chosen toolchain stays chosen.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The command line as one would type it; only for people to read.
pub fn shown(command: &Command) -> String {
    let set =
        command.get_envs().filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), plain(value?))));
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or_else(|| command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(plain);
    set.chain(words).collect::<Vec<_>>().join(" ")
}

/// A word, in quotes when it has blanks.
fn plain(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    if text.contains(' ') { format!("'{text}'") } else { text.into_owned() }
}

/// Runs a program with our own input and output. `next` says what to do when it fails.
pub fn run(command: &mut Command, next: &str) -> Result<(), Stop> {
    println!("$ {}", shown(command));
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    finished(command, status, next)
}

/// Runs a program and hands each line of its output to `line` besides printing it. What it says on standard error goes
/// straight through.
pub fn run_reading(command: &mut Command, mut line: impl FnMut(&str), next: &str) -> Result<(), Stop> {
    println!("$ {}", shown(command));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| cannot_start(command, &error))?;
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let count = output.read_until(b'\n', &mut bytes).map_err(|error| lost_output(command, &error))?;
            if count == 0 {
                break;
            }
            std::io::stdout().write_all(&bytes).map_err(|error| lost_output(command, &error))?;
            line(String::from_utf8_lossy(&bytes).trim_end());
        }
    }
    let status = child.wait().map_err(|error| lost_output(command, &error))?;
    finished(command, status, next)
}

/// Runs a program and keeps what it says, which is printed only when it fails.
pub fn run_silent(command: &mut Command, next: &str) -> Result<String, Stop> {
    println!("$ {}", shown(command));
    let output = command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, &error))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        println!("{text}");
    }
    finished(command, output.status, next)?;
    Ok(text)
}

/// What a program prints on standard output; its standard error goes straight through.
pub fn output_of(command: &mut Command, next: &str) -> Result<Vec<u8>, Stop> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_start(command, &error))?;
    finished(command, output.status, next)?;
    Ok(output.stdout)
}

fn finished(command: &Command, status: ExitStatus, next: &str) -> Result<(), Stop> {
    if status.success() {
        return Ok(());
    }
    let how = status
        .code()
        .map_or_else(|| "was stopped by a signal".to_owned(), |code| format!("ended with exit code {code}"));
    Err(Stop::failed(format!("`{}` {how}; {next}", shown(command))))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Stop {
    Stop::unable(format!(
        "`{}` cannot be started: {error}; see that it is installed and in the search path",
        shown(command)
    ))
}

fn lost_output(command: &Command, error: &std::io::Error) -> Stop {
    Stop::unable(format!("the output of `{}` was lost: {error}; run it by hand", shown(command)))
}
