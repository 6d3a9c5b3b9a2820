//! What a metric is called, in which unit and of which kind.

use crate::question::{Aggregation, AskedMetric, Question};
use provider_api::names::snake;
use provider_api::{Cloud, Kind, Metric, MetricSpec, Temporality};
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

fn metric(question: &Question, asked: &AskedMetric, aggregation: Aggregation, unit: &str) -> Metric {
    let name = format!(
        "{}.{}.{}",
        prefix(&question.namespace),
        snake(&asked.name),
        aggregation.suffix()
    );
    Metric::new(MetricSpec {
        cloud: Cloud::Azure,
        namespace: question.namespace.clone(),
        name: name.into(),
        cloud_name: asked.name.clone(),
        statistic: Some(aggregation.word().into()),
        unit: unit_of(unit, aggregation).into(),
        kind: kind(unit, aggregation),
        description: asked.description.clone(),
    })
}

/// `Microsoft.Storage/storageAccounts/blobServices` → `azure.storage.storage_accounts.blob_services`.
fn prefix(namespace: &str) -> String {
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

/// UCUM. The list of Azure's units is open: a new word stays, in braces.
fn unit_of(unit: &str, aggregation: Aggregation) -> String {
    if aggregation == Aggregation::Count {
        return "1".to_owned();
    }
    let known = match unit {
        "Count" | "Unspecified" => "1",
        "Bytes" => "By",
        "Seconds" => "s",
        "MilliSeconds" => "ms",
        "CountPerSecond" => "1/s",
        "BytesPerSecond" => "By/s",
        "BitsPerSecond" => "bit/s",
        "Percent" => "%",
        "ByteSeconds" => "By.s",
        "Cores" => "{core}",
        "MilliCores" => "10*-3{core}",
        "NanoCores" => "10*-9{core}",
        "" => "",
        other => return format!("{{{other}}}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_type() {
        assert_eq!(
            prefix("Microsoft.Compute/virtualMachines"),
            "azure.compute.virtual_machines"
        );
        assert_eq!(
            prefix("microsoft.Storage/storageAccounts/blobServices"),
            "azure.storage.storage_accounts.blob_services"
        );
    }
}
