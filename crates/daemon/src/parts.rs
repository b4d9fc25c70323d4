//! The parts of a node that follow the rows, each by itself: one whose key is missing holds up no other. Which of them is due, and what
//! is said of it; pure, the time is given.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A part of a node, in the order in which they are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// The lists that the node publishes.
    Lists,
    /// The files that TFTP and HTTP answer from.
    Files,
    /// What TVS knows of certificates.
    Trust,
    /// The certificate that TVS shows.
    Tvs,
    /// CAPF.
    Capf,
    /// The certificate that the CTL provider shows.
    CtlProvider,
    /// Which services run.
    Services,
}

impl Part {
    pub(crate) const ALL: [Self; 7] =
        [Self::Lists, Self::Files, Self::Trust, Self::Tvs, Self::Capf, Self::CtlProvider, Self::Services];

    /// Its name, for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lists => "Trust lists",
            Self::Files => "Files",
            Self::Trust => "TVS certificates",
            Self::Tvs => "TVS",
            Self::Capf => "CAPF",
            Self::CtlProvider => "CTL provider",
            Self::Services => "Services",
        }
    }
}

/// The first pause before a part that failed is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest: a key that was put back by hand is found this late. Reading 100 000 devices anew takes a second or two.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A part that does not follow.
#[derive(Debug)]
struct Trouble {
    why: String,
    pause: Duration,
    again: Instant,
}

/// The parts that do not follow.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    troubles: HashMap<Part, Trouble>,
    /// About these an alarm stands.
    told: HashMap<Part, String>,
    /// A part has failed for a reason that was not known before, since [`Self::take_news`].
    news: bool,
}

impl Parts {
    /// About these parts an alarm stands already.
    pub(crate) fn told_before(names: &[String]) -> Self {
        let told = Part::ALL.into_iter().filter(|part| names.iter().any(|name| name == part.name()));
        Self { told: told.map(|part| (part, String::new())).collect(), ..Self::default() }
    }

    /// Whether a part that failed is to be tried again.
    pub(crate) fn is_due(&self, part: Part, now: Instant) -> bool {
        self.troubles.get(&part).is_some_and(|trouble| trouble.again <= now)
    }

    /// A part follows. Whether an alarm about it has to end.
    pub(crate) fn follows(&mut self, part: Part) -> bool {
        self.troubles.remove(&part);
        self.told.contains_key(&part)
    }

    /// A part failed. Whether an alarm about it has to be raised.
    pub(crate) fn failed(&mut self, part: Part, why: &str, now: Instant) -> bool {
        let known = self.troubles.get(&part);
        self.news |= known.is_none_or(|trouble| trouble.why != why);
        let pause = known.map_or(FIRST_PAUSE, |trouble| (trouble.pause * 2).min(LONGEST_PAUSE));
        self.troubles.insert(part, Trouble { why: why.to_owned(), pause, again: now + pause });
        self.told.get(&part).is_none_or(|told| told != why)
    }

    /// The alarm about a part is raised (`Some`: for this reason) or ended.
    pub(crate) fn told(&mut self, part: Part, why: Option<String>) {
        match why {
            Some(why) => self.told.insert(part, why),
            None => self.told.remove(&part),
        };
    }

    /// Whether something new has failed since this was asked last.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)] // any time will do
    fn a_part_that_fails_is_tried_less_and_less_and_told_of_once() {
        let start = Instant::now();
        let mut parts = Parts::default();
        let mut now = start;
        let mut pauses = Vec::new();
        for try_number in 0..10 {
            let raise = parts.failed(Part::Tvs, "no key", now);
            assert_eq!(raise, try_number == 0);
            assert_eq!(parts.take_news(), try_number == 0);
            if raise {
                parts.told(Part::Tvs, Some("no key".to_owned()));
            }
            assert!(!parts.is_due(Part::Tvs, now) && !parts.is_due(Part::Capf, now));
            let before = now;
            while !parts.is_due(Part::Tvs, now) {
                now += Duration::from_millis(500);
            }
            pauses.push((now - before).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert!(parts.failed(Part::Tvs, "another reason", now) && parts.take_news());
        assert!(parts.follows(Part::Tvs), "its alarm ends");
        parts.told(Part::Tvs, None);
        assert!(!parts.follows(Part::Tvs) && !parts.is_due(Part::Tvs, now + LONGEST_PAUSE));
        // an alarm of the run before
        let mut parts = Parts::told_before(&["CAPF".to_owned(), "something else".to_owned()]);
        assert!(parts.follows(Part::Capf) && !parts.follows(Part::Tvs));
    }
}
