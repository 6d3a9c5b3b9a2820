//! An account of any cloud: as configured, and connected. A fourth cloud is one more name in [`Configured`], and the
//! compiler says where else.

use super::{account_id, aws, azure, budget, gcp};
use config_file::{AwsAccount, AzureAccount, Config, GcpAccount, Poll};
use futures::{StreamExt as _, stream};
use gate::{Books, Budget, BudgetLimits, Gate, GateConfig};
use provider_api::{AccountId, Cloud, MetricsProvider, ProviderError};
use std::sync::Arc;
use std::time::Duration;

/// Accounts that are connected at once.
const CONNECTING: usize = 8;

/// An account as the configuration has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Configured {
    Aws(AwsAccount),
    Azure(AzureAccount),
    Gcp(GcpAccount),
}

/// An account, connected or not.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) discover_every: Duration,
    pub(crate) gate: Gate,
    /// What it may cost, to be put in force with the rest.
    pub(crate) limits: BudgetLimits,
    pub(crate) connected: Result<Arc<dyn MetricsProvider>, ProviderError>,
}

impl Configured {
    /// Every account, in the order of the configuration.
    pub(crate) fn all(config: &Config) -> Vec<Self> {
        let aws = config.aws.iter().cloned().map(Self::Aws);
        let azure = config.azure.iter().cloned().map(Self::Azure);
        let gcp = config.gcp.iter().cloned().map(Self::Gcp);
        aws.chain(azure).chain(gcp).collect()
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Aws(account) => &account.name,
            Self::Azure(account) => &account.name,
            Self::Gcp(account) => &account.name,
        }
    }

    pub(crate) fn id(&self) -> AccountId {
        account_id(self.name())
    }

    pub(crate) fn cloud(&self) -> Cloud {
        match self {
            Self::Aws(_) => Cloud::Aws,
            Self::Azure(_) => Cloud::Azure,
            Self::Gcp(_) => Cloud::Gcp,
        }
    }

    fn poll(&self) -> &Poll {
        match self {
            Self::Aws(account) => &account.poll,
            Self::Azure(account) => &account.poll,
            Self::Gcp(account) => &account.poll,
        }
    }

    /// Its gate; it goes on from the one that the account had `before`. Without books nothing is limited.
    fn gate(&self, before: Option<&Gate>, books: Option<&Arc<dyn Books>>) -> Gate {
        let quotas = match self {
            Self::Aws(_) => provider_aws::AwsProvider::quotas(),
            Self::Azure(_) => provider_azure::quotas(),
            Self::Gcp(_) => provider_gcp::quotas(),
        };
        let config = GateConfig {
            quotas,
            ..GateConfig::default()
        };
        if let Some(gate) = before.filter(|gate| gate.cloud() == self.cloud()) {
            return gate.reconfigured(config);
        }
        let budget = books.map(|books| Budget::new(self.id(), Arc::clone(books)));
        Gate::paying(self.cloud(), self.id(), config, budget.unwrap_or_default())
    }

    /// Connects it, whatever comes of it.
    pub(crate) async fn connect(&self, before: Option<Gate>, books: Option<&Arc<dyn Books>>) -> Account {
        let gate = self.gate(before.as_ref(), books);
        let connected = match self {
            Self::Aws(account) => aws::connect(account, gate.clone()).await,
            Self::Azure(account) => azure::connect(account, gate.clone()),
            Self::Gcp(account) => gcp::connect(account, gate.clone()).await,
        };
        Account {
            name: self.name().to_owned(),
            discover_every: self.poll().discover_every,
            gate,
            limits: budget::limits(self),
            connected,
        }
    }
}

/// Connects accounts, several at once; each goes on from the gate that `before` has of it, and keeps what it spends in
/// `books`. One that cannot be connected does not keep the others from running.
pub(crate) async fn connect(
    accounts: Vec<Configured>,
    before: impl Fn(&str) -> Option<Gate>,
    books: Option<&Arc<dyn Books>>,
) -> Vec<(Configured, Account)> {
    let one = |configured: Configured| {
        let gate = before(configured.name());
        async move {
            let account = configured.connect(gate, books).await;
            (configured, account)
        }
    };
    let connecting = stream::iter(accounts).map(one).buffered(CONNECTING);
    connecting.collect().await
}
