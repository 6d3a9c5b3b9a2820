//! `GetMetricData` and `GetMetricStatistics`: points of the queries, in pages, with what they would have cost.

use jiff::Timestamp;

use super::State;
use super::answer::ApiError;
use super::bad;
use super::data::{Statistic, points};
use super::page;
use super::query::{self, MetricQuery};
use super::wire::{Doc, seconds};

/// Points of one `GetMetricData` answer, at most and unless asked otherwise.
const MAX_DATAPOINTS: i64 = 100_800;
/// Points of one `GetMetricStatistics` answer.
const MAX_STATISTICS_POINTS: i64 = 1440;
/// So many statistics of one metric are billed as one metric.
const STATISTICS_PER_METRIC: u64 = 5;

/// Answers `GetMetricData`.
pub(super) fn get_metric_data(state: &State, region: &str, request: &Doc) -> Result<Doc, ApiError> {
    let window = query::window(request)?;
    let queries = query::queries(request)?;
    let newest_first = match request.str("ScanBy") {
        None | Some("TimestampDescending") => true,
        Some("TimestampAscending") => false,
        Some(_) => {
            return Err(ApiError::bad(
                "InvalidParameterValue",
                "The value for parameter ScanBy is not valid.",
            ));
        }
    };
    let limit = request.int("MaxDatapoints").unwrap_or(MAX_DATAPOINTS);
    if !(1..=MAX_DATAPOINTS).contains(&limit) {
        return Err(ApiError::validation(
            "The parameter MaxDatapoints must be between 1 and 100800.",
        ));
    }
    let fingerprint = page::fingerprint("gmd", request, &["NextToken", "MaxDatapoints"]);
    let start = match request.str("NextToken").filter(|token| !bad::is_token(token)) {
        None => [0, 0],
        Some(token) => page::open(token, fingerprint).ok_or_else(|| {
            ApiError::bad("InvalidNextToken", "The NextToken is not valid for this request.")
        })?,
    };
    bill(state, &queries);
    let now = state.world.clock.now();
    let mut left = usize::try_from(limit).unwrap_or(1);
    let mut results = Vec::new();
    let mut token = None;
    for (at, query) in queries
        .iter()
        .enumerate()
        .skip(start[0])
        .filter(|(_, query)| query.return_data)
    {
        if left == 0 {
            token = Some([at, 0]);
            break;
        }
        let skipped = if at == start[0] { start[1] } else { 0 };
        let mut all = read(state, region, query, window, now);
        if newest_first {
            all.reverse();
        }
        let rest = all.get(skipped..).unwrap_or_default();
        let taken = rest.get(..left).unwrap_or(rest);
        left -= taken.len();
        let complete = taken.len() == rest.len();
        results.push(result(query, taken, complete));
        if !complete {
            token = Some([at, skipped + taken.len()]);
            break;
        }
    }
    let mut answer = Doc::map([
        ("MetricDataResults", Doc::List(results)),
        ("Messages", Doc::List(Vec::new())),
    ]);
    if let Some(position) = token {
        answer.set("NextToken", Doc::Text(page::seal(fingerprint, position)));
    }
    Ok(answer)
}

fn read(
    state: &State,
    region: &str,
    query: &MetricQuery,
    (start_s, end_s): (i64, i64),
    now: Timestamp,
) -> Vec<(i64, f64)> {
    let series = state
        .catalog
        .region(region)
        .find(&query.namespace, &query.metric, &query.dimensions);
    let series = series.filter(|series| query.unit.as_ref().is_none_or(|unit| unit == series.metric.unit));
    let (Some(series), Some(start_s)) = (
        series,
        query::rounded_start(start_s, query.period_s, now.as_second()),
    ) else {
        return Vec::new();
    };
    points(
        &state.world,
        series,
        query.statistic,
        (start_s, end_s),
        query.period_s,
        Some(now),
    )
}

fn result(query: &MetricQuery, points: &[(i64, f64)], complete: bool) -> Doc {
    let times = points.iter().map(|point| Doc::Time(seconds(point.0))).collect();
    let values = points.iter().map(|point| Doc::Num(point.1)).collect();
    Doc::map([
        ("Id", Doc::text(query.id.clone())),
        ("Label", Doc::text(query.label.clone())),
        ("Timestamps", Doc::List(times)),
        ("Values", Doc::List(values)),
        (
            "StatusCode",
            Doc::text(if complete { "Complete" } else { "PartialData" }),
        ),
    ])
}

/// "metrics requested" is the documented unit: up to five statistics of one metric in one request. "queries" counts
/// each statistic for itself, as bills have been reported to do.
fn bill(state: &State, queries: &[MetricQuery]) {
    let mut metrics: std::collections::HashMap<_, u64> = std::collections::HashMap::new();
    for query in queries {
        *metrics
            .entry((&query.namespace, &query.metric, &query.dimensions))
            .or_default() += 1;
    }
    let requested = metrics
        .values()
        .map(|statistics| statistics.div_ceil(STATISTICS_PER_METRIC))
        .sum();
    state.counts.bill("metrics requested", requested);
    state
        .counts
        .bill("queries", u64::try_from(queries.len()).unwrap_or(u64::MAX));
}

/// Answers `GetMetricStatistics`.
pub(super) fn get_metric_statistics(state: &State, region: &str, request: &Doc) -> Result<Doc, ApiError> {
    let window = query::window(request)?;
    let period_s = query::period(request.int("Period"))?;
    if (window.1 - window.0) / period_s > MAX_STATISTICS_POINTS {
        let message = "You have requested more than 1,440 datapoints, which exceeds the limit. You may reduce the \
                       datapoints requested by increasing Period, or decreasing the time range.";
        return Err(ApiError::bad("InvalidParameterCombination", message));
    }
    let names = statistics(request)?;
    let required = |name: &str| {
        let missing = || ApiError::bad("MissingParameter", format!("The parameter {name} is required."));
        request.str(name).map(str::to_owned).ok_or_else(missing)
    };
    let query = |statistic| -> Result<MetricQuery, ApiError> {
        Ok(MetricQuery {
            id: String::new(),
            label: required("MetricName")?,
            namespace: required("Namespace")?,
            metric: required("MetricName")?,
            dimensions: query::dimensions(request)?,
            period_s,
            statistic,
            unit: request.str("Unit").map(str::to_owned),
            return_data: true,
        })
    };
    let asked = query(Statistic::SampleCount)?;
    let unit = state
        .catalog
        .region(region)
        .find(&asked.namespace, &asked.metric, &asked.dimensions)
        .map_or("None", |series| series.metric.unit);
    let now = state.world.clock.now();
    let mut datapoints: Vec<Doc> = read(state, region, &asked, window, now)
        .iter()
        .map(|point| {
            Doc::map([
                ("Timestamp", Doc::Time(seconds(point.0))),
                ("Unit", Doc::text(unit)),
            ])
        })
        .collect();
    for (name, statistic, extended) in names {
        let values = read(state, region, &query(statistic)?, window, now);
        for (datapoint, (_, value)) in datapoints.iter_mut().zip(values) {
            if extended {
                datapoint.set("ExtendedStatistics", Doc::map([(&*name, Doc::Num(value))]));
            } else {
                datapoint.set(&name, Doc::Num(value));
            }
        }
    }
    Ok(Doc::map([
        ("Label", Doc::text(asked.label)),
        ("Datapoints", Doc::List(datapoints)),
    ]))
}

/// Plain and extended statistics; one of them at least. Several extended ones: the last is shown.
fn statistics(request: &Doc) -> Result<Vec<(String, Statistic, bool)>, ApiError> {
    let mut names = Vec::new();
    for (list, extended) in [("Statistics", false), ("ExtendedStatistics", true)] {
        for name in request.list(list) {
            let Doc::Text(name) = name else { continue };
            names.push((name.clone(), query::statistic_of(name)?, extended));
        }
    }
    if names.is_empty() {
        let message = "At least one of the parameters Statistics and ExtendedStatistics must be specified.";
        return Err(ApiError::bad("MissingParameter", message));
    }
    Ok(names)
}
