//! A server that answers as a test tells it to: `CloudWatch` in RPC v2 CBOR, the tagging API in JSON, STS with a refusal.

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn head(major: u8, n: usize) -> Vec<u8> {
    let major = major << 5;
    match u8::try_from(n) {
        Ok(n) if n < 24 => vec![major | n],
        Ok(n) => vec![major | 0x18, n],
        Err(_) => {
            let n = u16::try_from(n).expect("short");
            [vec![major | 0x19], n.to_be_bytes().to_vec()].concat()
        }
    }
}

pub(crate) fn text(s: &str) -> Vec<u8> {
    [head(3, s.len()), s.as_bytes().to_vec()].concat()
}

pub(crate) fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs_encoded = pairs.iter().flat_map(|(k, v)| [text(k), v.clone()].concat());
    head(5, pairs.len()).into_iter().chain(pairs_encoded).collect()
}

pub(crate) fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len()), items.concat()].concat()
}

pub(crate) fn double(value: f64) -> Vec<u8> {
    [vec![0xfb], value.to_be_bytes().to_vec()].concat()
}

pub(crate) fn time(seconds: f64) -> Vec<u8> {
    [vec![0xc1], double(seconds)].concat()
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// `ListMetrics`, `GetMetricData`, `GetResources`, or empty for STS.
    pub(crate) operation: String,
    /// The region that it is signed for.
    pub(crate) region: String,
    body: Vec<u8>,
}

impl Ask {
    fn read(request: &[u8]) -> Self {
        let text = String::from_utf8_lossy(request);
        let named = |before: &str| text.split_once(before).map(|(_, rest)| rest);
        let word = |rest: &str| rest.chars().take_while(char::is_ascii_alphabetic).collect();
        let named = named("operation/").or_else(|| named("ResourceGroupsTaggingAPI_20170126."));
        let end = request.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(0);
        let scope = text.split_once("Credential=").map(|(_, scope)| scope);
        Self {
            region: scope
                .and_then(|s| s.split('/').nth(2))
                .unwrap_or_default()
                .to_owned(),
            operation: named.map(word).unwrap_or_default(),
            body: request.get(end + 4..).unwrap_or_default().to_vec(),
        }
    }

    /// Whether this very text stands in its body.
    pub(crate) fn has(&self, wanted: &str) -> bool {
        let wanted = text(wanted);
        self.body.windows(wanted.len()).any(|w| w == wanted)
    }

    /// The ids of its queries.
    pub(crate) fn ids(&self) -> Vec<String> {
        let key = text("Id");
        let mut ids = Vec::new();
        for (at, _) in self
            .body
            .windows(key.len())
            .enumerate()
            .filter(|(_, w)| *w == key)
        {
            let rest = self.body.get(at + key.len()..).unwrap_or_default();
            if let Some((length, rest)) = rest.split_first().filter(|(n, _)| (0x61..0x78).contains(*n)) {
                let id = rest.get(..usize::from(length - 0x60)).unwrap_or_default();
                ids.push(String::from_utf8_lossy(id).into_owned());
            }
        }
        ids
    }
}

/// Status (with more headers) and body.
pub(crate) type Answer = (&'static str, Vec<u8>);

/// Instead of a status: no answer at all.
pub(crate) const SILENCE: &str = "silence";

/// A metric as `ListMetrics` has it.
pub(crate) fn metric(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Vec<u8> {
    let pair = |(k, v): &(&str, &str)| map(&[("Name", text(k)), ("Value", text(v))]);
    let dimensions: Vec<_> = dimensions.iter().map(pair).collect();
    map(&[
        ("Namespace", text(namespace)),
        ("MetricName", text(name)),
        ("Dimensions", list(&dimensions)),
    ])
}

/// All of what `ListMetrics` has.
pub(crate) fn metrics(all: &[Vec<u8>]) -> Answer {
    ("200 OK", map(&[("Metrics", list(all))]))
}

/// Two points for each query, one and two minutes into 1970.
pub(crate) fn points(ask: &Ask, status: impl Fn(&str) -> &'static str) -> Answer {
    let result = |id: &String| {
        map(&[
            ("Id", text(id)),
            ("Timestamps", list(&[time(60.0), time(120.0)])),
            ("Values", list(&[double(1.5), double(2.5)])),
            ("StatusCode", text(status(id))),
        ])
    };
    let results: Vec<_> = ask.ids().iter().map(result).collect();
    ("200 OK", map(&[("MetricDataResults", list(&results))]))
}

/// A refusal of `CloudWatch`.
pub(crate) fn refused(status: &'static str, code: &str) -> Answer {
    (
        status,
        map(&[("__type", text(code)), ("message", text("because"))]),
    )
}

/// Resources with one tag each.
pub(crate) fn resources(all: &[(&str, &str, &str)]) -> Answer {
    let one = |(arn, key, value): &(&str, &str, &str)| {
        format!(r#"{{"ResourceARN":"{arn}","Tags":[{{"Key":"{key}","Value":"{value}"}}]}}"#)
    };
    let all: Vec<String> = all.iter().map(one).collect();
    (
        "200 OK",
        format!(r#"{{"ResourceTagMappingList":[{}]}}"#, all.join(",")).into(),
    )
}

/// A refusal of the tagging API.
pub(crate) fn no_tags() -> Answer {
    (
        "400 Bad Request\r\nx-amzn-errortype: AccessDeniedException",
        b"{}".to_vec(),
    )
}

/// A refusal of STS.
pub(crate) fn no_identity() -> Answer {
    let error =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
    ("403 Forbidden", error.into())
}

fn whole_request(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}

async fn serve_one(mut socket: TcpStream, server: &Server) {
    let mut request = Vec::new();
    let mut chunk = [0; 16_384];
    while !whole_request(&request) {
        match socket.read(&mut chunk).await {
            Ok(n) if n > 0 => request.extend_from_slice(&chunk[..n]),
            _ => return,
        }
    }
    let ask = Ask::read(&request);
    let (status, body) = (server.answer)(&ask);
    server
        .asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(ask);
    if status == SILENCE {
        std::future::pending::<()>().await;
    }
    let head = format!(
        "HTTP/1.1 {status}\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor\r\n\
         date: Thu, 01 Jan 1970 00:10:00 GMT\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let whole = [head.into_bytes(), body].concat();
    assert!(socket.write_all(&whole).await.is_ok());
    assert!(socket.shutdown().await.is_ok());
}

struct Server {
    answer: Box<dyn Fn(&Ask) -> Answer + Send + Sync>,
    asked: Asked,
}

/// What was asked so far.
pub(crate) type Asked = Arc<Mutex<Vec<Ask>>>;

/// Serves beside the test's body until that ends. The body is told the URL and what is asked.
pub(crate) async fn against<T>(
    answer: impl Fn(&Ask) -> Answer + Send + Sync + 'static,
    body: impl AsyncFnOnce(String, Asked) -> T,
) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Asked::default();
    let server = Server {
        answer: Box::new(answer),
        asked: Arc::clone(&asked),
    };
    let serving = async {
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => open.push(serve_one(accepted.expect("a connection").0, &server)),
                Some(()) = open.next(), if !open.is_empty() => {}
            }
        }
    };
    tokio::select! {
        never = serving => never,
        done = body(url, asked) => done,
    }
}
