//! What to do about a failure, told from the cloud, what was asked and the kind of failure. Pure.
//!
//! Names in backticks are shown as code. What stands here goes beyond the cloud's own words, which are shown above it.

use crate::{Cloud, ErrorKind};
use std::borrow::Cow;

/// What to do.
pub fn remedy(cloud: Cloud, operation: &str, kind: &ErrorKind) -> Cow<'static, str> {
    match kind {
        ErrorKind::Throttled { .. } => throttled(cloud).into(),
        ErrorKind::Unavailable { .. } => {
            "Retried automatically; points missed meanwhile are fetched later. If it persists, check the network path to \
             the cloud: name resolution, firewall, proxy, `endpoint`."
                .into()
        }
        ErrorKind::TimedOut => {
            "Retried automatically. If it persists, check the network path to the cloud: firewall, proxy, `endpoint`."
                .into()
        }
        ErrorKind::Unauthenticated => unauthenticated(cloud, operation).into(),
        ErrorKind::Forbidden => forbidden(cloud, operation),
        ErrorKind::NotFound => not_found(cloud).into(),
        ErrorKind::InvalidRequest => invalid(cloud).into(),
        ErrorKind::BadResponse => {
            "Something answers in the cloud's place: check `endpoint` and whether a proxy or a sign-in portal is in \
             between."
                .into()
        }
        ErrorKind::OverBudget => OVER_BUDGET.into(),
        ErrorKind::Permanent => {
            "Fix what the message says, verify with `nephoscope check`, then reload.".into()
        }
    }
}

/// What to do about a failure of a request that was made once, for somebody who waits for its outcome: nothing retries it.
pub fn at_once(cloud: Cloud, operation: &str, kind: &ErrorKind) -> Cow<'static, str> {
    match kind {
        ErrorKind::Throttled { .. } => "Run `nephoscope check` again later; the daemon spaces requests out.".into(),
        ErrorKind::Unavailable { .. } | ErrorKind::TimedOut => {
            "Check the network path to the cloud (name resolution, firewall, proxy, `endpoint`), then run `nephoscope \
             check` again."
                .into()
        }
        ErrorKind::Permanent => "Fix what the message says, then run `nephoscope check` again.".into(),
        ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::InvalidRequest
        | ErrorKind::BadResponse
        | ErrorKind::OverBudget => remedy(cloud, operation, kind),
    }
}

/// An account whose polls wait for money.
pub const OVER_BUDGET: &str = "Waiting polls are fetched later, by fewer calls. For fresh points, raise `usd_per_day`, or ask for less, or less often (`every`); then reload.";

/// An account that could not be connected at all: its configuration names something that is not there.
pub const NOT_CONNECTED: &str =
    "Fix what the message says in this account's configuration, verify with `nephoscope check`, then reload.";

fn throttled(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => {
            "Requests are spaced out and retried. If it persists, poll less often (`every`), or \
             have the CloudWatch quota raised in Service Quotas."
        }
        Cloud::Azure => {
            "Requests are spaced out and retried. If it persists, poll less often (`every`), or \
             give each subscription its own credential."
        }
        Cloud::Gcp => {
            "Requests are spaced out and retried. If it persists, poll less often (`every`), or \
             have the Monitoring API quota of the project raised; `quota_project` says whose it is."
        }
    }
}

fn unauthenticated(cloud: Cloud, operation: &str) -> &'static str {
    match cloud {
        Cloud::Aws => {
            "Renew the access key or the session, or check the role's trust policy and `external_id`; then reload, or \
             restart if systemd hands the key over (`LoadCredential`). A wrong clock looks the same."
        }
        // The data plane answers a missing role as if nobody had logged in.
        Cloud::Azure if operation == "metrics:getBatch" => {
            "Grant the role Monitoring Reader on the subscription itself. If the other requests fail, too, renew the \
             secret or certificate of the app registration, then reload, or restart if systemd hands it over \
             (`LoadCredential`)."
        }
        Cloud::Azure => {
            "Renew the secret or certificate of the app registration in Entra ID, check `tenant` and `client_id`, then \
             reload, or restart if systemd hands the secret over (`LoadCredential`)."
        }
        Cloud::Gcp => {
            "Give the account a valid key or another credential (`service_account_file`, `impersonate`), then reload, \
             or restart if systemd hands the key over (`LoadCredential`). Without one, the machine's own identity must be reachable."
        }
    }
}

fn forbidden(cloud: Cloud, operation: &str) -> Cow<'static, str> {
    match (cloud, operation) {
        (Cloud::Aws, "GetCallerIdentity") => {
            "Write `account_id` in the configuration, or allow `sts:GetCallerIdentity`. Only the attribute \
             `cloud.account.id` is missing meanwhile."
                .into()
        }
        (Cloud::Aws, _) => format!(
            "Allow `{}` to these credentials, in their IAM policy and in every service control policy above them.",
            aws_permission(operation)
        )
        .into(),
        (Cloud::Azure, _) => {
            "Grant the role Monitoring Reader on the subscription; a new role takes some minutes to count.".into()
        }
        (Cloud::Gcp, _) => format!(
            "Grant `roles/monitoring.viewer` (it holds `{}`) on the project, and see that the Cloud Monitoring API is \
             enabled there.",
            gcp_permission(operation)
        )
        .into(),
    }
}

/// The IAM action that an operation needs.
fn aws_permission(operation: &str) -> String {
    match operation {
        "GetResources" => "tag:GetResources".to_owned(),
        "AssumeRole" => "sts:AssumeRole".to_owned(),
        other => format!("cloudwatch:{other}"),
    }
}

fn gcp_permission(operation: &str) -> &'static str {
    match operation {
        "ListMetricDescriptors" => "monitoring.metricDescriptors.list",
        _ => "monitoring.timeSeries.list",
    }
}

fn not_found(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => {
            "Check `regions` and the names of this account's entries; what was deleted leaves with the next listing."
        }
        Cloud::Azure => {
            "Check `subscriptions` and `tenant`; a resource that was deleted leaves with the next listing."
        }
        Cloud::Gcp => "Check `projects`; a metric type that was deleted leaves with the next listing.",
    }
}

fn invalid(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => {
            "Check `names`, `statistics` and `period` of this account's entries against what the namespace has."
        }
        Cloud::Azure => {
            "Check `names`, `aggregations`, `period` and `dimensions` of this account's entries against what the \
             resource type has."
        }
        Cloud::Gcp => "Check `types` and `filter` of this account's entries.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [ErrorKind; 10] = [
        ErrorKind::Throttled { retry_after: None },
        ErrorKind::Unavailable { retry_after: None },
        ErrorKind::TimedOut,
        ErrorKind::Unauthenticated,
        ErrorKind::Forbidden,
        ErrorKind::NotFound,
        ErrorKind::InvalidRequest,
        ErrorKind::BadResponse,
        ErrorKind::OverBudget,
        ErrorKind::Permanent,
    ];

    #[test]
    fn every_kind_of_every_cloud_has_a_sentence_with_whole_code() {
        for cloud in [Cloud::Aws, Cloud::Azure, Cloud::Gcp] {
            for kind in &KINDS {
                for text in [remedy, at_once].map(|of| of(cloud, "GetMetricData", kind)) {
                    assert!(text.ends_with('.') && text.len() > 40, "{cloud} {kind:?}: {text}");
                    assert!(text.matches('`').count().is_multiple_of(2), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_missing_permission_is_named() {
        for (cloud, operation, wanted) in [
            (Cloud::Aws, "GetMetricData", "`cloudwatch:GetMetricData`"),
            (Cloud::Aws, "ListMetrics", "`cloudwatch:ListMetrics`"),
            (Cloud::Aws, "GetResources", "`tag:GetResources`"),
            (Cloud::Aws, "GetCallerIdentity", "`sts:GetCallerIdentity`"),
            (Cloud::Azure, "resources.list", "Monitoring Reader"),
            (Cloud::Gcp, "ListTimeSeries", "`monitoring.timeSeries.list`"),
            (
                Cloud::Gcp,
                "ListMetricDescriptors",
                "`monitoring.metricDescriptors.list`",
            ),
        ] {
            let text = remedy(cloud, operation, &ErrorKind::Forbidden);
            assert!(text.contains(wanted), "{operation}: {text}");
        }
    }

    #[test]
    fn azures_data_plane_means_a_role_when_it_speaks_of_logging_in() {
        let text = remedy(Cloud::Azure, "metrics:getBatch", &ErrorKind::Unauthenticated);
        assert!(text.contains("Monitoring Reader"), "{text}");
    }
}
