//! Azure Monitor behind the MetricsProvider trait.
