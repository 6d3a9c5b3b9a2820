//! Aggregation, as far as it is simulated: no alignment, and the per-series aligners MEAN, SUM, MIN and MAX on
//! numbers. Every other aligner, every reducer and every second aggregation is refused with a 400.

use super::catalog::{Kind, MetricDef, ValueType};
use super::errors::ApiError;
use super::query::Query;
use super::values::{GcpValue, Point, SECOND_NS, real};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Mean,
    Sum,
    Min,
    Max,
}

/// An alignment that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alignment {
    how: How,
    period_ns: i64,
}

/// Names and numbers that mean "not asked for".
const NONE: &[&str] = &["", "0", "ALIGN_NONE", "REDUCE_NONE"];
const SHORTEST_PERIOD_S: i64 = 60;

/// Reads the aggregation parameters; `None` is raw data.
pub(crate) fn read(query: &Query, def: &MetricDef) -> Result<Option<Alignment>, ApiError> {
    let others = [
        "aggregation.crossSeriesReducer",
        "aggregation.groupByFields",
        "secondaryAggregation.perSeriesAligner",
        "secondaryAggregation.crossSeriesReducer",
        "secondaryAggregation.groupByFields",
    ];
    if let Some(name) = others.into_iter().find(|name| !NONE.contains(&query.get(name))) {
        return Err(ApiError::invalid(name, "this aggregation is not simulated"));
    }
    let aligner = query.get("aggregation.perSeriesAligner");
    let how = match aligner {
        aligner if NONE.contains(&aligner) => return Ok(None),
        "ALIGN_MEAN" | "12" => How::Mean,
        "ALIGN_SUM" | "14" => How::Sum,
        "ALIGN_MAX" | "11" => How::Max,
        "ALIGN_MIN" | "10" => How::Min,
        _ => {
            return Err(ApiError::invalid(
                "aggregation.perSeriesAligner",
                "this aligner is not simulated",
            ));
        }
    };
    let numeric = matches!(def.value, ValueType::Int64 | ValueType::Double);
    if !numeric || def.kind == Kind::Cumulative {
        let message = format!(
            "The aligner cannot be applied to metrics with kind {} and value type {}.",
            def.kind.wire().0,
            def.value.wire().0
        );
        return Err(ApiError::invalid("aggregation.perSeriesAligner", message));
    }
    let period = query.get("aggregation.alignmentPeriod");
    let period_s = period
        .strip_suffix('s')
        .and_then(|text| text.parse::<i64>().ok())
        .unwrap_or(0);
    if !(SHORTEST_PERIOD_S..=104 * 7 * 86_400).contains(&period_s) {
        return Err(ApiError::invalid(
            "aggregation.alignmentPeriod",
            "must be between 60s and 104 weeks",
        ));
    }
    Ok(Some(Alignment {
        how,
        period_ns: period_s * SECOND_NS,
    }))
}

impl Alignment {
    /// Kind and type of the result: a gauge, but for the sums of a delta.
    pub(crate) fn result(self, def: &MetricDef) -> (Kind, ValueType) {
        let kind = if self.keeps_delta(def) {
            Kind::Delta
        } else {
            Kind::Gauge
        };
        (
            kind,
            if self.how == How::Mean {
                ValueType::Double
            } else {
                def.value
            },
        )
    }

    fn keeps_delta(self, def: &MetricDef) -> bool {
        self.how == How::Sum && def.kind == Kind::Delta
    }

    /// One point per period, periods measured back from the end of the interval; oldest first, as the input.
    pub(crate) fn apply(self, points: &[Point], interval_end_ns: i64, def: &MetricDef) -> Vec<Point> {
        let bucket = |point: &Point| (interval_end_ns - point.end_ns).div_euclid(self.period_ns);
        points
            .chunk_by(|a, b| bucket(a) == bucket(b))
            .map(|chunk| {
                let end_ns = interval_end_ns - bucket(&chunk[0]) * self.period_ns;
                let start_ns = self.keeps_delta(def).then_some(end_ns - self.period_ns);
                Point {
                    start_ns,
                    end_ns,
                    value: self.fold(chunk),
                }
            })
            .collect()
    }

    fn fold(self, chunk: &[Point]) -> GcpValue {
        let whole: Vec<i64> = chunk
            .iter()
            .filter_map(|p| {
                if let GcpValue::Int(n) = p.value {
                    Some(n)
                } else {
                    None
                }
            })
            .collect();
        let parts: Vec<f64> = chunk
            .iter()
            .filter_map(|p| {
                if let GcpValue::Double(n) = p.value {
                    Some(n)
                } else {
                    None
                }
            })
            .collect();
        let len = real(i64::try_from(chunk.len()).unwrap_or(i64::MAX));
        let sum = whole.iter().sum::<i64>();
        match (self.how, whole.is_empty()) {
            (How::Mean, false) => GcpValue::Double(real(sum) / len),
            (How::Mean, true) => GcpValue::Double(parts.iter().sum::<f64>() / len),
            (How::Sum, false) => GcpValue::Int(sum),
            (How::Sum, true) => GcpValue::Double(parts.iter().sum()),
            (How::Min, false) => GcpValue::Int(whole.iter().copied().min().unwrap_or(0)),
            (How::Min, true) => GcpValue::Double(parts.iter().copied().fold(f64::INFINITY, f64::min)),
            (How::Max, false) => GcpValue::Int(whole.iter().copied().max().unwrap_or(0)),
            (How::Max, true) => GcpValue::Double(parts.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        }
    }
}
