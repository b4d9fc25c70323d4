//! README.md says what the program says.

use std::process::{Command, Output};

use crate::support::node::Served;

/// README.md, and the blocks of a kind in it.
fn blocks(kind: &str) -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, behind)) = rest.split_once(&format!("\n```{kind}\n")) {
        let (block, after) = behind.split_once("\n```").unwrap();
        found.push(block.to_owned());
        rest = after;
    }
    found
}

/// The words of a command line, without its comment.
fn words(line: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            '#' if !quoted => break,
            ' ' if !quoted => all.push(String::new()),
            other => all.last_mut().unwrap().push(other),
        }
    }
    all.retain(|word| !word.is_empty());
    all
}

fn run(data: &std::path::Path, arguments: &[String]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    program.env("RINGFENCE_DATA", data).current_dir(data).args(arguments).output().unwrap()
}

/// Numbers say nothing about the text: `N` for each.
fn without_numbers(line: &str) -> String {
    let mut out = String::new();
    for word in line.split_inclusive([' ', ';', ',', ':', ')', '(']) {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let known = word.trim_end_matches([' ', ';', ',', ':', ')', '(']);
        if digits > 0 && known.len() >= 2 {
            out.push('N');
            out.extend(word.chars().last().filter(|last| !last.is_ascii_alphanumeric()));
        } else {
            out.push_str(word);
        }
    }
    out.trim().to_owned()
}

#[test]
fn its_commands_run_against_a_node() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start(&data, &[]);
    let lines: Vec<String> = blocks("sh").concat().lines().map(str::to_owned).collect();
    let commands: Vec<Vec<String>> = lines
        .iter()
        .map(|line| words(line))
        .filter(|words| words.first().is_some_and(|word| word == "ringfence"))
        .collect();
    assert!(commands.len() >= 9, "{commands:?}");
    for command in commands {
        // What runs until it is stopped, and what reads the terminal, runs above and in other tests.
        if command[1..] == ["serve"] || command[1..] == ["admin"] {
            continue;
        }
        let output = run(&data, &command[1..]);
        // `truth` may find what is not served here; `monitor` may find something urgent.
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let fine = output.status.success()
            || (["truth", "monitor"].contains(&command[1].as_str()) && output.status.code() == Some(1));
        assert!(fine, "{command:?}: {:?}: {said}", output.status.code());
    }
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn its_tables_name_commands_that_there_are() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let help = String::from_utf8(Command::new(env!("CARGO_BIN_EXE_ringfence")).arg("--help").output().unwrap().stdout)
        .unwrap();
    let mut found = 0;
    for (at, _) in text.match_indices("`ringfence ") {
        let word = text[at + "`ringfence ".len()..].split([' ', '`', '\n']).next().unwrap();
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(&format!("{word} ")) || line.trim() == word),
            "{word}: {help}"
        );
        found += 1;
    }
    assert!(found >= 15, "{found}");
}

#[test]
fn its_start_is_a_start() {
    let block = blocks("text").into_iter().find(|block| block.starts_with("$ ringfence serve\n")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Served::start_at("127.0.0.1", &data, &["--name", "voice", "--address", "192.0.2.10"], "0");
    let said: Vec<String> = node.said.lines().map(without_numbers).collect();
    let told = block.lines().skip(1).filter(|line| !line.starts_with("First start") && !line.is_empty());
    for line in told.take_while(|line| !line.starts_with("Next:")) {
        let wanted = without_numbers(&line.replace("/var/lib/ringfence", &data.display().to_string()));
        assert!(said.contains(&wanted), "{wanted}: {said:?}");
    }
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn its_scenario_is_the_one_that_the_lab_plays() {
    let block = blocks("text").into_iter().find(|block| block.contains("--scenario certificate-regeneration")).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    let output = program.args(["lab", "--scenario", "certificate-regeneration"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let played: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(without_numbers).collect();
    // Lines that are too wide for the page are broken there.
    let block = block.replace("\n      ", " ");
    for line in block.lines().skip(1).filter(|line| *line != "[...]" && !line.is_empty()) {
        let wanted = without_numbers(line);
        assert!(played.contains(&wanted), "{wanted}: {played:#?}");
    }
}
