//! Every remedy is obeyed by a machine: the problem is gone afterwards, and no new one is there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use config_file::{EXAMPLE, Look, Problem, Problems, apply, load};

use crate::mistakes::{Fake, testdata};

/// Words that begin a remedy which no machine can carry out in the file, and why.
const BY_HAND: [(&str, &str); 17] = [
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
    ("prints a file to start from", "the whole file has to be written"),
    (
        "move what is below it to the top",
        "every line of a block has to be indented",
    ),
    (
        "write a list in which each has its name",
        "every line of a block has to be indented",
    ),
    (
        "close the quote",
        "only the user knows before which bracket it ends",
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

/// More rounds than any file has problems.
const ROUNDS: usize = 40;

#[test]
fn who_obeys_one_remedy_after_another_ends_with_a_configuration_that_works() {
    let dir = tempfile::tempdir().unwrap();
    let mut wrong = vec![];
    for entry in fs::read_dir(testdata()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let other = dir.path().join("nephoscope.yaml");
        let mut text = fs::read_to_string(&path).unwrap();
        for _ in 0..ROUNDS {
            fs::write(&other, &text).unwrap();
            match problems(&other)
                .into_iter()
                .find(|problem| !problem.edits.is_empty())
            {
                Some(problem) => text = apply(&text, &problem.edits),
                None => break,
            }
        }
        let left: Vec<Problem> = problems(&other)
            .into_iter()
            .filter(|problem| !problem.edits.is_empty())
            .collect();
        if let Some(problem) = left.first() {
            let name = path.file_name().unwrap().to_string_lossy();
            wrong.push(format!("{name}: {}: {:?}\n{text}", problem.message, problem.help));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} never end:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Pieces that matter to YAML, to our own small languages, or to who counts bytes.
const PIECES: [&str; 24] = [
    "\"", "'", "*", "&a ", "*a", "{", "}", "[", "]", ": ", "- ", "\n", "\t", "#", "|\n", "${", "${env:", "ü",
    "€", "🞄", "“", "<<: ", "!x ", "---\n",
];

#[test]
fn any_text_is_answered_and_any_remedy_can_be_applied() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nephoscope.yaml");
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        // Marsaglia's xorshift: the same texts in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    for _ in 0..300 {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        for _ in 0..=next(6) {
            let at = next(text.len());
            let end = (at + next(12)).min(text.len());
            drop(text.splice(at..end, PIECES[next(PIECES.len())].chars()));
        }
        let text: String = text.into_iter().collect();
        fs::write(&path, &text).unwrap();
        let Err(problems) = load(&path, &Fake::world()) else {
            continue;
        };
        for look in [
            Look::Narrated,
            Look::Graphical {
                color: true,
                width: 80,
            },
        ] {
            assert!(!problems.render(look).is_empty());
        }
        for problem in &problems.list {
            fs::write(&path, apply(&text, &problem.edits)).unwrap();
            drop(load(&path, &Fake::world()));
        }
    }
}
