//! USB tokens behind a PKCS#11 module: finding one, logging in, signing with a key that never leaves it.
//!
//! A module is a foreign library, and what it does with its hardware may take for ever. So every call runs on a thread of its
//! own and is waited for a while only; a module that does not come back is not asked again.
//!
//! A wrong PIN is never tried twice: each try may be the one that locks the token.

mod error;
mod find;
mod module;
pub mod prepare;
mod signer;

pub use error::{PinState, TokenError};
pub use find::TokenCertificate;
pub use module::{CALL_LIMIT, TokenInfo, TokenModule};
pub use signer::{Token, TokenIdentity};
