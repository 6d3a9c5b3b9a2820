//! Every remedy is obeyed by a machine: the problem is gone afterwards, and no new one is there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use config_file::{Problem, Problems, apply, load};

use crate::mistakes::{Fake, testdata};

/// Words that begin a remedy which no machine can carry out in the file, and why.
const BY_HAND: [(&str, &str); 13] = [
    (
        "look at the indentation",
        "a syntax error does not tell what was meant",
    ),
    (
        "set it where the daemon starts",
        "the environment is at fault, not the file",
    ),
    ("create the file, readable", "a file is missing"),
    ("to the unit", "a credential of systemd's is missing"),
    ("name an existing file", "a file is missing"),
    ("a PEM file begins with", "a file has the wrong contents"),
    ("create one: `gcloud", "a file has the wrong contents"),
    (
        "`nephoscope config token` prints",
        "only that command makes a hash of a token that somebody knows",
    ),
    (
        "write `${env:NAME}`",
        "only the user knows which of the three was meant",
    ),
    ("render the template first", "another program makes the file"),
    (
        "begin the first line below",
        "every line of a block has to be indented",
    ),
    (", and set it", "the environment has to be set as well"),
    (
        "what is meant as it stands",
        "the environment has to be set as well",
    ),
];

fn problems(path: &Path) -> Vec<Problem> {
    load(path, &Fake::world())
        .err()
        .map(|problems: Problems| problems.list)
        .unwrap_or_default()
}

/// How often each kind of problem is there; names and places change when another problem is repaired.
fn kinds(problems: &[Problem]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for problem in problems {
        let quoted = problem.message.split('`').step_by(2);
        *kinds.entry(quoted.collect::<Vec<_>>().join("…")).or_default() += 1;
    }
    kinds
}

/// The kind of this problem alone.
fn kind(problem: &Problem) -> String {
    kinds(std::slice::from_ref(problem)).into_keys().next().unwrap()
}

#[test]
fn every_remedy_works_when_it_is_obeyed() {
    let (mut wrong, mut obeyed, mut used) = (vec![], 0, BTreeSet::new());
    for entry in fs::read_dir(testdata()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let before = problems(&path);
        let known = kinds(&before);
        let other = testdata().join(format!(".{name}.obeyed"));
        for problem in before {
            let help = problem.help.clone().unwrap_or_default();
            if problem.edits.is_empty() {
                let reason = BY_HAND.iter().find(|(words, _)| help.contains(words));
                match reason {
                    Some((words, _)) => drop(used.insert(*words)),
                    None => wrong.push(format!("{name}: {}: no edit for: {help}", problem.message)),
                }
                continue;
            }
            obeyed += 1;
            let repaired = apply(&text, &problem.edits);
            fs::write(&other, &repaired).unwrap();
            let own = kind(&problem);
            // Behind a syntax error nothing was looked at.
            let unseen = own.starts_with("this is not YAML");
            let allowed = |kind: &String| known.get(kind).copied().unwrap_or(0) - usize::from(*kind == own);
            let new = |(kind, count): (&String, &usize)| *count > allowed(kind) && (!unseen || *kind == own);
            // What stands in a list or a table is looked at when its key is one of ours.
            let table = problem.path.rsplit_once('.').map_or("", |(table, _)| table);
            let renamed = own.starts_with("unknown key");
            let below = |new: &Problem| {
                let rest = new.path.strip_prefix(table).unwrap_or_default();
                renamed && (rest.trim_start_matches('.').contains(['.', '[']))
            };
            let after: Vec<Problem> = problems(&other);
            let after: Vec<Problem> = after
                .into_iter()
                .filter(|new| !below(new) || kind(new) == own)
                .collect();
            let after = kinds(&after);
            if after.iter().any(new) {
                wrong.push(format!("{name}: {own}: {help}\n  leaves: {after:?}\n{repaired}"));
            }
        }
        drop(fs::remove_file(&other));
    }
    let unused: Vec<_> = BY_HAND
        .iter()
        .filter(|(words, _)| !used.contains(words))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong remedies:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(unused.is_empty(), "reasons that nothing needs: {unused:?}");
    assert!(obeyed > 60, "only {obeyed} remedies were obeyed");
}
