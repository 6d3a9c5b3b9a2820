//! Any bytes as a page of Google's `ListTimeSeries`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| provider_gcp::fuzzing::time_series(body));
