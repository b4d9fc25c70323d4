//! Who gets a place, and whose transfer ends for it where places are short.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use cluster::origin::Origin;

use super::place::{Place, State};
use crate::tftp::strangers::Strangers;

/// Transfers are compared by their pace from this age on: a younger one had no time to show it.
const SHOWN: Duration = Duration::from_secs(1);

/// A transfer without an acknowledgement was sent for the last time at this age.
const LAST_SENT: Duration = Duration::from_secs(3);

/// Strangers together end one transfer that runs in this time: they may be forged, and as many as somebody likes.
const STRANGERS_TAKE: Duration = Duration::from_secs(1);

/// Places of strangers that turn over in less than this are given by lot: their oldest transfer may be that of a phone whose acknowledgement is on
/// its way. Longer than any way there and back.
const QUICK: Duration = Duration::from_secs(1);

/// An address that has fewer gives none back, however many others ask.
const FEW: usize = 8;

/// A transfer that waits so long for an acknowledgement makes room when places are short, though it had one before: longer than a
/// switch port takes to come back.
const STALLED: Duration = Duration::from_secs(10);

/// What counts for it.
pub(super) struct Room<'a> {
    pub(super) places: &'a [Option<Place>],
    pub(super) per_address: &'a HashMap<Origin, usize>,
    /// Places that are taken.
    pub(super) taken: usize,
    pub(super) most: usize,
    pub(super) most_of_address: usize,
    pub(super) strangers: &'a mut Strangers,
    /// When one of the strangers last ended a transfer that ran.
    pub(super) stranger_took: Option<Instant>,
    pub(super) now: Instant,
}

/// Whether there is room.
pub(super) enum Admitted {
    /// There is.
    Free,
    /// When this transfer ends.
    For(usize),
    /// When this transfer ends, of an address that has most; it ends for a stranger or not.
    ForOther { index: usize, address: IpAddr, transfers: usize, stranger: bool },
    /// There is none.
    No { of_address: usize },
}

impl Room<'_> {
    /// Room for one more of this client? Where places are short one makes room that may be forged, or stands still, or is one of very
    /// many of its address.
    pub(super) fn admit(mut self, peer: SocketAddr) -> Admitted {
        let from = Origin::of(peer.ip());
        let of_address = self.per_address.get(&from).copied().unwrap_or(0);
        let found = if of_address >= self.most_of_address {
            self.make_room(Some(from)).map(Admitted::For)
        } else if self.taken < self.most {
            Some(Admitted::Free)
        } else {
            self.make_room(None).map(Admitted::For).or_else(|| self.take_back(peer, of_address))
        };
        found.unwrap_or(Admitted::No { of_address })
    }

    /// A transfer of one address or of all that may end, the oldest of the first kind that there is: one that was never acknowledged, of an address
    /// that has acknowledged nothing for an hour, so that it may be forged (any of these while so many come that none gets older than a
    /// second: who is far away has his chance with each request, however quick the flood is); one of any address that was never acknowledged, and sent for the
    /// last time; one that has stood still for long; one that was told to end, which may be forged too; one that was never acknowledged.
    fn make_room(&mut self, from: Option<Origin>) -> Option<usize> {
        let places = self.places.iter().enumerate().filter_map(|(index, place)| Some((index, place.as_ref()?)));
        let candidates = places.filter_map(|(index, place)| {
            let address = place.pair.0.ip();
            if from.is_some_and(|from| from != Origin::of(address)) {
                return None;
            }
            let State::Sending(sending) = &place.state else { return None };
            let heard = sending.transfer.heard();
            let waits = place.waits_for(self.now);
            let kind = match heard {
                false if !self.strangers.knows(address) => 0,
                false if waits >= LAST_SENT => 1,
                true if waits >= STALLED => 2,
                _ if sending.transfer.doubts() => 3,
                false => 4,
                true => return None,
            };
            Some((kind, Reverse(waits), index))
        });
        let mut candidates: Vec<_> = candidates.collect();
        let &(kind, Reverse(waits), mut index) = candidates.iter().min()?;
        if kind == 0 && waits < QUICK {
            candidates.retain(|(kind, ..)| *kind == 0);
            let lot = self.strangers.lot(candidates.len());
            index = candidates.get(lot).map_or(index, |(.., drawn)| *drawn);
        }
        Some(index)
    }

    /// The slowest transfer of the address that has most, else its oldest one, for one that has less than half as many. Real
    /// addresses that acknowledge just often enough cannot keep others out so, unless they are very many.
    fn take_back(&self, newcomer: SocketAddr, of_newcomer: usize) -> Option<Admitted> {
        // Of strangers in a burst one gets in so, and the next waits until that one's file is there: then it is he who makes room. When
        // somebody else has taken his place, the next one waits all the same.
        let stranger = !self.strangers.knows(newcomer.ip());
        let took_just_now = |at| self.now.saturating_duration_since(at) < STRANGERS_TAKE;
        if stranger && (self.strangers_wait() || self.stranger_took.is_some_and(took_just_now)) {
            return None;
        }
        let (&most, &count) = self.per_address.iter().max_by_key(|(_, count)| **count)?;
        if count < FEW || of_newcomer >= count / 2 {
            return None;
        }
        let places = self.places.iter().enumerate().filter_map(|(index, place)| Some((index, place.as_ref()?)));
        let candidates =
            places.filter(|(_, place)| Origin::of(place.pair.0.ip()) == most).filter_map(|(index, place)| {
                let State::Sending(sending) = &place.state else { return None };
                let age = self.now.saturating_duration_since(place.since);
                let pace = u128::from(sending.transfer.acknowledged_bytes()) * 1_000_000 / age.max(SHOWN).as_micros();
                Some((age < SHOWN, pace, Reverse(age), index, place.pair.0.ip()))
            });
        let (.., index, address) = candidates.min()?;
        Some(Admitted::ForOther { index, address, transfers: count, stranger })
    }

    /// Whether a file is being made for somebody who may not be there.
    fn strangers_wait(&self) -> bool {
        let mut places = self.places.iter().flatten();
        places.any(|place| matches!(place.state, State::Fetching) && !self.strangers.knows(place.pair.0.ip()))
    }
}
