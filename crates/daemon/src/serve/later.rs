//! A start that names what the cluster is not: it is told, and never ignored. A value that the cluster never had stops the start with
//! the command that changes it; one that a command has put another in place of is a warning, because a unit file that still says it
//! must not leave phones without TVS after a reboot.

use cluster::nodes::check_country;
use cluster::parameters::RELEASE;
use cluster::parameters::{CAPF_PORT, Parameters, TVS_PORT};
use cluster::parameters::{SUBJECT, UPGRADED_FROM};
use cluster::rows::{FormerSettingRow, NodeRow};
use ringfence_core::{Cluster, CoreError};

use super::error::ServeError;
use super::means_here::{data_option, node_option};
use crate::settings::{ClusterSettings, Settings};

/// One setting as it is and as the start wants it.
struct Wanted<'a> {
    /// As a person would name it.
    name: &'static str,
    /// In the rows of former settings, and the node there.
    former: (&'static str, &'a str),
    /// What the start wants, if it says anything.
    given: Option<String>,
    /// What it is.
    now: String,
    /// What it was made with, where that is kept.
    first: Option<String>,
    /// The row that says what it is cannot be read.
    lost: bool,
    /// The command of the shell that changes it.
    command: String,
}

/// Compares what a start names with the cluster and gives the warnings. What counts is put in place of what only counted once. Ports
/// are compared unless this start `chooses` them: the first that serves does.
///
/// # Errors
/// [`ServeError::Later`].
pub(super) async fn check(
    cluster: &Cluster,
    node: &NodeRow,
    settings: &mut Settings,
    chooses: bool,
) -> Result<Vec<String>, ServeError> {
    let parameters = cluster.parameters().await?;
    let parts = cluster.subject_parts(node).await?;
    let first = cluster.first_subject_parts().await?;
    let former = cluster.store().former_settings().await.map_err(CoreError::from)?;
    let given = &settings.cluster;
    let quoted = |value: &Option<String>, now: &String| value.clone().unwrap_or_else(|| now.clone());
    let subject = format!(
        "set web-security \"{}\" \"{}\" \"{}\" \"{}\" {}",
        quoted(&given.unit, &parts.unit),
        quoted(&given.organization, &parts.organization),
        quoted(&given.locality, &parts.locality),
        quoted(&given.state, &parts.state),
        quoted(&given.country, &parts.country)
    );
    let lost = cluster.lost_settings().await?;
    let subject = |name, place: usize, given: &Option<String>, now: &String, first: &String| Wanted {
        lost: SUBJECT.get(place).is_some_and(|parameter| lost.parameter(parameter)),
        name,
        former: ("", ""),
        given: given.clone(),
        now: now.clone(),
        first: Some(first.clone()),
        command: subject.clone(),
    };
    let port = |name, parameter: &'static str, given: Option<u16>| Wanted {
        lost: lost.parameter(parameter),
        name,
        former: (parameter, ""),
        // With 0 a later start takes the port of the cluster.
        given: given.filter(|port| *port != 0 && !chooses).map(|port| port.to_string()),
        now: parameters.get(parameter).to_owned(),
        first: None,
        command: given.map_or_else(String::new, |port| format!("set parameter {parameter} {port}")),
    };
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    check_forms(given)?;
    let all = [
        Wanted {
            lost: lost.parameter(RELEASE),
            name: "release",
            former: ("release", ""),
            given: given.release.clone(),
            now: cluster.release().name.to_owned(),
            first: None,
            command: format!("utils system switch-version {}", text(&given.release)),
        },
        Wanted {
            lost: lost.node(&node.pkid),
            name: "host name",
            former: ("hostname", &node.pkid),
            given: given.name.clone(),
            now: node.name.clone(),
            first: None,
            command: format!("set network hostname {}", text(&given.name)),
        },
        Wanted {
            lost: lost.node(&node.pkid),
            name: "domain",
            former: ("domain", &node.pkid),
            given: given.domain.clone(),
            now: node.domain.clone(),
            first: None,
            command: match text(&given.domain).as_str() {
                "" => "set network domain none".to_owned(),
                domain => format!("set network domain {domain}"),
            },
        },
        Wanted {
            lost: lost.node(&node.pkid),
            name: "address",
            former: ("address", &node.pkid),
            given: given.address.map(|address| address.to_string()),
            now: node.address.clone(),
            first: None,
            command: format!(
                "set network ip {}",
                given.address.map_or_else(String::new, |address| address.to_string())
            ),
        },
        subject("country", 0, &given.country, &parts.country, &first.country),
        subject("organization", 1, &given.organization, &parts.organization, &first.organization),
        subject("unit (OU)", 2, &given.unit, &parts.unit, &first.unit),
        subject("state", 3, &given.state, &parts.state, &first.state),
        subject("locality", 4, &given.locality, &parts.locality, &first.locality),
        port("TVS port", TVS_PORT, settings.listen.tvs),
        port("CAPF port", CAPF_PORT, settings.listen.capf),
    ];
    let mut warnings = Vec::new();
    for wanted in &all {
        let Some(given) = wanted.given.as_ref().filter(|given| !given.eq_ignore_ascii_case(&wanted.now)) else {
            continue;
        };
        if wanted.lost {
            warnings.push(format!(
                "this start names {} {given}; what the cluster has cannot be read, so nobody can compare: `utils unreadable list` names the row",
                wanted.name
            ));
            continue;
        }
        let (name, now) = (wanted.name, if wanted.now.is_empty() { "none" } else { &wanted.now });
        let had = wanted.first.as_ref() == Some(given)
            || former.iter().any(|row| {
                (row.setting.as_str(), row.node.as_str()) == wanted.former && row.value.eq_ignore_ascii_case(given)
            });
        let shown = if given.is_empty() { "none" } else { given };
        if !had {
            return Err(ServeError::Later(format!(
                "this start wants {name} {shown}, and {} has {now}, which no setting changes: `ringfence admin{}{} -c '{}'` does; leave it \
                 out of options and ringfence.toml to go on with {now}",
                node.name,
                data_option(cluster),
                node_option(node),
                wanted.command
            )));
        }
        warnings.push(format!(
            "this start still names {name} {shown}; a command has made it {now} since, and that counts: take {shown} out of options and \
             ringfence.toml"
        ));
    }
    check_origin(given.upgraded_from.as_deref(), &parameters, &former)?;
    check_subscribers(cluster, settings).await?;
    // A port that is not that of the cluster any more is none to listen on.
    let now = |parameter: &str| parameters.get(parameter).parse::<u16>().ok();
    if !chooses {
        let counts = |port: &u16, name: &str| *port == 0 || Some(*port) == now(name) || lost.parameter(name);
        settings.listen.tvs = settings.listen.tvs.filter(|port| counts(port, TVS_PORT));
        settings.listen.capf = settings.listen.capf.filter(|port| counts(port, CAPF_PORT));
    }
    Ok(warnings)
}

/// What no cluster can be is told as that, and not as what a command makes of this one.
fn check_forms(given: &ClusterSettings) -> Result<(), ServeError> {
    given.check_releases().map_err(|error| ServeError::Later(error.to_string()))?;
    match &given.country {
        Some(country) => check_country(country).map_err(|error| ServeError::Later(error.to_string())),
        None => Ok(()),
    }
}

/// The release that the first certificates are like. A cluster that was switched came from the release that it had before.
fn check_origin(given: Option<&str>, parameters: &Parameters, former: &[FormerSettingRow]) -> Result<(), ServeError> {
    let origin = parameters.get(UPGRADED_FROM);
    let had = |given: &str| {
        let switched = former.iter().any(|row| row.setting == "release" && row.value == given);
        given == origin || switched
    };
    let Some(given) = given.filter(|given| !had(given)) else { return Ok(()) };
    let made =
        if origin.is_empty() { "a new cluster".to_owned() } else { format!("one that was upgraded from {origin}") };
    Err(ServeError::Later(format!(
        "this start wants a cluster that was upgraded from {given}, and the certificates here were made for {made}. This counts at the \
         first start only: leave --upgraded-from (upgraded_from in ringfence.toml) out, and renew a certificate that has the wrong key \
         with `set cert regen UNIT key-length BITS hash NAME`"
    )))
}

/// Subscribers that a start names are nodes already.
async fn check_subscribers(cluster: &Cluster, settings: &Settings) -> Result<(), ServeError> {
    let nodes = cluster.store().nodes().await.map_err(CoreError::from)?;
    let former = cluster.store().former_settings().await.map_err(CoreError::from)?;
    for wanted in &settings.cluster.subscriber {
        let had = |node: &NodeRow, setting: &str, value: &str| {
            former
                .iter()
                .any(|row| row.setting == setting && row.node == node.pkid && row.value.eq_ignore_ascii_case(value))
        };
        let is = |node: &&NodeRow| node.name.eq_ignore_ascii_case(&wanted.name) || had(node, "hostname", &wanted.name);
        let Some(node) = nodes.iter().find(is) else {
            let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
            return Err(ServeError::Later(format!(
                "this start names the subscriber {}, and this cluster has {}: nodes are named at the first start, no command adds one \
                 (docs/limits.md); leave --subscriber out",
                wanted.name,
                names.join(", ")
            )));
        };
        let address = wanted.address.to_string();
        if node.address != address && !had(node, "address", &address) {
            return Err(ServeError::Later(format!(
                "this start wants address {address} for {}, which has {}: `ringfence admin{}{} -c 'set network ip {address}'` changes it",
                node.name,
                node.address,
                data_option(cluster),
                node_option(node)
            )));
        }
    }
    Ok(())
}
