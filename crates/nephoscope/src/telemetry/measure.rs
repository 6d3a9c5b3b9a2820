//! All figures of one moment, read from what runs. Nothing is counted here.

use super::instruments::{Figure, Number};
use super::process;
use crate::live::Live;
use gate::{Gate, Standing};
use provider_api::UnixNanos;
use scheduler::AccountProgress;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// Of a figure that is whole.
    Whole(u64),
    /// Of a figure that is real.
    Real(f64),
}

impl Value {
    /// Which figures have such values.
    fn number(self) -> Number {
        match self {
            Self::Whole(_) => Number::Whole,
            Self::Real(_) => Number::Real,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
        }
    }
}

/// One value with its labels, in the order of the figure's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Values of the labels.
    pub(crate) labels: Vec<String>,
    /// The value.
    pub(crate) value: Value,
}

/// All samples by figure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured(pub(crate) BTreeMap<Figure, Vec<Sample>>);

impl Measured {
    /// Reads everything.
    pub(crate) fn now(live: &Live, now: UnixNanos) -> Self {
        let mut out = Self::default();
        out.add(Figure::Build, &[env!("CARGO_PKG_VERSION")], Value::Whole(1));
        let reloads = live.reloads();
        out.whole(Figure::Reloads, &["ok"], reloads.ok);
        out.whole(Figure::Reloads, &["refused"], reloads.refused);
        live.gates().iter().for_each(|gate| out.gate(gate, now));
        for account in live.progress.snapshot() {
            out.account(&account, now);
        }
        out.whole(Figure::TicksSkipped, &[], live.progress.ticks_skipped());
        out.settle(live);
        out.destinations(live);
        out.store(live, now);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            out.size(Figure::RuntimeTasks, &[], runtime.metrics().num_alive_tasks());
        }
        process::measure(&mut out);
        out
    }

    /// One more sample, its labels in the order of the figure's.
    pub(super) fn add(&mut self, figure: Figure, labels: &[&str], value: Value) {
        debug_assert_eq!(labels.len(), figure.about().labels.len(), "{figure:?}");
        debug_assert_eq!(value.number(), figure.about().number, "{figure:?}");
        let labels = labels.iter().map(|text| (*text).to_owned()).collect();
        self.0.entry(figure).or_default().push(Sample { labels, value });
    }

    fn whole(&mut self, figure: Figure, labels: &[&str], value: u64) {
        self.add(figure, labels, Value::Whole(value));
    }

    fn size(&mut self, figure: Figure, labels: &[&str], value: usize) {
        self.whole(figure, labels, u64::try_from(value).unwrap_or(u64::MAX));
    }

    fn gate(&mut self, gate: &Gate, now: UnixNanos) {
        let (cloud, account) = (gate.cloud().as_str(), &*gate.account().0);
        let passed = gate.snapshot();
        for c in &passed.requests {
            let labels = [cloud, account, c.operation, c.outcome];
            self.whole(Figure::ApiRequests, &labels, c.requests);
        }
        for (kind, retries) in &passed.retries {
            self.whole(Figure::Retries, &[account, kind], *retries);
        }
        let dollars = Duration::from_nanos(passed.usd_nanos).as_secs_f64();
        self.add(Figure::ApiCost, &[cloud, account], Value::Real(dollars));
        if let Some(standing) = gate.budget().standing() {
            self.budget(account, &standing);
        }
        let waited = passed.waited.as_secs_f64();
        self.add(Figure::GateWait, &[account], Value::Real(waited));
        if let Some(ahead) = gate.skew().ahead_seconds(now) {
            // Decades, in either direction, are enough.
            let most = i64::from(i32::MAX);
            let ahead = i32::try_from(ahead.clamp(-most, most)).unwrap_or_default();
            self.add(Figure::ClockSkew, &[account], Value::Real(f64::from(ahead)));
        }
        for (scope, open) in gate.breakers() {
            self.whole(Figure::BreakerOpen, &[account, &*scope.0], u64::from(open));
        }
    }

    fn budget(&mut self, account: &str, standing: &Standing) {
        if let Some(left) = standing.remaining() {
            let dollars = Duration::from_nanos(left).as_secs_f64();
            self.add(Figure::BudgetRemaining, &[account], Value::Real(dollars));
        }
        self.size(
            Figure::BudgetWaiting,
            &[account],
            standing.waiting + standing.never,
        );
    }

    fn account(&mut self, account: &AccountProgress, now: UnixNanos) {
        let name = account.name.as_str();
        for (figure, value) in [
            (Figure::Polls, account.polls),
            (Figure::PointsCollected, account.points),
            (Figure::PointsLate, account.late),
            (Figure::PointsRepeated, account.repeated),
            (Figure::PointsRevised, account.revised),
            (Figure::PointsTooOld, account.too_old),
            (Figure::PointsDeferred, account.deferred),
            (Figure::LostSeconds, account.lost_seconds),
            (Figure::BacklogCalls, account.backlog_windows),
            (Figure::SeriesActive, account.series),
        ] {
            self.whole(figure, &[name], value);
        }
        self.size(Figure::Targets, &[name], account.targets);
        self.size(Figure::PollsInFlight, &[name], account.in_flight);
        for (reason, points) in &account.skipped {
            self.whole(Figure::PointsSkipped, &[name, reason], *points);
        }
        for (kind, errors) in &account.errors {
            self.whole(Figure::PollErrors, &[name, kind], *errors);
        }
        for (group, progress) in &account.groups {
            let labels = [name, group];
            if let Some(newest) = progress.newest {
                self.whole(Figure::Freshness, &labels, now.since(newest).as_secs());
            }
            self.whole(Figure::Behind, &labels, progress.behind.as_secs());
            self.whole(Figure::Lookback, &labels, progress.lookback.as_secs());
        }
    }

    fn settle(&mut self, live: &Live) {
        for known in live.progress.namespaces() {
            let labels = [known.cloud, &*known.namespace, known.source.label()];
            let seconds = known.settle.as_secs_f64();
            self.add(Figure::Settle, &labels, Value::Real(seconds));
        }
    }

    fn destinations(&mut self, live: &Live) {
        for destination in live.destinations() {
            let (now, labels) = (destination.stats.snapshot(), [destination.name.as_str()]);
            self.whole(Figure::PointsDelivered, &labels, now.delivered_points);
            self.whole(Figure::PointsRejected, &labels, now.rejected_points);
            self.whole(Figure::PointsDropped, &labels, now.dropped_points);
            self.whole(Figure::DestinationUp, &labels, u64::from(now.up));
        }
    }

    fn store(&mut self, live: &Live, now: UnixNanos) {
        let usage = live.store.usage();
        self.whole(Figure::StoreBytes, &[], usage.spool_bytes);
        self.whole(Figure::SpoolPoints, &[], usage.spool_points);
        self.whole(Figure::StoreFull, &[], u64::from(usage.full));
        self.size(Figure::LedgerSeries, &[], usage.series);
        for waiting in &usage.destinations {
            let labels = [waiting.name.as_str()];
            self.whole(Figure::SpoolPendingBytes, &labels, waiting.pending_bytes);
            self.whole(Figure::SpoolPendingPoints, &labels, waiting.pending_points);
            self.whole(Figure::SpoolDropped, &labels, waiting.dropped_points);
            let lag = waiting.oldest_end.map_or(0, |oldest| now.since(oldest).as_secs());
            self.whole(Figure::DestinationLag, &labels, lag);
        }
    }
}
