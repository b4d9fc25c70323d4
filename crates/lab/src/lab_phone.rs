//! A phone of the lab, with what it held and what it last said of lists.

use phone::Phone;
use pki::hash::{hex, md5};
use pki::listing::ListKind;
use trust::{Belief, Change, Ground, Verdict};

/// What a phone holds at one moment: MD5 of its lists, `none` without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    ctl: String,
    itl: String,
}

impl Held {
    /// What a phone with this belief holds.
    pub fn of(belief: &Belief) -> Self {
        let digest = |kind| belief.list(kind).map_or_else(|| "none".to_owned(), |list| hex(&md5(list.bytes())));
        Self { ctl: digest(ListKind::Ctl), itl: digest(ListKind::Itl) }
    }

    /// The MD5 of a list.
    pub fn get(&self, kind: ListKind) -> &str {
        match kind {
            ListKind::Ctl => &self.ctl,
            ListKind::Itl => &self.itl,
        }
    }
}

/// A phone with what it held before the change that a scenario is about.
pub struct LabPhone {
    /// The phone.
    pub phone: Phone,
    /// What it held before.
    pub before: Held,
    pub(crate) ctl: Option<Verdict>,
    pub(crate) itl: Option<Verdict>,
    pub(crate) booted: bool,
}

impl LabPhone {
    /// A phone that was not switched on yet.
    pub fn new(phone: Phone) -> Self {
        let before = Held::of(phone.belief());
        Self { phone, before, ctl: None, itl: None, booted: false }
    }

    /// Notes what the phone did with a list, unless it was the one that it held anyway.
    pub fn note(&mut self, kind: ListKind, verdict: Verdict) {
        if is_news(&verdict) {
            match kind {
                ListKind::Ctl => self.ctl = Some(verdict),
                ListKind::Itl => self.itl = Some(verdict),
            }
        }
    }

    /// The last verdict on another list than the phone held, since its lists were remembered.
    pub fn last(&self, kind: ListKind) -> Option<&Verdict> {
        match kind {
            ListKind::Ctl => self.ctl.as_ref(),
            ListKind::Itl => self.itl.as_ref(),
        }
    }
}

/// Model and name of a phone.
pub fn title(phone: &Phone) -> String {
    format!("{} {}", phone.settings().model.name, phone.settings().name)
}

/// Whether a verdict says something new about a list: the same file again does not.
fn is_news(verdict: &Verdict) -> bool {
    !matches!(verdict, Verdict::Accepted(accepted)
        if accepted.change == Change::Nothing && accepted.ground == Ground::Unchanged)
}
