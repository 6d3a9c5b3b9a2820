//! What this provider knows of a target: one resource and one [`Question`], the part of a request that all resources of
//! a type and region share. Equal questions may be asked for up to fifty resources at once.

use provider_api::{Detail, Resource};
use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

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
    /// From Azure's word in any case; `None` (the word, too) is no aggregation.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Average,
            Self::Count,
            Self::Maximum,
            Self::Minimum,
            Self::Total,
        ];
        all.into_iter().find(|a| a.word().eq_ignore_ascii_case(word))
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
}

/// One metric that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedMetric {
    /// Azure's name.
    pub(crate) name: Arc<str>,
    /// For people.
    pub(crate) description: Arc<str>,
}

/// Everything of a request but its resources and its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) subscription: Arc<str>,
    pub(crate) region: Arc<str>,
    /// The resource type, which is the metric namespace.
    pub(crate) namespace: Arc<str>,
    pub(crate) grain: Duration,
    pub(crate) aggregations: BTreeSet<Aggregation>,
    /// Dimensions to split by, in the definition's spelling.
    pub(crate) dimensions: Vec<Arc<str>>,
    pub(crate) top: u32,
    /// At most twenty.
    pub(crate) metrics: Vec<AskedMetric>,
}

impl Question {
    /// A text that is equal exactly when two questions may share a request.
    pub(crate) fn key(&self) -> String {
        let names: Vec<&str> = self.metrics.iter().map(|m| &*m.name).collect();
        format!(
            "{}|{}|{}|{}|{}|{}|{}|{}",
            self.subscription,
            self.region,
            self.namespace.to_ascii_lowercase(),
            self.grain.as_secs(),
            self.aggregation_words(),
            self.dimensions.join(","),
            self.top,
            names.join(",")
        )
    }

    /// The `aggregation` parameter.
    pub(crate) fn aggregation_words(&self) -> String {
        self.aggregations
            .iter()
            .map(|a| a.suffix())
            .collect::<Vec<_>>()
            .join(",")
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
        let splits = if self.dimensions.is_empty() {
            1
        } else {
            self.top.clamp(1, EXPECTED_SPLITS)
        };
        let each = self.metrics.len().saturating_mul(self.aggregations.len());
        u32::try_from(each)
            .unwrap_or(u32::MAX)
            .saturating_mul(splits)
            .max(1)
    }
}

/// How many values a dimension is expected to have; only for sizing requests.
const EXPECTED_SPLITS: u32 = 10;

/// A resource and what to ask it.
#[derive(Debug)]
pub(crate) struct TargetDetail {
    /// The ARM id in its own spelling.
    pub(crate) id: Arc<str>,
    pub(crate) resource: Arc<Resource>,
    pub(crate) question: Arc<Question>,
}

impl Detail for TargetDetail {
    fn describe(&self) -> String {
        let names: Vec<&str> = self.question.metrics.iter().map(|m| &*m.name).collect();
        format!(
            "{} [{}] {}",
            self.id,
            self.question.aggregation_words(),
            names.join(", ")
        )
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

const DAY_S: u64 = 86_400;
const HOUR_S: u64 = 3_600;
const MINUTE_S: u64 = 60;

/// A whole number of days, hours, minutes or seconds as Azure writes it (`PT1M`, `P1D`).
pub(crate) fn iso(d: Duration) -> String {
    match d.as_secs() {
        s if s >= DAY_S && s.is_multiple_of(DAY_S) => format!("P{}D", s / DAY_S),
        s if s >= HOUR_S && s.is_multiple_of(HOUR_S) => format!("PT{}H", s / HOUR_S),
        s if s >= MINUTE_S && s.is_multiple_of(MINUTE_S) => format!("PT{}M", s / MINUTE_S),
        s => format!("PT{s}S"),
    }
}

/// `PT1M`, `PT1H`, `P1D`, `P1DT2H`; `FULL` and months are no grain.
pub(crate) fn parse_iso(text: &str) -> Option<Duration> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
    let seconds = units(days, &[('D', DAY_S)])?
        .checked_add(units(time, &[('H', HOUR_S), ('M', MINUTE_S), ('S', 1)])?)?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

fn units(mut text: &str, known: &[(char, u64)]) -> Option<u64> {
    let mut sum: u64 = 0;
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, rest) = text.split_at(end);
        let unit = rest.chars().next()?;
        let (_, seconds) = known.iter().find(|(u, _)| *u == unit)?;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*seconds)?)?;
        text = rest.get(1..)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grains_read_as_they_are_written() {
        for (text, seconds) in [("PT1M", 60), ("PT15M", 900), ("PT6H", 21_600), ("P1D", 86_400)] {
            let grain = Duration::from_secs(seconds);
            assert_eq!(parse_iso(text), Some(grain));
            assert_eq!(iso(grain), text);
        }
        assert_eq!(parse_iso("PT24H"), parse_iso("P1D"));
        assert_eq!(
            [
                parse_iso("FULL"),
                parse_iso("P1M"),
                parse_iso("PT"),
                parse_iso("")
            ],
            [None; 4]
        );
    }
}
