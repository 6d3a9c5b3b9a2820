//! What is read when a query or a whole request fails.

use crate::stub::{Answer, Ask, against, metric, metrics, points, refused};
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
async fn a_request_that_fails_is_told_once_and_counts_against_its_account_and_region() {
    for (status, code, label) in [
        ("400 Bad Request", "ValidationError", "invalid_request"),
        ("403 Forbidden", "AccessDenied", "forbidden"),
        ("503 Service Unavailable", "ServiceUnavailable", "unavailable"),
    ] {
        let answer = move |ask: &Ask| match ask.operation.as_str() {
            "ListMetrics" => fleet(3),
            _ => refused(status, code),
        };
        against(answer, async |url, asked| {
            let (provider, gate) = provider(url, vec![entry("AWS/EC2")]).await;
            let call = planned(&provider).await;
            let failed = read(&provider, &call)
                .await
                .map(|_| ())
                .map_err(|e| e.kind().label());
            assert_eq!(failed, Err(label));
            let asked = asked.lock().expect("nobody panicked");
            let reads = asked.iter().filter(|a| a.operation == "GetMetricData");
            assert_eq!(
                reads.count(),
                1,
                "whether and how to split it is the scheduler's to say"
            );
            let domain = gate.busiest().and_then(|used| used.domain);
            assert_eq!(domain.as_deref(), Some("aws:123456789012:eu-west-1"));
        })
        .await;
    }
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
