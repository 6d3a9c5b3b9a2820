//! The facts about each kind of back end, with the page that says so. Data only.

use super::Habits;
use crate::written::destination::{Deltas, Order, Protocol};

/// Everything a resource says becomes a label: these back ends tell series apart by the labels of points alone.
const ALL_ATTRIBUTES: &[&str] = &["*"];
/// They tell series apart by the resource as well.
const NO_ATTRIBUTES: &[&str] = &[];

/// Takes no deltas (HTTP 500) and no zstd (HTTP 400), and drops resource attributes unless told otherwise
/// (`promote_resource_attributes`).
pub(super) const PROMETHEUS: Habits = Habits {
    word: "prometheus",
    name: "Prometheus",
    protocol: Protocol::Http,
    grpc: false,
    zstd: false,
    path: "/api/v1/otlp/v1/metrics",
    deltas: Deltas::Cumulative,
    order: Order::OldestFirst,
    promote: ALL_ATTRIBUTES,
    credentials: "authorization: \"Basic ${env:PROMETHEUS_BASIC}\"",
    source: "https://prometheus.io/docs/guides/opentelemetry/",
};

/// As Prometheus, below `/otlp`.
pub(super) const MIMIR: Habits = Habits {
    word: "mimir",
    name: "Grafana Mimir",
    path: "/otlp/v1/metrics",
    zstd: true,
    credentials: "x-scope-orgid: \"${env:MIMIR_TENANT}\"",
    source: "https://grafana.com/docs/mimir/latest/configure/configure-otel-collector/",
    ..PROMETHEUS
};

/// Mimir behind a gateway that takes gzip or nothing, and promotes a short list of attributes by itself.
pub(super) const GRAFANA_CLOUD: Habits = Habits {
    word: "grafana_cloud",
    name: "Grafana Cloud",
    zstd: false,
    credentials: "authorization: \"Basic ${env:GRAFANA_CLOUD_BASIC}\"",
    source: "https://grafana.com/docs/grafana-cloud/send-data/otlp/otlp-format-considerations/",
    ..MIMIR
};

/// Makes every attribute of a resource a label by itself. Older versions skip deltas without a word, newer ones store
/// them as raw values that `rate` cannot read.
pub(super) const VICTORIAMETRICS: Habits = Habits {
    word: "victoriametrics",
    name: "VictoriaMetrics",
    zstd: true,
    path: "/opentelemetry/v1/metrics",
    promote: NO_ATTRIBUTES,
    credentials: "authorization: \"Basic ${env:VICTORIAMETRICS_BASIC}\"",
    source: "https://docs.victoriametrics.com/victoriametrics/integrations/opentelemetry/",
    ..PROMETHEUS
};

/// Wants deltas only, by HTTP only; a resource's attributes become tags only when they are known ones.
pub(super) const DATADOG: Habits = Habits {
    word: "datadog",
    name: "Datadog",
    protocol: Protocol::Http,
    grpc: false,
    zstd: true,
    path: "/v1/metrics",
    deltas: Deltas::Keep,
    order: Order::AsPolled,
    promote: ALL_ATTRIBUTES,
    credentials: "dd-api-key: \"${env:DD_API_KEY}\"",
    source: "https://docs.datadoghq.com/opentelemetry/setup/otlp_ingest/metrics/",
};

/// Wants deltas, and HTTP rather than gRPC.
pub(super) const NEW_RELIC: Habits = Habits {
    word: "new_relic",
    name: "New Relic",
    grpc: true,
    promote: NO_ATTRIBUTES,
    credentials: "api-key: \"${env:NEW_RELIC_LICENSE_KEY}\"",
    source: "https://docs.newrelic.com/docs/opentelemetry/best-practices/opentelemetry-otlp/",
    ..DATADOG
};

/// Takes both kinds of sums by both protocols.
pub(super) const HONEYCOMB: Habits = Habits {
    word: "honeycomb",
    name: "Honeycomb",
    grpc: true,
    promote: NO_ATTRIBUTES,
    credentials: "x-honeycomb-team: \"${env:HONEYCOMB_API_KEY}\"",
    source: "https://docs.honeycomb.io/send-data/metrics/application",
    ..DATADOG
};

/// Wants deltas only, by HTTP only; without "advanced OTLP metric dimensions" it takes a list of resource attributes.
pub(super) const DYNATRACE: Habits = Habits {
    word: "dynatrace",
    name: "Dynatrace",
    path: "/api/v2/otlp/v1/metrics",
    credentials: "authorization: \"Api-Token ${env:DT_API_TOKEN}\"",
    source: "https://docs.dynatrace.com/docs/ingest-from/opentelemetry/otlp-api/ingest-otlp-metrics",
    ..DATADOG
};

/// Takes everything as it is.
pub(super) const COLLECTOR: Habits = Habits {
    word: "collector",
    name: "OpenTelemetry Collector",
    protocol: Protocol::Grpc,
    grpc: true,
    zstd: true,
    path: "/v1/metrics",
    deltas: Deltas::Keep,
    order: Order::AsPolled,
    promote: NO_ATTRIBUTES,
    credentials: "authorization: \"Bearer ${env:OTLP_TOKEN}\"",
    source: "https://github.com/open-telemetry/opentelemetry-collector/tree/main/receiver/otlpreceiver",
};
