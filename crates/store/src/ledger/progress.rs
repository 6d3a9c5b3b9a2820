//! How far a target has been taken: everything up to a time and, after an outage, one stretch ahead of the gap. Pure.

use provider_api::{UnixNanos, Window};

/// Everything in `(since, upto]` has been taken, and everything in `(ahead.0, ahead.1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where the earliest window began; what lies before it was never asked for.
    pub since: UnixNanos,
    /// No hole before it.
    pub upto: UnixNanos,
    /// The stretch beyond the gap, while there is one; its start lies after `upto`.
    pub ahead: Option<(UnixNanos, UnixNanos)>,
}

/// Where the points of a window belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Before all that was taken: what there is becomes the stretch beyond a gap.
    Before,
    /// To what touches `upto`.
    Main,
    /// Beyond the gap that ends at this time.
    Ahead(UnixNanos),
    /// It would make a second gap: only one is remembered, so the window has to be asked for again later.
    Beyond,
}

impl Progress {
    /// Where a window's points belong.
    pub(crate) fn part(progress: Option<Self>, window: Window) -> Part {
        match progress {
            None => Part::Main,
            Some(p) if window.end() <= p.since && p.ahead.is_none() => Part::Before,
            Some(p) if window.end() <= p.since => Part::Beyond,
            Some(p) if window.start() <= p.upto => Part::Main,
            Some(p) => match p.ahead {
                None => Part::Ahead(window.start()),
                Some((from, to)) if window.start() <= to => Part::Ahead(from),
                Some(_) => Part::Beyond,
            },
        }
    }

    /// What is taken once `window` has been. A window that would make a second gap changes nothing.
    #[must_use]
    pub fn advance(progress: Option<Self>, window: Window) -> Self {
        let to = window.end();
        let Some(before) = progress else {
            return Self {
                since: window.start(),
                upto: to,
                ahead: None,
            };
        };
        match Self::part(progress, window) {
            Part::Before => {
                let earlier = Self {
                    since: window.start(),
                    upto: to,
                    ahead: Some((before.since, before.upto)),
                };
                earlier.close(to)
            }
            Part::Main => {
                let since = before.since.min(window.start());
                Self { since, ..before }.close(to)
            }
            Part::Ahead(from) => {
                let newest = before.ahead.map_or(to, |ahead| ahead.1.max(to));
                Self {
                    ahead: Some((from, newest)),
                    ..before
                }
            }
            Part::Beyond => before,
        }
    }

    fn close(self, to: UnixNanos) -> Self {
        let upto = self.upto.max(to);
        match self.ahead {
            Some((from, newest)) if upto >= from => Self {
                upto: upto.max(newest),
                ahead: None,
                ..self
            },
            ahead => Self { upto, ahead, ..self },
        }
    }

    /// Whether what ends at `end` was taken, if it was published in time.
    pub(crate) fn covers(&self, end: UnixNanos) -> bool {
        (self.since < end && end <= self.upto) || self.ahead.is_some_and(|(from, to)| from < end && end <= to)
    }
}
