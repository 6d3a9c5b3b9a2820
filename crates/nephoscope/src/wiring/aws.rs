//! An AWS account of the configuration as the provider wants it.

use super::{LOOKBACK_START, account_id, authorities, matcher, span};
use config_file::{AwsAccount, AwsBase, AwsMetrics};
use gate::Gate;
use provider_api::{Cloud, MetricsProvider, ProviderError};
use provider_aws::{
    AssumeRole, AwsConfig, AwsCredentials, AwsEndpoints, AwsEntry, AwsProvider, CredentialSource,
};
use std::sync::Arc;
use std::time::Duration;

/// What `settle: auto` starts from: `CloudWatch` points change for up to ten minutes.
const SETTLE_START: Duration = Duration::from_secs(600);

pub(super) async fn connect(
    account: &AwsAccount,
    gate: Gate,
) -> Result<Arc<dyn MetricsProvider>, ProviderError> {
    let provider = AwsProvider::connect(config(account)?, gate).await?;
    Ok(Arc::new(provider))
}

fn config(account: &AwsAccount) -> Result<AwsConfig, ProviderError> {
    Ok(AwsConfig {
        account: account_id(&account.name),
        regions: account.regions.clone(),
        credentials: credentials(account),
        account_id: account.account_id.clone(),
        endpoints: AwsEndpoints {
            cloudwatch: account.endpoints.cloudwatch.clone(),
            tagging: account.endpoints.tagging.clone(),
            sts: account.endpoints.sts.clone(),
        },
        ca_pem: authorities(Cloud::Aws, account.ca_file.as_deref())?,
        entries: account.metrics.iter().map(entry).collect(),
    })
}

fn credentials(account: &AwsAccount) -> AwsCredentials {
    let identity = match &account.credentials.base {
        AwsBase::Chain => CredentialSource::Default,
        AwsBase::Profile(name) => CredentialSource::Profile(name.clone()),
        AwsBase::Static(keys) => CredentialSource::Static {
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: keys.secret_access_key.wiped(),
            session_token: keys.session_token.as_ref().map(config_file::Secret::wiped),
        },
    };
    let assume_role = account.credentials.assume_role.as_ref().map(|role| AssumeRole {
        arn: role.arn.clone(),
        external_id: role.external_id.clone(),
        session_name: Some(role.session_name.clone()),
    });
    AwsCredentials {
        source: identity,
        assume_role,
    }
}

fn entry(entry: &AwsMetrics) -> AwsEntry {
    AwsEntry {
        namespace: entry.namespace.clone(),
        names: entry.names.iter().map(matcher).collect(),
        statistics: entry.statistics.clone(),
        period: entry.period,
        dimensions: entry
            .dimensions
            .iter()
            .map(|(k, p)| (k.clone(), matcher(p)))
            .collect(),
        absent: entry.absent.clone(),
        tags: entry.tags.iter().map(|(k, p)| (k.clone(), matcher(p))).collect(),
        copy_tags: entry.copy_tags.clone(),
        every: entry.poll.every,
        settle: span(entry.poll.settle, SETTLE_START),
        lookback: span(entry.poll.lookback, LOOKBACK_START),
        initial: entry.poll.initial,
    }
}
