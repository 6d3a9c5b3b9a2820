//! How a call begins: which requests it takes, by what is known of its targets. Pure but for that.

use super::memory::Standing;
use super::work::{Piece, Way};
use crate::question::{AskedMetric, Question, requests};
use provider_api::Target;
use std::collections::BTreeMap;

/// What a call is made of.
#[derive(Debug, Default)]
pub(super) struct Start {
    pub(super) pieces: Vec<Piece>,
    /// Targets that are not asked for, and how they stand.
    pub(super) resting: Vec<(Target, Standing)>,
}

/// The requests for `targets`, each standing as `standing` says.
pub(super) fn start(
    targets: &[Target],
    question: &Question,
    standing: impl Fn(&Target) -> Standing,
) -> Start {
    let mut start = Start::default();
    let mut together: BTreeMap<Option<Vec<usize>>, Vec<Target>> = BTreeMap::new();
    let mut tries: BTreeMap<Vec<usize>, Vec<Target>> = BTreeMap::new();
    let mut alone = Vec::new();
    for target in targets {
        match standing(target) {
            Standing::Plain => together.entry(None).or_default().push(target.clone()),
            Standing::Without { asked, tried } => {
                if !tried.is_empty() {
                    tries.entry(tried).or_default().push(target.clone());
                }
                together.entry(Some(asked)).or_default().push(target.clone());
            }
            Standing::Alone => alone.push(target),
            resting @ Standing::Resting { .. } => start.resting.push((target.clone(), resting)),
        }
    }
    for (asked, targets) in together {
        let metrics = asked.map_or_else(|| question.metrics.clone(), |asked| pick(question, &asked));
        let piece = |metrics| Piece {
            targets: targets.clone(),
            metrics,
            way: Way::Batch,
            is_cut: false,
        };
        start.pieces.extend(requests(&metrics).into_iter().map(piece));
    }
    for target in alone {
        let request = |metrics| one(target, metrics, Way::Alone);
        start
            .pieces
            .extend(requests(&question.metrics).into_iter().map(request));
    }
    for (tried, targets) in tries {
        let piece = |metrics| Piece {
            targets: targets.clone(),
            metrics,
            way: Way::Trial,
            is_cut: false,
        };
        let metrics = pick(question, &tried);
        start.pieces.extend(requests(&metrics).into_iter().map(piece));
    }
    start
}

fn one(target: &Target, metrics: Vec<AskedMetric>, way: Way) -> Piece {
    Piece {
        targets: vec![target.clone()],
        metrics,
        way,
        is_cut: false,
    }
}

fn pick(question: &Question, places: &[usize]) -> Vec<AskedMetric> {
    let metric = |at: &usize| question.metrics.get(*at).cloned();
    places.iter().filter_map(metric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::memory::RestKind;
    use crate::question::Aggregation;
    use crate::testing::{question, target};

    #[test]
    fn alike_go_together_and_doubtful_ones_alone() {
        let q = question("r", &["A", "B", "C"], &[Aggregation::Total]);
        let targets: Vec<Target> = (0..6).map(|i| target(&format!("/{i}"), &q)).collect();
        let without = |tried: &[usize]| Standing::Without {
            asked: vec![0],
            tried: tried.to_vec(),
        };
        let resting = Standing::Resting {
            due: false,
            times: 1,
            kind: RestKind::Invalid,
            words: String::new(),
        };
        let standings = [
            Standing::Plain,
            without(&[]),
            without(&[2]),
            Standing::Alone,
            Standing::Plain,
            resting.clone(),
        ];
        let at = |t: &Target| targets.iter().position(|known| known.id == t.id).expect("known");
        let got = start(&targets, &q, |t| standings[at(t)].clone());
        let told: Vec<(Vec<usize>, String, Way)> = got
            .pieces
            .iter()
            .map(|p| {
                let names: Vec<&str> = p.metrics.iter().map(|m| &*m.name).collect();
                (p.targets.iter().map(at).collect(), names.concat(), p.way)
            })
            .collect();
        assert_eq!(
            told,
            [
                (vec![0, 4], "ABC".to_owned(), Way::Batch),
                (vec![1, 2], "A".to_owned(), Way::Batch),
                (vec![3], "ABC".to_owned(), Way::Alone),
                (vec![2], "C".to_owned(), Way::Trial),
            ]
        );
        assert_eq!(got.resting.len(), 1);
    }
}
