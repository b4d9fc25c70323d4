//! `ringfence config show`: what is in force, and where it comes from.

use cluster::parameters::{CAPF_PORT, TVS_PORT};
use cluster::rows::NodeRow;
use daemon::settings::{Settings, shown};
use ringfence_core::{CoreError, regular};

use crate::exit::{Answer, Failure};
use crate::opened::{Data, Opened, could_not};
use crate::terminal;

/// Show what is in force on a node, and where it comes from
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Show(Show),
}

impl Args {
    /// Runs the subcommand.
    pub fn run(self) -> Result<Answer, Failure> {
        let Command::Show(show) = self.command;
        show.run()
    }
}

/// Show every setting with its value and where that comes from
///
/// What the cluster is stands in the database and is changed by the command that is named. The rest are the settings of the process that
/// serves the node; while none runs, those that the next start would read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: ringfence config show --node sub1")]
pub struct Show {
    #[command(flatten)]
    data: Data,
    /// Node; the publisher without it
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
}

impl Show {
    fn run(self) -> Result<Answer, Failure> {
        let opened = self.data.open()?;
        let node = opened.runtime.block_on(opened.cluster.node(self.node.as_deref())).map_err(could_not)?;
        let mut text = opened.runtime.block_on(cluster(&opened, &node)).map_err(could_not)?;
        text.push_str(&settings(&opened, &node)?);
        terminal::print(&text)?;
        Ok(Answer::Yes)
    }
}

/// What stands in the database, with the command that changes it.
async fn cluster(opened: &Opened, node: &NodeRow) -> Result<String, CoreError> {
    let parameters = opened.cluster.parameters().await?;
    let parts = opened.cluster.subject_parts(node).await?;
    let ctl_provider = opened.cluster.ctl_provider_port().await?.map(|port| port.to_string());
    let mut rows = vec![
        ("release", opened.cluster.release().name, "utils system switch-version"),
        ("host name", &node.name, "set network hostname"),
        ("domain", &node.domain, "set network domain"),
        ("address", &node.address, "set network ip"),
        ("country (C)", &parts.country, "set web-security"),
        ("organization (O)", &parts.organization, "set web-security"),
        ("unit (OU)", &parts.unit, "set web-security"),
        ("state (ST)", &parts.state, "set web-security"),
        ("locality (L)", &parts.locality, "set web-security"),
        (TVS_PORT, parameters.get(TVS_PORT), "set parameter TVSPort"),
        (CAPF_PORT, parameters.get(CAPF_PORT), "set parameter CAPFPhonePort"),
    ];
    if let Some(port) = ctl_provider.as_ref().filter(|_| node.publisher) {
        rows.push(("CTL provider port", port, "[listen] ctl_provider"));
    }
    let mut out =
        terminal::screen(&format!("{} of the cluster in {}\n", node.name, opened.cluster.data().root().display()));
    out.push('\n');
    out.push_str("In the database, changed by the command of `ringfence admin` behind it:\n");
    for (name, value, command) in rows {
        let value = if value.is_empty() { "none" } else { value };
        out.push_str(&shown::line(name, value, command));
    }
    Ok(out)
}

/// The settings of the process that runs, or of the next one.
fn settings(opened: &Opened, node: &NodeRow) -> Result<String, Failure> {
    let directory = opened.cluster.directory(node);
    let path = directory.settings();
    let served = directory.served().map_err(|error| could_not(error.into()))?.is_some();
    let started = served.then(|| regular::read(&directory.started_with()).ok()).flatten();
    if let Some(text) = started.and_then(|bytes| String::from_utf8(bytes).ok()) {
        let about = format!("Of the process that serves it, from {} and the options of its start:\n", path.display());
        return Ok(format!("\n{}{text}", terminal::screen(&about)));
    }
    let file = Settings::read(&path).map_err(|error| Failure::CouldNotTell(error.to_string()))?;
    let text = opened.runtime.block_on(shown::text(&opened.cluster, node, &file, &file)).map_err(could_not)?;
    let about = format!("No process serves it; the next start reads {} and finds without options:\n", path.display());
    Ok(format!("\n{}{text}", terminal::screen(&about)))
}
