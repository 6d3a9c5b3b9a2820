//! Whether a destination is up, and how often it is worth a line in the log. Pure: the time comes from outside.

use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row after which a destination counts as down: one 503 during a deployment wakes nobody.
const FAILURES_UNTIL_DOWN: u32 = 3;
/// How often the same complaint about points may be logged.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// How a destination is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// It answers.
    #[default]
    Up,
    /// It has not answered for a while.
    Down,
    /// It waits for a person.
    Held,
}

/// What a destination's attempts say about it.
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: State,
    failures: u32,
    since: Option<Instant>,
}

impl Health {
    /// An attempt failed. Gives the new state when it is worse than the one before.
    pub(crate) fn failed(&mut self, now: Instant, for_a_person: bool) -> Option<State> {
        self.since.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        let new = if for_a_person {
            State::Held
        } else if self.failures >= FAILURES_UNTIL_DOWN {
            State::Down
        } else {
            State::Up
        };
        let worse = new > self.state;
        self.state = self.state.max(new);
        worse.then_some(new)
    }

    /// The destination answered. Gives how long it had not, when it counted as down.
    pub(crate) fn answered(&mut self, now: Instant) -> Option<Duration> {
        let before = std::mem::take(self);
        let since = before.since.filter(|_| before.state != State::Up)?;
        Some(now.duration_since(since))
    }
}

/// Lets a complaint through now and then, and adds up what it holds back until its time comes.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    last: Option<Instant>,
    held: u64,
    why: String,
}

impl Seldom {
    /// Adds `points`; gives all since the last time when it is time to complain.
    pub(crate) fn add(&mut self, now: Instant, points: u64, why: &str) -> Option<(u64, String)> {
        self.held = self.held.saturating_add(points);
        why.clone_into(&mut self.why);
        self.tell(now)
    }

    /// What was held back, when it is time to complain.
    pub(crate) fn tell(&mut self, now: Instant) -> Option<(u64, String)> {
        let due = self.due().is_none_or(|due| due <= now);
        if due && !self.why.is_empty() {
            self.tell_all(now)
        } else {
            None
        }
    }

    /// What was held back, whether it is time or not.
    pub(crate) fn tell_all(&mut self, now: Instant) -> Option<(u64, String)> {
        (!self.why.is_empty()).then(|| {
            self.last = Some(now);
            (std::mem::take(&mut self.held), std::mem::take(&mut self.why))
        })
    }

    /// When what is held back may be told.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.last.map(|last| last + COMPLAIN_EVERY)
    }

    /// When something that is held back is to be told.
    pub(crate) fn waits(&self) -> Option<Instant> {
        self.due().filter(|_| !self.why.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn down_at_the_third_failure_and_up_at_the_first_answer() {
        let (mut health, start) = (Health::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        assert_eq!(health.failed(at(0), false), None);
        assert_eq!(health.failed(at(1), false), None);
        assert_eq!(health.failed(at(2), false), Some(State::Down));
        assert_eq!(health.failed(at(3), false), None);
        assert_eq!(health.failed(at(4), true), Some(State::Held));
        assert_eq!(health.failed(at(5), false), None);
        assert_eq!(health.answered(at(9)), Some(Duration::from_secs(9)));
        assert_eq!(health.failed(at(10), false), None);
        assert_eq!(health.answered(at(11)), None);
    }

    #[test]
    fn complaints_are_added_up_and_the_rest_is_told_when_the_time_is_over() {
        let (mut seldom, start) = (Seldom::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        let told = |points, why: &str| Some((points, why.to_owned()));
        assert_eq!(seldom.tell(at(0)), None);
        assert_eq!(seldom.add(at(0), 2, "a"), told(2, "a"));
        assert_eq!(seldom.waits(), None);
        assert_eq!(seldom.add(at(30), 3, "b"), None);
        assert_eq!((seldom.waits(), seldom.tell(at(59))), (Some(at(60)), None));
        assert_eq!(seldom.tell(at(60)), told(3, "b"));
        assert_eq!(seldom.add(at(61), 4, "c"), None);
        assert_eq!(seldom.tell_all(at(62)), told(4, "c"));
        assert_eq!(seldom.tell_all(at(63)), None);
    }
}
