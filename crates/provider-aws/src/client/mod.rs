//! The SDK behind plain functions: clients of one region, one request per function, our own types out. Every request
//! passes the gate; the SDK itself neither tries again nor waits.
//!
//! `session` makes the clients' common part, `http` connects, `sources` gets credentials and `identities` keeps them,
//! `listing` and `data` ask, `identity` asks STS who we are, `date` reads the cloud's clock.

mod data;
mod date;
mod http;
mod identities;
mod identity;
mod listing;
mod session;
mod sources;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use data::page;
pub(crate) use identities::Identities;
pub(crate) use identity::{OPERATION as GET_CALLER_IDENTITY, account_number, sts_client};
pub(crate) use listing::{GET_RESOURCES, LIST_METRICS, ListPage};
pub(crate) use session::shared_config;
pub(crate) use sources::Tried;

use crate::classify::classify;
use crate::config::AwsConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_cloudwatch as cloudwatch;
use aws_sdk_cloudwatch::config::retry::RetryPartition;
use aws_sdk_resourcegroupstagging as tagging;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use date::DateSeen;
use gate::Request;
use provider_api::{ErrorKind, Price, ProviderError, Scope};
use std::sync::{Arc, OnceLock};

/// An account's number, once it is known.
pub(crate) type Number = Arc<OnceLock<Arc<str>>>;

/// The services of one region.
#[derive(Clone, Debug)]
pub(crate) struct RegionClient {
    pub(crate) scope: Scope,
    cloudwatch: cloudwatch::Client,
    tagging: tagging::Client,
    identities: Identities,
    number: Number,
    /// The time of the newest answer, refusals included.
    clock: DateSeen,
}

impl RegionClient {
    pub(crate) fn new(shared: &SdkConfig, identities: &Identities, config: &AwsConfig, region: &str) -> Self {
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
            identities: identities.clone(),
            number: Number::default(),
            clock: DateSeen::default(),
        }
    }

    /// The same, for requests of the account whose number this is.
    #[must_use]
    pub(crate) fn of_account(mut self, number: &Number) -> Self {
        self.number = Arc::clone(number);
        self
    }

    /// What a failure means; credentials that were refused are not used again.
    fn failed<E>(&self, operation: &'static str, error: &SdkError<E, HttpResponse>) -> ProviderError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let failure = classify(&self.scope, operation, error);
        if *failure.kind() == ErrorKind::Unauthenticated {
            self.identities.forget();
        }
        failure
    }

    /// What the gate is told of a request of this region.
    pub(crate) fn request(&self, operation: &'static str, price: Price) -> Request {
        Request {
            domain: self.domain(),
            ..Request::new(self.scope.clone(), operation, price)
        }
    }

    /// The same of a request to the tagging API, which may be out of order while `CloudWatch` is not.
    fn tagging_request(&self, operation: &'static str) -> Request {
        Request {
            host: Some("tagging".into()),
            ..self.request(operation, Price::FREE)
        }
    }

    /// AWS counts quotas per account number and region, by whatever credentials and names an account is read.
    fn domain(&self) -> Option<Arc<str>> {
        let number = self.number.get()?;
        Some(format!("aws:{number}:{}", self.scope).into())
    }
}
