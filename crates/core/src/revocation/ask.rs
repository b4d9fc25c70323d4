//! Asking CAs. Whoever has a socket gives an [`Ask`].

use std::pin::Pin;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question<'a> {
    /// An OCSP request (DER), by POST (RFC 6960 A.1).
    Status(&'a [u8]),
    /// A list, by GET.
    List,
}

impl Question<'_> {
    /// Bytes of an answer at most.
    #[must_use]
    pub const fn limit(&self) -> usize {
        match self {
            Self::Status(_) => pki::revocation::ocsp::RESPONSE_LIMIT,
            Self::List => pki::revocation::crl::LIST_LIMIT,
        }
    }
}

/// The answer to come: its bytes, or why there is none, for a person.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>>;

/// Asks an `http://` address. The answer proves itself by its signature.
pub trait Ask: std::fmt::Debug + Send + Sync {
    /// Asks; gives up by itself when nobody answers.
    fn ask<'a>(&'a self, address: &'a str, question: Question<'a>) -> Asked<'a>;
}

/// Asks nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNetwork;

impl Ask for NoNetwork {
    fn ask<'a>(&'a self, _address: &'a str, _question: Question<'a>) -> Asked<'a> {
        Box::pin(async { Err("this program asks nobody".to_owned()) })
    }
}
