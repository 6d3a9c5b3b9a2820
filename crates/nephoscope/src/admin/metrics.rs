//! The daemon's own figures as Prometheus text.

use super::State;
use crate::clock::SystemClock;
use scheduler::Clock as _;
use std::fmt::Write as _;

/// All metrics of the moment.
pub(super) fn render(state: &State) -> String {
    let mut out = Text::default();
    let version = env!("CARGO_PKG_VERSION");
    out.sample("build_info", "gauge", &[("version", version)], &1);
    gates(state, &mut out);
    accounts(state, &mut out);
    destinations(state, &mut out);
    let usage = state.store.usage();
    out.sample("store_bytes", "gauge", &[], &usage.spool_bytes);
    out.sample("spool_points", "gauge", &[], &usage.spool_points);
    out.finish()
}

fn gates(state: &State, out: &mut Text) {
    for gate in &state.gates {
        let (cloud, account) = (gate.cloud().as_str(), gate.account().to_string());
        let passed = gate.snapshot();
        for c in &passed.requests {
            let labels = [
                ("cloud", cloud),
                ("account", &account),
                ("operation", c.operation),
                ("outcome", c.outcome),
            ];
            out.sample("api_requests_total", "counter", &labels, &c.requests);
        }
        for (kind, retries) in &passed.retries {
            out.sample(
                "retries_total",
                "counter",
                &[("account", &account), ("kind", kind)],
                retries,
            );
        }
        let (whole, part) = (passed.usd_nanos / 1_000_000_000, passed.usd_nanos % 1_000_000_000);
        let labels = [("cloud", cloud), ("account", &account)];
        out.sample(
            "api_cost_usd_total",
            "counter",
            &labels,
            &format_args!("{whole}.{part:09}"),
        );
        let waited = passed.waited.as_secs_f64();
        out.sample("gate_wait_seconds", "counter", &[("account", &account)], &waited);
    }
}

fn accounts(state: &State, out: &mut Text) {
    let now = SystemClock.now();
    for account in state.progress.snapshot() {
        let labels = [("account", account.name.as_str())];
        out.sample("points_collected_total", "counter", &labels, &account.points);
        out.sample("points_late_total", "counter", &labels, &account.late);
        for (reason, points) in &account.skipped {
            let labels = [("account", account.name.as_str()), ("reason", reason)];
            out.sample("points_skipped_total", "counter", &labels, points);
        }
        for (kind, errors) in &account.errors {
            let labels = [("account", account.name.as_str()), ("kind", kind)];
            out.sample("poll_errors_total", "counter", &labels, errors);
        }
        out.sample("series_active", "gauge", &labels, &account.series);
        out.sample("targets", "gauge", &labels, &account.targets);
        if let Some(newest) = account.newest {
            out.sample(
                "freshness_seconds",
                "gauge",
                &labels,
                &now.since(newest).as_secs(),
            );
        }
    }
}

fn destinations(state: &State, out: &mut Text) {
    for (name, stats) in &state.destinations {
        let now = stats.snapshot();
        let labels = [("destination", name.as_str())];
        out.sample(
            "points_delivered_total",
            "counter",
            &labels,
            &now.delivered_points,
        );
        out.sample("points_rejected_total", "counter", &labels, &now.rejected_points);
        out.sample("points_dropped_total", "counter", &labels, &now.dropped_points);
        out.sample("destination_up", "gauge", &labels, &u8::from(now.up));
        let lag = now.lag(SystemClock.now()).as_secs();
        out.sample("destination_lag_seconds", "gauge", &labels, &lag);
    }
}

/// Samples grouped by metric, as the format wants them.
#[derive(Default)]
struct Text {
    families: indexmap::IndexMap<&'static str, String>,
}

impl Text {
    fn sample(
        &mut self,
        name: &'static str,
        kind: &str,
        labels: &[(&str, &str)],
        value: &dyn std::fmt::Display,
    ) {
        let family = self
            .families
            .entry(name)
            .or_insert_with(|| format!("# TYPE nephoscope_{name} {kind}\n"));
        let labels: Vec<String> = labels
            .iter()
            .map(|(k, v)| format!("{k}=\"{}\"", escaped(v)))
            .collect();
        let braces = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        // Writing to a String cannot fail.
        writeln!(family, "nephoscope_{name}{braces} {value}").ok();
    }

    fn finish(self) -> String {
        self.families.into_values().collect()
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
