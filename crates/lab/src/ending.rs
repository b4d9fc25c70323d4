//! How a scenario ends: a table of the phones, each compared with what the scenario expects of it.
//!
//! Phone, list before, list after, by which certificate it was accepted. Before is what the phone held when the scenario
//! said [`World::remember_lists`](crate::world::World::remember_lists).

use cluster::counted;
use pki::listing::ListKind;
use trust::{Ground, Verdict};
use wire::printable::one_line;

use crate::lab_phone::{Held, LabPhone, title};

/// What a scenario found different from what it says; empty when all went as told.
pub type Differences = Vec<String>;

/// How one phone must end with its CTL or its ITL.
#[derive(Debug, Clone)]
#[allow(dead_code)] // the words that every scenario may end with
pub enum Ending {
    /// It holds the list that is published now, and believed it so.
    Takes(ListKind, By),
    /// It was offered another list, refused it with this label ([`trust::Refusal::label`]), and keeps what it had.
    Keeps(ListKind, &'static str),
    /// It holds what it held before, which is published still.
    Same(ListKind),
}

/// Why a phone believed a list. A signer is given by a part of its subject name that no other signer has.
#[derive(Debug, Clone)]
#[allow(dead_code)] // the words that every scenario may end with
pub enum By {
    /// The first list of all is not checked.
    Faith,
    /// The phone held the blank ITL of a rollback and no CTL.
    BlankItl,
    /// The signer stands in a list that the phone held.
    Listed(ListKind, String),
    /// The signer stands in no list; TVS knew it.
    Tvs(String),
}

impl Ending {
    /// Which list it is about.
    pub const fn list(&self) -> ListKind {
        match self {
            Self::Takes(kind, _) | Self::Keeps(kind, _) | Self::Same(kind) => *kind,
        }
    }

    /// What is different about a phone; `None` when it ended so. `published` is the MD5 of the list that is given out.
    fn difference(&self, lab: &LabPhone, published: &str) -> Option<String> {
        let kind = self.list();
        let (before, after, last) = (lab.before.get(kind), Held::of(lab.phone.belief()), lab.last(kind));
        let after = after.get(kind);
        let who = title(&lab.phone);
        let holds = |wanted: &str, why: &str| {
            (after != wanted).then(|| format!("{who} holds the {} {after}, {why} {wanted}", kind.word()))
        };
        let reason = || last.map_or_else(|| "it was offered no other list".to_owned(), Verdict::reason);
        match self {
            Self::Takes(_, by) => holds(published, "published is").or_else(|| {
                let fits = matches!(last, Some(Verdict::Accepted(accepted)) if by.fits(&accepted.ground));
                (!fits).then(|| format!("{who} should take the {} {by}: {}", kind.word(), reason()))
            }),
            Self::Keeps(_, label) => holds(before, "before it held").or_else(|| {
                let fits = last.is_some_and(|verdict| !verdict.is_accepted() && verdict.label() == *label);
                (!fits).then(|| format!("{who} should refuse the {} as {label}: {}", kind.word(), reason()))
            }),
            Self::Same(_) => holds(before, "before it held").or_else(|| holds(published, "published is")),
        }
    }
}

impl By {
    fn fits(&self, ground: &Ground) -> bool {
        let named = |party: &trust::Party, signer: &str| {
            !signer.is_empty() && party.subject.windows(signer.len()).any(|part| part == signer.as_bytes())
        };
        match (self, ground) {
            (Self::Faith, Ground::LeapOfFaith) | (Self::BlankItl, Ground::BlankItl) => true,
            (Self::Listed(wanted, signer), Ground::Listed { list, party, .. }) => {
                wanted == list && named(party, signer)
            }
            (Self::Tvs(signer), Ground::Tvs { party, .. }) => named(party, signer),
            _ => false,
        }
    }
}

impl std::fmt::Display for By {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Faith => out.write_str("on faith"),
            Self::BlankItl => out.write_str("because its ITL is blank"),
            Self::Listed(list, signer) => write!(out, "by {signer} in its {}", list.word()),
            Self::Tvs(signer) => write!(out, "by {signer}, which TVS knows"),
        }
    }
}

/// The columns of the table.
pub const TITLES: [&str; 4] = ["PHONE", "LIST BEFORE", "LIST AFTER", "ACCEPTED BY"];

/// The rows of the phones with how each must end, and what was different. `published` gives the MD5 of a list that is
/// given out now.
pub fn compare(
    phones: &[LabPhone],
    endings: &[Ending],
    published: impl Fn(ListKind) -> Option<String>,
) -> (Vec<Vec<String>>, Differences) {
    let mut rows = Vec::new();
    let mut differences = Differences::new();
    if phones.len() != endings.len() {
        differences.push(format!("{}, the scenario tells of {}", counted(phones.len(), "phone"), endings.len()));
    }
    for (lab, ending) in phones.iter().zip(endings) {
        let kind = ending.list();
        let short = |held: &Held| {
            let md5 = held.get(kind);
            format!("{} {}", kind.word(), md5.get(..8).unwrap_or(md5))
        };
        let by = match lab.last(kind) {
            Some(verdict) if verdict.is_accepted() => verdict.reason(),
            Some(verdict) => format!("nobody: {}", verdict.reason()),
            None => "the same file as before".to_owned(),
        };
        rows.push(vec![title(&lab.phone), short(&lab.before), short(&Held::of(lab.phone.belief())), one_line(&by)]);
        let published = published(kind).unwrap_or_else(|| "none".to_owned());
        differences.extend(ending.difference(lab, &published));
    }
    (rows, differences)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may stop at the first surprise
    use std::net::{IpAddr, Ipv4Addr};

    use phone::{Phone, PhoneName, PhoneSettings};
    use trust::{Accepted, Change, Model, Refusal};

    use super::*;

    fn phone(last: Verdict) -> LabPhone {
        let model = Model::find("8861").unwrap();
        let name = PhoneName::from_mac(model, 1);
        let phone = Phone::new(PhoneSettings::new(model, name, IpAddr::V4(Ipv4Addr::LOCALHOST))).unwrap();
        let mut lab = LabPhone::new(phone);
        lab.note(ListKind::Ctl, last);
        lab
    }

    fn taken(ground: Ground) -> Verdict {
        Verdict::Accepted(Accepted { ground, change: Change::Nothing })
    }

    fn ends(lab: LabPhone, ending: Ending, published: &str) -> Differences {
        compare(&[lab], &[ending], |_| Some(published.to_owned())).1
    }

    #[test]
    fn another_ground_or_another_list_is_a_difference() {
        let party = trust::Party { subject: b"CN=old".to_vec(), issuer: b"CN=old".to_vec(), serial: vec![1] };
        let listed =
            Ground::Listed { list: ListKind::Itl, record: 1, role: wire::role::Role::SAST, party, by_hash: false };
        let by = |signer: &str| Ending::Takes(ListKind::Ctl, By::Listed(ListKind::Itl, signer.to_owned()));
        assert_eq!(ends(phone(taken(listed.clone())), by("CN=old"), "none"), Differences::new());
        let differs = ends(phone(taken(listed.clone())), by("CN=new"), "none");
        assert!(differs[0].contains("should take the CTL by CN=new in its ITL"), "{differs:?}");
        let differs = ends(phone(taken(listed.clone())), by("CN=old"), "abc");
        assert!(differs[0].contains("holds the CTL none, published is abc"), "{differs:?}");
        let differs = ends(phone(taken(listed)), Ending::Takes(ListKind::Ctl, By::Faith), "none");
        assert!(differs[0].contains("on faith"), "{differs:?}");
        let differs = ends(phone(taken(Ground::LeapOfFaith)), Ending::Same(ListKind::Ctl), "abc");
        assert!(differs[0].contains("published is abc"), "{differs:?}");
    }

    #[test]
    fn a_refusal_counts_by_its_label() {
        let refused = || phone(Verdict::Refused(Refusal::Empty));
        assert_eq!(ends(refused(), Ending::Keeps(ListKind::Ctl, "empty"), "abc"), Differences::new());
        assert_eq!(ends(refused(), Ending::Keeps(ListKind::Ctl, "bad-signature"), "abc").len(), 1);
        assert_eq!(ends(phone(taken(Ground::LeapOfFaith)), Ending::Keeps(ListKind::Ctl, "empty"), "abc").len(), 1);
    }

    #[test]
    fn phones_that_nobody_told_of() {
        let differs = compare(&[phone(taken(Ground::LeapOfFaith))], &[], |_| None).1;
        assert_eq!(differs, ["1 phone, the scenario tells of 0"]);
    }
}
