//! The simulated Azure: Entra, ARM, Resource Graph and the metrics data plane behind one TLS endpoint.
//! Here are the start and stop of it; which handler a request reaches is `route.rs`, what it answers the other files.

mod arm;
mod batch;
mod catalog;
mod data;
mod entra;
mod filter;
mod graph;
mod kql;
mod kql_expression;
mod kql_tokens;
mod metrics_table;
mod operation;
mod query;
mod quota;
mod reply;
mod route;
mod strike;
mod throttle;
mod time;
mod truth;
mod unlike;

pub use catalog::{
    CLIENT_ID, CLIENT_SECRET, FEDERATED_TOKEN, REGIONS, SUBSCRIPTION_1, SUBSCRIPTION_2, SUBSCRIPTIONS,
    TENANT_ID,
};
pub use truth::{AzureTruth, Truth};

use crate::counts::{Counts, CountsSnapshot};
use crate::date::dated;
use crate::faults::Faults;
use crate::serve::{Running, TestCa, serve};
use crate::world::World;
use catalog::Catalogue;
use entra::{DEFAULT_TOKEN_LIFE_S, Entra};
use quota::Quotas;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex};

/// What every request shares.
#[derive(Debug)]
struct State {
    world: World,
    faults: Faults,
    counts: Counts,
    catalogue: Catalogue,
    entra: Entra,
    quotas: Mutex<Quotas>,
    token_life_s: AtomicI64,
    requests: AtomicU64,
}

/// A running simulated Azure.
#[derive(Debug)]
pub struct AzureSim {
    state: Arc<State>,
    ca: TestCa,
    running: Running,
}

impl AzureSim {
    /// Listens on `listen` (port 0 takes a free one) with a certificate for `localhost` made now.
    pub async fn start(world: World, faults: Faults, listen: SocketAddr) -> io::Result<Self> {
        let state = Arc::new(State {
            catalogue: Catalogue::new(&world),
            entra: Entra::new(world.seed),
            counts: Counts::default(),
            quotas: Mutex::default(),
            token_life_s: AtomicI64::new(DEFAULT_TOKEN_LIFE_S),
            requests: AtomicU64::new(0),
            world,
            faults,
        });
        let ca = TestCa::new()?;
        let router = dated(
            route::router(Arc::clone(&state)),
            &state.world.clock,
            &state.faults,
        );
        let running = serve(listen, router, Some(&ca)).await?;
        Ok(Self { state, ca, running })
    }

    /// `https://localhost:PORT`: authority, ARM and metrics endpoint in one.
    pub fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.running.addr().port())
    }

    /// The certificate that clients must trust, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca.ca_pem
    }

    /// Calls so far; operations are `token`, `imds`, `subscriptions.list`, `resources.list`, `metricDefinitions.list`,
    /// `metricNamespaces.list`, `metrics.get`, `resourceGraph.query`, `metrics.getBatch`.
    pub fn counts(&self) -> CountsSnapshot {
        self.state.counts.snapshot()
    }

    /// The numbers a test may expect.
    pub fn truth(&self) -> Truth {
        Truth::new(Arc::clone(&self.state))
    }

    /// Life of tokens issued from now on, seconds.
    pub fn set_token_life_s(&self, life_s: i64) {
        self.state
            .token_life_s
            .store(life_s, std::sync::atomic::Ordering::Relaxed);
    }

    /// Refuses every token so many seconds after it was issued, whatever it says: what revoking it does.
    pub fn refuse_tokens_after_s(&self, life_s: i64) {
        self.state.entra.refuse_after_s(life_s);
    }

    /// Stops listening.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}
