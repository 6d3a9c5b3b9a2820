//! Hundreds of reloads under load, of random configurations, right and wrong: accounts and a destination that stay the
//! same neither miss a point nor get one twice, and nothing is left behind in memory.

use super::configurations::{Configurations, Written};
use crate::setup::{Clouds, Compared, Daemon, NANOS, PATIENCE, Setup, identity, local, wait_for};
use crate::systemd::Manager;
use crate::{same, same_gcp, wanted_aws, wanted_azure, wanted_gcp};
use cloudsim::{Faults, World};
use export::receiver::{FlatPoint, Receiver};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Reloads of the whole test. Most are over within a few hundredths of a second.
const RELOADS: u32 = 200;

/// Of its long form.
const MANY_RELOADS: u32 = 1_000;

/// Memory is looked at after so many, when everything has been there once, and at the end.
const WARM: u32 = 100;

/// How much more memory may be resident at the end than was at most by then: what the allocator keeps in reserve comes
/// and goes by a tenth.
const GROWTH_PERCENT: u64 = 5;

/// How often it is looked at each time, and after how many reloads each: the middle counts.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: u32 = 10;

/// Tasks and files that come and go by themselves: connections, requests under way.
const FEW: u64 = 16;

/// Between two looks whether the daemon is at rest.
const BREATH: Duration = Duration::from_millis(50);

/// The same configurations each time.
const SEED: u64 = 20_240_607;

/// No part is to be taken for dead by this test.
const WATCHDOG: Duration = Duration::from_secs(600);

/// What the process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    rss_bytes: u64,
    peak_bytes: u64,
    threads: u64,
    tasks: u64,
    /// Google's library keeps a task for each token until it would renew it, and only then sees that nobody wants it
    /// any more. At most so many of the tasks are of that kind.
    tokens: u64,
    files: u64,
}

/// One account of each cloud that no reload touches, and the receiver that gets their points.
struct Storm {
    setup: Setup,
    manager: Manager,
    configurations: Configurations,
}

impl Storm {
    async fn start() -> Self {
        let world = World::default();
        let clouds = Clouds::start(&world, &Faults::new()).await;
        let receiver = Receiver::start(local(), local()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let manager = Manager::new(&folder);
        let configurations = Configurations::new(SEED, folder.path(), &clouds, &receiver).await;
        let yaml = configurations.yaml();
        let minute = world.clock.now_unix_s() / 60 * 60;
        let daemon = Daemon::start_notifying(folder.path(), &yaml, manager.path(), WATCHDOG);
        manager.message_with("READY=1").await;
        Self {
            setup: Setup {
                clouds,
                receiver,
                daemon,
                // What the first poll asks for.
                window: Compared {
                    from: minute - 13 * 60,
                    to: minute - 6 * 60,
                },
                folder,
            },
            manager,
            configurations,
        }
    }

    /// Every account has been polled once: the memory that they need is there.
    async fn wait_until_all_have_points(&self) {
        let setup = &self.setup;
        let wanted = wanted_aws(setup).len() + wanted_azure(setup).len() + wanted_gcp(setup).len();
        wait_for("points of every account", || {
            (setup.in_window().len() >= 2 * wanted).then_some(())
        })
        .await;
    }

    async fn reload(&mut self) {
        let Written { refused, what } = self.configurations.next();
        self.reload_to(refused, &what).await;
    }

    /// One reload; returns when systemd is told that it is over.
    async fn reload_to(&mut self, refused: bool, what: &str) {
        self.setup.daemon.signal("-HUP");
        self.manager.message_with("RELOADING=1").await;
        let status = self.manager.message_with("READY=1").await;
        let was_refused = status.contains("the last reload was refused");
        assert_eq!(
            was_refused,
            refused,
            "{what}: {status}\n{}",
            self.setup.daemon.log()
        );
    }

    async fn reload_often(&mut self, times: u32) {
        for _ in 0..times {
            self.reload().await;
        }
    }

    /// What the process holds at rest, with the configuration that it began with.
    async fn held(&mut self) -> Held {
        self.configurations.write_first();
        self.reload_to(false, "the first").await;
        let limit = Instant::now() + PATIENCE;
        while !self.is_at_rest().await {
            let metrics = self.setup.daemon.metrics().await;
            assert!(Instant::now() < limit, "something does not end:\n{metrics}");
            tokio::time::sleep(BREATH).await;
        }
        Held {
            rss_bytes: self.setup.daemon.rss_bytes(),
            peak_bytes: self.setup.daemon.peak_rss_bytes(),
            threads: self.setup.daemon.threads(),
            tasks: self.setup.daemon.sample("nephoscope_runtime_tasks").await,
            tokens: self.configurations.tokens,
            files: self.setup.daemon.open_files(),
        }
    }

    /// The middle of several looks at memory, of the rest the last.
    async fn held_after_looks(&mut self) -> Held {
        let mut held = self.held().await;
        let mut resident = vec![held.rss_bytes];
        for _ in 1..LOOKS {
            self.reload_often(BETWEEN_LOOKS).await;
            held = self.held().await;
            resident.push(held.rss_bytes);
        }
        resident.sort_unstable();
        Held {
            rss_bytes: resident[resident.len() / 2],
            ..held
        }
    }

    /// Every account was listed, nothing is polled, nothing waits, and the threads for blocking work, each with memory of
    /// its own, have ended.
    async fn is_at_rest(&self) -> bool {
        let metrics = self.setup.daemon.metrics().await;
        let of = |name: &str| -> Vec<u64> {
            let samples = metrics.lines().filter(|line| line.starts_with(name));
            let values = samples.filter_map(|line| line.rsplit(' ').next());
            values.map(|value| value.parse().unwrap()).collect()
        };
        let series = of("nephoscope_series_active{");
        let busy = of("nephoscope_polls_in_flight{")
            .into_iter()
            .chain(of("nephoscope_spool_points "));
        let listed = series.len() == 6 && series.into_iter().all(|n| n > 0);
        listed && busy.sum::<u64>() == 0 && self.setup.daemon.threads() <= threads_at_rest()
    }

    /// Points of the accounts that stay, in the window.
    fn arrived(&self) -> Vec<FlatPoint> {
        let stays = |p: &FlatPoint| ["a", "z", "g"].contains(&p.resource["nephoscope.account"].as_str());
        self.setup.in_window().into_iter().filter(stays).collect()
    }

    /// Every point of theirs is there once with its value, and no point at all is there twice.
    async fn compare(&self) {
        let setup = &self.setup;
        let (aws, azure, gcp) = (wanted_aws(setup), wanted_azure(setup), wanted_gcp(setup));
        let wanted = aws.len() + azure.len() + gcp.len();
        wait_for("the last points", || {
            (self.arrived().len() >= wanted).then_some(())
        })
        .await;
        let arrived = self.arrived();
        same("aws", aws, &arrived, "cloud.region");
        same("azure", azure, &arrived, "cloud.resource_id");
        same_gcp(&gcp, &arrived);
        let mut seen = HashSet::new();
        for point in setup.receiver.received() {
            assert!(seen.insert(identity(&point)), "twice: {point:?}");
        }
        let last = i64::try_from(arrived.iter().map(|p| p.time).max().unwrap()).unwrap();
        assert!(
            last > (setup.window.to - 60) * NANOS,
            "nothing was polled meanwhile"
        );
        println!("{} points of all accounts", seen.len());
    }
}

/// Those of the runtime, one for each core, the first and the store's.
fn threads_at_rest() -> u64 {
    let cores = std::thread::available_parallelism().unwrap().get();
    u64::try_from(cores + 2).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_lose_nothing_double_nothing_and_leave_nothing_behind() {
    nothing_is_left_behind(RELOADS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn a_thousand_reloads_lose_nothing_double_nothing_and_leave_nothing_behind() {
    nothing_is_left_behind(MANY_RELOADS).await;
}

async fn nothing_is_left_behind(reloads: u32) {
    let mut storm = Storm::start().await;
    storm.wait_until_all_have_points().await;
    let begun = Instant::now();
    storm.reload_often(WARM).await;
    let warm = storm.held_after_looks().await;
    storm.reload_often(reloads - WARM).await;
    println!("{reloads} reloads took {:?}", begun.elapsed());
    let end = storm.held_after_looks().await;
    // What was polled meanwhile, too.
    storm.setup.window.to += 2 * 60;
    storm.compare().await;
    println!("after {WARM} {warm:?}, after {reloads} {end:?}");
    let most = warm.peak_bytes + warm.peak_bytes * GROWTH_PERCENT / 100;
    assert!(end.rss_bytes <= most, "memory grows");
    assert!(end.threads <= warm.threads + FEW, "threads are left behind");
    let tokens = end.tokens - warm.tokens;
    assert!(end.tasks <= warm.tasks + tokens + FEW, "tasks are left behind");
    assert!(
        end.files <= warm.files + FEW,
        "files or connections are left behind"
    );
    storm.setup.stop().await;
}
