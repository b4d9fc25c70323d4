//! The offline tools on trust lists (`.tlv`), signed files (`.sgn`) and encrypted configs (`.enc.sgn`).
//!
//! * [`input`], [`output`]: files read within a limit, files written whole or not at all
//! * [`kind`]: which sort of file it is; [`describe`]: its fields as JSON; [`table`]: its header for people
//! * [`show`], [`verify`], [`diff`]: look; [`build`], [`sign`], [`encrypt`]: make; [`strip`], [`decrypt`]: take apart
//! * [`held`]: the lists a phone holds, and what it says of a file then
//! * [`record`]: a record as the command line names it; [`signer`]: certificate, key, time of what is made
//!
//! Nothing here starts a runtime or opens a socket.

mod describe;
mod device_key;
mod names;
mod record;
mod signer;
mod table;

pub mod build;
pub mod decrypt;
pub mod diff;
pub mod encrypt;
pub mod finding;
pub mod held;
pub mod input;
pub mod kind;
pub mod output;
pub mod show;
pub mod sign;
pub mod strip;
pub mod verify;
