//! Steps of one target, in minutes.

use super::*;
use provider_api::Scope;
use store::Stretches;

const MINUTE: Duration = Duration::from_secs(60);

/// The present, far enough from zero for all that is kept.
const NOW: i64 = 10_000;

fn at(minute: i64) -> UnixNanos {
    UnixNanos::from_seconds(minute * 60)
}

fn group() -> GroupSpec {
    GroupSpec {
        scope: Scope::new("s"),
        name: "g".into(),
        entry: 0,
        namespace: "n".into(),
        grain: MINUTE,
        on_grain: true,
        every: MINUTE * 5,
        settle: MINUTE * 5,
        lookback: Duration::ZERO,
        initial: MINUTE * 15,
        retention: MINUTE * 5_000,
        longest_window: MINUTE * 100,
    }
}

fn walk(from: i64, to: i64) -> Walk {
    let range = Range {
        from: at(from),
        to: at(to),
    };
    Walk { range, now: at(NOW) }
}

fn taken(since: i64, upto: i64, ahead: Option<(i64, i64)>) -> Progress {
    Progress {
        since: at(since),
        upto: at(upto),
        ahead: Stretches::new(ahead.map(|(from, to)| (at(from), at(to)))),
    }
}

fn polled_since(since: i64) -> Known {
    Known {
        live: Some(taken(since, NOW - 5, None)),
        history: None,
    }
}

fn ask(lane: Lane, from: i64, to: i64) -> Next {
    Window::new(at(from), at(to)).map_or(Next::Nothing, |window| Next::Ask(lane, window))
}

/// All steps, each of which succeeds.
fn steps(walk: Walk, mut known: Known) -> (Vec<(Lane, i64, i64)>, Known) {
    let mut all = Vec::new();
    while let Next::Ask(lane, window) = walk.next(&group(), &known) {
        all.push((lane, window.start().seconds() / 60, window.end().seconds() / 60));
        known = known.advance(lane, window);
        assert!(all.len() < 1_000, "no end: {all:?}");
    }
    assert_eq!(walk.next(&group(), &known), Next::Nothing);
    (all, known)
}

#[test]
fn windows_go_from_the_oldest_end_to_where_polling_began() {
    let (all, known) = steps(walk(9_000, NOW), polled_since(9_250));
    let wanted = [(9_000, 9_100), (9_100, 9_200), (9_200, 9_250)];
    assert_eq!(all, wanted.map(|(from, to)| (Lane::Backfill, from, to)));
    assert_eq!(known.history, Some(taken(9_000, 9_250, None)));
}

#[test]
fn a_second_run_goes_on_and_a_third_has_nothing_to_do() {
    let half = Known {
        history: Some(taken(9_000, 9_100, None)),
        ..polled_since(9_150)
    };
    let (all, done) = steps(walk(9_000, NOW), half);
    assert_eq!(all, [(Lane::Backfill, 9_100, 9_150)]);
    assert_eq!(steps(walk(9_000, NOW), done).0, []);
}

#[test]
fn a_target_that_was_never_polled_gets_its_first_poll() {
    let (all, known) = steps(walk(9_900, NOW), Known::default());
    assert_eq!(
        all,
        [(Lane::Live, NOW - 20, NOW - 5), (Lane::Backfill, 9_900, NOW - 20)]
    );
    assert_eq!(known.live, Some(taken(NOW - 20, NOW - 5, None)));
    let (all, known) = steps(walk(9_700, 9_750), Known::default());
    assert_eq!((all, known.live), (vec![(Lane::Backfill, 9_700, 9_750)], None));
}

#[test]
fn an_earlier_range_joins_the_later_one() {
    let later = Known {
        history: Some(taken(9_300, 9_500, None)),
        ..polled_since(9_500)
    };
    let (all, known) = steps(walk(9_150, NOW), later);
    assert_eq!(
        all,
        [(Lane::Backfill, 9_150, 9_250), (Lane::Backfill, 9_250, 9_300)]
    );
    assert_eq!(known.history, Some(taken(9_150, 9_500, None)));
}

#[test]
fn one_gap_may_stay_and_be_closed_later() {
    let first = Known {
        history: Some(taken(9_000, 9_100, None)),
        ..polled_since(9_900)
    };
    let (all, gap) = steps(walk(9_300, 9_350), first);
    assert_eq!(all, [(Lane::Backfill, 9_300, 9_350)]);
    assert_eq!(gap.history, Some(taken(9_000, 9_100, Some((9_300, 9_350)))));
    let (all, longer) = steps(walk(9_300, 9_400), gap);
    assert_eq!(all, [(Lane::Backfill, 9_350, 9_400)]);
    let (all, closed) = steps(walk(9_050, 9_450), longer);
    let wanted = [(9_100, 9_200), (9_200, 9_300), (9_400, 9_450)];
    assert_eq!(all, wanted.map(|(from, to)| (Lane::Backfill, from, to)));
    assert_eq!(closed.history, Some(taken(9_000, 9_450, None)));
}

#[test]
fn a_second_gap_is_refused() {
    let history = taken(9_000, 9_100, Some((9_300, 9_350)));
    let known = Known {
        history: Some(history),
        ..polled_since(9_900)
    };
    for (from, to) in [(8_800, 8_900), (8_800, 9_900), (9_200, 9_250), (9_400, 9_500)] {
        let next = walk(from, to).next(&group(), &known);
        assert_eq!(next, Next::SecondGap(history), "{from} {to}");
    }
}

#[test]
fn what_is_no_longer_kept_is_told_and_left_out() {
    let (early, late) = (walk(4_000, NOW), walk(5_100, NOW));
    assert!(early.is_too_early(&group()) && !late.is_too_early(&group()));
    // 5,000 minutes back, ten minutes that are about to go, and a whole grain.
    let earliest = NOW - 5_000 + 10 + 1;
    assert_eq!(early.earliest(&group()), at(earliest));
    let next = early.next(&group(), &polled_since(9_900));
    assert_eq!(next, ask(Lane::Backfill, earliest, earliest + 100));
}
