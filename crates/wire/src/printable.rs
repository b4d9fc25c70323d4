//! What may be printed: the one rule for every screen, JSON and log.
//!
//! Names come from certificates, files and phones. A letter of any script is printed as it is; what steers a terminal, turns the order of
//! letters round, has no width or ends a line is shown as `\u{202e}`, in JSON as `\u202e`. The rule may be applied twice: its output is its own.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Letters and marks by category that show nothing: fillers, joiners and selectors of variants [Unicode, Default_Ignorable_Code_Point].
const SHOW_NOTHING: &[(char, char)] = &[
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{e0100}', '\u{e01ef}'),
];

/// Whether a character stands for itself wherever it is printed. A blank does; ends of lines and tabs do not.
#[must_use]
pub fn is_printable(letter: char) -> bool {
    if letter.is_ascii() {
        return matches!(letter, ' '..='~');
    }
    let steers = matches!(
        letter.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
    );
    !steers && !SHOW_NOTHING.iter().any(|(first, last)| (*first..=*last).contains(&letter))
}

/// Whether a text can be printed as it is, in one line.
#[must_use]
pub fn is_one_line(text: &str) -> bool {
    text.chars().all(is_printable)
}

/// The text in one line: no file name and no field moves the cursor or adds a line.
#[must_use]
pub fn one_line(text: &str) -> String {
    spelled(text, |_| false, escape).into_owned()
}

/// A text of several lines; tabs stay too.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    spelled(text, |letter| matches!(letter, '\n' | '\t'), escape)
}

/// The same where words have styles of our own: the sequences that set a style (`ESC [ 1 ; 31 m`) stay. A style that a stranger sent has to
/// be taken out before, by [`one_line`].
#[must_use]
pub fn styled(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return lines(text);
    }
    let mut out = String::with_capacity(text.len());
    for (index, part) in text.split('\u{1b}').enumerate() {
        let rest = match style(part) {
            _ if index == 0 => part,
            Some((style, rest)) => {
                out.push('\u{1b}');
                out.push_str(style);
                rest
            }
            None => {
                escape('\u{1b}', &mut out);
                part
            }
        };
        out.push_str(&lines(rest));
    }
    Cow::Owned(out)
}

/// `[1;31m` and what stands behind it.
fn style(text: &str) -> Option<(&str, &str)> {
    let parameters = text.strip_prefix('[')?;
    let end = parameters.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
    let rest = parameters.get(end..)?.strip_prefix('m')?;
    text.split_at_checked(text.len() - rest.len())
}

/// JSON that a serializer made, with the same characters as `\uXXXX`: they stand in its strings only.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    spelled(
        text,
        |letter| letter == '\n',
        |letter, out| {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                out.push_str("\\u");
                out.extend(
                    [12, 8, 4, 0].iter().filter_map(|shift| char::from_digit((u32::from(*unit) >> shift) & 15, 16)),
                );
            }
        },
    )
}

fn escape(letter: char, out: &mut String) {
    out.extend(letter.escape_default());
}

fn spelled(text: &str, stays: impl Fn(char) -> bool, spell: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let as_it_is = |letter: char| is_printable(letter) || stays(letter);
    if text.chars().all(as_it_is) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if as_it_is(letter) {
            out.push(letter);
        } else {
            spell(letter, &mut out);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each kind, and the ends of its ranges.
    const STEERS: &[char] = &[
        '\0',
        '\u{7}',
        '\u{8}',
        '\t',
        '\n',
        '\r',
        '\u{1b}',
        '\u{7f}',
        '\u{80}',
        '\u{85}',
        '\u{9b}',
        '\u{9f}',
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{17b4}',
        '\u{180e}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{2029}',
        '\u{202a}',
        '\u{202b}',
        '\u{202c}',
        '\u{202d}',
        '\u{202e}',
        '\u{2060}',
        '\u{2064}',
        '\u{2066}',
        '\u{2067}',
        '\u{2068}',
        '\u{2069}',
        '\u{206f}',
        '\u{3164}',
        '\u{e000}',
        '\u{f8ff}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{fff9}',
        '\u{fffb}',
        '\u{fffe}',
        '\u{e0001}',
        '\u{e007f}',
        '\u{e01ef}',
        '\u{f0000}',
        '\u{10ffff}',
        '\u{378}',
    ];

    #[test]
    fn names_of_any_language_stay_as_they_are() {
        for name in [
            "CN=CUCM1.example.com,O=Äpfel & Söhne",
            "Київ, поверх 2",
            "Αθήνα",
            "東京　受付",
            "서울",
            "مكتب الاستقبال",
            "משרד",
            "हिन्दी",
            "กรุงเทพ",
            "Đà Nẵng: y\u{302}",
            "1 €, 5 %, \u{fffd}, ☎, 📞",
        ] {
            assert_eq!(
                (one_line(name).as_str(), lines(name), styled(name), json(name)),
                (name, name.into(), name.into(), name.into())
            );
        }
    }

    #[test]
    fn what_steers_is_spelled_out_in_each_form() {
        for letter in STEERS {
            assert!(!is_printable(*letter), "{letter:?}");
            let text = format!("a{letter}b");
            assert_eq!(one_line(&text), format!("a{}b", letter.escape_default()));
            let value = serde_json::Value::String(text.clone());
            let spelled = json(&value.to_string()).into_owned();
            assert!(is_one_line(&spelled), "{spelled:?}");
            assert_eq!(serde_json::from_str::<String>(&spelled).unwrap(), text);
        }
        assert_eq!(one_line("a\u{202e}b\u{9b}2J\nc"), "a\\u{202e}b\\u{9b}2J\\nc");
        assert_eq!(json("\"a\u{202e}b\u{e0001}\""), "\"a\\u202eb\\udb40\\udc01\"");
        assert_eq!(lines("a\tb\r\nc\u{202e}\n"), "a\tb\\r\nc\\u{202e}\n");
    }

    #[test]
    fn styles_stay_and_other_sequences_do_not() {
        let ours = "\u{1b}[1m\u{1b}[31mno\u{1b}[0m: x\n\u{1b}[m";
        assert_eq!(styled(ours), ours);
        for (text, shown) in [
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{1b}[1;31\u{202e}m", "\\u{1b}[1;31\\u{202e}m"),
            ("\u{1b}", "\\u{1b}"),
            ("\u{1b}[", "\\u{1b}["),
            ("\u{1b}[1mé\u{202e}", "\u{1b}[1mé\\u{202e}"),
        ] {
            assert_eq!(styled(text), shown);
        }
    }

    fn text() -> impl Strategy<Value = String> {
        let letter =
            prop_oneof![any::<char>(), proptest::sample::select(STEERS), proptest::char::range('\0', '\u{a0}')];
        proptest::collection::vec(letter, 0..40).prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn no_output_holds_what_is_not_printable(text in text()) {
            let line = one_line(&text);
            prop_assert!(is_one_line(&line));
            prop_assert_eq!(&one_line(&line), &line);
            let many = lines(&text).into_owned();
            let (in_lines, in_styles) = ("\n\t", "\n\t\x1b");
            prop_assert!(many.chars().all(|letter| is_printable(letter) || in_lines.contains(letter)));
            prop_assert_eq!(lines(&many), many.as_str());
            let styled_text = styled(&text).into_owned();
            prop_assert!(styled_text.chars().all(|letter| is_printable(letter) || in_styles.contains(letter)));
            prop_assert_eq!(styled(&styled_text), styled_text.as_str());
            for form in [serde_json::to_string(&text).unwrap(), serde_json::to_string_pretty(&[&text]).unwrap()] {
                let spelled = json(&form).into_owned();
                prop_assert!(spelled.chars().all(|letter| is_printable(letter) || letter == '\n'));
                let (left, right): (serde_json::Value, serde_json::Value) =
                    (serde_json::from_str(&spelled).unwrap(), serde_json::from_str(&form).unwrap());
                prop_assert_eq!(left, right);
            }
        }
    }
}
