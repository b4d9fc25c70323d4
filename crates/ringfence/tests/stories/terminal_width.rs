//! What we print on a terminal of 80 columns and narrower: tables and help break between words, pages count rows, and what the original prints is
//! never broken.

use std::collections::BTreeMap;
use std::process::Command;

use crate::admin_cluster::Place;
use crate::support::terminal::Terminal;

fn on(place: &Place, columns: u16, arguments: &[&str]) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.env("RINGFENCE_DATA", place.path()).env("TZ", "UTC").env_remove("COLUMNS").args(arguments);
    Terminal::of_size(command, 24, columns)
}

/// Everything that a command prints.
fn printed(place: &Place, columns: u16, arguments: &[&str]) -> String {
    on(place, columns, arguments).whole()
}

fn longest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// Words, without the rules below titles, which are as long as their columns are wide.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().filter(|word| word.chars().any(|letter| letter != '=')).collect()
}

/// How often each word stands there.
fn counted(text: &str) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for word in words(text) {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

#[test]
fn tables_and_help_fit_and_break_between_words() {
    let place = Place::new(|_| async {});
    let description = "Reception desk of the first floor beside the lift to radiology";
    let add = ["device", "add", "SEP58971ECC97C1", "--description", description];
    place.run(&add, "").success();
    let tables: [&[&str]; 8] = [
        &["admin", "-c", "help"],
        &["admin", "-c", "help set csr gen"],
        &["admin", "-c", "show cert monitor all"],
        &["admin", "-c", "utils capf device list"],
        &["admin", "-c", "show restarts"],
        &["device", "list"],
        &["inventory"],
        &["monitor", "--all"],
    ];
    place.run(&["admin", "--yes", "-c", "set cert regen tomcat"], "").success();
    for arguments in tables {
        let wide = place.run(arguments, "").success();
        for columns in [80, 64] {
            let text = printed(&place, columns, arguments);
            assert!(longest(&text) <= usize::from(columns), "{columns}, {arguments:?}:\n{text}");
            // In blocks a title stands at each row that has something below it, else nowhere: no other word is cut, lost or new.
            let (there, wanted) = (counted(&text), counted(&wide));
            let new = there.keys().find(|word| !wanted.contains_key(*word));
            assert_eq!(new, None, "{columns}, {arguments:?}: no word is cut\n{text}");
            let below = counted(wide.split_once('\n').unwrap().1);
            let lost = below.iter().find(|(word, count)| there.get(*word).is_none_or(|times| times < *count));
            assert_eq!(lost, None, "{columns}, {arguments:?}: no word is lost\n{text}");
        }
    }
    // Too narrow for columns: a block for each row.
    let text = printed(&place, 30, &["device", "list"]);
    assert!(text.contains("NAME         SEP58971ECC97C1\n") && longest(&text) <= 30, "{text}");
    // A pipe has no width: a row is a line, for grep.
    let text = place.run(&["device", "list"], "").success();
    assert!(text.lines().any(|line| line.starts_with("SEP58971ECC97C1") && line.ends_with(description)), "{text}");
}

#[test]
fn what_the_original_prints_is_never_broken() {
    let place = Place::new(|_| async {});
    let sql = "run sql select name, description, pkid, fingerprint, subjectname from certificate, processnode";
    for command in ["show itl", "show cert own tomcat", sql, "show cert list trust"] {
        let plain = place.run(&["admin", "-c", command], "");
        let text = printed(&place, 60, &["admin", "-c", command]);
        assert_eq!(text, format!("{}{}", plain.out(), plain.error()), "{command}");
    }
}

#[test]
fn a_page_counts_the_rows_of_the_screen() {
    let place = Place::new(|_| async {});
    let mut terminal = on(&place, 40, &["admin"]);
    terminal.until("admin:");
    terminal.press("show itl\r");
    let page = terminal.until("options: q=quit");
    let page = page.split_once("show itl").unwrap().1.trim_start_matches('\n');
    let rows = |line: &str| {
        let mut at = 0_usize;
        line.chars().for_each(|letter| at = if letter == '\t' { (at / 8 + 1) * 8 } else { at + 1 });
        at.div_ceil(40).max(1)
    };
    let body = page.strip_suffix("options: q=quit").unwrap();
    let taken: usize = body.lines().map(rows).sum();
    // Two rows are for the prompt, which is wider than the screen.
    assert!(body.lines().any(|line| rows(line) > 1), "a long line is on it: {body}");
    assert!((18..=22).contains(&taken), "{taken} rows: {body}");
    terminal.until(" :");
    terminal.press("q\r");
    terminal.until("admin:");
    terminal.press("quit\r");
    assert_eq!(terminal.end(), 0);
}

/// A bar is for whoever waits; whoever reads the list has the screen.
#[test]
fn no_bar_beside_a_pipe() {
    let place = Place::new(|_| async {});
    let ringfence = env!("CARGO_BIN_EXE_ringfence");
    for reader in ["cat", "head -n 1"] {
        let mut command = Command::new("sh");
        command
            .env("RINGFENCE_DATA", place.path())
            .args(["-c", &format!("{ringfence} inventory | {reader}; echo ended")]);
        let text = Terminal::of_size(command, 24, 80).whole();
        assert!(text.starts_with("KIND ") && text.ends_with("ended\n"), "{text}");
        assert!(!text.contains('█') && !text.contains('░'), "{text}");
    }
}
