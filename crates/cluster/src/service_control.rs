//! Starting, stopping, activating the services of a node; what `utils service list` shows.
//!
//! What is said of a service is true: without a process that serves the node none of its services runs, and one that Ringfence does
//! not run is neither started nor stopped here.

use crate::draft::Draft;
use crate::operation::{self, Context, Decided, Lists, Made, Operation};
use crate::rows::{NodeRow, ServiceRow};
use crate::services::{self, Kind, Run, Service};
use crate::state::Asks;
use crate::write::Write;
use crate::{Refusal, State};

/// What is done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// `utils service start`. Starting Cisco Tftp builds its ITL, as a restart does.
    Start,
    /// `utils service stop`.
    Stop,
    /// `utils service restart`. Nothing happens to a service that runs elsewhere: somebody restarts it there and says so with
    /// `utils service mark-done`.
    Restart,
    /// `utils service activate`: it is started too.
    Activate,
    /// `utils service deactivate`: it is stopped too.
    Deactivate,
}

/// What a service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// It runs.
    Started,
    /// An administrator stopped it.
    Stopped,
    /// No administrator activated it.
    NotActivated,
    /// It would run, but nobody serves its node.
    NodeNotRunning,
    /// Ringfence has no such process here.
    RunElsewhere,
}

/// A service after somebody acted on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acted {
    /// The service.
    pub service: &'static Service,
    /// What it is doing now.
    pub state: ServiceState,
}

impl Act {
    /// The word of the command, and the result for the audit log.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Start => ("start", "started"),
            Self::Stop => ("stop", "stopped"),
            Self::Restart => ("restart", "restarted"),
            Self::Activate => ("activate", "activated and started"),
            Self::Deactivate => ("deactivate", "stopped and deactivated"),
        }
    }
}

/// What each service of a node is doing, in the order of `utils service list`. `served`: a process serves the node.
pub fn doing(state: &State, node: &NodeRow, served: bool) -> Vec<Acted> {
    let states = services::rows_of(state.release, node, &state.services).into_iter();
    states.map(|(service, row)| Acted { service, state: state_of(service, &row, node, served) }).collect()
}

/// `utils service start|stop|restart|activate|deactivate NAME` on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlService {
    /// The service, as somebody types it.
    pub name: String,
    /// What is done.
    pub act: Act,
}

impl ControlService {
    /// For a service, by its name.
    pub fn new(name: &str, act: Act) -> Self {
        Self { name: name.to_owned(), act }
    }
}

impl Operation for ControlService {
    type Done = Acted;
    const KIND: operation::Kind = operation::Kind::ControlService;

    fn words(&self, _at: &NodeRow) -> String {
        let (word, _) = self.act.words();
        format!("utils service {word} {}", services::spelled(&self.name))
    }

    fn asks(&self) -> Asks {
        Asks { served: true, ..Asks::default() }
    }

    fn decide(&self, draft: &mut Draft, _made: &[Made], context: &Context<'_>) -> Result<Decided<Acted>, Refusal> {
        let Context { at: node, now, .. } = *context;
        let (state, name, act) = (draft.state(), self.name.as_str(), self.act);
        let nothing = |done| Decided { done, result: String::new(), lists: Lists::Stay };
        let service = services::named(state.release, name)?;
        let name = service.name;
        let found =
            services::rows_of(state.release, node, &state.services).into_iter().find(|(here, _)| here.name == name);
        let Some((_, row)) = found else {
            return Err(Refusal::refused("service-not-on-node", format!("{name} runs on the publisher only")));
        };
        let before = (row.started, row.activated);
        let switches = matches!(act, Act::Activate | Act::Deactivate);
        if switches && service.kind == Kind::Network {
            let text = format!("{name} is a network service: it is always activated; start and stop it");
            return Err(Refusal::refused("network-service", text));
        }
        if !switches && !row.activated {
            let text =
                format!("{name} is not activated on {0}; `utils service activate {name}` activates it", node.name);
            return Err(Refusal::refused("service-not-activated", text));
        }
        let served = state.is_served(node)?;
        if !switches {
            match service.run_on(node.publisher) {
                Run::Here if !served => return Err(not_running(state, node)),
                Run::Elsewhere if act == Act::Stop => {
                    let text = format!("{name} is not run by Ringfence: stop it on the call server");
                    return Err(Refusal::refused("service-runs-elsewhere", text));
                }
                Run::Elsewhere => {
                    let acted = Acted { service, state: ServiceState::RunElsewhere };
                    return Ok(nothing(acted));
                }
                Run::Here => {}
            }
        }
        let on = matches!(act, Act::Start | Act::Restart | Act::Activate);
        let activated = if switches { on } else { row.activated };
        let row = ServiceRow { started: on, activated, ..row };
        let acted = Acted { service, state: state_of(service, &row, node, served) };
        if act != Act::Restart && before == (on, activated) {
            return Ok(nothing(acted));
        }
        let started_at = if on { now } else { row.started_at };
        draft.write(Write::Service(ServiceRow { started_at, ..row }));
        if on && service.run_on(node.publisher) == Run::Here {
            draft.write(Write::RestartDone { node: node.pkid.clone(), step: name });
        }
        if on && name == services::TFTP {
            draft.write(Write::ResetEnds { node: node.clone() });
        }
        draft.tell("service", format!("{}/{name}", node.name));
        let (_, result) = act.words();
        let lists = if on && name == services::TFTP { Lists::BuildAgain } else { Lists::Stay };
        Ok(Decided { done: acted, result: result.to_owned(), lists })
    }
}

/// What needs a process that serves the node, and there is none.
fn not_running(state: &State, node: &NodeRow) -> Refusal {
    let other = if node.publisher { String::new() } else { format!(" --node {}", node.name) };
    let data = state.place.display();
    let text = format!("{} is not running: `ringfence serve --data {data}{other}` starts it", node.name);
    Refusal::refused("node-not-running", text)
}

fn state_of(service: &Service, row: &ServiceRow, node: &NodeRow, served: bool) -> ServiceState {
    match (row.activated, service.run_on(node.publisher), served, row.started) {
        (false, ..) => ServiceState::NotActivated,
        (true, Run::Elsewhere, ..) => ServiceState::RunElsewhere,
        (true, Run::Here, false, _) => ServiceState::NodeNotRunning,
        (true, Run::Here, true, false) => ServiceState::Stopped,
        (true, Run::Here, true, true) => ServiceState::Started,
    }
}
