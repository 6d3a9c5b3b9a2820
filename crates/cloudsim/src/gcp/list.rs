//! `GET /v3/projects/{p}/timeSeries`: reads and checks the request, chooses the series, cuts the page. Pure but for
//! the nonce of endless page tokens; faults, tokens and quotas were dealt with in `mod.rs`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::align::{self, Alignment};
use super::catalog::{self, MetricDef};
use super::errors::ApiError;
use super::filter::{self, Expr, Selector};
use super::query::{Position, Query};
use super::resources::{self, Project, Series};
use super::values::{self, Point};
use super::{Shared, wire};
use crate::BadAnswer;

/// A page holds at most so many points.
const MOST_POINTS: usize = 100_000;

const PARAMETERS: &[&str] = &[
    "filter",
    "interval.startTime",
    "interval.endTime",
    "view",
    "pageSize",
    "pageToken",
    "orderBy",
    "aggregation.alignmentPeriod",
    "aggregation.perSeriesAligner",
    "aggregation.crossSeriesReducer",
    "aggregation.groupByFields",
    "secondaryAggregation.alignmentPeriod",
    "secondaryAggregation.perSeriesAligner",
    "secondaryAggregation.crossSeriesReducer",
    "secondaryAggregation.groupByFields",
];

/// A request that is in order.
struct Request {
    query: Query,
    expr: Expr,
    def: &'static MetricDef,
    from_ns: i64,
    to_ns: i64,
    headers_only: bool,
    alignment: Option<Alignment>,
}

/// Answers one page; also says how many series are in it.
pub(crate) fn page(
    shared: &Shared,
    project: &'static Project,
    raw: &str,
) -> Result<(Value, usize), ApiError> {
    let request = read(project, raw)?;
    if shared.refused().as_deref() == Some(request.def.name) {
        return Err(ApiError::denied("monitoring.timeSeries.list", project.id));
    }
    let bad = shared.faults.bad_answer();
    let now_ns = i64::try_from(shared.world.clock.now().as_nanosecond()).unwrap_or(i64::MAX);
    let position = request.query.position(now_ns)?;
    let size = request.query.page_size(MOST_POINTS)?;
    let (items, next) = cut(shared, &request, project, (position, size), bad);
    let start = Position {
        item: 0,
        point: 0,
        as_of_ns: position.as_of_ns,
    };
    let token = match bad {
        Some(BadAnswer::LoopingToken) => Some(request.query.token(start, 0)),
        Some(BadAnswer::EndlessPages) => Some(request.query.token(start, shared.nonce())),
        _ => next.map(|next| request.query.token(next, 0)),
    };
    let count = items.len();
    let mut answer = json!({});
    if !items.is_empty() {
        answer["timeSeries"] = items.into();
    }
    if let Some(token) = token {
        answer["nextPageToken"] = token.into();
    }
    if !request.def.unit.is_empty() {
        answer["unit"] = request.def.unit.into();
    }
    if shared.is_partial() {
        answer["executionErrors"] =
            json!([{"code": 14, "message": "Some shards did not answer in time.", "details": []}]);
    }
    Ok((answer, count))
}

fn read(project: &Project, raw: &str) -> Result<Request, ApiError> {
    let query = Query::read(&format!("{}/timeSeries", project.id), raw, PARAMETERS)?;
    let expr = match query.get("filter") {
        "" => {
            return Err(ApiError::invalid(
                "filter",
                "The filter is required and must name a metric type.",
            ));
        }
        text => filter::parse(text).map_err(|message| ApiError::invalid("filter", message))?,
    };
    let name = expr.single_metric_type().ok_or_else(|| {
        ApiError::invalid(
            "filter",
            "The filter must name exactly one metric type, by metric.type = \"…\".",
        )
    })?;
    let def = catalog::find(name).ok_or_else(|| ApiError::unknown_metric(name))?;
    known_labels(&expr, def)?;
    let (from_ns, to_ns) = interval(&query)?;
    let headers_only = match query.get("view") {
        "" | "0" | "FULL" => false,
        "1" | "HEADERS" => true,
        _ => return Err(ApiError::invalid("view", "FULL or HEADERS")),
    };
    if !query.get("orderBy").is_empty() {
        return Err(ApiError::invalid("order_by", "Unsupported: must be left empty."));
    }
    let alignment = align::read(&query, def)?;
    Ok(Request {
        query,
        expr,
        def,
        from_ns,
        to_ns,
        headers_only,
        alignment,
    })
}

fn interval(query: &Query) -> Result<(i64, i64), ApiError> {
    let moment = |name: &str| {
        let nanoseconds = query
            .get(name)
            .parse::<Timestamp>()
            .ok()
            .map(Timestamp::as_nanosecond);
        nanoseconds
            .and_then(|ns| i64::try_from(ns).ok())
            .ok_or_else(|| ApiError::invalid(name, "The time is required, in RFC 3339."))
    };
    let (from_ns, to_ns) = (moment("interval.startTime")?, moment("interval.endTime")?);
    if from_ns >= to_ns {
        return Err(ApiError::invalid(
            "interval.start_time",
            "The start time must be before the end time.",
        ));
    }
    Ok((from_ns, to_ns))
}

fn known_labels(expr: &Expr, def: &MetricDef) -> Result<(), ApiError> {
    for selector in expr.selectors() {
        let known = match selector {
            Selector::MetricLabel(key) => {
                def.labels.iter().any(|label| label.key == key)
                    || def.family.name_label() == Some(key.as_str())
            }
            Selector::ResourceLabel(key) => def.family.has_resource_label(key),
            Selector::Project | Selector::MetricType | Selector::ResourceType | Selector::Metadata => true,
        };
        if !known {
            return Err(ApiError::invalid(
                "filter",
                format!("{} has no such label: {selector:?}", def.name),
            ));
        }
    }
    Ok(())
}

fn chosen(series: &Series, expr: &Expr) -> bool {
    let label = |labels: &resources::Labels, key: &str| {
        labels
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value.clone())
    };
    expr.matches(&|selector| match selector {
        Selector::Project => Some(series.project.id.to_owned()),
        Selector::MetricType => Some(series.def.name.to_owned()),
        Selector::MetricLabel(key) => label(&series.metric_labels, key),
        Selector::ResourceType => Some(series.def.family.resource_type().to_owned()),
        Selector::ResourceLabel(key) => label(&series.resource_labels, key),
        Selector::Metadata => None,
    })
}

/// The first project is the scoping project of a metrics scope: it also answers for the others, unless the filter says which
/// project is meant.
fn in_scope(project: &'static Project) -> impl Iterator<Item = &'static Project> {
    let monitored = resources::PROJECTS.iter().filter(move |other| *other != project);
    let scoping = project == &resources::PROJECTS[0];
    std::iter::once(project).chain(monitored.filter(move |_| scoping))
}

/// The series of a page, and where the next one begins.
fn cut(
    shared: &Shared,
    request: &Request,
    project: &'static Project,
    (position, size): (Position, usize),
    bad: Option<BadAnswer>,
) -> (Vec<Value>, Option<Position>) {
    let (mut left, tenfold) = match bad {
        Some(BadAnswer::TenfoldPoints) => (size.saturating_mul(10), 10),
        _ => (size, 1),
    };
    let from_ns = request
        .to_ns
        .saturating_sub((request.to_ns - request.from_ns).saturating_mul(tenfold));
    let enums = request.query.enums();
    let types = request
        .alignment
        .map_or((request.def.kind, request.def.value), |a| a.result(request.def));
    let mut out = Vec::new();
    let all: Vec<Series> = in_scope(project)
        .flat_map(|project| resources::series(&shared.world, project, request.def))
        .collect();
    let matching = all
        .iter()
        .enumerate()
        .filter(|(_, series)| chosen(series, &request.expr));
    for (item, series) in matching.skip_while(|(item, _)| *item < position.item) {
        let skip = if item == position.item { position.point } else { 0 };
        let points = newest_first(shared, request, series, (from_ns, position.as_of_ns));
        let rest = points.get(skip..).unwrap_or(&[]);
        if rest.is_empty() {
            continue;
        }
        let next = |point| {
            Some(Position {
                item,
                point,
                as_of_ns: position.as_of_ns,
            })
        };
        if left == 0 {
            return (out, next(skip));
        }
        if request.headers_only {
            left -= 1;
            out.push(wire::series(series, types, None, enums));
            continue;
        }
        let take = left.min(rest.len());
        left -= take;
        let points = rest[..take].iter().map(|point| wire::point(point, bad)).collect();
        out.push(wire::series(series, types, Some(points), enums));
        if take < rest.len() {
            return (out, next(skip + take));
        }
    }
    (out, None)
}

fn newest_first(
    shared: &Shared,
    request: &Request,
    series: &Series,
    (from_ns, as_of_ns): (i64, i64),
) -> Vec<Point> {
    let window = (from_ns, request.to_ns.min(as_of_ns));
    let mut points = values::points(&shared.world, series, window, Some(as_of_ns));
    if let Some(alignment) = request.alignment {
        points = alignment.apply(&points, request.to_ns, request.def);
    }
    points.reverse();
    points
}
