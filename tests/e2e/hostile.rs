//! Answers that no client should trust, from all three clouds at once: the daemon neither crashes nor hangs nor grows,
//! counts each by reason, says so in its log a bounded number of times, and delivers as soon as the answers are good.

use crate::setup::{Clouds, Daemon, PATIENCE, general, local};
use cloudsim::faults::BadAnswer;
use cloudsim::{Faults, World};
use export::receiver::Receiver;
use std::time::{Duration, Instant};

/// Three development builds' worth of a quiet daemon; an endless answer that is kept would pass it in seconds.
const MOST_MEMORY_BYTES: u64 = 300 << 20;

/// What the metrics must say about an account before its bad answers count as noticed.
enum Noticed {
    /// `poll_errors_total` with one of these kinds.
    Refused(&'static [&'static str]),
    /// `points_skipped_total` with this reason.
    Skipped(&'static [&'static str]),
}

use Noticed::{Refused, Skipped};

const BAD: Noticed = Refused(&["bad_response"]);

async fn survives(bad: BadAnswer, [aws, azure, gcp]: [Noticed; 3]) {
    let faults = Faults::new();
    faults.set_bad_answer(Some(bad));
    let clouds = Clouds::start(&World::default(), &faults).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = general(folder.path(), &receiver, "grpc").replace("every: 1m", "every: 10s")
        + &clouds.aws_account()
        + &clouds.azure_account(folder.path())
        + &clouds.gcp_account(folder.path());
    let mut daemon = Daemon::start(folder.path(), &yaml);
    for (account, noticed) in [("a", &aws), ("z", &azure), ("g", &gcp)] {
        notice(&daemon, account, noticed).await;
    }
    assert!(daemon.runs(), "{}", daemon.log());
    faults.set_bad_answer(None);
    receiver.take();
    for cloud in ["aws", "azure", "gcp"] {
        arrives(&receiver, cloud, &daemon).await;
    }
    let (memory, log) = (daemon.peak_rss_bytes(), daemon.log());
    assert!(memory < MOST_MEMORY_BYTES, "{} MiB at its peak", memory >> 20);
    assert_eq!(log.matches("panicked").count(), 0, "{log}");
    assert!(log.lines().count() < 200, "{} lines:\n{log}", log.lines().count());
    println!(
        "{bad:?}: {} MiB at its peak, {} log lines",
        memory >> 20,
        log.lines().count()
    );
    assert!(daemon.terminate().await.success());
    clouds.stop().await;
    receiver.stop().await;
}

/// Waits until the metrics count it and the log names the account.
async fn notice(daemon: &Daemon, account: &str, noticed: &Noticed) {
    let (metric, label, values) = match noticed {
        Refused(kinds) => ("nephoscope_poll_errors_total{", "kind", kinds),
        Skipped(reasons) => ("nephoscope_points_skipped_total{", "reason", reasons),
    };
    let limit = Instant::now() + PATIENCE;
    let mine = format!("account=\"{account}\"");
    loop {
        let metrics = daemon.metrics().await;
        let counted = metrics
            .lines()
            .filter(|l| l.starts_with(metric) && l.contains(&mine))
            .any(|l| values.iter().any(|v| l.contains(&format!("{label}=\"{v}\""))));
        let named = daemon.log().lines().any(|l| {
            (l.contains("WARN") || l.contains("ERROR")) && l.contains(&format!("account={account}"))
        });
        if counted && named {
            return;
        }
        assert!(
            Instant::now() < limit,
            "account {account}: counted {counted}, named {named}\n{metrics}\n{}",
            daemon.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn arrives(receiver: &Receiver, cloud: &str, daemon: &Daemon) {
    let mut arrivals = receiver.arrivals();
    let limit = Instant::now() + PATIENCE;
    while !receiver
        .received()
        .iter()
        .any(|p| p.resource.get("cloud.provider").is_some_and(|c| c == cloud))
    {
        assert!(Instant::now() < limit, "no points of {cloud}:\n{}", daemon.log());
        drop(tokio::time::timeout(Duration::from_secs(5), arrivals.changed()).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn html_instead_of_json() {
    survives(BadAnswer::Html, [BAD, BAD, BAD]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_body() {
    survives(BadAnswer::Truncated, [BAD, BAD, BAD]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_that_loops() {
    survives(BadAnswer::LoopingToken, [BAD, BAD, BAD]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_stream_of_pages() {
    survives(BadAnswer::EndlessPages, [BAD, BAD, BAD]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_times_the_points_asked_for() {
    let outside = || Skipped(&["outside_window", "repeated"]);
    survives(BadAnswer::TenfoldPoints, [outside(), outside(), outside()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_not_numbers() {
    let nan = || Skipped(&["not_finite", "no_number", "bad_shape"]);
    survives(BadAnswer::NotANumber, [nan(), nan(), nan()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_do_not_fit_together() {
    let wrong = || Skipped(&["bad_buckets", "bad_shape", "bad_time", "outside_window"]);
    survives(BadAnswer::WrongBucketCounts, [wrong(), wrong(), wrong()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_200() {
    let refused = || {
        Refused(&[
            "bad_response",
            "unavailable",
            "invalid_request",
            "throttled",
            "permanent",
        ])
    };
    survives(BadAnswer::ErrorInside200, [refused(), refused(), refused()]).await;
}
