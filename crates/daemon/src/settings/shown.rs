//! The settings as `ringfence config show` prints them: the value that counts, and who said it.

use cluster::parameters::{CAPF_PORT, TVS_PORT};
use cluster::rows::NodeRow;
use ringfence_core::{Cluster, CoreError};

use super::Settings;

/// Columns of a name and of a value; the longest command behind them ends at 80.
const NAME: usize = 31;
const VALUE: usize = 20;

/// What counts on this node where nobody said anything else, as (section, key, value): the table has only words for it.
async fn of_the_node(
    cluster: &Cluster,
    node: &NodeRow,
    settings: &Settings,
) -> Result<[(&'static str, &'static str, String); 4], CoreError> {
    let parameters = cluster.parameters().await?;
    let free = settings.listen.http == 0;
    let known = if free { cluster.ctl_provider_port().await? } else { Some(wire::ctl_provider::PORT) };
    Ok([
        ("listen", "address", settings.listen.on(node.publisher, node.address.parse().ok()).to_string()),
        ("listen", "tvs", parameters.get(TVS_PORT).to_owned()),
        ("listen", "capf", parameters.get(CAPF_PORT).to_owned()),
        ("listen", "ctl_provider", known.map_or_else(|| "a free one".to_owned(), |port| port.to_string())),
    ])
}

/// The settings of a process that runs, or of the next one: each with its value and where that comes from, in 80 columns.
///
/// # Errors
/// [`CoreError`].
pub async fn text(
    cluster: &Cluster,
    node: &NodeRow,
    settings: &Settings,
    file: &Settings,
) -> Result<String, CoreError> {
    let known = of_the_node(cluster, node, settings).await?;
    let lines = settings.sources(file).into_iter().map(|(setting, value, source)| {
        let known = known.iter().find(|(section, key, _)| (*section, *key) == (setting.section, setting.key));
        let value = match known {
            Some((_, _, counts)) if value == setting.default => counts.clone(),
            _ => value,
        };
        line(&format!("[{}] {}", setting.section, setting.key), &value, source.word())
    });
    Ok(lines.collect())
}

/// A name, its value and what is to be said of it; a long value has the rest on a line below.
#[must_use]
pub fn line(name: &str, value: &str, source: &str) -> String {
    if value.chars().count() <= VALUE {
        format!("{name:<NAME$} {value:<VALUE$} {source}\n")
    } else {
        format!("{name:<NAME$} {value}\n{:<NAME$} {:<VALUE$} {source}\n", "", "")
    }
}
