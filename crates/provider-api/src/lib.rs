//! The MetricsProvider trait, its nouns and error kinds: no SDK, no runtime.
