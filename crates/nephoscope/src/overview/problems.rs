//! What a person should know and act on, the worst first. Accounts with the same trouble are one problem: a revoked role
//! that a thousand accounts share is one thing to mend.

use super::account::{AccountRow, Trouble};
use super::destination::DestinationRow;
use super::state::{AccountState, DestinationState, Level};
use super::words::many;
use crate::live::LastReload;
use indexmap::IndexMap;
use intake::CLOCKS_APART;
use provider_api::UnixNanos;
use std::time::Duration;
use store::Usage;

/// Names that a problem spells out; the rest is in the table.
const NAMES_SHOWN: usize = 5;

/// Lines of a refused configuration that a problem spells out; the rest is in the log.
const LINES_SHOWN: usize = 10;

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// How much it matters.
    pub(crate) level: Level,
    /// What is wrong, as the first part of a sentence.
    pub(crate) title: String,
    /// How long it has been so.
    pub(crate) since: Option<Duration>,
    /// The words that came with it.
    pub(crate) text: String,
    /// What to do.
    pub(crate) remedy: String,
    /// The first accounts that have it, when there are several.
    pub(crate) names: Vec<String>,
    /// How many more have it.
    pub(crate) more: usize,
    /// Whether it passes by itself, so that nobody need act.
    pub(crate) passes: bool,
}

/// Finds them.
pub(super) fn find(accounts: &[AccountRow], destinations: &[DestinationRow], store: &Usage) -> Vec<Problem> {
    let mut all: Vec<Problem> = no_room(store, destinations).into_iter().collect();
    all.extend(destinations.iter().flat_map(of_destination));
    let mut alike: IndexMap<_, Vec<(&AccountRow, &Trouble)>> = IndexMap::new();
    for account in accounts {
        if let Some(trouble) = account.trouble.as_ref().filter(|t| t.lasts) {
            let key = (account.cloud, account.state, trouble.operation, &trouble.remedy);
            alike.entry(key).or_default().push((account, trouble));
        }
    }
    all.extend(alike.into_values().filter_map(|alike| of_accounts(&alike)));
    all.extend(nothing_to_poll(accounts));
    all.extend(unmatched(accounts));
    all.extend(clocks_apart(accounts));
    all.sort_by_key(|problem| problem.level);
    all
}

/// Polling waits for the disk, or for a destination whose part of the spool is full.
fn no_room(store: &Usage, destinations: &[DestinationRow]) -> Option<Problem> {
    let (text, remedy) = if store.full {
        let text = "The disk under `state.dir` is full. The clouds keep the points; they are fetched when there is room.";
        (text.to_owned(), "Free disk space. Polling resumes by itself.")
    } else if !store.has_room {
        let full = destinations.iter().filter(|row| row.fill >= 1.0);
        let names: Vec<&str> = full.take(NAMES_SHOWN).map(|row| row.name.as_str()).collect();
        let text = format!(
            "The spool for {} is full. The clouds keep the points; they are fetched when there is room.",
            names.join(", ")
        );
        let remedy = "Bring the destination back, raise its `spool_max`, or let it lose the oldest points \
                      (`on_full: drop_oldest`). Polling resumes by itself.";
        (text, remedy)
    } else {
        return None;
    };
    Some(Problem {
        level: Level::Bad,
        title: "There is no room: polling has paused".to_owned(),
        since: None,
        text,
        remedy: remedy.to_owned(),
        names: Vec::new(),
        more: 0,
        passes: false,
    })
}

/// The daemon goes on with an older configuration than the file has.
pub(super) fn of_reload(last: Option<&LastReload>, now: UnixNanos) -> Option<Problem> {
    let last = last?;
    let why = &last.outcome.as_ref().err()?.why;
    let shown: Vec<&str> = why.lines().take(LINES_SHOWN).collect();
    let more = why.lines().count() - shown.len();
    let rest = if more > 0 {
        format!("\nand {more} more")
    } else {
        String::new()
    };
    Some(Problem {
        level: Level::Warn,
        title: "The changed configuration was refused".to_owned(),
        since: Some(now.since(last.at)),
        text: shown.join("\n") + &rest,
        remedy: "The previous configuration stays in force. Fix the file, verify it with `nephoscope check --offline`, then \
                 reload."
            .to_owned(),
        names: Vec::new(),
        more: 0,
        passes: false,
    })
}

/// Several may be wrong with one: each has its own remedy.
fn of_destination(row: &DestinationRow) -> impl Iterator<Item = Problem> {
    let troubles = row.troubles().into_iter();
    troubles.filter_map(|(state, text)| {
        let what = match state {
            DestinationState::Held => "refuses all points: action required",
            DestinationState::Down => "is down",
            DestinationState::NoDeltas => "rejects delta points: action required",
            DestinationState::Refusing => "refuses some points",
            DestinationState::Losing => "has lost points",
            DestinationState::Behind => "is behind",
            DestinationState::Starting | DestinationState::Delivering => return None,
        };
        Some(Problem {
            level: state.level(),
            title: format!("Destination {} {what}", row.name),
            since: None,
            text,
            remedy: state.remedy(row.fill, row.lag)?,
            names: Vec::new(),
            more: 0,
            passes: false,
        })
    })
}

fn of_accounts(alike: &[(&AccountRow, &Trouble)]) -> Option<Problem> {
    let (first, trouble) = alike.first()?;
    let longest = alike.iter().filter_map(|(_, trouble)| trouble.since).max();
    let names: Vec<String> = alike.iter().map(|(account, _)| account.name.clone()).collect();
    Some(Problem {
        since: longest,
        text: trouble.text.clone(),
        remedy: trouble.remedy.clone(),
        ..gathered(first.state, &names)
    })
}

fn nothing_to_poll(accounts: &[AccountRow]) -> Option<Problem> {
    let empty = accounts.iter().filter(|a| a.state == AccountState::Empty);
    let names: Vec<String> = empty.map(|a| a.name.clone()).collect();
    (!names.is_empty()).then(|| Problem {
        text: "Everything was listed, and nothing of it fits the configuration.".to_owned(),
        remedy: "Compare this account's entries (names, tags, regions, subscriptions, projects) with what `nephoscope \
                 discover` lists."
            .to_owned(),
        ..gathered(AccountState::Empty, &names)
    })
}

/// Patterns of one account each: the next one's are others.
fn unmatched(accounts: &[AccountRow]) -> impl Iterator<Item = Problem> {
    let some = |a: &&AccountRow| !a.progress.unmatched.is_empty() && a.state != AccountState::Empty;
    accounts.iter().filter(some).map(|account| {
        let all = &account.progress.unmatched;
        let mut lines: Vec<String> = all.iter().take(LINES_SHOWN).map(ToString::to_string).collect();
        if let Some(more) = all.len().checked_sub(LINES_SHOWN).filter(|more| *more > 0) {
            lines.push(format!("and {more} more"));
        }
        Problem {
            level: Level::Warn,
            title: format!(
                "{}: {} of its entries match nothing",
                account.name,
                many(all.len(), "pattern")
            ),
            since: None,
            text: lines.join("\n"),
            remedy:
                "Correct or remove these patterns (compare with `nephoscope discover --all`), then reload."
                    .to_owned(),
            names: Vec::new(),
            more: 0,
            passes: false,
        }
    })
}

/// One clock is this machine's: however many accounts see it, it is one problem.
fn clocks_apart(accounts: &[AccountRow]) -> Option<Problem> {
    let apart = |a: &&AccountRow| {
        a.skew_s
            .is_some_and(|s| s.unsigned_abs() >= CLOCKS_APART.as_secs())
    };
    let apart: Vec<&AccountRow> = accounts.iter().filter(apart).collect();
    let seconds = apart.first()?.skew_s?;
    let side = if seconds > 0 { "behind" } else { "ahead of" };
    Some(Problem {
        level: Level::Warn,
        title: format!("This machine's clock is {} s {side} the clouds'", seconds.unsigned_abs()),
        since: None,
        text: "Points are asked for by the clouds' clocks, so none is missed; but requests are refused when a clock is \
               too wrong."
            .to_owned(),
        remedy: "Set the clock, for example with chrony or systemd-timesyncd (`timedatectl set-ntp true`).".to_owned(),
        names: apart.iter().take(NAMES_SHOWN).map(|a| a.name.clone()).collect(),
        more: apart.len().saturating_sub(NAMES_SHOWN),
        passes: false,
    })
}

/// One account by its name, several by their number.
fn gathered(state: AccountState, names: &[String]) -> Problem {
    let title = match names {
        [one] => format!("{one}: {}", state.label()),
        several => format!("{}: {}", many(several.len(), "account"), state.label()),
    };
    let shown = if names.len() == 1 {
        0
    } else {
        names.len().min(NAMES_SHOWN)
    };
    Problem {
        level: state.level(),
        title,
        since: None,
        text: String::new(),
        remedy: String::new(),
        names: names.iter().take(shown).cloned().collect(),
        more: names.len().saturating_sub(shown.max(1)),
        passes: matches!(state, AccountState::Waiting | AccountState::OverBudget),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str, why: &str) -> AccountRow {
        AccountRow::not_connected(name.to_owned(), why.to_owned())
    }

    #[test]
    fn accounts_with_the_same_trouble_are_one_problem() {
        let accounts: Vec<AccountRow> = (0..1_000).map(|n| account(&format!("a-{n}"), "no key")).collect();
        let found = find(&accounts, &[], &room());
        let [problem] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(problem.title, "1,000 accounts: not connected");
        assert_eq!(problem.names, ["a-0", "a-1", "a-2", "a-3", "a-4"]);
        assert_eq!((problem.more, problem.text.as_str()), (995, "no key"));
    }

    fn room() -> Usage {
        Usage {
            has_room: true,
            ..Usage::default()
        }
    }

    #[test]
    fn a_full_spool_pauses_as_a_full_disk_does() {
        let found = find(&[], &[], &Usage::default());
        assert!(found[0].remedy.contains("`spool_max`"), "{found:?}");
    }

    #[test]
    fn a_single_account_is_called_by_its_name_and_a_full_disk_comes_first() {
        let full = Usage { full: true, ..room() };
        let found = find(&[account("prod", "no key")], &[], &full);
        let titles: Vec<&str> = found.iter().map(|p| p.title.as_str()).collect();
        assert_eq!(
            titles,
            ["There is no room: polling has paused", "prod: not connected"]
        );
        assert_eq!(found.iter().map(|p| p.more).sum::<usize>(), 0);
    }

    #[test]
    fn a_refused_reload_is_told_with_its_first_lines() {
        let why = (0..12)
            .map(|n| format!("line {n}"))
            .collect::<Vec<_>>()
            .join("\n");
        let at = UnixNanos::from_seconds(100);
        let refused = LastReload {
            at,
            outcome: Err(crate::control::Refused { why }),
        };
        let problem = of_reload(Some(&refused), UnixNanos::from_seconds(107)).unwrap();
        assert_eq!(problem.since, Some(Duration::from_secs(7)));
        assert!(problem.text.starts_with("line 0\n") && problem.text.ends_with("line 9\nand 2 more"));
        let ok = LastReload {
            at,
            outcome: Ok(crate::control::Reloaded::default()),
        };
        assert_eq!((of_reload(Some(&ok), at), of_reload(None, at)), (None, None));
    }

    #[test]
    fn a_wrong_clock_is_one_problem_of_all_who_see_it() {
        let skewed = |name: &str, skew_s| AccountRow {
            skew_s: Some(skew_s),
            state: AccountState::UpToDate,
            trouble: None,
            ..account(name, "")
        };
        let found = find(
            &[skewed("a", -240), skewed("b", 29), skewed("c", -30)],
            &[],
            &room(),
        );
        let [problem] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            problem.title,
            "This machine's clock is 240 s ahead of the clouds'"
        );
        assert_eq!(
            (problem.names.as_slice(), problem.level),
            (&["a".to_owned(), "c".to_owned()][..], Level::Warn)
        );
    }

    #[test]
    fn all_well_is_no_problem() {
        assert!(find(&[], &[], &room()).is_empty());
    }
}
