//! The scripted server: what is to go wrong, and the books of what it took.

use super::{grpc_server, http_server};
use export::Protocol;
use http::{HeaderMap, HeaderValue};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point::Value};
use prost::Message;
use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

/// Whether the server keeps the points of a request that it then mistreats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Yes,
    No,
}

/// What it does with one request, or with one connection.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Resets the connection at its first bytes.
    ResetEarly,
    /// Answers the first bytes of a connection with these and closes it.
    Raw(&'static str),
    /// Resets the connection when the request is read.
    Reset(Take),
    /// Sends GOAWAY and closes when the request is read.
    GoAway(h2::Reason),
    /// Resets the stream.
    ResetStream(h2::Reason),
    /// Never answers.
    Silence(Take),
    /// Answers.
    Reply(Take, Box<Reply>),
}

impl Act {
    pub(super) fn reply(take: Take, reply: Reply) -> Self {
        Self::Reply(take, Box::new(reply))
    }
}

/// An answer, whatever carries it.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// gRPC: after the body. HTTP: nothing.
    pub(super) trailers: Option<HeaderMap>,
    /// HTTP: the body's length as announced, when it is not the truth.
    pub(super) announced: Option<usize>,
}

impl Reply {
    pub(super) fn new(status: u16, content_type: &'static str, body: &[u8]) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        Self {
            status,
            headers,
            body: body.to_vec(),
            trailers: None,
            announced: None,
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }
}

/// Decides when the script is at its end; nothing = take it.
pub(super) type Judge = Box<dyn Fn(&[u64]) -> Option<Reply> + Send + Sync>;

/// A request that was taken.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    /// As it came, compressed.
    pub(super) bytes: Vec<u8>,
    pub(super) values: Vec<u64>,
}

/// What all connections share.
pub(super) struct Books {
    protocol: Protocol,
    script: Mutex<VecDeque<Act>>,
    judge: Option<Judge>,
    taken: Mutex<Vec<Taken>>,
    arrivals: Mutex<Vec<Instant>>,
}

impl Books {
    /// The next act, when it is one for a connection that has just been made.
    pub(super) fn on_connect(&self) -> Option<Act> {
        let mut script = self.script.lock().unwrap();
        let early = matches!(script.front(), Some(Act::ResetEarly | Act::Raw(_)));
        if early { script.pop_front() } else { None }
    }

    /// Books a gzip request and says what to do with it.
    pub(super) fn on_request(&self, bytes: Vec<u8>) -> Act {
        self.arrivals.lock().unwrap().push(Instant::now());
        let values = values(&bytes);
        let act = self.script.lock().unwrap().pop_front();
        let act = act.unwrap_or_else(|| self.judged(&values));
        let take = match &act {
            Act::Reset(take) | Act::Silence(take) | Act::Reply(take, _) => *take,
            Act::ResetEarly | Act::Raw(_) | Act::GoAway(_) | Act::ResetStream(_) => Take::No,
        };
        if take == Take::Yes {
            self.taken.lock().unwrap().push(Taken { bytes, values });
        }
        act
    }

    fn judged(&self, values: &[u64]) -> Act {
        match self.judge.as_ref().and_then(|judge| judge(values)) {
            Some(refusal) => Act::reply(Take::No, refusal),
            None if self.protocol == Protocol::Grpc => Act::reply(Take::Yes, grpc_server::ok()),
            None => Act::reply(Take::Yes, http_server::ok()),
        }
    }
}

/// The values of all points: they are what tells points apart.
fn values(bytes: &[u8]) -> Vec<u64> {
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut raw).unwrap();
    let request = ExportMetricsServiceRequest::decode(&*raw).unwrap();
    let scopes = request.resource_metrics.iter().flat_map(|r| &r.scope_metrics);
    let points = scopes.flat_map(|s| &s.metrics).flat_map(|m| match &m.data {
        Some(Data::Gauge(d)) => &d.data_points[..],
        _ => &[],
    });
    let value = |v: &Option<Value>| match v {
        Some(Value::AsInt(v)) => u64::try_from(*v).unwrap(),
        _ => panic!("not one of ours"),
    };
    points.map(|p| value(&p.value)).collect()
}

/// A running server; it ends with this.
pub(super) struct Server {
    address: SocketAddr,
    books: Arc<Books>,
    closed: Mutex<Option<TcpSocket>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Server {
    /// Bound, so that nobody else gets the port, and not listening, so that connections are refused.
    pub(super) fn closed(protocol: Protocol) -> Self {
        Self::bind(protocol, vec![], None)
    }

    /// Listens and does as told.
    pub(super) fn start(protocol: Protocol, acts: Vec<Act>, judge: Option<Judge>) -> Self {
        let server = Self::bind(protocol, acts, judge);
        server.open();
        server
    }

    fn bind(protocol: Protocol, acts: Vec<Act>, judge: Option<Judge>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let books = Books {
            protocol,
            script: Mutex::new(acts.into()),
            judge,
            taken: Mutex::default(),
            arrivals: Mutex::default(),
        };
        Self {
            address: socket.local_addr().unwrap(),
            books: Arc::new(books),
            closed: Mutex::new(Some(socket)),
            tasks: Mutex::default(),
        }
    }

    /// Listens from now on.
    pub(super) fn open(&self) {
        let socket = self.closed.lock().unwrap().take().unwrap();
        let serving = serve(socket.listen(64).unwrap(), Arc::clone(&self.books));
        self.tasks.lock().unwrap().spawn(serving);
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn taken(&self) -> Vec<Taken> {
        self.books.taken.lock().unwrap().clone()
    }

    /// Between the first request and the second.
    pub(super) fn first_pause(&self) -> Duration {
        let arrivals = self.books.arrivals.lock().unwrap();
        arrivals[1] - arrivals[0]
    }
}

async fn serve(listener: TcpListener, books: Arc<Books>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let books = Arc::clone(&books);
        match books.protocol {
            Protocol::Grpc => connections.spawn(grpc_server::serve(stream, books)),
            Protocol::Http => connections.spawn(http_server::serve(stream, books)),
        };
    }
}
