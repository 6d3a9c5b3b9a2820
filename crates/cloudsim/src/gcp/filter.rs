//! Google's monitoring filter: text to tree, and the tree against one series. `NOT` binds tightest, then `OR`, then
//! `AND` (Google's guide "Monitoring filters" has it in that order). Which selectors a method allows is the
//! method's business, except that `timeSeries` needs [`Expr::single_metric_type`].

use super::lexer::{Token, tokens};
use super::pattern::Pattern;

/// What the left side of a comparison names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    Project,
    MetricType,
    MetricLabel(String),
    ResourceType,
    ResourceLabel(String),
    /// `metadata.*`: accepted, and absent on every simulated resource.
    Metadata,
}

#[derive(Clone, Debug)]
enum Test {
    Equal(String),
    Substring(String),
    Prefix(String),
    Suffix(String),
    OneOf(Vec<String>),
    Regex(Pattern),
    Order(String, &'static [std::cmp::Ordering]),
}

/// A parsed filter.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Is(Selector, Match),
}

/// The right side of a comparison.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    test: Test,
    negated: bool,
}

/// `one_of` takes at most this many values (Google's own custom-metrics adapter has the constant).
const ONE_OF_MAX: usize = 100;

impl Expr {
    /// Whether something with these selector values passes.
    pub(crate) fn matches(&self, lookup: &dyn Fn(&Selector) -> Option<String>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(lookup)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(lookup)),
            Self::Not(part) => !part.matches(lookup),
            Self::Is(selector, right) => right.matches(lookup(selector).as_deref()),
        }
    }

    /// Each selector in the tree.
    pub(crate) fn selectors(&self) -> Vec<&Selector> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::selectors).collect(),
            Self::Not(part) => part.selectors(),
            Self::Is(selector, _) => vec![selector],
        }
    }

    /// The one type a `timeSeries` filter must name: by `=`, once, and neither negated nor one of alternatives.
    pub(crate) fn single_metric_type(&self) -> Option<&str> {
        let all = self
            .selectors()
            .into_iter()
            .filter(|s| **s == Selector::MetricType)
            .count();
        if all == 1 { self.required_type() } else { None }
    }

    fn required_type(&self) -> Option<&str> {
        match self {
            Self::All(parts) => parts.iter().find_map(Self::required_type),
            Self::Is(
                Selector::MetricType,
                Match {
                    test: Test::Equal(name),
                    negated: false,
                },
            ) => Some(name),
            Self::Any(_) | Self::Not(_) | Self::Is(..) => None,
        }
    }
}

impl Match {
    fn matches(&self, value: Option<&str>) -> bool {
        let value = value.unwrap_or("");
        let hit = match &self.test {
            Test::Equal(want) => value == want,
            Test::Substring(part) => value.contains(part.as_str()),
            Test::Prefix(part) => value.starts_with(part.as_str()),
            Test::Suffix(part) => value.ends_with(part.as_str()),
            Test::OneOf(list) => list.iter().any(|want| want == value),
            Test::Regex(pattern) => pattern.full_match(value),
            Test::Order(want, allowed) => match (value.parse::<f64>(), want.parse::<f64>()) {
                (Ok(a), Ok(b)) => a.partial_cmp(&b).is_some_and(|order| allowed.contains(&order)),
                _ => allowed.contains(&value.cmp(want.as_str())),
            },
        };
        hit != self.negated
    }
}

/// Reads a filter; the error is the sentence for the 400.
pub(crate) fn parse(text: &str) -> Result<Expr, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
    };
    let expr = parser.all()?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(format!("unexpected {token:?} in the filter")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn eat(&mut self, token: &Token) -> bool {
        let hit = self.peek() == Some(token);
        self.at += usize::from(hit);
        hit
    }

    fn eat_word(&mut self, word: &str) -> bool {
        self.eat(&Token::Word(word.to_owned()))
    }

    fn all(&mut self) -> Result<Expr, String> {
        let mut parts = vec![self.any()?];
        while self.peek().is_some_and(|token| *token != Token::Sign(")")) {
            // A blank is an AND as well.
            self.eat_word("AND");
            parts.push(self.any()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Expr::All(parts)
        })
    }

    fn any(&mut self) -> Result<Expr, String> {
        let mut parts = vec![self.unary()?];
        while self.eat_word("OR") {
            parts.push(self.unary()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Expr::Any(parts)
        })
    }

    fn unary(&mut self) -> Result<Expr, String> {
        if self.eat_word("NOT") || self.eat(&Token::Sign("-")) {
            return Ok(Expr::Not(Box::new(self.unary()?)));
        }
        if self.eat(&Token::Sign("(")) {
            let inner = self.all()?;
            return if self.eat(&Token::Sign(")")) {
                Ok(inner)
            } else {
                Err("a parenthesis is not closed".to_owned())
            };
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, String> {
        let Some(Token::Word(name)) = self.take() else {
            return Err("a selector is missing".to_owned());
        };
        let selector = selector(&name)?;
        let Some(Token::Sign(sign)) = self.take() else {
            return Err(format!("an operator is missing after {name}"));
        };
        let right = self.right(sign)?;
        Ok(Expr::Is(selector, right))
    }

    fn right(&mut self, sign: &str) -> Result<Match, String> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let negated = sign == "!=";
        let value = match self.take() {
            Some(Token::Text(text)) => text,
            Some(Token::Word(word)) if self.peek() == Some(&Token::Sign("(")) => {
                return if matches!(sign, "=" | "!=") {
                    Ok(Match {
                        test: self.function(&word)?,
                        negated,
                    })
                } else {
                    Err(format!("{word}(…) goes with = or != only"))
                };
            }
            Some(Token::Word(word)) if !matches!(word.as_str(), "AND" | "OR" | "NOT") => word,
            _ => return Err(format!("a value is missing after {sign}")),
        };
        let test = match sign {
            "=" | "!=" => Test::Equal(value),
            ":" => Test::Substring(value),
            ">" => Test::Order(value, &[Greater]),
            ">=" => Test::Order(value, &[Greater, Equal]),
            "<" => Test::Order(value, &[Less]),
            "<=" => Test::Order(value, &[Less, Equal]),
            _ => return Err(format!("{sign} is not an operator")),
        };
        Ok(Match { test, negated })
    }

    fn function(&mut self, name: &str) -> Result<Test, String> {
        let mut arguments = self.arguments()?;
        if name == "one_of" {
            return if (1..=ONE_OF_MAX).contains(&arguments.len()) {
                Ok(Test::OneOf(arguments))
            } else {
                Err(format!("one_of takes 1 to {ONE_OF_MAX} values"))
            };
        }
        let (Some(value), true) = (arguments.pop(), arguments.is_empty()) else {
            return Err(format!("{name} takes one value"));
        };
        match name {
            "starts_with" => Ok(Test::Prefix(value)),
            "ends_with" => Ok(Test::Suffix(value)),
            "has_substring" => Ok(Test::Substring(value)),
            "monitoring.regex.full_match" => Ok(Test::Regex(Pattern::new(&value)?)),
            _ => Err(format!("no function is called {name}")),
        }
    }

    fn arguments(&mut self) -> Result<Vec<String>, String> {
        let mut out = Vec::new();
        self.at += 1; // the opening parenthesis, which the caller saw
        loop {
            match self.take() {
                Some(Token::Text(text)) => out.push(text),
                _ => return Err("a function takes quoted strings".to_owned()),
            }
            match self.take() {
                Some(Token::Sign(",")) => {}
                Some(Token::Sign(")")) => return Ok(out),
                _ => return Err("a function's parenthesis is not closed".to_owned()),
            }
        }
    }
}

fn selector(name: &str) -> Result<Selector, String> {
    let after = |prefixes: [&str; 2]| {
        prefixes
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .map(str::to_owned)
    };
    match name {
        "project" => return Ok(Selector::Project),
        "metric.type" => return Ok(Selector::MetricType),
        "resource.type" => return Ok(Selector::ResourceType),
        _ => {}
    }
    if let Some(key) = after(["metric.labels.", "metric.label."]) {
        return Ok(Selector::MetricLabel(key));
    }
    if let Some(key) = after(["resource.labels.", "resource.label."]) {
        return Ok(Selector::ResourceLabel(key));
    }
    if after(["metadata.system_labels.", "metadata.user_labels."]).is_some() {
        return Ok(Selector::Metadata);
    }
    Err(format!("{name} is not a selector"))
}
