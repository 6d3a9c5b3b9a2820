//! The provider over sockets against an unpleasant Google: a scoping project, unlike filters, odd elements, types that fail.

mod odd;
mod scope;

use cloudsim::gcp::{GcpSim, ValueType};
use cloudsim::{Faults, World};
use futures::StreamExt as _;
use gate::{Gate, GateConfig, RetryLimits};
use provider_api::{
    AccountId, Catalogue, Cloud, Due, Matcher, MetricsProvider as _, Reach, Span, UnixNanos, Window,
};
use provider_gcp::{CredentialSource, GcpConfig, GcpEntry, GcpProvider};
use std::collections::BTreeMap;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// How long ago the window of these tests begins and ends: long enough for every type's delay.
const WINDOW_S: (i64, i64) = (3_600, 1_800);

/// What came: how many points of each (project, type), how often a point came twice, and what failed.
#[derive(Debug, Default)]
struct Came {
    points: BTreeMap<(String, String), usize>,
    twice: usize,
    odd: u64,
    failed: Vec<String>,
}

struct Test {
    sim: GcpSim,
    faults: Faults,
    window: (i64, i64),
}

impl Test {
    async fn start() -> Self {
        let world = World {
            publish_delay: Duration::from_secs(1),
            ..World::default()
        };
        let now = world.clock.now_unix_s();
        let faults = Faults::new();
        let sim = GcpSim::start(world, faults.clone(), ([127, 0, 0, 1], 0).into());
        Self {
            sim: sim.await.expect("a simulator"),
            faults,
            window: (now - WINDOW_S.0, now - WINDOW_S.1),
        }
    }

    async fn provider(&self, projects: &[&str], entries: Vec<GcpEntry>) -> GcpProvider {
        let account = AccountId("ml".into());
        let projects = projects.iter().map(|p| (*p).to_owned()).collect();
        let mut config = GcpConfig::new(account.clone(), projects);
        config.credentials.source = CredentialSource::Anonymous;
        config.endpoint = Some(self.sim.endpoint());
        config.entries = entries;
        let gate = GateConfig {
            retry: RetryLimits {
                attempts: 2,
                base: Duration::from_millis(1),
                ..RetryLimits::default()
            },
            ..GateConfig::default()
        };
        let gate = Gate::new(Cloud::Gcp, account, gate);
        GcpProvider::connect(config, gate).await.expect("connected")
    }

    /// Lists and reads everything once.
    async fn read(&self, provider: &GcpProvider) -> Came {
        let (mut came, mut seen) = (Came::default(), std::collections::HashSet::new());
        let (from, to) = self.window;
        let window = Window::new(UnixNanos::from_seconds(from), UnixNanos::from_seconds(to));
        for catalogue in listed(provider).await {
            let due = |target| Due {
                target,
                window: window.expect("not empty"),
            };
            let due: Vec<Due> = catalogue.targets.into_iter().map(due).collect();
            for call in provider.plan(&due) {
                let mut batches = provider.fetch(&call);
                while let Some(batch) = batches.next().await {
                    let Ok(batch) = batch else {
                        came.failed.push(call.targets[0].detail.describe());
                        break;
                    };
                    came.odd += batch.skipped.iter().map(|one| one.points).sum::<u64>();
                    for one in batch.series {
                        let project = one.series.resource.attributes().get("cloud.account.id");
                        let name = one.series.metric.spec().cloud_name.to_string();
                        let key = (project.unwrap_or_default().to_owned(), name);
                        *came.points.entry(key).or_default() += one.points.len();
                        let again = one
                            .points
                            .iter()
                            .filter(|p| !seen.insert((one.series.id(), p.end)));
                        came.twice += again.count();
                    }
                }
            }
        }
        came
    }

    /// How many points there are of each (project, type), texts aside.
    fn truth(&self) -> BTreeMap<(String, String), usize> {
        let mut truth = BTreeMap::new();
        for point in self.sim.truth().points(self.window.0, self.window.1) {
            if point.value_type != ValueType::String {
                *truth.entry((point.project, point.metric_type)).or_default() += 1;
            }
        }
        truth
    }
}

async fn listed(provider: &GcpProvider) -> Vec<Catalogue> {
    let catalogues = provider.discover(Reach::of_all(MINUTE));
    catalogues.map(|one| one.expect("listed")).collect().await
}

/// An entry for all types.
fn everything(filter: Option<&str>) -> GcpEntry {
    GcpEntry {
        types: vec![Matcher::new("*", |_| true)],
        filter: filter.map(str::to_owned),
        every: MINUTE,
        settle: None,
        lookback: Span::Fixed(MINUTE),
        initial: MINUTE,
    }
}
