//! The daemon's own figures at `/metrics`: Prometheus text, or `OpenMetrics` for those who like it better. What they are
//! and how they are measured is [`crate::telemetry`]'s.

use super::api::form::liking;
use crate::clock::SystemClock;
use crate::live::Live;
use crate::telemetry::instruments::{About, Figure, Kind};
use crate::telemetry::measure::{Measured, Sample};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use export::prometheus::TextFormat;
use scheduler::Clock as _;
use std::fmt::Write as _;
use std::sync::Arc;

/// The format that the caller likes better.
pub(super) fn accepted(headers: &HeaderMap) -> TextFormat {
    let given = headers.get_all(header::ACCEPT).iter();
    let ranges: Vec<&str> = given
        .flat_map(|value| value.to_str().unwrap_or("").split(','))
        .map(str::trim)
        .collect();
    // What is only covered by `*/*` gets the plainer form.
    let open = liking(&ranges, "application/openmetrics-text");
    if open > 0 && open > liking(&ranges, "text/plain") {
        TextFormat::OpenMetrics
    } else {
        TextFormat::Prometheus
    }
}

/// An answer in that format.
pub(super) fn answer(format: TextFormat, body: String) -> Response {
    let media_type = match format {
        TextFormat::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        TextFormat::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    let types = [(header::CONTENT_TYPE, media_type), (header::VARY, "accept")];
    (types, body).into_response()
}

/// What stands behind `# HELP` and `# TYPE`, and the type.
fn headed(format: TextFormat, about: &About) -> (&'static str, &'static str) {
    let (name, kind) = (about.name, about.kind);
    match (format, kind) {
        (TextFormat::Prometheus, Kind::Info) => (name, Kind::Gauge.label()),
        (TextFormat::Prometheus, Kind::Counter) | (_, Kind::Gauge) => (name, kind.label()),
        (TextFormat::OpenMetrics, Kind::Info) => (name.trim_end_matches("_info"), kind.label()),
        // OpenMetrics knows no counter without this end.
        (TextFormat::OpenMetrics, Kind::Counter) => name
            .strip_suffix("_total")
            .map_or((name, "unknown"), |family| (family, kind.label())),
    }
}

/// The answer of `/metrics`.
pub(super) async fn show(Shared(live): Shared<Arc<Live>>, headers: HeaderMap) -> Response {
    let format = accepted(&headers);
    answer(format, render(&Measured::now(&live, SystemClock.now()), format))
}

fn render(measured: &Measured, format: TextFormat) -> String {
    let mut out = String::new();
    for (figure, samples) in &measured.0 {
        // Writing to a String cannot fail.
        family(&mut out, *figure, samples, format).ok();
    }
    if format == TextFormat::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn family(out: &mut String, figure: Figure, samples: &[Sample], format: TextFormat) -> std::fmt::Result {
    let about = figure.about();
    let (family, kind) = headed(format, &about);
    writeln!(out, "# HELP {family} {}", about.help)?;
    writeln!(out, "# TYPE {family} {kind}")?;
    for unit in ["seconds", "bytes"] {
        let ends = family.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'));
        if format == TextFormat::OpenMetrics && ends {
            writeln!(out, "# UNIT {family} {unit}")?;
        }
    }
    for sample in samples {
        let named = about.labels.iter().zip(&sample.labels);
        let labels: Vec<String> = named
            .map(|(name, text)| format!("{name}=\"{}\"", escaped(text)))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        writeln!(out, "{}{labels} {}", about.name, sample.value)?;
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::measure::Value;

    #[test]
    fn open_metrics_is_given_to_those_who_like_it_better() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, wanted) in [
            (prometheus, TextFormat::OpenMetrics),
            ("application/openmetrics-text", TextFormat::OpenMetrics),
            ("text/plain;version=0.0.4", TextFormat::Prometheus),
            ("text/plain, application/openmetrics-text", TextFormat::Prometheus),
            ("application/openmetrics-text;q=0, */*", TextFormat::Prometheus),
            ("*/*", TextFormat::Prometheus),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(accepted(&headers), wanted, "{accept}");
        }
        assert_eq!(accepted(&HeaderMap::new()), TextFormat::Prometheus);
    }

    #[test]
    fn a_family_in_both_forms() {
        let sample = Sample {
            labels: vec!["a \"b\"\\\n".to_owned()],
            value: Value::Real(1.5),
        };
        let text = |figure, format| {
            let mut out = String::new();
            family(&mut out, figure, std::slice::from_ref(&sample), format).unwrap();
            out
        };
        let wait = text(Figure::GateWait, TextFormat::OpenMetrics);
        assert!(
            wait.contains("# TYPE nephoscope_gate_wait_seconds unknown\n# UNIT"),
            "{wait}"
        );
        assert!(wait.ends_with("{account=\"a \\\"b\\\"\\\\\\n\"} 1.5\n"), "{wait}");
        let lost = text(Figure::LostSeconds, TextFormat::OpenMetrics);
        assert!(lost.contains("# TYPE nephoscope_lost_seconds counter"), "{lost}");
        assert!(lost.contains("\nnephoscope_lost_seconds_total{"), "{lost}");
        let lost = text(Figure::LostSeconds, TextFormat::Prometheus);
        assert!(
            lost.contains("# TYPE nephoscope_lost_seconds_total counter"),
            "{lost}"
        );
        let build = text(Figure::Build, TextFormat::OpenMetrics);
        assert!(build.contains("# TYPE nephoscope_build info"), "{build}");
    }
}
