//! Dividing what is refused or silent, against a cloud that is a closure.

use super::*;
use crate::fetch::memory::Standing;
use crate::fetch::start::start;
use crate::plan;
use crate::testing::{call, question_of};
use provider_api::Call;
use provider_api::conformance::batches_fit_their_call;

fn work(call: &Call) -> Work {
    Work::new(start(&call.targets, question_of(call), |_| Standing::Plain), 0)
}

fn has(piece: &Piece, id: &str) -> bool {
    let mut targets = piece.targets.iter();
    targets.any(|t| plan::detail(t).is_some_and(|d| &*d.id == id))
}

#[test]
fn dividing_finds_the_one_to_blame_and_completes_the_others() {
    let call = call(&["/a", "/b", "/c"], &["A", "B"]);
    let mut work = work(&call);
    let mut batch = Batch::default();
    // The cloud refuses whatever holds metric B of /b.
    while let Some(piece) = work.pieces.pop_front() {
        let bad = piece.metrics.iter().any(|m| &*m.name == "B") && has(&piece, "/b");
        if !bad {
            work.nothing(&piece, &mut batch);
        } else if !work.divide(&piece, Division::Metrics, &mut batch) {
            work.blame(&piece, &ErrorKind::InvalidRequest, "no", &mut batch);
        }
    }
    assert_eq!((batch.complete.len(), batch.failed.len()), (2, 1));
    assert!(
        batch.failed[0].message.ends_with("(B)"),
        "{}",
        batch.failed[0].message
    );
    batches_fit_their_call(&call, &[batch]);
}

#[test]
fn an_answer_comes_between_the_failures_of_one_bad_resource() {
    let ids: Vec<String> = (0..50).map(|i| format!("/r{i}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let call = call(&ids, &["A"]);
    for turn in 0..2 {
        for bad in &ids {
            let start = start(&call.targets, question_of(&call), |_| Standing::Plain);
            let mut work = Work::new(start, turn);
            let (mut batch, mut in_a_row, mut worst) = (Batch::default(), 0, 0);
            while let Some(piece) = work.pieces.pop_front() {
                if !has(&piece, bad) {
                    in_a_row = 0;
                    work.nothing(&piece, &mut batch);
                    continue;
                }
                in_a_row += 1;
                worst = worst.max(in_a_row);
                if !work.divide(&piece, Division::Silence, &mut batch) {
                    work.blame(&piece, &ErrorKind::TimedOut, "no", &mut batch);
                }
            }
            assert_eq!((batch.complete.len(), batch.failed.len()), (49, 1));
            assert!(worst < 3, "{worst} in a row: the host would be taken for dead");
        }
    }
}

#[test]
fn dividing_ends_and_nothing_left_over_is_blamed() {
    let ids: Vec<String> = (0..50).map(|i| format!("/r{i}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let names: Vec<String> = (0..20).map(|i| format!("m{i:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let call = call(&ids, &names);
    let mut work = work(&call);
    let mut batch = Batch::default();
    let mut requests: u32 = 0;
    while let Some(piece) = work.pieces.pop_front() {
        requests += 1;
        if !work.divide(&piece, Division::Metrics, &mut batch) {
            work.blame(&piece, &ErrorKind::InvalidRequest, "no", &mut batch);
        }
    }
    assert!(requests <= 2 * MOST_DIVISIONS + 1, "{requests}");
    assert!(
        batch.complete.is_empty() && batch.failed.len() < 50,
        "{}",
        batch.failed.len()
    );
}
