//! What the rules of [`crate::rules`] do to AWS: what a request asks for, refusals in the service's own words, and results
//! that fail or are written oddly within an answer that is otherwise in order.

use axum::response::Response;
use http::StatusCode;

use super::answer::{ApiError, Protocol};
use super::wire::Doc;
use super::{Call, State};
use crate::rules::{Asked, Cloud, How, Odd, Part, PartFault, Strike};
use crate::serve;

/// What is asked for.
pub(super) fn asked(call: &Call, region: &str, request: &Doc) -> Asked {
    Asked {
        cloud: Cloud::Aws,
        operation: call.operation.clone(),
        scope: region.to_owned(),
        host: format!("{}.{region}", call.service),
        parts: parts(&call.operation, request),
    }
}

fn parts(operation: &str, request: &Doc) -> Vec<Part> {
    match operation {
        "GetMetricData" => request
            .list("MetricDataQueries")
            .iter()
            .map(|query| query.get("MetricStat").and_then(|stat| stat.get("Metric")))
            .map(|metric| metric.map(part).unwrap_or_default())
            .collect(),
        "GetMetricStatistics" => vec![part(request)],
        "ListMetrics" => request
            .str("Namespace")
            .map(|_| part(request))
            .into_iter()
            .collect(),
        "GetResources" => request
            .list("ResourceTypeFilters")
            .iter()
            .filter_map(|kind| match kind {
                Doc::Text(kind) => Some(kind.clone()),
                Doc::Null
                | Doc::Bool(_)
                | Doc::Int(_)
                | Doc::Num(_)
                | Doc::Time(_)
                | Doc::List(_)
                | Doc::Map(_) => None,
            })
            .map(|kind| Part {
                kind,
                ..Part::default()
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn part(metric: &Doc) -> Part {
    let pair = |dimension: &Doc| {
        let text = |name| dimension.str(name).unwrap_or_default();
        format!("{}={}", text("Name"), text("Value"))
    };
    let dimensions: Vec<String> = metric.list("Dimensions").iter().map(pair).collect();
    Part {
        id: dimensions.join(","),
        kind: metric.str("Namespace").unwrap_or_default().to_owned(),
        metric: metric.str("MetricName").unwrap_or_default().to_owned(),
    }
}

/// What becomes of a request that is hit as a whole; `None` goes on to its answer.
pub(super) async fn whole(
    state: &State,
    call: &Call,
    arn: &str,
    how: Option<How>,
) -> Option<Result<(&'static str, Response), ApiError>> {
    match how? {
        How::Status(status) => Some(Err(refusal(call, arn, status))),
        How::Throttle { retry_after_s } => {
            let mut refusal = ApiError::throttled(call.protocol);
            refusal.retry_after_s = Some(retry_after_s);
            Some(Err(refusal))
        }
        How::Cut => Some(Ok(("cut", serve::cut_connection()))),
        How::Silence => {
            state.counts.request(&call.operation, "hang");
            serve::hang().await;
            None
        }
        How::Answer(_) | How::Part(_) => None,
    }
}

fn refusal(call: &Call, arn: &str, status: u16) -> ApiError {
    match status {
        401 => ApiError::forbidden(
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        403 => {
            let prefix = match call.service {
                "monitoring" => "cloudwatch",
                "tagging" => "tag",
                service => service,
            };
            let action = format!("{prefix}:{}", call.operation);
            let message = format!(
                "User: {arn} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
            );
            match call.protocol {
                Protocol::Json11 => ApiError::bad("AccessDeniedException", message),
                Protocol::Cbor | Protocol::Json10 | Protocol::Query => {
                    ApiError::forbidden("AccessDenied", message)
                }
            }
        }
        404 => ApiError::of(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            "The named resource does not exist.",
        ),
        429 => ApiError::throttled(call.protocol),
        500..=502 => ApiError::of(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServiceFault",
            "Request processing has failed because of an unknown error, exception, or failure.",
        ),
        503.. => ApiError::unavailable(),
        _ => ApiError::bad(
            "InvalidParameterValue",
            "The value for parameter MetricDataQueries.member.MetricStat is not valid.",
        ),
    }
}

/// The answer with those of its results changed that are hit.
pub(super) fn elements(state: &State, (asked, request): (&Asked, &Doc), strike: &Strike, answer: &mut Doc) {
    if !state.faults.has_rules() {
        return;
    }
    if asked.operation == "GetMetricData" {
        let queries = request.list("MetricDataQueries").iter();
        let ids: Vec<&str> = queries.map(|query| query.str("Id").unwrap_or_default()).collect();
        // A page may have fewer results than there are queries: each has the id of its own.
        each(answer, "MetricDataResults", |result| {
            let id = result.str("Id")?;
            strike.part(ids.iter().position(|known| *known == id)?)
        });
        return;
    }
    let list = match asked.operation.as_str() {
        "ListMetrics" => "Metrics",
        "GetResources" => "ResourceTagMappingList",
        "GetMetricStatistics" => "Datapoints",
        _ => return,
    };
    each(answer, list, |element| {
        let mut part = part(element);
        if let Some(arn) = element.str("ResourceARN") {
            arn.clone_into(&mut part.id);
        }
        state.faults.element(asked, &part, &state.world.clock)
    });
}

fn each(answer: &mut Doc, list: &str, fault_of: impl Fn(&Doc) -> Option<PartFault>) {
    let Doc::Map(fields) = answer else { return };
    let Some((_, Doc::List(elements))) = fields.iter_mut().find(|(name, _)| name == list) else {
        return;
    };
    let old = std::mem::take(elements);
    for mut element in old {
        let fault = fault_of(&element);
        if fault == Some(PartFault::Odd(Odd::NullElement)) {
            elements.push(Doc::Null);
        }
        if let Some(fault) = fault {
            spoil(&mut element, list, fault);
        }
        elements.push(element);
    }
}

fn spoil(element: &mut Doc, list: &str, fault: PartFault) {
    let odd = match fault {
        PartFault::Failed => return fail(element, "InternalError", 0),
        PartFault::Forbidden => return fail(element, "Forbidden", 0),
        PartFault::Partial => return fail(element, "PartialData", 2),
        PartFault::Odd(odd) => odd,
    };
    let (name, lists): (&str, &[&str]) = match list {
        "MetricDataResults" => ("Id", &["Timestamps", "Values"]),
        "Metrics" => ("MetricName", &["Dimensions"]),
        _ => ("ResourceARN", &["Tags"]),
    };
    match odd {
        Odd::NullList => lists.iter().for_each(|list| element.set(list, Doc::Null)),
        Odd::NullField => element.set("Label", Doc::Null),
        Odd::NullElement => {}
        Odd::Nameless => {
            if let Doc::Map(fields) = element {
                fields.retain(|(field, _)| field != name);
            }
        }
        Odd::Number => element.set("Label", Doc::Int(7)),
    }
}

/// A result that failed: without points, or with the newer `1/parts` of them.
fn fail(element: &mut Doc, code: &str, parts: usize) {
    if element.get("StatusCode").is_none() {
        return;
    }
    for list in ["Timestamps", "Values"] {
        let all = element.list(list);
        let left = all.len().checked_div(parts).unwrap_or(0);
        let left = all.get(..left).unwrap_or_default().to_vec();
        element.set(list, Doc::List(left));
    }
    element.set("StatusCode", Doc::text(code));
}
