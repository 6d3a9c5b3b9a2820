//! The real SDK against a server that answers as it is told: discover, plan and fetch over RPC v2 CBOR, and refusals.

mod listing;
mod reading;
mod stub;

use futures::StreamExt;
use gate::{Gate, GateConfig, RetryLimits};
use provider_api::{
    AccountId, Catalogue, Cloud, Due, MetricsProvider, Outcome, ProviderError, Reach, Span, UnixNanos, Window,
};
use provider_aws::{AwsConfig, AwsCredentials, AwsEndpoints, AwsEntry, AwsProvider, CredentialSource};
use std::time::Duration;
use stub::{Answer, Ask, against, metric, metrics, no_identity, no_tags, points};

/// One instance, no permission for tags and none for STS.
fn plain(ask: &Ask) -> Answer {
    match ask.operation.as_str() {
        "ListMetrics" => metrics(&[metric("AWS/EC2", "CPUUtilization", &[("InstanceId", "i-1")])]),
        "GetMetricData" => points(ask, |_| "Complete"),
        "GetResources" => no_tags(),
        _ => no_identity(),
    }
}

fn entry(namespace: &str) -> AwsEntry {
    AwsEntry {
        namespace: namespace.into(),
        names: Vec::new(),
        statistics: Vec::new(),
        period: None,
        dimensions: Vec::new(),
        absent: Vec::new(),
        tags: Vec::new(),
        copy_tags: Vec::new(),
        every: Duration::from_mins(5),
        settle: Span::Fixed(Duration::from_mins(3)),
        lookback: Span::Fixed(Duration::from_mins(10)),
        initial: Duration::from_mins(15),
    }
}

/// A provider with these entries and its gate, which asks once and no more.
async fn provider(url: String, entries: Vec<AwsEntry>) -> (AwsProvider, Gate) {
    provider_of(url, entries, vec!["eu-west-1".into()]).await
}

async fn provider_of(url: String, entries: Vec<AwsEntry>, regions: Vec<String>) -> (AwsProvider, Gate) {
    let config = AwsConfig {
        entries,
        regions,
        ..config(url)
    };
    let once = RetryLimits {
        attempts: 1,
        ..RetryLimits::default()
    };
    let gate = GateConfig {
        retry: once,
        quotas: AwsProvider::quotas(),
        ..GateConfig::default()
    };
    let gate = Gate::new(Cloud::Aws, AccountId("prod".into()), gate);
    let provider = AwsProvider::connect(config, gate.clone())
        .await
        .expect("a provider");
    (provider, gate)
}

async fn listed(provider: &AwsProvider, reach: Duration) -> Result<Catalogue, ProviderError> {
    provider
        .discover(Reach::of_all(reach))
        .next()
        .await
        .expect("a region")
}

fn config(url: String) -> AwsConfig {
    let source = CredentialSource::Static {
        access_key_id: "AKIA".into(),
        secret_access_key: "secret".to_owned().into(),
        session_token: None,
    };
    AwsConfig {
        account: AccountId("prod".into()),
        regions: vec!["eu-west-1".into()],
        credentials: AwsCredentials {
            source,
            assume_role: None,
        },
        account_id: Some("123456789012".into()),
        endpoints: AwsEndpoints {
            cloudwatch: Some(url.clone()),
            tagging: Some(url.clone()),
            sts: Some(url),
        },
        ca_pem: None,
        entries: vec![entry("AWS/EC2")],
    }
}

#[tokio::test]
async fn discovers_plans_and_fetches() {
    against(plain, async |url, _| {
        let gate = Gate::new(Cloud::Aws, AccountId("prod".into()), GateConfig::default());
        let provider = AwsProvider::connect(config(url), gate.clone())
            .await
            .expect("a provider");
        let catalogue = provider
            .discover(Reach::of_all(Duration::from_secs(3_600)))
            .next()
            .await
            .expect("a region")
            .expect("a catalogue");
        let window =
            Window::new(UnixNanos::from_seconds(60), UnixNanos::from_seconds(180)).expect("not empty");
        let due: Vec<Due> = catalogue
            .targets
            .into_iter()
            .map(|target| Due { target, window })
            .collect();
        let calls = provider.plan(&due);
        assert_eq!((calls.len(), calls[0].price.usd_nanos), (1, 10_000));
        let batches: Vec<_> = provider
            .fetch(&calls[0])
            .map(|b| b.expect("a batch"))
            .collect()
            .await;
        provider_api::conformance::batches_fit_their_call(&calls[0], &batches);
        assert_eq!(batches[0].complete, [due[0].target.id]);
        assert_eq!(batches[0].series[0].points.len(), 2);
        assert_eq!(batches[0].cloud_time, Some(UnixNanos::from_seconds(600)));
        assert_eq!(gate.snapshot().usd_nanos, 10_000);
    })
    .await;
}

#[tokio::test]
async fn a_missing_permission_is_named_by_the_check() {
    against(plain, async |url, _| {
        let gate = Gate::new(Cloud::Aws, AccountId("prod".into()), GateConfig::default());
        let mut config = config(url);
        config.entries[0].copy_tags = vec!["team".into()];
        let provider = AwsProvider::connect(config, gate.clone())
            .await
            .expect("a provider");
        let report = provider.check().await;
        let seen: Vec<_> = report
            .checks
            .iter()
            .map(|c| (c.what.as_str(), c.outcome))
            .collect();
        let wanted = [
            ("GetCallerIdentity", Outcome::Forbidden),
            ("ListMetrics", Outcome::Passed),
            ("GetMetricData", Outcome::Passed),
            ("GetResources", Outcome::Forbidden),
        ];
        assert_eq!(seen, wanted, "{report:?}");
        assert_eq!(gate.snapshot().usd_nanos, 10_000, "one metric was read");
        let listed = provider
            .discover(Reach::of_all(Duration::from_secs(3_600)))
            .next()
            .await
            .expect("a region");
        assert!(
            listed.is_ok_and(|c| c.targets.len() == 1 && c.unlisted.is_empty()),
            "without the tags to copy, the metric is delivered all the same"
        );
    })
    .await;
}
