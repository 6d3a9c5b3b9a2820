//! A call that fails as a whole is split until what makes it fail is alone: whether that is worth it, and into what.

use provider_api::{Call, Due, ErrorKind, MetricsProvider, Target};

/// Failures beyond those that lead down to one target, after which splitting without any success ends.
const SPARE_FAILURES: u32 = 2;

/// How the calls of one job or round have ended so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Splitting {
    /// Whether a call was answered.
    answered: bool,
    /// Calls that failed as a whole.
    failures: u32,
}

impl Splitting {
    /// A call was answered.
    pub fn answered(&mut self) {
        self.answered = true;
    }

    /// A call has failed.
    pub fn failed(&mut self) {
        self.failures += 1;
    }

    /// Whether a target that failed alone is to blame: something else was answered.
    pub fn proves(&self) -> bool {
        self.answered
    }

    /// The halves of a call that failed in this way, oldest targets first; nothing when splitting helps nobody: one target
    /// is left, the failure does not hang on what was asked for, or nothing has been answered after as many failures as
    /// lead down to one target.
    pub fn halves(&self, provider: &dyn MetricsProvider, call: &Call, kind: &ErrorKind) -> Vec<Call> {
        let targets = call.targets.len();
        let worth_it = self.answered || self.failures <= targets.max(1).ilog2() + SPARE_FAILURES;
        if targets < 2 || !is_of_its_content(kind) || !worth_it {
            return Vec::new();
        }
        let (first, second) = call.targets.split_at(targets / 2);
        let mut halves = plan(provider, call, first);
        halves.extend(plan(provider, call, second));
        halves
    }
}

fn plan(provider: &dyn MetricsProvider, call: &Call, targets: &[Target]) -> Vec<Call> {
    let due = |target: &Target| Due {
        target: target.clone(),
        window: call.window,
    };
    let due: Vec<Due> = targets.iter().map(due).collect();
    let mut calls = provider.plan(&due);
    for one in &mut calls {
        one.urgency = call.urgency;
    }
    calls
}

/// Whether a failure may hang on what was asked for: then something else may be answered.
pub(crate) fn is_of_its_content(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Unavailable { .. }
        | ErrorKind::TimedOut
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::InvalidRequest
        | ErrorKind::BadResponse
        | ErrorKind::Permanent => true,
        ErrorKind::Throttled { .. } | ErrorKind::Unauthenticated | ErrorKind::OverBudget => false,
    }
}
