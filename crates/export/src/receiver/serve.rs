//! The receiver's two servers: the generated gRPC service and an HTTP route.

use super::fault::Fault;
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
use prost::Message;
use std::io::Read;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

struct Service(Arc<State>);

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let request = request.into_inner();
        let fault = self.0.admit(&request, request.encoded_len()).await;
        if let Some(status) = fault.as_ref().and_then(Fault::status) {
            return Err(status);
        }
        self.0.accept(&request);
        Ok(Response::new(answer(fault)))
    }
}

/// Serves gRPC until `stop`.
pub(super) async fn grpc(listener: TcpListener, state: Arc<State>, stop: CancellationToken) {
    let service = MetricsServiceServer::new(Service(state))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    let served = tonic::transport::Server::builder()
        .add_service(service)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), stop.cancelled_owned());
    if let Err(e) = served.await {
        tracing::warn!(error = %e, "the gRPC receiver ended");
    }
}

/// Serves HTTP until `stop`.
pub(super) async fn http(listener: TcpListener, state: Arc<State>, stop: CancellationToken) {
    let router = Router::new()
        .route("/v1/metrics", post(export))
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
        .with_state(state);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(e) = served.await {
        tracing::warn!(error = %e, "the HTTP receiver ended");
    }
}

async fn export(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: Bytes) -> HttpResponse {
    *lock(&state.last_body) = body.to_vec();
    let raw = match raw(&headers, &body) {
        Ok(raw) => raw,
        Err(code) => return code.into_response(),
    };
    let Ok(request) = ExportMetricsServiceRequest::decode(&*raw) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let fault = state.admit(&request, raw.len()).await;
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

/// The message without its compression.
fn raw(headers: &HeaderMap, body: &Bytes) -> Result<Vec<u8>, StatusCode> {
    match headers
        .get(header::CONTENT_ENCODING)
        .map(header::HeaderValue::as_bytes)
    {
        None => Ok(body.to_vec()),
        Some(b"gzip") => inflate(body),
        Some(_) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

fn inflate(body: &Bytes) -> Result<Vec<u8>, StatusCode> {
    let limit = u64::try_from(MAX_MESSAGE_BYTES).unwrap_or(u64::MAX);
    let mut raw = Vec::new();
    let read = GzDecoder::new(&**body).take(limit + 1).read_to_end(&mut raw);
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
