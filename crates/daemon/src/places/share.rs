//! What the process may open, shared out between the servers: one that is flooded takes nothing of the others, nor of files and rows.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Kept for everything that is no place of a server: the database (4 connections of 3 files), logs, locks, listening sockets, the 64
/// large files that may be open, 32 looks into the folder, what goes out to syslog and mail, a connection that is being turned away.
const OWN: usize = 256;

/// Servers that want so little are not named one by one.
const SMALL: usize = 16;

/// Servers that have places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Tftp,
    Http,
    Tvs,
    Capf,
    CtlProvider,
    Metrics,
}

impl Server {
    const fn name(self) -> &'static str {
        match self {
            Self::Tftp => "TFTP",
            Self::Http => "HTTP",
            Self::Tvs => "TVS",
            Self::Capf => "CAPF",
            Self::CtlProvider => "CTL",
            Self::Metrics => "metrics",
        }
    }
}

/// Who gets how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// Descriptors that the process may have.
    limit: usize,
    /// Server, what it wants, what it gets.
    servers: Vec<(Server, usize, usize)>,
}

impl Share {
    /// Shares out what the process may open now.
    pub(crate) fn now(wanted: &[(Server, usize)]) -> Self {
        // Without an answer nothing is known to be short; a connection that cannot be taken is told of anyway.
        let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
        Self::of(usize::try_from(limit).unwrap_or(usize::MAX), wanted)
    }

    /// The same for each, but none gets more than it wants: what is over goes to the others.
    fn of(limit: usize, wanted: &[(Server, usize)]) -> Self {
        let mut left = limit - OWN.min(limit / 2);
        let mut by_size = wanted.to_vec();
        by_size.sort_by_key(|(_, wanted)| *wanted);
        let mut servers = Vec::with_capacity(by_size.len());
        for (index, (server, wanted)) in by_size.iter().copied().enumerate() {
            let got = wanted.min(left / (by_size.len() - index));
            left -= got;
            servers.push((server, wanted, got));
        }
        let place = |server: Server| wanted.iter().position(|(other, _)| *other == server);
        servers.sort_by_key(|(server, ..)| place(*server));
        Self { limit, servers }
    }

    /// Cuts the places of a server to what it gets; of one address to half of them then.
    pub(crate) fn limit(&self, server: Server, most: &mut usize, per_address: &mut usize) {
        let got = self.servers.iter().find(|(other, ..)| *other == server).map(|(.., got)| *got);
        if let Some(got) = got.filter(|got| got < most) {
            *most = got;
            *per_address = (*per_address).min(got.div_ceil(2));
        }
    }

    fn is_short(&self) -> bool {
        self.servers.iter().any(|(_, wanted, got)| got < wanted)
    }

    /// For the start: what there is, and who gets it.
    pub(crate) fn summary(&self) -> String {
        if !self.is_short() {
            return format!("{} files, enough for all places", self.limit);
        }
        let large = self.servers.iter().filter(|(_, wanted, _)| *wanted > SMALL);
        let got: Vec<String> = large.clone().map(|(server, _, got)| format!("{} {got}", server.name())).collect();
        let rest = self.limit - large.map(|(.., got)| got).sum::<usize>();
        format!("{} files: {}; {rest} for the rest", self.limit, got.join(", "))
    }

    /// When it is less than the servers want: by which limit, and what helps.
    pub(crate) fn warning(&self) -> Option<String> {
        let wanted: usize = self.servers.iter().map(|(_, wanted, _)| wanted).sum();
        let enough = (wanted + OWN).next_power_of_two();
        self.is_short().then(|| {
            format!(
                "this process may open {} files, too few for all places of its servers, so they have fewer; LimitNOFILE={enough} in the \
                 unit of systemd or `ulimit -Hn {enough}` before the start is enough",
                self.limit
            )
        })
    }
}

/// Raises what the process may open to what it may raise it to. Shells and systemd start programs with 1024, for those that use
/// select(2); this one does not.
///
/// # Errors
/// What the system says; nothing has changed then.
pub(crate) fn raise() -> io::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [(Server, usize); 6] = [
        (Server::Tftp, 512),
        (Server::Http, 512),
        (Server::Tvs, 1024),
        (Server::Capf, 2048),
        (Server::CtlProvider, 16),
        (Server::Metrics, 16),
    ];

    fn got(limit: usize) -> Vec<usize> {
        Share::of(limit, &WANTED).servers.into_iter().map(|(.., got)| got).collect()
    }

    #[test]
    fn nobody_takes_what_another_needs() {
        assert_eq!(got(1 << 20), [512, 512, 1024, 2048, 16, 16]);
        assert_eq!(got(4096 + 32 + 256), [512, 512, 1024, 2048, 16, 16]);
        assert_eq!(got(2048), [440, 440, 440, 440, 16, 16]);
        assert_eq!(got(1024), [184, 184, 184, 184, 16, 16]);
        for limit in [0, 1, 63, 64, 200, 256, 511, 512, 1023, 1024, 3000, 4383] {
            let share = Share::of(limit, &WANTED);
            let places: usize = share.servers.iter().map(|(.., got)| got).sum();
            assert!(share.is_short() && places + OWN.min(limit / 2) <= limit, "{limit}: {share:?}");
        }
    }

    #[test]
    fn an_address_has_half_of_what_is_left_and_the_line_fits_a_terminal() {
        let share = Share::of(1024, &WANTED);
        let limited = |share: &Share| {
            let (mut most, mut per_address) = (2048, 256);
            share.limit(Server::Capf, &mut most, &mut per_address);
            (most, per_address)
        };
        assert_eq!(limited(&share), (184, 92));
        assert_eq!(limited(&Share::of(1 << 20, &WANTED)), (2048, 256));
        let line = share.summary();
        assert_eq!(line, "1024 files: TFTP 184, HTTP 184, TVS 184, CAPF 184; 288 for the rest");
        let warning = share.warning().unwrap();
        assert!(warning.contains("may open 1024 files") && warning.contains("LimitNOFILE=8192"), "{warning}");
        let whole = Share::of(20_000, &WANTED);
        assert_eq!((whole.summary().as_str(), whole.warning()), ("20000 files, enough for all places", None));
    }
}
