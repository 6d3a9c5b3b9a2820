//! One poll of one group: plan the calls, read them one after the other, commit each batch as it comes.

use crate::progress::Progress;
use futures::StreamExt as _;
use provider_api::{Batch, Call, Due, ErrorKind, Group, MetricsProvider, ProviderError, Skipped, UnixNanos};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Change, Store};

/// Metrics and reasons.
type Named = HashSet<(Arc<str>, &'static str)>;

/// What a poll needs.
#[derive(Clone, Debug)]
pub(crate) struct Poller {
    pub(crate) index: usize,
    pub(crate) provider: Arc<dyn MetricsProvider>,
    pub(crate) store: Arc<Store>,
    pub(crate) progress: Arc<Progress>,
    /// Metrics and reasons already named in the log.
    pub(crate) named: Arc<Mutex<Named>>,
}

impl Poller {
    /// Polls; a failed call is logged and leaves the others alone, unless it tells that they must fail as well.
    pub(crate) async fn poll(&self, group: &Group, due: &[Due], now: UnixNanos) {
        for call in self.provider.plan(due) {
            if let Err(error) = self.read(group, &call).await {
                self.failed(&error, now);
                if ends_the_poll(&error.kind) {
                    break;
                }
            }
        }
        self.progress.update(self.index, |a| a.polls += 1);
    }

    async fn read(&self, group: &Group, call: &Call) -> Result<(), ProviderError> {
        let mut batches = self.provider.fetch(call);
        while let Some(batch) = batches.next().await {
            self.commit(group, call, batch?).await;
        }
        Ok(())
    }

    async fn commit(&self, group: &Group, call: &Call, batch: Batch) {
        for skipped in &batch.skipped {
            self.name_once(skipped);
            self.progress.skipped(self.index, skipped);
        }
        for failure in &batch.failed {
            let kind = failure.kind.label();
            tracing::warn!(account = %self.provider.account(), group = %group.name, kind, message = failure.message, "a target failed; it is asked for again");
        }
        let watermarks = batch
            .complete
            .into_iter()
            .map(|target| (target, call.window.end()))
            .collect();
        let change = Change {
            account: self.provider.account(),
            group,
            points: batch.series,
            watermarks,
        };
        let done = self.store.commit(change).await;
        self.progress.update(self.index, |a| {
            a.points += done.fresh;
            a.late += done.late;
            a.repeated += done.repeated;
            a.newest = a.newest.max(done.newest);
        });
    }

    fn name_once(&self, skipped: &Skipped) {
        let key = (Arc::clone(&skipped.metric), skipped.reason.label());
        let new = self
            .named
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key);
        if new {
            tracing::warn!(account = %self.provider.account(), metric = %skipped.metric, reason = skipped.reason.label(), points = skipped.points, "left out; further ones of this kind are only counted");
        }
    }

    /// Logs an error where it ends, with its causes.
    pub(crate) fn failed(&self, error: &ProviderError, now: UnixNanos) {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        tracing::error!(account = %self.provider.account(), request_id = error.request_id, "{text}");
        self.progress
            .update(self.index, |a| a.last_error = Some((now, text)));
    }
}

/// Whether the other calls of the same poll would meet the same wall.
fn ends_the_poll(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Throttled { .. } | ErrorKind::Unavailable { .. } | ErrorKind::Unauthenticated => true,
        ErrorKind::TimedOut
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::InvalidRequest
        | ErrorKind::BadResponse
        | ErrorKind::Permanent => false,
    }
}
