//! A 16-bit fingerprint of a value, to tell a revision from a repetition without keeping the value.

use provider_api::Value;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Never 0, which stands for "not remembered". Two values that differ share one in 65,535 cases.
pub(crate) fn fingerprint(value: &Value) -> u16 {
    let hash = match value {
        Value::Double(v) => xxh3_64(&v.to_bits().to_le_bytes()),
        Value::Int(v) => xxh3_64(&v.to_le_bytes()),
        Value::Histogram(h) => {
            let mut hash = Xxh3::new();
            hash.update(&h.count.to_le_bytes());
            hash.update(&h.sum.map_or(0, f64::to_bits).to_le_bytes());
            for bound in &h.buckets.bounds {
                hash.update(&bound.to_bits().to_le_bytes());
            }
            for count in &h.buckets.counts {
                hash.update(&count.to_le_bytes());
            }
            hash.digest()
        }
    };
    let [low, high, ..] = hash.to_le_bytes();
    u16::from_le_bytes([low, high]).max(1)
}
