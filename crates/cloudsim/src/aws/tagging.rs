//! `GetResources` of the tagging API: tagged resources by type and tag, in pages.

use super::answer::ApiError;
use super::catalog::Region;
use super::page;
use super::shapes::Resource;
use super::wire::Doc;

/// Resources on a page: at most, and unless asked otherwise.
const MAX_PAGE: i64 = 100;

/// Answers `GetResources`.
pub(super) fn get_resources(region: &Region, request: &Doc) -> Result<Doc, ApiError> {
    let per_page = request.int("ResourcesPerPage").unwrap_or(MAX_PAGE);
    if !(1..=MAX_PAGE).contains(&per_page) {
        return Err(ApiError::bad(
            "InvalidParameterException",
            "ResourcesPerPage must be between 1 and 100",
        ));
    }
    if request.list("ResourceTypeFilters").len() > 100 || request.list("TagFilters").len() > 50 {
        return Err(ApiError::bad("InvalidParameterException", "Too many filters"));
    }
    let fingerprint = page::fingerprint("gr", request, &["PaginationToken"]);
    let start = match request.str("PaginationToken").filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => page::open(token, fingerprint).ok_or_else(|| {
            ApiError::bad(
                "PaginationTokenExpiredException",
                "The pagination token is not valid",
            )
        })?[0],
    };
    let per_page = usize::try_from(per_page).unwrap_or(1);
    let mut items = Vec::new();
    let mut token = String::new();
    for (at, resource) in region.resources.iter().enumerate().skip(start) {
        if !wanted(resource, request) {
            continue;
        }
        if items.len() == per_page {
            token = page::seal(fingerprint, [at, 0]);
            break;
        }
        items.push(mapping(resource));
    }
    Ok(Doc::map([
        ("PaginationToken", Doc::text(token)),
        ("ResourceTagMappingList", Doc::List(items)),
    ]))
}

fn wanted(resource: &Resource, request: &Doc) -> bool {
    let kinds = request.list("ResourceTypeFilters");
    let of_a_kind = |kind: &Doc| {
        let Doc::Text(kind) = kind else { return false };
        resource.kind == kind
            || resource.kind.split(':').next() == Some(kind)
            || is_of_subtype(resource, kind)
    };
    let arns = request.list("ResourceARNList");
    let is_listed = |arn: &Doc| *arn == Doc::text(resource.arn.clone());
    (kinds.is_empty() || kinds.iter().any(of_a_kind))
        && (arns.is_empty() || arns.iter().any(is_listed))
        && request
            .list("TagFilters")
            .iter()
            .all(|filter| has_tag(resource, filter))
}

/// `elasticloadbalancing:loadbalancer/app` is narrower than the type, and stands in the ARN.
fn is_of_subtype(resource: &Resource, kind: &str) -> bool {
    let narrower = kind
        .strip_prefix(resource.kind)
        .and_then(|rest| rest.strip_prefix('/'));
    narrower.is_some_and(|sub| resource.arn.contains(&format!("/{sub}/")))
}

fn has_tag(resource: &Resource, filter: &Doc) -> bool {
    let values = filter.list("Values");
    let matches = |value: &str| values.is_empty() || values.contains(&Doc::text(value));
    resource
        .tags
        .iter()
        .any(|(key, value)| filter.str("Key") == Some(*key) && matches(value))
}

fn mapping(resource: &Resource) -> Doc {
    let tags = resource.tags.iter();
    let tags =
        tags.map(|(key, value)| Doc::map([("Key", Doc::text(*key)), ("Value", Doc::text(value.clone()))]));
    Doc::map([
        ("ResourceARN", Doc::text(resource.arn.clone())),
        ("Tags", Doc::List(tags.collect())),
    ])
}
