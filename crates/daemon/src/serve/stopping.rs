//! SIGTERM and SIGINT: the end, within five seconds whatever hangs.

use std::io;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;

/// How long the servers, the last write and the database may take together. Behind it the process ends as it is: what is on record
/// stays, as after a kill.
const LIMIT: Duration = Duration::from_millis(4700);

/// Exit code of an end that was forced: what was being done then may be half done, and whoever started the node should see that.
const FORCED: i32 = 2;

/// How long the end itself may take behind that: libraries clean up.
const LAST: Duration = Duration::from_millis(150);

/// The signals that ask for the end. From the moment one is made they no longer end the program at once.
#[derive(Debug)]
pub struct StopSignals(watch::Receiver<bool>);

impl StopSignals {
    /// Begins to listen, on a thread of its own: a runtime whose threads all hang would hear of nothing. Threads that were started
    /// before this call would take the signals for themselves, so it stands before the runtime.
    ///
    /// # Errors
    /// When signals cannot be blocked or the thread cannot be started.
    pub fn new() -> io::Result<Self> {
        let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
        signals.thread_block()?;
        let (ask, asked) = watch::channel(false);
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || end(signals, &ask))?;
        Ok(Self(asked))
    }

    /// Waits for one of them.
    pub async fn wait(&mut self) {
        // an error means that the thread is gone, and with it the way to hear of the end
        if self.0.wait_for(|asked| *asked).await.is_err() {
            tracing::error!("signals are not heard any more");
        }
    }
}

#[allow(clippy::disallowed_methods)] // this thread waits on purpose, for those that may hang
fn end(signals: SigSet, ask: &watch::Sender<bool>) {
    if let Err(error) = signals.wait() {
        tracing::error!(%error, "signals are not heard any more");
        return;
    }
    ask.send_replace(true);
    std::thread::sleep(LIMIT);
    tracing::error!("something hangs and is cut: what was on record stays");
    let exit = std::thread::Builder::new().spawn(|| {
        std::thread::sleep(LAST / 3);
        std::process::exit(FORCED)
    });
    drop(exit);
    std::thread::sleep(LAST);
    // what hangs holds a lock that the end wants too
    if let Err(error) = kill(Pid::this(), Signal::SIGKILL) {
        tracing::error!(%error, "the end cannot be forced");
    }
}
