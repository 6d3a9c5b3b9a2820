//! A question as it was asked: its parameters, the form that the answer is wanted in, and the version the caller has.
//!
//! A parameter that nobody knows is an error: a filter that is silently ignored gives a wrong answer.

use super::error::ApiError;
use super::form::Form;
use super::time;
use crate::clock::SystemClock;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use provider_api::UnixNanos;
use scheduler::Clock as _;
use std::convert::Infallible;

/// Longest query that is looked at; the server itself cuts off at 64 KiB.
const MOST_BYTES: usize = 48 << 10;

/// Longest value, in characters. A resource's id may be an attribute, and a cursor has a metric's name twice its length.
const MOST_CHARS: [(&str, usize); 2] = [("attribute", 500), ("cursor", 4000)];

/// Longest value of all other parameters, in characters.
const MOST_CHARS_ELSE: usize = 200;

/// The parameter that may be given several times.
const REPEATABLE: &str = "attribute";

/// A question.
#[derive(Debug)]
pub(in crate::admin) struct Asked {
    uri: Uri,
    headers: HeaderMap,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
        })
    }
}

impl Asked {
    /// The form that the answer is wanted in: `?format=` before `Accept`.
    pub(super) fn form(&self, params: &Params) -> Result<Form, ApiError> {
        match params.text("format") {
            Some(name) => Form::named(name),
            None => Form::accepted(&self.headers),
        }
    }

    /// Refuses a caller who does not want JSON.
    pub(super) fn wants_json(&self) -> Result<(), ApiError> {
        match Form::accepted(&self.headers)? {
            Form::Json => Ok(()),
            Form::Csv | Form::Xml => Err(Form::not_acceptable("this is there as JSON only")),
        }
    }

    /// The parameters, of which all must be in `known`.
    pub(super) fn params(&self, known: &[&str]) -> Result<Params, ApiError> {
        let query = self.uri.query().unwrap_or("");
        if query.len() > MOST_BYTES {
            return Err(ApiError::bad(format!(
                "the query has {} bytes; {MOST_BYTES} are the most",
                query.len()
            )));
        }
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        let params = Params(pairs.collect());
        params.check(known)?;
        Ok(params)
    }

    /// Whether the caller has this version already.
    pub(super) fn has(&self, etag: &str) -> bool {
        let given = self.headers.get_all(header::IF_NONE_MATCH);
        let tags = given.iter().filter_map(|value| value.to_str().ok());
        let mut tags = tags.flat_map(|list| list.split(','));
        tags.any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag)
    }

    /// The same question with another cursor.
    pub(super) fn with_cursor(&self, cursor: &str) -> String {
        let query = self.uri.query().unwrap_or("");
        let others = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "cursor");
        let mut next = url::form_urlencoded::Serializer::new(String::new());
        next.extend_pairs(others).append_pair("cursor", cursor);
        format!("{}?{}", self.uri.path(), next.finish())
    }
}

/// Parameters of a question.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    fn check(&self, known: &[&str]) -> Result<(), ApiError> {
        for (index, (name, value)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                return Err(ApiError::bad(format!(
                    "there is no parameter `{name}` here; possible: {known}"
                )));
            }
            most_chars(name, value)?;
            let twice = self.0.iter().skip(index + 1).any(|(other, _)| other == name);
            if twice && name != REPEATABLE {
                return Err(ApiError::bad(format!("`{name}` is given twice")));
            }
        }
        Ok(())
    }

    /// A value.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// A text to look for; an empty one is none, as a form sends it.
    pub(super) fn wanted(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|value| !value.is_empty())
    }

    /// All values of one name.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A number of rows.
    pub(super) fn limit(&self, default: usize, most: usize) -> Result<usize, ApiError> {
        let Some(text) = self.text("limit") else {
            return Ok(default);
        };
        let given = text.parse::<usize>().ok().filter(|n| (1..=most).contains(n));
        given.ok_or_else(|| ApiError::bad(format!("`limit={text}`: write a whole number from 1 to {most}")))
    }

    /// A time.
    pub(super) fn time(&self, name: &str) -> Result<Option<UnixNanos>, ApiError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let time = time::parse(text, SystemClock.now());
        time.map(Some).ok_or_else(|| {
            let help = "write 2026-11-01T06:00:00Z, seconds since 1970, or an age such as 6h";
            ApiError::bad(format!("`{name}={text}` is not a time; {help}"))
        })
    }

    /// Where the page before ended.
    pub(super) fn cursor(&self) -> Result<Option<Vec<u8>>, ApiError> {
        let Some(text) = self.text("cursor") else {
            return Ok(None);
        };
        let wrong =
            || ApiError::bad("`cursor` is not one of ours; take it from the page before, or leave it out");
        unhex(text).map(Some).ok_or_else(wrong)
    }
}

fn most_chars(name: &str, value: &str) -> Result<(), ApiError> {
    let own = MOST_CHARS.iter().find(|(known, _)| *known == name);
    let most = own.map_or(MOST_CHARS_ELSE, |(_, most)| *most);
    if value.chars().count() > most {
        return Err(ApiError::bad(format!(
            "`{name}` may have {most} characters at most"
        )));
    }
    Ok(())
}

/// Bytes as a cursor.
pub(in crate::admin) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text
        .chars()
        .map(|c| c.to_digit(16).filter(|_| !c.is_ascii_uppercase()))
        .collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len() % 2 == 0)?;
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(uri: &str) -> Asked {
        Asked {
            uri: uri.parse().unwrap(),
            headers: HeaderMap::new(),
        }
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for uri in ["/x?nam=a", "/x?name=a&name=b", "/x?name"] {
            let result = asked(uri).params(&["name", "attribute"]);
            assert_eq!(result.is_ok(), uri == "/x?name", "{uri}");
        }
        assert!(
            asked("/x?attribute=a=b&attribute=c=d")
                .params(&["attribute"])
                .is_ok()
        );
    }

    #[test]
    fn a_limit_is_a_number_within_bounds() {
        for (uri, wanted) in [
            ("/x", Some(5)),
            ("/x?limit=9", Some(9)),
            ("/x?limit=0", None),
            ("/x?limit=11", None),
        ] {
            let params = asked(uri).params(&["limit"]).unwrap();
            assert_eq!(params.limit(5, 10).ok(), wanted, "{uri}");
        }
    }

    #[test]
    fn the_next_page_is_asked_for_with_the_same_filters() {
        let next = asked("/x?name=a%20b&cursor=00").with_cursor("ff");
        assert_eq!(next, "/x?name=a+b&cursor=ff");
    }

    #[test]
    fn cursors_are_read_back() {
        assert_eq!(unhex(&hex(&[0, 1, 255])), Some(vec![0, 1, 255]));
        for odd in ["", "0g", "012", "AB"] {
            assert_eq!(unhex(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_version_is_recognised_among_others() {
        let mut asked = asked("/x");
        let value = "\"a\", W/\"b\"".parse().unwrap();
        asked.headers.insert(header::IF_NONE_MATCH, value);
        assert!(asked.has("\"b\"") && asked.has("\"a\"") && !asked.has("\"c\""));
    }
}
