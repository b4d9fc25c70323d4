//! Long texts by pages, with the prompt of the original [cucm-behaviour.md 1.1].

/// A text that is shown by pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pager {
    lines: Vec<String>,
    /// Lines of a page, at least 1.
    height: usize,
    /// The first line that is shown.
    top: usize,
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
    /// Pages for a text that has more lines than the screen; `None` when it fits. One line of the screen is for the
    /// prompt.
    pub fn new(text: &str, screen: usize) -> Option<Self> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let height = screen.saturating_sub(1);
        if height == 0 || lines.len() <= height {
            return None;
        }
        Some(Self { lines, height, top: 0 })
    }

    fn bottom(&self) -> usize {
        (self.top + self.height).min(self.lines.len())
    }

    fn last_top(&self) -> usize {
        self.lines.len().saturating_sub(self.height)
    }

    /// The lines of the page; behind the last one the note that it is the last.
    pub fn page(&self) -> String {
        let mut out = String::new();
        for line in self.lines.iter().take(self.bottom()).skip(self.top) {
            out.push_str(line);
            out.push('\n');
        }
        if self.bottom() == self.lines.len() {
            out.push_str("end of the file reached\n");
        }
        out
    }

    /// The prompt below the page.
    pub fn prompt(&self) -> String {
        format!(
            "options: q=quit, n=next, p=prev, b=begin, e=end (lines {} - {} of {}) :",
            self.top + 1,
            self.bottom(),
            self.lines.len()
        )
    }

    /// A key: `q`, `n` (or nothing), `p`, `b`, `e`. Next behind the last page leaves; an unknown key shows the page again.
    pub fn turn(&mut self, key: &str) -> Turn {
        match key.trim() {
            "q" | "Q" => return Turn::Leave,
            "" | "n" | "N" => {
                if self.bottom() == self.lines.len() {
                    return Turn::Leave;
                }
                self.top = self.bottom();
            }
            "p" | "P" => self.top = self.top.saturating_sub(self.height),
            "b" | "B" => self.top = 0,
            "e" | "E" => self.top = self.last_top(),
            _ => {}
        }
        Turn::Page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pager() -> Pager {
        let text: String = (1..=374).map(|number| format!("line {number}\n")).collect();
        Pager::new(&text, 21).unwrap()
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
        assert_eq!(Pager::new("one\ntwo\n", 3), None);
        assert!(Pager::new("one\ntwo\nthree\n", 3).is_some());
        assert_eq!(Pager::new("one\ntwo\n", 0), None);
    }
}
