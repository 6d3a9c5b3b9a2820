//! What the patterns of an account's entries fit over all its scopes: one that fits nothing anywhere is a mistake that a
//! person is told of, with the nearest names that exist.

use provider_api::{Catalogue, Joined, MOST_NEAREST, Matched};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A pattern that fits nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The metric entry, by its place in the account's configuration, from 0.
    pub entry: usize,
    /// The key that the pattern stands under.
    pub key: &'static str,
    /// The pattern as it was written.
    pub pattern: Arc<str>,
    /// The nearest names that exist.
    pub nearest: Vec<Arc<str>>,
}

/// `metrics[1] names "CPU Usage" matches nothing; nearest: CPUUtilization`, entries counted from 0 as in the problems of a
/// configuration.
impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.entry;
        write!(
            f,
            "metrics[{entry}] {} \"{}\" matches nothing",
            self.key, self.pattern
        )?;
        if !self.nearest.is_empty() {
            write!(f, "; nearest: {}", self.nearest.join(", "))?;
        }
        Ok(())
    }
}

/// Entry, key and pattern.
type Place = (usize, &'static str, Arc<str>);

/// What each pattern fits, over scopes: how many things, and the nearest where there are none.
#[derive(Debug, Default)]
pub struct Matches {
    patterns: BTreeMap<Place, (u64, Vec<Arc<str>>)>,
    joined: BTreeMap<usize, Joined>,
}

impl Matches {
    /// Adds what a scope has.
    pub fn add(&mut self, scope: &Catalogue) {
        self.add_matched(&scope.matched);
        for one in &scope.joined {
            let all = self.joined.entry(one.entry).or_insert(Joined {
                entry: one.entry,
                ..Joined::default()
            });
            all.metrics += one.metrics;
            all.found += one.found;
            all.ambiguous += one.ambiguous;
        }
    }

    /// How the metrics of each entry with tags have found their resources.
    pub fn joined(&self) -> Vec<Joined> {
        self.joined.values().copied().collect()
    }

    fn add_matched(&mut self, scope: &[Matched]) {
        for one in scope {
            let key = (one.entry, one.key, Arc::clone(&one.pattern));
            let (count, nearest) = self.patterns.entry(key).or_default();
            *count += one.count;
            for name in &one.nearest {
                if nearest.len() < MOST_NEAREST && !nearest.contains(name) {
                    nearest.push(Arc::clone(name));
                }
            }
        }
    }

    /// The patterns that fit nothing in any scope, by entry. A narrower pattern of an entry of which a wider one (its
    /// namespace, its type) fits nothing is not told.
    pub fn unmatched(&self) -> Vec<Unmatched> {
        let nothing = |key: &&Place| self.patterns.get(*key).is_some_and(|(n, _)| *n == 0);
        let whole = |entry: usize| {
            let of_entry = self
                .patterns
                .iter()
                .filter(|((e, key, _), _)| *e == entry && is_wide(key));
            let mut counts = of_entry.map(|(_, (count, _))| *count).peekable();
            counts.peek().is_some() && counts.all(|count| count == 0)
        };
        self.patterns
            .keys()
            .filter(nothing)
            .filter(|(entry, key, _)| is_wide(key) || !whole(*entry))
            .map(|key| Unmatched {
                entry: key.0,
                key: key.1,
                pattern: Arc::clone(&key.2),
                nearest: self
                    .patterns
                    .get(key)
                    .map(|(_, nearest)| nearest.clone())
                    .unwrap_or_default(),
            })
            .collect()
    }
}

/// Whether a key says what an entry is about as a whole.
fn is_wide(key: &str) -> bool {
    matches!(key, "namespace" | "resource_type" | "types")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(entry: usize, key: &'static str, pattern: &str, count: u64, nearest: &[&str]) -> Matched {
        Matched {
            entry,
            key,
            pattern: pattern.into(),
            count,
            nearest: nearest.iter().map(|name| (*name).into()).collect(),
        }
    }

    #[test]
    fn only_what_fits_nowhere_is_told_and_the_widest_of_it() {
        let mut all = Matches::default();
        all.add_matched(&[
            matched(0, "namespace", "AWS/EC2", 4, &[]),
            matched(0, "names", "CPU Usage", 0, &["CPUUtilization"]),
            matched(0, "names", "Network*", 0, &[]),
            matched(1, "namespace", "AWS/EC3", 0, &["AWS/EC2"]),
            matched(1, "names", "CPUUtilization", 0, &[]),
        ]);
        all.add_matched(&[
            matched(0, "names", "Network*", 2, &[]),
            matched(0, "names", "CPU Usage", 0, &["CPUUtilization", "CPUCreditUsage"]),
        ]);
        let told: Vec<String> = all.unmatched().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "metrics[0] names \"CPU Usage\" matches nothing; nearest: CPUUtilization, CPUCreditUsage",
                "metrics[1] namespace \"AWS/EC3\" matches nothing; nearest: AWS/EC2",
            ]
        );
    }
}
