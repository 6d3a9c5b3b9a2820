//! A provider against a small HTTP server on the loopback: pages, errors, tokens, what is sent.

use crate::GcpProvider;
use crate::config::{CredentialSource, GcpConfig};
use crate::testing::{TYPE, double, entry, page, target, window};
use futures::StreamExt as _;
use gate::{Gate, GateConfig};
use provider_api::conformance::{
    batches_fit_their_call, each_due_target_in_exactly_one_call, partial_answer_kept,
};
use provider_api::{
    AccountId, Batch, Cloud, Due, ErrorKind, Matcher, MetricsProvider as _, Outcome, ProviderError, Reach,
    SkipReason, Target,
};
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

type Seen = Arc<Mutex<Vec<String>>>;

/// Answers connections in order with the given (status, body), then no more; remembers the requests.
async fn server(answers: Vec<(u16, String)>) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let seen: Seen = Arc::default();
    let requests = seen.clone();
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.expect("a request"));
            }
            requests
                .lock()
                .expect("no panic")
                .push(String::from_utf8_lossy(&head).into_owned());
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            socket.write_all(answer.as_bytes()).await.expect("written");
        }
    });
    (address, seen)
}

async fn provider(answers: Vec<(u16, Json)>) -> (GcpProvider, Seen) {
    let answers = answers
        .into_iter()
        .map(|(s, b)| (s, b.as_str().map_or_else(|| b.to_string(), str::to_owned)));
    let (endpoint, seen) = server(answers.collect()).await;
    let account = AccountId("ml".into());
    let mut config = GcpConfig::new(account.clone(), vec!["my-project".to_owned()]);
    config.credentials.source = CredentialSource::Anonymous;
    config.endpoint = Some(endpoint);
    config.entries = vec![entry()];
    config.entries[0].types = vec![Matcher::exactly(TYPE)];
    let gate = Gate::new(
        Cloud::Gcp,
        account,
        GateConfig {
            quotas: crate::quotas(),
            ..GateConfig::default()
        },
    );
    (GcpProvider::connect(config, gate).await.expect("connected"), seen)
}

fn due() -> Vec<Due> {
    vec![Due {
        target: target(TYPE, None),
        window: window(0, 300),
    }]
}

/// Fetches the one due target; the batches, the error that ended them, and the target.
async fn read(provider: &GcpProvider) -> (Vec<Batch>, Option<ProviderError>, Target) {
    let calls = each_due_target_in_exactly_one_call(provider, &due());
    let call = &calls[0];
    let results: Vec<_> = provider.fetch(call).collect().await;
    let mut batches = Vec::new();
    let mut error = None;
    for result in results {
        match result {
            Ok(batch) => batches.push(batch),
            Err(e) => error = Some(e),
        }
    }
    batches_fit_their_call(call, &batches);
    (batches, error, call.targets[0].clone())
}

fn error(code: u16, status: &str) -> (u16, Json) {
    (
        code,
        json!({"error": {"code": code, "status": status, "message": "words"}}),
    )
}

#[tokio::test]
async fn series_beyond_the_price_are_paid_when_they_have_come_and_foreseen_the_next_time() {
    let one = |next: &str| page("GAUGE", "DOUBLE", &[(0, 240, double(4.0))], next);
    let (provider, _) = provider(vec![(200, one("a")), (200, one("b")), (200, one(""))]).await;
    let spent = || provider.connection.gate().snapshot().usd_nanos;
    let calls = provider.plan(&due());
    assert_eq!(calls[0].price.units, 1, "nothing is known yet");
    let batches: Vec<_> = provider.fetch(&calls[0]).collect().await;
    assert_eq!((batches.len(), spent()), (3, 3 * 500));
    let again = Due {
        target: calls[0].targets[0].clone(),
        window: window(300, 600),
    };
    assert_eq!(provider.plan(&[again])[0].price.units, 3);
}

#[tokio::test]
async fn pages_become_batches_and_the_last_completes() {
    let first = page(
        "GAUGE",
        "DOUBLE",
        &[(0, 240, double(4.0)), (0, 180, double(3.0))],
        "next",
    );
    let last = page(
        "GAUGE",
        "DOUBLE",
        &[(0, 180, double(3.0)), (0, 120, double(2.0))],
        "",
    );
    let (provider, seen) = provider(vec![(200, first), (200, last)]).await;
    let (batches, error, target) = read(&provider).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        batches.iter().map(|b| b.complete.len()).collect::<Vec<_>>(),
        [0, 1]
    );
    assert_eq!(batches[1].complete, [target.id]);
    assert_eq!(
        batches[1].skipped[0].reason,
        SkipReason::Repeated,
        "a point of the first page came again"
    );
    let seen = seen.lock().expect("no panic").clone();
    assert!(
        seen[0].starts_with("GET /v3/projects/my-project/timeSeries?") && seen[0].contains("pageSize=10000"),
        "{seen:?}"
    );
    assert!(seen[0].contains("1970-01-01T00%3A05%3A00Z"), "{seen:?}");
    assert!(seen[1].contains("pageToken=next"), "{seen:?}");
    assert!(
        seen[0].to_lowercase().contains("accept-encoding: gzip"),
        "gzip is off: {seen:?}"
    );
}

#[tokio::test]
async fn a_partial_answer_is_kept_but_not_complete() {
    let mut body = page("GAUGE", "DOUBLE", &[(0, 240, double(4.0))], "");
    body["unreachable"] = json!(["us-east1"]);
    let (provider, _) = provider(vec![(200, body)]).await;
    let (batches, error, target) = read(&provider).await;
    assert!(error.is_none());
    partial_answer_kept(&batches, 1, &HashSet::from([target.id]));
    assert_eq!(batches[0].failed[0].message, "unreachable: us-east1");
}

#[tokio::test]
async fn a_metric_without_data_is_complete_and_empty() {
    let (provider, _) = provider(vec![error(404, "NOT_FOUND")]).await;
    let (batches, error, target) = read(&provider).await;
    assert!(error.is_none() && batches.len() == 1 && batches[0].complete == [target.id]);
}

#[tokio::test]
async fn a_looping_token_ends_the_call_and_keeps_what_came() {
    let body = |end| (200, page("GAUGE", "DOUBLE", &[(0, end, double(4.0))], "again"));
    let (provider, _) = provider(vec![body(240), body(180)]).await;
    let (batches, error, target) = read(&provider).await;
    assert_eq!(error.map(|e| e.kind().clone()), Some(ErrorKind::BadResponse));
    partial_answer_kept(&batches, 2, &HashSet::from([target.id]));
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_a_busy_service_asked_again() {
    let good = page("GAUGE", "DOUBLE", &[(0, 240, double(4.0))], "");
    let answers = vec![
        error(401, "UNAUTHENTICATED"),
        error(503, "UNAVAILABLE"),
        (200, good),
    ];
    let (provider, _) = provider(answers).await;
    let (batches, error, _) = read(&provider).await;
    assert!(error.is_none() && batches.len() == 1, "{error:?}");
}

#[tokio::test]
async fn discovery_and_check_speak_of_the_project() {
    let descriptor =
        json!({"metricDescriptors": [{"type": TYPE, "metricKind": "GAUGE", "valueType": "DOUBLE"}]});
    let clock = (404, json!({}));
    let (provider, seen) = provider(vec![clock, (200, descriptor), error(403, "PERMISSION_DENIED")]).await;
    let catalogues: Vec<_> = provider
        .discover(Reach::of_all(std::time::Duration::from_secs(3_600)))
        .collect()
        .await;
    let catalogue = catalogues[0].as_ref().expect("listed");
    assert_eq!(catalogue.targets[0].detail.describe(), TYPE);
    let check = provider.check().await.checks.remove(0);
    assert_eq!(
        (check.scope.as_str(), check.outcome),
        ("my-project", Outcome::Forbidden)
    );
    assert!(check.detail.contains("roles/monitoring.viewer"), "{check:?}");
    let seen = seen.lock().expect("no panic").clone();
    assert!(
        seen[1].contains("activeOnly=true") && seen[1].contains("starts_with"),
        "{seen:?}"
    );
}
