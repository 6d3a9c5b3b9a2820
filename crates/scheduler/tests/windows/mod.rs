//! Windows against a table, and against a naive model that knows every grain.
#![expect(clippy::unwrap_used, reason = "tests")]

mod model;

use model::{Model, Step, World, step};
use proptest::prelude::*;
use provider_api::{GroupSpec, Scope, UnixNanos, Window};
use scheduler::core::{settled, windows};
use std::time::Duration;
use store::{MOST_STRETCHES, Progress, Stretches};

const MINUTE: Duration = Duration::from_secs(60);

fn group() -> GroupSpec {
    GroupSpec {
        scope: Scope::new("s"),
        name: "g".into(),
        entry: 0,
        namespace: "n".into(),
        grain: MINUTE,
        on_grain: true,
        every: 5 * MINUTE,
        settle: 2 * MINUTE,
        lookback: 3 * MINUTE,
        initial: 15 * MINUTE,
        retention: 24 * 60 * MINUTE,
        longest_window: 60 * MINUTE,
    }
}

fn at(minutes: i64) -> UnixNanos {
    UnixNanos::from_seconds(minutes * 60)
}

#[expect(clippy::unnecessary_wraps, reason = "as the windows want it")]
fn taken(upto: i64, ahead: &[(i64, i64)]) -> Option<Progress> {
    Some(Progress {
        since: at(0),
        upto: at(upto),
        ahead: Stretches::new(ahead.iter().map(|(from, to)| (at(*from), at(*to)))),
    })
}

fn minutes(window: Option<Window>) -> Option<(i64, i64)> {
    window.map(|w| (w.start().seconds() / 60, w.end().seconds() / 60))
}

#[test]
fn table() {
    // It is 10,000 minutes and a bit; what is settled ends at 9,998.
    let now = at(10_000).plus(Duration::from_secs(31));
    let many: Vec<(i64, i64)> = (9_020..9_180).step_by(20).map(|from| (from, from + 10)).collect();
    assert_eq!(many.len(), MOST_STRETCHES);
    for (what, taken, fresh, backlog) in [
        ("the first reaches back", None, Some((9_983, 9_998)), None),
        (
            "then from what was taken, looking back",
            taken(9_990, &[]),
            Some((9_987, 9_998)),
            None,
        ),
        ("nothing new", taken(9_998, &[]), None, None),
        ("the settle has grown", taken(9_999, &[]), None, None),
        ("just not behind", taken(9_983, &[]), Some((9_980, 9_998)), None),
        (
            "behind: the present first",
            taken(9_900, &[]),
            Some((9_983, 9_998)),
            Some((9_897, 9_957)),
        ),
        (
            "behind by little",
            taken(9_970, &[]),
            Some((9_983, 9_998)),
            Some((9_967, 9_983)),
        ),
        (
            "a gap",
            taken(9_000, &[(9_900, 9_993)]),
            Some((9_990, 9_998)),
            Some((8_997, 9_057)),
        ),
        (
            "a gap's last piece",
            taken(9_880, &[(9_900, 9_993)]),
            Some((9_990, 9_998)),
            Some((9_877, 9_900)),
        ),
        (
            "not back into the gap",
            taken(9_000, &[(9_992, 9_993)]),
            Some((9_992, 9_998)),
            Some((8_997, 9_057)),
        ),
        (
            "a gap, nothing new",
            taken(9_000, &[(9_900, 9_998)]),
            None,
            Some((8_997, 9_057)),
        ),
        (
            "a second outage: the present first, then the older gap",
            taken(9_000, &[(9_100, 9_200)]),
            Some((9_983, 9_998)),
            Some((8_997, 9_057)),
        ),
        (
            "two gaps",
            taken(9_000, &[(9_100, 9_200), (9_900, 9_993)]),
            Some((9_990, 9_998)),
            Some((8_997, 9_057)),
        ),
        (
            "one outage too many: up to the present first",
            taken(9_000, &many),
            Some((9_167, 9_227)),
            Some((9_167, 9_227)),
        ),
        (
            "not back before the beginning",
            taken(2, &[]).map(|p| Progress {
                since: at(9_989),
                upto: at(9_990),
                ..p
            }),
            Some((9_989, 9_998)),
            None,
        ),
    ] {
        let cut = windows(now, taken, &group());
        assert_eq!(
            (minutes(cut.fresh), minutes(cut.backlog)),
            (fresh, backlog),
            "{what}"
        );
        assert_eq!(cut.hole, None, "{what}");
    }
}

#[test]
fn what_is_no_longer_kept_is_a_hole() {
    let now = at(10_000);
    let kept = 10_000 - 24 * 60 + 1;
    let cut = windows(now, taken(8_000, &[]), &group());
    let hole = cut.hole.unwrap();
    assert_eq!(minutes(Some(hole.skip)), Some((8_000, kept)));
    assert_eq!(hole.lost, MINUTE * u32::try_from(kept - 8_000).unwrap());
    assert_eq!(minutes(cut.backlog), Some((kept, kept + 60)));
    let cut = windows(now, taken(8_000, &[(8_100, 8_200)]), &group());
    let lost = 100 + u32::try_from(kept - 8_200).unwrap();
    assert_eq!(cut.hole.unwrap().lost, MINUTE * lost, "not what was taken ahead");
    let first = GroupSpec {
        initial: MINUTE * 99_999,
        ..group()
    };
    let cut = windows(now, None, &first);
    assert_eq!((cut.hole, minutes(cut.fresh)), (None, Some((kept, kept + 60))));
}

/// After a poll nothing is further behind than three polls, unless there were more outages than are remembered.
fn is_present(world: &World, before: Option<Progress>) -> bool {
    let Some(p) = world.model.progress else {
        return true;
    };
    let full = before.is_some_and(|p| p.ahead.is_full());
    let late = settled(world.now, &world.terms).since(p.newest());
    full || late <= 3 * world.terms.every
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_skip_nothing_and_close_every_gap(
        steps in prop::collection::vec(step(), 1..60),
        lookback_s in 0_u64..1_200,
        longest in 1_u32..200,
    ) {
        let terms = GroupSpec { lookback: Duration::from_secs(lookback_s), longest_window: MINUTE * longest, ..group() };
        let mut world = World { now: at(100_000), terms, model: Model::default() };
        // The first poll may have to begin in the past.
        world.fresh();
        world.backlogs(100);
        for step in &steps {
            let before = world.model.progress;
            world.run(step);
            if let Step::Poll { .. } = step {
                prop_assert!(is_present(&world, before), "{step:?}: {:?}", world.model.progress);
            }
        }
        world.later(300);
        // Walking on after an outage too many leaves the present to the poll after it.
        for _ in 0..2 {
            world.fresh();
            world.backlogs(5_000);
        }
        world.model.check();
        let p = world.model.progress.unwrap();
        prop_assert!(p.ahead.is_empty(), "all gaps closed: {:?}", p);
        prop_assert!(p.upto >= settled(world.now, &world.terms));
    }
}
