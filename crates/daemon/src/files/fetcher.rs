//! Files are looked up, made and read on threads that may wait, so many at a time; who asks beyond that is told to ask again.
//!
//! A file is made by one maker, and whoever asks for it in the meantime waits for that one, without a thread. What reads a large file
//! from end to end has a place of its own: signing firmware holds up no boot.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use wire::file_name::FileName;

use super::{Answer, Content, FetchError, FileRequest, FileSource, Making, Transport};

/// Requests that are being answered at most: for files that are known as those of the node ...
const KNOWN: usize = 512;
/// ... for other names, which somebody may make up ...
const UNKNOWN: usize = 128;
/// ... and for files whose maker reads much: a branch that loads firmware, and half the places of TFTP.
const WAITING: usize = 256;

/// Looks into folders at a time: each takes microseconds, or as long as a file server far away.
const LOOKS: usize = 32;
/// Files made at a time: that takes the processor.
const MAKERS: usize = 4;
/// Pieces of large files that are read at a time.
const READERS: usize = 32;

type Result<T> = std::result::Result<T, FetchError>;
type Outcome = watch::Receiver<Option<Result<Content>>>;

/// Fetches files for the servers.
pub struct Fetcher {
    source: Arc<dyn FileSource>,
    known: Arc<Semaphore>,
    unknown: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    looks: Arc<Semaphore>,
    makers: Arc<Semaphore>,
    long_makers: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    making: Mutex<HashMap<String, Outcome>>,
}

/// A place among the requests that are being answered, given back when dropped.
pub struct Entry {
    _place: OwnedSemaphorePermit,
}

/// A file that is being made. Whoever waits for it hears when this ends, also by a panic.
struct Run {
    fetcher: Arc<Fetcher>,
    key: String,
    done: watch::Sender<Option<Result<Content>>>,
}

impl Run {
    /// Tells all that wait what came of it.
    fn end(self, result: Result<Content>) -> Result<Content> {
        self.done.send_replace(Some(result.clone()));
        result
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.fetcher.making.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Fetcher {
    /// Fetches from a source.
    #[must_use]
    pub fn new(source: Arc<dyn FileSource>) -> Arc<Self> {
        let places = |count| Arc::new(Semaphore::new(count));
        Arc::new(Self {
            source,
            known: places(KNOWN),
            unknown: places(UNKNOWN),
            waiting: places(WAITING),
            looks: places(LOOKS),
            makers: places(MAKERS),
            long_makers: places(1),
            readers: places(READERS),
            making: Mutex::default(),
        })
    }

    /// Where the files come from.
    pub fn source(&self) -> &dyn FileSource {
        &*self.source
    }

    /// A place for a request; `None`: so many are being answered that who asks should ask again.
    pub fn enter(&self, request: &FileRequest<'_>) -> Option<Entry> {
        let places = if self.source.is_known(request) { &self.known } else { &self.unknown };
        Arc::clone(places).try_acquire_owned().ok().map(|_place| Entry { _place })
    }

    /// Fetches a file.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(
        self: &Arc<Self>,
        entry: Entry,
        name: FileName,
        peer: SocketAddr,
        over: Transport,
    ) -> Result<Content> {
        let fetcher = Arc::clone(self);
        let look = move || {
            let found = fetcher.source.look_up(&FileRequest { name: &name, peer, over })?;
            fetcher.made_here(found)
        };
        let (entry, found) = on_a_thread(&self.looks, move || (entry, look())).await?;
        match found? {
            Answer::Content(content) => Ok(content),
            Answer::Making(making) => self.made(entry, making).await,
        }
    }

    /// What was found; a file that is to be made is made on this thread, when it does not take long, nobody makes it and a maker's turn is
    /// free: handing it to another thread takes as long as making it.
    fn made_here(self: &Arc<Self>, found: Answer) -> Result<Answer> {
        let making = match found {
            Answer::Making(making) if !making.reads_much => making,
            other => return Ok(other),
        };
        let Ok(_turn) = self.makers.try_acquire() else { return Ok(Answer::Making(making)) };
        match self.begin(&making.key) {
            Ok((run, _)) => run.end((making.make)()).map(Answer::Content),
            Err(_) => Ok(Answer::Making(making)),
        }
    }

    /// Begins to make a file; what whoever makes it already comes to.
    fn begin(self: &Arc<Self>, key: &str) -> std::result::Result<(Run, Outcome), Outcome> {
        let mut running = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = running.get(key) {
            return Err(outcome.clone());
        }
        let (done, outcome) = watch::channel(None);
        running.insert(key.to_owned(), outcome.clone());
        Ok((Run { fetcher: Arc::clone(self), key: key.to_owned(), done }, outcome))
    }

    /// Waits for the maker of a file; without one it begins.
    async fn made(self: &Arc<Self>, entry: Entry, making: Making) -> Result<Content> {
        // Those who wait long hold up nobody who does not.
        let _entry = if making.reads_much {
            drop(entry);
            Entry { _place: Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| FetchError::Busy)? }
        } else {
            entry
        };
        let mut outcome = self.outcome(making);
        let result = outcome.wait_for(Option::is_some).await.map(|result| result.clone());
        result.ok().flatten().unwrap_or_else(|| Err(FetchError::Failed("its maker is gone".to_owned())))
    }

    fn outcome(self: &Arc<Self>, making: Making) -> Outcome {
        let (run, outcome) = match self.begin(&making.key) {
            Ok(begun) => begun,
            Err(outcome) => return outcome,
        };
        // A task of its own: who asked first may go away.
        tokio::spawn(async move {
            let makers = if making.reads_much { &run.fetcher.long_makers } else { &run.fetcher.makers };
            let result = on_a_thread(makers, making.make).await.flatten();
            drop(run.end(result));
        });
        outcome
    }

    /// A piece of a file; may read a disk.
    ///
    /// # Errors
    /// That of [`Content::piece`].
    pub async fn piece(&self, content: Content, from: u64, length: usize) -> io::Result<Bytes> {
        on_a_thread(&self.readers, move || content.piece(from, length)).await.map_err(io::Error::other)?
    }
}

/// Does what may wait, when it is its turn. The turn lasts until it is done, also when nobody waits for it any more.
async fn on_a_thread<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let failed = |error: &dyn std::fmt::Display| FetchError::Failed(error.to_string());
    let turn = Arc::clone(turns).acquire_owned().await.map_err(|error| failed(&error))?;
    let worked = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(turn);
        result
    });
    worked.await.map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    /// A source in which all names mean one file, whose maker waits until it is told to go on.
    struct Slow {
        made: AtomicUsize,
        go_on: Arc<Mutex<mpsc::Receiver<()>>>,
    }

    impl FileSource for Arc<Slow> {
        fn ready(&self, _: &FileRequest<'_>) -> Option<Content> {
            None
        }

        fn is_known(&self, request: &FileRequest<'_>) -> bool {
            request.name.as_str() != "made-up"
        }

        fn look_up(&self, request: &FileRequest<'_>) -> Result<Answer> {
            if request.name.as_str() == "quick" {
                return Ok(Answer::Content(Content::from(Bytes::from_static(b"quick"))));
            }
            let slow = Self::clone(self);
            let make = move || {
                slow.made.fetch_add(1, Ordering::SeqCst);
                slow.go_on.lock().unwrap().recv().unwrap();
                Ok(Content::from(Bytes::from_static(b"firmware")))
            };
            Ok(Answer::Making(Making { key: "firmware".to_owned(), reads_much: true, make: Box::new(make) }))
        }
    }

    fn slow() -> (Arc<Slow>, Arc<Fetcher>, mpsc::Sender<()>) {
        let (release, go_on) = mpsc::channel();
        let slow = Arc::new(Slow { made: AtomicUsize::new(0), go_on: Arc::new(Mutex::new(go_on)) });
        (Arc::clone(&slow), Fetcher::new(Arc::new(slow)), release)
    }

    const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

    async fn fetch(fetcher: &Arc<Fetcher>, name: &str) -> Result<Content> {
        let name: FileName = name.parse().unwrap();
        let entry = fetcher.enter(&FileRequest { name: &name, peer: PEER, over: Transport::Http });
        fetcher.fetch(entry.ok_or(FetchError::Busy)?, name, PEER, Transport::Http).await
    }

    #[tokio::test]
    async fn a_file_has_one_maker_and_those_who_wait_for_it_hold_up_nobody() {
        let (slow, fetcher, release) = slow();
        let mut asking = tokio::task::JoinSet::new();
        for number in 0..WAITING + 50 {
            let fetcher = Arc::clone(&fetcher);
            asking.spawn(async move { fetch(&fetcher, &format!("firmware-{number}")).await });
        }
        // Those beyond the limit are told to ask again, while all others wait.
        for _ in 0..50 {
            let told = asking.join_next().await.unwrap().unwrap();
            assert_eq!(told.map(|content| content.length()), Err(FetchError::Busy));
        }
        assert_eq!(fetch(&fetcher, "quick").await.unwrap().length(), 5, "others are served meanwhile");
        // Who asked first goes away; the maker goes on.
        release.send(()).unwrap();
        while let Some(told) = asking.join_next().await {
            assert_eq!(told.unwrap().unwrap().whole().unwrap(), "firmware");
        }
        assert_eq!(slow.made.load(Ordering::SeqCst), 1);
        assert!(fetcher.making.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn made_up_names_leave_room_for_those_of_the_node() {
        let (_slow, fetcher, _release) = slow();
        let ask = |name: &str| {
            let name: FileName = name.parse().unwrap();
            fetcher.enter(&FileRequest { name: &name, peer: PEER, over: Transport::Tftp })
        };
        let flood: Vec<Entry> = std::iter::from_fn(|| ask("made-up")).collect();
        assert_eq!(flood.len(), UNKNOWN);
        assert!(ask("quick").is_some());
        drop(flood);
        assert!(ask("made-up").is_some());
    }

    #[tokio::test]
    async fn a_maker_whose_first_client_went_away_goes_on_for_the_others() {
        let (slow, fetcher, release) = slow();
        let first = tokio::spawn({
            let fetcher = Arc::clone(&fetcher);
            async move { fetch(&fetcher, "firmware").await }
        });
        while slow.made.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let second = tokio::spawn({
            let fetcher = Arc::clone(&fetcher);
            async move { fetch(&fetcher, "firmware").await }
        });
        while fetcher.waiting.available_permits() == WAITING {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
        assert_eq!(second.await.unwrap().unwrap().length(), 8);
        assert_eq!(slow.made.load(Ordering::SeqCst), 1);
    }
}
