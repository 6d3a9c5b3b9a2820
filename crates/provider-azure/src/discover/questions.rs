//! From metric definitions to questions: which entry each metric belongs to, and what must be asked apart because of its
//! grain or of what it is split by. Pure.

use super::definitions::{Definition, Definitions};
use super::former::former;
use super::knowledge::Splits;
use crate::config::AzureEntry;
use crate::question::{Aggregation, Aggregations, AskedMetric, Question};
use provider_api::{Matcher, Members, SkipReason};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// What the resources of one class have in common: the entries that want them, where they are, what they can be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    /// In the order of the configuration, each with its place there.
    pub(crate) entries: &'a [(usize, &'a AzureEntry)],
    pub(crate) subscription: &'a Arc<str>,
    /// As files of format 3 have it.
    pub(crate) former_subscription: &'a str,
    pub(crate) region: &'a str,
    pub(crate) definitions: &'a Definitions,
    /// What format 3 took for the definitions of all resources of this type and region.
    pub(crate) former_definitions: &'a Definitions,
    /// What refusals have said of splits.
    pub(crate) splits: &'a Splits,
}

/// A question of one entry.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The entry, by its place in the configuration.
    pub(crate) entry: usize,
    /// Its place among the questions that differ from it in their metrics only, by the smallest name.
    pub(crate) rank: usize,
    pub(crate) question: Arc<Question>,
}

/// A metric that cannot be asked for.
pub(crate) type Unasked = (SkipReason, Arc<str>);

/// What two metrics must share to be members of one target.
pub(super) type Shape = (Duration, Vec<Arc<str>>);

impl Asking<'_> {
    /// The questions. Each metric and aggregation is in the first entry that wants it, whatever else the entries say.
    pub(crate) fn questions(self, unasked: &mut HashSet<Unasked>) -> Vec<Asked> {
        let mut taken: HashMap<String, Aggregations> = HashMap::new();
        let mut all = Vec::new();
        for (index, entry) in self.entries {
            for (shape, metrics) in self.shapes(entry, &mut taken, unasked) {
                all.push(Asked {
                    entry: *index,
                    rank: 0,
                    question: Arc::new(self.question(entry, shape, metrics)),
                });
            }
        }
        rank(&mut all);
        all
    }

    fn shapes(
        self,
        entry: &AzureEntry,
        taken: &mut HashMap<String, Aggregations>,
        unasked: &mut HashSet<Unasked>,
    ) -> BTreeMap<Shape, Vec<(String, AskedMetric)>> {
        let mut shapes: BTreeMap<Shape, Vec<(String, AskedMetric)>> = BTreeMap::new();
        let wanted = |d: &&Definition| Matcher::any(&entry.names, &d.name);
        for definition in self.definitions.metrics.iter().filter(wanted) {
            let (mut shape, aggregations) = match shape(entry, definition) {
                Ok(fit) => fit,
                Err(reason) => {
                    unasked.insert((reason, definition.name.clone()));
                    continue;
                }
            };
            let folded = definition.name.to_lowercase();
            let of = (entry.resource_type.to_lowercase(), folded.clone());
            if let Some(supported) = self.splits.get(&of) {
                shape
                    .1
                    .retain(|dimension| supported.contains(&dimension.to_lowercase()));
            }
            let before = taken.entry(folded.clone()).or_default();
            let left = aggregations.without(*before);
            *before = before.or(aggregations);
            if !left.is_empty() {
                let metric = AskedMetric {
                    name: definition.name.clone(),
                    description: definition.description.clone(),
                    unit: definition.unit.clone(),
                    aggregations: left,
                    supported: definition.supported.or(aggregations),
                };
                shapes.entry(shape).or_default().push((folded, metric));
            }
        }
        shapes
    }

    fn question(self, entry: &AzureEntry, shape: Shape, mut metrics: Vec<(String, AskedMetric)>) -> Question {
        metrics.sort_by(|a, b| a.0.cmp(&b.0));
        let former = former(entry, self, &shape);
        let (grain, dimensions) = shape;
        let question = Question {
            subscription: self.subscription.clone(),
            region: self.region.into(),
            namespace: entry.resource_type.as_str().into(),
            grain,
            dimensions,
            top: entry.top,
            metrics: metrics.into_iter().map(|(_, metric)| metric).collect(),
            former,
            key: 0,
            members: Members::default(),
        };
        question.keyed()
    }
}

/// Questions of unlike entries may say the same of their points but for the metrics.
fn rank(all: &mut [Asked]) {
    /// Smallest name and place, by grain and split.
    type Like = BTreeMap<(Duration, Vec<String>), Vec<(String, usize)>>;
    let mut like = Like::new();
    for (at, asked) in all.iter().enumerate() {
        let question = &asked.question;
        let mut split: Vec<String> = question.dimensions.iter().map(|d| d.to_lowercase()).collect();
        split.sort();
        let first = question.metrics.first().map(|m| m.name.to_lowercase());
        let named = (first.unwrap_or_default(), at);
        like.entry((question.grain, split)).or_default().push(named);
    }
    for mut questions in like.into_values() {
        questions.sort();
        for (rank, (_, at)) in questions.into_iter().enumerate() {
            if let Some(asked) = all.get_mut(at) {
                asked.rank = rank;
            }
        }
    }
}

/// How an entry asks for a metric, or why it cannot.
pub(super) fn shape(
    entry: &AzureEntry,
    definition: &Definition,
) -> Result<(Shape, Aggregations), SkipReason> {
    let grain = grain(entry, definition).ok_or(SkipReason::BadShape)?;
    let aggregations = aggregations(entry, definition);
    if aggregations.is_empty() {
        return Err(SkipReason::NoNumber);
    }
    Ok(((grain, split_by(entry, definition)), aggregations))
}

/// The entry's period where the metric is kept in it, else the metric's finest.
fn grain(entry: &AzureEntry, d: &Definition) -> Option<Duration> {
    entry
        .period
        .filter(|p| d.grains.contains(p))
        .or_else(|| d.grains.first().copied())
}

/// What the entry asks for and the metric supports; by default the metric's primary aggregation.
fn aggregations(entry: &AzureEntry, d: &Definition) -> Aggregations {
    if entry.aggregations.is_empty() {
        let primary = d.primary.or_else(|| d.supported.iter().next());
        return primary.into_iter().collect();
    }
    let asked = entry.aggregations.iter().filter_map(|w| Aggregation::parse(w));
    asked.collect::<Aggregations>().and(d.supported)
}

/// The entry's dimensions that the metric has, in the definition's spelling; a metric that demands one gets its first.
fn split_by(entry: &AzureEntry, d: &Definition) -> Vec<Arc<str>> {
    let asked = |name: &&Arc<str>| entry.dimensions.iter().any(|a| a.eq_ignore_ascii_case(name));
    let mut chosen: Vec<Arc<str>> = d.dimensions.iter().filter(asked).cloned().collect();
    if chosen.is_empty() && d.dimension_required {
        chosen.extend(d.dimensions.first().cloned());
    }
    chosen.sort();
    chosen.dedup();
    chosen
}

#[cfg(test)]
#[path = "questions_tests.rs"]
mod tests;
