//! What of an account fails at present, told by group and by listing: one metric that a cloud refuses for ever is not
//! hidden by the others that it gives, and is struck out by the first poll that gets it.

use provider_api::{Call, ErrorKind, Failure, ProviderError, Scope, UnixNanos};
use std::collections::BTreeMap;

/// Most listings of one account that are remembered to fail: enough to tell a person where to look, and a bound for an
/// account with thousands of subscriptions. Each failure is counted all the same.
const MOST_REMEMBERED: usize = 64;

/// Something that fails at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fails {
    /// When it first failed without a success since.
    pub since: UnixNanos,
    /// Region, subscription or project.
    pub scope: Scope,
    /// The API operation.
    pub operation: &'static str,
    /// How, the last time.
    pub kind: ErrorKind,
    /// What was asked for, where it is a part of more, and the cloud's words, the last time.
    pub message: String,
    /// The cloud's id of that request.
    pub request_id: Option<String>,
}

/// Listings that fail, by scope and operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unlisted(BTreeMap<(Scope, &'static str), Fails>);

impl Unlisted {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fails> {
        self.0.values()
    }

    /// A listing has failed.
    pub fn failed(&mut self, now: UnixNanos, error: &ProviderError) {
        let key = (error.scope().clone(), error.operation());
        let known = self.0.get(&key).map(|fails| fails.since);
        if known.is_some() || self.0.len() < MOST_REMEMBERED {
            self.0.insert(key, fails(error, known.unwrap_or(now)));
        }
    }

    /// A round of listings has ended, in which only these have failed.
    pub fn keep(&mut self, failed: &[(Scope, &'static str)]) {
        self.0.retain(|key, _| failed.contains(key));
    }
}

fn fails(error: &ProviderError, since: UnixNanos) -> Fails {
    Fails {
        since,
        scope: error.scope().clone(),
        operation: error.operation(),
        kind: error.kind().clone(),
        message: error.message().to_owned(),
        request_id: error.request_id().map(str::to_owned),
    }
}

/// What one poll of a group could not get: the first failure of it, and how many targets were missed.
#[derive(Clone, Debug)]
pub struct Missed {
    first: Fails,
    what: String,
    targets: usize,
}

impl Missed {
    /// A call that failed as a whole.
    pub fn call(now: UnixNanos, call: &Call, error: &ProviderError) -> Self {
        Self {
            first: fails(error, now),
            what: call
                .targets
                .first()
                .map_or_else(String::new, |t| t.detail.describe()),
            targets: call.targets.len(),
        }
    }

    /// A target that failed within a call that went on.
    pub fn target(now: UnixNanos, call: &Call, failure: &Failure) -> Self {
        let target = call.targets.iter().find(|t| t.id == failure.target);
        Self {
            first: Fails {
                since: now,
                scope: call.scope.clone(),
                operation: call.operation,
                kind: failure.kind.clone(),
                message: failure.message.clone(),
                request_id: None,
            },
            what: target.map_or_else(String::new, |t| t.detail.describe()),
            targets: 1,
        }
    }

    /// Adds what was missed later.
    pub fn add(missed: &mut Option<Self>, later: Self) {
        match missed {
            None => *missed = Some(later),
            Some(first) => first.targets += later.targets,
        }
    }

    /// What fails of the group from now on; it may have failed before.
    pub fn into_fails(self, before: Option<&Fails>) -> Fails {
        let Self { first, what, targets } = self;
        let more = match targets.saturating_sub(1) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Fails {
            since: before.map_or(first.since, |before| before.since),
            message: format!("{what}{more}: {}", first.message),
            ..first
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::Cloud;

    fn error(scope: &str, message: &str) -> ProviderError {
        let scope = Scope::new(scope);
        ProviderError::new(Cloud::Aws, "ListMetrics", scope, ErrorKind::Forbidden, message)
    }

    #[test]
    fn a_listing_fails_from_its_first_time_until_a_round_without_it() {
        let mut unlisted = Unlisted::default();
        let at = UnixNanos::from_seconds;
        unlisted.failed(at(1), &error("a", "first"));
        unlisted.failed(at(2), &error("b", "other"));
        unlisted.failed(at(3), &error("a", "second"));
        unlisted.keep(&[(Scope::new("a"), "ListMetrics")]);
        let all: Vec<&Fails> = unlisted.iter().collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].since, all[0].message.as_str()), (at(1), "second"));
        unlisted.keep(&[]);
        assert_eq!(unlisted.iter().count(), 0);
        for scope in 0..2 * MOST_REMEMBERED {
            unlisted.failed(at(4), &error(&scope.to_string(), "no"));
        }
        assert_eq!(unlisted.iter().count(), MOST_REMEMBERED);
    }

    #[test]
    fn what_a_poll_missed_is_named_by_its_first_target_and_counted() {
        let (now, before) = (UnixNanos::from_seconds(9), UnixNanos::from_seconds(2));
        let missed = |what: &str, targets| Missed {
            first: fails(&error("a", "no"), now),
            what: what.to_owned(),
            targets,
        };
        let mut all = None;
        Missed::add(&mut all, missed("cpu", 1));
        let one = all.clone().unwrap().into_fails(None);
        assert_eq!((one.since, one.message.as_str()), (now, "cpu: no"));
        Missed::add(&mut all, missed("disk", 2));
        let known = Fails { since: before, ..one };
        let three = all.unwrap().into_fails(Some(&known));
        assert_eq!(
            (three.since, three.message.as_str()),
            (before, "cpu and 2 more: no")
        );
    }
}
