//! How the targets of an entry are polled, and how far the cloud lets one look back.

use crate::config::AwsEntry;
use crate::plan::MOST_POINTS;
use crate::slow;
use provider_api::{Group, GroupSpec, Matcher, Scope, Span};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// A backfill window leaves room for this many targets in one call.
const TARGETS_IN_LONGEST_WINDOW: u64 = 50;
/// Longest part of a group's name that tells it from another of the same namespace and period.
const LONGEST_FILTER_CHARS: usize = 60;

/// The groups of one region: one per entry and period.
#[derive(Debug)]
pub(super) struct Groups {
    known: HashMap<(usize, Duration), Group>,
}

impl Groups {
    pub(super) fn new(scope: &Scope, entries: &[AwsEntry]) -> Self {
        let all: Vec<(usize, &AwsEntry, Duration)> = entries
            .iter()
            .enumerate()
            .flat_map(|(index, entry)| grains(entry).into_iter().map(move |grain| (index, entry, grain)))
            .collect();
        let mut shared: HashMap<String, usize> = HashMap::new();
        for (_, entry, grain) in &all {
            *shared.entry(base(scope, entry, *grain)).or_default() += 1;
        }
        let mut named: HashMap<String, usize> = HashMap::new();
        let mut known = HashMap::new();
        for (index, entry, grain) in all {
            let mut name = base(scope, entry, grain);
            if shared.get(&name).is_some_and(|n| *n > 1) {
                name.push_str(&filter(entry));
            }
            let times = named.entry(name.clone()).and_modify(|n| *n += 1).or_insert(1);
            if *times > 1 {
                name = format!("{name} #{times}");
            }
            let group = Arc::new(spec(scope, index, entry, grain, name.into()));
            known.insert((index, grain), group);
        }
        Self { known }
    }

    /// What the groups of these entries go by.
    pub(super) fn namespaces(&self, entries: &[usize]) -> BTreeSet<Arc<str>> {
        let groups = self
            .known
            .iter()
            .filter(|((entry, _), _)| entries.contains(entry));
        groups.map(|(_, group)| Arc::clone(&group.namespace)).collect()
    }

    pub(super) fn of(&self, entry: usize, grain: Duration) -> Option<&Group> {
        self.known.get(&(entry, grain))
    }
}

/// What settle is learnt for: how late a daily metric comes says nothing of those that come every minute.
fn namespace(entry: &AwsEntry, grain: Duration) -> Arc<str> {
    if entry.slow_grains().contains(&grain) {
        return format!("{} {}", entry.namespace, slow::in_words(grain)).into();
    }
    entry.namespace.as_str().into()
}

/// The periods that an entry's targets may have.
fn grains(entry: &AwsEntry) -> Vec<Duration> {
    let mut grains = vec![entry.former_grain()];
    grains.extend(entry.slow_grains());
    grains.sort_unstable();
    grains.dedup();
    grains
}

fn base(scope: &Scope, entry: &AwsEntry, grain: Duration) -> String {
    format!("{scope} {} {}s", entry.namespace, grain.as_secs())
}

/// What an entry is about, as it was written, so that a group's name does not hang on what else is configured and where.
fn filter(entry: &AwsEntry) -> String {
    let names = entry.names.iter().map(|m| m.as_str().to_owned());
    let pair = |(key, m): &(String, Matcher)| format!("{key}={}", m.as_str());
    let absent = entry.absent.iter().map(|name| format!("no {name}"));
    let all: Vec<String> = names
        .chain(entry.dimensions.iter().chain(&entry.tags).map(pair))
        .chain(absent)
        .collect();
    if all.is_empty() {
        return String::new();
    }
    let text: String = all.join(", ").chars().take(LONGEST_FILTER_CHARS).collect();
    format!(" {text}")
}

fn spec(scope: &Scope, index: usize, entry: &AwsEntry, grain: Duration, name: Arc<str>) -> GroupSpec<Span> {
    let slow = entry.slow_grains().contains(&grain);
    let reach = slow::reach(grain);
    GroupSpec {
        scope: scope.clone(),
        name,
        entry: index,
        namespace: namespace(entry, grain),
        grain,
        on_grain: true,
        every: entry.every,
        settle: entry.settle,
        lookback: match entry.lookback {
            // What is learnt of a namespace is learnt of its frequent metrics.
            Span::Auto(_) if slow => Span::Fixed(reach),
            given @ (Span::Fixed(_) | Span::Auto(_)) => given,
        },
        initial: if slow {
            entry.initial.max(reach)
        } else {
            entry.initial
        },
        retention: retention(grain),
        longest_window: longest_window(grain, entry.statistics().len()),
    }
}

/// How long points of a period can be read (API reference of `GetMetricData`).
fn retention(grain: Duration) -> Duration {
    let day = Duration::from_hours(24);
    match grain.as_secs() {
        0..60 => Duration::from_hours(3),
        60..300 => day * 15,
        300..3_600 => day * 63,
        _ => day * 455,
    }
}

/// So many grains that [`TARGETS_IN_LONGEST_WINDOW`] targets fit into one call; at least one.
fn longest_window(grain: Duration, statistics: usize) -> Duration {
    let statistics = u64::try_from(statistics).unwrap_or(u64::MAX).max(1);
    let grains = (MOST_POINTS / TARGETS_IN_LONGEST_WINDOW / statistics).max(1);
    Duration::from_secs(grain.as_secs().saturating_mul(grains)).min(retention(grain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::entry;

    const MINUTE: Duration = Duration::from_secs(60);

    fn names(entries: &[AwsEntry]) -> Vec<String> {
        let groups = Groups::new(&Scope::new("r"), entries);
        let mut all: Vec<&Group> = groups.known.values().collect();
        all.sort_by_key(|g| (g.entry, g.grain));
        all.iter().map(|g| g.name.to_string()).collect()
    }

    #[test]
    fn groups_have_unique_names_and_limits_of_their_period() {
        let mut coarse = entry("AWS/EC2");
        coarse.period = Some(MINUTE * 5);
        let entries = [entry("AWS/EC2"), entry("AWS/EC2"), coarse];
        assert_eq!(
            names(&entries),
            ["r AWS/EC2 60s", "r AWS/EC2 60s #2", "r AWS/EC2 300s"]
        );
        let groups = Groups::new(&Scope::new("r"), &entries);
        let group = groups.of(2, MINUTE * 5).expect("the third entry's");
        assert_eq!(group.retention, Duration::from_hours(24 * 63));
        let group = groups.of(0, MINUTE).expect("the first entry's");
        assert_eq!(group.longest_window, MINUTE * 2_016);
    }

    #[test]
    fn a_name_says_what_the_entry_is_about_and_not_where_it_stands() {
        let mut network = entry("AWS/EC2");
        network.names = vec![Matcher::exactly("Network*")];
        let mut tagged = entry("AWS/EC2");
        tagged.tags = vec![("env".into(), Matcher::exactly("prod"))];
        let all = entry("AWS/EC2");
        let mut forth = names(&[network.clone(), tagged.clone(), all.clone()]);
        let mut back = names(&[all, tagged, network]);
        assert_eq!(
            forth,
            [
                "r AWS/EC2 60s Network*",
                "r AWS/EC2 60s env=prod",
                "r AWS/EC2 60s"
            ]
        );
        forth.sort();
        back.sort();
        assert_eq!(forth, back);
    }

    #[test]
    fn what_is_published_rarely_is_looked_for_further_back() {
        let day = Duration::from_hours(24);
        let auto = AwsEntry {
            lookback: Span::Auto(MINUTE),
            ..entry("AWS/S3")
        };
        let said = AwsEntry {
            lookback: Span::Fixed(MINUTE),
            initial: day * 9,
            ..entry("AWS/S3")
        };
        let own = AwsEntry {
            period: Some(MINUTE * 5),
            ..entry("AWS/S3")
        };
        let groups = Groups::new(&Scope::new("r"), &[auto, said, own]);
        let terms = |entry, grain| groups.of(entry, grain).map(|g| (g.lookback, g.initial));
        assert_eq!(terms(0, day), Some((Span::Fixed(day * 3), day * 3)));
        assert_eq!(terms(0, MINUTE), Some((Span::Auto(MINUTE), MINUTE * 15)));
        assert_eq!(terms(1, day), Some((Span::Fixed(MINUTE), day * 9)));
        assert_eq!(terms(2, day), None);
        let namespaces: Vec<_> = groups.namespaces(&[0]).into_iter().collect();
        assert_eq!(namespaces, ["AWS/S3".into(), Arc::<str>::from("AWS/S3 1d")]);
    }
}
