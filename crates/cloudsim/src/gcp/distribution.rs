//! How the distributions of the simulated cloud come about: from single measurements, or from counts alone.

use super::catalog::Layout;
use super::resources::Series;
use super::values::{GcpDistribution, GcpExemplar, SECOND_NS, real, whole};
use crate::World;

/// One distribution in ten is empty: nothing happened in that period.
const EMPTY_SHARE: f64 = 0.1;
/// One distribution in four carries exemplars.
const EXEMPLAR_SHARE: f64 = 0.25;

/// A distribution of which only the counts are known: every measurement is taken for the middle of its bucket.
pub(super) fn from_buckets(
    layout: Layout,
    bounds: Vec<f64>,
    bucket_counts: Vec<i64>,
    unit: f64,
) -> GcpDistribution {
    let middle = |bucket: usize| match bucket.checked_sub(1) {
        None => bounds.first().map_or(unit, |bound| bound / 2.0),
        Some(below) => match (bounds.get(below), bounds.get(bucket)) {
            (Some(low), Some(high)) => f64::midpoint(*low, *high),
            _ => bounds.last().map_or(unit, |bound| bound + unit),
        },
    };
    let count: i64 = bucket_counts.iter().sum();
    let weighted = |f: &dyn Fn(f64) -> f64| -> f64 {
        bucket_counts
            .iter()
            .enumerate()
            .map(|(bucket, n)| real(*n) * f(middle(bucket)))
            .sum()
    };
    let mean = if count == 0 {
        0.0
    } else {
        weighted(&|v| v) / real(count)
    };
    let sum_of_squared_deviation = weighted(&|v| (v - mean) * (v - mean));
    GcpDistribution {
        count,
        mean,
        sum_of_squared_deviation,
        layout,
        bounds,
        bucket_counts,
        exemplars: Vec::new(),
    }
}

/// A distribution of single measurements, at most so many, in multiples of a unit; the mark is what they are drawn by.
pub(super) fn spread(
    world: &World,
    series: &Series,
    (end_ns, mark): (i64, i64),
    layout: Layout,
    (most, unit): (u32, f64),
) -> GcpDistribution {
    let bounds = layout.bounds();
    let share = world.unit(&series.key, mark);
    let wanted = if share < EMPTY_SHARE {
        0
    } else {
        1 + whole(share * f64::from(most))
    };
    // Long-tailed, as latencies are: a few measurements are many times the usual one.
    let measured: Vec<f64> = (0..wanted)
        .map(|n| {
            let u = world.unit(&series.key, mark ^ ((n + 1) << 40));
            unit * (0.2 + u + 0.2 * u / (1.01 - u))
        })
        .collect();
    let mut bucket_counts = vec![0_i64; bounds.len() + 1];
    for value in &measured {
        bucket_counts[bounds.partition_point(|bound| bound <= value)] += 1;
    }
    let mean = if wanted == 0 {
        0.0
    } else {
        measured.iter().sum::<f64>() / real(wanted)
    };
    let sum_of_squared_deviation = measured.iter().map(|v| (v - mean) * (v - mean)).sum();
    let exemplars = exemplars(world, series, end_ns, &measured);
    GcpDistribution {
        count: wanted,
        mean,
        sum_of_squared_deviation,
        layout,
        bounds,
        bucket_counts,
        exemplars,
    }
}

/// The smallest and the largest measurement, now and then.
fn exemplars(world: &World, series: &Series, end_ns: i64, measured: &[f64]) -> Vec<GcpExemplar> {
    let end_s = end_ns.div_euclid(SECOND_NS);
    if world.unit(&series.key, end_s ^ (1 << 60)) >= EXEMPLAR_SHARE {
        return Vec::new();
    }
    let mut chosen: Vec<f64> = measured.to_vec();
    chosen.sort_by(f64::total_cmp);
    chosen.dedup();
    let ends = [chosen.first(), chosen.get(1..).and_then(<[f64]>::last)];
    ends.into_iter()
        .flatten()
        .zip(0_i64..)
        .map(|(value, n)| {
            let hash = |salt: i64| world.hash(&series.key, end_s ^ ((salt + n * 4) << 50));
            GcpExemplar {
                value: *value,
                timestamp_ns: end_ns - (10 - n) * SECOND_NS,
                trace_id: format!("{:016x}{:016x}", hash(1), hash(2)),
                span_id: format!("{:016x}", hash(3)),
                dropped_labels: if n == 0 {
                    Vec::new()
                } else {
                    vec![("user".to_owned(), "u-17".to_owned())]
                },
            }
        })
        .collect()
}
