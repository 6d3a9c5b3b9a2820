//! The metrics data plane: `POST …/subscriptions/{id}/metrics:getBatch` (facts §4). Tokens and faults are settled before a
//! request arrives here; the region is known when the path names it, because loopback has no regional host names.

use super::State;
use super::catalog::Resource;
use super::entra::Params;
use super::metrics_table::TypeSpec;
use super::query::{Options, Query};
use super::reply::Reply;
use super::time::{Window, iso_ms};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most resources in one call.
const MAX_RESOURCES: usize = 50;

/// Answers one batch.
pub(super) fn get_batch(
    state: &State,
    subscription: &str,
    region: Option<&str>,
    params: &Params,
    body: &[u8],
) -> Reply {
    checked(state, subscription, region, params, body).unwrap_or_else(|refused| refused)
}

fn checked(
    state: &State,
    subscription: &str,
    region: Option<&str>,
    params: &Params,
    body: &[u8],
) -> Result<Reply, Reply> {
    if params.contains_key("timespan") {
        let message = "Detected invalid time range parameters for API version 2024-02-01. Please use only starttime and endtime to specify a time range.";
        return Err(Reply::batch_400(message));
    }
    let namespace = params
        .get("metricnamespace")
        .ok_or_else(|| Reply::batch_400("The parameter metricnamespace is required."))?;
    if !params.contains_key("metricnames") {
        return Err(Reply::batch_400("The parameter metricnames is required."));
    }
    let spec = TypeSpec::find(namespace).ok_or_else(|| {
        Reply::batch_400(&format!(
            "Metric namespace {namespace} is not a resource type; custom metrics are not supported."
        ))
    })?;
    let ids = resource_ids(body)?;
    let resources = ids
        .iter()
        .map(|id| find(state, subscription, spec, id))
        .collect::<Result<Vec<_>, _>>()?;
    let bound = |name: &str| params.get(name).map(String::as_str);
    let options = Options {
        filter: bound("filter").filter(|filter| !filter.is_empty()),
        adjust_grain: false,
        validate_dimensions: true,
        metadata_only: false,
    };
    let query = Window::from_bounds(
        bound("starttime"),
        bound("endtime"),
        state.world.clock.now_unix_s(),
    )
    .and_then(|window| Query::new(params, spec, window, options))
    .map_err(|message| Reply::batch_400(&message))?;
    if let Some(message) = resources.iter().find_map(|resource| query.lacking(resource)) {
        return Err(Reply::batch_400(&message));
    }
    state.counts.bill(
        "batch resource queries",
        u64::try_from(resources.len()).unwrap_or(u64::MAX),
    );
    let values: Vec<Value> = resources
        .iter()
        .map(|resource| item(state, resource, &query, region))
        .collect();
    Ok(Reply::data(json!({"values": values})))
}

fn item(state: &State, resource: &Resource, query: &Query, region: Option<&str>) -> Value {
    let visible = region.is_none_or(|region| region.eq_ignore_ascii_case(resource.region));
    json!({
        "starttime": iso_ms(query.window.start_ms), "endtime": iso_ms(query.window.end_ms), "interval": query.grain.word,
        "namespace": resource.spec.name, "resourceregion": resource.region, "resourceid": resource.id,
        "value": query.values(&state.world, resource, visible),
    })
}

/// The unique ids of the body, in its order.
fn resource_ids(body: &[u8]) -> Result<Vec<String>, Reply> {
    let body: Value =
        serde_json::from_slice(body).map_err(|_| Reply::batch_400("The request body is not valid JSON."))?;
    let listed = body["resourceids"]
        .as_array()
        .ok_or_else(|| Reply::batch_400("The request body needs resourceids."))?;
    let mut seen = BTreeSet::new();
    let ids: Vec<String> = listed
        .iter()
        .filter_map(Value::as_str)
        .filter(|id| seen.insert(id.to_lowercase()))
        .map(str::to_owned)
        .collect();
    if ids.is_empty() || ids.len() > MAX_RESOURCES {
        let message = format!(
            "The number of resource ids, {}, is not between 1 and the maximum of {MAX_RESOURCES}.",
            ids.len()
        );
        return Err(Reply::batch_400(&message));
    }
    Ok(ids)
}

fn find<'a>(state: &'a State, subscription: &str, spec: &TypeSpec, id: &str) -> Result<&'a Resource, Reply> {
    let resource = state
        .catalogue
        .by_id(id, state.world.clock.now_unix_s())
        .ok_or_else(|| Reply::not_found(id))?;
    if !resource.subscription.eq_ignore_ascii_case(subscription) {
        return Err(Reply::batch_400(&format!(
            "Resource {id} is not in subscription {subscription}."
        )));
    }
    if resource.spec.name != spec.name {
        return Err(Reply::batch_400(&format!(
            "Resource {id} is not of type {}.",
            spec.name
        )));
    }
    Ok(resource)
}
