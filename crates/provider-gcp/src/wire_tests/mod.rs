//! A provider against a small HTTP server on the loopback: pages, errors, tokens, what is sent.

mod alone;

use crate::GcpProvider;
use crate::config::{CredentialSource, GcpConfig, GcpEntry};
use crate::testing::{TYPE, double, entry, page, silent, starting, target, window};
use futures::StreamExt as _;
use gate::{Gate, GateConfig};
use provider_api::conformance::{
    batches_fit_their_call, each_due_target_in_exactly_one_call, partial_answer_kept,
};
use provider_api::{
    AccountId, Batch, Catalogue, Cloud, Due, ErrorKind, Matcher, MetricsProvider as _, Outcome,
    ProviderError, Reach, SkipReason, Target,
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
    let mut entry = entry();
    entry.types = vec![Matcher::exactly(TYPE)];
    let config = GateConfig {
        quotas: crate::quotas(),
        ..GateConfig::default()
    };
    (provider_at(endpoint, entry, config).await, seen)
}

async fn provider_at(endpoint: String, entry: GcpEntry, gate: GateConfig) -> GcpProvider {
    let account = AccountId("ml".into());
    let mut config = GcpConfig::new(account.clone(), vec!["my-project".to_owned()]);
    config.credentials.source = CredentialSource::Anonymous;
    config.endpoint = Some(endpoint);
    config.entries = vec![entry];
    let gate = Gate::new(Cloud::Gcp, account, gate);
    GcpProvider::connect(config, gate).await.expect("connected")
}

fn due_of(name: &str) -> Due {
    Due {
        target: target(name, None),
        window: window(0, 300),
    }
}

fn due() -> Vec<Due> {
    vec![due_of(TYPE)]
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
async fn a_metric_that_is_not_found_is_complete_only_where_nothing_is_to_come() {
    let (provider, _) = provider(vec![error(404, "NOT_FOUND"), error(404, "NOT_FOUND")]).await;
    let (batches, error, target) = read(&provider).await;
    assert!(error.is_none() && batches.len() == 1, "{error:?}");
    assert!(batches[0].complete.is_empty(), "it was listed with data");
    let failed = &batches[0].failed[0];
    assert_eq!((failed.target, &failed.kind), (target.id, &ErrorKind::NotFound));
    let never = Due {
        target: silent(TYPE),
        window: window(0, 300),
    };
    let calls = provider.plan(&[never]);
    let batches: Vec<_> = provider.fetch(&calls[0]).collect().await;
    let batch = batches[0].as_ref().expect("no error");
    assert_eq!(batch.complete, [calls[0].targets[0].id]);
}

#[tokio::test]
async fn a_page_token_that_is_refused_is_no_fault_of_the_type() {
    let first = page("GAUGE", "DOUBLE", &[(0, 240, double(4.0))], "old");
    let (provider, _) = provider(vec![(200, first), error(400, "INVALID_ARGUMENT")]).await;
    let (batches, error, _) = read(&provider).await;
    assert_eq!(error.map(|e| e.kind().clone()), Some(ErrorKind::BadResponse));
    assert_eq!(batches.len(), 1, "what came is kept");
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

/// A listing of these types.
fn types(names: &[&str]) -> (u16, Json) {
    let one = |name: &&str| json!({"type": name, "metricKind": "GAUGE", "valueType": "DOUBLE"});
    (
        200,
        json!({"metricDescriptors": names.iter().map(one).collect::<Vec<_>>()}),
    )
}

async fn discovered(provider: &GcpProvider, reach_hours: u64) -> Result<Catalogue, ProviderError> {
    let reach = Reach::of_all(std::time::Duration::from_secs(reach_hours * 3_600));
    provider.discover(reach).next().await.expect("one project")
}

#[tokio::test]
async fn discovery_and_check_speak_of_the_project() {
    let answers = vec![types(&[TYPE]), types(&[TYPE]), error(403, "PERMISSION_DENIED")];
    let (provider, seen) = provider(answers).await;
    let catalogue = discovered(&provider, 1).await.expect("listed");
    assert_eq!(catalogue.targets[0].detail.describe(), TYPE);
    assert_eq!(catalogue.matched[0].count, 1);
    let check = provider.check().await.checks.remove(0);
    assert_eq!(
        (check.scope.as_str(), check.outcome),
        ("my-project", Outcome::Forbidden)
    );
    assert!(check.detail.contains("roles/monitoring.viewer"), "{check:?}");
    let seen = seen.lock().expect("no panic").clone();
    assert!(
        seen[0].contains("activeOnly=true") && seen[0].contains("starts_with"),
        "{seen:?}"
    );
    assert!(seen[1].contains("activeOnly=false"), "{seen:?}");
}

#[tokio::test]
async fn what_has_ended_or_publishes_rarely_is_found_when_windows_reach_so_far() {
    let ended = "compute.googleapis.com/instance/cpu/utilization_ended";
    let mut all = types(&[TYPE, ended]);
    all.1["metricDescriptors"][1]["metadata"] = json!({"samplePeriod": "60s", "ingestDelay": "240s"});
    let mut rare = all.clone();
    rare.1["metricDescriptors"][1]["metadata"] = json!({"samplePeriod": "86400s"});
    let initial = |hours: u64| std::time::Duration::from_secs(hours * 3_600);
    for (hours, initial, everything, found) in [
        (1, initial(1), all.clone(), 1),
        (48, initial(1), all.clone(), 2),
        (1, initial(72), all, 2),
        (1, initial(1), rare, 2),
    ] {
        let (mut provider, _) = provider(vec![types(&[TYPE]), everything]).await;
        let entry = &mut provider.connection.entries_mut()[0];
        (entry.types, entry.initial) = (vec![starting(TYPE)], initial);
        let catalogue = discovered(&provider, hours).await.expect("listed");
        assert_eq!(catalogue.targets.len(), found, "{hours} h");
        assert!(catalogue.lag >= std::time::Duration::from_secs(600));
    }
}

#[tokio::test]
async fn a_prefix_that_cannot_be_listed_leaves_the_others() {
    let refused = || error(403, "PERMISSION_DENIED");
    let mut odd = types(&["b.googleapis.com/x"]);
    odd.1["nextPageToken"] = json!("old");
    let token_refused = error(400, "INVALID_ARGUMENT");
    let answers = vec![
        refused(),
        odd,
        token_refused,
        types(&["b.googleapis.com/x"]),
        types(&["b.googleapis.com/x"]),
    ];
    let (mut provider, _) = provider(answers).await;
    let entries = provider.connection.entries_mut();
    entries[0].types = vec![starting("a.googleapis.com/"), starting("b.googleapis.com/")];
    let catalogue = discovered(&provider, 1).await.expect("listed in part");
    assert_eq!(catalogue.targets.len(), 1);
    let unlisted: Vec<_> = catalogue.unlisted.iter().map(|one| &*one.namespace).collect();
    assert_eq!(unlisted, ["a.googleapis.com"]);
    assert_eq!(catalogue.unlisted[0].error.kind(), &ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_project_of_which_nothing_is_listed_has_failed() {
    let refused = || error(403, "PERMISSION_DENIED");
    let (mut provider, _) = provider(vec![refused(), refused()]).await;
    let entries = provider.connection.entries_mut();
    entries[0].types = vec![starting("a.googleapis.com/"), starting("b.googleapis.com/")];
    let failed = discovered(&provider, 1).await.expect_err("refused");
    assert_eq!(failed.kind(), &ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_type_that_is_none_is_named_with_what_lies_below_it() {
    let answers = vec![types(&[]), types(&[]), types(&[TYPE, "other.googleapis.com/x"])];
    let (mut provider, seen) = provider(answers).await;
    let wrong = "compute.googleapis.com/instance";
    provider.connection.entries_mut()[0].types = vec![Matcher::exactly(wrong)];
    let catalogue = discovered(&provider, 1).await.expect("listed");
    let one = &catalogue.matched[0];
    assert_eq!((&*one.pattern, one.count), (wrong, 0));
    assert_eq!(&*one.nearest[0], "compute.googleapis.com/instance/*");
    assert_eq!(seen.lock().expect("no panic").len(), 3);
}

#[tokio::test]
async fn an_odd_series_or_descriptor_leaves_the_others() {
    let mut odd = page("GAUGE", "DOUBLE", &[(0, 240, double(4.0))], "");
    let list = odd["timeSeries"].as_array_mut().expect("series");
    list.push(json!(null));
    list.push(json!({"metric": 5, "points": [1, 2, 3]}));
    let mut listing = types(&[TYPE]);
    let descriptors = listing.1["metricDescriptors"].as_array_mut().expect("some");
    descriptors.push(json!(null));
    descriptors.push(json!({"type": "x/y", "valueType": 5.5}));
    let (provider, _) = provider(vec![(200, odd), listing, types(&[TYPE])]).await;
    let (batches, error, target) = read(&provider).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        (batches[0].series.len(), &*batches[0].complete),
        (1, &[target.id][..])
    );
    let skipped = &batches[0].skipped[0];
    assert_eq!((skipped.reason, skipped.points), (SkipReason::BadShape, 1 + 3));
    let catalogue = discovered(&provider, 1).await.expect("listed");
    assert_eq!(catalogue.targets.len(), 1);
    let skipped: Vec<_> = catalogue.skipped.iter().map(|one| &*one.metric).collect();
    assert_eq!(skipped, ["(without a type)", "x/y"]);
}
