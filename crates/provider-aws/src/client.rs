//! The SDK behind plain functions: clients of one region, one request per function, our own types out. Every request
//! passes the gate; the SDK itself neither tries again nor waits.

use crate::classify::classify;
use crate::config::{AwsConfig, CredentialSource};
use crate::discover::{AwsTarget, Listed};
use crate::fetch::{Page, Part, Status, query_id};
use crate::plan::{MOST_POINTS, OPERATION};
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_cloudwatch as cloudwatch;
use aws_sdk_cloudwatch::config::retry::RetryPartition;
use aws_sdk_cloudwatch::operation::get_metric_data::builders::GetMetricDataFluentBuilder;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use aws_sdk_cloudwatch::types::{RecentlyActive, ScanBy, StatusCode};
use aws_sdk_resourcegroupstagging as tagging;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use gate::{Gate, Request};
use provider_api::{Call, Price, ProviderError, Scope, Target, UnixNanos};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A healthy connection to AWS takes well under a second; the whole attempt is limited by the gate.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Resources of one `GetResources` page (API reference: at most 100).
const RESOURCES_PER_PAGE: i32 = 100;
const SESSION_NAME: &str = "nephoscope";

/// What is the same for all regions: credentials, one connection pool, no retries.
pub(crate) async fn shared_config(config: &AwsConfig, region: &str) -> SdkConfig {
    let crypto = tls::rustls_provider::CryptoMode::AwsLc;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(crypto))
        .build_https();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(http)
        .identity_cache(IdentityCache::lazy().build())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let loader = match &config.credentials.source {
        CredentialSource::Default => loader,
        CredentialSource::Profile(name) => loader.profile_name(name),
        CredentialSource::Static {
            access_key_id,
            secret_access_key,
            session_token,
        } => loader.credentials_provider(Credentials::from_keys(
            access_key_id,
            secret_access_key,
            session_token.clone(),
        )),
    };
    with_role(config, loader.load().await).await
}

async fn with_role(config: &AwsConfig, base: SdkConfig) -> SdkConfig {
    let Some(role) = &config.credentials.assume_role else {
        return base;
    };
    let mut sts = base.to_builder();
    if let Some(endpoint) = &config.endpoints.sts {
        sts = sts.endpoint_url(endpoint);
    }
    let mut provider = AssumeRoleProvider::builder(&role.arn)
        .configure(&sts.build())
        .session_name(role.session_name.as_deref().unwrap_or(SESSION_NAME));
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    let provider = SharedCredentialsProvider::new(provider.build().await);
    base.into_builder().credentials_provider(provider).build()
}

/// One page of `ListMetrics`.
#[derive(Debug)]
pub(crate) struct ListPage {
    pub(crate) metrics: Vec<Listed>,
    pub(crate) token: Option<String>,
}

/// One page of `GetResources`: ARN and tags.
#[derive(Debug)]
pub(crate) struct TagPage {
    pub(crate) resources: Vec<(String, Vec<(String, String)>)>,
    pub(crate) token: Option<String>,
}

/// The services of one region.
#[derive(Clone, Debug)]
pub(crate) struct RegionClient {
    pub(crate) scope: Scope,
    cloudwatch: cloudwatch::Client,
    tagging: tagging::Client,
}

impl RegionClient {
    pub(crate) fn new(shared: &SdkConfig, config: &AwsConfig, region: &str) -> Self {
        // Of its own per account and region: the default is shared by all clients of the process.
        let partition = RetryPartition::custom(format!("{}/{region}", config.account)).build();
        let mut metrics = cloudwatch::config::Builder::from(shared)
            .region(Region::new(region.to_owned()))
            .retry_partition(partition.clone());
        let mut tags = tagging::config::Builder::from(shared)
            .region(Region::new(region.to_owned()))
            .retry_partition(partition);
        if let Some(endpoint) = &config.endpoints.cloudwatch {
            metrics = metrics.endpoint_url(endpoint);
        }
        if let Some(endpoint) = &config.endpoints.tagging {
            tags = tags.endpoint_url(endpoint);
        }
        Self {
            scope: Scope::new(region),
            cloudwatch: cloudwatch::Client::from_conf(metrics.build()),
            tagging: tagging::Client::from_conf(tags.build()),
        }
    }

    /// A free request of this region.
    fn free(&self, operation: &'static str) -> Request {
        Request {
            scope: self.scope.clone(),
            operation,
            price: Price {
                requests: 1,
                ..Price::default()
            },
        }
    }

    /// One page of the metrics of a namespace.
    pub(crate) async fn list(
        &self,
        gate: &Gate,
        namespace: &str,
        recent: bool,
        token: Option<String>,
    ) -> Result<ListPage, ProviderError> {
        const OPERATION: &str = "ListMetrics";
        let prepared = self
            .cloudwatch
            .list_metrics()
            .namespace(namespace)
            .set_next_token(token);
        let prepared = prepared.set_recently_active(recent.then_some(RecentlyActive::Pt3H));
        let attempt = || {
            let sent = prepared.clone().send();
            Box::pin(async { sent.await.map_err(|e| classify(&self.scope, OPERATION, e)) })
        };
        let answer = gate.send(&self.free(OPERATION), attempt).await?;
        let token = answer.next_token().map(str::to_owned);
        Ok(ListPage {
            metrics: answer.metrics().iter().map(listed).collect(),
            token,
        })
    }

    /// One page of the tagged resources of these services; all services when none is named.
    pub(crate) async fn resources(
        &self,
        gate: &Gate,
        services: &[&str],
        token: Option<String>,
    ) -> Result<TagPage, ProviderError> {
        const OPERATION: &str = "GetResources";
        let services: Vec<String> = services.iter().map(|&s| s.to_owned()).collect();
        let prepared = self
            .tagging
            .get_resources()
            .resources_per_page(RESOURCES_PER_PAGE);
        let prepared = prepared
            .set_resource_type_filters((!services.is_empty()).then_some(services))
            .set_pagination_token(token);
        let attempt = || {
            let sent = prepared.clone().send();
            Box::pin(async { sent.await.map_err(|e| classify(&self.scope, OPERATION, e)) })
        };
        let answer = gate.send(&self.free(OPERATION), attempt).await?;
        let token = answer.pagination_token().map(str::to_owned);
        Ok(TagPage {
            resources: answer.resource_tag_mapping_list().iter().map(tagged).collect(),
            token,
        })
    }

    /// A request for all of a call's points, to be sent once per page.
    pub(crate) fn data(&self, call: &Call) -> GetMetricDataFluentBuilder {
        let grain = call.targets.first().map_or(Duration::ZERO, |t| t.group.grain);
        let queries = call
            .targets
            .iter()
            .enumerate()
            .flat_map(|(i, t)| queries(i, t))
            .collect();
        self.cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries))
            .start_time(DateTime::from_secs(call.window.start().floor(grain).seconds()))
            .end_time(DateTime::from_secs(call.window.end().seconds()))
            .scan_by(ScanBy::TimestampAscending)
            .set_max_datapoints(i32::try_from(MOST_POINTS).ok())
    }

    /// One page of a call's points; `price` is that of the whole call on the first page.
    pub(crate) async fn data_page(
        &self,
        gate: &Gate,
        prepared: &GetMetricDataFluentBuilder,
        token: Option<&str>,
        price: Price,
    ) -> Result<Page, ProviderError> {
        let request = Request {
            scope: self.scope.clone(),
            operation: OPERATION,
            price,
        };
        let seen = DateSeen::default();
        let attempt = || {
            let sent = prepared.clone().set_next_token(token.map(str::to_owned));
            let sent = sent.customize().interceptor(seen.clone()).send();
            Box::pin(async { sent.await.map_err(|e| classify(&self.scope, OPERATION, e)) })
        };
        let answer = gate.send(&request, attempt).await?;
        for message in answer.messages() {
            tracing::warn!(region = %self.scope, code = message.code(), "GetMetricData says: {:?}", message.value());
        }
        let token = answer.next_token().map(str::to_owned);
        let parts = answer
            .metric_data_results
            .unwrap_or_default()
            .into_iter()
            .map(part)
            .collect();
        Ok(Page {
            parts,
            token,
            cloud_time: seen.get(),
        })
    }
}

/// Asks STS whose credentials these are.
pub(crate) async fn account_number(
    gate: &Gate,
    sts: &aws_sdk_sts::Client,
    scope: &Scope,
) -> Result<Option<String>, ProviderError> {
    const OPERATION: &str = "GetCallerIdentity";
    let price = Price {
        requests: 1,
        ..Price::default()
    };
    let request = Request {
        scope: scope.clone(),
        operation: OPERATION,
        price,
    };
    let attempt = || {
        let sent = sts.get_caller_identity().send();
        Box::pin(async { sent.await.map_err(|e| classify(scope, OPERATION, e)) })
    };
    Ok(gate.send(&request, attempt).await?.account().map(str::to_owned))
}

/// The STS client of an account.
pub(crate) fn sts_client(shared: &SdkConfig, config: &AwsConfig) -> aws_sdk_sts::Client {
    let mut builder = aws_sdk_sts::config::Builder::from(shared);
    if let Some(endpoint) = &config.endpoints.sts {
        builder = builder.endpoint_url(endpoint);
    }
    aws_sdk_sts::Client::from_conf(builder.build())
}

fn listed(metric: &Metric) -> Listed {
    let text = |t: Option<&str>| t.unwrap_or_default().to_owned();
    let dimensions = metric
        .dimensions()
        .iter()
        .map(|d| (text(d.name()), text(d.value())))
        .collect();
    Listed {
        name: text(metric.metric_name()),
        dimensions,
    }
}

fn tagged(mapping: &tagging::types::ResourceTagMapping) -> (String, Vec<(String, String)>) {
    let tags = mapping
        .tags()
        .iter()
        .map(|t| (t.key().to_owned(), t.value().to_owned()))
        .collect();
    (mapping.resource_arn().unwrap_or_default().to_owned(), tags)
}

/// One query per statistic of a target.
fn queries(index: usize, target: &Target) -> Vec<MetricDataQuery> {
    let Some(detail) = AwsTarget::of(target) else {
        return Vec::new();
    };
    let dimension = |(k, v): (&str, &str)| Dimension::builder().name(k).value(v).build();
    let metric = Metric::builder()
        .namespace(&*detail.metric.namespace)
        .metric_name(&*detail.metric.name)
        .set_dimensions(Some(detail.dimensions.iter().map(dimension).collect()))
        .build();
    let period = i32::try_from(target.group.grain.as_secs()).unwrap_or(i32::MAX);
    let query = |(statistic, name): (usize, &Arc<provider_api::Metric>)| {
        let name = name.spec().statistic.as_deref().unwrap_or_default();
        let stat = MetricStat::builder()
            .metric(metric.clone())
            .period(period)
            .stat(name)
            .build();
        MetricDataQuery::builder()
            .id(query_id(index, statistic))
            .metric_stat(stat)
            .build()
    };
    detail.metric.statistics.iter().enumerate().map(query).collect()
}

fn part(result: MetricDataResult) -> Part {
    let status = match result.status_code() {
        Some(StatusCode::Complete) => Status::Complete,
        Some(StatusCode::PartialData) => Status::PartialData,
        Some(StatusCode::InternalError) => Status::InternalError,
        Some(StatusCode::Forbidden) => Status::Forbidden,
        other => Status::Other(other.map_or("no status", StatusCode::as_str).to_owned()),
    };
    let words = |m: &cloudwatch::types::MessageData| {
        format!(
            "{}: {}",
            m.code().unwrap_or_default(),
            m.value().unwrap_or_default()
        )
    };
    let messages = result.messages().iter().map(words).collect();
    let starts = result.timestamps().iter().map(nanos).collect();
    Part {
        id: result.id.unwrap_or_default(),
        status,
        messages,
        starts,
        values: result.values.unwrap_or_default(),
    }
}

/// A time too far away for us becomes the farthest one, which no window holds.
fn nanos(time: &DateTime) -> UnixNanos {
    UnixNanos(i64::try_from(time.as_nanos()).unwrap_or(i64::MIN))
}

/// Keeps the `Date` header, which the SDK's outputs do not have.
#[derive(Clone, Debug, Default)]
struct DateSeen(Arc<AtomicI64>);

impl DateSeen {
    fn get(&self) -> Option<UnixNanos> {
        Some(self.0.load(Ordering::Relaxed))
            .filter(|n| *n != 0)
            .map(UnixNanos)
    }
}

impl Intercept for DateSeen {
    fn name(&self) -> &'static str {
        "DateSeen"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|d| DateTime::from_str(d, Format::HttpDate).ok()) {
            self.0.store(nanos(&date).0, Ordering::Relaxed);
        }
        Ok(())
    }
}
