//! What the fuzz targets call: bytes as Google might send them, through the conversion that real answers go through. Only
//! with the feature `fuzzing`, and in tests, which read every seed.

use crate::convert::Converter;
use crate::decode;
use crate::plan::{of, plan};
use crate::testing::{TYPE, target, window};
use provider_api::conformance::batches_fit_their_call;
use provider_api::{AccountId, Batch, Due};

/// The window asked for, in seconds since 1970.
const WINDOW_S: (i64, i64) = (0, 4_000_000_000);

/// A page of `ListTimeSeries`. It is read twice, as if the cloud had sent it again.
///
/// # Panics
/// When what comes out breaks the contract of a provider.
pub fn time_series(body: &[u8]) {
    let Ok(read) = decode::series(body) else {
        return;
    };
    let page = &read.page;
    let asked = page.time_series.first().and_then(|s| s.metric.as_ref());
    let target = target(asked.map_or(TYPE, |m| &m.r#type), None);
    let window = window(WINDOW_S.0, WINDOW_S.1);
    let account = AccountId("ml".into());
    for call in plan(&[Due {
        target: target.clone(),
        window,
    }]) {
        let Some(detail) = of(&target) else { continue };
        let mut converter = Converter::new(&account, target.id, detail, window);
        let batches = [(); 2].map(|()| Batch {
            series: converter.page(&page.unit, &page.time_series, read.odd).series,
            ..Batch::default()
        });
        batches_fit_their_call(&call, &batches);
    }
}

#[cfg(test)]
mod tests {
    const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/gcp");

    #[test]
    fn every_seed_is_read() {
        let seeds = std::fs::read_dir(SEEDS).expect("the seeds");
        for seed in seeds {
            let body = std::fs::read(seed.expect("a seed").path()).expect("a file");
            super::time_series(&body);
        }
    }
}
