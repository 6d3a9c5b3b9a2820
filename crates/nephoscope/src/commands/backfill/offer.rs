//! What is said before anything is asked for: what it takes, what it costs, and what cannot be had.

use super::range::show;
use super::walk::{Known, Next, Walk};
use super::work::{due, known, plan};
use crate::commands::inventory::{Account, Group, Inventory};
use provider_api::{TargetId, UnixNanos};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use store::{Progress, Store};

/// Groups named in a refusal; the shortest memories first, and those decide.
const MOST_NAMED: usize = 20;

/// Hundredths of a cent in a dollar: a single call costs less than a cent.
const PARTS_PER_USD: u64 = 10_000;

/// Billionths of a dollar in such a part.
const NANOS_PER_PART: u64 = 1_000_000_000 / PARTS_PER_USD;

/// What one account, or all of them, takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Estimate {
    pub(super) targets: u64,
    pub(super) calls: u64,
    pub(super) usd_nanos: u64,
    pub(super) window: Option<(UnixNanos, UnixNanos)>,
}

impl Estimate {
    pub(super) fn add(&mut self, other: &Self) {
        self.targets += other.targets;
        self.calls += other.calls;
        self.usd_nanos += other.usd_nanos;
        let (ours, theirs) = (self.window, other.window);
        self.window = match (ours, theirs) {
            (Some((from, to)), Some((start, end))) => Some((from.min(start), to.max(end))),
            (ours, theirs) => ours.or(theirs),
        };
    }
}

/// Plays an account's rounds through as if each call succeeded.
pub(super) fn estimate(walk: &Walk, store: &Store, account: &Account) -> Estimate {
    let mut all = Estimate::default();
    for group in &account.groups {
        all.add(&of_group(walk, store, account, group));
    }
    all
}

fn of_group(walk: &Walk, store: &Store, account: &Account, group: &Group) -> Estimate {
    let provider = account.provider.as_ref();
    let start = |target| known(store, provider, target);
    let mut ahead: HashMap<TargetId, Known> = group.targets.iter().map(|t| (t.id, start(t))).collect();
    let mut all = Estimate::default();
    loop {
        let round = due(walk, group, |target| {
            ahead.get(&target.id).copied().unwrap_or_default()
        });
        if round.is_empty() {
            return all;
        }
        all.targets = all.targets.max(count(round.len()));
        for (lane, due) in &round {
            if let Some(known) = ahead.get_mut(&due.target.id) {
                *known = known.advance(*lane, due.window);
            }
        }
        for (_, call) in plan(provider, round) {
            all.add(&Estimate {
                targets: 0,
                calls: u64::from(call.price.requests.max(1)),
                usd_nanos: call.price.usd_nanos,
                window: Some((call.window.start(), call.window.end())),
            });
        }
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// The offer as a table.
pub(super) fn table(estimates: &[(String, Estimate)]) -> String {
    let mut total = Estimate::default();
    let mut text = format!(
        "{:<20} {:>9} {:>9} {:>12}  WINDOW\n",
        "ACCOUNT", "TARGETS", "CALLS", "PRICE"
    );
    for (name, estimate) in estimates {
        line(&mut text, name, estimate);
        total.add(estimate);
    }
    if estimates.len() > 1 {
        line(&mut text, "total", &total);
    }
    text
}

fn line(text: &mut String, name: &str, estimate: &Estimate) {
    let window = estimate.window.map_or_else(
        || "nothing left to fetch".to_owned(),
        |(from, to)| between(from, to),
    );
    // Writing to a String cannot fail.
    writeln!(
        text,
        "{name:<20} {:>9} {:>9} {:>12}  {window}",
        estimate.targets,
        estimate.calls,
        dollars(estimate.usd_nanos)
    )
    .ok();
}

fn between(from: UnixNanos, to: UnixNanos) -> String {
    format!("{} to {}", show(from), show(to))
}

/// At list price, to a hundredth of a cent.
pub(super) fn dollars(usd_nanos: u64) -> String {
    let parts = usd_nanos.div_ceil(NANOS_PER_PART);
    format!("${}.{:04}", parts / PARTS_PER_USD, parts % PARTS_PER_USD)
}

/// Which groups no longer keep the begin of the range; nothing when all do.
pub(super) fn too_early(walk: &Walk, inventory: &Inventory) -> Option<String> {
    let mut refused: Vec<(UnixNanos, String)> = groups(inventory)
        .filter(|(_, group)| walk.is_too_early(&group.spec))
        .map(|(account, group)| {
            let (keeps, earliest) = (group.spec.retention, walk.earliest(&group.spec));
            let name = format!("{account} {}", group.spec.name);
            (
                earliest,
                format!("{name:<60} {:>8}  {}", span(keeps.as_secs()), show(earliest)),
            )
        })
        .collect();
    refused.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let (earliest, _) = refused.first()?;
    let mut text = format!(
        "`--from` ({}) lies before what the clouds still keep:\n{:<60} {:>8}  EARLIEST\n",
        show(walk.range.from),
        "GROUP",
        "KEPT"
    );
    for (_, line) in refused.iter().take(MOST_NAMED) {
        writeln!(text, "{line}").ok();
    }
    if let Some(more) = refused.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        writeln!(text, "and {more} more groups").ok();
    }
    let earliest = show(*earliest);
    write!(
        text,
        "write `--from {earliest}`, which all keep, or add `--clip` to fetch of each group what there is"
    )
    .ok();
    Some(text)
}

fn span(seconds: u64) -> String {
    match seconds {
        0..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Why the range does not fit what was fetched before; nothing when it does.
pub(super) fn second_gap(walk: &Walk, store: &Store, inventory: &Inventory) -> Option<String> {
    let mut refused: BTreeMap<String, Progress> = BTreeMap::new();
    for account in &inventory.accounts {
        for group in &account.groups {
            let gap = group.targets.iter().find_map(|target| {
                match walk.next(&group.spec, &known(store, account.provider.as_ref(), target)) {
                    Next::SecondGap(taken) => Some(taken),
                    Next::Nothing | Next::Ask(..) => None,
                }
            });
            let name = || format!("{} {}", account.provider.account(), group.spec.name);
            refused.extend(gap.map(|taken| (name(), taken)));
        }
    }
    let (name, taken) = refused.first_key_value()?;
    let (start, end) = taken.ahead.first()?;
    Some(format!(
        "of {} groups, {name} for one, history has been fetched with one gap already, and a second cannot be remembered: \
         fetched are {} and {}; close the gap first (`--from {} --to {}`), then run this again",
        refused.len(),
        between(taken.since, taken.upto),
        between(start, end),
        show(taken.upto),
        show(start)
    ))
}

fn groups(inventory: &Inventory) -> impl Iterator<Item = (String, &Group)> {
    inventory.accounts.iter().flat_map(|account| {
        let name = account.provider.account().to_string();
        account.groups.iter().map(move |group| (name.clone(), group))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_shown_to_a_hundredth_of_a_cent() {
        assert_eq!(dollars(0), "$0.0000");
        assert_eq!(dollars(10_000), "$0.0001");
        assert_eq!(dollars(1_234_500_000), "$1.2345");
    }

    #[test]
    fn an_account_with_nothing_left_says_so() {
        let text = table(&[("prod".to_owned(), Estimate::default())]);
        assert!(text.contains("nothing left to fetch"), "{text}");
        assert!(!text.contains("total"), "{text}");
    }
}
