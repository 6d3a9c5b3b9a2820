//! Conditions and values of a Resource Graph query, evaluated for one row while they are read. Stages are `kql.rs`.

use super::kql_tokens::Token;
use serde_json::Value;

/// A value as comparisons see it; null is empty.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Reads an expression and evaluates it for one row on the way.
pub(super) struct Parser<'a> {
    pub(super) tokens: &'a [Token],
    pub(super) row: &'a Value,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let found = self.tokens.first().is_some_and(|token| token.is_word(word));
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn sign(&mut self, sign: &'static str) -> Result<(), String> {
        if self.next() == Some(&Token::Sign(sign)) {
            Ok(())
        } else {
            Err(format!("ParserFailure: expected {sign}"))
        }
    }

    pub(super) fn end(&self) -> Result<(), String> {
        self.tokens
            .first()
            .map_or(Ok(()), |token| Err(format!("ParserFailure at {token:?}")))
    }

    pub(super) fn any(&mut self) -> Result<bool, String> {
        let mut holds = self.all()?;
        while self.skip_word("or") {
            holds |= self.all()?;
        }
        Ok(holds)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut holds = self.one()?;
        while self.skip_word("and") {
            holds &= self.one()?;
        }
        Ok(holds)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.tokens.first() == Some(&Token::Sign("(")) {
            return self.in_parentheses(Self::any);
        }
        if self.skip_word("not") {
            return self.in_parentheses(Self::any).map(|holds| !holds);
        }
        for (name, wanted) in [
            ("isnotempty", false),
            ("isempty", true),
            ("isnotnull", false),
            ("isnull", true),
        ] {
            if self.skip_word(name) {
                return self
                    .in_parentheses(Self::value)
                    .map(|value| text(&value).is_empty() == wanted);
            }
        }
        let left = text(&self.value()?);
        self.comparison(&left)
    }

    fn comparison(&mut self, left: &str) -> Result<bool, String> {
        let folded = left.to_lowercase();
        match self.next() {
            Some(Token::Sign("=~")) => Ok(folded == text(&self.value()?).to_lowercase()),
            Some(Token::Sign("!~")) => Ok(folded != text(&self.value()?).to_lowercase()),
            Some(Token::Sign("==")) => Ok(left == text(&self.value()?)),
            Some(Token::Sign("!=")) => Ok(left != text(&self.value()?)),
            Some(Token::Word(word)) => match word.to_lowercase().as_str() {
                "in" if self.tokens.first() == Some(&Token::Sign("~")) => {
                    self.fold_list().map(|list| list.contains(&folded))
                }
                "!in" if self.tokens.first() == Some(&Token::Sign("~")) => {
                    self.fold_list().map(|list| !list.contains(&folded))
                }
                "in" => self.list().map(|list| list.iter().any(|item| item == left)),
                "!in" => self.list().map(|list| list.iter().all(|item| item != left)),
                "contains" => Ok(folded.contains(&text(&self.value()?).to_lowercase())),
                "startswith" => Ok(folded.starts_with(&text(&self.value()?).to_lowercase())),
                "endswith" => Ok(folded.ends_with(&text(&self.value()?).to_lowercase())),
                _ => Err(format!("ParserFailure at {word}")),
            },
            other => Err(format!("ParserFailure at {other:?}")),
        }
    }

    fn fold_list(&mut self) -> Result<Vec<String>, String> {
        self.sign("~")?;
        Ok(self.list()?.iter().map(|item| item.to_lowercase()).collect())
    }

    fn list(&mut self) -> Result<Vec<String>, String> {
        self.sign("(")?;
        let mut items = vec![text(&self.value()?)];
        while self.tokens.first() == Some(&Token::Sign(",")) {
            self.sign(",")?;
            items.push(text(&self.value()?));
        }
        self.sign(")")?;
        Ok(items)
    }

    pub(super) fn value(&mut self) -> Result<Value, String> {
        match self.next() {
            Some(Token::Text(text)) => Ok(Value::from(text.as_str())),
            Some(Token::Sign("[")) => self.index(self.row),
            Some(word) if word.is_word("tolower") => self
                .in_parentheses(Self::value)
                .map(|value| text(&value).to_lowercase().into()),
            Some(word) if word.is_word("tostring") => {
                self.in_parentheses(Self::value).map(|value| text(&value).into())
            }
            Some(Token::Word(name)) => {
                let (column, key) = name
                    .split_once('.')
                    .map_or((name.as_str(), None), |(column, key)| (column, Some(key)));
                let value = self
                    .row
                    .get(column)
                    .ok_or_else(|| format!("Unknown column {column}"))?;
                match key {
                    Some(key) => Ok(value.get(key).cloned().unwrap_or_default()),
                    None if self.tokens.first() == Some(&Token::Sign("[")) => {
                        self.sign("[")?;
                        self.index(value)
                    }
                    None => Ok(value.clone()),
                }
            }
            other => Err(format!("ParserFailure at {other:?}")),
        }
    }

    fn index(&mut self, value: &Value) -> Result<Value, String> {
        let Some(Token::Text(key)) = self.next() else {
            return Err("ParserFailure: expected a key".to_owned());
        };
        self.sign("]")?;
        Ok(value.get(key).cloned().unwrap_or_default())
    }

    fn in_parentheses<T>(&mut self, inner: impl Fn(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.sign("(")?;
        let value = inner(self)?;
        self.sign(")")?;
        Ok(value)
    }
}
