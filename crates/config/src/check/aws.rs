//! Checks of AWS accounts: regions, credentials, statistics and periods that `CloudWatch` accepts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
    time::Duration,
};

use regex::Regex;

use super::{
    Checker,
    regions::{is_region, meant_region},
    texts::Pem,
};
use crate::{
    config::{AssumeRole, AwsAccount, AwsBase, AwsCredentials, AwsEndpoints, AwsMetrics, Poll, StaticKeys},
    help::Help,
    misfit,
    nearest::nearest,
    tree::At,
    values::Pattern,
    written::{PatternText, aws as written},
};

const STATISTICS: [&str; 5] = ["Average", "Sum", "Minimum", "Maximum", "SampleCount"];
/// High-resolution periods; above them `CloudWatch` takes whole minutes (`PutMetricAlarm` and `GetMetricData` reference).
const SHORT_PERIODS_S: [u64; 5] = [1, 5, 10, 20, 30];
const SECONDS_PER_MINUTE: u64 = 60;
/// Instead of a pattern: a dimension that must not be there.
const ABSENT: &str = "absent";
const ACCOUNT_ID_DIGITS: usize = 12;

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
        let why = "the account has no metrics entries";
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
        self.not_empty(regions, at, "the account has no regions", "[eu-west-1]");
        let mut seen = BTreeSet::new();
        self.each(regions, at, |checker, region, at| {
            if !seen.insert(region.clone()) {
                let message = format!("region `{region}` is listed twice");
                checker.problem(at, message, Help::remove(at, format!("remove one `{region}`")));
            }
            if !is_region(region) {
                let near = meant_region(region).unwrap_or("eu-west-1");
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
            let message = "`profile` and `static` cannot be used together";
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
        let arn = at.key("arn");
        if !is_match(ROLE.as_ref(), &role.arn) && arn.node.is_some() {
            let at = arn;
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
            self.problem(
                at,
                format!("CloudWatch does not support a period of {text}"),
                help,
            );
            return None;
        }
        Some(period)
    }

    /// `ListMetrics` takes a namespace or none; a pattern would find nothing.
    fn namespace(&mut self, name: &str, at: &At<'_>) {
        if name.contains(['*', '?']) || name.starts_with('~') {
            let help = Help::write(at, "AWS/EC2").and(", one entry per namespace; patterns are for `names`");
            self.problem(
                at,
                format!("`{name}` is a pattern, and a namespace has to be written out"),
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
            let help = Help::write(at, &near)
                .and(format!("; possible are {all}, and percentiles like p99 or p99.9"));
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

/// What the statistic is called by other programs, or nearly.
pub(crate) fn meant_statistic(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let digits = lower.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let digits = digits.trim_end_matches(|c: char| !c.is_ascii_digit());
    let percent = percentile(&format!("p{digits}")).filter(|percent| (0.0..=100.0).contains(percent));
    let known = match lower.as_str() {
        "avg" | "mean" => "Average",
        "total" => "Sum",
        "min" => "Minimum",
        "max" => "Maximum",
        "count" | "samples" | "n" => "SampleCount",
        "median" => "p50",
        _ if percent.is_some() => return format!("p{digits}"),
        _ => nearest(&lower, STATISTICS).unwrap_or("Average"),
    };
    known.to_owned()
}
