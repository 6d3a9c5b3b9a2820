//! Words of other programs that read the same clouds or write to the same back ends, and what they are called here.
//!
//! The words stand in `foreign.txt`. They are compared without case, `_`, `-` and `.`, so `roleArn`, `role_arn` and
//! `role-arn` are one.

use std::{collections::BTreeMap, sync::LazyLock};

/// What to do about another program's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Another name in the same table.
    Here(&'static str),
    /// A path below the same table.
    Below(&'static str),
    /// A place elsewhere in the file, as the reference writes it.
    Elsewhere(&'static str),
    /// Not needed, and why.
    Nothing(&'static str),
}

/// The words of several tables with one answer.
struct Row {
    /// As in `aws[].metrics[]`; nothing is the file itself.
    tables: Vec<&'static str>,
    words: Vec<&'static str>,
    answer: Answer,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| rows(include_str!("foreign.txt")));

fn rows(text: &'static str) -> Vec<Row> {
    let lines = || {
        text.lines()
            .map(|line| line.split(" | ").map(str::trim).collect::<Vec<_>>())
    };
    let groups: BTreeMap<&str, &str> = lines()
        .filter_map(|cells| match cells.as_slice() {
            ["group", name, tables] => Some((*name, *tables)),
            _ => None,
        })
        .collect();
    lines()
        .filter_map(|cells| match cells.as_slice() {
            [tables, words, answer, _] => Some(Row {
                tables: split(groups.get(tables).unwrap_or(tables)),
                words: split(words),
                answer: parse(answer)?,
            }),
            _ => None,
        })
        .collect()
}

fn split(words: &'static str) -> Vec<&'static str> {
    words
        .split_whitespace()
        .map(|word| if word == "." { "" } else { word })
        .collect()
}

fn parse(answer: &'static str) -> Option<Answer> {
    let (kind, what) = answer.split_once(' ')?;
    match kind {
        "here" => Some(Answer::Here(what)),
        "below" => Some(Answer::Below(what)),
        "elsewhere" => Some(Answer::Elsewhere(what)),
        "nothing" => Some(Answer::Nothing(what)),
        _ => None,
    }
}

/// What another program's word in this table is here.
pub(crate) fn answer(table: &str, word: &str) -> Option<Answer> {
    let folded = fold(word);
    let row = ROWS
        .iter()
        .find(|row| row.tables.contains(&table) && row.has(&folded));
    row.map(|row| row.answer)
}

/// Whether this is a key of another program, and so no secret.
pub(crate) fn is_word(key: &str) -> bool {
    let folded = fold(key);
    ROWS.iter().any(|row| row.has(&folded))
}

impl Row {
    fn has(&self, folded: &str) -> bool {
        self.words.iter().any(|word| fold(word) == folded)
    }
}

fn fold(word: &str) -> String {
    word.chars()
        .filter(|c| !"_-.".contains(*c))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Answer, ROWS, answer, fold};
    use crate::form::forms;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// What the schema has at a path like `aws[].metrics[].names`.
    fn at<'s>(root: &'s Value, from: &'s Value, path: &str) -> Option<&'s Value> {
        let mut here = from;
        for key in path.split('.').filter(|key| !key.is_empty()) {
            let table = forms(root, here)
                .into_iter()
                .find(|form| form.get("properties").is_some())?;
            here = table.get("properties")?.get(key.trim_end_matches("[]"))?;
            if key.ends_with("[]") {
                here = forms(root, here).into_iter().find_map(|form| form.get("items"))?;
            }
        }
        Some(here)
    }

    #[test]
    fn every_answer_leads_to_a_key_of_ours() {
        let root = crate::schema();
        for row in ROWS.iter() {
            for table in &row.tables {
                let from = at(&root, &root, table).unwrap_or_else(|| panic!("no table {table}"));
                let found = match row.answer {
                    Answer::Here(key) | Answer::Below(key) => at(&root, from, key).is_some(),
                    Answer::Elsewhere(places) => places
                        .split([',', ' '])
                        .filter(|word| !word.is_empty() && *word != "and")
                        .all(|place| at(&root, &root, place).is_some()),
                    Answer::Nothing(_) => true,
                };
                assert!(found, "{table}: {:?}", row.answer);
            }
        }
    }

    #[test]
    fn no_foreign_word_is_one_of_ours_or_has_two_answers() {
        let root = crate::schema();
        let mut seen = BTreeSet::new();
        for row in ROWS.iter() {
            for (table, word) in row
                .tables
                .iter()
                .flat_map(|table| row.words.iter().map(move |word| (table, word)))
            {
                let ours = at(&root, &root, table).and_then(|from| at(&root, from, word));
                assert!(ours.is_none(), "{word} is a key of {table}");
                let again = !seen.insert((*table, fold(word)));
                assert!(
                    !again || row.words.iter().filter(|other| fold(other) == fold(word)).count() > 1,
                    "{word} in {table} twice"
                );
            }
        }
    }

    #[test]
    fn every_word_has_a_source() {
        let lines = include_str!("foreign.txt")
            .lines()
            .filter_map(|line| line.strip_prefix("source | "));
        let sources: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(" | ")).collect();
        let known: BTreeSet<&str> = sources.iter().map(|(tool, _)| *tool).collect();
        let rows = include_str!("foreign.txt")
            .lines()
            .filter_map(|line| line.split(" | ").nth(3));
        let rows = rows.filter(|tools| *tools != "who writes so");
        let used: BTreeSet<&str> = rows.flat_map(str::split_whitespace).collect();
        assert_eq!(known, used);
        assert!(ROWS.len() > 70, "{} rows", ROWS.len());
        assert!(sources.iter().all(|(_, url)| url.starts_with("https://")));
    }

    #[test]
    fn spelling_does_not_matter() {
        for word in ["roleArn", "role_arn", "role-arn", "ROLE_ARN"] {
            assert_eq!(
                answer("aws[]", word),
                Some(Answer::Below("credentials.assume_role.arn")),
                "{word}"
            );
        }
    }
}
