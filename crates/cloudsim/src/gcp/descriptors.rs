//! `GET /v3/projects/{p}/metricDescriptors` and one descriptor by its type.

use serde_json::{Value, json};

use super::catalog::{self, CATALOGUE, MetricDef};
use super::errors::ApiError;
use super::filter::{self, Expr, Selector};
use super::query::{Position, Query};
use super::resources::Project;
use super::wire;

/// Default and maximum page size.
const MOST_DESCRIPTORS: usize = 10_000;
const PARAMETERS: &[&str] = &["filter", "pageSize", "pageToken", "activeOnly"];

/// One page of descriptors. Every type of the catalogue is active in both projects.
pub(crate) fn page(project: &Project, raw: &str) -> Result<Value, ApiError> {
    let query = Query::read(&format!("{}/metricDescriptors", project.id), raw, PARAMETERS)?;
    let expr = match query.get("filter") {
        "" => None,
        text => Some(parsed(text)?),
    };
    if !matches!(query.get("activeOnly"), "" | "true" | "false" | "True" | "False") {
        return Err(ApiError::invalid("active_only", "true or false"));
    }
    let size = query.page_size(MOST_DESCRIPTORS)?;
    let position = query.position(0)?;
    let matching: Vec<&MetricDef> = CATALOGUE
        .iter()
        .filter(|def| expr.as_ref().is_none_or(|expr| chosen(project, def, expr)))
        .collect();
    let rest = matching.get(position.item..).unwrap_or(&[]);
    let shown = &rest[..size.min(rest.len())];
    let mut answer = json!({});
    if !shown.is_empty() {
        answer["metricDescriptors"] = shown
            .iter()
            .map(|def| wire::descriptor(project, def, query.enums()))
            .collect::<Vec<_>>()
            .into();
    }
    if shown.len() < rest.len() {
        let next = Position {
            item: position.item + shown.len(),
            point: 0,
            as_of_ns: 0,
        };
        answer["nextPageToken"] = query.token(next, 0).into();
    }
    Ok(answer)
}

/// One descriptor.
pub(crate) fn one(project: &Project, name: &str, raw: &str) -> Result<Value, ApiError> {
    let query = Query::read("metricDescriptor", raw, &[])?;
    let def = catalog::find(name).ok_or_else(|| ApiError::unknown_metric(name))?;
    Ok(wire::descriptor(project, def, query.enums()))
}

fn parsed(text: &str) -> Result<Expr, ApiError> {
    let expr = filter::parse(text).map_err(|message| ApiError::invalid("filter", message))?;
    match expr
        .selectors()
        .into_iter()
        .find(|s| !matches!(s, Selector::Project | Selector::MetricType))
    {
        None => Ok(expr),
        Some(other) => Err(ApiError::invalid(
            "filter",
            format!("{other:?} cannot be used to list descriptors"),
        )),
    }
}

fn chosen(project: &Project, def: &MetricDef, expr: &Expr) -> bool {
    expr.matches(&|selector| match selector {
        Selector::Project => Some(project.id.to_owned()),
        Selector::MetricType => Some(def.name.to_owned()),
        Selector::MetricLabel(_)
        | Selector::ResourceType
        | Selector::ResourceLabel(_)
        | Selector::Metadata => None,
    })
}
