//! Which restarts a change of a certificate needs, by release: a table with its source; and which of them are still to be done
//! [sources/releases#restarts].

use crate::draft::Draft;
use crate::operation::{Context, Decided, Kind, Lists, Made, Operation};
use crate::parameters::SecurityMode;
use crate::releases::Release;
use crate::rows::{NodeRow, ServiceRow};
use crate::services::{
    self, AXL_TOMCAT, CALL_MANAGER, CAPF, CTI_MANAGER, DRF_LOCAL, DRF_MASTER, EXTENSION_MOBILITY, HA_PROXY, ILS, LBM,
    Run, TFTP, TOMCAT, TVS, UDS_TOMCAT, within,
};
use crate::write::Write;
use crate::{Refusal, State};

/// The cause of a new CTL. Those that are not said here are names of units.
pub const CTL: &str = "CTL";

/// The cause of a CTL that the other SAST signed, until phones have it.
pub const CTL_RESET: &str = "CTL reset";

/// The cause of an ITL that the other anchor signed, until phones have it.
pub const ITL_RESET: &str = "ITL reset";

/// The step that brings a CTL up to date; it is done when the SAST that signs always has signed one.
pub const UPDATE_CTL: &str = "utils ctl update CTLFile";

/// The steps that bring phones a new ITLRecovery certificate, signed by what they hold already.
pub const RESET_CTL: &str = "utils ctl reset localkey";
pub const RESET_ITL: &str = "utils itl reset localkey";

/// The cause of another address, host name or domain of a node.
pub const NETWORK: &str = "network";

const RESET_PHONES: &str = "reset the phones";
const NEW_LSCS: &str = "issue the LSCs again";

/// What the steps that are no restart of a service and no command of ours are called in `utils service mark-done`: nobody types a
/// sentence.
const NAMES: [(&str, &str); 8] = [
    (RESET_PHONES, "reset-phones"),
    (NEW_LSCS, "new-lscs"),
    (IPSEC, "ipsec"),
    (SAML, "saml-sso"),
    (HA_PROXY_OAUTH, "sip-oauth"),
    (SIP_PROXY, "sip-proxy"),
    (XCP_ROUTER, "xcp-router"),
    (XCP_FEDERATION, "xcp-federation"),
];

const IPSEC: &str = "utils ipsec restart";
const SAML: &str = "SAML SSO: disable, enable, give the new SP metadata to the identity provider";
const HA_PROXY_OAUTH: &str = "with SIP OAuth: restart Cisco HAProxy";
const SIP_PROXY: &str = "restart Cisco SIP Proxy and Cisco Presence Engine";
const XCP_ROUTER: &str = "restart Cisco XCP Router";
const XCP_FEDERATION: &str = "restart Cisco XCP XMPP Federation Connection Manager";

/// Where something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// On the node whose certificate changed.
    ThisNode,
    /// On all nodes.
    EveryNode,
    /// On the publisher.
    Publisher,
}

/// When a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// In mixed mode: there is a CTL.
    Mixed,
    /// Not in mixed mode.
    NonSecure,
}

struct Rule {
    /// Units, or [`CTL`], [`CTL_RESET`] and [`ITL_RESET`].
    causes: &'static [&'static str],
    /// Releases: the first one, and the first one behind the last.
    from: &'static str,
    until: &'static str,
    when: When,
    /// Services and other steps, in order.
    steps: &'static [(&'static str, Scope)],
    source: &'static str,
}

const fn rule(
    causes: &'static [&'static str],
    (from, until): (&'static str, &'static str),
    steps: &'static [(&'static str, Scope)],
    source: &'static str,
) -> Rule {
    Rule { causes, from, until, when: When::Always, steps, source }
}

use Scope::{EveryNode, Publisher, ThisNode};

/// The safe orders of the guides.
const ORDERS: &str = "Cisco's document 217138 on CA-signed certificates and field notice 70613";
const GUIDE: &str = "Cisco's administration guide 14";
const REGENERATION: &str = "Cisco's document 200199 on certificate regeneration";
const PROCESS: &str = "Cisco's document 214231 on certificate regeneration";

/// The table [sources/releases#restarts], [sources/releases#safe-orders]. `14` stands for 14 as it came out, `15` for
/// 14SU1 and later.
const RULES: [Rule; 26] = [
    rule(&["tomcat", "tomcat-ECDSA"], ("", ""), &[(TOMCAT, ThisNode)], GUIDE),
    rule(
        &["tomcat"],
        ("14", ""),
        &[(ILS, ThisNode), (LBM, ThisNode), (EXTENSION_MOBILITY, ThisNode), (TFTP, ThisNode), (SAML, Publisher)],
        GUIDE,
    ),
    rule(
        &["tomcat", "tomcat-ECDSA"],
        ("14", ""),
        &[(DRF_LOCAL, ThisNode), (DRF_MASTER, Publisher), (AXL_TOMCAT, ThisNode), (UDS_TOMCAT, ThisNode)],
        GUIDE,
    ),
    rule(&["ipsec"], ("14", ""), &[(IPSEC, ThisNode)], GUIDE),
    rule(&["ipsec"], ("", "14"), &[(DRF_LOCAL, EveryNode), (DRF_MASTER, Publisher)], PROCESS),
    rule(
        &["CallManager"],
        ("14", "15"),
        &[(CALL_MANAGER, ThisNode), (CTI_MANAGER, ThisNode), (HA_PROXY, ThisNode)],
        GUIDE,
    ),
    rule(&["CallManager"], ("15", ""), &[(HA_PROXY, ThisNode)], "Cisco's administration guide 14SU1"),
    rule(
        &["CallManager"],
        ("", "14"),
        &[(TVS, ThisNode), (TFTP, ThisNode), (CALL_MANAGER, ThisNode), (CTI_MANAGER, ThisNode)],
        REGENERATION,
    ),
    Rule {
        causes: &["CallManager"],
        from: "",
        until: "",
        when: When::Mixed,
        steps: &[(UPDATE_CTL, Publisher)],
        source: REGENERATION,
    },
    // Up to 11.5 CallManager signs both lists, so phones take the new ITLRecovery certificate as any other record. From 12.0 on it
    // is what signs, and phones must get it by the other key first [sources/releases#signers],
    // [sources/releases#safe-orders].
    Rule {
        causes: &["ITLRecovery"],
        from: "",
        until: "12.5",
        when: When::Mixed,
        steps: &[(UPDATE_CTL, Publisher)],
        source: REGENERATION,
    },
    Rule {
        causes: &["ITLRecovery"],
        from: "12.5",
        until: "",
        when: When::Mixed,
        steps: &[(RESET_CTL, Publisher), (RESET_PHONES, Publisher), (UPDATE_CTL, Publisher)],
        source: ORDERS,
    },
    Rule {
        causes: &["ITLRecovery"],
        from: "12.5",
        until: "",
        when: When::NonSecure,
        steps: &[(RESET_ITL, Publisher), (RESET_PHONES, Publisher), (TFTP, EveryNode)],
        source: ORDERS,
    },
    Rule {
        causes: &[CTL_RESET],
        from: "",
        until: "",
        when: When::Mixed,
        steps: &[(RESET_PHONES, Publisher), (UPDATE_CTL, Publisher)],
        source: ORDERS,
    },
    rule(&[ITL_RESET], ("", ""), &[(RESET_PHONES, Publisher), (TFTP, ThisNode)], ORDERS),
    rule(&["CallManager-ECDSA"], ("14", ""), &[(CALL_MANAGER, ThisNode), (HA_PROXY, ThisNode)], GUIDE),
    rule(&["CAPF"], ("14", ""), &[(HA_PROXY_OAUTH, Publisher)], GUIDE),
    rule(
        &["CAPF"],
        ("", "14"),
        &[(CAPF, Publisher), (TVS, EveryNode), (TFTP, EveryNode), (NEW_LSCS, Publisher)],
        REGENERATION,
    ),
    Rule {
        causes: &["CAPF"],
        from: "",
        until: "",
        when: When::Mixed,
        steps: &[(UPDATE_CTL, Publisher)],
        source: REGENERATION,
    },
    rule(&["TVS"], ("", "14"), &[(TVS, EveryNode), (TFTP, EveryNode), (RESET_PHONES, Publisher)], REGENERATION),
    // CUCM starts the node again [inferred]; here the servers follow by themselves, and phones read addresses when they boot.
    rule(&[NETWORK], ("", ""), &[(RESET_PHONES, Publisher)], "lists and configs name the address"),
    Rule {
        causes: &[NETWORK],
        from: "",
        until: "",
        when: When::Mixed,
        steps: &[(UPDATE_CTL, Publisher)],
        source: "the CTL names the address",
    },
    rule(&["cup", "cup-ECDSA"], ("", ""), &[(SIP_PROXY, ThisNode)], GUIDE),
    rule(&["cup-xmpp", "cup-xmpp-ECDSA"], ("", ""), &[(XCP_ROUTER, ThisNode)], GUIDE),
    rule(&["cup-xmpp-s2s", "cup-xmpp-s2s-ECDSA"], ("", ""), &[(XCP_FEDERATION, ThisNode)], GUIDE),
    // what `utils ctl` says at its end; between which releases it changed is not known
    rule(&[CTL], ("", "12.5"), &[(TFTP, ThisNode), (CALL_MANAGER, ThisNode)], "the last line of `utils ctl`"),
    rule(&[CTL], ("12.5", ""), &[(CALL_MANAGER, ThisNode), (CTI_MANAGER, ThisNode)], "Cisco's field notice 70613"),
];

/// What is to be done on which nodes, with the source.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Needed {
    step: &'static str,
    scope: Scope,
    source: &'static str,
}

/// What a change of `cause` needs.
fn needed(release: &Release, mode: SecurityMode, cause: &str) -> Vec<Needed> {
    let counts = |rule: &&Rule| {
        rule.causes.contains(&cause)
            && within(release, rule.from, rule.until)
            && match rule.when {
                When::Always => true,
                When::Mixed => mode == SecurityMode::Mixed,
                When::NonSecure => mode == SecurityMode::NonSecure,
            }
    };
    let mut all = Vec::new();
    for rule in RULES.iter().filter(counts) {
        all.extend(rule.steps.iter().map(|(step, scope)| Needed { step, scope: *scope, source: rule.source }));
    }
    all
}

/// The steps that a change of `cause` needs, for people who decide.
pub fn steps(release: &Release, mode: SecurityMode, cause: &str) -> Vec<&'static str> {
    needed(release, mode, cause).into_iter().map(|need| need.step).collect()
}

/// A restart, or another step, that is still to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Name of the node.
    pub node: String,
    /// The service to restart, or the step in words.
    pub step: &'static str,
    /// Who runs the service; `None` for a step that is no restart of a service of the catalogue.
    pub run: Option<Run>,
    /// What changed: units with their nodes, or a list.
    pub causes: Vec<String>,
    /// When the first of them changed, milliseconds since 1970 UTC.
    pub since: i64,
    /// Where it is written, in words.
    pub source: &'static str,
}

impl Pending {
    /// What it is called in `utils service mark-done`; `None` for what is not marked, because doing it here ends it.
    pub fn name(&self) -> Option<&'static str> {
        match self.run {
            Some(Run::Here) => None,
            Some(Run::Elsewhere) => Some(self.step),
            None => NAMES.iter().find(|(step, _)| *step == self.step).map(|(_, name)| *name),
        }
    }

    /// Whether somebody means this step: by its name, or by its words.
    fn is_called(&self, typed: &str) -> bool {
        self.step.eq_ignore_ascii_case(typed) || self.name().is_some_and(|name| name.eq_ignore_ascii_case(typed))
    }
}

/// What is still to be done after changes of certificates, by node.
pub fn pending(state: &State) -> Vec<Pending> {
    let mode = state.parameters.security_mode();
    let nodes = &state.nodes;
    let done = &state.restarts_done;
    let states = &state.services;
    let mut all: Vec<Pending> = Vec::new();
    for cause in &state.restart_causes {
        let Some(changed) = nodes.iter().find(|node| node.pkid == cause.node) else { continue };
        for need in needed(state.release, mode, &cause.what) {
            let concerned = |node: &&NodeRow| match need.scope {
                ThisNode => node.pkid == changed.pkid,
                EveryNode => true,
                Publisher => node.publisher,
            };
            for node in nodes.iter().filter(concerned) {
                let when = done.iter().find(|row| row.node == node.pkid && row.what == need.step);
                if when.is_some_and(|row| row.at >= cause.at) {
                    continue;
                }
                let service = services::of_node(state.release, node.publisher).find(|it| it.name == need.step);
                if let Some(service) = service {
                    // What does not run reads its certificate when it is started; elsewhere nobody here knows.
                    let row = states.iter().find(|row| row.node == node.pkid && row.name == service.name);
                    let elsewhere = service.run_on(node.publisher) == Run::Elsewhere;
                    let runs = |row: &ServiceRow| if elsewhere { row.activated } else { row.started };
                    if !row.map_or_else(|| service.activated_at_first(), runs) {
                        continue;
                    }
                }
                let name = match cause.what.as_str() {
                    of_all @ (CTL | CTL_RESET) => of_all.to_owned(),
                    what => format!("{what} of {}", changed.name),
                };
                match all.iter_mut().find(|pending| pending.node == node.name && pending.step == need.step) {
                    Some(pending) => {
                        if !pending.causes.contains(&name) {
                            pending.causes.push(name);
                        }
                        pending.since = pending.since.min(cause.at);
                    }
                    None => all.push(Pending {
                        node: node.name.clone(),
                        step: need.step,
                        run: service.map(|service| service.run_on(node.publisher)),
                        causes: vec![name],
                        since: cause.at,
                        source: need.source,
                    }),
                }
            }
        }
    }
    let place = |name: &str| nodes.iter().position(|node| node.name == name);
    all.sort_by_key(|pending| place(&pending.node));
    all
}

/// A step by its words, however somebody typed it; as it was typed when there is none.
fn spelled(typed: &str) -> &str {
    let named = NAMES.iter().find(|(step, name)| [step, name].iter().any(|word| word.eq_ignore_ascii_case(typed)));
    named.map_or_else(|| services::spelled(typed), |(step, _)| step)
}

/// `utils service mark-done`: somebody did a step that Ringfence cannot do: a restart on the call server, a reset of phones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkRestartDone {
    /// The step, as somebody types it.
    pub step: String,
}

impl MarkRestartDone {
    fn find(&self, state: &State, node: &NodeRow) -> Result<&'static str, Refusal> {
        let step = self.step.as_str();
        let full = services::named(state.release, step).map_or(step, |service| service.name);
        let all = pending(state);
        let mut mine = all.iter().filter(|pending| pending.node == node.name);
        let found = mine.clone().find(|pending| pending.is_called(full));
        let Some(pending) = found else {
            let names: Vec<&str> = mine.by_ref().map(|pending| pending.name().unwrap_or(pending.step)).collect();
            let there =
                if names.is_empty() { "nothing is".to_owned() } else { format!("pending: {}", names.join("; ")) };
            return Err(Refusal::BadInput(format!(
                "`{}` is not pending on {}; {there}",
                step.escape_debug(),
                node.name
            )));
        };
        if pending.run == Some(Run::Here) {
            let text = format!("{0} runs here: `utils service restart {0}` restarts it", pending.step);
            return Err(Refusal::refused("service-runs-here", text));
        }
        Ok(pending.step)
    }
}

impl Operation for MarkRestartDone {
    type Done = &'static str;
    const KIND: Kind = Kind::MarkRestartDone;

    fn words(&self, at: &NodeRow) -> String {
        format!("utils service mark-done {} on {}", spelled(&self.step), at.name)
    }

    fn decide(
        &self,
        draft: &mut Draft,
        _made: &[Made],
        context: &Context<'_>,
    ) -> Result<Decided<&'static str>, Refusal> {
        let step = self.find(draft.state(), context.at)?;
        draft.write(Write::RestartDone { node: context.at.pkid.clone(), step });
        Ok(Decided { done: step, result: "done elsewhere".to_owned(), lists: Lists::Stay })
    }
}
