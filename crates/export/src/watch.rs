//! Keeps a destination's counters and says in the log what a person has to know: when it goes down and why, when it is
//! up again, and which points it rejects. Attempts are counted, not logged.

use crate::encode::Encoded;
use crate::health::{Health, Seldom, State};
use crate::stats::{DeliveryStats, Lost};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::time::Instant;

/// What to do about points that come too late for a back end.
const ORDER: &str = "set `storage.tsdb.out_of_order_time_window: 2h` in Prometheus (`limits.out_of_order_time_window` in \
                     Mimir), and `order: oldest_first` in this destination";

/// Why points are dropped unsent.
const FULL: &str = "the spool is full and `on_full: drop_oldest` drops the oldest points; bring the destination back, or \
                    raise its `spool_max`";

/// What to do about deltas that are refused.
const DELTAS: &str = "set `deltas: cumulative` (or `deltas: gauge`) in this destination and reload";

/// The eyes on one destination.
#[derive(Debug)]
pub(crate) struct Watch {
    name: String,
    stats: Arc<DeliveryStats>,
    health: Health,
    dropped: Seldom,
    rejected: Seldom,
}

impl Watch {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            stats: Arc::default(),
            health: Health::default(),
            dropped: Seldom::default(),
            rejected: Seldom::default(),
        }
    }

    pub(crate) fn count_in(&mut self, stats: Arc<DeliveryStats>) {
        self.stats = stats;
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn stats(&self) -> &Arc<DeliveryStats> {
        &self.stats
    }

    /// An attempt is to be made again, and nothing else is taken.
    pub(crate) fn failed(&mut self, for_a_person: bool, why: &str) {
        self.stats.failed(for_a_person, why);
        let name = &self.name;
        match self.health.failed(Instant::now(), for_a_person) {
            None | Some(State::Up) => tracing::debug!(destination = name, why, "request failed, retrying"),
            Some(State::Down) => {
                self.stats.down();
                tracing::warn!(
                    destination = name,
                    why,
                    "destination is down; points wait in the spool, retrying"
                );
            }
            Some(State::Held) => {
                self.stats.down();
                tracing::error!(
                    destination = name,
                    why,
                    "destination refuses all requests, action required; points wait in the spool"
                );
            }
        }
    }

    /// An attempt failed while others are taken.
    pub(crate) fn counted(&mut self, why: &str) {
        self.stats.retried(why);
        tracing::debug!(
            destination = self.name,
            why,
            "request failed while others are taken, retrying"
        );
    }

    /// The destination took a request. Gives how long it was down.
    pub(crate) fn answered(&mut self) -> Option<Duration> {
        self.stats.up();
        self.health.answered(Instant::now())
    }

    /// It has recovered, with so many points waiting for it.
    pub(crate) fn recovered(&self, outage: Duration, points: u64) {
        let seconds = outage.as_secs();
        tracing::info!(
            destination = self.name,
            seconds,
            points,
            "destination has recovered; seconds = how long it was down, points = how many waited"
        );
    }

    /// A request was taken, all or in part; `kept` of what it has rejected stays in the spool.
    pub(crate) fn taken(&mut self, part: &Encoded, rejected: i64, kept: u32, message: &str) {
        let rejected = if kept > 0 { 0 } else { rejected };
        self.stats.success(part, rejected, kept);
        if kept == 0 && (rejected > 0 || !message.is_empty()) {
            self.rejects(u64::try_from(rejected).unwrap_or(0), message);
        }
    }

    /// All of a request was stored but points that came too late; the back end does not say how many.
    pub(crate) fn stored_but_some(&mut self, part: &Encoded, why: &str) {
        self.stats.success(part, 1, 0);
        self.rejects(1, &format!("{why}; {ORDER}"));
    }

    /// Points came too late.
    pub(crate) fn out_of_order(&mut self, part: &Encoded, why: &str) {
        self.stats.rejected_alone(part);
        self.rejects(u64::from(part.points), &format!("{why}; {ORDER}"));
    }

    fn rejects(&mut self, points: u64, why: &str) {
        if points > 0 {
            self.stats.lost(Lost::Rejected, points, why);
        }
        let why = if why.is_empty() {
            "it does not say why"
        } else {
            why
        };
        if let Some((points, why)) = self.rejected.add(Instant::now(), points, why) {
            self.tell_rejected(points, &why);
        }
    }

    /// A request was refused as a whole; `counter` is the kind of refusal.
    pub(crate) fn refused(&mut self, counter: fn(&DeliveryStats) -> &AtomicU64, why: &str) {
        self.stats.error(counter(&self.stats), why);
    }

    /// Points are dropped.
    pub(crate) fn gave_up(&mut self, part: &Encoded, why: &str) {
        self.stats.given_up(part);
        self.stats.lost(Lost::Dropped, u64::from(part.points), why);
        if let Some((points, why)) = self.dropped.add(Instant::now(), u64::from(part.points), why) {
            self.tell_dropped(points, &why);
        }
    }

    /// The spool has dropped points to make room.
    pub(crate) fn skipped(&mut self, points: u64) {
        if points == 0 {
            return;
        }
        self.stats.lost(Lost::Dropped, points, FULL);
        if let Some((points, why)) = self.dropped.add(Instant::now(), points, FULL) {
            self.tell_dropped(points, &why);
        }
    }

    /// The back end takes no deltas.
    pub(crate) fn no_deltas(&mut self, why: &str) {
        if self.stats.deltas_refused(Some(why)) {
            return;
        }
        tracing::error!(
            destination = self.name,
            why,
            "destination rejects delta points, action required; they wait in the spool, all others are delivered; \
             {DELTAS}"
        );
    }

    /// It takes them again.
    pub(crate) fn deltas_again(&mut self) {
        self.stats.deltas_refused(None);
        tracing::info!(destination = self.name, "destination takes delta points again");
    }

    /// Tells losses that were held back and whose time has come.
    pub(crate) fn tell(&mut self, now: Instant) {
        if let Some((points, why)) = self.dropped.tell(now) {
            self.tell_dropped(points, &why);
        }
        if let Some((points, why)) = self.rejected.tell(now) {
            self.tell_rejected(points, &why);
        }
    }

    /// Tells all losses that were held back.
    pub(crate) fn tell_all(&mut self) {
        let now = Instant::now();
        if let Some((points, why)) = self.dropped.tell_all(now) {
            self.tell_dropped(points, &why);
        }
        if let Some((points, why)) = self.rejected.tell_all(now) {
            self.tell_rejected(points, &why);
        }
    }

    /// When there is something to tell.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.dropped
            .waits()
            .into_iter()
            .chain(self.rejected.waits())
            .min()
    }

    fn tell_dropped(&self, points: u64, why: &str) {
        tracing::warn!(destination = self.name, points, why, "points dropped");
    }

    fn tell_rejected(&self, points: u64, why: &str) {
        tracing::warn!(
            destination = self.name,
            points,
            why,
            "points rejected by the destination"
        );
    }
}
