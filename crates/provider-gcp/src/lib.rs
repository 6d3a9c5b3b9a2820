//! Google Cloud Monitoring behind the MetricsProvider trait.
