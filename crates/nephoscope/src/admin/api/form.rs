//! The form of an answer: JSON, CSV or XML.

use super::error::ApiError;
use axum::http::{HeaderMap, StatusCode, header};

/// A form that rows can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `application/json`.
    Json,
    /// `text/csv`.
    Csv,
    /// `application/xml`.
    Xml,
}

/// Media types that somebody may ask for, best first, and what they get.
const TYPES: [(&str, Form); 4] = [
    ("application/json", Form::Json),
    ("text/csv", Form::Csv),
    ("application/xml", Form::Xml),
    ("text/xml", Form::Xml),
];

impl Form {
    /// By its short name.
    pub(super) fn named(name: &str) -> Result<Self, ApiError> {
        match name {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            "xml" => Ok(Self::Xml),
            _ => Err(ApiError::bad(format!("`format={name}`: write json, csv or xml"))),
        }
    }

    /// The one that the caller likes best.
    pub(super) fn accepted(headers: &HeaderMap) -> Result<Self, ApiError> {
        let given = headers.get_all(header::ACCEPT);
        let ranges: Vec<&str> = given
            .iter()
            .flat_map(|value| value.to_str().unwrap_or("").split(','))
            .collect();
        if ranges.is_empty() {
            return Ok(Self::Json);
        }
        let mut best = (0, None);
        for (media, form) in TYPES {
            let liking = liking(&ranges, media);
            if liking > best.0 {
                best = (liking, Some(form));
            }
        }
        best.1.ok_or_else(|| {
            Self::not_acceptable("possible are application/json, text/csv and application/xml")
        })
    }

    /// Nothing that the caller accepts can be given (406).
    pub(super) fn not_acceptable(possible: &str) -> ApiError {
        ApiError::new(
            StatusCode::NOT_ACCEPTABLE,
            "not_acceptable",
            format!("nothing that `Accept` lists can be given; {possible}"),
        )
    }

    /// What the answer says it is.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xml => "application/xml; charset=utf-8",
        }
    }
}

/// How much a media type is liked, in thousandths: what the most exact range that holds it says.
pub(in crate::admin) fn liking(ranges: &[&str], media: &str) -> u16 {
    let major = media.split('/').next().unwrap_or("");
    let exactness = |range: &str| match range {
        range if range.eq_ignore_ascii_case(media) => 3,
        range if range.eq_ignore_ascii_case(&format!("{major}/*")) => 2,
        "*/*" => 1,
        _ => 0,
    };
    let holding = ranges.iter().map(|range| {
        let mut parts = range.split(';').map(str::trim);
        (exactness(parts.next().unwrap_or("")), weight(parts))
    });
    let best = holding
        .filter(|(exact, _)| *exact > 0)
        .max_by_key(|(exact, _)| *exact);
    best.map_or(0, |(_, weight)| weight)
}

/// `q=0.7` in thousandths; 1000 when it is absent or not a number.
fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let q = parameters.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
    let Some(q) = q else { return 1000 };
    let (whole, part) = q.split_once('.').unwrap_or((q, ""));
    let part = format!("{part:0<3}");
    match (whole, part.get(..3).and_then(|p| p.parse().ok())) {
        ("0", Some(thousandths)) => thousandths,
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_liked_best_is_given() {
        for (accept, wanted) in [
            ("*/*", Some(Form::Json)),
            ("text/csv", Some(Form::Csv)),
            ("text/*", Some(Form::Csv)),
            ("text/html, text/xml;q=0.9", Some(Form::Xml)),
            ("application/json;q=0.5, application/xml;q=0.6", Some(Form::Xml)),
            ("application/json;q=0, */*;q=0.1", Some(Form::Csv)),
            ("TEXT/CSV", Some(Form::Csv)),
            ("text/html", None),
            ("application/json;q=0", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(Form::accepted(&headers).ok(), wanted, "{accept}");
        }
        assert_eq!(Form::accepted(&HeaderMap::new()).ok(), Some(Form::Json));
    }
}
