//! Targets that failed by themselves while others did not: they are asked for alone and last, so that they cost nobody else
//! anything, and one that the cloud refuses again and again is left out until the next listing.

use provider_api::{Due, ErrorKind, Scope, TargetId};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Refusals in a row after which a target is left out.
const REFUSALS: u32 = 2;

/// Troubled targets of one group that are asked for in one poll: each takes a request of its own.
const MOST_ALONE: usize = 8;

/// Targets of one account that are remembered; beyond them none is asked for alone.
const MOST_REMEMBERED: usize = 65_536;

#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    /// In a row.
    refusals: u32,
    /// It fails alone, with all that is asked for with it.
    alone: bool,
}

/// What a poll asks for together, and what alone.
#[derive(Debug, Default)]
pub(crate) struct Parted {
    /// Together.
    pub(crate) well: Vec<Due>,
    /// Each alone; those whose turn it is.
    pub(crate) alone: Vec<Due>,
}

/// The troubled targets of one account.
#[derive(Debug, Default)]
pub(crate) struct Troubled(Mutex<HashMap<TargetId, (Scope, Trouble)>>);

impl Troubled {
    /// Parts what is due; those left out are in neither part. `turn` counts the polls, so that each comes to its turn.
    pub(crate) fn part(&self, due: Vec<Due>, turn: u64) -> Parted {
        let known = self.known();
        if known.is_empty() {
            let well = due;
            return Parted {
                well,
                ..Parted::default()
            };
        }
        let mut parted = Parted::default();
        for one in due {
            match known.get(&one.target.id) {
                Some((_, trouble)) if trouble.refusals >= REFUSALS => {}
                Some((_, trouble)) if trouble.alone => parted.alone.push(one),
                Some(_) | None => parted.well.push(one),
            }
        }
        let n = parted.alone.len();
        if n > MOST_ALONE {
            let begin = usize::try_from(turn.wrapping_mul(8) % u64::try_from(n).unwrap_or(1)).unwrap_or(0);
            parted.alone.rotate_left(begin);
            parted.alone.truncate(MOST_ALONE);
        }
        parted
    }

    /// Those of these targets that hold up nobody: how far they lie behind is their own affair.
    pub(crate) fn among(&self, targets: impl Iterator<Item = TargetId>) -> HashSet<TargetId> {
        let known = self.known();
        if known.is_empty() {
            return HashSet::new();
        }
        let is = |(_, trouble): &(Scope, Trouble)| trouble.alone || trouble.refusals >= REFUSALS;
        targets.filter(|id| known.get(id).is_some_and(is)).collect()
    }

    /// These targets were answered.
    pub(crate) fn answered(&self, targets: &[TargetId]) {
        let mut known = self.known();
        if !known.is_empty() {
            for target in targets {
                known.remove(target);
            }
        }
    }

    /// A target has failed by itself. True when it is left out from now on.
    pub(crate) fn failed(&self, scope: &Scope, target: TargetId, kind: &ErrorKind, alone: bool) -> bool {
        let mut known = self.known();
        if known.len() >= MOST_REMEMBERED && !known.contains_key(&target) {
            return false;
        }
        let (_, trouble) = known
            .entry(target)
            .or_insert_with(|| (scope.clone(), Trouble::default()));
        trouble.alone |= alone;
        trouble.refusals = if is_final(kind) { trouble.refusals + 1 } else { 0 };
        trouble.refusals == REFUSALS
    }

    /// A scope has been listed: what was left out is tried again.
    pub(crate) fn listed(&self, scope: &Scope) {
        self.known()
            .retain(|_, (of, trouble)| of != scope || trouble.refusals < REFUSALS);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<TargetId, (Scope, Trouble)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the cloud will say the same again: what is asked for is not there or cannot be asked.
fn is_final(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::NotFound => true,
        ErrorKind::Throttled { .. }
        | ErrorKind::Unavailable { .. }
        | ErrorKind::TimedOut
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::BadResponse
        | ErrorKind::OverBudget
        | ErrorKind::Permanent => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::due;

    fn ids(dues: &[Due]) -> Vec<u64> {
        dues.iter().map(|due| due.target.id.0).collect()
    }

    fn all(n: u64) -> Vec<Due> {
        (0..n).map(due).collect()
    }

    const REFUSED: ErrorKind = ErrorKind::InvalidRequest;

    #[test]
    fn one_that_is_refused_twice_is_left_out_until_the_next_listing() {
        let (troubled, scope) = (Troubled::default(), Scope::new("s"));
        assert!(!troubled.failed(&scope, TargetId(1), &REFUSED, true));
        let parted = troubled.part(all(3), 0);
        assert_eq!((ids(&parted.well), ids(&parted.alone)), (vec![0, 2], vec![1]));
        assert!(troubled.failed(&scope, TargetId(1), &REFUSED, true));
        let parted = troubled.part(all(3), 1);
        assert_eq!((ids(&parted.well), ids(&parted.alone)), (vec![0, 2], vec![]));
        troubled.listed(&Scope::new("other"));
        assert_eq!(ids(&troubled.part(all(3), 1).well), [0, 2]);
        troubled.listed(&scope);
        assert_eq!(ids(&troubled.part(all(3), 1).well), [0, 1, 2]);
    }

    #[test]
    fn one_that_passes_is_asked_for_alone_for_as_long_as_it_fails() {
        let (troubled, scope) = (Troubled::default(), Scope::new("s"));
        for _ in 0..10 {
            let passing = ErrorKind::Unavailable { retry_after: None };
            assert!(!troubled.failed(&scope, TargetId(1), &passing, true));
        }
        assert_eq!(ids(&troubled.part(all(2), 0).alone), [1]);
        assert_eq!(troubled.among([TargetId(0), TargetId(1)].into_iter()).len(), 1);
        troubled.answered(&[TargetId(1)]);
        assert_eq!(ids(&troubled.part(all(2), 0).well), [0, 1]);
    }

    #[test]
    fn many_take_turns() {
        let (troubled, scope) = (Troubled::default(), Scope::new("s"));
        for id in 0..20 {
            troubled.failed(&scope, TargetId(id), &ErrorKind::Permanent, true);
        }
        let asked: HashSet<u64> = (0..5)
            .flat_map(|turn| ids(&troubled.part(all(20), turn).alone))
            .collect();
        assert_eq!(asked.len(), 20);
        assert_eq!(troubled.part(all(20), 3).alone.len(), MOST_ALONE);
    }
}
