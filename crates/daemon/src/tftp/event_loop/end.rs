//! How a transfer ends, in the words of the log.

use std::io;

use wire::tftp::Failure;

/// How a transfer ended, for its log line.
pub(super) enum End {
    Done,
    /// The client closed its port without acknowledging the last block.
    Unacknowledged,
    /// The client asked anew from the same port.
    Superseded,
    /// Places are short, and nothing was acknowledged.
    MadeRoom,
    /// Places are short, and its address has most of them.
    HadMost,
    Failed(Failure),
    Network(io::Error),
    /// The file cannot be read any further.
    Unreadable(io::Error),
    /// The time after the shutdown signal is over.
    Stopped,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => f.write_str("complete"),
            Self::Unacknowledged => f.write_str("client closed its port without the last acknowledgement"),
            Self::Superseded => f.write_str("client asked anew from the same port"),
            Self::MadeRoom => {
                f.write_str("it made room for others: places are short, and the client did not acknowledge")
            }
            Self::HadMost => f.write_str(
                "it made room for another address: places are short, and this one's address has most of them",
            ),
            Self::Failed(failure) => failure.fmt(f),
            Self::Network(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                f.write_str("client closed its port")
            }
            Self::Network(error) => error.fmt(f),
            Self::Unreadable(error) => write!(f, "the file cannot be read: {error}"),
            Self::Stopped => f.write_str("server is stopping"),
        }
    }
}
