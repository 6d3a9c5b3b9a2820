//! Checks of Google Cloud projects: credentials, each project once, types that can be some, and filters that leave
//! `metric.type` to `types`.

use std::{collections::HashSet, path::Path};

use super::Checker;
use crate::{
    config::{GcpAccount, GcpBase, GcpCredentials, GcpMetrics, Poll},
    help::Help,
    loose,
    tree::At,
    written::{PatternText, gcp as written},
    yaml,
};

/// A filter that works.
const ZONE_FILTER: &str = "'resource.labels.zone = \"europe-west1-b\"'";

impl Checker<'_> {
    /// A project that an account names twice would be read and paid for twice. Two accounts may read one project, each with
    /// credentials and entries of its own.
    pub(crate) fn projects_once(&mut self, accounts: &[written::Account], at: &At<'_>) {
        for (account, written) in accounts.iter().enumerate() {
            let at = at.item(account).key("projects");
            let mut seen = HashSet::new();
            for (index, project) in written.projects.iter().enumerate() {
                let id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:".contains(c);
                let at = at.item(index);
                if at.node.is_some() && (project.is_empty() || !project.chars().all(id)) {
                    let last = project
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .to_lowercase()
                        .replace([' ', '_'], "-");
                    let secret = at.node.is_some_and(|node| node.secret);
                    let guess = if secret || last.is_empty() || !last.chars().all(id) {
                        "my-project"
                    } else {
                        &last
                    };
                    let help =
                        Help::write(&at, &yaml::text_of(guess)).and(", the project's id, not its name");
                    self.problem(&at, format!("`{project}` is not a project id"), help);
                } else if !seen.insert(project.as_str()) {
                    let message = format!("project `{project}` is listed twice");
                    self.problem(&at, message, Help::remove(&at, "remove one of the two"));
                }
            }
        }
    }

    pub(crate) fn gcp(
        &mut self,
        written: &written::Account,
        above: &Poll,
        usd: Option<f64>,
        at: &At<'_>,
    ) -> GcpAccount {
        let poll = self.poll(&written.poll, above, &at.key("poll"));
        self.not_empty(
            &written.projects,
            &at.key("projects"),
            "the account has no projects",
            "[my-project]",
        );
        let why = "the account has no metrics entries";
        let help = "[{ types: [\"compute.googleapis.com/instance/cpu/*\"] }]";
        self.not_empty(&written.metrics, &at.key("metrics"), why, help);
        GcpAccount {
            name: written.name.clone(),
            projects: written.projects.clone(),
            credentials: self.gcp_credentials(&written.credentials, &at.key("credentials")),
            quota_project: written.quota_project.clone(),
            endpoint: written
                .endpoint
                .as_ref()
                .map(|url| self.url(url, &at.key("endpoint"))),
            usd_per_day: self.budget(written.budget.as_ref(), at).or(usd),
            metrics: self.each(&written.metrics, &at.key("metrics"), |c, item, at| {
                c.gcp_metrics(item, &poll, at)
            }),
            poll,
        }
    }

    fn gcp_credentials(&mut self, written: &written::Credentials, at: &At<'_>) -> GcpCredentials {
        let anonymous = written.anonymous == Some(true);
        let other = match (&written.service_account_file, &written.impersonate) {
            (Some(_), _) => Some("service_account_file"),
            (None, Some(_)) => Some("impersonate"),
            (None, None) => None,
        };
        if let Some(other) = other.filter(|_| anonymous) {
            let message = format!("`anonymous` and `{other}` cannot be used together");
            let at = at.key("anonymous");
            let words =
                format!("remove `anonymous`; it is only for tests and emulators (or remove `{other}`)");
            self.problem(&at, message, Help::remove(&at, words));
        }
        self.impersonated(written.impersonate.as_deref(), &at.key("impersonate"));
        let base = match &written.service_account_file {
            Some(path) => self.service_account(path, &at.key("service_account_file")),
            None if anonymous => GcpBase::Anonymous,
            None => GcpBase::Default,
        };
        GcpCredentials {
            base,
            impersonate: written.impersonate.clone(),
        }
    }

    fn impersonated(&mut self, account: Option<&str>, at: &At<'_>) {
        if let Some(account) = account.filter(|account| !account.contains('@')) {
            let help =
                Help::write(at, "metrics@my-project.iam.gserviceaccount.com").and(", its e-mail address");
            self.problem(at, format!("`{account}` is not a service account"), help);
        }
    }

    fn service_account(&mut self, path: &Path, at: &At<'_>) -> GcpBase {
        if let Some((path, text)) = self.readable(path, at) {
            loose::look(&path, self.lookup);
            if let Err((message, help)) = credential_file(&path, &text) {
                self.problem(at, message, help);
            }
        }
        GcpBase::ServiceAccountFile(self.path(path))
    }

    fn gcp_metrics(&mut self, written: &written::Metrics, account: &Poll, at: &At<'_>) -> GcpMetrics {
        let help = "[\"compute.googleapis.com/instance/cpu/*\"]";
        self.not_empty(
            &written.types,
            &at.key("types"),
            "the entry has no metric types",
            help,
        );
        self.each(&written.types, &at.key("types"), |checker, text, at| {
            checker.whole_type(text, at);
        });
        if let Some(filter) = written.filter.as_ref().filter(|filter| !is_closed(filter)) {
            let at = at.key("filter");
            let words = "write it as Google's filter language has it: `filter: 'resource.labels.zone = \"europe-west1-b\"'`";
            let message = format!("the filter `{filter}` has an unclosed string or parenthesis");
            self.problem(&at, message, Help::instead(&at, ZONE_FILTER, words));
        }
        if let Some(filter) = written
            .filter
            .as_ref()
            .filter(|filter| filter.contains("metric.type"))
        {
            let message = format!("the filter `{filter}` contains metric.type, which is set by `types`");
            let at = at.key("filter");
            let words = "move the type to `types`, and filter on labels: `filter: 'resource.labels.zone = \"europe-west1-b\"'`";
            self.problem(&at, message, Help::instead(&at, ZONE_FILTER, words));
        }
        GcpMetrics {
            types: self.patterns(&written.types, &at.key("types")),
            filter: written.filter.clone(),
            poll: self.entry_poll(&written.poll, account, None, at),
            usd_per_day: self.budget(written.budget.as_ref(), at),
        }
    }

    /// A type is a service and at least one name below it; without them a pattern has to have a `*`.
    fn whole_type(&mut self, text: &PatternText, at: &At<'_>) {
        let written = text.0.as_str();
        let literal = !written.starts_with('~') && !written.contains(['*', '?', '[', '{']);
        let (service, name) = written.split_once('/').unwrap_or((written, ""));
        if literal && name.is_empty() && !service.is_empty() {
            let message = format!("`{written}` is a prefix of metric types, and matches none");
            let value = format!("\"{service}/*\"");
            self.problem(
                at,
                message,
                Help::instead(at, &value, format!("write `{service}/*`")),
            );
        }
    }
}

/// Whether all strings and parentheses of a filter end, so that it can be part of a longer one.
fn is_closed(filter: &str) -> bool {
    let mut depth = 0_u32;
    let mut chars = filter.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' if !ends(&mut chars) => return false,
            '(' => depth += 1,
            ')' if depth == 0 => return false,
            ')' => depth -= 1,
            _ => {}
        }
    }
    depth == 0
}

/// Leaves a string behind; false when it has no end.
fn ends(chars: &mut std::str::Chars<'_>) -> bool {
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => return true,
            _ => {}
        }
    }
    false
}

/// The types that Google's tools write and we can use, and what each cannot do without.
const TYPES: [(&str, &[&str]); 4] = [
    ("service_account", &["client_email", "private_key"]),
    (
        "authorized_user",
        &["client_id", "client_secret", "refresh_token"],
    ),
    (
        "external_account",
        &["audience", "subject_token_type", "token_url", "credential_source"],
    ),
    (
        "impersonated_service_account",
        &["service_account_impersonation_url", "source_credentials"],
    ),
];

/// What is wrong with a credential file, and what would do.
fn credential_file(path: &Path, text: &str) -> Result<(), (String, String)> {
    let file = path.display();
    let new = "create one: `gcloud iam service-accounts keys create sa.json --iam-account=…`, or \
               `gcloud iam workload-identity-pools create-cred-config …`";
    let json = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    if !json.is_object() {
        return Err((
            format!("the file {file} is not a Google credential file: it is not a JSON object"),
            new.into(),
        ));
    }
    // Keys of service accounts had no type once.
    let kind = json
        .get("type")
        .and_then(serde_json::Value::as_str)
        .unwrap_or("service_account");
    let Some((_, needed)) = TYPES.iter().find(|(name, _)| *name == kind) else {
        let names = TYPES.map(|(name, _)| name).join(", ");
        let message = format!("the credential file {file} has the type `{kind}`, which is not supported");
        return Err((message, format!("possible are {names}")));
    };
    let missing: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|key| json.get(key).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("the credential file {file} ({kind}) lacks {}", missing.join(", "));
    Err((message, new.into()))
}
