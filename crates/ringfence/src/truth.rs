//! `ringfence truth`: what the ports present, held against what the rows say.

use std::net::{IpAddr, SocketAddr};

use cluster::parameters::{CAPF_PORT, TVS_PORT};
use cluster::rows::NodeRow;
use cluster::services::{CAPF, CTL_PROVIDER, TVS};
use cluster::units::Unit;
use daemon::present::presented;
use daemon::serve::DEFAULT_TVS_PORT;
use daemon::settings::Settings;
use ringfence_core::Cluster;
use ringfence_core::truth::{Finding, Observation, Outcome, Unseen};
use serde_json::{Value, json};

use crate::exit::{Answer, Failure};
use crate::opened::{Data, Opened, could_not};
use crate::terminal;

/// Digits of a SHA-256 that a table shows.
const DIGITS: usize = 16;

/// Connect to each port and compare its certificate with the one on record
///
/// Without --at the ports of this node's services are asked: TVS, on the publisher CAPF and the CTL provider when it is activated.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: ringfence truth --at 10.0.0.5:8443=tomcat --at 10.0.0.5:5061=CallManager\n\nExit codes: 0 all \
                        that run present what is on record, 1 one presents another, 2 could not tell of one."
)]
pub struct Args {
    #[command(flatten)]
    data: Data,
    /// Node to compare with; the publisher without it
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// A port of a call server and the unit whose certificate belongs there (may be repeated)
    #[arg(long, value_name = "HOST:PORT=UNIT")]
    at: Vec<Port>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `HOST:PORT=UNIT`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Port {
    place: String,
    unit: Unit,
    /// The service of the node that listens there.
    service: Option<&'static str>,
}

impl std::str::FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (place, unit) = text.rsplit_once('=').ok_or("give HOST:PORT=UNIT")?;
        let port = place.rsplit_once(':').and_then(|(host, port)| (!host.is_empty()).then_some(port));
        if port.and_then(|port| port.parse::<u16>().ok()).is_none() {
            return Err(format!("`{place}` is not HOST:PORT"));
        }
        let named = Unit::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(unit));
        let unit = named.ok_or_else(|| {
            let names = Unit::ALL.map(Unit::name);
            format!("no unit {unit}; there are {}", names.join(", "))
        })?;
        Ok(Self { place: place.to_owned(), unit, service: None })
    }
}

impl Args {
    /// Asks one after the other: there are a few.
    pub fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let findings = opened.runtime.block_on(found(&opened, self.node.as_deref(), self.at))?;
        if self.json {
            let shown = findings.iter().map(value).collect();
            terminal::print(&terminal::json(&Value::Array(shown)))?;
        } else {
            terminal::print(&table(&findings))?;
        }
        let has = |outcome| findings.iter().any(|finding| finding.outcome() == outcome);
        if has(Outcome::Different) {
            return Ok(Answer::No);
        }
        if has(Outcome::CouldNotTell) {
            return Err(Failure::CouldNotTell("not every port could be compared; see above".to_owned()));
        }
        Ok(Answer::Yes)
    }
}

async fn found(opened: &Opened, node: Option<&str>, at: Vec<Port>) -> Result<Vec<Finding>, Failure> {
    let cluster = &opened.cluster;
    let node = cluster.node(node).await.map_err(could_not)?;
    let ports = if at.is_empty() { served(cluster, &node).await? } else { at };
    let mut observations = Vec::with_capacity(ports.len());
    for Port { place, unit, service } in ports {
        let seen = presented(&place).await;
        observations.push(Observation { node: node.name.clone(), unit, place, service, seen });
    }
    cluster.hold_against_rows(observations).await.map_err(could_not)
}

/// Where the services of a node listen, as settings and parameters say. The settings are those of its `ringfence.toml`.
async fn served(cluster: &Cluster, node: &NodeRow) -> Result<Vec<Port>, Failure> {
    let settings = Settings::read(&cluster.directory(node).settings());
    let settings = settings.map_err(|error| Failure::CouldNotTell(error.to_string()))?;
    let parameters = cluster.parameters().await.map_err(could_not)?;
    let own = node.address.parse().ok();
    let host = match settings.listen.on(node.publisher, own) {
        any if any.is_unspecified() => own.map_or(any, IpAddr::V4),
        one => one,
    };
    let number = |name, fallback: u16| u16::try_from(parameters.number(name, u32::from(fallback))).unwrap_or(fallback);
    let mut all = vec![(Unit::Tvs, TVS, number(TVS_PORT, DEFAULT_TVS_PORT))];
    if node.publisher {
        all.push((Unit::Capf, CAPF, number(CAPF_PORT, wire::capf::PORT)));
        let states = cluster.services_of(node).await.map_err(could_not)?;
        if states.iter().any(|row| row.name == CTL_PROVIDER && row.activated) {
            let last = cluster.ctl_provider_port().await.map_err(could_not)?;
            let port = settings.listen.ctl_provider.filter(|port| *port != 0).or(last);
            let port = port.unwrap_or(wire::ctl_provider::PORT);
            all.push((Unit::Tomcat, CTL_PROVIDER, port));
        }
    }
    let port = |(unit, service, port): (Unit, &'static str, u16)| {
        let place = SocketAddr::new(host, port).to_string();
        Port { place, unit, service: Some(service) }
    };
    Ok(all.into_iter().map(port).collect())
}

fn word(finding: &Finding) -> &'static str {
    match finding.outcome() {
        Outcome::Same => "same",
        Outcome::Different => "different",
        Outcome::Stopped => "stopped",
        Outcome::CouldNotTell => "could not tell",
    }
}

/// Why it is not the same, and what to do.
fn reason(finding: &Finding) -> String {
    let mut words = Vec::new();
    if let (Outcome::Stopped, Some(service)) = (finding.outcome(), finding.observation.service) {
        return format!("utils service start {service}");
    }
    if let Err(reason) = &finding.observation.seen {
        words.push(reason.words().to_owned());
    }
    if finding.stored.is_none() {
        words.push(format!("{} has no certificate of {}", finding.observation.node, finding.observation.unit.name()));
    }
    if finding.outcome() == Outcome::Different {
        let known = finding.presented_as.as_ref();
        words.push(known.map_or_else(|| "it is not on record".to_owned(), |name| format!("it is on record as {name}")));
        let pending = if finding.pending.is_empty() {
            "restart what listens there".to_owned()
        } else {
            format!("pending: {}", finding.pending.join("; "))
        };
        words.push(pending);
    }
    words.join("; ")
}

fn value(finding: &Finding) -> Value {
    let seen = finding.observation.seen.as_ref();
    json!({
        "node": finding.observation.node,
        "unit": finding.observation.unit.name(),
        "at": finding.observation.place,
        "outcome": word(finding),
        "on_record": finding.stored,
        "presented": seen.ok().map(|seen| pki::hash::hex(seen)),
        "presented_as": finding.presented_as,
        "reason": seen.err().map(Unseen::words),
        "service": finding.observation.service,
        "pending": finding.pending,
    })
}

fn table(findings: &[Finding]) -> String {
    let row = |finding: &Finding| {
        let short = |digits: &str| digits.get(..DIGITS).unwrap_or_default().to_owned();
        let seen = finding.observation.seen.as_ref().ok().map(|seen| pki::hash::hex(seen));
        let row = [
            finding.observation.place.clone(),
            format!("{} of {}", finding.observation.unit.name(), finding.observation.node),
            finding.stored.as_deref().map(short).unwrap_or_default(),
            seen.as_deref().map(short).unwrap_or_default(),
            word(finding).to_owned(),
            reason(finding),
        ];
        row.map(|text| terminal::one_line(&text)).to_vec()
    };
    let rows: Vec<Vec<String>> = findings.iter().map(row).collect();
    terminal::table(&["PORT", "UNIT", "ON RECORD", "PRESENTED", "OUTCOME", "WHAT TO DO"], &rows)
}
