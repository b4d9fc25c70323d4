//! The PKCS#11 module of Security Tokens: the one that is named, or the one in the usual place.

use std::path::{Path, PathBuf};

use pki::token::{CALL_LIMIT, TokenError, TokenModule};

use crate::exit::Failure;

/// Where modules lie: those of the eTokens of the original first [the manual of SafeNet Authentication Client], then those of Debian's packages
/// opensc-pkcs11, ykcs11 and softhsm2, and of Fedora.
const USUAL: &[&str] = &[
    "/usr/lib/libeTPkcs11.so",
    "/usr/lib64/libeTPkcs11.so",
    "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
    "/usr/lib/aarch64-linux-gnu/opensc-pkcs11.so",
    "/usr/lib64/pkcs11/opensc-pkcs11.so",
    "/usr/lib/x86_64-linux-gnu/libykcs11.so.2",
    "/usr/lib/aarch64-linux-gnu/libykcs11.so.2",
    "/usr/lib64/libykcs11.so.2",
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
];

/// Which module.
#[derive(Debug, clap::Args)]
pub struct Module {
    /// PKCS#11 module of the tokens; without it the one in the usual place
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
}

impl Module {
    /// The one that was named.
    pub fn named(&self) -> Option<&Path> {
        self.module.as_deref()
    }

    /// Opens it, without questions.
    pub fn open(&self) -> Result<TokenModule, Failure> {
        let path = match &self.module {
            Some(path) => path.clone(),
            None => only(usual())?,
        };
        open(&path).map_err(refused)
    }
}

/// Opens a module.
pub fn open(path: &Path) -> Result<TokenModule, TokenError> {
    TokenModule::open(path, CALL_LIMIT)
}

/// The usual modules that are there, each once however many names it has.
pub fn usual() -> Vec<PathBuf> {
    there(|path| path.canonicalize().ok())
}

fn there(real: impl Fn(&Path) -> Option<PathBuf>) -> Vec<PathBuf> {
    let mut known = Vec::new();
    let mut all = Vec::new();
    for path in USUAL.iter().map(Path::new) {
        if let Some(real) = real(path).filter(|real| !known.contains(real)) {
            known.push(real);
            all.push(path.to_owned());
        }
    }
    all
}

fn only(found: Vec<PathBuf>) -> Result<PathBuf, Failure> {
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::WrongUsage(format!(
            "no PKCS#11 module was found in the usual places ({}); name that of your tokens with --module",
            USUAL.join(", ")
        ))),
        several => {
            let names: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
            Err(Failure::WrongUsage(format!(
                "there are several PKCS#11 modules: {}; name the one of your tokens with --module",
                names.join(", ")
            )))
        }
    }
}

/// A wrong password is an answer; anything else could not be told.
pub fn refused(error: TokenError) -> Failure {
    match error {
        TokenError::WrongPin { .. } | TokenError::Locked { .. } => Failure::Refused(error.to_string()),
        other => Failure::CouldNotTell(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_taken_and_several_are_named() {
        let soft = "/usr/lib/softhsm/libsofthsm2.so";
        let one = there(|path| (path == Path::new(soft)).then(|| path.to_owned()));
        assert_eq!(only(one), Ok(soft.into()));
        // two names of one file
        let linked = there(|path| path.starts_with("/usr/lib64/pkcs11").then(|| "/real".into()));
        assert_eq!(linked.len(), 1);
        assert!(only(there(|_| None)).is_err_and(|failure| failure.to_string().contains("--module")));
        let all = there(|path| Some(path.to_owned()));
        let said = only(all).map_err(|failure| failure.to_string());
        assert!(said.is_err_and(|said| said.contains("there are several") && said.contains(soft)));
    }
}
