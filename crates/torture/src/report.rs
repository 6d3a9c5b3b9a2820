//! What a run has seen, for people.

use crate::verdict::Verdict;
use std::collections::BTreeMap;
use std::fmt;

/// So many of each kind of mistake are shown.
const EXAMPLES: usize = 5;

/// The figures of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The seed of the run.
    pub seed: u64,
    /// How often the daemon was killed.
    pub kills: usize,
    /// Troubles by their names.
    pub faults: BTreeMap<&'static str, usize>,
    /// Answers of the clouds by cloud and outcome.
    pub answers: BTreeMap<(&'static str, String), u64>,
    /// Requests with a token that was over, by cloud.
    pub too_old: BTreeMap<&'static str, u64>,
    /// How long after the last trouble everything was everywhere, in seconds.
    pub waited_s: u64,
    /// What the last daemon says of late and revised points, as it says it.
    pub own_words: Vec<String>,
    pub(crate) verdicts: Vec<(&'static str, Verdict)>,
}

impl Report {
    /// All promises are kept at all destinations.
    pub(crate) fn is_good(&self) -> bool {
        self.verdicts.iter().all(|(_, verdict)| verdict.is_good())
    }

    /// Every cloud has refused a token that was over.
    pub fn all_expired(&self) -> bool {
        self.too_old.len() == 3 && self.too_old.values().all(|times| *times > 0)
    }

    /// Batches whose repetition nothing would have excused, at the destination that has the fewest.
    pub fn sharp_batches(&self) -> usize {
        let sharp = self.verdicts.iter().map(|(_, verdict)| verdict.sharp_batches);
        sharp.min().unwrap_or(0)
    }

    /// Points that had to arrive, at the destination that had to get the fewest.
    pub fn points(&self) -> usize {
        let required = self.verdicts.iter().map(|(_, verdict)| verdict.required);
        required.min().unwrap_or(0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "kills {}", self.kills)?;
        writeln!(f, "all arrived {} s after the last trouble", self.waited_s)?;
        for (name, times) in &self.faults {
            writeln!(f, "fault: {name} {times}")?;
        }
        for ((cloud, outcome), times) in &self.answers {
            writeln!(f, "answer: {cloud} {outcome} {times}")?;
        }
        for (cloud, times) in &self.too_old {
            writeln!(f, "expired: {cloud} {times}")?;
        }
        for line in &self.own_words {
            writeln!(f, "daemon: {line}")?;
        }
        for (name, verdict) in &self.verdicts {
            figures(f, name, verdict)?;
            mistakes(f, name, "missing", verdict.missing.iter())?;
            mistakes(f, name, "untrue", verdict.untrue.iter())?;
            mistakes(f, name, "repeated", verdict.repeated.iter())?;
        }
        Ok(())
    }
}

fn figures(f: &mut fmt::Formatter<'_>, name: &str, v: &Verdict) -> fmt::Result {
    writeln!(
        f,
        "{name}: {} points compared, {} of them late, {} revised; {} taken with the preliminary value; {} batches, {} \
         of them without acknowledgement; {} resent, {} of them because of that and the others at a kill or a cut; {} \
         batches could not have been resent unnoticed; {} missing, {} untrue, {} wrongly repeated",
        v.required,
        v.late,
        v.revised,
        v.preliminary,
        v.batches,
        v.unacknowledged,
        v.resent_batches,
        v.resent_unacknowledged,
        v.sharp_batches,
        v.missing.len(),
        v.untrue.len(),
        v.repeated.len(),
    )
}

fn mistakes<'a>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    what: &str,
    all: impl Iterator<Item = &'a String>,
) -> fmt::Result {
    for one in all.take(EXAMPLES) {
        writeln!(f, "{name}: {what}: {one}")?;
    }
    Ok(())
}
