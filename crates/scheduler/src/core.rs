//! The decisions: phases, windows, what is due. Pure; time comes in as an argument.

use provider_api::{Catalogue, Due, Group, GroupSpec, Scope, Target, TargetId, UnixNanos, Window};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

/// A group within the daemon: the account's number, the scope and the group's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    /// Index of the account.
    pub account: usize,
    /// Region, subscription or project.
    pub scope: Scope,
    /// The group's name within the account.
    pub name: Arc<str>,
}

#[derive(Debug)]
struct GroupState {
    group: Group,
    targets: Arc<[Target]>,
    next: UnixNanos,
    busy: bool,
}

/// All groups and when they are due.
#[derive(Debug, Default)]
pub struct Core {
    groups: BTreeMap<GroupKey, GroupState>,
    ticks_skipped: u64,
}

impl Core {
    /// Replaces what was known of a scope. New groups are due at once, known ones keep their rhythm.
    pub fn learn(&mut self, now: UnixNanos, account: usize, catalogue: Catalogue) {
        let mut by_group: HashMap<Arc<str>, Vec<Target>> = HashMap::new();
        for target in catalogue.targets {
            by_group
                .entry(Arc::clone(&target.group.name))
                .or_default()
                .push(target);
        }
        self.groups.retain(|key, _| {
            key.account != account || key.scope != catalogue.scope || by_group.contains_key(&key.name)
        });
        for (name, targets) in by_group {
            let Some(group) = targets.first().map(|t| Arc::clone(&t.group)) else {
                continue;
            };
            let key = GroupKey {
                account,
                scope: catalogue.scope.clone(),
                name,
            };
            let state = self.groups.entry(key).or_insert_with(|| GroupState {
                group: Arc::clone(&group),
                targets: Arc::from([]),
                next: now,
                busy: false,
            });
            state.group = group;
            state.targets = targets.into();
        }
    }

    /// The groups whose time has come and that have no poll in flight; each is busy until [`Core::finished`].
    pub fn tick(&mut self, now: UnixNanos) -> Vec<GroupKey> {
        let mut due = Vec::new();
        for (key, state) in &mut self.groups {
            if state.next > now {
                continue;
            }
            state.next = next_tick(now, state.group.every, phase(key, state.group.every));
            if state.busy {
                self.ticks_skipped += 1;
            } else {
                state.busy = true;
                due.push(key.clone());
            }
        }
        due
    }

    /// The targets of a group with the windows to ask for, given how far each has been taken.
    pub fn due(
        &self,
        key: &GroupKey,
        now: UnixNanos,
        watermark: impl Fn(TargetId) -> Option<UnixNanos>,
    ) -> Vec<Due> {
        let Some(state) = self.groups.get(key) else {
            return Vec::new();
        };
        let with_window = |target: &Target| {
            let window = window(now, watermark(target.id), &target.group)?;
            Some(Due {
                target: target.clone(),
                window,
            })
        };
        state.targets.iter().filter_map(with_window).collect()
    }

    /// The poll of a group has ended, well or not. `behind` asks for the next one at once, to catch up.
    pub fn finished(&mut self, key: &GroupKey, now: UnixNanos, behind: bool) {
        if let Some(state) = self.groups.get_mut(key) {
            state.busy = false;
            if behind {
                state.next = now;
            }
        }
    }

    /// When the next group is due.
    pub fn next_due(&self) -> Option<UnixNanos> {
        self.groups.values().map(|s| s.next).min()
    }

    /// Targets and the series expected of them, of one account.
    pub fn targets(&self, account: usize) -> (usize, u64) {
        let of_account = self.groups.iter().filter(|(key, _)| key.account == account);
        of_account.fold((0, 0), |(targets, series), (_, s)| {
            let expected: u64 = s.targets.iter().map(|t| u64::from(t.series)).sum();
            (targets + s.targets.len(), series + expected)
        })
    }

    /// Ticks that found the poll before still running.
    pub fn ticks_skipped(&self) -> u64 {
        self.ticks_skipped
    }
}

/// `(watermark − lookback, floor(now − settle)]` on the grain, cut to what the cloud keeps and to what one call may ask
/// for, oldest first. Nothing when there is no whole grain to ask for.
pub fn window(now: UnixNanos, watermark: Option<UnixNanos>, group: &GroupSpec) -> Option<Window> {
    let grain = group.grain;
    let end = now.minus(group.settle).floor(grain);
    if watermark.is_some_and(|taken| taken >= end) {
        return None;
    }
    let kept = now.minus(group.retention).floor(grain).plus(grain);
    let start = match watermark {
        Some(taken) => taken.minus(group.lookback).floor(grain),
        None => end.minus(group.initial.max(grain)).floor(grain),
    };
    let start = start.max(kept);
    let longest = group.longest_window.max(group.lookback + grain);
    Window::new(start, end.min(start.plus(longest).floor(grain)))
}

/// Where in its interval a group is polled, so that groups spread over it; the same after a restart.
fn phase(key: &GroupKey, every: Duration) -> Duration {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
    let every = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX).max(1);
    Duration::from_nanos(hash % every)
}

/// The first time after `now` that lies `phase` behind a multiple of `every`.
fn next_tick(now: UnixNanos, every: Duration, phase: Duration) -> UnixNanos {
    now.minus(phase).floor(every).plus(phase).plus(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn group() -> GroupSpec {
        GroupSpec {
            scope: Scope::new("s"),
            name: "g".into(),
            namespace: "n".into(),
            grain: MINUTE,
            on_grain: true,
            every: 5 * MINUTE,
            settle: 2 * MINUTE,
            lookback: Duration::ZERO,
            initial: 15 * MINUTE,
            retention: 24 * 60 * MINUTE,
            longest_window: 60 * MINUTE,
        }
    }

    fn at(minutes: i64) -> UnixNanos {
        UnixNanos::from_seconds(minutes * 60)
    }

    fn cut(
        now: UnixNanos,
        watermark: Option<UnixNanos>,
        group: &GroupSpec,
    ) -> Option<(UnixNanos, UnixNanos)> {
        window(now, watermark, group).map(|w| (w.start(), w.end()))
    }

    #[test]
    fn windows() {
        let g = group();
        let now = at(10_000).plus(Duration::from_secs(31));
        assert_eq!(
            cut(now, None, &g),
            Some((at(9_983), at(9_998))),
            "the first reaches back `initial`"
        );
        assert_eq!(
            cut(now, Some(at(9_990)), &g),
            Some((at(9_990), at(9_998))),
            "then from the watermark"
        );
        assert_eq!(cut(now, Some(at(9_998)), &g), None, "nothing new");
        assert_eq!(
            cut(now, Some(at(9_000)), &g),
            Some((at(9_000), at(9_060))),
            "catching up oldest first"
        );
        let kept = at(10_000 - 24 * 60 + 1);
        assert_eq!(
            cut(now, Some(at(1)), &g).map(|w| w.0),
            Some(kept),
            "no further back than is kept"
        );
        let overlapping = GroupSpec {
            lookback: 3 * MINUTE,
            ..group()
        };
        assert_eq!(
            cut(now, Some(at(9_990)), &overlapping),
            Some((at(9_987), at(9_998)))
        );
    }

    #[test]
    fn windows_of_successive_polls_touch() {
        let g = group();
        let mut watermark = None;
        let mut last_end = None;
        for second in (0..7_200).step_by(37) {
            let now = at(50_000).plus(Duration::from_secs(second));
            let Some(w) = window(now, watermark, &g) else {
                continue;
            };
            assert!(
                last_end.is_none_or(|end| end == w.start()),
                "a hole or an overlap at {second}"
            );
            last_end = Some(w.end());
            watermark = last_end;
        }
    }

    #[test]
    fn ticks_are_pinned_to_absolute_time() {
        let first = next_tick(at(7), 5 * MINUTE, MINUTE);
        assert_eq!(first, at(11));
        assert_eq!(next_tick(first, 5 * MINUTE, MINUTE), at(16));
    }
}
