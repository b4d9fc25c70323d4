//! What CAPF needs a cipher for: the proofs of a phone that shows its certificate, and the keys that phones hand in
//! [sources/capf#proofs].
//!
//! * [`check`]: an AUTH_RESPONSE with a certificate is what it says it is, for the mode *By Existing Certificate*
//! * [`check_shown`]: a certificate that a phone shows without a proof is one that it may have
//! * [`check_public_key`]: the key of a KEY_GENERATE_RESPONSE is sound and the one that was asked for
//! * [`signed_data`], [`sudi_data`]: the phone's side of the proofs
//! * [`prove`], [`holds`]: one proof

mod credentials;
mod proof;
mod public_key;

pub use credentials::{
    Proven, SHA512_BITS, Sha2Proof, Sudi, Unproven, check, check_session_proof, check_shown, names_device,
};
pub use proof::{holds, prove, signed_data, sudi_data};
pub use public_key::{BadKey, check_public_key};
