//! What is left out: metrics and resources that Azure said it cannot answer for, until the next listing. Then they are
//! tried apart from the others, so that it costs those nothing.

use crate::question::{AskedMetric, Question};
use provider_api::{ErrorKind, Scope, Target, TargetId, UnixNanos};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// An error code of one metric counts as final when it comes so often in a row.
const REFUSALS: u32 = 2;
/// One that looks like a passing fault is given a day, however often it is polled: what is missing once it counts as final
/// is not asked for later.
const FAULT_LASTS: Duration = Duration::from_secs(86_400);
/// How a target is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// With the others, for all of its metrics.
    Plain,
    /// With the others of the same, without some metrics: the places of those that are asked for. Some of the rest may be
    /// tried by themselves.
    Without {
        /// Places in the question.
        asked: Vec<usize>,
        /// To be tried alone.
        tried: Vec<usize>,
    },
    /// By itself: it makes others fail, or may.
    Alone,
    /// Not at all, but for a trial now and then.
    Resting {
        /// Whether there was a listing since it was refused.
        due: bool,
        /// How often in a row it was refused.
        times: u32,
        /// How.
        kind: RestKind,
        /// In Azure's words.
        words: String,
    },
}

/// The kinds of refusal that make a resource rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RestKind {
    /// It is not there.
    NotFound,
    /// It cannot be asked this.
    Invalid,
    /// The credential may not read it.
    Forbidden,
}

impl RestKind {
    fn of(kind: &ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Forbidden => Self::Forbidden,
            ErrorKind::Throttled { .. }
            | ErrorKind::Unavailable { .. }
            | ErrorKind::TimedOut
            | ErrorKind::Unauthenticated
            | ErrorKind::InvalidRequest
            | ErrorKind::BadResponse
            | ErrorKind::OverBudget
            | ErrorKind::Permanent => Self::Invalid,
        }
    }
}

impl From<RestKind> for ErrorKind {
    fn from(kind: RestKind) -> Self {
        match kind {
            RestKind::NotFound => Self::NotFound,
            RestKind::Invalid => Self::InvalidRequest,
            RestKind::Forbidden => Self::Forbidden,
        }
    }
}

/// What a failed metric of an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    /// The target has failed and is asked again.
    Failed,
    /// The target does without it. It goes on being asked for with the others, which costs nothing, so that it is there
    /// again as soon as it is answered.
    Out,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    /// The listing with which it ends.
    until: u64,
    times: u32,
}

#[derive(Debug)]
struct Left {
    scope: Scope,
    names: BTreeMap<String, Rest>,
    whole: Option<(Rest, RestKind, String)>,
    alone: bool,
}

#[derive(Debug)]
struct Strikes {
    scope: Scope,
    /// The end of the first window that failed.
    first: UnixNanos,
    /// The end of the newest window that failed: what is asked for again counts once.
    end: UnixNanos,
    in_a_row: u32,
}

/// Of one account.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    targets: HashMap<TargetId, Left>,
    /// Failures in a row of one metric.
    strikes: HashMap<(TargetId, String), Strikes>,
    listings: HashMap<Scope, u64>,
}

impl LeftOut {
    pub(super) fn standing(&self, id: TargetId, question: &Question) -> Standing {
        let Some(left) = self.targets.get(&id) else {
            return Standing::Plain;
        };
        let now = self.now(&left.scope);
        if let Some((rest, kind, words)) = &left.whole {
            return Standing::Resting {
                due: rest.until <= now,
                times: rest.times,
                kind: *kind,
                words: words.clone(),
            };
        }
        if left.alone {
            return Standing::Alone;
        }
        let (mut asked, mut tried) = (Vec::new(), Vec::new());
        for (at, metric) in question.metrics.iter().enumerate() {
            match left.names.get(&metric.name.to_lowercase()) {
                Some(rest) if rest.until > now => {}
                Some(_) => tried.push(at),
                None => asked.push(at),
            }
        }
        if asked.len() == question.metrics.len() {
            Standing::Plain
        } else if asked.is_empty() && tried.is_empty() {
            Standing::Resting {
                due: false,
                times: left.names.values().map(|rest| rest.times).min().unwrap_or(1),
                kind: RestKind::Invalid,
                words: "none of its metrics is answered".to_owned(),
            }
        } else {
            Standing::Without { asked, tried }
        }
    }

    pub(super) fn names(&mut self, target: &Target, metrics: &[AskedMetric]) {
        for metric in metrics {
            self.name(target, metric.name.to_lowercase());
        }
    }

    fn name(&mut self, target: &Target, name: String) {
        let now = self.now(&target.group.scope);
        let left = self.left(target);
        let times = left.names.get(&name).map_or(0, |rest| rest.times) + 1;
        left.names.insert(name, rest(now, times));
    }

    pub(super) fn whole(&mut self, target: &Target, kind: &ErrorKind, words: &str) -> u32 {
        let now = self.now(&target.group.scope);
        let left = self.left(target);
        let times = left.whole.as_ref().map_or(0, |(rest, ..)| rest.times) + 1;
        left.whole = Some((rest(now, times), RestKind::of(kind), words.to_owned()));
        times
    }

    pub(super) fn isolate(&mut self, target: &Target) {
        self.left(target).alone = true;
    }

    /// It was not the resource.
    pub(super) fn clear(&mut self, id: TargetId) {
        if let Some(left) = self.targets.get_mut(&id) {
            left.alone = false;
        }
    }

    pub(super) fn answered(&mut self, id: TargetId, metrics: &[AskedMetric]) {
        if self.targets.is_empty() && self.strikes.is_empty() {
            return;
        }
        if let Some(left) = self.targets.get_mut(&id) {
            (left.whole, left.alone) = (None, false);
            for metric in metrics {
                left.names.remove(&metric.name.to_lowercase());
            }
            if left.names.is_empty() {
                self.targets.remove(&id);
            }
        }
        if !self.strikes.is_empty() {
            for metric in metrics {
                self.strikes.remove(&(id, metric.name.to_lowercase()));
            }
        }
    }

    pub(super) fn struck(
        &mut self,
        target: &Target,
        metric: &str,
        kind: Option<&ErrorKind>,
        end: UnixNanos,
    ) -> Strike {
        let key = (target.id, metric.to_lowercase());
        let known = self.strikes.entry(key).or_insert_with(|| Strikes {
            scope: target.group.scope.clone(),
            first: end,
            end,
            in_a_row: 1,
        });
        if end > known.end {
            known.end = end;
            known.in_a_row = known.in_a_row.saturating_add(1);
        }
        let is_final = match kind {
            Some(ErrorKind::Throttled { .. }) => false,
            Some(ErrorKind::Unavailable { .. } | ErrorKind::TimedOut) => {
                known.end.since(known.first) >= FAULT_LASTS
            }
            _ => known.in_a_row >= REFUSALS,
        };
        if is_final { Strike::Out } else { Strike::Failed }
    }

    pub(super) fn listed(&mut self, scope: &Scope, targets: &[Target]) {
        *self.listings.entry(scope.clone()).or_default() += 1;
        if self.targets.is_empty() && self.strikes.is_empty() {
            return;
        }
        let ids: HashSet<TargetId> = targets.iter().map(|target| target.id).collect();
        self.targets
            .retain(|id, left| left.scope != *scope || ids.contains(id));
        self.strikes
            .retain(|(id, _), strikes| strikes.scope != *scope || ids.contains(id));
    }

    fn left(&mut self, target: &Target) -> &mut Left {
        let scope = &target.group.scope;
        self.targets.entry(target.id).or_insert_with(|| Left {
            scope: scope.clone(),
            names: BTreeMap::new(),
            whole: None,
            alone: false,
        })
    }

    fn now(&self, scope: &Scope) -> u64 {
        self.listings.get(scope).copied().unwrap_or(0)
    }
}

/// Until the next listing.
fn rest(now: u64, times: u32) -> Rest {
    Rest {
        until: now + 1,
        times,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Aggregation;
    use crate::testing::{question, target};
    use std::sync::Arc;

    fn listed(left: &mut LeftOut, target: &Target) {
        left.listed(&target.group.scope, std::slice::from_ref(target));
    }

    fn two() -> (LeftOut, Arc<Question>, Target) {
        let q = question("r", &["A", "B"], &[Aggregation::Total]);
        let t = target("/a", &q);
        (LeftOut::default(), q, t)
    }

    #[test]
    fn a_refused_metric_rests_until_a_listing_and_is_then_tried_apart() {
        let (mut left, q, t) = two();
        let without = |tried: &[usize]| Standing::Without {
            asked: vec![0],
            tried: tried.to_vec(),
        };
        left.names(&t, &q.metrics[1..]);
        assert_eq!(left.standing(t.id, &q), without(&[]));
        listed(&mut left, &t);
        assert_eq!(left.standing(t.id, &q), without(&[1]));
        left.names(&t, &q.metrics[1..]);
        assert_eq!(left.standing(t.id, &q), without(&[]), "refused again");
        listed(&mut left, &t);
        assert_eq!(left.standing(t.id, &q), without(&[1]));
        left.answered(t.id, &q.metrics[1..]);
        assert_eq!(left.standing(t.id, &q), Standing::Plain);
    }

    #[test]
    fn a_refused_resource_rests_and_is_then_tried() {
        let (mut left, q, t) = two();
        assert_eq!(left.whole(&t, &ErrorKind::NotFound, "gone"), 1);
        assert!(matches!(
            left.standing(t.id, &q),
            Standing::Resting { times: 1, .. }
        ));
        listed(&mut left, &t);
        assert!(matches!(
            left.standing(t.id, &q),
            Standing::Resting { due: true, .. }
        ));
        left.answered(t.id, &q.metrics);
        assert_eq!(left.standing(t.id, &q), Standing::Plain);
        left.whole(&t, &ErrorKind::NotFound, "gone");
        left.listed(&t.group.scope, &[]);
        assert!(left.targets.is_empty(), "it is not listed any more");
    }

    #[test]
    fn the_second_refusal_in_a_row_is_final_and_a_fault_after_a_day() {
        let (mut left, q, t) = two();
        let at = UnixNanos::from_seconds;
        let struck = |left: &mut LeftOut, name: &str, kind: &ErrorKind, minute: i64| {
            left.struck(&t, name, Some(kind), at(minute * 60))
        };
        let invalid = ErrorKind::InvalidRequest;
        assert_eq!(struck(&mut left, "B", &invalid, 1), Strike::Failed);
        left.answered(t.id, &q.metrics);
        assert_eq!(
            struck(&mut left, "B", &invalid, 2),
            Strike::Failed,
            "not in a row"
        );
        assert_eq!(
            struck(&mut left, "B", &invalid, 2),
            Strike::Failed,
            "the same points"
        );
        assert_eq!(struck(&mut left, "b", &invalid, 3), Strike::Out);
        assert_eq!(left.standing(t.id, &q), Standing::Plain, "it spoils nothing");
        left.answered(t.id, &q.metrics);
        assert_eq!(
            struck(&mut left, "B", &invalid, 4),
            Strike::Failed,
            "it had recovered"
        );
        let fault = ErrorKind::Unavailable { retry_after: None };
        let strikes = [0, 1, 30, 1_439, 1_440].map(|minute| struck(&mut left, "A", &fault, minute));
        assert_eq!(strikes[3..], [Strike::Failed, Strike::Out]);
    }
}
