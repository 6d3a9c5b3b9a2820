//! The dimension filter of metric queries: `A eq 'a1' or A eq 'a2' and B eq '*'` (facts §3).
//! `and` joins different dimensions, `or` values of the same one. Which dimensions a metric has is the caller's knowledge.

/// What one value of a dimension must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// `eq '*'`: every value.
    Any,
    /// `eq 'v'`, any case.
    Is(String),
    /// `ne 'v'`, any case.
    IsNot(String),
    /// `sw 'v'`, any case.
    StartsWith(String),
}

impl Test {
    fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(wanted) => value.eq_ignore_ascii_case(wanted),
            Self::IsNot(other) => !value.eq_ignore_ascii_case(other),
            Self::StartsWith(start) => value.to_lowercase().starts_with(&start.to_lowercase()),
        }
    }
}

/// The tests of one dimension, of which one must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// Dimension name as asked.
    pub(super) dimension: String,
    /// Alternatives.
    pub(super) tests: Vec<Test>,
}

/// A whole filter; empty means "no split".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// One term per dimension, in asked order.
    pub(super) terms: Vec<Term>,
}

impl Filter {
    /// Reads a filter; the error is what Azure would say.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        let mut words = words(text)?.into_iter().peekable();
        let mut joined_by_or = false;
        while words.peek().is_some() {
            let (Some(dimension), Some(operator), Some(value)) = (words.next(), words.next(), words.next())
            else {
                return Err(invalid(text));
            };
            let test = test(&operator, value).ok_or_else(|| invalid(text))?;
            filter
                .add(dimension, test, joined_by_or)
                .ok_or_else(|| invalid(text))?;
            joined_by_or = match words.next() {
                None => return Ok(filter),
                Some(word) if word.eq_ignore_ascii_case("or") => true,
                Some(word) if word.eq_ignore_ascii_case("and") => false,
                Some(_) => return Err(invalid(text)),
            };
        }
        Err(invalid(text))
    }

    /// A filter that splits by these dimensions and keeps every value.
    pub(super) fn split_by(dimensions: &[&str]) -> Self {
        let terms = dimensions
            .iter()
            .map(|name| Term {
                dimension: (*name).to_owned(),
                tests: vec![Test::Any],
            })
            .collect();
        Self { terms }
    }

    /// The term of a dimension, any case.
    pub(super) fn term(&self, dimension: &str) -> Option<&Term> {
        self.terms
            .iter()
            .find(|term| term.dimension.eq_ignore_ascii_case(dimension))
    }

    /// True when the value of this dimension passes, or nothing is asked of it.
    pub(super) fn accepts(&self, dimension: &str, value: &str) -> bool {
        self.term(dimension)
            .is_none_or(|term| term.tests.iter().any(|test| test.accepts(value)))
    }

    fn add(&mut self, dimension: String, test: Test, joined_by_or: bool) -> Option<()> {
        if joined_by_or {
            let last = self
                .terms
                .last_mut()
                .filter(|term| term.dimension.eq_ignore_ascii_case(&dimension))?;
            last.tests.push(test);
        } else if self.term(&dimension).is_none() {
            self.terms.push(Term {
                dimension,
                tests: vec![test],
            });
        } else {
            return None;
        }
        Some(())
    }
}

fn invalid(text: &str) -> String {
    format!("Detected invalid filter expression: {text}")
}

fn test(operator: &str, value: String) -> Option<Test> {
    match operator.to_lowercase().as_str() {
        "eq" if value == "*" => Some(Test::Any),
        "eq" => Some(Test::Is(value)),
        "ne" => Some(Test::IsNot(value)),
        "sw" => Some(Test::StartsWith(value)),
        _ => None,
    }
}

/// Splits at blanks; a quoted value is one word, a doubled quote inside it is one quote.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('\'') {
            let (word, after) = quoted_word(quoted).ok_or_else(|| invalid(text))?;
            words.push(word);
            rest = after.trim_start();
        } else {
            let end = rest.find([' ', '\'']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            words.push(word.to_owned());
            rest = after.trim_start();
        }
    }
    Ok(words)
}

fn quoted_word(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('\'')?;
        word.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                word.push('\'');
                rest = more;
            }
            None => return Some((word, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_dimension_are_joined_by_or() {
        let filter = Filter::parse("A eq 'a1' and B eq 'b1' or B eq 'it''s' and C eq '*'").unwrap();
        assert_eq!(filter.terms.len(), 3);
        assert!(
            filter.accepts("b", "IT'S")
                && !filter.accepts("B", "b3")
                && filter.accepts("C", "x")
                && filter.accepts("D", "y")
        );
    }

    #[test]
    fn what_azure_refuses_is_refused() {
        for text in [
            "",
            "A",
            "A eq",
            "A eq 'x' or B eq 'y'",
            "A eq 'x' and A eq 'y'",
            "A eq 'x",
            "A eq 'x' and",
            "A gt 'x'",
        ] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
    }
}
