//! Points as they arrive, until their hour is compared: what comes after that came twice, or was never wanted.

use crate::setup::{NANOS, identity};
use export::receiver::FlatPoint;

/// Points that wait to be compared.
pub(super) struct Arrived {
    points: Vec<FlatPoint>,
    begin: i64,
    compared: i64,
    /// What came although its time had been compared.
    pub(super) strays: Vec<String>,
}

impl Arrived {
    pub(super) fn after(begin: i64) -> Self {
        Self {
            points: Vec::new(),
            begin,
            compared: begin,
            strays: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, points: &[FlatPoint]) {
        for point in points {
            match end(point) {
                end if end <= self.begin * NANOS => {}
                end if end <= self.compared * NANOS => self.strays.push(identity(point)),
                _ => self.points.push(point.clone()),
            }
        }
    }

    /// Whether there are so many points of each cloud that end by `to`.
    pub(super) fn has(&self, wanted: [(&str, usize); 3], to: i64) -> bool {
        let of = |cloud: &str| {
            let ended = self.points.iter().filter(|point| end(point) <= to * NANOS);
            let is_of = |point: &&FlatPoint| point.resource.get("cloud.provider").is_some_and(|c| c == cloud);
            ended.filter(is_of).count()
        };
        wanted.into_iter().all(|(cloud, points)| of(cloud) >= points)
    }

    pub(super) fn take(&mut self, to: i64) -> Vec<FlatPoint> {
        self.compared = to;
        let (ended, left) = std::mem::take(&mut self.points)
            .into_iter()
            .partition(|point| end(point) <= to * NANOS);
        self.points = left;
        ended
    }
}

fn end(point: &FlatPoint) -> i64 {
    i64::try_from(point.time).unwrap()
}
