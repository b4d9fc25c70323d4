//! Handshakes cost the processor, so only as many are worked on at a time as there are processors, and the addresses take turns: who opens a
//! thousand at once holds up another address no longer than by one.
//!
//! A single handshake is done where it is, which is quickest. When many wait, they are done on threads of their own, one for each processor,
//! that stand behind all others (nice(2)): a crowd takes what the servers, and its own victims, leave of the processors.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc};

use cluster::origin::Origin;
use tokio::sync::oneshot;

/// How far those who had to wait stand behind all else: with 10 they get a tenth of a processor that others want too.
const BEHIND: i32 = 10;

/// Of all servers of the process: they share the processors.
static TURNS: LazyLock<Turns> = LazyLock::new(|| Turns::new(processors()));

/// Those who had to wait.
static CROWD: LazyLock<Threads> = LazyLock::new(|| Threads::new(processors()));

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

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

impl Turn<'static> {
    /// Does what takes the processor, and gives the turn to the next. `None`: it came to no end.
    pub(super) async fn compute<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        if !self.waited {
            return Some(work());
        }
        let (tell, told) = oneshot::channel();
        // The turn goes with the work: who is not waited for any more is worked on to the end all the same.
        CROWD.give(Box::new(move || {
            let done = work();
            drop(self);
            drop(tell.send(done));
        }));
        told.await.ok()
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads that stand behind all others.
#[derive(Debug)]
struct Threads(Option<mpsc::Sender<Job>>);

impl Threads {
    fn new(count: usize) -> Self {
        let (jobs, taken) = mpsc::channel();
        let taken = Arc::new(Mutex::new(taken));
        let begun = (0..count.max(1)).filter(|_| {
            let taken = Arc::clone(&taken);
            std::thread::Builder::new().name("handshakes".to_owned()).spawn(move || work_behind(&taken)).is_ok()
        });
        Self((begun.count() > 0).then_some(jobs))
    }

    /// On the thread that is here when there is no other.
    fn give(&self, job: Job) {
        let here = match &self.0 {
            Some(jobs) => jobs.send(job).err().map(|unsent| unsent.0),
            None => Some(job),
        };
        if let Some(job) = here {
            job();
        }
    }
}

fn work_behind(jobs: &Mutex<mpsc::Receiver<Job>>) {
    // Of this thread only, as Linux has it. Where that is refused it stands beside the others.
    let _refused = rustix::process::nice(BEHIND);
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        job();
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
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test]
    async fn many_who_compute_leave_the_runtime_to_others_and_stand_behind_them() {
        let turns: &'static Turns = Box::leak(Box::new(Turns::new(1)));
        let (go_on, told) = mpsc::channel();
        // All on one thread: the first turn is free, the second one is waited for, and computes until a third task runs.
        let first = turns.take(address(1)).await;
        let waits = turns.take(address(2));
        let gives_way = async {
            tokio::task::yield_now().await;
            drop(first);
        };
        let (second, ()) = tokio::join!(waits, gives_way);
        tokio::spawn(async move { go_on.send(()) });
        let computed = second.compute(move || {
            let nice = rustix::process::nice(0).unwrap();
            (told.recv_timeout(std::time::Duration::from_secs(20)), nice)
        });
        let own = rustix::process::nice(0).unwrap();
        assert_eq!(computed.await, Some((Ok(()), (own + BEHIND).min(19))));
        assert_eq!(rustix::process::nice(0).unwrap(), own);
        // The turn is given back behind the work.
        let first = turns.take(address(1)).await;
        let waits = turns.take(address(2));
        let (second, ()) = tokio::join!(waits, async {
            tokio::task::yield_now().await;
            drop(first);
        });
        assert_eq!(second.compute(|| 1).await, Some(1));
        assert_eq!(turns.waiting().free, 1);
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
