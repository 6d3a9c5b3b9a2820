//! What the daemon costs: it collects ten minutes of points of so many series per cloud from the simulated clouds and
//! delivers them to a receiver, its own telemetry with them, as it does by default. Clouds and receiver run in this
//! process, so the figures are the daemon's alone.
//!
//! `cargo bench -p nephoscope --bench daemon [-- --series 10000] [--huge-pages always|madvise|never]`
//!
//! `--huge-pages` sets what this machine does about transparent huge pages for as long as the benchmark runs, which takes
//! root and a `/sys` that can be written.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and may panic"
)]

use cloudsim::aws::{self, AwsSim};
use cloudsim::azure::{self, AzureSim};
use cloudsim::gcp::GcpSim;
use cloudsim::{Faults, World};
use export::receiver::Receiver;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// After so long without a point all are thought to have come: Azure's definitions are listed at the pace of its quota,
/// while the other clouds have long answered.
const QUIET: Duration = Duration::from_secs(50);

/// Longest wait for the first point: listing comes first.
const FIRST: Duration = Duration::from_secs(120);

/// What ledger and catalogue may take of a million series, each.
const MOST_BYTES_A_SERIES: u64 = 300;

/// What the simulated account holds.
const NAMESPACES: [&str; 8] = [
    "AWS/ApplicationELB",
    "AWS/DynamoDB",
    "AWS/EC2",
    "AWS/Lambda",
    "AWS/RDS",
    "AWS/S3",
    "AWS/SQS",
    "Shop/Check-Out v2",
];

/// What the simulated subscriptions hold.
const AZURE_TYPES: [&str; 7] = [
    "Microsoft.Cache/redis",
    "Microsoft.Compute/virtualMachines",
    "Microsoft.Network/applicationGateways",
    "Microsoft.Network/loadBalancers",
    "Microsoft.Sql/servers/databases",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Web/sites",
];

/// Where the kernel is told what to do about transparent huge pages.
const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

struct Clouds {
    aws: AwsSim,
    azure: AzureSim,
    gcp: GcpSim,
}

#[tokio::main]
async fn main() {
    let series = argument("--series").map_or(10_000, |n| n.parse().unwrap());
    let _as_before = argument("--huge-pages").map(|wanted| HugePages::set(&wanted));
    println!(
        "huge pages           {}",
        std::fs::read_to_string(HUGE_PAGES).unwrap().trim()
    );
    let world = World {
        series,
        ..World::default()
    };
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let clouds = Clouds {
        aws: AwsSim::start(world.clone(), Faults::new(), at).await.unwrap(),
        azure: AzureSim::start(world.clone(), Faults::new(), at).await.unwrap(),
        gcp: GcpSim::start(world, Faults::new(), at).await.unwrap(),
    };
    let receiver = Receiver::start(at, at).await.unwrap();
    receiver.keep(0);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("nephoscope.yaml");
    std::fs::write(
        &config,
        configuration(folder.path(), &clouds, &receiver.grpc_endpoint()),
    )
    .unwrap();
    let base_bytes = resident_without_series(folder.path(), &clouds, &receiver.grpc_endpoint()).await;
    let daemon = Daemon::start(&config);
    let (points, seconds) = all_arrived(&receiver).await;
    let (cpu_s, system_s) = daemon.cpu_s();
    println!("series per cloud     {series}");
    println!("points delivered     {points} within {seconds:.1} s");
    println!(
        "CPU                  {cpu_s:.2} s ({system_s:.2} s of it the system's), {:.2} µs per point",
        cpu_s * 1e6 / float(points)
    );
    println!("peak memory          {} MiB", daemon.memory("VmHWM:") >> 20);
    let above = daemon.memory("VmRSS:").saturating_sub(base_bytes);
    let all = u64::try_from(series).unwrap() * 3;
    println!(
        "resident afterwards  {} MiB above {} MiB without series, {} bytes a series ({MOST_BYTES_A_SERIES} at most)",
        above >> 20,
        base_bytes >> 20,
        above / all
    );
    for ((operation, outcome), requests) in requests(&clouds) {
        println!("{operation:<36} {outcome:<6} {requests:>6} requests");
    }
}

/// What the machine does about huge pages, until this is dropped.
struct HugePages(String);

impl HugePages {
    fn set(wanted: &str) -> Self {
        let modes = std::fs::read_to_string(HUGE_PAGES).unwrap();
        let before = modes.split(['[', ']']).nth(1).unwrap().to_owned();
        std::fs::write(HUGE_PAGES, wanted)
            .unwrap_or_else(|error| panic!("setting {HUGE_PAGES} to {wanted} (it is {before}): {error}"));
        Self(before)
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        std::fs::write(HUGE_PAGES, &self.0).unwrap();
    }
}

/// The daemon alone; killed at the end.
struct Daemon(Child);

impl Daemon {
    fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
        command.arg("run").arg("--config").arg(config);
        Self(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    /// User and system time so far, and the system's alone.
    fn cpu_s(&self) -> (f64, f64) {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let [user, system] = [11, 12].map(|n| f64::from(fields[n].parse::<u32>().unwrap()) / 100.0);
        (user + system, system)
    }

    /// A line of `/proc/PID/status`, in bytes.
    fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix(line)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What a daemon takes that has listed a region without metrics.
async fn resident_without_series(folder: &Path, clouds: &Clouds, otlp: &str) -> u64 {
    let config = folder.join("empty.yaml");
    let full = configuration(folder, clouds, otlp);
    let (aws_alone, _) = full.split_once("azure:\n").unwrap();
    let empty = aws_alone
        .replace("eu-west-1", "ap-south-1")
        .replace("/state\"", "/empty\"");
    std::fs::write(&config, empty).unwrap();
    let before = requests(clouds).iter().map(|(_, n)| n).sum::<u64>();
    let daemon = Daemon::start(&config);
    // One listing per namespace, and who we are.
    let listed = before + u64::try_from(NAMESPACES.len()).unwrap() + 1;
    while requests(clouds).iter().map(|(_, n)| n).sum::<u64>() < listed {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    daemon.memory("VmRSS:")
}

/// How many points came and after how long the last of them.
async fn all_arrived(receiver: &Receiver) -> (u64, f64) {
    let started = Instant::now();
    let mut arrivals = receiver.arrivals();
    tokio::time::timeout(FIRST, arrivals.changed())
        .await
        .unwrap()
        .unwrap();
    let mut last = started.elapsed();
    while tokio::time::timeout(QUIET, arrivals.changed()).await.is_ok() {
        last = started.elapsed();
    }
    let points = *arrivals.borrow();
    (points, last.as_secs_f64())
}

fn requests(clouds: &Clouds) -> Vec<((String, String), u64)> {
    let counts = [clouds.aws.counts(), clouds.azure.counts(), clouds.gcp.counts()];
    counts.into_iter().flat_map(|c| c.requests).collect()
}

fn configuration(folder: &Path, clouds: &Clouds, otlp: &str) -> String {
    std::fs::write(folder.join("ca.pem"), clouds.azure.ca_pem()).unwrap();
    std::fs::write(folder.join("sa.json"), clouds.gcp.service_account_json()).unwrap();
    let (folder, aws, azure, gcp) = (
        folder.display(),
        clouds.aws.endpoint(),
        clouds.azure.endpoint(),
        clouds.gcp.endpoint(),
    );
    let (key, secret) = (aws::ACCESS_KEY, aws::SECRET_KEY);
    let aws_namespaces = NAMESPACES
        .map(|n| format!("{{ namespace: {n}, statistics: [Average], period: 1m }}"))
        .join(", ");
    let azure_types = AZURE_TYPES
        .map(|t| format!("{{ resource_type: {t}, period: 1m }}"))
        .join(", ");
    let (tenant, client, client_secret) = (azure::TENANT_ID, azure::CLIENT_ID, azure::CLIENT_SECRET);
    format!(
        r#"
state: {{ dir: "{folder}/state" }}
listen: 127.0.0.1:0
defaults:
  poll: {{ every: 1h, settle: 2m, lookback: 2m, initial: 10m }}
destinations:
  - name: receiver
    otlp: {{ endpoint: "{otlp}" }}
aws:
  - name: aws
    regions: [eu-west-1]
    endpoint: {aws}
    credentials: {{ static: {{ access_key_id: {key}, secret_access_key: {secret} }} }}
    metrics: [{aws_namespaces}]
azure:
  - name: azure
    tenant: {tenant}
    cloud: {{ authority: {azure}, resource_manager: {azure}, metrics: "{azure}/{{region}}", ca_file: "{folder}/ca.pem" }}
    credentials: {{ client_secret: {{ client_id: {client}, secret: {client_secret} }} }}
    metrics: [{azure_types}]
gcp:
  - name: gcp
    projects: [sim-project, sim-other]
    endpoint: {gcp}
    credentials: {{ service_account_file: "{folder}/sa.json" }}
    metrics: [{{ types: ["*"] }}]
"#
    )
}

/// What stands after `name` on the command line.
fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|a| a != name).nth(1)
}

fn float(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}
