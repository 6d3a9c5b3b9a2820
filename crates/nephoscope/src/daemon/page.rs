//! The page's listener: bound before anything depends on it, moved to another address or given other guests by a reload.

use crate::admin::{self, Admission};
use crate::exit::Failure;
use crate::live::Live;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long requests to the page may take to end.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// A page that is being served.
#[derive(Debug)]
struct Served {
    address: SocketAddr,
    admission: watch::Sender<Arc<Admission>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// The page, and those before it that still end their requests.
#[derive(Debug)]
pub(super) struct Page {
    served: Served,
    leaving: JoinSet<()>,
}

/// A listener that nobody is answered at yet.
#[derive(Debug)]
pub(super) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Listens on an address of the configuration.
pub(super) async fn bind(wanted: SocketAddr) -> Result<Bound, Failure> {
    let listener = TcpListener::bind(wanted).await;
    let bound = listener.and_then(|listener| {
        let address = listener.local_addr()?;
        Ok(Bound { listener, address })
    });
    bound.map_err(|error| Failure::unavailable(format!("listening on {wanted} (key `listen`): {error}")))
}

impl Page {
    /// Serves what there is to show.
    pub(super) fn serve(bound: Bound, admission: Admission, live: &Arc<Live>) -> Self {
        Self {
            served: Served::new(bound, admission, live),
            leaving: JoinSet::new(),
        }
    }

    /// Where it is served.
    pub(super) fn address(&self) -> SocketAddr {
        self.served.address
    }

    /// The same as a browser wants it.
    pub(super) fn url(&self) -> String {
        let scheme = self.served.admission.borrow().scheme();
        format!("{scheme}://{}/", self.served.address)
    }

    /// Lets others in from now on.
    pub(super) fn admit(&self, admission: Admission) {
        self.served.admission.send_replace(Arc::new(admission));
    }

    /// Serves on another address; requests to the one before may end.
    pub(super) fn move_to(&mut self, bound: Bound, admission: Admission, live: &Arc<Live>) {
        let before = std::mem::replace(&mut self.served, Served::new(bound, admission, live));
        while self.leaving.try_join_next().is_some() {}
        self.leaving.spawn(before.end());
    }

    /// Ends it; a client that keeps its request open does not keep us.
    pub(super) async fn end(self) {
        self.served.end().await;
        let leaving = self.leaving.join_all();
        // Each has a grace of its own, which began earlier.
        drop(timeout(GRACE, leaving).await);
    }
}

impl Served {
    fn new(bound: Bound, admission: Admission, live: &Arc<Live>) -> Self {
        let stop = CancellationToken::new();
        let (admission, admitted) = watch::channel(Arc::new(admission));
        let served = admin::serve(bound.listener, admitted, Arc::clone(live), stop.clone());
        Self {
            address: bound.address,
            admission,
            // Joined by `end`.
            task: tokio::spawn(served),
            stop,
        }
    }

    async fn end(mut self) {
        self.stop.cancel();
        match timeout(GRACE, &mut self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the page had ended before"),
            Err(_elapsed) => {
                tracing::warn!("requests to the page did not end within the grace and were dropped");
                self.task.abort();
            }
        }
    }
}
