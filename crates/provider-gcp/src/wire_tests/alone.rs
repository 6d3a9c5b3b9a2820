//! One metric type that fails leaves the others alone, and what the service says of its quota holds for all.

use super::{Seen, due_of, provider_at};
use crate::GcpProvider;
use crate::testing::{TYPE, double, entry, page};
use futures::StreamExt as _;
use futures::future::join_all;
use gate::{GateConfig, RetryLimits};
use provider_api::{ErrorKind, MetricsProvider as _, Scope};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

type Script = dyn Fn(&str, usize) -> (u16, String, Json) + Send + Sync;

/// Answers every request as the script says, from its head and how many came before: status, further headers, body.
async fn scripted(script: Arc<Script>) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let seen: Seen = Arc::default();
    let requests = seen.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, script.clone(), requests.clone()));
        }
    });
    (address, seen)
}

async fn answer(mut socket: TcpStream, script: Arc<Script>, requests: Seen) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = socket.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let before = {
        let mut requests = requests.lock().expect("no panic");
        requests.push(head.clone());
        requests.len() - 1
    };
    let (status, headers, body) = script(&head, before);
    let body = body.to_string();
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    );
    // A client that has gone away needs no answer.
    socket.write_all(answer.as_bytes()).await.unwrap_or_default();
}

/// Few retries, so that a test of failures does not take minutes.
fn impatient() -> GateConfig {
    GateConfig {
        retry: RetryLimits {
            attempts: 3,
            base: Duration::from_millis(1),
            ..RetryLimits::default()
        },
        quotas: crate::quotas(),
        ..GateConfig::default()
    }
}

fn good(_: &str) -> Json {
    page("GAUGE", "DOUBLE", &[(0, 240, double(4.0))], "")
}

/// Reads one type; whether it was answered in full.
async fn read(provider: &GcpProvider, name: &str) -> Result<bool, ErrorKind> {
    let calls = provider.plan(&[due_of(name)]);
    let mut complete = false;
    let mut batches = provider.fetch(&calls[0]);
    while let Some(batch) = batches.next().await {
        complete |= !batch.map_err(|error| error.kind().clone())?.complete.is_empty();
    }
    Ok(complete)
}

#[tokio::test]
async fn nine_of_ten_types_are_read_while_one_fails_in_whatever_way_for_ever() {
    for (status, body) in [
        (
            500,
            json!({"error": {"code": 500, "status": "INTERNAL", "message": "no"}}),
        ),
        (
            503,
            json!({"error": {"code": 503, "status": "UNAVAILABLE", "message": "no"}}),
        ),
        (
            504,
            json!({"error": {"code": 504, "status": "DEADLINE_EXCEEDED", "message": "no"}}),
        ),
        (
            400,
            json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no"}}),
        ),
        (200, json!("not a page")),
        (502, json!("a proxy")),
    ] {
        let script = move |head: &str, _: usize| {
            if head.contains("bad") {
                return (status, String::new(), body.clone());
            }
            (200, String::new(), good(head))
        };
        let (endpoint, seen) = scripted(Arc::new(script)).await;
        let provider = provider_at(endpoint, entry(), impatient()).await;
        // The bad one comes three times as often as the others, and together with itself.
        for round in 0..15 {
            for _ in 0..3 {
                assert!(read(&provider, "a.googleapis.com/bad").await.is_err(), "{status}");
            }
            let others: Vec<String> = (0..9).map(|n| format!("a.googleapis.com/{round}/{n}")).collect();
            let all = join_all(others.iter().map(|name| read(&provider, name))).await;
            assert_eq!(all, vec![Ok(true); 9], "{status} in round {round}");
        }
        assert_eq!(
            provider.connection.gate().breakers(),
            [(Scope::new("my-project"), false)]
        );
        let seen = seen.lock().expect("no panic").clone();
        let bad = seen.iter().filter(|head| head.contains("bad")).count();
        assert!(
            bad <= 3 * 3 + 42,
            "{bad} requests for 45 polls of one type: {status}"
        );
    }
}

#[tokio::test]
async fn a_pause_that_the_service_asks_for_holds_for_all_types() {
    let begun = Instant::now();
    let times: Arc<std::sync::Mutex<Vec<u128>>> = Arc::default();
    let noted = times.clone();
    let script = move |head: &str, before: usize| {
        noted.lock().expect("no panic").push(begun.elapsed().as_millis());
        if before < 4 {
            let body =
                json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}});
            return (429, "retry-after: 1\r\n".to_owned(), body);
        }
        (200, String::new(), good(head))
    };
    let (endpoint, _) = scripted(Arc::new(script)).await;
    let config = GateConfig {
        concurrency: std::num::NonZeroUsize::new(4).expect("not zero"),
        ..impatient()
    };
    let provider = provider_at(endpoint, entry(), config).await;
    let names: Vec<String> = (0..8).map(|n| format!("a.googleapis.com/{n}")).collect();
    let all = join_all(names.iter().map(|name| read(&provider, name))).await;
    assert_eq!(all, vec![Ok(true); 8]);
    let times = times.lock().expect("no panic").clone();
    assert_eq!(times.len(), 4 + 8);
    // Those that were under way together are refused together; then nobody asks for a second.
    assert!(times[4] - times[3] >= 900, "{times:?}");
}

#[tokio::test]
async fn reads_count_against_the_consumer_project() {
    let (endpoint, _) = scripted(Arc::new(|head: &str, _| (200, String::new(), good(head)))).await;
    let mut provider = provider_at(endpoint, entry(), impatient()).await;
    provider.connection.consume_as("billing");
    assert_eq!(read(&provider, TYPE).await, Ok(true));
    let used = provider.connection.gate().busiest().expect("it was asked");
    assert_eq!(used.domain.as_deref(), Some("billing"));
}
