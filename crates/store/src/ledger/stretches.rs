//! What has been taken beyond the first gap: a few stretches of time, in order, with a gap before each. Pure.

use provider_api::{UnixNanos, Window};

/// So many outages may fall into the time that catching up with the first of them takes. 16 bytes each in a row of the
/// file; a target that keeps up has none.
pub const MOST_STRETCHES: usize = 8;

/// Everything after the first time up to the second.
type Stretch = (UnixNanos, UnixNanos);

/// Stretches `(from, to]` in rising order that do not touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stretches {
    all: [Stretch; MOST_STRETCHES],
    len: usize,
}

impl Stretches {
    /// As given, in rising order; those beyond [`MOST_STRETCHES`] are left out, so that they are asked for again.
    pub fn new(stretches: impl IntoIterator<Item = Stretch>) -> Self {
        let mut new = Self::default();
        for (place, stretch) in new.all.iter_mut().zip(stretches) {
            *place = stretch;
            new.len += 1;
        }
        new
    }

    /// The stretches, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Stretch> + '_ {
        self.all.iter().take(self.len).copied()
    }

    /// The one beyond the first gap.
    pub fn first(&self) -> Option<Stretch> {
        self.iter().next()
    }

    /// The one that reaches nearest to the present.
    pub fn last(&self) -> Option<Stretch> {
        self.iter().next_back()
    }

    /// Whether there is no gap.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether another gap cannot be remembered.
    pub fn is_full(&self) -> bool {
        self.len == MOST_STRETCHES
    }

    /// The first that a window from `start` on does not lie behind.
    pub(crate) fn reached(&self, start: UnixNanos) -> Option<Stretch> {
        self.iter().find(|(_, to)| start <= *to)
    }

    /// With `window` taken: it lengthens the stretch that it reaches, and joins those that it touches beyond.
    pub(crate) fn with(self, window: Window) -> Self {
        let (start, mut to) = (window.start(), window.end());
        let from = self.reached(start).map_or(start, |(from, _)| from);
        let before = self.iter().take_while(|(_, end)| *end < start);
        let mut rest = self.iter().skip_while(|(_, end)| *end < start).peekable();
        while let Some((_, end)) = rest.next_if(|(next, _)| *next <= to.max(from)) {
            to = to.max(end);
        }
        Self::new(before.chain([(from, to)]).chain(rest))
    }

    /// Without those that what has been taken up to `upto` touches, and up to when they reach.
    pub(crate) fn joined(self, mut upto: UnixNanos) -> (UnixNanos, Self) {
        let mut rest = self.iter().peekable();
        while let Some((_, to)) = rest.next_if(|(from, _)| *from <= upto) {
            upto = upto.max(to);
        }
        (upto, Self::new(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> UnixNanos {
        UnixNanos::from_seconds(minute * 60)
    }

    fn stretches(minutes: &[(i64, i64)]) -> Stretches {
        Stretches::new(minutes.iter().map(|(from, to)| (at(*from), at(*to))))
    }

    fn with(before: &[(i64, i64)], from: i64, to: i64) -> Stretches {
        let window = Window::new(at(from), at(to)).expect("not empty");
        stretches(before).with(window)
    }

    #[test]
    fn a_window_lengthens_joins_or_adds() {
        let two = [(10, 20), (40, 50)];
        for (from, to, wanted) in [
            (60, 70, &[(10, 20), (40, 50), (60, 70)][..]),
            (45, 70, &[(10, 20), (40, 70)]),
            (50, 51, &[(10, 20), (40, 51)]),
            (15, 30, &[(10, 30), (40, 50)]),
            (20, 40, &[(10, 50)]),
            (18, 90, &[(10, 90)]),
            // Within a gap: it belongs to what lies behind it, which does not grow backwards.
            (25, 30, &[(10, 20), (40, 50)]),
            (5, 12, &[(10, 20), (40, 50)]),
        ] {
            assert_eq!(with(&two, from, to), stretches(wanted), "{from}..{to}");
        }
        assert_eq!(with(&[], 3, 4), stretches(&[(3, 4)]));
    }

    #[test]
    fn what_is_touched_joins() {
        let two = stretches(&[(10, 20), (40, 50)]);
        assert_eq!(two.joined(at(9)), (at(9), two));
        assert_eq!(two.joined(at(10)), (at(20), stretches(&[(40, 50)])));
        assert_eq!(two.joined(at(45)), (at(50), Stretches::default()));
    }
}
