//! What polling costs, by account and group, and what it would with other intervals. Pure.

use crate::commands::inventory::{Account, Group, Inventory};
use gate::{BudgetLimits, EntryLimit};
use provider_api::{Cloud, MetricsProvider, UnixNanos};
use scheduler::Daily;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Intervals to compare with.
pub(super) const INSTEAD: [(&str, Duration); 2] =
    [("1m", Duration::from_mins(1)), ("10m", Duration::from_mins(10))];

/// Targets and series, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) targets: u64,
    pub(super) series: u64,
    pub(super) daily: Daily,
    /// With the intervals of [`INSTEAD`].
    pub(super) instead: [Daily; INSTEAD.len()],
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.targets += other.targets;
        self.series += other.series;
        self.daily.add(other.daily);
        for (ours, theirs) in self.instead.iter_mut().zip(other.instead) {
            ours.add(theirs);
        }
    }
}

/// One group.
#[derive(Debug)]
pub(super) struct GroupCost {
    pub(super) name: String,
    /// The metric entry it belongs to, by its place in the account's configuration.
    pub(super) entry: usize,
    pub(super) every: Duration,
    pub(super) period: Duration,
    /// Oldest that the newest point is, just before the next poll, with the settle that is known before anything is learnt.
    pub(super) freshness: Duration,
    pub(super) sum: Sum,
}

/// A budget and what it has to pay for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budgeted {
    /// The metric entry whose budget it is; nothing for the account's.
    pub(super) entry: Option<String>,
    /// What a day may cost, in billionths of a US dollar.
    pub(super) limit: u64,
    /// What it would cost, at least.
    pub(super) needed: u64,
    /// Whether all that it pays for is known.
    pub(super) whole: bool,
}

impl Budgeted {
    /// How many times as long as configured the time between two polls gets; nothing when the budget is enough as far as
    /// is known.
    pub(super) fn stretched(&self) -> Option<f64> {
        let span = |nanos| Duration::from_nanos(nanos).as_secs_f64();
        (self.needed > self.limit).then(|| span(self.needed) / span(self.limit))
    }
}

/// One account.
#[derive(Debug)]
pub(super) struct AccountCost {
    pub(super) name: String,
    pub(super) cloud: Cloud,
    pub(super) groups: Vec<GroupCost>,
    pub(super) sum: Sum,
    /// Whether all of it could be listed; if not, its sum is the least that it can be.
    pub(super) whole: bool,
    pub(super) budgets: Vec<Budgeted>,
    /// What a person should know of its patterns.
    pub(super) remarks: Vec<String>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Costs {
    /// In the order of the inventory; those of which nothing could be listed come last.
    pub(super) accounts: Vec<AccountCost>,
    pub(super) sum: Sum,
}

impl Costs {
    /// Whether all of every account could be listed.
    pub(super) fn whole(&self) -> bool {
        self.accounts.iter().all(|account| account.whole)
    }

    /// `now` only places the windows; their lengths are what counts.
    pub(super) fn of(inventory: &Inventory, now: UnixNanos) -> Self {
        let failed: BTreeMap<&str, Cloud> = inventory
            .failed
            .iter()
            .map(|failed| (failed.account.as_str(), failed.error().cloud()))
            .collect();
        let listed = inventory.accounts.iter();
        let mut accounts: Vec<_> = listed
            .map(|one| account(one, !failed.contains_key(&*one.provider.account().0), now))
            .collect();
        let known: BTreeSet<String> = accounts.iter().map(|one| one.name.clone()).collect();
        let unknown = failed.into_iter().filter(|(name, _)| !known.contains(*name));
        accounts.extend(unknown.map(|(name, cloud)| unlisted(name, cloud)));
        let sum = total(accounts.iter().map(|a| &a.sum));
        Self { accounts, sum }
    }
}

/// All of them together.
pub(super) fn total<'a>(sums: impl Iterator<Item = &'a Sum>) -> Sum {
    sums.fold(Sum::default(), |mut all, one| {
        all.add(one);
        all
    })
}

fn unlisted(name: &str, cloud: Cloud) -> AccountCost {
    AccountCost {
        name: name.to_owned(),
        cloud,
        groups: Vec::new(),
        sum: Sum::default(),
        whole: false,
        budgets: Vec::new(),
        remarks: Vec::new(),
    }
}

fn account(account: &Account, whole: bool, now: UnixNanos) -> AccountCost {
    let provider = account.provider.as_ref();
    let groups: Vec<_> = account.groups.iter().map(|g| group(provider, g, now)).collect();
    let sum = total(groups.iter().map(|g| &g.sum));
    AccountCost {
        name: provider.account().to_string(),
        cloud: provider.cloud(),
        whole,
        budgets: budgets(&account.limits, &groups, &sum, whole),
        remarks: account.remarks(),
        groups,
        sum,
    }
}

fn budgets(limits: &BudgetLimits, groups: &[GroupCost], all: &Sum, whole: bool) -> Vec<Budgeted> {
    let account = limits.account.map(|limit| Budgeted {
        entry: None,
        limit,
        needed: all.daily.usd_nanos,
        whole,
    });
    let entry = |(place, entry): (usize, &EntryLimit)| {
        let of_entry = groups.iter().filter(|group| group.entry == place);
        Some(Budgeted {
            entry: Some(entry.name.to_string()),
            limit: entry.usd_nanos?,
            needed: of_entry.map(|group| group.sum.daily.usd_nanos).sum(),
            whole,
        })
    };
    let entries = limits.entries.iter().enumerate().filter_map(entry);
    account.into_iter().chain(entries).collect()
}

fn group(provider: &dyn MetricsProvider, group: &Group, now: UnixNanos) -> GroupCost {
    let spec = &group.spec;
    let daily = |every| Daily::of(provider, spec, &group.targets, every, now);
    let series = group.targets.iter().map(|t| u64::from(t.series)).sum();
    GroupCost {
        name: spec.name.to_string(),
        entry: spec.entry,
        every: spec.every,
        period: spec.grain,
        freshness: spec.settle + spec.grain + spec.every,
        sum: Sum {
            targets: u64::try_from(group.targets.len()).unwrap_or(u64::MAX),
            series,
            daily: daily(spec.every),
            instead: INSTEAD.map(|(_, every)| daily(every)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_is_too_small_stretches_the_polls() {
        let budget = |needed| Budgeted {
            entry: None,
            limit: 2_000_000_000,
            needed,
            whole: true,
        };
        assert_eq!(budget(2_000_000_000).stretched(), None);
        assert_eq!(budget(3_000_000_000).stretched(), Some(1.5));
    }
}
