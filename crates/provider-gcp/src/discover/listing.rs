//! One listing of metric descriptors, page by page.

use crate::GCP;
use crate::connection::Connection;
use crate::decode::{self, Descriptors};
use crate::http::Get;
use gate::Request;
use google_cloud_api::model::MetricDescriptor;
use provider_api::{ErrorKind, Pages, Price, ProviderError, Scope, TargetId};
use std::collections::{BTreeMap, BTreeSet};

/// The operation that lists metric types.
pub(crate) const OPERATION: &str = "ListMetricDescriptors";

/// Google's own maximum, and default.
const PAGE_SIZE: u32 = 10_000;

/// A million metric types in one project is not an inventory but a loop.
const MAX_PAGES: u64 = 100;

/// Which types to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// Those with data in the last day.
    Lately,
    /// All.
    Ever,
}

/// What was listed.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) found: BTreeMap<String, MetricDescriptor>,
    /// Types whose descriptors could not be read; empty for those without a name.
    pub(super) odd: BTreeSet<String>,
}

/// One listing to its end; begun anew once when a page token is refused (they expire).
pub(super) async fn list(
    connection: &Connection,
    project: &str,
    filter: &str,
    activity: Activity,
) -> Result<Listing, ProviderError> {
    let mut listing = Listing::default();
    let first = pages(connection, project, (filter, activity), &mut listing).await;
    if let Err(Broken::Token(_)) = first {
        pages(connection, project, (filter, activity), &mut listing).await?;
    } else {
        first?;
    }
    Ok(listing)
}

/// Why a listing has no end.
enum Broken {
    /// A page token was refused.
    Token(ProviderError),
    Other(ProviderError),
}

impl From<Broken> for ProviderError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Token(error) | Broken::Other(error) => error,
        }
    }
}

async fn pages(
    connection: &Connection,
    project: &str,
    (filter, activity): (&str, Activity),
    listing: &mut Listing,
) -> Result<(), Broken> {
    let mut token = String::new();
    let mut pages = Pages::at_most(MAX_PAGES);
    loop {
        let answer = page(connection, project, (filter, activity), &token, PAGE_SIZE).await;
        let of_token =
            |error: &ProviderError| *error.kind() == ErrorKind::InvalidRequest && !token.is_empty();
        let answer = answer.map_err(|error| {
            if of_token(&error) {
                Broken::Token(error)
            } else {
                Broken::Other(error)
            }
        })?;
        let before = listing.found.len();
        let named = answer.list.into_iter().map(|d| (d.r#type.clone(), d));
        listing.found.extend(named);
        listing.odd.extend(answer.odd);
        let next = pages.follow(Some(&answer.next), listing.found.len() > before);
        match next.map_err(|why| Broken::Other(endless(project, why)))? {
            Some(next) => token = next,
            None => return Ok(()),
        }
    }
}

fn endless(project: &str, message: String) -> ProviderError {
    let scope = Scope::new(project);
    ProviderError::new(GCP, OPERATION, scope, ErrorKind::BadResponse, message)
}

/// One cheap request that proves token and permission; a type with this prefix, if there is one.
pub(super) async fn probe(
    connection: &Connection,
    project: &str,
    filter: &str,
) -> Result<Option<String>, ProviderError> {
    let page = page(connection, project, (filter, Activity::Lately), "", 1).await?;
    let first = page.list.into_iter().next().map(|descriptor| descriptor.r#type);
    Ok(first.filter(|name| !name.is_empty()))
}

async fn page(
    connection: &Connection,
    project: &str,
    (filter, activity): (&str, Activity),
    token: &str,
    size: u32,
) -> Result<Descriptors, ProviderError> {
    let active = activity == Activity::Lately;
    let request = Request {
        domain: connection.domain(),
        question: Some(TargetId::of([OPERATION, filter, if active { "active" } else { "" }]).0),
        ..Request::new(Scope::new(project), OPERATION, Price::FREE)
    };
    let get = Get {
        project,
        list: "metricDescriptors",
        parameters: vec![
            ("filter", filter.to_owned()),
            ("activeOnly", active.to_string()),
            ("pageSize", size.to_string()),
            ("pageToken", token.to_owned()),
        ],
    };
    connection.ask(&request, &get, decode::descriptors).await
}
