//! Azure Resource Manager: subscriptions, resource lists, metric definitions and namespaces, metrics of one resource
//! (facts §1, §6, §10). Tokens, quotas and faults are settled before a request arrives here.

use super::State;
use super::catalog::{Resource, SUBSCRIPTIONS, TENANT_ID, subscription};
use super::entra::Params;
use super::metrics_table::{MetricSpec, TYPES, TypeSpec};
use super::query::{Options, Query};
use super::reply::Reply;
use super::time::{GRAINS, Window, iso_s};
use crate::faults::BadAnswer;
use serde_json::{Value, json};

/// Largest page of a resource list.
const MAX_PAGE: usize = 1_000;
/// Smallest page; half of what there is otherwise, so that every list pages.
const MIN_PAGE: usize = 10;

/// `GET /subscriptions`.
pub(super) fn subscriptions() -> Reply {
    let value: Vec<Value> = SUBSCRIPTIONS
        .iter()
        .enumerate()
        .map(|(index, id)| subscription_item(id, index + 1))
        .collect();
    Reply::ok(json!({"value": value, "count": {"type": "Total", "value": value.len()}}))
}

/// `GET /subscriptions/{id}`.
pub(super) fn one_subscription(id: &str) -> Reply {
    match SUBSCRIPTIONS
        .iter()
        .position(|known| known.eq_ignore_ascii_case(id))
    {
        Some(index) => Reply::ok(subscription_item(SUBSCRIPTIONS[index], index + 1)),
        None => unknown_subscription(id),
    }
}

fn subscription_item(id: &str, number: usize) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"), "subscriptionId": id, "tenantId": TENANT_ID, "displayName": format!("Simulated {number}"),
        "state": "Enabled", "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
        "authorizationSource": "RoleBased", "managedByTenants": [],
    })
}

/// 404 of a subscription that does not exist.
pub(super) fn unknown_subscription(id: &str) -> Reply {
    Reply::error(
        404,
        "SubscriptionNotFound",
        &format!("The subscription '{id}' could not be found."),
    )
}

/// `GET /subscriptions/{id}/resources`, or of one group. After the first page comes an empty one with a `nextLink`.
pub(super) fn resources(
    state: &State,
    id: &str,
    group: Option<&str>,
    params: &Params,
    self_url: &str,
) -> Reply {
    if subscription(id).is_none() {
        return unknown_subscription(id);
    }
    let filter = params.get("$filter").map_or("", String::as_str);
    let Some(tests) = list_filter(filter) else {
        return Reply::error(
            400,
            "InvalidFilterInQueryString",
            &format!("Invalid $filter '{filter}' specified in the query string."),
        );
    };
    let matches = |resource: &&Resource| {
        group.is_none_or(|group| resource.group.eq_ignore_ascii_case(group))
            && tests.iter().all(|test| passes(resource, test))
    };
    let now_s = state.world.clock.now_unix_s();
    let all: Vec<&Resource> = state.catalogue.listed(id, now_s).filter(matches).collect();
    let page = params
        .get("$top")
        .and_then(|top| top.parse().ok())
        .unwrap_or_else(|| (all.len() / 2).max(MIN_PAGE))
        .clamp(1, MAX_PAGE);
    let (empty, offset) = params
        .get("$skiptoken")
        .map_or((false, 0), |token| read_token(token));
    let items: Vec<Value> = all
        .iter()
        .skip(offset)
        .take(if empty { 0 } else { page })
        .map(|resource| resource.arm_item())
        .collect();
    let next = offset + items.len();
    let mut body = json!({"value": items});
    let token = match state.faults.bad_answer() {
        Some(BadAnswer::LoopingToken) => Some("o0".to_owned()),
        Some(BadAnswer::EndlessPages) => Some(format!("o{}", all.len() + next + 1)),
        Some(_) | None if next >= all.len() => None,
        Some(_) | None if offset == 0 && !empty => Some(format!("e{next}")),
        Some(_) | None => Some(format!("o{next}")),
    };
    if let Some(token) = token {
        body["nextLink"] = json!(next_link(self_url, params, &token));
    }
    Reply::ok(body)
}

fn next_link(self_url: &str, params: &Params, token: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in params.iter().filter(|(key, _)| *key != "$skiptoken") {
        query.append_pair(key, value);
    }
    query.append_pair("$skiptoken", token);
    format!("{self_url}?{}", query.finish())
}

fn read_token(token: &str) -> (bool, usize) {
    let (kind, offset) = token.split_at_checked(1).unwrap_or(("", ""));
    (kind == "e", offset.parse().unwrap_or(0))
}

/// `a eq 'x' and b eq 'y'`; nothing else is understood.
fn list_filter(text: &str) -> Option<Vec<(String, String)>> {
    text.split(" and ")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once(" eq ")?;
            let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            Some((name.trim().to_lowercase(), value.replace("''", "'")))
        })
        .collect()
}

fn passes(resource: &Resource, (name, value): &(String, String)) -> bool {
    match name.as_str() {
        "resourcetype" => resource.spec.name.eq_ignore_ascii_case(value),
        "location" => resource.region.eq_ignore_ascii_case(value),
        "resourcegroup" => resource.group.eq_ignore_ascii_case(value),
        "name" => resource.name.eq_ignore_ascii_case(value),
        "tagname" => resource
            .tags
            .iter()
            .any(|(key, _)| key.eq_ignore_ascii_case(value)),
        "tagvalue" => resource.tags.iter().any(|(_, tag)| tag == value),
        _ => false,
    }
}

/// `metricDefinitions` of a resource.
pub(super) fn definitions(resource: &Resource, namespace: Option<&str>) -> Reply {
    match namespace.filter(|namespace| !namespace.eq_ignore_ascii_case(resource.spec.name)) {
        Some(other) => Reply::unwrapped_400(&format!(
            "Metric namespace {other} is not valid for resource {}",
            resource.id
        )),
        None => Reply::ok(
            json!({"value": resource.metrics().map(|metric| definition(&resource.id, resource.spec, metric, false)).collect::<Vec<_>>()}),
        ),
    }
}

/// `metricDefinitions` of a subscription: by type, in one region.
pub(super) fn subscription_definitions(id: &str, params: &Params) -> Reply {
    if subscription(id).is_none() {
        return unknown_subscription(id);
    }
    if !params.contains_key("region") {
        return Reply::error(400, "BadRequest", "Missing required region params");
    }
    let namespace = params.get("metricnamespace");
    let wanted =
        |spec: &&TypeSpec| namespace.is_none_or(|namespace| spec.name.eq_ignore_ascii_case(namespace));
    let of_type = |spec: &'static TypeSpec| {
        spec.metrics
            .iter()
            .map(move |metric| definition(&format!("subscriptions/{id}"), spec, metric, true))
    };
    Reply::ok(json!({"value": TYPES.iter().filter(wanted).flat_map(of_type).collect::<Vec<_>>()}))
}

fn definition(scope: &str, spec: &TypeSpec, metric: &MetricSpec, multi: bool) -> Value {
    let pseudo: &[&str] = if multi {
        &["Microsoft.ResourceId", "Microsoft.ResourceGroupName"]
    } else {
        &[]
    };
    let names = pseudo
        .iter()
        .copied()
        .chain(metric.dimensions.iter().map(|dimension| dimension.name));
    let dimensions: Vec<Value> = names
        .map(|name| json!({"value": name, "localizedValue": name}))
        .collect();
    let grains = GRAINS.iter().filter(|(_, seconds)| *seconds >= metric.finest_s);
    let mut body = json!({
        "id": format!("{scope}/providers/microsoft.insights/metricdefinitions/{}", metric.name),
        "resourceId": scope, "namespace": spec.name, "name": {"value": metric.name, "localizedValue": metric.name},
        "displayDescription": format!("Simulated {}", metric.name), "isDimensionRequired": false, "unit": metric.unit,
        "primaryAggregationType": metric.primary,
        "supportedAggregationTypes": ["None", "Average", "Minimum", "Maximum", "Total", "Count"],
        "metricAvailabilities": grains.map(|(word, _)| json!({"timeGrain": word, "retention": "P93D"})).collect::<Vec<_>>(),
    });
    if !dimensions.is_empty() {
        body["dimensions"] = json!(dimensions);
    }
    body
}

/// `metricNamespaces` of a resource: its own type.
pub(super) fn namespaces(resource: &Resource) -> Reply {
    let dashed = resource.spec.name.replace('/', "-");
    Reply::ok(json!({"value": [{
        "id": format!("{}/providers/microsoft.insights/metricNamespaces/{dashed}", resource.id), "name": dashed,
        "type": "Microsoft.Insights/metricNamespaces", "classification": "Platform", "properties": {"metricNamespaceName": resource.spec.name},
    }]}))
}

/// `metrics` of one resource.
pub(super) fn metrics(state: &State, resource: &Resource, params: &Params) -> Reply {
    let now_s = state.world.clock.now_unix_s();
    if let Some(other) = params
        .get("metricnamespace")
        .filter(|namespace| !namespace.eq_ignore_ascii_case(resource.spec.name))
    {
        return Reply::unwrapped_400(&format!(
            "Metric namespace {other} is not valid for resource {}",
            resource.id
        ));
    }
    let flag = |name: &str, default: bool| {
        params
            .get(name)
            .map_or(default, |value| value.eq_ignore_ascii_case("true"))
    };
    let options = Options {
        filter: params
            .get("$filter")
            .map(String::as_str)
            .filter(|filter| !filter.is_empty()),
        adjust_grain: flag("autoadjusttimegrain", false),
        validate_dimensions: flag("validatedimensions", true),
        metadata_only: params
            .get("resulttype")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("metadata")),
    };
    let query = Window::from_timespan(params.get("timespan").map(String::as_str), now_s)
        .and_then(|window| Query::new(params, resource.spec, window, options))
        .and_then(|query| query.lacking(resource).map_or(Ok(query), Err));
    match query {
        Err(message) => Reply::unwrapped_400(&message),
        Ok(query) => Reply::data(json!({
            "cost": 0,
            "timespan": format!("{}/{}", iso_s(query.window.start_ms.div_euclid(1_000)), iso_s(query.window.end_ms.div_euclid(1_000))),
            "interval": query.grain.word, "namespace": resource.spec.name, "resourceregion": resource.region,
            "value": query.values(&state.world, resource, true),
        })),
    }
}
