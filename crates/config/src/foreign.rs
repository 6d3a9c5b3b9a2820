//! Words of other programs that read the same clouds or write to the same back ends, and what they are called here.
//!
//! One table. Words are compared without case, `_`, `-` and `.`, so `roleArn`, `role_arn` and `role-arn` are one.

/// What to do about another program's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Another name in the same table.
    Here(&'static str),
    /// A path below the same table.
    Below(&'static str),
    /// A place elsewhere in the file, as the reference writes it.
    Elsewhere(&'static str),
    /// Not needed, and why.
    Nothing(&'static str),
}

use Answer::{Below, Elsewhere, Here, Nothing};

/// The programs whose words are known, and where those are documented.
#[cfg(test)]
const SOURCES: [(&str, &str); 9] = [
    (
        "yace",
        "https://github.com/prometheus-community/yet-another-cloudwatch-exporter/blob/master/docs/configuration.md",
    ),
    (
        "cloudwatch_exporter",
        "https://github.com/prometheus/cloudwatch_exporter#configuration",
    ),
    ("telegraf", "https://docs.influxdata.com/telegraf/v1/plugins/"),
    (
        "collector",
        "https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/receiver",
    ),
    (
        "azure-metrics-exporter",
        "https://github.com/webdevops/azure-metrics-exporter#configuration",
    ),
    (
        "stackdriver_exporter",
        "https://github.com/prometheus-community/stackdriver_exporter#configuration",
    ),
    (
        "alloy",
        "https://grafana.com/docs/alloy/latest/reference/components/prometheus/",
    ),
    (
        "prometheus",
        "https://prometheus.io/docs/prometheus/latest/configuration/configuration/",
    ),
    (
        "terraform",
        "https://registry.terraform.io/providers/hashicorp/aws/latest/docs",
    ),
];

/// Words with one answer in some tables.
struct Row {
    /// The tables, as in `aws[].metrics[]`; `""` is the file itself.
    tables: &'static [&'static str],
    words: &'static [&'static str],
    answer: Answer,
    /// Who writes so.
    #[cfg(test)]
    tools: &'static [&'static str],
}

macro_rules! row {
    ($tables:expr, $words:expr, $answer:expr, $tools:expr) => {
        Row {
            tables: &$tables,
            words: &$words,
            answer: $answer,
            #[cfg(test)]
            tools: &$tools,
        }
    };
}

/// Every cloud's accounts and entries, and what holds for all of them.
const POLLED: [&str; 7] = [
    "defaults",
    "aws[]",
    "aws[].metrics[]",
    "azure[]",
    "azure[].metrics[]",
    "gcp[]",
    "gcp[].metrics[]",
];
const ACCOUNTS: [&str; 3] = ["aws[]", "azure[]", "gcp[]"];
const ENTRIES: [&str; 3] = ["aws[].metrics[]", "azure[].metrics[]", "gcp[].metrics[]"];
const POLL: [&str; 7] = [
    "defaults.poll",
    "aws[].poll",
    "aws[].metrics[].poll",
    "azure[].poll",
    "azure[].metrics[].poll",
    "gcp[].poll",
    "gcp[].metrics[].poll",
];
const SINKS: [&str; 2] = ["destinations[]", "destinations[].otlp"];
const OWN_TIME: &str = "points keep the time and the value that the cloud gave them";
const SPOOLED: &str =
    "undelivered points wait on disk and are sent again by themselves; `spool_max` bounds them";
const VERIFIED: &str = "certificates are always verified; `tls: { ca_file: … }` adds an authority, and `http://` speaks without TLS";

const ROWS: &[Row] = &[
    // When to ask.
    row!(
        POLLED,
        [
            "interval",
            "scrape_interval",
            "collection_interval",
            "polling_interval",
            "poll_interval",
            "scraping-interval",
            "scrapeInterval",
            "refresh_interval",
            "update_interval"
        ],
        Below("poll.every"),
        ["yace", "telegraf", "collector", "prometheus", "alloy"]
    ),
    row!(
        POLL,
        [
            "interval",
            "scrape_interval",
            "collection_interval",
            "polling_interval",
            "refresh_interval",
            "frequency"
        ],
        Here("every"),
        ["telegraf", "collector"]
    ),
    row!(
        [""],
        [
            "interval",
            "scrape_interval",
            "collection_interval",
            "polling_interval",
            "scraping-interval",
            "scrapeInterval",
            "poll"
        ],
        Elsewhere("defaults.poll.every"),
        ["yace", "telegraf", "collector"]
    ),
    row!(
        POLLED,
        [
            "delay",
            "delay_seconds",
            "ingest_delay",
            "collection_delay",
            "metrics-ingest-delay",
            "offset",
            "metrics-offset"
        ],
        Below("poll.settle"),
        ["yace", "cloudwatch_exporter", "telegraf", "stackdriver_exporter"]
    ),
    row!(
        POLL,
        ["delay", "delay_seconds", "ingest_delay", "offset"],
        Here("settle"),
        ["telegraf"]
    ),
    row!(
        POLLED,
        [
            "length",
            "range_seconds",
            "window",
            "lookback_window",
            "metrics-interval",
            "timespan"
        ],
        Below("poll.lookback"),
        [
            "yace",
            "cloudwatch_exporter",
            "telegraf",
            "stackdriver_exporter",
            "azure-metrics-exporter"
        ]
    ),
    row!(
        POLL,
        ["length", "range_seconds", "window", "timespan"],
        Here("lookback"),
        ["telegraf"]
    ),
    row!(
        POLLED,
        ["initial_lookback", "initial_delay", "start_time", "since"],
        Below("poll.initial"),
        ["collector"]
    ),
    row!(
        POLLED,
        [
            "cache_ttl",
            "discovery_interval",
            "list_metrics_cache_ttl",
            "cache_over",
            "servicediscovery_cache",
            "recently_active"
        ],
        Below("poll.discover_every"),
        ["telegraf", "cloudwatch_exporter", "azure-metrics-exporter"]
    ),
    row!(
        POLLED,
        ["usd_per_day", "max_cost", "cost_limit"],
        Below("budget.usd_per_day"),
        ["terraform"]
    ),
    row!(
        POLLED,
        [
            "nilToZero",
            "nil_to_zero",
            "addCloudwatchTimestamp",
            "add_cloudwatch_timestamp",
            "roundingPeriod",
            "rounding_period",
            "set_timestamp",
            "timestamp_metric",
            "disableTimestamp",
            "fill_missing",
            "metrics-fill-missing-labels"
        ],
        Nothing(OWN_TIME),
        ["yace", "cloudwatch_exporter", "stackdriver_exporter"]
    ),
    row!(
        POLLED,
        [
            "concurrency",
            "ratelimit",
            "rate_limit",
            "batch_size",
            "cloudwatch-concurrency",
            "metrics-per-query",
            "maximum_number_of_api_calls",
            "max_retries",
            "useDataBatchAPI",
            "use_batch_api",
            "retries"
        ],
        Nothing("calls are batched, and kept below the cloud's quotas by themselves"),
        ["yace", "telegraf", "collector"]
    ),
    // AWS.
    row!(
        ["aws[]"],
        ["role_arn", "role", "assume_role_arn", "iam_role", "iam_role_arn"],
        Below("credentials.assume_role.arn"),
        ["yace", "telegraf", "cloudwatch_exporter", "alloy", "terraform"]
    ),
    row!(
        ["aws[].credentials"],
        ["role_arn", "role", "assume_role_arn", "iam_role"],
        Below("assume_role.arn"),
        ["yace", "telegraf"]
    ),
    row!(
        ["aws[].credentials.assume_role"],
        ["role_arn", "role"],
        Here("arn"),
        ["terraform", "collector"]
    ),
    row!(
        ["aws[]"],
        ["external_id"],
        Elsewhere("aws[].credentials.assume_role.external_id"),
        ["yace", "cloudwatch_exporter", "alloy"]
    ),
    row!(
        ["aws[].credentials"],
        ["external_id"],
        Elsewhere("aws[].credentials.assume_role.external_id"),
        ["yace", "terraform"]
    ),
    row!(
        ["aws[]"],
        ["role_session_name", "session_name"],
        Elsewhere("aws[].credentials.assume_role.session_name"),
        ["telegraf", "terraform"]
    ),
    row!(
        ["aws[].credentials.assume_role"],
        ["role_session_name"],
        Here("session_name"),
        ["terraform"]
    ),
    row!(
        ["aws[]", "aws[].credentials"],
        [
            "access_key",
            "access_key_id",
            "aws_access_key_id",
            "secret_key",
            "secret_access_key",
            "aws_secret_access_key",
            "token",
            "session_token",
            "aws_session_token"
        ],
        Elsewhere("aws[].credentials.static"),
        ["telegraf", "collector", "terraform"]
    ),
    row!(
        ["aws[].credentials.static"],
        ["access_key", "aws_access_key_id", "key_id"],
        Here("access_key_id"),
        ["telegraf", "terraform"]
    ),
    row!(
        ["aws[].credentials.static"],
        [
            "secret_key",
            "aws_secret_access_key",
            "secret_access_key_id",
            "secret"
        ],
        Here("secret_access_key"),
        ["telegraf", "terraform"]
    ),
    row!(
        ["aws[].credentials.static"],
        ["token", "aws_session_token"],
        Here("session_token"),
        ["telegraf", "terraform"]
    ),
    row!(
        ["aws[]"],
        ["aws_profile", "profile_name"],
        Below("credentials.profile"),
        ["terraform"]
    ),
    row!(
        ["aws[].credentials"],
        ["aws_profile", "profile_name"],
        Here("profile"),
        ["terraform"]
    ),
    row!(
        ["aws[]", "aws[].credentials"],
        [
            "shared_credential_file",
            "shared_credentials_file",
            "web_identity_token_file"
        ],
        Nothing(
            "the SDK's own chain reads `AWS_SHARED_CREDENTIALS_FILE` and `AWS_WEB_IDENTITY_TOKEN_FILE` from the environment"
        ),
        ["telegraf", "terraform"]
    ),
    row!(
        ["aws[]"],
        ["endpoint_url", "sts_endpoint", "endpoints"],
        Here("endpoint"),
        ["telegraf", "terraform", "cloudwatch_exporter"]
    ),
    row!(
        ["aws[]"],
        ["accountId", "aws_account_id"],
        Here("account_id"),
        ["terraform"]
    ),
    row!(
        ["aws[]"],
        ["namespaces", "jobs", "discovery", "metric_groups", "namespace"],
        Elsewhere("aws[].metrics[].namespace"),
        ["telegraf", "yace", "collector"]
    ),
    row!(
        ["aws[].metrics[]"],
        ["type", "service", "aws_namespace"],
        Here("namespace"),
        ["yace", "cloudwatch_exporter"]
    ),
    row!(
        ["aws[].metrics[]", "azure[].metrics[]"],
        [
            "metric_names",
            "metric_name",
            "aws_metric_name",
            "metrics",
            "metric",
            "name"
        ],
        Here("names"),
        [
            "telegraf",
            "cloudwatch_exporter",
            "yace",
            "azure-metrics-exporter",
            "collector"
        ]
    ),
    row!(
        ["aws[].metrics[]"],
        [
            "statistic",
            "stat",
            "stats",
            "aws_statistics",
            "aws_extended_statistics",
            "extended_statistics",
            "statistic_include",
            "aggregation",
            "aggregations"
        ],
        Here("statistics"),
        ["yace", "telegraf", "cloudwatch_exporter", "collector"]
    ),
    row!(
        ["aws[].metrics[]", "azure[].metrics[]"],
        [
            "period_seconds",
            "granularity",
            "time_grain",
            "timegrain",
            "resolution",
            "interval_seconds"
        ],
        Here("period"),
        ["cloudwatch_exporter", "azure-metrics-exporter", "telegraf"]
    ),
    row!(
        ["aws[].metrics[]"],
        [
            "aws_dimensions",
            "dimensionNameRequirements",
            "dimension_name_requirements",
            "aws_dimension_select",
            "aws_dimension_select_regex",
            "dimensions_regex",
            "dimensionsRegexps"
        ],
        Here("dimensions"),
        ["cloudwatch_exporter", "yace"]
    ),
    row!(
        ["aws[].metrics[]", "azure[].metrics[]"],
        [
            "searchTags",
            "search_tags",
            "aws_tag_select",
            "tag_filters",
            "filter_tags",
            "resource_tags",
            "tag_filter"
        ],
        Here("tags"),
        ["yace", "cloudwatch_exporter"]
    ),
    row!(
        ["aws[].metrics[]", "azure[].metrics[]"],
        [
            "customTagsOnMetrics",
            "exportedTagsOnMetrics",
            "exported_tags_on_metrics",
            "custom_tags",
            "include_tags",
            "resource_tags_include",
            "copied_tags"
        ],
        Here("copy_tags"),
        ["yace", "azure-metrics-exporter"]
    ),
    // Azure.
    row!(
        ["azure[]"],
        [
            "subscription_id",
            "subscription_ids",
            "subscription",
            "subscriptionID"
        ],
        Here("subscriptions"),
        ["telegraf", "azure-metrics-exporter", "collector", "alloy"]
    ),
    row!(
        ["azure[]"],
        ["tenant_id", "azure_tenant_id", "directory_id"],
        Here("tenant"),
        ["telegraf", "collector", "terraform"]
    ),
    row!(
        ["azure[]", "azure[].credentials"],
        ["client_id", "app_id", "application_id", "azure_client_id"],
        Elsewhere("azure[].credentials.client_secret.client_id"),
        ["telegraf", "collector", "terraform"]
    ),
    row!(
        ["azure[].credentials", "azure[].credentials.client_secret"],
        ["tenant_id", "tenant"],
        Elsewhere("azure[].tenant"),
        ["terraform"]
    ),
    row!(
        ["azure[].credentials.client_secret"],
        ["client_secret", "password", "secret_value", "value"],
        Here("secret"),
        ["telegraf", "collector", "terraform"]
    ),
    row!(
        ["azure[].credentials.client_certificate"],
        [
            "certificate",
            "certificate_path",
            "client_certificate_path",
            "cert"
        ],
        Here("cert_file"),
        ["terraform"]
    ),
    row!(
        ["azure[].credentials"],
        ["service_principal", "app_registration"],
        Here("client_secret"),
        ["collector"]
    ),
    row!(
        ["azure[].credentials"],
        ["use_managed_identity", "msi", "system_assigned"],
        Here("managed_identity"),
        ["terraform"]
    ),
    row!(
        ["azure[].credentials"],
        ["use_cli", "cli"],
        Here("azure_cli"),
        ["terraform"]
    ),
    row!(
        ["azure[]"],
        [
            "cloud_option",
            "environment",
            "azure_environment",
            "azure_cloud",
            "cloud_environment"
        ],
        Here("cloud"),
        ["telegraf", "azure-metrics-exporter", "terraform", "alloy"]
    ),
    row!(
        ["azure[]"],
        [
            "resource_targets",
            "resource_types",
            "services",
            "resource_type",
            "resources",
            "resource_group_targets"
        ],
        Elsewhere("azure[].metrics[].resource_type"),
        ["telegraf", "collector", "alloy"]
    ),
    row!(
        ["azure[]"],
        ["resource_groups", "resource_group"],
        Elsewhere("azure[].metrics[].resource_groups"),
        ["collector", "telegraf"]
    ),
    row!(
        ["azure[]", "azure[].metrics[]"],
        ["region", "location", "locations"],
        Elsewhere("azure[].metrics[].regions"),
        ["azure-metrics-exporter"]
    ),
    row!(
        ["azure[].metrics[]"],
        ["type", "service", "namespace", "metric_namespace", "resourceType"],
        Here("resource_type"),
        ["azure-metrics-exporter", "alloy"]
    ),
    row!(
        ["azure[].metrics[]"],
        [
            "aggregation",
            "aggregation_type",
            "aggregation_types",
            "statistics",
            "statistic"
        ],
        Here("aggregations"),
        ["azure-metrics-exporter", "telegraf"]
    ),
    row!(
        ["azure[].metrics[]"],
        ["metric_top", "metricTop", "max_dimension_values", "limit"],
        Here("top"),
        ["azure-metrics-exporter"]
    ),
    row!(
        ["azure[].metrics[]"],
        ["dimension", "metric_filter", "split_by"],
        Here("dimensions"),
        ["azure-metrics-exporter"]
    ),
    row!(
        ["azure[].metrics[]"],
        ["resource_group", "resourceGroup"],
        Here("resource_groups"),
        ["azure-metrics-exporter", "telegraf"]
    ),
    // Google.
    row!(
        ["gcp[]"],
        [
            "project",
            "project_id",
            "project_ids",
            "google.project-ids",
            "google.project-id",
            "projectId"
        ],
        Here("projects"),
        ["telegraf", "stackdriver_exporter", "collector", "alloy"]
    ),
    row!(
        ["gcp[]", "gcp[].credentials"],
        [
            "credentials_file",
            "credentials_json",
            "key_file",
            "google_application_credentials",
            "service_account_key",
            "application_credentials",
            "service_account",
            "keyfile"
        ],
        Elsewhere("gcp[].credentials.service_account_file"),
        ["telegraf", "terraform"]
    ),
    row!(
        ["gcp[].credentials"],
        ["file", "path", "impersonate_service_account"],
        Elsewhere("gcp[].credentials"),
        ["terraform"]
    ),
    row!(
        ["gcp[]"],
        ["impersonate_service_account"],
        Below("credentials.impersonate"),
        ["terraform"]
    ),
    row!(
        ["gcp[]"],
        ["billing_project", "user_project_override", "quotaProject"],
        Here("quota_project"),
        ["terraform"]
    ),
    row!(
        ["gcp[]"],
        [
            "metrics-type-prefixes",
            "metric_type_prefix_include",
            "monitoring.metrics-type-prefixes",
            "monitoring.metrics-prefixes",
            "metrics_list",
            "metrics_prefixes",
            "types"
        ],
        Elsewhere("gcp[].metrics[].types"),
        ["telegraf", "stackdriver_exporter", "collector", "alloy"]
    ),
    row!(
        ["gcp[].metrics[]"],
        [
            "metric_type",
            "metric_types",
            "metric_name",
            "metric_names",
            "names",
            "metrics",
            "type",
            "prefix",
            "metrics-type-prefixes",
            "metric_descriptor_filter"
        ],
        Here("types"),
        ["telegraf", "stackdriver_exporter", "collector"]
    ),
    row!(
        ["gcp[].metrics[]"],
        ["monitoring.filters", "filters", "extra_filter", "metrics_filter"],
        Here("filter"),
        ["stackdriver_exporter", "telegraf", "alloy"]
    ),
    row!(
        ENTRIES,
        ["enabled", "disabled", "help", "description"],
        Nothing("an entry that is there is read"),
        ["azure-metrics-exporter"]
    ),
    row!(
        ACCOUNTS,
        ["labels", "static_labels", "add_labels", "custom_labels"],
        Nothing("every point carries `nephoscope.account`; a Collector adds further attributes"),
        ["yace", "alloy"]
    ),
    // Destinations.
    row!(
        ["destinations[]"],
        ["endpoint", "url", "address", "urls"],
        Below("otlp.endpoint"),
        ["prometheus", "collector", "telegraf"]
    ),
    row!(
        ["destinations[].otlp"],
        ["url", "address", "host", "target", "server", "urls"],
        Here("endpoint"),
        ["prometheus", "telegraf", "alloy"]
    ),
    row!(
        ["destinations[]"],
        [
            "otlphttp",
            "otlp_http",
            "otlp/http",
            "otel",
            "opentelemetry",
            "grpc",
            "exporter"
        ],
        Here("otlp"),
        ["collector"]
    ),
    row!(
        ["destinations[]"],
        [
            "remote_write",
            "prometheus_remote_write",
            "prometheusremotewrite",
            "prometheus_write"
        ],
        Nothing(
            "remote write is not spoken; Prometheus and what is like it take OTLP: `otlp: { endpoint: …, protocol: http }`"
        ),
        ["prometheus", "alloy", "collector"]
    ),
    row!(
        ["destinations[]"],
        ["prometheus_exporter", "scrape", "federate", "pull"],
        Here("prometheus"),
        ["collector"]
    ),
    row!(
        ["destinations[]"],
        ["console", "debug", "logging"],
        Here("stdout"),
        ["collector"]
    ),
    row!(
        SINKS,
        [
            "bearer_token",
            "bearer_token_file",
            "token",
            "api_key",
            "apikey",
            "basic_auth",
            "authorization",
            "auth",
            "username",
            "password"
        ],
        Elsewhere("destinations[].otlp.headers"),
        ["prometheus", "collector", "telegraf"]
    ),
    row!(
        ["destinations[]"],
        ["headers", "protocol", "compression", "timeout", "tls"],
        Elsewhere("destinations[].otlp"),
        ["collector"]
    ),
    row!(
        ["destinations[].otlp"],
        ["metadata", "extra_headers", "http_headers"],
        Here("headers"),
        ["telegraf"]
    ),
    row!(
        ["destinations[].otlp"],
        ["tls_config", "tls_settings"],
        Here("tls"),
        ["prometheus"]
    ),
    row!(
        ["destinations[]", "destinations[].otlp", "destinations[].otlp.tls"],
        [
            "insecure_skip_verify",
            "insecure",
            "skip_verify",
            "verify",
            "verify_ssl"
        ],
        Nothing(VERIFIED),
        ["prometheus", "collector", "telegraf"]
    ),
    row!(
        ["destinations[].otlp.tls"],
        ["ca", "ca_cert", "tls_ca", "cafile", "ca_pem"],
        Here("ca_file"),
        ["telegraf", "collector"]
    ),
    row!(
        ["destinations[].otlp.tls"],
        ["cert", "tls_cert", "certfile", "cert_pem"],
        Here("cert_file"),
        ["telegraf", "collector"]
    ),
    row!(
        ["destinations[].otlp.tls"],
        ["key", "tls_key", "keyfile", "key_pem"],
        Here("key_file"),
        ["telegraf", "collector"]
    ),
    row!(
        SINKS,
        [
            "sending_queue",
            "retry_on_failure",
            "batch",
            "queue_config",
            "retry",
            "metric_buffer_limit"
        ],
        Nothing(SPOOLED),
        ["collector", "prometheus", "telegraf"]
    ),
    row!(
        ["destinations[]"],
        ["temporality", "aggregation_temporality"],
        Here("deltas"),
        ["collector"]
    ),
    row!(
        ["destinations[]"],
        [
            "resource_to_telemetry_conversion",
            "resource_to_telemetry",
            "promote_resource_attributes"
        ],
        Here("promote"),
        ["collector", "prometheus"]
    ),
    row!(
        ["destinations[].file"],
        ["directory", "dir", "files"],
        Here("path"),
        ["telegraf"]
    ),
    // The file itself.
    row!(
        [""],
        [
            "receivers",
            "inputs",
            "discovery",
            "jobs",
            "scrape_configs",
            "processors",
            "cloudwatch",
            "static"
        ],
        Elsewhere("aws[], azure[] and gcp[]"),
        ["collector", "telegraf", "yace", "prometheus"]
    ),
    row!(
        [""],
        [
            "exporters",
            "outputs",
            "remote_write",
            "sinks",
            "exporter",
            "destination",
            "output"
        ],
        Elsewhere("destinations[]"),
        ["collector", "telegraf", "prometheus"]
    ),
    row!(
        [""],
        [
            "service",
            "pipelines",
            "extensions",
            "agent",
            "apiVersion",
            "global",
            "sts-region",
            "kind",
            "metadata",
            "version"
        ],
        Nothing("every account's points go to every destination; `defaults` holds for all accounts"),
        ["collector", "telegraf", "yace", "prometheus"]
    ),
    row!(
        [""],
        ["log_level", "logging", "log", "loglevel", "debug", "verbose"],
        Nothing("`--log-level` and `--log-format` of `nephoscope run` set the log"),
        ["telegraf", "collector"]
    ),
    row!(
        [""],
        [
            "listen_address",
            "web.listen-address",
            "address",
            "bind",
            "port",
            "server",
            "http",
            "web"
        ],
        Here("listen"),
        ["prometheus", "alloy"]
    ),
    row!(
        [""],
        ["data_dir", "state_dir", "storage", "wal_dir", "storage_path"],
        Below("state.dir"),
        ["alloy", "prometheus"]
    ),
    row!(
        [""],
        ["google", "googlecloud", "google_cloud", "stackdriver"],
        Here("gcp"),
        ["collector"]
    ),
    row!(
        [""],
        ["azure_monitor", "azuremonitor", "azurerm"],
        Here("azure"),
        ["collector", "telegraf", "terraform"]
    ),
    row!(
        [""],
        [
            "include",
            "includes",
            "files",
            "config_files",
            "scrape_config_files"
        ],
        Here("accounts"),
        ["prometheus"]
    ),
    row!(
        [""],
        ["tls", "auth", "tokens", "basic_auth", "tls_server_config"],
        Elsewhere("api"),
        ["prometheus"]
    ),
    row!(
        ["state"],
        ["path", "directory", "data_dir"],
        Here("dir"),
        ["alloy"]
    ),
    row!(
        ["state"],
        ["max_size", "size", "limit", "max_bytes"],
        Here("spool_max"),
        ["collector"]
    ),
];

/// What another program's word in this table is here.
pub(crate) fn answer(table: &str, word: &str) -> Option<Answer> {
    let folded = fold(word);
    let row = ROWS
        .iter()
        .find(|row| row.tables.contains(&table) && row.has(&folded));
    row.map(|row| row.answer)
}

/// Whether this is a key of another program, and so no secret.
pub(crate) fn is_word(key: &str) -> bool {
    let folded = fold(key);
    ROWS.iter().any(|row| row.has(&folded))
}

impl Row {
    fn has(&self, folded: &str) -> bool {
        self.words.iter().any(|word| fold(word) == folded)
    }
}

fn fold(word: &str) -> String {
    word.chars()
        .filter(|c| !"_-.".contains(*c))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Answer, ROWS, SOURCES, answer, fold};
    use crate::form::forms;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// What the schema has at a path like `aws[].metrics[].names`.
    fn at<'s>(root: &'s Value, from: &'s Value, path: &str) -> Option<&'s Value> {
        let mut here = from;
        for key in path.split('.').filter(|key| !key.is_empty()) {
            let table = forms(root, here)
                .into_iter()
                .find(|form| form.get("properties").is_some())?;
            here = table.get("properties")?.get(key.trim_end_matches("[]"))?;
            if key.ends_with("[]") {
                here = forms(root, here).into_iter().find_map(|form| form.get("items"))?;
            }
        }
        Some(here)
    }

    #[test]
    fn every_answer_leads_to_a_key_of_ours() {
        let root = crate::schema();
        for row in ROWS {
            for table in row.tables {
                let from = at(&root, &root, table).unwrap_or_else(|| panic!("no table {table}"));
                let found = match row.answer {
                    Answer::Here(key) | Answer::Below(key) => at(&root, from, key).is_some(),
                    Answer::Elsewhere(places) => places
                        .split([',', ' '])
                        .filter(|word| !word.is_empty() && *word != "and")
                        .all(|place| at(&root, &root, place).is_some()),
                    Answer::Nothing(_) => true,
                };
                assert!(found, "{table}: {:?}", row.answer);
            }
        }
    }

    #[test]
    fn no_foreign_word_is_one_of_ours_or_has_two_answers() {
        let root = crate::schema();
        let mut seen = BTreeSet::new();
        for row in ROWS {
            for (table, word) in row
                .tables
                .iter()
                .flat_map(|table| row.words.iter().map(move |word| (table, word)))
            {
                let ours = at(&root, &root, table).and_then(|from| at(&root, from, word));
                assert!(ours.is_none(), "{word} is a key of {table}");
                let again = !seen.insert((*table, fold(word)));
                assert!(
                    !again || row.words.iter().filter(|other| fold(other) == fold(word)).count() > 1,
                    "{word} in {table} twice"
                );
            }
        }
    }

    #[test]
    fn every_word_has_a_source() {
        let known: BTreeSet<&str> = SOURCES.iter().map(|(tool, _)| *tool).collect();
        let used: BTreeSet<&str> = ROWS.iter().flat_map(|row| row.tools).copied().collect();
        assert_eq!(known, used);
        assert!(SOURCES.iter().all(|(_, url)| url.starts_with("https://")));
    }

    #[test]
    fn spelling_does_not_matter() {
        for word in ["roleArn", "role_arn", "role-arn", "ROLE_ARN"] {
            assert_eq!(
                answer("aws[]", word),
                Some(Answer::Below("credentials.assume_role.arn")),
                "{word}"
            );
        }
    }
}
