//! Which entry asks for which statistic of a metric: the first that fits it, and each statistic once.
//!
//! What two entries ask of one metric at one period is one target: its points are the same ones. It is polled with the
//! entry that asks more often, which costs nothing more (five statistics are billed as one), and is late for neither.

use crate::config::AwsEntry;
use std::time::Duration;

/// One target of a metric, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim<'a> {
    /// The entry that it is polled with, by its place.
    pub(super) entry: usize,
    pub(super) grain: Duration,
    pub(super) statistics: Vec<&'a str>,
    /// The entries that ask for some of the statistics.
    pub(super) askers: Vec<usize>,
    /// The statistics of each entry that fits, as format 3 named its target by them.
    pub(super) former: Vec<String>,
}

/// What the entries that fit a metric of this name, in their order, make of it.
pub(super) fn claims<'a>(entries: &'a [AwsEntry], fitting: &[usize], name: &str) -> Vec<Claim<'a>> {
    let mut claims: Vec<Claim<'a>> = Vec::new();
    let mut taken: Vec<&str> = Vec::new();
    for (index, entry) in fitting.iter().filter_map(|&i| Some((i, entries.get(i)?))) {
        let all = entry.statistics();
        let former = all.join(",");
        let left: Vec<&str> = all.into_iter().filter(|s| !taken.contains(s)).collect();
        taken.extend(&left);
        let grain = entry.grain_of(name);
        let claim = match claims.iter().position(|c| c.grain == grain) {
            Some(place) => claims.get_mut(place),
            None if left.is_empty() => None,
            None => {
                claims.push(Claim {
                    entry: index,
                    grain,
                    statistics: Vec::new(),
                    askers: Vec::new(),
                    former: Vec::new(),
                });
                claims.last_mut()
            }
        };
        if let Some(claim) = claim {
            claim.join(entries, index, left);
            claim
                .former
                .extend((entry.former_grain() == grain).then_some(former));
        }
    }
    claims
}

impl<'a> Claim<'a> {
    fn join(&mut self, entries: &[AwsEntry], index: usize, statistics: Vec<&'a str>) {
        if statistics.is_empty() {
            return;
        }
        let every = |i: usize| entries.get(i).map(|e| e.every);
        if every(index) < every(self.entry) {
            self.entry = index;
        }
        self.askers.push(index);
        self.statistics.extend(statistics);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::entry;

    const MINUTE: Duration = Duration::from_secs(60);

    fn asks(statistics: &[&str], period: Option<Duration>, every: Duration) -> AwsEntry {
        AwsEntry {
            statistics: statistics.iter().map(|&s| s.into()).collect(),
            period,
            every,
            ..entry("AWS/EC2")
        }
    }

    /// Place, period in minutes and statistics of each claim.
    fn of(entries: &[AwsEntry]) -> Vec<(usize, u64, Vec<&str>)> {
        let all: Vec<usize> = (0..entries.len()).collect();
        claims(entries, &all, "CPUUtilization")
            .into_iter()
            .map(|c| (c.entry, c.grain.as_secs() / 60, c.statistics))
            .collect()
    }

    #[test]
    fn the_first_entry_that_fits_has_the_statistic_and_nothing_is_asked_for_twice() {
        let five = Some(MINUTE * 5);
        for (entries, wanted) in [
            // The same again.
            (
                vec![asks(&[], None, MINUTE), asks(&["Average"], None, MINUTE)],
                vec![(0, 1, vec!["Average"])],
            ),
            // Another period: the first has it, and the catch-all does not count it a second time.
            (
                vec![asks(&["Sum"], five, MINUTE * 5), asks(&["Sum"], None, MINUTE)],
                vec![(0, 5, vec!["Sum"])],
            ),
            // What the first does not ask for is the second's.
            (
                vec![
                    asks(&["Sum"], five, MINUTE * 5),
                    asks(&["Average", "Sum"], None, MINUTE),
                ],
                vec![(0, 5, vec!["Sum"]), (1, 1, vec!["Average"])],
            ),
            // One period is one target, polled as often as the more frequent of the two.
            (
                vec![
                    asks(&["Sum"], None, MINUTE * 10),
                    asks(&["Maximum", "Sum"], None, MINUTE),
                ],
                vec![(1, 1, vec!["Sum", "Maximum"])],
            ),
            (
                vec![
                    asks(&["Sum"], None, MINUTE),
                    asks(&["Maximum"], None, MINUTE * 10),
                ],
                vec![(0, 1, vec!["Sum", "Maximum"])],
            ),
            // An entry that has nothing left to ask for does not make anything more frequent.
            (
                vec![asks(&["Sum"], None, MINUTE * 10), asks(&["Sum"], None, MINUTE)],
                vec![(0, 1, vec!["Sum"])],
            ),
        ] {
            assert_eq!(of(&entries), wanted);
        }
    }

    #[test]
    fn formerly_each_entry_had_a_target_of_its_own() {
        let entries = [
            asks(&["Sum", "Average"], None, MINUTE),
            asks(&["Average"], None, MINUTE),
            asks(&["p99"], Some(MINUTE * 5), MINUTE),
        ];
        let claims = claims(&entries, &[0, 1, 2], "CPUUtilization");
        let former: Vec<&[String]> = claims.iter().map(|c| c.former.as_slice()).collect();
        assert_eq!(
            former,
            [
                &["Sum,Average".to_owned(), "Average".to_owned()][..],
                &["p99".to_owned()]
            ]
        );
    }
}
