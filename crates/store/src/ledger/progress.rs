//! How far a target has been taken: everything up to a time and, after outages, some stretches ahead of the gaps. Pure.

use super::stretches::Stretches;
use provider_api::{UnixNanos, Window};

/// Everything in `(since, upto]` has been taken, and everything in the stretches ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where the earliest window began; what lies before it was never asked for.
    pub since: UnixNanos,
    /// No hole before it.
    pub upto: UnixNanos,
    /// The stretches beyond gaps, while there are such; the first starts after `upto`.
    pub ahead: Stretches,
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
    /// It would make one gap more than are remembered, so the window has to be asked for again later.
    Beyond,
}

impl Progress {
    /// Where a window's points belong.
    pub(crate) fn part(progress: Option<Self>, window: Window) -> Part {
        match progress {
            None => Part::Main,
            Some(p) if window.end() <= p.since && p.ahead.is_empty() => Part::Before,
            Some(p) if window.end() <= p.since => Part::Beyond,
            Some(p) if window.start() <= p.upto => Part::Main,
            Some(p) => match p.ahead.reached(window.start()) {
                Some((from, _)) => Part::Ahead(from),
                None if p.ahead.is_full() => Part::Beyond,
                None => Part::Ahead(window.start()),
            },
        }
    }

    /// What is taken once `window` has been. A window that would make a gap too many changes nothing.
    #[must_use]
    pub fn advance(progress: Option<Self>, window: Window) -> Self {
        let to = window.end();
        let Some(before) = progress else {
            return Self {
                since: window.start(),
                upto: to,
                ahead: Stretches::default(),
            };
        };
        match Self::part(progress, window) {
            Part::Before => {
                let earlier = Self {
                    since: window.start(),
                    upto: to,
                    ahead: Stretches::new([(before.since, before.upto)]),
                };
                earlier.close(to)
            }
            Part::Main => {
                let since = before.since.min(window.start());
                Self { since, ..before }.close(to)
            }
            Part::Ahead(_) => Self {
                ahead: before.ahead.with(window),
                ..before
            },
            Part::Beyond => before,
        }
    }

    fn close(self, to: UnixNanos) -> Self {
        let (upto, ahead) = self.ahead.joined(self.upto.max(to));
        Self { upto, ahead, ..self }
    }

    /// The end of the stretch that holds `end`: up to when it was taken, if it was published in time.
    pub(crate) fn covered(&self, end: UnixNanos) -> Option<UnixNanos> {
        let main = (self.since, self.upto);
        let mut all = std::iter::once(main).chain(self.ahead.iter());
        all.find(|(from, to)| *from < end && end <= *to).map(|(_, to)| to)
    }

    /// The latest time it has been taken up to.
    pub fn newest(&self) -> UnixNanos {
        self.ahead.last().map_or(self.upto, |(_, to)| to)
    }
}
