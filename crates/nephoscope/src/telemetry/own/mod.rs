//! Our own figures and traces on their way to a destination: figures as a report at an interval, traces through the
//! OpenTelemetry SDK. A destination that is down costs what it would have got and one line in the log.

mod exporter;
mod figures;
mod reporter;
pub(in crate::telemetry) mod spans;

use crate::clock::SystemClock;
use crate::exit::Failure;
use crate::live::Live;
use crate::wiring::destinations;
use config_file::{Config, Destination, DestinationKind, Telemetry};
use export::{OtlpConfig, Sender, Signal};
use exporter::Exporter;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use provider_api::UnixNanos;
use reporter::{Report, Reporter};
use scheduler::Clock as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for the last figures and spans to be sent.
const END_MAX: Duration = Duration::from_secs(2);

/// What is asked for: where to, and how.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    telemetry: Telemetry,
    destination: Destination,
}

/// Telemetry that is being sent, or none.
#[derive(Debug)]
pub(crate) struct Own {
    /// When the counters were zero; the same whatever is configured later, or totals would look as if they had begun anew.
    start: UnixNanos,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    wanted: Wanted,
    reporter: Reporter,
    tracers: SdkTracerProvider,
}

impl Own {
    /// Of a daemon that starts now.
    pub(crate) fn new() -> Self {
        Self {
            start: SystemClock.now(),
            running: None,
        }
    }

    /// Sends what the configuration wants from now on; goes on undisturbed where that is what is sent already.
    pub(crate) async fn follow(&mut self, config: &Config, live: &Arc<Live>, page: SocketAddr) {
        let wanted = wanted(config);
        if self.running.as_ref().map(|running| &running.wanted) == wanted.as_ref() {
            return;
        }
        self.end().await;
        if let Some(wanted) = wanted {
            match start(wanted, live, page, self.start) {
                Ok(running) => self.running = Some(running),
                Err(failure) => tracing::error!("self-telemetry is not sent: {failure}"),
            }
        }
    }

    /// Sends what there still is, within a limit.
    pub(crate) async fn end(&mut self) {
        let Some(Running {
            reporter, tracers, ..
        }) = self.running.take()
        else {
            return;
        };
        spans::to(None);
        reporter.end(END_MAX).await;
        let ended = tokio::task::spawn_blocking(move || tracers.shutdown_with_timeout(END_MAX));
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the last spans were not sent"),
            Err(error) => tracing::error!(%error, "ending the export of traces panicked"),
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

fn start(wanted: Wanted, live: &Arc<Live>, page: SocketAddr, start: UnixNanos) -> Result<Running, Failure> {
    let DestinationKind::Otlp(otlp) = &wanted.destination.kind else {
        return Err(Failure::usage("the destination does not speak OTLP"));
    };
    let otlp = destinations::otlp_config(otlp)?;
    let (name, telemetry) = (&wanted.destination.name, &wanted.telemetry);
    let attributes = attributes(page);
    let report = Report {
        live: Arc::clone(live),
        resource: figures::resource(&attributes),
        exporter: exporter(name, &otlp, Signal::Metrics)?,
        start,
    };
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(telemetry.sample)));
    let tracers = SdkTracerProvider::builder()
        .with_batch_exporter(exporter(name, &otlp, Signal::Traces)?)
        .with_sampler(sampler)
        .with_resource(of_traces(&attributes))
        .build();
    if telemetry.sample > 0.0 {
        spans::to(Some(tracers.tracer(env!("CARGO_PKG_NAME"))));
    }
    Ok(Running {
        reporter: Reporter::start(report, telemetry.interval),
        tracers,
        wanted,
    })
}

fn exporter(name: &str, otlp: &OtlpConfig, signal: Signal) -> Result<Exporter, Failure> {
    let sender = Sender::new(name, otlp, signal).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Exporter::new(name, sender))
}

/// Who reports: the same after a restart, different on every machine and for every daemon on it.
fn attributes(page: SocketAddr) -> [(&'static str, String); 3] {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    [
        ("service.name", env!("CARGO_PKG_NAME").to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", format!("{}:{}", host.trim(), page.port())),
    ]
}

fn of_traces(attributes: &[(&'static str, String)]) -> Resource {
    let attributes = attributes
        .iter()
        .map(|(name, text)| KeyValue::new(*name, text.clone()));
    Resource::builder_empty().with_attributes(attributes).build()
}
