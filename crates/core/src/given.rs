//! Files that an administrator names.

use cluster::actor::{Actor, Level};
use store::peer::read_file;

use crate::CoreError;
use crate::cluster::Cluster;

/// Bytes of certificates that an administrator gives at most, 1 MiB: what is taken of a chain.
pub const GIVEN_BYTES: usize = pki::bundle::CHAIN_BYTES;

impl Cluster {
    /// The bytes of a file of certificates that an administrator names: by its whole path, or as it lies in the data directory.
    ///
    /// # Errors
    /// [`CoreError`]: the level, no such file, more than 1 MiB.
    pub fn given_file(&self, actor: &Actor, name: &str) -> Result<Vec<u8>, CoreError> {
        actor.require(Level::ReadWrite)?;
        let path = self.data().root().join(name);
        let read = read_file(&path, GIVEN_BYTES as u64);
        // Whose fault it is: the name was typed.
        read.map_err(|error| CoreError::BadInput(error.to_string()))
    }
}
