//! Requests of our own telemetry over the wires of a destination, with its endpoint, headers, TLS and compression; and the
//! SDK's exporter of spans on top.
//!
//! The SDK calls from threads of its own, so each request runs on the daemon's runtime and is waited for.

use export::Sender;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prost::Message as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::runtime::Handle;

/// One signal's way out.
#[derive(Debug)]
pub(super) struct Exporter {
    destination: Arc<str>,
    sender: Sender,
    runtime: Handle,
    failing: Arc<AtomicBool>,
    resource: ResourceAttributesWithSchema,
}

impl Exporter {
    /// Call it inside a tokio runtime.
    pub(super) fn new(destination: &str, sender: Sender) -> Self {
        Self {
            destination: destination.into(),
            sender,
            runtime: Handle::current(),
            failing: Arc::default(),
            resource: ResourceAttributesWithSchema::default(),
        }
    }

    /// Sends an encoded request once.
    pub(super) async fn send(&self, request: Vec<u8>) -> OTelSdkResult {
        let sender = self.sender.clone();
        let sent = self.runtime.spawn(async move { sender.send(&request).await });
        let sent = sent.await.map_err(|error| error.to_string()).flatten();
        self.tell(sent.as_ref().err());
        sent.map_err(OTelSdkError::InternalFailure)
    }

    /// One line when it begins to fail and one when it is over.
    fn tell(&self, failure: Option<&String>) {
        let (before, destination) = (self.failing.swap(failure.is_some(), Relaxed), &*self.destination);
        match (before, failure) {
            (false, Some(why)) => tracing::warn!(
                destination,
                why,
                "self-telemetry export failed; until it recovers, its reports are dropped"
            ),
            (true, None) => tracing::info!(destination, "self-telemetry export recovered"),
            (false, None) | (true, Some(_)) => {}
        }
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let request = ExportTraceServiceRequest { resource_spans };
        self.send(request.encode_to_vec()).await
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
