//! What the real binary tells systemd, read from a socket of the test's own.

use crate::setup::{Clouds, Daemon, PATIENCE, general, http_get, local};
use cloudsim::{Faults, World};
use export::receiver::Receiver;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

/// Fed twice in this time; short, so that a test sees it often.
const WATCHDOG: Duration = Duration::from_secs(2);

/// Longer than any message of ours.
const MESSAGE_BYTES: usize = 4096;

/// systemd's end of the conversation.
pub struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    pub fn new(folder: &tempfile::TempDir) -> Self {
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, path }
    }

    /// Where the daemon is to write to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn message(&self) -> String {
        let mut message = vec![0; MESSAGE_BYTES];
        let length = timeout(PATIENCE, self.socket.recv(&mut message))
            .await
            .expect("no message from the daemon")
            .unwrap();
        message.truncate(length);
        String::from_utf8(message).unwrap()
    }

    /// Reads until a message has such a line; gives the line.
    async fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let message = self.message().await;
            if let Some(line) = message.lines().find(|l| wanted(l)) {
                return line.to_owned();
            }
        }
    }

    /// Reads until a message has this line; gives the message.
    pub async fn message_with(&self, line: &str) -> String {
        loop {
            let message = self.message().await;
            if message.lines().any(|l| l == line) {
                return message;
            }
        }
    }

    fn is_silent(&self) -> bool {
        self.socket.try_recv(&mut [0; MESSAGE_BYTES]).is_err()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_when_the_page_answers_lives_and_stops_in_order() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = general(folder.path(), &receiver, "grpc") + &clouds.aws_account();
    let manager = Manager::new(&folder);
    let mut daemon = Daemon::start_notifying(folder.path(), &yaml, &manager.path, WATCHDOG);

    let first = manager.message().await;
    assert!(first.starts_with("READY=1\nSTATUS="), "{first}");
    let log = daemon.log();
    let (_, after) = log.split_once("page=http://").expect("ready before the page");
    let address = after.split('/').next().unwrap();
    assert_eq!(http_get(address, "/healthz").await, "ok\n");

    for _ in 0..4 {
        manager.line(|l| l == "WATCHDOG=1").await;
    }
    let status = manager
        .line(|l| l.starts_with("STATUS=1/1 accounts ready, newest point "))
        .await;
    assert!(status.ends_with("points waiting"), "{status}");

    let (ended, _stopping) = tokio::join!(daemon.terminate(), manager.line(|l| l == "STOPPING=1"));
    assert_eq!(ended.code(), Some(0), "{}", daemon.log());
    clouds.stop().await;
    receiver.stop().await;
}

/// What this machine's clock that never steps has counted, as systemd reads it.
fn monotonic_us() -> u64 {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let seconds: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    u64::try_from(Duration::from_secs_f64(seconds).as_micros()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_is_announced_and_ends_ready_also_when_it_is_refused() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = general(folder.path(), &receiver, "grpc") + &clouds.aws_account();
    let manager = Manager::new(&folder);
    let mut daemon = Daemon::start_notifying(folder.path(), &yaml, &manager.path, WATCHDOG);
    manager.line(|l| l == "READY=1").await;
    for (yaml, refused) in [
        (yaml.replace("1m", "2m"), false),
        (yaml.replace("1m", "soon"), true),
        (yaml, false),
    ] {
        std::fs::write(folder.path().join("nephoscope.yaml"), yaml).unwrap();
        daemon.signal("-HUP");
        let begun = manager.message_with("RELOADING=1").await;
        let since = begun.lines().find_map(|l| l.strip_prefix("MONOTONIC_USEC="));
        // The kernel writes the uptime in hundredths of a second.
        let (since, now): (u64, u64) = (since.unwrap().parse().unwrap(), monotonic_us() + 10_000);
        assert!(
            since <= now && now - since < 1_000_000 * PATIENCE.as_secs(),
            "{since} {now}"
        );
        let ended = manager.message_with("READY=1").await;
        assert_eq!(ended.contains("the last reload was refused"), refused, "{ended}");
    }
    assert_eq!(daemon.terminate().await.code(), Some(0), "{}", daemon.log());
    clouds.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_down_is_no_hang() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = general(folder.path(), &receiver, "grpc") + &clouds.aws_account();
    receiver.stop().await;
    let manager = Manager::new(&folder);
    let mut daemon = Daemon::start_notifying(folder.path(), &yaml, &manager.path, WATCHDOG);
    manager.line(|l| l.ends_with(", 1/1 destinations down")).await;
    for _ in 0..3 {
        manager.line(|l| l == "WATCHDOG=1").await;
    }
    assert!(daemon.runs(), "{}", daemon.log());
    daemon.kill();
    clouds.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_open_its_store_is_never_ready() {
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("state"), "a file where the folder should be").unwrap();
    let yaml = general(folder.path(), &receiver, "grpc") + &clouds.aws_account();
    let manager = Manager::new(&folder);
    let mut daemon = Daemon::start_notifying(folder.path(), &yaml, &manager.path, WATCHDOG);
    assert_eq!(daemon.ended().await, Some(69), "{}", daemon.log());
    assert!(manager.is_silent());
    clouds.stop().await;
    receiver.stop().await;
}
