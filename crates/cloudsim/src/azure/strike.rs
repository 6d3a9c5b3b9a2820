//! What the rules of [`crate::rules`] do to Azure: what a request asks for, refusals in Azure's own words, and elements of
//! lists that fail or are written oddly within an answer that is otherwise in order.

use super::State;
use super::catalog::{CLIENT_ID, SUBSCRIPTIONS};
use super::entra::Params;
use super::metrics_table::{MetricSpec, TYPES, TypeSpec};
use super::operation::Operation;
use super::reply::Reply;
use super::throttle::throttled;
use crate::rules::{Asked, Cloud, Odd, Part, PartFault};
use serde_json::{Value, json};

/// What stands before the type in a resource id.
const PROVIDERS: &str = "/providers/";
/// The host that is not a region's.
const ARM: &str = "arm";

/// What is asked for; one for each subscription that a query of Resource Graph covers.
pub(super) fn asked(operation: &Operation, params: &Params, body: &[u8]) -> Vec<Asked> {
    let (scope, host, parts) = match operation {
        Operation::Batch { subscription, region } => {
            let region = region.clone().unwrap_or_default();
            (subscription.clone(), region, batch_parts(params, body))
        }
        Operation::Graph => return graph(body),
        Operation::Subscription(id) => (id.clone(), ARM.to_owned(), Vec::new()),
        Operation::Resources { subscription, .. } => (subscription.clone(), ARM.to_owned(), Vec::new()),
        Operation::SubscriptionDefinitions(id) => {
            let kinds = params.get("metricnamespace").into_iter().cloned();
            (id.clone(), ARM.to_owned(), kinds.map(of_kind).collect())
        }
        Operation::Definitions(id) | Operation::Namespaces(id) => {
            (subscription_of(id), ARM.to_owned(), vec![of_resource(id, "")])
        }
        Operation::Metrics(id) => {
            let names = names(params).into_iter();
            let parts = names.map(|name| of_resource(id, name)).collect();
            (subscription_of(id), ARM.to_owned(), parts)
        }
        Operation::Token(_)
        | Operation::OpenId(_)
        | Operation::Instance
        | Operation::Imds
        | Operation::Subscriptions
        | Operation::Unknown => (String::new(), ARM.to_owned(), Vec::new()),
    };
    vec![Asked {
        cloud: Cloud::Azure,
        operation: operation.name().to_owned(),
        scope,
        host,
        parts,
    }]
}

fn graph(body: &[u8]) -> Vec<Asked> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let listed = body["subscriptions"]
        .as_array()
        .filter(|listed| !listed.is_empty());
    let scopes: Vec<String> = listed.map_or_else(
        || SUBSCRIPTIONS.map(str::to_owned).into(),
        |listed| {
            listed
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        },
    );
    let query = body["query"].as_str().unwrap_or_default().to_lowercase();
    let named = TYPES
        .iter()
        .filter(|spec| query.contains(&format!("'{}'", spec.name.to_lowercase())));
    let parts: Vec<Part> = named.map(|spec| of_kind(spec.name.to_owned())).collect();
    let of = |scope| Asked {
        cloud: Cloud::Azure,
        operation: Operation::Graph.name().to_owned(),
        scope,
        host: ARM.to_owned(),
        parts: parts.clone(),
    };
    scopes.into_iter().map(of).collect()
}

/// Each resource with each name.
fn batch_parts(params: &Params, body: &[u8]) -> Vec<Part> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let ids = body["resourceids"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let names = names(params);
    ids.flat_map(|id| names.iter().map(move |name| of_resource(id, name)))
        .collect()
}

fn names(params: &Params) -> Vec<&str> {
    params
        .get("metricnames")
        .map_or_else(|| vec![""], |names| names.split(',').map(str::trim).collect())
}

fn of_kind(kind: String) -> Part {
    Part {
        kind,
        ..Part::default()
    }
}

fn of_resource(id: &str, metric: &str) -> Part {
    Part {
        id: id.to_owned(),
        kind: kind_of(id),
        metric: metric.to_owned(),
    }
}

/// `Microsoft.Sql/servers/databases` from the pieces of an id.
fn kind_of(id: &str) -> String {
    let lower = id.to_lowercase();
    let Some(at) = lower.rfind(PROVIDERS) else {
        return String::new();
    };
    let mut pieces = id.get(at + PROVIDERS.len()..).unwrap_or_default().split('/');
    let provider = pieces.next().unwrap_or_default().to_owned();
    let kinds = pieces.step_by(2);
    kinds.fold(provider, |kind, piece| format!("{kind}/{piece}"))
}

fn subscription_of(id: &str) -> String {
    id.split('/').nth(2).unwrap_or_default().to_owned()
}

/// What Azure says to whoever asks for a metric that it does not have: which are left beside those that are hit.
fn unknown_metric(state: &State, asked: &Asked) -> Option<String> {
    let hit = asked
        .parts
        .iter()
        .find(|part| state.faults.names_metric(asked, part))?;
    let spec = TypeSpec::find(&hit.kind)?;
    let of = |metric: &&MetricSpec| Part {
        metric: metric.name.to_owned(),
        ..hit.clone()
    };
    let valid = spec
        .metrics
        .iter()
        .filter(|metric| !state.faults.names_metric(asked, &of(metric)));
    Some(super::query::unknown_metric(&hit.metric, spec, valid))
}

/// A refusal with this status.
pub(super) fn refusal(
    state: &State,
    status: u16,
    operation: &Operation,
    path: &str,
    asked: &[Asked],
) -> Reply {
    let is_batch = matches!(operation, Operation::Batch { .. });
    let unknown = asked.iter().find_map(|asked| unknown_metric(state, asked));
    match (status, unknown) {
        (400, Some(message)) if is_batch => return Reply::batch_400(&message),
        (400, Some(message)) if matches!(operation, Operation::Metrics(_)) => {
            return Reply::unwrapped_400(&message);
        }
        _ => {}
    }
    match status {
        401 if is_batch => Reply::error(
            401,
            "AuthorizationFailed",
            "The caller has no role on the subscription.",
        ),
        401 => Reply::error(401, "InvalidAuthenticationToken", "The access token is invalid."),
        403 => Reply::error(
            403,
            "AuthorizationFailed",
            &format!(
                "The client '{CLIENT_ID}' with object id '{CLIENT_ID}' does not have authorization to perform action '{}' over scope '{path}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
                action(operation)
            ),
        ),
        404 => Reply::not_found(path),
        429 => throttled(operation, 1),
        503 | 529 => Reply::error(status, "ServiceUnavailable", "The service is unavailable now."),
        500.. => Reply::error(
            status,
            "InternalServerError",
            "Encountered internal server error.",
        ),
        _ if is_batch => Reply::batch_400("The request is not valid."),
        _ if matches!(operation, Operation::Metrics(_)) => Reply::unwrapped_400("The request is not valid."),
        _ => Reply::error(status, "BadRequest", "The request is not valid."),
    }
}

fn action(operation: &Operation) -> &'static str {
    match operation {
        Operation::Batch { .. } | Operation::Metrics(_) => "microsoft.insights/metrics/read",
        Operation::Definitions(_) | Operation::SubscriptionDefinitions(_) => {
            "microsoft.insights/metricDefinitions/read"
        }
        Operation::Namespaces(_) => "microsoft.insights/metricNamespaces/read",
        Operation::Subscription(_) | Operation::Subscriptions => "microsoft.resources/subscriptions/read",
        Operation::Graph => "microsoft.resourcegraph/resources/read",
        Operation::Resources { .. }
        | Operation::Token(_)
        | Operation::OpenId(_)
        | Operation::Instance
        | Operation::Imds
        | Operation::Unknown => "microsoft.resources/subscriptions/resources/read",
    }
}

/// The answer with those of its elements changed that are hit.
pub(super) fn elements(state: &State, asked: &Asked, body: &mut Value) {
    if !state.faults.has_rules() {
        return;
    }
    let change = |list: &mut Value, part_of: &dyn Fn(&Value) -> Part| each(state, asked, list, part_of);
    match asked.operation.as_str() {
        "metrics.getBatch" => {
            for resource in body["values"].as_array_mut().into_iter().flatten() {
                let id = text(&resource["resourceid"]);
                change(&mut resource["value"], &|metric| {
                    of_resource(&id, &text(&metric["name"]["value"]))
                });
            }
        }
        "metrics.get" => {
            let id = asked
                .parts
                .first()
                .map(|part| part.id.clone())
                .unwrap_or_default();
            change(&mut body["value"], &|metric| {
                of_resource(&id, &text(&metric["name"]["value"]))
            });
        }
        "metricDefinitions.list" => change(&mut body["value"], &|definition| Part {
            id: text(&definition["resourceId"]),
            kind: text(&definition["namespace"]),
            metric: text(&definition["name"]["value"]),
        }),
        "resources.list" => change(&mut body["value"], &|resource| {
            of_resource(&text(&resource["id"]), "")
        }),
        "resourceGraph.query" => change(&mut body["data"], &|row| of_resource(&text(&row["id"]), "")),
        _ => {}
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn each(state: &State, asked: &Asked, list: &mut Value, part_of: &dyn Fn(&Value) -> Part) {
    let Value::Array(elements) = list else { return };
    let old = std::mem::take(elements);
    for mut element in old {
        let fault = state
            .faults
            .element(asked, &part_of(&element), &state.world.clock);
        if fault == Some(PartFault::Odd(Odd::NullElement)) {
            elements.push(Value::Null);
        }
        if let Some(fault) = fault {
            spoil(&mut element, fault);
        }
        elements.push(element);
    }
}

fn spoil(element: &mut Value, fault: PartFault) {
    let is_metric = element.get("timeseries").is_some();
    let odd = match fault {
        PartFault::Failed if is_metric => return fail(element, "InternalServerError"),
        PartFault::Forbidden if is_metric => return fail(element, "Forbidden"),
        PartFault::Partial if is_metric => return fail(element, "PartialResult"),
        PartFault::Failed | PartFault::Forbidden | PartFault::Partial => return,
        PartFault::Odd(odd) => odd,
    };
    let list = if is_metric { "timeseries" } else { "dimensions" };
    match odd {
        Odd::NullList => element[list] = Value::Null,
        Odd::NullField if element.get("unit").is_some() => element["unit"] = Value::Null,
        Odd::NullField => element["location"] = Value::Null,
        Odd::NullElement => {}
        Odd::Nameless => {
            if let Some(fields) = element.as_object_mut() {
                fields.remove(if fields.contains_key("unit") { "name" } else { "id" });
            }
        }
        Odd::Number if element.get("unit").is_some() => element["displayDescription"] = json!(7),
        Odd::Number => element["tags"] = json!({"cost": 7}),
    }
}

fn fail(metric: &mut Value, code: &str) {
    metric["errorCode"] = json!(code);
    metric["errorMessage"] = json!("The metric could not be read.");
    metric["timeseries"] = json!([]);
}
