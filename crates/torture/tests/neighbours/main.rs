//! One failure leaves the others alone.
#![expect(clippy::expect_used, reason = "tests")]

mod episodes;
mod house;
mod judge;
mod lines;
mod time;

use cloudsim::{Clock, Rule, World};
use episodes::episodes;
use fastrand::Rng;
use house::House;
use judge::{Truth, Verdict};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// When all of it begins.
const START_S: i64 = 1_790_000_040;
const MOST_SHOWN: usize = 12;
/// Together more than a thousand failures.
const RUNS: i64 = 13;
const THREADS: usize = 2;

fn run<T>(body: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        // While something blocks, tokio's time moves only when it is told to.
        let (release, held) = std::sync::mpsc::channel::<()>();
        let blocking = tokio::task::spawn_blocking(move || held.recv().is_err());
        let done = body.await;
        drop(release);
        blocking.await.expect("no panic");
        done
    })
}

/// How long it runs, and how many rules each cloud has at once.
#[derive(Clone, Debug)]
struct Form {
    seed: u64,
    minutes: i64,
    lanes: usize,
    /// These rules instead of random ones, with `;` between, to look at one alone.
    rules: Option<String>,
}

/// Without failures at first, so that all is listed, and at last, so that what was hit can be made up for.
const CALM_S: i64 = 1200;
const LAST_CALM_S: i64 = 3600;

async fn rehearse(form: &Form) -> Verdict {
    let world = World {
        seed: form.seed,
        clock: Clock::still(jiff::Timestamp::from_second(START_S).expect("a time")),
        publish_delay: house::PUBLISHED,
        born_unix_s: START_S,
        ..World::default()
    };
    let (mut house, scheduler) = House::new(world).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(scheduler.run(stop.clone(), Duration::ZERO));
    let troubled = (START_S + CALM_S, START_S + CALM_S + form.minutes * 60);
    let subjects = Truth::new(&house, (START_S - 600, START_S)).subjects;
    let rules = form.rules.clone().map_or_else(
        || episodes(&mut Rng::with_seed(form.seed), &subjects, form.lanes, troubled),
        |texts| {
            texts
                .split(';')
                .map(|text| Rule::parse(text, troubled.0, None).expect("a rule"))
                .collect()
        },
    );
    let mut coming: Vec<&Rule> = rules.iter().collect();
    coming.sort_by_key(|rule| std::cmp::Reverse(rule.from_unix_s));
    let mut added = Vec::new();
    let end_s = troubled.1 + LAST_CALM_S;
    while house.now_s() < end_s {
        let now_s = house.now_s();
        while let Some(rule) = coming.pop_if(|rule| rule.from_unix_s <= now_s + 60) {
            added.push((house.faults.add(rule.clone()), rule.until_unix_s));
        }
        // What is over still enforces the waits that it told.
        added.retain(|(id, until_s)| {
            let is_kept = until_s.saturating_add(120) > now_s;
            if !is_kept {
                house.faults.remove(*id);
            }
            is_kept
        });
        house.until(now_s + 60).await;
    }
    let truth = Truth::new(&house, (START_S, end_s - 1200));
    let verdict = judge::judge(&house, &truth, &rules);
    stop.cancel();
    running.await.expect("no panic").expect("no error");
    verdict
}

fn number(name: &str, usual: i64) -> i64 {
    given(name).and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the long form is asked for by the environment"
)]
fn given(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Several runs, each with its own seed and as new, on a few threads.
fn rehearse_all(form: &Form, runs: u64) -> Verdict {
    let next = AtomicU64::new(form.seed);
    let all = Mutex::new(Verdict::default());
    std::thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= form.seed + runs {
                        return;
                    }
                    let one = run(rehearse(&Form { seed, ..form.clone() }));
                    all.lock().expect("no panic").add(one);
                }
            });
        }
    });
    all.into_inner().expect("no panic")
}

/// A longer form: `NEIGHBOURS_RUNS=500 cargo test -p torture --test neighbours`. `NEIGHBOURS_SEED`, `NEIGHBOURS_MINUTES`,
/// `NEIGHBOURS_LANES` and `NEIGHBOURS_RULES` (as `simulate --fault` takes them) look elsewhere, or at one alone.
#[test]
fn whatever_fails_every_other_series_is_complete_and_at_most_one_poll_late() {
    let natural = |name, usual| u64::try_from(number(name, usual)).expect("not negative");
    let form = Form {
        seed: natural("NEIGHBOURS_SEED", 1),
        minutes: number("NEIGHBOURS_MINUTES", 240),
        lanes: usize::try_from(natural("NEIGHBOURS_LANES", 2)).expect("few"),
        rules: given("NEIGHBOURS_RULES"),
    };
    let runs = if form.rules.is_some() {
        1
    } else {
        natural("NEIGHBOURS_RUNS", RUNS)
    };
    let verdict = rehearse_all(&form, runs);
    println!(
        "{} failures beside healthy neighbours: {} points demanded, {} excused",
        verdict.rules, verdict.demanded, verdict.excused
    );
    for (title, all) in [
        ("late", &verdict.late),
        ("lost", &verdict.lost),
        ("doubled", &verdict.doubled),
    ] {
        let points: usize = all.values().map(Vec::len).sum();
        println!("== {title}: {points} points in {} situations", all.len());
        for (rules, points) in all.iter().take(MOST_SHOWN) {
            let (first, last) = (&points[0], &points[points.len() - 1]);
            println!("  {} points, {first} .. {last}\n      {rules}", points.len());
        }
    }
    assert!(verdict.late.is_empty() && verdict.lost.is_empty() && verdict.doubled.is_empty());
    let is_random = form.rules.is_none() && runs >= 12;
    assert!(!is_random || (verdict.rules >= 1000 && verdict.demanded > verdict.excused / 4));
}

/// Each of these once held up something else: queries that come first and fail one after the other, a list that is an error,
/// a machine that every batch fails with.
#[test]
fn failures_that_held_up_others_once_do_so_no_more() {
    const RULES: [&str; 3] = [
        "aws,operation=GetMetricData,id=QueueName=mail-queue-0,status=400,after=1m,for=32m",
        "gcp,operation=ListMetricDescriptors,scope=sim-other,answer=error_in_200,after=1m,for=40m",
        "azure,operation=metrics.getBatch,id=*vm-00002,status=500,after=1m,for=32m",
    ];
    let form = Form {
        seed: 1,
        minutes: 45,
        lanes: 0,
        rules: Some(RULES.join(";")),
    };
    let verdict = run(rehearse(&form));
    assert_eq!(verdict.rules, RULES.len());
    assert!(
        verdict.late.is_empty() && verdict.doubled.is_empty(),
        "{verdict:?}"
    );
}

/// A type that is refused twice is left out until the next listing; while that fails, it is tried with each attempt at it.
#[test]
fn what_was_left_out_comes_back_though_its_listing_fails_for_ever() {
    let refused = "gcp,status=404,operation=ListTimeSeries,metric=*num_undelivered*,after=1m,for=5m";
    let form = Form {
        seed: 1,
        minutes: 90,
        lanes: 1,
        rules: Some(format!(
            "{refused};gcp,operation=ListMetricDescriptors,answer=truncated,after=2m,for=90m"
        )),
    };
    let verdict = rehearse_all(&form, 1);
    assert!(verdict.demanded > 0 && verdict.rules == 2);
    assert!(
        verdict.late.is_empty() && verdict.lost.is_empty(),
        "{:?}",
        verdict.late
    );
}
