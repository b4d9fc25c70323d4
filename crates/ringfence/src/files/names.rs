//! What the end of a file's name says. Capitals do not count, as on a TFTP server that phones ask in capitals.

use std::path::PathBuf;

use crate::exit::Failure;
use crate::files::input::Input;
use crate::files::output::Target;

/// The end of the name of a signed file.
pub const SIGNED: &str = ".sgn";

/// The end of the name of an encrypted config, which is signed too.
pub const ENCRYPTED: &str = ".enc.sgn";

/// A name without an end; `None` when it ends otherwise, or when nothing stands before.
pub fn without<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    let (base, found) = name.split_at_checked(name.len().checked_sub(end.len())?)?;
    (found.eq_ignore_ascii_case(end) && !base.is_empty()).then_some(base)
}

/// The name of the stub that belongs to an encrypted config.
pub fn stub_of(encrypted: &str) -> Option<String> {
    without(encrypted, ENCRYPTED).map(|base| format!("{base}{SIGNED}"))
}

/// Where the content of a file goes: where the option says, else beside it under its name without the end.
pub fn place_of_content(input: &Input, end: &str, target: &Target) -> Result<PathBuf, Failure> {
    let base = input.base_name().and_then(|name| without(name, end));
    if base.is_none() && target.path().is_none() {
        return Err(Failure::WrongUsage(format!(
            "{}: the name does not end in {end}: say with --output where to write",
            input.name
        )));
    }
    let beside = input.path.as_deref().zip(base).map(|(path, base)| path.with_file_name(base));
    target.path_or(beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends() {
        assert_eq!(without("a.cnf.xml.sgn", SIGNED), Some("a.cnf.xml"));
        assert_eq!(without("SEP1.CNF.XML.ENC.SGN", ENCRYPTED), Some("SEP1.CNF.XML"));
        assert_eq!(stub_of("a.cnf.xml.enc.sgn").as_deref(), Some("a.cnf.xml.sgn"));
        for other in ["", ".sgn", "sgn", "a.xml", "a.sgn.xml", "\u{fc}gn", "a\u{fc}sgn"] {
            assert_eq!(without(other, SIGNED), None, "{other}");
        }
    }
}
