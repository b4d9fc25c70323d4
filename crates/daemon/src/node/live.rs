//! What changes while the servers of a node run: the rows are followed, and each part takes over what it shows.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use cluster::parameters::TVS_TIME_TO_LIVE;
use cluster::rows::{ChangeRow, NodeRow};
use pki::listing::ListKind;
use ringfence_core::enrolment::CHANGE;
use ringfence_core::files::NodeFiles;
use ringfence_core::{Cluster, CoreError, Serving};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::contexts::CapfPart;
use super::options::StartError;
use crate::following::Asks;
use crate::parts::{Part, Parts};
use crate::services::Services;
use crate::services::run::Runs;
use crate::services::served::Served;
use crate::surroundings::{System, now};
use crate::taken::{Taken, is_torn};
use crate::troubles::{Place, Troubles};
use crate::waves::Waves;

/// How often the rows are looked at for a change by another process: one that does not ask this node to look is noticed this late.
const LOOK: Duration = Duration::from_millis(250);

/// How long after a part has failed anew a question may still be about the change that did it: who changed something asks at once.
const NEWS: Duration = Duration::from_secs(2);

/// How often what phones did is written to the database: every so many looks.
const SEEN_EVERY: u32 = 8;

/// How often overdue operations are ended, a wave goes on and resets are sent, on the publisher: every so many looks.
const ENROLMENT_EVERY: u32 = 8;

/// Devices of which each is read anew on its own after a change; more of them are read together.
const SINGLE_DEVICES: usize = 64;

/// The trouble with a log that takes nothing.
const LINES_WAIT: &str = "lines of a log wait until it can be written";

/// What changes while the servers run.
pub(super) struct Live {
    pub(super) cluster: Cluster,
    /// As the rows have it: `set network` changes it while it runs.
    pub(super) node: ArcSwap<NodeRow>,
    pub(super) files: Arc<NodeFiles>,
    pub(super) seen: Mutex<Seen>,
    pub(super) taken: Taken,
    pub(super) waves: Waves,
    pub(super) parts: Mutex<Parts>,
    /// Held while changes are taken over: of two at the same time the slower one would put back what it had read before.
    pub(super) taking_over: Mutex<()>,
    pub(super) services: Services,
    pub(super) runs: Mutex<Runs>,
    pub(super) troubles: Troubles,
}

/// What the servers answer from, to see what is new.
pub(super) struct Seen {
    pub(super) change: i64,
    pub(super) ctl: Option<Vec<u8>>,
}

impl Live {
    /// Follows the rows until the end, at once when somebody asks for it.
    pub(super) async fn follow(self: Arc<Self>, mut stopped: watch::Receiver<bool>, serving: Serving) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let data = self.cluster.data();
        let place = Place::of(data.root());
        // Before the watch, because it makes the file.
        let mut asked = data.asked().unwrap_or_default();
        let asks = Asks::watch(&data.asks());
        let (mut answered, mut withheld, mut heard, mut count) = (0, 0, 0, 0_u32);
        let mut news = None;
        let mut trouble = String::new();
        let mut looking = JoinSet::new();
        loop {
            let ticked = tokio::select! {
                // The end comes before whatever else waits.
                biased;
                // An error means that the sender is gone: that is the end too.
                _ = stopped.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => true,
                () = asks.next() => false,
            };
            let stands = place.stands();
            let gone = stands.is_err();
            self.troubles.told("the data directory is gone; phones are served from what is known", stands);
            if ticked {
                count = count.wrapping_add(1);
                self.look_at_folder(&mut looking);
            }
            if gone {
                continue;
            }
            if ticked {
                self.now_and_then(count).await;
            }
            // Before the look: what is asked for after it needs another.
            asked = data.asked().unwrap_or(asked);
            if asked > answered {
                self.write_seen().await;
            }
            self.write_log_lines().await;
            let now = self.look().await.err().map(|error| error.to_string()).unwrap_or_default();
            if self.parts.lock().await.take_news() {
                news = Some(Instant::now());
                heard = answered;
            }
            // Whoever asks now may have caused it, so he is not told that all is well; with what is known, and stands as an alarm, nobody
            // is held up.
            if asked > heard && news.is_some_and(|since: Instant| since.elapsed() < NEWS) {
                withheld = asked;
            }
            heard = asked;
            if now.is_empty() && asked > answered.max(withheld) {
                let said = serving.answer(asked);
                if said.is_ok() {
                    answered = asked;
                }
                self.troubles.told("who waits for this node is not told that it follows", said);
            }
            if now != trouble && !now.is_empty() {
                tracing::error!(error = now, "the servers go on with what they knew before");
            }
            trouble = now;
        }
    }

    /// Has the folder of files looked at, one look at a time: the next when a slow disk has answered.
    fn look_at_folder(&self, running: &mut JoinSet<()>) {
        while running.try_join_next().is_some() {}
        if running.is_empty() {
            let files = Arc::clone(&self.files);
            running.spawn_blocking(move || {
                if let Err(error) = files.look_at_folder(now()) {
                    tracing::debug!(%error, "the folder of files is not seen as it is now");
                }
            });
        }
    }

    /// What need not happen at each look.
    async fn now_and_then(&self, count: u32) {
        if count.is_multiple_of(SEEN_EVERY) {
            self.write_seen().await;
            let change = self.seen.lock().await.change;
            self.taken.note(&self.cluster, &self.node.load_full(), change).await;
        }
        if self.node.load().publisher && count.is_multiple_of(ENROLMENT_EVERY) {
            self.step_enrolment().await;
            self.send_resets().await;
            let noted = self.cluster.note_failed_log_ins(now()).await.map(drop);
            self.troubles.told("failed log-ins are not noted yet", noted);
            self.taken.forget(&self.cluster, now()).await;
        }
    }

    /// What happens by itself: causes that waited are written down, operations run out of time, a wave goes on.
    async fn step_enrolment(&self) {
        let stepped = self.waves.step(&self.cluster, now()).await.map(drop);
        self.troubles.told("operations and waves of CAPF wait", stepped);
    }

    /// Takes over what changed, if something did; else tries what failed before, when it is time.
    async fn look(&self) -> Result<(), StartError> {
        let change = self.cluster.store().last_change().await.map_err(CoreError::from)?;
        if self.seen.lock().await.change != change {
            // What a part could not take over stands as an alarm.
            return self.refresh().await.map(drop);
        }
        let _turn = self.taking_over.lock().await;
        for part in Part::ALL {
            if self.parts.lock().await.is_due(part, Instant::now()) {
                drop(self.take_over(part).await);
            }
        }
        Ok(())
    }

    /// Takes over what changed. What the first part that could not follow says; the others follow all the same.
    pub(super) async fn refresh(&self) -> Result<Result<(), StartError>, StartError> {
        let _turn = self.taking_over.lock().await;
        let since = self.seen.lock().await.change;
        let changes = self.cluster.store().changes_after(since).await.map_err(CoreError::from)?;
        let enrolments_only = changes.iter().all(|change| change.kind == CHANGE || change.kind == "reset");
        let mut first = Ok(());
        if changes.is_empty() || is_torn(since, &changes) || !enrolments_only || !self.refresh_devices(&changes).await?
        {
            for part in Part::ALL {
                first = first.and(self.take_over(part).await);
            }
        }
        for change in changes.iter().filter(|change| change.kind == "reset") {
            tracing::info!(phones = change.subject, "phones must be reset to fetch their lists again");
        }
        if let Some(last) = changes.last() {
            self.seen.lock().await.change = last.seq;
        }
        Ok(first)
    }

    /// One part takes over what changed, and what became of it is told.
    pub(super) async fn take_over(&self, part: Part) -> Result<(), StartError> {
        let done = match part {
            Part::Lists => self.refresh_lists().await,
            Part::Files => self.refresh_files().await,
            Part::Trust => self.refresh_trust(false).await,
            Part::Tvs | Part::Capf | Part::CtlProvider => self.refresh_service(part).await,
            Part::Services => self.follow_services().await,
        };
        self.told(part, done.as_ref().map(|&()| ()).map_err(ToString::to_string)).await;
        done
    }

    /// Lets an alarm stand about a part that failed, and ends the one about a part that follows.
    pub(super) async fn told(&self, part: Part, done: Result<(), String>) {
        let node = self.node.load_full();
        let mut parts = self.parts.lock().await;
        let told = match &done {
            Ok(()) if parts.follows(part) => self.cluster.part_follows(&node, part.name()).await,
            Err(why) if parts.failed(part, why, Instant::now()) => {
                tracing::error!(part = part.name(), error = why, "it goes on with what it knew before");
                self.cluster.part_is_behind(&node, part.name(), why, now()).await
            }
            _ => return,
        };
        match told {
            Ok(()) => parts.told(part, done.err()),
            Err(error) => tracing::warn!(part = part.name(), %error, "no alarm could be raised or ended about it"),
        }
    }

    /// The lists that the node publishes.
    async fn refresh_lists(&self) -> Result<(), StartError> {
        self.refresh_row().await?;
        self.cluster.settle(&mut System::default()).await?;
        Ok(())
    }

    async fn refresh_files(&self) -> Result<(), StartError> {
        self.files.swap(self.cluster.snapshot(&self.node.load_full()).await?);
        Ok(())
    }

    /// The name and the address of the node.
    async fn refresh_row(&self) -> Result<(), StartError> {
        let nodes = self.cluster.store().nodes().await.map_err(CoreError::from)?;
        if let Some(row) = nodes.into_iter().find(|row| row.pkid == self.node.load().pkid) {
            self.node.store(Arc::new(row));
        }
        Ok(())
    }

    /// Takes over the devices whose enrolment changed, and nothing else. `false`: one of them is new, so everything has to
    /// be read.
    async fn refresh_devices(&self, changes: &[ChangeRow]) -> Result<bool, StartError> {
        let changed = changes.iter().filter(|change| change.kind == CHANGE).map(|change| change.subject.as_str());
        let names: HashSet<&str> = changed.collect();
        if names.len() > SINGLE_DEVICES {
            self.files.swap(self.cluster.snapshot(&self.node.load_full()).await?);
            return Ok(true);
        }
        for name in names {
            let entry = self.cluster.device_entry(name).await?;
            if !entry.is_some_and(|entry| self.files.swap_device(name, entry)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The service that is this part shows what it has to show now, and runs once it has what it needs.
    async fn refresh_service(&self, part: Part) -> Result<(), StartError> {
        let node = self.node.load_full();
        for served in self.services.all().iter().filter(|served| served.part() == Some(part)) {
            let was_ready = served.is_ready();
            served.refresh(&self.cluster, &node).await?;
            if !was_ready && served.is_ready() {
                self.follow_services().await?;
            }
        }
        Ok(())
    }

    /// What CAPF decides and shows; `None` where it does not run.
    pub(super) fn capf_part(&self) -> Option<&CapfPart> {
        self.services.capf.as_ref()?.part()
    }

    /// Where the CTL provider listens; `None` where it does not run.
    pub(super) async fn ctl_provider(&self) -> Option<SocketAddr> {
        let provider = self.services.ctl_provider.as_ref()?;
        self.runs.lock().await.runs(provider.service()).then(|| provider.address.get())
    }

    /// Starts and stops servers as the rows of their services say.
    pub(super) async fn follow_services(&self) -> Result<(), StartError> {
        let rows = self.cluster.services_of(&self.node.load_full()).await?;
        let followed = self.runs.lock().await.follow(&self.services.all(), &rows).await;
        if let Some(address) = self.ctl_provider().await {
            // It serves all the same.
            if let Err(error) = self.cluster.note_ctl_provider_port(address.port()).await {
                tracing::warn!(%error, %address, "the port of the CTL provider is not on record");
            }
        }
        Ok(followed?)
    }

    /// The certificates of all stores, the CTL of the node.
    pub(super) async fn refresh_trust(&self, first: bool) -> Result<(), StartError> {
        let parameters = self.cluster.parameters().await?;
        let time_to_live = parameters.number(TVS_TIME_TO_LIVE, 86_400);
        let entries = self.cluster.tvs_entries(time_to_live).await?;
        let mut cache = self.services.tvs.trust.load().with_database(entries);
        let mut seen = self.seen.lock().await;
        let ctl = self.cluster.served_list(&self.node.load_full(), ListKind::Ctl)?.map(|published| published.list);
        let bytes = ctl.as_ref().map(|list| list.bytes().to_vec());
        if bytes != seen.ctl || (first && bytes.is_some()) {
            cache = cache.with_ctl(ctl.as_ref(), time_to_live, &mut |line| self.services.tvs.server.log.line(line));
            seen.ctl = bytes;
        }
        self.services.tvs.trust.store(Arc::new(cache));
        Ok(())
    }

    /// Writes down what phones did since the last time: those that are not known, the lists that the others fetched, and why CAPF
    /// refused them.
    pub(super) async fn write_seen(&self) {
        if let Some(capf) = self.capf_part() {
            let noted = capf.desk.desk().note_refusals(now()).await.map(drop);
            self.troubles.told("why CAPF refused phones could not be noted", noted);
        }
        let unknown = self.files.take_unknown();
        if !unknown.is_empty() {
            let noted = self.cluster.note_unknown_devices(&unknown).await.map(drop);
            self.troubles.told("unknown phones could not be noted", noted);
        }
        let fetched = self.files.fetched().take(&self.node.load_full());
        if !fetched.is_empty() {
            let noted = self.cluster.note_fetched_lists(&fetched).await.map(drop);
            self.troubles.told("which phones have fetched their lists could not be noted", noted);
        }
        let strangers = self.files.fetched().take_strangers(&self.node.load_full());
        if !strangers.is_empty() {
            let noted = self.cluster.note_stranger_lists(&strangers).await.map(drop);
            self.troubles.told("phones that nobody added could not be noted", noted);
        }
    }

    /// Writes lines of logs that changes have left: who made them waits for no log, nor is one waited for without limit here.
    pub(super) async fn write_log_lines(&self) {
        let written = self.cluster.store().write_log_lines_again(Instant::now()).await;
        self.troubles.told(LINES_WAIT, written);
    }

    /// The same at the end: logs that took nothing are tried once more.
    pub(super) async fn write_last_log_lines(&self) {
        self.troubles.told(LINES_WAIT, self.cluster.store().write_log_lines().await);
    }

    /// Phones that a renewal concerns are reset when it is quiet again.
    async fn send_resets(&self) {
        let sent = self.cluster.send_resets(now()).await.map(drop);
        self.troubles.told("phones that need their new lists are not reset yet", sent);
    }
}
