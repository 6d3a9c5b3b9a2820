//! What is said of a resource, in the words of the semantic conventions where they have some. Pure.

use super::places::Place;
use crate::config::AzureEntry;
use provider_api::{AccountId, Attributes, Scope, Texts};

pub(super) fn attributes(
    entry: &AzureEntry,
    scope: &Scope,
    region: &str,
    place: &Place,
    account: &AccountId,
    texts: &mut Texts,
) -> Attributes {
    let provider = entry.resource_type.split('/').next().unwrap_or_default();
    let mut pairs = vec![
        ("cloud.provider", "azure"),
        ("cloud.account.id", &scope.0),
        ("cloud.region", region),
        ("azure.resource_provider.namespace", provider),
        ("nephoscope.account", &account.0),
    ];
    pairs.extend(platform(&entry.resource_type, &place.kind).map(|p| ("cloud.platform", p)));
    pairs.extend(place.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    let mut shared: Vec<_> = pairs
        .into_iter()
        .map(|(k, v)| (texts.get(k), texts.get(v)))
        .collect();
    // A tag does not take its place: its name begins with `tag.`.
    shared.push((texts.get("cloud.resource_id"), place.id.clone()));
    Attributes::new(shared)
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
