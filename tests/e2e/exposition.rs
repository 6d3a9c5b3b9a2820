//! Strict readers of Prometheus text and `OpenMetrics`, as far as we use them: families in one piece, their head before
//! their samples, no sample twice, names and labels well formed, and the ends that `OpenMetrics` demands.

use std::collections::{BTreeMap, BTreeSet};

/// Values by name and labels as written.
pub type Samples = BTreeMap<String, f64>;

/// What is read so far.
#[derive(Default)]
struct Reader {
    family: String,
    kind: String,
    seen: BTreeSet<String>,
    samples: Samples,
}

/// Reads text of version 0.0.4.
pub fn prometheus(text: &str) -> Result<Samples, String> {
    let mut reader = Reader::default();
    for line in whole_lines(text)? {
        reader.line(line, |family, kind| match kind {
            "histogram" => of_histogram(family),
            _ => vec![family.to_owned()],
        })?;
    }
    Ok(reader.samples)
}

/// Reads `OpenMetrics` 1.0.
pub fn open_metrics(text: &str) -> Result<Samples, String> {
    let body = text
        .strip_suffix("# EOF\n")
        .ok_or("it does not end with `# EOF`")?;
    let mut reader = Reader::default();
    for line in whole_lines(body)? {
        if let Some(about) = line.strip_prefix("# UNIT ") {
            let (family, unit) = about.split_once(' ').ok_or(line)?;
            check(
                family == reader.family && family.ends_with(&format!("_{unit}")),
                line,
            )?;
            continue;
        }
        reader.line(line, |family, kind| match kind {
            "counter" => vec![format!("{family}_total")],
            "info" => vec![format!("{family}_info")],
            "histogram" => of_histogram(family),
            _ => vec![family.to_owned()],
        })?;
    }
    Ok(reader.samples)
}

/// Whether a sample is of a counter, by its name.
pub fn counts(sample: &str) -> bool {
    sample
        .split('{')
        .next()
        .is_some_and(|name| name.ends_with("_total"))
}

fn of_histogram(family: &str) -> Vec<String> {
    ["bucket", "sum", "count"]
        .map(|end| format!("{family}_{end}"))
        .into()
}

fn whole_lines(text: &str) -> Result<std::str::Lines<'_>, String> {
    check(
        text.is_empty() || text.ends_with('\n'),
        "the last line has no end",
    )?;
    Ok(text.lines())
}

impl Reader {
    fn line(&mut self, line: &str, names: fn(&str, &str) -> Vec<String>) -> Result<(), String> {
        if let Some(about) = line.strip_prefix("# HELP ") {
            let (family, help) = about.split_once(' ').ok_or(line)?;
            check(
                named(family) && !help.is_empty() && self.seen.insert(family.to_owned()),
                line,
            )?;
            family.clone_into(&mut self.family);
            self.kind.clear();
            return Ok(());
        }
        if let Some(about) = line.strip_prefix("# TYPE ") {
            let (family, kind) = about.split_once(' ').ok_or(line)?;
            let known = ["counter", "gauge", "histogram", "info", "unknown"].contains(&kind);
            check(family == self.family && known && self.kind.is_empty(), line)?;
            kind.clone_into(&mut self.kind);
            return Ok(());
        }
        let (sample, value) = line.rsplit_once(' ').ok_or(line)?;
        let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
        check(
            !self.kind.is_empty() && names(&self.family, &self.kind).iter().any(|n| n == name),
            line,
        )?;
        labelled(labels).ok_or(line)?;
        let value: f64 = value.parse().map_err(|_| line)?;
        check(self.kind != "counter" || value >= 0.0, line)?;
        check(self.samples.insert(sample.to_owned(), value).is_none(), line)
    }
}

fn named(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `a="b",c="d"}` with nothing behind it.
fn labelled(mut rest: &str) -> Option<()> {
    if rest == "}" {
        return Some(());
    }
    loop {
        let (name, after) = rest.split_once("=\"")?;
        named(name).then_some(())?;
        let mut escaped = false;
        let end = after.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        rest = after.get(end + 1..)?;
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (rest == "}").then_some(()),
        }
    }
}

fn check(holds: bool, line: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("`{line}`")) }
}

#[test]
fn the_readers_are_strict() {
    let good = "# HELP a_total h\n# TYPE a_total counter\na_total{b=\"c \\\"d\\\"\"} 1\n";
    assert_eq!(prometheus(good).map(|s| s.len()), Ok(1));
    for bad in [
        "a 1\n",
        "# HELP a h\n# TYPE a gauge\na 1\na 1\n",
        "# HELP a h\n# TYPE a gauge\na{b=c} 1\n",
        "# HELP a h\n# TYPE a gauge\nb 1\n",
        "# HELP a h\n# TYPE a gauge\na one\n",
        "# HELP a h\n# TYPE a gauge\na 1",
        "# HELP a h\n# TYPE a counter\na -1\n",
    ] {
        assert!(prometheus(bad).is_err(), "{bad}");
    }
    let open = "# HELP a h\n# TYPE a counter\na_total 1\n# EOF\n";
    assert_eq!(open_metrics(open).map(|s| s.len()), Ok(1));
    assert!(open_metrics(&open.replace("a_total", "a")).is_err());
    assert!(open_metrics(&open.replace("# EOF\n", "")).is_err());
}
