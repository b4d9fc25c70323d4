//! Answers of TVS for as long as they may be kept [sources/tvs#when-phones-ask]. A reset of the phone flushes them.

use wire::tvs::{Answer, Ask};

use crate::offer::TvsReply;

/// Most answers that are kept. A phone meets a handful of certificates; the oldest goes when a stranger makes it ask for
/// more.
pub const MOST_ANSWERS: usize = 32;

/// The answers of one phone. Times are seconds since any fixed start, given by the caller.
#[derive(Debug, Clone, Default)]
pub struct TvsCache {
    kept: Vec<Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    ask: Ask,
    answer: Answer,
    server: String,
    until: u64,
}

impl TvsCache {
    /// Keeps an answer that came at `now` for its time to live. "Not valid" has none and is not kept.
    pub fn keep(&mut self, ask: Ask, server: &str, answer: &Answer, now: u64) {
        let trust = match answer {
            Answer::Verified(trust) => trust,
            Answer::Found(found) => &found.trust,
            Answer::NotValid => return,
        };
        let until = now.saturating_add(u64::from(trust.ttl_seconds()));
        self.kept.retain(|kept| kept.ask != ask && kept.until > now);
        if self.kept.len() >= MOST_ANSWERS {
            self.kept.remove(0);
        }
        self.kept.push(Kept { ask, answer: answer.clone(), server: server.to_owned(), until });
    }

    /// The answer to a question, when it may still be used at `now`.
    #[must_use]
    pub fn find(&self, ask: &Ask, now: u64) -> Option<TvsReply> {
        let kept = self.kept.iter().find(|kept| kept.ask == *ask && kept.until > now)?;
        Some(TvsReply::Answered { server: kept.server.clone(), answer: kept.answer.clone(), cached: true })
    }

    /// Forgets all answers; how many there were.
    pub fn flush(&mut self) -> usize {
        std::mem::take(&mut self.kept).len()
    }

    /// How many answers are kept, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::tvs::Trust;

    fn ask(name: u8) -> Ask {
        Ask::Verify { certificate: vec![name] }
    }

    fn answer(ttl: u32) -> Answer {
        Answer::Verified(Trust::new([7], ttl).unwrap())
    }

    #[test]
    fn an_answer_lives_as_long_as_its_ttl() {
        let mut cache = TvsCache::default();
        cache.keep(ask(1), "a:2445", &answer(60), 1000);
        assert!(matches!(cache.find(&ask(1), 1059), Some(TvsReply::Answered { cached: true, .. })));
        assert_eq!(cache.find(&ask(1), 1060), None);
        assert_eq!(cache.find(&ask(2), 1000), None);
    }

    #[test]
    fn refusals_are_not_kept_and_a_flush_empties_it() {
        let mut cache = TvsCache::default();
        cache.keep(ask(1), "a:2445", &Answer::NotValid, 0);
        assert!(cache.is_empty());
        cache.keep(ask(1), "a:2445", &answer(60), 0);
        cache.keep(ask(1), "b:2445", &answer(60), 0);
        assert_eq!(cache.flush(), 1);
        assert!(cache.is_empty());
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let mut cache = TvsCache::default();
        for name in 0..=u8::MAX {
            cache.keep(ask(name), "a:2445", &answer(60), 0);
        }
        assert_eq!(cache.len(), MOST_ANSWERS);
        assert!(cache.find(&ask(255), 1).is_some());
        assert!(cache.find(&ask(0), 1).is_none());
    }
}
