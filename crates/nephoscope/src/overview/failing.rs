//! What fails of an account at present: what its gate remembers by operation, in the finer words of the groups and
//! listings that have it, where other parts of the same scope work. Pure.

use gate::Failing;
use provider_api::{Scope, UnixNanos};
use scheduler::{AccountProgress, Fails};
use std::collections::BTreeSet;

/// Everything that fails, each once.
pub(super) fn at_present(account: &AccountProgress, of_gate: Vec<Failing>, now: UnixNanos) -> Vec<Failing> {
    let answered = answered(account);
    let polls: Vec<&Fails> = account
        .groups
        .values()
        .filter_map(|g| g.failing.as_ref())
        .collect();
    let is = |one: &Failing, fails: &Fails| one.operation == fails.operation && one.scope == fails.scope;
    let mut all = of_gate;
    // A scope that answers nothing is one failure, not one of each of its groups.
    all.retain(|one| !answered.contains(&one.scope) || !polls.iter().any(|fails| is(one, fails)));
    let finer = polls.into_iter().chain(account.unlisted.iter());
    let untold: Vec<Failing> = finer
        .filter(|fails| !all.iter().any(|one| is(one, fails)))
        .map(|fails| told(fails, now))
        .collect();
    all.extend(untold);
    all
}

/// Scopes of which the last poll of a group has got something.
pub(super) fn answered(account: &AccountProgress) -> BTreeSet<&Scope> {
    let answered = account.groups.values().filter(|group| group.answered);
    answered.filter_map(|group| group.scope.as_ref()).collect()
}

fn told(fails: &Fails, now: UnixNanos) -> Failing {
    Failing {
        scope: fails.scope.clone(),
        host: None,
        operation: fails.operation,
        kind: fails.kind.clone(),
        message: fails.message.clone(),
        request_id: fails.request_id.clone(),
        since: now.since(fails.since),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::ErrorKind;
    use scheduler::GroupProgress;
    use std::time::Duration;

    const READ: &str = "ListTimeSeries";

    fn group(answered: bool, message: Option<&str>) -> GroupProgress {
        GroupProgress {
            scope: Some(Scope::new("p")),
            answered,
            failing: message.map(|message| Fails {
                since: UnixNanos::from_seconds(10),
                scope: Scope::new("p"),
                operation: READ,
                kind: ErrorKind::Forbidden,
                message: message.to_owned(),
                request_id: None,
            }),
            ..GroupProgress::default()
        }
    }

    fn found(groups: Vec<GroupProgress>, of_gate: Vec<Failing>) -> Vec<(String, u64)> {
        let named = groups
            .into_iter()
            .enumerate()
            .map(|(n, g)| (n.to_string().into(), g));
        let account = AccountProgress {
            groups: named.collect(),
            ..AccountProgress::default()
        };
        let all = at_present(&account, of_gate, UnixNanos::from_seconds(70));
        all.into_iter().map(|f| (f.message, f.since.as_secs())).collect()
    }

    fn of_gate() -> Failing {
        Failing {
            since: Duration::from_secs(5),
            message: "the scope".to_owned(),
            ..told(
                group(false, Some("")).failing.as_ref().unwrap(),
                UnixNanos::from_seconds(10),
            )
        }
    }

    #[test]
    fn one_metric_is_named_with_its_own_time_whatever_the_gate_remembers_last() {
        let one = || vec![group(true, Some("a metric")), group(true, None)];
        let wanted = [("a metric".to_owned(), 60)];
        assert_eq!(found(one(), Vec::new()), wanted);
        assert_eq!(found(one(), vec![of_gate()]), wanted);
        let alone = vec![group(false, Some("a metric")), group(true, None)];
        assert_eq!(found(alone, vec![of_gate()]), wanted);
    }

    #[test]
    fn a_scope_that_answers_nothing_is_one_failure() {
        let all = vec![group(false, Some("a metric")), group(false, Some("another"))];
        assert_eq!(found(all, vec![of_gate()]), [("the scope".to_owned(), 5)]);
        assert_eq!(found(Vec::new(), vec![of_gate()]), [("the scope".to_owned(), 5)]);
    }
}
