//! Any bytes as the body of an OTLP request to the receiver of tests and demo, plain and compressed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    for encoding in [None, Some("gzip"), Some("zstd")] {
        drop(export::receiver::points(encoding, body));
    }
});
