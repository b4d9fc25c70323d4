//! What cannot be read, and what mends it.

use std::path::Path;

/// A row, or a file, that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unreadable {
    /// The table; for a file its folder.
    pub table: String,
    /// The columns of its primary key, `/` between them; for a file its node and name. What would mean something in a command line stands
    /// as `%` and two digits.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
    /// What mends it, as a sentence without its full stop, where that is not to take it out.
    pub way_out: Option<String>,
}

/// The command that takes an unreadable row or file out, before its table and key.
pub const DELETE: &str = "utils unreadable delete";

impl Unreadable {
    /// Table and key, as the command takes them.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{} {}", self.table, self.key)
    }
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table, key, reason, way_out } = self;
        write!(out, "{table} {key} cannot be read: {reason}. ")?;
        match way_out {
            Some(way_out) => write!(out, "{way_out}"),
            None => write!(out, "`{DELETE} {table} {key}` takes it out"),
        }
    }
}

/// The rows that say which certificate a unit of a node has.
pub const OWN: &str = "owncertificate";

/// What a column keeps for another crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A certificate, PEM; the second column has the SHA-256 of its DER.
    Certificate,
    /// A request, PEM; the second column has the SHA-256 of its key.
    Request,
    /// A request that CAPF has signed in the place of a phone, PEM; the second column has the SHA-256 of its key.
    PhoneRequest,
    /// A public key, PEM.
    PublicKey,
    /// A signed trust list.
    List,
    /// An IPv4 address.
    Address,
    /// The value of a parameter; the second column has its name.
    Parameter,
    /// The number of a unit that nodes have certificates for.
    Unit,
    /// SHA-256, lower-case hexadecimal.
    Digest,
    /// The name of a device; the second column has its model.
    DeviceName,
    /// The model of a device.
    Model,
}

/// The folder of keys, in the place of a table.
pub const KEYS: &str = "keys";
/// The folder of published files, in the place of a table.
pub const PUBLISHED: &str = "published";
/// What is wrong with a key that is not there.
pub const NOT_THERE: &str = "it is not there";

/// A file that cannot be read. The key is what is behind the data directory of its node.
pub fn of_file(folder: &str, path: &Path, reason: &str) -> Unreadable {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // A subscriber's folders stand in `nodes/NAME/`.
    let node = path.parent().and_then(Path::parent);
    let below = node.and_then(Path::parent).is_some_and(|parent| parent.ends_with("nodes"));
    let node = node.and_then(Path::file_name).filter(|_| below).map(|node| format!("{}/", node.to_string_lossy()));
    Unreadable {
        table: folder.to_owned(),
        key: format!("{}{name}", node.unwrap_or_default()),
        reason: reason.to_owned(),
        way_out: None,
    }
}
