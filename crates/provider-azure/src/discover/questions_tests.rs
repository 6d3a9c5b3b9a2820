//! Which entry a metric belongs to, and what is asked apart.

use crate::config::AzureEntry;
use crate::discover::Asked;
use crate::discover::definitions::Definitions;
use crate::testing::{asked_of, asking, entry, matcher};
use provider_api::SkipReason;
use std::time::Duration;

fn metric(name: &str, supported: &[&str], grains: &[&str], dimension: Option<&str>) -> serde_json::Value {
    let grains: Vec<_> = grains
        .iter()
        .map(|g| serde_json::json!({"timeGrain": g}))
        .collect();
    let dimensions: Vec<_> = dimension
        .iter()
        .map(|d| serde_json::json!({"value": d}))
        .collect();
    serde_json::json!({"name": {"value": name}, "primaryAggregationType": supported[0],
        "supportedAggregationTypes": supported, "metricAvailabilities": grains, "dimensions": dimensions})
}

fn definitions(all: Vec<serde_json::Value>) -> Definitions {
    Definitions::read(&serde_json::from_value(all.into()).expect("definitions"))
}

fn vm() -> AzureEntry {
    entry("Microsoft.Compute/virtualMachines")
}

fn told(asked: &[Asked]) -> Vec<(usize, u64, Vec<String>)> {
    let names = |a: &Asked| {
        let one = |m: &crate::question::AskedMetric| format!("{} {}", m.name, m.aggregations.words());
        a.question.metrics.iter().map(one).collect()
    };
    asked
        .iter()
        .map(|a| (a.entry, a.question.grain.as_secs(), names(a)))
        .collect()
}

#[test]
fn grain_and_split_are_asked_apart_and_nothing_else() {
    let mut wanted = vm();
    wanted.period = Some(Duration::from_secs(300));
    wanted.dimensions = vec!["lun".into()];
    let mut all: Vec<_> = (0..25)
        .map(|i| metric(&format!("m{i}"), &["Average", "Total"], &["PT1M", "PT5M"], None))
        .collect();
    all.push(metric("sum", &["Total", "Average"], &["PT5M"], None));
    all.push(metric("disk", &["Total"], &["PT1M", "PT5M"], Some("LUN")));
    all.push(metric("size", &["Average"], &["PT1H"], None));
    all.push(metric("text", &["None"], &["PT5M"], None));
    let (got, unasked) = asking(&[&wanted], &definitions(all));
    let sizes: Vec<_> = got
        .iter()
        .map(|a| {
            (
                a.question.grain.as_secs(),
                a.question.metrics.len(),
                a.question.filter(),
            )
        })
        .collect();
    let lun = Some("LUN eq '*'".to_owned());
    assert_eq!(sizes, [(300, 26, None), (300, 1, lun), (3_600, 1, None)]);
    let unasked: Vec<_> = unasked.into_iter().collect();
    assert_eq!(unasked, [(SkipReason::NoNumber, "text".into())]);
}

#[test]
fn the_first_entry_that_wants_a_metric_has_it_whatever_the_others_say() {
    let mut slow = vm();
    slow.names = vec![matcher("network in")];
    slow.period = Some(Duration::from_secs(300));
    let mut both = vm();
    both.aggregations = vec!["average".into(), "Total".into()];
    let all = definitions(vec![
        metric("Network In", &["Total", "Average"], &["PT1M", "PT5M"], None),
        metric("Percentage CPU", &["Average"], &["PT1M"], None),
    ]);
    let got = told(&asked_of(&[&slow, &both], &all));
    assert_eq!(
        got,
        [
            (0, 300, vec!["Network In total".to_owned()]),
            (
                1,
                60,
                vec![
                    "Network In average".to_owned(),
                    "Percentage CPU average".to_owned()
                ]
            )
        ]
    );
    let got = told(&asked_of(&[&both, &slow], &all));
    assert_eq!(got.len(), 1, "the second has nothing left: {got:?}");
}

#[test]
fn a_split_takes_a_metric_from_those_behind_it_too() {
    let mut by_lun = vm();
    by_lun.dimensions = vec!["LUN".into()];
    let all = definitions(vec![metric("disk", &["Total"], &["PT1M"], Some("LUN"))]);
    assert_eq!(asked_of(&[&by_lun, &vm()], &all).len(), 1);
}

#[test]
fn the_place_of_an_entry_in_the_file_is_no_part_of_an_identity() {
    let named = |name: &str| {
        let mut entry = vm();
        entry.names = vec![matcher(name)];
        entry
    };
    let (a, b) = (named("a"), named("b"));
    let all = definitions(vec![
        metric("b", &["Average"], &["PT1M"], None),
        metric("a", &["Average"], &["PT1M"], None),
    ]);
    let ranks = |entries: &[&AzureEntry]| {
        let mut ranks: Vec<(String, usize)> = asked_of(entries, &all)
            .iter()
            .map(|asked| (asked.question.metrics[0].name.to_string(), asked.rank))
            .collect();
        ranks.sort();
        ranks
    };
    assert_eq!(ranks(&[&a, &b]), [("a".to_owned(), 0), ("b".to_owned(), 1)]);
    assert_eq!(ranks(&[&a, &b]), ranks(&[&b, &a]));
}
