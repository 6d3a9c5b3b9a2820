//! Settle and lookback, learnt per cloud and namespace: how long to wait for points to be final, and how far back late
//! ones have to be looked for.
//!
//! The settle is the shortest delay after which fewer than one point in a thousand was still absent or had another
//! value than its last. No safety is added: the sample meets points at the ages at which our own polls meet them, so
//! the measured share is the share that polling leaves, and what it leaves is found by looking back. Some polls ask
//! beyond the settle up to the present, to see young points; those are watched, never taken.

mod codec;
mod histogram;
mod lateness;
mod namespace;
mod sample;
mod sightings;

pub use namespace::Changed;
pub use sample::{Look, Seen};
pub use sightings::Sightings;

use lateness::DEEP_GRAINS;
use namespace::Namespace;
use provider_api::{Cloud, GroupSpec, SeriesId, Span, Target, TargetId, UnixNanos};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Committed, Store};

/// Where a settle comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettleSource {
    /// The configuration.
    Fixed,
    /// What the cloud documents; too little has been seen.
    Start,
    /// What has been seen.
    Learnt,
}

impl SettleSource {
    /// The metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Start => "start",
            Self::Learnt => "learnt",
        }
    }
}

/// What is known of a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct NamespaceProgress {
    /// Which cloud.
    pub cloud: &'static str,
    /// The cloud's grouping.
    pub namespace: Arc<str>,
    /// How old a point must be before it is asked for.
    pub settle: Duration,
    /// Where that comes from.
    pub source: SettleSource,
    /// How far windows reach back.
    pub lookback: Duration,
    /// Points that the learnt settle rests on, older ones counting less.
    pub samples: f64,
    /// The share of them that was late or revised at the settle in force.
    pub late_share: f64,
}

/// What is in force for one poll.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The group with its ordinary lengths.
    pub group: GroupSpec,
    /// How far this poll reaches back.
    pub reach: Duration,
    /// Whether this poll reaches up to the present.
    pub probing: bool,
    /// Where its settle comes from.
    pub source: SettleSource,
}

type Key = (Cloud, Arc<str>);

/// All namespaces of all clouds.
#[derive(Debug, Default)]
pub struct Learner(Mutex<BTreeMap<Key, Namespace>>);

impl Learner {
    /// What is in force for a fresh poll (with its number and whether it is a deep look) or a backlog.
    pub fn terms(
        &self,
        store: &Store,
        now: UnixNanos,
        cloud: Cloud,
        targets: &[Target],
        group: &GroupSpec<Span>,
        fresh: Option<(u64, bool)>,
    ) -> Terms {
        self.with(store, cloud, group, |known| {
            let (settle, learnt) = known.settle(group);
            let lookback = known.lookback(now, group);
            let ids = targets.iter().map(|t| t.id);
            let probing = fresh.is_some_and(|(poll, _)| known.probes(now, group, poll, ids));
            Terms {
                reach: reach(group, lookback, fresh.is_some_and(|(_, deep)| deep)),
                group: group.in_force(settle, lookback),
                probing,
                source: match group.settle {
                    Span::Fixed(_) => SettleSource::Fixed,
                    Span::Auto(_) if learnt => SettleSource::Learnt,
                    Span::Auto(_) => SettleSource::Start,
                },
            }
        })
    }

    /// The lengths in force for a group.
    pub fn in_force(
        &self,
        store: &Store,
        now: UnixNanos,
        cloud: Cloud,
        group: &GroupSpec<Span>,
    ) -> GroupSpec {
        self.terms(store, now, cloud, &[], group, None).group
    }

    /// Whose points of these targets are watched.
    pub fn watched(&self, cloud: Cloud, namespace: &Arc<str>, targets: &[Target]) -> Vec<TargetId> {
        let all = self.all();
        let Some(known) = all.get(&(cloud, Arc::clone(namespace))) else {
            return Vec::new();
        };
        let ids = targets.iter().map(|t| t.id);
        ids.filter(|id| known.watches(*id)).collect()
    }

    /// A complete answer for a target that is watched.
    pub fn look(
        &self,
        cloud: Cloud,
        group: &GroupSpec<Span>,
        target: TargetId,
        look: Look,
        seen: HashMap<SeriesId, Seen>,
    ) {
        if let Some(known) = self.all().get_mut(&(cloud, Arc::clone(&group.namespace))) {
            known.look(group, target, look, seen);
        }
    }

    /// How late the points of a commit were.
    pub fn late(&self, now: UnixNanos, cloud: Cloud, group: &GroupSpec, done: &Committed) {
        if let Some(late) = lateness::latest(done, group.grain)
            && let Some(known) = self.all().get_mut(&(cloud, Arc::clone(&group.namespace)))
        {
            known.lateness.note(now, late);
        }
    }

    /// Weighs what was seen, now and then: what has changed, and what to put into the store under which key.
    pub fn weigh(
        &self,
        now: UnixNanos,
        cloud: Cloud,
        namespace: &Arc<str>,
    ) -> Option<(Option<Changed>, String, String)> {
        let mut all = self.all();
        let known = all.get_mut(&(cloud, Arc::clone(namespace)))?;
        if !known.is_due(now) {
            return None;
        }
        let changed = known.weigh(now);
        Some((changed, setting(cloud, namespace), codec::write(known)))
    }

    /// For the status page.
    pub fn status(&self, cloud: Cloud, terms: &Terms) -> NamespaceProgress {
        let all = self.all();
        let known = all.get(&(cloud, Arc::clone(&terms.group.namespace)));
        let settle = terms.group.settle;
        NamespaceProgress {
            cloud: cloud.as_str(),
            namespace: Arc::clone(&terms.group.namespace),
            settle,
            source: terms.source,
            lookback: terms.group.lookback,
            samples: known.map_or(0.0, |known| known.histogram.total()),
            late_share: known.map_or(0.0, |known| known.histogram.late_share(settle)),
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, Namespace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a namespace; the first time, what the store has kept of it.
    fn with<T>(
        &self,
        store: &Store,
        cloud: Cloud,
        group: &GroupSpec<Span>,
        act: impl FnOnce(&mut Namespace) -> T,
    ) -> T {
        let mut all = self.all();
        let key = (cloud, Arc::clone(&group.namespace));
        act(all
            .entry(key)
            .or_insert_with(|| restored(store, &setting(cloud, &group.namespace))))
    }
}

/// How far back a poll reaches; a deep look as far as the ledger remembers. A fixed lookback is obeyed.
fn reach(group: &GroupSpec<Span>, lookback: Duration, deep: bool) -> Duration {
    match group.lookback {
        Span::Auto(_) if deep => lookback.max((group.grain * DEEP_GRAINS).min(group.longest_window / 2)),
        Span::Fixed(_) | Span::Auto(_) => lookback,
    }
}

fn setting(cloud: Cloud, namespace: &str) -> String {
    format!("settle/{cloud}/{namespace}")
}

fn restored(store: &Store, key: &str) -> Namespace {
    let Some(kept) = store.setting(key) else {
        return Namespace::default();
    };
    codec::read(&kept).unwrap_or_else(|| {
        tracing::warn!(key, "what was learnt before cannot be read; it is learnt anew");
        Namespace::default()
    })
}

#[cfg(test)]
mod tests;
