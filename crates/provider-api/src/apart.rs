//! Metrics of one account that meet in one outgoing name (`Requests` and `requests`): from then on all of them carry the
//! cloud's own name as an attribute, also when only one of them is left. An attribute that came and went would make other
//! series of them, so what has met is remembered, over restarts by whoever keeps the state.
//!
//! The listings say what there is, before the first point is fetched; nothing here asks a cloud or reads a file.

use crate::{Batch, Metric};
use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Key of the attribute with the cloud's own spelling of a name.
pub(crate) const CLOUD_NAME: &str = "cloud.metric.name";

/// Key of the attribute with the cloud's grouping; the scope has it for every metric.
pub(crate) const NAMESPACE: &str = "cloud.metrics.namespace";

/// The first line of what is remembered.
const HEAD: &str = "apart 1";

/// What one account has learnt of names that meet.
#[derive(Debug, Default)]
pub struct Apart(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Who came first to each outgoing name.
    first: HashMap<u128, Spelling>,
    met: HashMap<u128, Met>,
    /// Those that nobody has been told of.
    untold: Vec<u128>,
}

/// A metric as its cloud has it.
type Spelling = (Arc<str>, Arc<str>);

/// Metrics with one outgoing name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// The outgoing name without a statistic.
    pub name: Arc<str>,
    /// The cloud's namespace and name of each.
    pub of: BTreeSet<(Arc<str>, Arc<str>)>,
}

/// `"Shop Requests", "Shop requests" share the metric name aws.shop.requests; …`.
impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (namespace, name)) in self.of.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}\"{namespace} {name}\"")?;
        }
        write!(
            f,
            " share the metric name {}; their points carry {} to tell them apart",
            self.name,
            self.keys().join(" and ")
        )
    }
}

impl Known {
    fn knows(&self, place: u128, alike: impl Fn(&Spelling) -> bool) -> bool {
        match self.met.get(&place) {
            Some(met) => met.of.iter().any(alike),
            None => self.first.get(&place).is_some_and(alike),
        }
    }
}

impl Met {
    /// The attributes by which they differ.
    fn keys(&self) -> Vec<&'static str> {
        let differ = |of: fn(&Spelling) -> &Arc<str>| {
            let mut all = self.of.iter().map(of);
            let first = all.next();
            all.any(|one| Some(one) != first)
        };
        let (names, namespaces) = (differ(|(_, name)| name), differ(|(namespace, _)| namespace));
        let keys = [(CLOUD_NAME, names || !namespaces), (NAMESPACE, namespaces)];
        keys.into_iter()
            .filter(|(_, told)| *told)
            .map(|(key, _)| key)
            .collect()
    }
}

impl Apart {
    /// Adds a listed metric.
    pub fn saw(&self, metric: &Metric) {
        let (place, spec) = (metric.place(), metric.spec());
        let alike = |(namespace, name): &Spelling| metric.is_spelled_like(namespace, name);
        if self.read_known().knows(place, alike) {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let this = (Arc::clone(&spec.namespace), Arc::clone(&spec.cloud_name));
        let first = known.first.entry(place).or_insert_with(|| this.clone()).clone();
        if alike(&first) && !known.met.contains_key(&place) {
            return;
        }
        let met = known.met.entry(place).or_insert_with(|| Met {
            name: spec.base_name().into(),
            of: BTreeSet::from([first]),
        });
        met.of.insert(this);
        known.untold.push(place);
    }

    /// What has met since this was asked last, by name.
    pub fn untold(&self) -> Vec<Met> {
        if self.read_known().untold.is_empty() {
            return Vec::new();
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut places = std::mem::take(&mut known.untold);
        places.sort_unstable();
        places.dedup();
        let met = places.iter().filter_map(|place| known.met.get(place));
        sorted(met.cloned().collect())
    }

    /// All that have met, by name.
    pub fn met(&self) -> Vec<Met> {
        sorted(self.read_known().met.values().cloned().collect())
    }

    /// Gives the series of metrics that have met what tells them apart.
    #[must_use]
    pub fn told(&self, mut batch: Batch) -> Batch {
        let known = self.read_known();
        if known.met.is_empty() {
            return batch;
        }
        for one in &mut batch.series {
            let series = &mut one.series;
            let Some(met) = known.met.get(&series.metric.place()) else {
                continue;
            };
            let spec = series.metric.spec();
            let value = |key| {
                if key == NAMESPACE {
                    &*spec.namespace
                } else {
                    &*spec.cloud_name
                }
            };
            let pairs: Vec<_> = met.keys().into_iter().map(|key| (key, value(key))).collect();
            series.attributes = series.attributes.with(&pairs);
        }
        batch
    }

    fn read_known(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// As lines of text: a name, then who has it.
    pub fn write(&self) -> String {
        let known = self.read_known();
        let mut all: Vec<(&u128, &Met)> = known.met.iter().collect();
        all.sort_unstable_by_key(|(place, _)| **place);
        let mut text = format!("{HEAD}\n");
        for (place, met) in all {
            // Writing to a String cannot fail.
            writeln!(text, "{place:x}\t{}", one_line(&met.name)).unwrap_or_default();
            for (namespace, name) in &met.of {
                writeln!(text, "\t{}\t{}", one_line(namespace), one_line(name)).unwrap_or_default();
            }
        }
        text
    }

    /// What was written before is known as well; a text that is not ours says nothing.
    pub fn read(&self, bytes: &[u8]) {
        let read = std::str::from_utf8(bytes).ok().and_then(read);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (place, was) in read.into_iter().flatten() {
            match known.met.get_mut(&place) {
                Some(met) => met.of.extend(was.of),
                None => drop(known.met.insert(place, was)),
            }
        }
    }
}

fn sorted(mut all: Vec<Met>) -> Vec<Met> {
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// No cloud's name has a tab or a line's end; one that had would only be shortened here.
fn one_line(text: &str) -> &str {
    text.split(['\t', '\n']).next().unwrap_or_default()
}

fn read(text: &str) -> Option<Vec<(u128, Met)>> {
    let mut all: Vec<(u128, Met)> = Vec::new();
    for line in text.strip_prefix(HEAD)?.strip_prefix('\n')?.lines() {
        let mut fields = line.splitn(3, '\t');
        let (first, second) = (fields.next()?, fields.next()?);
        if let Some(name) = fields.next() {
            let (_, met) = all.last_mut()?;
            met.of.insert((second.into(), name.into()));
        } else {
            let met = Met {
                name: second.into(),
                of: BTreeSet::new(),
            };
            all.push((u128::from_str_radix(first, 16).ok()?, met));
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests;
