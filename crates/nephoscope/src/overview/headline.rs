//! The first sentence: is all well, and if not, what is wrong first.

use super::account::AccountRow;
use super::problems::Problem;
use super::state::{AccountState, Level};
use super::words::{count, many, span};
use provider_api::UnixNanos;

/// The first sentence and the one below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Headline {
    /// How it is altogether.
    pub(crate) level: Level,
    /// The first sentence.
    pub(crate) title: String,
    /// The one below.
    pub(crate) detail: String,
}

/// Makes it.
pub(super) fn of(accounts: &[AccountRow], problems: &[Problem], now: UnixNanos) -> Headline {
    let (level, title) = match problems {
        [] => without_problems(accounts, now),
        [only] => (only.level, only.title.clone()),
        [first, rest @ ..] => {
            let more = format!("{}, and {} more", first.title, rest.len());
            (first.level, more)
        }
    };
    Headline {
        level,
        title,
        detail: detail(accounts, now),
    }
}

fn without_problems(accounts: &[AccountRow], now: UnixNanos) -> (Level, String) {
    let of = |state| accounts.iter().filter(|a| a.state == state).count();
    let (listing, polled_first) = (of(AccountState::Listing), of(AccountState::FirstPoll));
    let (nothing_new, behind) = (of(AccountState::NothingNew), of(AccountState::CatchingUp));
    let starting = listing + polled_first + nothing_new;
    let title = if starting == 0 && behind == 0 {
        return (Level::Good, "All is well".to_owned());
    } else if starting == 0 {
        format!("All is well; {} catching up", are(behind))
    } else if starting < accounts.len() {
        format!("{} starting", are(starting))
    } else if listing > 0 {
        "Starting: listing what there is to poll".to_owned()
    } else if polled_first > 0 {
        "Starting: the first poll is under way".to_owned()
    } else {
        format!("Nothing new yet{}", next_poll(accounts, now))
    };
    (Level::Busy, title)
}

fn next_poll(accounts: &[AccountRow], now: UnixNanos) -> String {
    let next = accounts.iter().filter_map(|a| a.progress.next_poll).min();
    next.map_or_else(String::new, |next| {
        format!(": the next poll is in {}", span(next.since(now)))
    })
}

fn are(accounts: usize) -> String {
    let verb = if accounts == 1 { "is" } else { "are" };
    format!("{} {verb}", many(accounts, "account"))
}

fn detail(accounts: &[AccountRow], now: UnixNanos) -> String {
    let series: u64 = accounts.iter().map(|a| a.progress.series).sum();
    let newest = accounts.iter().filter_map(|a| a.progress.newest).max();
    let age = newest.map_or_else(String::new, |newest| {
        format!("; the newest point is {} old", span(now.since(newest)))
    });
    format!(
        "{}, {} series{age}.",
        many(accounts.len(), "account"),
        count(series)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use scheduler::AccountProgress;

    fn account(newest: Option<i64>) -> AccountRow {
        let progress = AccountProgress {
            name: "a".to_owned(),
            targets: 1,
            series: 1_200,
            scopes_ok: 1,
            discoveries: 1,
            newest: newest.map(UnixNanos::from_seconds),
            ..AccountProgress::default()
        };
        AccountRow::connected(&progress, None, UnixNanos::from_seconds(100))
    }

    fn said(accounts: &[AccountRow], problems: &[Problem]) -> Headline {
        of(accounts, problems, UnixNanos::from_seconds(100))
    }

    #[test]
    fn all_is_well_with_the_age_of_the_newest_point() {
        let headline = said(&[account(Some(6))], &[]);
        assert_eq!(headline.level, Level::Good);
        assert_eq!(headline.title, "All is well");
        assert_eq!(
            headline.detail,
            "1 account, 1,200 series; the newest point is 94 s old."
        );
    }

    #[test]
    fn before_the_first_points_it_says_how_far_it_is() {
        let with = |targets, polls| {
            let mut row = account(None);
            (row.progress.targets, row.progress.polls) = (targets, polls);
            row.progress.discoveries = polls;
            row.progress.next_poll = (polls > 0).then_some(UnixNanos::from_seconds(142));
            AccountRow::connected(&row.progress, None, UnixNanos::from_seconds(100))
        };
        let (listing, first, polled) = (with(0, 0), with(1, 0), with(1, 1));
        let title = |accounts: &[AccountRow]| said(accounts, &[]).title;
        let wanted = "Nothing new yet: the next poll is in 42 s";
        assert_eq!(title(std::slice::from_ref(&polled)), wanted);
        let wanted = "Starting: the first poll is under way";
        assert_eq!(title(&[polled.clone(), first.clone()]), wanted);
        let wanted = "Starting: listing what there is to poll";
        assert_eq!(title(&[polled.clone(), first, listing]), wanted);
        assert_eq!(title(&[polled, account(Some(6))]), "1 account is starting");
    }

    #[test]
    fn what_is_wrong_first_comes_first() {
        let broken = AccountRow::not_connected("prod".to_owned(), "no key".to_owned());
        let accounts = [broken];
        let problems = super::super::problems::find(&accounts, &[], &store::Usage::default());
        let headline = said(&accounts, &problems);
        assert_eq!(headline.level, Level::Bad);
        assert_eq!(headline.title, "There is no room: polling has paused, and 1 more");
    }
}
