//! The inventory of a project: which metric types have had data in the last day, and which of them the configuration
//! wants. How a type is polled (grain, settle) comes from its descriptor unless the configuration says otherwise.
//!
//! `filters` narrows the listing down, `catalogue` chooses and `groups` says how to poll, all three purely.

mod catalogue;
mod filters;
mod groups;
mod target;

pub(crate) use filters::quoted;
pub(crate) use target::{GcpTarget, host};

use crate::GCP;
use crate::connection::Connection;
use catalogue::catalogue;
use filters::listings;
use gate::Request;
use google_cloud_api::model::MetricDescriptor;
use google_cloud_monitoring_v3::model::ListMetricDescriptorsResponse;
use provider_api::{Catalogue, ErrorKind, Pages, Price, ProviderError, Scope};
use std::collections::BTreeMap;

/// The operation that lists metric types.
pub(crate) const OPERATION: &str = "ListMetricDescriptors";

/// Google's own maximum, and default.
const PAGE_SIZE: i32 = 10_000;

/// A million metric types in one project is not an inventory but a loop.
const MAX_PAGES: u64 = 100;

/// Lists one project.
pub(crate) async fn project(connection: &Connection, project: &str) -> Result<Catalogue, ProviderError> {
    let mut found = BTreeMap::new();
    for filter in listings(&connection.config().entries) {
        list(connection, project, &filter, &mut found).await?;
    }
    let census = connection.census();
    census.sweep();
    Ok(catalogue(
        census,
        connection.config(),
        project,
        found.into_values(),
    ))
}

/// One cheap request that proves token and permission.
pub(crate) async fn probe(connection: &Connection, project: &str) -> Result<(), ProviderError> {
    page(connection, project, "", "", 1).await.map(drop)
}

async fn list(
    connection: &Connection,
    project: &str,
    filter: &str,
    found: &mut BTreeMap<String, MetricDescriptor>,
) -> Result<(), ProviderError> {
    let mut token = String::new();
    let mut pages = Pages::at_most(MAX_PAGES);
    loop {
        let answer = page(connection, project, filter, &token, PAGE_SIZE).await?;
        let before = found.len();
        found.extend(
            answer
                .metric_descriptors
                .into_iter()
                .map(|d| (d.r#type.clone(), d)),
        );
        let next = pages.follow(Some(&answer.next_page_token), found.len() > before);
        match next.map_err(|why| endless(project, why))? {
            Some(next) => token = next,
            None => return Ok(()),
        }
    }
}

fn endless(project: &str, message: String) -> ProviderError {
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
    let request = Request::new(Scope::new(project), OPERATION, Price::FREE);
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
