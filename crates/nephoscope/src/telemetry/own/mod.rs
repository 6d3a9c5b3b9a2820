//! Our own figures and traces on their way to a destination, through the OpenTelemetry SDK. The SDK's threads measure and
//! send; a destination that is down costs what it would have got and one line in the log.

mod exporter;
mod instruments;
pub(in crate::telemetry) mod spans;

use crate::exit::Failure;
use crate::live::Live;
use crate::wiring::destinations;
use config_file::{Config, Destination, DestinationKind, Telemetry};
use export::{OtlpConfig, Sender, Signal};
use exporter::Exporter;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for the last figures and spans to be sent.
const END_MAX: Duration = Duration::from_secs(2);

/// Most combinations of labels of one figure: thousands of accounts with a dozen operations and outcomes each.
const MOST_SERIES: usize = 200_000;

/// What is asked for: where to, and how.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    telemetry: Telemetry,
    destination: Destination,
}

/// Telemetry that is being sent, or none.
#[derive(Debug, Default)]
pub(crate) struct Own {
    running: Option<(Wanted, SdkMeterProvider, SdkTracerProvider)>,
}

impl Own {
    /// Sends what the configuration wants from now on; goes on undisturbed where that is what is sent already.
    pub(crate) async fn follow(&mut self, config: &Config, live: &Arc<Live>, page: SocketAddr) {
        let wanted = wanted(config);
        if self.running.as_ref().map(|(running, ..)| running) == wanted.as_ref() {
            return;
        }
        self.end().await;
        if let Some(wanted) = wanted {
            match start(&wanted, live, page) {
                Ok((meters, tracers)) => self.running = Some((wanted, meters, tracers)),
                Err(failure) => tracing::error!("our own telemetry is not sent: {failure}"),
            }
        }
    }

    /// Sends what there still is, within a limit.
    pub(crate) async fn end(&mut self) {
        let Some((_, meters, tracers)) = self.running.take() else {
            return;
        };
        spans::to(None);
        let ended = tokio::task::spawn_blocking(move || {
            let spans = tracers.shutdown_with_timeout(END_MAX);
            spans.and(meters.shutdown_with_timeout(END_MAX))
        });
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the last telemetry was not sent"),
            Err(error) => tracing::error!(%error, "ending our own telemetry"),
        }
    }
}

fn wanted(config: &Config) -> Option<Wanted> {
    let telemetry = config.telemetry.clone()?;
    let mut all = config.destinations.iter();
    let destination = all.find(|d| d.name == telemetry.destination)?.clone();
    Some(Wanted {
        telemetry,
        destination,
    })
}

fn start(
    wanted: &Wanted,
    live: &Arc<Live>,
    page: SocketAddr,
) -> Result<(SdkMeterProvider, SdkTracerProvider), Failure> {
    let DestinationKind::Otlp(otlp) = &wanted.destination.kind else {
        return Err(Failure::usage("the destination does not speak OTLP"));
    };
    let otlp = destinations::otlp_config(otlp)?;
    let name = &wanted.destination.name;
    let resource = resource(page);
    let reader = PeriodicReader::builder(exporter(name, &otlp, Signal::Metrics)?)
        .with_interval(wanted.telemetry.interval)
        .build();
    let meters = SdkMeterProvider::builder()
        .with_reader(reader)
        .with_resource(resource.clone())
        .with_view(|_: &_| Stream::builder().with_cardinality_limit(MOST_SERIES).build().ok())
        .build();
    instruments::register(&meters, live);
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(wanted.telemetry.sample)));
    let tracers = SdkTracerProvider::builder()
        .with_batch_exporter(exporter(name, &otlp, Signal::Traces)?)
        .with_sampler(sampler)
        .with_resource(resource)
        .build();
    if wanted.telemetry.sample > 0.0 {
        spans::to(Some(tracers.tracer(env!("CARGO_PKG_NAME"))));
    }
    Ok((meters, tracers))
}

fn exporter(name: &str, otlp: &OtlpConfig, signal: Signal) -> Result<Exporter, Failure> {
    let sender = Sender::new(name, otlp, signal).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Exporter::new(name, sender))
}

/// The same after a restart, different on every machine and for every daemon on it.
fn resource(page: SocketAddr) -> Resource {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let instance = format!("{}:{}", host.trim(), page.port());
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", env!("CARGO_PKG_NAME")),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance),
        ])
        .build()
}
