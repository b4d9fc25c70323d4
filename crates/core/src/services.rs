//! The services of a node [cucm-behaviour.md 1.7].

use crate::CoreError;

/// File server.
pub const TFTP: &str = "Cisco Tftp";
/// Call processing.
pub const CALL_MANAGER: &str = "Cisco CallManager";
/// TVS.
pub const TVS: &str = "Cisco Trust Verification Service";
/// CAPF.
pub const CAPF: &str = "Cisco Certificate Authority Proxy Function";

/// The services that this program runs or whose restart it tracks, in the order of `utils service list`, and whether
/// only the publisher has them.
const CATALOGUE: [(&str, bool); 6] = [
    (CALL_MANAGER, false),
    (CAPF, true),
    ("Cisco CTIManager", false),
    (TFTP, false),
    ("Cisco Tomcat", false),
    (TVS, false),
];

/// The services of a new node and whether they are activated: all.
pub(crate) fn of_new_node(publisher: bool) -> impl Iterator<Item = (&'static str, bool)> {
    CATALOGUE.into_iter().filter(move |(_, only)| publisher || !only).map(|(name, _)| (name, true))
}

/// The spelling of a service's name; case does not matter, as in the shell.
///
/// # Errors
/// [`CoreError::BadInput`] with the names that there are.
pub fn named(name: &str) -> Result<&'static str, CoreError> {
    let found = CATALOGUE.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(known, _)| known).ok_or_else(|| {
        let names: Vec<&str> = names().collect();
        CoreError::BadInput(format!("no service {name}; there are {}", names.join(", ")))
    })
}

/// All names, for completion.
pub fn names() -> impl Iterator<Item = &'static str> {
    CATALOGUE.into_iter().map(|(name, _)| name)
}
