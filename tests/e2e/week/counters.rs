//! Whether what `/metrics` calls a counter only ever rises.

use std::collections::{BTreeMap, HashSet};

/// What `/metrics` calls a counter, as it was seen last.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) last: BTreeMap<String, f64>,
    pub(super) looks: usize,
}

impl Counters {
    /// None goes backwards, and none is gone.
    pub(super) fn look(&mut self, metrics: &str) {
        let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let counters: HashSet<&str> = types.filter_map(|line| line.strip_suffix(" counter")).collect();
        let is_counter = |series: &str| {
            let name = series.split('{').next().unwrap_or(series);
            counters.contains(name) || counters.contains(name.trim_end_matches("_total"))
        };
        let samples = metrics.lines().filter(|line| !line.starts_with('#'));
        let now: BTreeMap<String, f64> = samples
            .filter_map(|line| line.rsplit_once(' '))
            .filter(|(series, _)| is_counter(series))
            .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
            .collect();
        assert!(now.len() > 20, "hardly a counter in {metrics}");
        for (series, before) in &self.last {
            let after = now.get(series);
            assert!(
                after.is_some_and(|after| after >= before),
                "{series}: {before}, then {after:?}"
            );
        }
        self.last = now;
        self.looks += 1;
    }
}
