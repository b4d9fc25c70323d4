//! What the CTL client and the CTL provider say to each other, inside TLS.
//!
//! The protocol is our own: that of the original is not known. Frames in both directions:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | [`PROTOCOL_ID`] |
//! | 1 | 1 | [`VERSION`] |
//! | 2 | 1 | kind |
//! | 3 | 1 | 0 |
//! | 4 | 4 | length of the body, big endian |
//! | 8 | | fields: tag (1), length (2, big endian), value |
//!
//! | kind | who | fields |
//! |---|---|---|
//! | 1 Login | client | USER, PASSWORD |
//! | 2 Look | client | |
//! | 3 Store | client | CHOICE, FORCED, CTL, and BASE unless there was no CTL |
//! | 129 Welcome | provider | RELEASE |
//! | 130 Cluster | provider | MODE, DIGEST, CTL if there is one, ENTRY for each server record |
//! | 131 Stored | provider | NODE for each node, WARNING any number of times |
//! | 132 Refused | provider | LABEL, TEXT |
//!
//! The client speaks first and waits for each answer. Login comes before everything else. Fields have the order of the table;
//! a CTL above 65535 bytes stands in several CTL fields, all but the last with 65535 bytes each; otherwise a field more, less or elsewhere is an error, as is another version: a new one says so in the head.

mod fields;
mod message;
mod stream;

pub use message::{Choice, ClusterState, Entry, Login, NodeStatus, Password, Reply, Request, Upload};
pub use stream::{ClientStream, ServerStream, StreamError};

use crate::trust_list::PHONE_LIMIT;

/// The port of the provider [sources/phones#ports], [sources/ctl-client#wizard].
pub const PORT: u16 = 2444;

/// First byte of each frame.
pub const PROTOCOL_ID: u8 = 0x43;

/// Version of the protocol.
pub const VERSION: u8 = 1;

/// Bytes of a head.
pub const HEAD: usize = 8;

/// Body of a Login at most: nothing longer is read from somebody who is not logged in.
pub const MAX_LOGIN: usize = 1024;

/// Bytes of a CTL that is sent at most: twice what phones load, so that the provider can say for which of them it is too large.
pub const MAX_CTL: usize = 2 * PHONE_LIMIT;

/// Body of any other request at most: a CTL, and the rest is small.
pub const MAX_REQUEST: usize = MAX_CTL + 1024;

/// Body of an answer at most: a CTL and some hundred certificates.
pub const MAX_REPLY: usize = 1 << 20;

/// Server records in an answer at most: more do not fit in a CTL that phones load.
pub const MAX_ENTRIES: usize = 128;

/// Bytes of a name, a user or a password at most.
pub const MAX_NAME: usize = 255;
