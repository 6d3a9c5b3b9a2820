//! How an account and a destination are, in one word each. Pure.

use super::failing;
use super::words::span;
use crate::clock::SystemClock;
use gate::Failing;
use provider_api::{ErrorKind, Role, Scope};
use scheduler::AccountProgress;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a cloud may be out of order before it is worth a person: outages of minutes are everyday and mend
/// themselves.
const PATIENCE_WITH_CLOUDS: Duration = Duration::from_secs(900);

/// How late a destination may be before it counts as behind: a settle, a poll and a retry or two.
const BEHIND_AFTER: Duration = Duration::from_secs(1_800);

/// And how much of its spool must wait: points of the past that are being fetched are old without anything being slow.
const BEHIND_FILL: f64 = 0.1;

/// How much it matters, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Points are not collected or not delivered until a person acts.
    Bad,
    /// Some are not, or it may pass by itself.
    Warn,
    /// Under way, nothing wrong.
    Busy,
    /// All is well.
    Good,
}

impl Level {
    /// For style sheets and scripts.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Busy => "busy",
            Self::Good => "good",
        }
    }
}

/// How an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum AccountState {
    /// It could not be connected.
    NotConnected,
    /// Nothing of it works, and waiting does not help.
    Failing,
    /// Its budget pays for no call, or not for all.
    BudgetTooSmall,
    /// The cloud has not answered for long.
    Unreachable,
    /// A part of it fails, and waiting does not help.
    PartlyFailing,
    /// The cloud is out of order or throttles; it passes.
    Waiting,
    /// Polls wait for money.
    OverBudget,
    /// It has nothing that the configuration asks for.
    Empty,
    /// What there is to poll is not known yet.
    Listing,
    /// It is being polled for the first time.
    FirstPoll,
    /// It has been polled, and nothing has come that was not taken before.
    NothingNew,
    /// Points of the past are fetched.
    CatchingUp,
    /// All is well.
    UpToDate,
}

impl AccountState {
    /// As people read it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NotConnected => "not connected",
            Self::Failing => "failing",
            Self::BudgetTooSmall => "budget too small",
            Self::Unreachable => "cloud unreachable",
            Self::PartlyFailing => "partly failing",
            Self::Waiting => "waiting for the cloud",
            Self::OverBudget => "waiting for its budget",
            Self::Empty => "nothing to poll",
            Self::Listing => "listing",
            Self::FirstPoll => "first poll",
            Self::NothingNew => "nothing new yet",
            Self::CatchingUp => "catching up",
            Self::UpToDate => "up to date",
        }
    }

    /// How much it matters.
    pub(crate) fn level(self) -> Level {
        match self {
            Self::NotConnected | Self::Failing | Self::BudgetTooSmall | Self::Unreachable => Level::Bad,
            Self::PartlyFailing | Self::Waiting | Self::OverBudget | Self::Empty => Level::Warn,
            Self::Listing | Self::FirstPoll | Self::NothingNew | Self::CatchingUp => Level::Busy,
            Self::UpToDate => Level::Good,
        }
    }
}

/// How a connected account is.
pub(super) fn of_account(account: &AccountProgress, failing: &[Failing]) -> AccountState {
    let (passing, lasting): (Vec<&Failing>, Vec<&Failing>) = failing.iter().partition(|f| passes(&f.kind));
    // A scope that cannot be listed is not among those that are well; one that cannot be read still is.
    let unread = unread(account, lasting.iter().copied());
    if lasting.iter().any(|f| needed(f)) && unread.len() >= account.scopes_ok {
        AccountState::Failing
    } else if !lasting.is_empty() {
        AccountState::PartlyFailing
    } else if passing.iter().any(|f| f.since > PATIENCE_WITH_CLOUDS) {
        AccountState::Unreachable
    } else if !passing.is_empty() {
        AccountState::Waiting
    } else {
        without_failures(account)
    }
}

fn without_failures(account: &AccountProgress) -> AccountState {
    let mut groups = account.groups.values();
    if account.targets == 0 {
        if account.discoveries > 0 {
            AccountState::Empty
        } else {
            AccountState::Listing
        }
    } else if groups.any(|group| !group.behind.is_zero()) {
        AccountState::CatchingUp
    } else if account.newest.is_some() {
        AccountState::UpToDate
    } else if account.polls == 0 {
        AccountState::FirstPoll
    } else {
        AccountState::NothingNew
    }
}

/// Whether it mends itself.
pub(super) fn passes(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Throttled { .. } | ErrorKind::Unavailable { .. } | ErrorKind::TimedOut => true,
        ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::InvalidRequest
        | ErrorKind::BadResponse
        | ErrorKind::OverBudget
        | ErrorKind::Permanent => false,
    }
}

/// Who we are is an attribute; points come without it.
pub(super) fn needed(failing: &Failing) -> bool {
    Role::of(failing.operation) != Role::Identity
}

/// Whether points of a scope can be had: some of them at least, or it is a matter of minutes.
pub(super) fn works(account: &AccountProgress, failing: &[Failing]) -> bool {
    let lasts = |f: &&Failing| !passes(&f.kind) || f.since > PATIENCE_WITH_CLOUDS;
    unread(account, failing.iter().filter(lasts)).len() < account.scopes_ok
}

/// Scopes that could be listed and cannot be read. One metric that is refused is not its scope, but credentials are; until
/// all is polled again, a part may be.
fn unread<'a>(account: &AccountProgress, failing: impl Iterator<Item = &'a Failing>) -> BTreeSet<&'a Scope> {
    let answered = failing::answered(account);
    let nothing = |f: &&Failing| f.kind == ErrorKind::Unauthenticated || !answered.contains(&f.scope);
    let reads = failing.filter(|f| Role::of(f.operation) == Role::Read);
    reads.filter(nothing).map(|f| &f.scope).collect()
}

/// How a destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DestinationState {
    /// It refuses everything until somebody acts.
    Held,
    /// It does not answer.
    Down,
    /// It takes everything but delta points.
    NoDeltas,
    /// It takes some points and not others.
    Refusing,
    /// Points were lost lately.
    Losing,
    /// It answers and is far behind.
    Behind,
    /// Nothing has been delivered yet.
    Starting,
    /// All is well.
    Delivering,
}

impl DestinationState {
    /// As people read it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Held => "action required",
            Self::Down => "down",
            Self::NoDeltas => "rejects deltas",
            Self::Refusing => "refuses some",
            Self::Losing => "losing points",
            Self::Behind => "behind",
            Self::Starting => "nothing yet",
            Self::Delivering => "delivering",
        }
    }

    /// How much it matters.
    pub(crate) fn level(self) -> Level {
        match self {
            Self::Held | Self::Down | Self::NoDeltas => Level::Bad,
            Self::Refusing | Self::Losing | Self::Behind => Level::Warn,
            Self::Starting => Level::Busy,
            Self::Delivering => Level::Good,
        }
    }

    /// What to do; nothing where all is well.
    pub(crate) fn remedy(self, fill: f64, lag: Duration) -> Option<String> {
        let room = format!("{} of its spool is used", super::words::percent(fill));
        match self {
            Self::Held => Some(format!(
                "Fix what the message says, then reload. Nothing is lost while there is room: {room}."
            )),
            Self::Down => Some(format!(
                "Retrying. Nothing is lost while there is room: {room}."
            )),
            Self::NoDeltas => Some(format!(
                "Set `deltas: cumulative` (or `deltas: gauge`) in this destination and reload: the delta points that \
                 wait are delivered then. Until then they stay in the spool, and `on_full` applies when it is full: \
                 {room}."
            )),
            Self::Refusing => Some(
                "Retrying. All other points are delivered. A point is dropped only when it is refused alone again and \
                 again while others are taken."
                    .to_owned(),
            ),
            Self::Losing => Some(
                "These points are lost to this destination, all others are delivered. Fix what the message says at the \
                 destination, or leave the metric out. This notice goes an hour after the last loss."
                    .to_owned(),
            ),
            Self::Behind => Some(format!(
                "The destination answers, but what waits is {} old, and {room}. If that does not shrink, it takes points \
                 more slowly than they come: make it faster, or poll less.",
                span(lag)
            )),
            Self::Starting | Self::Delivering => None,
        }
    }
}

/// Points lost within the last hour.
pub(super) fn lately(delivery: &export::DeliverySnapshot) -> Option<&export::Losses> {
    let hour = SystemClock.true_span(export::LOSS_FORGOTTEN);
    delivery.losses.as_ref().filter(|losses| losses.last_ago < hour)
}

/// How a destination is, from what its delivery says and how far behind it is.
pub(super) fn of_destination(
    delivery: &export::DeliverySnapshot,
    lag: Duration,
    fill: f64,
) -> DestinationState {
    if delivery.holding {
        DestinationState::Held
    } else if !delivery.up {
        DestinationState::Down
    } else if !delivery.no_deltas.is_empty() {
        DestinationState::NoDeltas
    } else if delivery.aside_points > 0 {
        DestinationState::Refusing
    } else if lately(delivery).is_some() {
        DestinationState::Losing
    } else if delivery.last_success_ms == 0 {
        DestinationState::Starting
    } else if lag > BEHIND_AFTER && fill > BEHIND_FILL {
        DestinationState::Behind
    } else {
        DestinationState::Delivering
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use export::DeliverySnapshot;
    use provider_api::UnixNanos;
    use scheduler::GroupProgress;

    const NOW: UnixNanos = UnixNanos(1_000_000_000_000_000);

    fn failing(scope: &str, operation: &'static str, kind: ErrorKind, since_s: u64) -> Failing {
        Failing {
            scope: Scope::new(scope),
            host: None,
            operation,
            kind,
            message: String::new(),
            request_id: None,
            since: Duration::from_secs(since_s),
        }
    }

    fn running() -> AccountProgress {
        AccountProgress {
            scopes_ok: 2,
            targets: 10,
            discoveries: 2,
            newest: Some(NOW),
            ..AccountProgress::default()
        }
    }

    fn state(account: &AccountProgress, failing: &[Failing]) -> &'static str {
        of_account(account, failing).label()
    }

    #[test]
    fn what_fails_at_present_decides() {
        let down = || ErrorKind::Unavailable { retry_after: None };
        for (failing, wanted) in [
            (vec![], "up to date"),
            (
                vec![failing("a", "ListMetrics", ErrorKind::Forbidden, 1)],
                "partly failing",
            ),
            (
                vec![
                    failing("a", "GetMetricData", ErrorKind::Forbidden, 1),
                    failing("b", "GetMetricData", ErrorKind::Unauthenticated, 1),
                ],
                "failing",
            ),
            (
                vec![
                    failing("a", "GetMetricData", ErrorKind::Forbidden, 1),
                    failing("a", "ListMetrics", ErrorKind::Forbidden, 1),
                ],
                "partly failing",
            ),
            (
                vec![failing("a", "GetMetricData", down(), 60)],
                "waiting for the cloud",
            ),
            (
                vec![failing("a", "GetMetricData", down(), 901)],
                "cloud unreachable",
            ),
        ] {
            assert_eq!(state(&running(), &failing), wanted, "{failing:?}");
        }
        let only_who_we_are = [failing("a", "GetCallerIdentity", ErrorKind::Forbidden, 1)];
        let one = AccountProgress {
            scopes_ok: 1,
            ..running()
        };
        assert_eq!(state(&one, &only_who_we_are), "partly failing");
        let unlisted = [failing("b", "ListMetrics", ErrorKind::Forbidden, 1)];
        assert_eq!(
            state(&one, &unlisted),
            "partly failing",
            "the other scope is well"
        );
        let none = AccountProgress {
            scopes_ok: 0,
            ..running()
        };
        assert_eq!(state(&none, &unlisted), "failing");
    }

    #[test]
    fn an_account_works_while_one_of_its_scopes_can_be_read() {
        let read = |scope, kind, since_s| failing(scope, "GetMetricData", kind, since_s);
        let down = || ErrorKind::Unavailable { retry_after: None };
        let refused = || ErrorKind::Forbidden;
        for (failing, wanted) in [
            (vec![], true),
            (vec![read("a", refused(), 1)], true),
            (vec![read("a", refused(), 1), read("b", refused(), 1)], false),
            (vec![read("a", down(), 60), read("b", down(), 60)], true),
            (vec![read("a", down(), 901), read("b", refused(), 1)], false),
            (vec![failing("a", "ListMetrics", refused(), 901)], true),
        ] {
            assert_eq!(works(&running(), &failing), wanted, "{failing:?}");
        }
        assert!(!works(&AccountProgress::default(), &[]), "nothing is listed yet");
    }

    #[test]
    fn without_failures_it_is_told_by_what_has_come() {
        let mut account = AccountProgress::default();
        assert_eq!(state(&account, &[]), "listing");
        account.targets = 1;
        assert_eq!(state(&account, &[]), "first poll");
        account.polls = 1;
        assert_eq!(state(&account, &[]), "nothing new yet");
        let mut account = running();
        account.targets = 0;
        assert_eq!(state(&account, &[]), "nothing to poll");
        let mut account = running();
        let behind = GroupProgress {
            behind: Duration::from_secs(1),
            ..GroupProgress::default()
        };
        account.groups.insert("g".into(), behind);
        assert_eq!(state(&account, &[]), "catching up");
    }

    #[test]
    fn one_metric_that_is_refused_is_a_part_and_refused_credentials_are_all() {
        let mut account = AccountProgress {
            scopes_ok: 1,
            ..running()
        };
        let answered = GroupProgress {
            scope: Some(Scope::new("a")),
            answered: true,
            ..GroupProgress::default()
        };
        account.groups.insert("g".into(), answered);
        let refused = |kind| [failing("a", "GetMetricData", kind, 1)];
        assert_eq!(state(&account, &refused(ErrorKind::Forbidden)), "partly failing");
        assert_eq!(state(&account, &refused(ErrorKind::Unauthenticated)), "failing");
    }

    #[test]
    fn destinations() {
        let up = DeliverySnapshot {
            up: true,
            last_success_ms: 1,
            ..DeliverySnapshot::default()
        };
        let (short, long) = (Duration::from_secs(60), Duration::from_secs(3_600));
        let held = DeliverySnapshot {
            holding: true,
            ..up.clone()
        };
        let down = DeliverySnapshot {
            up: false,
            ..up.clone()
        };
        let new = DeliverySnapshot {
            last_success_ms: 0,
            ..up.clone()
        };
        assert_eq!(of_destination(&up, short, 0.5), DestinationState::Delivering);
        assert_eq!(of_destination(&up, long, 0.5), DestinationState::Behind);
        assert_eq!(of_destination(&up, long, 0.01), DestinationState::Delivering);
        assert_eq!(of_destination(&held, short, 0.0), DestinationState::Held);
        assert_eq!(of_destination(&down, long, 0.5), DestinationState::Down);
        let lost = |last_ago| DeliverySnapshot {
            losses: Some(export::Losses {
                dropped: 1,
                rejected: 0,
                first_ago: long,
                last_ago,
                why: "HTTP 400".to_owned(),
            }),
            ..up.clone()
        };
        assert_eq!(of_destination(&lost(short), short, 0.0), DestinationState::Losing);
        assert_eq!(
            of_destination(&lost(long), short, 0.0),
            DestinationState::Delivering
        );
        assert_eq!(of_destination(&new, long, 0.5), DestinationState::Starting);
        let told = DestinationState::Down.remedy(0.42, long);
        assert!(told.is_some_and(|text| text.contains("42 %")));
    }
}
