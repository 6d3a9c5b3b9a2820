//! Odd and ordinary answers, as pages in and batches out.

use super::*;
use crate::discover::synthetic;
use crate::fetch::query_id;
use crate::plan::plan;
use provider_api::conformance::{batches_fit_their_call, partial_answer_kept};
use provider_api::{Due, TargetId, Window};
use std::collections::HashSet;

/// Two targets of two statistics each, five minutes.
fn call() -> Call {
    let at = |m: i64| UnixNanos::from_seconds(m * 60);
    let window = Window::new(at(0), at(5)).expect("not empty");
    let due: Vec<Due> = synthetic("r", 2, &["Average", "Sum"])
        .into_iter()
        .map(|target| Due { target, window })
        .collect();
    plan(&due).into_iter().next().expect("one call")
}

fn part(target: usize, statistic: usize, status: Status, points: &[(i64, f64)]) -> Part {
    Part {
        id: query_id(target, statistic),
        status,
        messages: Vec::new(),
        starts: points.iter().map(|(s, _)| UnixNanos::from_seconds(*s)).collect(),
        values: points.iter().map(|(_, v)| *v).collect(),
    }
}

fn page(parts: Vec<Part>, token: Option<&str>) -> Page {
    Page {
        parts,
        token: token.map(str::to_owned),
        cloud_time: None,
    }
}

/// Feeds pages until the folder wants no more.
fn fold(call: &Call, pages: Vec<Page>) -> (Vec<Batch>, Next) {
    let mut folder = Folder::new(call);
    let mut batches = Vec::new();
    let mut last = Next::End;
    for page in pages {
        let (batch, next) = folder.page(page);
        batches.push(batch);
        last = next;
        if !matches!(last, Next::Page(_)) {
            break;
        }
    }
    batches_fit_their_call(call, &batches);
    (batches, last)
}

fn ids(call: &Call) -> (TargetId, TargetId) {
    (call.targets[0].id, call.targets[1].id)
}

fn reasons(batches: &[Batch]) -> Vec<(SkipReason, u64)> {
    batches
        .iter()
        .flat_map(|b| &b.skipped)
        .map(|s| (s.reason, s.points))
        .collect()
}

#[test]
fn pages_add_up_and_complete_a_target_when_all_its_statistics_are() {
    let call = call();
    let (batches, next) = fold(
        &call,
        vec![
            page(
                vec![
                    part(0, 0, Status::Complete, &[(60, 2.0), (0, 1.0)]),
                    part(0, 1, Status::PartialData, &[(0, 5.0)]),
                    part(1, 0, Status::Complete, &[]),
                ],
                Some("x"),
            ),
            page(
                vec![
                    part(0, 1, Status::Complete, &[(60, 6.0)]),
                    part(1, 1, Status::Complete, &[]),
                ],
                None,
            ),
        ],
    );
    assert_eq!(next, Next::End);
    let (first, second) = ids(&call);
    assert_eq!(batches[0].complete, []);
    assert_eq!(batches[1].complete, [first, second]);
    assert_eq!(
        batches
            .iter()
            .flat_map(|b| &b.series)
            .map(|s| s.points.len())
            .sum::<usize>(),
        4
    );
    let p = &batches[0].series[0].points[0];
    assert_eq!(
        (p.start, p.end),
        (Some(UnixNanos::from_seconds(0)), UnixNanos::from_seconds(60))
    );
}

#[test]
fn partial_to_the_end_is_not_complete_and_what_came_is_kept() {
    let call = call();
    let (batches, next) = fold(
        &call,
        vec![page(
            vec![
                part(0, 0, Status::Complete, &[(0, 1.0)]),
                part(0, 1, Status::PartialData, &[(0, 1.0)]),
            ],
            None,
        )],
    );
    assert_eq!(next, Next::End);
    let (first, second) = ids(&call);
    partial_answer_kept(&batches, 2, &HashSet::from([first, second]));
}

#[test]
fn refusals_fail_their_target_once_and_keep_its_points() {
    for (status, label) in [
        (Status::Forbidden, "forbidden"),
        (Status::InternalError, "unavailable"),
        (Status::Other("Novel".into()), "bad_response"),
    ] {
        let call = call();
        let mut refused = part(0, 1, status.clone(), &[(0, 3.0)]);
        refused.messages = vec!["because".into()];
        let parts = vec![
            part(0, 0, status, &[(0, 1.0)]),
            refused,
            part(1, 0, Status::Complete, &[]),
            part(1, 1, Status::Complete, &[]),
        ];
        let (batches, _) = fold(&call, vec![page(parts, None)]);
        let (first, second) = ids(&call);
        let failed: Vec<_> = batches[0]
            .failed
            .iter()
            .map(|f| (f.target, f.kind.label()))
            .collect();
        assert_eq!(failed, [(first, label)]);
        assert_eq!(batches[0].complete, [second]);
        partial_answer_kept(&batches, 2, &HashSet::from([first]));
    }
}

#[test]
fn bad_points_are_counted_by_reason_and_the_rest_goes_on() {
    let call = call();
    let odd = [
        (0, f64::NAN),
        (60, f64::INFINITY),
        (90, 1.0),
        (300, 1.0),
        (-60, 1.0),
        (120, 1.0),
        (120, 2.0),
        (240, 4.0),
    ];
    let (batches, _) = fold(&call, vec![page(vec![part(0, 0, Status::Complete, &odd)], None)]);
    assert_eq!(
        reasons(&batches),
        [
            (SkipReason::NotFinite, 2),
            (SkipReason::BadTime, 1),
            (SkipReason::OutsideWindow, 2),
            (SkipReason::Repeated, 1),
        ]
    );
    assert_eq!(batches[0].series[0].points.len(), 2);
}

#[test]
fn a_point_repeated_on_a_later_page_is_skipped() {
    let call = call();
    let again = || part(0, 0, Status::PartialData, &[(0, 1.0)]);
    let (batches, _) = fold(
        &call,
        vec![page(vec![again()], Some("x")), page(vec![again()], None)],
    );
    assert_eq!(reasons(&batches), [(SkipReason::Repeated, 1)]);
}

#[test]
fn shapes_that_do_not_fit() {
    let call = call();
    let mut crooked = part(0, 0, Status::Complete, &[(0, 1.0)]);
    crooked.values.push(2.0);
    let unknown = ["zzz", "t9_0", "t0_9"].map(|id| Part {
        id: id.into(),
        ..part(0, 0, Status::Complete, &[(0, 1.0)])
    });
    let parts = std::iter::once(crooked).chain(unknown).collect();
    let (batches, _) = fold(&call, vec![page(parts, None)]);
    assert_eq!(reasons(&batches).iter().map(|(_, n)| n).sum::<u64>(), 5);
    assert!(reasons(&batches).iter().all(|(r, _)| *r == SkipReason::BadShape));
    assert!(batches[0].series.is_empty() && batches[0].complete.is_empty());
    assert_eq!(batches[0].failed.len(), 1);
}

#[test]
fn an_answer_without_an_end_is_cut_off() {
    let call = call();
    let looping = vec![
        page(vec![part(0, 0, Status::PartialData, &[(0, 1.0)])], Some("x")),
        page(vec![], Some("x")),
    ];
    let (batches, next) = fold(&call, looping);
    assert!(matches!(next, Next::Broken(why) if why.contains("repeats")));
    assert_eq!(batches[0].series.len(), 1);

    let fresh = (0..100)
        .map(|i| page(vec![], Some(&format!("token {i}"))))
        .collect();
    let (batches, next) = fold(&call, fresh);
    assert!(matches!(next, Next::Broken(_)));
    assert_eq!(batches.len(), 25);

    let flood: Vec<(i64, f64)> = (0..250).map(|i| (i * 60, 1.0)).collect();
    let (batches, next) = fold(
        &call,
        vec![page(vec![part(0, 0, Status::Complete, &flood)], Some("x"))],
    );
    assert!(matches!(next, Next::Broken(_)));
    assert_eq!(batches[0].series[0].points.len(), 5);
}
