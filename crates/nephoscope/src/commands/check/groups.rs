//! Failures of the same kind told once, with whom they hit. Pure.

use super::report::{Outcome, Report, Row, Subject};
use std::collections::BTreeMap;

/// Rows of one outcome whose words differ only in names and numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    pub(super) outcome: Outcome,
    /// Everything that was tried, in the order of the rows.
    pub(super) tried: Vec<&'a str>,
    /// Whom it hits, in the order of the configuration, and where.
    pub(super) hit: Vec<(&'a Subject, Vec<&'a str>)>,
    /// The words of the first.
    pub(super) detail: &'a str,
    pub(super) remedy: Option<&'a str>,
}

impl Group<'_> {
    /// How many scopes it hits.
    pub(super) fn scopes(&self) -> usize {
        self.hit.iter().map(|(_, scopes)| scopes.len()).sum()
    }
}

/// All that has something to say, the worst first, and of the same outcome what hits most.
pub(super) fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut places: BTreeMap<(Outcome, &str, String, Option<&str>), usize> = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in report.rows.iter().filter(|row| says(row)) {
        let remedy = row.remedy.as_deref();
        let key = (row.outcome, row.subject.noun(), alike(row), remedy);
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Group {
                outcome: row.outcome,
                tried: Vec::new(),
                hit: Vec::new(),
                detail: &row.detail,
                remedy,
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            add(group, row);
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse((group.outcome, group.hit.len())));
    groups
}

fn says(row: &Row) -> bool {
    row.outcome != Outcome::Passed || !row.detail.is_empty()
}

fn add<'a>(group: &mut Group<'a>, row: &'a Row) {
    if !group.tried.contains(&row.tried.as_str()) {
        group.tried.push(&row.tried);
    }
    let scopes = match group.hit.last_mut() {
        Some((subject, scopes)) if *subject == &row.subject => scopes,
        _ => {
            group.hit.push((&row.subject, Vec::new()));
            let Some((_, scopes)) = group.hit.last_mut() else {
                return;
            };
            scopes
        }
    };
    if !scopes.contains(&row.scope.as_str()) {
        scopes.push(&row.scope);
    }
}

/// What is said; of a failure without what names one account: its own name and scope, and every word with a digit in it
/// (numbers, ids, ARNs, times). Elsewhere the numbers are what is to be known.
fn alike(row: &Row) -> String {
    if !row.outcome.fails() {
        return row.detail.clone();
    }
    let words = row.detail.split_whitespace().map(|word| {
        let own = [row.subject.name(), row.scope.as_str()];
        let names = own.iter().any(|name| name.len() > 1 && word.contains(name));
        if names || word.contains(|c: char| c.is_ascii_digit()) {
            "#"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// How many of each noun there are, and how many of them fail or are warned of, by their worst outcome.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) all: usize,
    pub(super) failing: BTreeMap<Outcome, usize>,
    pub(super) warned: usize,
    pub(super) rows: usize,
}

impl Tally {
    pub(super) fn failing(&self) -> usize {
        self.failing.values().sum()
    }
}

/// By noun, accounts first.
pub(super) fn tallies(report: &Report) -> BTreeMap<&'static str, Tally> {
    let mut worst: BTreeMap<&Subject, Outcome> = BTreeMap::new();
    let mut tallies: BTreeMap<&'static str, Tally> = BTreeMap::new();
    for row in &report.rows {
        let seen = worst.entry(&row.subject).or_default();
        *seen = (*seen).max(row.outcome);
        tallies.entry(row.subject.noun()).or_default().rows += 1;
    }
    for (subject, outcome) in worst {
        let tally = tallies.entry(subject.noun()).or_default();
        tally.all += 1;
        tally.warned += usize::from(outcome == Outcome::Warning);
        if outcome.fails() {
            *tally.failing.entry(outcome).or_default() += 1;
        }
    }
    tallies
}
