//! What the patterns of the entries fit among what is listed, and what exists instead of what fits nothing.

use super::collector::Listed;
use super::instead::{self, pair};
use crate::config::AwsEntry;
use crate::tags::{Owner, TagIndex};
use crate::{slow, units};
use provider_api::{Joined, Matched, Matcher, SkipReason, Skipped, nearest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Most different values of one dimension that are kept for a pattern that has fitted none so far.
const MOST_VALUES: usize = 1_000;

/// What to say of metrics that had points within two weeks and none lately.
const RARE: Duration = Duration::from_hours(24);

/// A pattern over the values of a key (a dimension, a tag): what it has fitted, and what it has not.
#[derive(Debug, Default)]
struct Pairs {
    fits: u64,
    others: BTreeSet<String>,
}

/// What one entry has met.
#[derive(Debug, Default)]
struct Met {
    dimensions: Vec<Pairs>,
    absent: Vec<u64>,
    tags: Vec<u64>,
    copied: Vec<u64>,
    joined: Joined,
    /// Metrics whose name and dimensions fit.
    fitted: u64,
}

/// What all entries have met in one region.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    entries: &'a [AwsEntry],
    met: Vec<Met>,
    /// By namespace: the names of its metrics, and how many there are of each.
    names: BTreeMap<String, BTreeMap<String, u64>>,
    /// Names of dimensions, by namespace.
    dimensions: BTreeMap<String, BTreeSet<String>>,
    unreadable: BTreeMap<String, u64>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(entries: &'a [AwsEntry]) -> Self {
        let met = |(index, entry): (usize, &AwsEntry)| Met {
            dimensions: entry.dimensions.iter().map(|_| Pairs::default()).collect(),
            absent: vec![0; entry.absent.len()],
            tags: vec![0; entry.tags.len()],
            copied: vec![0; entry.copy_tags.len()],
            joined: Joined {
                entry: index,
                ..Joined::default()
            },
            fitted: 0,
        };
        Self {
            met: entries.iter().enumerate().map(met).collect(),
            entries,
            names: BTreeMap::new(),
            dimensions: BTreeMap::new(),
            unreadable: BTreeMap::new(),
        }
    }

    /// A listed metric, whatever fits it. False when it is none.
    pub(super) fn listed(&mut self, namespace: &str, listed: &Listed) -> bool {
        if listed.name.is_empty() || listed.dimensions.iter().any(|(name, _)| name.is_empty()) {
            *of(&mut self.unreadable, namespace) += 1;
            return false;
        }
        let names = of(&mut self.names, namespace);
        match names.get_mut(&listed.name) {
            Some(count) => *count += 1,
            None => drop(names.insert(listed.name.clone(), 1)),
        }
        let known = of(&mut self.dimensions, namespace);
        for (name, _) in &listed.dimensions {
            if !known.contains(name) {
                known.insert(name.clone());
            }
        }
        true
    }

    /// Whether an entry whose namespace it is wants the metric by its name and dimensions.
    pub(super) fn wants(&mut self, index: usize, listed: &Listed) -> bool {
        let (Some(entry), Some(met)) = (self.entries.get(index), self.met.get_mut(index)) else {
            return false;
        };
        if !Matcher::any(&entry.names, &listed.name) {
            return false;
        }
        let value = |wanted: &str| listed.dimensions.iter().find(|(k, _)| k == wanted);
        let mut all = true;
        for ((name, matcher), pairs) in entry.dimensions.iter().zip(&mut met.dimensions) {
            all &= value(name).is_some_and(|(_, value)| pairs.fits(matcher, value));
        }
        for (name, fits) in entry.absent.iter().zip(&mut met.absent) {
            let absent = value(name).is_none();
            *fits += u64::from(absent);
            all &= absent;
        }
        met.fitted += u64::from(all);
        all
    }

    /// Whose a metric is that an entry wants and wants tags for.
    pub(super) fn joined(&mut self, index: usize, owner: Owner, tags: &TagIndex) {
        let (Some(entry), Some(met)) = (self.entries.get(index), self.met.get_mut(index)) else {
            return;
        };
        met.joined.metrics += 1;
        met.joined.found += u64::from(owner.place().is_some());
        met.joined.ambiguous += u64::from(owner == Owner::Several);
        let Some(tagged) = owner.place().and_then(|place| tags.resource(place)) else {
            return;
        };
        for ((key, matcher), fits) in entry.tags.iter().zip(&mut met.tags) {
            *fits += u64::from(tagged.tag(key).is_some_and(|value| matcher.matches(value)));
        }
        for (key, fits) in entry.copy_tags.iter().zip(&mut met.copied) {
            *fits += u64::from(tagged.tag(key).is_some());
        }
    }

    /// A metric that is only looked at.
    pub(super) fn look(&mut self, namespace: &str, listed: &Listed) {
        if !self.listed(namespace, listed) {
            return;
        }
        for index in self.entries_of(namespace) {
            self.wants(index, listed);
        }
    }

    /// The entries of a namespace.
    pub(super) fn entries_of(&self, namespace: &str) -> Vec<usize> {
        let entries = self.entries.iter().enumerate();
        let of_it = entries.filter(|(_, entry)| entry.namespace == namespace);
        of_it.map(|(index, _)| index).collect()
    }

    /// The entries of a namespace that have met nothing that fits.
    pub(super) fn without(&self, namespace: &str) -> Vec<usize> {
        let mut entries = self.entries_of(namespace);
        entries.retain(|index| self.met.get(*index).is_none_or(|met| met.fitted == 0));
        entries
    }

    /// What an entry has to say instead of its period, when all that fits it is published less often. `lately` is whether what
    /// was seen has had points lately.
    pub(super) fn period(&self, index: usize, lately: bool) -> Option<Matched> {
        let (entry, met) = (self.entries.get(index)?, self.met.get(index)?);
        let names = self.names.get(&entry.namespace)?.keys();
        let mut fitting = names.filter(|name| Matcher::any(&entry.names, name));
        let slow = |name: &String| slow::period(&entry.namespace, name);
        let rarest = fitting.clone().filter_map(slow).max();
        let all_slow = fitting.all(|name| slow(name).is_some());
        let given = entry.former_grain();
        let (count, instead) = match rarest.filter(|_| all_slow) {
            Some(rarest) if entry.period.is_some() && rarest > given => (0, rarest),
            // What is known to come every few minutes has ended.
            None if !lately && !units::namespaces().any(|n| n == entry.namespace) => (0, RARE),
            _ => (met.fitted, Duration::ZERO),
        };
        (met.fitted > 0).then(|| Matched {
            entry: index,
            key: "period",
            pattern: slow::in_words(given).into(),
            count,
            nearest: if count == 0 {
                vec![slow::in_words(instead).into()]
            } else {
                Vec::new()
            },
        })
    }

    /// Metrics that were listed without a name, by namespace.
    pub(super) fn unreadable(&self) -> Vec<Skipped> {
        let skipped = |(namespace, points): (&String, &u64)| Skipped {
            reason: SkipReason::BadShape,
            metric: namespace.as_str().into(),
            points: *points,
        };
        self.unreadable.iter().map(skipped).collect()
    }

    /// Whether a namespace has any metric.
    pub(super) fn exists(&self, namespace: &str) -> bool {
        self.names.contains_key(namespace)
    }

    /// How the metrics of each entry that wants tags have found their resources.
    pub(super) fn all_joined(&self) -> Vec<Joined> {
        let entries = self.entries.iter().zip(&self.met);
        let wanting = entries.filter(|(entry, _)| entry.needs_tags());
        wanting.map(|(_, met)| met.joined).collect()
    }

    /// What each pattern of an entry fits. `others` are namespaces that exist.
    pub(super) fn matched(
        &self,
        index: usize,
        tags: Option<&TagIndex>,
        others: &BTreeSet<String>,
    ) -> Vec<Matched> {
        let (Some(entry), Some(met)) = (self.entries.get(index), self.met.get(index)) else {
            return Vec::new();
        };
        let line = |key, pattern: String, count, nearest: Vec<Arc<str>>| Matched {
            entry: index,
            key,
            pattern: pattern.into(),
            count,
            nearest: if count == 0 { nearest } else { Vec::new() },
        };
        let (nothing, none) = (BTreeMap::new(), BTreeSet::new());
        let dimensions = self.dimensions.get(&entry.namespace).unwrap_or(&none);
        let names = self.names.get(&entry.namespace).unwrap_or(&nothing);
        let metrics = names.values().sum();
        let mut all = vec![line(
            "namespace",
            entry.namespace.clone(),
            metrics,
            instead::namespace(&entry.namespace, others),
        )];
        if metrics == 0 {
            // Of its other patterns nothing is known.
            return all;
        }
        all.extend(entry.names.iter().map(|matcher| {
            let fits = names.iter().filter(|(name, _)| matcher.matches(name));
            let instead = nearest(matcher.as_str(), names.keys().map(String::as_str));
            line(
                "names",
                matcher.as_str().into(),
                fits.map(|(_, n)| n).sum(),
                instead,
            )
        }));
        all.extend(
            entry
                .dimensions
                .iter()
                .zip(&met.dimensions)
                .map(|((name, matcher), pairs)| {
                    let instead = instead::dimension((name, matcher), &pairs.others, dimensions);
                    line("dimensions", pair(name, matcher.as_str()), pairs.fits, instead)
                }),
        );
        all.extend(
            entry
                .absent
                .iter()
                .zip(&met.absent)
                .map(|(name, fits)| line("dimensions", pair(name, "absent"), *fits, Vec::new())),
        );
        if let Some(tags) = tags {
            all.extend(entry.tags.iter().zip(&met.tags).map(|((key, matcher), fits)| {
                line(
                    "tags",
                    pair(key, matcher.as_str()),
                    *fits,
                    instead::tag(tags, key, matcher),
                )
            }));
            all.extend(
                entry
                    .copy_tags
                    .iter()
                    .zip(&met.copied)
                    .map(|(key, fits)| line("copy_tags", key.clone(), *fits, nearest(key, tags.keys()))),
            );
        }
        all
    }
}

impl Pairs {
    fn fits(&mut self, matcher: &Matcher, value: &str) -> bool {
        let fits = matcher.matches(value);
        if fits {
            self.fits += 1;
            self.others.clear();
        } else if self.fits == 0 && self.others.len() < MOST_VALUES && !self.others.contains(value) {
            self.others.insert(value.to_owned());
        }
        fits
    }
}

fn of<'m, V: Default>(map: &'m mut BTreeMap<String, V>, key: &str) -> &'m mut V {
    map.entry(key.to_owned()).or_default()
}
