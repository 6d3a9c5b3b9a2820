//! Whose credentials these are: STS, asked once per account.

use crate::classify::classify;
use crate::config::AwsConfig;
use aws_config::SdkConfig;
use gate::{Gate, Request};
use provider_api::{Price, ProviderError, Scope};

pub(crate) const OPERATION: &str = "GetCallerIdentity";

/// Asks STS whose credentials these are.
pub(crate) async fn account_number(
    gate: &Gate,
    sts: &aws_sdk_sts::Client,
    scope: &Scope,
) -> Result<Option<String>, ProviderError> {
    // STS may be out of order while CloudWatch is not.
    let request = Request {
        host: Some("sts".into()),
        ..Request::new(scope.clone(), OPERATION, Price::FREE)
    };
    let attempt = || {
        let sent = sts.get_caller_identity().send();
        Box::pin(async { sent.await.map_err(|e| classify(scope, OPERATION, &e)) })
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
