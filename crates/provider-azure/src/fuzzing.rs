//! What the fuzz targets call: bytes as Azure might send them, through the decoders and the conversion that real answers
//! go through. Only with the feature `fuzzing`, and in tests, which read every seed.

use crate::classify::{GET_BATCH, Hints, refusal};
use crate::convert::{Conversion, Metrics};
use crate::discover::{Definitions, Thing};
use crate::fetch::Standing;
use crate::plan::{detail, plan};
use crate::question::{Aggregation, AskedMetric};
use crate::testing::{asking, entry, question, target, window};
use crate::wire::{BatchAnswer, Definition, GraphPage, ListedResource, Page, ResourceValues};
use provider_api::conformance::batches_fit_their_call;
use provider_api::{Batch, Due, Scope};

/// The window asked for, in seconds since 1970: the recorded answers lie within it.
const WINDOW_S: (i64, i64) = (0, 4_000_000_000);
const ASKED: [Aggregation; 3] = [Aggregation::Average, Aggregation::Total, Aggregation::Count];

/// An answer of `metrics:getBatch` or of ARM's metrics.
///
/// # Panics
/// When what comes out breaks the contract of a provider.
pub fn metrics(body: &[u8]) {
    let values = match serde_json::from_slice::<BatchAnswer>(body) {
        Ok(batch) => batch.values.items,
        Err(_) => serde_json::from_slice::<ResourceValues>(body)
            .into_iter()
            .collect(),
    };
    for values in &values {
        convert(values);
    }
}

/// Asks for what the answer holds, so that it is not left out for its name.
fn convert(values: &ResourceValues) {
    let names: Vec<&str> = values.metrics().iter().filter_map(|m| m.name.get()).collect();
    let question = question("westeurope", &names, &ASKED);
    let window = window(WINDOW_S.0, WINDOW_S.1);
    let target = target("/subscriptions/sub/vm", &question);
    let asked: Vec<AskedMetric> = question.metrics.clone();
    let due = Due {
        target: target.clone(),
        window,
    };
    for call in plan(&[due], |_, _| Standing::Plain) {
        let mut metrics = Metrics::default();
        let Some(detail) = detail(&target) else { continue };
        let got = Conversion::new(target.id, detail, window, &mut metrics).run(values, &asked);
        let batch = Batch {
            series: got.series,
            ..Batch::default()
        };
        batches_fit_their_call(&call, &[batch]);
    }
}

/// A page of a listing: Resource Graph, ARM's resources, metric definitions.
pub fn listings(body: &[u8]) {
    if let Ok(page) = serde_json::from_slice::<GraphPage>(body) {
        page.data
            .0
            .items
            .into_iter()
            .for_each(|row| drop(Thing::read(row)));
    }
    drop(serde_json::from_slice::<Page<ListedResource>>(body));
    if let Ok(page) = serde_json::from_slice::<Page<Definition>>(body) {
        let wanted = entry("Microsoft.Compute/virtualMachines");
        drop(asking(&[&wanted], &Definitions::read(&page.value)));
    }
}

/// A refusal.
pub fn refused(status: u16, body: &[u8]) {
    drop(refusal(
        GET_BATCH,
        &Scope::new("sub"),
        status,
        &Hints::default(),
        body,
    ));
}

#[cfg(test)]
mod tests {
    const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/azure");

    #[test]
    fn every_seed_is_read() {
        let seeds = std::fs::read_dir(SEEDS).expect("the seeds");
        for seed in seeds {
            let body = std::fs::read(seed.expect("a seed").path()).expect("a file");
            super::metrics(&body);
            super::listings(&body);
            for status in [400, 403, 429, 503] {
                super::refused(status, &body);
            }
        }
    }
}
