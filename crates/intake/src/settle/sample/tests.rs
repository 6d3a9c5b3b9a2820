//! Single points under single looks.

use super::*;

const TARGET: TargetId = TargetId(1);
const WATCH: Watch = Watch {
    young: Duration::from_secs(120),
    horizon: Duration::from_secs(600),
};

fn at(s: i64) -> UnixNanos {
    UnixNanos::from_seconds(s)
}

/// A look at `s` over the last ten minutes up to `to`, and what it saw: ends and values.
fn look(sample: &mut Sample, s: i64, to: i64, points: &[(i64, u64)]) -> Vec<Option<u64>> {
    let window = Window::new(at(s - 600), at(to)).expect("not empty");
    let look = Look {
        at: at(s),
        window,
        probing: to + 60 > s,
    };
    let seen: Seen = points.iter().map(|(end, print)| (at(*end), *print)).collect();
    let resolved = sample.look(TARGET, look, [(SeriesId(7), seen)].into(), WATCH);
    resolved
        .into_iter()
        .map(|age| age.map(|age| age.as_secs()))
        .collect()
}

/// Watching a series; what it had before does not count.
fn started() -> Sample {
    let mut sample = Sample::default();
    assert!(sample.admit(at(6_000), [TARGET].into_iter()));
    assert!(look(&mut sample, 6_000, 6_000, &[(5_700, 1)]).is_empty());
    sample
}

#[test]
fn the_last_age_at_which_a_point_was_absent_or_other_counts() {
    let mut sample = started();
    look(&mut sample, 6_060, 6_060, &[]);
    look(&mut sample, 6_120, 6_120, &[]);
    look(&mut sample, 6_180, 6_180, &[(6_060, 1)]);
    look(&mut sample, 6_240, 6_240, &[(6_060, 2), (6_120, 1)]);
    look(&mut sample, 6_300, 6_300, &[(6_060, 2), (6_120, 1), (6_300, 1)]);
    let resolved = look(&mut sample, 6_720, 6_720, &[(6_300, 1)]);
    assert_eq!(
        resolved,
        [Some(120), Some(60)],
        "revised until 120 s, late by 60 s"
    );
    assert_eq!(look(&mut sample, 7_000, 7_000, &[]), [None], "final at once");
}

#[test]
fn a_point_counts_only_if_it_was_watched_all_along() {
    let mut sample = started();
    look(&mut sample, 6_060, 6_060, &[(5_700, 1), (6_060, 1)]);
    look(&mut sample, 6_120, 6_000, &[]);
    assert!(
        look(&mut sample, 6_900, 6_900, &[]).is_empty(),
        "one was old when it was first looked at, the other was missed by a look"
    );
}

#[test]
fn a_point_is_counted_once_however_far_a_look_reaches_back() {
    let mut sample = started();
    look(&mut sample, 6_060, 6_060, &[(6_060, 1)]);
    assert_eq!(look(&mut sample, 6_660, 6_660, &[]), [None]);
    let window = Window::new(at(6_000), at(6_720)).expect("not empty");
    let deep = Look {
        at: at(6_720),
        window,
        probing: true,
    };
    let seen: Seen = [(at(6_060), 1)].into();
    assert!(
        sample
            .look(TARGET, deep, [(SeriesId(7), seen)].into(), WATCH)
            .is_empty()
    );
    assert!(look(&mut sample, 6_780, 6_780, &[]).is_empty());
}

#[test]
fn a_gap_counts_for_nothing() {
    let mut sample = started();
    look(&mut sample, 6_060, 6_060, &[]);
    look(&mut sample, 6_120, 6_120, &[(6_120, 1)]);
    assert_eq!(look(&mut sample, 6_900, 6_900, &[]), [None], "6060 never came");
}

#[test]
fn the_targets_with_the_lowest_identities_are_watched() {
    let mut sample = Sample::default();
    sample.admit(at(0), (100..300).map(TargetId));
    assert!(sample.admit(at(0), (0..10).map(TargetId)));
    assert!(sample.watches(TargetId(0)) && sample.watches(TargetId(153)));
    assert!(!sample.watches(TargetId(154)) && !sample.admit(at(0), [TargetId(500)].into_iter()));
    sample.admit(at(3 * 3_600), [TargetId(500)].into_iter());
    assert!(!sample.watches(TargetId(0)), "not polled for hours");
}
