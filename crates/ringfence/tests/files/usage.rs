//! Help, completions, wrong usage.

use crate::program::{arg, ringfence};

/// The commands that a help names, without `help`.
fn commands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned));
    names.filter(|name| !name.is_empty() && name != "help").collect()
}

/// Every command down to the last shows an example of itself, in its own help or in that of the command that it belongs to.
fn check_examples(words: &[&str], above: bool) -> usize {
    let help = ringfence([words, &["--help"]].concat()).ends(0).text().to_owned();
    let said = help.contains("Example") && help.contains(&format!("ringfence {} ", words.join(" ")));
    let inside = commands(&help);
    assert!(said || above || !inside.is_empty(), "{words:?}: {help}");
    1 + inside.iter().map(|name| check_examples(&[words, &[name]].concat(), said)).sum::<usize>()
}

#[test]
fn help_names_every_tool_and_gives_an_example_of_each() {
    let run = ringfence(["--help"]).ends(0);
    let tools = commands(run.text());
    for tool in ["show", "verify", "serve", "admin", "completions"] {
        assert!(tools.iter().any(|named| named == tool), "{tool}: {tools:?}");
    }
    let all: usize = tools.iter().map(|tool| check_examples(&[tool], false)).sum();
    assert!(all > tools.len(), "those inside of others too");
    assert!(run.text().contains("Exit codes: 0 yes, 1 no"), "{}", run.text());
    let version = ringfence(["--version"]).ends(0);
    assert_eq!(version.text(), format!("ringfence {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_64_and_says_so_on_stderr() {
    for line in [
        &[][..],
        &["frobnicate"],
        &["show"],
        &["show", "--colour", "x"],
        &["build"],
        &["build", "atl"],
        &["verify", "--trust"],
        &["completions", "tcsh"],
    ] {
        let run = ringfence(line).ends(64);
        assert!(run.out.is_empty() && !run.err.is_empty(), "{line:?}: {run:?}");
    }
}

#[test]
fn completions_for_each_shell() {
    let help = ringfence(["--help"]).ends(0);
    let tools = commands(help.text());
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = ringfence(["completions", shell]).ends(0);
        for tool in &tools {
            assert!(run.text().contains(tool), "{shell} {tool}");
        }
    }
}

/// The tools work on files alone: no data directory, no home, no clock zone, nothing from the environment.
#[test]
fn an_empty_environment_is_enough() {
    let program = assert_cmd::cargo::cargo_bin!("ringfence");
    let output = std::process::Command::new(program)
        .env_clear()
        .args(["show", &arg("trustlist/cucm-ctl-4947.tlv")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}
