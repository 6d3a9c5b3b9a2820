//! Which series a question is about.

use super::asked::Params;
use super::error::ApiError;
use config_file::Pattern;
use provider_api::{Cloud, Series, SeriesId};

/// The resource attribute with the configuration's name of the account.
pub(super) const ACCOUNT: &str = "nephoscope.account";

/// Parameters that a filter is made of.
pub(super) const PARAMS: [&str; 5] = ["account", "cloud", "name", "attribute", "series"];

/// Most attributes that a question may name; each is looked for in every series.
const MOST_ATTRIBUTES: usize = 5;

/// What a series must be like.
#[derive(Debug, Default)]
pub(super) struct Filter {
    account: Option<String>,
    cloud: Option<&'static str>,
    name: Option<Text>,
    attributes: Vec<(String, Text)>,
    series: Option<SeriesId>,
}

/// A part of a text, whatever its case, or with `*` and `?` the whole of it.
#[derive(Debug)]
enum Text {
    Part(String),
    Whole(Pattern),
}

impl Filter {
    /// As the parameters say.
    pub(super) fn new(params: &Params) -> Result<Self, ApiError> {
        Ok(Self {
            account: params.wanted("account").map(str::to_owned),
            cloud: cloud(params)?,
            name: params.wanted("name").map(Text::new).transpose()?,
            attributes: attributes(params)?,
            series: params.text("series").map(id).transpose()?,
        })
    }

    /// Whether a series is like that.
    pub(super) fn wants(&self, id: SeriesId, series: &Series) -> bool {
        let spec = series.metric.spec();
        let names = || [&*spec.name, &*spec.cloud_name];
        self.series.is_none_or(|wanted| wanted == id)
            && self.cloud.is_none_or(|cloud| cloud == spec.cloud.as_str())
            && self
                .account
                .as_ref()
                .is_none_or(|name| series.resource.attributes().get(ACCOUNT) == Some(name))
            && self
                .name
                .as_ref()
                .is_none_or(|text| names().iter().any(|name| text.matches(name)))
            && self.attributes.iter().all(|(key, text)| {
                let own = series.attributes.get(key);
                let value = own.or_else(|| series.resource.attributes().get(key));
                value.is_some_and(|value| text.matches(value))
            })
    }
}

impl Text {
    fn new(text: &str) -> Result<Self, ApiError> {
        if !text.contains(['*', '?']) {
            return Ok(Self::Part(text.to_lowercase()));
        }
        // Only `*` and `?` mean something here.
        let literal = |c: char| match c {
            '[' | '{' => format!("[{c}]"),
            '\\' | ']' | '}' | '!' | '~' => format!("\\{c}"),
            _ => c.to_string(),
        };
        let glob: String = text.chars().map(literal).collect();
        Pattern::new(&glob).map(Self::Whole).map_err(ApiError::bad)
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Part(part) => text.to_lowercase().contains(part),
            Self::Whole(pattern) => pattern.matches(text),
        }
    }
}

/// `cloud=` as its own word.
pub(super) fn cloud(params: &Params) -> Result<Option<&'static str>, ApiError> {
    let Some(text) = params.text("cloud") else {
        return Ok(None);
    };
    let known = [Cloud::Aws, Cloud::Azure, Cloud::Gcp].map(Cloud::as_str);
    let found = known.into_iter().find(|cloud| *cloud == text);
    found
        .map(Some)
        .ok_or_else(|| ApiError::bad(format!("`cloud={text}`: write {}", known.join(", "))))
}

fn attributes(params: &Params) -> Result<Vec<(String, Text)>, ApiError> {
    if params.all("attribute").count() > MOST_ATTRIBUTES {
        return Err(ApiError::bad(format!(
            "{MOST_ATTRIBUTES} attributes may be asked for at most"
        )));
    }
    params.all("attribute").map(attribute).collect()
}

/// `key=value`.
fn attribute(text: &str) -> Result<(String, Text), ApiError> {
    let wrong = || {
        ApiError::bad(format!(
            "`attribute={text}`: write attribute=KEY=VALUE, such as attribute=cloud.region=eu-west-1"
        ))
    };
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(wrong)?;
    Ok((key.to_owned(), Text::new(value)?))
}

/// 32 hexadecimal digits.
fn id(text: &str) -> Result<SeriesId, ApiError> {
    let digits = text.len() == 32 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let id = u128::from_str_radix(text, 16).ok().filter(|_| digits);
    id.map(SeriesId).ok_or_else(|| {
        ApiError::bad(format!(
            "`series={text}`: write the 32 digits that /api/v1/series gives as `id`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_part_or_with_wildcards_the_whole() {
        let matches = |text: &str, name: &str| Text::new(text).unwrap().matches(name);
        assert!(matches("CPU", "aws.ec2.cpu_utilization.average"));
        assert!(matches("aws.*.average", "aws.ec2.cpu_utilization.average"));
        assert!(!matches("ec2*", "aws.ec2.cpu_utilization.average"));
        for odd in ["a[b*", "{*", "x]?", "*\\", "[!a]*", "*}", "~*"] {
            assert!(matches(odd, &odd.replace(['*', '?'], "z")), "{odd}");
        }
    }
}
