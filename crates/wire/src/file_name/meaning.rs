//! What a name means, decided here and nowhere else: a trust list, a config, another file [sources/phones#boot-order].

use super::FileName;
use crate::header::{CTL_FILE_NAME, ITL_FILE_NAME};

/// Longest device name in bytes: what soft phones may have \[inferred\].
pub const DEVICE_NAME_MAX: usize = 50;

/// `.tlv`.
const LIST: &str = ".tlv";
/// What stands in the place of a device in the names of lists that are for everybody.
const FILE: &str = "File";
/// `.sgn`.
const SIGNED: &str = ".sgn";
/// `.cnf.xml`.
const CONFIG: &str = ".cnf.xml";
/// `.cnf.xml.sgn`.
const SIGNED_CONFIG: &str = ".cnf.xml.sgn";
/// `.cnf.xml.enc.sgn`.
const ENCRYPTED: &str = ".cnf.xml.enc.sgn";
/// The config of phones that have none of their own.
const DEFAULT: &str = "XMLDefault";

/// Whether a text is a device name: letters, digits, `.`, `_` and `-`, at most [`DEVICE_NAME_MAX`] of them, with a letter or a digit
/// at the start. The form of each model is narrower.
#[must_use]
pub fn is_device_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    name.len() <= DEVICE_NAME_MAX
        && name.bytes().all(fits)
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

/// A kind of trust list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Certificate Trust List.
    Ctl,
    /// Identity Trust List.
    Itl,
}

impl List {
    /// The name that the list has in itself and under which it is kept.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Ctl => CTL_FILE_NAME,
            Self::Itl => ITL_FILE_NAME,
        }
    }
}

/// Whose config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A device, by its name in capitals.
    Device(String),
    /// Phones that have none of their own: `XMLDefault.cnf.xml`.
    Default,
}

/// How a config is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As XML.
    Plain,
    /// `.sgn`.
    Signed,
    /// `.enc.sgn`.
    Encrypted,
}

impl Owner {
    /// The proper name of the config, which FILENAME of a signed one says: in capitals, whatever was asked for.
    #[must_use]
    pub fn file_name(&self, form: Form) -> String {
        let stem = match self {
            Self::Device(name) => name,
            Self::Default => DEFAULT,
        };
        match form {
            Form::Plain => format!("{stem}{CONFIG}"),
            Form::Signed => format!("{stem}{SIGNED_CONFIG}"),
            Form::Encrypted => format!("{stem}{ENCRYPTED}"),
        }
    }
}

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// `CTLFile.tlv`, `ITLFile.tlv`, and the same for one device: `CTLSEP<MAC>.tlv`.
    List {
        /// Which.
        list: List,
        /// For whom, in capitals.
        device: Option<String>,
    },
    /// `SEP<MAC>.cnf.xml` and its signed and encrypted forms.
    Config {
        /// Whose.
        of: Owner,
        /// How.
        form: Form,
    },
    /// Any other file: firmware, dial plans, locales.
    Other,
}

impl Meaning {
    /// The device that the name speaks of.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        match self {
            Self::List { device, .. } => device.as_deref(),
            Self::Config { of: Owner::Device(device), .. } => Some(device),
            Self::Config { of: Owner::Default, .. } | Self::Other => None,
        }
    }
}

impl FileName {
    /// What the name means.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        let name = self.as_str();
        if let Some(stem) = without(name, LIST) {
            for (word, list) in [("CTL", List::Ctl), ("ITL", List::Itl)] {
                let rest = stem.split_at_checked(word.len()).filter(|(start, _)| start.eq_ignore_ascii_case(word));
                if let Some((_, rest)) = rest.filter(|(_, rest)| is_device_name(rest)) {
                    let device = (!rest.eq_ignore_ascii_case(FILE)).then(|| rest.to_ascii_uppercase());
                    return Meaning::List { list, device };
                }
            }
        }
        for (suffix, form) in [(ENCRYPTED, Form::Encrypted), (SIGNED_CONFIG, Form::Signed), (CONFIG, Form::Plain)] {
            let stem = without(name, suffix).filter(|stem| is_device_name(stem) && !stem.eq_ignore_ascii_case(FILE));
            if let Some(stem) = stem {
                let is_default = stem.eq_ignore_ascii_case(DEFAULT);
                let of = if is_default { Owner::Default } else { Owner::Device(stem.to_ascii_uppercase()) };
                return Meaning::Config { of, form };
            }
        }
        Meaning::Other
    }

    /// The devices, in capitals, with the name of whose plain config the name of the file begins, in whatever folder:
    /// `SEP<MAC>.cnf.xml` itself, its signed and encrypted forms, and what people and editors leave beside it (`~`, `.bak`, `.sgn.sgn`).
    /// More than one, where a device has `.cnf.xml` in its name.
    pub fn begins_as_config_of(&self) -> impl Iterator<Item = String> {
        let file = self.file().to_ascii_uppercase();
        let ends: Vec<usize> = file.match_indices(&CONFIG.to_ascii_uppercase()).map(|(end, _)| end).collect();
        ends.into_iter().filter_map(move |end| file.get(..end).filter(|stem| is_device_name(stem)).map(str::to_owned))
    }

    /// The name of the plain form, when this is that of a signed one.
    #[must_use]
    pub fn unsigned(&self) -> Option<Self> {
        self.without_suffix(SIGNED)
    }

    /// The name of the signed form; `None` when it would be too long.
    #[must_use]
    pub fn signed(&self) -> Option<Self> {
        Self::parse(&signed_name(self.as_str())).ok()
    }
}

/// The text in front of a suffix, in any case.
fn without<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(stem)
}

/// The name of the signed form of a file.
#[must_use]
pub fn signed_name(plain: &str) -> String {
    format!("{plain}{SIGNED}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Meaning {
        FileName::parse(name).unwrap().meaning()
    }

    #[test]
    fn lists() {
        for (name, list, device) in [
            ("CTLFile.tlv", List::Ctl, None),
            ("/itlfile.TLV", List::Itl, None),
            ("CTLSEP001122334455.tlv", List::Ctl, Some("SEP001122334455")),
            ("itlcsfjohn.doe-x_1.tlv", List::Itl, Some("CSFJOHN.DOE-X_1")),
        ] {
            assert_eq!(of(name), Meaning::List { list, device: device.map(str::to_owned) }, "{name}");
        }
        for name in ["ITL.tlv", "ITL-.tlv", "x.tlv", "a/ITLFile.tlv", "ITLFile.tlv.sgn", "ITLa b.tlv"] {
            assert_eq!(of(name), Meaning::Other, "{name}");
        }
        let long = |count| format!("ITL{}.tlv", "A".repeat(count));
        assert!(matches!(of(&long(DEVICE_NAME_MAX)), Meaning::List { .. }));
        assert_eq!(of(&long(DEVICE_NAME_MAX + 1)), Meaning::Other);
    }

    #[test]
    fn configs() {
        for (name, proper, form) in [
            ("sep001122334455.CNF.xml", "SEP001122334455.cnf.xml", Form::Plain),
            ("SEP001122334455.cnf.xml.sgn", "SEP001122334455.cnf.xml.sgn", Form::Signed),
            ("csfjohn.doe.cnf.xml.enc.sgn", "CSFJOHN.DOE.cnf.xml.enc.sgn", Form::Encrypted),
            ("xmldefault.cnf.xml.sgn", "XMLDefault.cnf.xml.sgn", Form::Signed),
        ] {
            let Meaning::Config { of, form: found } = of(name) else { panic!("{name} is a config") };
            assert_eq!((of.file_name(found).as_str(), found), (proper, form));
        }
        for name in ["dialplan.xml", "a/SEP001122334455.cnf.xml", ".cnf.xml", "SEP1.cnf.xml.enc", "file.cnf.xml"] {
            assert_eq!(of(name), Meaning::Other, "{name}");
        }
        for (name, devices) in [
            ("SEP1.cnf.xml", &["SEP1"][..]),
            ("sep1.CNF.XML.sgn.sgn", &["SEP1"]),
            ("SEP1.cnf.xml~", &["SEP1"]),
            ("old/SEP1.cnf.xml.bak", &["SEP1"]),
            ("a.cnf.xml.cnf.xml.enc", &["A", "A.CNF.XML"]),
            ("ITLSEP1.tlv", &[]),
            ("SEP1.cnf", &[]),
            ("SEP1/x.xml", &[]),
            (".cnf.xml", &[]),
        ] {
            let found: Vec<String> = FileName::parse(name).unwrap().begins_as_config_of().collect();
            assert_eq!(found, devices, "{name}");
        }
        let signed = FileName::parse("a/b.xml.SGN").unwrap();
        assert_eq!(signed.unsigned().unwrap().as_str(), "a/b.xml");
        assert_eq!(FileName::parse("a").unwrap().signed().unwrap().as_str(), "a.sgn");
    }
}
