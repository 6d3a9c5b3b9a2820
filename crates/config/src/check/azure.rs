//! Checks of Azure tenants: one kind of credentials, grains and aggregations that Azure Monitor has.

use std::time::Duration;

use super::{Checker, texts::Pem};
use crate::{
    config::{
        AzureAccount, AzureCertificate, AzureCloud, AzureCredentials, AzureIdentity, AzureMetrics,
        CustomAzureCloud, Poll,
    },
    foreign::{self, Answer},
    help::Help,
    meant,
    tree::{At, Node},
    values::{Pattern, parse_duration, show_duration},
    written::{PatternText, azure as written},
    yaml,
};

const KINDS: [&str; 5] = [
    "client_secret",
    "client_certificate",
    "managed_identity",
    "workload_identity",
    "azure_cli",
];
pub(crate) const AGGREGATIONS: [&str; 5] = ["Average", "Minimum", "Maximum", "Total", "Count"];
/// Azure reads `top` as a signed number of 32 bits; more is refused by every request.
const LARGEST_TOP: u32 = i32::MAX.unsigned_abs();
/// The id of an identity, as it looks.
const IDENTITY: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ops/providers/\
                        Microsoft.ManagedIdentity/userAssignedIdentities/nephoscope";
const GRAINS: [&str; 8] = ["1m", "5m", "15m", "30m", "1h", "6h", "12h", "1d"];

impl Checker<'_> {
    pub(crate) fn azure(
        &mut self,
        written: &written::Account,
        above: &Poll,
        usd: Option<f64>,
        at: &At<'_>,
    ) -> AzureAccount {
        let poll = self.poll(&written.poll, above, &at.key("poll"));
        let why = "the account has no metrics entries";
        let help = "[{ resource_type: Microsoft.Compute/virtualMachines }]";
        self.not_empty(&written.metrics, &at.key("metrics"), why, help);
        self.tenant_needed(written, at);
        self.subscriptions(&written.subscriptions, &at.key("subscriptions"));
        AzureAccount {
            name: written.name.clone(),
            tenant: written.tenant.clone(),
            subscriptions: written.subscriptions.clone(),
            credentials: self.azure_credentials(&written.credentials, &at.key("credentials")),
            cloud: self.cloud(written.cloud.as_ref(), &at.key("cloud")),
            usd_per_day: self.budget(written.budget.as_ref(), at).or(usd),
            metrics: self.each(&written.metrics, &at.key("metrics"), |c, item, at| {
                c.azure_metrics(item, &poll, at)
            }),
            poll,
        }
    }

    fn tenant_needed(&mut self, written: &written::Account, at: &At<'_>) {
        let credentials = &written.credentials;
        let app = credentials.client_secret.is_some() || credentials.client_certificate.is_some();
        let entries = at.node.map_or(&[][..], Node::entries);
        let spelt = entries
            .iter()
            .any(|entry| foreign::answer("azure[]", &entry.key) == Some(Answer::Here("tenant")));
        if app && written.tenant.is_none() && !spelt {
            let place = At {
                path: format!("{}.tenant", at.path),
                ..at.clone()
            };
            let message = "an app registration needs `tenant`";
            let help = Help::add(at, "tenant", "00000000-0000-0000-0000-000000000000");
            self.problem(
                &place,
                message,
                help.and("; `az account show` shows it as tenantId"),
            );
        }
    }

    /// Azure compares ids without case.
    fn subscriptions(&mut self, ids: &[String], at: &At<'_>) {
        let mut seen: Vec<String> = Vec::new();
        self.each(ids, at, |checker, id, at| {
            let folded = id.to_lowercase();
            if seen.contains(&folded) {
                let message = format!("subscription `{id}` is listed twice: Azure ignores case");
                checker.problem(at, message, Help::remove(at, "remove one of the two"));
            }
            seen.push(folded);
            if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                let message = format!("`{id}` is not a subscription's id");
                let help = Help::write(at, &yaml::text_of(meant::azure_id(id)))
                    .and(", the id alone; `az account list` shows it");
                checker.problem(at, message, help);
            }
        });
    }

    /// Patterns over what Azure compares without case.
    fn folded(&mut self, texts: &[PatternText], at: &At<'_>) -> Vec<Pattern> {
        self.patterns(texts, at)
            .iter()
            .map(Pattern::without_case)
            .collect()
    }

    fn azure_credentials(&mut self, written: &written::Credentials, at: &At<'_>) -> AzureCredentials {
        let given: Vec<&str> = KINDS
            .iter()
            .copied()
            .filter(|kind| at.key(kind).node.is_some())
            .collect();
        if let [first, second, ..] = given.as_slice() {
            let message = format!("`{first}` and `{second}` cannot be used together");
            let at = at.key(second);
            let help = Help::remove(&at, format!("remove `{second}`, or `{first}`"));
            self.problem(&at, message, help);
        }
        if let Some(app) = &written.client_secret {
            return AzureCredentials::ClientSecret {
                client_id: app.client_id.clone(),
                secret: app.secret.clone(),
            };
        }
        if let Some(app) = &written.client_certificate {
            return AzureCredentials::ClientCertificate(self.certificate(app, &at.key("client_certificate")));
        }
        if let Some(identity) = &written.managed_identity {
            return AzureCredentials::ManagedIdentity(self.identity(identity, &at.key("managed_identity")));
        }
        match (&written.workload_identity, &written.azure_cli) {
            (Some(_), _) => AzureCredentials::WorkloadIdentity,
            (None, Some(_)) => AzureCredentials::AzureCli,
            (None, None) => AzureCredentials::Default,
        }
    }

    fn identity(&mut self, written: &written::ManagedIdentity, at: &At<'_>) -> AzureIdentity {
        let client = written
            .client_id
            .clone()
            .map(|id| ("client_id", AzureIdentity::Client(id)));
        let object = written
            .object_id
            .clone()
            .map(|id| ("object_id", AzureIdentity::Object(id)));
        let resource = written
            .resource_id
            .clone()
            .map(|id| ("resource_id", AzureIdentity::Resource(id)));
        let mut given = client.into_iter().chain(object).chain(resource);
        let Some((first, identity)) = given.next() else {
            return AzureIdentity::System;
        };
        if let Some((second, _)) = given.next() {
            let message = format!("`{first}` and `{second}` cannot be used together");
            let at = at.key(second);
            let help = Help::remove(&at, format!("remove `{second}`, or `{first}`"));
            self.problem(&at, message, help);
        }
        if let AzureIdentity::Resource(id) = &identity
            && !id
                .to_ascii_lowercase()
                .contains("/providers/microsoft.managedidentity/userassignedidentities/")
        {
            let at = at.key("resource_id");
            let help = Help::write(&at, IDENTITY).and("; `az identity show` shows it as id");
            self.problem(&at, format!("`{id}` is not the resource id of an identity"), help);
        }
        identity
    }

    fn certificate(&mut self, app: &written::ClientCertificate, at: &At<'_>) -> AzureCertificate {
        let cert_file = self.pem(&app.cert_file, Pem::Certificate, &at.key("cert_file"));
        let key_file = match &app.key_file {
            Some(path) => self.pem(path, Pem::PrivateKey, &at.key("key_file")),
            None => self.pem(&app.cert_file, Pem::PrivateKey, &at.key("cert_file")),
        };
        AzureCertificate {
            client_id: app.client_id.clone(),
            cert_file,
            key_file,
        }
    }

    fn cloud(&mut self, cloud: Option<&written::Cloud>, at: &At<'_>) -> AzureCloud {
        match cloud {
            None | Some(written::Cloud::Preset(written::CloudPreset::Public)) => AzureCloud::Public,
            Some(written::Cloud::Preset(written::CloudPreset::Usgov)) => AzureCloud::UsGov,
            Some(written::Cloud::Preset(written::CloudPreset::China)) => AzureCloud::China,
            Some(written::Cloud::Custom(custom)) => AzureCloud::Custom(CustomAzureCloud {
                authority: self.url(&custom.authority, &at.key("authority")),
                resource_manager: self.url(&custom.resource_manager, &at.key("resource_manager")),
                metrics: self.url(&custom.metrics, &at.key("metrics")),
                ca_file: custom
                    .ca_file
                    .as_ref()
                    .map(|path| self.pem(path, Pem::Certificate, &at.key("ca_file"))),
                resource_manager_audience: custom.audiences.resource_manager.as_deref().map(audience),
                metrics_audience: custom.audiences.metrics.as_deref().map(audience),
            }),
        }
    }

    fn azure_metrics(&mut self, written: &written::Metrics, account: &Poll, at: &At<'_>) -> AzureMetrics {
        let period = written
            .period
            .as_ref()
            .and_then(|text| self.grain(&text.0, &at.key("period")));
        self.resource_type(&written.resource_type, &at.key("resource_type"));
        self.each(
            &written.aggregations,
            &at.key("aggregations"),
            |checker, name, at| {
                if !AGGREGATIONS.contains(&name.as_str()) {
                    let help = Help::write(at, meant::azure_aggregation(name));
                    let help = help.and(format!("; possible: {}", AGGREGATIONS.join(", ")));
                    checker.problem(
                        at,
                        format!("`{name}` is not an aggregation of Azure Monitor"),
                        help,
                    );
                }
            },
        );
        AzureMetrics {
            resource_type: written.resource_type.clone(),
            names: self.folded(&written.names, &at.key("names")),
            aggregations: written.aggregations.clone(),
            period,
            dimensions: written.dimensions.clone(),
            top: written.top.and_then(|top| self.top(top, &at.key("top"))),
            tags: self.pattern_map(&written.tags, &at.key("tags")),
            copy_tags: written.copy_tags.clone(),
            resource_groups: self.folded(&written.resource_groups, &at.key("resource_groups")),
            regions: self
                .patterns(&written.regions, &at.key("regions"))
                .iter()
                .map(Pattern::without_case_and_blanks)
                .collect(),
            poll: self.entry_poll(&written.poll, account, period, at),
            usd_per_day: self.budget(written.budget.as_ref(), at),
        }
    }

    fn top(&mut self, top: u32, at: &At<'_>) -> Option<u32> {
        if (1..=LARGEST_TOP).contains(&top) {
            return Some(top);
        }
        let message = format!("Azure Monitor takes a `top` from 1 to {LARGEST_TOP}, not {top}");
        let help = Help::write(at, "100").and(": the most series of one metric and resource that you expect");
        self.problem(at, message, help);
        None
    }

    fn resource_type(&mut self, text: &str, at: &At<'_>) {
        let parts: Vec<&str> = text.split('/').collect();
        let word = |part: &&str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
        };
        if parts.len() < 2 || !parts.iter().all(word) {
            let message =
                format!("`{text}` is not a resource type: those are a provider, a slash and a type");
            self.problem(at, message, Help::write(at, &meant::azure_type(text)));
        }
    }

    fn grain(&mut self, text: &str, at: &At<'_>) -> Option<Duration> {
        let period = self.some_duration(text, at)?;
        let shown = show_duration(period);
        if GRAINS.contains(&shown.as_str()) {
            return Some(period);
        }
        let finer = GRAINS
            .iter()
            .rev()
            .find(|grain| parse_duration(grain).is_some_and(|grain| grain <= period));
        let help =
            Help::write(at, finer.unwrap_or(&GRAINS[0])).and(format!("; possible are {}", GRAINS.join(", ")));
        self.problem(
            at,
            format!("Azure Monitor does not support a period of {text}"),
            help,
        );
        None
    }
}

/// With or without what scopes end with.
fn audience(text: &str) -> String {
    text.trim_end_matches("/.default")
        .trim_end_matches('/')
        .to_owned()
}
