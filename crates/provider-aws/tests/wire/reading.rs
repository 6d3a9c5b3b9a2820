//! What is read when a query, or a request because of one query, fails.

use crate::stub::{Answer, Ask, against, metric, metrics, no_identity, points, refused};
use crate::{entry, listed, provider};
use futures::StreamExt;
use provider_api::{Batch, Call, Due, MetricsProvider, ProviderError, UnixNanos, Window};
use provider_aws::AwsProvider;
use std::time::Duration;

fn fleet(count: usize) -> Answer {
    let instance = |i| metric("AWS/EC2", "CPUUtilization", &[("InstanceId", &format!("i-{i}"))]);
    let all: Vec<_> = (0..count).map(instance).collect();
    metrics(&all)
}

async fn planned(provider: &AwsProvider) -> Call {
    let catalogue = listed(provider, Duration::from_mins(15))
        .await
        .expect("a catalogue");
    let window = Window::new(UnixNanos::from_seconds(60), UnixNanos::from_seconds(180)).expect("not empty");
    let due = |target| Due { target, window };
    let due: Vec<Due> = catalogue.targets.into_iter().map(due).collect();
    provider.plan(&due).pop().expect("a call")
}

async fn read(provider: &AwsProvider, call: &Call) -> Result<Vec<Batch>, ProviderError> {
    let batches: Vec<_> = provider.fetch(call).collect().await;
    batches.into_iter().collect()
}

#[tokio::test]
async fn one_query_that_makes_its_request_fail_leaves_the_others_alone() {
    for (status, code, label) in [
        ("400 Bad Request", "ValidationError", "invalid_request"),
        ("400 Bad Request", "Novelty", "permanent"),
        ("500 Internal Server Error", "InternalServiceFault", "unavailable"),
    ] {
        let answer = move |ask: &Ask| match ask.operation.as_str() {
            "ListMetrics" => fleet(50),
            "GetMetricData" if ask.has("i-31") => refused(status, code),
            "GetMetricData" => points(ask, |_| "Complete"),
            _ => no_identity(),
        };
        against(answer, async |url, asked| {
            let (provider, gate) = provider(url, vec![entry("AWS/EC2")]).await;
            let call = planned(&provider).await;
            let batches = read(&provider, &call).await.expect("the others");
            provider_api::conformance::batches_fit_their_call(&call, &batches);
            let complete: usize = batches.iter().map(|b| b.complete.len()).sum();
            let failed: Vec<_> = batches.iter().flat_map(|b| &b.failed).collect();
            assert_eq!((complete, failed.len()), (49, 1), "{code}");
            let bad = call
                .targets
                .iter()
                .find(|t| t.detail.describe().ends_with("i-31"));
            assert_eq!(Some(failed[0].target), bad.map(|t| t.id));
            assert_eq!(failed[0].kind.label(), label);
            let asked = asked.lock().expect("nobody panicked").len();
            assert!(asked <= 15, "{asked} requests");
            // Told once the account's number is known: from the configuration.
            let domain = gate.busiest().and_then(|used| used.domain);
            assert_eq!(domain.as_deref(), Some("aws:123456789012:eu-west-1"));
        })
        .await;
    }
}

#[tokio::test]
async fn an_outage_is_told_after_three_requests_and_nobody_is_blamed() {
    let answer = |ask: &Ask| match ask.operation.as_str() {
        "ListMetrics" => fleet(50),
        _ => refused("503 Service Unavailable", "ServiceUnavailable"),
    };
    against(answer, async |url, asked| {
        let (provider, _) = provider(url, vec![entry("AWS/EC2")]).await;
        let call = planned(&provider).await;
        let failed = read(&provider, &call)
            .await
            .map(|_| ())
            .map_err(|e| e.kind().label());
        assert_eq!(failed, Err("unavailable"));
        let asked = asked.lock().expect("nobody panicked");
        assert_eq!(asked.iter().filter(|a| a.operation == "GetMetricData").count(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_result_that_is_refused_fails_its_own_target() {
    let answer = |ask: &Ask| match ask.operation.as_str() {
        "ListMetrics" => fleet(3),
        _ => points(ask, |id| match id {
            "t0_0" => "Forbidden",
            "t1_0" => "InternalError",
            _ => "Complete",
        }),
    };
    against(answer, async |url, _| {
        let (provider, _) = provider(url, vec![entry("AWS/EC2")]).await;
        let call = planned(&provider).await;
        let batches = read(&provider, &call).await.expect("an answer");
        let failed: Vec<_> = batches[0].failed.iter().map(|f| f.kind.label()).collect();
        assert_eq!(failed, ["forbidden", "unavailable"]);
        assert_eq!(batches[0].complete, [call.targets[2].id]);
        assert_eq!(batches[0].series.len(), 3, "what came of them is kept");
    })
    .await;
}
