//! Finding targets: subscriptions, their resources (Resource Graph, else ARM's lists), the metric definitions of one
//! sample resource per type and region, and from both the questions to ask. Nothing here reads values.

use crate::AzureProvider;
use crate::config::{AzureEntry, Matcher};
use crate::http::{Ask, Plane, encode, failure, one_request, path};
use crate::target::{Aggregation, AskedMetric, Question, TargetDetail, parse_iso};
use crate::wire::{Definition, GraphPage, ListedResource, Page, Subscription};
use futures::stream::BoxStream;
use provider_api::{
    Attributes, Catalogue, ErrorKind, Group, GroupSpec, ProviderError, Resource, Scope, SkipReason, Skipped,
    Target, TargetId,
};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Operations by Azure's own names.
pub(crate) const LIST_SUBSCRIPTIONS: &str = "subscriptions.list";
pub(crate) const LIST_RESOURCES: &str = "resources.list";
pub(crate) const RESOURCE_GRAPH: &str = "resourceGraph.query";
pub(crate) const DEFINITIONS: &str = "metricDefinitions.list";

/// Most metric names in one request (spec, `metricnames`).
const MOST_METRICS: usize = 20;
/// Most pages of one listing: a million resources. A listing without end is a broken one.
const MOST_PAGES: usize = 1_000;
/// Rows in a page of Resource Graph (spec: 1–1000).
const PAGE_ROWS: u32 = 1_000;
/// How many resources of a type and region are asked for definitions before it counts as having none.
const SAMPLES: usize = 3;
/// "P93D" in every definition seen.
const RETENTION: Duration = Duration::from_secs(93 * 86_400);
/// Points of one resource in the longest window, so that some resources still fit into a call.
const LONGEST_WINDOW_POINTS: u32 = 20_000;
/// Characters of a subscription id in a group's name, while they tell it from the others.
const SHORT_ID_CHARS: usize = 8;
/// Types under a storage account that no list shows; each has one instance, `default`.
const STORAGE_SERVICES: [&str; 4] = ["blobServices", "fileServices", "queueServices", "tableServices"];
const STORAGE_ACCOUNTS: &str = "Microsoft.Storage/storageAccounts";

/// The type to list for an entry, and what to append to the ids found.
fn listed_type(resource_type: &str) -> (&str, Option<String>) {
    let derived = resource_type.rsplit_once('/').and_then(|(parent, child)| {
        let service = STORAGE_SERVICES.iter().find(|s| s.eq_ignore_ascii_case(child))?;
        parent
            .eq_ignore_ascii_case(STORAGE_ACCOUNTS)
            .then(|| (parent, Some(format!("/{service}/default"))))
    });
    derived.unwrap_or((resource_type, None))
}

impl AzureProvider {
    /// One catalogue per subscription.
    pub(crate) fn catalogues(&self) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
        Box::pin(async_stream::stream! {
            match self.subscriptions().await {
                Err(e) => yield Err(e),
                Ok(all) => {
                    for id in &all {
                        yield self.catalogue(id, &short(id, &all)).await;
                    }
                }
            }
        })
    }

    /// The configured subscriptions, or those that the credential sees.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<String>, ProviderError> {
        if !self.config.subscriptions.is_empty() {
            return Ok(self.config.subscriptions.clone());
        }
        let scope = Scope::new("-");
        let url = format!(
            "{}/subscriptions?api-version=2022-12-01",
            self.api.cloud().arm_base()
        );
        let found: Vec<Subscription> = self.pages(LIST_SUBSCRIPTIONS, &scope, url).await?;
        if found.is_empty() {
            let words = "the credential sees no subscription: grant it Monitoring Reader on those to read";
            return Err(failure(LIST_SUBSCRIPTIONS, &scope, ErrorKind::Forbidden, words));
        }
        let readable = |s: &Subscription| !matches!(s.state.as_deref(), Some("Disabled" | "Deleted"));
        Ok(found.into_iter().filter(readable).map(|s| s.id).collect())
    }

    /// One row of Resource Graph, to check the permission.
    pub(crate) async fn try_graph(&self, subscription: &str) -> Result<(), ProviderError> {
        let scope = Scope::new(subscription);
        self.graph_page(&scope, "resources | project id", 1, None)
            .await
            .map(|_page| ())
    }

    async fn catalogue(&self, subscription: &str, short: &str) -> Result<Catalogue, ProviderError> {
        let scope = Scope::new(subscription);
        let resources = self.resources(&scope).await?;
        let mut found = Found {
            scope: scope.clone(),
            short: short.to_owned(),
            ..Found::default()
        };
        let places = places(&self.config.entries, &resources);
        for ((entry, region), here) in &places {
            let Some(entry_config) = self.config.entries.get(*entry) else {
                continue;
            };
            let key = (entry_config.resource_type.to_ascii_lowercase(), region.clone());
            if !found.definitions.contains_key(&key) {
                let got = self.definitions(&scope, entry_config, here).await?;
                found.definitions.insert(key.clone(), got);
            }
            let definitions = found.definitions.get(&key).cloned().unwrap_or_default();
            let which = ordinal(*entry, &self.config.entries);
            found.add(
                entry_config,
                &which,
                region,
                here,
                &definitions,
                &self.config.account.0,
            );
        }
        Ok(Catalogue {
            scope,
            targets: found.targets,
            skipped: found.skipped,
        })
    }

    /// Every resource of a configured type.
    async fn resources(&self, scope: &Scope) -> Result<Vec<ListedResource>, ProviderError> {
        let types: BTreeSet<String> = self
            .config
            .entries
            .iter()
            .map(|e| listed_type(&e.resource_type).0.to_ascii_lowercase())
            .collect();
        match self.graph(scope, &types).await {
            Err(e) if matches!(e.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => {
                tracing::warn!(error = %e, "Resource Graph is refused; listing through Resource Manager");
                self.listed(scope, &types).await
            }
            other => other,
        }
    }

    async fn graph(
        &self,
        scope: &Scope,
        types: &BTreeSet<String>,
    ) -> Result<Vec<ListedResource>, ProviderError> {
        let quoted: Vec<String> = types.iter().map(|t| kql(t)).collect();
        let query = format!(
            "resources | where type in~ ({}) | project id,name,type,location,resourceGroup,kind,tags | order by id asc",
            quoted.join(",")
        );
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self.graph_page(scope, &query, PAGE_ROWS, token.take()).await?;
            token = page.skip_token.filter(|t| !t.is_empty());
            all.extend(page.data.into_resources());
            if token.is_none() {
                if page.truncated.as_deref() == Some("true") {
                    tracing::warn!(%scope, "Resource Graph cut its answer without a next page: resources are missing");
                }
                return Ok(all);
            }
        }
        Err(failure(
            RESOURCE_GRAPH,
            scope,
            ErrorKind::BadResponse,
            format!("more than {MOST_PAGES} pages"),
        ))
    }

    async fn graph_page(
        &self,
        scope: &Scope,
        query: &str,
        top: u32,
        token: Option<String>,
    ) -> Result<GraphPage, ProviderError> {
        let mut options = serde_json::json!({ "resultFormat": "objectArray", "$top": top });
        if let (Some(token), Some(map)) = (token, options.as_object_mut()) {
            map.insert("$skipToken".to_owned(), token.into());
        }
        let body = serde_json::json!({ "subscriptions": [&*scope.0], "query": query, "options": options });
        let base = self.api.cloud().arm_base();
        let url = format!("{base}/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01");
        let body = Some(body.to_string().into_bytes());
        let ask = Ask {
            plane: Plane::Arm,
            operation: RESOURCE_GRAPH,
            scope,
            url,
            body,
            price: one_request(),
        };
        Ok(self.api.read(&ask).await?.0)
    }

    async fn listed(
        &self,
        scope: &Scope,
        types: &BTreeSet<String>,
    ) -> Result<Vec<ListedResource>, ProviderError> {
        let mut all = Vec::new();
        for kind in types {
            let filter = encode(&format!("resourceType eq '{}'", kind.replace('\'', "''")));
            let base = self.api.cloud().arm_base();
            let url =
                format!("{base}/subscriptions/{scope}/resources?api-version=2021-04-01&$filter={filter}");
            all.extend(self.pages::<ListedResource>(LIST_RESOURCES, scope, url).await?);
        }
        Ok(all)
    }

    /// All pages of an ARM list. A page may be empty and still have a next one; links are followed on our host only.
    async fn pages<T: serde::de::DeserializeOwned>(
        &self,
        operation: &'static str,
        scope: &Scope,
        first: String,
    ) -> Result<Vec<T>, ProviderError> {
        let host = url::Url::parse(&first).map(|u| u.origin()).ok();
        let mut all = Vec::new();
        let mut next = Some(first);
        for _ in 0..MOST_PAGES {
            let Some(url) = next.take() else { return Ok(all) };
            let ask = Ask {
                plane: Plane::Arm,
                operation,
                scope,
                url,
                body: None,
                price: one_request(),
            };
            let page: Page<T> = self.api.read(&ask).await?.0;
            all.extend(page.value);
            next = page.next_link.filter(|l| !l.is_empty());
            let elsewhere = next
                .as_deref()
                .is_some_and(|l| url::Url::parse(l).map(|u| u.origin()).ok() != host);
            if elsewhere {
                let words = "a next page on another host is not followed";
                return Err(failure(operation, scope, ErrorKind::BadResponse, words));
            }
        }
        Err(failure(
            operation,
            scope,
            ErrorKind::BadResponse,
            format!("more than {MOST_PAGES} pages"),
        ))
    }

    /// The definitions of one of `here`; a resource that is refused for its own sake is followed by the next. A passing
    /// failure is the scope's: a catalogue without this type would take its targets away.
    async fn definitions(
        &self,
        scope: &Scope,
        entry: &AzureEntry,
        here: &[Place],
    ) -> Result<Arc<Vec<Definition>>, ProviderError> {
        for place in here.iter().take(SAMPLES) {
            let url = format!(
                "{}{}/providers/Microsoft.Insights/metricDefinitions?api-version=2024-02-01&metricnamespace={}",
                self.api.cloud().arm_base(),
                path(&place.id),
                encode(&entry.resource_type),
            );
            let ask = Ask {
                plane: Plane::Arm,
                operation: DEFINITIONS,
                scope,
                url,
                body: None,
                price: one_request(),
            };
            match self.api.read::<Page<Definition>>(&ask).await {
                Ok((page, _)) => return Ok(Arc::new(page.value)),
                Err(e) if matches!(e.kind, ErrorKind::NotFound | ErrorKind::InvalidRequest) => {
                    tracing::debug!(error = %e, resource = %place.id, "no metric definitions here");
                }
                Err(e) => return Err(e),
            }
        }
        Ok(Arc::default())
    }
}

/// A resource that an entry wants.
#[derive(Clone, Debug)]
struct Place {
    id: Arc<str>,
    kind: String,
    tags: Vec<(String, String)>,
}

type Places = BTreeMap<(usize, String), Vec<Place>>;

/// Which resources each entry wants, by entry and region.
fn places(entries: &[AzureEntry], resources: &[ListedResource]) -> Places {
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

/// A string literal of Resource Graph's query language.
fn kql(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// As much of a subscription's id as tells it from the others.
fn short(id: &str, all: &[String]) -> String {
    let start: String = id.chars().take(SHORT_ID_CHARS).collect();
    let alike = all.iter().filter(|other| other.starts_with(&start)).count();
    if alike > 1 { id.to_owned() } else { start }
}

/// A catalogue in the making.
#[derive(Debug)]
struct Found {
    scope: Scope,
    short: String,
    definitions: BTreeMap<(String, String), Arc<Vec<Definition>>>,
    targets: Vec<Target>,
    known: HashSet<TargetId>,
    skipped: Vec<Skipped>,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            scope: Scope::new(""),
            short: String::new(),
            definitions: BTreeMap::new(),
            targets: Vec::new(),
            known: HashSet::new(),
            skipped: Vec::new(),
        }
    }
}

impl Found {
    fn add(
        &mut self,
        entry: &AzureEntry,
        which: &str,
        region: &str,
        here: &[Place],
        definitions: &[Definition],
        account: &Arc<str>,
    ) {
        if definitions.is_empty() {
            self.skip(&entry.resource_type);
        }
        let questions = questions(entry, &self.scope.0, region, definitions, &mut self.skipped);
        let asked = by_grain(questions);
        for place in here {
            let resource = Arc::new(Resource::new(attributes(
                entry,
                &self.scope,
                region,
                place,
                account,
            )));
            for (grain, questions) in &asked {
                let group = self.group(entry, which, region, *grain, questions);
                for question in questions {
                    self.target(place, &resource, &group, question);
                }
            }
        }
    }

    fn skip(&mut self, what: &str) {
        self.skipped.push(Skipped {
            reason: SkipReason::NoNumber,
            metric: what.into(),
            points: 0,
        });
    }

    fn target(&mut self, place: &Place, resource: &Arc<Resource>, group: &Group, question: &Arc<Question>) {
        let id = TargetId::of(&format!("{}|{}", place.id.to_ascii_lowercase(), question.key()));
        // Two entries may ask for the same; the first one's timing counts.
        if self.known.insert(id) {
            let detail = TargetDetail {
                id: place.id.clone(),
                resource: resource.clone(),
                question: question.clone(),
            };
            let series = question.series();
            self.targets.push(Target {
                id,
                group: group.clone(),
                series,
                detail: Arc::new(detail),
            });
        }
    }

    fn group(
        &self,
        entry: &AzureEntry,
        which: &str,
        region: &str,
        grain: Duration,
        questions: &[Arc<Question>],
    ) -> Group {
        let name = format!(
            "{} {region} {} {}s{which}",
            self.short,
            entry.resource_type,
            grain.as_secs()
        );
        let series = questions.iter().map(|q| q.series()).max().unwrap_or(1);
        Arc::new(GroupSpec {
            scope: self.scope.clone(),
            name: name.into(),
            namespace: entry.resource_type.as_str().into(),
            grain,
            on_grain: true,
            every: entry.every,
            settle: entry.settle,
            lookback: entry.lookback,
            initial: entry.initial,
            retention: RETENTION,
            longest_window: grain
                .saturating_mul((LONGEST_WINDOW_POINTS / series).max(1))
                .min(RETENTION),
        })
    }
}

/// Empty for the first entry of its type, ` #2` for the second, so that groups have different names.
fn ordinal(index: usize, entries: &[AzureEntry]) -> String {
    let Some(entry) = entries.get(index) else {
        return String::new();
    };
    let same = |e: &&AzureEntry| e.resource_type.eq_ignore_ascii_case(&entry.resource_type);
    let before = entries.iter().take(index).filter(same).count();
    if before == 0 {
        String::new()
    } else {
        format!(" #{}", before + 1)
    }
}

/// What two metrics must share to be asked for together.
type Shape = (Duration, BTreeSet<Aggregation>, Vec<Arc<str>>);

/// The questions of one entry for one type and region.
fn questions(
    entry: &AzureEntry,
    subscription: &Arc<str>,
    region: &str,
    definitions: &[Definition],
    skipped: &mut Vec<Skipped>,
) -> Vec<Question> {
    let mut shapes: BTreeMap<Shape, Vec<AskedMetric>> = BTreeMap::new();
    for d in definitions
        .iter()
        .filter(|d| Matcher::any(&entry.names, &d.name.value))
    {
        let name: Arc<str> = d.name.value.as_str().into();
        let (Some(grain), aggregations) = (grain(entry, d), aggregations(entry, d)) else {
            skipped.push(Skipped {
                reason: SkipReason::BadShape,
                metric: name,
                points: 0,
            });
            continue;
        };
        if aggregations.is_empty() {
            skipped.push(Skipped {
                reason: SkipReason::NoNumber,
                metric: name,
                points: 0,
            });
            continue;
        }
        let description = d.description.as_deref().unwrap_or_default().into();
        let metrics = shapes
            .entry((grain, aggregations, split_by(entry, d)))
            .or_default();
        if metrics.iter().all(|m| m.name != name) {
            metrics.push(AskedMetric { name, description });
        }
    }
    let mut all = Vec::new();
    for ((grain, aggregations, dimensions), mut metrics) in shapes {
        metrics.sort_by(|a, b| a.name.cmp(&b.name));
        for some in metrics.chunks(MOST_METRICS) {
            all.push(Question {
                subscription: subscription.clone(),
                region: region.into(),
                namespace: entry.resource_type.as_str().into(),
                grain,
                aggregations: aggregations.clone(),
                dimensions: dimensions.clone(),
                top: entry.top,
                metrics: some.to_vec(),
            });
        }
    }
    all
}

fn by_grain(questions: Vec<Question>) -> BTreeMap<Duration, Vec<Arc<Question>>> {
    let mut grains: BTreeMap<Duration, Vec<Arc<Question>>> = BTreeMap::new();
    for question in questions {
        grains.entry(question.grain).or_default().push(Arc::new(question));
    }
    grains
}

/// The entry's period where the metric is kept in it, else the metric's finest.
fn grain(entry: &AzureEntry, d: &Definition) -> Option<Duration> {
    let kept: BTreeSet<Duration> = d
        .availabilities
        .iter()
        .filter_map(|a| parse_iso(a.grain.as_deref().unwrap_or_default()))
        .collect();
    entry
        .period
        .filter(|p| kept.contains(p))
        .or_else(|| kept.first().copied())
}

/// What the entry asks for and the metric supports; by default the metric's primary aggregation.
fn aggregations(entry: &AzureEntry, d: &Definition) -> BTreeSet<Aggregation> {
    let supported: BTreeSet<Aggregation> = d.supported.iter().filter_map(|w| Aggregation::parse(w)).collect();
    if entry.aggregations.is_empty() {
        let primary = d.primary.as_deref().and_then(Aggregation::parse);
        return primary
            .or_else(|| supported.first().copied())
            .into_iter()
            .collect();
    }
    let asked = entry.aggregations.iter().filter_map(|w| Aggregation::parse(w));
    asked.filter(|a| supported.contains(a)).collect()
}

/// The entry's dimensions that the metric has, in the definition's spelling; a metric that demands one gets its first.
fn split_by(entry: &AzureEntry, d: &Definition) -> Vec<Arc<str>> {
    let asked = |name: &str| entry.dimensions.iter().any(|a| a.eq_ignore_ascii_case(name));
    let mut chosen: Vec<Arc<str>> = d
        .dimensions
        .iter()
        .filter(|n| asked(&n.value))
        .map(|n| n.value.as_str().into())
        .collect();
    if chosen.is_empty() && d.dimension_required {
        chosen.extend(d.dimensions.first().map(|n| Arc::from(n.value.as_str())));
    }
    chosen.sort();
    chosen
}

fn attributes(
    entry: &AzureEntry,
    scope: &Scope,
    region: &str,
    place: &Place,
    account: &Arc<str>,
) -> Attributes {
    let provider = entry.resource_type.split('/').next().unwrap_or_default();
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = vec![
        ("cloud.provider".into(), "azure".into()),
        ("cloud.account.id".into(), scope.0.clone()),
        ("cloud.region".into(), region.into()),
        ("cloud.resource_id".into(), place.id.clone()),
        ("azure.resource_provider.namespace".into(), provider.into()),
        ("nephoscope.account".into(), account.clone()),
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

    fn entry(resource_type: &str) -> AzureEntry {
        let minute = Duration::from_secs(60);
        AzureEntry {
            resource_type: resource_type.into(),
            names: Vec::new(),
            aggregations: Vec::new(),
            period: None,
            dimensions: Vec::new(),
            top: 100,
            tags: Vec::new(),
            copy_tags: vec!["team".into()],
            resource_groups: Vec::new(),
            regions: Vec::new(),
            every: minute,
            settle: minute,
            lookback: minute,
            initial: minute,
        }
    }

    fn definitions(json: serde_json::Value) -> Vec<Definition> {
        serde_json::from_value(json).expect("definitions")
    }

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
        wanted.resource_groups = vec![Matcher::exactly("rg")];
        let got = places(&[wanted], &listed);
        let here = &got[&(0, "westeurope".to_owned())];
        assert_eq!(here.len(), 1);
        assert!(here[0].id.ends_with("/storageAccounts/a/blobServices/default"));
        assert_eq!(here[0].tags, [("tag.team".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn questions_keep_unlike_metrics_apart() {
        let metric = |name: &str, supported: &[&str], grains: &[&str], dimension: Option<&str>| {
            let grains: Vec<_> = grains
                .iter()
                .map(|g| serde_json::json!({"timeGrain": g}))
                .collect();
            let dimensions: Vec<_> = dimension
                .iter()
                .map(|d| serde_json::json!({"value": d}))
                .collect();
            serde_json::json!({"name": {"value": name}, "primaryAggregationType": supported[0],
                "supportedAggregationTypes": supported, "metricAvailabilities": grains, "dimensions": dimensions})
        };
        let mut wanted = entry("Microsoft.Compute/virtualMachines");
        wanted.period = Some(Duration::from_secs(300));
        wanted.dimensions = vec!["lun".into()];
        let many = (0..25).map(|i| metric(&format!("m{i}"), &["Average", "Total"], &["PT1M", "PT5M"], None));
        let all: Vec<_> = many
            .chain([
                metric("disk", &["Total"], &["PT1M", "PT5M"], Some("LUN")),
                metric("size", &["Average"], &["PT1H"], None),
            ])
            .chain([metric("text", &["None"], &["PT5M"], None)])
            .collect();
        let mut skipped = Vec::new();
        let got = questions(&wanted, &"s".into(), "r", &definitions(all.into()), &mut skipped);
        let sizes: Vec<_> = got
            .iter()
            .map(|q| (q.grain.as_secs(), q.metrics.len(), q.filter()))
            .collect();
        let lun = Some("LUN eq '*'".to_owned());
        assert_eq!(
            sizes,
            [(300, 20, None), (300, 5, None), (300, 1, lun), (3_600, 1, None)]
        );
        assert_eq!(skipped.iter().map(|s| &*s.metric).collect::<Vec<_>>(), ["text"]);
    }

    #[test]
    fn recorded_definitions_become_questions() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/fixtures/azure/metric_definitions_vm.json"
        );
        let Ok(bytes) = std::fs::read(path) else {
            eprintln!("no fixtures: nothing asked");
            return;
        };
        let page: Page<Definition> = serde_json::from_slice(&bytes).expect("definitions");
        let mut wanted = entry("Microsoft.Compute/virtualMachines");
        wanted.names = vec![Matcher::new("*", |_| true)];
        let mut skipped = Vec::new();
        let got = questions(&wanted, &"s".into(), "r", &page.value, &mut skipped);
        assert_eq!(got.iter().map(|q| q.metrics.len()).sum::<usize>(), 39);
        assert!(skipped.is_empty() && got.iter().all(|q| q.metrics.len() <= MOST_METRICS));
    }

    #[test]
    fn input_is_escaped_and_ids_are_told_apart() {
        assert_eq!(kql(r"a'b\c"), r"'a\'b\\c'");
        let all = ["12345678-a".to_owned(), "12345678-b".to_owned(), "9".to_owned()];
        assert_eq!(
            (short(&all[0], &all), short(&all[2], &all)),
            (all[0].clone(), "9".to_owned())
        );
        assert_eq!(
            platform("Microsoft.Web/sites", "functionapp,linux"),
            Some("azure.functions")
        );
    }
}
