//! What is fuzzed from, and what fuzzing has found: the receiver reads it or refuses it.

use std::fs;

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/otlp");

#[test]
fn every_seed_is_read_or_refused() {
    for seed in fs::read_dir(SEEDS).expect("the seeds") {
        let body = fs::read(seed.expect("a seed").path()).expect("a file");
        let encodings = [None, Some("gzip"), Some("zstd")];
        let read = encodings.map(|encoding| export::receiver::points(encoding, &body).is_ok());
        assert!(
            read.contains(&true),
            "no encoding of a seed that is one can be read"
        );
    }
}
