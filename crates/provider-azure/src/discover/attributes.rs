//! What is said of a resource, in the words of the semantic conventions where they have some. Pure.

use super::places::Place;
use crate::config::AzureEntry;
use provider_api::{AccountId, Attributes, Scope};
use std::sync::Arc;

pub(super) fn attributes(
    entry: &AzureEntry,
    scope: &Scope,
    region: &str,
    place: &Place,
    account: &AccountId,
) -> Attributes {
    let provider = entry.resource_type.split('/').next().unwrap_or_default();
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = vec![
        ("cloud.provider".into(), "azure".into()),
        ("cloud.account.id".into(), scope.0.clone()),
        ("cloud.region".into(), region.into()),
        ("cloud.resource_id".into(), place.id.clone()),
        ("azure.resource_provider.namespace".into(), provider.into()),
        ("nephoscope.account".into(), account.0.clone()),
    ];
    if let Some(platform) = platform(&entry.resource_type, &place.kind) {
        pairs.push(("cloud.platform".into(), platform.into()));
    }
    pairs.extend(
        place
            .tags
            .iter()
            .map(|(k, v)| (k.as_str().into(), v.as_str().into())),
    );
    Attributes::new(pairs)
}

/// `cloud.platform` of the semantic conventions, where they have a word.
fn platform(resource_type: &str, kind: &str) -> Option<&'static str> {
    match resource_type.to_ascii_lowercase().as_str() {
        "microsoft.compute/virtualmachines" | "microsoft.compute/virtualmachinescalesets" => Some("azure.vm"),
        "microsoft.web/sites" if kind.to_ascii_lowercase().contains("functionapp") => Some("azure.functions"),
        "microsoft.web/sites" => Some("azure.app_service"),
        "microsoft.containerservice/managedclusters" => Some("azure.aks"),
        "microsoft.containerinstance/containergroups" => Some("azure.container_instances"),
        "microsoft.app/containerapps" => Some("azure.container_apps"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_no_plain_site() {
        let platform = |kind| platform("Microsoft.Web/sites", kind);
        assert_eq!(platform("functionapp,linux"), Some("azure.functions"));
        assert_eq!(platform("app"), Some("azure.app_service"));
    }
}
