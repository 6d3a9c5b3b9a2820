//! The inventory of a project: which metric types have had data in the last day, and which of them the configuration
//! wants. How a type is polled (grain, settle) comes from its descriptor unless the configuration says otherwise.

use crate::GCP;
use crate::config::{GcpConfig, GcpEntry, Matcher};
use crate::connection::Connection;
use gate::Request;
use google_cloud_api::model::MetricDescriptor;
use google_cloud_api::model::metric_descriptor::ValueType;
use google_cloud_monitoring_v3::model::ListMetricDescriptorsResponse;
use provider_api::{
    Catalogue, Detail, ErrorKind, Group, GroupSpec, Price, ProviderError, Scope, SkipReason, Skipped, Target,
    TargetId,
};
use std::any::Any;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The operation that lists metric types.
pub(crate) const OPERATION: &str = "ListMetricDescriptors";

/// Google's own maximum, and default.
const PAGE_SIZE: i32 = 10_000;

/// A million metric types in one project is not an inventory but a loop.
const MAX_PAGES: usize = 100;

/// More listings than this cost more than one listing of everything.
const MAX_LISTINGS: usize = 8;

/// Distance of points when the descriptor does not say: Google's usual one.
const DEFAULT_GRAIN: Duration = Duration::from_secs(60);

/// Delay when the descriptor does not say: "not visible for up to 240 seconds".
const DEFAULT_SETTLE: Duration = Duration::from_secs(240);

const DAY: Duration = Duration::from_secs(86_400);

/// Raw points of Google's own metrics are kept six weeks.
const RETENTION_DAYS: u32 = 42;

/// Raw points of users' metrics are kept 24 months.
const USER_RETENTION_DAYS: u32 = 730;

/// Hosts of the types that users write.
const USER_HOSTS: [&str; 4] = [
    "custom.googleapis.com",
    "external.googleapis.com",
    "workload.googleapis.com",
    "prometheus.googleapis.com",
];

/// A day and its delays in one read: price is by series, not by points, so longer reads are cheaper.
const LONGEST_WINDOW: Duration = Duration::from_secs(25 * 3_600);

/// What we know of a target: a metric type in a project.
#[derive(Debug)]
pub(crate) struct GcpTarget {
    pub(crate) project: Arc<str>,
    pub(crate) metric_type: Arc<str>,
    pub(crate) filter: Option<Arc<str>>,
    pub(crate) unit: Arc<str>,
    pub(crate) description: Arc<str>,
}

impl Detail for GcpTarget {
    fn describe(&self) -> String {
        match &self.filter {
            Some(filter) => format!("{} {filter}", self.metric_type),
            None => self.metric_type.to_string(),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Lists one project.
pub(crate) async fn project(connection: &Connection, project: &str) -> Result<Catalogue, ProviderError> {
    let mut found = BTreeMap::new();
    for filter in listings(&connection.config().entries) {
        list(connection, project, &filter, &mut found).await?;
    }
    Ok(catalogue(connection.config(), project, found.into_values()))
}

/// One cheap request that proves token and permission.
pub(crate) async fn probe(connection: &Connection, project: &str) -> Result<(), ProviderError> {
    page(connection, project, "", "", 1).await.map(drop)
}

/// The server-side filters that together find all that the patterns can match; one empty filter finds everything.
fn listings(entries: &[GcpEntry]) -> Vec<String> {
    let patterns: Vec<&Matcher> = entries.iter().flat_map(|e| &e.types).collect();
    let everything = vec![String::new()];
    let Some(mut prefixes) = patterns.iter().map(|m| m.prefix()).collect::<Option<Vec<&str>>>() else {
        return everything;
    };
    prefixes.sort_unstable();
    // Sorted, a prefix stands before all that begin with it.
    prefixes.dedup_by(|later, earlier| later.starts_with(*earlier));
    if prefixes.len() > MAX_LISTINGS {
        return everything;
    }
    prefixes
        .iter()
        .map(|p| format!("metric.type = starts_with({})", quoted(p)))
        .collect()
}

/// A string of Google's filter language.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

async fn list(
    connection: &Connection,
    project: &str,
    filter: &str,
    found: &mut BTreeMap<String, MetricDescriptor>,
) -> Result<(), ProviderError> {
    let mut token = String::new();
    let mut seen = HashSet::new();
    for _ in 0..MAX_PAGES {
        let answer = page(connection, project, filter, &token, PAGE_SIZE).await?;
        found.extend(
            answer
                .metric_descriptors
                .into_iter()
                .map(|d| (d.r#type.clone(), d)),
        );
        if answer.next_page_token.is_empty() {
            return Ok(());
        }
        if !seen.insert(answer.next_page_token.clone()) {
            return Err(endless(project, "a page token came twice"));
        }
        token = answer.next_page_token;
    }
    Err(endless(project, "the pages do not end"))
}

fn endless(project: &str, message: &str) -> ProviderError {
    ProviderError::new(
        GCP,
        OPERATION,
        Scope::new(project),
        ErrorKind::BadResponse,
        message,
    )
}

async fn page(
    connection: &Connection,
    project: &str,
    filter: &str,
    token: &str,
    size: i32,
) -> Result<ListMetricDescriptorsResponse, ProviderError> {
    let price = Price {
        requests: 1,
        units: 0,
        usd_nanos: 0,
    };
    let request = Request {
        scope: Scope::new(project),
        operation: OPERATION,
        price,
    };
    connection
        .ask(&request, |client| {
            client
                .list_metric_descriptors()
                .set_name(format!("projects/{project}"))
                .set_filter(filter)
                .set_active_only(true)
                .set_page_size(size)
                .set_page_token(token)
                .send()
        })
        .await
}

/// Pure: what of the found types the configuration wants, and how it is polled.
fn catalogue(
    config: &GcpConfig,
    project: &str,
    found: impl IntoIterator<Item = MetricDescriptor>,
) -> Catalogue {
    let mut catalogue = Catalogue {
        scope: Scope::new(project),
        targets: Vec::new(),
        skipped: Vec::new(),
    };
    let mut groups = HashMap::new();
    for descriptor in found {
        let wanted: Vec<_> = wanted_by(&config.entries, &descriptor.r#type).collect();
        if !wanted.is_empty() && !is_number(&descriptor.value_type) {
            let metric = Arc::from(descriptor.r#type.as_str());
            catalogue.skipped.push(Skipped {
                reason: SkipReason::NoNumber,
                metric,
                points: 0,
            });
            continue;
        }
        for (index, entry) in wanted {
            let spec = group(&catalogue.scope, index, entry, &descriptor);
            let group = groups
                .entry(spec.name.clone())
                .or_insert_with(|| Arc::new(spec))
                .clone();
            catalogue.targets.push(target(group, project, entry, &descriptor));
        }
    }
    catalogue
}

/// The entries that want a type. Of entries with the same filter the first one has it: the others would ask for the
/// same series again.
fn wanted_by<'a>(entries: &'a [GcpEntry], metric_type: &str) -> impl Iterator<Item = (usize, &'a GcpEntry)> {
    let mut filters = HashSet::new();
    let matching = |e: &&GcpEntry| e.types.iter().any(|m| m.matches(metric_type));
    let mut wanted = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if matching(&entry) && filters.insert(entry.filter.as_deref()) {
            wanted.push((index, entry));
        }
    }
    wanted.into_iter()
}

/// An unknown type of value may be a number: the points will tell.
fn is_number(value_type: &ValueType) -> bool {
    !matches!(value_type, ValueType::String | ValueType::Money)
}

fn group(scope: &Scope, index: usize, entry: &GcpEntry, descriptor: &MetricDescriptor) -> GroupSpec {
    let metadata = descriptor.metadata.as_ref();
    let time = |d: Option<google_cloud_wkt::Duration>| d.and_then(|d| Duration::try_from(d).ok());
    let grain = time(metadata.and_then(|m| m.sample_period))
        .filter(|d| !d.is_zero())
        .unwrap_or(DEFAULT_GRAIN);
    let documented = time(metadata.and_then(|m| m.ingest_delay)).unwrap_or(DEFAULT_SETTLE);
    let settle = entry.settle.unwrap_or(documented);
    let namespace = host(&descriptor.r#type);
    GroupSpec {
        scope: scope.clone(),
        name: group_name(scope, namespace, grain, settle, index).into(),
        namespace: namespace.into(),
        grain,
        on_grain: false,
        every: entry.every,
        settle,
        lookback: entry.lookback,
        initial: entry.initial,
        retention: retention(namespace),
        longest_window: LONGEST_WINDOW.max(grain),
    }
}

/// Unique: whatever tells two groups apart and is not the usual is said.
fn group_name(scope: &Scope, namespace: &str, grain: Duration, settle: Duration, index: usize) -> String {
    let settle = (settle != DEFAULT_SETTLE).then(|| format!(" settle {}s", settle.as_secs_f64()));
    let entry = (index > 0).then(|| format!(" #{}", index + 1));
    let grain = grain.as_secs_f64();
    format!(
        "{scope} {namespace} {grain}s{}{}",
        settle.unwrap_or_default(),
        entry.unwrap_or_default()
    )
}

/// The part before the first slash.
pub(crate) fn host(metric_type: &str) -> &str {
    metric_type.split('/').next().unwrap_or(metric_type)
}

fn retention(namespace: &str) -> Duration {
    DAY * if USER_HOSTS.contains(&namespace) {
        USER_RETENTION_DAYS
    } else {
        RETENTION_DAYS
    }
}

fn target(group: Group, project: &str, entry: &GcpEntry, descriptor: &MetricDescriptor) -> Target {
    let filter = entry.filter.as_deref();
    let id = TargetId::of(&format!(
        "{project}|{}|{}",
        descriptor.r#type,
        filter.unwrap_or_default()
    ));
    let description = [&descriptor.description, &descriptor.display_name]
        .into_iter()
        .find(|d| !d.is_empty());
    let detail = GcpTarget {
        project: project.into(),
        metric_type: descriptor.r#type.as_str().into(),
        filter: filter.map(Arc::from),
        unit: descriptor.unit.as_str().into(),
        description: description.map(String::as_str).unwrap_or_default().into(),
    };
    Target {
        id,
        group,
        series: 1,
        detail: Arc::new(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{descriptor, entry};
    use provider_api::AccountId;

    fn starting(prefix: &'static str) -> Matcher {
        Matcher::new(format!("{prefix}*"), Some(prefix), move |t| t.starts_with(prefix))
    }

    #[test]
    fn prefixes_become_filters() {
        let all = || Matcher::new("*", None, |_| true);
        let text = |p: &str| format!("metric.type = starts_with(\"{p}\")");
        for (types, wanted) in [
            (
                vec![starting("a/b"), starting("a/"), starting("c/")],
                vec![text("a/"), text("c/")],
            ),
            (vec![starting("a/"), all()], vec![String::new()]),
            (vec![starting("a\"")], vec![text("a\\\"")]),
            (vec![], vec![]),
        ] {
            assert_eq!(listings(&[GcpEntry { types, ..entry() }]), wanted);
        }
    }

    #[test]
    fn descriptors_become_targets_groups_and_skips() {
        let mut config = GcpConfig::new(AccountId("ml".into()), vec![]);
        let everything = || vec![Matcher::new("*", None, |_| true)];
        config.entries = vec![
            GcpEntry {
                types: vec![starting("compute.")],
                ..entry()
            },
            GcpEntry {
                types: everything(),
                ..entry()
            },
            GcpEntry {
                types: everything(),
                filter: Some("x = \"y\"".to_owned()),
                ..entry()
            },
        ];
        let found = [
            descriptor("compute.googleapis.com/a", "DOUBLE", Some(("60s", "240s"))),
            descriptor("custom.googleapis.com/b", "INT64", None),
            descriptor("compute.googleapis.com/slow", "INT64", Some(("300s", "600s"))),
            descriptor("compute.googleapis.com/words", "STRING", None),
        ];
        let catalogue = catalogue(&config, "p", found);
        let listed: Vec<_> = catalogue
            .targets
            .iter()
            .map(|t| (t.detail.describe(), t.group.name.to_string()))
            .collect();
        let listed: Vec<_> = listed.iter().map(|(d, n)| (d.as_str(), n.as_str())).collect();
        assert_eq!(
            listed,
            [
                ("compute.googleapis.com/a", "p compute.googleapis.com 60s"),
                (
                    "compute.googleapis.com/a x = \"y\"",
                    "p compute.googleapis.com 60s #3"
                ),
                ("custom.googleapis.com/b", "p custom.googleapis.com 60s #2"),
                (
                    "custom.googleapis.com/b x = \"y\"",
                    "p custom.googleapis.com 60s #3"
                ),
                (
                    "compute.googleapis.com/slow",
                    "p compute.googleapis.com 300s settle 600s"
                ),
                (
                    "compute.googleapis.com/slow x = \"y\"",
                    "p compute.googleapis.com 300s settle 600s #3"
                ),
            ]
        );
        let ids: HashSet<_> = catalogue.targets.iter().map(|t| t.id).collect();
        assert_eq!(ids.len(), 6);
        assert_eq!(catalogue.skipped.len(), 1);
        assert_eq!(catalogue.targets[2].group.retention, DAY * 730);
        assert_eq!(catalogue.targets[0].group.settle, Duration::from_secs(240));
    }
}
