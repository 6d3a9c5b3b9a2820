//! What may be asked: the checks of `GetMetricData` and `GetMetricStatistics`, in the service's own words.
//!
//! Source: the API reference of both calls, which also has the rules of periods by the age of the start.

use std::collections::HashSet;

use super::answer::ApiError;
use super::data::Statistic;
use super::wire::Doc;

/// Queries in one call.
const MAX_QUERIES: usize = 500;
/// Dimensions of one metric.
const MAX_DIMENSIONS: usize = 30;
/// Periods below a minute that exist.
const HIGH_RESOLUTION_PERIODS_S: [i64; 5] = [1, 5, 10, 20, 30];
/// Data of less than a minute's period is kept so long, in seconds.
const HIGH_RESOLUTION_AGE_S: i64 = 3 * 3600;
/// One-minute data is kept so long, in seconds.
const MINUTE_AGE_S: i64 = 15 * 86_400;
/// Five-minute data is kept so long, in seconds.
const FIVE_MINUTES_AGE_S: i64 = 63 * 86_400;

/// One metric with one statistic, checked.
#[derive(Clone, Debug)]
pub(super) struct MetricQuery {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) namespace: String,
    pub(super) metric: String,
    pub(super) dimensions: Vec<(String, String)>,
    pub(super) period_s: i64,
    pub(super) statistic: Statistic,
    pub(super) unit: Option<String>,
    pub(super) return_data: bool,
}

/// Start and end of the request, as given.
pub(super) fn window(request: &Doc) -> Result<(i64, i64), ApiError> {
    let required = |name: &str| {
        let missing = || ApiError::bad("MissingParameter", format!("The parameter {name} is required."));
        request.time_s(name).ok_or_else(missing)
    };
    let (start_s, end_s) = (required("StartTime")?, required("EndTime")?);
    if start_s >= end_s {
        let message = "The parameter StartTime must be less than the parameter EndTime.";
        return Err(ApiError::validation(message));
    }
    Ok((start_s, end_s))
}

/// All queries of a `GetMetricData` request.
pub(super) fn queries(request: &Doc) -> Result<Vec<MetricQuery>, ApiError> {
    let asked = request.list("MetricDataQueries");
    if asked.is_empty() {
        return Err(ApiError::bad(
            "MissingParameter",
            "The parameter MetricDataQueries is required.",
        ));
    }
    if asked.len() > MAX_QUERIES {
        let message = "The collection MetricDataQueries must not have a size greater than 500.";
        return Err(ApiError::validation(message));
    }
    let mut ids = HashSet::new();
    let mut checked = Vec::with_capacity(asked.len());
    for query in asked {
        let query = metric_query(query)?;
        if !ids.insert(query.id.clone()) {
            let message = "The values for parameter id in MetricDataQueries are not unique.";
            return Err(ApiError::validation(message));
        }
        checked.push(query);
    }
    if checked.iter().all(|query| !query.return_data) {
        let message = "At least one query must have ReturnData set to true.";
        return Err(ApiError::validation(message));
    }
    Ok(checked)
}

fn metric_query(query: &Doc) -> Result<MetricQuery, ApiError> {
    let id = query.str("Id").unwrap_or_default();
    if !is_id(id) {
        let message = format!(
            "The value {id} for parameter MetricDataQueries.member.Id is not matching the expected \
                               pattern ^[a-z][a-zA-Z0-9_]*$."
        );
        return Err(ApiError::validation(message));
    }
    if query.get("Expression").is_some() {
        return Err(ApiError::validation(
            "Expressions are not known to this simulator; use MetricStat.",
        ));
    }
    let missing =
        |name: &str| ApiError::bad("MissingParameter", format!("The parameter {name} is required."));
    let stat = query
        .get("MetricStat")
        .ok_or_else(|| missing("MetricDataQueries.member.MetricStat"))?;
    let metric = stat
        .get("Metric")
        .ok_or_else(|| missing("MetricDataQueries.member.MetricStat.Metric"))?;
    let name = metric
        .str("MetricName")
        .ok_or_else(|| missing("MetricStat.Metric.MetricName"))?;
    let namespace = metric
        .str("Namespace")
        .ok_or_else(|| missing("MetricStat.Metric.Namespace"))?;
    let statistic = stat.str("Stat").ok_or_else(|| missing("MetricStat.Stat"))?;
    Ok(MetricQuery {
        id: id.to_owned(),
        label: query.str("Label").unwrap_or(name).to_owned(),
        namespace: namespace.to_owned(),
        metric: name.to_owned(),
        dimensions: dimensions(metric)?,
        period_s: period(stat.int("Period"))?,
        statistic: statistic_of(statistic)?,
        unit: stat.str("Unit").map(str::to_owned),
        return_data: query.get("ReturnData") != Some(&Doc::Bool(false)),
    })
}

fn is_id(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.len() <= 255
        && id
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Names and values; both are needed.
pub(super) fn dimensions(metric: &Doc) -> Result<Vec<(String, String)>, ApiError> {
    let given = metric.list("Dimensions");
    if given.len() > MAX_DIMENSIONS {
        return Err(ApiError::validation(
            "The collection Dimensions must not have a size greater than 30.",
        ));
    }
    let pair = |dimension: &Doc| match (dimension.str("Name"), dimension.str("Value")) {
        (Some(name), Some(value)) => Ok((name.to_owned(), value.to_owned())),
        _ => Err(ApiError::bad(
            "MissingParameter",
            "The parameters Dimensions.member.Name and Value are required.",
        )),
    };
    given.iter().map(pair).collect()
}

/// A period that exists.
pub(super) fn period(period_s: Option<i64>) -> Result<i64, ApiError> {
    let missing = || ApiError::bad("MissingParameter", "The parameter Period is required.");
    let period_s = period_s.ok_or_else(missing)?;
    if HIGH_RESOLUTION_PERIODS_S.contains(&period_s) || (period_s >= 60 && period_s % 60 == 0) {
        return Ok(period_s);
    }
    let message = "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.";
    Err(ApiError::bad("InvalidParameterValue", message))
}

/// A statistic that the simulator computes.
pub(super) fn statistic_of(text: &str) -> Result<Statistic, ApiError> {
    let unknown = || {
        ApiError::bad(
            "InvalidParameterValue",
            format!("The value {text} for parameter Stat is not supported."),
        )
    };
    Statistic::parse(text).ok_or_else(unknown)
}

/// The start as the service rounds it down, or `None` when this period has no points at this age.
pub(super) fn rounded_start(start_s: i64, period_s: i64, now_unix_s: i64) -> Option<i64> {
    let age_s = now_unix_s - start_s;
    let (step_s, kept) = match age_s {
        _ if age_s > FIVE_MINUTES_AGE_S => (3600, period_s % 3600 == 0),
        _ if age_s > MINUTE_AGE_S => (300, period_s % 300 == 0),
        _ if age_s > HIGH_RESOLUTION_AGE_S => (60, period_s % 60 == 0),
        _ => (period_s.min(60), true),
    };
    kept.then(|| start_s.div_euclid(step_s) * step_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_and_starts_follow_the_age() {
        let now: i64 = 1_700_000_000;
        let day: i64 = 86_400;
        for (age_s, period_s, wanted_step) in [
            (3600, 10, Some(10)),
            (4 * 3600, 10, None),
            (3600, 60, Some(60)),
            (16 * day, 60, None),
            (16 * day, 300, Some(300)),
            (64 * day, 300, None),
            (64 * day, 7200, Some(3600)),
        ] {
            let start = now - age_s - 7;
            let wanted = wanted_step.map(|step: i64| start.div_euclid(step) * step);
            assert_eq!(
                rounded_start(start, period_s, now),
                wanted,
                "age {age_s}, period {period_s}"
            );
        }
        assert!(period(Some(7)).is_err() && period(Some(90)).is_err() && period(Some(120)).is_ok());
    }
}
