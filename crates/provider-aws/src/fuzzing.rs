//! What the fuzz targets call: bodies as AWS might send them, through the SDK's decoder, our page and our folder. Only
//! with the feature `fuzzing`, and in tests, which read every seed.

use crate::classify::classify;
use crate::client::page;
use crate::discover::synthetic;
use crate::fetch::Folder;
use crate::plan::{OPERATION, plan};
use aws_credential_types::Credentials;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::{
    BehaviorVersion, Region, StalledStreamProtectionConfig, retry::RetryConfig,
};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use provider_api::conformance::batches_fit_their_call;
use provider_api::{Call, Due, Scope, UnixNanos, Window};
use std::sync::{Arc, Mutex, PoisonError};

/// The window asked for, in seconds since 1970.
const WINDOW_S: (i64, i64) = (0, 4_000_000_000);
const TARGETS: usize = 3;

/// A `CloudWatch` client whose every answer is the one it was given last.
#[derive(Debug)]
pub struct Answers {
    client: Client,
    next: Next,
    call: Call,
}

#[derive(Clone, Debug, Default)]
struct Next(Arc<Mutex<(u16, Vec<u8>)>>);

impl HttpConnector for Next {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let (status, body) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = status
            .try_into()
            .unwrap_or_else(|_| 500.try_into().expect("a status"));
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        response.headers_mut().insert("smithy-protocol", "rpc-v2-cbor");
        response.headers_mut().insert("content-type", "application/cbor");
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl Default for Answers {
    fn default() -> Self {
        let next = Next::default();
        let connector = SharedHttpConnector::new(next.clone());
        let config = aws_sdk_cloudwatch::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::from_keys("AKID", "secret", None))
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        Self {
            client: Client::from_conf(config),
            next,
            call: call(),
        }
    }
}

fn call() -> Call {
    let at = UnixNanos::from_seconds;
    let window = Window::new(at(WINDOW_S.0), at(WINDOW_S.1)).expect("not empty");
    let due = synthetic("eu-west-1", TARGETS, &["Average", "Sum"])
        .into_iter()
        .map(|target| Due { target, window })
        .collect::<Vec<_>>();
    plan(&due).into_iter().next().expect("one call")
}

impl Answers {
    /// Reads `body` as the answer to `GetMetricData`, twice, as if the cloud had sent it again.
    ///
    /// # Panics
    /// When what comes out breaks the contract of a provider.
    pub async fn metric_data(&self, status: u16, body: &[u8]) {
        *self.next.0.lock().unwrap_or_else(PoisonError::into_inner) = (status, body.to_vec());
        match self.client.get_metric_data().send().await {
            Ok(answer) => {
                let mut folder = Folder::new(&self.call);
                let batches = [(); 2].map(|()| folder.page(page(answer.clone(), None)).0);
                batches_fit_their_call(&self.call, &batches);
            }
            Err(error) => drop(classify(&Scope::new("eu-west-1"), OPERATION, &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/aws");

    #[tokio::test]
    async fn every_seed_is_read() {
        let answers = super::Answers::default();
        let seeds = std::fs::read_dir(SEEDS).expect("the seeds");
        for seed in seeds {
            let body = std::fs::read(seed.expect("a seed").path()).expect("a file");
            // The first byte chooses the status, as for the fuzz target.
            let Some((_, body)) = body.split_first() else {
                continue;
            };
            for status in [200, 400, 500] {
                answers.metric_data(status, body).await;
            }
        }
    }
}
