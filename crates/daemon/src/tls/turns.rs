//! Handshakes cost the processor, so only as many are worked on at a time as there are processors, and the addresses take turns: who opens a
//! thousand at once holds up another address no longer than by one.
//!
//! A single handshake is done where it is, which is quickest. When many wait, each is done on a thread of its own: they would come one
//! after the other on the threads that everything else needs, too.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use cluster::origin::Origin;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio::task::block_in_place;

/// Of all servers of the process: they share the processors.
static TURNS: LazyLock<Turns> =
    LazyLock::new(|| Turns::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)));

/// A turn at a processor, when it is the address's.
pub(super) async fn turn(from: IpAddr) -> Turn<'static> {
    TURNS.take(from).await
}

/// Who waits for a turn.
#[derive(Debug)]
struct Turns(Mutex<Waiting>);

#[derive(Debug)]
struct Waiting {
    free: usize,
    /// Addresses of which somebody waits, in the order of their turns.
    order: VecDeque<Origin>,
    of: HashMap<Origin, VecDeque<oneshot::Sender<()>>>,
}

/// A turn, given to the next when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    waited: bool,
}

impl Turn<'_> {
    /// Does what takes the processor. Who had to wait for it does it on a thread of its own, where the runtime has several.
    pub(super) fn compute<T>(&self, work: impl FnOnce() -> T) -> T {
        let several = || Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread);
        if self.waited && several() { block_in_place(work) } else { work() }
    }
}

/// One who waits. Who goes away gives back a turn that it has got meanwhile.
struct Wait<'a> {
    turns: &'a Turns,
    told: oneshot::Receiver<()>,
    took: bool,
}

impl Turns {
    fn new(count: usize) -> Self {
        Self(Mutex::new(Waiting { free: count.max(1), order: VecDeque::new(), of: HashMap::new() }))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // the queues are whole between any two statements, also after a panic
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, from: IpAddr) -> Turn<'_> {
        let Some(told) = self.waiting().enter(Origin::of(from)) else { return Turn { turns: self, waited: false } };
        let mut wait = Wait { turns: self, told, took: false };
        // The sender waits in the queue until it has sent.
        wait.took = (&mut wait.told).await.is_ok();
        Turn { turns: self, waited: true }
    }
}

impl Waiting {
    /// Takes a free turn (`None`) or waits for one.
    fn enter(&mut self, from: Origin) -> Option<oneshot::Receiver<()>> {
        if let Some(left) = self.free.checked_sub(1) {
            self.free = left;
            return None;
        }
        let (tell, told) = oneshot::channel();
        let queue = self.of.entry(from).or_default();
        if queue.is_empty() {
            self.order.push_back(from);
        }
        queue.push_back(tell);
        Some(told)
    }

    /// Gives a turn to the next.
    fn next(&mut self) {
        while let Some(address) = self.order.pop_front() {
            let Some(queue) = self.of.get_mut(&address) else { continue };
            let first = queue.pop_front();
            if queue.is_empty() {
                self.of.remove(&address);
            } else {
                self.order.push_back(address);
            }
            // Who went away takes none.
            if first.is_some_and(|first| first.send(()).is_ok()) {
                return;
            }
        }
        self.free += 1;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.waiting().next();
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.took {
            return;
        }
        self.told.close();
        if self.told.try_recv().is_ok() {
            self.turns.waiting().next();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn many_who_compute_leave_the_runtime_to_others() {
        let turns = Arc::new(Turns::new(1));
        let (go_on, told) = std::sync::mpsc::channel();
        // All on the one worker: the first turn is free, the second one is waited for, and computes until a third task runs.
        let of_others = Arc::clone(&turns);
        let computed = tokio::spawn(async move {
            let first = of_others.take(address(1)).await;
            let waits = of_others.take(address(2));
            let gives_way = async {
                tokio::task::yield_now().await;
                drop(first);
            };
            let (second, ()) = tokio::join!(waits, gives_way);
            tokio::spawn(async move { go_on.send(()) });
            second.compute(|| told.recv_timeout(std::time::Duration::from_secs(20)))
        });
        assert_eq!(computed.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn addresses_take_turns_and_who_goes_away_takes_none() {
        let turns = Arc::new(Turns::new(1));
        let first = turns.take(address(1)).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        let mut wait = |from: u8, number: u32| {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            tasks.spawn(async move {
                let turn = turns.take(address(from)).await;
                order.lock().unwrap().push((from, number));
                drop(turn);
            })
        };
        let crowd: Vec<_> = (0..100).map(|number| wait(1, number)).collect();
        tokio::task::yield_now().await;
        wait(2, 0);
        wait(3, 0);
        tokio::task::yield_now().await;
        // The first of the crowd goes away, and another while it holds what it was given.
        crowd[0].abort();
        tokio::task::yield_now().await;
        drop(first);
        crowd[1].abort();
        while let Some(ended) = tasks.join_next().await {
            assert!(ended.is_ok() || ended.unwrap_err().is_cancelled());
        }
        let order = order.lock().unwrap();
        assert_eq!(order.len(), 100, "98 of the crowd and the two others");
        let at = |from| order.iter().position(|(address, _)| *address == from).unwrap();
        assert!(at(2) <= 2 && at(3) <= 3, "{order:?}");
        let waiting = turns.waiting();
        assert!(waiting.free == 1 && waiting.order.is_empty() && waiting.of.is_empty());
    }
}
