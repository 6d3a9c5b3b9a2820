//! The table as text: Prometheus' own format or `OpenMetrics`, families by name and series by their labels, so that equal
//! tables are equal texts.

use super::labels::escaped;
use super::select::Selector;
use super::table::{Data, Family, Histogram, Kind, Latest, Sample, Table};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::{Arc, MutexGuard};
use tokio::time::Instant;

const MILLIS_PER_SECOND: u64 = 1_000;

/// One of the two formats that scrapers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// `text/plain; version=0.0.4`.
    Prometheus,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

/// The newest points of all tables; with `selectors` those that one of them takes. A series that several tables have is
/// shown once.
pub fn federate(tables: &[Arc<Latest>], format: TextFormat, selectors: &[Selector]) -> String {
    let now = Instant::now();
    let tables: Vec<MutexGuard<'_, Table>> = tables.iter().map(|table| table.locked()).collect();
    let names: BTreeSet<&str> = tables
        .iter()
        .flat_map(|table| table.families.keys().map(String::as_str))
        .collect();
    let mut out = String::new();
    for name in names {
        let families: Vec<&Family> = tables
            .iter()
            .filter_map(|table| table.families.get(name))
            .collect();
        let writer = Writer {
            name,
            families: &families,
            format,
            selectors,
            now,
        };
        writer.family(&mut out);
    }
    if format == TextFormat::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

/// Writes one family.
struct Writer<'a> {
    name: &'a str,
    /// Of each table that has it.
    families: &'a [&'a Family],
    format: TextFormat,
    selectors: &'a [Selector],
    now: Instant,
}

impl Writer<'_> {
    fn family(&self, out: &mut String) {
        let Some(first) = self.families.first() else {
            return;
        };
        let mut lines = String::new();
        if first.kind != Kind::Interval {
            for (labels, sample) in self.samples() {
                self.sample(&mut lines, labels, sample, |_| true);
            }
            return self.put(out, self.name, first, first.kind, &lines);
        }
        for end in ["_bucket", "_count", "_sum"] {
            lines.clear();
            for (labels, sample) in self.samples() {
                self.sample(&mut lines, labels, sample, |of| of == end);
            }
            let name = format!("{}{end}", self.name);
            self.put(out, &name, first, Kind::Gauge, &lines);
        }
    }

    /// By labels.
    fn samples(&self) -> impl Iterator<Item = (&str, &Sample)> {
        let own = self.families.iter().enumerate().flat_map(|(i, family)| {
            let before = self.families.get(..i).unwrap_or_default();
            family
                .samples
                .iter()
                .filter(move |(labels, _)| !before.iter().any(|b| b.samples.contains_key(*labels)))
        });
        own.filter(|(_, sample)| sample.stays(self.now))
            .map(|(labels, sample)| (labels.as_str(), sample))
    }

    /// What stands before the lines, if there are any.
    fn put(&self, out: &mut String, name: &str, of: &Family, kind: Kind, lines: &str) {
        if lines.is_empty() {
            return;
        }
        let open = self.format == TextFormat::OpenMetrics;
        // OpenMetrics has the end on samples only.
        let family = if open && kind == Kind::Counter {
            name.strip_suffix("_total").unwrap_or(name)
        } else {
            name
        };
        let kind = match kind {
            Kind::Gauge | Kind::Interval => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Unknown if open => "unknown",
            Kind::Unknown => "untyped",
        };
        let help = if open {
            escaped(&of.help).into_owned()
        } else {
            of.help.replace('\\', "\\\\").replace('\n', "\\n")
        };
        let unit = format!("_{}", of.unit);
        // A String takes everything.
        write!(out, "# HELP {family} {help}\n# TYPE {family} {kind}\n").unwrap_or_default();
        if open && !of.unit.is_empty() && family.ends_with(&unit) {
            writeln!(out, "# UNIT {family} {}", of.unit).unwrap_or_default();
        }
        out.push_str(lines);
    }

    /// The lines of one sample whose ends are wanted.
    fn sample(&self, out: &mut String, labels: &str, sample: &Sample, wanted: impl Fn(&str) -> bool) {
        match &sample.data {
            Data::Real(value) => self.line(out, "", labels, value, sample),
            Data::Int(value) => self.line(out, "", labels, value, sample),
            Data::Histogram(h) => self.histogram(out, labels, h, sample, wanted),
        }
    }

    fn histogram(
        &self,
        out: &mut String,
        labels: &str,
        h: &Histogram,
        sample: &Sample,
        wanted: impl Fn(&str) -> bool,
    ) {
        if wanted("_bucket") {
            let infinite = std::iter::once("+Inf".to_owned());
            let bounds = h.bounds.iter().map(|bound| self.number(*bound)).chain(infinite);
            for (bound, count) in bounds.zip(&h.counts) {
                let comma = if labels.is_empty() { "" } else { "," };
                let labels = format!("{labels}{comma}le=\"{bound}\"");
                self.line(out, "_bucket", &labels, count, sample);
            }
        }
        if wanted("_sum")
            && let Some(sum) = h.sum
        {
            self.line(out, "_sum", labels, sum, sample);
        }
        if wanted("_count") {
            self.line(out, "_count", labels, h.count, sample);
        }
    }

    /// `OpenMetrics` wants bounds as floats.
    fn number(&self, bound: f64) -> String {
        let plain = bound.to_string();
        if self.format == TextFormat::OpenMetrics && !plain.contains('.') {
            format!("{plain}.0")
        } else {
            plain
        }
    }

    fn line(
        &self,
        out: &mut String,
        end: &str,
        labels: &str,
        value: impl std::fmt::Display,
        sample: &Sample,
    ) {
        let name = self.name;
        if !self.takes(end, labels) {
            return;
        }
        // A String takes everything.
        if labels.is_empty() {
            write!(out, "{name}{end} {value} ").unwrap_or_default();
        } else {
            write!(out, "{name}{end}{{{labels}}} {value} ").unwrap_or_default();
        }
        let ms = sample.time_ms;
        match self.format {
            TextFormat::Prometheus => writeln!(out, "{ms}"),
            TextFormat::OpenMetrics => {
                writeln!(out, "{}.{:03}", ms / MILLIS_PER_SECOND, ms % MILLIS_PER_SECOND)
            }
        }
        .unwrap_or_default();
    }

    fn takes(&self, end: &str, labels: &str) -> bool {
        if self.selectors.is_empty() {
            return true;
        }
        let name = format!("{}{end}", self.name);
        let takes = |selector: &Selector| selector.takes_name(&name) && selector.takes_labels(labels);
        self.selectors.iter().any(takes)
    }
}
