//! A typed line -> a command of the table with its arguments. Words count in any case; nothing is abbreviated, the Tab
//! key completes.

use crate::table::{Argument, Command, Kind, all};

/// What a line means.
#[derive(Debug)]
pub enum Line<'a> {
    /// Nothing was typed.
    Empty,
    /// A command; one text per argument that is there.
    Command(&'static Command, Vec<&'a str>),
    /// The words of a command, but not the arguments that it takes.
    WrongArguments(&'static Command, String),
    /// No command.
    Unknown,
}

/// The words of a line with the place where each begins, in bytes.
pub fn words(line: &str) -> Vec<(usize, &str)> {
    let mut all = Vec::new();
    let mut rest = line;
    loop {
        let trimmed = rest.trim_start();
        if trimmed.is_empty() {
            return all;
        }
        let at = line.len() - trimmed.len();
        let end = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
        let (word, behind) = trimmed.split_at(end);
        all.push((at, word));
        rest = behind;
    }
}

/// The command whose name is the longest beginning of these words, and how many words it has.
pub fn command_of(words: &[&str]) -> Option<&'static Command> {
    all()
        .filter(|command| words.get(..command.words.len()).is_some_and(|first| command.begins_with(first)))
        .max_by_key(|command| command.words.len())
}

/// What is left of a line behind its first `count` words.
pub fn behind(line: &str, count: usize) -> &str {
    let start = words(line).get(count).map_or(line.len(), |(start, _)| *start);
    line.get(start..).unwrap_or_default()
}

/// Reads a line.
pub fn parse(line: &str) -> Line<'_> {
    let typed: Vec<&str> = words(line).into_iter().map(|(_, word)| word).collect();
    if typed.is_empty() {
        return Line::Empty;
    }
    let Some(command) = command_of(&typed) else {
        return Line::Unknown;
    };
    match arguments(command, behind(line, command.words.len())) {
        Ok(values) => Line::Command(command, values),
        Err(reason) => Line::WrongArguments(command, reason),
    }
}

fn arguments<'a>(command: &'static Command, text: &'a str) -> Result<Vec<&'a str>, String> {
    let mut rest = text.trim();
    let mut values = Vec::new();
    for argument in command.arguments {
        if rest.is_empty() {
            if argument.optional {
                break;
            }
            return Err(format!("{} is missing", argument.name));
        }
        if argument.kind.takes_rest() {
            values.push(rest);
            rest = "";
            continue;
        }
        let (word, behind) = value(rest)?;
        values.push(check(argument, word)?);
        rest = behind.trim_start();
    }
    match rest {
        "" => Ok(values),
        more => Err(format!("`{more}` is too much")),
    }
}

/// The value that a text begins with, and what is behind it: a word, or what stands in quotation marks.
fn value(text: &str) -> Result<(&str, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        return Ok(text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())));
    };
    let closed =
        quoted.split_once('"').filter(|(_, behind)| behind.is_empty() || behind.starts_with(char::is_whitespace));
    closed.ok_or_else(|| format!("`{text}`: a value in quotation marks ends with one, and a blank behind it"))
}

/// The spelling of a choice; any other argument as it was typed.
fn check<'a>(argument: &Argument, word: &'a str) -> Result<&'a str, String> {
    let Kind::Choice(choices) = argument.kind else {
        return Ok(word);
    };
    choices
        .iter()
        .find(|choice| choice.eq_ignore_ascii_case(word))
        .copied()
        .ok_or_else(|| format!("`{word}` is not {}", choices.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arguments_and_names_with_blanks() {
        let Line::Command(command, values) = parse("  Utils service  restart Cisco Trust Verification Service ") else {
            panic!("a command");
        };
        assert_eq!(command.name(), "utils service restart");
        assert_eq!(values, ["Cisco Trust Verification Service"]);
        let Line::Command(command, values) = parse("file delete tftp CTLFile.tlv NOCONFIRM") else {
            panic!("a command");
        };
        assert_eq!(
            (command.name().as_str(), values.as_slice()),
            ("file delete tftp", ["CTLFile.tlv", "noconfirm"].as_slice())
        );
    }

    #[test]
    fn values_with_blanks() {
        let Line::Command(command, values) = parse(r#"set web-security "IT Dept" "Acme Inc"  Kassel "Hessen" DE"#)
        else {
            panic!("a command");
        };
        assert_eq!(command.name(), "set web-security");
        assert_eq!(values, ["IT Dept", "Acme Inc", "Kassel", "Hessen", "DE"]);
        // A statement is one text: its quotation marks belong to it.
        let Line::Command(_, values) = parse(r#"run sql "select" 1"#) else { panic!("a command") };
        assert_eq!(values, [r#""select" 1"#]);
        for line in [r#"set web-security "IT Dept Acme"#, r#"set web-security "IT"Dept Acme Kassel Hessen"#] {
            assert!(matches!(parse(line), Line::WrongArguments(_, said) if said.contains("quotation marks")), "{line}");
        }
    }

    #[test]
    fn what_is_no_command() {
        assert!(matches!(parse(" \t"), Line::Empty));
        for line in ["show", "sho ctl", "show cert", "utils ctl update", "ctl", "é"] {
            assert!(matches!(parse(line), Line::Unknown), "{line}");
        }
        for (line, reason) in [
            ("set cert regen", "unit-name is missing"),
            ("show ctl now please", "`now please` is too much"),
            ("show cert list both", "`both` is not own or trust"),
            ("run sql ", "sql-statement is missing"),
        ] {
            match parse(line) {
                Line::WrongArguments(_, said) => assert_eq!(said, reason),
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}
