//! Which resource a metric is about: the table of services, ARNs and dimensions in `data/arn-dimensions.tsv`.
//!
//! `CloudWatch` names no resource. A row of the table says which dimensions of a namespace name which part of an ARN, so that
//! an ARN is found among those that the tagging API lists, and in most services written without asking anybody.

mod pieces;

use pieces::{Stars, Template};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("../../data/arn-dimensions.tsv")));

/// Where a metric is, as far as ARNs say so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    pub(crate) region: &'a str,
    /// The account's number, when it is known.
    pub(crate) account: Option<&'a str>,
}

/// What a dimension's value is in an ARN.
#[derive(Debug)]
enum Value {
    /// Nothing that the ARN holds.
    Unknown,
    /// The ARN itself.
    Whole,
    Part(Template<'static>),
}

/// One kind of resource of one namespace.
#[derive(Debug)]
pub(crate) struct Row {
    namespace: &'static str,
    tag_types: Vec<&'static str>,
    service: &'static str,
    region: bool,
    account: bool,
    resource: Template<'static>,
    dimensions: Vec<(&'static str, Value)>,
    reversible: bool,
}

#[derive(Debug)]
struct Table {
    rows: Vec<Row>,
    namespaces: HashMap<&'static str, Vec<usize>>,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let rows: Vec<Row> = lines.skip(1).filter_map(Row::read).collect();
        let mut namespaces: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, row) in rows.iter().enumerate() {
            namespaces.entry(row.namespace).or_default().push(index);
        }
        Self { rows, namespaces }
    }
}

/// Every namespace of the table.
pub(crate) fn namespaces() -> impl Iterator<Item = &'static str> {
    TABLE.namespaces.keys().copied()
}

/// The resource types that the tagging API has for a namespace; nothing when the table does not know it.
pub(crate) fn tag_types(namespace: &str) -> Option<Vec<&'static str>> {
    let rows = TABLE
        .namespaces
        .get(namespace)?
        .iter()
        .filter_map(|i| TABLE.rows.get(*i));
    let mut types: Vec<&str> = rows.flat_map(|row| row.tag_types.iter().copied()).collect();
    types.sort_unstable();
    types.dedup();
    Some(types)
}

/// The rows whose kind of resource a metric with these dimensions may be about, the likeliest first. A row that names fewer of
/// the dimensions than another is not among them: a service of a cluster is not the cluster.
pub(crate) fn rows(namespace: &str, has: impl Fn(&str) -> bool) -> Vec<(usize, &'static Row)> {
    let all = TABLE.namespaces.get(namespace).into_iter().flatten();
    let fits = |row: &Row| !row.dimensions.is_empty() && row.dimensions.iter().all(|(name, _)| has(name));
    let fitting: Vec<(usize, &Row)> = all
        .filter_map(|i| Some((*i, TABLE.rows.get(*i)?)))
        .filter(|(_, row)| fits(row))
        .collect();
    let outdone = |row: &Row| fitting.iter().any(|(_, other)| other.says_more_than(row));
    fitting.iter().filter(|(_, row)| !outdone(row)).copied().collect()
}

/// Every row that an ARN of this service may belong to.
pub(crate) fn rows_of_service(service: &str) -> impl Iterator<Item = (usize, &'static Row)> {
    let rows = TABLE.rows.iter().enumerate();
    rows.filter(move |(_, row)| row.service == service)
}

/// The ARN of what a metric is about, written from its dimensions.
pub(crate) fn written<'d>(
    namespace: &str,
    dimension: impl Fn(&str) -> Option<&'d str>,
    at: At<'_>,
) -> Option<String> {
    rows(namespace, |name| dimension(name).is_some())
        .into_iter()
        .find_map(|(_, row)| row.write(&dimension, at))
}

impl Row {
    fn read(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        let (namespace, tag_types, service) = (next()?, next()?, next()?);
        let (region, account, resource, dimensions) = (next()?, next()?, next()?, next()?);
        let reversible = next()? == "yes";
        let resource = Template::of_resource(resource);
        let value = |text: &'static str| match text {
            "?" => Value::Unknown,
            "$arn" => Value::Whole,
            text => Value::Part(Template::of_dimension(text, &resource)),
        };
        let pairs = dimensions.split(',').filter_map(|pair| pair.split_once('='));
        let dimensions: Vec<_> = pairs.map(|(name, text)| (name, value(text))).collect();
        Some(Self {
            namespace,
            tag_types: tag_types.split(',').filter(|t| !t.is_empty()).collect(),
            service,
            region: region == "r",
            account: account == "a",
            resource,
            dimensions,
            reversible,
        })
    }

    /// Whether it names all dimensions of the other, and more.
    fn says_more_than(&self, other: &Self) -> bool {
        let has = |wanted: &str| self.dimensions.iter().any(|(name, _)| *name == wanted);
        self.dimensions.len() > other.dimensions.len() && other.dimensions.iter().all(|(name, _)| has(name))
    }

    /// Whether its dimensions tell one resource from another.
    fn tells(&self) -> bool {
        let known = self
            .dimensions
            .iter()
            .filter(|(_, v)| !matches!(v, Value::Unknown));
        let count = known.count();
        count > 0 && (self.reversible || count == self.dimensions.len())
    }

    /// What the dimensions of a metric about this resource would be, in the row's order; nothing when it is of another kind.
    pub(crate) fn dimensions_of(&self, arn: &str) -> Option<Vec<String>> {
        let mut stars = Stars::new();
        if !self.tells() || !self.resource.read(resource_part(arn), &mut stars) {
            return None;
        }
        let value = |value: &Value| match value {
            Value::Unknown => Some(String::new()),
            Value::Whole => Some(arn.to_owned()),
            Value::Part(template) => template.write(&stars),
        };
        self.dimensions.iter().map(|(_, v)| value(v)).collect()
    }

    /// The dimensions of a metric as [`dimensions_of`](Self::dimensions_of) has them; several where a value may be read in
    /// several ways.
    pub(crate) fn read_as<'d>(&self, dimension: impl Fn(&str) -> Option<&'d str>) -> Vec<Vec<String>> {
        let mut all: Vec<Vec<String>> = vec![Vec::new()];
        for (name, value) in &self.dimensions {
            let readings = match value {
                Value::Unknown => vec![Cow::Borrowed("")],
                Value::Whole | Value::Part(_) => {
                    dimension(name).map_or_else(Vec::new, |v| readings(self.namespace, name, v))
                }
            };
            let with = |known: &Vec<String>, reading: &Cow<'_, str>| {
                known
                    .iter()
                    .cloned()
                    .chain([reading.clone().into_owned()])
                    .collect()
            };
            all = all
                .iter()
                .flat_map(|known| readings.iter().map(move |reading| with(known, reading)))
                .collect();
        }
        all
    }

    fn write<'d>(&self, dimension: impl Fn(&str) -> Option<&'d str>, at: At<'_>) -> Option<String> {
        let values: Vec<(&Value, Cow<'_, str>)> = self
            .dimensions
            .iter()
            .filter(|(_, v)| self.reversible && !matches!(v, Value::Unknown))
            .map(|(name, v)| Some((v, only(readings(self.namespace, name, dimension(name)?))?)))
            .collect::<Option<_>>()?;
        if let Some((_, arn)) = values.iter().find(|(v, _)| matches!(v, Value::Whole)) {
            return self.is_arn(arn).then(|| arn.clone().into_owned());
        }
        let mut stars = Stars::new();
        for (value, text) in &values {
            match value {
                Value::Part(template) if template.read(text, &mut stars) => {}
                Value::Part(_) | Value::Unknown | Value::Whole => return None,
            }
        }
        let resource = self.resource.write(&stars).filter(|_| !values.is_empty())?;
        let account = if self.account { at.account? } else { "" };
        let region = if self.region { at.region } else { "" };
        let (partition, service) = (partition(at.region), self.service);
        Some(format!("arn:{partition}:{service}:{region}:{account}:{resource}"))
    }

    fn is_arn(&self, text: &str) -> bool {
        service(text) == self.service && self.resource.read(resource_part(text), &mut Stars::new())
    }
}

/// How a dimension's value may be spelt in the ARN, beyond what a template can say.
fn readings<'v>(namespace: &str, dimension: &str, value: &'v str) -> Vec<Cow<'v, str>> {
    let lower = || Cow::Owned(value.to_lowercase());
    match (namespace, dimension) {
        // A broker of ActiveMQ has its instance behind its name, one of RabbitMQ has not.
        ("AWS/AmazonMQ", "Broker") => {
            let broker = value.strip_suffix("-1").or_else(|| value.strip_suffix("-2"));
            [Some(value), broker]
                .into_iter()
                .flatten()
                .map(Cow::Borrowed)
                .collect()
        }
        (_, "InferenceComponentName") => vec![lower()],
        ("AWS/SageMaker", _) if value.chars().any(char::is_uppercase) => vec![Cow::Borrowed(value), lower()],
        (_, "Host") => vec![Cow::Borrowed(value.split('/').next().unwrap_or(value))],
        _ => vec![Cow::Borrowed(value)],
    }
}

/// What may be spelt in two ways is not written.
fn only<T>(all: Vec<T>) -> Option<T> {
    if all.len() > 1 {
        return None;
    }
    all.into_iter().next()
}

/// `ec2` of `arn:aws:ec2:…`.
pub(crate) fn service(arn: &str) -> &str {
    arn.split(':').nth(2).unwrap_or_default()
}

/// What follows the fifth colon.
fn resource_part(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or_default()
}

/// The partition that a region is in (botocore's `partitions.json`).
fn partition(region: &str) -> &'static str {
    const BY_PREFIX: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    let found = BY_PREFIX.iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests;
