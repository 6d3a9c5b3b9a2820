//! What a test runs against: three simulated clouds, a receiver, and the real binary with a configuration as a user
//! would write it. The daemon is killed when the test ends, however it ends.

use cloudsim::aws::{self, AwsSim};
use cloudsim::azure::{self, AzureSim};
use cloudsim::gcp::GcpSim;
use cloudsim::{Faults, Pace, World};
use export::receiver::{FlatPoint, Receiver};
use jiff::Timestamp;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub const STATISTICS: [&str; 3] = ["Average", "Sum", "Maximum"];
pub const NAMESPACES: [&str; 4] = ["AWS/EC2", "AWS/Lambda", "AWS/SQS", "AWS/ApplicationELB"];
pub const AZURE_TYPES: [&str; 3] = [
    "Microsoft.Compute/virtualMachines",
    "Microsoft.Sql/servers/databases",
    "Microsoft.Cache/redis",
];
pub const GCP_HOSTS: [&str; 4] = [
    "compute.googleapis.com",
    "pubsub.googleapis.com",
    "loadbalancing.googleapis.com",
    "custom.googleapis.com",
];
pub const NANOS: i64 = 1_000_000_000;

/// Much longer than any state of these tests takes to come, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The window that every point is compared in: `(from, to]`, whole minutes, inside what the first poll asks for.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    pub from: i64,
    pub to: i64,
}

/// The three simulated clouds.
pub struct Clouds {
    pub aws: AwsSim,
    pub azure: AzureSim,
    pub gcp: GcpSim,
}

impl Clouds {
    pub async fn start(world: &World, faults: &Faults) -> Self {
        Self {
            aws: AwsSim::start(world.clone(), faults.clone(), local())
                .await
                .unwrap(),
            azure: AzureSim::start(world.clone(), faults.clone(), local())
                .await
                .unwrap(),
            gcp: GcpSim::start(world.clone(), faults.clone(), local())
                .await
                .unwrap(),
        }
    }

    /// The `aws:` part of a configuration.
    pub fn aws_account(&self) -> String {
        let entries = NAMESPACES.iter().fold(String::new(), |mut text, n| {
            writeln!(
                text,
                "      - {{ namespace: {n}, statistics: [Average, Sum, Maximum], period: 1m }}"
            )
            .unwrap();
            text
        });
        format!(
            "aws:\n  - name: a\n    regions: [eu-west-1, us-east-1]\n    endpoint: {}\n    credentials: {{ static: {{ \
             access_key_id: {}, secret_access_key: {} }} }}\n    metrics:\n{entries}",
            self.aws.endpoint(),
            aws::ACCESS_KEY,
            aws::SECRET_KEY
        )
    }

    /// The `azure:` part; writes the CA it names into `folder`.
    pub fn azure_account(&self, folder: &Path) -> String {
        let ca = folder.join("ca.pem");
        std::fs::write(&ca, self.azure.ca_pem()).unwrap();
        let entries = AZURE_TYPES.iter().fold(String::new(), |mut text, t| {
            writeln!(text, "      - {{ resource_type: {t}, period: 1m }}").unwrap();
            text
        });
        format!(
            "azure:\n  - name: z\n    tenant: {}\n    cloud: {{ authority: {at}, resource_manager: {at}, metrics: \
             \"{at}/{{region}}\", ca_file: {} }}\n    credentials: {{ client_secret: {{ client_id: {}, secret: {} }} \
             }}\n    metrics:\n{entries}",
            azure::TENANT_ID,
            ca.display(),
            azure::CLIENT_ID,
            azure::CLIENT_SECRET,
            at = self.azure.endpoint(),
        )
    }

    /// The `gcp:` part; writes the service account it names into `folder`.
    pub fn gcp_account(&self, folder: &Path) -> String {
        let key = folder.join("sa.json");
        std::fs::write(&key, self.gcp.service_account_json()).unwrap();
        let entries = GCP_HOSTS.iter().fold(String::new(), |mut text, h| {
            writeln!(text, "      - types: [\"{h}/*\"]").unwrap();
            text
        });
        format!(
            "gcp:\n  - name: g\n    projects: [sim-project, sim-other]\n    endpoint: {}\n    credentials: {{ \
             service_account_file: {} }}\n    metrics:\n{entries}",
            self.gcp.endpoint(),
            key.display()
        )
    }

    pub async fn stop(self) {
        self.aws.stop().await;
        self.azure.stop().await;
        self.gcp.stop().await;
    }
}

/// The real binary, running; killed when dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// `run` with this configuration, written into `folder`; its log goes to a file there.
    pub fn start(folder: &Path, yaml: &str) -> Self {
        Self::spawn(folder, yaml, Command::new(env!("CARGO_BIN_EXE_nephoscope")), &[])
    }

    /// The same on a clock that runs faster.
    pub fn start_paced(folder: &Path, yaml: &str, pace: Pace) -> Self {
        let clock = ["--clock".to_owned(), pace.to_string()];
        Self::spawn(
            folder,
            yaml,
            Command::new(env!("CARGO_BIN_EXE_nephoscope")),
            &clock,
        )
    }

    /// The same with something before `run` on the command line.
    pub fn start_with(folder: &Path, yaml: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
        command.args(arguments);
        Self::spawn(folder, yaml, command, &[])
    }

    /// As systemd would start it: with a socket for its notices and a watchdog that wants to hear from this process.
    pub fn start_notifying(folder: &Path, yaml: &str, socket: &Path, watchdog: Duration) -> Self {
        let mut command = Command::new("sh");
        // `exec` keeps the process id, which is known only once there is a process.
        command.args([
            "-c",
            "WATCHDOG_PID=$$ exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_nephoscope"),
        ]);
        // The allocator gives back at once what is freed, so that resident memory tells what is held.
        command.envs([
            ("MIMALLOC_PURGE_DELAY", "0"),
            ("MIMALLOC_ABANDONED_RECLAIM_ON_FREE", "1"),
        ]);
        command.env("NOTIFY_SOCKET", socket);
        command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        Self::spawn(folder, yaml, command, &[])
    }

    fn spawn(folder: &Path, yaml: &str, mut command: Command, more: &[String]) -> Self {
        let config = folder.join("nephoscope.yaml");
        std::fs::write(&config, yaml).unwrap();
        let log = folder.join("log");
        let child = command
            .args(["run", "--config"])
            .arg(&config)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Resident memory at its highest so far, in bytes.
    pub fn peak_rss_bytes(&self) -> u64 {
        self.memory_bytes("VmHWM:")
    }

    /// Resident memory, in bytes.
    pub fn rss_bytes(&self) -> u64 {
        self.memory_bytes("VmRSS:")
    }

    /// The part of it that is no file's, in bytes.
    pub fn anonymous_bytes(&self) -> u64 {
        self.memory_bytes("RssAnon:")
    }

    fn memory_bytes(&self, kind: &str) -> u64 {
        let line = self.process_status(kind).unwrap();
        let kib: u64 = line.trim_end_matches(" kB").parse().unwrap();
        kib << 10
    }

    /// What the kernel says of the process under this name.
    pub fn process_status(&self, name: &str) -> Option<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix(name));
        line.map(|line| line.trim().to_owned())
    }

    /// Time that the kernel has worked for it.
    pub fn system_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: u32 = fields[12].parse().unwrap();
        f64::from(ticks) / 100.0
    }

    /// Threads.
    pub fn threads(&self) -> u64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        u64::try_from(threads.unwrap().count()).unwrap()
    }

    /// Open files and sockets.
    pub fn open_files(&self) -> u64 {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        u64::try_from(files.unwrap().count()).unwrap()
    }

    /// Where it listens, once it does.
    pub async fn address(&self) -> String {
        wait_for("the page's address in the log", || {
            let log = self.log().replace("\"page\":\"", "page=");
            // A reload may have moved it.
            let (_, after) = log.rsplit_once("page=http")?;
            Some(after.split('/').nth(2).unwrap().to_owned())
        })
        .await
    }

    /// What it serves at `/metrics`, once it listens.
    pub async fn metrics(&self) -> String {
        http_get(&self.address().await, "/metrics").await
    }

    /// Writes another configuration and sends SIGHUP; returns when it was taken up (`ok`) or `refused`, as wanted.
    pub async fn reload(&self, yaml: &str, outcome: &str) {
        let config = self.log.with_file_name("nephoscope.yaml");
        let before = self.reloads(outcome).await;
        std::fs::write(config, yaml).unwrap();
        self.signal("-HUP");
        let limit = Instant::now() + PATIENCE;
        while self.reloads(outcome).await == before {
            assert!(Instant::now() < limit, "no reload was {outcome}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The same when the page moves: returns when it is at another address.
    pub async fn reload_and_move(&self, yaml: &str) {
        let before = self.address().await;
        std::fs::write(self.log.with_file_name("nephoscope.yaml"), yaml).unwrap();
        self.signal("-HUP");
        let limit = Instant::now() + PATIENCE;
        while self.address().await == before {
            assert!(Instant::now() < limit, "the page did not move:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn reloads(&self, outcome: &str) -> u64 {
        self.sample(&format!(
            "nephoscope_config_reloads_total{{outcome=\"{outcome}\"}}"
        ))
        .await
    }

    /// A whole number at `/metrics`.
    pub async fn sample(&self, name: &str) -> u64 {
        let metrics = self.metrics().await;
        let value = metrics.lines().find_map(|l| l.strip_prefix(name));
        let value = value.unwrap_or_else(|| panic!("no {name} in\n{metrics}"));
        value.trim().parse().unwrap()
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// SIGTERM; gives the exit status.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM");
        wait_for("the end of the daemon", || self.child.try_wait().unwrap()).await
    }

    /// SIGKILL, as a crash of the machine would look to it.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for it to end by itself; gives the exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        wait_for("the end of the daemon", || self.child.try_wait().unwrap())
            .await
            .code()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// One cloud or all, a daemon and a receiver.
pub struct Setup {
    pub clouds: Clouds,
    pub receiver: Receiver,
    pub daemon: Daemon,
    pub window: Compared,
    pub folder: tempfile::TempDir,
}

impl Setup {
    /// All three clouds, delivered over `grpc` or `http`.
    pub async fn start(protocol: &str, faults: &Faults) -> Self {
        Self::start_in(World::default(), protocol, faults).await
    }

    /// The same in a world of the test's own.
    pub async fn start_in(world: World, protocol: &str, faults: &Faults) -> Self {
        let world = World {
            gaps_per_thousand: 20,
            ..world
        };
        let clouds = Clouds::start(&world, faults).await;
        let receiver = Receiver::start(local(), local()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let accounts = [
            clouds.aws_account(),
            clouds.azure_account(folder.path()),
            clouds.gcp_account(folder.path()),
        ];
        let yaml = general(folder.path(), &receiver, protocol) + &accounts.concat();
        let minute = world.clock.now_unix_s() / 60 * 60;
        let daemon = Daemon::start(folder.path(), &yaml);
        let window = Compared {
            from: minute - 13 * 60,
            to: minute - 6 * 60,
        };
        Self {
            clouds,
            receiver,
            daemon,
            window,
            folder,
        }
    }

    /// Waits until the wanted number of points of the window has arrived, each counted once however often a lost
    /// acknowledgement brought it; gives what there is when patience ends.
    pub async fn arrived(&self, wanted: usize) -> Vec<FlatPoint> {
        let limit = Instant::now() + PATIENCE;
        let mut arrivals = self.receiver.arrivals();
        loop {
            let points = self.in_window();
            let distinct: HashSet<String> = points.iter().map(identity).collect();
            if distinct.len() >= wanted {
                return points;
            }
            if Instant::now() > limit {
                println!("{}{}", self.daemon.metrics().await, self.daemon.log());
                return points;
            }
            drop(tokio::time::timeout(Duration::from_secs(5), arrivals.changed()).await);
        }
    }

    /// Starts the daemon again with the same configuration.
    pub fn start_again(&mut self) {
        let yaml = std::fs::read_to_string(self.folder.path().join("nephoscope.yaml")).unwrap();
        self.daemon = Daemon::start(self.folder.path(), &yaml);
    }

    /// What has arrived of the window so far.
    pub fn in_window(&self) -> Vec<FlatPoint> {
        let inside = |p: &FlatPoint| {
            let end = i64::try_from(p.time).unwrap();
            self.window.from * NANOS < end && end <= self.window.to * NANOS
        };
        self.receiver.received().into_iter().filter(inside).collect()
    }

    /// SIGTERM must end the daemon with exit code 0.
    pub async fn stop(mut self) {
        let status = self.daemon.terminate().await;
        assert!(
            status.success(),
            "the daemon ended with {status}:\n{}",
            self.daemon.log()
        );
        self.clouds.stop().await;
        self.receiver.stop().await;
    }
}

/// Series and time of a point.
pub fn identity(p: &FlatPoint) -> String {
    format!("{:?} {} {:?} {}", p.resource, p.metric, p.attributes, p.time)
}

/// What all configurations have in common. Telemetry is off, so that only the clouds' points reach the receiver.
pub fn general(folder: &Path, receiver: &Receiver, protocol: &str) -> String {
    let endpoint = match protocol {
        "grpc" => receiver.grpc_endpoint(),
        _ => receiver.http_endpoint(),
    };
    format!(
        "state: {{ dir: {} }}\nlisten: 127.0.0.1:0\ntelemetry: {{ enabled: false }}\ndefaults:\n  poll: {{ every: 1m, settle: 5m, lookback: 2m, initial: \
         15m }}\ndestinations:\n  - name: receiver\n    otlp: {{ endpoint: \"{endpoint}\", protocol: {protocol} }}\n",
        folder.join("state").display()
    )
}

pub fn local() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// Returns when the clouds' clock, which runs at this pace, shows `unix_s`.
pub async fn until(clouds: &Clouds, pace: Pace, unix_s: i64) {
    let now = clouds.aws.world().clock.now();
    let span = Timestamp::from_second(unix_s).unwrap().duration_since(now);
    tokio::time::sleep(pace.true_span(span.try_into().unwrap_or(Duration::ZERO))).await;
}

/// Asks again and again until there is something; a failure names what never came.
pub async fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let limit = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < limit, "{what}: it did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The body of a plain GET.
pub async fn http_get(address: &str, path: &str) -> String {
    http_get_with(address, path, "").await.1
}

/// Head and body of a GET with further header lines, each with its line end.
pub async fn http_get_with(address: &str, path: &str, headers: &str) -> (String, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}
