//! Places on the shelf: who has one, who makes room, and that they never take more than they may.

use super::cost::RESERVED_POINTS;
use super::*;
use crate::recent::ring::POINT_BYTES;
use crate::recent::testing::{at, points};

const ROOM_FOR_TEN: usize = 16_000;

fn names(shelf: &Shelf) -> Vec<String> {
    let all = shelf.after(Bound::Unbounded);
    all.map(|(key, _)| key.name.to_string()).collect()
}

#[test]
fn series_stand_in_the_order_of_their_names() {
    let mut shelf = Shelf::new(ROOM_FOR_TEN);
    for name in ["b", "c", "a", "b"] {
        shelf.put(&points(name, &[1]), at(1));
    }
    assert_eq!(names(&shelf), ["a", "b", "c"]);
}

#[test]
fn a_full_shelf_keeps_what_is_used_and_counts_what_found_no_place() {
    let mut shelf = Shelf::new(ROOM_FOR_TEN);
    for i in 0..100 {
        shelf.put(&points(&format!("m{i:02}"), &[1]), at(1));
    }
    let Counts {
        held,
        bytes,
        left_out,
        ..
    } = shelf.counts();
    assert!(held > 5 && bytes <= ROOM_FOR_TEN, "{held} in {bytes}");
    assert_eq!(u64::try_from(held).unwrap() + left_out, 100);
    assert_eq!(names(&shelf).first().map(String::as_str), Some("m00"));
}

#[test]
fn what_is_not_used_for_long_makes_room() {
    let mut shelf = Shelf::new(ROOM_FOR_TEN);
    for i in 0..100 {
        shelf.put(&points(&format!("m{i:02}"), &[1]), at(1));
    }
    shelf.put(&points("m01", &[4000]), at(4000));
    shelf.put(&points("new", &[4000]), at(4000));
    assert_eq!(names(&shelf), ["m01", "new"]);
}

#[test]
fn bytes_are_given_back_to_the_last() {
    let mut shelf = Shelf::new(1 << 20);
    for i in 0..50 {
        let many: Vec<i64> = (0..i * 10).collect();
        shelf.put(&points(&format!("m{i}"), &many), at(1));
    }
    assert!(shelf.counts().bytes > 50 * RESERVED_POINTS * POINT_BYTES);
    shelf.sweep(at(10_000));
    assert_eq!((shelf.counts().held, shelf.counts().bytes), (0, 0));
    assert!(shelf.resources.is_empty() && shelf.metrics.is_empty());
}

#[test]
fn a_smaller_shelf_keeps_what_was_used_last() {
    let mut shelf = Shelf::new(1 << 20);
    for i in 0..50 {
        shelf.put(&points(&format!("m{i:02}"), &[i]), at(100 - i));
    }
    shelf.resize(ROOM_FOR_TEN);
    let Counts { held, bytes, .. } = shelf.counts();
    assert!(held > 5 && bytes <= ROOM_FOR_TEN, "{held} in {bytes}");
    assert_eq!(names(&shelf).first().map(String::as_str), Some("m00"));
}

#[test]
fn no_series_grows_beyond_what_all_may_take() {
    let mut shelf = Shelf::new(ROOM_FOR_TEN);
    let many: Vec<i64> = (0..1000).collect();
    for i in 0..20 {
        shelf.put(&points(&format!("m{i}"), &many), at(1));
    }
    let Counts { held, bytes, .. } = shelf.counts();
    assert!(held > 1 && bytes <= ROOM_FOR_TEN, "{held} in {bytes}");
}
