//! A real OTLP receiver on loopback, for tests and the demo: gRPC and HTTP, gzip and zstd, TLS if wanted, the usual
//! 4 MiB limit.
//!
//! It flattens what arrives into [`FlatPoint`]s and [`FlatSpan`]s and can be told to misbehave ([`Fault`]). Independent of our encoder:
//! it uses the generated service, so what it reads is what any OTLP server would read.

mod fault;
mod flat;
mod serve;
mod tls;

pub use fault::{Bad, Fault};
pub use flat::{FlatExemplar, FlatPoint, FlatSpan, FlatValue};
pub use serve::points;
pub use tls::ServerTls;

use fault::Script;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message as _;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Largest message it takes, uncompressed, as most servers do.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// Called with every batch that was taken.
pub type OnPoints = Box<dyn Fn(&[FlatPoint]) + Send + Sync>;

/// Called with the uncompressed body of every batch that was taken and its points, before the batch is answered.
pub type OnBatch = Box<dyn Fn(&[u8], &[FlatPoint]) + Send + Sync>;

/// A running receiver. Dropping it stops it.
pub struct Receiver {
    grpc: SocketAddr,
    http: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
    stop: CancellationToken,
    servers: JoinSet<()>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("grpc", &self.grpc)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

/// What its servers share.
#[derive(Default)]
struct State {
    points: Mutex<Vec<FlatPoint>>,
    spans: Mutex<Vec<FlatSpan>>,
    script: Mutex<Script>,
    on_points: Mutex<Option<OnPoints>>,
    on_batch: Mutex<Option<OnBatch>>,
    keep: AtomicUsize,
    requests: AtomicU64,
    largest: AtomicUsize,
    last_body: Mutex<Vec<u8>>,
    last_encoding: Mutex<String>,
    taken: watch::Sender<u64>,
}

impl Receiver {
    /// Listens on both addresses; port 0 picks a free one.
    pub async fn start(grpc: SocketAddr, http: SocketAddr) -> io::Result<Self> {
        Self::start_with(grpc, http, None).await
    }

    /// As [`Self::start`], with TLS on both.
    pub async fn start_tls(grpc: SocketAddr, http: SocketAddr, tls: &ServerTls) -> io::Result<Self> {
        Self::start_with(grpc, http, Some(tls::acceptor(tls)?)).await
    }

    async fn start_with(grpc: SocketAddr, http: SocketAddr, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let (on_grpc, on_http) = (TcpListener::bind(grpc).await?, TcpListener::bind(http).await?);
        let (grpc, http) = (on_grpc.local_addr()?, on_http.local_addr()?);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(State::default());
        state.keep.store(usize::MAX, Relaxed);
        let stop = CancellationToken::new();
        let mut servers = JoinSet::new();
        let (routes, tokens) = (serve::routes(&state), stop.clone());
        servers.spawn(serve::serve(on_grpc, tls.clone(), routes.grpc, tokens.clone()));
        servers.spawn(serve::serve(on_http, tls, routes.http, tokens));
        Ok(Self {
            grpc,
            http,
            scheme,
            state,
            stop,
            servers,
        })
    }

    /// `http://127.0.0.1:port` of gRPC, `https://` with TLS.
    pub fn grpc_endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.grpc)
    }

    /// `http://127.0.0.1:port` of HTTP, `https://` with TLS.
    pub fn http_endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.http)
    }

    /// All points so far, in order of arrival.
    pub fn received(&self) -> Vec<FlatPoint> {
        lock(&self.state.points).clone()
    }

    /// All spans so far, in order of arrival.
    pub fn spans(&self) -> Vec<FlatSpan> {
        lock(&self.state.spans).clone()
    }

    /// All points so far, which are then forgotten.
    pub fn take(&self) -> Vec<FlatPoint> {
        std::mem::take(&mut lock(&self.state.points))
    }

    /// Keeps at most this many points in memory from now on; 0 for a long demo that uses [`Self::on_points`].
    pub fn keep(&self, points: usize) {
        self.state.keep.store(points, Relaxed);
    }

    /// Calls `f` with each batch taken from now on.
    pub fn on_points(&self, f: OnPoints) {
        *lock(&self.state.on_points) = Some(f);
    }

    /// Calls `f` with the body and the points of each batch taken from now on.
    pub fn on_batch(&self, f: OnBatch) {
        *lock(&self.state.on_batch) = Some(f);
    }

    /// Counts points taken; wait on it for a state.
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.state.taken.subscribe()
    }

    /// Waits until `points` were taken in all; false when `limit` passes first.
    pub async fn wait_for(&self, points: u64, limit: Duration) -> bool {
        let mut arrivals = self.arrivals();
        let there = arrivals.wait_for(|n| *n >= points);
        tokio::time::timeout(limit, there).await.is_ok_and(|r| r.is_ok())
    }

    /// Answers the next requests with these faults, one each.
    pub fn script(&self, faults: Vec<Fault>) {
        lock(&self.state.script).faults.extend(faults);
    }

    /// Forgets the faults that no request has met yet.
    pub fn unscript(&self) {
        lock(&self.state.script).faults.clear();
    }

    /// Refuses with 400 every request that holds a point for which `bad` is true; nothing = none.
    pub fn refuse(&self, bad: Option<Bad>) {
        lock(&self.state.script).bad = bad.map(|bad| (bad, Fault::Invalid));
    }

    /// As [`Self::refuse`], with another answer.
    pub fn refuse_with(&self, bad: Bad, fault: Fault) {
        lock(&self.state.script).bad = Some((bad, fault));
    }

    /// Answers every request with this from now on; nothing = it is well.
    pub fn fail(&self, fault: Option<Fault>) {
        lock(&self.state.script).always = fault;
    }

    /// Waits this long before each answer.
    pub fn delay(&self, each: Duration) {
        lock(&self.state.script).delay = each;
    }

    /// Requests so far, faults included.
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Relaxed)
    }

    /// The largest uncompressed message so far, in bytes.
    pub fn largest_message(&self) -> usize {
        self.state.largest.load(Relaxed)
    }

    /// The body of the last HTTP request as it came over the wire.
    pub fn last_http_body(&self) -> Vec<u8> {
        lock(&self.state.last_body).clone()
    }

    /// The compression of the last request by its name on the wire; empty = none.
    pub fn last_encoding(&self) -> String {
        lock(&self.state.last_encoding).clone()
    }

    /// Stops both servers and waits for them.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.servers.join_next().await.is_some() {}
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl State {
    /// Counts a request and gives the fault it is to meet, after the delay.
    async fn admit(&self, request: &ExportMetricsServiceRequest, bytes: usize) -> Option<Fault> {
        self.requests.fetch_add(1, Relaxed);
        self.largest.fetch_max(bytes, Relaxed);
        let (delay, fault) = lock(&self.script).next(request);
        tokio::time::sleep(delay).await;
        fault
    }

    /// Remembers how a request was compressed.
    fn note(&self, encoding: Option<&str>) {
        encoding
            .unwrap_or_default()
            .clone_into(&mut lock(&self.last_encoding));
    }

    /// Takes the points of a request.
    fn accept(&self, request: &ExportMetricsServiceRequest) {
        let new = flat::flatten(request);
        if let Some(f) = &*lock(&self.on_points) {
            f(&new);
        }
        if let Some(f) = &*lock(&self.on_batch) {
            f(&request.encode_to_vec(), &new);
        }
        let count = u64::try_from(new.len()).unwrap_or(u64::MAX);
        let mut points = lock(&self.points);
        points.extend(new);
        let surplus = points.len().saturating_sub(self.keep.load(Relaxed));
        points.drain(..surplus);
        drop(points);
        self.taken.send_modify(|n| *n += count);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
