//! Who gets a place, and whose transfer ends for it where places are short.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ringfence_core::origin::Origin;

use super::{End, EventLoop, STALLED, State};

/// Transfers are compared by their pace from this age on: a younger one had no time to show it.
const SHOWN: Duration = Duration::from_secs(1);

/// An address that has more than this part of all places has to give some back.
const MUCH: usize = 4;

impl EventLoop {
    /// Room for one more of this client? Where places are short one makes room that may be forged, or stands still, or is one of very
    /// many of its address. Else the request is dropped: the client asks again when there is room.
    pub(super) fn admit(&mut self, peer: SocketAddr, now: Instant) -> bool {
        let from = Origin::of(peer.ip());
        let of_address = self.per_address.get(&from).copied().unwrap_or(0);
        let full = if of_address >= self.config.max_per_address {
            !self.make_room(Some(from), now)
        } else {
            self.pairs.len() >= self.config.max_transfers
                && !self.make_room(None, now)
                && !self.take_back(of_address, now)
        };
        if full && let Some(more) = self.told.count("too many transfers at a time", peer.ip(), now) {
            tracing::warn!(
                target: "tftp", %peer, transfers = self.pairs.len(), of_address,
                "too many transfers at a time, requests are dropped until some end{more}"
            );
        }
        !full
    }

    /// Ends the oldest transfer that was never acknowledged, of one address or of all; without one the one that has stood still
    /// longest. Whether there was one.
    fn make_room(&mut self, from: Option<Origin>, now: Instant) -> bool {
        let places = self.places.iter().enumerate().filter_map(|(index, place)| Some((index, place.as_ref()?)));
        let candidates = places.filter_map(|(index, place)| {
            let State::Sending(sending) = &place.state else { return None };
            let (heard, waits) = (sending.transfer.heard(), place.waits_for(now));
            let counts = from.is_none_or(|from| from == Origin::of(place.pair.0.ip())) && (!heard || waits >= STALLED);
            counts.then_some((heard, Reverse(waits), index))
        });
        let Some((.., index)) = candidates.min() else { return false };
        self.end(index, End::MadeRoom);
        true
    }

    /// Ends the slowest transfer of the address that has most, else its oldest one, for one that has less than half as many. Real
    /// addresses that acknowledge just often enough cannot keep others out so. Whether there was one.
    fn take_back(&mut self, of_newcomer: usize, now: Instant) -> bool {
        let Some((&most, &count)) = self.per_address.iter().max_by_key(|(_, count)| **count) else { return false };
        if count <= self.config.max_transfers / MUCH || of_newcomer >= count / 2 {
            return false;
        }
        let places = self.places.iter().enumerate().filter_map(|(index, place)| Some((index, place.as_ref()?)));
        let candidates =
            places.filter(|(_, place)| Origin::of(place.pair.0.ip()) == most).filter_map(|(index, place)| {
                let State::Sending(sending) = &place.state else { return None };
                let age = now.saturating_duration_since(place.since);
                let pace = u128::from(sending.transfer.acknowledged_bytes()) * 1_000_000 / age.max(SHOWN).as_micros();
                Some((age < SHOWN, pace, Reverse(age), index, place.pair.0.ip()))
            });
        let Some((.., index, address)) = candidates.min() else { return false };
        self.end(index, End::HadMost);
        if let Some(more) = self.told.count("an address has most places", address, now) {
            tracing::warn!(
                target: "tftp", %address, transfers = count,
                "all places are taken, and this address has most: its slowest transfers end for others{more}"
            );
        }
        true
    }
}
