//! A line over time as the paths and labels of an SVG picture. Pure: points in, geometry out.

use super::number::short;
use std::fmt::Write as _;

/// A time in seconds since the epoch, and a value; only finite ones.
pub(super) type Dot = (i64, f64);

/// Space for the labels of the values, in pixels.
const LEFT: i32 = 62;
/// Space so that the last label of the time is not cut off.
const RIGHT: i32 = 22;
/// Space so that the topmost label is not cut off.
const TOP: i32 = 10;
/// Space for the labels of the time.
const BOTTOM: i32 = 28;

/// Pixels between two labels of the time, at least.
const COLUMN: i32 = 80;

/// Lines across, about.
const ROWS: f64 = 5.0;

/// A pause longer than so many usual ones is a hole: no line leads over it.
const HOLE: f64 = 2.5;

/// Steps between labels of the time, in seconds: what clocks and people divide by.
const STEPS_S: [i64; 10] = [60, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];

/// A picture of one size.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chart {
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
    /// Lines across: place and label.
    pub(super) rows: Vec<(String, String)>,
    /// Times: place and label.
    pub(super) columns: Vec<(String, String)>,
    /// The path of the line.
    pub(super) line: String,
    /// Times and values at the edges, and where these are, for the script.
    pub(super) scale: String,
}

/// What lies between the edges.
#[derive(Clone, Copy, Debug)]
struct Scale {
    time: (i64, i64),
    value: (f64, f64),
    x: (f64, f64),
    y: (f64, f64),
}

impl Scale {
    fn x(&self, second: i64) -> f64 {
        let (from, to) = self.time;
        self.x.0 + seconds(second - from) / seconds(to - from).max(1.0) * (self.x.1 - self.x.0)
    }

    fn y(&self, value: f64) -> f64 {
        let (low, high) = self.value;
        self.y.1 - (value - low) / (high - low) * (self.y.1 - self.y.0)
    }
}

/// A time that is shown is within some days of another one.
fn seconds(n: i64) -> f64 {
    f64::from(i32::try_from(n).unwrap_or(i32::MAX))
}

impl Chart {
    /// Of points in the order of time, up to `now`; nothing without points.
    pub(super) fn new(dots: &[Dot], now: i64, (width, height): (i32, i32)) -> Option<Self> {
        let (first, last) = (dots.first()?, dots.last()?);
        let step = value_step(dots);
        let (low, high) = edges(dots, step);
        let scale = Scale {
            time: (first.0, now.max(last.0).max(first.0 + 600)),
            value: (low, high),
            x: (f64::from(LEFT), f64::from(width - RIGHT)),
            y: (f64::from(TOP), f64::from(height - BOTTOM)),
        };
        Some(Self {
            width,
            height,
            left: LEFT,
            right: width - RIGHT,
            top: TOP,
            bottom: height - BOTTOM,
            rows: rows(&scale, step),
            columns: columns(&scale, (width - LEFT - RIGHT) / COLUMN),
            line: path(dots, &scale),
            scale: format!(
                "{},{},{low},{high},{LEFT},{},{TOP},{}",
                scale.time.0,
                scale.time.1,
                width - RIGHT,
                height - BOTTOM
            ),
        })
    }
}

/// A line of a few strokes, without labels; nothing for less than two points.
pub(super) fn spark(dots: &[Dot], now: i64) -> Option<String> {
    /// Strokes, so that many small pictures stay small.
    const STROKES: usize = 48;
    let (first, _) = dots.get(1).and(dots.first())?;
    let per_stroke = dots.len().div_ceil(STROKES);
    let few: Vec<Dot> = dots.chunks(per_stroke).filter_map(middle).collect();
    let (low, high) = extent(&few);
    let half = if high > low { 0.0 } else { 1.0 };
    let scale = Scale {
        time: (*first, now),
        value: (low - half, high + half),
        x: (1.0, 119.0),
        y: (2.0, 20.0),
    };
    Some(path(&few, &scale))
}

/// The last time and the mean of some points.
fn middle(dots: &[Dot]) -> Option<Dot> {
    let count = f64::from(u32::try_from(dots.len()).ok()?);
    let sum: f64 = dots.iter().map(|(_, value)| value / count).sum();
    Some((dots.last()?.0, sum))
}

fn extent(dots: &[Dot]) -> (f64, f64) {
    let values = dots.iter().map(|(_, value)| *value);
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    })
}

/// The distance between lines across: 1, 2 or 5 times a power of ten.
fn value_step(dots: &[Dot]) -> f64 {
    let (low, high) = extent(dots);
    let low = if near_zero(low, high) { 0.0 } else { low };
    let span = if high > low {
        high - low
    } else {
        high.abs().max(1.0)
    };
    let raw = span / ROWS;
    let power = 10_f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= raw);
    factor.unwrap_or(10.0) * power
}

/// Zero is in the picture when the values are not far from it: heights then compare as the numbers do.
fn near_zero(low: f64, high: f64) -> bool {
    low >= 0.0 && low < high * 0.6
}

/// The lowest and the highest line across.
fn edges(dots: &[Dot], step: f64) -> (f64, f64) {
    let (low, high) = extent(dots);
    let low = if near_zero(low, high) {
        0.0
    } else {
        (low / step).floor() * step
    };
    let high = (high / step).ceil() * step;
    if high > low {
        (low, high)
    } else {
        (low, low + step)
    }
}

fn rows(scale: &Scale, step: f64) -> Vec<(String, String)> {
    /// More than the steps can make; a bound all the same.
    const MOST: u32 = 12;
    let row = |n: u32| {
        let value = scale.value.0 + f64::from(n) * step;
        (value < scale.value.1 + step / 2.0).then(|| (format!("{:.1}", scale.y(value)), short(value)))
    };
    (0..MOST).map_while(row).collect()
}

fn columns(scale: &Scale, most: i32) -> Vec<(String, String)> {
    let (from, to) = scale.time;
    let most = i64::from(most.max(2));
    let fitting = STEPS_S.into_iter().find(|step| (to - from) / step <= most);
    let step = fitting.unwrap_or((to - from) / most + 1);
    let first = (from + step - 1).div_euclid(step) * step;
    let times = std::iter::successors(Some(first), |time| Some(time + step)).take_while(|time| *time <= to);
    times
        .map(|time| (format!("{:.1}", scale.x(time)), of_day(time)))
        .collect()
}

/// `14:05`, UTC.
pub(super) fn of_day(second: i64) -> String {
    let minute = second.div_euclid(60).rem_euclid(24 * 60);
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn path(dots: &[Dot], scale: &Scale) -> String {
    let usual = usual_pause(dots);
    let mut path = String::new();
    let mut before: Option<i64> = None;
    for (second, value) in dots {
        let joined = before.is_some_and(|before| seconds(second - before) <= usual * HOLE);
        // Writing to a String cannot fail. A point alone is a line of no length, which round ends make a dot.
        if joined {
            write!(path, "L{:.1} {:.1}", scale.x(*second), scale.y(*value)).ok();
        } else {
            write!(path, "M{:.1} {:.1}h0", scale.x(*second), scale.y(*value)).ok();
        }
        before = Some(*second);
    }
    path
}

/// The median of the pauses between points.
fn usual_pause(dots: &[Dot]) -> f64 {
    let mut pauses: Vec<i64> = dots
        .windows(2)
        .filter_map(|pair| Some(pair.last()?.0 - pair.first()?.0))
        .collect();
    pauses.sort_unstable();
    pauses.get(pauses.len() / 2).map_or(60.0, |pause| seconds(*pause))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (i32, i32) = (640, 240);

    fn labels(ticks: &[(String, String)]) -> Vec<&str> {
        ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn edges_are_round_and_zero_is_shown_when_near() {
        let chart = Chart::new(&[(0, 2.0), (60, 37.0), (120, 11.0)], 120, SIZE).unwrap();
        assert_eq!(labels(&chart.rows), ["0", "10", "20", "30", "40"]);
        let high = Chart::new(&[(0, 1_000.0), (60, 1_003.0)], 120, SIZE).unwrap();
        assert_eq!(labels(&high.rows), ["1,000", "1,001", "1,002", "1,003"]);
        let flat = Chart::new(&[(0, 0.0), (60, 0.0)], 120, SIZE).unwrap();
        assert_eq!(labels(&flat.rows).first(), Some(&"0"));
        assert!(flat.rows.len() >= 2);
    }

    #[test]
    fn times_are_round_and_do_not_touch() {
        let day = 1_000 * 86_400;
        let dots: Vec<Dot> = (0..180).map(|n| (day + 7 * 60 + n * 60, 1.0)).collect();
        let chart = Chart::new(&dots, day + 190 * 60, SIZE).unwrap();
        assert_eq!(
            labels(&chart.columns),
            ["00:30", "01:00", "01:30", "02:00", "02:30", "03:00"]
        );
        let narrow = Chart::new(&dots, day + 190 * 60, (340, 200)).unwrap();
        assert!(narrow.columns.len() <= 3, "{:?}", narrow.columns);
    }

    #[test]
    fn no_line_leads_over_a_hole_and_a_lonely_point_is_a_dot() {
        let dots = [0, 60, 120, 180, 240, 600, 1_200].map(|second| (second, 1.0));
        let chart = Chart::new(&dots, 1_200, SIZE).unwrap();
        assert_eq!(chart.line.matches('M').count(), 3);
        assert_eq!(chart.line.matches('L').count(), 4);
    }

    #[test]
    fn everything_stays_inside_the_picture() {
        for values in [[-5.0, 5.0], [1e-9, 2e-9], [1e15, -1e15], [7.0, 7.0]] {
            let dots = [(0, values[0]), (60, values[1])];
            let chart = Chart::new(&dots, 60, SIZE).unwrap();
            let places = chart
                .line
                .split(['M', 'L', 'h', ' '])
                .filter_map(|n| n.parse::<f64>().ok());
            assert!(places.clone().all(|n| (0.0..=640.0).contains(&n)), "{chart:?}");
            assert!(spark(&dots, 60).is_some());
        }
        assert_eq!(Chart::new(&[], 0, SIZE), None);
        assert_eq!(spark(&[(0, 1.0)], 60), None);
    }

    #[test]
    fn a_small_picture_of_many_points_is_short() {
        let dots: Vec<Dot> = (0..384).map(|n| (n * 60, seconds(n % 7))).collect();
        assert!(spark(&dots, 384 * 60).unwrap().len() < 800);
    }
}
