//! What the quotas say to a request: the remainders that go into its answer's headers, and the refusal in Azure's words.
//! The counters are `quota.rs`; whether an empty one refuses is decided in `route.rs`.

use super::State;
use super::operation::Operation;
use super::quota::{DEFINITIONS_LIMIT, Spent};
use super::reply::Reply;
use std::sync::PoisonError;

pub(super) type Headers = Vec<(&'static str, String)>;

/// Takes from the quotas; the headers tell what remains.
pub(super) fn spend(state: &State, path: &str, operation: &Operation) -> (Spent, Headers) {
    let now_ms = state.world.clock.unpaced().as_millisecond();
    let mut quotas = state.quotas.lock().unwrap_or_else(PoisonError::into_inner);
    let scope = path
        .split('/')
        .skip_while(|part| !part.eq_ignore_ascii_case("subscriptions"))
        .nth(1)
        .unwrap_or("");
    match operation {
        Operation::Batch { .. } => (
            Spent {
                allowed: true,
                remaining: 0,
                wait_s: 1,
            },
            Vec::new(),
        ),
        Operation::Graph => {
            let spent = quotas.graph(now_ms);
            let headers = vec![
                ("x-ms-user-quota-remaining", spent.remaining.to_string()),
                (
                    "x-ms-user-quota-resets-after",
                    format!("00:00:{:02}", spent.wait_s),
                ),
            ];
            (spent, headers)
        }
        Operation::Definitions(_) | Operation::SubscriptionDefinitions(_) => {
            let spent = quotas.definitions(scope, now_ms);
            (
                spent,
                vec![(
                    "x-ms-ratelimit-remaining-subscription-resource-requests",
                    spent.remaining.to_string(),
                )],
            )
        }
        Operation::Token(_)
        | Operation::OpenId(_)
        | Operation::Instance
        | Operation::Imds
        | Operation::Subscriptions
        | Operation::Subscription(_)
        | Operation::Resources { .. }
        | Operation::Namespaces(_)
        | Operation::Metrics(_)
        | Operation::Unknown => {
            let spent = quotas.arm(scope, now_ms);
            let name = if scope.is_empty() {
                "x-ms-ratelimit-remaining-tenant-reads"
            } else {
                "x-ms-ratelimit-remaining-subscription-reads"
            };
            (spent, vec![(name, spent.remaining.to_string())])
        }
    }
}

pub(super) fn throttled(operation: &Operation, wait_s: i64) -> Reply {
    let (code, message) = match operation {
        Operation::Definitions(_) | Operation::SubscriptionDefinitions(_) => (
            "ResourceRequestsThrottled",
            format!("Number of requests for action 'Microsoft.Insights/metricDefinitions/read' exceeded the limit of '{DEFINITIONS_LIMIT}' for time interval '00:05:00'. Please try again after '{wait_s}' seconds."),
        ),
        Operation::Graph => ("RateLimiting", "Please provide below info when asking for support. Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed.".to_owned()),
        Operation::Batch { .. } => ("TooManyRequests", "Too many requests.".to_owned()),
        Operation::Token(_)
        | Operation::OpenId(_)
        | Operation::Instance
        | Operation::Imds
        | Operation::Subscriptions
        | Operation::Subscription(_)
        | Operation::Resources { .. }
        | Operation::Namespaces(_)
        | Operation::Metrics(_)
        | Operation::Unknown => ("SubscriptionRequestsThrottled", format!("Number of requests for subscription exceeded the backend storage limit. Please try again after '{wait_s}' seconds.")),
    };
    let reply = Reply::error(429, code, &message).with("retry-after", wait_s.to_string());
    if matches!(operation, Operation::Graph) {
        reply
    } else {
        reply.with("x-ms-failure-cause", "gateway")
    }
}

pub(super) fn with_headers(mut reply: Reply, headers: Headers) -> Reply {
    reply.headers.extend(headers);
    reply
}
