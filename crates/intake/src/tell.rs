//! What answers lack, as counters and as log lines that do not repeat themselves: the same words for whoever has asked.

use crate::outages::span;
use crate::{Intake, LastError, Recovered};
use provider_api::remedy::{at_once, remedy};
use provider_api::{AccountId, Call, Failure, ProviderError, Scope, Skipped};
use std::error::Error as _;

impl Intake {
    /// Whose answers it reads.
    pub fn account(&self) -> &AccountId {
        self.provider.account()
    }

    /// Counts points or metrics that were skipped and names each metric and reason once.
    pub fn skipped(&self, skipped: &Skipped) {
        self.progress.skipped(self.account(), skipped);
        let (metric, points, reason) = (&*skipped.metric, skipped.points, skipped.reason.label());
        if !self.notices.first(format!("{metric} {reason}"), self.clock.now()) {
            return;
        }
        let account = self.account();
        if points == 0 {
            tracing::warn!(%account, metric, reason, "account {account}: {metric} skipped ({reason})");
        } else {
            tracing::warn!(%account, metric, reason, points, "account {account}: {points} invalid points of {metric} skipped ({reason}); further ones are only counted");
        }
    }

    /// Counts a target that failed although its call went on, and says so unless the same has just been said.
    pub fn target_failed(&self, call: &Call, failure: &Failure) {
        let (account, kind) = (self.account(), failure.kind.label());
        self.progress.error(account, kind);
        let group = call.group().map_or("", |group| &**group);
        let Some(since) = self.notices.due(format!("{group} {kind}"), self.clock.now()) else {
            return;
        };
        let target = call.targets.iter().find(|target| target.id == failure.target);
        let target = target.map_or_else(String::new, |target| target.detail.describe());
        let (operation, scope, why) = (call.operation, &call.scope, &failure.message);
        tracing::warn!(%account, %scope, operation, group, kind, target, since, "account {account}: {operation} in {scope}: {target}: {why} ({kind})");
    }

    /// Counts an error where it ends and logs it with its causes, unless it is known to last. `source` is who met it: a group,
    /// or nobody for a listing.
    pub fn failed(&self, source: &str, error: &ProviderError) {
        let (account, now, kind) = (self.account(), self.clock.now(), error.kind().label());
        let text = with_causes(error);
        let what = what(error.operation(), error.scope());
        if let Some(lasts) = self.notices.failed(&what, source, kind, now) {
            let advice = if self.notices.says_all() { at_once } else { remedy };
            let remedy = advice(error.cloud(), error.operation(), error.kind());
            let lasting = lasts.said(now);
            tracing::error!(
                %account,
                scope = %error.scope(),
                operation = error.operation(),
                kind,
                request_id = error.request_id(),
                remedy = &*remedy,
                since = lasts.more,
                "account {account}: {lasting}{text}. {remedy}"
            );
        }
        self.progress.error(account, kind);
        let last = LastError {
            at: now,
            kind: error.kind().clone(),
            operation: error.operation(),
            text,
        };
        self.progress.update(account, |a| a.last_error = Some(last));
    }

    /// Whoever met failures got through with everything but these operations; says what is over by that.
    pub fn worked(&self, source: &str, still: &[(Scope, &'static str)]) {
        let still: Vec<String> = still
            .iter()
            .map(|(scope, operation)| what(operation, scope))
            .collect();
        let over = self.notices.worked(source, self.clock.now(), |what| {
            still.iter().any(|one| one == what)
        });
        for Recovered { what, lasted, times } in over {
            let (account, seconds) = (self.account(), lasted.as_secs());
            tracing::info!(%account, seconds, "account {account}: {what} recovered after {times} failures in {}", span(lasted));
        }
    }
}

fn what(operation: &str, scope: &Scope) -> String {
    format!("{operation} in {scope}")
}

fn with_causes(error: &ProviderError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
