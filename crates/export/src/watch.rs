//! Keeps a destination's counters and says in the log what a person has to know: when it goes down and why, when it is
//! up again, and which points it refuses. Attempts are counted, not logged.

use crate::deltas::refuses_deltas;
use crate::encode::Encoded;
use crate::health::{Health, Seldom, State};
use crate::stats::DeliveryStats;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::time::Instant;

/// The eyes on one destination.
#[derive(Debug)]
pub(crate) struct Watch {
    name: String,
    stats: Arc<DeliveryStats>,
    health: Health,
    dropped: Seldom,
    rejected: Seldom,
    told_of_deltas: bool,
}

impl Watch {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            stats: Arc::default(),
            health: Health::default(),
            dropped: Seldom::default(),
            rejected: Seldom::default(),
            told_of_deltas: false,
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

    /// An attempt is to be made again.
    pub(crate) fn failed(&mut self, for_a_person: bool, why: &str) {
        self.stats.failed(for_a_person, why);
        let name = &self.name;
        match self.health.failed(Instant::now(), for_a_person) {
            None | Some(State::Up) => tracing::debug!(destination = name, why, "not taken, trying again"),
            Some(State::Down) => {
                self.stats.down();
                tracing::warn!(
                    destination = name,
                    why,
                    "destination is down; points wait in the spool and it is tried again"
                );
            }
            Some(State::Held) => {
                self.stats.down();
                tracing::error!(
                    destination = name,
                    why,
                    "destination needs a person; points wait in the spool until this is put right"
                );
            }
        }
    }

    /// The destination answered. Gives how long it was down.
    pub(crate) fn answered(&mut self) -> Option<Duration> {
        self.stats.up();
        self.health.answered(Instant::now())
    }

    /// It is up again, with so many points waiting for it.
    pub(crate) fn recovered(&self, outage: Duration, points: u64) {
        let seconds = outage.as_secs();
        tracing::info!(
            destination = self.name,
            seconds,
            points,
            "destination is up again; seconds = how long it was down, points = how many waited"
        );
    }

    /// A request was taken, all or in part.
    pub(crate) fn taken(&mut self, part: &Encoded, rejected: i64, message: &str) {
        self.stats.success(part, rejected);
        if rejected <= 0 && message.is_empty() {
            return;
        }
        self.look_for_deltas(message);
        let points = u64::try_from(rejected).unwrap_or(0);
        if let Some(points) = self.rejected.add(Instant::now(), points) {
            tracing::warn!(
                destination = self.name,
                points,
                why = message,
                "back end took a request in part"
            );
        }
    }

    /// A request was refused as a whole; `counter` is the kind of refusal.
    pub(crate) fn refused(&mut self, counter: fn(&DeliveryStats) -> &AtomicU64, why: &str) {
        self.stats.error(counter(&self.stats), why);
        self.look_for_deltas(why);
    }

    /// Points are given up.
    pub(crate) fn gave_up(&mut self, part: &Encoded, why: &str) {
        self.stats.given_up(part);
        if let Some(points) = self.dropped.add(Instant::now(), u64::from(part.points)) {
            tracing::warn!(
                destination = self.name,
                points,
                why,
                "back end refused points for good, dropped"
            );
        }
    }

    fn look_for_deltas(&mut self, why: &str) {
        if self.told_of_deltas || !refuses_deltas(why) {
            return;
        }
        self.told_of_deltas = true;
        tracing::error!(
            destination = self.name,
            why,
            "back end takes no delta points and they are dropped; write `deltas: cumulative` or `deltas: gauge` in \
             this destination"
        );
    }
}
