//! AWS: a policy for whoever reads, and one for whoever takes on its role.

use config_file::AwsAccount;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The policies of one account.
pub(super) fn needed(account: &AwsAccount) -> String {
    let mut text = format!("# AWS account `{}`", account.name);
    // Writing to a String cannot fail.
    match &account.credentials.assume_role {
        None => writeln!(text, ": the policy of whose keys these are").ok(),
        Some(role) => writeln!(text, ": the policy of the role {}", role.arn).ok(),
    };
    writeln!(text, "{:#}", reader(account)).ok();
    if let Some(role) = &account.credentials.assume_role {
        writeln!(text, "# The policy of whoever takes it on").ok();
        let statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role.arn });
        writeln!(text, "{:#}", policy(&statement)).ok();
        writeln!(
            text,
            "# The role's trust policy has to allow `sts:AssumeRole` to that principal"
        )
        .ok();
        if let Some(id) = &role.external_id {
            let condition = json!({ "StringEquals": { "sts:ExternalId": id } });
            writeln!(text, "# with \"Condition\": {condition}").ok();
        }
    }
    text
}

/// These actions know no narrower resource than `*`; the regions are what can be narrowed. `sts:GetCallerIdentity` cannot
/// be refused, so it needs no line.
fn reader(account: &AwsAccount) -> Value {
    let tags = account
        .metrics
        .iter()
        .any(|entry| !entry.tags.is_empty() || !entry.copy_tags.is_empty());
    let mut actions = vec!["cloudwatch:ListMetrics", "cloudwatch:GetMetricData"];
    if tags {
        actions.push("tag:GetResources");
    }
    policy(&json!({
        "Effect": "Allow",
        "Action": actions,
        "Resource": "*",
        "Condition": { "StringEquals": { "aws:RequestedRegion": account.regions } },
    }))
}

fn policy(statement: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}
