//! A batch that was not taken: what is left of it, why, and what is to be done with it when. Pure; time comes in.

use super::source::Batch;
use super::waits::Waits;
use crate::encode::Encoded;
use crate::refusal::Refusal;
use crate::transport::Verdict;
use provider_api::UnixNanos;
use std::time::Duration;
use tokio::time::Instant;

/// What an attempt that failed calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It may pass by itself.
    Passing,
    /// Somebody has to act, whatever the points are.
    Held,
    /// Refused for its points, or for something else.
    Refused(Refusal),
}

/// An attempt that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) after: Option<Duration>,
    pub(super) why: String,
    /// Whether the back end answered.
    pub(super) answered: bool,
}

impl Failure {
    /// Nothing for what was taken, or cannot be sent at all.
    pub(super) fn of(verdict: Verdict) -> Option<Self> {
        let (kind, after, why, answered) = match verdict {
            Verdict::Delivered { .. } | Verdict::Drop { .. } => return None,
            Verdict::Retry { after, why, answered } => (Kind::Passing, after, why, answered),
            Verdict::Hold { why } => (Kind::Held, None, why, true),
            Verdict::Refused { refusal, why } => (Kind::Refused(refusal), None, why, true),
        };
        Some(Self {
            kind,
            after,
            why,
            answered,
        })
    }

    /// Whether an empty request that is taken says something of it: a full disk or a used quota take that, too.
    pub(super) fn is_answered_by_empty(&self) -> bool {
        match self.kind {
            Kind::Refused(Refusal::Points { account }) => !account,
            Kind::Refused(Refusal::Size | Refusal::Deltas | Refusal::Order { .. }) => true,
            Kind::Passing | Kind::Held => false,
        }
    }
}

/// A single point that was refused alone.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub(super) part: Encoded,
    /// How often, each time with something taken in between.
    pub(super) refusals: u32,
    /// When last.
    pub(super) last: Instant,
    pub(super) failure: Failure,
}

/// A batch that was not taken.
#[derive(Clone, Debug)]
pub(super) struct Troubled {
    pub(super) sequence: u64,
    /// Parts that have not been delivered, the first to be tried last.
    pub(super) rest: Vec<Encoded>,
    /// Points that are refused alone.
    pub(super) suspects: Vec<Suspect>,
    /// Its delta points, where the back end takes none: they stay in the source.
    pub(super) deltas: u32,
    pub(super) deltas_only: bool,
    /// Whether single points and halves of it have been tried.
    pub(super) searched: bool,
    /// Taken apart in part, and proved to be to blame.
    pub(super) open: bool,
    pub(super) failure: Failure,
    pub(super) attempts: u32,
    /// When it failed first and last, and when it is tried again.
    pub(super) first: Instant,
    pub(super) last: Instant,
    pub(super) next: Instant,
}

impl Troubled {
    /// A batch that is about to be tried.
    pub(super) fn new(sequence: u64, batch: Batch, now: Instant) -> Self {
        Self {
            sequence,
            rest: vec![batch.encoded],
            suspects: Vec::new(),
            deltas: 0,
            deltas_only: batch.deltas_only,
            searched: false,
            open: false,
            failure: Failure {
                kind: Kind::Passing,
                after: None,
                why: String::new(),
                answered: false,
            },
            attempts: 0,
            first: now,
            last: now,
            next: now,
        }
    }

    /// Points of it that have not been delivered.
    pub(super) fn points(&self) -> u64 {
        let parts = self.rest.iter().chain(self.suspects.iter().map(|s| &s.part));
        parts.map(|part| u64::from(part.points)).sum()
    }

    /// End of its oldest point.
    pub(super) fn oldest_end(&self) -> Option<UnixNanos> {
        let parts = self.rest.iter().chain(self.suspects.iter().map(|s| &s.part));
        parts.map(|part| part.oldest_end).min()
    }

    /// It failed (again): when it is tried next.
    pub(super) fn failed(&mut self, failure: Failure, now: Instant, waits: &Waits, random: f64) {
        let wait = match failure.kind {
            Kind::Passing => waits.backoff(self.attempts, failure.after, random),
            Kind::Held | Kind::Refused(_) => waits.hold_every,
        };
        self.attempts = self.attempts.saturating_add(1);
        (self.last, self.next) = (now, now + wait);
        self.failure = failure;
    }

    /// Whether it is its turn: its time has come, or something else has been taken that proves that it is to blame.
    pub(super) fn is_due(&self, now: Instant, taken: Option<Instant>) -> bool {
        let refused = matches!(self.failure.kind, Kind::Refused(_));
        self.next <= now || (refused && taken.is_some_and(|taken| taken > self.last))
    }

    /// Whether it is to be taken apart: a refusal as soon as something else was taken after it, all else when that has
    /// gone on for long.
    pub(super) fn comes_apart(&self, now: Instant, others_taken: bool, waits: &Waits) -> bool {
        if self.open {
            return true;
        }
        if !self.suspects.is_empty() {
            return others_taken;
        }
        match self.failure.kind {
            Kind::Refused(_) => self.searched && others_taken,
            Kind::Passing | Kind::Held => self.lasts(now, waits) && others_taken,
        }
    }

    /// Whether the back end has refused it for so long that it is worth looking into.
    pub(super) fn lasts(&self, now: Instant, waits: &Waits) -> bool {
        self.failure.answered && now.duration_since(self.first) >= waits.apart_after
    }

    /// After how long others may be tried before it.
    pub(super) fn others_after(&self, waits: &Waits) -> Duration {
        match self.failure.kind {
            Kind::Refused(_) => Duration::ZERO,
            Kind::Passing | Kind::Held => waits.others_after,
        }
    }

    /// Whether nobody's patience will mend it.
    pub(super) fn needs_somebody(&self) -> bool {
        self.failure.kind != Kind::Passing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pick::empty;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn troubled(kind: Kind, start: Instant) -> Troubled {
        let batch = Batch::whole(empty().unwrap());
        let mut item = Troubled::new(1, batch, start);
        let failure = Failure {
            kind,
            after: None,
            why: "no".to_owned(),
            answered: true,
        };
        item.failed(failure, start, &Waits::default(), 1.0);
        item
    }

    #[test]
    fn a_refusal_is_taken_apart_once_something_else_was_taken_after_it() {
        let (start, waits) = (Instant::now(), Waits::default());
        let mut item = troubled(Kind::Refused(Refusal::Size), start);
        assert!(
            !item.is_due(start, Some(start)),
            "taken before, or at the same time"
        );
        assert!(item.is_due(start + S(2), Some(start + S(1))));
        assert!(!item.comes_apart(start, true, &waits), "looked into first");
        item.searched = true;
        assert!(item.comes_apart(start, true, &waits) && !item.comes_apart(start, false, &waits));
    }

    #[test]
    fn a_fault_is_taken_apart_after_half_an_hour_in_which_others_are_taken() {
        let (start, waits) = (Instant::now(), Waits::default());
        let item = troubled(Kind::Passing, start);
        assert!(!item.comes_apart(start + S(1_799), true, &waits));
        assert!(item.comes_apart(start + S(1_800), true, &waits));
        assert!(!item.comes_apart(start + S(86_400), false, &waits));
        let mut unanswered = item;
        unanswered.failure.answered = false;
        assert!(!unanswered.comes_apart(start + S(86_400), true, &waits));
    }
}
