//! OTLP over gRPC, framed by hand.
//!
//! The generated client would compress every request itself. Ours is compressed already, once for all destinations and
//! all attempts, so the unary call is written here: one frame out, one frame and trailers back. Connections, HTTP/2
//! and TLS stay tonic's.

use crate::advice::broken;
use crate::body::{Body as Message, body};
use crate::config::{Compression, OtlpConfig, Signal, Tls};
use crate::connect::{Wrong, headers, wrong};
use crate::encode::Encoded;
use crate::proxy;
use crate::transport::{Transport, Verdict, causes};
use crate::verdict::{HttpAnswer, grpc_verdict, http_verdict, partial_success};
use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use std::time::Duration;
use tonic::body::Body;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tower::Service;

const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// The specification's bound for an answer.
const MAX_ANSWER_BYTES: usize = 4 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Flag and length in front of every gRPC message.
const FRAME_HEADER_BYTES: usize = 5;
/// Finds a peer that went away without a word within the time of two polls.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A gRPC destination.
#[derive(Debug)]
pub(crate) struct Grpc {
    channel: Channel,
    path: &'static str,
    headers: HeaderMap,
    compression: Compression,
    timeout: Duration,
}

impl Grpc {
    /// Connects lazily, at the first batch.
    pub(crate) fn new(config: &OtlpConfig, signal: Signal) -> Result<Self, Wrong> {
        let url = config.url();
        let secure = url.starts_with("https://");
        let through = proxy::tunnel(&url)?;
        let mut endpoint = Endpoint::from_shared(url)
            .map_err(|e| wrong("the endpoint", e))?
            .connect_timeout(CONNECT_TIMEOUT.min(config.timeout))
            .http2_keep_alive_interval(KEEP_ALIVE)
            .user_agent(concat!("nephoscope/", env!("CARGO_PKG_VERSION")))
            .map_err(|e| wrong("the user agent", e))?;
        if secure {
            endpoint = endpoint
                .tls_config(tls(config.tls.as_ref()))
                .map_err(|e| wrong("tls", e))?;
        }
        let channel = match through {
            Some(tunnel) => endpoint.connect_with_connector_lazy(tunnel),
            None => endpoint.connect_lazy(),
        };
        let headers = headers(config)?;
        Ok(Self {
            channel,
            path: match signal {
                Signal::Metrics => METRICS,
                Signal::Traces => TRACES,
            },
            headers,
            compression: config.compression,
            timeout: config.timeout,
        })
    }

    fn request(&self, batch: &Encoded) -> Result<Request<Body>, String> {
        let message = body(batch, self.compression).map_err(|e| causes(&e))?;
        let mut request = Request::new(Body::new(Full::new(frame(&message))));
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = http::Version::HTTP_2;
        *request.uri_mut() = http::Uri::from_static(self.path);
        let map = request.headers_mut();
        map.extend(self.headers.clone());
        map.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        map.insert(header::TE, HeaderValue::from_static("trailers"));
        if let Some(encoding) = message.encoding {
            map.insert("grpc-encoding", HeaderValue::from_static(encoding));
        }
        Ok(request)
    }

    async fn attempt(&self, request: Request<Body>) -> Verdict {
        let mut channel = self.channel.clone();
        if let Err(e) = std::future::poll_fn(|cx| channel.poll_ready(cx)).await {
            return broken(causes(&e));
        }
        match channel.call(request).await {
            Ok(response) => read(response).await,
            Err(e) => broken(causes(&e)),
        }
    }
}

#[async_trait]
impl Transport for Grpc {
    async fn deliver(&self, batch: &Encoded) -> Verdict {
        let request = match self.request(batch) {
            Ok(request) => request,
            Err(why) => return Verdict::Drop { why },
        };
        let attempt = tokio::time::timeout(self.timeout, self.attempt(request));
        attempt
            .await
            .unwrap_or_else(|_| broken(format!("no answer within {:?}", self.timeout)))
    }
}

fn frame(message: &Message) -> Bytes {
    let mut out = BytesMut::with_capacity(message.bytes.len() + FRAME_HEADER_BYTES);
    out.put_u8(u8::from(message.encoding.is_some()));
    out.put_u32(u32::try_from(message.bytes.len()).unwrap_or(u32::MAX));
    out.put_slice(&message.bytes);
    out.freeze()
}

/// The status stands in the trailers, or in the headers when there is no body. A connection that breaks here is a
/// retry, whatever code tonic would give it.
async fn read(response: Response<Body>) -> Verdict {
    let (parts, body) = response.into_parts();
    if let Some(status) = tonic::Status::from_header_map(&parts.headers) {
        return grpc_verdict(&status);
    }
    let body = match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
        Ok(body) => body,
        Err(e) => return broken(causes(&*e)),
    };
    let status = body.trailers().and_then(tonic::Status::from_header_map);
    let bytes = body.to_bytes();
    match status {
        Some(status) if status.code() == tonic::Code::Ok => message(&bytes),
        Some(status) => grpc_verdict(&status),
        None => not_grpc(parts.status, &parts.headers, &bytes),
    }
}

fn message(frame: &Bytes) -> Verdict {
    let body = frame.get(FRAME_HEADER_BYTES..).unwrap_or_default();
    // The batch was taken; an answer we cannot read does not change that.
    partial_success(body).unwrap_or(Verdict::Delivered {
        rejected: 0,
        message: String::new(),
    })
}

/// An answer without a gRPC status is a proxy's: its HTTP status decides, and a plain 200 is no receipt.
fn not_grpc(status: http::StatusCode, headers: &HeaderMap, body: &[u8]) -> Verdict {
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
    if status.is_success() && !content_type.contains("text/html") {
        return broken(format!("HTTP {status} without a gRPC status"));
    }
    let retry_after = text(header::RETRY_AFTER);
    http_verdict(
        HttpAnswer {
            status: status.as_u16(),
            content_type,
            retry_after,
            body,
        },
        jiff::Timestamp::now(),
    )
}

fn tls(config: Option<&Tls>) -> ClientTlsConfig {
    let mut out = ClientTlsConfig::new();
    let Some(tls) = config else {
        return out.with_native_roots();
    };
    out = match &tls.ca_pem {
        Some(ca) => out.ca_certificate(Certificate::from_pem(ca)),
        None => out.with_native_roots(),
    };
    match (&tls.cert_pem, &tls.key_pem) {
        (Some(cert), Some(key)) => out.identity(Identity::from_pem(cert, key.as_bytes())),
        _ => out,
    }
}
