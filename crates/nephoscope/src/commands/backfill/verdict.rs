//! How a run of `backfill` has ended, as its last sentence and its exit code. Pure.

use crate::exit::Failure;
use crate::live::Live;
use crate::overview::words::many;
use std::path::Path;

/// What has become of all that was to be fetched.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// What could not be fetched, a line each.
    pub(super) left: Vec<String>,
    /// Points that the clouds gave and that were none.
    pub(super) skipped: u64,
    /// Points that wait on disk to be delivered.
    pub(super) waiting: u64,
    /// Points that destinations have refused.
    pub(super) refused: u64,
    /// Somebody ended it.
    pub(super) stopped: bool,
}

/// What destinations have refused since this run began.
pub(super) fn refused(live: &Live) -> u64 {
    let of = |delivery: export::DeliverySnapshot| delivery.dropped_points + delivery.rejected_points;
    live.destinations()
        .iter()
        .map(|one| of(one.stats.snapshot()))
        .sum()
}

/// Nothing when all of it has been fetched and delivered.
pub(super) fn of(ended: &Ended, state_dir: &Path) -> Result<(), Failure> {
    let waits = match ended.waiting {
        0 => String::new(),
        points => format!(
            " {points} points wait on disk in {}; the daemon or this command delivers them.",
            state_dir.display()
        ),
    };
    if ended.stopped {
        return Err(Failure::interrupted(format!(
            "stopped; what was fetched is kept.{waits} The same command goes on from here"
        )));
    }
    if !ended.left.is_empty() || ended.waiting > 0 {
        return Err(Failure::unavailable(format!(
            "{} could not be fetched; what was fetched is kept.{waits} The same command tries again",
            many(ended.left.len(), "part")
        )));
    }
    let lacks: Vec<String> = [
        (ended.skipped, "invalid points of the clouds were skipped"),
        (ended.refused, "points were refused by destinations"),
    ]
    .into_iter()
    .filter(|(points, _)| *points > 0)
    .map(|(points, what)| format!("{points} {what}"))
    .collect();
    if lacks.is_empty() {
        return Ok(());
    }
    Err(Failure::unavailable(format!(
        "incomplete: {}; the log above says why. Everything else has been fetched and delivered",
        lacks.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(ended: &Ended) -> String {
        of(ended, Path::new("state")).map_or_else(|failure| failure.to_string(), |()| "all".to_owned())
    }

    #[test]
    fn only_a_run_that_lacks_nothing_has_all_of_it() {
        assert_eq!(said(&Ended::default()), "all");
        let skipped = Ended {
            skipped: 15,
            ..Ended::default()
        };
        assert!(said(&skipped).starts_with("incomplete: 15 invalid points of the clouds were skipped;"));
        let left = Ended {
            left: vec!["a".to_owned()],
            waiting: 3,
            ..skipped
        };
        let text = said(&left);
        assert!(
            text.starts_with("1 part could not be fetched;")
                && text.contains("3 points wait on disk in state"),
            "{text}"
        );
        let stopped = Ended {
            stopped: true,
            ..left
        };
        assert!(said(&stopped).starts_with("stopped;"));
        let refused = Ended {
            refused: 7,
            ..Ended::default()
        };
        assert!(said(&refused).contains("7 points were refused by destinations"));
    }
}
