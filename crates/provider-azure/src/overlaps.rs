//! Entries that ask for the same aggregations of the same metrics, as far as their patterns alone tell: the first has them.

use crate::config::AzureEntry;
use provider_api::Matcher;
use std::time::Duration;

/// Two entries of one type that meet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// The later one, by its place.
    pub(crate) entry: usize,
    /// What is said of it.
    pub(crate) detail: String,
}

/// Every entry that meets an earlier one, with the first that it meets.
pub(crate) fn overlaps(entries: &[AzureEntry]) -> Vec<Overlap> {
    let of = |(index, later): (usize, &AzureEntry)| {
        let mut earlier = entries.iter().enumerate().take(index);
        let detail = earlier.find_map(|(place, first)| detail(place, first, later))?;
        Some(Overlap { entry: index, detail })
    };
    entries.iter().enumerate().filter_map(of).collect()
}

fn detail(place: usize, first: &AzureEntry, later: &AzureEntry) -> Option<String> {
    if !first.resource_type.eq_ignore_ascii_case(&later.resource_type) || apart(first, later) {
        return None;
    }
    let aggregations = common(&first.aggregations, &later.aggregations)?;
    let names = shared(&first.names, &later.names)?;
    let of_type = &first.resource_type;
    Some(format!(
        "metrics[{place}] fits {names} of {of_type} as well{}: {aggregations} read for that entry, which comes first, and \
         not again for this one",
        differences(first, later)
    ))
}

/// What is said of aggregations that both ask for.
fn common(first: &[String], later: &[String]) -> Option<String> {
    if first.is_empty() || later.is_empty() {
        return Some("what both ask for is".to_owned());
    }
    let both = later
        .iter()
        .filter(|l| first.iter().any(|f| f.eq_ignore_ascii_case(l)));
    let both: Vec<&str> = both.map(String::as_str).collect();
    (!both.is_empty()).then(|| format!("{} is", both.join(", ")))
}

fn differences(first: &AzureEntry, later: &AzureEntry) -> String {
    let seconds =
        |period: Option<Duration>| period.map_or("by default".into(), |p| format!("{}s", p.as_secs()));
    let mut all = Vec::new();
    if first.period != later.period {
        all.push(format!(
            "period {} and {}",
            seconds(first.period),
            seconds(later.period)
        ));
    }
    let split = |entry: &AzureEntry| {
        let mut names: Vec<String> = entry.dimensions.iter().map(|d| d.to_lowercase()).collect();
        names.sort();
        names
    };
    if split(first) != split(later) {
        let said = |names: &[String]| {
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join("+")
            }
        };
        all.push(format!(
            "dimensions {} and {}",
            said(&first.dimensions),
            said(&later.dimensions)
        ));
    }
    if all.is_empty() {
        String::new()
    } else {
        format!(" ({})", all.join(", "))
    }
}

/// Whether no resource is in both.
fn apart(a: &AzureEntry, b: &AzureEntry) -> bool {
    let lists = |a: &[Matcher], b: &[Matcher]| {
        !a.is_empty() && !b.is_empty() && a.iter().all(|a| b.iter().all(|b| excludes(a, b)))
    };
    let tags = a.tags.iter().any(|(key, m)| {
        let other = b.tags.iter().find(|(other, _)| other.eq_ignore_ascii_case(key));
        other.is_some_and(|(_, other)| excludes(m, other))
    });
    tags || lists(&a.regions, &b.regions) || lists(&a.resource_groups, &b.resource_groups)
}

/// Whether one of them is a plain text that the other does not fit.
fn excludes(a: &Matcher, b: &Matcher) -> bool {
    (is_plain(a) && !b.matches(a.as_str())) || (is_plain(b) && !a.matches(b.as_str()))
}

/// Names that both lists fit, as far as that is certain.
fn shared(first: &[Matcher], later: &[Matcher]) -> Option<String> {
    match (first, later) {
        ([], []) => Some("all metrics".into()),
        ([], [name, ..]) | ([name, ..], []) => Some(format!("`{}`", name.as_str())),
        (first, later) => {
            let mut pairs = first.iter().flat_map(|a| later.iter().map(move |b| (a, b)));
            pairs
                .find_map(|(a, b)| both(a, b))
                .map(|name| format!("`{name}`"))
        }
    }
}

/// The narrower of two patterns, when it is certain that some name fits both.
fn both<'m>(a: &'m Matcher, b: &'m Matcher) -> Option<&'m str> {
    if is_plain(a) || is_plain(b) {
        let (plain, other) = if is_plain(a) { (a, b) } else { (b, a) };
        return other.matches(plain.as_str()).then_some(plain.as_str());
    }
    a.as_str().eq_ignore_ascii_case(b.as_str()).then_some(a.as_str())
}

/// Whether it fits its own text only, in any case.
fn is_plain(matcher: &Matcher) -> bool {
    matcher.prefix() == Some(matcher.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{entry, matcher};

    fn named(names: &[&str]) -> AzureEntry {
        let plain = |name: &&str| matcher(name).with_prefix(name);
        AzureEntry {
            names: names.iter().map(plain).collect(),
            ..entry("Microsoft.Compute/virtualMachines")
        }
    }

    fn said(first: &AzureEntry, later: &AzureEntry) -> Option<String> {
        overlaps(&[first.clone(), later.clone()]).pop().map(|o| o.detail)
    }

    #[test]
    fn what_a_later_entry_does_not_get_is_said() {
        let mut slow = named(&["Network In"]);
        slow.period = Some(Duration::from_secs(300));
        let words = said(&slow, &named(&[])).expect("they meet");
        assert_eq!(
            words,
            "metrics[0] fits `Network In` of Microsoft.Compute/virtualMachines as well (period 300s and by default): what \
             both ask for is read for that entry, which comes first, and not again for this one"
        );
        assert!(said(&named(&["network in"]), &slow).is_some(), "without case");
    }

    #[test]
    fn entries_that_cannot_meet_are_not_named() {
        let all = named(&[]);
        assert_eq!(said(&named(&["a"]), &named(&["b"])), None);
        assert_eq!(said(&all, &entry("Microsoft.Sql/servers")), None);
        let (mut here, mut there) = (all.clone(), all.clone());
        here.regions = vec![matcher("westeurope").with_prefix("westeurope")];
        there.regions = vec![matcher("eastus").with_prefix("eastus")];
        assert_eq!(said(&here, &there), None);
        let (mut mean, mut most) = (all.clone(), all.clone());
        (mean.aggregations, most.aggregations) = (vec!["Average".into()], vec!["Maximum".into()]);
        assert_eq!(said(&mean, &most), None);
        assert!(said(&mean, &all).is_some());
    }
}
