//! Values: a few samples for each native bucket of a series, derived from its hash, and the statistics over them.
//!
//! All statistics of a bucket come from the same samples, so they agree with one another; longer periods aggregate the
//! native buckets that lie in them. What may not be seen yet, is before the start of the world, or a gap, is absent.

use jiff::Timestamp;

use super::catalog::Series;
use crate::churn::lives_at;
use crate::sight::Sight;
use crate::world::{World, to_unit};

/// A bucket has one to so many samples.
const MAX_SAMPLES: u64 = 4;

/// What `CloudWatch` computes over samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    Average,
    Sum,
    Minimum,
    Maximum,
    SampleCount,
    /// 0 to 100.
    Percentile(f64),
}

impl Statistic {
    /// By `CloudWatch`'s spelling; percentiles are `p0` to `p100` with decimals.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "Average" => Some(Self::Average),
            "Sum" => Some(Self::Sum),
            "Minimum" => Some(Self::Minimum),
            "Maximum" => Some(Self::Maximum),
            "SampleCount" => Some(Self::SampleCount),
            _ => {
                let percent: f64 = text.strip_prefix('p')?.parse().ok()?;
                (0.0..=100.0)
                    .contains(&percent)
                    .then_some(Self::Percentile(percent))
            }
        }
    }
}

/// The samples of an interval, folded.
#[derive(Clone, Debug, Default)]
pub(super) struct Fold {
    count: u32,
    sum: f64,
    min: f64,
    max: f64,
    samples: Vec<f64>,
}

impl Fold {
    fn push(&mut self, sample: f64, keep: bool) {
        self.min = if self.count == 0 {
            sample
        } else {
            self.min.min(sample)
        };
        self.max = if self.count == 0 {
            sample
        } else {
            self.max.max(sample)
        };
        self.count += 1;
        self.sum += sample;
        if keep {
            self.samples.push(sample);
        }
    }

    /// `None` when there are no samples.
    pub(super) fn value(&mut self, statistic: Statistic) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        Some(match statistic {
            Statistic::Average => self.sum / f64::from(self.count),
            Statistic::Sum => self.sum,
            Statistic::Minimum => self.min,
            Statistic::Maximum => self.max,
            Statistic::SampleCount => f64::from(self.count),
            Statistic::Percentile(percent) => percentile(&mut self.samples, percent),
        })
    }
}

/// Linear between the two nearest ranks.
fn percentile(samples: &mut [f64], percent: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = u32::try_from(samples.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let rank = percent / 100.0 * f64::from(last);
    let below = floor_index(rank);
    let low = samples.get(below).copied().unwrap_or(0.0);
    let high = samples.get(below + 1).copied().unwrap_or(low);
    low + (high - low) * rank.fract()
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0..samples.len()"
)]
fn floor_index(rank: f64) -> usize {
    rank as usize
}

/// Folds the native buckets that start in `[from_s, to_s)`, as they are seen at `now`; without a `now`, as they will stay.
pub(super) fn fold(
    world: &World,
    series: &Series,
    (from_s, to_s): (i64, i64),
    keep: bool,
    now: Option<Timestamp>,
) -> Fold {
    let native_s = series.metric.native_s;
    let earliest = from_s.max(world.start_unix_s());
    let mut start_s = next_multiple(earliest, native_s);
    let mut fold = Fold::default();
    while start_s < to_s {
        if now.is_some_and(|now| !world.published(start_s + native_s, now)) {
            break;
        }
        let shown = world
            .sight_of(series.seed, start_s, start_s + native_s)
            .shown(now);
        if let Some(version) = shown.filter(|_| is_there(world, series, start_s)) {
            samples(series, version.mark(start_s)).for_each(|sample| fold.push(sample, keep));
        }
        start_s += native_s;
    }
    fold
}

fn is_there(world: &World, series: &Series, start_s: i64) -> bool {
    lives_at(series.life, start_s) && !world.is_gap_of(series.seed, start_s)
}

/// When something is first seen of the native buckets in `[from_s, to_s)`, and when all of them are final. Gaps do not
/// count; without any bucket it is the normal publication of the interval.
pub(super) fn sight(world: &World, series: &Series, (from_s, to_s): (i64, i64)) -> Sight {
    let native_s = series.metric.native_s;
    let mut whole: Option<Sight> = None;
    let mut start_s = next_multiple(from_s.max(world.start_unix_s()), native_s);
    while start_s < to_s {
        if is_there(world, series, start_s) {
            let one = world.sight_of(series.seed, start_s, start_s + native_s);
            whole = Some(whole.map_or(one, |all| all.and(one)));
        }
        start_s += native_s;
    }
    whole.unwrap_or_else(|| world.sight_of(series.seed, from_s, next_multiple(to_s, native_s)))
}

/// The points of one statistic, oldest first: buckets of `period_s` from `from_s` on that start before `to_s`.
pub(super) fn points(
    world: &World,
    series: &Series,
    statistic: Statistic,
    (from_s, to_s): (i64, i64),
    period_s: i64,
    now: Option<Timestamp>,
) -> Vec<(i64, f64)> {
    let keep = matches!(statistic, Statistic::Percentile(_));
    let to_s = now.map_or(to_s, |now| to_s.min(now.as_second()));
    let before_the_world = world.start_unix_s().saturating_sub(from_s).max(0) / period_s;
    let mut start_s = from_s + before_the_world * period_s;
    let mut points = Vec::new();
    let to_s = series.life.map_or(to_s, |life| to_s.min(life.ended_s));
    let before_its_life = series
        .life
        .map_or(0, |life| life.born_s.saturating_sub(start_s).max(0) / period_s);
    start_s += before_its_life * period_s;
    while start_s < to_s {
        let end_s = start_s + period_s;
        if let Some(value) = fold(world, series, (start_s, end_s), keep, now).value(statistic) {
            points.push((start_s, value));
        }
        start_s = end_s;
    }
    points
}

/// The smallest multiple of `step` that is not below `at`.
pub(super) fn next_multiple(at: i64, step: i64) -> i64 {
    at + (-at).rem_euclid(step)
}

fn samples(series: &Series, mark: i64) -> impl Iterator<Item = f64> {
    let hash = World::bucket_hash(series.seed, mark);
    let metric = series.metric;
    (1..=1 + hash % MAX_SAMPLES).map(move |nth| {
        let sample = metric.low + (metric.high - metric.low) * to_unit(spread(hash.wrapping_add(nth)));
        if metric.whole { sample.round() } else { sample }
    })
}

/// The finalizer of `SplitMix64`: neighbouring numbers become unrelated ones.
fn spread(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::catalog::Catalog;
    use super::*;

    #[test]
    fn statistics_agree_and_longer_periods_add_up() {
        let world = World::default();
        let catalog = Catalog::new(&world, "123456789012");
        let series = &catalog.region("eu-west-1").series[0];
        let from = next_multiple(world.born_unix_s - 7200, 3600);
        let get = |name: &str, period| {
            let statistic = Statistic::parse(name).unwrap();
            points(&world, series, statistic, (from, from + 3600), period, None)
        };
        assert_eq!(get("Sum", 60).len(), 60);
        for i in 0..60 {
            let (min, avg, max) = (
                get("Minimum", 60)[i].1,
                get("Average", 60)[i].1,
                get("Maximum", 60)[i].1,
            );
            assert!(min <= avg && avg <= max);
            assert!((get("Sum", 60)[i].1 / get("SampleCount", 60)[i].1 - avg).abs() < 1e-9);
        }
        let minutes: f64 = get("Sum", 60).iter().map(|point| point.1).sum();
        assert!((minutes - get("Sum", 3600)[0].1).abs() < 1e-6);
        assert!(get("p100", 300)[3].1 - get("Maximum", 300)[3].1 == 0.0);
    }

    #[test]
    fn what_is_not_published_is_absent() {
        let world = World {
            publish_delay: std::time::Duration::from_secs(120),
            ..World::default()
        };
        let catalog = Catalog::new(&world, "123456789012");
        let series = &catalog.region("eu-west-1").series[0];
        let now = world.clock.now();
        let seen = points(
            &world,
            series,
            Statistic::Sum,
            (0, now.as_second()),
            60,
            Some(now),
        );
        let last = seen.last().unwrap().0;
        assert!(last + 180 <= now.as_second() && last + 240 > now.as_second());
    }
}
