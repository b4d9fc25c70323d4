//! Texts and tables of ours in the columns of a screen: they break between words. What the original prints is never touched here: scripts
//! read it by column.

use unicode_width::UnicodeWidthStr;

/// Columns of a screen that nobody has measured.
pub const USUAL: usize = 80;

/// Blanks before a value that stands below its title.
const NEXT_LINE: usize = 2;

/// How a tab moves on.
const TAB: usize = 8;

/// The columns that a line takes, with the stops of its tabs.
#[must_use]
pub fn width(line: &str) -> usize {
    let mut parts = line.split('\t');
    let first = parts.next().map_or(0, UnicodeWidthStr::width);
    parts.fold(first, |at, part| (at / TAB + 1) * TAB + part.width())
}

/// A line in pieces of at most `columns`, broken between words; those behind the first begin with `indent` blanks. A word that is longer than a
/// line stays whole.
#[must_use]
pub fn wrap(line: &str, columns: usize, indent: usize) -> Vec<String> {
    pieces(line, columns, indent, false)
}

/// The same for a cell of a table: a word that is longer than a line is cut.
fn wrap_cell(line: &str, columns: usize, indent: usize) -> Vec<String> {
    pieces(line, columns, indent, true)
}

fn pieces(line: &str, columns: usize, indent: usize, cut: bool) -> Vec<String> {
    let indent = indent.min(columns / 2);
    let mut pieces = Vec::new();
    let mut rest = line.trim_end();
    let mut room = columns.max(1);
    let mut blanks = "";
    let spaces = " ".repeat(indent);
    while width(rest) > room {
        // A word that fits on no line is cut where it begins: nothing is gained by a line of its own.
        let fits = |at: usize| {
            let next = rest.get(at..).and_then(|behind| behind.split_whitespace().next()).map_or(0, width);
            rest.get(..at).is_some_and(|piece| width(piece) <= room) && next <= columns.saturating_sub(indent)
        };
        let at = match break_of(rest, room) {
            Some(at) if !cut || fits(at) => at,
            _ if cut => cut_of(rest, room),
            _ => break,
        };
        let (piece, behind) = rest.split_at(at);
        pieces.push(format!("{blanks}{}", piece.trim_end()));
        rest = behind.trim_start();
        room = columns.saturating_sub(indent).max(1);
        blanks = &spaces;
    }
    pieces.push(format!("{blanks}{rest}"));
    pieces
}

/// Where a line is broken: before the last word that does not fit, or behind the first one when that alone is too long. `None`: it is one word.
fn break_of(line: &str, room: usize) -> Option<usize> {
    let begun = line.len() - line.trim_start().len();
    let blanks = line.match_indices(' ').map(|(at, _)| at).filter(|at| *at >= begun);
    let mut fitting = None;
    for at in blanks {
        if line.get(..at).is_some_and(|piece| width(piece) <= room) {
            fitting = Some(at);
        } else {
            return fitting.or(Some(at));
        }
    }
    fitting
}

/// Where a word that is too long is cut: behind the last letter that fits, one at least.
fn cut_of(line: &str, room: usize) -> usize {
    let ends = line.char_indices().map(|(at, letter)| at + letter.len_utf8());
    let first = line.chars().next().map_or(0, char::len_utf8);
    ends.take_while(|at| line.get(..*at).is_some_and(|piece| width(piece) <= room)).last().unwrap_or(first)
}

/// Names and values in two columns; values break in theirs.
#[must_use]
pub fn pairs<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>, names: usize, columns: Option<usize>) -> String {
    let mut out = String::new();
    for (name, value) in rows {
        let line = format!("{name:<names$} {value}");
        for piece in wrap_cell(line.trim_end(), columns.unwrap_or(usize::MAX), names + 1) {
            out.push_str(&piece);
            out.push('\n');
        }
    }
    out
}

/// Each line of a text in lines of at most `columns`: what is set in stays set in, and two columns more.
#[must_use]
pub fn wrap_lines(text: &str, columns: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        for piece in wrap(line, columns, indent + 2) {
            out.push_str(&piece);
            out.push('\n');
        }
    }
    out
}

/// Sentences in lines of at most `columns`. A line of the source goes on with the next one, but for lines with a gap in them (an option and what it
/// means), which stay lines and break below what they mean.
#[must_use]
pub fn prose(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut begun = String::new();
    let end = |begun: &mut String, out: &mut String| {
        for piece in wrap(begun, columns, 0).iter().filter(|piece| !piece.is_empty()) {
            out.push_str(piece);
            out.push('\n');
        }
        begun.clear();
    };
    for line in text.lines() {
        match gap(line) {
            Some(indent) => {
                end(&mut begun, &mut out);
                wrap(line, columns, indent).iter().for_each(|piece| out.push_str(&format!("{piece}\n")));
            }
            None => {
                if !begun.is_empty() {
                    begun.push(' ');
                }
                begun.push_str(line.trim());
            }
        }
    }
    end(&mut begun, &mut out);
    out
}

/// Where the second column of a line begins.
fn gap(line: &str) -> Option<usize> {
    let at = line.trim_end().find("  ")?;
    let behind = line.get(at..)?;
    Some(width(line.get(..at)?) + behind.len() - behind.trim_start().len())
}

/// How a table looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As `run sql`: a rule below the titles, one blank between columns.
    Ruled,
    /// Two blanks between columns.
    Plain,
}

/// The columns of a table.
#[derive(Debug, Clone)]
pub struct Columns {
    titles: Vec<String>,
    /// `None`: not even the longest words fit beside each other, so each row is a block of lines.
    widths: Option<Vec<usize>>,
    look: Look,
    limit: usize,
}

impl Columns {
    /// Columns that fit these rows: as wide as their longest cell, and when that is too much for the screen, the widest ones narrower, down to
    /// their longest word. Without a limit nothing is broken.
    #[must_use]
    pub fn fit(titles: &[&str], rows: &[Vec<String>], limit: Option<usize>, look: Look) -> Self {
        let titles: Vec<String> = titles.iter().map(|&title| title.to_owned()).collect();
        let limit = limit.unwrap_or(usize::MAX);
        let most = |of: fn(&str) -> usize| -> Vec<usize> {
            let of_column = |(index, title): (usize, &String)| {
                let cells = rows.iter().filter_map(|row| row.get(index));
                cells.map(|cell| of(cell)).chain([of(title)]).max().unwrap_or_default()
            };
            titles.iter().enumerate().map(of_column).collect()
        };
        let least = most(longest_word);
        let mut widths = most(width);
        let between = look.gap() * widths.len().saturating_sub(1);
        let room = limit.saturating_sub(between);
        let fits = least.iter().sum::<usize>() <= room;
        while fits && widths.iter().sum::<usize>() > room {
            let widest = widths.iter_mut().zip(&least).filter(|(width, least)| **width > **least);
            let Some((widest, _)) = widest.max_by_key(|(width, _)| **width) else { break };
            *widest -= 1;
        }
        Self { titles, widths: fits.then_some(widths), look, limit }
    }

    /// The titles; nothing when rows are blocks, which carry them.
    #[must_use]
    pub fn head(&self) -> String {
        let Some(widths) = &self.widths else { return String::new() };
        if self.titles.iter().all(String::is_empty) {
            return String::new();
        }
        let head = self.line(&self.titles, widths);
        match self.look {
            Look::Plain => head,
            Look::Ruled => {
                let rules: Vec<String> = widths.iter().map(|width| "=".repeat(*width)).collect();
                head + &self.line(&rules, widths)
            }
        }
    }

    /// A row, in as many lines as its cells need.
    #[must_use]
    pub fn row(&self, cells: &[String]) -> String {
        match &self.widths {
            Some(widths) => self.line(cells, widths),
            None => self.block(cells),
        }
    }

    /// The whole table.
    #[must_use]
    pub fn table(&self, rows: &[Vec<String>]) -> String {
        self.head() + &self.rows(rows)
    }

    /// The rows below the titles.
    #[must_use]
    pub fn rows(&self, rows: &[Vec<String>]) -> String {
        let blocks = if self.widths.is_none() { "\n" } else { "" };
        rows.iter().map(|row| self.row(row)).collect::<Vec<String>>().join(blocks)
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let cells: Vec<Vec<String>> = match self.limit {
            usize::MAX => cells.iter().map(|cell| vec![cell.clone()]).collect(),
            _ => cells.iter().zip(widths).map(|(cell, width)| wrap_cell(cell, *width, 0)).collect(),
        };
        let lines = cells.iter().map(Vec::len).max().unwrap_or_default();
        let mut out = String::new();
        for number in 0..lines {
            let mut line = String::new();
            for (cell, wide) in cells.iter().zip(widths) {
                let piece = cell.get(number).map_or("", String::as_str);
                line.push_str(piece);
                line.push_str(&" ".repeat(wide.saturating_sub(width(piece)) + self.look.gap()));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    fn block(&self, cells: &[String]) -> String {
        let titles = self.titles.iter().map(|title| width(title)).max().unwrap_or_default() + 2;
        let mut out = String::new();
        for (title, cell) in self.titles.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            let line = format!("{title}{}{cell}", " ".repeat(titles.saturating_sub(width(title))));
            let longest = longest_word(cell);
            let lines = if titles + longest > self.limit && NEXT_LINE + longest <= self.limit {
                // It stays whole on a line of its own.
                let value = format!("{}{cell}", " ".repeat(NEXT_LINE));
                [vec![title.clone()], wrap_cell(&value, self.limit, NEXT_LINE)].concat()
            } else {
                wrap_cell(&line, self.limit, titles)
            };
            lines.iter().for_each(|piece| out.push_str(&format!("{piece}\n")));
        }
        out
    }
}

impl Look {
    const fn gap(self) -> usize {
        match self {
            Self::Ruled => 1,
            Self::Plain => 2,
        }
    }
}

fn longest_word(text: &str) -> usize {
    text.split_whitespace().map(width).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect()
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 80, 4), ["one two three"]);
        assert_eq!(wrap("one two three", 7, 0), ["one two", "three"]);
        assert_eq!(wrap("  one two three", 8, 4), ["  one", "    two", "    three"]);
        assert_eq!(wrap("sesquipedalian word", 8, 2), ["sesquipedalian", "  word"], "a long word stays whole");
        assert_eq!(wrap("", 8, 2), [""]);
        assert_eq!(wrap("größer größer", 6, 0), ["größer", "größer"], "columns, not bytes");
        assert_eq!(wrap("電話 電話", 4, 0), ["電話", "電話"], "a wide letter takes two");
        assert_eq!(width("1\tVERSION\t2"), 17);
    }

    #[test]
    fn sentences_flow_and_options_stay_lines() {
        let text = "This will make a request. The\noptions:\nhash SHA256   or SHA384, and others\nou yes|no     whether it has one.";
        assert_eq!(
            prose(text, 28),
            "This will make a request.\nThe options:\nhash SHA256   or SHA384, and\n              others\n\
             ou yes|no     whether it has\n              one.\n"
        );
    }

    #[test]
    fn a_table_becomes_narrower_down_to_its_words() {
        let titles = ["name", "notes"];
        let rows = rows(&[&["SEP1", "it signs what phones believe"], &["SEP2", ""]]);
        let wide = Columns::fit(&titles, &rows, Some(80), Look::Ruled).table(&rows);
        assert_eq!(wide, "name notes\n==== ============================\nSEP1 it signs what phones believe\nSEP2\n");
        let narrow = Columns::fit(&titles, &rows, Some(21), Look::Ruled).table(&rows);
        assert_eq!(narrow, "name notes\n==== ================\nSEP1 it signs what\n     phones believe\nSEP2\n");
        let block = Columns::fit(&titles, &rows, Some(12), Look::Plain).table(&rows);
        assert_eq!(
            block, "name   SEP1\nnotes\n  it signs\n  what\n  phones\n  believe\n\nname   SEP2\n",
            "too narrow even for the words"
        );
    }

    #[test]
    fn a_word_of_a_cell_that_is_longer_than_the_screen_is_cut() {
        let rows = rows(&[&["pub", &"k".repeat(18), &"x".repeat(25)]]);
        let text = Columns::fit(&["node", "file", "of"], &rows, Some(20), Look::Plain).table(&rows);
        assert_eq!(
            text,
            format!("node  pub\nfile\n  {}\nof    {1}\n      {2}\n", "k".repeat(18), "x".repeat(14), "x".repeat(11))
        );
        // Rows of a later page in the columns of the first.
        let few = Columns::fit(&["name"], &[vec!["short".to_owned()]], Some(20), Look::Plain);
        assert!(few.rows(&rows).lines().all(|line| width(line) <= 20));
        let long = "größe".repeat(5);
        let text = pairs([("CN", long.as_str()), ("Until", "2030-01-01 00:00:00")], 5, Some(20));
        assert_eq!(text, "CN    größegrößegröß\n      egrößegröße\nUntil 2030-01-01\n      00:00:00\n");
        assert_eq!(pairs([("CN", long.as_str())], 5, None), format!("CN    {long}\n"));
    }

    #[test]
    fn no_line_is_longer_than_the_screen() {
        let titles = ["name", "state", "notes"];
        let rows =
            rows(&[&["CallManager-trust/CAPF-e41e7d87.pem", "valid", "nothing depends on it; acknowledged by anna"]]);
        for limit in 37..120 {
            let text = Columns::fit(&titles, &rows, Some(limit), Look::Plain).table(&rows);
            assert!(text.lines().all(|line| width(line) <= limit), "{limit}: {text}");
            let words: Vec<&str> = text.split_whitespace().collect();
            let wanted = rows[0].iter().flat_map(|cell| cell.split_whitespace());
            assert!(wanted.clone().all(|word| words.contains(&word)), "{limit}: {text}");
        }
    }
}
