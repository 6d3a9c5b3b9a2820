//! The three simulated clouds, the real providers behind real gates, scheduler and store, in one process.

use crate::lines::{self, Key, Lines};
use crate::time::Time;
use cloudsim::aws::{self, AwsSim};
use cloudsim::azure::{self, AzureSim};
use cloudsim::gcp::GcpSim;
use cloudsim::{Faults, World};
use gate::{Gate, GateConfig};
use provider_api::{AccountId, Cloud, Matcher, MetricsProvider, Span};
use provider_aws::{AwsConfig, AwsCredentials, AwsEndpoints, AwsEntry, AwsProvider};
use provider_azure::{AzureCloud, AzureConfig, AzureCredentials, AzureEntry, AzureProvider};
use provider_gcp::{GcpConfig, GcpEntry, GcpProvider};
use scheduler::{Account, Clock as _, Progress, Scheduler};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use store::{Options, Store};

/// As the defaults have it.
pub(crate) const EVERY: Duration = Duration::from_secs(300);
pub(crate) const SETTLE: Duration = Duration::from_secs(90);
/// All clouds publish so long after the end of a point.
pub(crate) const PUBLISHED: Duration = Duration::from_secs(60);
const LOOKBACK: Duration = Duration::from_secs(300);
const INITIAL: Duration = Duration::from_secs(900);
const DISCOVER_EVERY: Duration = Duration::from_secs(1800);
pub(crate) const NAMESPACES: [&str; 2] = ["AWS/SQS", "AWS/DynamoDB"];
pub(crate) const TYPES: [&str; 2] = ["Microsoft.Compute/virtualMachines", "Microsoft.Cache/redis"];
pub(crate) const GOOGLE: [&str; 3] = [
    "pubsub.googleapis.com/subscription/num_undelivered_messages",
    "pubsub.googleapis.com/subscription/oldest_unacked_message_age",
    "cloudsql.googleapis.com/database/disk/bytes_used",
];
/// Few metrics of each, and few points: what is rehearsed is failures.
pub(crate) const AWS_NAMES: [&str; 4] = [
    "NumberOfMessagesSent",
    "SentMessageSize",
    "ApproximateNumberOfMessagesVisible",
    "ConsumedReadCapacityUnits",
];
pub(crate) const AZURE_NAMES: [&str; 5] = [
    "Percentage CPU",
    "Network In Total",
    "Disk Read Bytes",
    "serverLoad",
    "connectedclients",
];
/// The distance of points in AWS and Azure.
pub(crate) const PERIOD: Duration = Duration::from_secs(300);
pub(crate) const PROJECTS: [&str; 2] = ["sim-project", "sim-other"];
/// Driver and three listers.
const STANDING_SLEEPERS: usize = 4;
/// Nobody has moved for so many looks: time moves on a little.
const QUIET_LOOKS: u32 = 3;
/// Tasks get so many turns between two looks.
const TURNS: u32 = 12;
const FIRST_JUMP: Duration = Duration::from_millis(100);
const LONGEST_JUMP: Duration = Duration::from_secs(10);

/// Everything.
pub(crate) struct House {
    pub(crate) faults: Faults,
    pub(crate) aws: AwsSim,
    pub(crate) azure: AzureSim,
    pub(crate) gcp: GcpSim,
    pub(crate) time: Arc<Time>,
    pub(crate) store: Arc<Store>,
    pub(crate) progress: Arc<Progress>,
    /// Which points came when, by what they are of and their end.
    pub(crate) arrived: HashMap<(Key, i64), Vec<i64>>,
}

impl House {
    pub(crate) async fn new(world: World) -> (Self, Scheduler) {
        let faults = Faults::new();
        faults.set_seed(world.seed);
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let aws = AwsSim::start(world.clone(), faults.clone(), any)
            .await
            .expect("loopback");
        let azure = AzureSim::start(world.clone(), faults.clone(), any)
            .await
            .expect("loopback");
        let gcp = GcpSim::start(world.clone(), faults.clone(), any)
            .await
            .expect("loopback");
        let time = Arc::new(Time::new(world.clock.clone()));
        let options = Options::new("", 1 << 30).destination("d");
        let store = Store::in_memory(&options, Box::new(Lines)).expect("memory");
        let accounts = vec![
            account(Cloud::Aws, async |gate| connect_aws(&aws, gate).await).await,
            account(Cloud::Azure, async |gate| connect_azure(&azure, gate)).await,
            account(Cloud::Gcp, async |gate| connect_gcp(&gcp, gate).await).await,
        ];
        let clock: Arc<dyn scheduler::Clock> = Arc::<Time>::clone(&time);
        let scheduler = Scheduler::new(accounts, &store, clock);
        let progress = scheduler.progress();
        let house = Self {
            faults,
            aws,
            azure,
            gcp,
            time,
            store,
            progress,
            arrived: HashMap::new(),
        };
        (house, scheduler)
    }

    pub(crate) fn now_s(&self) -> i64 {
        self.time.now().seconds()
    }

    /// Runs until this second; what arrives is noted with its time.
    pub(crate) async fn until(&mut self, unix_s: i64) {
        while self.now_s() < unix_s {
            self.step().await;
            self.take().await;
        }
    }

    /// To the next thing that somebody waits for.
    async fn step(&self) {
        let (mut quiet, mut jump) = (0, FIRST_JUMP);
        loop {
            let before = self.seen();
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            if self.seen() != before {
                (quiet, jump) = (0, FIRST_JUMP);
                continue;
            }
            if self.is_idle() {
                return self.time.advance(Duration::from_secs(60)).await;
            }
            quiet += 1;
            // The store writes on a thread of its own.
            std::thread::sleep(Duration::from_micros(100));
            if quiet > QUIET_LOOKS {
                self.time.advance(jump).await;
                if jump >= LONGEST_JUMP {
                    return;
                }
                jump = (jump * 2).min(LONGEST_JUMP);
            }
        }
    }

    /// Nobody is at work: all wait for their time.
    fn is_idle(&self) -> bool {
        let in_flight: usize = self
            .progress
            .snapshot()
            .iter()
            .map(|account| account.in_flight)
            .sum();
        in_flight == 0 && self.time.asleep() == STANDING_SLEEPERS && self.time.next().is_some()
    }

    /// Changes whenever somebody has done something.
    fn seen(&self) -> (u64, usize, u64, usize) {
        let counts = [self.aws.counts(), self.azure.counts(), self.gcp.counts()];
        let requests = counts.iter().flat_map(|counts| counts.requests.values()).sum();
        let accounts = self.progress.snapshot();
        let in_flight = accounts.iter().map(|account| account.in_flight).sum();
        let points = accounts.iter().map(|account| account.points).sum();
        (requests, in_flight, points, self.time.asleep())
    }

    async fn take(&mut self) {
        while self.store.usage().destinations[0].pending_points > 0 {
            let Ok((seq, entry)) = self.store.next("d").await else {
                return;
            };
            let now_s = self.now_s();
            for (end, key) in lines::read(&entry) {
                self.arrived.entry((key, end)).or_default().push(now_s);
            }
            self.store.acknowledge("d", seq).await.expect("memory");
        }
    }
}

async fn account(cloud: Cloud, connect: impl AsyncFnOnce(Gate) -> Arc<dyn MetricsProvider>) -> Account {
    let quotas = match cloud {
        Cloud::Aws => AwsProvider::quotas(),
        Cloud::Azure => provider_azure::quotas(),
        Cloud::Gcp => provider_gcp::quotas(),
    };
    let config = GateConfig {
        quotas,
        ..GateConfig::default()
    };
    let gate = Gate::new(cloud, AccountId(cloud.as_str().into()), config);
    Account {
        discover_every: DISCOVER_EVERY,
        skew: gate.skew().clone(),
        budget: gate.budget().clone(),
        provider: connect(gate).await,
    }
}

fn names(of: &[&'static str]) -> Vec<Matcher> {
    of.iter().map(|name| Matcher::exactly(*name)).collect()
}

async fn connect_aws(sim: &AwsSim, gate: Gate) -> Arc<dyn MetricsProvider> {
    let entry = |namespace: &&str| AwsEntry {
        namespace: (*namespace).to_owned(),
        names: names(&AWS_NAMES),
        statistics: vec!["Sum".to_owned()],
        period: Some(PERIOD),
        dimensions: Vec::new(),
        absent: Vec::new(),
        tags: Vec::new(),
        copy_tags: vec!["team".to_owned()],
        every: EVERY,
        settle: Span::Fixed(SETTLE),
        lookback: Span::Fixed(LOOKBACK),
        initial: INITIAL,
    };
    let config = AwsConfig {
        account: AccountId("aws".into()),
        regions: aws::REGIONS.map(str::to_owned).into(),
        credentials: AwsCredentials {
            source: provider_aws::CredentialSource::Static {
                access_key_id: aws::ACCESS_KEY.to_owned(),
                secret_access_key: aws::SECRET_KEY.to_owned().into(),
                session_token: None,
            },
            assume_role: None,
        },
        account_id: Some(aws::ACCOUNT.to_owned()),
        endpoints: AwsEndpoints {
            cloudwatch: Some(sim.endpoint()),
            tagging: Some(sim.endpoint()),
            sts: Some(sim.endpoint()),
        },
        ca_pem: None,
        entries: NAMESPACES.iter().map(entry).collect(),
    };
    Arc::new(AwsProvider::connect(config, gate).await.expect("a provider"))
}

fn connect_azure(sim: &AzureSim, gate: Gate) -> Arc<dyn MetricsProvider> {
    let entry = |kind: &&str| AzureEntry {
        resource_type: (*kind).to_owned(),
        names: names(&AZURE_NAMES),
        aggregations: Vec::new(),
        period: Some(PERIOD),
        dimensions: Vec::new(),
        top: 100,
        tags: Vec::new(),
        copy_tags: Vec::new(),
        resource_groups: Vec::new(),
        regions: Vec::new(),
        every: EVERY,
        settle: Span::Fixed(SETTLE),
        lookback: Span::Fixed(LOOKBACK),
        initial: INITIAL,
    };
    // No name to look up, on another thread.
    let at = sim.endpoint().replace("localhost", "127.0.0.1");
    let config = AzureConfig {
        account: AccountId("azure".into()),
        tenant: Some(azure::TENANT_ID.to_owned()),
        subscriptions: azure::SUBSCRIPTIONS.map(str::to_owned).into(),
        credentials: AzureCredentials::ClientSecret {
            client_id: azure::CLIENT_ID.to_owned(),
            secret: azure::CLIENT_SECRET.to_owned().into(),
        },
        cloud: AzureCloud {
            authority: at.clone(),
            resource_manager: at.clone(),
            metrics: format!("{at}/{{region}}"),
            ca_pem: Some(sim.ca_pem().to_owned()),
            ..AzureCloud::public()
        },
        environment: std::collections::BTreeMap::new(),
        entries: TYPES.iter().map(entry).collect(),
    };
    Arc::new(AzureProvider::new(config, gate).expect("a provider"))
}

async fn connect_gcp(sim: &GcpSim, gate: Gate) -> Arc<dyn MetricsProvider> {
    let starting = |prefix: &&'static str| {
        let prefix = *prefix;
        Matcher::new(format!("{prefix}*"), move |name: &str| name.starts_with(prefix)).with_prefix(prefix)
    };
    let entry = GcpEntry {
        types: GOOGLE.iter().map(starting).collect(),
        filter: None,
        every: EVERY,
        settle: Some(SETTLE),
        lookback: Span::Fixed(LOOKBACK),
        initial: INITIAL,
    };
    let mut config = GcpConfig::new(AccountId("gcp".into()), PROJECTS.map(str::to_owned).into());
    config.credentials.source = provider_gcp::CredentialSource::Anonymous;
    config.endpoint = Some(sim.endpoint());
    config.entries = vec![entry];
    Arc::new(GcpProvider::connect(config, gate).await.expect("a provider"))
}
