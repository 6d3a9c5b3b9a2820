//! What is said of a resource, in the words of the semantic conventions where they have some. Pure.

use super::places::Place;
use crate::config::AzureEntry;
use provider_api::{AccountId, Pairs, Resource, Scope, Texts};

/// Whose resources they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub(super) account: &'a AccountId,
    pub(super) scope: &'a Scope,
    /// The subscription's name for people, where it is known.
    pub(super) name: Option<&'a str>,
}

/// The resource as `entry` wants it described. Its tags and names may change without making it another.
pub(super) fn resource(
    entry: &AzureEntry,
    place: &Place<'_>,
    owner: Owner<'_>,
    texts: &mut Texts,
) -> Resource {
    let thing = place.thing;
    let provider = entry.resource_type.split('/').next().unwrap_or_default();
    let mut shared = |pairs: &[(&str, &str)]| -> Pairs {
        let one = |(key, value): &(&str, &str)| (texts.get(key), texts.get(value));
        pairs.iter().map(one).collect()
    };
    let mut identifying = shared(&[
        ("cloud.provider", "azure"),
        ("cloud.account.id", &owner.scope.0),
        ("cloud.region", &thing.region),
        ("azure.resource_provider.namespace", provider),
        ("nephoscope.account", &owner.account.0),
    ]);
    let platform = platform(&entry.resource_type, &thing.kind).map(|p| ("cloud.platform", p));
    let mut describing = shared(platform.as_slice());
    for key in &entry.copy_tags {
        if let Some(value) = thing.tag(key) {
            describing.extend(shared(&[(&format!("tag.{key}"), value)]));
        }
    }
    let (name, group) = (thing.name(), thing.resource_group());
    let mut added = shared(&[("azure.resource.name", &name), ("azure.resource_group", group)]);
    added.extend(shared(
        owner
            .name
            .map(|name| ("azure.subscription.name", name))
            .as_slice(),
    ));
    // A tag does not take its place: its name begins with `tag.`.
    identifying.extend(shared(&[("cloud.resource_id", &place.id)]));
    Resource::described_in_any_case(identifying, describing, added)
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
