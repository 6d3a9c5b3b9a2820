//! Which kind of back end a URL looks like: by the names that only one service has, then by the paths and ports that a
//! kind comes with. Nothing is decided by it; it is for advice.

use super::Profile;
use url::Url;

/// Ends of host names that belong to one service.
const HOSTS: [(&str, Profile); 9] = [
    ("grafana.net", Profile::GrafanaCloud),
    ("datadoghq.com", Profile::Datadog),
    ("datadoghq.eu", Profile::Datadog),
    ("ddog-gov.com", Profile::Datadog),
    ("nr-data.net", Profile::NewRelic),
    ("honeycomb.io", Profile::Honeycomb),
    ("dynatrace.com", Profile::Dynatrace),
    ("dynatracelabs.com", Profile::Dynatrace),
    ("dynatrace-managed.com", Profile::Dynatrace),
];

/// Words by which people name a machine or a Kubernetes service.
const NAMES: [(&str, Profile); 7] = [
    ("victoria", Profile::Victoriametrics),
    ("vmsingle", Profile::Victoriametrics),
    ("vminsert", Profile::Victoriametrics),
    ("vmauth", Profile::Victoriametrics),
    ("mimir", Profile::Mimir),
    ("prometheus", Profile::Prometheus),
    ("collector", Profile::Collector),
];

/// Pieces of paths. The longer first: Prometheus' holds Mimir's.
const PATHS: [(&str, Profile); 5] = [
    ("/api/v1/otlp", Profile::Prometheus),
    ("/api/v2/otlp", Profile::Dynatrace),
    ("/opentelemetry", Profile::Victoriametrics),
    ("/insert/", Profile::Victoriametrics),
    ("/otlp", Profile::Mimir),
];

/// Ports that a kind listens on unless told otherwise.
const PORTS: [(u16, Profile); 5] = [
    (9090, Profile::Prometheus),
    (8428, Profile::Victoriametrics),
    (8480, Profile::Victoriametrics),
    (4317, Profile::Collector),
    (4318, Profile::Collector),
];

pub(super) fn of_endpoint(endpoint: &str) -> Option<Profile> {
    let url = match Url::parse(endpoint) {
        Ok(url) if url.has_host() => url,
        _ => Url::parse(&format!("http://{endpoint}")).ok()?,
    };
    let host = url.host_str().unwrap_or_default().to_lowercase();
    let of_service = |(end, _): &&(&str, Profile)| {
        let rest = host.strip_suffix(end);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let service = HOSTS.iter().find(of_service).map(|(_, profile)| *profile);
    let path = PATHS.iter().find(|(piece, _)| url.path().contains(piece));
    let name = NAMES.iter().find(|(word, _)| host.contains(word));
    let port = PORTS.iter().find(|(port, _)| url.port() == Some(*port));
    service
        .or(path.map(|(_, profile)| *profile))
        .or(name.map(|(_, profile)| *profile))
        .or(port.map(|(_, profile)| *profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_recognised_by_what_only_one_kind_has() {
        for (endpoint, want) in [
            (
                "https://otlp-gateway-prod-eu-west-2.grafana.net/otlp",
                Some(Profile::GrafanaCloud),
            ),
            (
                "https://otlp.us5.datadoghq.com/v1/metrics",
                Some(Profile::Datadog),
            ),
            ("https://otlp.eu01.nr-data.net:4318", Some(Profile::NewRelic)),
            ("https://api.eu1.honeycomb.io:443", Some(Profile::Honeycomb)),
            (
                "https://abc12345.live.dynatrace.com/api/v2/otlp",
                Some(Profile::Dynatrace),
            ),
            (
                "https://gate:9999/e/abc/api/v2/otlp/v1/metrics",
                Some(Profile::Dynatrace),
            ),
            ("http://10.0.0.7:9090", Some(Profile::Prometheus)),
            ("http://metrics/api/v1/otlp/v1/metrics", Some(Profile::Prometheus)),
            (
                "http://prometheus-server.monitoring.svc",
                Some(Profile::Prometheus),
            ),
            ("http://10.0.0.7:8428", Some(Profile::Victoriametrics)),
            ("http://h/insert/0/opentelemetry", Some(Profile::Victoriametrics)),
            ("http://h:8080/otlp", Some(Profile::Mimir)),
            ("127.0.0.1:4317", Some(Profile::Collector)),
            ("https://otlp.example.com", None),
            ("https://notdatadoghq.com", None),
            ("not a url", None),
        ] {
            assert_eq!(of_endpoint(endpoint), want, "{endpoint}");
        }
    }
}
