//! The full URL that requests go to, from what the configuration says of it.
//!
//! An endpoint is a base, as `OTEL_EXPORTER_OTLP_ENDPOINT` is in the specification of OTLP's exporter: the signal's path
//! is appended, unless it is there already. A back end that takes OTLP below a path of its own (`/api/v1/otlp/v1/metrics`)
//! is described by that path; what the endpoint has of it already is not repeated.

use crate::config::Signal;
use reqwest::Url;

const METRICS: &str = "/v1/metrics";
const TRACES: &str = "/v1/traces";

/// Where requests of one signal go, below the host of the endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Path {
    /// `/v1/metrics` below the endpoint's own path.
    #[default]
    Standard,
    /// The back end's own path for metrics, below the endpoint's.
    Below(String),
    /// This path, whatever the endpoint's.
    Exactly(String),
}

/// `base` with the path of `signal`; its query stays, a fragment does not. Nothing is appended twice.
pub(crate) fn full(mut base: Url, path: &Path, signal: Signal) -> Url {
    let own = base.path().trim_end_matches('/');
    let metrics = match path {
        Path::Exactly(path) => path.clone(),
        _ if own.ends_with(METRICS) => own.to_owned(),
        Path::Standard => format!("{own}{METRICS}"),
        Path::Below(path) => below(own, path),
    };
    let path = match signal {
        Signal::Metrics => metrics,
        Signal::Traces => metrics.strip_suffix(METRICS).unwrap_or_default().to_owned() + TRACES,
    };
    base.set_path(&path);
    base.set_fragment(None);
    base
}

/// `own` and `path` joined, with the longest end of one that is a beginning of the other written once.
fn below(own: &str, path: &str) -> String {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let shared = ends.rev().find(|&at| own.ends_with(&path[..at])).unwrap_or(0);
    format!("{own}{}", &path[shared..])
}

/// A URL without what may be secret in it.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    // Both only fail for a URL that cannot have them.
    url.set_username("").ok();
    url.set_password(None).ok();
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(base: &str, path: &Path) -> String {
        full(base.parse().unwrap(), path, Signal::Metrics).into()
    }

    #[test]
    fn an_endpoint_is_a_base_unless_it_names_the_signal() {
        for (written, want) in [
            ("http://h:4318", "http://h:4318/v1/metrics"),
            ("http://h:4318/", "http://h:4318/v1/metrics"),
            ("https://h/api/v1/otlp", "https://h/api/v1/otlp/v1/metrics"),
            ("https://h/otlp/", "https://h/otlp/v1/metrics"),
            ("https://h/opentelemetry//", "https://h/opentelemetry/v1/metrics"),
            (
                "https://h/api/v2/otlp?tenant=a",
                "https://h/api/v2/otlp/v1/metrics?tenant=a",
            ),
            ("https://h/otlp/v1/metrics", "https://h/otlp/v1/metrics"),
            ("https://h/otlp/v1/metrics/", "https://h/otlp/v1/metrics"),
            ("https://h/v1/metrics/?key=b#top", "https://h/v1/metrics?key=b"),
            ("https://h/v1", "https://h/v1/v1/metrics"),
        ] {
            assert_eq!(metrics(written, &Path::Standard), want, "{written}");
        }
    }

    #[test]
    fn a_back_ends_own_path_is_completed_and_not_repeated() {
        let prometheus = Path::Below("/api/v1/otlp/v1/metrics".into());
        for (written, want) in [
            ("http://h:9090", "http://h:9090/api/v1/otlp/v1/metrics"),
            (
                "http://h:9090/api/v1/otlp",
                "http://h:9090/api/v1/otlp/v1/metrics",
            ),
            (
                "http://h:9090/api/v1/otlp/",
                "http://h:9090/api/v1/otlp/v1/metrics",
            ),
            (
                "http://h:9090/api/v1/otlp/v1/metrics",
                "http://h:9090/api/v1/otlp/v1/metrics",
            ),
            ("https://h/prom", "https://h/prom/api/v1/otlp/v1/metrics"),
            ("https://h/prom/api/v1", "https://h/prom/api/v1/otlp/v1/metrics"),
            (
                "https://h/api/v1/otlpx",
                "https://h/api/v1/otlpx/api/v1/otlp/v1/metrics",
            ),
        ] {
            assert_eq!(metrics(written, &prometheus), want, "{written}");
        }
    }

    #[test]
    fn a_path_that_is_written_is_taken_as_it_is() {
        let exactly = Path::Exactly("/v2/datapoint/otlp".into());
        assert_eq!(
            metrics("https://h/other?a=b", &exactly),
            "https://h/v2/datapoint/otlp?a=b"
        );
    }

    #[test]
    fn texts_show_no_secret_of_the_url() {
        let url = "https://me:hunter2@h/otlp/v1/metrics?key=hunter2"
            .parse()
            .unwrap();
        assert_eq!(shown(&url), "https://h/otlp/v1/metrics");
    }

    #[test]
    fn traces_go_beside_metrics() {
        for (written, path, want) in [
            ("http://h", Path::Standard, "/v1/traces"),
            ("http://h/otlp", Path::Standard, "/otlp/v1/traces"),
            ("http://h/otlp/v1/metrics", Path::Standard, "/otlp/v1/traces"),
            (
                "http://h",
                Path::Below("/otlp/v1/metrics".into()),
                "/otlp/v1/traces",
            ),
            ("http://h", Path::Exactly("/api/push".into()), "/v1/traces"),
        ] {
            let url = full(written.parse().unwrap(), &path, Signal::Traces);
            assert_eq!(url.path(), want, "{written}");
        }
    }
}
