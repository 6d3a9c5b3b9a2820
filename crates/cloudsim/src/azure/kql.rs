//! A small evaluator of Resource Graph's query language: `resources | where … | project … | distinct … | order by … | limit n`
//! (facts §9). Strings, `tags['k']`, comparison, `and`, `or`, `not()`, `isnotempty()`, `tolower()`; everything else is a
//! parse error, as a mistake is for the real service.

use super::kql_expression::{Parser, text};
use super::kql_tokens::{Token, tokens};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// What a query leaves of its rows.
#[derive(Debug)]
pub(super) struct Answer {
    /// Rows, in order.
    pub(super) rows: Vec<Value>,
    /// True when `limit` or `take` stood in it, which ends paging.
    pub(super) limited: bool,
}

/// Runs a query over the rows of a table that `table` hands out by name.
pub(super) fn run(query: &str, table: impl Fn(&str) -> Option<Vec<Value>>) -> Result<Answer, String> {
    let tokens = tokens(query)?;
    let mut stages = tokens.split(|token| *token == Token::Sign("|"));
    let first = stages.next().unwrap_or(&[]);
    let [Token::Word(name)] = first else {
        return Err("Query must start with a table".to_owned());
    };
    let rows = table(&name.to_lowercase()).ok_or_else(|| format!("Unknown table {name}"))?;
    let mut answer = Answer { rows, limited: false };
    for stage in stages {
        apply(stage, &mut answer)?;
    }
    Ok(answer)
}

fn apply(stage: &[Token], answer: &mut Answer) -> Result<(), String> {
    match stage {
        [word, condition @ ..] if word.is_word("where") => {
            let mut kept = Vec::new();
            for row in std::mem::take(&mut answer.rows) {
                let mut parser = Parser {
                    tokens: condition,
                    row: &row,
                };
                let keep = parser.any()?;
                parser.end()?;
                if keep {
                    kept.push(row);
                }
            }
            answer.rows = kept;
        }
        [word, columns @ ..] if word.is_word("project") => {
            answer.rows = answer
                .rows
                .iter()
                .map(|row| project(row, columns))
                .collect::<Result<_, _>>()?;
        }
        [word, columns @ ..] if word.is_word("distinct") => {
            let mut distinct: Vec<Value> = Vec::new();
            for row in &answer.rows {
                let row = project(row, columns)?;
                if !distinct.contains(&row) {
                    distinct.push(row);
                }
            }
            answer.rows = distinct;
        }
        [word, by, columns @ ..] if (word.is_word("order") || word.is_word("sort")) && by.is_word("by") => {
            order(&mut answer.rows, columns)?;
        }
        [word, Token::Word(number)] if word.is_word("limit") || word.is_word("take") => {
            answer
                .rows
                .truncate(number.parse().map_err(|_| format!("ParserFailure at {number}"))?);
            answer.limited = true;
        }
        other => return Err(format!("ParserFailure: unknown operator {:?}", other.first())),
    }
    Ok(())
}

fn project(row: &Value, columns: &[Token]) -> Result<Value, String> {
    let mut projected = Map::new();
    for column in columns.split(|token| *token == Token::Sign(",")) {
        let (name, source) = match column {
            [Token::Word(name), Token::Sign("="), source @ ..] => (name.clone(), source),
            [Token::Word(name)] | [Token::Sign("["), Token::Text(name), Token::Sign("]")] => {
                (name.clone(), column)
            }
            [
                Token::Word(name),
                Token::Sign("["),
                Token::Text(key),
                Token::Sign("]"),
            ] => (format!("{name}_{key}"), column),
            _ => return Err("ParserFailure in project".to_owned()),
        };
        let mut parser = Parser { tokens: source, row };
        projected.insert(name, parser.value()?);
        parser.end()?;
    }
    Ok(projected.into())
}

fn order(rows: &mut [Value], columns: &[Token]) -> Result<(), String> {
    let mut keys = Vec::new();
    for column in columns.split(|token| *token == Token::Sign(",")) {
        match column {
            [Token::Word(name)] => keys.push((name.clone(), true)),
            [Token::Word(name), word] if word.is_word("asc") || word.is_word("desc") => {
                keys.push((name.clone(), word.is_word("desc")));
            }
            _ => return Err("ParserFailure in order by".to_owned()),
        }
    }
    rows.sort_by(|left, right| {
        keys.iter().fold(Ordering::Equal, |so_far, (name, descending)| {
            let next = text(&left[name.as_str()]).cmp(&text(&right[name.as_str()]));
            so_far.then(if *descending { next.reverse() } else { next })
        })
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(query: &str) -> Result<Vec<String>, String> {
        let rows = vec![
            json!({"id": "/b", "name": "b", "type": "x/y", "location": "eastus", "tags": {"env": "prod"}}),
            json!({"id": "/a", "name": "it's", "type": "x/z", "location": "westeurope", "tags": {}}),
        ];
        let answer = run(query, |table| (table == "resources").then(|| rows.clone()))?;
        Ok(answer.rows.iter().map(|row| text(&row["name"])).collect())
    }

    #[test]
    fn the_queries_we_need_are_understood() {
        for (query, expected) in [
            (
                "resources | order by id asc | project name, id",
                vec!["it's", "b"],
            ),
            ("Resources | where type =~ 'X/Y'", vec!["b"]),
            (
                "resources | where type in~ ('x/y','X/Z') and location in~ ('westeurope')",
                vec!["it's"],
            ),
            (
                "resources | where tags['env'] =~ 'PROD' or ['type'] == 'none'",
                vec!["b"],
            ),
            (
                "resources | where not(isnotempty(tags['env'])) and (name == 'it\\'s' or name !~ 'a')",
                vec!["it's"],
            ),
            (
                "resources | where isempty(tags['env']) and name == 'it\\'s'",
                vec!["it's"],
            ),
            ("resources | where type !in~ ('x/y') | limit 1", vec!["it's"]),
        ] {
            assert_eq!(names(query).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn mistakes_are_parse_errors() {
        for query in [
            "",
            "resources | where",
            "resources | where type =~ 'x",
            "resources | summarize count()",
            "nothing",
            "resources | where type =~ 'a' 'b'",
        ] {
            assert!(names(query).is_err(), "{query}");
        }
    }
}
