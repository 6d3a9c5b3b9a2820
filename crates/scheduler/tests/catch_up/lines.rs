//! What the destinations of these tests are sent: one line a point, as wide as a point of OTLP.

use provider_api::{Point, SeriesPoints};
use std::fmt::Write as _;
use store::{Encode, Entry};

/// Bytes of a line.
const LINE_BYTES: usize = 256;

/// Lines in an entry, which is then 4 KiB long.
const LINES: usize = 16;

/// Series and end of every point, oldest first.
#[derive(Debug)]
pub(crate) struct Lines;

impl Encode for Lines {
    fn encode(&self, points: &[SeriesPoints]) -> Vec<Entry> {
        let of = |one: &SeriesPoints| {
            let id = one.series.id().0;
            one.points.clone().into_iter().map(move |point| (id, point))
        };
        let mut all: Vec<(u128, Point)> = points.iter().flat_map(of).collect();
        all.sort_by_key(|(_, point)| point.end);
        all.chunks(LINES).map(entry).collect()
    }

    fn decode(&self, _entry: &Entry) -> Option<Vec<SeriesPoints>> {
        None
    }
}

fn entry(points: &[(u128, Point)]) -> Entry {
    let mut text = String::new();
    for (series, point) in points {
        let width = LINE_BYTES - 1;
        let line = format!("{series} {}", point.end.seconds());
        writeln!(text, "{line:width$}").unwrap();
    }
    Entry {
        raw_len: u32::try_from(text.len()).unwrap(),
        payload: text.into(),
        points: u32::try_from(points.len()).unwrap(),
        oldest_end: points.first().unwrap().1.end,
        newest_end: points.last().unwrap().1.end,
    }
}

/// The series and ends in an entry.
pub(crate) fn read(entry: &Entry) -> Vec<(u128, i64)> {
    let lines = std::str::from_utf8(&entry.payload).unwrap().lines();
    let pair = |line: &str| {
        let (series, end) = line.trim_end().split_once(' ').unwrap();
        (series.parse().unwrap(), end.parse().unwrap())
    };
    lines.map(pair).collect()
}
