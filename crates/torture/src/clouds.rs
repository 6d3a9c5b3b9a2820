//! The three simulated clouds, each with faults of its own, and the configuration that points the daemon at them.

use crate::destination::{Destination, TIMEOUT};
use crate::plan::CloudTrouble;
use cloudsim::aws::{self, AwsSim};
use cloudsim::azure::{self, AzureSim};
use cloudsim::gcp::GcpSim;
use cloudsim::{Faults, Rule, World};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

pub(crate) const NAMESPACES: [&str; 3] = ["AWS/EC2", "AWS/Lambda", "AWS/SQS"];
pub(crate) const STATISTICS: [&str; 3] = ["Average", "Sum", "Maximum"];
pub(crate) const AZURE_TYPES: [&str; 2] = ["Microsoft.Compute/virtualMachines", "Microsoft.Cache/redis"];
/// Custom metrics come several times a minute and off the minute; the others after their own ingest delay.
pub(crate) const GCP_CUSTOM: &str = "custom.googleapis.com/";
pub(crate) const GCP_BUILT_IN: [&str; 2] = ["compute.googleapis.com/", "pubsub.googleapis.com/"];

/// How long the daemon is told to wait before it takes a point, where it is told.
pub(crate) const SETTLE: Duration = Duration::from_secs(10);
const LATE_PER_THOUSAND: u32 = 60;
/// Well within the `lookback` of the configuration.
const LATE_BY: Duration = Duration::from_secs(45);
const REVISED_PER_THOUSAND: u32 = 40;
/// Longer than `SETTLE`: most revised points are taken with their preliminary value.
const REVISED_AFTER: Duration = Duration::from_secs(40);
const GAPS_PER_THOUSAND: u32 = 20;
/// AWS sessions and Azure tokens are refused so many seconds after they began, whatever they say.
const REFUSED_AFTER_S: i64 = 7;
/// Google's too; clients date a token that they sign themselves back by ten seconds.
const GOOGLE_REFUSED_AFTER_S: i64 = REFUSED_AFTER_S + 10;
/// What each cloud's count calls a request with a token that is over.
const TOO_OLD: [(&str, &str); 3] = [
    ("aws", "ExpiredToken"),
    ("azure", "401"),
    ("gcp", "UNAUTHENTICATED"),
];
/// One thing of each cloud that fails while the rest goes well; all of it is made up for when it is over.
const ONE_THING: [&[&str]; 3] = [
    &[
        "operation=GetMetricData,scope=eu-west-1,status=500",
        "operation=GetMetricData,scope=us-east-1,throttle=3s",
        "operation=GetMetricData,type=AWS/SQS,part=failed",
        "operation=ListMetrics,status=403",
    ],
    &[
        "operation=metrics.getBatch,host=westeurope,status=529",
        "operation=metrics.getBatch,host=eastus,throttle=3s",
        "operation=metricDefinitions.list,status=403",
        "operation=resourceGraph.query,status=500",
    ],
    &[
        "operation=ListTimeSeries,metric=custom.googleapis.com/shop/*,status=500",
        "operation=ListTimeSeries,scope=sim-other,throttle=3s",
        "operation=ListTimeSeries,type=pubsub.googleapis.com,cut",
        "operation=ListMetricDescriptors,status=403",
    ],
];
/// The life of tokens and sessions as long as nothing is wrong, in seconds.
const USUAL_TOKEN_LIFE_S: i64 = 3600;

/// The clouds, running.
#[derive(Debug)]
pub(crate) struct Clouds {
    pub(crate) world: World,
    pub(crate) aws: AwsSim,
    pub(crate) azure: AzureSim,
    pub(crate) gcp: GcpSim,
    faults: [Faults; 3],
}

impl Clouds {
    pub(crate) async fn start(seed: u64) -> io::Result<Self> {
        let world = World {
            seed,
            gaps_per_thousand: GAPS_PER_THOUSAND,
            late_per_thousand: LATE_PER_THOUSAND,
            late_by: LATE_BY,
            revised_per_thousand: REVISED_PER_THOUSAND,
            revised_after: REVISED_AFTER,
            ..World::default()
        };
        let faults = [(); 3].map(|()| Faults::new());
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let [for_aws, for_azure, for_gcp] = faults.clone();
        let clouds = Self {
            aws: AwsSim::start(world.clone(), for_aws, any).await?,
            azure: AzureSim::start(world.clone(), for_azure, any).await?,
            gcp: GcpSim::start(world.clone(), for_gcp, any).await?,
            world,
            faults,
        };
        clouds.aws.refuse_sessions_after_s(REFUSED_AFTER_S);
        clouds.azure.refuse_tokens_after_s(REFUSED_AFTER_S);
        clouds.gcp.refuse_tokens_after_s(GOOGLE_REFUSED_AFTER_S);
        Ok(clouds)
    }

    /// Requests by cloud and outcome.
    pub(crate) fn answers(&self) -> BTreeMap<(&'static str, String), u64> {
        let counts = [
            ("aws", self.aws.counts()),
            ("azure", self.azure.counts()),
            ("gcp", self.gcp.counts()),
        ];
        let mut answers = BTreeMap::new();
        for (cloud, counts) in counts {
            for ((_, outcome), times) in counts.requests {
                *answers.entry((cloud, outcome)).or_default() += times;
            }
        }
        answers
    }

    /// How many requests each cloud has refused because a token was over.
    pub(crate) fn too_old(&self) -> BTreeMap<&'static str, u64> {
        let answers = self.answers();
        let of = |(cloud, outcome): (&'static str, &str)| {
            let times = answers.get(&(cloud, outcome.to_owned()));
            (cloud, times.copied().unwrap_or(0))
        };
        TOO_OLD.into_iter().map(of).collect()
    }

    /// Lets a cloud (AWS, Azure, Google, in this order) go wrong in this way, or behave.
    pub(crate) fn set(&self, cloud: usize, trouble: Option<CloudTrouble>) {
        let Some(faults) = self.faults.get(cloud) else {
            return;
        };
        behave(faults);
        self.token_life(cloud, USUAL_TOKEN_LIFE_S);
        match trouble {
            None => {}
            Some(CloudTrouble::Throttles { every }) => faults.throttle_every(every),
            Some(CloudTrouble::Unavailable { every }) => faults.unavailable_every(every),
            Some(CloudTrouble::Cuts { every }) => faults.cut_every(every),
            Some(CloudTrouble::Slow { by }) => faults.set_latency(by),
            Some(CloudTrouble::ShortTokens { life_s }) => self.token_life(cloud, life_s),
            Some(CloudTrouble::WrongDate { ahead_s }) => faults.set_date_skew_s(ahead_s),
            Some(CloudTrouble::OneThing { which }) => {
                let things = ONE_THING.get(cloud).copied().unwrap_or_default();
                let text = things
                    .get(which % things.len().max(1))
                    .copied()
                    .unwrap_or_default();
                // What is written above can be read.
                Rule::parse(text, 0, None).map(|rule| faults.add(rule)).ok();
            }
        }
    }

    fn token_life(&self, cloud: usize, life_s: i64) {
        match cloud {
            0 => self.aws.set_session_life_s(life_s),
            1 => self.azure.set_token_life_s(life_s),
            _ => self.gcp.set_token_life_s(life_s),
        }
    }

    /// Writes the configuration and the files that it names.
    pub(crate) fn write(&self, folder: &Path, destinations: &[Destination]) -> io::Result<()> {
        let (ca, key) = (folder.join("ca.pem"), folder.join("service-account.json"));
        std::fs::write(&ca, self.azure.ca_pem())?;
        std::fs::write(&key, self.gcp.service_account_json())?;
        let parts = [
            general(folder, destinations),
            self.aws_account(),
            self.azure_account(&ca),
            self.gcp_account(&key),
        ];
        std::fs::write(folder.join("nephoscope.yaml"), parts.concat())
    }

    fn aws_account(&self) -> String {
        let at = self.aws.endpoint();
        let entries = lines(&NAMESPACES, |namespace| {
            format!(
                "{{ namespace: {namespace}, statistics: [{}], period: 1m }}",
                STATISTICS.join(", ")
            )
        });
        format!(
            "aws:\n  - name: a\n    regions: [eu-west-1, us-east-1]\n    endpoint: {at}\n    credentials:\n      static: {{ \
             access_key_id: {}, secret_access_key: {} }}\n      assume_role: {{ arn: \"{}\", session_name: torture }}\n    \
             metrics:\n{entries}",
            aws::ACCESS_KEY,
            aws::SECRET_KEY,
            aws::ROLES[0].arn,
        )
    }

    fn azure_account(&self, ca: &Path) -> String {
        let at = self.azure.endpoint();
        let entries = lines(&AZURE_TYPES, |kind| {
            format!("{{ resource_type: {kind}, period: 1m }}")
        });
        format!(
            "azure:\n  - name: z\n    tenant: {}\n    cloud: {{ authority: {at}, resource_manager: {at}, metrics: \
             \"{at}/{{region}}\", ca_file: {} }}\n    credentials: {{ client_secret: {{ client_id: {}, secret: {} }} \
             }}\n    metrics:\n{entries}",
            azure::TENANT_ID,
            ca.display(),
            azure::CLIENT_ID,
            azure::CLIENT_SECRET,
        )
    }

    fn gcp_account(&self, key: &Path) -> String {
        let built_in = lines(&GCP_BUILT_IN, |host| {
            format!("{{ types: [\"{host}*\"], poll: {{ settle: auto }} }}")
        });
        let custom = lines(&[GCP_CUSTOM], |host| format!("{{ types: [\"{host}*\"] }}"));
        format!(
            "gcp:\n  - name: g\n    projects: [sim-project, sim-other]\n    endpoint: {}\n    credentials: {{ \
             service_account_file: {} }}\n    metrics:\n{built_in}{custom}",
            self.gcp.endpoint(),
            key.display()
        )
    }
}

fn behave(faults: &Faults) {
    faults.clear_rules();
    faults.throttle_every(0);
    faults.unavailable_every(0);
    faults.cut_every(0);
    faults.set_latency(Duration::ZERO);
    faults.set_date_skew_s(0);
}

fn lines(of: &[&str], line: impl Fn(&str) -> String) -> String {
    of.iter().fold(String::new(), |mut text, one| {
        // Writing to a String cannot fail.
        writeln!(text, "      - {}", line(one)).ok();
        text
    })
}

fn general(folder: &Path, destinations: &[Destination]) -> String {
    let mut text = format!(
        "state: {{ dir: {} }}\nlisten: 127.0.0.1:0\ntelemetry: {{ enabled: false }}\ndefaults:\n  poll: {{ every: 5s, settle: {}s, lookback: 10m, initial: \
         15m }}\ndestinations:\n",
        folder.join("state").display(),
        SETTLE.as_secs(),
    );
    for destination in destinations {
        // Writing to a String cannot fail.
        writeln!(
            text,
            "  - name: {name}\n    otlp: {{ endpoint: \"{}\", protocol: {name}, timeout: {}s }}\n    revisions: count",
            destination.endpoint(),
            TIMEOUT.as_secs(),
            name = destination.protocol.name(),
        )
        .ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::ONE_THING;
    use cloudsim::Rule;

    #[test]
    fn every_rule_can_be_read() {
        for text in ONE_THING.concat() {
            assert!(Rule::parse(text, 0, None).is_ok(), "{text}");
        }
    }
}
