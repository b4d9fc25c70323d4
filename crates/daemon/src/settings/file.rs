//! Reading and writing `ringfence.toml`, and what differs between two sets of settings.

use std::path::Path;

use super::{Settings, SettingsError, table};

/// Where the settings of a start come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything else.
    Default,
    /// `ringfence.toml`.
    File,
    /// An option of the start.
    Option,
}

impl Source {
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "ringfence.toml",
            Self::Option => "option of the start",
        }
    }
}

impl Settings {
    /// Reads a file; the defaults when there is none.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let bytes = match ringfence_core::regular::read_through_links(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(SettingsError::Unreadable { path: path.display().to_string(), source }),
        };
        let malformed = |reason| SettingsError::Malformed { path: path.display().to_string(), reason };
        let text = text_of(&bytes).map_err(malformed)?;
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            malformed(reason(text, at, error.message()))
        })
    }

    /// The file with these settings; `[cluster]` is not among them: what it says stands in the database.
    ///
    /// # Errors
    /// A path that is not UTF-8.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let title = "# Settings of this node; a change counts from the next start on. `ringfence serve --help` lists all of them,\n\
                     # `ringfence config show` what is in force. Name, address and release of the cluster are no settings any more.\n\n";
        Ok(format!("{title}{}", toml::to_string(self)?))
    }

    /// What these settings have that `file` has not, as lines of such a file.
    #[must_use]
    pub fn beyond(&self, file: &Self) -> Vec<String> {
        let there = flat(file);
        let new = flat(self).into_iter().filter(|entry| !there.contains(entry));
        new.map(|(section, key, value)| format!("[{section}] {key} = {value}")).collect()
    }

    /// Every setting but `[cluster]`, its value as the file would say it, and who said it.
    #[must_use]
    pub fn sources(&self, file: &Self) -> Vec<(&'static table::Setting, String, Source)> {
        let (mine, theirs, defaults) = (flat(self), flat(file), flat(&Self::default()));
        let of = |all: &[(String, String, String)], setting: &table::Setting| {
            let found = all.iter().find(|(section, key, _)| section == setting.section && key == setting.key);
            found.map(|(_, _, value)| value.clone())
        };
        let rows = table::SETTINGS.iter().filter(|setting| setting.section != "cluster").map(|setting| {
            let value = of(&mine, setting);
            let source = if value == of(&defaults, setting) {
                Source::Default
            } else if value == of(&theirs, setting) {
                Source::File
            } else {
                Source::Option
            };
            (setting, value.unwrap_or_else(|| setting.default.to_owned()), source)
        });
        rows.collect()
    }
}

/// Settings as (table, key, value), as the file would say them.
pub(super) fn flat(settings: &Settings) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    // Settings are TOML, or they could not have been read.
    let Ok(table) = toml::Table::try_from(settings) else { return all };
    flatten("", &table, &mut all);
    all
}

fn flatten(section: &str, table: &toml::Table, all: &mut Vec<(String, String, String)>) {
    for (key, value) in table {
        if let toml::Value::Table(inner) = value {
            let name = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
            flatten(&name, inner, all);
        } else {
            all.push((section.to_owned(), key.clone(), value.to_string()));
        }
    }
}

/// The text of a file as editors write it.
fn text_of(bytes: &[u8]) -> Result<&str, String> {
    const SAVE: &str = "save the file as UTF-8 (text of TOML is that)";
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) || bytes.iter().take(64).any(|byte| *byte == 0) {
        return Err(format!("line 1: is UTF-16 or no text; {SAVE}"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("line {line}: has a byte that is not UTF-8; {SAVE}")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The line, what stands there, and what is wanted there.
fn reason(text: &str, at: usize, message: &str) -> String {
    let before = text.get(..at).unwrap_or(text);
    let number = 1 + before.matches('\n').count();
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    let key = line.split('=').next().unwrap_or_default().trim();
    let header =
        |line: &str| line.trim().trim_start_matches('[').split(']').next().unwrap_or_default().trim().to_owned();
    let section = text.lines().take(number).filter(|line| line.trim_start().starts_with('[')).last().map(header);
    let section = section.unwrap_or_default();
    let visible: String = line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let place = format!("line {number}: `{visible}`");
    if let Some(setting) = table::find(&section, key) {
        return format!("{place}: [{section}] {key} wants {} (without it: {})", setting.form, setting.default);
    }
    let below: Vec<&str> = table::SETTINGS.iter().filter(|row| row.section == section).map(|row| row.key).collect();
    let sections = || {
        let mut all: Vec<&str> = table::SETTINGS.iter().map(|row| row.section).collect();
        all.dedup();
        all.join("], [")
    };
    let is_section = |name: &str| table::SETTINGS.iter().any(|row| row.section == name);
    let whole = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
    if line.starts_with('[') && below.is_empty() {
        return format!("{place}: there is no such section; there are [{}]", sections());
    }
    if !line.starts_with('[') && is_section(&whole) {
        return format!("{place}: is a section: write [{whole}] on a line of its own, and its settings below it");
    }
    if section.is_empty() && line.contains('=') {
        return format!("{place}: stands above all sections; put it below one of [{}]", sections());
    }
    // What the reader of TOML says of its own form is plain; what it says of our types is not.
    let wanted = if below.is_empty() { String::new() } else { format!("; [{section}] has {}", below.join(", ")) };
    if line.contains('=') && message.trim().starts_with("unknown field") {
        return format!("{place}: there is no setting `{key}`{wanted}");
    }
    let ours = ["invalid type", "invalid value", "invalid length", "missing field", "unknown field", "unknown variant"];
    let said = message.trim().replace('\n', " ");
    if ours.iter().any(|word| said.starts_with(word)) {
        return format!("{place}: has not the form that is wanted{wanted}; `ringfence serve --help` shows each");
    }
    format!("{place}: {said}{wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringfence.toml");
        std::fs::write(&path, text).unwrap();
        let error = Settings::read(&path).unwrap_err().to_string();
        error.strip_prefix(&format!("{}, ", path.display())).unwrap_or_else(|| panic!("{error}")).to_owned()
    }

    #[test]
    fn errors_name_line_and_form() {
        let wrong = error("# mine\n[listen]\nhttp = \"web\"\n");
        assert!(wrong.starts_with("line 3: `http = \"web\"`: [listen] http wants a port, 0 to 65535"), "{wrong}");
        let zero = error("[capf]\nper_address = 0\n");
        assert!(zero.starts_with("line 2: `per_address = 0`: [capf] per_address wants a number, 1 or more"), "{zero}");
        let unknown = error("[phones]\nlegacy_tsl = true\n");
        assert!(unknown.starts_with("line 2: `legacy_tsl = true`: there is no setting `legacy_tsl`"), "{unknown}");
        assert!(unknown.ends_with("; [phones] has legacy_tls"), "{unknown}");
        let broken = error("[files]\ntftpboot = /srv/tftp\n");
        assert!(
            broken.starts_with("line 2: `tftpboot = /srv/tftp`: [files] tftpboot wants a folder in quotation marks"),
            "{broken}"
        );
        assert!(error("[monitor.mail]\nserver = 7\n").contains("[monitor.mail] server wants text in quotation marks"));
    }

    /// Words of the program that reads it help nobody who wrote it.
    #[test]
    fn every_wrong_type_is_told_by_line_and_form() {
        for setting in table::SETTINGS.iter().filter(|setting| setting.key != "subscriber") {
            for value in ["{ a = 1 }", "1979-05-27", "[[1]]", "-1.5"] {
                let text = format!("# mine\n[{}]\n{} = {value}\n", setting.section, setting.key);
                let said = error(&text);
                let form = format!("[{}] {} wants {}", setting.section, setting.key, setting.form);
                assert!(said.starts_with("line 3: `") && said.contains(&form), "{text}: {said}");
                for word in ["invalid", "expected", "struct", "integer", "map", "sequence"] {
                    assert!(!said.contains(word), "{text}: {said}");
                }
            }
        }
        for (text, wanted) in [
            ("listen = 5\n", "line 1: `listen = 5`: is a section: write [listen] on a line of its own"),
            ("[monitor]\nmail = 5\n", "line 2: `mail = 5`: is a section: write [monitor.mail] on a line of its own"),
            (
                "[lissten]\nhttp = 1\n",
                "line 1: `[lissten]`: there is no such section; there are [cluster], [serve], [listen]",
            ),
            ("http = 1\n", "line 1: `http = 1`: stands above all sections; put it below one of [cluster]"),
            ("[[listen]]\nhttp = 1\n", "line 1: `[[listen]]`: has not the form that is wanted; [listen] has address,"),
        ] {
            let said = error(text);
            assert!(said.starts_with(wanted), "{text}: {said}");
        }
    }

    #[test]
    fn files_as_editors_write_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringfence.toml");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Settings::read(&path).map_err(|error| error.to_string())
        };
        let text = "[listen]\nhttp = 8080\n";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&[&[0xff, 0xfe], wide.as_slice()].concat(), &[&[0xfe, 0xff], big.as_slice()].concat(), &wide] {
            let said = read(bytes).unwrap_err();
            assert!(said.contains("ringfence.toml, line 1: is UTF-16 or no text; save the file as UTF-8"), "{said}");
        }
        let said = read(b"[listen]\n# M\xfcller\n").unwrap_err();
        assert!(said.contains("ringfence.toml, line 2: has a byte that is not UTF-8; save"), "{said}");
        assert_eq!(read(format!("\u{feff}{text}").as_bytes()).unwrap().listen.http, 8080);
    }

    #[test]
    fn sources_and_what_is_missing() {
        let file: Settings = toml::from_str("[phones]\nlegacy_tls = true\n").unwrap();
        let mut all = file.clone();
        all.listen.http = 8080;
        assert_eq!(all.beyond(&file), ["[listen] http = 8080"]);
        let source = |key: &str| all.sources(&file).into_iter().find(|row| row.0.key == key).unwrap();
        assert_eq!((source("legacy_tls").1.as_str(), source("legacy_tls").2), ("true", Source::File));
        assert_eq!((source("http").1.as_str(), source("http").2), ("8080", Source::Option));
        assert_eq!(
            (source("tvs").1.as_str(), source("tvs").2),
            ("that of the cluster, 2445 at first", Source::Default)
        );
        let (key, _, from) = source("tvs");
        assert_eq!((key.section, from.word()), ("listen", "default"));
    }
}
