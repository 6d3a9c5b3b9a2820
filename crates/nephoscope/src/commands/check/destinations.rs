//! Destinations, all at once: probed with what the configured entries will send them.

use super::report::{Outcome, Row, Subject};
use crate::clock::SystemClock;
use crate::wiring::destinations;
use config_file::{AwsAccount, AzureAccount, Config, Destination, DestinationKind, Profile};
use export::probe::{self, BackEnd, Finding, Given, Hints};
use futures::future::join_all;
use scheduler::Clock as _;

/// The rows of every destination, in the order of the configuration.
pub(super) async fn check(config: &Config) -> Vec<Row> {
    let given = given(config);
    let rows = config
        .destinations
        .iter()
        .map(|destination| one(destination, &given));
    let rows = join_all(rows).await;
    rows.into_iter().flatten().collect()
}

async fn one(destination: &Destination, given: &[Given]) -> Vec<Row> {
    let hints = Hints {
        given: given.to_vec(),
        kinds: kinds(),
        credentials: kind_of(destination).map(|profile| profile.habits().credentials),
    };
    let subject = Subject::Destination {
        name: destination.name.clone(),
    };
    let findings = match destinations::config(destination) {
        Ok(config) => probe::probe(&config, &hints, SystemClock.now()).await,
        Err(failure) => vec![Finding {
            tried: "certificates",
            outcome: probe::Outcome::Unavailable,
            detail: failure.to_string(),
            remedy: None,
        }],
    };
    let found = findings.into_iter().map(|finding| row(&subject, finding));
    let proposed = destinations::proposal(destination).map(|text| Row {
        subject: subject.clone(),
        scope: "-".to_owned(),
        tried: "for".to_owned(),
        outcome: Outcome::Warning,
        detail: text.seen,
        remedy: Some(text.remedy),
    });
    found.chain(proposed).collect()
}

fn row(subject: &Subject, finding: Finding) -> Row {
    Row {
        subject: subject.clone(),
        scope: "-".to_owned(),
        tried: finding.tried.to_owned(),
        outcome: match finding.outcome {
            probe::Outcome::Passed => Outcome::Passed,
            probe::Outcome::Warning => Outcome::Warning,
            probe::Outcome::Unavailable => Outcome::Unavailable,
            probe::Outcome::Forbidden => Outcome::Forbidden,
            probe::Outcome::Unauthenticated => Outcome::Unauthenticated,
        },
        detail: finding.detail,
        remedy: finding.remedy,
    }
}

/// The kind that the user named, or that the endpoint looks like.
fn kind_of(destination: &Destination) -> Option<Profile> {
    match &destination.kind {
        DestinationKind::Otlp(otlp) => destination
            .profile
            .or_else(|| Profile::of_endpoint(&otlp.endpoint)),
        DestinationKind::File { .. } | DestinationKind::Prometheus | DestinationKind::Stdout { .. } => None,
    }
}

/// The kinds with a path of their own, each path once.
fn kinds() -> Vec<BackEnd> {
    let mut kinds: Vec<BackEnd> = vec![];
    for profile in Profile::ALL {
        let habits = profile.habits();
        let known = kinds.iter().any(|kind| kind.path == habits.path);
        if habits.path != Profile::Collector.habits().path && !known {
            kinds.push(BackEnd {
                word: habits.word,
                path: habits.path,
            });
        }
    }
    kinds
}

/// The kinds of points that the entries yield, by what their statistics become.
fn given(config: &Config) -> Vec<Given> {
    let google = !config.gcp.is_empty();
    let summed = |name: &str| matches!(name, "Sum" | "SampleCount" | "Total" | "Count");
    let names = config.aws.iter().flat_map(aws_statistics);
    let names: Vec<&str> = names
        .chain(config.azure.iter().flat_map(azure_aggregations))
        .collect();
    [
        (Given::Gauge, google || names.iter().any(|name| !summed(name))),
        (Given::Delta, google || names.iter().any(|name| summed(name))),
        (Given::Total, google),
        (Given::Histogram, google),
    ]
    .into_iter()
    .filter_map(|(kind, yielded)| yielded.then_some(kind))
    .collect()
}

/// Where an entry names none, any may be sent.
const ANY: [&str; 2] = ["Average", "Sum"];

fn aws_statistics(account: &AwsAccount) -> impl Iterator<Item = &str> {
    account.metrics.iter().flat_map(|entry| named(&entry.statistics))
}

fn azure_aggregations(account: &AzureAccount) -> impl Iterator<Item = &str> {
    account
        .metrics
        .iter()
        .flat_map(|entry| named(&entry.aggregations))
}

fn named(names: &[String]) -> impl Iterator<Item = &str> {
    let any = if names.is_empty() { &ANY[..] } else { &[] };
    names.iter().map(String::as_str).chain(any.iter().copied())
}
