//! The way of spans from `tracing` to the SDK, which comes and goes with the configuration. While there is none, a span
//! costs next to nothing.

use crate::events::ours;
use opentelemetry_sdk::trace::SdkTracer;
use std::sync::OnceLock;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;

type Spans = Option<OpenTelemetryLayer<Registry, SdkTracer>>;

static WAY: OnceLock<reload::Handle<Spans, Registry>> = OnceLock::new();

/// The layer, for the one who starts `tracing`.
pub(in crate::telemetry) fn layer() -> impl Layer<Registry> + Send + Sync {
    let (layer, way) = reload::Layer::new(None);
    // A second start of `tracing` fails anyway.
    WAY.set(way).ok();
    let wanted = |metadata: &tracing::Metadata<'_>| metadata.is_span() && ours(metadata.target());
    layer.with_filter(filter_fn(wanted))
}

/// Where spans go from now on.
pub(super) fn to(tracer: Option<SdkTracer>) {
    let layer = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
    });
    let Some(way) = WAY.get() else { return };
    if let Err(error) = way.reload(layer) {
        tracing::error!(%error, "traces stay as they were");
    }
}
