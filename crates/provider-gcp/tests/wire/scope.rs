//! A metrics scope: `sim-project` is the scoping project of `sim-other` and answers for it, too.

use super::{Test, everything};

const CPU: &str = "compute.googleapis.com/instance/cpu/utilization";

#[tokio::test]
async fn every_series_is_read_once_though_a_scoping_project_has_those_of_others() {
    let test = Test::start().await;
    let provider = test
        .provider(&["sim-project", "sim-other"], vec![everything(None)])
        .await;
    let came = test.read(&provider).await;
    assert_eq!((came.twice, &came.failed), (0, &vec![]));
    assert_eq!(came.points, test.truth());
}

#[tokio::test]
async fn unlike_filters_part_a_type_and_nothing_is_read_twice_or_left_over() {
    let test = Test::start().await;
    let europe = everything(Some(
        r#"resource.labels.project_id = "sim-project" OR metric.type = "x""#,
    ));
    // Google takes one metric type a filter, so this entry is refused; what comes after it is not.
    let provider = test.provider(&["sim-project"], vec![europe]).await;
    assert!(!test.read(&provider).await.failed.is_empty());

    let labels = r#"resource.labels.project_id = starts_with("sim-p") AND NOT resource.labels.project_id = "x" OR resource.labels.project_id = "y""#;
    let entries = vec![everything(Some(labels)), everything(None)];
    let provider = test.provider(&["sim-project", "sim-other"], entries).await;
    let came = test.read(&provider).await;
    assert_eq!((came.twice, &came.failed), (0, &vec![]));
    assert_eq!(came.points, test.truth());
}

#[tokio::test]
async fn a_filter_that_names_another_project_of_the_scope_gets_it() {
    let test = Test::start().await;
    let entries = vec![everything(Some(r#"project = "sim-other""#)), everything(None)];
    let provider = test.provider(&["sim-project"], entries).await;
    let came = test.read(&provider).await;
    assert_eq!((came.twice, &came.failed), (0, &vec![]));
    assert_eq!(came.points, test.truth(), "both by way of one");
    let other = came.points.get(&("sim-other".to_owned(), CPU.to_owned()));
    assert!(other.is_some_and(|points| *points > 0));
}
