//! When a certificate may be renewed: rules that keep phones from losing all they could check a change with
//! [sources/shell#guard], [sources/trust-lists#acceptance].
//!
//! * The wait of the original: five minutes between CallManager and TVS.
//! * Evidence, which the original lacks: the phones have fetched a list that tells of the first change. Those that nobody added
//!   count for [`STRANGERS_FOR`](crate::held::STRANGERS_FOR) after they were last seen.
//! * Phones without a config of their own, which may not take TVS from `XMLDefault.cnf.xml`, are not left behind by a new signer of
//!   the ITL.
//! * The same after a rollback: they have fetched an ITL again.
//! * In mixed mode: the phones have fetched the CTL with the other signer's new certificate before this one changes.
//! * A clock that went back makes no certificates.
//! * No row that says what phones hold, or who signs, is one that cannot be read.
//!
//! All but the first can be forced with a reason, which the audit entry keeps.

use pki::date::date;
use pki::listing::ListKind;

use crate::anchors;
use crate::held::{Behind, ListStatus, status};
use crate::parameters::{REFUSAL, ROLLBACK_ENDED, SecurityMode};
use crate::readable::KeepsCertificate;
use crate::refusal::check_reason;
use crate::releases::ItlReset;
use crate::rows::{CertificateRow, HeldListRow, NodeRow, OWN};
use crate::units::Unit;
use crate::units::own_key;
use crate::wording::listed;
use crate::{Refusal, State};

/// Two units of which one is what phones check the change of the other with.
struct Pair {
    /// This may not be renewed
    unit: Unit,
    /// within some time after this was,
    after: Unit,
    /// milliseconds.
    wait: i64,
}

/// The pairs, with the wait of the original. It shows the text for the first; the second is its counterpart
/// [sources/shell#guard]. Both look at the whole cluster, the original at one node only: phones ask the TVS of every
/// node.
const PAIRS: [Pair; 2] = [
    Pair { unit: Unit::Tvs, after: Unit::CallManager, wait: 5 * 60 * 1000 },
    Pair { unit: Unit::CallManager, after: Unit::Tvs, wait: 5 * 60 * 1000 },
];

/// A clock that is this much behind the last change was set back, milliseconds. Summer time and a correction by NTP are less.
const CLOCK_TOLERANCE: i64 = 24 * 60 * 60 * 1000;

/// Whether a unit may be renewed now; `anyway` is the command that forces it. What was forced, for the audit entry; empty
/// when nothing was.
///
/// # Errors
/// [`Refusal::Refused`] `guard-five-minutes`, and when not forced `clock-behind`, `phones-hold-blank-list`,
/// `phones-hold-old-list`, `phones-without-tvs` and `rows-unreadable`;
/// [`Refusal::BadInput`] for a reason that says nothing.
pub fn check(state: &State, unit: Unit, force: Option<&str>, anyway: &str, now: i64) -> Result<String, Refusal> {
    check_wait(state, unit, now)?;
    let reason = check_reason(force)?;
    let mut against = Vec::new();
    let checks = [
        check_clock(state, now),
        check_rollback_over(state, now),
        check_phones(state, unit, now),
        check_ctl(state, unit, now),
        check_without_tvs(state, unit, now),
        check_readable(state, unit),
    ];
    for check in checks {
        match (check, reason) {
            (Ok(()), _) => {}
            (Err(Refusal::Refused { label, text }), None) => {
                let text = format!("{text}. `{anyway}` does it all the same");
                return Err(Refusal::Refused { label, text });
            }
            (Err(Refusal::Refused { label, .. }), Some(_)) => against.push(label),
            (Err(other), _) => return Err(other),
        }
    }
    Ok(match reason {
        Some(reason) if !against.is_empty() => format!("; forced against {}: {reason}", against.join(", ")),
        _ => String::new(),
    })
}

/// A certificate made by a clock that is years behind ends years too early, and lists would be older than those before.
fn check_clock(state: &State, now: i64) -> Result<(), Refusal> {
    let last = state.last_change.unwrap_or(i64::MIN);
    if now >= last.saturating_sub(CLOCK_TOLERANCE) {
        return Ok(());
    }
    let text = |at: i64| date(u64::try_from(at / 1000).unwrap_or_default(), &state.zone);
    Err(Refusal::refused(
        "clock-behind",
        format!("The clock says {}, but the last change was made on {}: set the clock first", text(now), text(last)),
    ))
}

/// The phones have a list that tells of the renewal before.
fn check_phones(state: &State, unit: Unit, now: i64) -> Result<(), Refusal> {
    for pair in PAIRS.iter().filter(|pair| pair.unit == unit) {
        check_fetched_since(state, pair.after, now)?;
    }
    Ok(())
}

/// The phones have a list that tells of the last renewal of a unit.
///
/// # Errors
/// [`Refusal::Refused`].
pub fn check_fetched_since(state: &State, unit: Unit, now: i64) -> Result<(), Refusal> {
    let Some(last) = state.last_renewal(unit) else { return Ok(()) };
    let held = state.waited_for(ListKind::Itl, now)?;
    let Some(Behind { count, names, strangers }) = Behind::of(&held, |held| held.renewal < last.seq) else {
        return Ok(());
    };
    let text = format!(
        "{count} have not fetched an ITL file signed after the renewal of {} on {}: {names}. Without it they cannot check the \
         next change. `show itl status` lists them; reset them and wait{strangers}",
        unit.name(),
        last.server_name
    );
    Err(Refusal::refused("phones-hold-old-list", text))
}

/// A new signer of the ITL is known from TVS only, and no source says that phones take TVS from `XMLDefault.cnf.xml`
/// \[inferred\]: those that live by it count as phones without TVS. From 12.0 on they have another way: `utils itl reset
/// localkey` signs with the CallManager certificate, which their ITL names beside ITLRecovery. So of these two the one that they
/// still know stays, until they hold a list with the other.
fn check_without_tvs(state: &State, unit: Unit, now: i64) -> Result<(), Refusal> {
    let release = state.release;
    if release.itl_reset == ItlReset::SignedAgain {
        return check_way_back(state, unit, now);
    }
    if unit != release.itl_signer {
        return Ok(());
    }
    let held = state.waited_for(ListKind::Itl, now)?;
    let Some(Behind { count, names, strangers }) = Behind::of(&held, |held| !held.tvs && held.fetched.is_some()) else {
        return Ok(());
    };
    let text = format!(
        "{count} have no config of their own yet and live by XMLDefault.cnf.xml: {names}. Whether they take TVS from it is not \
         known, and without TVS they refuse every ITL file signed with a new {} certificate. Add them, reset them, and \
         wait until each has fetched its config{strangers}",
        unit.name()
    );
    Err(Refusal::refused("phones-without-tvs", text))
}

/// Phones without TVS hold a list with the signer that was renewed before, or would know neither of the two after this.
fn check_way_back(state: &State, unit: Unit, now: i64) -> Result<(), Refusal> {
    let other = match unit {
        Unit::ItlRecovery => Unit::CallManager,
        Unit::CallManager => Unit::ItlRecovery,
        _ => return Ok(()),
    };
    let Some(last) = state.last_renewal(other) else { return Ok(()) };
    let held = state.waited_for(ListKind::Itl, now)?;
    let unsettled = |held: &HeldListRow| !held.tvs && held.fetched.is_some() && held.renewal < last.seq;
    let Some(Behind { count, names, strangers }) = Behind::of(&held, unsettled) else { return Ok(()) };
    let next = match other {
        Unit::ItlRecovery => "`utils itl reset localkey` gives them a list that they can check; reset them and wait",
        _ => "Reset them and wait",
    };
    let text = format!(
        "{count} have no config of their own yet and live by XMLDefault.cnf.xml: {names}. Whether they take TVS from it is not \
         known, and without TVS they know only the {} certificate since {} was renewed on {}. {next}, or add them, and \
         wait until each has fetched its config{strangers}",
        unit.name(),
        other.name(),
        last.server_name
    );
    Err(Refusal::refused("phones-without-tvs", text))
}

/// In mixed mode: of CallManager and ITLRecovery, which both sign, the phones have the CTL with the one that changed first.
/// That the CTL names it is what [`crate::anchors`] looks at.
fn check_ctl(state: &State, unit: Unit, now: i64) -> Result<(), Refusal> {
    let other = match unit {
        Unit::ItlRecovery => Unit::CallManager,
        Unit::CallManager => Unit::ItlRecovery,
        _ => return Ok(()),
    };
    let both_sign = [unit, other].iter().all(|unit| state.release.ctl_sasts.contains(unit));
    if !both_sign || state.parameters.security_mode() == SecurityMode::NonSecure || state.last_renewal(other).is_none()
    {
        return Ok(());
    }
    let held = state.waited_for(ListKind::Ctl, now)?;
    let Some(Behind { count, names, strangers }) = Behind::of(&held, |held| status(held) != ListStatus::Match) else {
        return Ok(());
    };
    let text = format!(
        "{count} have not fetched the CTL file with the new {} certificate: {names}. `show ctl status` lists them; reset \
         them and wait{strangers}",
        other.name()
    );
    Err(Refusal::refused("phones-hold-old-list", text))
}

/// The wait of the original, since whatever put the other certificate in its place. A change that lies in the future says that the
/// clock was set back: the wait is over then, and what the phones hold counts.
fn check_wait(state: &State, unit: Unit, now: i64) -> Result<(), Refusal> {
    for pair in PAIRS.iter().filter(|pair| pair.unit == unit) {
        let last = state.last_renewal(pair.after);
        if last.is_some_and(|last| now.saturating_sub(last.at).saturating_abs() < pair.wait) {
            let text = format!(
                "{} certificate was modified in the last 5 minutes. Please re-try regenerating {} certificate at a later time",
                pair.after.name(),
                unit.name()
            );
            return Err(Refusal::refused("guard-five-minutes", text));
        }
    }
    Ok(())
}

/// Certificates are not renewed while a rollback is prepared: phones that hold a blank ITL believe everybody, the others would miss
/// it.
///
/// # Errors
/// [`Refusal::Refused`].
pub fn check_no_rollback(state: &State) -> Result<(), Refusal> {
    if !state.parameters.rollback() {
        return Ok(());
    }
    let text = "Prepare Cluster for Rollback to pre 8.0 is on; no certificate is renewed until `set rollback disable` and all \
                phones have fetched their ITL file again";
    Err(Refusal::refused(REFUSAL, text))
}

/// Phones that have not fetched an ITL since the rollback was over hold the blank one, or one from before.
///
/// # Errors
/// [`Refusal::Refused`], which may be overruled: a phone that is gone fetches nothing.
pub fn check_rollback_over(state: &State, now: i64) -> Result<(), Refusal> {
    let ended = state.parameters.iter().find(|(name, _)| *name == ROLLBACK_ENDED);
    let Some((_, ended)) = ended else { return Ok(()) };
    let ended: i64 = ended.parse().map_err(Refusal::internal)?;
    let held = state.waited_for(ListKind::Itl, now)?;
    let fails = |held: &HeldListRow| held.fetched.as_ref().is_none_or(|fetched| fetched.fetched_at <= ended);
    let Some(Behind { count, names, strangers }) = Behind::of(&held, fails) else { return Ok(()) };
    let text = format!(
        "{count} have not fetched their ITL file since Prepare Cluster for Rollback to pre 8.0 was turned off: {names}. \
         `show itl status` lists them; reset them and wait{strangers}"
    );
    Err(Refusal::refused("phones-hold-blank-list", text))
}

/// Whether a unit may be renewed although rows cannot be read: only when none of them says what phones hold or who signs. The
/// unit whose own row is the damaged one may, because that is the way out.
fn check_readable(state: &State, unit: Unit) -> Result<(), Refusal> {
    let own = |row: &CertificateRow| row.own.iter().any(|(_, service)| *service == unit.service());
    let others = state.certificates.iter().filter(|row| !row.own.is_empty() && !own(row));
    let others = others.filter_map(|row| row.certificate().err());
    let evidence = state.evidence()?;
    let rows = evidence.rows.iter().filter(|row| row.table != OWN || !row.key.ends_with(&own_key("", unit))).cloned();
    let keys = evidence.keys.iter().filter(|(units, _)| !units.contains(&unit)).map(|(_, key)| key.clone());
    let all: Vec<String> = others.chain(rows).chain(keys).map(|row| row.to_string()).collect();
    if all.is_empty() {
        return Ok(());
    }
    let text = format!("Phones may rely on what cannot be read now. {}", listed(&all));
    Err(Refusal::refused("rows-unreadable", text))
}

/// What must hold before a certificate is renewed or replaced, whatever the reason: no rollback is being prepared, and phones keep an
/// anchor.
///
/// # Errors
/// [`Refusal::Refused`].
pub fn check_renewal(state: &State, node: &NodeRow, unit: Unit) -> Result<(), Refusal> {
    check_no_rollback(state)?;
    anchors::check(state, node, unit)
}
