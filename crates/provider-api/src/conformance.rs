//! Checks that every provider's tests call. Each panics with a sentence that names the broken promise.

use crate::{Batch, Call, Due, MetricsProvider, Role, TargetId, Window};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};

/// Limits that a provider's calls must keep to.
#[derive(Clone, Copy, Debug)]
pub struct CallLimits {
    /// Most targets in one call.
    pub targets: usize,
    /// Most points that one call may ask for, counted as series × grains of the window.
    pub points: u64,
}

/// Every due target is in exactly one call, over its own window, and no call asks for anything else.
///
/// # Panics
///
/// When the plan breaks the promise.
pub fn each_due_target_in_exactly_one_call(provider: &dyn MetricsProvider, due: &[Due]) -> Vec<Call> {
    let calls = provider.plan(due);
    let mut asked: HashMap<TargetId, Window> = HashMap::new();
    for call in &calls {
        assert!(!call.targets.is_empty(), "a call without targets: {call:?}");
        assert_eq!(Role::of(call.operation), Role::Read, "{}", call.operation);
        for target in &call.targets {
            let before = asked.insert(target.id, call.window);
            assert!(before.is_none(), "{} is in two calls", target.detail.describe());
        }
    }
    assert_eq!(
        asked.len(),
        due.len(),
        "calls hold {} targets, {} were due",
        asked.len(),
        due.len()
    );
    for d in due {
        assert_eq!(
            asked.get(&d.target.id),
            Some(&d.window),
            "{} lost its window",
            d.target.detail.describe()
        );
    }
    calls
}

/// No call exceeds the API's limits, each has a price, and all its targets are of its scope.
///
/// # Panics
///
/// When a call does.
pub fn calls_within_limits(calls: &[Call], limits: CallLimits) {
    for call in calls {
        let targets = call.targets.len();
        assert!(
            targets <= limits.targets,
            "{targets} targets in one {} (limit {})",
            call.operation,
            limits.targets
        );
        let points: u64 = call
            .targets
            .iter()
            .map(|t| u64::from(t.series) * call.window.grains(t.group.grain))
            .sum();
        assert!(
            points <= limits.points || targets == 1,
            "{points} points in one {} (limit {})",
            call.operation,
            limits.points
        );
        assert!(call.price.requests >= 1, "a {} without a price", call.operation);
        for t in &call.targets {
            assert_eq!(
                t.group.scope,
                call.scope,
                "{} is of another scope",
                t.detail.describe()
            );
        }
    }
}

/// Batches hold only points of the call's targets and window, oldest first, no two of a series at one time; each target
/// is completed at most once and none is both completed and failed.
///
/// # Panics
///
/// When a batch breaks the promise.
pub fn batches_fit_their_call(call: &Call, batches: &[Batch]) {
    let known: HashSet<TargetId> = call.targets.iter().map(|t| t.id).collect();
    let mut seen = HashSet::new();
    let mut done = HashSet::new();
    for batch in batches {
        for s in &batch.series {
            assert!(
                known.contains(&s.target),
                "points for a target that was not asked for"
            );
            let id = s.series.id();
            for pair in s.points.windows(2) {
                assert!(
                    matches!(pair, [a, b] if a.end < b.end),
                    "points out of order in {:?}",
                    s.series
                );
            }
            for p in &s.points {
                assert!(
                    call.window.holds(p.end),
                    "{:?} is outside {:?}",
                    p.end,
                    call.window
                );
                assert!(
                    p.start.is_none_or(|start| start <= p.end),
                    "a point that ends before it starts"
                );
                assert!(seen.insert((id, p.end)), "{:?} of {:?} twice", p.end, s.series);
            }
        }
        for id in &batch.complete {
            assert!(done.insert(*id), "a target completed twice");
        }
    }
    for failure in batches.iter().flat_map(|b| &b.failed) {
        assert!(
            !done.contains(&failure.target),
            "a target both completed and failed"
        );
    }
}

/// A partial answer kept what arrived and did not complete what did not.
///
/// # Panics
///
/// When points were thrown away or a missing target counts as complete.
pub fn partial_answer_kept<S: BuildHasher>(
    batches: &[Batch],
    arrived: usize,
    missing: &HashSet<TargetId, S>,
) {
    let points: usize = batches
        .iter()
        .flat_map(|b| &b.series)
        .map(|s| s.points.len())
        .sum();
    assert_eq!(
        points, arrived,
        "a partial answer of {arrived} points gave {points}"
    );
    for id in batches.iter().flat_map(|b| &b.complete) {
        assert!(
            !missing.contains(id),
            "a target without its whole answer counts as complete"
        );
    }
}

/// Where recorded answers of the clouds lie, when not beside the workspace.
const FIXTURES: &str = "NEPHOSCOPE_FIXTURES";

/// Every file of recorded answers of one cloud, by name: from the folder that `NEPHOSCOPE_FIXTURES` names, else from
/// `shared/fixtures` beside the workspace. Nothing where neither is there: recordings are not part of this repository.
///
/// # Panics
///
/// When the folder was named and is not there, or a file cannot be read.
pub fn recorded(cloud: &str) -> Option<BTreeMap<String, Vec<u8>>> {
    let named = std::env::var_os(FIXTURES).map(PathBuf::from);
    let must_be = named.is_some();
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let folder = named.unwrap_or_else(beside).join(cloud);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(e) => {
            assert!(!must_be, "{FIXTURES} leads to {}: {e}", folder.display());
            return None;
        }
    };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    Some(
        paths
            .filter(|path| path.is_file())
            .map(|path| file(&path))
            .collect(),
    )
}

fn file(path: &Path) -> (String, Vec<u8>) {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    match std::fs::read(path) {
        Ok(bytes) => (name, bytes),
        Err(e) => panic!("reading {}: {e}", path.display()),
    }
}
