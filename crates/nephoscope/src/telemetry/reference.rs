//! docs/metrics.md is written from the table of figures, and the table has what was promised.

use super::instruments::{Figure, Kind};
use export::prometheus::{Shape, label_name, metric_name};
use std::fmt::Write as _;

/// What people build dashboards and alerts on; each with the labels that it must have at least.
const PROMISED: &[(&str, &[&str])] = &[
    (
        "api_requests_total",
        &["cloud", "account", "operation", "outcome"],
    ),
    ("api_cost_usd_total", &["cloud", "account"]),
    ("points_collected_total", &[]),
    ("points_delivered_total", &["destination"]),
    ("points_skipped_total", &["reason"]),
    ("points_late_total", &[]),
    ("points_revised_total", &[]),
    ("series_active", &["account"]),
    ("targets", &["account"]),
    ("freshness_seconds", &["account", "group"]),
    ("settle_seconds", &["namespace"]),
    ("gate_wait_seconds", &[]),
    ("retries_total", &["kind"]),
    ("breaker_open", &["scope"]),
    ("budget_remaining_usd", &["account"]),
    ("store_bytes", &[]),
    ("spool_points", &[]),
    ("destination_lag_seconds", &["destination"]),
    ("destination_up", &["destination"]),
    ("ticks_skipped_total", &[]),
    ("clock_skew_seconds", &["account"]),
    ("config_reloads_total", &["outcome"]),
    ("build_info", &[]),
];

const INTRODUCTION: &str = "# Metrics of the daemon itself

At `/metrics`, as Prometheus text or, by `Accept`, as OpenMetrics. Written from the table in
`crates/nephoscope/src/telemetry/instruments.rs`; `UPDATE_EXPECT=1 cargo test -p nephoscope metrics_md` writes it anew.
By OTLP, in a back end with Prometheus' rules for names, they are called the same, with `job=\"nephoscope\"` and the host and port
as `instance`: alert rules and dashboard work with both.

Counters grow from zero at each start of the process. `nephoscope_gate_wait_seconds` is a counter without `_total` in its
name, which OpenMetrics does not know: there its type is `unknown`.

| name | type | unit | labels | what it is |
|---|---|---|---|---|
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for figure in Figure::ALL {
        let about = figure.about();
        let labels: Vec<String> = about.labels.iter().map(|label| format!("`{label}`")).collect();
        let unit = match about.unit {
            "" => String::new(),
            unit => format!("`{unit}`"),
        };
        writeln!(
            page,
            "| `{}` | {} | {unit} | {} | {} |",
            about.name,
            about.kind.label(),
            labels.join(" "),
            about.help
        )
        .unwrap();
    }
    page
}

#[test]
fn metrics_md_tells_of_every_figure() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page(),
        "docs/metrics.md is stale; `UPDATE_EXPECT=1 cargo test -p nephoscope metrics_md`"
    );
}

#[test]
fn what_was_promised_is_there() {
    for (name, labels) in PROMISED {
        let whole = format!("nephoscope_{name}");
        let found = Figure::ALL.iter().find(|figure| figure.about().name == whole);
        let about = found.unwrap_or_else(|| panic!("{whole} is missing")).about();
        for label in *labels {
            assert!(about.labels.contains(label), "{whole} without {label}");
        }
    }
}

#[test]
fn names_follow_the_rules_and_differ() {
    let mut names: Vec<&str> = Figure::ALL.iter().map(|figure| figure.about().name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    for figure in Figure::ALL {
        let about = figure.about();
        assert!(about.name.starts_with("nephoscope_") || about.name.starts_with("process_"));
        let total = about.name.ends_with("_total");
        let counter = about.kind == Kind::Counter;
        assert!(total == counter || *figure == Figure::GateWait, "{}", about.name);
        assert!(!about.help.ends_with('.'), "{}", about.name);
    }
}

/// What is sent by OTLP is named anew there, by its unit and kind.
#[test]
fn names_are_the_same_at_metrics_and_by_otlp() {
    for figure in Figure::ALL {
        let about = figure.about();
        let shape = match about.kind {
            Kind::Gauge | Kind::Info => Shape::Gauge,
            Kind::Counter if about.is_monotonic() => Shape::Counter,
            Kind::Counter => Shape::Other,
        };
        let name = metric_name(about.name, about.unit, shape);
        assert_eq!(name.as_deref(), Some(about.name));
        for label in about.labels {
            assert_eq!(label_name(label), *label);
        }
    }
}
