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
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(SettingsError::Unreadable { path: path.display().to_string(), source }),
        };
        toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            SettingsError::Malformed { path: path.display().to_string(), reason: reason(&text, at, error.message()) }
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
    let message = message.trim().replace('\n', " ");
    match table::find(&section, key) {
        Some(setting) => format!(
            "line {number}: `{line}`: [{section}] {key} wants {} (without it: {}); {message}",
            setting.form, setting.default
        ),
        None => {
            let keys: Vec<&str> =
                table::SETTINGS.iter().filter(|row| row.section == section).map(|row| row.key).collect();
            let known = if keys.is_empty() { String::new() } else { format!("; [{section}] has {}", keys.join(", ")) };
            format!("line {number}: `{line}`: {message}{known}")
        }
    }
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
        assert!(unknown.starts_with("line 2: `legacy_tsl = true`: unknown field"), "{unknown}");
        assert!(unknown.ends_with("; [phones] has legacy_tls"), "{unknown}");
        let broken = error("[files]\ntftpboot = /srv/tftp\n");
        assert!(
            broken.starts_with("line 2: `tftpboot = /srv/tftp`: [files] tftpboot wants a folder in quotation marks"),
            "{broken}"
        );
        assert!(error("[monitor.mail]\nserver = 7\n").contains("[monitor.mail] server wants text in quotation marks"));
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
