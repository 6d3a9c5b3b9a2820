//! Whether a browser was led here by a page of another site. A daemon on loopback that asks nobody who they are would
//! otherwise do what any page that somebody on this machine looks at tells it to.
//!
//! A page cannot choose `Host`, `Origin` and `Sec-Fetch-Site`; programs that are not browsers send none of the last two.

use crate::admin::api::error::ApiError;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use std::net::IpAddr;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Names that lead to this machine whoever answers DNS.
#[derive(Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// `localhost`, addresses of loopback, and these.
    pub(super) fn new(more: &[String]) -> Self {
        Self(more.to_vec())
    }

    /// Refuses a name that somebody else's DNS may have led here.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        if host.is_some_and(|host| self.knows(without_port(host))) {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "host_not_allowed",
            "the header Host names neither localhost nor an address of this machine; a proxy's name is added with `api.hosts`",
        ))
    }

    fn knows(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let address = name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        name == "localhost"
            || name.ends_with(".localhost")
            || address.is_ok_and(|address| address.to_canonical().is_loopback())
            || self.0.contains(&name)
    }
}

/// Refuses what changes something when a page of another site asks for it.
pub(super) fn check(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    if method.is_safe() {
        return Ok(());
    }
    let host = text(header::HOST).unwrap_or("");
    let same_origin = text(header::ORIGIN).is_none_or(|origin| authority(origin) == Some(host));
    let same_site = text(FETCH_SITE).is_none_or(|site| matches!(site, "same-origin" | "none"));
    if same_origin && same_site {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "cross_origin",
        "a page of another site asks for this; only our own page may",
    ))
}

/// `https://host:port` without what stands before the host.
fn authority(origin: &str) -> Option<&str> {
    Some(origin.split_once("://")?.1)
}

fn without_port(host: &str) -> &str {
    let end = match host.rfind(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    host.get(..end).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_lead_here() {
        let hosts = Hosts::new(&["proxy.example.com".to_owned()]);
        for (host, allowed) in [
            ("localhost:9464", true),
            ("LOCALHOST", true),
            ("app.localhost", true),
            ("127.0.0.1:9464", true),
            ("127.9.9.9", true),
            ("[::1]:9464", true),
            ("proxy.example.com:80", true),
            ("evil.example.com:9464", false),
            ("localhost.example.com", false),
            ("192.0.2.1", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            assert_eq!(hosts.check(&headers).is_ok(), allowed, "{host}");
        }
        assert!(hosts.check(&HeaderMap::new()).is_err());
    }

    #[test]
    fn another_site_may_look_but_not_change() {
        let host = || (header::HOST, "localhost:9464".parse().unwrap());
        let from =
            |name: HeaderName, value: &str| HeaderMap::from_iter([host(), (name, value.parse().unwrap())]);
        for (headers, allowed) in [
            (HeaderMap::from_iter([host()]), true),
            (from(header::ORIGIN, "http://localhost:9464"), true),
            (from(FETCH_SITE, "same-origin"), true),
            (from(header::ORIGIN, "http://localhost:8000"), false),
            (from(header::ORIGIN, "https://evil.example.com"), false),
            (from(header::ORIGIN, "null"), false),
            (from(FETCH_SITE, "cross-site"), false),
            (from(FETCH_SITE, "same-site"), false),
        ] {
            assert_eq!(check(&Method::POST, &headers).is_ok(), allowed, "{headers:?}");
            assert!(check(&Method::GET, &headers).is_ok());
        }
    }
}
