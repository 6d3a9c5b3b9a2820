//! Simulated clouds teach a settle; the true quantile is known. Pure: the clock is a loop.

use super::histogram::{BUCKET, Histogram};
use super::lateness::{DEEP_GRAINS, Lateness};
use super::namespace::Namespace;
use super::{Look, Seen, codec};
use provider_api::{GroupSpec, Scope, SeriesId, Span, TargetId, UnixNanos, Window};
use std::collections::HashMap;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const TARGETS: u64 = 40;
const GRAIN_S: i64 = 60;

fn group(every_s: u64) -> GroupSpec<Span> {
    GroupSpec {
        scope: Scope::new("s"),
        name: "g".into(),
        entry: 0,
        namespace: "n".into(),
        grain: Duration::from_secs(60),
        on_grain: true,
        every: Duration::from_secs(every_s),
        settle: Span::Auto(Duration::from_secs(600)),
        lookback: Span::Auto(Duration::from_secs(3_000)),
        initial: Duration::from_secs(900),
        retention: Duration::from_secs(86_400),
        longest_window: Duration::from_secs(86_400),
    }
}

/// When a point shows up and when it gets its last value, in seconds after its end.
type Cloud = fn(&mut fastrand::Rng) -> (f64, f64);

/// A point's times follow from who it is.
fn times(cloud: Cloud, target: u64, end: i64) -> (f64, f64) {
    cloud(&mut fastrand::Rng::with_seed(
        target.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ end.unsigned_abs(),
    ))
}

/// Polls for some hours and returns what was learnt.
fn teach(known: &mut Namespace, cloud: Cloud, every_s: u64, from_s: i64, hours: i64) {
    let group = group(every_s);
    let every = i64::try_from(every_s).unwrap_or(60);
    for (poll, now) in (from_s..from_s + hours * 3_600)
        .step_by(usize::try_from(every).unwrap_or(60))
        .enumerate()
    {
        let at = UnixNanos::from_seconds(now);
        let probing = known.probes(
            at,
            &group,
            u64::try_from(poll).unwrap_or(0),
            (0..TARGETS).map(TargetId),
        );
        let (settle, _) = known.settle(&group);
        let newest = if probing { at } else { at.minus(settle) };
        let lookback = known.lookback(at, &group);
        let start = at.minus(settle + lookback).floor(group.grain);
        let Some(window) = Window::new(start, newest.floor(group.grain)) else {
            continue;
        };
        for target in 0..TARGETS {
            let seen = visible(cloud, target, now, window);
            let look = Look { at, window, probing };
            known.look(&group, TargetId(target), look, seen);
        }
        if known.is_due(at) {
            known.weigh(at);
        }
    }
}

fn visible(cloud: Cloud, target: u64, now: i64, window: Window) -> HashMap<SeriesId, Seen> {
    let first = window.start().seconds() + GRAIN_S;
    let ends = (first..=window.end().seconds()).step_by(60);
    let point = |end: i64| {
        let age = UnixNanos::from_seconds(now)
            .since(UnixNanos::from_seconds(end))
            .as_secs_f64();
        let (shows, last) = times(cloud, target, end);
        (age >= shows).then(|| (UnixNanos::from_seconds(end), u64::from(age >= last)))
    };
    [(SeriesId(u128::from(target)), ends.filter_map(point).collect())].into()
}

/// The age at which all but one in a thousand points are final.
fn truth(cloud: Cloud) -> Duration {
    let mut rng = fastrand::Rng::with_seed(9);
    let mut all: Vec<f64> = (0..200_000).map(|_| cloud(&mut rng).1).collect();
    all.sort_by(f64::total_cmp);
    Duration::from_secs_f64(all[199_800])
}

fn learnt(cloud: Cloud, every_s: u64, hours: i64) -> Duration {
    let mut known = Namespace::default();
    teach(&mut known, cloud, every_s, 0, hours);
    known.learnt.expect("enough was seen")
}

fn at_once(_: &mut fastrand::Rng) -> (f64, f64) {
    (0.0, 0.0)
}

/// Always after 130 seconds.
fn constant(_: &mut fastrand::Rng) -> (f64, f64) {
    (130.0, 130.0)
}

/// Evenly within five minutes.
fn uniform(rng: &mut fastrand::Rng) -> (f64, f64) {
    let shows = 300.0 * rng.f64();
    (shows, shows)
}

/// A minute and an exponential tail.
fn tailed(rng: &mut fastrand::Rng) -> (f64, f64) {
    let shows = 60.0 - 40.0 * (1.0 - rng.f64()).ln();
    (shows, shows)
}

/// Early, and revised until ten minutes for one point in fifty.
fn revising(rng: &mut fastrand::Rng) -> (f64, f64) {
    let last = if rng.u32(0..50) == 0 {
        600.0 * rng.f64()
    } else {
        20.0
    };
    (20.0_f64.min(last), last)
}

#[test]
fn the_settle_is_within_a_bucket_of_the_true_quantile() {
    let clouds: [(&str, Cloud); 4] = [
        ("constant", constant),
        ("uniform", uniform),
        ("tailed", tailed),
        ("revising", revising),
    ];
    for (name, cloud) in clouds {
        let (learnt, truth) = (learnt(cloud, 20, 6), truth(cloud));
        assert!(
            learnt + BUCKET >= truth && learnt <= truth + BUCKET,
            "{name}: learnt {learnt:?}, true {truth:?}"
        );
    }
}

#[test]
fn points_that_are_there_at_once_are_not_waited_for() {
    assert_eq!(learnt(at_once, 60, 3), Duration::ZERO);
}

/// With polls five minutes apart few ages are met, and it is their points that count: what is polled at a settle may be
/// late by no more than one in a thousand.
#[test]
fn what_sparse_polls_learn_leaves_few_points_late() {
    let clouds: [(&str, Cloud); 3] = [("constant", constant), ("tailed", tailed), ("revising", revising)];
    for (name, cloud) in clouds {
        let settle = learnt(cloud, 300, 12).as_secs_f64();
        let mut rng = fastrand::Rng::with_seed(3);
        let late = |_: &u32| {
            let age_when_taken = settle + 300.0 * rng.f64();
            cloud(&mut rng).1 > age_when_taken
        };
        let late = (0..200_000_u32).filter(late).count();
        assert!(late < 600, "{name}: {late} of 200,000 late at {settle} s");
    }
}

#[test]
fn a_restart_keeps_it_and_a_cloud_that_changes_is_followed() {
    let mut known = Namespace::default();
    teach(&mut known, constant, 60, 0, 4);
    let before = known.learnt;
    assert!(before.is_some());
    let mut again = codec::read(codec::write(&known).as_bytes()).expect("ours");
    assert_eq!(again.learnt, before);
    assert_eq!(again.settle(&group(60)), (before.unwrap_or_default(), true));
    teach(&mut again, uniform, 60, 5 * 3_600, 24);
    let slower = again.learnt.unwrap_or_default();
    assert!(slower > before.unwrap_or_default() + BUCKET, "{slower:?}");
    teach(&mut again, at_once, 60, 40 * 3_600, 100);
    assert_eq!(again.learnt, Some(Duration::ZERO), "old behaviour has faded");
}

#[test]
fn a_fixed_settle_and_coarse_points_are_not_learnt() {
    let mut known = Namespace::known(Some(SECOND), Histogram::default(), Lateness::default());
    let fixed = GroupSpec {
        settle: Span::Fixed(SECOND * 7),
        ..group(60)
    };
    let coarse = GroupSpec {
        grain: SECOND * 3_600,
        ..group(60)
    };
    assert_eq!(known.settle(&fixed), (SECOND * 7, false));
    assert_eq!(known.settle(&coarse), (SECOND * 600, false));
    let target = || [TargetId(1)].into_iter();
    assert!(!known.probes(UnixNanos(0), &fixed, 0, target()));
    assert!(!known.probes(UnixNanos(0), &coarse, 0, target()));
    assert!(known.probes(UnixNanos(0), &group(60), 3, target()));
}

#[test]
fn a_learnt_lookback_leaves_room_for_what_is_new_and_a_deep_look_too() {
    let mut known = Namespace::default();
    let mut tight = group(60);
    tight.longest_window = SECOND * 600;
    known.lateness.note(UnixNanos(0), SECOND * 9_999);
    assert_eq!(
        known.lookback(UnixNanos(0), &group(60)),
        SECOND * 60 * DEEP_GRAINS
    );
    assert_eq!(known.lookback(UnixNanos(0), &tight), SECOND * 300);
    assert_eq!(super::reach(&tight, SECOND * 60, true), SECOND * 300);
    assert_eq!(super::reach(&group(60), SECOND * 60, true), SECOND * 3_600);
    assert_eq!(super::reach(&group(60), SECOND * 60, false), SECOND * 60);
}
