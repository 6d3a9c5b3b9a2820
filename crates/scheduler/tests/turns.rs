//! Which group does what when: ticks, deep looks, and turns at the backlog.

use provider_api::{
    AccountId, Catalogue, Detail, Group, GroupSpec, Members, Scope, Span, Target, TargetId, UnixNanos,
};
use scheduler::core::{Core, Job, Lane};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Nothing;

impl Detail for Nothing {
    fn describe(&self) -> String {
        String::new()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn group(name: &str) -> Group {
    Arc::new(GroupSpec {
        scope: Scope::new("s"),
        name: name.into(),
        entry: 0,
        namespace: "n".into(),
        grain: MINUTE,
        on_grain: true,
        every: 5 * MINUTE,
        settle: Span::Fixed(MINUTE),
        lookback: Span::Auto(MINUTE),
        initial: 15 * MINUTE,
        retention: 24 * 60 * MINUTE,
        longest_window: 60 * MINUTE,
    })
}

fn catalogue(groups: &[&str]) -> Catalogue {
    let target = |(id, name): (u64, &&str)| Target {
        id: TargetId(id),
        members: Members::default(),
        group: group(name),
        series: 1,
        detail: Arc::new(Nothing),
    };
    Catalogue {
        targets: (0..).zip(groups).map(target).collect(),
        ..Catalogue::empty(Scope::new("s"), Duration::ZERO)
    }
}

fn account(name: &str) -> AccountId {
    AccountId(name.into())
}

fn at(minutes: u32) -> UnixNanos {
    UnixNanos::from_seconds(0).plus(MINUTE * minutes)
}

fn names(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| &*job.key.name).collect()
}

/// A core with these groups, polled once.
fn polled(groups: &[&str], behind: bool) -> Core {
    let mut core = Core::default();
    core.learn(at(1_000), &account("a"), catalogue(groups));
    for job in core.tick(at(1_000)) {
        core.ended(&job.key, behind);
    }
    core
}

#[test]
fn every_group_is_polled_once_an_interval_and_looks_deep_every_half_hour() {
    let mut core = polled(&["a"], false);
    let (mut polls, mut deep) = (0, 0);
    for minute in 1_001..1_001 + 10 * 60 {
        for job in core.tick(at(minute)) {
            let Lane::Fresh {
                deep: is_deep, poll, ..
            } = job.lane
            else {
                panic!("{job:?}")
            };
            polls += 1;
            deep += u32::from(is_deep);
            assert_eq!(poll, polls, "polls are counted");
            core.ended(&job.key, false);
        }
    }
    assert_eq!((polls, deep, core.ticks_skipped()), (120, 20, 0));
}

#[test]
fn a_tick_that_finds_the_poll_before_is_counted_and_one_that_finds_a_backlog_is_kept() {
    let mut core = polled(&["a"], true);
    let backlog = core.backlogs();
    assert_eq!(names(&backlog), ["a"]);
    let Lane::Backlog { until } = backlog[0].lane else {
        panic!("{backlog:?}")
    };
    assert_eq!(
        core.next_due(),
        None,
        "nothing to wake up for but the end of the backlog"
    );
    assert!(core.tick(until).is_empty() && core.backlogs().is_empty());
    core.ended(&backlog[0].key, true);
    let poll = core.tick(until);
    assert_eq!(
        (names(&poll), core.ticks_skipped()),
        (vec!["a"], 0),
        "the poll goes first"
    );
    assert!(core.backlogs().is_empty(), "its backlog waits for the poll");
    assert!(core.tick(until.plus(MINUTE * 5)).is_empty());
    assert_eq!(core.ticks_skipped(), 1);
    core.ended(&poll[0].key, false);
    assert_eq!(names(&core.backlogs()), ["a"], "it had asked before");
}

#[test]
fn groups_of_an_account_take_turns_at_their_backlogs() {
    let mut core = polled(&["a", "b", "c"], true);
    let mut turns = Vec::new();
    for _ in 0..6 {
        let jobs = core.backlogs();
        assert_eq!(jobs.len(), 1, "one at a time");
        turns.push(jobs[0].key.name.to_string());
        core.ended(&jobs[0].key, true);
    }
    assert_eq!(turns, ["a", "b", "c", "a", "b", "c"]);
}

#[test]
fn a_group_that_vanishes_in_the_middle_leaves_its_lane() {
    let mut core = polled(&["a", "b"], true);
    let jobs = core.backlogs();
    core.learn(at(1_001), &account("a"), catalogue(&["b"]));
    assert!(core.backlogs().is_empty() && !core.has_group(&account("a"), "a"));
    core.ended(&jobs[0].key, true);
    let next = core.backlogs();
    assert_eq!(names(&next), ["b"]);
    core.ended(&next[0].key, false);
    assert_eq!(core.targets(&account("a")), (1, 1));
    assert!(core.next_due().unwrap() > at(1_000));
}

#[test]
fn an_account_that_goes_takes_its_groups_and_its_lane_along_and_moves_nobody_else() {
    let mut core = polled(&["a", "b"], true);
    core.learn(at(1_000), &account("other"), catalogue(&["c"]));
    for job in core.tick(at(1_000)) {
        core.ended(&job.key, true);
    }
    let running = core.backlogs();
    assert_eq!(names(&running), ["a", "c"]);
    core.forget(&account("a"));
    assert_eq!(core.targets(&account("a")), (0, 0));
    assert!(core.backlogs().is_empty());
    let mut alone = Core::default();
    alone.learn(at(1_000), &account("other"), catalogue(&["c"]));
    let polled = alone.tick(at(1_000));
    alone.ended(&polled[0].key, false);
    core.ended(&running[1].key, false);
    assert_eq!(
        core.next_due(),
        alone.next_due(),
        "the phase hangs on names alone"
    );
}

#[test]
fn a_poll_that_is_asked_for_comes_at_once_and_keeps_the_rhythm() {
    let mut core = polled(&["a", "b"], false);
    let rhythm = core.next_due().unwrap();
    assert_eq!(core.poll_now(at(1_000), Some(&account("nobody"))), 0);
    assert_eq!(core.poll_now(at(1_000), Some(&account("a"))), 2);
    let jobs = core.tick(at(1_000));
    assert_eq!(jobs.len(), 2);
    assert_eq!(core.poll_now(at(1_000), None), 0, "both are being polled");
    assert_eq!(core.next_due(), Some(rhythm));
    assert_eq!(core.ticks_skipped(), 0);
}

#[test]
fn a_poll_that_is_held_back_goes_on_as_itself_or_gives_way_to_the_next() {
    let mut core = polled(&["a"], false);
    let tick = core.next_due().unwrap();
    let first = core.tick(tick);
    let minutes = |n: u32| tick.plus(MINUTE * n);
    core.held_back(&first[0].key, minutes(2));
    core.ended(&first[0].key, false);
    assert_eq!(core.next_due(), Some(minutes(2)));
    assert!(core.tick(minutes(1)).is_empty());
    let again = core.tick(minutes(2));
    assert_eq!(again[0].lane, first[0].lane, "the same poll");
    core.held_back(&again[0].key, minutes(60));
    core.ended(&again[0].key, false);
    assert_eq!(core.next_due(), Some(minutes(5)), "the rhythm goes on");
    let next = core.tick(minutes(5));
    let Lane::Fresh { due, .. } = next[0].lane else {
        panic!("{next:?}")
    };
    assert_eq!(due, minutes(5));
    core.ended(&next[0].key, false);
    assert_eq!(
        core.next_due(),
        Some(minutes(10)),
        "and what was held is done with"
    );
    assert_eq!(core.ticks_skipped(), 0);
}

#[test]
fn a_backlog_that_is_held_back_keeps_its_turn_and_lets_others_go_meanwhile() {
    let mut core = polled(&["a", "b"], true);
    let begun = core.next_due().unwrap();
    let jobs = core.backlogs();
    assert_eq!(names(&jobs), ["a"]);
    let until = at(1_000).plus(MINUTE / 2).max(begun.minus(MINUTE / 2));
    core.held_back(&jobs[0].key, until);
    core.ended(&jobs[0].key, true);
    let jobs = core.backlogs();
    assert_eq!(names(&jobs), ["b"]);
    core.ended(&jobs[0].key, false);
    assert!(core.backlogs().is_empty());
    assert!(core.next_due().unwrap() <= until, "it is woken up for");
    for job in core.tick(until) {
        core.ended(&job.key, false);
    }
    assert_eq!(names(&core.backlogs()), ["a"]);
}
