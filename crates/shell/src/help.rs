//! `help`, `help COMMAND` and `?`, made from the table [sources/shell#conventions].

use cluster::Level;
use cluster::releases::{Release, names};

use crate::columns::{USUAL, prose, width, wrap, wrap_lines};
use crate::parse::{command_of, words};
use crate::table::{Command, Kind, Origin, Place, is_menu, visible};

/// Letters of the prompt, by which the original sets in the sub-commands of a menu word [sources/shell#conventions].
const INDENT: &str = "      ";

/// The text of `help`: all commands of a level, or those that begin with `typed`, or one command at length. `None` when
/// there is no such command. Its lines have at most so many columns, and never more than [`USUAL`].
pub fn help(typed: &str, level: Level, release: &Release, columns: usize) -> Option<String> {
    let columns = columns.min(USUAL);
    let typed: Vec<&str> = words(typed).into_iter().map(|(_, word)| word).collect();
    if typed.is_empty() {
        return Some(list(visible(level, release), true, columns));
    }
    if let Some(command) = there(&typed, level, release) {
        return Some(explain(command, columns));
    }
    let under: Vec<&Command> = visible(level, release).filter(|command| command.begins_with(&typed)).collect();
    (!under.is_empty()).then(|| list(under.into_iter(), false, columns))
}

/// The command of these words, where the release has it and the level may run it.
fn there(typed: &[&str], level: Level, release: &Release) -> Option<&'static Command> {
    command_of(typed).filter(|command| command.level <= level && command.missing_in(release).is_none())
}

/// What a line lists that is only a menu word, where the original does so.
pub fn menu(line: &str, level: Level, release: &Release, columns: usize) -> Option<String> {
    let typed: Vec<&str> = words(line).into_iter().map(|(_, word)| word).collect();
    is_menu(&typed).then(|| question_mark(line, level, release, columns)).flatten()
}

/// Two columns: the syntax, and what it does. A long syntax has lines of its own.
fn list<'a>(commands: impl Iterator<Item = &'a Command>, whole: bool, columns: usize) -> String {
    let rows: Vec<(String, String)> = commands
        .map(|command| {
            let ours = match command.origin {
                Origin::Original => "",
                Origin::Ours => " (ours)",
            };
            (command.syntax(), format!("{}{ours}", command.summary))
        })
        .collect();
    let most = columns * 2 / 5;
    let fitting = rows.iter().map(|(syntax, _)| width(syntax)).filter(|width| *width <= most);
    let second = fitting.max().unwrap_or(most) + 2;
    let mut out = String::new();
    for (syntax, summary) in rows {
        let gap = second.saturating_sub(width(&syntax));
        let mut pieces = wrap(&syntax, columns, 4);
        if gap >= 2 {
            pieces = wrap(&format!("{syntax}{}{summary}", " ".repeat(gap)), columns, second);
        } else {
            pieces.extend(wrap(&format!("{}{summary}", " ".repeat(second)), columns, second));
        }
        pieces.iter().for_each(|piece| out.push_str(&format!("{piece}\n")));
    }
    if whole {
        out.push('\n');
        out.push_str(&prose(
            "help <command> explains a command, <command> ? prints its syntax, Tab completes. (ours): not a command of \
             the original.",
            columns,
        ));
    }
    out
}

fn explain(command: &Command, columns: usize) -> String {
    let place = match command.place {
        Place::AnyNode => "any node",
        Place::Publisher => "the publisher",
    };
    let ours = match command.origin {
        Origin::Original => "",
        Origin::Ours => "Not a command of the original.\n",
    };
    format!(
        "{} help:\n{}{ours}\n{}Command privilege level: {}\nRuns on: {place}\n\nExample:\n{}",
        command.name(),
        prose(command.help, columns),
        syntax(command, columns),
        command.level as u8,
        wrap_lines(&format!("admin:{}", command.example), columns),
    )
}

/// The syntax of a command with the values of its arguments.
fn syntax(command: &Command, columns: usize) -> String {
    let mut out = wrap_lines(&format!("Syntax:\n {}", command.syntax()), columns);
    for argument in command.arguments {
        let values = match argument.kind {
            Kind::File(values) => values.join(", "),
            Kind::Unit => "a unit; `show cert list own` names them".to_owned(),
            Kind::Service => "a service; `utils service list` names them".to_owned(),
            Kind::TrustCertificate => "store/file; `show cert list trust` names them".to_owned(),
            Kind::OwnCertificate => "unit or unit/file; `show cert list own` names them".to_owned(),
            Kind::Request => "unit/file; `show csr list own` names them".to_owned(),
            Kind::Parameter => "a parameter; `show parameters` names them".to_owned(),
            Kind::TrustStore => "a trust store; `show cert list trust` names them".to_owned(),
            Kind::TrustFile => "a file of it; `show cert list trust` names them".to_owned(),
            Kind::Device => "a phone; `utils capf device list` names them".to_owned(),
            Kind::Release => names(),
            Kind::Step => "a step; `show restarts` names them".to_owned(),
            Kind::Devices(words) => format!("a phone, several with commas between, or {}", words.join(" or ")),
            Kind::Choice(values) if argument.name != values.join("|") && *values != [argument.name] => {
                values.join(", ")
            }
            Kind::Choice(_) | Kind::Word | Kind::Value | Kind::Statement | Kind::Options(_) | Kind::CommandWords => {
                continue;
            }
        };
        let line = format!(" {:12} {values}", argument.name);
        wrap(&line, columns, 14).iter().for_each(|piece| out.push_str(&format!("{piece}\n")));
    }
    out
}

/// The answer to a line that ends with `?`, without that mark: the syntax of a command, or the sub-commands of a menu
/// word. `None` when there is no such command.
pub fn question_mark(typed: &str, level: Level, release: &Release, columns: usize) -> Option<String> {
    let typed: Vec<&str> = words(typed).into_iter().map(|(_, word)| word).collect();
    if let Some(command) = there(&typed, level, release) {
        return Some(syntax(command, columns.min(USUAL)));
    }
    let mut lines: Vec<String> = Vec::new();
    for command in visible(level, release).filter(|command| command.begins_with(&typed)) {
        let depth = typed.len() + 1;
        let menu = if command.words.len() > depth { "*" } else { "" };
        let name = command.words.iter().take(depth).copied().collect::<Vec<_>>();
        let line = format!("{INDENT}{}{menu}\n", name.join(" "));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    (!lines.is_empty()).then(|| lines.concat())
}

/// What a line that is no command may be meant for: below the line that says so.
pub(crate) fn hint(typed: &str, level: Level, release: &Release) -> String {
    let typed: Vec<&str> = words(typed).into_iter().map(|(_, word)| word).collect();
    let known = |count: &usize| {
        typed.get(..*count).is_some_and(|first| visible(level, release).any(|command| command.begins_with(first)))
    };
    let count = (1..=typed.len()).take_while(known).last().unwrap_or_default();
    match typed.get(..count).unwrap_or_default().join(" ").as_str() {
        "" => "`help` lists the commands.\n".to_owned(),
        begun => format!("`{begun} ?` lists what can follow.\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::releases::release;

    /// The last one that has all commands.
    fn of_14() -> &'static Release {
        release("14").unwrap()
    }

    #[test]
    fn all_commands_of_a_level() {
        for columns in [80, 60, 132] {
            let all = help("", Level::Install, of_14(), columns).unwrap();
            let words: String = all.split_whitespace().collect::<Vec<_>>().join(" ");
            for command in visible(Level::Install, of_14()) {
                assert!(words.contains(&command.syntax()) && words.contains(command.summary), "{}", command.name());
            }
            assert!(all.lines().all(|line| width(line) <= columns.min(80)), "{columns}: {all}");
            assert!(words.contains("sets an enterprise parameter (ours) "));
        }
        let few = help("", Level::Read, of_14(), 80).unwrap();
        assert!(few.contains("show ctl") && !few.contains("set cert regen"));
    }

    #[test]
    fn one_command_and_a_menu() {
        assert_eq!(
            help("UTILS ctl update ctlfile", Level::ReadWrite, of_14(), 80).unwrap(),
            "utils ctl update CTLFile help:\n\
             This will make the CTL file again and put it on all nodes. Needed after a\n\
             renewal of CallManager, CAPF or ITLRecovery in mixed mode; without it phones\n\
             cannot use TLS with the new certificate.\n\
             \n\
             Syntax:\n utils ctl update CTLFile\n\
             Command privilege level: 1\n\
             Runs on: the publisher\n\
             \n\
             Example:\n\
             admin:utils ctl update CTLFile\n"
        );
        let menu = help("utils service", Level::Read, of_14(), 80).unwrap();
        assert_eq!(menu, "utils service list [page]  lists the services of this node\n");
        assert!(help("set parameter", Level::Install, of_14(), 80).unwrap().contains("Not a command of the original."));
        assert_eq!(help("set parameter", Level::Read, of_14(), 80), None, "hidden from those who may not");
        assert_eq!(help("frobnicate", Level::Install, of_14(), 80), None);
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        for columns in [80, 50] {
            for command in visible(Level::Install, of_14()) {
                for text in [
                    help(&command.name(), Level::Install, of_14(), columns),
                    question_mark(&command.name(), Level::Install, of_14(), columns),
                ] {
                    let text = text.unwrap();
                    // A word alone may be longer than a narrow screen.
                    let fits = |line: &str| width(line) <= columns || line.split_whitespace().count() == 1;
                    assert!(text.lines().all(fits), "{columns}: {text}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_command_is_met_with_where_to_look() {
        assert_eq!(hint("frobnicate", Level::Install, of_14()), "`help` lists the commands.\n");
        assert_eq!(hint("show cret own", Level::Install, of_14()), "`show ?` lists what can follow.\n");
        assert_eq!(hint("Show cert", Level::Install, of_14()), "`Show cert ?` lists what can follow.\n");
        assert_eq!(
            hint("set cert regen", Level::Read, of_14()),
            "`set ?` lists what can follow.\n",
            "what is hidden stays so"
        );
    }

    #[test]
    fn a_question_mark_gives_the_syntax_or_the_sub_commands() {
        assert_eq!(
            question_mark("utils ctl ", Level::Install, of_14(), 80).unwrap(),
            "      utils ctl distribute\n      utils ctl reset*\n      utils ctl set-cluster*\n      utils ctl update*\n"
        );
        assert_eq!(
            question_mark("utils ctl set-cluster", Level::Install, of_14(), 80).unwrap(),
            "      utils ctl set-cluster mixed-mode\n      utils ctl set-cluster non-secure-mode\n"
        );
        assert_eq!(
            question_mark("", Level::Read, of_14(), 80).unwrap(),
            "      help\n      quit\n      set*\n      show*\n      utils*\n"
        );
        assert_eq!(
            question_mark("file delete tftp", Level::Install, of_14(), 80).unwrap(),
            "Syntax:\n file delete tftp file-spec [noconfirm]\n file-spec    CTLFile.tlv, ITLFile.tlv\n"
        );
        assert_eq!(question_mark("utils ctl", Level::Read, of_14(), 80), None);
    }

    #[test]
    fn commands_that_a_release_has_not_are_not_offered() {
        let all = |name| help("", Level::Install, release(name).unwrap(), 80).unwrap();
        assert!(!all("9.1").contains("utils ctl") && !all("9.1").contains("utils itl reset"));
        assert!(all("10.5").contains("utils ctl update CTLFile") && all("10.5").contains("utils itl reset remotekey"));
        assert!(all("15").contains("utils itl reset localkey") && !all("15").contains("utils itl reset remotekey"));
        let old = release("9.1").unwrap();
        for typed in ["utils ctl", "utils ctl set-cluster mixed-mode", "utils itl reset localkey"] {
            assert_eq!(
                (help(typed, Level::Install, old, 80), question_mark(typed, Level::Install, old, 80)),
                (None, None),
                "{typed}"
            );
        }
        assert!(!question_mark("utils", Level::Install, old, 80).unwrap().contains(" ctl"));
    }

    #[test]
    fn the_menu_of_the_sources() {
        let both = "      utils itl reset localkey\n      utils itl reset remotekey\n";
        let menu = |line, name| menu(line, Level::Install, release(name).unwrap(), 80);
        assert_eq!(menu(" Utils itl  reset", "10.5").as_deref(), Some(both));
        assert_eq!(menu("utils itl reset", "15").as_deref(), Some("      utils itl reset localkey\n"));
        assert_eq!((menu("utils itl reset", "9.1"), menu("utils itl", "10.5")), (None, None));
    }
}
