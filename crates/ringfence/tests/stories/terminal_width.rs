//! What we print on a terminal of 80 columns and narrower: tables and help break between words, pages count rows, and what the original prints is
//! never broken.

use std::collections::BTreeMap;
use std::process::Command;

use cluster::units::Unit;

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

/// Host names as long as certificates take them, a common name of 128, keys named by 64 digits: no table of ours is wider than the screen.
#[test]
fn long_names_fit_too() {
    let names = ["p", "s"].map(|letter| letter.repeat(40));
    let place = Place::of([&names[0], &names[1]], |_| async {});
    let subject = pki::name::Subject {
        country: String::new(),
        organization: "Example".into(),
        unit: String::new(),
        common_name: "c".repeat(128),
        state: String::new(),
        locality: String::new(),
    };
    let not_before = 1_700_000_000;
    let request = pki::profile::SelfSigned { subject, serial: vec![7], not_before, dns_names: Vec::new() };
    let profile = (cluster::releases::release("15").unwrap().certificates)(Unit::Capf).1.certificate;
    let made = pki::profile::self_signed(&profile, &request, &testbed::rsa_key(2048).unwrap()).unwrap();
    std::fs::write(place.file("long.pem"), made.to_pem()).unwrap();
    for store in ["CallManager", "tomcat"] {
        place.run(&["admin", "-c", &format!("set cert import trust {store} long.pem")], "").success();
    }
    let file = format!("{}.pem", "c".repeat(128));
    place.run(&["admin", "--yes", "-c", &format!("set cert delete tomcat-trust {file}")], "").success();
    place.run(&["admin", "--yes", "-c", "set cert regen tomcat"], "").success();
    place.run(&["admin", "-c", "set csr gen tomcat"], "").success();
    place.run(&["device", "add", "SEP58971ECC97C1", "--description", &"d".repeat(128)], "").success();
    place.run(&["admin", "-c", "utils capf device schedule SEP58971ECC97C1 install null"], "").success();
    for command in ["set parameter EnableOCSP T", "utils cert revocation check"] {
        place.run(&["admin", "-c", command], "");
    }
    let of_the_shell = [
        "show cert deleted",
        "show itl status",
        "show ctl status",
        "show cert monitor all",
        "show cert revocation",
        "show parameters",
        "show restarts",
        "utils key list",
        "utils capf csr list",
        "utils capf stale-lsc list",
        "utils capf device list all",
        "utils capf device show SEP58971ECC97C1",
    ];
    let of_the_program: [&[&str]; 7] = [
        &["device", "list"],
        &["device", "list", "--lsc"],
        &["device", "list", "--unknown"],
        &["device", "show", "SEP58971ECC97C1"],
        &["inventory"],
        &["monitor", "--all"],
        &["truth"],
    ];
    let mut wide = Vec::new();
    let of_the_shell = of_the_shell.iter().map(|command| vec!["admin", "-c", *command]);
    for arguments in of_the_shell.chain(of_the_program.iter().map(|arguments| arguments.to_vec())) {
        for columns in [80, 64] {
            let text = printed(&place, columns, &arguments);
            if longest(&text) > usize::from(columns) {
                wide.push(format!("{columns}, {arguments:?}:\n{text}"));
            }
        }
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
    let keys = printed(&place, 80, &["admin", "-c", "utils key list"]);
    assert!(keys.lines().any(|line| line.starts_with("  keys/") && line.ends_with(".pem")), "in one piece: {keys}");
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
