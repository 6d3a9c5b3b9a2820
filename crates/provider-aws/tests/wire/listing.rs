//! What is listed when some of it cannot be, is rare, or is called otherwise than the configuration says.

use crate::stub::{Answer, Ask, SILENCE, against, metric, metrics, no_identity, no_tags, refused, resources};
use crate::{entry, listed, provider, provider_of};
use futures::StreamExt;
use provider_api::{ErrorKind, Matcher, MetricsProvider, Reach};
use provider_aws::AwsEntry;
use std::collections::BTreeSet;
use std::time::Duration;

const QUARTER: Duration = Duration::from_mins(15);

fn instance(id: &str) -> Vec<u8> {
    metric("AWS/EC2", "CPUUtilization", &[("InstanceId", id)])
}

fn queue() -> Vec<u8> {
    metric("AWS/SQS", "NumberOfMessagesSent", &[("QueueName", "q")])
}

#[tokio::test]
async fn a_namespace_that_cannot_be_listed_leaves_the_others_alone() {
    for (status, code, label) in [
        ("403 Forbidden", "AccessDenied", "forbidden"),
        ("500 Internal Server Error", "InternalServiceFault", "unavailable"),
        ("400 Bad Request", "Throttling", "throttled"),
        ("200 OK", "not a listing", "bad_response"),
    ] {
        let answer = move |ask: &Ask| -> Answer {
            if ask.has("AWS/SQS") {
                return match status {
                    "200 OK" => (status, b"<html>".to_vec()),
                    _ => refused(status, code),
                };
            }
            metrics(&[instance("i-1")])
        };
        against(answer, async |url, _| {
            let (both, _) = provider(url.clone(), vec![entry("AWS/SQS"), entry("AWS/EC2")]).await;
            let catalogue = listed(&both, QUARTER).await.expect("a part of it");
            assert_eq!(catalogue.targets.len(), 1);
            let unlisted: Vec<_> = catalogue
                .unlisted
                .iter()
                .map(|u| (&*u.namespace, u.error.kind().label()))
                .collect();
            assert_eq!(unlisted, [("AWS/SQS", label)]);
            assert!(
                catalogue.matched.iter().all(|m| m.entry == 1),
                "nothing is known of the other"
            );
            let (only, _) = provider(url, vec![entry("AWS/SQS")]).await;
            let failed = listed(&only, QUARTER)
                .await
                .map(|_| ())
                .map_err(|e| e.kind().label());
            assert_eq!(failed, Err(label), "nothing of the region could be listed");
        })
        .await;
    }
}

#[tokio::test]
async fn tags_that_are_refused_hold_up_only_who_chooses_by_them() {
    let answer = |ask: &Ask| match ask.operation.as_str() {
        "ListMetrics" if ask.has("AWS/SQS") => metrics(&[queue()]),
        "ListMetrics" => metrics(&[instance("i-1")]),
        "GetResources" => no_tags(),
        _ => no_identity(),
    };
    against(answer, async |url, _| {
        let chosen = AwsEntry {
            tags: vec![("env".into(), Matcher::exactly("prod"))],
            ..entry("AWS/EC2")
        };
        let copied = AwsEntry {
            copy_tags: vec!["team".into()],
            ..entry("AWS/SQS")
        };
        let (provider, _) = provider(url, vec![chosen, copied]).await;
        let catalogue = listed(&provider, QUARTER).await.expect("a catalogue");
        let targets: Vec<_> = catalogue.targets.iter().map(|t| t.detail.describe()).collect();
        assert_eq!(targets, ["NumberOfMessagesSent QueueName=q"]);
        let waiting: Vec<_> = catalogue
            .unlisted
            .iter()
            .map(|u| (&*u.namespace, u.error.operation(), u.error.kind()))
            .collect();
        assert_eq!(waiting, [("AWS/EC2", "GetResources", &ErrorKind::Forbidden)]);
    })
    .await;
}

#[tokio::test]
async fn what_was_known_of_tags_serves_while_they_cannot_be_listed() {
    let times = std::sync::atomic::AtomicUsize::new(0);
    let answer = move |ask: &Ask| match ask.operation.as_str() {
        "ListMetrics" => metrics(&[instance("i-1"), instance("i-2")]),
        "GetResources" if times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
            resources(&[("arn:aws:ec2:eu-west-1:1:instance/i-1", "env", "prod")])
        }
        "GetResources" => no_tags(),
        _ => no_identity(),
    };
    against(answer, async |url, _| {
        let chosen = AwsEntry {
            tags: vec![("env".into(), Matcher::exactly("prod"))],
            ..entry("AWS/EC2")
        };
        let (provider, _) = provider(url, vec![chosen]).await;
        for unlisted in [0, 1] {
            let catalogue = listed(&provider, QUARTER).await.expect("a catalogue");
            assert_eq!((catalogue.targets.len(), catalogue.unlisted.len()), (1, unlisted));
            let joined = catalogue.joined[0];
            assert_eq!((joined.metrics, joined.found, joined.ambiguous), (2, 1, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn a_listing_looks_as_far_back_as_windows_reach() {
    // The instance ended five hours ago.
    let answer = |ask: &Ask| {
        let all: &[Vec<u8>] = if ask.has("PT3H") { &[] } else { &[instance("i-1")] };
        metrics(all)
    };
    against(answer, async |url, _| {
        let (provider, _) = provider(url, vec![entry("AWS/EC2")]).await;
        for (reach, wanted) in [(QUARTER, 0), (Duration::from_hours(24), 1)] {
            let catalogue = listed(&provider, reach).await.expect("a catalogue");
            assert_eq!(catalogue.targets.len(), wanted);
            assert_eq!(catalogue.lag, QUARTER);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_rare_comes_with_the_period_that_it_is_published_at_or_is_told_of() {
    let answer = |ask: &Ask| {
        let bucket = metric(
            "AWS/S3",
            "BucketSizeBytes",
            &[("BucketName", "b"), ("StorageType", "StandardStorage")],
        );
        let custom = metric("Shop", "Inventory", &[]);
        let all: &[Vec<u8>] = match (ask.has("PT3H"), ask.has("AWS/S3")) {
            (true, _) => &[],
            (false, true) => &[bucket],
            (false, false) if ask.has("AWS/EC2") => &[instance("ended")],
            (false, false) => &[custom],
        };
        metrics(all)
    };
    against(answer, async |url, _| {
        let minutes = AwsEntry {
            period: Some(Duration::from_mins(5)),
            names: vec![
                Matcher::exactly("NumberOfObjects"),
                Matcher::exactly("BucketSizeBytes"),
            ],
            statistics: vec!["Sum".into()],
            ..entry("AWS/S3")
        };
        let entries = vec![entry("AWS/S3"), entry("Shop"), entry("AWS/EC2"), minutes];
        let (provider, _) = provider(url, entries).await;
        let catalogue = listed(&provider, QUARTER).await.expect("a catalogue");
        let target = &catalogue.targets[0];
        let day = Duration::from_hours(24);
        assert_eq!((target.group.grain, target.group.initial), (day, day * 3));
        assert_eq!(&*target.group.name, "eu-west-1 AWS/S3 86400s");
        let told: Vec<_> = catalogue
            .matched
            .iter()
            .filter(|m| m.key == "period")
            .map(|m| (m.entry, &*m.pattern, m.count, m.nearest.first().map(|n| &**n)))
            .collect();
        let wanted = [
            (0, "1m", 1, None),
            (1, "1m", 0, Some("1d")),
            // It comes every few minutes: what there was has ended.
            (2, "1m", 1, None),
            (3, "5m", 0, Some("1d")),
        ];
        assert_eq!(told, wanted);
    })
    .await;
}

#[tokio::test]
async fn what_fits_nothing_is_named_with_what_exists() {
    let answer = |ask: &Ask| match ask.operation.as_str() {
        "ListMetrics" if ask.has("AWS/EC3") || ask.has("Shopp") => metrics(&[]),
        "ListMetrics" if ask.has("AWS/EC2") => metrics(&[instance("i-1"), instance("i-2")]),
        "ListMetrics" => metrics(&[instance("i-1"), metric("Shop", "Orders", &[])]),
        "GetResources" => resources(&[("arn:aws:ec2:eu-west-1:1:instance/i-1", "Env", "production")]),
        _ => no_identity(),
    };
    against(answer, async |url, _| {
        let exactly = |text: &'static str| Matcher::exactly(text);
        let pair = |key: &str, value: &'static str| vec![(key.to_owned(), exactly(value))];
        let entries = vec![
            entry("AWS/EC3"),
            entry("Shopp"),
            AwsEntry {
                names: vec![
                    exactly("CPUUtilization"),
                    exactly("CPU Usage"),
                    exactly("CPUUtilisation"),
                ],
                ..entry("AWS/EC2")
            },
            AwsEntry {
                dimensions: pair("InstanceID", "i-1"),
                ..entry("AWS/EC2")
            },
            AwsEntry {
                dimensions: pair("InstanceId", "i-3"),
                ..entry("AWS/EC2")
            },
            AwsEntry {
                tags: pair("Env", "prod"),
                copy_tags: vec!["env".into(), "Env".into()],
                ..entry("AWS/EC2")
            },
            AwsEntry {
                absent: vec!["InstanceId".into()],
                ..entry("AWS/EC2")
            },
        ];
        let (provider, _) = provider(url, entries).await;
        let catalogue = listed(&provider, QUARTER).await.expect("a catalogue");
        let told: Vec<(usize, &str, &str, u64, Option<&str>)> = catalogue
            .matched
            .iter()
            .filter(|m| m.key != "period")
            .map(|m| {
                (
                    m.entry,
                    m.key,
                    &*m.pattern,
                    m.count,
                    m.nearest.first().map(|n| &**n),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (0, "namespace", "AWS/EC3", 0, Some("AWS/EC2")),
                (1, "namespace", "Shopp", 0, Some("Shop")),
                (2, "namespace", "AWS/EC2", 2, None),
                (2, "names", "CPUUtilization", 2, None),
                (2, "names", "CPU Usage", 0, Some("CPUUtilization")),
                (2, "names", "CPUUtilisation", 0, Some("CPUUtilization")),
                (3, "namespace", "AWS/EC2", 2, None),
                (3, "dimensions", "InstanceID: i-1", 0, Some("InstanceId")),
                (4, "namespace", "AWS/EC2", 2, None),
                (4, "dimensions", "InstanceId: i-3", 0, Some("InstanceId: i-1")),
                (5, "namespace", "AWS/EC2", 2, None),
                (5, "tags", "Env: prod", 0, Some("Env: production")),
                (5, "copy_tags", "env", 0, Some("Env")),
                (5, "copy_tags", "Env", 1, None),
                (6, "namespace", "AWS/EC2", 2, None),
                (6, "dimensions", "InstanceId: absent", 0, None),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_the_rest_is_listed() {
    let answer = |_: &Ask| {
        let nameless = metric("AWS/EC2", "", &[("InstanceId", "i-1")]);
        metrics(&[
            nameless,
            instance("i-1"),
            metric("AWS/EC2", "CPUUtilization", &[("", "x")]),
        ])
    };
    against(answer, async |url, _| {
        let (provider, _) = provider(url, vec![entry("AWS/EC2")]).await;
        let catalogue = listed(&provider, QUARTER).await.expect("a catalogue");
        assert_eq!(catalogue.targets.len(), 1);
        let skipped: Vec<_> = catalogue.skipped.iter().map(|s| (&*s.metric, s.points)).collect();
        assert_eq!(skipped, [("AWS/EC2", 2)]);
        assert_eq!(provider.formerly(&catalogue.targets[0]).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_region_that_does_not_answer_keeps_no_other_waiting() {
    let answer = |ask: &Ask| match ask.region.as_str() {
        "eu-west-1" => (SILENCE, Vec::new()),
        _ => metrics(&[instance("i-1")]),
    };
    against(answer, async |url, _| {
        let regions = ["eu-west-1", "us-east-1", "us-east-2"].map(str::to_owned);
        let provider = provider_of(url, vec![entry("AWS/EC2")], regions.into()).await.0;
        let listings = provider.discover(Reach::of_all(QUARTER)).take(2);
        let scopes: BTreeSet<String> = listings
            .map(|listed| listed.expect("a catalogue").scope.to_string())
            .collect()
            .await;
        assert_eq!(Vec::from_iter(scopes), ["us-east-1", "us-east-2"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_out_of_order_beside_cloudwatch_holds_up_nothing_of_it() {
    let answer = |ask: &Ask| match ask.operation.as_str() {
        "ListMetrics" if ask.has("AWS/SQS") => refused("500 Internal Server Error", "InternalServiceFault"),
        "ListMetrics" => metrics(&[instance("i-1")]),
        _ => refused("503 Service Unavailable", "ServiceUnavailable"),
    };
    against(answer, async |url, _| {
        let copied = AwsEntry {
            copy_tags: vec!["team".into()],
            ..entry("AWS/EC2")
        };
        let (provider, gate) = provider(url, vec![entry("AWS/SQS"), copied]).await;
        // More often than it takes to open the tagging API's breaker.
        for _ in 0..10 {
            let catalogue = listed(&provider, QUARTER).await.expect("a catalogue");
            assert_eq!((catalogue.targets.len(), catalogue.unlisted.len()), (1, 1));
        }
        let open: Vec<_> = gate.breakers().into_iter().filter(|(_, open)| *open).collect();
        assert!(
            open.iter()
                .all(|(place, _)| format!("{place:?}").contains("tagging")),
            "{open:?}"
        );
    })
    .await;
}
