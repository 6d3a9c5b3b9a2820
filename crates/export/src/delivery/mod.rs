//! Drains one destination: delivers, waits, and goes on beside what is not taken.
//!
//! Every destination has its own loop and its own position in the store, so one that is down holds back nobody else.
//! A batch that is not taken is tried again until it is. A point is dropped only when it is proved to be the point's fault:
//! it was refused alone, something else was taken after that, and it was refused again; `look` has how that is found out.

mod look;
mod source;
mod trouble;
mod waits;

pub use source::{Batch, Source, Want};
pub use waits::Waits;

use crate::deltas::{Parted, part};
use crate::encode::Encoded;
use crate::refusal::{Refusal, refuses_deltas};
use crate::stats::DeliveryStats;
use crate::transport::{Transport, Verdict};
use crate::watch::Watch;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing::field::Empty;
use trouble::{Failure, Kind, Troubled};

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
        while let Ok(true) = self.step(&stop).await {
            self.show();
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

    /// A new batch. Beside one in trouble it is a probe: when it fails as well, it stays where it is.
    async fn first(&mut self, sequence: u64, batch: Batch, stop: &CancellationToken) -> Result<(), Stopped> {
        let now = Instant::now();
        self.watch.stats().waiting(Some(batch.encoded.oldest_end));
        let probe = !self.troubled.is_empty() && !self.flow.others;
        let mut item = Troubled::new(sequence, batch, now);
        if self.strips(now) && !Self::strip(&mut item) {
            self.finish(item).await;
            return Ok(());
        }
        let asks_for_deltas = self.no_deltas.is_some() && item.deltas == 0;
        match self.carry_first(&mut item, stop).await? {
            None => {
                if asks_for_deltas && item.deltas == 0 {
                    self.takes_deltas_again();
                }
                self.finish(item).await;
            }
            Some(failure) if probe && !of_some_points(failure.kind) => {
                self.watch.counted(&failure.why);
                self.flow.probe_at = Some(Instant::now() + self.waits.hold_every);
            }
            Some(failure) => self.trouble(item, failure, stop).await?,
        }
        Ok(())
    }

    /// Carries the part whose turn it is, which is then gone from the batch; or says why not.
    async fn carry_first(
        &mut self,
        item: &mut Troubled,
        stop: &CancellationToken,
    ) -> Result<Option<Failure>, Stopped> {
        let Some(part) = item.rest.pop() else {
            return Ok(None);
        };
        let failed = self.carry(&part, item, stop).await;
        if !matches!(failed, Ok(None)) {
            item.rest.push(part);
        }
        failed
    }

    /// A batch that failed before: taken apart when it is time, else tried as it is.
    async fn again(&mut self, mut item: Troubled, stop: &CancellationToken) -> Result<(), Stopped> {
        let now = Instant::now();
        let others = self.flow.taken_since(item.last) || self.passes_others(&item, now, stop).await?;
        if item.comes_apart(now, others, &self.waits) {
            return self.take_apart(item, stop).await;
        }
        if item.rest.is_empty() {
            return self.ask_about_one(item, stop).await;
        }
        while !item.rest.is_empty() {
            if let Some(failure) = self.carry_first(&mut item, stop).await? {
                return self.trouble(item, failure, stop).await;
            }
        }
        if item.suspects.is_empty() {
            self.finish(item).await;
        } else {
            item.next = now;
            self.troubled.push(item);
        }
        Ok(())
    }

    /// Single points: one of them tells whether anything has changed.
    async fn ask_about_one(&mut self, mut item: Troubled, stop: &CancellationToken) -> Result<(), Stopped> {
        let Some(suspect) = item.suspects.pop() else {
            self.finish(item).await;
            return Ok(());
        };
        let part = suspect.part.clone();
        match self.carry(&part, &mut item, stop).await? {
            Some(failure) => {
                item.suspects.push(suspect);
                self.put_aside(item, failure);
            }
            None if item.suspects.is_empty() => self.finish(item).await,
            None => self.troubled.push(item),
        }
        Ok(())
    }

    /// Where order matters nothing passes a batch that may yet be taken, so that an empty request has to tell.
    async fn passes_others(
        &mut self,
        item: &Troubled,
        now: Instant,
        stop: &CancellationToken,
    ) -> Result<bool, Stopped> {
        Ok(self.in_order && item.lasts(now, &self.waits) && self.takes_empty(stop).await?)
    }

    /// Reacts to a failure.
    async fn trouble(
        &mut self,
        mut item: Troubled,
        failure: Failure,
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        match failure.kind {
            Kind::Refused(Refusal::Deltas) => {
                self.refuses_deltas(&failure.why);
                if item.deltas_only || !Self::strip(&mut item) {
                    self.finish(item).await;
                } else if item.deltas == 0 {
                    let kind = Kind::Refused(Refusal::Points { account: false });
                    return self.look_into(item, Failure { kind, ..failure }, stop).await;
                } else {
                    return Box::pin(self.again_at_once(item, stop)).await;
                }
            }
            Kind::Refused(Refusal::Order { rest_stored: true }) => {
                if let Some(part) = item.rest.pop() {
                    self.watch.stored_but_some(&part, &failure.why);
                }
                return Box::pin(self.again_at_once(item, stop)).await;
            }
            Kind::Refused(Refusal::Order { rest_stored: false }) => {
                return self.sieve(item, &failure.why, stop).await;
            }
            Kind::Refused(_) if !item.searched => return self.look_into(item, failure, stop).await,
            Kind::Refused(_) | Kind::Passing | Kind::Held => self.put_aside(item, failure),
        }
        Ok(())
    }

    /// What is left of a batch, without waiting.
    async fn again_at_once(&mut self, mut item: Troubled, stop: &CancellationToken) -> Result<(), Stopped> {
        item.next = Instant::now();
        self.again(item, stop).await
    }

    /// Keeps a batch for later. Others are not thought to be taken any more until one is.
    fn put_aside(&mut self, mut item: Troubled, failure: Failure) {
        let now = Instant::now();
        let new = item.attempts == 0;
        item.failed(failure, now, &self.waits, fastrand::f64());
        if new {
            self.flow.others = false;
        }
        if self.flow.others {
            self.watch.counted(&item.failure.why);
        } else {
            if new {
                self.flow.probe_at = Some(now + item.others_after(&self.waits));
            }
            self.watch.failed(item.needs_somebody(), &item.failure.why);
        }
        self.troubled.push(item);
    }

    /// All of it was delivered or dropped, but for its deltas where those are refused.
    async fn finish(&mut self, item: Troubled) {
        if item.deltas > 0 {
            self.source.keep_deltas(item.sequence, item.deltas).await;
        } else if !(item.deltas_only && self.no_deltas.is_some()) {
            self.source.done(item.sequence).await;
        }
        self.watch.stats().waiting(None);
    }

    /// Leaves the deltas of a batch where they are; false when nothing else is in it.
    fn strip(item: &mut Troubled) -> bool {
        if item.deltas_only {
            return false;
        }
        let mut rest = Vec::with_capacity(item.rest.len());
        for whole in std::mem::take(&mut item.rest) {
            match part(&whole) {
                Ok(Parted::Both(others, deltas)) => {
                    item.deltas += deltas.points;
                    rest.push(others);
                }
                Ok(Parted::OnlyDeltas) => item.deltas += whole.points,
                // What cannot be read is the transport's to tell.
                Ok(Parted::NoDeltas) | Err(_) => rest.push(whole),
            }
        }
        item.rest = rest;
        !item.rest.is_empty()
    }

    fn refuses_deltas(&mut self, why: &str) {
        self.no_deltas = Some(Instant::now() + self.waits.deltas_every);
        self.watch.no_deltas(why);
    }

    fn takes_deltas_again(&mut self) {
        self.no_deltas = None;
        self.watch.deltas_again();
    }

    /// One attempt. What is taken is counted; nothing = it is settled.
    async fn carry(
        &mut self,
        part: &Encoded,
        item: &mut Troubled,
        stop: &CancellationToken,
    ) -> Result<Option<Failure>, Stopped> {
        let verdict = self.attempt(part, stop).await?;
        match &verdict {
            Verdict::Delivered { rejected, message } => {
                if let Some(outage) = self.watch.answered() {
                    self.watch.recovered(outage, self.source.waiting().await);
                }
                self.flows();
                let kept = self.rejected_deltas(part, *rejected, message);
                item.deltas += kept;
                self.watch.taken(part, *rejected, kept, message);
            }
            Verdict::Drop { why } => self.watch.gave_up(part, why),
            Verdict::Retry { .. } | Verdict::Hold { .. } | Verdict::Refused { .. } => {}
        }
        Ok(Failure::of(verdict))
    }

    /// Points were taken: what failed while none were is worth another try.
    fn flows(&mut self) {
        let now = Instant::now();
        if !self.flow.others {
            self.troubled.iter_mut().for_each(|item| item.next = now);
        }
        (self.flow.taken, self.flow.others) = (Some(now), true);
    }

    /// Delta points that a partial success has not taken.
    fn rejected_deltas(&mut self, sent: &Encoded, rejected: i64, message: &str) -> u32 {
        if rejected <= 0 || !refuses_deltas(message) {
            return 0;
        }
        self.refuses_deltas(message);
        match part(sent) {
            Ok(Parted::Both(_, deltas)) => deltas.points,
            Ok(Parted::OnlyDeltas) => sent.points,
            Ok(Parted::NoDeltas) | Err(_) => 0,
        }
    }

    /// Whether a request without points is taken.
    async fn takes_empty(&mut self, stop: &CancellationToken) -> Result<bool, Stopped> {
        let Some(empty) = crate::pick::empty() else {
            return Ok(false);
        };
        let verdict = self.attempt(&empty, stop).await?;
        Ok(matches!(verdict, Verdict::Delivered { .. }))
    }

    /// One attempt; after `stop` it has a grace to end.
    async fn attempt(&self, part: &Encoded, stop: &CancellationToken) -> Result<Verdict, Stopped> {
        if stop.is_cancelled() {
            return Err(Stopped);
        }
        let span = tracing::info_span!(
            "export",
            otel.kind = "client",
            destination = self.watch.name(),
            points = part.points,
            outcome = Empty,
        );
        let mut attempt = self.transport.deliver(part).instrument(span.clone());
        let verdict = tokio::select! {
            verdict = &mut attempt => Ok(verdict),
            () = stop.cancelled() => timeout(STOP_GRACE, &mut attempt).await.map_err(|_| Stopped),
        };
        span.record("outcome", verdict.as_ref().map_or("stopped", Verdict::label));
        verdict
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

/// Whether the words tell which points are refused, so that it is the batch and not the back end.
fn of_some_points(kind: Kind) -> bool {
    matches!(kind, Kind::Refused(Refusal::Deltas | Refusal::Order { .. }))
}

/// Waits for a moment, for ever if there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
