//! Whether the daemon is ready, decided once for `/readyz`, `/-/ready`, systemd and the API: enough accounts give points,
//! there is room for them, and somebody takes them. Pure.

use super::budget;
use super::state::DestinationState;
use super::words::many;
use super::{AccountRow, DestinationRow, Overview};
use config_file::ReadyAccounts;

/// Accounts that the reason names; the rest is counted.
const MOST_NAMED: usize = 3;

/// Whether it is ready, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Readiness(Result<(), String>);

impl Readiness {
    /// Of one moment, when so many accounts have to be ready.
    pub(crate) fn of(overview: &Overview, wanted: ReadyAccounts) -> Self {
        let found = accounts(&overview.accounts, wanted)
            .and_then(|()| room(&overview.store))
            .and_then(|()| destinations(&overview.destinations));
        Self(found)
    }

    /// Whether it is.
    pub(crate) fn is_ready(&self) -> bool {
        self.0.is_ok()
    }

    /// Why it is not.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }
}

/// Why an account is not ready, or what goes wrong although it is.
pub(crate) fn reason(account: &AccountRow) -> Option<String> {
    let waits = account.budget.as_ref().and_then(budget::why);
    let lasts = account.trouble.as_ref().filter(|trouble| trouble.lasts);
    let lasting = lasts.map(|trouble| trouble.text.clone());
    let last = account.progress.last_error.as_ref().map(|last| last.text.clone());
    waits.or(lasting).or(last)
}

fn accounts(all: &[AccountRow], wanted: ReadyAccounts) -> Result<(), String> {
    let not_ready: Vec<&str> = all
        .iter()
        .filter(|account| !account.ready)
        .map(|account| account.name.as_str())
        .collect();
    if wanted.is_met(all.len() - not_ready.len(), all.len()) {
        return Ok(());
    }
    let named = not_ready
        .iter()
        .take(MOST_NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    let more = match not_ready.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (ready, all) = (all.len() - not_ready.len(), many(all.len(), "account"));
    Err(format!(
        "{ready} of {all} ready (api.ready.accounts: {wanted}); not ready: {named}{more}"
    ))
}

fn room(store: &store::Usage) -> Result<(), String> {
    if store.full {
        Err("the disk under state.dir is full: polling has paused".to_owned())
    } else if !store.has_room {
        Err("the spool is full: polling has paused".to_owned())
    } else {
        Ok(())
    }
}

fn destinations(all: &[DestinationRow]) -> Result<(), String> {
    let takes = |row: &DestinationRow| match row.state {
        DestinationState::Held | DestinationState::Down => false,
        DestinationState::NoDeltas
        | DestinationState::Refusing
        | DestinationState::Losing
        | DestinationState::Behind
        | DestinationState::Starting
        | DestinationState::Delivering => true,
    };
    match all {
        [] => Ok(()),
        [only] if !takes(only) => Err(format!("destination {} is {}", only.name, only.state.label())),
        several if !several.iter().any(takes) => Err(format!("all {} destinations are down", several.len())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::UnixNanos;
    use scheduler::AccountProgress;
    use store::Usage;

    fn account(name: &str, works: bool) -> AccountRow {
        let progress = AccountProgress {
            name: name.to_owned(),
            scopes_ok: usize::from(works),
            ..AccountProgress::default()
        };
        AccountRow::connected(&progress, None, UnixNanos(0))
    }

    fn of(ready: usize, not_ready: usize, wanted: ReadyAccounts) -> Option<String> {
        let well = (0..ready).map(|n| account(&format!("w{n}"), true));
        let ill = (0..not_ready).map(|n| account(&format!("i{n}"), false));
        accounts(&well.chain(ill).collect::<Vec<_>>(), wanted).err()
    }

    #[test]
    fn one_account_of_three_hundred_makes_nobody_unready_unless_that_is_wanted() {
        let share = |percent| ReadyAccounts::Share(percent);
        assert_eq!(of(299, 1, ReadyAccounts::Any), None);
        assert_eq!(of(0, 0, ReadyAccounts::All), None);
        assert_eq!(of(9, 1, share(90)), None);
        assert!(of(8, 2, share(90)).is_some());
        assert!(of(0, 2, ReadyAccounts::Any).is_some());
        let text = of(296, 4, ReadyAccounts::All).unwrap();
        assert_eq!(
            text,
            "296 of 300 accounts ready (api.ready.accounts: all); not ready: i0, i1, i2 and 1 more"
        );
    }

    #[test]
    fn without_room_nothing_can_be_taken() {
        let (full, has_room) = (true, true);
        let room_of = |full, has_room| {
            room(&Usage {
                full,
                has_room,
                ..Usage::default()
            })
        };
        assert!(room_of(full, false).is_err() && room_of(false, false).is_err());
        assert_eq!(room_of(false, has_room), Ok(()));
    }
}
