//! What the daemon takes with a configuration that sets nothing but clouds and a destination: its own telemetry on, huge
//! pages as this machine has them.

use crate::setup::{Clouds, Daemon, PATIENCE, local, wait_for};
use cloudsim::{Faults, World};
use export::receiver::Receiver;

/// Ten thousand series of three clouds take 80 MiB in a debug build; with pages of 2 MiB and tables that are made for
/// what might come it was 300.
const MOST_PEAK_BYTES: u64 = 130 << 20;

/// It takes a twentieth of it; clearing huge pages took half a second.
const MOST_SYSTEM_SECONDS: f64 = 0.4;

#[tokio::test(flavor = "multi_thread")]
async fn the_default_configuration_takes_little_memory_and_system_time_whatever_the_hosts_huge_pages() {
    let world = World {
        series: 1_000,
        ..World::default()
    };
    let clouds = Clouds::start(&world, &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!(
        "state: {{ dir: {}/state }}\nlisten: 127.0.0.1:0\ntelemetry: {{ interval: 1s }}\ndestinations:\n  - name: r\n    \
         otlp: {{ endpoint: {} }}\n{}",
        folder.path().display(),
        receiver.grpc_endpoint(),
        clouds.aws_account() + &clouds.azure_account(folder.path()) + &clouds.gcp_account(folder.path())
    );
    let mut daemon = Daemon::start(folder.path(), &yaml);
    assert!(receiver.wait_for(1_000, PATIENCE).await, "{}", daemon.log());
    wait_for("figures about what was delivered", || {
        let mut points = receiver.received().into_iter();
        points.find(|point| point.metric == "nephoscope_points_delivered_total")
    })
    .await;
    assert_eq!(daemon.process_status("THP_enabled:").as_deref(), Some("0"));
    let (peak, system) = (daemon.peak_rss_bytes(), daemon.system_seconds());
    println!("peak {} MiB, system time {system} s", peak >> 20);
    assert!(peak < MOST_PEAK_BYTES, "peak {} MiB", peak >> 20);
    assert!(system < MOST_SYSTEM_SECONDS, "{system} s of system time");
    daemon.terminate().await;
    clouds.stop().await;
    receiver.stop().await;
}
