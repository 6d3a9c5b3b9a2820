//! The simulated `CloudWatch` as the real Rust SDK sees it: every point against the truth, limits, pages, faults.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::{BehaviorVersion, Region};
use aws_sdk_cloudwatch::error::ProvideErrorMetadata;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Metric, MetricDataQuery, MetricStat};
use cloudsim::aws::{ACCESS_KEY, AwsSim, AwsTruth, SECRET_KEY};
use cloudsim::{BadAnswer, Faults, How, PartFault, Rule, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn start(world: World) -> AwsSim {
    AwsSim::start(world, Faults::new(), ([127, 0, 0, 1], 0).into())
        .await
        .expect("loopback")
}

fn client(sim: &AwsSim, secret: &str) -> Client {
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(sim.endpoint())
        .credentials_provider(Credentials::new(ACCESS_KEY, secret, None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

fn query(at: usize, metric: &Metric, stat: &str) -> MetricDataQuery {
    let stat = MetricStat::builder()
        .metric(metric.clone())
        .period(60)
        .stat(stat)
        .build();
    MetricDataQuery::builder()
        .id(format!("q{at}"))
        .metric_stat(stat)
        .build()
}

/// Region, namespace, metric and dimensions are folded into one key, then the start of the bucket.
type Points = BTreeMap<(String, i64), u64>;

fn key(namespace: &str, metric: &str, dimensions: impl Iterator<Item = (String, String)>) -> String {
    let dimensions: BTreeMap<String, String> = dimensions.collect();
    format!("{namespace} {metric} {dimensions:?}")
}

async fn list(client: &Client) -> (Vec<Metric>, usize) {
    let mut pages = client.list_metrics().into_paginator().send();
    let (mut metrics, mut count) = (Vec::new(), 0);
    while let Some(page) = pages.next().await {
        metrics.extend(page.expect("page").metrics.unwrap_or_default());
        count += 1;
    }
    (metrics, count)
}

#[tokio::test]
async fn every_point_that_is_read_is_the_truth() {
    let sim = start(World {
        series: 600,
        gaps_per_thousand: 50,
        ..World::default()
    })
    .await;
    let client = client(&sim, SECRET_KEY);
    let (metrics, pages) = list(&client).await;
    assert_eq!((metrics.len(), pages), (600, 2));
    let now = sim.world().born_unix_s;
    let to = now / 60 * 60;
    let from = to - 600;
    let mut seen = Points::new();
    for chunk in metrics.chunks(500) {
        let queries: Vec<_> = chunk
            .iter()
            .enumerate()
            .map(|(at, metric)| query(at, metric, "Average"))
            .collect();
        let mut pages = client
            .get_metric_data()
            .set_metric_data_queries(Some(queries))
            .start_time(DateTime::from_secs(from))
            .end_time(DateTime::from_secs(to))
            .max_datapoints(999)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for result in page.expect("page").metric_data_results() {
                let at: usize = result.id().expect("id")[1..].parse().expect("number");
                let metric = &chunk[at];
                let dimensions = metric.dimensions().iter();
                let dimensions =
                    dimensions.map(|d| (d.name().unwrap().to_owned(), d.value().unwrap().to_owned()));
                let key = key(
                    metric.namespace().unwrap(),
                    metric.metric_name().unwrap(),
                    dimensions,
                );
                for (time, value) in result.timestamps().iter().zip(result.values()) {
                    assert!(
                        seen.insert((key.clone(), time.secs()), value.to_bits()).is_none(),
                        "{key} twice"
                    );
                }
            }
        }
    }
    let wanted: Points = sim
        .truth()
        .points(from, to, "Average", 60)
        .filter(|point| point.region == "eu-west-1" && point.final_unix_s <= now)
        .map(|p| {
            (
                (
                    key(p.namespace, p.metric, p.dimensions.into_iter()),
                    p.bucket_start_unix_s,
                ),
                p.value.to_bits(),
            )
        })
        .collect();
    assert!(wanted.len() > 4500, "{}", wanted.len());
    let unlike = seen
        .iter()
        .filter(|(key, value)| wanted.get(key) != Some(value))
        .take(3)
        .collect::<Vec<_>>();
    let missing = wanted
        .keys()
        .filter(|key| !seen.contains_key(key))
        .take(3)
        .collect::<Vec<_>>();
    assert!(
        unlike.is_empty() && missing.is_empty(),
        "unlike the truth: {unlike:?}; missing: {missing:?}"
    );
    assert!(sim.counts().units("metrics requested") >= 600);
    sim.stop().await;
}

#[tokio::test]
async fn limits_and_signatures_are_checked() {
    let sim = start(World::default()).await;
    let client_with_right_key = client(&sim, SECRET_KEY);
    let metric = Metric::builder()
        .namespace("AWS/EC2")
        .metric_name("CPUUtilization")
        .build();
    let ask = async |count: usize, same_id: bool| {
        let queries = (0..count)
            .map(|at| query(if same_id { 0 } else { at }, &metric, "Sum"))
            .collect();
        let (from, to) = (
            DateTime::from_secs(0),
            DateTime::from_secs(sim.world().born_unix_s),
        );
        let request = client_with_right_key
            .get_metric_data()
            .set_metric_data_queries(Some(queries));
        request.start_time(from).end_time(to).send().await
    };
    assert!(ask(500, false).await.is_ok());
    assert_eq!(ask(501, false).await.unwrap_err().code(), Some("ValidationError"));
    assert_eq!(ask(2, true).await.unwrap_err().code(), Some("ValidationError"));
    let refused = client(&sim, "wrong").list_metrics().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("SignatureDoesNotMatch"));
    sim.world().clock.advance_ms(-400_000);
    let late = client(&sim, SECRET_KEY).list_metrics().send().await.unwrap_err();
    assert_eq!(late.code(), Some("SignatureDoesNotMatch"));
    sim.stop().await;
}

#[tokio::test]
async fn faults_strike() {
    let sim = start(World::default()).await;
    let client = client(&sim, SECRET_KEY);
    sim.faults().throttle_every(1);
    let throttled = client.list_metrics().send().await.unwrap_err();
    assert_eq!(throttled.code(), Some("Throttling"));
    sim.faults().cut_every(1);
    assert!(client.list_metrics().send().await.unwrap_err().code().is_none());
    sim.faults().cut_every(0);
    sim.faults().throttle_every(0);
    sim.faults().set_bad_answer(Some(BadAnswer::WrongBucketCounts));
    let (metrics, _) = list(&client).await;
    let now = sim.world().born_unix_s;
    let answer = client
        .get_metric_data()
        .metric_data_queries(query(0, &metrics[0], "Sum"))
        .start_time(DateTime::from_secs(now - 3600))
        .end_time(DateTime::from_secs(now))
        .send()
        .await
        .expect("an answer");
    let result = &answer.metric_data_results()[0];
    assert_eq!(result.timestamps().len(), result.values().len() + 1);
    assert_eq!(sim.counts().outcome("ListMetrics", "Throttling"), 1);
    sim.stop().await;
}

/// What is read of one metric now, by the start of the bucket.
async fn read_all(client: &Client, metric: &Metric, (from, to): (i64, i64)) -> BTreeMap<i64, u64> {
    let answer = client
        .get_metric_data()
        .metric_data_queries(query(0, metric, "Average"))
        .start_time(DateTime::from_secs(from))
        .end_time(DateTime::from_secs(to))
        .send()
        .await
        .expect("answer");
    let result = &answer.metric_data_results()[0];
    let times = result.timestamps().iter().map(DateTime::secs);
    times
        .zip(result.values().iter().map(|value| value.to_bits()))
        .collect()
}

#[tokio::test]
async fn late_points_come_late_and_revised_ones_change() {
    let sim = start(World {
        late_per_thousand: 300,
        late_by: Duration::from_secs(250),
        revised_per_thousand: 300,
        revised_after: Duration::from_secs(250),
        ..World::default()
    })
    .await;
    let client = client(&sim, SECRET_KEY);
    let metric = &list(&client).await.0[0];
    let to = sim.world().born_unix_s / 60 * 60 - 60;
    let from = to - 600;
    let is_metric = |p: &AwsTruth| {
        let dimensions = metric.dimensions().iter();
        p.region == "eu-west-1"
            && Some(p.namespace) == metric.namespace()
            && Some(p.metric) == metric.metric_name()
            && p.dimensions
                .iter()
                .map(|d| d.1.as_str())
                .eq(dimensions.filter_map(|d| d.value()))
    };
    let truth: Vec<AwsTruth> = sim
        .truth()
        .points(from, to, "Average", 60)
        .filter(is_metric)
        .collect();
    assert_eq!(truth.len(), 10);
    let [mut hidden, mut preliminary] = [0, 0];
    // Signatures bind the clock to within five minutes of the client's.
    for offset_ms in [-280_000, -140_000, 0, 140_000, 280_000] {
        sim.world().clock.set_offset_ms(offset_ms);
        let before = sim.world().clock.now_unix_s();
        let seen = read_all(&client, metric, (from, to)).await;
        let after = sim.world().clock.now_unix_s();
        // A bucket that changes within this very second may show either.
        let settled = |p: &&AwsTruth| {
            ![p.visible_unix_s, p.final_unix_s]
                .iter()
                .any(|s| (before..=after + 1).contains(s))
        };
        for p in truth.iter().filter(settled) {
            let shown = match before {
                now if now < p.visible_unix_s => None,
                now if now < p.final_unix_s => Some(p.preliminary.expect("another value")),
                _ => Some(p.value),
            };
            hidden += usize::from(shown.is_none());
            preliminary += usize::from(before >= p.visible_unix_s && before < p.final_unix_s);
            assert_eq!(
                seen.get(&p.bucket_start_unix_s).copied(),
                shown.map(f64::to_bits),
                "{p:?}"
            );
        }
    }
    assert!(
        hidden > 0 && preliminary > 0,
        "{hidden} hidden, {preliminary} preliminary"
    );
    let all = read_all(&client, metric, (from, to)).await;
    assert!(
        truth
            .iter()
            .all(|p| all[&p.bucket_start_unix_s] == p.value.to_bits()),
        "all is final now"
    );
    sim.stop().await;
}

#[tokio::test]
async fn the_date_can_be_wrong() {
    let sim = start(World::default()).await;
    sim.faults().set_date_skew_s(-7200);
    let address = sim.endpoint();
    let mut stream = tokio::net::TcpStream::connect(address.trim_start_matches("http://"))
        .await
        .unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let date = answer
        .lines()
        .find_map(|line| line.strip_prefix("date: "))
        .unwrap();
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(date)
        .unwrap();
    let behind = sim.world().clock.now_unix_s() - date.as_second();
    assert!((7199..7210).contains(&behind), "{behind}");
    sim.stop().await;
}

#[tokio::test]
async fn a_hit_query_fails_alone_unless_the_service_cannot_read_it() {
    let sim = start(World::default()).await;
    let client = client(&sim, SECRET_KEY);
    let (metrics, _) = list(&client).await;
    let chosen: Vec<&Metric> = metrics
        .iter()
        .filter(|metric| metric.namespace() == Some("AWS/SQS"))
        .take(2)
        .collect();
    let to = sim.world().born_unix_s / 60 * 60;
    let ask = || {
        let queries = chosen
            .iter()
            .enumerate()
            .map(|(at, metric)| query(at, metric, "Sum"));
        client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.collect()))
            .start_time(DateTime::from_secs(to - 600))
            .end_time(DateTime::from_secs(to))
            .send()
    };
    let hit = chosen[1].metric_name().expect("a name");
    for (how, status) in [
        (How::Status(500), "InternalError"),
        (How::Status(403), "Forbidden"),
        (How::Part(PartFault::Partial), "PartialData"),
    ] {
        sim.faults().clear_rules();
        sim.faults().add(Rule::new(how).kind("AWS/SQS").metric(hit));
        let answer = ask().await.expect("200");
        let words: Vec<&str> = answer
            .metric_data_results()
            .iter()
            .map(|result| result.status_code().expect("a status").as_str())
            .collect();
        assert_eq!(words, ["Complete", status]);
        assert_eq!(answer.metric_data_results()[0].values().len(), 10);
    }
    sim.faults().clear_rules();
    sim.faults().add(Rule::new(How::Status(400)).metric(hit));
    let refused = ask().await.expect_err("400").into_service_error();
    assert_eq!(refused.meta().code(), Some("InvalidParameterValue"));
    sim.faults().clear_rules();
    sim.faults()
        .add(Rule::new(How::Status(403)).operation("ListMetrics"));
    let refused = client.list_metrics().send().await.expect_err("403");
    assert_eq!(refused.into_service_error().meta().code(), Some("AccessDenied"));
    assert!(ask().await.is_ok());
}

#[tokio::test]
async fn machines_that_live_for_minutes_are_listed_late_and_long_after_their_end() {
    let world = World {
        churn: 4,
        ..World::default()
    };
    let sim = start(world.clone()).await;
    let now = world.clock.now_unix_s();
    let machines: BTreeMap<String, (i64, i64)> = sim
        .truth()
        .points(now - 24 * 3600, now + 8 * 3600, "Sum", 60)
        .filter(|point| point.region == "eu-west-1" && point.metric == "CPUUtilization")
        .filter(|point| point.dimensions[0].1.starts_with("i-0c"))
        .fold(BTreeMap::new(), |mut spans, point| {
            let at = point.bucket_start_unix_s;
            let span = spans.entry(point.dimensions[0].1.clone()).or_insert((at, at));
            *span = (span.0.min(at), span.1.max(at));
            spans
        });
    let client = client(&sim, SECRET_KEY);
    let listed = async |recent: bool| -> Vec<String> {
        let request = client
            .list_metrics()
            .namespace("AWS/EC2")
            .metric_name("CPUUtilization");
        let recent = recent.then_some(aws_sdk_cloudwatch::types::RecentlyActive::Pt3H);
        let mut pages = request.set_recently_active(recent).into_paginator().send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            let metrics = page.expect("page").metrics.unwrap_or_default();
            ids.extend(
                metrics
                    .iter()
                    .map(|m| m.dimensions()[0].value().unwrap_or("").to_owned()),
            );
        }
        ids
    };
    let (all, recent) = (listed(false).await, listed(true).await);
    for (id, (first, last)) in &machines {
        let age = |at: i64| now - at;
        let known = all.contains(id);
        assert!(known || age(*first) < 17 * 60, "{id}");
        assert!(!known || age(*first) >= 60, "{id}");
        assert!(
            recent.contains(id) || age(*first) < 17 * 60 || age(*last) > 3 * 3600,
            "{id}"
        );
        assert!(!recent.contains(id) || age(*last) < 4 * 3600, "{id}");
    }
    assert!(
        all.len() > recent.len() && recent.len() > 10,
        "{} {}",
        all.len(),
        recent.len()
    );
}
