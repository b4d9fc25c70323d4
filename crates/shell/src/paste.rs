//! What is pasted behind `set cert import`: certificates as PEM, line by line. An empty line behind the last one ends it, and
//! Ctrl-D anywhere [sources/shell#certificate-commands].

use cluster::Surroundings;
use cluster::units::Unit;
use ringfence_core::CoreError;
use ringfence_core::given::GIVEN_BYTES;
use zeroize::Zeroizing;

use crate::run::requests::ImportOptions;
use crate::session::{Reply, Session, State};

/// What the original says before [an independent client waits for it].
const OPENING: &str = "Paste the Certificate and Hit Enter\n";

/// The command that what is pasted is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PastedFor {
    /// `set cert import own`.
    Own(Unit, ImportOptions),
    /// `set cert import trust`, with the trust store as it was typed, and what the certificate is called.
    Trust {
        /// The trust store.
        store: String,
        /// The description.
        description: Option<String>,
    },
}

/// What was pasted so far. Somebody may paste a key by mistake, so it is wiped and not shown.
pub(crate) struct Paste {
    pub(crate) wanted: PastedFor,
    text: Zeroizing<String>,
    /// The last line ended a certificate.
    complete: bool,
    /// More came than is taken: the rest is swallowed, so that no line of it becomes a command.
    too_much: bool,
}

impl std::fmt::Debug for Paste {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} bytes for {:?}", self.text.len(), self.wanted)
    }
}

impl Paste {
    pub(crate) fn new(wanted: PastedFor) -> Self {
        Self { wanted, text: Zeroizing::default(), complete: false, too_much: false }
    }

    /// Takes a line; a terminal may give several at once. Whether it was the last one.
    fn take(&mut self, lines: &str) -> bool {
        for line in lines.split('\n').map(str::trim) {
            if line.is_empty() {
                if self.complete {
                    return true;
                }
                continue;
            }
            self.complete = line.starts_with("-----END ");
            if self.text.len() + line.len() < GIVEN_BYTES {
                self.text.push_str(line);
                self.text.push('\n');
            } else {
                self.too_much = true;
            }
        }
        false
    }

    /// The bytes, as those of a file.
    fn bytes(&self) -> Result<&[u8], CoreError> {
        if self.too_much {
            let text = format!("more than {GIVEN_BYTES} bytes were pasted; paste certificates only, as PEM");
            return Err(CoreError::BadInput(text));
        }
        Ok(self.text.as_bytes())
    }
}

impl Session {
    /// Asks for a certificate to be pasted.
    pub(crate) fn ask_to_paste(&mut self, wanted: PastedFor) -> Reply {
        self.paste = Some(Paste::new(wanted));
        Reply { state: State::Paste, ..Reply::done(OPENING) }
    }

    /// A line of what is pasted.
    pub(crate) async fn pasted(&mut self, mut paste: Paste, line: &str, surroundings: &mut dyn Surroundings) -> Reply {
        if paste.take(line) {
            return self.take_paste(paste, surroundings).await;
        }
        self.paste = Some(paste);
        Reply { state: State::Paste, ..Reply::done("") }
    }

    /// Does what it was pasted for. Nothing pasted is no certificate.
    pub(crate) async fn take_paste(&mut self, paste: Paste, surroundings: &mut dyn Surroundings) -> Reply {
        let done = match (paste.bytes(), &paste.wanted) {
            (Err(error), _) => Err(error),
            (Ok([]), _) => Err(CoreError::BadInput("nothing was pasted, so nothing was changed".to_owned())),
            (Ok(bytes), PastedFor::Own(unit, options)) => self.take_own(*unit, bytes, options, surroundings).await,
            (Ok(bytes), PastedFor::Trust { store, description }) => {
                self.take_trusted(store, bytes, "what was pasted", description.as_deref(), surroundings).await
            }
        };
        done.unwrap_or_else(|error| Reply::error(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_tomcat() -> PastedFor {
        PastedFor::Trust { store: "tomcat".to_owned(), description: None }
    }

    #[test]
    fn an_empty_line_ends_it_only_behind_a_certificate() {
        let mut paste = Paste::new(for_tomcat());
        for line in ["", "\n\n", "-----BEGIN CERTIFICATE-----", "AAAA\r", "", "BBBB", "-----END CERTIFICATE-----"] {
            assert!(!paste.take(line), "{line:?}");
        }
        // another one behind it
        assert!(!paste.take("-----BEGIN CERTIFICATE-----\nCCCC\n-----END CERTIFICATE-----"));
        assert!(paste.take(""));
        let wanted = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n\
                      -----BEGIN CERTIFICATE-----\nCCCC\n-----END CERTIFICATE-----\n";
        assert_eq!(paste.bytes().unwrap(), wanted.as_bytes());
        assert_eq!(format!("{paste:?}"), format!("{} bytes for {:?}", wanted.len(), for_tomcat()));
    }

    #[test]
    fn too_much_is_swallowed_to_its_end() {
        let mut paste = Paste::new(for_tomcat());
        let line = "A".repeat(1024);
        for _ in 0..GIVEN_BYTES / 1024 + 10 {
            assert!(!paste.take(&line));
        }
        assert!(!paste.take("-----END CERTIFICATE-----") && paste.take(""));
        assert!(paste.text.len() < GIVEN_BYTES && paste.bytes().is_err());
    }
}
