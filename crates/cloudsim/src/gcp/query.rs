//! The query string of a request, and the page tokens that are bound to it. A token is good only for the query that
//! it was made for; it also remembers as of when the first page was read, so that pages fit together.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xxhash_rust::xxh3::xxh3_64;

use super::errors::ApiError;
use super::wire::Enums;

/// Parameters that every Google method takes.
const SYSTEM: &[&str] = &[
    "alt",
    "$alt",
    "prettyPrint",
    "$prettyPrint",
    "key",
    "quotaUser",
    "callback",
    "fields",
    "$fields",
    "$.xgafv",
    "uploadType",
    "upload_protocol",
];

/// A parsed query string.
#[derive(Debug)]
pub(crate) struct Query {
    parameters: Vec<(String, String)>,
    hash: u64,
}

/// Where a listing goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Index of the series (or descriptor).
    pub(crate) item: usize,
    /// Points of it that went out already.
    pub(crate) point: usize,
    /// The listing shows what was visible then.
    pub(crate) as_of_ns: i64,
}

impl Query {
    /// Reads the query of a request for `path`; refuses parameters that the method does not have.
    pub(crate) fn read(path: &str, raw: &str, known: &[&str]) -> Result<Self, ApiError> {
        let mut parameters: Vec<(String, String)> =
            url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
        for (name, _) in &parameters {
            if !known.contains(&name.as_str()) && !SYSTEM.contains(&name.as_str()) {
                let message = format!(
                    "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter."
                );
                return Err(ApiError::invalid(name, message));
            }
        }
        parameters.sort();
        let bound: Vec<_> = parameters
            .iter()
            .filter(|(name, value)| name != "pageToken" && name != "pageSize" && !value.is_empty())
            .collect();
        let hash = xxh3_64(format!("{path}?{bound:?}").as_bytes());
        Ok(Self { parameters, hash })
    }

    /// A parameter, or "" when it is absent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// How enums are wanted.
    pub(crate) fn enums(&self) -> Enums {
        let numbers = [self.get("$alt"), self.get("alt")]
            .iter()
            .any(|alt| alt.contains("enum-encoding=int"));
        if numbers { Enums::Numbers } else { Enums::Names }
    }

    /// `pageSize`; absent, 0, negative or too much is the most there is.
    pub(crate) fn page_size(&self, most: usize) -> Result<usize, ApiError> {
        let text = self.get("pageSize");
        if text.is_empty() {
            return Ok(most);
        }
        let size: i64 = text
            .parse()
            .map_err(|_| ApiError::invalid("page_size", "not a number"))?;
        Ok(usize::try_from(size)
            .ok()
            .filter(|size| (1..=most).contains(size))
            .unwrap_or(most))
    }

    /// Where this page begins.
    pub(crate) fn position(&self, now_ns: i64) -> Result<Position, ApiError> {
        let token = self.get("pageToken");
        if token.is_empty() {
            return Ok(Position {
                item: 0,
                point: 0,
                as_of_ns: now_ns,
            });
        }
        self.decode(token).ok_or_else(|| {
            ApiError::invalid(
                "page_token",
                "The page token is not valid for this request: all other parameters must stay the same.",
            )
        })
    }

    fn decode(&self, token: &str) -> Option<Position> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let mut parts = text.split('.');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let (hash, item, point, as_of_ns) = (number()?, number()?, number()?, number()?);
        let position = Position {
            item: usize::try_from(item).ok()?,
            point: usize::try_from(point).ok()?,
            as_of_ns,
        };
        (hash == self.hash.cast_signed()).then_some(position)
    }

    /// A token for the page that begins there; `salt` makes tokens for the same place differ.
    pub(crate) fn token(&self, position: Position, salt: u64) -> String {
        let Position {
            item,
            point,
            as_of_ns,
        } = position;
        URL_SAFE_NO_PAD.encode(format!(
            "{}.{item}.{point}.{as_of_ns}.{salt}",
            self.hash.cast_signed()
        ))
    }
}
