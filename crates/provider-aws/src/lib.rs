//! CloudWatch behind the MetricsProvider trait.
