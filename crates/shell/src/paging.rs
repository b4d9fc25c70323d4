//! Long texts by pages, with the prompt of the original [sources/shell#conventions].

use unicode_width::UnicodeWidthChar;

use crate::columns::width;

/// A text that is shown by pages. It is counted in rows of the screen: a line that is wider than that takes several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pager {
    rows: Vec<Row>,
    /// Rows of the screen.
    screen: usize,
    /// Columns of the screen.
    columns: usize,
    /// The first row that is shown.
    top: usize,
}

/// A row of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    /// The line that it is a part of, from 1.
    line: usize,
    /// Its text.
    text: String,
    /// Whether it is the end of its line.
    ends: bool,
}

/// What follows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Show the page.
    Page,
    /// Leave.
    Leave,
}

impl Pager {
    /// Pages for a text that has more rows than the screen; `None` when it fits. What the prompt needs of the screen is kept free.
    pub fn new(text: &str, screen: usize, columns: usize) -> Option<Self> {
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let mut pieces = pieces(line, columns);
            let last = pieces.pop().unwrap_or_default();
            rows.extend(pieces.into_iter().map(|text| Row { line: index + 1, text, ends: false }));
            rows.push(Row { line: index + 1, text: last, ends: true });
        }
        let pager = Self { rows, screen, columns, top: 0 };
        if pager.height() == 0 || pager.rows.len() <= pager.height() { None } else { Some(pager) }
    }

    fn bottom(&self) -> usize {
        (self.top + self.height()).min(self.rows.len())
    }

    /// Rows of a page: what the longest prompt leaves.
    fn height(&self) -> usize {
        let last = self.last_line();
        let prompt = width(&prompt(last, last, last));
        self.screen.saturating_sub(prompt / self.columns.max(1) + 1)
    }

    fn last_top(&self) -> usize {
        self.rows.len().saturating_sub(self.height())
    }

    fn last_line(&self) -> usize {
        self.rows.last().map_or(0, |row| row.line)
    }

    /// The rows of the page; behind the last one the note that it is the last.
    pub fn page(&self) -> String {
        let mut out = String::new();
        for row in self.rows.iter().take(self.bottom()).skip(self.top) {
            out.push_str(&row.text);
            // The terminal goes on in the next row by itself.
            out.push_str(if row.ends { "\n" } else { "" });
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
        if self.bottom() == self.rows.len() {
            out.push_str("end of the file reached\n");
        }
        out
    }

    /// The prompt below the page: it counts lines, as the original.
    pub fn prompt(&self) -> String {
        let line = |row: usize| self.rows.get(row).map_or(0, |row| row.line);
        prompt(line(self.top), line(self.bottom().saturating_sub(1)), self.last_line())
    }

    /// A key: `q`, `n` (or nothing), `p`, `b`, `e`. Next behind the last page leaves; an unknown key shows the page again.
    pub fn turn(&mut self, key: &str) -> Turn {
        match key.trim() {
            "q" | "Q" => return Turn::Leave,
            "" | "n" | "N" => {
                if self.bottom() == self.rows.len() {
                    return Turn::Leave;
                }
                self.top = self.bottom();
            }
            "p" | "P" => self.top = self.top.saturating_sub(self.height()),
            "b" | "B" => self.top = 0,
            "e" | "E" => self.top = self.last_top(),
            _ => {}
        }
        Turn::Page
    }
}

fn prompt(first: usize, last: usize, of: usize) -> String {
    format!("options: q=quit, n=next, p=prev, b=begin, e=end (lines {first} - {last} of {of}) :")
}

/// A line as the terminal breaks it: when the next letter has no room.
fn pieces(line: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut all = Vec::new();
    let mut piece = String::new();
    let mut at = 0;
    for letter in line.chars() {
        let next = match letter {
            // A tab stops at the last column and never breaks a line.
            '\t' => ((at / 8 + 1) * 8).min(columns.saturating_sub(1).max(at)),
            other => at + other.width().unwrap_or_default(),
        };
        if next > columns {
            all.push(std::mem::take(&mut piece));
            at = 0;
        }
        at = if at == 0 && next > columns { letter.width().unwrap_or_default() } else { next };
        piece.push(letter);
    }
    all.push(piece);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pager() -> Pager {
        let text: String = (1..=374).map(|number| format!("line {number}\n")).collect();
        Pager::new(&text, 21, 80).unwrap()
    }

    #[test]
    fn the_prompt_of_the_original() {
        let mut pager = pager();
        assert_eq!(pager.prompt(), "options: q=quit, n=next, p=prev, b=begin, e=end (lines 1 - 20 of 374) :");
        assert_eq!(pager.page().lines().count(), 20);
        assert_eq!(pager.turn("e"), Turn::Page);
        assert_eq!(pager.prompt(), "options: q=quit, n=next, p=prev, b=begin, e=end (lines 355 - 374 of 374) :");
        assert!(pager.page().ends_with("line 374\nend of the file reached\n"));
        assert_eq!(pager.turn("n"), Turn::Leave);
    }

    #[test]
    fn to_and_fro() {
        let mut pager = pager();
        let first = pager.page();
        for (key, top) in [("n", 20), ("", 40), ("p", 20), ("x", 20), ("p", 0), ("p", 0)] {
            assert_eq!(pager.turn(key), Turn::Page);
            assert_eq!(pager.top, top, "{key}");
        }
        assert_eq!(pager.page(), first);
        pager.turn("n");
        assert_eq!(pager.turn("b"), Turn::Page);
        assert_eq!(pager.page(), first);
        assert_eq!(pager.turn("q"), Turn::Leave);
        let mut shown = 0;
        loop {
            shown += pager.page().lines().filter(|line| line.starts_with("line")).count();
            if pager.turn("n") == Turn::Leave {
                break;
            }
        }
        assert_eq!(shown, 374, "no line twice, none left out");
    }

    #[test]
    fn what_fits_is_not_paged() {
        assert_eq!(Pager::new("one\ntwo\n", 3, 80), None);
        assert!(Pager::new("one\ntwo\nthree\n", 3, 80).is_some());
        assert_eq!(Pager::new("one\ntwo\n", 0, 80), None);
    }

    /// Rows of the screen that a page and the prompt below it take.
    fn taken(pager: &Pager, columns: usize) -> usize {
        let rows = |line: &str| pieces(line, columns).len();
        let page = pager.page();
        page.lines().filter(|line| *line != "end of the file reached").map(rows).sum::<usize>() + rows(&pager.prompt())
    }

    #[test]
    fn a_long_line_takes_several_rows() {
        let long = "x".repeat(200);
        let text: String = (1..=30).map(|number| format!("{number} {long}\n\t{number}\n")).collect();
        for (screen, columns) in [(24, 80), (10, 40), (30, 200), (12, 33)] {
            let mut pager = Pager::new(&text, screen, columns).unwrap();
            let mut shown = String::new();
            loop {
                assert!(taken(&pager, columns) <= screen, "{screen} x {columns}: {}", pager.page());
                shown.push_str(&pager.page());
                if pager.turn("n") == Turn::Leave {
                    break;
                }
            }
            let plain = |text: &str| text.replace('\n', "");
            assert_eq!(plain(&shown), plain(&text) + "end of the file reached", "nothing twice, nothing left out");
        }
        // two lines of 30 letters fit a page of two rows, and not one of 20 columns
        let two = format!("{0}\n{0}\n", "y".repeat(30));
        assert_eq!(Pager::new(&two, 3, 100), None);
        assert!(Pager::new(&two, 7, 20).is_some());
    }
}
