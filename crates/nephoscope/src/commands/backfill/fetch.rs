//! Fetching: round after round of each group until nothing is left, or nothing moves any more.
//!
//! Every batch is one transaction, so whatever ends this keeps what was taken, and the next run goes on from there.

use super::tally::Tally;
use super::walk::Walk;
use super::work::{Planned, due, known, plan};
use crate::commands::inventory::{Account, Group};
use crate::wiring::with_causes;
use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use intake::{Arrived, Broken, Intake, Taker};
use provider_api::{Batch, Call, ErrorKind, TargetId};
use scheduler::Splitting;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use store::{Change, Lane, Store, StoreError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Groups of one account that are fetched at once; with the calls of each, what a gate lets through at once.
const GROUPS_AT_ONCE: usize = 4;

/// Calls of one group at once.
const CALLS_AT_ONCE: usize = 2;

/// Rounds of a group in a row that bring nothing before it is given up; the gate has tried each call several times.
const MOST_IDLE_ROUNDS: u32 = 5;

/// Pause after the first idle round; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Reasons that are named of a group that is given up.
const MOST_REASONS: usize = 3;

/// How long a call in flight may take to end once we are told to stop.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// What is needed to fetch one account.
pub(super) struct Fetch<'a> {
    pub(super) walk: &'a Walk,
    pub(super) store: &'a Store,
    pub(super) account: &'a Account,
    /// Reads its answers.
    pub(super) intake: Intake,
    pub(super) tally: &'a Tally,
    pub(super) stop: &'a CancellationToken,
}

/// What could not be fetched, in one line for each group; an error of the store ends all.
pub(super) type Fetched = Result<Vec<String>, StoreError>;

/// How a call ended.
#[derive(Debug, Default)]
struct Outcome {
    completed: HashSet<TargetId>,
    /// Targets that failed, by the words that came with it.
    failed: BTreeMap<String, usize>,
    /// How it failed as a whole.
    kind: Option<ErrorKind>,
}

impl Fetch<'_> {
    /// All groups of the account.
    pub(super) async fn run(&self) -> Fetched {
        let groups = stream::iter(&self.account.groups).map(|group| self.group(group));
        let mut ended = groups.buffer_unordered(GROUPS_AT_ONCE);
        let mut left = Vec::new();
        while let Some(group) = ended.next().await {
            left.extend(group?);
        }
        Ok(left)
    }

    async fn group(&self, group: &Group) -> Result<Option<String>, StoreError> {
        let (mut idle, mut before) = (0, None);
        loop {
            let due = due(self.walk, group, |target| {
                known(self.store, self.account.provider.as_ref(), target)
            });
            let left = due.len();
            self.tally
                .finished(before.map_or(0, |before: usize| before.saturating_sub(left)));
            before = Some(left);
            if left == 0 || self.stop.is_cancelled() {
                return Ok(None);
            }
            let round = self
                .round(group, plan(self.account.provider.as_ref(), due))
                .await?;
            idle = if round.completed.is_empty() { idle + 1 } else { 0 };
            if idle == MOST_IDLE_ROUNDS {
                return Ok(Some(self.given_up(group, left, round.failed)));
            }
            if idle > 0 {
                self.pause(idle).await;
            }
        }
    }

    fn given_up(&self, group: &Group, targets: usize, failed: BTreeMap<String, usize>) -> String {
        let account = self.account.provider.account();
        format!(
            "{account} {}: {targets} targets: {}",
            group.spec.name,
            reasons(failed)
        )
    }

    async fn pause(&self, idle: u32) {
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(idle - 1);
        self.stop.run_until_cancelled(sleep(pause)).await;
    }

    /// Each target is in one call, so calls do not wait for each other.
    async fn round(&self, group: &Group, calls: Vec<Planned>) -> Result<Outcome, StoreError> {
        let mut waiting = calls;
        let (mut all, mut splitting) = (Outcome::default(), Splitting::default());
        while !waiting.is_empty() {
            let calls = stream::iter(waiting).map(|(lane, call)| self.tried(group, lane, call));
            let mut ended = calls.buffer_unordered(CALLS_AT_ONCE);
            let mut failed = Vec::new();
            while let Some(one) = ended.next().await {
                let (planned, one) = one?;
                match &one.kind {
                    None => splitting.answered(),
                    Some(kind) => {
                        splitting.failed();
                        failed.push((planned, kind.clone()));
                    }
                }
                all.completed.extend(one.completed);
                for (why, targets) in one.failed {
                    *all.failed.entry(why).or_default() += targets;
                }
            }
            drop(ended);
            waiting = self.halves(splitting, &failed);
        }
        Ok(all)
    }

    /// What failed as a whole, in halves.
    fn halves(&self, splitting: Splitting, failed: &[(Planned, ErrorKind)]) -> Vec<Planned> {
        if self.stop.is_cancelled() {
            return Vec::new();
        }
        let provider = self.account.provider.as_ref();
        let of_one = |((lane, call), kind): &(Planned, ErrorKind)| {
            let (lane, halves) = (*lane, splitting.halves(provider, call, kind));
            halves.into_iter().map(move |half| (lane, half))
        };
        failed.iter().flat_map(of_one).collect()
    }

    async fn tried(&self, group: &Group, lane: Lane, call: Call) -> Result<(Planned, Outcome), StoreError> {
        let outcome = self.call(group, lane, call.clone()).await?;
        Ok(((lane, call), outcome))
    }

    async fn call(&self, group: &Group, lane: Lane, call: Call) -> Result<Outcome, StoreError> {
        if self.stop.is_cancelled() {
            return Ok(Outcome::default());
        }
        let stopped = async {
            self.stop.cancelled().await;
            sleep(STOP_GRACE).await;
        };
        tokio::select! {
            read = self.read(group, lane, &call) => read,
            () = stopped => Ok(Outcome::default()),
        }
    }

    async fn read(&self, group: &Group, lane: Lane, call: &Call) -> Result<Outcome, StoreError> {
        let mut taking = Taking {
            fetch: self,
            group,
            lane,
        };
        let read = self.intake.read(call, call.window.end(), &mut taking).await;
        self.tally.skipped(&read.skipped);
        if read.completed.len() == call.targets.len() {
            self.tally.called(call.price.requests);
        }
        let mut outcome = Outcome {
            completed: read.completed.into_iter().collect(),
            ..Outcome::default()
        };
        for failure in read.failed.into_iter().chain(read.silent) {
            *outcome.failed.entry(failure.message).or_default() += 1;
        }
        match read.broken {
            None => {}
            Some(Broken::Provider(error)) => {
                self.intake.failed(&group.spec.name, &error);
                outcome.failed.insert(with_causes(&error), call.targets.len());
                outcome.kind = Some(error.kind().clone());
            }
            Some(Broken::Taker(error)) if error.is_retryable() => {
                outcome.failed.insert(error.to_string(), call.targets.len());
            }
            Some(Broken::Taker(error)) => return Err(error),
        }
        Ok(outcome)
    }
}

/// Takes the points of one call into the store.
struct Taking<'a> {
    fetch: &'a Fetch<'a>,
    group: &'a Group,
    lane: Lane,
}

#[async_trait]
impl Taker for Taking<'_> {
    type Error = StoreError;

    fn look(&mut self, _: &Batch) {}

    async fn take(&mut self, arrived: Arrived) -> Result<u64, StoreError> {
        let change = Change {
            lane: self.lane,
            account: self.fetch.account.provider.account(),
            group: &self.group.spec,
            window: arrived.window,
            points: arrived.points,
            complete: arrived.complete,
        };
        let done = self.fetch.store.commit(change).await?;
        self.fetch.tally.took(&done);
        Ok(done.fresh)
    }
}

/// The causes of most targets, with how many of them each has.
fn reasons(failed: BTreeMap<String, usize>) -> String {
    let mut all: Vec<(String, usize)> = failed.into_iter().collect();
    all.sort_by_key(|(_, targets)| std::cmp::Reverse(*targets));
    let rest = all.len().saturating_sub(MOST_REASONS);
    let named = all.into_iter().take(MOST_REASONS);
    let mut named: Vec<String> = named
        .map(|(why, targets)| format!("{why} (of {targets})"))
        .collect();
    if rest > 0 {
        named.push(format!("and {rest} more reasons"));
    }
    named.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_of_most_targets_come_first_and_the_rest_is_counted() {
        let named =
            |reasons: &[(&str, usize)]| reasons.iter().map(|(why, n)| ((*why).to_owned(), *n)).collect();
        assert_eq!(
            reasons(named(&[("gone", 1), ("no", 7)])),
            "no (of 7); gone (of 1)"
        );
        let many = named(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 2)]);
        assert_eq!(reasons(many), "e (of 2); a (of 1); b (of 1); and 2 more reasons");
    }
}
