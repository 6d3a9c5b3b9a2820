//! What is asked: a [`Question`] is all of it but the resources and the window, and is shared by every resource of which
//! the same is asked. How many requests it takes is decided here, purely.

use crate::grain::iso;
use provider_api::Members;
use std::sync::Arc;
use std::time::Duration;

/// Most metric names in one request (spec, `metricnames`).
pub(crate) const MOST_METRICS: usize = 20;

/// How many values a dimension is expected to have; only for sizing requests.
const EXPECTED_SPLITS: u32 = 10;

/// Azure's five aggregations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Aggregation {
    Average,
    Count,
    Maximum,
    Minimum,
    Total,
}

impl Aggregation {
    const ALL: [Self; 5] = [
        Self::Average,
        Self::Count,
        Self::Maximum,
        Self::Minimum,
        Self::Total,
    ];

    /// From Azure's word in any case; `None` (the word, too) is no aggregation.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|a| a.word().eq_ignore_ascii_case(word.trim()))
    }

    /// Azure's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Average => "Average",
            Self::Count => "Count",
            Self::Maximum => "Maximum",
            Self::Minimum => "Minimum",
            Self::Total => "Total",
        }
    }

    /// The last part of a metric's name.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Count => "count",
            Self::Maximum => "maximum",
            Self::Minimum => "minimum",
            Self::Total => "total",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Average => 1,
            Self::Count => 2,
            Self::Maximum => 4,
            Self::Minimum => 8,
            Self::Total => 16,
        }
    }
}

/// Some of the aggregations, in one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Aggregations(u8);

impl Aggregations {
    pub(crate) fn iter(self) -> impl Iterator<Item = Aggregation> {
        Aggregation::ALL
            .into_iter()
            .filter(move |a| self.0 & a.bit() != 0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn count(self) -> u32 {
        self.0.count_ones()
    }

    pub(crate) fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    pub(crate) fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(crate) fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub(crate) fn all_in(self, others: Self) -> bool {
        self.without(others).is_empty()
    }

    /// The `aggregation` parameter.
    pub(crate) fn words(self) -> String {
        self.iter().map(Aggregation::suffix).collect::<Vec<_>>().join(",")
    }
}

impl FromIterator<Aggregation> for Aggregations {
    fn from_iter<I: IntoIterator<Item = Aggregation>>(all: I) -> Self {
        Self(all.into_iter().fold(0, |bits, a| bits | a.bit()))
    }
}

/// One metric that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedMetric {
    /// Azure's name.
    pub(crate) name: Arc<str>,
    /// For people.
    pub(crate) description: Arc<str>,
    /// By its definition, for answers that do not say; an answer's own counts.
    pub(crate) unit: Arc<str>,
    /// What is wanted of it.
    pub(crate) aggregations: Aggregations,
    /// What may be asked of it. Azure refuses the rest.
    pub(crate) supported: Aggregations,
}

/// Everything of a request but its resources and its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) subscription: Arc<str>,
    pub(crate) region: Arc<str>,
    /// The resource type, which is the metric namespace.
    pub(crate) namespace: Arc<str>,
    pub(crate) grain: Duration,
    /// Dimensions to split by, in the definition's spelling.
    pub(crate) dimensions: Vec<Arc<str>>,
    pub(crate) top: u32,
    /// Sorted by name without case; as many as there are.
    pub(crate) metrics: Vec<AskedMetric>,
    /// What files of format 3 have as the identities of what this asks for, behind the resource's id.
    pub(crate) former: Vec<Box<str>>,
    /// Equal exactly when two questions may share a request.
    pub(crate) key: u64,
    /// What is asked of a resource, in short.
    pub(crate) members: Members,
}

impl Question {
    /// The same with its key, which is made of everything that a request says, and its members.
    pub(crate) fn keyed(mut self) -> Self {
        self.key = self.said().0;
        self.members = self.asked();
        self
    }

    fn said(&self) -> Members {
        let (grain, top) = (self.grain.as_secs().to_string(), self.top.to_string());
        let mut pieces: Vec<&str> = vec![&self.subscription, &self.region, &self.namespace, &grain, &top];
        for dimension in &self.dimensions {
            pieces.push(dimension);
        }
        // A word that no name is, so that dimensions and metrics do not run together.
        pieces.push("\u{1f}");
        for metric in &self.metrics {
            pieces.push(&metric.name);
            for aggregation in metric.aggregations.iter() {
                pieces.push(aggregation.word());
            }
            // How they are put together into requests hangs on it.
            pieces.push("of");
            for aggregation in metric.supported.iter() {
                pieces.push(aggregation.word());
            }
        }
        Members::of(pieces)
    }

    /// Names with their aggregations, and the limit. Azure's spelling of a name is no part of it.
    fn asked(&self) -> Members {
        let names: Vec<String> = self.metrics.iter().map(|m| m.name.to_lowercase()).collect();
        let top = self.top.to_string();
        let mut pieces: Vec<&str> = Vec::new();
        if !self.dimensions.is_empty() {
            pieces.push("top");
            pieces.push(&top);
        }
        for (name, metric) in names.iter().zip(&self.metrics) {
            pieces.push(name);
            for aggregation in metric.aggregations.iter() {
                pieces.push(aggregation.word());
            }
        }
        Members::of(pieces)
    }

    /// The dimension filter, when there is something to split by.
    pub(crate) fn filter(&self) -> Option<String> {
        let parts: Vec<String> = self.dimensions.iter().map(|d| format!("{d} eq '*'")).collect();
        (!parts.is_empty()).then(|| parts.join(" and "))
    }

    /// The `interval` parameter.
    pub(crate) fn interval(&self) -> String {
        iso(self.grain)
    }

    /// How many series one resource may yield.
    pub(crate) fn series(&self) -> u32 {
        let each: u32 = self.metrics.iter().map(|m| m.aggregations.count()).sum();
        each.saturating_mul(self.splits()).max(1)
    }

    /// How many values one bucket of one resource may hold in the largest of its requests.
    pub(crate) fn width(&self) -> u32 {
        let of = |request: &Vec<AskedMetric>| {
            u32::try_from(request.len())
                .unwrap_or(u32::MAX)
                .saturating_mul(union(request).count())
        };
        let widest = requests(&self.metrics).iter().map(of).max().unwrap_or(1);
        widest.saturating_mul(self.splits()).max(1)
    }

    fn splits(&self) -> u32 {
        if self.dimensions.is_empty() {
            1
        } else {
            self.top.clamp(1, EXPECTED_SPLITS)
        }
    }
}

/// What a request for these metrics asks of each.
pub(crate) fn union(metrics: &[AskedMetric]) -> Aggregations {
    metrics
        .iter()
        .fold(Aggregations::default(), |all, m| all.or(m.aggregations))
}

/// The fewest requests that ask for all of `metrics`: at most twenty names in one, and of each metric only what it
/// supports. Metrics of which unlike aggregations are wanted share a request where Azure answers both of each; what was
/// not wanted is left out of the answer.
pub(crate) fn requests(metrics: &[AskedMetric]) -> Vec<Vec<AskedMetric>> {
    let mut sorted: Vec<&AskedMetric> = metrics.iter().collect();
    // Like with like, so that what is asked in vain is little. The order is stable: names stay sorted.
    sorted.sort_by_key(|m| (m.aggregations, m.supported));
    let mut requests: Vec<(Aggregations, Aggregations, Vec<AskedMetric>)> = Vec::new();
    for metric in sorted {
        let fits = |(asked, supported, names): &&mut (Aggregations, Aggregations, Vec<AskedMetric>)| {
            let (asked, supported) = (asked.or(metric.aggregations), supported.and(metric.supported));
            names.len() < MOST_METRICS && asked.all_in(supported)
        };
        if let Some((asked, supported, names)) = requests.iter_mut().find(fits) {
            *asked = asked.or(metric.aggregations);
            *supported = supported.and(metric.supported);
            names.push(metric.clone());
        } else {
            requests.push((metric.aggregations, metric.supported, vec![metric.clone()]));
        }
    }
    requests.into_iter().map(|(_, _, names)| names).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Aggregation::{Average, Total};

    fn metric(name: &str, wanted: &[Aggregation], supported: &[Aggregation]) -> AskedMetric {
        AskedMetric {
            name: name.into(),
            description: "".into(),
            unit: "".into(),
            aggregations: wanted.iter().copied().collect(),
            supported: supported.iter().copied().collect(),
        }
    }

    fn sizes(metrics: &[AskedMetric]) -> Vec<(usize, String)> {
        requests(metrics)
            .iter()
            .map(|r| (r.len(), union(r).words()))
            .collect()
    }

    #[test]
    fn unlike_aggregations_share_a_request_where_each_metric_has_both() {
        let both = [Average, Total];
        let a = (0..15).map(|i| metric(&format!("a{i:02}"), &[Average], &both));
        let b = (0..15).map(|i| metric(&format!("b{i:02}"), &[Total], &both));
        let all: Vec<_> = a.chain(b).collect();
        assert_eq!(sizes(&all), [(20, "average,total".into()), (10, "total".into())]);
    }

    #[test]
    fn what_a_metric_lacks_is_not_asked_of_it() {
        let all = [
            metric("a", &[Average], &[Average]),
            metric("b", &[Total], &[Total]),
            metric("c", &[Total], &[Average, Total]),
        ];
        let got = sizes(&all);
        assert_eq!(got, [(1, "average".into()), (2, "total".into())]);
    }

    #[test]
    fn twenty_one_names_are_two_requests() {
        let all: Vec<_> = (0..21)
            .map(|i| metric(&format!("m{i:02}"), &[Average], &[Average]))
            .collect();
        assert_eq!(sizes(&all).iter().map(|(n, _)| *n).collect::<Vec<_>>(), [20, 1]);
    }
}
