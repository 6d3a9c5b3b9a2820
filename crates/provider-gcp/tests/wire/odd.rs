//! Odd elements and types that fail leave everything else complete.

use super::{Test, everything, listed};
use cloudsim::rules::{Cloud, How, Odd, PartFault, Rule};

const CPU: &str = "compute.googleapis.com/instance/cpu/utilization";

#[tokio::test]
async fn odd_series_and_descriptors_leave_the_others() {
    let test = Test::start().await;
    let whole = {
        let provider = test.provider(&["sim-project"], vec![everything(None)]).await;
        test.read(&provider).await
    };
    for odd in [
        Odd::NullList,
        Odd::NullField,
        Odd::NullElement,
        Odd::Nameless,
        Odd::Number,
    ] {
        let of_series = Rule::new(How::Part(PartFault::Odd(odd)))
            .cloud(Cloud::Gcp)
            .operation("ListTimeSeries")
            .metric(CPU)
            .id("*zone=europe-west1-b*");
        let of_types = Rule::new(How::Part(PartFault::Odd(odd)))
            .operation("ListMetricDescriptors")
            .metric("pubsub*");
        test.faults.clear_rules();
        test.faults.add(of_series);
        test.faults.add(of_types);
        let provider = test.provider(&["sim-project"], vec![everything(None)]).await;
        let came = test.read(&provider).await;
        assert!(came.failed.is_empty() && came.twice == 0, "{odd:?}: {came:?}");
        for (key, points) in &whole.points {
            let had = came.points.get(key).copied().unwrap_or(0);
            match key.1.as_str() {
                CPU => assert!(had * 2 > *points, "{odd:?}: {had} of {points}"),
                name if name.starts_with("pubsub") && odd == Odd::Nameless => {}
                _ => assert_eq!(had, *points, "{odd:?} {key:?}"),
            }
        }
        let lost = whole.points.values().sum::<usize>() - came.points.values().sum::<usize>();
        assert!(
            lost == 0 || came.odd > 0 || odd == Odd::NullList,
            "{odd:?}: {lost} lost, {}",
            came.odd
        );
    }
}

#[tokio::test]
async fn types_that_fail_in_unlike_ways_leave_the_others() {
    let test = Test::start().await;
    let truth = test.truth();
    for how in [
        How::Status(500),
        How::Status(503),
        How::Status(403),
        How::Status(404),
        How::Cut,
    ] {
        test.faults.clear_rules();
        test.faults
            .add(Rule::new(how).operation("ListTimeSeries").metric("compute*cpu*"));
        let provider = test
            .provider(&["sim-project", "sim-other"], vec![everything(None)])
            .await;
        for _ in 0..3 {
            let came = test.read(&provider).await;
            for (key, points) in &truth {
                let had = came.points.get(key).copied().unwrap_or(0);
                let hit = key.1.starts_with("compute") && key.1.contains("cpu");
                assert_eq!(had, if hit { 0 } else { *points }, "{how:?} {key:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_descriptor_without_a_name_is_counted() {
    let test = Test::start().await;
    test.faults.add(
        Rule::new(How::Part(PartFault::Odd(Odd::Nameless)))
            .operation("ListMetricDescriptors")
            .metric("pubsub*"),
    );
    let provider = test.provider(&["sim-project"], vec![everything(None)]).await;
    let catalogues = listed(&provider).await;
    let skipped = catalogues[0]
        .skipped
        .iter()
        .any(|one| &*one.metric == "(without a type)");
    assert!(skipped, "{:?}", catalogues[0].skipped);
}
