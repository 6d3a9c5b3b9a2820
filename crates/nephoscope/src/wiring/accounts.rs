//! An account of any cloud: as configured, and connected. A fourth cloud is one more name in [`Configured`], and the
//! compiler says where else.

use super::{account_id, aws, azure, budget, gcp};
use config_file::{AwsAccount, AzureAccount, Config, GcpAccount, Poll};
use futures::{StreamExt as _, stream};
use gate::{Books, Budget, BudgetLimits, Domains, Gate, GateConfig, RetryLimits};
use provider_api::{AccountId, Cloud, MetricsProvider, ProviderError};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Accounts that are connected at once.
const CONNECTING: usize = 8;

/// How long a command waits for one answer; a healthy cloud takes a second or two.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a command goes on with a request that the cloud throttles.
const THROTTLED_FOR: Duration = Duration::from_secs(30);

/// Requests of one account that a command has in flight: as many as an account has regions, and some.
const SCOPES_AT_ONCE: NonZeroUsize = NonZeroUsize::new(64).unwrap();

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

/// How requests are sent.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    attempt_timeout: Duration,
    retry: RetryLimits,
    concurrency: NonZeroUsize,
}

impl Default for Sending {
    /// As a daemon sends them, which has all the time in the world.
    fn default() -> Self {
        let GateConfig {
            attempt_timeout,
            retry,
            concurrency,
            ..
        } = GateConfig::default();
        Self {
            attempt_timeout,
            retry,
            concurrency,
        }
    }
}

impl Sending {
    /// While somebody waits for what a command says: who does not answer once is out of reach, and scopes are asked all
    /// at once.
    fn for_a_person() -> Self {
        let ours = Self::default();
        Self {
            attempt_timeout: PATIENCE,
            retry: RetryLimits {
                attempts: 5,
                unanswered: 1,
                budget: THROTTLED_FOR,
                ..ours.retry
            },
            concurrency: SCOPES_AT_ONCE,
        }
    }
}

/// What all accounts of a process share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Common {
    /// How requests are sent.
    pub(crate) sending: Sending,
    /// Where what is spent is kept; without it nothing is limited.
    pub(crate) books: Option<Arc<dyn Books>>,
    /// The quotas that several scopes and accounts have together.
    pub(crate) domains: Domains,
}

impl Common {
    /// For a command that makes a few requests of each account while somebody waits. Quotas that accounts share are left to
    /// the cloud: a few requests are no burst, and what it throttles is retried.
    pub(crate) fn for_a_person() -> Self {
        Self {
            sending: Sending::for_a_person(),
            ..Self::default()
        }
    }
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

    /// Its gate; it goes on from the one that the account had `before`.
    fn gate(&self, before: Option<&Gate>, common: &Common) -> Gate {
        let quotas = match self {
            Self::Aws(_) => provider_aws::AwsProvider::quotas(),
            Self::Azure(_) => provider_azure::quotas(),
            Self::Gcp(_) => provider_gcp::quotas(),
        };
        let Sending {
            attempt_timeout,
            retry,
            concurrency,
        } = common.sending.clone();
        let config = GateConfig {
            quotas,
            attempt_timeout,
            retry,
            concurrency,
        };
        if let Some(gate) = before.filter(|gate| gate.cloud() == self.cloud()) {
            return gate.reconfigured(config);
        }
        let books = common.books.as_ref();
        let budget = books.map(|books| Budget::new(self.id(), Arc::clone(books)));
        let domains = common.domains.clone();
        Gate::paying(
            self.cloud(),
            self.id(),
            config,
            budget.unwrap_or_default(),
            domains,
        )
    }

    /// Connects it, whatever comes of it.
    pub(crate) async fn connect(&self, before: Option<Gate>, common: &Common) -> Account {
        let gate = self.gate(before.as_ref(), common);
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

/// Connects accounts, several at once; each goes on from the gate that `before` has of it. One that cannot be connected does not keep the others from running.
pub(crate) async fn connect(
    accounts: Vec<Configured>,
    before: impl Fn(&str) -> Option<Gate>,
    common: &Common,
) -> Vec<(Configured, Account)> {
    let one = |configured: Configured| {
        let gate = before(configured.name());
        async move {
            let account = configured.connect(gate, common).await;
            (configured, account)
        }
    };
    let connecting = stream::iter(accounts).map(one).buffered(CONNECTING);
    connecting.collect().await
}
