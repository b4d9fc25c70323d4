//! The header `Range` (RFC 9110 section 14): one range of bytes.

use std::ops::Range;

/// What a range header means for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: no range, several ranges, another unit or a header that says nothing valid.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// None of its bytes.
    Unsatisfiable,
}

impl Wanted {
    /// Reads a header value for a file of `length` bytes.
    pub fn parse(header: &str, length: u64) -> Self {
        let Some((unit, list)) = header.split_once('=') else { return Self::Whole };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Self::Whole;
        }
        let Some((first, last)) = list.trim().split_once('-') else { return Self::Whole };
        match (number(first), number(last)) {
            (Some(Some(first)), Some(last)) => {
                let last = last.unwrap_or(u64::MAX);
                if first > last {
                    Self::Whole // not valid, so to be ignored
                } else if first >= length {
                    Self::Unsatisfiable
                } else {
                    Self::Part(first..last.saturating_add(1).min(length))
                }
            }
            (Some(None), Some(Some(suffix))) => {
                if suffix == 0 || length == 0 {
                    Self::Unsatisfiable
                } else {
                    Self::Part(length.saturating_sub(suffix)..length)
                }
            }
            _ => Self::Whole,
        }
    }
}

/// `Some(None)` for nothing, `Some(Some(n))` for digits (too large is the largest), `None` for anything else.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        Some(None)
    } else if text.bytes().all(|b| b.is_ascii_digit()) {
        Some(Some(text.parse().unwrap_or(u64::MAX)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted::{self, Part, Unsatisfiable, Whole};

    #[test]
    fn ranges() {
        for (header, wanted) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=0-", Part(0..10)),
            ("Bytes=2-5", Part(2..6)),
            ("bytes=5-99", Part(5..10)),
            ("bytes=9-", Part(9..10)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-30", Part(0..10)),
            ("bytes=0-99999999999999999999999999", Part(0..10)),
            ("bytes=10-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=99999999999999999999999999-", Unsatisfiable),
            ("bytes=5-2", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("lines=1-2", Whole),
            ("bytes", Whole),
            ("", Whole),
        ] {
            assert_eq!(Wanted::parse(header, 10), wanted, "{header}");
        }
        assert_eq!(Wanted::parse("bytes=0-", 0), Unsatisfiable);
        assert_eq!(Wanted::parse("bytes=-1", 0), Unsatisfiable);
    }
}
