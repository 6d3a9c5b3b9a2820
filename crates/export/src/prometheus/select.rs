//! `match[]` of a scrape: `PromQL`'s selectors of series, `name{label="value",other=~"a|b"}`, without ranges and functions.

use super::labels::value_of;
use regex::Regex;

/// Why a text is no selector.
#[derive(Debug, thiserror::Error)]
#[error("match[]={text}: {why}")]
pub struct SelectError {
    text: String,
    why: String,
}

/// One selector.
#[derive(Clone, Debug)]
pub struct Selector(Vec<Matcher>);

#[derive(Clone, Debug)]
struct Matcher {
    /// Nothing for the name of the metric.
    label: Option<String>,
    test: Test,
    negated: bool,
}

#[derive(Clone, Debug)]
enum Test {
    Equal(String),
    Regex(Regex),
}

impl Test {
    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Equal(wanted) => wanted == value,
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

impl Matcher {
    fn fits(&self, value: &str) -> bool {
        self.test.fits(value) != self.negated
    }
}

impl Selector {
    /// Reads a selector.
    pub fn parse(text: &str) -> Result<Self, SelectError> {
        let wrong = |why: String| SelectError {
            text: text.to_owned(),
            why,
        };
        let mut parser = Parser { rest: text.trim() };
        let matchers = parser.selector().map_err(wrong)?;
        if matchers.iter().all(|one| one.fits("")) {
            return Err(wrong(
                "at least one matcher must not fit the empty text, as in {__name__=~\".+\"}".to_owned(),
            ));
        }
        Ok(Self(matchers))
    }

    /// Whether samples of this name may fit.
    pub(super) fn takes_name(&self, name: &str) -> bool {
        let of_name = self.0.iter().filter(|one| one.label.is_none());
        of_name.into_iter().all(|one| one.fits(name))
    }

    /// Whether a sample with these labels fits, whatever its name.
    pub(super) fn takes_labels(&self, labels: &str) -> bool {
        self.0.iter().all(|one| match &one.label {
            Some(label) => one.fits(&value_of(labels, label)),
            None => true,
        })
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn selector(&mut self) -> Result<Vec<Matcher>, String> {
        let mut all = Vec::new();
        let name = self.word(|c| c == ':' || is_word(c));
        if !name.is_empty() {
            all.push(named(name.to_owned()));
        }
        self.blank();
        if self.rest.is_empty() && !all.is_empty() {
            return Ok(all);
        }
        self.expect('{')?;
        loop {
            self.blank();
            if self.take('}') {
                break;
            }
            all.push(self.matcher()?);
            self.blank();
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        self.blank();
        if self.rest.is_empty() {
            Ok(all)
        } else {
            Err(format!("unexpected `{}` behind the selector", self.rest))
        }
    }

    fn matcher(&mut self) -> Result<Matcher, String> {
        let quoted = self.rest.starts_with(['"', '\'', '`']);
        let label = if quoted {
            self.quoted()?
        } else {
            self.word(is_word).to_owned()
        };
        self.blank();
        // A quoted name alone is the metric's.
        if quoted && self.rest.starts_with([',', '}']) {
            return Ok(named(label));
        }
        if label.is_empty() {
            return Err(format!("a label is expected at `{}`", self.rest));
        }
        let (negated, regex) = self.operator()?;
        self.blank();
        let value = self.quoted()?;
        let test = if regex {
            let anchored = format!("^(?s:{value})$");
            Test::Regex(Regex::new(&anchored).map_err(|error| format!("`{value}`: {error}"))?)
        } else {
            Test::Equal(value)
        };
        Ok(Matcher {
            label: Some(label).filter(|label| label != "__name__"),
            test,
            negated,
        })
    }

    fn operator(&mut self) -> Result<(bool, bool), String> {
        for (sign, found) in [
            ("=~", (false, true)),
            ("!~", (true, true)),
            ("!=", (true, false)),
            ("=", (false, false)),
        ] {
            if let Some(rest) = self.rest.strip_prefix(sign) {
                self.rest = rest;
                return Ok(found);
            }
        }
        Err(format!("=, !=, =~ or !~ is expected at `{}`", self.rest))
    }

    /// A text in double or single quotes, with escapes, or in backticks, without.
    fn quoted(&mut self) -> Result<String, String> {
        let mut chars = self.rest.char_indices();
        let Some((_, quote @ ('"' | '\'' | '`'))) = chars.next() else {
            return Err(format!("a text in quotes is expected at `{}`", self.rest));
        };
        let mut out = String::new();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(out);
            }
            match (c, quote) {
                ('\\', '"' | '\'') => match chars.next() {
                    Some((_, 'n')) => out.push('\n'),
                    Some((_, 't')) => out.push('\t'),
                    Some((_, 'r')) => out.push('\r'),
                    Some((_, escaped @ ('\\' | '"' | '\''))) => out.push(escaped),
                    Some((_, other)) => return Err(format!("`\\{other}` is no escape; write `\\\\{other}`")),
                    None => break,
                },
                _ => out.push(c),
            }
        }
        Err(format!("a text is not closed by {quote}"))
    }

    fn word(&mut self, is_part: fn(char) -> bool) -> &'a str {
        let starts = |c: char| !c.is_ascii_digit();
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if !word.starts_with(starts) {
            return "";
        }
        self.rest = rest;
        word
    }

    fn blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.take(c) {
            return Ok(());
        }
        match self.rest {
            "" => Err(format!("`{c}` is expected at the end")),
            rest => Err(format!("`{c}` is expected at `{rest}`")),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn named(name: String) -> Matcher {
    Matcher {
        label: None,
        test: Test::Equal(name),
        negated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: &str = "InstanceId=\"i-1\",cloud_region=\"eu-west-1\",odd=\"a\\\"b\"";

    #[test]
    fn selectors_take_what_promql_takes() {
        for (text, wanted) in [
            ("aws_ec2_cpu", true),
            ("aws_ec2_cp", false),
            ("aws_ec2_cpu{}", true),
            ("{__name__=\"aws_ec2_cpu\"}", true),
            ("{__name__=~\"aws_.*\", cloud_region=\"eu-west-1\",}", true),
            ("{__name__=~\"aws_\"}", false),
            ("{__name__!~\"azure_.*\",InstanceId=~'i-.+'}", true),
            ("{\"aws_ec2_cpu\", \"InstanceId\"=`i-1`}", true),
            (" aws_ec2_cpu { cloud_region != \"eu-west-1\" } ", false),
            ("{cloud_region=~\"us-.*|eu-.*\"}", true),
            ("aws_ec2_cpu{missing=\"\"}", true),
            ("aws_ec2_cpu{missing!=\"\"}", false),
            ("{odd='a\"b'}", true),
            ("{odd=\"a\\\"b\"}", true),
            ("{job=\"x\"}", false),
        ] {
            let selector = Selector::parse(text).unwrap();
            let got = selector.takes_name("aws_ec2_cpu") && selector.takes_labels(LABELS);
            assert_eq!(got, wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_with_its_place() {
        for (text, why) in [
            ("", "`{` is expected at the end"),
            ("{}", "must not fit the empty text"),
            ("{a=~\".*\"}", "must not fit the empty text"),
            ("up[5m]", "`{` is expected at `[5m]`"),
            ("{a=1}", "a text in quotes is expected at `1}`"),
            ("{a=\"1\"", "`}` is expected at the end"),
            ("{a=\"1}", "not closed"),
            ("{a~\"1\"}", "=, !=, =~ or !~ is expected"),
            ("{a=~\"(\"}", "`(`: "),
            ("{a=\"\\d\"}", "is no escape"),
            ("sum(a)", "`{` is expected at `(a)`"),
            ("a{b=\"1\"} + 1", "unexpected `+ 1`"),
            ("{1a=\"x\"}", "a label is expected"),
        ] {
            let error = Selector::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
