//! Checks of AWS accounts: regions, credentials, statistics and periods that `CloudWatch` accepts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
    time::Duration,
};

use regex::Regex;

use super::{Checker, texts::Pem};
use crate::{
    config::{AssumeRole, AwsAccount, AwsBase, AwsCredentials, AwsEndpoints, AwsMetrics, Poll, StaticKeys},
    help::Help,
    misfit,
    nearest::nearest,
    tree::At,
    values::Pattern,
    written::{PatternText, aws as written},
    yaml,
};

/// Regions known when this was written; another that looks like one is accepted when no known one is near.
const REGIONS: [&str; 46] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-south-1",
    "us-isof-east-1",
    "eu-isoe-west-1",
];
const STATISTICS: [&str; 5] = ["Average", "Sum", "Minimum", "Maximum", "SampleCount"];
/// High-resolution periods; above them `CloudWatch` takes whole minutes (`PutMetricAlarm` and `GetMetricData` reference).
const SHORT_PERIODS_S: [u64; 5] = [1, 5, 10, 20, 30];
const SECONDS_PER_MINUTE: u64 = 60;
/// Instead of a pattern: a dimension that must not be there.
const ABSENT: &str = "absent";
const ACCOUNT_ID_DIGITS: usize = 12;

static REGION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[a-z]{2,4}(-[a-z]+)+-\d$").ok());
static ROLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$").ok());

fn is_match(regex: Option<&Regex>, text: &str) -> bool {
    regex.is_some_and(|regex| regex.is_match(text))
}

impl Checker<'_> {
    pub(crate) fn aws(
        &mut self,
        written: &written::Account,
        above: &Poll,
        usd: Option<f64>,
        at: &At<'_>,
    ) -> AwsAccount {
        let poll = self.poll(&written.poll, above, &at.key("poll"));
        self.regions(&written.regions, &at.key("regions"));
        self.account_id(written.account_id.as_deref(), &at.key("account_id"));
        let why = "this account reads nothing: it has no metrics entries";
        self.not_empty(
            &written.metrics,
            &at.key("metrics"),
            why,
            "[{ namespace: AWS/EC2 }]",
        );
        AwsAccount {
            name: written.name.clone(),
            regions: written.regions.clone(),
            credentials: self.aws_credentials(&written.credentials, &at.key("credentials")),
            account_id: written.account_id.clone(),
            endpoints: self.aws_endpoints(written.endpoint.as_ref(), &at.key("endpoint")),
            ca_file: written
                .ca_file
                .as_ref()
                .map(|path| self.pem(path, Pem::Certificate, &at.key("ca_file"))),
            usd_per_day: self.budget(written.budget.as_ref(), at).or(usd),
            metrics: self.each(&written.metrics, &at.key("metrics"), |c, item, at| {
                c.aws_metrics(item, &poll, at)
            }),
            poll,
        }
    }

    fn regions(&mut self, regions: &[String], at: &At<'_>) {
        self.not_empty(regions, at, "this account has no regions", "[eu-west-1]");
        let mut seen = BTreeSet::new();
        self.each(regions, at, |checker, region, at| {
            if !seen.insert(region.clone()) {
                let message =
                    format!("`{region}` stands here twice, and everything in it would be read twice");
                checker.problem(at, message, Help::remove(at, format!("remove one `{region}`")));
            }
            if REGIONS.contains(&region.as_str()) {
                return;
            }
            let near = nearest(region, REGIONS);
            if !is_match(REGION.as_ref(), region) || near.is_some_and(|near| !same_but_digit(near, region)) {
                let near = near.unwrap_or("eu-west-1");
                let message = format!("`{region}` is not an AWS region");
                if regions.iter().any(|other| other == near) {
                    let words = format!("`{near}` is here already: remove this one");
                    checker.problem(at, message, Help::remove(at, words));
                } else {
                    checker.problem(at, message, Help::write(at, near));
                }
            }
        });
    }

    fn account_id(&mut self, id: Option<&str>, at: &At<'_>) {
        let Some(id) = id else { return };
        if id.len() != ACCOUNT_ID_DIGITS || !id.chars().all(|c| c.is_ascii_digit()) {
            let message = format!("`{id}` is not an AWS account id: those have {ACCOUNT_ID_DIGITS} digits");
            let guess = format!("\"{}\"", misfit::account_id(id));
            self.problem(
                at,
                message,
                Help::write(at, &guess).and("; `aws sts get-caller-identity` shows it"),
            );
        }
    }

    fn aws_credentials(&mut self, written: &written::Credentials, at: &At<'_>) -> AwsCredentials {
        if written.profile.is_some() && written.static_keys.is_some() {
            let message = "both `profile` and `static` say who we are; it can be only one";
            let at = at.key("static");
            let words = "remove `static`, or `profile`; `assume_role` may stand beside either";
            self.problem(&at, message, Help::remove(&at, words));
        }
        let keys = written.static_keys.as_ref().map(|keys| {
            AwsBase::Static(StaticKeys {
                access_key_id: keys.access_key_id.clone(),
                secret_access_key: keys.secret_access_key.clone(),
                session_token: keys.session_token.clone(),
            })
        });
        let base = keys
            .or_else(|| written.profile.clone().map(AwsBase::Profile))
            .unwrap_or_default();
        let role = written.assume_role.as_ref();
        AwsCredentials {
            base,
            assume_role: role.map(|role| self.role(role, &at.key("assume_role"))),
        }
    }

    fn role(&mut self, role: &written::AssumeRole, at: &At<'_>) -> AssumeRole {
        if !is_match(ROLE.as_ref(), &role.arn) {
            let at = at.key("arn");
            let help = Help::write(&at, "arn:aws:iam::123456789012:role/metrics");
            let help = help.and(", as the role's page in the IAM console shows it");
            self.problem(&at, format!("`{}` is not the ARN of a role", role.arn), help);
        }
        AssumeRole {
            arn: role.arn.clone(),
            external_id: role.external_id.clone(),
            session_name: role.session_name.clone().unwrap_or_else(|| "nephoscope".into()),
        }
    }

    fn aws_endpoints(&mut self, endpoint: Option<&written::Endpoint>, at: &At<'_>) -> AwsEndpoints {
        match endpoint {
            None => AwsEndpoints::default(),
            Some(written::Endpoint::One(url)) => {
                let url = Some(self.url(url, at));
                AwsEndpoints {
                    cloudwatch: url.clone(),
                    tagging: url.clone(),
                    sts: url,
                }
            }
            Some(written::Endpoint::Each(each)) => {
                let mut url = |url: &Option<String>, key| url.as_ref().map(|url| self.url(url, &at.key(key)));
                AwsEndpoints {
                    cloudwatch: url(&each.cloudwatch, "cloudwatch"),
                    tagging: url(&each.tagging, "tagging"),
                    sts: url(&each.sts, "sts"),
                }
            }
        }
    }

    fn aws_metrics(&mut self, written: &written::Metrics, account: &Poll, at: &At<'_>) -> AwsMetrics {
        let period = written
            .period
            .as_ref()
            .and_then(|text| self.aws_period(&text.0, &at.key("period")));
        self.each(&written.statistics, &at.key("statistics"), |c, name, at| {
            c.statistic(name, at);
        });
        self.namespace(&written.namespace, &at.key("namespace"));
        self.each(&written.names, &at.key("names"), |c, name, at| {
            c.no_expression(&name.0, at);
        });
        let (absent, present) = absent(&written.dimensions);
        AwsMetrics {
            namespace: written.namespace.clone(),
            names: self.patterns(&written.names, &at.key("names")),
            statistics: written.statistics.clone(),
            period,
            dimensions: self.pattern_map(&present, &at.key("dimensions")),
            absent,
            tags: self.pattern_map(&written.tags, &at.key("tags")),
            copy_tags: written.copy_tags.clone(),
            poll: self.entry_poll(&written.poll, account, period, at),
            usd_per_day: self.budget(written.budget.as_ref(), at),
        }
    }

    pub(crate) fn pattern_map(
        &mut self,
        map: &BTreeMap<String, PatternText>,
        at: &At<'_>,
    ) -> BTreeMap<String, Pattern> {
        map.iter()
            .filter_map(|(key, text)| Some((key.clone(), self.pattern(text, &at.key(key))?)))
            .collect()
    }

    fn aws_period(&mut self, text: &str, at: &At<'_>) -> Option<Duration> {
        let period = self.some_duration(text, at)?;
        let seconds = period.as_secs();
        let whole = period.subsec_nanos() == 0;
        if !whole || !(SHORT_PERIODS_S.contains(&seconds) || seconds.is_multiple_of(SECONDS_PER_MINUTE)) {
            let near = if seconds < SECONDS_PER_MINUTE {
                "30s".into()
            } else {
                format!("{}m", seconds / SECONDS_PER_MINUTE)
            };
            let help = Help::write(at, &near).and("; possible are 1s, 5s, 10s, 20s, 30s and whole minutes");
            self.problem(at, format!("CloudWatch refuses a period of {text}"), help);
            return None;
        }
        Some(period)
    }

    /// `/CPU.*/` is a glob for a name that begins and ends with a slash, which no metric does.
    fn no_expression(&mut self, name: &str, at: &At<'_>) {
        let between = name.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        let anchored = name
            .strip_prefix('^')
            .map(|rest| rest.strip_suffix('$').unwrap_or(rest));
        if let Some(expression) = between.or(anchored).filter(|e| !e.is_empty()) {
            let expression = expression.trim_start_matches('^').trim_end_matches('$');
            let words =
                format!("write `~{expression}`: `~` makes it an expression, always for the whole name");
            let value = yaml::text_of(&format!("~{expression}"));
            let message = format!("`{name}` looks like a regular expression, but is a glob here");
            self.problem(at, message, Help::instead(at, &value, words));
        }
    }

    /// `ListMetrics` takes a namespace or none; a pattern would find nothing.
    fn namespace(&mut self, name: &str, at: &At<'_>) {
        if name.contains(['*', '?']) || name.starts_with('~') {
            let help = Help::write(at, "AWS/EC2").and(", one entry per namespace; patterns are for `names`");
            self.problem(
                at,
                format!("`{name}` is a pattern, and CloudWatch lists by the whole namespace"),
                help,
            );
        }
    }

    fn statistic(&mut self, name: &str, at: &At<'_>) {
        if percentile(name).is_some_and(|p| (0.0..=100.0).contains(&p)) {
            return;
        }
        if percentile(name).is_some() {
            let help = Help::write(at, "p99").and("; percentiles go from p0 to p100, like `p99.9`");
            self.problem(at, format!("`{name}` is above p100"), help);
        } else if !STATISTICS.contains(&name) {
            let near = meant_statistic(name);
            let all = STATISTICS.join(", ");
            let help =
                Help::write(at, near).and(format!("; possible are {all}, and percentiles like p99 or p99.9"));
            self.problem(at, format!("`{name}` is not a statistic of CloudWatch"), help);
        }
    }
}

/// Dimensions that must be absent, and those that must be there.
fn absent(dimensions: &BTreeMap<String, PatternText>) -> (Vec<String>, BTreeMap<String, PatternText>) {
    let (absent, present): (BTreeMap<_, _>, _) = dimensions
        .iter()
        .map(|(name, text)| (name.clone(), text.clone()))
        .partition(|(_, text)| text.0 == ABSENT);
    (absent.into_keys().collect(), present)
}

fn percentile(name: &str) -> Option<f64> {
    let number = name.strip_prefix('p')?;
    number
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| number.parse().ok())?
}

/// `eu-west-7` is a new region as likely as a slip; `eu-wset-1` is a slip.
fn same_but_digit(a: &str, b: &str) -> bool {
    a.trim_end_matches(|c: char| c.is_ascii_digit()) == b.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// What the statistic is called by other programs, or nearly.
fn meant_statistic(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "avg" | "mean" => "Average",
        "total" => "Sum",
        "min" => "Minimum",
        "max" => "Maximum",
        "count" | "samples" | "n" => "SampleCount",
        "median" => "p50",
        lower => nearest(lower, STATISTICS).unwrap_or("Average"),
    }
}
