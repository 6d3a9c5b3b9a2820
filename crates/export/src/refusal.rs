//! What a refusal is about, told from the words it came with. Pure.
//!
//! Servers do not agree on status codes, but nearly all of them copy their words from Prometheus, Mimir or gRPC.

/// What a back end refuses of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its points, or nothing of them: the words do not tell.
    Points {
        /// What the account may send, which an empty request does not touch.
        account: bool,
    },
    /// Its size.
    Size,
    /// Delta points, whatever else is in it.
    Deltas,
    /// Points that are older than what the back end has of their series, or than it takes.
    Order {
        /// Whether the rest of the request has been stored.
        rest_stored: bool,
    },
}

/// The words of Prometheus, Mimir, Cortex and Thanos, whatever comes before and after them.
const DELTAS: &str = "invalid temporality and type combination";

/// Words of Prometheus, Mimir, Cortex and Thanos about points out of order.
const ORDER: &[&str] = &[
    "out of order sample",
    "out-of-order sample",
    "sample out of order",
    "out of order histogram",
    "sample-out-of-order",
    "timestamp out of order",
    "too old sample",
    "sample too old",
    "sample is too old",
    "timestamp too old",
    "timestamp is too old",
    "timestamp-too-old",
    "too far in the past",
    "too-far-in-past",
    "out of bounds",
    "duplicate sample",
    "duplicate-timestamp",
    "repeated timestamp",
];

/// Words that come with a request above the limit.
const SIZE: &[&str] = &[
    "too large",
    "larger than max",
    "exceeds the limit of bytes",
    "message size",
    "body size",
    "request size",
];

/// Words of a limit that is free again in a moment.
const RATE: &[&str] = &[
    "rate limit",
    "rate_limit",
    "rate-limit",
    "throttl",
    "too many requests",
];

fn any(words: &str, of: &[&str]) -> bool {
    let words = words.to_ascii_lowercase();
    of.iter().any(|one| words.contains(one))
}

/// Whether an answer refuses delta points.
pub(crate) fn refuses_deltas(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    let named = words.contains("delta") && (words.contains("temporality") || words.contains("support"));
    words.contains(DELTAS) || (named && !words.contains("cumulative"))
}

/// Whether an answer refuses points for their age.
pub(crate) fn refuses_order(words: &str) -> bool {
    any(words, ORDER)
}

/// Whether an answer refuses the size of a request.
pub(crate) fn refuses_size(words: &str) -> bool {
    any(words, SIZE)
}

/// Whether the same request will be taken in a moment.
pub(crate) fn refuses_rate(words: &str) -> bool {
    any(words, RATE)
}

/// Whether the back end has stored the rest of a request of which it refuses some for their age. Mimir, Cortex and Thanos
/// do (`409` is Thanos'); Prometheus takes all of it back.
pub(crate) fn stores_the_rest(words: &str, conflict: bool) -> bool {
    conflict || any(words, &["err-mimir-", "err-cortex-", "user="])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_are_recognised_in_the_words_of_several_back_ends() {
        for words in [
            "otlp parse error: invalid temporality and type combination for metric \"b.delta\"",
            "unsupported delta temporality for metric x",
            "Delta metrics are not supported",
            "metric x: AGGREGATION_TEMPORALITY_DELTA is not supported",
        ] {
            assert!(refuses_deltas(words), "{words}");
        }
        for words in [
            "cumulative temporality is not supported, use delta",
            "delta",
            "bad point",
        ] {
            assert!(!refuses_deltas(words), "{words}");
        }
    }

    #[test]
    fn age_is_recognised_in_the_words_of_several_back_ends() {
        for words in [
            "out of order sample",
            "too old sample",
            "out of bounds: timestamp is too far in the future",
            "duplicate sample for timestamp; existing 1, new value 2",
            "user=t: the sample has been rejected (err-mimir-sample-out-of-order)",
            "(err-mimir-sample-timestamp-too-old)",
            "(err-mimir-sample-duplicate-timestamp)",
            "sample with repeated timestamp but different value",
        ] {
            assert!(refuses_order(words), "{words}");
        }
        for words in ["this version of TLS is too old", "bad point", "orders"] {
            assert!(!refuses_order(words), "{words}");
        }
    }

    #[test]
    fn prometheus_takes_back_what_mimir_stores() {
        assert!(!stores_the_rest("out of order sample", false));
        assert!(stores_the_rest("(err-mimir-sample-out-of-order)", false));
        assert!(stores_the_rest("out of order sample", true));
    }
}
