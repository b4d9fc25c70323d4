//! Help, completions, wrong usage.

use crate::program::{arg, ringfence};

const TOOLS: [&str; 8] = ["show", "verify", "build", "sign", "strip", "encrypt", "decrypt", "diff"];

#[test]
fn help_names_every_tool_and_gives_an_example_of_each() {
    let run = ringfence(["--help"]).ends(0);
    for tool in TOOLS {
        assert!(run.text().lines().any(|line| line.trim_start().starts_with(tool)), "{tool}: {}", run.text());
        let help = ringfence([tool, "--help"]).ends(0);
        assert!(help.text().contains(&format!("Example: ringfence {tool} ")), "{}", help.text());
        assert_eq!(help.text().matches("Example:").count(), 1);
    }
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
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = ringfence(["completions", shell]).ends(0);
        for tool in TOOLS {
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
