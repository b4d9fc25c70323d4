//! How patient a phone is.

use std::time::Duration;

/// Time-outs. Each step of a boot ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// To open a TCP connection.
    pub connect: Duration,
    /// For a whole file by HTTP.
    pub http: Duration,
    /// For each TFTP datagram, before it is sent again.
    pub tftp: Duration,
    /// Repetitions of a TFTP datagram.
    pub tftp_retries: u8,
    /// For TLS and the answer of a TVS server.
    pub tvs: Duration,
    /// For TLS and each message of a CAPF server.
    pub capf: Duration,
    /// How often a visit to CAPF is tried when no server is reached or the session breaks, at least once. Real phones
    /// try three times [sources/capf#phone-block].
    pub capf_tries: u8,
    /// Between two tries.
    pub capf_pause: Duration,
}

impl Default for Waits {
    /// 3 s to connect, 20 s for a file, 1 s and 3 repetitions for TFTP, 10 s for TVS (the read time-out that its
    /// servers have [sources/tvs#transport]), 60 s for a message of CAPF (a CA behind it may take its time), one try of
    /// CAPF; the pause of 30 s is that of real phones.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            http: Duration::from_secs(20),
            tftp: Duration::from_secs(1),
            tftp_retries: 3,
            tvs: Duration::from_secs(10),
            capf: Duration::from_secs(60),
            capf_tries: 1,
            capf_pause: Duration::from_secs(30),
        }
    }
}
