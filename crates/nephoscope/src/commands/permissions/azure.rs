//! Azure: the built-in role with its assignments, and a narrower role of one's own.

use config_file::{AzureAccount, AzureCredentials, AzureIdentity};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The built-in role that holds all that is needed.
const MONITORING_READER: &str = "43d0d8ad-25c7-4714-9337-8ba259a9fe05";

/// What every configuration needs; the resources themselves come from Resource Graph, which shows what one may read.
const ALWAYS: [&str; 3] = [
    "Microsoft.Insights/metricDefinitions/read",
    "Microsoft.Insights/metrics/read",
    "Microsoft.Resources/subscriptions/resources/read",
];

/// Only where the subscriptions are not named.
const TO_FIND_SUBSCRIPTIONS: &str = "Microsoft.Resources/subscriptions/read";

/// What one tenant needs.
pub(super) fn needed(account: &AzureAccount) -> String {
    let scopes = scopes(account);
    let mut text = format!(
        "# Azure account `{}`: the role Monitoring Reader on each subscription\n",
        account.name
    );
    let who = assignee(&account.credentials);
    for scope in &scopes {
        // Writing to a String cannot fail.
        writeln!(
            text,
            "az role assignment create --role {MONITORING_READER} --assignee {who} --scope {scope}"
        )
        .ok();
    }
    let role = json!({
        "Name": format!("Nephoscope {}", account.name),
        "Description": "Reads the metrics that Nephoscope is configured for",
        "IsCustom": true,
        "Actions": actions(account),
        "NotActions": [],
        "AssignableScopes": scopes,
    });
    writeln!(
        text,
        "# Or, narrower, a role of your own: `az role definition create --role-definition @FILE` with"
    )
    .ok();
    writeln!(text, "{role:#}").ok();
    text
}

/// On the subscription, because the metrics data plane refuses a role that is only on the resources.
fn scopes(account: &AzureAccount) -> Vec<String> {
    if account.subscriptions.is_empty() {
        return vec!["/subscriptions/SUBSCRIPTION_ID".to_owned()];
    }
    let scope = |id: &String| format!("/subscriptions/{id}");
    account.subscriptions.iter().map(scope).collect()
}

fn actions(account: &AzureAccount) -> BTreeSet<String> {
    let types = account
        .metrics
        .iter()
        .flat_map(|entry| provider_azure::types_to_read(&entry.resource_type))
        .map(|resource_type| format!("{resource_type}/read"));
    let find = account.subscriptions.is_empty().then_some(TO_FIND_SUBSCRIPTIONS);
    let always = ALWAYS.into_iter().chain(find).map(str::to_owned);
    always.chain(types).collect()
}

fn assignee(credentials: &AzureCredentials) -> &str {
    match credentials {
        AzureCredentials::ClientSecret { client_id, .. } => client_id,
        // Each of them is taken as an assignee.
        AzureCredentials::ManagedIdentity(AzureIdentity::Client(id) | AzureIdentity::Object(id)) => id,
        AzureCredentials::ClientCertificate(certificate) => &certificate.client_id,
        AzureCredentials::ManagedIdentity(AzureIdentity::System | AzureIdentity::Resource(_))
        | AzureCredentials::Default
        | AzureCredentials::WorkloadIdentity
        | AzureCredentials::AzureCli => "CLIENT_ID",
    }
}
