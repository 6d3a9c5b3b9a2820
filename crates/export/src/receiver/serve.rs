//! The receiver's two servers: the generated gRPC service and an HTTP route.

use super::fault::Fault;
use super::flat::{self, FlatPoint, flatten};
use super::tls::TlsListener;
use super::{MAX_MESSAGE_BYTES, State, lock};
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::{Router, routing::post};
use bytes::Bytes;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use std::io::Read;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

struct Service(Arc<State>);

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let encoding = request.metadata().get("grpc-encoding");
        self.0.note(encoding.and_then(|e| e.to_str().ok()));
        let request = request.into_inner();
        let fault = self.0.admit(&request, request.encoded_len()).await;
        if let Some(status) = fault.as_ref().and_then(Fault::status) {
            return Err(status);
        }
        self.0.accept(&request);
        Ok(Response::new(answer(fault)))
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        lock(&self.0.spans).extend(flat::spans(&request.into_inner()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// What each of the two servers answers.
pub(super) struct Routes {
    pub(super) grpc: Router,
    pub(super) http: Router,
}

/// The generated service and the HTTP route, over the same state.
pub(super) fn routes(state: &Arc<State>) -> Routes {
    let service = MetricsServiceServer::new(Service(Arc::clone(state)))
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    let traces = TraceServiceServer::new(Service(Arc::clone(state)))
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    Routes {
        grpc: tonic::service::Routes::new(service)
            .add_service(traces)
            .into_axum_router(),
        http: Router::new()
            .route("/v1/metrics", post(export))
            .route("/v1/traces", post(traced))
            .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
            .with_state(Arc::clone(state)),
    }
}

/// Serves until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    let stop = stop.cancelled_owned();
    let served = match tls {
        None => axum::serve(listener, router).with_graceful_shutdown(stop).await,
        Some(acceptor) => {
            let listener = TlsListener { listener, acceptor };
            axum::serve(listener, router).with_graceful_shutdown(stop).await
        }
    };
    if let Err(e) = served {
        tracing::warn!(error = %e, "a receiver's server ended");
    }
}

async fn export(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: Bytes) -> HttpResponse {
    *lock(&state.last_body) = body.to_vec();
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .and_then(|e| e.to_str().ok());
    state.note(encoding);
    let (request, bytes) = match request(encoding, &body) {
        Ok(read) => read,
        Err(code) => return code.into_response(),
    };
    let fault = state.admit(&request, bytes).await;
    if let Some(response) = fault.as_ref().and_then(Fault::response) {
        return response;
    }
    state.accept(&request);
    (
        [(header::CONTENT_TYPE, "application/x-protobuf")],
        answer(fault).encode_to_vec(),
    )
        .into_response()
}

/// The request in a body, and its size without compression.
fn request(encoding: Option<&str>, body: &[u8]) -> Result<(ExportMetricsServiceRequest, usize), StatusCode> {
    let raw = raw(encoding, body)?;
    let request = ExportMetricsServiceRequest::decode(&*raw).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok((request, raw.len()))
}

/// The points in the body of an HTTP request with this `content-encoding`.
///
/// # Errors
/// The status of the refusal.
pub fn points(encoding: Option<&str>, body: &[u8]) -> Result<Vec<FlatPoint>, StatusCode> {
    request(encoding, body).map(|(request, _)| flatten(&request))
}

async fn traced(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: Bytes) -> HttpResponse {
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .and_then(|e| e.to_str().ok());
    let decoded = raw(encoding, &body).map(|raw| ExportTraceServiceRequest::decode(&*raw));
    let Ok(Ok(request)) = decoded else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    lock(&state.spans).extend(flat::spans(&request));
    [(header::CONTENT_TYPE, "application/x-protobuf")].into_response()
}

/// The message without its compression.
fn raw(encoding: Option<&str>, body: &[u8]) -> Result<Vec<u8>, StatusCode> {
    match encoding {
        None => Ok(body.to_vec()),
        Some("gzip") => bounded(GzDecoder::new(body)),
        Some("zstd") => bounded(zstd::stream::read::Decoder::new(body).map_err(|_| StatusCode::BAD_REQUEST)?),
        Some(_) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

fn bounded(decoder: impl Read) -> Result<Vec<u8>, StatusCode> {
    let limit = u64::try_from(MAX_MESSAGE_BYTES).unwrap_or(u64::MAX);
    let mut raw = Vec::new();
    let read = decoder.take(limit + 1).read_to_end(&mut raw);
    read.map_err(|_| StatusCode::BAD_REQUEST)?;
    if raw.len() > MAX_MESSAGE_BYTES {
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    } else {
        Ok(raw)
    }
}

fn answer(fault: Option<Fault>) -> ExportMetricsServiceResponse {
    let partial_success = match fault {
        Some(Fault::Partial { rejected, message }) => Some(ExportMetricsPartialSuccess {
            rejected_data_points: rejected,
            error_message: message,
        }),
        _ => None,
    };
    ExportMetricsServiceResponse { partial_success }
}
