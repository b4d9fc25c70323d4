//! Sessions of one device take turns while it is looked at who they are: one at a time, so that many guesses at once are no more than one
//! after the other, and nobody is sent away for it. The addresses come round by round: of those that many sessions wait for, one stands
//! in the queue of the device at a time, so a stranger with a hundred sessions holds a phone up no longer than one with a single one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

use cluster::origin::Origin;

/// The queues of all devices that somebody asks for now.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Device>>);

#[derive(Default)]
struct Device {
    queue: Arc<Queue<()>>,
    /// One for each address, with those that hold or wait for it.
    addresses: HashMap<Origin, (Arc<Queue<()>>, usize)>,
}

/// A place in the queues; given back when dropped, however it went.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    device: String,
    from: Origin,
    held: Option<[OwnedMutexGuard<()>; 2]>,
}

impl Turns {
    /// Waits for the turn of a session.
    pub(super) async fn wait(&self, device: &str, from: IpAddr) -> Turn<'_> {
        let from = Origin::of(from);
        let (mine, all) = {
            let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let found = devices.entry(device.to_owned()).or_default();
            let (mine, count) = found.addresses.entry(from).or_default();
            *count += 1;
            (Arc::clone(mine), Arc::clone(&found.queue))
        };
        // Before the first wait, so that a session that is dropped meanwhile leaves nothing behind.
        let mut turn = Turn { turns: self, device: device.to_owned(), from, held: None };
        let first = mine.lock_owned().await;
        turn.held = Some([all.lock_owned().await, first]);
        turn
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        drop(self.held.take());
        let mut devices = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(device) = devices.get_mut(&self.device) else { return };
        if let Some((_, count)) = device.addresses.get_mut(&self.from) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                device.addresses.remove(&self.from);
            }
        }
        if device.addresses.is_empty() {
            devices.remove(&self.device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_of_ipv6_has_one_turn_whichever_addresses_it_takes() {
        let turns = Turns::default();
        let [one, two] = ["2001:db8::1", "2001:db8::2"].map(|address| address.parse().unwrap());
        let first = turns.wait("SEP1", one).await;
        let polled = |mut waiting: std::pin::Pin<Box<dyn Future<Output = Turn<'_>>>>| {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            assert_eq!(turns.0.lock().unwrap()["SEP1"].addresses.len(), 1);
        };
        polled(Box::pin(turns.wait("SEP1", two)));
        drop(first);
    }

    #[tokio::test]
    async fn addresses_come_round_by_round_and_nothing_is_left_behind() {
        let turns = Arc::new(Turns::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        let first = turns.wait("SEP1", IpAddr::from([9, 9, 9, 9])).await;
        let mut sessions = tokio::task::JoinSet::new();
        // a stranger with twenty sessions, then the phone
        for from in [[9, 9, 9, 9]; 20].into_iter().chain([[1, 1, 1, 1]]) {
            let (turns, order, from) = (Arc::clone(&turns), Arc::clone(&order), IpAddr::from(from));
            sessions.spawn(async move {
                let _turn = turns.wait("SEP1", from).await;
                order.lock().unwrap().push(from);
                tokio::task::yield_now().await;
            });
        }
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        // one that gives up while it waits
        assert!(futures_dropped(&turns).await);
        drop(first);
        while sessions.join_next().await.is_some() {}
        let order = order.lock().unwrap();
        let phone = order.iter().position(|from| *from == IpAddr::from([1, 1, 1, 1])).unwrap();
        assert!(phone <= 1, "the phone was number {phone}");
        assert!(turns.0.lock().unwrap().is_empty());
    }

    async fn futures_dropped(turns: &Turns) -> bool {
        let mut waiting = Box::pin(turns.wait("SEP1", IpAddr::from([2, 2, 2, 2])));
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(waiting.as_mut().poll(context).is_pending()));
        polled.await
    }
}
