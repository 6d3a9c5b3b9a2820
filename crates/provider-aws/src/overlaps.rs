//! Entries that ask for the same statistics of the same metrics, as far as their patterns alone tell: the first has them.

use crate::config::AwsEntry;
use provider_api::Matcher;
use std::time::Duration;

/// Two entries of one namespace that meet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// The later one, by its place.
    pub(crate) entry: usize,
    /// What is said of it.
    pub(crate) detail: String,
}

/// Every entry that meets an earlier one, with the first that it meets.
pub(crate) fn overlaps(entries: &[AwsEntry]) -> Vec<Overlap> {
    let of = |(index, later): (usize, &AwsEntry)| {
        let earlier = entries.iter().enumerate().take(index);
        let mut met = earlier.filter_map(|(place, first)| detail(place, first, later));
        Some(Overlap {
            entry: index,
            detail: met.next()?,
        })
    };
    entries.iter().enumerate().filter_map(of).collect()
}

fn detail(place: usize, first: &AwsEntry, later: &AwsEntry) -> Option<String> {
    let common: Vec<&str> = later
        .statistics()
        .into_iter()
        .filter(|s| first.statistics().contains(s))
        .collect();
    if first.namespace != later.namespace || common.is_empty() || apart(first, later) {
        return None;
    }
    let names = shared(&first.names, &later.names)?;
    let seconds =
        |period: Option<Duration>| period.map_or("by default".into(), |p| format!("{}s", p.as_secs()));
    let periods = if first.period == later.period {
        String::new()
    } else {
        format!(
            " (period {} and {})",
            seconds(first.period),
            seconds(later.period)
        )
    };
    let (namespace, common) = (&first.namespace, common.join(", "));
    let narrow = |e: &AwsEntry| !(e.dimensions.is_empty() && e.absent.is_empty() && e.tags.is_empty());
    let filters = if narrow(first) || narrow(later) {
        ", where dimensions and tags allow it"
    } else {
        ""
    };
    Some(format!(
        "metrics[{place}] fits {names} of {namespace} as well{filters}{periods}: {common} is read for that entry, which comes first, and not \
         again for this one"
    ))
}

/// Whether no metric can have the dimensions of both.
fn apart(a: &AwsEntry, b: &AwsEntry) -> bool {
    let forbids = |a: &AwsEntry, b: &AwsEntry| b.dimensions.iter().any(|(name, _)| a.absent.contains(name));
    let differs = |pairs: &[(String, Matcher)], others: &[(String, Matcher)]| {
        pairs.iter().any(|(name, m)| {
            let other = others.iter().find(|(other, _)| other == name);
            other.is_some_and(|(_, other)| excludes(m, other))
        })
    };
    forbids(a, b) || forbids(b, a) || differs(&a.dimensions, &b.dimensions) || differs(&a.tags, &b.tags)
}

/// Whether one of them is a plain text that the other does not fit.
fn excludes(a: &Matcher, b: &Matcher) -> bool {
    (is_plain(a) && !b.matches(a.as_str())) || (is_plain(b) && !a.matches(b.as_str()))
}

/// Names that both lists fit, as far as that is certain.
fn shared(first: &[Matcher], later: &[Matcher]) -> Option<String> {
    match (first, later) {
        ([], []) => Some("all metrics".into()),
        ([], [name, ..]) | ([name, ..], []) => Some(name.as_str().into()),
        (first, later) => {
            let mut pairs = first.iter().flat_map(|a| later.iter().map(move |b| (a, b)));
            pairs.find_map(|(a, b)| both(a, b)).map(str::to_owned)
        }
    }
}

/// The narrower of two patterns, when it is certain that some name fits both.
fn both<'m>(a: &'m Matcher, b: &'m Matcher) -> Option<&'m str> {
    let begins = |m: &'m Matcher| {
        m.as_str()
            .strip_suffix('*')
            .filter(|begin| m.prefix() == Some(*begin))
    };
    if is_plain(a) || is_plain(b) {
        let (plain, other) = if is_plain(a) { (a, b) } else { (b, a) };
        return other.matches(plain.as_str()).then_some(plain.as_str());
    }
    if a.as_str() == b.as_str() {
        return Some(a.as_str());
    }
    match (begins(a)?, begins(b)?) {
        (x, y) if x.starts_with(y) => Some(a.as_str()),
        (x, y) if y.starts_with(x) => Some(b.as_str()),
        _ => None,
    }
}

/// Whether it fits its own text only.
fn is_plain(matcher: &Matcher) -> bool {
    matcher.prefix() == Some(matcher.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::entry;

    fn glob(text: &'static str) -> Matcher {
        match text.strip_suffix('*') {
            Some(begin) => Matcher::new(text, move |name| name.starts_with(begin)).with_prefix(begin),
            None => Matcher::exactly(text),
        }
    }

    fn named(names: &[&'static str]) -> AwsEntry {
        AwsEntry {
            names: names.iter().map(|n| glob(n)).collect(),
            ..entry("AWS/EC2")
        }
    }

    fn of(first: AwsEntry, later: AwsEntry) -> Option<String> {
        overlaps(&[first, later]).pop().map(|o| o.detail)
    }

    #[test]
    fn what_two_entries_ask_for_is_told_when_it_is_certain() {
        for (first, later, wanted) in [
            (named(&[]), named(&[]), Some("all metrics")),
            (named(&["NetworkIn"]), named(&[]), Some("NetworkIn")),
            (
                named(&["CPU*", "Network*"]),
                named(&["NetworkIn"]),
                Some("NetworkIn"),
            ),
            (
                named(&["Network*"]),
                named(&["NetworkPackets*"]),
                Some("NetworkPackets*"),
            ),
            (named(&["Network*"]), named(&["Network*"]), Some("Network*")),
            (named(&["Network*"]), named(&["CPU*"]), None),
            (named(&["NetworkIn"]), named(&["NetworkOut"]), None),
            (named(&[]), entry("AWS/EBS"), None),
        ] {
            let told = of(first, later);
            let begin = wanted.map(|names| format!("metrics[0] fits {names} of AWS/EC2 as well:"));
            let fits = match (&told, &begin) {
                (Some(told), Some(begin)) => told.starts_with(begin),
                (told, begin) => told.is_none() && begin.is_none(),
            };
            assert!(fits, "{told:?} {begin:?}");
        }
    }

    #[test]
    fn entries_that_share_no_statistic_or_no_metric_are_not_told_of() {
        let with = |change: fn(&mut AwsEntry)| {
            let mut entry = entry("AWS/EC2");
            change(&mut entry);
            entry
        };
        let sum = || with(|e| e.statistics = vec!["Sum".into()]);
        let absent = || with(|e| e.absent = vec!["AvailabilityZone".into()]);
        let zone = || with(|e| e.dimensions = vec![("AvailabilityZone".into(), glob("*"))]);
        let tagged = |value| AwsEntry {
            tags: vec![("env".into(), glob(value))],
            ..entry("AWS/EC2")
        };
        assert_eq!(of(named(&[]), sum()), None);
        assert_eq!(of(absent(), zone()), None);
        assert_eq!(of(tagged("prod"), tagged("test")), None);
        assert!(of(tagged("prod"), tagged("pro*")).is_some() && of(zone(), named(&[])).is_some());
        let five = AwsEntry {
            period: Some(Duration::from_mins(5)),
            ..named(&["NetworkIn"])
        };
        let told = of(five, named(&[])).expect("told");
        assert!(
            told.contains("(period 300s and by default): Average is read"),
            "{told}"
        );
    }
}
