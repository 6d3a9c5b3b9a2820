//! The scheduler, a store and a difficult cloud in one process, on a clock of their own: after an outage of a day every
//! point is there once, the gap was closed in order, and the present never had to wait for it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod budget;
mod clock;
mod cloud;
mod destination;
mod lines;
mod pause;

use clock::VirtualClock;
use cloud::{EVERY, Given, MINUTE, Sky, series, targets, truth};
use lines::Lines;
use provider_api::{AccountId, Apart, UnixNanos};
use scheduler::{Account, AccountProgress, Clock as _, Progress, RunError, Scheduler, SettleSource};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Options, Store, StoreError};
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(3_600);
const BEGINNING_S: i64 = 1_700_000_000;

/// Ends in the order in which they were delivered, by series.
async fn delivered(store: &Store) -> BTreeMap<u128, Vec<i64>> {
    let mut all: BTreeMap<u128, Vec<i64>> = BTreeMap::new();
    while store.usage().destinations[0].pending_points > 0 {
        let (seq, entry) = store.next("d").await.unwrap();
        for (series, end) in lines::read(&entry) {
            all.entry(series).or_default().push(end);
        }
        store.acknowledge("d", seq).await.unwrap();
    }
    all
}

struct World {
    clock: Arc<VirtualClock>,
    sky: Arc<Sky>,
    store: Arc<Store>,
}

impl World {
    /// With a store in memory and all the room there is.
    fn new(outages: Vec<(UnixNanos, UnixNanos)>) -> Self {
        let options = Options::new("", 1 << 30).destination("d");
        Self::with(outages, Store::in_memory(&options, Box::new(Lines)).unwrap())
    }

    fn with(outages: Vec<(UnixNanos, UnixNanos)>, store: Arc<Store>) -> Self {
        let clock = Arc::new(VirtualClock::new(UnixNanos::from_seconds(BEGINNING_S)));
        let sky = Sky {
            account: AccountId("a".into()),
            clock: Arc::clone(&clock),
            outages,
            given: Given::default(),
            retention: HOUR * 24 * 15,
            usd_nanos: 0,
            gate: None,
            bill: Mutex::default(),
            apart: Apart::default(),
        };
        Self {
            sky: Arc::new(sky),
            store,
            clock,
        }
    }

    fn scheduler(&self) -> Scheduler {
        let gate = self.sky.gate.as_ref();
        let account = Account {
            provider: Arc::<Sky>::clone(&self.sky),
            discover_every: HOUR,
            skew: gate::Skew::default(),
            budget: gate.map(|gate| gate.budget().clone()).unwrap_or_default(),
        };
        Scheduler::new(
            vec![account],
            &self.store,
            Arc::<VirtualClock>::clone(&self.clock),
        )
    }

    /// Runs a scheduler until `end`; `watch` is called whenever time moves.
    async fn run(&self, end: UnixNanos, mut watch: impl FnMut(&AccountProgress)) -> Arc<Progress> {
        let scheduler = self.scheduler();
        let (progress, stop) = (scheduler.progress(), CancellationToken::new());
        let running = tokio::spawn(scheduler.run(stop.clone(), Duration::ZERO));
        while self.clock.now() < end {
            self.clock.advance(&progress).await;
            watch(&progress.snapshot()[0]);
        }
        stop.cancel();
        running.await.unwrap().unwrap();
        progress
    }
}

/// How far the newest point of the group that is worst off lies behind what is settled.
fn late(now: UnixNanos, account: &AccountProgress) -> Duration {
    let of = |group: &scheduler::GroupProgress| now.minus(group.settle).since(group.newest.unwrap());
    account.groups.values().map(of).max().unwrap()
}

fn check_order(ends: &[i64], gap: (UnixNanos, UnixNanos)) {
    let in_gap = |end: &i64| (gap.0.seconds()..gap.1.seconds()).contains(end);
    let in_gap: Vec<i64> = ends.iter().copied().filter(in_gap).collect();
    assert!(in_gap.is_sorted(), "the gap was not closed oldest first");
}

/// Every point that the cloud has had for long enough is there once, and nothing else.
fn check_complete(ends: &[i64], target: u64, first: i64, now: UnixNanos) {
    let mut sorted = ends.to_vec();
    sorted.sort_unstable();
    let count = sorted.len();
    sorted.dedup();
    assert_eq!(sorted.len(), count, "target {target} has points twice");
    let settled = now.seconds() - 3 * 3_600;
    for end in (first..settled).step_by(60) {
        let there = sorted.binary_search(&end).is_ok();
        let shows = truth(target, end).shows;
        assert_eq!(
            there,
            shows.is_some(),
            "target {target} at {end}, shows after {shows:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_outage_is_caught_up_with_while_the_present_goes_on() {
    let beginning = UnixNanos::from_seconds(BEGINNING_S);
    let outage = (beginning.plus(HOUR * 6), beginning.plus(HOUR * 30));
    let world = World::new(vec![outage]);
    let before = world.run(outage.1, |_| {}).await.snapshot()[0].clone();
    assert!(before.errors["unavailable"] > 100, "{before:?}");
    assert!(before.late > 0 && before.revised > 0, "{before:?}");
    assert_eq!(world.sky.given.patient(), 0, "there is no past to ask for yet");
    // One poll finds the cloud again; from then on the present is never more than three polls late. A restart in the
    // middle of catching up changes nothing.
    let restart = outage.1.plus(EVERY * 3);
    let end = outage.1.plus(HOUR * 8);
    let clock = Arc::clone(&world.clock);
    let mut behind = Vec::new();
    let mut watch = |account: &AccountProgress| {
        let polled = |g: &scheduler::GroupProgress| g.newest.is_some_and(|newest| newest > outage.1);
        if account.groups.len() == 2 && account.groups.values().all(polled) {
            let late = late(clock.now(), account);
            assert!(late <= EVERY * 3, "{late:?} late, {account:?}");
        }
        behind.extend(account.groups.values().map(|g| g.behind).max());
    };
    let first = world.run(restart, &mut watch).await.snapshot()[0].backlog_windows;
    let progress = world.run(end, &mut watch).await;
    let account = progress.snapshot()[0].clone();
    assert!(
        behind.iter().any(|b| *b > HOUR * 12),
        "there was something to catch up with"
    );
    assert!(account.groups.values().all(|g| g.behind.is_zero()), "{account:?}");
    assert!(
        first > 0 && account.backlog_windows > 0,
        "the restart was in the middle: {first}"
    );
    let patient = u64::try_from(world.sky.given.patient()).unwrap();
    assert!(
        patient >= first + account.backlog_windows,
        "{patient} of the past"
    );
    assert_eq!(
        (account.too_old, account.deferred, account.lost_seconds),
        (0, 0, 0)
    );
    let namespace = progress.namespaces()[0].clone();
    assert_eq!(namespace.source, SettleSource::Learnt, "{namespace:?}");
    check_delivered(&world, &account).await;
}

/// Each next outage begins while the one before is still being caught up with, and lasts longer than what counts as the
/// present.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outages_while_catching_up_keep_the_present_as_fresh_as_the_first_does() {
    let beginning = UnixNanos::from_seconds(BEGINNING_S);
    let minutes = |n: u32| Duration::from_secs(60) * n;
    let first = (beginning.plus(HOUR * 6), beginning.plus(HOUR * 30));
    let second = (first.1.plus(minutes(11)), first.1.plus(minutes(50)));
    let third = (second.1.plus(minutes(8)), second.1.plus(minutes(40)));
    let outages = vec![first, second, third];
    let world = World::new(outages.clone());
    let clock = Arc::clone(&world.clock);
    let mut behind = Vec::new();
    let progress = world
        .run(third.1.plus(HOUR * 8), |account| {
            let now = clock.now();
            let over = outages.iter().rfind(|outage| outage.0 <= now);
            // A call that is cut off by an outage may have begun before it.
            let dark = over.is_some_and(|outage| now < outage.1.plus(EVERY * 2));
            if account.groups.len() == 2 && !dark {
                let late = late(now, account);
                assert!(late <= EVERY * 3, "{late:?} late at {now:?}, {account:?}");
            }
            let most = account.groups.values().map(|group| group.behind).max();
            behind.push((now, most.unwrap_or_default()));
        })
        .await;
    for outage in [second, third] {
        let then = behind.iter().rfind(|(now, _)| *now < outage.0).unwrap();
        assert!(then.1 > HOUR, "nothing was left to catch up with: {then:?}");
    }
    let account = progress.snapshot()[0].clone();
    assert!(account.groups.values().all(|g| g.behind.is_zero()), "{account:?}");
    assert_eq!(
        (account.too_old, account.deferred, account.lost_seconds),
        (0, 0, 0)
    );
    check_delivered(&world, &account).await;
}

/// The outage lasts longer than the cloud keeps points: what is gone is counted, what is left is fetched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_cloud_no_longer_keeps_is_counted_as_lost_and_the_rest_is_fetched() {
    let beginning = UnixNanos::from_seconds(BEGINNING_S);
    let outage = (beginning.plus(HOUR * 6), beginning.plus(HOUR * 30));
    let mut world = World::new(vec![outage]);
    Arc::get_mut(&mut world.sky).unwrap().retention = HOUR * 10;
    let progress = world.run(outage.1.plus(HOUR * 2), |_| {}).await;
    let account = progress.snapshot()[0].clone();
    // Each hole of a group is counted once: 14 hours of each group, and what was lost on the way to it.
    let lost = Duration::from_secs(account.lost_seconds);
    let groups = u32::try_from(cloud::GROUPS).unwrap();
    assert!(
        lost >= HOUR * 13 * groups && lost <= HOUR * 16 * groups,
        "{lost:?} lost"
    );
    let all = delivered(&world.store).await;
    let kept = outage.1.minus(HOUR * 9).seconds();
    for target in targets() {
        let ends = &all[&series(target).id().0];
        let gone = (outage.0.seconds()..outage.1.minus(HOUR * 10).seconds()).step_by(3_600);
        assert!(gone.clone().all(|hour| !ends.contains(&(hour / MINUTE * MINUTE))));
        let ends: Vec<i64> = ends.iter().copied().filter(|end| *end >= kept).collect();
        check_complete(&ends, target, (kept / MINUTE + 1) * MINUTE, world.clock.now());
    }
}

async fn check_delivered(world: &World, account: &AccountProgress) {
    let all = delivered(&world.store).await;
    assert_eq!(all.len(), targets().count());
    // The first poll reaches back by a quarter of an hour over what is settled.
    let first = (BEGINNING_S / MINUTE + 1) * MINUTE;
    for target in targets() {
        let ends = &all[&series(target).id().0];
        check_complete(ends, target, first, world.clock.now());
        // But for the hour at either end, which the windows of the present reach into.
        for outage in &world.sky.outages {
            check_order(ends, (outage.0.plus(HOUR), outage.1.minus(HOUR)));
        }
    }
    assert!(account.points > 0);
}

#[tokio::test]
async fn a_store_that_cannot_go_on_ends_the_scheduler_by_name() {
    let world = World::new(Vec::new());
    world.store.close().await.unwrap();
    let scheduler = world.scheduler();
    let progress = scheduler.progress();
    let running = tokio::spawn(scheduler.run(CancellationToken::new(), Duration::ZERO));
    while !running.is_finished() {
        tokio::select! {
            () = world.clock.advance(&progress) => {}
            () = tokio::task::yield_now() => {}
        }
    }
    match running.await.unwrap() {
        Err(RunError::Store {
            account,
            group,
            source,
        }) => {
            assert_eq!((&*account, source), ("a", StoreError::Closed));
            assert_eq!(&*group, "s", "targets are made known before they are polled");
        }
        other => panic!("{other:?}"),
    }
}
