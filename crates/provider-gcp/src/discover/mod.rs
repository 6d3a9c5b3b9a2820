//! The inventory of a project: which metric types have had data in the last day, or publish so rarely that they need not,
//! and which of them the configuration wants. How a type is polled (grain, settle) comes from its descriptor unless the
//! configuration says otherwise.
//!
//! `filters` narrows the listing down, `listing` reads it, `owners` says which entry reads what of a type, `catalogue` and
//! `groups` make targets of it, `matched` says what patterns fit.

mod catalogue;
mod filters;
mod groups;
mod listing;
mod matched;
mod owners;
mod target;

pub(crate) use catalogue::formerly;
pub(crate) use filters::quoted;
pub(crate) use listing::OPERATION;
pub(crate) use target::{GcpTarget, host};

use crate::connection::Connection;
use filters::prefixes;
use google_cloud_api::model::MetricDescriptor;
use listing::{Activity, list};
use provider_api::{
    Catalogue, ErrorKind, ProviderError, Scope, SkipReason, Skipped, Survey, Surveyed, Unlisted,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Google lists a type as active for about 25 hours after its last point.
const ACTIVE: Duration = Duration::from_secs(24 * 3_600);

/// A descriptor that does not say what it describes.
const NAMELESS: &str = "(without a type)";

/// A type that was found.
#[derive(Debug)]
pub(crate) struct Found {
    descriptor: MetricDescriptor,
    /// Whether it has had data lately.
    active: bool,
}

/// What was found of a project.
#[derive(Debug, Default)]
struct Listed {
    types: BTreeMap<String, Found>,
    /// Types whose descriptors could not be read.
    odd: BTreeSet<String>,
    /// Prefixes that could not be listed, or not to the end.
    failed: Vec<(String, ProviderError)>,
    /// Whether one could.
    answered: bool,
}

/// Lists one project, as far back as `reach`. A prefix that fails leaves the others alone.
pub(crate) async fn project(
    connection: &Connection,
    project: &str,
    reach: Duration,
) -> Result<Catalogue, ProviderError> {
    let entries = &connection.config().entries;
    // What is new, or is asked for anew, is looked back over by `initial`.
    let reach = entries
        .iter()
        .map(|entry| entry.initial)
        .fold(reach, Duration::max);
    let mut listed = Listed::default();
    for prefix in prefixes(entries) {
        match beginning(connection, project, &prefix, reach, &mut listed).await {
            Ok(()) => listed.answered = true,
            Err(error) if shuts_all(&error) => return Err(error),
            Err(error) => listed.failed.push((prefix, error)),
        }
    }
    let census = connection.census();
    census.sweep();
    let mut catalogue = catalogue::catalogue(census, connection.config(), project, listed.types.values());
    catalogue.skipped.extend(listed.odd.iter().map(|name| Skipped {
        reason: SkipReason::BadShape,
        metric: if name.is_empty() { NAMELESS } else { name }.into(),
        points: 0,
    }));
    catalogue.unlisted = unlisted(listed.failed, listed.answered)?;
    catalogue.matched = matched::matched(entries, &names(&listed.types));
    // A pattern in a part that failed may fit something.
    if catalogue.unlisted.is_empty() && catalogue.matched.iter().any(|one| one.count == 0) {
        let all = everything(connection, project).await;
        matched::name_nearest(&mut catalogue.matched, &names(&all));
    }
    Ok(catalogue)
}

/// One cheap request that proves token and permission; a type that may be asked for, if there is one.
pub(crate) async fn probe(connection: &Connection, project: &str) -> Result<Option<String>, ProviderError> {
    let prefixes = prefixes(&connection.config().entries);
    let first = prefixes.first().map(String::as_str).unwrap_or_default();
    listing::probe(connection, project, &filters::beginning(first)).await
}

/// All types with a prefix that may have points within `reach`.
async fn beginning(
    connection: &Connection,
    project: &str,
    prefix: &str,
    reach: Duration,
    listed: &mut Listed,
) -> Result<(), ProviderError> {
    let filter = filters::beginning(prefix);
    let lately = list(connection, project, &filter, Activity::Lately).await?;
    listed.odd.extend(lately.odd);
    let active = true;
    let found = |(name, descriptor)| (name, Found { descriptor, active });
    listed.types.extend(lately.found.into_iter().map(found));
    let ever = list(connection, project, &filter, Activity::Ever).await?;
    listed.odd.extend(ever.odd);
    for (name, descriptor) in ever.found {
        if reach > ACTIVE || groups::is_rare(&descriptor) {
            let active = false;
            let found = Found { descriptor, active };
            listed.types.entry(name).or_insert(found);
        }
    }
    Ok(())
}

/// All that is active, to offer names from; nothing if it cannot be had.
async fn everything(connection: &Connection, project: &str) -> BTreeMap<String, MetricDescriptor> {
    let all = list(connection, project, "", Activity::Lately).await;
    all.unwrap_or_default().found
}

/// What the account has: metric types with points lately, by project and service.
pub(crate) async fn everything_of(connection: &Connection) -> Survey {
    let mut survey = Survey {
        unit: "metric types",
        ..Survey::default()
    };
    for project in &connection.config().projects {
        match list(connection, project, "", Activity::Lately).await {
            Ok(all) => {
                let mut counts: BTreeMap<String, u64> = BTreeMap::new();
                for metric_type in all.found.keys() {
                    *counts.entry(host(metric_type).to_owned()).or_default() += 1;
                }
                survey
                    .found
                    .extend(counts.into_iter().map(|(kind, count)| Surveyed {
                        scope: Scope::new(project.as_str()),
                        entry: format!("- {{ types: [\"{kind}/*\"] }}"),
                        kind: kind.into(),
                        count,
                    }));
            }
            Err(error) => survey.failed.push(error),
        }
    }
    survey
}

fn names<T>(types: &BTreeMap<String, T>) -> Vec<&str> {
    types.keys().map(String::as_str).collect()
}

/// Whether the other prefixes would fail as well.
fn shuts_all(error: &ProviderError) -> bool {
    *error.kind() == ErrorKind::Unauthenticated || error.wait().is_some()
}

/// The parts that failed, by namespace. The whole project has failed when nothing was answered, or when a prefix that is
/// less than a namespace was not: what it would have found cannot be named.
fn unlisted(failed: Vec<(String, ProviderError)>, answered: bool) -> Result<Vec<Unlisted>, ProviderError> {
    let mut unlisted: Vec<Unlisted> = Vec::new();
    for (prefix, error) in failed {
        if !answered || !prefix.contains('/') {
            return Err(error);
        }
        let namespace = host(&prefix);
        if !unlisted.iter().any(|one| &*one.namespace == namespace) {
            unlisted.push(Unlisted {
                namespace: namespace.into(),
                error: Arc::new(error),
            });
        }
    }
    Ok(unlisted)
}
