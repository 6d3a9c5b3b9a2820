//! A budget that is too small for what is polled, with the real binary on a fast clock: what the cloud would have billed
//! never passes it, through retries, SIGKILL and midnight; the polls are stretched over the day; when it is raised, every
//! point is there once. And a budget that pays for no call at all.

use crate::compare::{same, wanted_aws};
use crate::setup::{Clouds, Compared, Daemon, PATIENCE, Setup, general, http_get, identity, local, wait_for};
use cloudsim::{Clock, Faults, Pace, World};
use export::receiver::{FlatPoint, Receiver};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::HashSet;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

/// So many times as fast: an hour takes less than four seconds.
const SPEED: u16 = 1_000;

/// Enough for the daemon to be there when time begins to run fast; if it is not, it only begins later.
const BEFORE_START: Duration = Duration::from_secs(5);

const NAMESPACE: &str = "AWS/SQS";
const REGION: &str = "eu-west-1";
const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;

/// What `CloudWatch` bills for one metric of one request.
const USD_NANOS_PER_METRIC: u64 = 10_000;

/// A day's budget pays for so many polls of 288.
const POLLS_PAID: u64 = 48;

/// Clouds and daemon on a fast clock, and the cloud's bill.
struct Rehearsal {
    setup: Setup,
    pace: Pace,
    budget: u64,
    today: i64,
    /// What had been billed when today began. What was billed between two looks with midnight in between counts for
    /// neither day.
    before: u64,
}

impl Rehearsal {
    async fn start(faults: &Faults) -> Self {
        let pace = Pace::new(NonZeroU16::new(SPEED).unwrap(), Timestamp::now() + BEFORE_START);
        let world = World {
            clock: Clock::paced(pace),
            ..World::default()
        };
        let clouds = Clouds::start(&world, faults).await;
        let receiver = Receiver::start(local(), local()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let begin = world.clock.now_unix_s() / 60 * 60;
        let budget = POLLS_PAID * metrics(&clouds, begin) * USD_NANOS_PER_METRIC;
        let yaml = configuration(&clouds, folder.path(), &receiver, budget);
        let daemon = Daemon::start_paced(folder.path(), &yaml, pace);
        let window = Compared {
            from: begin,
            to: begin,
        };
        let setup = Setup {
            clouds,
            receiver,
            daemon,
            window,
            folder,
        };
        Self {
            setup,
            pace,
            budget,
            today: begin / DAY_S,
            before: 0,
        }
    }

    fn yaml(&self) -> String {
        std::fs::read_to_string(self.setup.folder.path().join("nephoscope.yaml")).unwrap()
    }

    fn now_s(&self) -> i64 {
        self.setup.clouds.aws.world().clock.now_unix_s()
    }

    fn billed(&self) -> u64 {
        self.setup.clouds.aws.counts().units("metrics requested") * USD_NANOS_PER_METRIC
    }

    /// What the cloud has billed today.
    fn today(&mut self) -> u64 {
        let billed = self.billed();
        let today = self.now_s() / DAY_S;
        if today != self.today {
            (self.today, self.before) = (today, billed);
        }
        billed - self.before
    }

    /// Looks at the bill until the clouds' clock shows this time.
    async fn until(&mut self, unix_s: i64) {
        while self.now_s() < unix_s {
            let (today, budget) = (self.today(), self.budget);
            assert!(
                today <= budget,
                "{today} of {budget}:\n{}",
                self.setup.daemon.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn kill_and_start_again(&mut self) {
        let yaml = self.yaml();
        self.setup.daemon.kill();
        self.setup.daemon = Daemon::start_paced(self.setup.folder.path(), &yaml, self.pace);
    }

    /// The account as `/api/v1/accounts` has it.
    async fn account(&self) -> Value {
        let address = self.setup.daemon.address().await;
        let answer: Value = serde_json::from_str(&http_get(&address, "/api/v1/accounts").await).unwrap();
        answer["items"][0].clone()
    }

    /// Waits until what is served has these words; gives it.
    async fn until_served(&self, path: &str, words: &str) -> String {
        let limit = Instant::now() + PATIENCE;
        loop {
            let served = http_get(&self.setup.daemon.address().await, path).await;
            if served.contains(words) {
                return served;
            }
            assert!(Instant::now() < limit, "no `{words}` in {served}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until_account(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let limit = Instant::now() + PATIENCE;
        loop {
            let account = self.account().await;
            if is(&account) {
                return account;
            }
            let log = self.setup.daemon.log();
            assert!(Instant::now() < limit, "{what}: {account}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until everything of the window has come; gives it.
    async fn arrived(&self, wanted: usize) -> Vec<FlatPoint> {
        let points = self.setup.arrived(wanted).await;
        let distinct: HashSet<String> = points.iter().map(identity).collect();
        assert_eq!(distinct.len(), points.len(), "points came twice");
        points
    }
}

/// As a user would write it.
fn configuration(clouds: &Clouds, folder: &std::path::Path, receiver: &Receiver, budget: u64) -> String {
    let general = general(folder, receiver, "grpc").replace("every: 1m,", "every: 5m,");
    let account = clouds
        .aws_account()
        .replace("Average, Sum, Maximum", "Sum")
        .replace(
            "regions: [eu-west-1, us-east-1]",
            &format!("regions: [{REGION}]\n    {}", line(budget)),
        );
    let is_wanted = |line: &&str| !line.contains("- { namespace: ") || line.contains(NAMESPACE);
    let account: Vec<&str> = account.lines().filter(is_wanted).collect();
    format!("{general}{}\n", account.join("\n"))
}

fn line(budget: u64) -> String {
    let usd = Duration::from_nanos(budget).as_secs_f64();
    format!("budget: {{ usd_per_day: {usd} }}")
}

/// Metrics that one poll asks for.
fn metrics(clouds: &Clouds, now_s: i64) -> u64 {
    let truth = clouds.aws.truth();
    let points = truth.points(now_s - HOUR_S, now_s, "Sum", 60);
    let of_queues = points.filter(|p| p.namespace == NAMESPACE && p.region == REGION);
    let distinct: HashSet<String> = of_queues
        .map(|p| format!("{} {:?}", p.metric, p.dimensions))
        .collect();
    u64::try_from(distinct.len()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_kept_through_retries_sigkill_and_midnight_and_loses_nothing() {
    let faults = Faults::new();
    faults.throttle_every(7);
    let mut it = Rehearsal::start(&faults).await;
    let begin = it.now_s();
    let midnight = (begin / DAY_S + 1) * DAY_S;
    it.until(begin + HOUR_S / 2).await;
    told(&it).await;

    // Twice, so that at least one of them is not at midnight.
    for _ in 0..2 {
        it.kill_and_start_again();
        let (today, billed) = (it.now_s() / DAY_S, it.today());
        let account = it
            .until_account("it is back", |a| a["spent_today_usd_nanos"].is_u64())
            .await;
        let known = account["spent_today_usd_nanos"].as_u64().unwrap();
        if it.now_s() / DAY_S == today {
            let budget = it.budget;
            println!("killed with {billed} billed today; {known} known of {budget} afterwards");
            assert!(known >= billed, "{known} of {billed}");
        }
        let soon = it.now_s() + HOUR_S;
        it.until(soon).await;
    }

    it.until(midnight - HOUR_S / 12).await;
    let day = it.today();
    println!("{day} of {} billed from {begin} to midnight", it.budget);
    it.until(midnight + 4 * HOUR_S).await;
    let morning = it.today();
    println!("{morning} of {} billed by four in the morning", it.budget);
    // By then a fifth of it may have been spent.
    assert!(
        (1..it.budget / 4).contains(&morning),
        "{morning} of {}",
        it.budget
    );

    let yaml = it.yaml().replace(&line(it.budget), &line(it.budget * 100));
    it.setup.daemon.reload(&yaml, "ok").await;
    it.budget *= 100;
    it.until_account("it goes on", |a| a["state"] == "up to date")
        .await;
    it.setup.window = Compared {
        from: begin / 60 * 60,
        to: midnight + 3 * HOUR_S,
    };
    let mut wanted = wanted_aws(&it.setup);
    wanted.retain(|(region, metric, ..), _| {
        region == REGION && metric.starts_with("aws.sqs.") && metric.rsplit('.').next() == Some("sum")
    });
    let arrived = it.arrived(wanted.len()).await;
    same("aws", wanted, &arrived, "cloud.region");
    wait_for("the line that polls are resumed", || {
        let log = it.setup.daemon.log();
        log.contains("resuming polls of account a: budget available again")
            .then_some(())
    })
    .await;
    it.setup.stop().await;
}

/// Everything that shows an account shows that it waits. It does so for most of the time: each is asked until it does.
async fn told(it: &Rehearsal) {
    let waits = |a: &Value| {
        a["state"]
            .as_str()
            .unwrap()
            .starts_with("waits for its budget until ")
    };
    let account = it.until_account("it waits", waits).await;
    assert!(account["state"].as_str().unwrap().ends_with(" UTC"), "{account}");
    assert!(account["budget_waits_until"].is_string(), "{account}");
    assert_eq!(account["budget_usd_nanos"].as_u64(), Some(it.budget), "{account}");
    assert!(
        account["remedy"].as_str().unwrap().contains("usd_per_day"),
        "{account}"
    );
    it.until_served("/", "waits for its budget until ").await;
    it.until_served("/readyz", " the budget until ").await;
    let metrics = it
        .until_served("/metrics", "nephoscope_budget_waiting_polls{account=\"a\"} 1")
        .await;
    let left = metrics
        .lines()
        .find_map(|l| l.strip_prefix("nephoscope_budget_remaining_usd{account=\"a\"} "));
    let left: f64 = left.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap();
    assert!(
        left >= 0.0 && left < Duration::from_nanos(it.budget).as_secs_f64(),
        "{left}"
    );
    let log = it.setup.daemon.log();
    let lines = log.matches("account a waits for its budget until ").count();
    assert_eq!(lines, 1, "{log}");
    let url = format!("http://{}", it.setup.daemon.address().await);
    let status = crate::commands::nephoscope(&["status", "--url", &url]).await;
    assert!(status.status.success(), "nobody need act: {status:?}");
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(
        status.contains("BUDGET TODAY") && status.contains(" of $0."),
        "{status}"
    );
}

/// Waits until the daemon has counted exactly what the cloud has billed, which it does on one day; gives that.
async fn counted_as_billed(day: i64, daemon: &Daemon, clouds: &Clouds) -> Option<u64> {
    let limit = Instant::now() + PATIENCE;
    loop {
        if Timestamp::now().as_second() / DAY_S != day {
            return None;
        }
        let answer = http_get(&daemon.address().await, "/api/v1/accounts").await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let counted = answer["items"][0]["spent_today_usd_nanos"].as_u64();
        let billed = clouds.aws.counts().units("metrics requested") * USD_NANOS_PER_METRIC;
        if billed > 0 && counted == Some(billed) {
            return Some(billed);
        }
        assert!(
            Instant::now() < limit,
            "{billed} billed: {answer}\n{}",
            daemon.log()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_restart_counts_on_from_what_the_cloud_has_billed() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = configuration(&clouds, folder.path(), &receiver, 20_000_000_000);
    let mut daemon = Daemon::start(folder.path(), &yaml);
    let day = Timestamp::now().as_second() / DAY_S;
    counted_as_billed(day, &daemon, &clouds).await;
    assert!(daemon.terminate().await.success(), "{}", daemon.log());
    let mut daemon = Daemon::start(folder.path(), &yaml);
    let billed = counted_as_billed(day, &daemon, &clouds).await;
    println!("{billed:?} counted and billed");
    assert!(daemon.terminate().await.success(), "{}", daemon.log());
    clouds.stop().await;
    receiver.stop().await;
}

/// The accounts of all three clouds, with one entry of each that may cost nothing.
fn entries_without_money(clouds: &Clouds, folder: &std::path::Path) -> String {
    let none = "budget: { usd_per_day: 0 }";
    let aws = clouds.aws_account();
    let azure = clouds.azure_account(folder);
    let gcp = clouds.gcp_account(folder);
    let types = "- types: [\"pubsub.googleapis.com/*\"]\n";
    [
        aws.replace(
            "{ namespace: AWS/SQS,",
            &format!("{{ namespace: AWS/SQS, {none},"),
        ),
        azure.replace(
            "{ resource_type: Microsoft.Cache/redis,",
            &format!("{{ resource_type: Microsoft.Cache/redis, {none},"),
        ),
        gcp.replace(types, &format!("{types}        {none}\n")),
    ]
    .concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_may_cost_nothing_holds_back_no_other() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = general(folder.path(), &receiver, "grpc") + &entries_without_money(&clouds, folder.path());
    assert_eq!(yaml.matches("usd_per_day: 0").count(), 3, "{yaml}");
    let mut daemon = Daemon::start(folder.path(), &yaml);
    let come = |metric: &str| {
        receiver
            .received()
            .iter()
            .any(|point| point.metric.starts_with(metric))
    };
    let poor = ["aws.sqs.", "azure.cache.redis.", "gcp.pubsub."];
    let others = ["aws.lambda.", "azure.sql.", "gcp.compute."];
    wait_for("points of the other entries", || {
        others.iter().all(|m| come(m)).then_some(())
    })
    .await;
    for account in ["a", "z", "g"] {
        let waiting = format!("nephoscope_budget_waiting_polls{{account=\"{account}\"}}");
        let limit = Instant::now() + PATIENCE;
        while daemon.sample(&waiting).await == 0 {
            assert!(
                Instant::now() < limit,
                "none of {account} waits:\n{}",
                daemon.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(!poor.iter().any(|m| come(m)), "it was paid for");
    daemon
        .reload(&yaml.replace("usd_per_day: 0", "usd_per_day: 5"), "ok")
        .await;
    wait_for("points of all entries", || {
        poor.iter().all(|m| come(m)).then_some(())
    })
    .await;
    assert!(daemon.terminate().await.success(), "{}", daemon.log());
    clouds.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_below_the_price_of_one_call_says_so_and_stops_in_order() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = configuration(&clouds, folder.path(), &receiver, USD_NANOS_PER_METRIC);
    let mut daemon = Daemon::start(folder.path(), &yaml);
    wait_for("the line in the log", || {
        daemon
            .log()
            .contains("more than the $0.00001 that a whole day may")
            .then_some(())
    })
    .await;
    let address = daemon.address().await;
    let ready = http_get(&address, "/readyz").await;
    assert!(
        ready.contains("more than the $0.00001 that a whole day may"),
        "{ready}"
    );
    let accounts = http_get(&address, "/api/v1/accounts").await;
    assert!(accounts.contains("budget too small"), "{accounts}");
    assert!(http_get(&address, "/healthz").await.starts_with("ok"));
    assert_eq!(
        daemon
            .sample("nephoscope_budget_waiting_polls{account=\"a\"}")
            .await,
        1
    );
    assert!(daemon.terminate().await.success(), "{}", daemon.log());
    let counts = clouds.aws.counts();
    assert!(counts.operation("ListMetrics") > 0, "what is free is asked");
    assert_eq!(counts.operation("GetMetricData"), 0);
    clouds.stop().await;
    receiver.stop().await;
}
