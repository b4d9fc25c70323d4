//! What phones hold: whether it is the list of today, whether a renewal waits for them, and how a refusal names those that are behind.

use crate::rows::HeldListRow;
use crate::wording::listed;

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
pub struct Behind {
    /// `4 of 5 phones`.
    pub count: String,
    /// Their names.
    pub names: String,
    /// Empty, or a sentence with a blank in front.
    pub strangers: String,
}

impl Behind {
    /// `None` when there are none.
    pub fn of(all: &[HeldListRow], fails: impl Fn(&HeldListRow) -> bool) -> Option<Self> {
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
