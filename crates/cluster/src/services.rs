//! The services of a node: a table of what there is in which release, where it runs, and whether this program runs it
//! [sources/shell#services].

use crate::Refusal;
use crate::releases::Release;
use crate::rows::{NodeRow, ServiceRow};

/// File server.
pub const TFTP: &str = "Cisco Tftp";
/// Call processing.
pub const CALL_MANAGER: &str = "Cisco CallManager";
/// TVS.
pub const TVS: &str = "Cisco Trust Verification Service";
/// The certificate monitor.
pub const EXPIRY_MONITOR: &str = "Cisco Certificate Expiry Monitor";
/// CAPF.
pub const CAPF: &str = "Cisco Certificate Authority Proxy Function";

/// CTL provider.
pub const CTL_PROVIDER: &str = "Cisco CTL Provider";

/// Change notification: it resets phones.
pub const CHANGE_NOTIFICATION: &str = "Cisco Certificate Change Notification";

pub const CTI_MANAGER: &str = "Cisco CTIManager";
pub const HA_PROXY: &str = "Cisco HAProxy";
pub const TOMCAT: &str = "Cisco Tomcat";
pub const AXL_TOMCAT: &str = "Cisco AXL Tomcat";
pub const UDS_TOMCAT: &str = "Cisco UDS Tomcat";
pub const DRF_MASTER: &str = "Cisco DRF Master";
pub const DRF_LOCAL: &str = "Cisco DRF Local";
pub const ILS: &str = "Cisco Intercluster Lookup Service";
pub const LBM: &str = "Cisco Location Bandwidth Manager";
pub const EXTENSION_MOBILITY: &str = "Cisco Extension Mobility";

/// Whether an administrator activates a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Activated and deactivated by an administrator.
    Feature,
    /// There from the installation, always activated.
    Network,
}

/// Who runs a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// This program: start and stop are real.
    Here,
    /// Nobody here: Ringfence has no such process. It stands in the catalogue so that restarts that a certificate needs on the call
    /// server are not forgotten.
    Elsewhere,
}

/// A row of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its name, as `utils service list` prints it.
    pub name: &'static str,
    /// Whether an administrator activates it.
    pub kind: Kind,
    /// Who runs it; see [`Self::run_on`].
    run: Run,
    /// Whether only the publisher has it.
    pub publisher_only: bool,
    /// Whether that of the publisher does the work of the whole cluster: on other nodes nobody runs it.
    for_cluster: bool,
    /// The first release that has it; empty: all that are known here.
    from: &'static str,
    /// The first release that has it no more; empty: none.
    until: &'static str,
    /// Whether it is activated on a new node.
    activated: bool,
}

const fn feature(name: &'static str, run: Run) -> Service {
    Service { kind: Kind::Feature, ..network(name, run) }
}

const fn network(name: &'static str, run: Run) -> Service {
    let (publisher_only, for_cluster, activated) = (false, false, true);
    Service { name, kind: Kind::Network, run, publisher_only, for_cluster, from: "", until: "", activated }
}

/// The catalogue in the order of `utils service list`. Names: [sources/shell#services]; where a release stands
/// beside one, the fact is there, in [sources/certificates#reuse] or in [sources/releases#restarts].
const CATALOGUE: [Service; 26] = [
    network("A Cisco DB", Run::Elsewhere),
    // 5.5 names it from 14 on
    Service { from: "14", ..network(AXL_TOMCAT, Run::Elsewhere) },
    network("Cisco CDP", Run::Elsewhere),
    feature(CTI_MANAGER, Run::Elsewhere),
    // gone from 14SU3
    // it takes passwords and CTLs, so it is off until somebody wants it
    Service { until: "15", publisher_only: true, activated: false, ..feature(CTL_PROVIDER, Run::Here) },
    feature(CALL_MANAGER, Run::Elsewhere),
    Service { publisher_only: true, ..feature(CAPF, Run::Here) },
    Service { for_cluster: true, ..network(CHANGE_NOTIFICATION, Run::Here) },
    // the online CAs of 4.1 need it; no source says since when
    Service {
        from: "12.5",
        publisher_only: true,
        activated: false,
        ..feature("Cisco Certificate Enrollment Service", Run::Elsewhere)
    },
    Service { for_cluster: true, ..network(EXPIRY_MONITOR, Run::Here) },
    network(DRF_LOCAL, Run::Elsewhere),
    Service { publisher_only: true, ..network(DRF_MASTER, Run::Elsewhere) },
    network("Cisco Database Layer Monitor", Run::Elsewhere),
    Service { activated: false, ..feature(EXTENSION_MOBILITY, Run::Elsewhere) },
    // 2.4: HTTPS for phones goes through it; 5.5 names it from 14 on
    Service { from: "14", ..network(HA_PROXY, Run::Elsewhere) },
    network(ILS, Run::Elsewhere),
    network(LBM, Run::Elsewhere),
    Service { from: "14", ..network("Cisco SSOSP Tomcat", Run::Elsewhere) },
    network("Cisco Serviceability Reporter", Run::Elsewhere),
    network("Cisco Syslog Agent", Run::Elsewhere),
    feature(TFTP, Run::Here),
    network(TOMCAT, Run::Elsewhere),
    network(TVS, Run::Here),
    Service { from: "14", ..network(UDS_TOMCAT, Run::Elsewhere) },
    network("Platform Administrative Web Service", Run::Elsewhere),
    // 8.1: the calls about certificates came with 14
    Service { from: "14", ..network("Platform Communication Web Service", Run::Elsewhere) },
];

/// Short names that administrators type.
const SHORT: [(&str, &str); 4] = [("CAPF", CAPF), ("TVS", TVS), ("TFTP", TFTP), ("CallManager", CALL_MANAGER)];

impl Service {
    /// Whether a release has it.
    fn is_in(&self, release: &Release) -> bool {
        within(release, self.from, self.until)
    }

    /// Who runs it on the publisher or another node.
    pub const fn run_on(&self, publisher: bool) -> Run {
        if self.for_cluster && !publisher { Run::Elsewhere } else { self.run }
    }

    /// Whether that of the publisher does the work of the whole cluster.
    pub const fn is_for_cluster(&self) -> bool {
        self.for_cluster
    }

    /// Whether a new node of this kind has it activated.
    pub const fn activated_at_first(&self) -> bool {
        self.activated
    }
}

/// Whether a release stands between `from` (inclusive) and `until` (exclusive); an empty text is no bound.
pub fn within(release: &Release, from: &str, until: &str) -> bool {
    let number = version(release.name);
    (from.is_empty() || number >= version(from)) && (until.is_empty() || number < version(until))
}

/// `10.5` as (10, 5); `15` as (15, 0).
fn version(name: &str) -> (u32, u32) {
    let (major, minor) = name.split_once('.').unwrap_or((name, "0"));
    (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default())
}

/// The services of a node of a release, in the order of `utils service list`.
pub fn of_node(release: &Release, publisher: bool) -> impl Iterator<Item = &'static Service> {
    CATALOGUE.iter().filter(move |service| service.is_in(release) && (publisher || !service.publisher_only))
}

/// What may stand behind the name of a service: *Cisco Certificate Change Notification Service*
/// [sources/shell#services].
const SUFFIX: &str = " service";

/// The service with a name, with *Service* behind it, or with one of the short names CAPF, TVS, TFTP and CallManager; case does not
/// matter, as in the shell.
///
/// # Errors
/// [`Refusal::BadInput`]: the release has none of this name.
pub fn named(release: &Release, name: &str) -> Result<&'static Service, Refusal> {
    let found = of_any_release(name).ok_or_else(|| {
        Refusal::BadInput(format!("no service {name}; `utils service list` names those that are there"))
    })?;
    if found.is_in(release) {
        return Ok(found);
    }
    let text = format!("{} is not part of release {}", found.name, release.name);
    let why = if found.name == CTL_PROVIDER {
        ": it went with 14SU3, and CTLs are signed without tokens since. `utils ctl set-cluster mixed-mode` makes one"
    } else {
        ""
    };
    Err(Refusal::refused("service-not-in-release", text + why))
}

/// The right spelling of a name; the name itself when there is none.
pub fn spelled(name: &str) -> &str {
    of_any_release(name).map_or(name, |service| service.name)
}

fn of_any_release(name: &str) -> Option<&'static Service> {
    let short = SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(name));
    let full = short.map_or(name, |(_, full)| full);
    let called = |name: &str| CATALOGUE.iter().find(|service| service.name.eq_ignore_ascii_case(name));
    let behind = full.len().checked_sub(SUFFIX.len()).and_then(|at| full.split_at_checked(at));
    let shorter = behind.filter(|(_, end)| end.eq_ignore_ascii_case(SUFFIX)).map(|(name, _)| name);
    called(full).or_else(|| called(shorter?))
}

/// The services of a node in the order of `utils service list`, with what the release says of each. One without a row, because the
/// cluster is older than its entry in the catalogue, is as on a new node.
pub fn rows_of(release: &Release, node: &NodeRow, rows: &[ServiceRow]) -> Vec<(&'static Service, ServiceRow)> {
    let row = |service: &'static Service| {
        let row = rows.iter().find(|row| row.node == node.pkid && row.name == service.name).cloned();
        let fresh = || ServiceRow {
            node: node.pkid.clone(),
            name: service.name.to_owned(),
            started: service.activated_at_first(),
            activated: service.activated_at_first(),
            started_at: 0,
        };
        (service, row.unwrap_or_else(fresh))
    };
    of_node(release, node.publisher).map(row).collect()
}

/// All names of all releases, for completion.
pub fn names() -> impl Iterator<Item = &'static str> {
    CATALOGUE.iter().map(|service| service.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::releases::release;

    #[test]
    fn by_release_and_node() {
        let (old, new) = (release("10.5").unwrap(), release("15").unwrap());
        let has = |release, publisher, name: &str| of_node(release, publisher).any(|service| service.name == name);
        assert!(has(old, true, "Cisco CTL Provider") && !has(new, true, "Cisco CTL Provider"));
        assert!(!has(old, true, HA_PROXY) && has(new, false, HA_PROXY));
        assert!(has(new, true, CAPF) && !has(new, false, CAPF));
        assert_eq!(named(old, "capf").unwrap().name, CAPF);
        let with = ["Cisco Certificate Change Notification Service", "cisco certificate change notification SERVICE"];
        assert!(with.iter().all(|name| named(old, name).unwrap().name == CHANGE_NOTIFICATION));
        assert_eq!(named(old, TVS).unwrap().name, TVS);
        assert!(
            [" Service", "Service", "é Service", "CAPF Service Service"].iter().all(|name| named(old, name).is_err())
        );
        let notification = named(old, CHANGE_NOTIFICATION).unwrap();
        assert_eq!((notification.run_on(true), notification.run_on(false)), (Run::Here, Run::Elsewhere));
        assert!(named(new, "Cisco CTL Provider").is_err());
    }

    #[test]
    fn in_the_order_of_the_alphabet_without_doubles() {
        let mut sorted: Vec<&str> = names().collect();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted, names().collect::<Vec<&str>>());
    }
}
