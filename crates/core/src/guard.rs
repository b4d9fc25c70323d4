//! When a certificate may be renewed: rules that keep phones from losing all they could check a change with
//! [sources/shell#guard], [sources/trust-lists#acceptance].
//!
//! * The wait of the original: five minutes between CallManager and TVS.
//! * Evidence, which the original lacks: the phones have fetched a list that tells of the first change. Those that nobody added
//!   count for [`STRANGERS_FOR`] after they were last seen.
//! * Phones without a config of their own, which may not take TVS from `XMLDefault.cnf.xml`, are not left behind by a new signer of
//!   the ITL.
//! * The same after a rollback: they have fetched an ITL again.
//! * In mixed mode: the phones have fetched the CTL with the other signer's new certificate before this one changes.
//! * A clock that went back makes no certificates.
//! * No row that says what phones hold, or who signs, is one that cannot be read.
//!
//! All but the first can be forced with a reason, which the audit entry keeps.

use cluster::refusal::check_reason;
use cluster::rows::HeldListRow;
use pki::date::date;
use pki::listing::ListKind;

use crate::CoreError;
use crate::cluster::Cluster;
use cluster::parameters::SecurityMode;
use cluster::releases::ItlReset;
use cluster::units::Unit;
use cluster::wording::listed;

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

/// How long a phone that nobody added is waited for after it was last seen, milliseconds: whoever reaches the port can make up
/// names, and a phone that is gone cannot say so.
pub const STRANGERS_FOR: i64 = 30 * 24 * 60 * 60 * 1000;

/// What `show itl status` says about a phone; the words of the filter *ITL File Status* [sources/releases#rebuilds].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListStatus {
    /// The list that a node gives out now.
    Match,
    /// Another one.
    MisMatch,
    /// It was never seen to fetch one.
    NotInstalled,
}

impl ListStatus {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Match => "Match",
            Self::MisMatch => "MisMatch",
            Self::NotInstalled => "Not Installed",
        }
    }
}

/// Whether a phone holds the list of today.
pub fn status(held: &HeldListRow) -> ListStatus {
    match (&held.fetched, held.current) {
        (None, _) => ListStatus::NotInstalled,
        (Some(_), true) => ListStatus::Match,
        (Some(_), false) => ListStatus::MisMatch,
    }
}

/// Whether a renewal waits for this phone: for devices always, for those that nobody added [`STRANGERS_FOR`] after they were seen.
pub fn is_waited_for(held: &HeldListRow, now: i64) -> bool {
    held.known || held.fetched.as_ref().is_some_and(|fetched| now.saturating_sub(fetched.fetched_at) < STRANGERS_FOR)
}

/// The phones of a check that fail it, in words: `4 of 5 phones`, their names, and what to do about those that nobody added.
pub(crate) struct Behind {
    pub(crate) count: String,
    pub(crate) names: String,
    /// Empty, or a sentence with a blank in front.
    pub(crate) strangers: String,
}

impl Behind {
    /// `None` when there are none.
    pub(crate) fn of(all: &[HeldListRow], fails: impl Fn(&HeldListRow) -> bool) -> Option<Self> {
        let behind: Vec<&HeldListRow> = all.iter().filter(|held| fails(held)).collect();
        if behind.is_empty() {
            return None;
        }
        let names = |rows: &mut dyn Iterator<Item = &&HeldListRow>| {
            listed(&rows.map(|held| held.device.clone()).collect::<Vec<String>>())
        };
        let strangers = behind.iter().filter(|held| !held.known).count();
        let strangers = match strangers {
            0 => String::new(),
            count => format!(
                ". {count} of them nobody added ({}): `ringfence device add` makes them phones of the cluster, `ringfence device \
                 forget NAME` (or `all`) says that they are none",
                names(&mut behind.iter().filter(|held| !held.known))
            ),
        };
        let count = format!("{} of {} phones", behind.len(), all.len());
        Some(Self { count, names: names(&mut behind.iter()), strangers })
    }
}

impl Cluster {
    /// All devices by name with the list of a kind that each fetched last, then the phones that nobody added.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn held_lists(&self, kind: ListKind) -> Result<Vec<HeldListRow>, CoreError> {
        Ok(self.store().held_lists(kind.word()).await?)
    }

    /// The phones that a renewal waits for.
    pub(crate) async fn waited_for(&self, kind: ListKind, now: i64) -> Result<Vec<HeldListRow>, CoreError> {
        let mut held = self.held_lists(kind).await?;
        held.retain(|held| is_waited_for(held, now));
        Ok(held)
    }

    /// Whether a unit may be renewed now; `anyway` is the command that forces it. What was forced, for the audit entry; empty
    /// when nothing was.
    ///
    /// # Errors
    /// [`CoreError::Refused`] `guard-five-minutes`, and when not forced `clock-behind`, `phones-hold-blank-list`,
    /// `phones-hold-old-list`, `phones-without-tvs` and `rows-unreadable`;
    /// [`CoreError::BadInput`] for a reason that says nothing.
    pub(crate) async fn check_guard(
        &self,
        unit: Unit,
        force: Option<&str>,
        anyway: &str,
        now: i64,
    ) -> Result<String, CoreError> {
        self.check_wait(unit, now).await?;
        let reason = check_reason(force)?;
        let mut against = Vec::new();
        let checks = [
            self.check_clock(now).await,
            self.check_rollback_over(now).await,
            self.check_phones(unit, now).await,
            self.check_ctl(unit, now).await,
            self.check_without_tvs(unit, now).await,
            self.check_readable(unit).await,
        ];
        for check in checks {
            match (check, reason) {
                (Ok(()), _) => {}
                (Err(CoreError::Refused { label, text }), None) => {
                    let text = format!("{text}. `{anyway}` does it all the same");
                    return Err(CoreError::Refused { label, text });
                }
                (Err(CoreError::Refused { label, .. }), Some(_)) => against.push(label),
                (Err(other), _) => return Err(other),
            }
        }
        Ok(match reason {
            Some(reason) if !against.is_empty() => format!("; forced against {}: {reason}", against.join(", ")),
            _ => String::new(),
        })
    }

    /// A certificate made by a clock that is years behind ends years too early, and lists would be older than those before.
    async fn check_clock(&self, now: i64) -> Result<(), CoreError> {
        let last = self.store().audit(1).await?.last().map_or(i64::MIN, |entry| entry.at);
        if now >= last.saturating_sub(CLOCK_TOLERANCE) {
            return Ok(());
        }
        let text = |at: i64| date(u64::try_from(at / 1000).unwrap_or_default(), self.zone());
        Err(CoreError::refused(
            "clock-behind",
            format!(
                "The clock says {}, but the last change was made on {}: set the clock first",
                text(now),
                text(last)
            ),
        ))
    }

    /// The phones have a list that tells of the renewal before.
    async fn check_phones(&self, unit: Unit, now: i64) -> Result<(), CoreError> {
        for pair in PAIRS.iter().filter(|pair| pair.unit == unit) {
            self.check_fetched_since(pair.after, now).await?;
        }
        Ok(())
    }

    /// The phones have a list that tells of the last renewal of a unit.
    ///
    /// # Errors
    /// [`CoreError::Refused`].
    pub(crate) async fn check_fetched_since(&self, unit: Unit, now: i64) -> Result<(), CoreError> {
        let Some(last) = self.store().last_renewal(unit.service()).await? else { return Ok(()) };
        let held = self.waited_for(ListKind::Itl, now).await?;
        let Some(Behind { count, names, strangers }) = Behind::of(&held, |held| held.renewal < last.seq) else {
            return Ok(());
        };
        let text = format!(
            "{count} have not fetched an ITL file signed after the renewal of {} on {}: {names}. Without it they cannot check the \
             next change. `show itl status` lists them; reset them and wait{strangers}",
            unit.name(),
            last.server_name
        );
        Err(CoreError::refused("phones-hold-old-list", text))
    }

    /// A new signer of the ITL is known from TVS only, and no source says that phones take TVS from `XMLDefault.cnf.xml`
    /// \[inferred\]: those that live by it count as phones without TVS. From 12.0 on they have another way: `utils itl reset
    /// localkey` signs with the CallManager certificate, which their ITL names beside ITLRecovery. So of these two the one that they
    /// still know stays, until they hold a list with the other.
    async fn check_without_tvs(&self, unit: Unit, now: i64) -> Result<(), CoreError> {
        let release = self.release();
        if release.itl_reset == ItlReset::SignedAgain {
            return self.check_way_back(unit, now).await;
        }
        if unit != release.itl_signer {
            return Ok(());
        }
        let held = self.waited_for(ListKind::Itl, now).await?;
        let Some(Behind { count, names, strangers }) = Behind::of(&held, |held| !held.tvs && held.fetched.is_some())
        else {
            return Ok(());
        };
        let text = format!(
            "{count} have no config of their own yet and live by XMLDefault.cnf.xml: {names}. Whether they take TVS from it is not \
             known, and without TVS they refuse every ITL file signed with a new {} certificate. Add them, reset them, and \
             wait until each has fetched its config{strangers}",
            unit.name()
        );
        Err(CoreError::refused("phones-without-tvs", text))
    }

    /// Phones without TVS hold a list with the signer that was renewed before, or would know neither of the two after this.
    async fn check_way_back(&self, unit: Unit, now: i64) -> Result<(), CoreError> {
        let other = match unit {
            Unit::ItlRecovery => Unit::CallManager,
            Unit::CallManager => Unit::ItlRecovery,
            _ => return Ok(()),
        };
        let Some(last) = self.store().last_renewal(other.service()).await? else { return Ok(()) };
        let held = self.waited_for(ListKind::Itl, now).await?;
        let unsettled = |held: &HeldListRow| !held.tvs && held.fetched.is_some() && held.renewal < last.seq;
        let Some(Behind { count, names, strangers }) = Behind::of(&held, unsettled) else { return Ok(()) };
        let next = match other {
            Unit::ItlRecovery => {
                "`utils itl reset localkey` gives them a list that they can check; reset them and wait"
            }
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
        Err(CoreError::refused("phones-without-tvs", text))
    }

    /// In mixed mode: of CallManager and ITLRecovery, which both sign, the phones have the CTL with the one that changed first.
    /// That the CTL names it is what [`crate::anchors`] looks at.
    async fn check_ctl(&self, unit: Unit, now: i64) -> Result<(), CoreError> {
        let other = match unit {
            Unit::ItlRecovery => Unit::CallManager,
            Unit::CallManager => Unit::ItlRecovery,
            _ => return Ok(()),
        };
        let both_sign = [unit, other].iter().all(|unit| self.release().ctl_sasts.contains(unit));
        if !both_sign
            || self.parameters().await?.security_mode() == SecurityMode::NonSecure
            || self.store().last_renewal(other.service()).await?.is_none()
        {
            return Ok(());
        }
        let held = self.waited_for(ListKind::Ctl, now).await?;
        let Some(Behind { count, names, strangers }) = Behind::of(&held, |held| status(held) != ListStatus::Match)
        else {
            return Ok(());
        };
        let text = format!(
            "{count} have not fetched the CTL file with the new {} certificate: {names}. `show ctl status` lists them; reset \
             them and wait{strangers}",
            other.name()
        );
        Err(CoreError::refused("phones-hold-old-list", text))
    }

    /// The wait of the original, since whatever put the other certificate in its place. A change that lies in the future says that the
    /// clock was set back: the wait is over then, and what the phones hold counts.
    async fn check_wait(&self, unit: Unit, now: i64) -> Result<(), CoreError> {
        for pair in PAIRS.iter().filter(|pair| pair.unit == unit) {
            let last = self.store().last_renewal(pair.after.service()).await?;
            if last.is_some_and(|last| now.saturating_sub(last.at).saturating_abs() < pair.wait) {
                let text = format!(
                    "{} certificate was modified in the last 5 minutes. Please re-try regenerating {} certificate at a later time",
                    pair.after.name(),
                    unit.name()
                );
                return Err(CoreError::refused("guard-five-minutes", text));
            }
        }
        Ok(())
    }
}
