//! Any bytes as an answer of Azure: values, listings, refusals.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provider_azure::fuzzing::{listings, metrics, refused};

fuzz_target!(|body: &[u8]| {
    metrics(body);
    listings(body);
    for status in [400, 403, 429, 503] {
        refused(status, body);
    }
});
