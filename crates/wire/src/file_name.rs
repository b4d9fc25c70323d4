//! Names that phones ask for, in a form that cannot leave the published files, and what a name means ([`Meaning`]).
//!
//! A name comes from a TFTP request or an HTTP path, so it is hostile until parsed: one component, or a few folders
//! (`New_Zealand/g3-tones.xml.sgn`). Slashes in front, doubled ones, `./` and backslashes are taken as other TFTP servers and their
//! rules for Cisco phones take them: they resolve inside the folder. The letters of the peer are kept for logs; comparing and
//! hashing ignore ASCII case, as the original does (`ctlsep...` finds `CTLSEP...`) [sources/phones#transport].

mod meaning;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

pub use meaning::{DEVICE_NAME_MAX, Form, List, Meaning, Owner, is_device_name, signed_name};

/// Longest name in bytes. Longest that a file system takes for one component, and far above any phone's name.
pub const MAX_BYTES: usize = 255;

/// Most components of a name. Phones use up to three (`Desktops/320x212x16/List.xml`); one more for a locale above.
pub const MAX_COMPONENTS: usize = 4;

/// A relative file name of 1 to [`MAX_COMPONENTS`] components and 1 to [`MAX_BYTES`] bytes.
///
/// No component is empty, `.` or `..`; there is no backslash, no control character and no drive letter. Equality,
/// order and hash ignore ASCII case.
#[derive(Clone)]
pub struct FileName(Box<str>);

/// Why bytes are not a file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFileName {
    /// Nothing was named.
    #[error("file name is empty")]
    Empty,
    /// More than [`MAX_BYTES`] bytes.
    #[error("file name has {bytes} bytes, at most {MAX_BYTES} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not UTF-8.
    #[error("file name is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// First byte that does not fit.
        offset: usize,
    },
    /// NUL or another control character.
    #[error("file name has a forbidden character (U+{code:04X}) at byte {offset}")]
    Forbidden {
        /// The character.
        code: u32,
        /// Where it stands.
        offset: usize,
    },
    /// Starts with a drive letter.
    #[error("file name is absolute, a name below the published files is wanted")]
    Absolute,
    /// `/` at the end.
    #[error("file name ends with a slash: folders are not given out")]
    EmptyComponent,
    /// `..` as a component, or `.` as the last.
    #[error("file name has a `..` component, or ends with `.`")]
    DotComponent,
    /// More than [`MAX_COMPONENTS`] components.
    #[error("file name is {components} folders deep, at most {MAX_COMPONENTS} are taken")]
    TooDeep {
        /// How many there are.
        components: usize,
    },
}

impl FileName {
    /// Parses the bytes of a request.
    ///
    /// # Errors
    /// [`BadFileName`]: what cannot be resolved inside a folder.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadFileName> {
        if bytes.len() > MAX_BYTES {
            return Err(BadFileName::TooLong { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|e| BadFileName::NotUtf8 { offset: e.valid_up_to() })?;
        Self::parse(text)
    }

    /// Parses a text.
    ///
    /// # Errors
    /// [`BadFileName`]: what cannot be resolved inside a folder.
    pub fn parse(text: &str) -> Result<Self, BadFileName> {
        if text.is_empty() {
            return Err(BadFileName::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(BadFileName::TooLong { bytes: text.len() });
        }
        if let Some((offset, bad)) = text.char_indices().find(|&(_, c)| c.is_control()) {
            return Err(BadFileName::Forbidden { code: u32::from(bad), offset });
        }
        let mut name = String::with_capacity(text.len());
        let mut components = 0;
        let mut last = "";
        for component in text.split(['/', '\\']) {
            last = component;
            match component {
                "" | "." => continue,
                ".." => return Err(BadFileName::DotComponent),
                _ => components += 1,
            }
            if components == 1 && has_drive_letter(component) {
                return Err(BadFileName::Absolute);
            }
            if components > 1 {
                name.push('/');
            }
            name.push_str(component);
        }
        match last {
            "" => return Err(BadFileName::EmptyComponent),
            "." => return Err(BadFileName::DotComponent),
            _ => {}
        }
        if components > MAX_COMPONENTS {
            return Err(BadFileName::TooDeep { components });
        }
        Ok(Self(name.into()))
    }

    /// The name in the letters of the peer, its components with one `/` between them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders in order, then the file.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component: the file without its folders.
    #[must_use]
    pub fn file(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The name in ASCII lower case: the key to look it up by.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The name without `suffix` (compared without case), if it ends so and something is left of the file.
    #[must_use]
    pub fn without_suffix(&self, suffix: &str) -> Option<Self> {
        let cut = self.0.len().checked_sub(suffix.len())?;
        let (stem, end) = self.0.split_at_checked(cut)?;
        if !end.eq_ignore_ascii_case(suffix) {
            return None;
        }
        Self::parse(stem).ok()
    }
}

/// `C:` at the start: absolute on systems with drives.
fn has_drive_letter(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':')
}

impl PartialEq for FileName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for FileName {}

impl Hash for FileName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        // no byte of UTF-8: ends the name, so that tuples of names do not run into each other
        state.write_u8(0xff);
    }
}

impl Ord for FileName {
    fn cmp(&self, other: &Self) -> Ordering {
        let folded = |name: &Self| name.0.bytes().map(|b| b.to_ascii_lowercase()).collect::<Vec<_>>();
        folded(self).cmp(&folded(other))
    }
}

impl PartialOrd for FileName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for FileName {
    type Err = BadFileName;

    fn from_str(text: &str) -> Result<Self, BadFileName> {
        Self::parse(text)
    }
}

impl TryFrom<&[u8]> for FileName {
    type Error = BadFileName;

    fn try_from(bytes: &[u8]) -> Result<Self, BadFileName> {
        Self::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_phones_ask_for() {
        for name in [
            "CTLSEP001DA2386C2E.tlv",
            "ITLFile.tlv",
            "XMLDefault.cnf.xml.sgn",
            "New_Zealand/g3-tones.xml.sgn",
            "Desktops/320x212x16/List.xml",
            "a b.txt",
            "..x",
            "Zürich.xml",
        ] {
            let parsed = FileName::from_bytes(name.as_bytes()).unwrap();
            assert_eq!(parsed.as_str(), name);
        }
    }

    #[test]
    fn slashes_and_backslashes_resolve_inside() {
        for (asked, name) in [
            ("/dialplan.xml", "dialplan.xml"),
            ("./dialplan.xml", "dialplan.xml"),
            ("//dialplan.xml", "dialplan.xml"),
            ("\\dialplan.xml", "dialplan.xml"),
            ("/Desktops/320x212x16/List.xml", "Desktops/320x212x16/List.xml"),
            ("Desktops\\320x212x16\\List.xml", "Desktops/320x212x16/List.xml"),
            ("Desktops//320x212x16/./List.xml", "Desktops/320x212x16/List.xml"),
            ("/etc/passwd", "etc/passwd"),
            ("\\\\host\\share", "host/share"),
        ] {
            assert_eq!(FileName::parse(asked).unwrap().as_str(), name, "{asked}");
        }
    }

    #[test]
    fn names_that_are_refused() {
        use BadFileName as B;
        let long = "x".repeat(MAX_BYTES + 1);
        let cases: &[(&[u8], B)] = &[
            (b"", B::Empty),
            (b"..", B::DotComponent),
            (b".", B::DotComponent),
            (b"a/../b", B::DotComponent),
            (b"a\\..\\b", B::DotComponent),
            (b"a/.", B::DotComponent),
            (b"C:boot.ini", B::Absolute),
            (b"c:/boot.ini", B::Absolute),
            (b"/c:\\boot.ini", B::Absolute),
            (b"/", B::EmptyComponent),
            (b"\\\\", B::EmptyComponent),
            (b"a/", B::EmptyComponent),
            (b"a\\", B::EmptyComponent),
            (b"a\0b", B::Forbidden { code: 0, offset: 1 }),
            (b"a\n", B::Forbidden { code: 10, offset: 1 }),
            (b"\x7fa", B::Forbidden { code: 0x7f, offset: 0 }),
            (b"ab\xff", B::NotUtf8 { offset: 2 }),
            (b"a/b/c/d/e", B::TooDeep { components: 5 }),
            (long.as_bytes(), B::TooLong { bytes: 256 }),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(FileName::from_bytes(bytes).unwrap_err(), *wanted, "{:?}", String::from_utf8_lossy(bytes));
        }
        assert!(FileName::parse(&"x".repeat(MAX_BYTES)).is_ok());
    }

    #[test]
    fn case_is_ignored_and_spelling_kept() {
        let mut map = HashMap::new();
        map.insert(FileName::parse("CTLSEP001DA2386C2E.tlv").unwrap(), 7);
        let asked = FileName::parse("ctlsep001da2386c2e.TLV").unwrap();
        assert_eq!(map.get(&asked), Some(&7));
        assert_eq!(asked.to_string(), "ctlsep001da2386c2e.TLV");
        // only ASCII is folded
        assert_ne!(FileName::parse("Ü").unwrap(), FileName::parse("ü").unwrap());
    }

    #[test]
    fn suffix_comes_off() {
        let name = FileName::parse("New_Zealand/g3.xml.SGN").unwrap();
        assert_eq!(name.without_suffix(".sgn").unwrap().as_str(), "New_Zealand/g3.xml");
        assert_eq!(name.file(), "g3.xml.SGN");
        assert!(name.without_suffix(".tlv").is_none());
        assert!(FileName::parse(".sgn").unwrap().without_suffix(".sgn").is_none());
        assert!(FileName::parse("a/.sgn").unwrap().without_suffix(".sgn").is_none());
    }

    proptest! {
        #[test]
        fn what_parses_stays_inside(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(name) = FileName::from_bytes(&bytes) {
                let again = FileName::parse(name.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), name.as_str());
                let letters = |text: &[u8]| text.iter().filter(|b| !b"/\\.".contains(b)).copied().collect::<Vec<_>>();
                prop_assert_eq!(letters(name.as_str().as_bytes()), letters(&bytes));
                let path = std::path::Path::new(name.as_str());
                prop_assert!(path.components().all(|c| matches!(c, std::path::Component::Normal(_))));
                prop_assert_eq!(path.components().count(), name.components().count());
            }
        }

        #[test]
        fn pieces_of_paths(text in r"(\.|\.\.|/|\\|a|B|:){0,12}") {
            if let Ok(name) = FileName::parse(&text) {
                prop_assert!(!name.components().any(|c| c.is_empty() || c == "." || c == ".."));
                prop_assert_eq!(FileName::parse(&text.to_ascii_uppercase()).unwrap(), name);
            }
        }
    }
}
