//! `set network ip`, `hostname` and `domain`.

use std::fmt::Write;

use cluster::Surroundings;
use cluster::network::{NetworkChange, NetworkDone, NetworkPlan, OldName, Wait};
use cluster::rows::NodeRow;
use cluster::units::Unit;
use ringfence_core::CoreError;

use crate::question::Question;
use crate::session::{Reply, Session};

/// Names of phones in a preview at most; the rest is a number.
const NAMED: usize = 10;

/// What becomes of a domain that is called so.
const NONE: &str = "none";

impl Session {
    pub(crate) async fn ask_to_set_address(&mut self, text: &str, now: i64) -> Result<Reply, CoreError> {
        let address = text.parse().map_err(|_| {
            CoreError::BadInput(format!("`{}` is not an IPv4 address such as 10.48.47.160", text.escape_debug()))
        })?;
        self.ask_to_set_network(NetworkChange::Address(address), now).await
    }

    pub(crate) async fn ask_to_set_domain(&mut self, text: &str, now: i64) -> Result<Reply, CoreError> {
        let domain = if text.eq_ignore_ascii_case(NONE) { String::new() } else { text.to_owned() };
        self.ask_to_set_network(NetworkChange::Domain(domain), now).await
    }

    pub(crate) async fn ask_to_set_network(&mut self, change: NetworkChange, now: i64) -> Result<Reply, CoreError> {
        let plan = self.cluster.plan_network(&self.node, &change, now).await?;
        Ok(self.ask(Question::SetNetwork(change)).above(&preview(&plan)))
    }

    pub(crate) async fn set_network(
        &mut self,
        change: &NetworkChange,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let plan = self.cluster.plan_network(&self.node, change, surroundings.now()).await?;
        let done = self.cluster.set_network(&self.actor, &self.node, change, surroundings).await?;
        self.node = done.node.clone();
        Ok(Reply::done(answer(&plan, &done, change)))
    }
}

fn full_name(node: &NodeRow) -> String {
    if node.domain.is_empty() { node.name.clone() } else { format!("{}.{}", node.name, node.domain) }
}

fn names(units: impl Iterator<Item = Unit>) -> String {
    units.map(Unit::name).collect::<Vec<_>>().join(", ")
}

/// Lines into a text.
struct Lines(String);

impl Lines {
    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        // A text takes everything.
        if self.0.write_fmt(line).is_ok() {
            self.0.push('\n');
        }
    }
}

/// What follows, before anything is done.
fn preview(plan: &NetworkPlan) -> String {
    let mut out = Lines(String::new());
    let (before, after) = (&plan.before, &plan.after);
    if before == after {
        out.add(format_args!("{} has this name already; its certificates still carry another.", full_name(after)));
    } else {
        out.add(format_args!(
            "{} ({}) becomes {} ({}).",
            full_name(before),
            before.address,
            full_name(after),
            after.address
        ));
    }
    let which =
        |fits: &dyn Fn(&OldName) -> bool| names(plan.old_names.iter().filter(|old| fits(old)).map(|old| old.unit));
    let at_once = which(&|old| old.waits.is_none());
    if at_once.is_empty() {
        out.add(format_args!("Certificates: none is renewed{}.", if plan.old_names.is_empty() { "" } else { " now" }));
    } else {
        out.add(format_args!("Certificates renewed now, as the guard allows: {at_once}"));
    }
    for old in &plan.old_names {
        if let Some(Wait::Refused(text)) = &old.waits {
            out.add(format_args!("Not now: {}: {text}", old.unit.name()));
        }
    }
    let later = which(&|old| matches!(old.waits, Some(Wait::After(_))));
    if !later.is_empty() {
        out.add(format_args!("Later, one by one, when the phones have the lists: {later}"));
    }
    let of_cas = which(&|old| old.waits == Some(Wait::OfACa));
    if !of_cas.is_empty() {
        out.add(format_args!("Not touched, because a CA has signed them: {of_cas}"));
    }
    if before != after {
        out.add(format_args!("Lists: the ITL of every node is built anew, signed as before."));
        if plan.mixed {
            out.add(format_args!("The CTL names the old one until `utils ctl update CTLFile`."));
        }
        if before.address != after.address {
            out.add(format_args!("Configs: TVS and CAPF get the new address. DHCP must name it too."));
        }
    }
    if !plan.steps.is_empty() {
        out.add(format_args!("Steps that follow: {}", plan.steps.join("; ")));
    }
    out.add(format_args!(
        "Phones: {} of {} were seen with an ITL that names the current signers: they believe.",
        plan.phones - plan.behind.len(),
        plan.phones
    ));
    if !plan.behind.is_empty() {
        let more = plan.behind.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let named: Vec<&str> = plan.behind.iter().take(NAMED).map(String::as_str).collect();
        out.add(format_args!("Not seen with it, so they may have to ask a TVS: {}{more}", named.join(", ")));
    }
    if plan.alone && (before.address != after.address || !plan.old_names.is_empty()) {
        out.add(format_args!(
            "This is the only node: no other TVS vouches for it. A phone that misses a step\n\
             comes back by `utils itl reset localkey` (ITLRecovery), or `set rollback enable`\n\
             before the change empties its list."
        ));
    }
    out.0
}

/// What was done, and what is next.
fn answer(plan: &NetworkPlan, done: &NetworkDone, change: &NetworkChange) -> String {
    let mut out = Lines(String::new());
    if done.moved {
        out.add(format_args!("{} ({}) it is now.", full_name(&done.node), done.node.address));
    }
    if !done.renewed.is_empty() {
        out.add(format_args!("Renewed: {}", names(done.renewed.iter().copied())));
    }
    for (unit, why) in &done.waiting {
        out.add(format_args!("Not renewed yet: {}: {why}", unit.name()));
    }
    if !done.waiting.is_empty() {
        out.add(format_args!("`set network {}` again goes on.", change.words()));
    }
    if plan.before.address != done.node.address {
        out.add(format_args!(
            "Phones need DHCP option 150 (or 66) with {} and a boot. Start\n\
             `ringfence serve` again with --listen when it listens on {} only.",
            done.node.address, plan.before.address
        ));
    }
    if done.moved && plan.mixed {
        out.add(format_args!("Run `utils ctl update CTLFile`: the CTL still names the old one."));
    }
    out.add(format_args!("`show restarts` lists what is to be done, `show itl status` what phones hold."));
    out.0
}
