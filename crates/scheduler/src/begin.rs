//! Where a listed target begins: at `initial` when its part of the scope is listed for the first time, else at the last
//! complete listing. Pure.

use crate::core::settled;
use provider_api::{GroupSpec, UnixNanos};
use std::time::Duration;

/// Where the windows of targets of one group begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begin {
    /// Of one that is new.
    pub(crate) from: UnixNanos,
    /// Of one of which something else is asked than before.
    pub(crate) again: UnixNanos,
}

impl Begin {
    /// `last` is when the group's part of the scope was listed in full: what appears since may have existed since then, or a
    /// listing's lag before.
    pub(crate) fn of(now: UnixNanos, last: Option<UnixNanos>, lag: Duration, terms: &GroupSpec) -> Self {
        let grain = terms.grain;
        let kept = now.minus(terms.retention).floor(grain).plus(grain);
        let initial = settled(now, terms).minus(terms.initial.max(grain));
        let since = last.map_or(initial, |last| last.minus(lag).minus(terms.settle).min(initial));
        Self {
            from: since.floor(grain).max(kept),
            again: initial.floor(grain).max(kept),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const MINUTE: Duration = Duration::from_secs(60);

    fn terms() -> GroupSpec {
        GroupSpec {
            initial: 15 * MINUTE,
            ..testing::due(0).target.group.in_force(3 * MINUTE, Duration::ZERO)
        }
    }

    #[test]
    fn what_appears_later_begins_at_the_last_listing_and_what_is_first_at_initial() {
        let at = |minute: i64| UnixNanos::from_seconds(minute * 60);
        let now = at(1_000).plus(Duration::from_secs(20));
        let of = |last: Option<i64>, lag: u32| Begin::of(now, last.map(at), lag * MINUTE, &terms());
        let begin = |from, again| Begin {
            from: at(from),
            again: at(again),
        };
        assert_eq!(of(None, 15), begin(982, 982));
        assert_eq!(of(Some(940), 15), begin(922, 982));
        // A listing of just now leaves `initial`.
        assert_eq!(of(Some(999), 0), begin(982, 982));
        // The cloud keeps nothing older.
        assert_eq!(of(Some(0), 0), begin(401, 982));
    }
}
