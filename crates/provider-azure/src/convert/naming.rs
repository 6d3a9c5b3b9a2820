//! What a metric is called, in which unit and of which kind.

use crate::question::{Aggregation, AskedMetric, Question};
use provider_api::names::{snake, snake_formerly};
use provider_api::{Cloud, Formerly, Kind, Metric, MetricSpec, Temporality};
use std::collections::HashMap;
use std::sync::Arc;

/// Metrics of one call by (name, aggregation, unit), so that all its resources share them.
#[derive(Debug, Default)]
pub(crate) struct Metrics(HashMap<(Arc<str>, Aggregation, String), Arc<Metric>>);

impl Metrics {
    pub(super) fn get(
        &mut self,
        question: &Question,
        asked: &AskedMetric,
        aggregation: Aggregation,
        unit: &str,
    ) -> Arc<Metric> {
        self.0
            .entry((asked.name.clone(), aggregation, unit.to_owned()))
            .or_insert_with(|| Arc::new(metric(question, asked, aggregation, unit)))
            .clone()
    }
}

/// All that a question asks for, in the units of the definitions.
pub(crate) fn asked(question: &Question) -> impl Iterator<Item = Metric> {
    question.metrics.iter().flat_map(move |asked| {
        let of = move |aggregation| metric(question, asked, aggregation, &asked.unit);
        asked.aggregations.iter().map(of)
    })
}

fn metric(question: &Question, asked: &AskedMetric, aggregation: Aggregation, unit: &str) -> Metric {
    let named = |snake| outgoing_name(snake, &question.namespace, &asked.name, aggregation);
    let (name, before) = (named(snake), named(snake_formerly));
    let formerly = Formerly {
        name: (before != name).then(|| before.into()),
        unit: unit_formerly(unit, aggregation).map(Into::into),
    };
    let spec = MetricSpec {
        cloud: Cloud::Azure,
        namespace: question.namespace.clone(),
        name: name.into(),
        cloud_name: asked.name.clone(),
        statistic: Some(aggregation.word().into()),
        unit: unit_of(unit, aggregation).into(),
        kind: kind(unit, aggregation),
        description: asked.description.clone(),
    };
    Metric::renamed(spec, &formerly)
}

fn outgoing_name(snake: fn(&str) -> String, namespace: &str, name: &str, aggregation: Aggregation) -> String {
    let (prefix, end) = (prefix(snake, namespace), aggregation.suffix());
    format!("{prefix}.{}.{end}", snake(name))
}

/// `Microsoft.Storage/storageAccounts/blobServices` → `azure.storage.storage_accounts.blob_services`.
fn prefix(snake: fn(&str) -> String, namespace: &str) -> String {
    const VENDOR: &str = "microsoft.";
    let own = match namespace.get(..VENDOR.len()) {
        Some(start) if start.eq_ignore_ascii_case(VENDOR) => {
            namespace.get(VENDOR.len()..).unwrap_or_default()
        }
        _ => namespace,
    };
    own.split('/')
        .map(snake)
        .fold("azure".to_owned(), |name, part| format!("{name}.{part}"))
}

/// Total and Count are what happened in the bucket; the others are gauges. A count of samples never falls, nor does a
/// total of things counted or bytes moved; a total of anything else (a percent, a temperature) may.
fn kind(unit: &str, aggregation: Aggregation) -> Kind {
    let sum = |monotonic| Kind::Sum {
        temporality: Temporality::Delta,
        monotonic,
    };
    match aggregation {
        Aggregation::Count => sum(true),
        Aggregation::Total => sum(matches!(unit, "Count" | "Bytes")),
        Aggregation::Average | Aggregation::Maximum | Aggregation::Minimum => Kind::Gauge,
    }
}

/// UCUM. The list of Azure's units is open: a new word stays, in braces. None of Azure's units is a ratio: what has
/// `Unspecified` may be anything, queue depths and flags among them.
fn unit_of(unit: &str, aggregation: Aggregation) -> String {
    if aggregation == Aggregation::Count {
        return "{sample}".to_owned();
    }
    let known = match unit {
        "Count" => "{count}",
        "Bytes" => "By",
        "Seconds" => "s",
        "MilliSeconds" => "ms",
        "CountPerSecond" => "{count}/s",
        "BytesPerSecond" => "By/s",
        "BitsPerSecond" => "bit/s",
        "Percent" => "%",
        "ByteSeconds" => "By.s",
        "Cores" => "{core}",
        "MilliCores" => "10*-3{core}",
        "NanoCores" => "10*-9{core}",
        "" | "Unspecified" => "",
        other => return format!("{{{other}}}"),
    };
    known.to_owned()
}

/// What files of format 4 and older have, where it is another unit: counts were ratios there.
fn unit_formerly(unit: &str, aggregation: Aggregation) -> Option<&'static str> {
    match unit {
        _ if aggregation == Aggregation::Count => Some("1"),
        "Count" | "Unspecified" => Some("1"),
        "CountPerSecond" => Some("1/s"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_unit_is_a_ratio() {
        use Aggregation::{Average, Count, Maximum};
        for (unit, aggregation, wanted, formerly) in [
            ("Count", Average, "{count}", Some("1")),
            ("Unspecified", Maximum, "", Some("1")),
            ("Percent", Count, "{sample}", Some("1")),
            ("CountPerSecond", Average, "{count}/s", Some("1/s")),
            ("Percent", Average, "%", None),
            ("", Average, "", None),
            ("Fortnights", Average, "{Fortnights}", None),
        ] {
            assert_eq!(unit_of(unit, aggregation), wanted, "{unit}");
            assert_eq!(unit_formerly(unit, aggregation), formerly, "{unit}");
        }
    }

    #[test]
    fn names_follow_the_type() {
        assert_eq!(
            prefix(snake, "Microsoft.Compute/virtualMachines"),
            "azure.compute.virtual_machines"
        );
        assert_eq!(
            prefix(snake, "microsoft.Storage/storageAccounts/blobServices"),
            "azure.storage.storage_accounts.blob_services"
        );
    }
}
