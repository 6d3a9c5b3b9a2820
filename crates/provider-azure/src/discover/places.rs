//! Which of the listed resources an entry wants, and where each of them is. Pure.

use crate::config::AzureEntry;
use crate::wire::ListedResource;
use provider_api::Matcher;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Types under a storage account that no list shows; each has one instance, `default`.
const STORAGE_SERVICES: [&str; 4] = ["blobServices", "fileServices", "queueServices", "tableServices"];
const STORAGE_ACCOUNTS: &str = "Microsoft.Storage/storageAccounts";

/// The type to list for an entry, and what to append to the ids found.
pub(crate) fn listed_type(resource_type: &str) -> (&str, Option<String>) {
    let derived = resource_type.rsplit_once('/').and_then(|(parent, child)| {
        let service = STORAGE_SERVICES.iter().find(|s| s.eq_ignore_ascii_case(child))?;
        parent
            .eq_ignore_ascii_case(STORAGE_ACCOUNTS)
            .then(|| (parent, Some(format!("/{service}/default"))))
    });
    derived.unwrap_or((resource_type, None))
}

/// A resource that an entry wants.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) id: Arc<str>,
    pub(super) kind: String,
    pub(super) tags: Vec<(String, String)>,
}

/// By entry and region.
type Places = BTreeMap<(usize, String), Vec<Place>>;

/// Which resources each entry wants, by entry and region.
pub(super) fn places(entries: &[AzureEntry], resources: &[ListedResource]) -> Places {
    let mut places = Places::new();
    for (i, entry) in entries.iter().enumerate() {
        let (listed, suffix) = listed_type(&entry.resource_type);
        for r in resources.iter().filter(|r| {
            r.resource_type
                .as_deref()
                .is_some_and(|t| t.eq_ignore_ascii_case(listed))
        }) {
            let region = region(r.location.as_deref().unwrap_or("global"));
            if !wanted(entry, r, &region) {
                continue;
            }
            let id = format!("{}{}", r.id, suffix.as_deref().unwrap_or_default()).into();
            let tags = copied(entry, r);
            let place = Place {
                id,
                kind: r.kind.clone().unwrap_or_default(),
                tags,
            };
            places.entry((i, region)).or_default().push(place);
        }
    }
    places
}

fn wanted(entry: &AzureEntry, r: &ListedResource, region: &str) -> bool {
    Matcher::any(&entry.regions, region)
        && Matcher::any(&entry.resource_groups, resource_group(&r.id).unwrap_or_default())
        && entry
            .tags
            .iter()
            .all(|(key, matcher)| tag(r, key).is_some_and(|value| matcher.matches(value)))
}

fn tag<'a>(r: &'a ListedResource, key: &str) -> Option<&'a str> {
    r.tags
        .as_ref()?
        .iter()
        .find(|(k, _)| k.eq_ignore_ascii_case(key))?
        .1
        .as_deref()
}

fn copied(entry: &AzureEntry, r: &ListedResource) -> Vec<(String, String)> {
    let one = |key: &String| Some((format!("tag.{key}"), tag(r, key)?.to_owned()));
    entry.copy_tags.iter().filter_map(one).collect()
}

/// `West Europe` and `westeurope` are the same; the data plane's host names want the latter.
fn region(location: &str) -> String {
    let name: String = location
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_ascii_lowercase();
    if name.is_empty() {
        "global".to_owned()
    } else {
        name
    }
}

fn resource_group(id: &str) -> Option<&str> {
    let mut parts = id.split('/');
    parts.find(|p| p.eq_ignore_ascii_case("resourceGroups"))?;
    parts.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::entry;

    #[test]
    fn storage_services_are_derived_from_their_account() {
        let listed: Vec<ListedResource> = serde_json::from_value(serde_json::json!([
            {"id": "/subscriptions/s/resourceGroups/RG/providers/Microsoft.Storage/storageAccounts/a",
             "type": "microsoft.storage/storageaccounts", "location": "West Europe", "tags": {"Team": "x", "n": null}},
            {"id": "/subscriptions/s/resourceGroups/other/providers/Microsoft.Storage/storageAccounts/b",
             "type": "microsoft.storage/storageaccounts", "location": "westeurope", "tags": null}
        ]))
        .expect("resources");
        let mut wanted = entry("Microsoft.Storage/storageAccounts/blobServices");
        wanted.resource_groups = vec![Matcher::new("rg", |group| group.eq_ignore_ascii_case("rg"))];
        let got = places(&[wanted], &listed);
        let here = &got[&(0, "westeurope".to_owned())];
        assert_eq!(here.len(), 1);
        assert!(here[0].id.ends_with("/storageAccounts/a/blobServices/default"));
        assert_eq!(here[0].tags, [("tag.team".to_owned(), "x".to_owned())]);
    }
}
