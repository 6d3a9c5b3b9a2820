//! Drains one destination: delivers, waits, and goes on beside what is not taken.
//!
//! Every destination has its own loop and its own position in the store, so one that is down holds back nobody else.
//! A batch that is not taken is tried again until it is. A point is dropped only when it is proved to be the point's fault:
//! it was refused alone, something else was taken after that, and it was refused again; `look` has how that is found out.

mod look;
mod react;
mod send;
mod source;
mod trouble;
mod turn;
mod waits;

pub use source::{Batch, Source, Want};
pub use waits::Waits;

use crate::stats::DeliveryStats;
use crate::transport::Transport;
use crate::watch::Watch;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use trouble::{Kind, Troubled};

/// How long a batch in flight may still take once we are asked to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Batches that may be in trouble while others go on; each is in memory. At one more, nothing new is tried.
const MOST_TROUBLED: usize = 8;

/// The loop of one destination.
pub struct Delivery<S> {
    transport: Arc<dyn Transport>,
    source: S,
    watch: Watch,
    waits: Waits,
    in_order: bool,
    troubled: Vec<Troubled>,
    flow: Flow,
    /// When a back end that refuses deltas is asked again.
    no_deltas: Option<Instant>,
}

/// Whether others are taken beside what is in trouble.
#[derive(Debug, Default)]
struct Flow {
    /// When points were taken last.
    taken: Option<Instant>,
    /// Others are taken.
    others: bool,
    /// When one of them may be tried.
    probe_at: Option<Instant>,
}

impl Flow {
    fn taken_since(&self, then: Instant) -> bool {
        self.taken.is_some_and(|taken| taken > then)
    }
}

impl<S> std::fmt::Debug for Delivery<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("watch", &self.watch)
            .finish_non_exhaustive()
    }
}

/// Asked to stop before the batch was settled.
struct Stopped;

impl<S: Source> Delivery<S> {
    /// A loop that carries what `source` has through `transport`.
    pub fn new(name: impl Into<String>, transport: Arc<dyn Transport>, source: S) -> Self {
        Self {
            transport,
            source,
            watch: Watch::new(name.into()),
            waits: Waits::default(),
            in_order: false,
            troubled: Vec::new(),
            flow: Flow::default(),
            no_deltas: None,
        }
    }

    /// Other waits than the usual ones, for tests and rehearsals.
    #[must_use]
    pub fn with_waits(mut self, waits: Waits) -> Self {
        self.waits = waits;
        self
    }

    /// A batch that may yet be taken is not passed by a later one.
    #[must_use]
    pub fn in_order(mut self, in_order: bool) -> Self {
        self.in_order = in_order;
        self
    }

    /// Counts on in the counters of a delivery that has ended.
    #[must_use]
    pub fn with_stats(mut self, stats: Arc<DeliveryStats>) -> Self {
        self.watch.count_in(stats);
        self
    }

    /// Its counters; take them before [`Self::run`].
    pub fn stats(&self) -> Arc<DeliveryStats> {
        Arc::clone(self.watch.stats())
    }

    /// Delivers until `stop` or until the source has ended and nothing is left. A batch in flight at `stop` gets a grace;
    /// one that is not settled by then stays in the source.
    pub async fn run(mut self, stop: CancellationToken) {
        // What one before it has found out may be mended.
        self.watch.stats().set_aside(0, "");
        self.watch.stats().deltas_refused(None);
        let mut skipped = self.source.skipped().await;
        while let Ok(true) = self.step(&stop).await {
            self.show();
            let now = self.source.skipped().await;
            self.watch.skipped(now.saturating_sub(skipped));
            skipped = now;
        }
        self.watch.tell_all();
    }

    /// One batch, new or in trouble, or a wait; false when there is nothing left.
    async fn step(&mut self, stop: &CancellationToken) -> Result<bool, Stopped> {
        let now = Instant::now();
        self.watch.tell(now);
        if let Some(at) = self.due(now) {
            let item = self.troubled.remove(at);
            self.again(item, stop).await?;
            return Ok(true);
        }
        if !self.may_go_on(now) || !self.proves_order(stop).await? {
            self.pause(now, stop).await?;
            return Ok(true);
        }
        let want = self.want(now);
        let wake = self.wake(now);
        let next = tokio::select! {
            () = stop.cancelled() => return Err(Stopped),
            next = self.source.next(&want) => next,
            () = at(wake) => return Ok(true),
        };
        match next {
            Some((sequence, batch)) => self.first(sequence, batch, stop).await?,
            None if self.troubled.is_empty() => return Ok(false),
            None => self.pause(now, stop).await?,
        }
        Ok(true)
    }

    /// The oldest batch whose turn it is.
    fn due(&self, now: Instant) -> Option<usize> {
        let due = self.troubled.iter().enumerate();
        let due = due.filter(|(_, item)| item.is_due(now, self.flow.taken));
        due.min_by_key(|(_, item)| item.sequence).map(|(at, _)| at)
    }

    /// Whether a new batch may be tried.
    fn may_go_on(&self, now: Instant) -> bool {
        let passed = |item: &Troubled| {
            !self.in_order || item.searched || matches!(item.failure.kind, Kind::Refused(_))
        };
        self.troubled.is_empty()
            || (self.troubled.len() < MOST_TROUBLED
                && self.troubled.iter().all(passed)
                && (self.flow.others || self.flow.probe_at.is_none_or(|at| at <= now)))
    }

    /// Where order matters, a batch is passed by others only while the back end takes an empty request: what is refused
    /// then is the batch, and not everything.
    async fn proves_order(&mut self, stop: &CancellationToken) -> Result<bool, Stopped> {
        if !self.in_order || self.troubled.is_empty() || self.takes_empty(stop).await? {
            return Ok(true);
        }
        self.flow.probe_at = Some(Instant::now() + self.waits.hold_every);
        self.flow.others = false;
        Ok(false)
    }

    fn want(&self, now: Instant) -> Want {
        Want {
            except: self.troubled.iter().map(|item| item.sequence).collect(),
            deltas: !self.strips(now),
        }
    }

    /// Whether deltas are known to be refused and it is not time to ask again.
    fn strips(&self, now: Instant) -> bool {
        self.no_deltas.is_some_and(|at| now < at)
    }

    /// When something is to be done without a new batch.
    fn wake(&self, now: Instant) -> Option<Instant> {
        let troubled = self.troubled.iter().map(|item| item.next);
        let rest = [self.no_deltas, self.watch.due(), self.flow.probe_at];
        troubled
            .chain(rest.into_iter().flatten())
            .filter(|at| *at > now)
            .min()
    }

    async fn pause(&self, now: Instant, stop: &CancellationToken) -> Result<(), Stopped> {
        let wake = self.wake(now);
        stop.run_until_cancelled(at(wake)).await.ok_or(Stopped)
    }

    /// Tells what has been put aside while others are taken.
    fn show(&self) {
        let aside = if self.flow.others { &self.troubled[..] } else { &[] };
        let points = aside.iter().map(Troubled::points).sum();
        let oldest = aside.iter().min_by_key(|item| item.first);
        let why = oldest.map_or("", |item| item.failure.why.as_str());
        self.watch.stats().set_aside(points, why);
        if let Some(oldest) = self.troubled.iter().filter_map(Troubled::oldest_end).min() {
            self.watch.stats().waiting(Some(oldest));
        }
    }
}

/// Waits for a moment, for ever if there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
