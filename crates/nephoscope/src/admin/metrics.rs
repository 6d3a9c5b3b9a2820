//! The daemon's own figures as Prometheus text.

use crate::clock::SystemClock;
use crate::live::Live;
use scheduler::{AccountProgress, Clock as _};
use std::fmt::Write as _;

/// All metrics of the moment.
pub(super) fn render(state: &Live) -> String {
    let mut out = Text::default();
    let version = env!("CARGO_PKG_VERSION");
    out.sample("build_info", "gauge", &[("version", version)], &1);
    let reloads = state.reloads();
    for (outcome, count) in [("ok", reloads.ok), ("refused", reloads.refused)] {
        let labels = [("outcome", outcome)];
        out.sample("config_reloads_total", "counter", &labels, &count);
    }
    gates(state, &mut out);
    accounts(state, &mut out);
    destinations(state, &mut out);
    let usage = state.store.usage();
    out.sample("store_bytes", "gauge", &[], &usage.spool_bytes);
    out.sample("spool_points", "gauge", &[], &usage.spool_points);
    out.sample("store_full", "gauge", &[], &u8::from(usage.full));
    out.sample("ledger_series", "gauge", &[], &usage.series);
    let now = SystemClock.now();
    for waiting in &usage.destinations {
        let labels = [("destination", waiting.name.as_str())];
        out.sample("spool_pending_bytes", "gauge", &labels, &waiting.pending_bytes);
        out.sample("spool_pending_points", "gauge", &labels, &waiting.pending_points);
        let lag = waiting.oldest_end.map_or(0, |oldest| now.since(oldest).as_secs());
        out.sample("destination_lag_seconds", "gauge", &labels, &lag);
        out.sample(
            "spool_dropped_points_total",
            "counter",
            &labels,
            &waiting.dropped_points,
        );
    }
    out.finish()
}

fn gates(state: &Live, out: &mut Text) {
    for gate in state.gates() {
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
        if let Some(ahead) = gate.skew().ahead_seconds(SystemClock.now()) {
            out.sample("clock_skew_seconds", "gauge", &[("account", &account)], &ahead);
        }
    }
}

fn accounts(state: &Live, out: &mut Text) {
    for account in state.progress.snapshot() {
        counters(&account, out);
        let labels = [("account", account.name.as_str())];
        out.sample("series_active", "gauge", &labels, &account.series);
        out.sample("targets", "gauge", &labels, &account.targets);
        out.sample("polls_in_flight", "gauge", &labels, &account.in_flight);
        groups(&account, out);
    }
    let skipped = state.progress.ticks_skipped();
    out.sample("ticks_skipped_total", "counter", &[], &skipped);
    for known in state.progress.namespaces() {
        let labels = [
            ("cloud", known.cloud),
            ("namespace", &*known.namespace),
            ("source", known.source.label()),
        ];
        out.sample("settle_seconds", "gauge", &labels, &known.settle.as_secs_f64());
    }
}

fn counters(account: &AccountProgress, out: &mut Text) {
    let labels = [("account", account.name.as_str())];
    for (name, value) in [
        ("polls_total", account.polls),
        ("points_collected_total", account.points),
        ("points_late_total", account.late),
        ("points_repeated_total", account.repeated),
        ("points_revised_total", account.revised),
        ("points_too_old_total", account.too_old),
        ("points_deferred_total", account.deferred),
        ("lost_seconds_total", account.lost_seconds),
        ("backlog_calls_total", account.backlog_windows),
    ] {
        out.sample(name, "counter", &labels, &value);
    }
    for (reason, points) in &account.skipped {
        let labels = [("account", account.name.as_str()), ("reason", reason)];
        out.sample("points_skipped_total", "counter", &labels, points);
    }
    for (kind, errors) in &account.errors {
        let labels = [("account", account.name.as_str()), ("kind", kind)];
        out.sample("poll_errors_total", "counter", &labels, errors);
    }
}

fn groups(account: &AccountProgress, out: &mut Text) {
    let now = SystemClock.now();
    for (name, group) in &account.groups {
        let labels = [("account", account.name.as_str()), ("group", name)];
        if let Some(newest) = group.newest {
            let age = now.since(newest).as_secs();
            out.sample("freshness_seconds", "gauge", &labels, &age);
        }
        out.sample("behind_seconds", "gauge", &labels, &group.behind.as_secs());
        out.sample("lookback_seconds", "gauge", &labels, &group.lookback.as_secs());
    }
}

fn destinations(state: &Live, out: &mut Text) {
    for destination in state.destinations() {
        let now = destination.stats.snapshot();
        let labels = [("destination", destination.name.as_str())];
        out.sample(
            "points_delivered_total",
            "counter",
            &labels,
            &now.delivered_points,
        );
        out.sample("points_rejected_total", "counter", &labels, &now.rejected_points);
        out.sample("points_dropped_total", "counter", &labels, &now.dropped_points);
        out.sample("destination_up", "gauge", &labels, &u8::from(now.up));
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
