//! Letters of names.

/// Letters above ASCII that begin a name, first and last of each range: those of XML 1.0, fourth edition, appendix B
/// (BaseChar, Ideographic), for the scripts of Europe, Japan, China and Korea. The fifth edition takes them too.
const LETTERS: &[(char, char)] = &[
    ('\u{c0}', '\u{d6}'),
    ('\u{d8}', '\u{f6}'),
    ('\u{f8}', '\u{ff}'),
    ('\u{100}', '\u{131}'),
    ('\u{134}', '\u{13e}'),
    ('\u{141}', '\u{148}'),
    ('\u{14a}', '\u{17e}'),
    ('\u{388}', '\u{38a}'),
    ('\u{38e}', '\u{3a1}'),
    ('\u{3a3}', '\u{3ce}'),
    ('\u{401}', '\u{40c}'),
    ('\u{40e}', '\u{44f}'),
    ('\u{451}', '\u{45c}'),
    ('\u{45e}', '\u{481}'),
    ('\u{3041}', '\u{3094}'),
    ('\u{30a1}', '\u{30fa}'),
    ('\u{4e00}', '\u{9fa5}'),
    ('\u{ac00}', '\u{d7a3}'),
];

/// Whether a letter may begin a name.
pub(super) fn begins(letter: char) -> bool {
    letter.is_ascii_alphabetic()
        || matches!(letter, '_' | ':')
        || (!letter.is_ascii() && LETTERS.iter().any(|(first, last)| (*first..=*last).contains(&letter)))
}

/// Whether a letter may stand in a name behind the first.
pub(super) fn goes_on(letter: char) -> bool {
    begins(letter) || letter.is_ascii_digit() || matches!(letter, '-' | '.' | '\u{b7}')
}

/// The same for a byte of ASCII; all others may or may not.
pub(super) fn goes_on_in_ascii(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b':' | b'-' | b'.')
}
