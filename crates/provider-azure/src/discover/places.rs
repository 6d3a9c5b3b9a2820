//! Which of the listed resources the entries want, and where each of them is. Pure.

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

/// A resource as a listing has it.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    /// In ARM's own spelling.
    pub(super) id: String,
    /// Lower case.
    pub(super) resource_type: String,
    /// Lower case, without blanks.
    pub(super) region: String,
    /// Whether the row says where it is.
    pub(super) is_located: bool,
    pub(super) kind: String,
    /// Lower case name and tier.
    pub(super) sku: String,
    /// Keys as Azure has them.
    pub(super) tags: Vec<(String, String)>,
}

impl Thing {
    /// Nothing when the row does not say what it is.
    pub(crate) fn read(row: ListedResource) -> Option<Self> {
        let id = row.id.0.filter(|id| id.starts_with('/'))?;
        let resource_type = row.resource_type.get()?.to_lowercase();
        let sku = row
            .sku
            .0
            .map(|sku| format!("{}|{}", sku.name.or_empty(), sku.tier.or_empty()));
        let tags = row.tags.0.unwrap_or_default().into_iter();
        Some(Self {
            region: region(row.location.get().unwrap_or("global")),
            is_located: row.location.get().is_some(),
            kind: row.kind.or_empty().to_owned(),
            sku: sku.unwrap_or_default().to_lowercase(),
            tags: tags.filter_map(|(key, value)| Some((key, value.0?))).collect(),
            id,
            resource_type,
        })
    }

    /// The subscription that it is in, lower case.
    pub(super) fn subscription(&self) -> Option<String> {
        part(&self.id, "subscriptions").map(str::to_lowercase)
    }

    pub(super) fn resource_group(&self) -> &str {
        part(&self.id, "resourceGroups").unwrap_or_default()
    }

    /// The names of a nested resource are joined as ARM's lists have them (`server/database`).
    pub(super) fn name(&self) -> String {
        let behind = self
            .id
            .rsplit_once("/providers/")
            .map_or("", |(_, behind)| behind);
        let names: Vec<&str> = behind.split('/').skip(2).step_by(2).collect();
        names.join("/")
    }

    pub(super) fn tag(&self, key: &str) -> Option<&str> {
        let mut tags = self.tags.iter();
        tags.find(|(k, _)| k.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }
}

/// A resource that entries of one type want.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// The ARM id to ask for: of the resource, or of a service within it.
    pub(super) id: Arc<str>,
    pub(super) thing: &'a Thing,
    /// The entries, by their place in the configuration.
    pub(super) entries: Vec<usize>,
}

/// The resources that are wanted, by lower-case type of the entries, in the order of the listing.
pub(super) fn places<'a>(entries: &[AzureEntry], things: &[&'a Thing]) -> BTreeMap<String, Vec<Place<'a>>> {
    let mut by_type: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        by_type
            .entry(entry.resource_type.to_lowercase())
            .or_default()
            .push(index);
    }
    let mut listed: BTreeMap<&str, Vec<&'a Thing>> = BTreeMap::new();
    for thing in things {
        listed.entry(&thing.resource_type).or_default().push(thing);
    }
    let of_type = |(resource_type, indices): (String, Vec<usize>)| {
        let (parent, suffix) = listed_type(&resource_type);
        let suffix = suffix.unwrap_or_default();
        let here = listed.get(parent).map_or(&[][..], Vec::as_slice);
        let places = here.iter().filter_map(|thing| {
            let wants = |index: &usize| entries.get(*index).is_some_and(|entry| wanted(entry, thing));
            let entries: Vec<usize> = indices.iter().copied().filter(wants).collect();
            (!entries.is_empty()).then(|| Place {
                id: format!("{}{suffix}", thing.id).into(),
                thing,
                entries,
            })
        });
        let places: Vec<Place<'_>> = places.collect();
        (resource_type, places)
    };
    by_type.into_iter().map(of_type).collect()
}

fn wanted(entry: &AzureEntry, thing: &Thing) -> bool {
    Matcher::any(&entry.regions, &thing.region)
        && Matcher::any(&entry.resource_groups, thing.resource_group())
        && entry
            .tags
            .iter()
            .all(|(key, matcher)| thing.tag(key).is_some_and(|value| matcher.matches(value)))
}

/// `West Europe` and `westeurope` are the same; the data plane's host names want the latter.
fn region(location: &str) -> String {
    let name: String = location
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_lowercase();
    if name.is_empty() {
        "global".to_owned()
    } else {
        name
    }
}

/// What follows `wanted` in an id.
fn part<'a>(id: &'a str, wanted: &str) -> Option<&'a str> {
    let mut parts = id.split('/');
    parts.find(|p| p.eq_ignore_ascii_case(wanted))?;
    parts.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{entry, matcher};

    fn things(rows: serde_json::Value) -> Vec<Thing> {
        let rows: Vec<ListedResource> = serde_json::from_value(rows).expect("rows");
        rows.into_iter().filter_map(Thing::read).collect()
    }

    #[test]
    fn storage_services_are_derived_from_their_account() {
        let listed = things(serde_json::json!([
            {"id": "/subscriptions/S/resourceGroups/Prod-RG/providers/Microsoft.Storage/storageAccounts/a",
             "type": "microsoft.storage/storageaccounts", "location": "West Europe", "tags": {"Team": "x", "n": 7, "o": null},
             "sku": {"name": "Standard_LRS", "tier": "Standard"}},
            {"id": "/subscriptions/s/resourceGroups/other/providers/Microsoft.Storage/storageAccounts/b",
             "type": "microsoft.storage/storageaccounts", "location": "westeurope", "tags": null},
            {"id": null, "type": "microsoft.storage/storageaccounts"}
        ]));
        let mut wanted = entry("Microsoft.Storage/storageAccounts/blobServices");
        wanted.resource_groups = vec![matcher("prod-rg")];
        wanted.regions = vec![matcher("westeurope")];
        let all: Vec<&Thing> = listed.iter().collect();
        let got = places(&[entry("Microsoft.Storage/storageAccounts"), wanted], &all);
        let blobs = &got["microsoft.storage/storageaccounts/blobservices"];
        assert_eq!(blobs.len(), 1);
        assert!(blobs[0].id.ends_with("/storageAccounts/a/blobServices/default"));
        assert_eq!(
            (blobs[0].entries.as_slice(), blobs[0].thing.name().as_str()),
            (&[1][..], "a")
        );
        assert_eq!(got["microsoft.storage/storageaccounts"].len(), 2);
        let thing = blobs[0].thing;
        assert_eq!(
            (thing.tag("team"), thing.tag("N"), thing.tag("o")),
            (Some("x"), Some("7"), None)
        );
        assert_eq!(
            (thing.sku.as_str(), thing.subscription().as_deref()),
            ("standard_lrs|standard", Some("s"))
        );
    }

    #[test]
    fn a_nested_resource_has_all_its_names() {
        let listed = things(serde_json::json!([{"type": "Microsoft.Sql/servers/databases",
            "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/a/databases/orders"}]));
        assert_eq!(
            (listed[0].name().as_str(), listed[0].region.as_str()),
            ("a/orders", "global")
        );
    }
}
