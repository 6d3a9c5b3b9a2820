//! What we have written is read back as it was.

use crate::points::{many, one_of_each};
use export::{Limits, encode, read};
use provider_api::SeriesPoints;

/// Identity, kind and points of all series, in order.
fn told(all: &[SeriesPoints]) -> Vec<String> {
    let mut told: Vec<String> = all
        .iter()
        .map(|one| {
            format!(
                "{:?} {:?} {:?}",
                one.series.id(),
                one.series.metric.spec().kind,
                one.points
            )
        })
        .collect();
    told.sort();
    told
}

#[test]
fn requests_are_read_back_as_they_were_written() {
    let mut wanted = one_of_each();
    // Invalid points are left out on the way.
    wanted.pop();
    for points in [wanted, many(500)] {
        let encoded = encode(&points, Limits::default());
        let back: Vec<SeriesPoints> = encoded.iter().flat_map(|one| read(one).unwrap()).collect();
        assert_eq!(told(&back), told(&points));
    }
}
