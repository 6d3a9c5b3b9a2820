//! Destinations with different wishes: totals and revisions.
use crate::common::{self, Lines, commit, drain, open, options, point, points, series_of, window};
use provider_api::{Kind, SeriesPoints, TargetId, Temporality, UnixNanos};
use store::{DestinationSpec, Format, OnFull, Options, Store};

fn spec(name: &str, format: Format, resend_revisions: bool) -> DestinationSpec {
    DestinationSpec {
        name: name.into(),
        max_bytes: 1 << 20,
        on_full: OnFull::Pause,
        format,
        resend_revisions,
        oldest_first: false,
    }
}

fn deltas(values: &[(i64, f64)]) -> Vec<SeriesPoints> {
    let kind = Kind::Sum {
        temporality: Temporality::Delta,
        monotonic: true,
    };
    vec![SeriesPoints {
        target: TargetId(1),
        series: series_of("a", kind),
        points: values.iter().map(|(end, value)| point(*end, *value)).collect(),
    }]
}

fn values(lines: Vec<common::Line>) -> Vec<(i64, i64, String)> {
    let seconds = |nanos| UnixNanos(nanos).seconds();
    lines
        .into_iter()
        .map(|(_, start, end, value)| (seconds(start), seconds(end), value))
        .collect()
}

#[tokio::test]
async fn totals_grow_across_a_restart_and_late_deltas_are_folded_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.destinations = vec![
        spec("t", Format::Cumulative, false),
        spec("d", Format::Delta, false),
    ];
    let store = open(&options);
    let done = commit(
        &store,
        600,
        window(0, 240),
        deltas(&[(60, 1.0), (120, 2.0), (240, 4.0)]),
        &[1],
    )
    .await
    .unwrap();
    assert_eq!((done.fresh, done.folded), (3, 0));
    let totals = values(drain(&store, 0).await);
    let at = |end, sum: &str| (0, end, format!("Double({sum})"));
    assert_eq!(totals, [at(60, "1.0"), at(120, "3.0"), at(240, "7.0")]);
    store.close().await.unwrap();
    let store = open(&options);
    let done = commit(
        &store,
        600,
        window(0, 300),
        deltas(&[(180, 10.0), (300, 100.0)]),
        &[1],
    )
    .await
    .unwrap();
    assert_eq!((done.fresh, done.late, done.folded), (2, 1, 1));
    assert_eq!(done.late_by_grains, [0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(values(drain(&store, 0).await), [at(300, "117.0")]);
    assert_eq!(drain(&store, 1).await.len(), 5);
}

#[tokio::test]
async fn a_revision_goes_to_those_who_want_it() {
    let mut options = Options::new("unused", 1 << 20);
    options.destinations = vec![
        spec("once", Format::Delta, false),
        spec("again", Format::Delta, true),
    ];
    let store = Store::in_memory(&options, Box::new(Lines)).unwrap();
    for value in [1.0, 1.0, 2.0, 2.0] {
        let one = SeriesPoints {
            points: vec![point(60, value)],
            ..points(1, "a", &[])
        };
        let done = commit(&store, 600, window(0, 60), vec![one], &[1]).await.unwrap();
        assert_eq!(done.fresh + done.repeated + done.revised, 1);
    }
    assert_eq!(drain(&store, 0).await.len(), 1);
    let again: Vec<String> = drain(&store, 1).await.into_iter().map(|line| line.3).collect();
    assert_eq!(again, ["Double(1.0)", "Double(2.0)"]);
    store.drained().await;
    assert_eq!(store.usage().spool_bytes, 0);
}

#[tokio::test]
async fn series_and_targets_without_points_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path()).destination("d");
    let store = open(&options);
    let day = 86_400;
    for target in [1, 2] {
        commit(
            &store,
            0,
            window(0, 60),
            vec![points(target, &target.to_string(), &[60])],
            &[target],
        )
        .await
        .unwrap();
    }
    commit(
        &store,
        0,
        window(0, 36 * day),
        vec![points(1, "new", &[36 * day])],
        &[1],
    )
    .await
    .unwrap();
    // What is due to be forgotten is forgotten after the answer; the next request comes after it.
    store.put_setting("k", b"v").await.unwrap();
    assert_eq!(store.usage().series, 1);
    assert_eq!(store.progress(&common::account(), TargetId(2)), None);
    store.close().await.unwrap();
    let store = open(&options);
    assert_eq!(
        (store.usage().series, store.setting("k")),
        (1, Some(b"v".to_vec()))
    );
}
