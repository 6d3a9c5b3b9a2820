//! One poll of one group: plan the calls, read them one after the other, commit each batch as it comes.

use crate::driver::Clock;
use crate::notices::Notices;
use crate::progress::Progress;
use futures::StreamExt as _;
use provider_api::{
    Batch, Call, Due, ErrorKind, Failure, Group, MetricsProvider, ProviderError, Skipped, TargetId,
};
use std::collections::HashSet;
use std::sync::Arc;
use store::{Change, Store};

/// What a poll needs.
#[derive(Clone, Debug)]
pub(crate) struct Poller {
    pub(crate) index: usize,
    pub(crate) provider: Arc<dyn MetricsProvider>,
    pub(crate) store: Arc<Store>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) clock: Arc<dyn Clock>,
    /// What has been said in the log.
    pub(crate) notices: Arc<Notices>,
}

impl Poller {
    /// Polls; a failed call is logged and leaves the others alone, unless it tells that they must fail as well.
    pub(crate) async fn poll(&self, group: &Group, due: &[Due]) {
        for call in self.provider.plan(due) {
            if let Err(error) = self.read(group, &call).await {
                self.failed(&error);
                if ends_the_poll(error.kind()) {
                    break;
                }
            }
        }
        self.progress.update(self.index, |a| a.polls += 1);
    }

    async fn read(&self, group: &Group, call: &Call) -> Result<(), ProviderError> {
        let mut silent: HashSet<TargetId> = call.targets.iter().map(|t| t.id).collect();
        let mut batches = self.provider.fetch(call);
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            for told in batch
                .complete
                .iter()
                .chain(batch.failed.iter().map(|f| &f.target))
            {
                silent.remove(told);
            }
            self.commit(group, call, batch).await;
        }
        self.not_answered(group, call, &silent);
        Ok(())
    }

    /// An answer that ends well and says nothing of a target is no answer: the target is asked for again.
    fn not_answered(&self, group: &Group, call: &Call, silent: &HashSet<TargetId>) {
        if let Some(&target) = silent.iter().next() {
            let message = format!(
                "{} said nothing of {} of the {} targets it was asked for",
                call.operation,
                silent.len(),
                call.targets.len()
            );
            let kind = ErrorKind::BadResponse;
            self.target_failed(
                group,
                &Failure {
                    target,
                    kind,
                    message,
                },
            );
        }
    }

    async fn commit(&self, group: &Group, call: &Call, batch: Batch) {
        for skipped in &batch.skipped {
            self.left_out(skipped);
        }
        for failure in &batch.failed {
            self.target_failed(group, failure);
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

    fn target_failed(&self, group: &Group, failure: &Failure) {
        let kind = failure.kind.label();
        self.progress.error(self.index, kind);
        let event = format!("{} {kind}", group.name);
        if let Some(since) = self.notices.due(event, self.clock.now()) {
            tracing::warn!(account = %self.provider.account(), group = %group.name, kind, since, message = failure.message, "a target failed and is asked for again");
        }
    }

    /// Counts what was left out and names each metric and reason once.
    pub(crate) fn left_out(&self, skipped: &Skipped) {
        self.progress.skipped(self.index, skipped);
        let reason = skipped.reason.label();
        let event = format!("{} {reason}", skipped.metric);
        if self.notices.first(event, self.clock.now()) {
            tracing::warn!(account = %self.provider.account(), metric = %skipped.metric, reason, points = skipped.points, "left out; further ones of this kind are only counted");
        }
    }

    /// Counts an error where it ends and logs it with its causes, unless the same has just been said.
    pub(crate) fn failed(&self, error: &ProviderError) {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        let (now, kind) = (self.clock.now(), error.kind().label());
        let event = format!("{} {} {kind}", error.operation(), error.scope());
        if let Some(since) = self.notices.due(event, now) {
            tracing::error!(account = %self.provider.account(), request_id = error.request_id(), since, "{text}");
        }
        self.progress.error(self.index, kind);
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
