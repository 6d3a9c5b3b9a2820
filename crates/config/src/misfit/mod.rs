//! A value of the wrong kind: a number where text belongs, one where a list belongs, and what would fit.

mod collections;

use serde_json::Value;

use crate::{
    example,
    form::{allowed, found_words, kind_of, kind_words},
    guess,
    help::Help,
    meant,
    problem::Found,
    tree::{At, Data, Node},
    values::parse_duration,
    yaml,
};

/// AWS account ids have so many digits, and often begin with zeros, which a number loses.
const ACCOUNT_ID_DIGITS: usize = 12;

/// Says what is wrong with `node`, which fits none of the forms.
pub(crate) fn report(root: &Value, schema: &Value, forms: &[&Value], at: &At<'_>, found: &mut Found) {
    let Some(node) = at.node else { return };
    let misfit = Misfit {
        root,
        schema,
        kinds: forms.iter().map(|form| kind_of(form)).collect(),
        format: forms.iter().find_map(|form| form.get("format")?.as_str()),
        node,
        at,
    };
    let (message, help) = match &node.data {
        Data::Null => ("this key has no value".to_owned(), misfit.nothing()),
        Data::Int(_) | Data::Float(_) if misfit.format.is_some() && misfit.takes("string") => {
            (format!("{} has no unit", misfit.shown()), misfit.unit())
        }
        Data::Int(_) | Data::Float(_) | Data::Bool(_) => {
            let shown = if node.secret {
                String::new()
            } else {
                format!(" {}", node.written.as_str())
            };
            (
                format!(
                    "expected {}, found {}{shown}",
                    misfit.expected(),
                    found_words(node)
                ),
                misfit.scalar(),
            )
        }
        Data::Str(_) => (misfit.message(), misfit.scalar()),
        Data::Seq(items) => (misfit.message(), misfit.list(items)),
        Data::Map(_) => (misfit.message(), misfit.mapping()),
    };
    // These words quote no secret, and may hold parts of one by chance.
    found.span(at.span, at.path.clone(), message, help);
}

struct Misfit<'a> {
    root: &'a Value,
    schema: &'a Value,
    kinds: Vec<&'a str>,
    format: Option<&'a str>,
    node: &'a Node,
    at: &'a At<'a>,
}

impl Misfit<'_> {
    fn takes(&self, kind: &str) -> bool {
        self.kinds.contains(&kind)
    }

    fn expected(&self) -> String {
        let mut kinds: Vec<_> = self.kinds.iter().map(|kind| kind_words(kind)).collect();
        kinds.dedup();
        kinds.join(" or ")
    }

    fn message(&self) -> String {
        format!("expected {}, found {}", self.expected(), found_words(self.node))
    }

    fn shown(&self) -> String {
        if self.node.secret {
            "this value".into()
        } else {
            format!("`{}`", self.node.written.as_str())
        }
    }

    /// Another value from the schema.
    fn example(&self) -> Help {
        match example::of(self.root, self.schema) {
            Some(example) => Help::write(self.at, &example),
            None if self.at.trail == "accounts[]" => Help::write(self.at, "\"accounts.d/*.yaml\"")
                .and("; `accounts` names files: an account itself belongs in `aws`, `azure` or `gcp`"),
            None => "write a value".into(),
        }
    }

    fn nothing(&self) -> Help {
        let Some(example) = example::of(self.root, self.schema) else {
            return Help::remove(self.at, "remove the line");
        };
        let mut help = Help::write(self.at, &example);
        help.words = help.words.map(|words| format!("remove the line, or {words}"));
        help
    }

    /// A number of seconds or bytes, most likely.
    fn unit(&self) -> Help {
        let written = self.node.written.as_str();
        let zero = matches!(self.node.data, Data::Int(0));
        let guess = match self.format {
            Some("size") => guess::size(written).map(|size| (size, "a number alone is taken for bytes")),
            _ if zero && self.auto() => Some(("0s".to_owned(), "units are ms, s, m, h and d")),
            _ => guess::duration(&format!("{written}s")).map(|meant| {
                (
                    plain_seconds(written).unwrap_or(meant),
                    "for minutes write `m`, for hours `h`",
                )
            }),
        };
        match guess {
            Some((guess, more)) => Help::write(self.at, &guess).and(format!("; {more}")),
            None => self.example(),
        }
    }

    fn auto(&self) -> bool {
        example::of(self.root, self.schema).is_some_and(|example| example == "auto")
    }

    fn scalar(&self) -> Help {
        let text = self.node.text().unwrap_or(&self.node.written);
        let number = text
            .trim_start_matches('$')
            .split_whitespace()
            .next()
            .unwrap_or_default();
        let whole = matches!(text.to_lowercase().as_str(), "all" | "*" | "any");
        if self.at.key == Some("credentials") && matches!(text, "default" | "auto" | "none") {
            Help::remove(
                self.at,
                "remove `credentials`: without it, the cloud's default credentials are used",
            )
        } else if whole && self.at.trail == "azure[].subscriptions" {
            Help::remove(
                self.at,
                "remove `subscriptions`: without it, every one that the credential can see is read",
            )
        } else if self.takes("string") {
            self.quoted()
        } else if self.takes("array") {
            self.in_list(text)
        } else if self.takes("object") {
            self.in_mapping()
        } else if self.takes("boolean") {
            truth(text).map_or_else(|| self.example(), |truth| Help::write(self.at, truth))
        } else {
            self.number(number)
        }
    }

    fn number(&self, text: &str) -> Help {
        let whole = text.trim_end_matches(".0").parse::<u32>().ok();
        match whole {
            Some(whole) if !self.node.secret => Help::write(self.at, &whole.to_string()),
            None if self.takes("number")
                && !self.node.secret
                && text.parse::<f64>().is_ok_and(f64::is_finite) =>
            {
                Help::write(self.at, text)
            }
            Some(_) | None => self.example(),
        }
    }

    /// A text that looks like a number or a truth value.
    fn quoted(&self) -> Help {
        if self.node.secret {
            return Help::around(self.at, "\"", "\"", "put it in quotes");
        }
        let written = self.node.written.as_str();
        let words = allowed(&self.forms());
        if !words.is_empty() {
            let word = if matches!(self.node.data, Data::Bool(false)) && words.contains(&"none") {
                "none"
            } else {
                words[0]
            };
            return Help::write(self.at, word).and(format!("; possible: {}", words.join(", ")));
        }
        if self.at.key == Some("account_id") {
            return Help::write(self.at, &format!("\"{}\"", account_id(written)))
                .and(": without the quotes YAML reads a number, and drops zeros at its beginning");
        }
        let meant = meant::at(self.root, self.schema, &self.at.trail, written);
        if meant != written {
            return Help::write(self.at, &yaml::text_of(&meant));
        }
        Help::write(self.at, &format!("\"{written}\"")).and(", in quotes")
    }
}

/// `300` is `300s`; anything else is computed.
fn plain_seconds(written: &str) -> Option<String> {
    let seconds = format!("{written}s");
    parse_duration(&seconds)
        .filter(|duration| !duration.is_zero())
        .map(|_| seconds)
}

fn truth(text: &str) -> Option<&'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" | "1" | "true" | "enabled" => Some("true"),
        "no" | "n" | "off" | "0" | "false" | "disabled" | "none" => Some("false"),
        _ => None,
    }
}

/// With all its zeros; also from `1.23456789012e11`.
pub(crate) fn account_id(written: &str) -> String {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let exact = written.chars().all(|c| c.is_ascii_digit() || "- _.".contains(c));
    let number = written
        .parse::<f64>()
        .ok()
        .filter(|number| !exact && number.fract() == 0.0);
    let digits = number.map_or(digits, |number| format!("{number:.0}"));
    if digits.is_empty() || digits.len() > ACCOUNT_ID_DIGITS {
        return "123456789012".to_owned();
    }
    format!("{digits:0>ACCOUNT_ID_DIGITS$}")
}

#[cfg(test)]
mod tests {
    use super::account_id;

    #[test]
    fn account_ids_get_their_zeros_back() {
        for (written, id) in [
            ("012345678901", "012345678901"),
            ("12345678901", "012345678901"),
            ("1234-5678-9012", "123456789012"),
            ("1.2345678901e10", "012345678901"),
            ("prod", "123456789012"),
        ] {
            assert_eq!(account_id(written), id, "{written}");
        }
    }
}
