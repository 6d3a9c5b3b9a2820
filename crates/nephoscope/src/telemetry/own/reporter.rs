//! Sends the figures at an interval, and once more at the end. What a destination does not take is not kept: counters are
//! totals, so the next report has all of it.

use super::exporter::Exporter;
use super::figures::{Covered, requests};
use crate::clock::SystemClock;
use crate::live::Live;
use crate::telemetry::measure::Measured;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use provider_api::UnixNanos;
use scheduler::Clock as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// What is reported, and where to.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) live: Arc<Live>,
    pub(super) resource: Resource,
    pub(super) exporter: Exporter,
    /// When the counters were zero.
    pub(super) start: UnixNanos,
}

/// Reports that go on until they are ended.
#[derive(Debug)]
pub(super) struct Reporter {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Reporter {
    /// Reports every `every` from now on. Call it inside a tokio runtime.
    pub(super) fn start(report: Report, every: Duration) -> Self {
        let stop = CancellationToken::new();
        // Joined by `end`.
        let task = tokio::spawn(report.go_on(every, stop.clone()));
        Self { stop, task }
    }

    /// Sends the last figures, within a limit.
    pub(super) async fn end(mut self, most: Duration) {
        self.stop.cancel();
        match timeout(most, &mut self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the self-telemetry task panicked"),
            Err(_elapsed) => self.task.abort(),
        }
    }
}

impl Report {
    async fn go_on(self, every: Duration, stop: CancellationToken) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once, when there is nothing to tell yet.
        ticks.tick().await;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.send().await;
        }
        self.send().await;
    }

    /// The first request that fails ends the report: what is down is asked once.
    async fn send(&self) {
        let end = SystemClock.now();
        let covered = Covered {
            start: self.start,
            end,
        };
        let measured = Measured::now(&self.live, end);
        for request in requests(&measured, &self.resource, covered) {
            if self.exporter.send(request.encode_to_vec()).await.is_err() {
                return;
            }
        }
    }
}
