//! `cargo xtask test`: installs what the tests need, then runs every check, one after the other.
//!
//! A step that fails ends the run, with a sentence that says how to run that step alone.

use std::time::{Duration, Instant};

use crate::machine::{Here, Machine};
use crate::packages::Need;
use crate::process::{cargo, run, run_reading};
use crate::setup::{OpenSsl, prepare, small_disk};
use crate::stop::Stop;
use crate::{deps, fuzz};

/// A run from a clean clone stays below this on two cores; beyond it the run says so.
const BUDGET: Duration = Duration::from_secs(40 * 60);

/// One check.
struct Step {
    /// What `--only` takes.
    name: &'static str,
    /// What it proves.
    proves: &'static str,
    /// What must be installed for it.
    needs: &'static [Need],
    /// Does it.
    run: fn(&mut Context) -> Result<(), Stop>,
}

/// What the steps share.
struct Context {
    openssl: OpenSsl,
    counts: Counts,
    failures: Failures,
}

/// In the order in which they run: the quick ones first.
const STEPS: &[Step] = &[
    Step { name: "fmt", proves: "the source is formatted", needs: &[], run: fmt },
    Step { name: "deps", proves: "directions between crates, licences, habits", needs: &[], run: |_| deps::deps() },
    Step { name: "clippy", proves: "no warning in any target", needs: &[Need::Build], run: clippy },
    Step {
        name: "tests",
        proves: "every test of every crate",
        needs: &[Need::Build, Need::Tests, Need::Tokens],
        run: tests,
    },
    Step { name: "docs", proves: "the documentation builds without a warning", needs: &[Need::Build], run: docs },
    Step {
        name: "fuzz",
        proves: "six seconds of each fuzz target",
        needs: fuzz::NEEDS,
        run: |context| fuzz::smoke(context.openssl),
    },
];

/// What a finished step leaves for the summary.
struct Done {
    name: &'static str,
    proves: &'static str,
    took: Duration,
    good: bool,
}

/// Runs all steps, or those that `--only` names.
pub fn test(arguments: &[String]) -> Result<(), Stop> {
    let steps = chosen(arguments)?;
    let Some(steps) = steps else {
        for step in STEPS {
            println!("{:<8} {}", step.name, step.proves);
        }
        return Ok(());
    };
    let started = Instant::now();
    let needs: Vec<Need> = steps.iter().flat_map(|step| step.needs.iter().copied()).collect();
    let mut context = Context { openssl: OpenSsl::System, counts: Counts::default(), failures: Failures::default() };
    if !needs.is_empty() {
        println!("== set-up: what the tests need");
        context.openssl = prepare(&Here, &needs)?;
        if needs.contains(&Need::Tests) {
            small_disk(&Here)?;
        }
        println!("everything is there");
    }
    components(&Here)?;

    let mut done = Vec::new();
    let mut stopped = None;
    for step in &steps {
        println!("\n== {}: {}", step.name, step.proves);
        let begun = Instant::now();
        let result = (step.run)(&mut context);
        let took = begun.elapsed();
        println!("== {} took {}", step.name, seconds(took));
        done.push(Done { name: step.name, proves: step.proves, took, good: result.is_ok() });
        if let Err(stop) = result {
            stopped = Some((step.name, stop));
            break;
        }
    }
    context.failures.print();
    print_summary(&done, &steps, started.elapsed());
    context.counts.print();
    match stopped {
        None => Ok(()),
        Some((name, stop)) => Err(Stop::failed(format!("{stop} (this step alone: `cargo xtask test --only {name}`)"))),
    }
}

/// The steps to run; `None` means that they are only to be listed.
fn chosen(arguments: &[String]) -> Result<Option<Vec<&'static Step>>, Stop> {
    let mut names = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => return Ok(None),
            "--only" => match arguments.next() {
                Some(name) if STEPS.iter().any(|step| step.name == name) => names.push(name.as_str()),
                Some(name) => {
                    return Err(Stop::usage(format!(
                        "there is no step `{name}`; `cargo xtask test --list` names them"
                    )));
                }
                None => {
                    return Err(Stop::usage("--only needs the name of a step; `cargo xtask test --list` names them"));
                }
            },
            other => {
                return Err(Stop::usage(format!("`cargo xtask test` knows --only STEP and --list, not `{other}`")));
            }
        }
    }
    Ok(Some(STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name)).collect()))
}

/// rustfmt and clippy are components that a minimal toolchain lacks.
fn components(machine: &dyn Machine) -> Result<(), Stop> {
    let lacks = |program: &str| machine.ask("cargo", &[program, "--version"]).is_none();
    let missing: Vec<&str> = [("fmt", "rustfmt"), ("clippy", "clippy")]
        .into_iter()
        .filter_map(|(program, component)| lacks(program).then_some(component))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("rustup component add {}", missing.join(" "));
    let next = format!("have `{line}` succeed, then try again");
    run(std::process::Command::new("rustup").args(["component", "add"]).args(&missing), &next)
}

fn fmt(_: &mut Context) -> Result<(), Stop> {
    let next = "run `cargo fmt --all` (and `cargo fmt --manifest-path fuzz/Cargo.toml`)";
    run(cargo().args(["fmt", "--all", "--check"]), next)?;
    run(cargo().args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]), next)
}

fn clippy(context: &mut Context) -> Result<(), Stop> {
    let mut command = cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--locked"]).args(context.openssl.cargo_arguments());
    run(command.args(["--", "-D", "warnings"]), "mend what it names")
}

fn tests(context: &mut Context) -> Result<(), Stop> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--locked", "--no-fail-fast"]).args(context.openssl.cargo_arguments());
    let Context { counts, failures, .. } = context;
    let mut read = |line: &str| {
        counts.read(line);
        failures.read(line);
    };
    run_reading(&mut command, &mut read, "the failing test is named above")
}

fn docs(context: &mut Context) -> Result<(), Stop> {
    let mut command = cargo();
    command.env("RUSTDOCFLAGS", "-Dwarnings").args(["doc", "--workspace", "--no-deps", "--locked"]);
    command.args(context.openssl.cargo_arguments());
    run(&mut command, "mend the links and comments it names")
}

/// How many tests ran, from the closing lines of the test programs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    programs: u64,
}

impl Counts {
    /// Takes a line like `test result: ok. 12 passed; 0 failed; 0 ignored; ...`; all others are not for us.
    fn read(&mut self, line: &str) {
        let Some((_, tail)) = line.split_once("test result: ") else {
            return;
        };
        let mut before = "";
        for word in tail.split_whitespace() {
            let number = || before.parse::<u64>().unwrap_or(0);
            match word.trim_end_matches(';') {
                "passed" => self.passed += number(),
                "failed" => self.failed += number(),
                _ => {}
            }
            before = word;
        }
        self.programs += 1;
    }

    fn print(&self) {
        if self.programs > 0 {
            println!("{} passed, {} failed", self.passed, self.failed);
        }
    }
}

/// What failing tests printed: the test programs say it in the middle of thousands of lines, it is said again at the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Failures {
    /// Between the two lines `failures:` of a test program, of which the second begins the bare list of names.
    inside: bool,
    lines: Vec<String>,
}

impl Failures {
    /// The lines that are kept of all programs; a test that prints more has them above.
    const MAX: usize = 400;

    fn read(&mut self, line: &str) {
        match line {
            "failures:" => self.inside = !self.inside,
            _ if line.starts_with("test result: ") => self.inside = false,
            _ if self.inside && self.lines.len() < Self::MAX => self.lines.push(line.to_owned()),
            _ => {}
        }
    }

    fn print(&self) {
        if !self.lines.is_empty() {
            println!("\n== failing tests, once more");
        }
        for line in &self.lines {
            println!("{line}");
        }
        if self.lines.len() == Self::MAX {
            println!("(more of it above)");
        }
    }
}

fn print_summary(done: &[Done], steps: &[&Step], total: Duration) {
    println!("\n{:<8} {:>8}  {:<5} what it proves", "step", "time", "");
    for step in done {
        println!(
            "{:<8} {:>8}  {:<5} {}",
            step.name,
            seconds(step.took),
            if step.good { "ok" } else { "NO" },
            step.proves
        );
    }
    for step in steps.iter().skip(done.len()) {
        println!("{:<8} {:>8}  -     not run", step.name, "-");
    }
    println!("{:<8} {:>8}", "all", seconds(total));
    if total > BUDGET {
        println!(
            "That is more than the {} minutes that a run may take: see CONTRIBUTING.md for what takes the time.",
            BUDGET.as_secs() / 60
        );
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_all_test_programs_are_added_up() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "\u{1b}[0mtest result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            "test passed_and_failed ... ok",
        ] {
            counts.read(line);
        }
        assert_eq!(counts, Counts { passed: 13, failed: 2, programs: 2 });
    }

    #[test]
    fn what_failing_tests_printed_is_kept() {
        let mut failures = Failures::default();
        let program = "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\nthread 'a' panicked at a.rs:1\n\nfailures:\n    a\n\ntest result: FAILED. 0 passed; 1 failed";
        for line in ["test b ... ok"].into_iter().chain(program.lines()).chain(program.lines()).chain(["Doc-tests"]) {
            failures.read(line);
        }
        let once = ["", "---- a stdout ----", "thread 'a' panicked at a.rs:1", ""];
        assert_eq!(
            failures,
            Failures { inside: false, lines: [once, once].concat().into_iter().map(str::to_owned).collect() }
        );
    }

    #[test]
    fn unknown_steps_and_words_are_wrong_usage() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for line in ["--only everything", "--only", "--fast"] {
            assert_eq!(chosen(&words(line)).map(|_| ()).unwrap_err().code(), 64, "{line}");
        }
        let Ok(Some(steps)) = chosen(&words("--only fmt --only deps")) else { panic!("both are steps") };
        assert_eq!(steps.iter().map(|step| step.name).collect::<Vec<_>>(), ["fmt", "deps"]);
    }

    #[test]
    fn steps_have_names_of_their_own() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }
}
