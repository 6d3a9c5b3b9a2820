//! The provider over sockets against an unpleasant Azure: what fails or refuses leaves everything else alone.

mod fleet;
mod stub;
mod unlike;
mod unwell;

use futures::StreamExt as _;
use gate::{Gate, GateConfig, RetryLimits};
use provider_api::{
    AccountId, Catalogue, Cloud, Due, Failure, Matcher, MetricsProvider as _, Reach, Span, Target, UnixNanos,
    Window,
};
use provider_azure::{AzureCloud, AzureConfig, AzureCredentials, AzureEntry, AzureProvider};
use std::collections::BTreeMap;
use std::time::Duration;
use stub::Stub;

const MINUTE: Duration = Duration::from_secs(60);

/// An entry for all metrics of a type.
fn entry(resource_type: &str) -> AzureEntry {
    AzureEntry {
        resource_type: resource_type.into(),
        names: Vec::new(),
        aggregations: Vec::new(),
        period: None,
        dimensions: Vec::new(),
        top: 100,
        tags: Vec::new(),
        copy_tags: Vec::new(),
        resource_groups: Vec::new(),
        regions: Vec::new(),
        every: MINUTE,
        settle: Span::Fixed(MINUTE),
        lookback: Span::Fixed(MINUTE),
        initial: MINUTE,
    }
}

fn matcher(name: &str) -> Matcher {
    let wanted = name.to_owned();
    Matcher::new(name, move |given| given.eq_ignore_ascii_case(&wanted))
}

/// All of a cloud behind one address.
fn cloud_of(base: &str, ca_pem: &str) -> AzureCloud {
    AzureCloud {
        authority: base.into(),
        resource_manager: base.into(),
        metrics: format!("{base}/{{region}}"),
        ca_pem: Some(ca_pem.into()),
        ..AzureCloud::public()
    }
}

fn provider(stub: &Stub, entries: Vec<AzureEntry>, subscriptions: &[&str]) -> AzureProvider {
    let credentials = AzureCredentials::ClientSecret {
        client_id: "app".into(),
        secret: "hush".to_owned().into(),
    };
    let cloud = cloud_of(&stub.base, &stub.ca_pem);
    provider_of("tenant", credentials, cloud, entries, subscriptions)
}

/// A provider that does not wait long.
fn provider_of(
    tenant: &str,
    credentials: AzureCredentials,
    cloud: AzureCloud,
    entries: Vec<AzureEntry>,
    subscriptions: &[&str],
) -> AzureProvider {
    let account = AccountId("test".into());
    let config = AzureConfig {
        account: account.clone(),
        tenant: Some(tenant.into()),
        subscriptions: subscriptions.iter().map(|s| (*s).to_owned()).collect(),
        credentials,
        cloud,
        environment: BTreeMap::new(),
        entries,
    };
    let limits = GateConfig {
        retry: RetryLimits {
            attempts: 2,
            base: Duration::from_millis(1),
            ..RetryLimits::default()
        },
        ..GateConfig::default()
    };
    let gate = Gate::new(Cloud::Azure, account, limits);
    AzureProvider::new(config, gate).expect("a provider")
}

/// One catalogue per subscription, each of which can be listed.
async fn discover(provider: &AzureProvider) -> Vec<Catalogue> {
    let listed = provider.discover(Reach::of_all(MINUTE)).collect::<Vec<_>>().await;
    listed.into_iter().map(|one| one.expect("a catalogue")).collect()
}

async fn targets(provider: &AzureProvider) -> Vec<Target> {
    discover(provider)
        .await
        .into_iter()
        .flat_map(|c| c.targets)
        .collect()
}

/// What came of one poll.
#[derive(Debug, Default)]
struct Polled {
    /// Points by resource and metric name.
    points: BTreeMap<(String, String), usize>,
    complete: usize,
    failed: Vec<Failure>,
    errors: Vec<String>,
    /// Attributes of some resource.
    described: BTreeMap<String, String>,
}

impl Polled {
    /// Resources that got a point.
    fn resources(&self) -> usize {
        let ids: std::collections::BTreeSet<&String> = self.points.keys().map(|(id, _)| id).collect();
        ids.len()
    }

    fn of(&self, id: &str, metric: &str) -> usize {
        let key = (id.to_owned(), metric.to_owned());
        self.points.get(&key).copied().unwrap_or(0)
    }
}

/// Ten minutes from the first of January 1970 on, moved by so many.
async fn poll(provider: &AzureProvider, targets: &[Target], minute: i64) -> Polled {
    let at = |m: i64| UnixNanos::from_seconds(m * 60);
    let window = Window::new(at(minute), at(minute + 10)).expect("not empty");
    let due: Vec<Due> = targets
        .iter()
        .map(|target| Due {
            target: target.clone(),
            window,
        })
        .collect();
    let mut polled = Polled::default();
    for call in provider.plan(&due) {
        let mut batches = provider.fetch(&call);
        while let Some(batch) = batches.next().await {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    polled.errors.push(error.to_string());
                    continue;
                }
            };
            polled.complete += batch.complete.len();
            polled.failed.extend(batch.failed);
            for series in batch.series {
                let attributes = series.series.resource.attributes();
                let id = attributes.get("cloud.resource_id").expect("an id");
                let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
                polled.described = attributes.iter().map(pair).collect();
                let name = series.series.metric.spec().name.to_string();
                *polled.points.entry((id.to_owned(), name)).or_default() += series.points.len();
            }
        }
    }
    polled
}
