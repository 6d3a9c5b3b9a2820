//! One call under way as pieces: what is refused as a whole is halved until the target that is to blame stands alone. Pure.
//!
//! What is left when a bound is reached is blamed for nothing: it keeps its watermark and is asked for again.

use provider_api::{ErrorKind, Failure, ProviderError, Target};
use std::collections::VecDeque;

/// Most requests that one call may become. Finding one target of 500 takes 19, so this finds four.
const MOST_REQUESTS: u32 = 64;
/// So many different requests in a row that the cloud cannot answer, with none between that it can, are an outage: the
/// whole, and both halves of it, of which one would be well if a single target were to blame.
const MOST_UNANSWERED: u32 = 3;

/// What comes of a piece that failed.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its halves are asked for.
    Halved,
    /// The target that is to blame.
    Blamed(Failure),
    /// It is not about the targets; the call has failed.
    Failed(ProviderError),
}

/// What is still to be asked for.
#[derive(Debug)]
pub(super) struct Pieces {
    queue: VecDeque<Vec<Target>>,
    requests: u32,
    /// Failures in a row that may be an outage.
    unanswered: u32,
    answered: bool,
}

impl Pieces {
    pub(super) fn of(targets: &[Target]) -> Self {
        Self {
            queue: VecDeque::from([targets.to_vec()]),
            requests: 0,
            unanswered: 0,
            answered: false,
        }
    }

    /// The next piece to ask for.
    pub(super) fn next(&mut self) -> Option<Vec<Target>> {
        self.requests += 1;
        self.queue.pop_front()
    }

    /// A piece was answered.
    pub(super) fn answered(&mut self) {
        self.answered = true;
        self.unanswered = 0;
    }

    /// A piece failed before anything of it was answered.
    pub(super) fn failed(&mut self, mut piece: Vec<Target>, error: ProviderError) -> Verdict {
        match fault(error.kind()) {
            Fault::Elsewhere => return Verdict::Failed(error),
            Fault::Unknown => self.unanswered += 1,
            Fault::Ours => self.unanswered = 0,
        }
        let ours = self.unanswered == 0;
        if self.unanswered >= MOST_UNANSWERED || (self.requests >= MOST_REQUESTS && !self.answered) {
            return Verdict::Failed(error);
        }
        if piece.len() > 1 {
            let waiting = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
            if self.requests + waiting + 2 <= MOST_REQUESTS {
                let other = piece.split_off(piece.len() / 2);
                if ours {
                    // One after the other to the end, so that some are found however many there are.
                    self.queue.push_front(other);
                    self.queue.push_front(piece);
                } else {
                    // By turns, so that what is well is seen to be.
                    self.queue.extend([piece, other]);
                }
            }
            return Verdict::Halved;
        }
        match piece.first() {
            Some(target) if ours || self.answered => Verdict::Blamed(Failure {
                target: target.id,
                kind: error.kind().clone(),
                message: error.message().to_owned(),
            }),
            _ => Verdict::Failed(error),
        }
    }
}

enum Fault {
    /// Something in the request is wrong.
    Ours,
    /// Either something in the request that the cloud cannot digest, or the cloud.
    Unknown,
    /// Whatever is asked for would fail.
    Elsewhere,
}

fn fault(kind: &ErrorKind) -> Fault {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::NotFound | ErrorKind::Permanent => Fault::Ours,
        ErrorKind::Unavailable { .. } | ErrorKind::TimedOut | ErrorKind::BadResponse => Fault::Unknown,
        ErrorKind::Throttled { .. }
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::OverBudget => Fault::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::synthetic;
    use provider_api::{Cloud, Scope, TargetId};
    use std::collections::BTreeSet;

    fn error(kind: ErrorKind) -> ProviderError {
        ProviderError::new(Cloud::Aws, "GetMetricData", Scope::new("r"), kind, "no")
    }

    struct Ran {
        answered: usize,
        blamed: BTreeSet<TargetId>,
        requests: u32,
        failed: bool,
    }

    /// Asks until nothing is left; a request that holds one of the `guilty` fails.
    fn run(count: usize, guilty: &[usize], kind: &ErrorKind) -> Ran {
        let targets = synthetic("r", count, &["Average"]);
        let guilty: BTreeSet<TargetId> = guilty.iter().map(|i| targets[*i].id).collect();
        let mut pieces = Pieces::of(&targets);
        let mut ran = Ran {
            answered: 0,
            blamed: BTreeSet::new(),
            requests: 0,
            failed: false,
        };
        while let Some(piece) = pieces.next() {
            ran.requests += 1;
            if !piece.iter().any(|t| guilty.contains(&t.id)) {
                pieces.answered();
                ran.answered += piece.len();
                continue;
            }
            match pieces.failed(piece, error(kind.clone())) {
                Verdict::Halved => {}
                Verdict::Blamed(failure) => drop(ran.blamed.insert(failure.target)),
                Verdict::Failed(_) => {
                    ran.failed = true;
                    break;
                }
            }
        }
        assert!(ran.blamed.is_subset(&guilty), "nobody else is blamed");
        ran
    }

    #[test]
    fn the_one_to_blame_is_found_and_the_others_are_answered() {
        let unavailable = ErrorKind::Unavailable { retry_after: None };
        for kind in [
            ErrorKind::InvalidRequest,
            ErrorKind::Permanent,
            unavailable,
            ErrorKind::TimedOut,
        ] {
            for guilty in [0, 1, 249, 250, 499] {
                let ran = run(500, &[guilty], &kind);
                assert_eq!(
                    (ran.answered, ran.blamed.len(), ran.failed),
                    (499, 1, false),
                    "{kind:?} {guilty}"
                );
                assert!(ran.requests <= 19, "{}", ran.requests);
            }
        }
        let ran = run(500, &[3, 260, 400], &ErrorKind::InvalidRequest);
        assert_eq!((ran.answered, ran.blamed.len()), (497, 3));
        let ran = run(1, &[0], &ErrorKind::InvalidRequest);
        assert_eq!((ran.blamed.len(), ran.failed), (1, false));
    }

    #[test]
    fn too_many_to_find_end_at_a_bound_and_the_rest_is_not_blamed() {
        let every_tenth: Vec<usize> = (0..500).step_by(10).collect();
        let ran = run(500, &every_tenth, &ErrorKind::InvalidRequest);
        assert!(
            ran.requests <= MOST_REQUESTS && ran.blamed.len() >= 5,
            "{}",
            ran.requests
        );
        let all: Vec<usize> = (0..500).collect();
        let ran = run(500, &all, &ErrorKind::InvalidRequest);
        assert!(ran.requests <= MOST_REQUESTS && ran.answered == 0);
    }

    #[test]
    fn an_outage_is_not_looked_for_among_the_targets() {
        let all: Vec<usize> = (0..500).collect();
        for (kind, requests) in [
            (ErrorKind::Unavailable { retry_after: None }, 3),
            (ErrorKind::Throttled { retry_after: None }, 1),
            (ErrorKind::Unauthenticated, 1),
            (ErrorKind::Forbidden, 1),
            (ErrorKind::OverBudget, 1),
        ] {
            let ran = run(500, &all, &kind);
            assert_eq!((ran.requests, ran.failed), (requests, true), "{kind:?}");
        }
        assert!(
            run(1, &[0], &ErrorKind::TimedOut).failed,
            "one target alone may be an outage"
        );
    }
}
