//! The series that are searched for among those whose recent points are held in memory, and the chart of one of them.

use super::chart::{Chart, Dot, of_day, spark};
use super::number::{drawn, exact, short, unit};
use super::query::Query;
use crate::overview::words::{count, span};
use crate::recent::{Held, Key, Recent, Sample};
use provider_api::{Series, SeriesId, UnixNanos};
use std::fmt::Write as _;
use std::ops::{Bound, ControlFlow};
use std::time::Duration;

/// Series that are listed; more are found by more words.
const SHOWN: usize = 20;

/// Points of the table below a chart.
const TABLE_ROWS: usize = 60;

/// Pixels of the chart in a wide window and on a phone: the labels keep their size in both.
const SIZES: [(&str, (i32, i32)); 2] = [("wide", (1_120, 260)), ("narrow", (320, 220))];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    /// How many there are, in words.
    pub(super) said: String,
    /// The chart.
    pub(super) shown: Option<Shown>,
}

/// One series in the list.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    /// What it is of.
    pub(super) of: String,
    pub(super) last: String,
    pub(super) newest: Option<UnixNanos>,
    pub(super) spark: Option<String>,
    /// Whether its chart is shown.
    pub(super) open: bool,
}

/// One series with its chart.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) of: String,
    pub(super) unit: String,
    /// The chart in words.
    pub(super) summary: String,
    /// Times and values for the script.
    pub(super) data: String,
    /// One for each width of window, by its class in the style sheet.
    pub(super) charts: Vec<(&'static str, Chart)>,
    /// The newest points.
    pub(super) rows: Vec<(UnixNanos, String)>,
}

impl Found {
    /// Searches. `known` is how many series the ledger has.
    pub(super) fn of(recent: &Recent, query: &Query, known: usize, now: UnixNanos) -> Self {
        let words: Vec<String> = query
            .q
            .to_lowercase()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let wanted = u128::from_str_radix(&query.series, 16).ok().map(SeriesId);
        let mut found = Self::default();
        let (mut fitting, mut held_series) = (0, 0);
        recent.walk(Bound::Unbounded, |key, held| {
            held_series += 1;
            let open = wanted == Some(key.id);
            if open {
                found.shown = Some(shown(held, now));
            }
            if fits(&held.series, &words) {
                fitting += 1;
                if found.rows.len() < SHOWN {
                    found.rows.push(row(key, held, open, now));
                }
            }
            ControlFlow::Continue(())
        });
        found.said = said(fitting, held_series, known, words.is_empty());
        found
    }
}

/// Every word is a part of its name, its labels or what it is of.
fn fits(series: &Series, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let spec = series.metric.spec();
    let mut text = format!("{} {} {}", spec.name, spec.cloud_name, spec.namespace);
    for (key, value) in series
        .attributes
        .iter()
        .chain(series.resource.attributes().iter())
    {
        text.extend([" ", key, "=", value]);
    }
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

fn said(fitting: usize, held: usize, known: usize, all: bool) -> String {
    let number = |n: usize| count(u64::try_from(n).unwrap_or(u64::MAX));
    let mut text = match (held, all) {
        (0, _) => return "No series has had a point since the daemon started.".to_owned(),
        (_, true) => format!("{} series with recent points", number(held)),
        (_, false) => format!(
            "{} of {} series with recent points fit",
            number(fitting),
            number(held)
        ),
    };
    if fitting > SHOWN {
        // Writing to a String cannot fail.
        write!(text, "; the first {SHOWN} by name").ok();
    }
    text.push('.');
    if known > held {
        let rest = number(known - held);
        write!(
            text,
            " {rest} more are known; they had no point since the start, or no room in memory."
        )
        .ok();
    }
    text
}

fn row(key: &Key, held: &Held, open: bool, now: UnixNanos) -> Row {
    let newest = held.ring.samples().next_back();
    Row {
        id: format!("{:032x}", key.id.0),
        name: key.name.to_string(),
        of: of(&held.series),
        last: newest.map_or_else(|| "–".to_owned(), |sample| last(held, sample)),
        newest: newest.map(|sample| sample.end),
        spark: spark(&dots(held), now.seconds()),
        open,
    }
}

fn last(held: &Held, sample: Sample) -> String {
    let value = format!(
        "{} {}",
        exact(sample.value),
        unit(&held.series.metric.spec().unit)
    );
    value.trim_end().to_owned()
}

/// Where it comes from and what tells it apart.
fn of(series: &Series) -> String {
    let resource = series.resource.attributes();
    let places = ["nephoscope.account", "cloud.region", "cloud.availability_zone"];
    let mut parts: Vec<String> = places
        .iter()
        .filter_map(|key| Some(resource.get(key)?.to_owned()))
        .collect();
    let id = resource.get("cloud.resource_id");
    parts.extend(id.and_then(|id| id.rsplit(['/', ':']).next()).map(str::to_owned));
    parts.extend(
        series
            .attributes
            .iter()
            .map(|(key, value)| format!("{key}={value}")),
    );
    parts.join(" · ")
}

fn dots(held: &Held) -> Vec<Dot> {
    let dot = |sample: Sample| Some((sample.end.seconds(), drawn(sample.value)?));
    held.ring.samples().filter_map(dot).collect()
}

fn shown(held: &Held, now: UnixNanos) -> Shown {
    let dots = dots(held);
    let unit = unit(&held.series.metric.spec().unit);
    let table = held.ring.samples().rev().take(TABLE_ROWS);
    Shown {
        name: held.series.metric.spec().name.to_string(),
        of: of(&held.series),
        summary: summary(&dots, &unit),
        unit,
        data: data(&dots),
        charts: SIZES
            .into_iter()
            .filter_map(|(class, size)| Some((class, Chart::new(&dots, now.seconds(), size)?)))
            .collect(),
        rows: table.map(|sample| (sample.end, last(held, sample))).collect(),
    }
}

fn data(dots: &[Dot]) -> String {
    dots.iter().fold(String::new(), |mut text, (second, value)| {
        // Writing to a String cannot fail.
        write!(text, "{second},{value};").ok();
        text
    })
}

/// What a picture would tell, in a sentence.
fn summary(dots: &[Dot], unit: &str) -> String {
    let (Some(first), Some(newest)) = (dots.first(), dots.last()) else {
        return String::new();
    };
    let lowest = dots.iter().map(|dot| dot.1).fold(f64::INFINITY, f64::min);
    let highest = dots.iter().map(|dot| dot.1).fold(f64::NEG_INFINITY, f64::max);
    let length = Duration::from_secs(u64::try_from(newest.0 - first.0).unwrap_or(0));
    let with_unit = |value: f64| format!("{} {unit}", short(value)).trim_end().to_owned();
    format!(
        "{} points over {}, from {} to {} UTC: lowest {}, highest {}, last {}.",
        dots.len(),
        span(length),
        of_day(first.0),
        of_day(newest.0),
        with_unit(lowest),
        with_unit(highest),
        with_unit(newest.1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recent::testing::{at, points};

    fn recent() -> Recent {
        let recent = Recent::new(1 << 20);
        let series: Vec<_> = (0..30)
            .map(|n| points(&format!("aws.ec2.m{n:02}"), &[60, 120, 180]))
            .collect();
        recent.record(&series, at(200));
        recent
    }

    fn search(query: &str) -> Found {
        Found::of(&recent(), &Query::parse(query), 40, at(240))
    }

    #[test]
    fn every_word_must_fit_somewhere() {
        assert_eq!(search("q=m07+PROD").rows.len(), 1);
        assert_eq!(search("q=instanceid%3Di-1+m0").rows.len(), 10);
        assert!(search("q=m07+nowhere").rows.is_empty());
    }

    #[test]
    fn it_says_how_many_there_are_and_what_cannot_be_found() {
        let found = search("");
        assert_eq!(found.rows.len(), SHOWN);
        assert_eq!(
            found.said,
            "30 series with recent points; the first 20 by name. 10 more are known; they had no point since the start, \
             or no room in memory."
        );
        assert!(
            search("q=m07")
                .said
                .starts_with("1 of 30 series with recent points fit.")
        );
        let none = Found::of(&Recent::new(0), &Query::parse(""), 0, at(0));
        assert!(none.said.starts_with("No series"));
    }

    #[test]
    fn a_chart_says_in_words_what_it_draws() {
        let id = search("q=m07").rows.remove(0).id;
        let found = search(&format!("q=m07&series={id}"));
        assert!(found.rows[0].open);
        let shown = found.shown.unwrap();
        assert_eq!(
            shown.summary,
            "3 points over 2 min, from 00:01 to 00:03 UTC: lowest 0.5 %, highest 0.5 %, last 0.5 %."
        );
        assert_eq!(shown.data, "60,0.5;120,0.5;180,0.5;");
        assert_eq!(shown.rows.first().map(|(time, _)| time.seconds()), Some(180));
        assert!(search("series=zz").shown.is_none());
    }
}
